//! Sanctions that other nodes over one database spoke or lifted: they are in force on every node within two seconds.
//!
//! Each change has a number that counts up over all nodes, so that no clock decides what is new.

use std::{sync::Weak, time::Duration};

use super::{Kind, Sanction, Shared, Target, store};
use crate::storage::StorageError;

/// How often changes are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Changes that are read at once; the rest follows without a pause.
const CHANGES_PER_READ: i64 = 500;

impl Shared {
    /// Takes up what has changed since the last time, and tells of each what is in force now.
    pub(super) async fn hear(&self) -> Result<(), StorageError> {
        loop {
            let changes = store::changed_since(self.storage.reader(), self.heard_last(), CHANGES_PER_READ).await?;
            let Some((last, _)) = changes.last() else { return Ok(()) };
            let last = *last;
            let mut readable = Vec::with_capacity(changes.len());
            for (change, sanction) in changes {
                match sanction {
                    Ok(sanction) => readable.push(sanction),
                    // The others are in force all the same.
                    Err(error) => {
                        tracing::error!(change, %error, "a sanction cannot be read, and is not in force here")
                    }
                }
            }
            if readable.iter().any(|sanction| matches!(sanction.target, Target::Network(_))) {
                self.refresh_networks().await?;
            }
            for sanction in readable {
                self.take_up(&sanction).await?;
                // Nobody listens when no session layer runs.
                let _ = self.heard.send(sanction);
            }
            self.heard_until(last);
        }
    }

    /// Puts a mute, or its end, into force on this node.
    pub(super) async fn take_up(&self, sanction: &Sanction) -> Result<(), StorageError> {
        let (Target::Account(account), Kind::Mute) = (&sanction.target, sanction.kind) else { return Ok(()) };
        let now_ms = self.storage.now_ms();
        if sanction.in_force(now_ms) {
            self.mutes.add(*account, sanction.mute(), now_ms);
            return Ok(());
        }
        // A shorter one may be left.
        self.mutes.forget(*account);
        if let Some(mute) = store::longest_mute(self.storage.reader(), *account, now_ms).await? {
            self.mutes.add(*account, mute, now_ms);
        }
        Ok(())
    }
}

/// Takes up what other nodes decided, as long as somebody asks for sanctions.
pub(super) async fn follow(shared: Weak<Shared>) {
    let mut times = tokio::time::interval(LOOK_EVERY);
    times.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        times.tick().await;
        let Some(shared) = shared.upgrade() else { return };
        if let Err(error) = shared.hear().await {
            tracing::debug!(%error, "sanctions of other nodes could not be looked for; tried again in a second");
        }
    }
}
