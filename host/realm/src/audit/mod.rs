//! The audit log: what staff did, line after line, each chained to the one before it by its hash.
//!
//! A line is written in the transaction of what it tells, so that there is neither an act without its line nor a line without its act;
//! what happens outside the database gets its line first. Accounts and characters stand in it by their keys: a name that is erased is
//! not in it. Knows nothing of what the acts are.

mod chain;
mod deed;
mod store;

use std::{collections::HashMap, sync::Arc};

pub use chain::{Broken, Chained, FIRST, NoNote, Sound, Walk, hash_of};
pub use deed::{By, Deed, Who};

use crate::{
    storage::{Connection, Storage, StorageError},
    types::AccountId,
};

/// Most lines of one page.
pub const PAGE_LINES_MAX: u32 = 200;
/// Lines that are read at once when the log is checked.
const LINES_PER_READ: i64 = 500;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// 1 for the first.
    pub number: i64,
    /// In milliseconds since 1970.
    pub at_ms: i64,
    /// Key of the realm in which it was done.
    pub realm: String,
    /// `operator`, or `account:` and a key.
    pub actor: String,
    /// What was done, for example `characters.rename`.
    pub act: String,
    /// To whom or what, for example `character:` and a key.
    pub target: String,
    /// Why, in the actor's words; empty when none were asked for.
    pub reason: String,
    /// What was so before, as JSON; empty where that makes no sense.
    pub before: String,
    /// What is so since, as JSON; empty where that makes no sense.
    pub after: String,
    /// SHA-256 over the line and the hash of the one before it, in hexadecimal.
    pub hash: String,
}

impl Line {
    /// The account that acted; `None` for the operator.
    #[must_use]
    pub fn actor_account(&self) -> Option<AccountId> {
        account_in(&self.actor)
    }

    /// The account that it was done to, if it was one.
    #[must_use]
    pub fn target_account(&self) -> Option<AccountId> {
        account_in(&self.target)
    }
}

fn account_in(text: &str) -> Option<AccountId> {
    text.strip_prefix("account:")?.parse().ok()
}

/// Which lines are wanted; what is empty is not asked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// `operator`, or `account:` and a key.
    pub actor: String,
    /// For example `characters.rename`.
    pub act: String,
    /// For example `character:` and a key.
    pub target: String,
}

/// The log of the realm's database; cheap to clone.
#[derive(Clone)]
pub struct Audit {
    storage: Storage,
    realm: Arc<str>,
}

impl Audit {
    /// Over the realm's database, for acts in the realm of this key.
    #[must_use]
    pub fn new(realm: &str, storage: Storage) -> Self {
        Self { storage, realm: realm.into() }
    }

    /// Who acts in this realm, and why: what a verb needs to write its line.
    #[must_use]
    pub fn by(&self, who: Who, reason: &str) -> By {
        By { realm: Arc::clone(&self.realm), who, reason: reason.to_owned() }
    }

    /// Writes the line of what happens outside the database; done before it happens.
    ///
    /// # Errors
    /// When it could not be stored: then the act must not be done.
    pub async fn note(&self, deed: Deed) -> Result<(), StorageError> {
        let now_ms = self.storage.now_ms();
        self.storage.write(move |connection| Box::pin(async move { write(connection, &deed, now_ms).await })).await
    }

    /// Lines before one, the newest first; `before` is the number of the last line of the page before, `None` for the first page.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn page(&self, wanted: &Wanted, before: Option<i64>, lines: u32) -> Result<Vec<Line>, StorageError> {
        let lines = lines.clamp(1, PAGE_LINES_MAX);
        store::page(self.storage.reader(), wanted, before.unwrap_or(i64::MAX), i64::from(lines)).await
    }

    /// The names of accounts; of those that are gone or erased there is none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn names(&self, lines: &[Line]) -> Result<HashMap<AccountId, String>, StorageError> {
        let mut accounts: Vec<AccountId> =
            lines.iter().flat_map(|line| [line.actor_account(), line.target_account()]).flatten().collect();
        accounts.sort_unstable();
        accounts.dedup();
        store::names(self.storage.reader(), &accounts).await
    }
}

/// Can the log be written on? Not when lines are there and the note of the last one is gone.
///
/// # Errors
/// Those of the database.
pub async fn can_go_on(connection: &mut Connection) -> Result<bool, StorageError> {
    Ok(store::head(connection).await?.is_some() || store::is_empty(connection).await?)
}

/// Writes a line in the transaction of what it tells.
///
/// # Errors
/// When it cannot be stored: the whole operation must fail with it.
pub async fn write(connection: &mut Connection, deed: &Deed, now_ms: i64) -> Result<(), StorageError> {
    let (number, hash_before) = match store::head(connection).await? {
        Some(head) => head,
        None if store::is_empty(connection).await? => (0, chain::FIRST.to_owned()),
        None => {
            let problem = "the note of the audit log's last line is gone (table audit_head); restore it from a backup";
            return Err(StorageError::Statement(problem.to_owned()));
        }
    };
    let mut line = deed.line(number + 1, now_ms);
    line.hash = chain::hash(&hash_before, &line);
    store::append(connection, &line).await
}

/// Walks over the whole log, from its first line. `noted` is an end that was noted down before, if there is one: without it, a log that
/// was replaced as a whole, or cut off with the note that the database keeps, looks like any other.
///
/// # Errors
/// Those of the database; that the log is broken is an answer.
pub async fn verify(connection: &mut Connection, noted: Option<&Sound>) -> Result<Result<Sound, Broken>, StorageError> {
    let mut walk = Walk::new(noted);
    let mut after = i64::MIN;
    loop {
        let lines = store::following(connection, after, LINES_PER_READ).await?;
        let Some(last) = lines.last() else { break };
        after = last.number;
        if let Err(broken) = lines.iter().try_for_each(|line| walk.step(line)) {
            return Ok(Err(broken));
        }
    }
    Ok(walk.end(store::head(connection).await?))
}

#[cfg(test)]
mod tests;
