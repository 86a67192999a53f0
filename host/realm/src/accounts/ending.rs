//! Ends of token sessions, and whoever waits for them.

use std::{net::IpAddr, sync::Arc};

use super::{Accounts, AccountsError, store, sweeping::SESSIONS_PER_WRITE_MAX};
use crate::{
    storage::StorageError,
    types::{AccountId, SessionId, in_task},
};

impl Accounts {
    /// Ends a token session; whoever waits on [`Self::session_ended`] is told. A session that is over is no error.
    ///
    /// # Errors
    /// Those of the database. When it only did not confirm in time, the session is over until the realm is started again.
    pub async fn logout(&self, session: SessionId) -> Result<(), AccountsError> {
        let (inner, teller) = (Arc::clone(&self.inner), Arc::clone(&self.inner));
        in_task(async move {
            let ended = inner
                .storage
                .write::<_, StorageError, _>(move |connection| {
                    Box::pin(async move {
                        store::delete_session(connection, session).await?;
                        teller.tell_ends(connection, &[session]).await
                    })
                })
                .await;
            // An end that is told without need harms nobody, one that is missed does.
            if matches!(ended, Ok(()) | Err(StorageError::Unconfirmed)) {
                inner.sessions.end(&[session]);
            }
            Ok(ended?)
        })
        .await
    }

    /// Ends every session that was used last from one of these addresses.
    ///
    /// # Errors
    /// As [`Self::end_sessions`].
    pub async fn end_sessions_from(
        &self,
        is_meant: impl Fn(IpAddr) -> bool + Send + 'static,
    ) -> Result<usize, AccountsError> {
        let inner = Arc::clone(&self.inner);
        in_task(async move {
            let meant = inner.sessions.used_from(is_meant);
            for some in meant.chunks(SESSIONS_PER_WRITE_MAX) {
                let (batch, teller) = (some.to_vec(), Arc::clone(&inner));
                let ended = inner.storage.write::<_, StorageError, _>(move |connection| {
                    Box::pin(async move {
                        for session in &batch {
                            store::delete_session(connection, *session).await?;
                        }
                        teller.tell_ends(connection, &batch).await
                    })
                });
                let ended = ended.await;
                if matches!(ended, Ok(()) | Err(StorageError::Unconfirmed)) {
                    inner.sessions.end(some);
                }
                ended?;
            }
            Ok(meant.len())
        })
        .await
    }

    /// Ends every session of an account (ban, password change).
    ///
    /// # Errors
    /// Those of the database. When it only did not confirm in time, the sessions are over until the realm is started again.
    pub async fn end_sessions(&self, account: AccountId) -> Result<(), AccountsError> {
        let (inner, teller) = (Arc::clone(&self.inner), Arc::clone(&self.inner));
        in_task(async move {
            let ended = inner
                .storage
                .write::<_, StorageError, _>(move |connection| {
                    Box::pin(async move {
                        let ended = store::delete_sessions_of(connection, account).await?;
                        teller.tell_ends(connection, &ended).await?;
                        Ok(ended)
                    })
                })
                .await;
            match &ended {
                Ok(sessions) => inner.sessions.end(sessions),
                // Which they were is not known.
                Err(StorageError::Unconfirmed) => inner.sessions.end_of(account),
                Err(_) => {}
            }
            ended?;
            Ok(())
        })
        .await
    }

    /// Resolves when the token session has ended: a connection on it must close. While somebody waits, the session counts
    /// as active.
    pub async fn session_ended(&self, session: SessionId) {
        let Some(mut ended) = self.inner.sessions.watch_end(session) else { return };
        // An error means that the session is gone with everything else.
        let _ = ended.wait_for(|ended| *ended).await;
    }
}
