//! Sanctions against accounts. In this room a sanction is a ban with a reason and an end.
//!
//! Does not know chat, games or tokens: whoever bans also ends the account's sessions.

mod store;

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
}

impl Moderation {
    /// Over the realm's database.
    #[must_use]
    pub fn new(storage: Storage) -> Self {
        Self { storage }
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
        let now_ms = self.storage.now_ms();
        let id: Id<Sanction> = self.storage.ids().next(now_ms);
        tracing::info!(%account, by, reason = ban.reason, until_ms = ban.until_ms, "account banned");
        let new = store::NewBan { id: id.to_sql(), account, ban, decided_by: by.to_owned(), now_ms };
        self.storage.write(move |connection| Box::pin(store::insert_ban(connection, new))).await
    }
}

#[cfg(test)]
mod tests;
