//! Sanctions against accounts. In this room a sanction is a ban with a reason and an end.

mod store;

use crate::{
    storage::{Storage, StorageError},
    types::AccountId,
};

/// A ban that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// What the player is told.
    pub reason: String,
    /// When it ends, in milliseconds since 1970; `None` for never.
    pub until_ms: Option<i64>,
}

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
        let _ = (&self.storage, account);
        unimplemented!()
    }

    /// Bans an account. `by` is who decided: a staff account's name, or the name of a rule.
    pub async fn ban(&self, account: AccountId, ban: Ban, by: &str) -> Result<(), StorageError> {
        let _ = (account, ban, by);
        unimplemented!()
    }
}
