//! Sanctions against accounts: a ban or a mute, with a reason and an end; and flags, which only bring an account to attention.
//!
//! Does not know chat, games or tokens: whoever bans also ends the account's sessions.

mod mutes;
mod store;

use std::sync::Arc;

pub use self::mutes::Mute;

use self::mutes::Mutes;
use crate::{
    storage::{Storage, StorageError},
    types::{AccountId, Id, rfc3339},
};

/// A ban that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// What the player is told; at most [`Self::REASON_CHARACTERS_MAX`] characters, the rest is cut.
    pub reason: String,
    /// When it ends, in milliseconds since 1970; `None` for never.
    pub until_ms: Option<i64>,
}

impl Ban {
    /// The longest reason.
    pub const REASON_CHARACTERS_MAX: usize = 500;

    /// What the banned player is told: why, and until when.
    #[must_use]
    pub fn sentence(&self) -> String {
        let reason = self.reason.trim_end_matches('.');
        match self.until_ms {
            Some(until_ms) => format!("This account is banned until {}: {reason}.", rfc3339(until_ms)),
            None => format!("This account is banned for good: {reason}."),
        }
    }
}

/// A sanction, as its key names it.
enum Sanction {}

/// Sanctions; cheap to clone.
#[derive(Clone)]
pub struct Moderation {
    storage: Storage,
    mutes: Arc<Mutes>,
}

impl Moderation {
    /// Over the realm's database.
    #[must_use]
    pub fn new(storage: Storage) -> Self {
        Self { storage, mutes: Arc::default() }
    }

    /// The ban that is in force against an account now, the longest if there are several.
    pub async fn ban_in_force(&self, account: AccountId) -> Result<Option<Ban>, StorageError> {
        store::longest_ban(self.storage.reader(), account, self.storage.now_ms()).await
    }

    /// Bans an account. `by` is who decided: a staff account's name, or the name of a rule.
    /// A ban says nothing to the account's sessions; end them with `Accounts::end_sessions`.
    pub async fn ban(&self, account: AccountId, mut ban: Ban, by: &str) -> Result<(), StorageError> {
        if let Some((end, _)) = ban.reason.char_indices().nth(Ban::REASON_CHARACTERS_MAX) {
            ban.reason.truncate(end);
        }
        tracing::info!(%account, by, reason = ban.reason, until_ms = ban.until_ms, "account banned");
        self.store("ban", account, ban.reason, ban.until_ms, by).await
    }

    /// Takes up the mutes that the database holds. Called once at each start.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn load_mutes(&self) -> Result<(), StorageError> {
        let stored = store::mutes(self.storage.reader(), self.storage.now_ms(), Mutes::STORED_MAX).await?;
        for (account, mute) in stored {
            self.mutes.add(account, mute, self.storage.now_ms());
        }
        Ok(())
    }

    /// The mute that is in force against an account now. Answers from memory.
    #[must_use]
    pub fn mute_in_force(&self, account: AccountId) -> Option<Mute> {
        self.mutes.in_force(account, self.storage.now_ms())
    }

    /// Mutes an account; a mute that lasts longer stays. `by` is who decided.
    ///
    /// # Errors
    /// When it could not be stored; it is in force all the same, until the next start.
    pub async fn mute(&self, account: AccountId, mute: Mute, by: &str) -> Result<(), StorageError> {
        tracing::info!(%account, by, reason = mute.reason, until_ms = mute.until_ms, "account muted");
        self.mutes.add(account, mute.clone(), self.storage.now_ms());
        self.store("mute", account, mute.reason, Some(mute.until_ms), by).await
    }

    /// Notes that the moderators shall look at an account. `by` is who says so.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn flag(&self, account: AccountId, reason: &str, by: &str) -> Result<(), StorageError> {
        tracing::warn!(%account, by, reason, "account flagged for the moderators");
        self.store("flag", account, reason.to_owned(), None, by).await
    }

    async fn store(
        &self,
        kind: &'static str,
        account: AccountId,
        reason: String,
        until_ms: Option<i64>,
        by: &str,
    ) -> Result<(), StorageError> {
        let now_ms = self.storage.now_ms();
        let id: Id<Sanction> = self.storage.ids().next(now_ms);
        let decided_by = by.to_owned();
        let new = store::NewSanction { id: id.to_sql(), account, kind, reason, until_ms, decided_by, now_ms };
        self.storage.write(move |connection| Box::pin(store::insert(connection, new))).await
    }
}

#[cfg(test)]
mod tests;
