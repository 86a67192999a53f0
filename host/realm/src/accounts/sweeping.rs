//! The upkeep of token sessions: ends those that have run out, stores the activity of those in use.

use std::{sync::Weak, time::Duration};

use super::{Inner, login::KNOWN_NETWORKS_MS, store};
use crate::storage::StorageError;

/// How often sessions are looked through.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Every so many sweeps what is old is looked for too.
const TIDY_EVERY_SWEEPS: u32 = 60;
/// Sessions of one write: a sweep of many gives way to other writes between.
pub(super) const SESSIONS_PER_WRITE_MAX: usize = 500;

impl Inner {
    /// Puts a new signing key in the place of one that is old enough.
    pub(super) fn renew_key(&self) -> Result<(), StorageError> {
        let key_ms = i64::from(self.config.signing_key_days) * 86_400_000;
        let token_ms = i64::from(self.config.access_token_minutes) * 60_000;
        if self.signing.rotate_when_due(self.storage.now_ms(), key_ms, token_ms)? {
            tracing::info!("a new key signs access tokens from now on");
        }
        Ok(())
    }

    /// Forgets what is only kept for a month, and looks after the signing key.
    pub(super) async fn tidy(&self) -> Result<(), StorageError> {
        self.renew_key()?;
        self.forget_ends().await?;
        let until_ms = self.storage.now_ms() - KNOWN_NETWORKS_MS;
        self.storage.write(move |connection| Box::pin(store::own::forget_networks(connection, until_ms))).await
    }

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
    let mut rounds: u32 = 1;
    loop {
        times.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        if rounds.is_multiple_of(TIDY_EVERY_SWEEPS)
            && let Err(error) = inner.tidy().await
        {
            tracing::warn!(%error, "old keys and networks stay for another hour");
        }
        rounds = rounds.wrapping_add(1);
        if let Err(error) = inner.sweep().await {
            tracing::warn!(%error, "token sessions could not be looked through; tried again in a minute");
        }
    }
}
