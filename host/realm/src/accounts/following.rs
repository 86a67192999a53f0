//! Ends of sessions that other nodes over one database decided: a new password, a ban, a log-out reaches every node within two seconds.

use std::{sync::Weak, time::Duration};

use super::{Inner, store};
use crate::{
    storage::{self, Connection, StorageError},
    types::SessionId,
};

/// How often ends are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Ends are heard of for so long; clocks of nodes may differ by as much.
const HEARD_MS: i64 = 10 * 60_000;
/// Ends that are read at once; the last ones count.
const ENDS_MAX: i64 = 100_000;

impl Inner {
    /// Tells the other nodes, when there may be some, which sessions end with the write that this is part of.
    pub(super) async fn tell_ends(&self, connection: &mut Connection, ended: &[SessionId]) -> Result<(), StorageError> {
        if !storage::is_shared(connection) {
            return Ok(());
        }
        store::ends::note(connection, ended, self.storage.now_ms()).await
    }

    /// Ends what other nodes ended.
    async fn hear_ends(&self) -> Result<(), StorageError> {
        let ended = store::ends::since(self.storage.reader(), self.storage.now_ms() - HEARD_MS, ENDS_MAX).await?;
        self.sessions.end(&ended);
        Ok(())
    }

    /// Forgets the ends that every node has heard of.
    pub(super) async fn forget_ends(&self) -> Result<(), StorageError> {
        let until_ms = self.storage.now_ms() - 2 * HEARD_MS;
        self.storage.write(move |connection| Box::pin(store::ends::forget(connection, until_ms))).await
    }
}

pub(super) async fn follow(inner: Weak<Inner>) {
    let mut times = tokio::time::interval(LOOK_EVERY);
    times.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        times.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        if let Err(error) = inner.hear_ends().await {
            tracing::debug!(%error, "ends of sessions on other nodes could not be looked for; tried again in a second");
        }
    }
}
