//! Accounts: register, log in, tokens, the owner.
//!
//! Does not know sockets. The database owns accounts and sessions; memory holds the live sessions, and changes of both pass
//! through the writer, so that an end that was committed after a log-in always finds that log-in's session.

mod attempts;
mod error;
mod hashing;
mod keeping;
mod owner;
mod password;
mod refreshing;
mod secret;
mod sessions;
mod signing;
mod store;
mod sweeping;

use std::{net::IpAddr, path::Path, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use error::AccountsError;
pub use keeping::KeptSession;

use crate::{
    moderation::Moderation,
    storage::{Storage, StorageError},
    types::{AccountId, AccountName, SessionId},
};
use attempts::{Attempts, Pair};
use hashing::Hashing;
use refreshing::Refreshed;
use sessions::{Live, Sessions};
use signing::Signing;

/// Token sessions of one account; a further log-in ends the oldest.
const SESSIONS_PER_ACCOUNT_MAX: i64 = 32;

/// `[accounts]`: who may come in, and for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// May anybody register?
    pub registration_open: bool,
    /// Threads that compute Argon2; each takes a whole core for about 35 ms a log-in.
    #[schemars(range(min = 1, max = 64))]
    pub password_threads: usize,
    /// Log-ins and registrations that may wait for such a thread; more are told to come back later.
    #[schemars(range(min = 1, max = 100_000))]
    pub password_queue_max: usize,
    /// Life of an access token, in minutes.
    #[schemars(range(min = 1, max = 1_440))]
    pub access_token_minutes: u32,
    /// A session ends after this many hours without activity.
    #[schemars(range(min = 1, max = 8_760))]
    pub session_idle_hours: u32,
    /// A session ends after this many days in any case.
    #[schemars(range(min = 1, max = 3_650))]
    pub session_days_max: u32,
    /// Wrong passwords for one account before it is locked for a minute.
    #[schemars(range(min = 1, max = 1_000))]
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

/// Accounts and their sessions; cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    storage: Storage,
    moderation: Moderation,
    signing: Signing,
    hashing: Hashing,
    attempts: Attempts,
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
            signing: Signing::load(data, realm)?,
            hashing: Hashing::start(config.password_threads, config.password_queue_max)?,
            attempts: Attempts::new(config.wrong_passwords_max),
            sessions: Sessions::default(),
            config: config.clone(),
            storage,
            moderation,
        });
        let (now_ms, idle_since_ms) = (inner.storage.now_ms(), inner.storage.now_ms() - inner.idle_ms());
        inner
            .storage
            .write::<_, StorageError, _>(move |connection| {
                Box::pin(store::delete_expired_sessions(connection, now_ms, idle_since_ms))
            })
            .await?;
        for stored in store::sessions(inner.storage.reader()).await? {
            inner.sessions.insert(Live::new(stored.identity, stored.active_ms, stored.expires_ms));
        }
        tokio::spawn(sweeping::sweep_regularly(Arc::downgrade(&inner)));
        Ok(Self { inner })
    }

    /// Makes a player's account.
    ///
    /// # Errors
    /// When registration is closed, the name is taken, the password breaks a rule, or too many wait.
    pub async fn register(&self, name: AccountName, password: &str, peer: IpAddr) -> Result<AccountId, AccountsError> {
        if !self.inner.config.registration_open {
            return Err(AccountsError::RegistrationClosed);
        }
        let password = password::chosen(password, &name)?;
        if store::find_account(self.inner.storage.reader(), &name).await?.is_some() {
            return Err(AccountsError::Taken);
        }
        let account = self.new_account(name, password, Role::Player).await?;
        let (id, name) = (account.id, account.name.clone());
        self.inner
            .storage
            .write(move |connection| {
                Box::pin(async move { store::insert_account(connection, &account).await.map_err(taken) })
            })
            .await?;
        tracing::info!(account = %id, %name, %peer, "account registered");
        Ok(id)
    }

    /// Checks name and password and opens a token session.
    ///
    /// # Errors
    /// A wrong name and a wrong password give one answer, after the same work. A ban is told only to who knows the password.
    pub async fn login(&self, name: &str, password: &str, peer: IpAddr) -> Result<Tokens, AccountsError> {
        let inner = &self.inner;
        let name = AccountName::new(name).ok();
        let pair = Pair::new(name.as_ref().map_or("", AccountName::folded), peer);
        let attempt = inner
            .attempts
            .begin(pair, inner.storage.now_ms())
            .map_err(|retry_after_ms| AccountsError::Locked { retry_after_ms })?;
        let account = match &name {
            Some(name) => store::find_account(inner.storage.reader(), name).await?,
            None => None,
        };
        let phc = account.as_ref().map(|account| account.password.clone());
        let matches = match password::given(password) {
            Some(password) => inner.hashing.verify(password, phc).await?,
            None => inner.hashing.verify(String::new(), None).await?,
        };
        let Some(account) = account.filter(|_| matches) else {
            attempt.failed(inner.storage.now_ms());
            return Err(AccountsError::InvalidCredentials);
        };
        attempt.succeeded();
        if let Some(ban) = inner.moderation.ban_in_force(account.id).await? {
            return Err(AccountsError::Banned(ban));
        }
        let tokens = self.open_session(account).await?;
        self.end_if_banned(tokens.identity.account).await?;
        Ok(tokens)
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

    /// Trades a refresh token for new tokens. A token that was used before is taken once more within 10 seconds, because
    /// the answer may have been lost; after that its use ends the session.
    ///
    /// # Errors
    /// [`AccountsError::RefreshInvalid`], or the ban that has been spoken since.
    pub async fn refresh(&self, refresh: &str) -> Result<Tokens, AccountsError> {
        if refresh.len() != secret::REFRESH_CHARACTERS {
            return Err(AccountsError::RefreshInvalid);
        }
        let inner = Arc::clone(&self.inner);
        let (now_ms, hash) = (inner.storage.now_ms(), secret::hash(refresh));
        let next = secret::new_refresh();
        let next_hash = secret::hash(&next);
        let refreshed = self
            .inner
            .storage
            .write::<_, StorageError, _>(move |connection| {
                Box::pin(async move {
                    let active_ms = |session| inner.sessions.get(session).map(|live| live.active_ms());
                    refreshing::refresh(connection, &hash, &next_hash, now_ms, inner.idle_ms(), active_ms).await
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

    /// Ends a token session; whoever waits on [`Self::session_ended`] is told. A session that is over is no error.
    pub async fn logout(&self, session: SessionId) -> Result<(), AccountsError> {
        self.inner
            .storage
            .write::<_, StorageError, _>(move |connection| Box::pin(store::delete_session(connection, session)))
            .await?;
        self.inner.sessions.end(&[session]);
        Ok(())
    }

    /// Ends every session of an account (ban, password change).
    pub async fn end_sessions(&self, account: AccountId) -> Result<(), AccountsError> {
        let ended = self
            .inner
            .storage
            .write::<_, StorageError, _>(move |connection| Box::pin(store::delete_sessions_of(connection, account)))
            .await?;
        self.inner.sessions.end(&ended);
        Ok(())
    }

    /// Resolves when the token session has ended: a connection on it must close. While somebody waits, the session counts
    /// as active.
    pub async fn session_ended(&self, session: SessionId) {
        let Some(mut ended) = self.inner.sessions.watch_end(session) else { return };
        // An error means that the session is gone with everything else.
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// Looks an account up by name, for whispers to people who are not online and for staff.
    pub async fn find(&self, name: &AccountName) -> Result<Option<AccountId>, StorageError> {
        Ok(store::find_account(self.inner.storage.reader(), name).await?.map(|account| account.id))
    }

    async fn new_account(
        &self,
        name: AccountName,
        password: String,
        role: Role,
    ) -> Result<store::NewAccount, AccountsError> {
        let password = self.inner.hashing.hash(password).await?;
        let now_ms = self.inner.storage.now_ms();
        Ok(store::NewAccount { id: self.inner.storage.ids().next(now_ms), name, password, role, now_ms })
    }

    async fn open_session(&self, account: store::Account) -> Result<Tokens, AccountsError> {
        if self.inner.sessions.is_full() {
            return Err(AccountsError::Busy);
        }
        let now_ms = self.inner.storage.now_ms();
        let session: SessionId = self.inner.storage.ids().next(now_ms);
        let expires_ms = now_ms + i64::from(self.inner.config.session_days_max) * 86_400_000;
        let identity = Identity { account: account.id, name: account.name, session, role: account.role };
        let refresh = secret::new_refresh();
        let (inner, hash, live) =
            (Arc::clone(&self.inner), secret::hash(&refresh), Live::new(identity.clone(), now_ms, expires_ms));
        let opened = self
            .inner
            .storage
            .write::<_, StorageError, _>(move |connection| {
                Box::pin(async move {
                    let account = live.identity.account;
                    store::insert_session(connection, session, account, now_ms, expires_ms).await?;
                    store::insert_refresh(connection, &hash, session, 0).await?;
                    store::set_last_login(connection, account, now_ms).await?;
                    let oldest = store::delete_oldest_sessions(connection, account, SESSIONS_PER_ACCOUNT_MAX).await?;
                    // Here and not after the commit: an `end_sessions` behind this in the queue must find it.
                    inner.sessions.insert(live);
                    Ok(oldest)
                })
            })
            .await;
        match opened {
            Ok(oldest) => self.inner.sessions.end(&oldest),
            Err(error) => {
                self.inner.sessions.end(&[session]);
                return Err(error.into());
            }
        }
        self.inner.tokens(&identity, now_ms, expires_ms, refresh)
    }

    /// A ban that was spoken while a log-in was on its way must find its session.
    async fn end_if_banned(&self, account: AccountId) -> Result<(), AccountsError> {
        match self.inner.moderation.ban_in_force(account).await? {
            Some(ban) => {
                self.end_sessions(account).await?;
                Err(AccountsError::Banned(ban))
            }
            None => Ok(()),
        }
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

fn taken(error: StorageError) -> AccountsError {
    match error {
        StorageError::Conflict => AccountsError::Taken,
        error => error.into(),
    }
}

#[cfg(test)]
mod tests;
