//! Registration: a name, a password and perhaps an account key become an account.

use std::net::IpAddr;

use super::{Accounts, AccountsError, Role, keys, password, places::Place, store};
use crate::{
    storage::StorageError,
    types::{AccountId, AccountName},
};

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
        if !self.inner.config.registration_open {
            return Err(AccountsError::RegistrationClosed);
        }
        let network = self.inner.doorkeeper.admit(peer)?;
        let password = password::chosen(password, &name)?;
        let key = self.key_for_registration(key).await?;
        let place = self.inner.hashing.place(network)?;
        if store::find_account(self.inner.storage.reader(), &name).await?.is_some() {
            return Err(AccountsError::Taken);
        }
        self.inner.doorkeeper.admit_registration(network)?;
        let account = self.new_account(place, name, password, Role::Player).await?;
        let id = account.id;
        self.inner
            .storage
            .write(move |connection| {
                Box::pin(async move {
                    store::insert_account(connection, &account).await.map_err(taken)?;
                    match key {
                        Some(hash) => keys::bind(connection, &hash, account.id, account.now_ms).await,
                        None => Ok(()),
                    }
                })
            })
            .await?;
        // Neither name nor address: logs outlive accounts.
        tracing::info!(account = %id, "account registered");
        Ok(id)
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
