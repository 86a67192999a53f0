//! The end of all sessions when the realm stops, and their return when it starts again.
//!
//! 1. requests are refused and nobody comes in
//! 2. what was taken goes out: a line of chat reaches everybody or nobody
//! 3. every client is told when to come back, one after the other
//! 4. what is needed to go on is stored
//! 5. the next start begins with it

use std::{
    sync::{PoisonError, atomic::Ordering},
    time::Duration,
};

use tokio::time::{Instant, timeout};

use super::{Sessions, Shared, player, registry::stopping};
use crate::accounts::KeptSession;

/// How long the requests that are being carried out may take.
const REQUESTS_DEADLINE: Duration = Duration::from_secs(1);
/// How long the channels may take to send out what was said before the stop.
const SETTLE_DEADLINE: Duration = Duration::from_secs(1);
/// How long the end of all sessions may take.
const END_DEADLINE: Duration = Duration::from_secs(3);
/// How long storing the sessions may take.
const KEEP_DEADLINE: Duration = Duration::from_secs(2);

impl Shared {
    /// Leaves a session for the next run of the realm.
    pub(super) fn keep(&self, kept: KeptSession) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
    }
}

impl Sessions {
    /// Brings back the sessions that the last stop left: their clients may resume them within `resume_seconds`. What their clients
    /// had not read is lost, so each is told to ask anew.
    pub async fn restore(&self) {
        let shared = &self.shared;
        if shared.config.resume_seconds == 0 {
            return;
        }
        match shared.features.accounts.take_kept_sessions().await {
            Ok(kept) => {
                let count = kept.len();
                for (identity, kept) in kept.into_iter().take(shared.config.players_max) {
                    player::restore(shared, identity, kept).await;
                }
                if count > 0 {
                    tracing::info!(sessions = count, "sessions wait for their clients to come back");
                }
            }
            Err(error) => tracing::warn!(%error, "the sessions of the last run are lost; their clients begin anew"),
        }
    }

    /// Tells every client that the realm stops and when to come back, ends the sessions and keeps them for the next start. Takes at
    /// most seven seconds.
    pub async fn stop(&self) {
        let shared = &self.shared;
        shared.quiet.store(true, Ordering::Relaxed);
        let sessions = shared.registry().stop();
        let requests = timeout(REQUESTS_DEADLINE, shared.requests.write()).await;
        if requests.is_err() {
            tracing::debug!("a request was still being carried out when the sessions were ended");
        }
        let settled = async {
            for home in shared.features.realms.all() {
                home.chat.settle().await;
            }
        };
        if timeout(SETTLE_DEADLINE, settled).await.is_err() {
            tracing::warn!("a channel was still busy when the realm stopped; its last lines may be lost");
        }
        let clients = sessions.len();
        for (index, session) in sessions.iter().enumerate() {
            session.events.close(stopping(index, clients));
        }
        sessions.iter().for_each(|session| session.wake.notify_one());
        let deadline = Instant::now() + END_DEADLINE;
        for session in &sessions {
            if !session.ended_before(deadline).await {
                tracing::warn!("sessions were still busy when the realm stopped");
                break;
            }
        }
        let kept = std::mem::take(&mut *shared.kept.lock().unwrap_or_else(PoisonError::into_inner));
        match timeout(KEEP_DEADLINE, shared.features.accounts.keep_sessions(kept)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the sessions could not be kept; their clients begin anew"),
            Err(_) => tracing::warn!("the sessions could not be kept in time; their clients begin anew"),
        }
    }
}
