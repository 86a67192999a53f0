//! The snapshots a client remembers, to read the next one.

use std::{collections::VecDeque, sync::Arc};

use realm_protocol::{
    Snapshot,
    snapshot::{SnapshotError, baseline_tick, decode},
};

use crate::ClientError;

/// Snapshots that are remembered; the server's baselines are not older.
const SNAPSHOTS_MAX: usize = 32;

/// The snapshots a client remembers.
#[derive(Debug, Default)]
pub struct GameWorld {
    snapshots: VecDeque<Arc<Snapshot>>,
}

impl GameWorld {
    /// Reads the body of a PLAYER_STATE.
    ///
    /// # Errors
    /// When the body is no snapshot, or the difference to one that is not remembered: the server only uses acknowledged ones, so this
    /// would be a fault. A new connection begins with a full snapshot.
    pub fn take(&mut self, body: &[u8]) -> Result<Arc<Snapshot>, ClientError> {
        let wrong = |error: SnapshotError| ClientError::Unexpected(error.to_string());
        let baseline = baseline_tick(body).map_err(wrong)?;
        let baseline = self.snapshots.iter().find(|snapshot| Some(snapshot.tick) == baseline);
        let snapshot = Arc::new(decode(body, baseline.map(AsRef::as_ref)).map_err(wrong)?);
        if self.snapshots.len() == SNAPSHOTS_MAX {
            self.snapshots.pop_front();
        }
        self.snapshots.push_back(Arc::clone(&snapshot));
        Ok(snapshot)
    }

    /// The newest snapshot.
    #[must_use]
    pub fn newest(&self) -> Option<&Snapshot> {
        self.snapshots.back().map(AsRef::as_ref)
    }

    /// What to acknowledge: the newest snapshot's tick; 0 before the first.
    #[must_use]
    pub fn acknowledged_tick(&self) -> u32 {
        self.newest().map_or(0, |snapshot| snapshot.tick)
    }
}
