//! Accounts: register, log in, tokens, the owner.
//!
//! Does not know sockets.

use std::{net::IpAddr, path::Path};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    moderation::{Ban, Moderation},
    storage::{Storage, StorageError},
    types::{AccountId, AccountName, Refusal, SessionId},
};

/// `[accounts]`: who may come in, and for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// May anybody register?
    pub registration_open: bool,
    /// Threads that compute Argon2; each takes a whole core for about 35 ms a log-in.
    pub password_threads: usize,
    /// Log-ins and registrations that may wait for such a thread; more are told to come back later.
    pub password_queue_max: usize,
    /// Life of an access token, in minutes.
    pub access_token_minutes: u32,
    /// A session ends after this many hours without activity.
    pub session_idle_hours: u32,
    /// A session ends after this many days in any case.
    pub session_days_max: u32,
    /// Wrong passwords for one account before it is locked for a minute.
    pub wrong_passwords_max: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            registration_open: true,
            password_threads: 1,
            password_queue_max: 64,
            access_token_minutes: 10,
            session_idle_hours: 24,
            session_days_max: 30,
            wrong_passwords_max: 5,
        }
    }
}

/// What an account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Plays.
    Player,
    /// Keeps order.
    Moderator,
    /// Everything.
    Owner,
}

impl Role {
    /// Moderators and owners.
    #[must_use]
    pub fn is_staff(self) -> bool {
        self != Role::Player
    }
}

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

/// Why an account verb was refused.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// Wrong name or password; which is not told.
    #[error("wrong name or password")]
    InvalidCredentials,
    /// The access token proves nothing (any more).
    #[error("the access token is not valid (any more)")]
    TokenInvalid,
    /// The refresh token proves nothing (any more).
    #[error("the refresh token is not valid (any more)")]
    RefreshInvalid,
    /// The name is taken.
    #[error("the account name is taken")]
    Taken,
    /// The password breaks a rule.
    #[error("{0}")]
    InvalidPassword(String),
    /// The account is banned.
    #[error("the account is banned: {}", .0.reason)]
    Banned(Ban),
    /// Too many wrong passwords.
    #[error("too many wrong passwords")]
    Locked {
        /// When to come back.
        retry_after_ms: u64,
    },
    /// Too many log-ins wait already.
    #[error("too many log-ins at once")]
    Busy,
    /// Registration is closed.
    #[error("registration is closed on this realm")]
    RegistrationClosed,
    /// The one-time owner token is wrong or used, or there is an owner.
    #[error("the owner token is not valid (any more)")]
    OwnerTokenInvalid,
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<AccountsError> for Refusal {
    fn from(error: AccountsError) -> Self {
        let _ = error;
        unimplemented!()
    }
}

/// Accounts and their sessions; cheap to clone.
#[derive(Clone)]
pub struct Accounts {}

impl Accounts {
    /// Loads signing keys (made on the first start) and live sessions, starts the Argon2 threads.
    pub async fn start(
        config: &Config,
        data: &Path,
        realm: &str,
        storage: Storage,
        moderation: Moderation,
    ) -> Result<Self, StorageError> {
        let _ = (config, data, realm, storage, moderation);
        unimplemented!()
    }

    /// Makes a player's account.
    pub async fn register(&self, name: AccountName, password: &str, peer: IpAddr) -> Result<AccountId, AccountsError> {
        let _ = (name, password, peer);
        unimplemented!()
    }

    /// Checks name and password and opens a token session.
    pub async fn login(&self, name: &str, password: &str, peer: IpAddr) -> Result<Tokens, AccountsError> {
        let _ = (name, password, peer);
        unimplemented!()
    }

    /// Checks an access token and that its session lives. No I/O.
    pub fn authenticate(&self, access: &str) -> Result<Identity, AccountsError> {
        let _ = access;
        unimplemented!()
    }

    /// Trades a refresh token for new tokens.
    pub async fn refresh(&self, refresh: &str) -> Result<Tokens, AccountsError> {
        let _ = refresh;
        unimplemented!()
    }

    /// Ends a token session; whoever waits on [`Self::session_ended`] is told.
    pub async fn logout(&self, session: SessionId) -> Result<(), AccountsError> {
        let _ = session;
        unimplemented!()
    }

    /// Ends every session of an account (ban, password change).
    pub async fn end_sessions(&self, account: AccountId) -> Result<(), AccountsError> {
        let _ = account;
        unimplemented!()
    }

    /// Resolves when the token session has ended: a connection on it must close.
    pub async fn session_ended(&self, session: SessionId) {
        let _ = session;
        unimplemented!()
    }

    /// The one-time token with which the owner account can be made; `None` when there is an owner.
    /// A new token is made at each start until it is used; the older ones are void.
    pub async fn owner_token(&self) -> Result<Option<String>, StorageError> {
        unimplemented!()
    }

    /// Makes the owner's account.
    pub async fn create_owner(
        &self,
        token: &str,
        name: AccountName,
        password: &str,
    ) -> Result<AccountId, AccountsError> {
        let _ = (token, name, password);
        unimplemented!()
    }

    /// Looks an account up by name, for whispers to people who are not online and for staff.
    pub async fn find(&self, name: &AccountName) -> Result<Option<AccountId>, StorageError> {
        let _ = name;
        unimplemented!()
    }
}
