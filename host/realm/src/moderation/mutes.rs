//! The mutes that are in force, in memory: every line of chat asks for them.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::sanction::sentence;
use crate::types::AccountId;

/// A mute that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mute {
    /// By which people speak of it; 0 while it is not stored.
    pub number: i64,
    /// What the player is told.
    pub reason: String,
    /// When it ends, in milliseconds since 1970.
    pub until_ms: i64,
}

impl Mute {
    /// One that is to be stored.
    #[must_use]
    pub fn new(reason: impl Into<String>, until_ms: i64) -> Self {
        Self { number: 0, reason: reason.into(), until_ms }
    }

    /// What the muted player is told: until when, and why.
    #[must_use]
    pub fn sentence(&self) -> String {
        sentence("You may not talk", Some(self.until_ms), &self.reason, self.number)
    }
}

/// Mutes by account; beyond this many, those that end first are forgotten.
const MUTES_MAX: usize = 100_000;

/// Who may not talk.
#[derive(Default)]
pub(super) struct Mutes {
    by_account: Mutex<HashMap<AccountId, Mute>>,
}

impl Mutes {
    /// Most mutes that are read from the database at a start.
    pub(super) const STORED_MAX: i64 = 100_000;

    pub(super) fn in_force(&self, account: AccountId, now_ms: i64) -> Option<Mute> {
        let mut mutes = self.by_account.lock().unwrap_or_else(PoisonError::into_inner);
        if mutes.get(&account)?.until_ms <= now_ms {
            mutes.remove(&account);
            return None;
        }
        mutes.get(&account).cloned()
    }

    pub(super) fn forget(&self, account: AccountId) {
        self.by_account.lock().unwrap_or_else(PoisonError::into_inner).remove(&account);
    }

    /// Of two mutes the longer one counts.
    pub(super) fn add(&self, account: AccountId, mute: Mute, now_ms: i64) {
        let mut mutes = self.by_account.lock().unwrap_or_else(PoisonError::into_inner);
        if mutes.len() >= MUTES_MAX {
            mutes.retain(|_, mute| mute.until_ms > now_ms);
            let first = mutes.iter().min_by_key(|(_, mute)| mute.until_ms).map(|(account, _)| *account);
            if let Some(first) = first.filter(|_| mutes.len() >= MUTES_MAX) {
                mutes.remove(&first);
            }
        }
        match mutes.get_mut(&account) {
            Some(older) if older.until_ms >= mute.until_ms => {}
            Some(older) => *older = mute,
            None => drop(mutes.insert(account, mute)),
        }
    }
}
