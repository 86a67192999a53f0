//! The owner's account: made once, with a one-time token that only the operator sees.

use std::{net::IpAddr, sync::Arc};

use serde_json::json;

use super::{Accounts, AccountsError, Role, password, registering::taken, secret, store};
use crate::{
    audit::{self, By, Who},
    storage::StorageError,
    types::{AccountId, AccountName},
};

impl Accounts {
    /// The one-time token with which the owner account can be made; `None` when there is an owner.
    /// Each call makes a new token and voids the older ones; call it once at each start.
    pub async fn owner_token(&self) -> Result<Option<String>, StorageError> {
        let token = secret::new_owner();
        let (hash, now_ms) = (secret::hash(&token), self.inner.storage.now_ms());
        self.inner
            .storage
            .write(move |connection| {
                Box::pin(async move {
                    let has_owner = store::has_owner(connection).await?;
                    let hash = (!has_owner).then_some(hash.as_str());
                    store::replace_owner_token(connection, hash, now_ms).await?;
                    Ok((!has_owner).then_some(token))
                })
            })
            .await
    }

    /// Makes the owner's account. The token stays valid when name or password are refused.
    ///
    /// # Errors
    /// When the token is wrong or used, there is an owner, the name is taken, the password breaks a rule, or the network of `peer`
    /// tries too often.
    pub async fn create_owner(
        &self,
        token: &str,
        name: AccountName,
        password: &str,
        peer: IpAddr,
    ) -> Result<AccountId, AccountsError> {
        let network = self.inner.doorkeeper.admit(peer)?;
        let place = self.inner.hashing.place(network)?;
        let hash = secret::hash(&token.trim().to_lowercase());
        if !store::owner_token_exists(self.inner.storage.reader(), &hash).await? {
            return Err(AccountsError::OwnerTokenInvalid);
        }
        let password = password::chosen(password, &name)?;
        let account = self.new_account(place, name, password, Role::Owner).await?;
        let id = account.id;
        let by = By {
            realm: Arc::clone(&self.inner.realm),
            who: Who::Account(id),
            reason: "Made with the one-time token.".to_owned(),
        };
        let deed = by.does("roles.owner", "account", id).changing(json!({}), json!({"role": Role::Owner}));
        self.inner
            .storage
            .write(move |connection| {
                Box::pin(async move {
                    if !store::take_owner_token(connection, &hash).await? || store::has_owner(connection).await? {
                        return Err(AccountsError::OwnerTokenInvalid);
                    }
                    store::insert_account(connection, &account).await.map_err(taken)?;
                    audit::write(connection, &deed, account.now_ms).await?;
                    Ok(())
                })
            })
            .await?;
        tracing::info!(account = %id, "owner account made");
        Ok(id)
    }
}
