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
    lost: bool,
}

impl GameWorld {
    /// Reads the body of a PLAYER_STATE; `None` when its baseline is not known (any more): the next acknowledgement then asks for a
    /// full one.
    ///
    /// # Errors
    /// When the body is no snapshot.
    pub fn take(&mut self, body: &[u8]) -> Result<Option<Arc<Snapshot>>, ClientError> {
        let wrong = |error: SnapshotError| ClientError::Unexpected(error.to_string());
        let baseline = match baseline_tick(body).map_err(wrong)? {
            None => None,
            Some(tick) => match self.snapshots.iter().find(|snapshot| snapshot.tick == tick) {
                Some(snapshot) => Some(snapshot.as_ref()),
                None => {
                    self.lost = true;
                    return Ok(None);
                }
            },
        };
        let snapshot = Arc::new(decode(body, baseline).map_err(wrong)?);
        self.lost = false;
        if self.snapshots.len() == SNAPSHOTS_MAX {
            self.snapshots.pop_front();
        }
        self.snapshots.push_back(Arc::clone(&snapshot));
        Ok(Some(snapshot))
    }

    /// The newest snapshot.
    #[must_use]
    pub fn newest(&self) -> Option<&Snapshot> {
        self.snapshots.back().map(AsRef::as_ref)
    }

    /// What to acknowledge: the newest snapshot's tick, or 0 when the next one must be full.
    #[must_use]
    pub fn acknowledged_tick(&self) -> u32 {
        if self.lost { 0 } else { self.newest().map_or(0, |snapshot| snapshot.tick) }
    }
}
