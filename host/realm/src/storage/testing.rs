//! What the tests of every feature over the database begin with.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use super::{Config, Storage};
use crate::types::Clock;

/// A clock that stands still until it is told otherwise.
#[derive(Debug)]
pub(crate) struct FakeClock(AtomicI64);

impl FakeClock {
    /// Some day in November 2026.
    pub(crate) const START_MS: i64 = 1_795_000_000_000;

    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(Self::START_MS)))
    }

    pub(crate) fn advance_ms(&self, milliseconds: i64) {
        self.0.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// The database in `folder`, on node 0.
pub(crate) async fn open(folder: &Path, clock: &Arc<FakeClock>) -> Storage {
    let clock: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
    Storage::open(&Config::default(), folder, 0, clock).await.expect("a database in an empty folder")
}
