//! What a character does with what it owns within a game, where its game has seen that it may: deals with a vendor, and scrolls.

use super::{Act, Belongings, Holder, Items, ItemsError};
use crate::{
    once::{Answered, Kept, Once},
    storage::StorageError,
    types::{GameId, ItemId},
};

/// What came of a deal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dealt {
    /// What was bought, or the stack that it went to; what was sold, repaired or used.
    pub item: ItemId,
    /// All that the character has now.
    pub belongings: Belongings,
}

impl Items {
    /// A player in a game does something for which its game has seen that it stands where it has to: the same as [`Items::act`]. `number` is
    /// the deal's own in the game: asked again it has one effect.
    ///
    /// # Errors
    /// As [`Items::act`].
    pub async fn deal(&self, holder: Holder, act: Act, game: GameId, number: u32) -> Result<Dealt, ItemsError> {
        // A scope of its own: as many answers as are kept for the account are for its own keys.
        let (scope, key) = (format!("game:{game}:{}", holder.character), number.to_string());
        let once = Once::new(&self.realm, scope, &key, &[act.name().as_bytes()], what_was_bought);
        let once = once.map_err(|refusal| StorageError::Statement(refusal.to_string()))?;
        let subject = act.subject();
        let (item, belongings) = match self.carry_out(holder, act, Some(once)).await? {
            Answered::Now(belongings) => (bought(&belongings), belongings),
            Answered::Before(kept) => (kept.body.parse().ok(), self.of(holder.character).await?),
        };
        let item = subject.or(item).ok_or(ItemsError::NotCarried)?;
        Ok(Dealt { item, belongings })
    }
}

/// Of what was touched the last that is still there.
fn bought(belongings: &Belongings) -> Option<ItemId> {
    belongings.touched.iter().rev().copied().find(|key| belongings.get(*key).is_some())
}

fn what_was_bought(belongings: &Belongings) -> Kept {
    Kept { body: bought(belongings).map(|key| key.to_string()).unwrap_or_default(), tag: String::new() }
}
