//! What people see and change of their own account: profile, password, sessions.

use std::{net::IpAddr, sync::Arc};

use super::{Accounts, AccountsError, Identity, Role, Sessions, password, store};
use crate::{
    storage::StorageError,
    types::{AccountName, Network, SessionId, in_task},
};

/// An account as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: AccountName,
    /// What it may do. A session may be allowed less, when staff need a second factor and it has none.
    pub role: Role,
    /// When it was made, in milliseconds since 1970; so are the others.
    pub created_ms: i64,
    /// When somebody last logged in by password.
    pub login_last_ms: Option<i64>,
    /// When its owner last changed the password.
    pub password_changed_ms: Option<i64>,
    /// A second factor is set up.
    pub second_factor: bool,
    /// Recovery codes that are left.
    pub recovery_codes: u32,
}

/// A token session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSession {
    /// Its key.
    pub id: SessionId,
    /// When it was opened, in milliseconds since 1970; so are the others.
    pub created_ms: i64,
    /// When it was last used.
    pub active_ms: i64,
    /// When it ends in any case.
    pub expires_ms: i64,
    /// From where it was opened; empty when that is not known.
    pub address: String,
    /// It is the one that asks.
    pub current: bool,
}

impl Accounts {
    /// The account of whoever asks.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn profile(&self, who: &Identity) -> Result<Profile, AccountsError> {
        let readers = self.inner.storage.reader();
        let account = store::account_of(readers, who.account).await?.ok_or(AccountsError::TokenInvalid)?;
        let dates = store::own::dates(readers, who.account).await?.ok_or(AccountsError::TokenInvalid)?;
        let recovery_codes = store::factors::recovery_codes(readers, who.account).await?;
        Ok(Profile {
            name: account.name,
            role: account.role,
            created_ms: dates.created_ms,
            login_last_ms: dates.login_last_ms,
            password_changed_ms: dates.password_changed_ms,
            second_factor: account.second_factor,
            recovery_codes: u32::try_from(recovery_codes).unwrap_or(0),
        })
    }

    /// Puts a new password in the place of the old one, and ends every session of the account but this one.
    ///
    /// # Errors
    /// When the old password is another one, which counts as a wrong log-in; when the new one breaks a rule; when too many wait.
    pub async fn change_password(
        &self,
        who: &Identity,
        old: &str,
        new: &str,
        peer: IpAddr,
    ) -> Result<(), AccountsError> {
        let account = self.confirm_password(who, old, peer).await?;
        let new = password::chosen(new, &account.name)?;
        let place = self.inner.hashing.place(Network::of(peer))?;
        let hash = self.inner.hashing.hash(place, new).await?;
        let (inner, teller, kept) = (Arc::clone(&self.inner), Arc::clone(&self.inner), who.session);
        in_task(async move {
            let (id, version, now_ms) = (account.id, account.password_version, inner.storage.now_ms());
            let changed = inner
                .storage
                .write::<_, AccountsError, _>(move |connection| {
                    Box::pin(async move {
                        if !store::own::change_password(connection, id, version, &hash, now_ms).await? {
                            return Err(AccountsError::InvalidCredentials);
                        }
                        let ended = store::own::delete_other_sessions(connection, id, kept).await?;
                        teller.tell_ends(connection, &ended).await?;
                        Ok(ended)
                    })
                })
                .await;
            end(&inner.sessions, changed, || inner.sessions.end_others(id, kept))?;
            tracing::info!(account = %id, "password changed");
            Ok(())
        })
        .await
    }

    /// The sessions of whoever asks, the newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn sessions_of(&self, who: &Identity) -> Result<Vec<OwnSession>, AccountsError> {
        let now_ms = self.inner.storage.now_ms();
        let stored = store::own::sessions_of(self.inner.storage.reader(), who.account).await?;
        let own = |stored: store::own::OwnSession| {
            let store::own::OwnSession { id, created_ms, active_ms, expires_ms, address } = stored;
            let live = self.inner.sessions.get(id);
            let active_ms = live.map_or(active_ms, |live| live.active_ms());
            OwnSession { id, created_ms, active_ms, expires_ms, address, current: id == who.session }
        };
        let alive =
            |session: &OwnSession| now_ms < session.expires_ms && now_ms - session.active_ms < self.inner.idle_ms();
        Ok(stored.into_iter().map(own).filter(alive).collect())
    }

    /// Ends one session of whoever asks.
    ///
    /// # Errors
    /// When the account has no such session; those of the database.
    pub async fn revoke_session(&self, who: &Identity, session: SessionId) -> Result<(), AccountsError> {
        let (inner, teller, account) = (Arc::clone(&self.inner), Arc::clone(&self.inner), who.account);
        in_task(async move {
            let ended = inner
                .storage
                .write::<_, AccountsError, _>(move |connection| {
                    Box::pin(async move {
                        let ended = store::own::delete_session_of(connection, account, session).await?;
                        teller.tell_ends(connection, &ended).await?;
                        Ok(ended)
                    })
                })
                .await;
            if ended.as_ref().is_ok_and(Vec::is_empty) {
                return Err(AccountsError::SessionUnknown);
            }
            // The account is asked for above: a stranger's session is never ended here.
            let is_own = inner.sessions.get(session).is_some_and(|live| live.identity.account == account);
            end(&inner.sessions, ended, || {
                if is_own {
                    inner.sessions.end(&[session]);
                }
            })
        })
        .await
    }

    /// Ends every session of whoever asks but the one that asks.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn revoke_other_sessions(&self, who: &Identity) -> Result<(), AccountsError> {
        let (inner, teller) = (Arc::clone(&self.inner), Arc::clone(&self.inner));
        let (account, kept) = (who.account, who.session);
        in_task(async move {
            let ended = inner
                .storage
                .write::<_, AccountsError, _>(move |connection| {
                    Box::pin(async move {
                        let ended = store::own::delete_other_sessions(connection, account, kept).await?;
                        teller.tell_ends(connection, &ended).await?;
                        Ok(ended)
                    })
                })
                .await;
            end(&inner.sessions, ended, || inner.sessions.end_others(account, kept))
        })
        .await
    }

    /// The account of whoever asks, when this is its password. A wrong one counts as a wrong log-in.
    pub(super) async fn confirm_password(
        &self,
        who: &Identity,
        given: &str,
        peer: IpAddr,
    ) -> Result<store::Account, AccountsError> {
        let inner = &self.inner;
        let network = inner.doorkeeper.admit(peer)?;
        let account =
            store::account_of(inner.storage.reader(), who.account).await?.ok_or(AccountsError::TokenInvalid)?;
        // The session proves who asks: strangers who guess at the name from elsewhere lock nobody out who is in.
        let known = std::future::ready(Ok(true));
        let guess = inner.guessing.begin(account.name.folded(), network, inner.storage.now_ms(), known).await?;
        let place = inner.hashing.place(network)?;
        let given = password::given(given).unwrap_or_default();
        if inner.hashing.verify(place, given, Some(account.password.clone())).await? {
            guess.right();
            Ok(account)
        } else {
            guess.wrong(inner.storage.now_ms());
            Err(AccountsError::PasswordWrong)
        }
    }
}

/// Ends in memory what was ended in the database, or `all_meant` when nobody knows whether it was: an end that is told without need
/// harms nobody, one that is missed does.
fn end(
    sessions: &Sessions,
    ended: Result<Vec<SessionId>, AccountsError>,
    all_meant: impl FnOnce(),
) -> Result<(), AccountsError> {
    match &ended {
        Ok(ended) => sessions.end(ended),
        Err(AccountsError::Storage(StorageError::Unconfirmed)) => all_meant(),
        Err(_) => {}
    }
    ended.map(|_| ())
}
