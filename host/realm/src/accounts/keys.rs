//! Account keys: invitations and licences. A key is one account's for good; only its hash is stored.

use serde_json::{Value, json};

use super::{Accounts, AccountsError, Role, secret, store};
use crate::{
    audit::{self, By},
    storage::{Connection, StorageError},
    types::{AccountId, in_task},
};

/// Characters of a key without its hyphens.
const CHARACTERS_MIN: usize = 16;
const CHARACTERS_MAX: usize = 64;
/// Letters and digits that nobody takes for another one.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Characters of a key that the realm makes: 125 bits.
const MADE_CHARACTERS: usize = 25;
/// The end of a key, by which people tell keys apart.
const HINT_CHARACTERS: usize = 4;
/// Keys that are made, imported or listed at once.
const KEYS_AT_ONCE_MAX: usize = 1_000;
const NOTE_CHARACTERS_MAX: usize = 100;

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Whoever comes first may use it.
    Free,
    /// It is an account's.
    Bound,
    /// It is worth nothing any more.
    Revoked,
}

/// A key as staff see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountKey {
    /// Counts up from 1 as keys are made and imported.
    pub number: i64,
    /// Its last characters.
    pub hint: String,
    /// What was written beside it when it was made or imported.
    pub note: String,
    /// When that was, in milliseconds since 1970.
    pub created_ms: i64,
    /// Whose it is or was.
    pub account: Option<AccountId>,
    /// When it became that account's.
    pub bound_ms: Option<i64>,
    /// When it was revoked.
    pub revoked_ms: Option<i64>,
}

impl AccountKey {
    /// What became of it.
    #[must_use]
    pub fn state(&self) -> KeyState {
        match (self.revoked_ms, self.bound_ms) {
            (Some(_), _) => KeyState::Revoked,
            (None, Some(_)) => KeyState::Bound,
            (None, None) => KeyState::Free,
        }
    }
}

/// A key as it is stored.
struct Stored {
    hash: String,
    hint: String,
}

/// A key in the form in which it is hashed; `None` for what is none.
fn plain(key: &str) -> Option<String> {
    let plain: String = key.trim().chars().filter(|character| !matches!(character, '-' | ' ')).collect();
    let legal =
        (CHARACTERS_MIN..=CHARACTERS_MAX).contains(&plain.len()) && plain.bytes().all(|b| b.is_ascii_alphanumeric());
    legal.then(|| plain.to_ascii_uppercase())
}

fn stored(key: &str) -> Option<Stored> {
    let plain = plain(key)?;
    Some(Stored { hash: secret::hash(&plain), hint: plain[plain.len() - HINT_CHARACTERS..].to_owned() })
}

fn new_key() -> String {
    let random = secret::random::<MADE_CHARACTERS>();
    let letters: Vec<u8> = random.iter().map(|byte| LETTERS[usize::from(byte % 32)]).collect();
    letters.chunks(5).map(String::from_utf8_lossy).collect::<Vec<_>>().join("-")
}

/// Makes a free key an account's.
pub(super) async fn bind(
    connection: &mut Connection,
    hash: &str,
    account: AccountId,
    now_ms: i64,
) -> Result<(), AccountsError> {
    if store::keys::bind(connection, hash, account, now_ms).await? {
        return Ok(());
    }
    Err(AccountsError::KeyInvalid("The account key is unknown, used by another account, or revoked; check it."))
}

impl Accounts {
    /// Makes keys and answers with them; they are shown this once. `note` tells people what they are for.
    ///
    /// # Errors
    /// Those of the database. At most 1,000 are made.
    pub async fn make_keys(&self, count: usize, note: &str, by: Option<By>) -> Result<Vec<String>, StorageError> {
        let keys: Vec<String> = std::iter::repeat_with(new_key).take(count.min(KEYS_AT_ONCE_MAX)).collect();
        self.import_keys(&keys, note, by).await?;
        Ok(keys)
    }

    /// Takes keys that were made elsewhere; answers with how many were new, and how many were no keys (16 to 64 letters and digits).
    ///
    /// # Errors
    /// Those of the database. At most 1,000 are taken.
    pub async fn import_keys(&self, keys: &[String], note: &str, by: Option<By>) -> Result<(u64, u64), StorageError> {
        let given = keys.len().min(KEYS_AT_ONCE_MAX);
        let legal: Vec<Stored> = keys[..given].iter().filter_map(|key| stored(key)).collect();
        let illegal = u64::try_from(given - legal.len()).unwrap_or(u64::MAX);
        let (note, now_ms) = (note.chars().take(NOTE_CHARACTERS_MAX).collect::<String>(), self.inner.storage.now_ms());
        let new = self.inner.storage.write::<_, StorageError, _>(move |connection| {
            Box::pin(async move {
                let mut new = 0;
                for Stored { hash, hint } in legal {
                    new += u64::from(store::keys::insert(connection, &hash, &hint, &note, now_ms).await?);
                }
                if let Some(by) = by.filter(|_| new > 0) {
                    let deed = by.does("keys.add", "keys", "account-keys").changing(Value::Null, json!({"new": new}));
                    audit::write(connection, &deed, now_ms).await?;
                }
                Ok(new)
            })
        });
        Ok((new.await?, illegal))
    }

