//! What is kept about an account: told to its owner, and erased when he wishes.

use std::{net::IpAddr, sync::Arc};

use serde_json::{Map, Value};

use super::{Accounts, AccountsError, Identity, Role, codes::Origin, secret, store};
use crate::{
    storage::StorageError,
    types::{AccountName, CharacterName, in_task, rfc3339},
};

/// What the names of erased accounts and characters begin with.
const ERASED: &str = "erased-";
/// Letters behind it: 20^9 names, none of which looks like a word.
const LETTERS: &[u8; 20] = b"bcdfghjkmnpqrstvwxyz";
const LETTERS_COUNT: usize = 9;

/// An account that somebody has proved to be his, to have it erased.
pub struct Erasable(store::Account);

/// A name that stands in the place of one that was erased.
fn pseudonym() -> String {
    let random = secret::random::<LETTERS_COUNT>();
    let letters = random.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
    ERASED.chars().chain(letters).collect()
}

impl Accounts {
    /// Everything that the database keeps about whoever asks, as lists of rows by name; secrets left out.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn export(&self, who: &Identity) -> Result<Map<String, Value>, AccountsError> {
        let mut parts = store::exporting::export(self.inner.storage.reader(), who.account).await?;
        parts.insert("exported".to_owned(), Value::String(rfc3339(self.inner.storage.now_ms())));
        Ok(parts)
    }

    /// Checks that whoever asks may have the account erased: its password, and its second factor when it has one. Nothing is changed by
    /// it, but that a code of the second factor is used up.
    ///
    /// # Errors
    /// When the password or the second factor is wrong; for the owner's account; and those of the database.
    pub async fn prove_erasure(
        &self,
        who: &Identity,
        password: &str,
        second_factor: &str,
        peer: IpAddr,
    ) -> Result<Erasable, AccountsError> {
        let account = self.confirm_password(who, password, peer).await?;
        if account.role == Role::Owner {
            return Err(AccountsError::OwnerStays);
        }
        if account.second_factor {
            self.prove_second_factor(&account, second_factor, Origin::Session(who.session)).await?;
        }
        Ok(Erasable(account))
    }

    /// Erases an account: names become pseudonyms, everything else of it is deleted, all sessions end. The rows that others are counted by
    /// stay (characters, sanctions, account keys), without anything that says whose they were.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn erase(&self, Erasable(account): Erasable) -> Result<(), AccountsError> {
        let accounts = self.clone();
        in_task(async move { accounts.erase_now(account).await }).await
    }

    async fn erase_now(&self, account: store::Account) -> Result<(), AccountsError> {
        let (id, teller) = (account.id, Arc::clone(&self.inner));
        let erasure = store::erasing::Erasure {
            account: id,
            name: account.name,
            pseudonym: AccountName::new(pseudonym()).expect("a pseudonym is a legal name"),
            password: self.inner.hashing.of_nobody(),
            now_ms: self.inner.storage.now_ms(),
        };
        let erased = self
            .inner
            .storage
            .write::<_, StorageError, _>(move |connection| {
                Box::pin(async move {
                    let next_name = || CharacterName::new(pseudonym()).expect("a pseudonym is a legal name");
                    let ended = store::erasing::erase(connection, &erasure, next_name).await?;
                    teller.tell_ends(connection, &ended).await?;
                    Ok(ended)
                })
            })
            .await;
        match &erased {
            Ok(sessions) => self.inner.sessions.end(sessions),
            Err(StorageError::Unconfirmed) => self.inner.sessions.end_of(id),
            Err(_) => {}
        }
        erased?;
        tracing::info!(account = %id, "account erased");
        if let Err(error) = self.inner.storage.forget_overwritten().await {
            // It is overwritten by what comes, at the latest when the realm stops.
            tracing::warn!(account = %id, %error, "what was erased may stand in the log of the database for a while");
        }
        Ok(())
    }
}
