//! Accounts: register, log in, tokens, the owner.
//!
//! Does not know sockets. The database owns accounts and sessions; memory holds the live sessions, and changes of both pass
//! through the writer, so that an end that was committed after a log-in always finds that log-in's session.

mod argon;
mod attempts;
mod codes;
mod config;
mod data;
mod doorkeeper;
mod ending;
mod error;
mod following;
mod guessing;
mod hashing;
mod keeping;
mod key_files;
mod keys;
mod login;
mod own;
mod owner;
mod pace;
mod password;
mod permissions;
mod places;
mod refreshing;
mod registering;
mod role;
mod second_factor;
mod secret;
mod sessions;
mod signing;
mod staff;
mod store;
mod sweeping;
mod totp;

use std::{net::IpAddr, path::Path, sync::Arc};

pub use config::Config;
pub use data::Erasable;
pub use error::AccountsError;
pub use keeping::KeptSession;
pub use key_files::PublicKey;
pub use keys::{AccountKey, KeyState};
pub use login::Proof;
pub use own::{OwnSession, Profile};
pub use permissions::{Permission, Permissions};
pub use registering::Registered;
pub use role::Role;
pub use second_factor::Enrolment;
pub use staff::StaffMember;

use crate::{
    moderation::Moderation,
    storage::{self, Storage, StorageError},
    types::{AccountId, AccountName, SessionId, in_task},
};
use codes::Codes;
use doorkeeper::Doorkeeper;
use guessing::Guessing;
use hashing::Hashing;
use refreshing::Refreshed;
use sessions::{Live, Sessions};
use signing::Signing;

/// Token sessions of one account; a further log-in ends the oldest.
const SESSIONS_PER_ACCOUNT_MAX: i64 = 32;

/// Who speaks: the result of checking a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: AccountName,
    /// The token session.
    pub session: SessionId,
    /// What it may do.
    pub role: Role,
    /// What it may do beyond its role.
    pub extra: Permissions,
}

impl Identity {
    /// Everything that the account may do.
    #[must_use]
    pub fn permissions(&self) -> Permissions {
        self.role.permissions().and(self.extra)
    }

    /// May the account do this?
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions().contains(permission)
    }
}

/// What a log-in gives.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Who logged in.
    pub identity: Identity,
    /// JWT, EdDSA.
    pub access: String,
    /// Life of the access token, in seconds.
    pub access_seconds: u32,
    /// Opaque, single use.
    pub refresh: String,
}

/// Accounts and their sessions; cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    inner: Arc<Inner>,
}

struct Inner {
    /// The realm's key, for its audit log.
    realm: Arc<str>,
    config: Config,
    storage: Storage,
    moderation: Moderation,
    signing: Signing,
    doorkeeper: Doorkeeper,
    hashing: Hashing,
    guessing: Guessing,
    codes: Codes,
    sessions: Sessions,
}

impl Accounts {
    /// Loads signing keys (made on the first start) and live sessions, starts the Argon2 threads.
    ///
    /// # Errors
    /// When the database does not answer or the key file cannot be used.
    pub async fn start(
        config: &Config,
        data: &Path,
        realm: &str,
        storage: Storage,
        moderation: Moderation,
    ) -> Result<Self, StorageError> {
        let inner = Arc::new(Inner {
            realm: realm.into(),
            signing: Signing::load(data, realm, storage.now_ms())?,
            doorkeeper: Doorkeeper::new(config),
            hashing: Hashing::start(config)?,
            guessing: Guessing::new(config),
            codes: Codes::new(),
            sessions: Sessions::default(),
            config: config.clone(),
            storage,
            moderation,
        });
        inner.renew_key()?;
        let (now_ms, idle_since_ms) = (inner.storage.now_ms(), inner.storage.now_ms() - inner.idle_ms());
        let is_shared = inner
            .storage
            .write::<_, StorageError, _>(move |connection| {
                Box::pin(async move {
                    store::delete_expired_sessions(connection, now_ms, idle_since_ms).await?;
                    Ok(storage::is_shared(connection))
                })
            })
            .await?;
        for mut stored in store::sessions(inner.storage.reader()).await? {
            let identity = &mut stored.identity;
            (identity.role, identity.extra) = inner.config.in_force(identity.role, identity.extra, stored.proven);
            inner.sessions.insert(Live::new(stored.identity, stored.address, stored.active_ms, stored.expires_ms));
        }
        tokio::spawn(sweeping::sweep_regularly(Arc::downgrade(&inner)));
        if is_shared {
            tokio::spawn(following::follow(Arc::downgrade(&inner)));
        }
        Ok(Self { inner })
    }

