//! What fights cost the things that are worn.

use super::{Belongings, Doer, Items, ItemsError};
use crate::types::{CharacterId, ItemId};

impl Items {
    /// Items of a character lose so much of their durability: those that it still has, wherever they lie, but for those that are offered in a
    /// trade. It is done whoever plays the character, as it is told when a game is left, too. `None` when nothing of it was to be worn.
    ///
    /// Asked again it wears again.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn wear_out(
        &self,
        character: CharacterId,
        worn: Vec<(ItemId, u32)>,
    ) -> Result<Option<Belongings>, ItemsError> {
        let items = self.clone();
        self.storage
            .write(move |connection| {
                Box::pin(async move {
                    let mut operation = items.begin("wear", Doer::Realm);
                    let Some(mut hands) = operation.reach(connection, character).await? else { return Ok(None) };
                    let mut is_worn = false;
                    for (key, lost) in worn {
                        let Ok(owned) = hands.get(key).cloned() else { continue };
                        let mut less = owned.item.clone();
                        let known = items.catalogue().wear_out(&mut less, lost).is_ok();
                        if !known || less == owned.item || items.locks.check(key, &[]).is_err() {
                            continue;
                        }
                        let changed = operation.change(connection, &owned, less, "worn in fights").await?;
                        hands.put(changed);
                        is_worn = true;
                    }
                    operation.finish(connection).await?;
                    Ok(is_worn.then(|| hands.belongings()))
                })
            })
            .await
    }
}
