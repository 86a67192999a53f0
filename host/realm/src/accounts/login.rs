//! Log-in: a name and a password become a token session.

use std::{net::IpAddr, sync::Arc};

use super::{
    Accounts, AccountsError, Identity, SESSIONS_PER_ACCOUNT_MAX, Tokens, attempts::Pair, password, secret,
    sessions::Live, store,
};
use crate::{
    storage::StorageError,
    types::{AccountId, AccountName, SessionId, in_task},
};

impl Accounts {
    /// Checks name and password and opens a token session.
    ///
    /// # Errors
    /// A wrong name and a wrong password give one answer, after the same work. A ban is told only to who knows the password.
    /// One network may try only so often.
    pub async fn login(&self, name: &str, password: &str, peer: IpAddr) -> Result<Tokens, AccountsError> {
        // A client that goes away while its password waits costs nothing more; once it is known to be right, what follows is
        // carried to its end.
        let account = self.who(name, password, peer).await?;
        let accounts = self.clone();
        in_task(async move {
            if let Some(ban) = accounts.inner.moderation.ban_in_force(account.id).await? {
                return Err(AccountsError::Banned(ban));
            }
            let tokens = accounts.open_session(account).await?;
            accounts.end_if_banned(tokens.identity.account).await?;
            Ok(tokens)
        })
        .await
    }

    /// The account of this name and password.
    async fn who(&self, name: &str, password: &str, peer: IpAddr) -> Result<store::Account, AccountsError> {
        let inner = &self.inner;
        let network = inner.doorkeeper.admit(peer)?;
        let name = AccountName::new(name).ok();
        let pair = Pair::new(name.as_ref().map_or("", AccountName::folded), network);
        let attempt = inner
            .attempts
            .begin(pair, inner.storage.now_ms())
            .map_err(|retry_after_ms| AccountsError::Locked { retry_after_ms })?;
        let place = inner.hashing.place(network)?;
        let account = match &name {
            Some(name) => store::find_account(inner.storage.reader(), name).await?,
            None => None,
        };
        let phc = account.as_ref().map(|account| account.password.clone());
        let matches = match password::given(password) {
            Some(password) => inner.hashing.verify(place, password, phc).await?,
            None => inner.hashing.verify(place, String::new(), None).await?,
        };
        match account.filter(|_| matches) {
            Some(account) => {
                attempt.succeeded();
                Ok(account)
            }
            None => {
                attempt.failed(inner.storage.now_ms());
                Err(AccountsError::InvalidCredentials)
            }
        }
    }

    async fn open_session(&self, account: store::Account) -> Result<Tokens, AccountsError> {
        if self.inner.sessions.is_full() {
            return Err(AccountsError::Busy);
        }
        let now_ms = self.inner.storage.now_ms();
        let session: SessionId = self.inner.storage.ids().next(now_ms);
        let expires_ms = now_ms + i64::from(self.inner.config.session_days_max) * 86_400_000;
        let identity =
            Identity { account: account.id, name: account.name, session, role: account.role, extra: account.extra };
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
    pub(super) async fn end_if_banned(&self, account: AccountId) -> Result<(), AccountsError> {
        match self.inner.moderation.ban_in_force(account).await? {
            Some(ban) => {
                self.end_sessions(account).await?;
                Err(AccountsError::Banned(ban))
            }
            None => Ok(()),
        }
    }
}
