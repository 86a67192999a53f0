//! What staff do to characters of others: each with its line in the audit log, in the same transaction.

use std::sync::Arc;

use serde_json::json;

use super::{
    Characters, CharactersError, Details, Versions,
    details::{for_change, store_change},
    store,
};
use crate::{
    audit::{self, By},
    once::{self, Answered, Kept, Once},
    storage::StorageError,
    types::{AccountId, CharacterId, CharacterName},
};

impl Characters {
    /// What was answered to a request before, if it came before: asked by whoever looks something up first that may have changed since.
    ///
    /// # Errors
    /// When the key was used with another request; those of the database.
    pub async fn answered_before(&self, once: &Once<Details>) -> Result<Option<Kept>, CharactersError> {
        once.before(&self.storage).await
    }

    /// Gives a character another name. Whoever has it selected sees the new name when it is selected again.
    ///
    /// # Errors
    /// When the name is illegal or taken, there is no such character, it is deleted, or it is in a game.
    pub async fn rename(
        &self,
        by: By,
        id: CharacterId,
        name: &str,
        once: Option<Once<Details>>,
    ) -> Result<Answered<Details>, CharactersError> {
        let name = CharacterName::new(name)?;
        let (realm, now_ms) = (Arc::clone(&self.realm), self.storage.now_ms());
        once::write(&self.storage, once, move |connection| {
            Box::pin(async move {
                let mut changed = for_change(connection, &realm, None, id, &Versions::Any).await?;
                let before = std::mem::replace(&mut changed.character.name, name);
                store_change(connection, &mut changed).await?;
                let told = |name: &CharacterName| json!({"name": name.as_str()});
                let deed = by.does("characters.rename", "character", id);
                let deed = deed.changing(told(&before), told(&changed.character.name));
                audit::write(connection, &deed, now_ms).await?;
                Ok(changed)
            })
        })
        .await
    }

    /// Gives a character to another account, or takes it into another realm, or both, if that account may have one more there. Its place
    /// in the ladder goes with it.
    ///
    /// # Errors
    /// When there is no such character here, it is deleted, it is in a game, the account is full there, its name is taken there, or the other
    /// realm has hardcore characters alone and this one is none.
    pub async fn transfer(
        &self,
        by: By,
        id: CharacterId,
        to: Destination<'_>,
        once: Option<Once<Details>>,
    ) -> Result<Answered<Details>, CharactersError> {
        let (realm, now_ms, characters_max) = (Arc::clone(&self.realm), self.storage.now_ms(), self.characters_max);
        let (account, target) = (to.account, Arc::clone(&to.realm.realm));
        let hardcore_only = to.realm.hardcore_only;
        once::write(&self.storage, once, move |connection| {
            Box::pin(async move {
                let mut changed = for_change(connection, &realm, None, id, &Versions::Any).await?;
                let from = changed.character.account;
                let to = account.unwrap_or(from);
                changed.character.account = to;
                if from != to || realm != target {
                    if realm != target && hardcore_only && !changed.character.sheet.hardcore {
                        return Err(CharactersError::HardcoreOnly);
                    }
                    let count = store::count_for_new(connection, &target, to).await?;
                    if count.living >= i64::from(characters_max) {
                        return Err(CharactersError::Limit(characters_max));
                    }
                    store::count_for_new(connection, &realm, from).await?;
                }
                store_change(connection, &mut changed).await?;
                if realm != target {
                    match store::details::move_to(connection, id, &target).await {
                        Err(StorageError::Conflict) => return Err(CharactersError::NameTaken),
                        moved => moved?,
                    }
                    changed.realm = Arc::clone(&target);
                }
                let told = |account: AccountId, realm: &str| json!({"account": account, "realm": realm});
                let deed = by.does("characters.transfer", "character", id);
                audit::write(connection, &deed.changing(told(from, &realm), told(to, &target)), now_ms).await?;
                Ok(changed)
            })
        })
        .await
    }
}

/// Where a character goes.
pub struct Destination<'a> {
    /// Whose it is then; `None` leaves it to whom it belongs.
    pub account: Option<AccountId>,
    /// The realm that it is in then.
    pub realm: &'a Characters,
}
