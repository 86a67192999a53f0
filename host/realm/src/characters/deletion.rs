//! Deleting a character, and bringing it back within 30 days.

use std::sync::Arc;

use super::{Characters, CharactersError, Details, Versions, details::for_change, store, upkeep::RESTORABLE_MS};
use crate::{
    once::{self, Answered, Once},
    types::{AccountId, CharacterId},
};

impl Characters {
    /// Deletes a character of the version that is meant; it can be restored for 30 days, and its name stays taken as long. Asked again
    /// under one key it answers what it answered then.
    ///
    /// # Errors
    /// When the account has none of this key, the character is in a game, or its version is another.
    pub async fn delete_once(
        &self,
        account: AccountId,
        id: CharacterId,
        versions: Versions,
        once: Option<Once<()>>,
    ) -> Result<Answered<()>, CharactersError> {
        let (realm, now_ms) = (Arc::clone(&self.realm), self.storage.now_ms());
        let deleted = once::write(&self.storage, once, move |connection| {
            Box::pin(async move {
                for_change(connection, &realm, Some(account), id, &versions).await?;
                let done = store::delete(connection, &realm, account, id, now_ms).await?;
                if done { Ok(()) } else { Err(CharactersError::Busy) }
            })
        })
        .await?;
        tracing::info!(%account, character = %id, "character deleted");
        Ok(deleted)
    }

    /// The account's deleted characters that can be restored, the last deleted first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn restorable(&self, account: AccountId) -> Result<Vec<Details>, CharactersError> {
        let since_ms = self.storage.now_ms() - RESTORABLE_MS;
        Ok(store::details::restorable(self.storage.reader(), &self.realm, account, since_ms).await?)
    }

    /// When a deleted character goes for good, in milliseconds since 1970.
    #[must_use]
    pub fn restorable_until_ms(deleted_ms: i64) -> i64 {
        deleted_ms + RESTORABLE_MS
    }

    /// Brings a deleted character back. Asked again under one key it answers what it answered then.
    ///
    /// # Errors
    /// When the account has deleted none of this key in the last 30 days, or has as many characters as it may have.
    pub async fn restore_once(
        &self,
        account: AccountId,
        id: CharacterId,
        once: Option<Once<Details>>,
    ) -> Result<Answered<Details>, CharactersError> {
        let (realm, characters_max) = (Arc::clone(&self.realm), self.characters_max);
        let since_ms = self.storage.now_ms() - RESTORABLE_MS;
        let restored = once::write(&self.storage, once, move |connection| {
            Box::pin(async move {
                let found = store::details::find(connection, &realm, id).await?;
                let mut found = found.map(|(details, _)| details).ok_or(CharactersError::Unknown)?;
                let deleted = found.deleted_ms.is_some_and(|deleted_ms| deleted_ms > since_ms);
                if found.character.account != account || !deleted {
                    return Err(CharactersError::Unknown);
                }
                let count = store::count_for_new(connection, &realm, account).await?;
                if count.living >= i64::from(characters_max) {
                    return Err(CharactersError::Limit(characters_max));
                }
                store::details::restore(connection, id).await?;
                found.deleted_ms = None;
                found.character.version += 1;
                Ok(found)
            })
        })
        .await?;
        tracing::info!(%account, character = %id, "character restored");
        Ok(restored)
    }
}
