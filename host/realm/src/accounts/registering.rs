//! A new account of a player, also asked for again under one key.

use std::net::IpAddr;

use super::{Accounts, AccountsError, Role, keys, password, places::Place, store};
use crate::{
    once::{self, Answered, Kept, KeyRefused, Once},
    storage::StorageError,
    types::{AccountId, AccountName, Network},
};

/// An account that was just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its key.
    pub id: AccountId,
    /// Its name.
    pub name: AccountName,
}

impl Accounts {
    /// Makes a player's account.
    ///
    /// # Errors
    /// When registration is closed, the name is taken, the password breaks a rule, too many wait, or the network of `peer` has made
    /// as many accounts as it may.
    pub async fn register(&self, name: AccountName, password: &str, peer: IpAddr) -> Result<AccountId, AccountsError> {
        self.register_with(name, password, "", peer).await
    }

    /// The same with an account key, which is the account's from then on.
    ///
    /// # Errors
    /// As [`Self::register`]; when the key is unknown, used or revoked, or none was given and `[accounts] require_key` asks for one.
    pub async fn register_with(
        &self,
        name: AccountName,
        password: &str,
        key: &str,
        peer: IpAddr,
    ) -> Result<AccountId, AccountsError> {
        match self.register_once(name, password, key, peer, None).await? {
            Answered::Now(new) => Ok(new.id),
            Answered::Before(_) => unreachable!("without a key nothing was done before"),
        }
    }

    /// Makes a player's account. Asked again under one key, with the same name and password, it answers what it answered then.
    ///
    /// # Errors
    /// When registration is closed, the name is taken, the password breaks a rule, the account key is unknown, used or revoked, or none was
    /// given and one is needed (empty is none), too many wait, or the network of `peer` has made as many accounts as it may.
    pub async fn register_once(
        &self,
        name: AccountName,
        password: &str,
        key: &str,
        peer: IpAddr,
        once: Option<Once<Registered>>,
    ) -> Result<Answered<Registered>, AccountsError> {
        let network = self.inner.doorkeeper.admit(peer)?;
        // Before anything that may be otherwise now: what was answered then stays the answer.
        if let Some(once) = &once
            && let Some(kept) = once.before::<AccountsError>(&self.inner.storage).await?
        {
            return self.answer_again(network, &name, password, kept).await;
        }
        if !self.inner.config.registration_open {
            return Err(AccountsError::RegistrationClosed);
        }
        let chosen = password::chosen(password, &name)?;
        let key = self.key_for_registration(key).await?;
        let place = self.inner.hashing.place(network)?;
        if once.is_none() && store::find_account(self.inner.storage.reader(), &name).await?.is_some() {
            return Err(AccountsError::Taken);
        }
        self.inner.doorkeeper.admit_registration(network)?;
        let account = self.new_account(place, name.clone(), chosen, Role::Player).await?;
        let new = Registered { id: account.id, name: name.clone() };
        let made = once::write(&self.inner.storage, once, move |connection| {
            Box::pin(async move {
                store::insert_account(connection, &account).await.map_err(taken)?;
                if let Some(hash) = key {
                    keys::bind(connection, &hash, account.id, account.now_ms).await?;
                }
                Ok::<_, AccountsError>(new)
            })
        })
        .await?;
        match made {
            // The same request was faster, a moment ago.
            Answered::Before(kept) => self.answer_again(network, &name, password, kept).await,
            Answered::Now(new) => {
                // Neither name nor address: logs outlive accounts.
                tracing::info!(account = %new.id, "account registered");
                Ok(Answered::Now(new))
            }
        }
    }

    /// Passwords are no part of what is kept of a request; that it is the same one says the account's own hash.
    async fn answer_again(
        &self,
        network: Network,
        name: &AccountName,
        password: &str,
        kept: Kept,
    ) -> Result<Answered<Registered>, AccountsError> {
        let place = self.inner.hashing.place(network)?;
        let account = store::find_account(self.inner.storage.reader(), name).await?;
        let phc = account.map(|account| account.password);
        let given = password::given(password).unwrap_or_default();
        if self.inner.hashing.verify(place, given, phc).await? {
            Ok(Answered::Before(kept))
        } else {
            Err(KeyRefused::Reused.into())
        }
    }

    pub(super) async fn new_account(
        &self,
        place: Place,
        name: AccountName,
        password: String,
        role: Role,
    ) -> Result<store::NewAccount, AccountsError> {
        let password = self.inner.hashing.hash(place, password).await?;
        let now_ms = self.inner.storage.now_ms();
        Ok(store::NewAccount { id: self.inner.storage.ids().next(now_ms), name, password, role, now_ms })
    }
}

pub(super) fn taken(error: StorageError) -> AccountsError {
    match error {
        StorageError::Conflict => AccountsError::Taken,
        error => error.into(),
    }
}
