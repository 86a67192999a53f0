//! How long the writer has been at one transaction, and when a database that failed is tried again.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// A transaction that takes longer is told to health checks.
const SLOW: Duration = Duration::from_millis(1_500);
/// The shortest time between two tries of a database that is away; up to half as much again is added by chance, so that several
/// realms do not come at once.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// The clock of the writer's transactions.
#[derive(Debug)]
pub(super) struct Pace {
    start: Instant,
    /// Milliseconds from the start to the begin of the transaction, plus one; 0 when there is none.
    began_ms: AtomicU64,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), began_ms: AtomicU64::new(0) }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn begin(&self) {
        self.began_ms.store(self.now_ms() + 1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.began_ms.store(0, Ordering::Relaxed);
    }

    /// How long the transaction takes that is too long already.
    pub(super) fn slow_ms(&self) -> Option<u64> {
        let began_ms = self.began_ms.load(Ordering::Relaxed).checked_sub(1)?;
        let taken_ms = self.now_ms().saturating_sub(began_ms);
        (u128::from(taken_ms) > SLOW.as_millis()).then_some(taken_ms)
    }

    /// From one try to the next.
    pub(super) fn pause() -> Duration {
        let mut chance = [0; 2];
        // Without chance several realms may come at once, and nothing else.
        let _ = getrandom::fill(&mut chance);
        RETRY_EVERY + RETRY_EVERY * u32::from(u16::from_le_bytes(chance)) / (2 * u32::from(u16::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_is_away_is_tried_at_most_once_a_second_and_not_in_step() {
        let pauses: Vec<Duration> = (0..100).map(|_| Pace::pause()).collect();
        assert!(pauses.iter().all(|pause| (1_000..=1_500).contains(&pause.as_millis())));
        assert!(pauses.iter().any(|pause| *pause != pauses[0]));
    }
}
