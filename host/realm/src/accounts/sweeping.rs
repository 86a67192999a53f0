//! The upkeep of token sessions: ends those that have run out, stores the activity of those in use.

use std::{sync::Weak, time::Duration};

use super::{Inner, store};
use crate::storage::StorageError;

/// How often sessions are looked through.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Sessions of one write: a sweep of many gives way to other writes between.
const SESSIONS_PER_WRITE_MAX: usize = 500;

impl Inner {
    /// Ends the sessions that have run out and stores the activity of those in use, until nothing is left to do.
    pub(super) async fn sweep(&self) -> Result<(), StorageError> {
        let found = self.sessions.sweep(self.storage.now_ms(), self.idle_ms());
        for expired in found.expired.chunks(SESSIONS_PER_WRITE_MAX) {
            let batch = expired.to_vec();
            self.storage
                .write::<_, StorageError, _>(move |connection| {
                    Box::pin(async move {
                        for session in batch {
                            store::delete_session(connection, session).await?;
                        }
                        Ok(())
                    })
                })
                .await?;
            self.sessions.end(expired);
        }
        for active in found.active.chunks(SESSIONS_PER_WRITE_MAX) {
            let batch: Vec<_> = active.iter().map(|live| (live.identity.session, live.active_ms())).collect();
            let stored = self
                .storage
                .write::<_, StorageError, _>(move |connection| {
                    Box::pin(async move {
                        for (session, active_ms) in &batch {
                            store::set_active(connection, *session, *active_ms).await?;
                        }
                        Ok(batch)
                    })
                })
                .await?;
            for (live, (_, active_ms)) in active.iter().zip(stored) {
                live.stored(active_ms);
            }
        }
        Ok(())
    }
}

pub(super) async fn sweep_regularly(inner: Weak<Inner>) {
    let mut times = tokio::time::interval(SWEEP_EVERY);
    times.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        times.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        if let Err(error) = inner.sweep().await {
            tracing::warn!(%error, "token sessions could not be looked through; tried again in a minute");
        }
    }
}
