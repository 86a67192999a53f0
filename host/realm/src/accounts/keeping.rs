//! Connected sessions that outlive a stop of the realm: kept with their token sessions, and gone with them.

use super::{Accounts, Identity, store};
use crate::{
    storage::StorageError,
    types::{CharacterId, SessionId},
};

/// Sessions that were kept longer ago are not worth bringing back: their clients have given up.
const KEPT_MAX_MS: i64 = 10 * 60_000;

/// What brings a connected session back after a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSession {
    /// The token session that it was logged in with.
    pub session: SessionId,
    /// Digest of its resume token, in hexadecimal.
    pub resume: String,
    /// Number of its last event.
    pub event_last: u64,
    /// Key of the realm it was in; empty for the first.
    pub realm: String,
    /// The channel it was in; empty for none.
    pub channel: String,
    /// The character it had selected.
    pub character: Option<CharacterId>,
}

impl Accounts {
    /// Keeps sessions for the next start, all in one transaction.
    ///
    /// # Errors
    /// When the database does not take them; then none is kept.
    pub async fn keep_sessions(&self, kept: Vec<KeptSession>) -> Result<(), StorageError> {
        let storage = &self.inner.storage;
        let (node, now_ms) = (storage.ids().node(), storage.now_ms());
        storage
            .write::<_, StorageError, _>(move |connection| {
                Box::pin(async move {
                    for kept in &kept {
                        store::kept::keep_session(connection, node, kept, now_ms).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Takes out the sessions that the last stop of this node kept, with whose they are. Those whose tokens have ended, and those
    /// of a stop more than ten minutes ago, are left out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn take_kept_sessions(&self) -> Result<Vec<(Identity, KeptSession)>, StorageError> {
        let storage = &self.inner.storage;
        let (node, since_ms) = (storage.ids().node(), storage.now_ms() - KEPT_MAX_MS);
        let kept = storage
            .write::<_, StorageError, _>(move |connection| {
                Box::pin(store::kept::take_kept_sessions(connection, node, since_ms))
            })
            .await?;
        // With the rights that are in force in it, which need not be those of the account.
        let live = |kept: KeptSession| Some((self.inner.sessions.get(kept.session)?.identity.clone(), kept));
        Ok(kept.into_iter().filter_map(live).collect())
    }
}