    /// Checks an access token and that its session lives. No I/O.
    ///
    /// # Errors
    /// [`AccountsError::TokenInvalid`], whatever the reason.
    pub fn authenticate(&self, access: &str) -> Result<Identity, AccountsError> {
        let now_ms = self.inner.storage.now_ms();
        let claims = self.inner.signing.verify(access, now_ms).ok_or(AccountsError::TokenInvalid)?;
        let live = self.inner.sessions.get(claims.sid).ok_or(AccountsError::TokenInvalid)?;
        if live.identity.account != claims.sub || live.expired(now_ms, self.inner.idle_ms()) {
            return Err(AccountsError::TokenInvalid);
        }
        live.touch(now_ms);
        Ok(live.identity.clone())
    }

    /// Notes from where a session is used, so that a ban on that network finds it.
    pub fn used_from(&self, session: SessionId, address: IpAddr) {
        if let Some(live) = self.inner.sessions.get(session) {
            live.used_from(address);
        }
    }

    /// The keys by which others can check access tokens, the one that signs first.
    #[must_use]
    pub fn public_keys(&self) -> Vec<PublicKey> {
        self.inner.signing.public_keys(self.inner.storage.now_ms())
    }

    /// Trades a refresh token for new tokens. A token that was used before is taken once more within 10 seconds, because
    /// the answer may have been lost; after that its use ends the session.
    ///
    /// # Errors
    /// [`AccountsError::RefreshInvalid`], or the ban that has been spoken since.
    pub async fn refresh(&self, refresh: &str) -> Result<Tokens, AccountsError> {
        if refresh.len() != secret::REFRESH_CHARACTERS {
            return Err(AccountsError::RefreshInvalid);
        }
        let (accounts, hash) = (self.clone(), secret::hash(refresh));
        in_task(async move { accounts.trade(hash).await }).await
    }

    async fn trade(&self, hash: String) -> Result<Tokens, AccountsError> {
        let inner = Arc::clone(&self.inner);
        let now_ms = inner.storage.now_ms();
        let next = secret::new_refresh();
        let next_hash = secret::hash(&next);
        let refreshed = self
            .inner
            .storage
            .write::<_, StorageError, _>(move |connection| {
                Box::pin(async move {
                    let active_ms = |session| inner.sessions.get(session).map(|live| live.active_ms());
                    let refreshed =
                        refreshing::refresh(connection, &hash, &next_hash, now_ms, inner.idle_ms(), active_ms).await?;
                    if let Refreshed::Ended(session) = refreshed {
                        inner.tell_ends(connection, &[session]).await?;
                    }
                    Ok(refreshed)
                })
            })
            .await?;
        match refreshed {
            Refreshed::Unknown => Err(AccountsError::RefreshInvalid),
            Refreshed::Ended(session) => {
                self.inner.sessions.end(&[session]);
                Err(AccountsError::RefreshInvalid)
            }
            Refreshed::Rotated { session, account } => {
                self.end_if_banned(account).await?;
                let live = self.inner.sessions.get(session).ok_or(AccountsError::RefreshInvalid)?;
                live.touch(now_ms);
                self.inner.tokens(&live.identity, now_ms, live.expires_ms, next)
            }
        }
    }

    /// Name and role of an account.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn look_up(&self, account: AccountId) -> Result<Option<(AccountName, Role)>, StorageError> {
        let found = store::account_of(self.inner.storage.reader(), account).await?;
        Ok(found.map(|account| (account.name, account.role)))
    }

    /// Looks an account up by name, for whispers to people who are not online and for staff.
    pub async fn find(&self, name: &AccountName) -> Result<Option<AccountId>, StorageError> {
        Ok(store::find_account(self.inner.storage.reader(), name).await?.map(|account| account.id))
    }
}

impl Inner {
    fn idle_ms(&self) -> i64 {
        i64::from(self.config.session_idle_hours) * 3_600_000
    }

    fn tokens(
        &self,
        identity: &Identity,
        now_ms: i64,
        session_expires_ms: i64,
        refresh: String,
    ) -> Result<Tokens, AccountsError> {
        let expires_ms = (now_ms + i64::from(self.config.access_token_minutes) * 60_000).min(session_expires_ms);
        Ok(Tokens {
            identity: identity.clone(),
            access: self.signing.sign(identity.account, identity.session, now_ms, expires_ms)?,
            access_seconds: u32::try_from((expires_ms - now_ms) / 1_000).unwrap_or(0),
            refresh,
        })
    }
}

#[cfg(test)]
mod data_tests;
#[cfg(test)]
mod tests;