    /// What is known of a key; `None` when it was never made or imported.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn find_key(&self, key: &str) -> Result<Option<AccountKey>, StorageError> {
        match stored(key) {
            Some(Stored { hash, .. }) => store::keys::find(self.inner.storage.reader(), &hash).await,
            None => Ok(None),
        }
    }

    /// Keys before a number, the newest first; `None` for the first page. At most 1,000.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn keys(&self, before: Option<i64>, count: usize) -> Result<Vec<AccountKey>, StorageError> {
        let limit = i64::try_from(count.min(KEYS_AT_ONCE_MAX)).unwrap_or(i64::MAX);
        store::keys::list(self.inner.storage.reader(), before.unwrap_or(i64::MAX), limit).await
    }

    /// Makes a key worthless. Where keys are required its account's sessions end, and it needs another key to come back. False when
    /// there is no such key, or it was revoked before.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn revoke_key(&self, key: &str, by: Option<By>) -> Result<bool, AccountsError> {
        let Some(Stored { hash, hint }) = stored(key) else { return Ok(false) };
        let accounts = self.clone();
        in_task(async move {
            let now_ms = accounts.inner.storage.now_ms();
            let revoked = accounts
                .inner
                .storage
                .write::<_, AccountsError, _>(move |connection| {
                    Box::pin(async move {
                        let revoked = store::keys::revoke(connection, &hash, now_ms).await?;
                        if let (Some(owner), Some(by)) = (&revoked, by) {
                            let deed = by.does("keys.revoke", "key", &hint);
                            audit::write(connection, &deed.changing(json!({"account": owner}), Value::Null), now_ms)
                                .await?;
                        }
                        Ok(revoked)
                    })
                })
                .await?;
            let Some(owner) = revoked else { return Ok(false) };
            if let Some(account) = owner.filter(|_| accounts.inner.config.require_key) {
                accounts.end_sessions(account).await?;
            }
            Ok(true)
        })
        .await
    }

    /// The hash of the key with which somebody registers; `None` when there is none and none is needed. A key that is not free is
    /// refused before anything is computed.
    pub(super) async fn key_for_registration(&self, key: &str) -> Result<Option<String>, AccountsError> {
        if key.trim().is_empty() {
            if !self.inner.config.require_key {
                return Ok(None);
            }
            return Err(AccountsError::KeyInvalid(
                "This realm asks for an account key: register with \"account_key\", the key of your invitation or licence.",
            ));
        }
        let known = self.find_key(key).await?;
        match (stored(key), known.map(|key| key.state())) {
            (Some(Stored { hash, .. }), Some(KeyState::Free)) => Ok(Some(hash)),
            _ => Err(AccountsError::KeyInvalid(
                "The account key is unknown, used by another account, or revoked; check it.",
            )),
        }
    }

    /// What a log-in has to prove of account keys: nothing where none is required, and of staff; else what was given, as it is stored.
    pub(super) fn key_for_login(&self, role: Role, given: &str) -> Option<KeyNeeded> {
        let needed = self.inner.config.require_key && role == Role::Player;
        needed.then(|| KeyNeeded { given: stored(given).map(|key| key.hash) })
    }
}

/// A log-in asks for a key: one that the account has, or a free one that becomes its own.
pub(super) struct KeyNeeded {
    given: Option<String>,
}

impl KeyNeeded {
    /// Checks it in the log-in's own transaction: a key that is revoked before lets nobody in, and one that is given is bound only when
    /// the log-in succeeds.
    pub(super) async fn prove(
        &self,
        connection: &mut Connection,
        account: AccountId,
        now_ms: i64,
    ) -> Result<(), AccountsError> {
        if store::keys::has_key(connection, account).await? {
            return Ok(());
        }
        match &self.given {
            Some(hash) => bind(connection, hash, account, now_ms).await,
            None => Err(AccountsError::KeyInvalid(
                "This account has no account key, or it was revoked: log in with \"account_key\", a key that nobody has used.",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_however_they_are_typed_and_made_ones_are_keys() {
        let key = new_key();
        assert_eq!(key.len(), MADE_CHARACTERS + 4, "{key}");
        let typed = format!(" {} ", key.to_lowercase().replace('-', " "));
        assert_eq!(plain(&typed), plain(&key));
        assert_ne!(plain(&new_key()), plain(&key));
        for no_key in ["", "ABCDE", "ABCDE-FGHJK-LMNPQ", "ABCDE-FGHJK-LMNPQ-RSTU!", &"A".repeat(65)] {
            assert_eq!(plain(no_key), None, "{no_key}");
        }
    }
}
