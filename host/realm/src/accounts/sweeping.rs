//! The upkeep of token sessions: ends those that have run out, stores the activity of those in use.

use std::{sync::Weak, time::Duration};

use super::{Inner, store};
use crate::storage::StorageError;

/// How often sessions are looked through.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Sessions of one sweep; the rest waits for the next one. An expired session is refused also before it is swept.
const SWEEP_SESSIONS_MAX: usize = 500;

impl Inner {
    /// Ends the sessions that have run out and stores the activity of those in use.
    pub(super) async fn sweep(&self) -> Result<(), StorageError> {
        let (now_ms, idle_ms) = (self.storage.now_ms(), self.idle_ms());
        let found = self.sessions.sweep(now_ms, idle_ms, SWEEP_SESSIONS_MAX);
        if found.expired.is_empty() && found.active.is_empty() {
            return Ok(());
        }
        let (expired, active) = (found.expired.clone(), found.active);
        self.storage
            .write::<_, StorageError, _>(move |connection| {
                Box::pin(async move {
                    for session in expired {
                        store::delete_session(connection, session).await?;
                    }
                    for (session, active_ms) in active {
                        store::set_active(connection, session, active_ms).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        self.sessions.end(&found.expired);
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
