//! How much of its time each tick thread needs, so that a new game goes where there is most left.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

/// What a game is taken to cost until it has been measured, for each of its ticks.
const NEW_GAME_NS: u64 = 60_000;
/// A tick counts for one part in so many of the average: 32 ticks are little more than a second.
const AVERAGE_PARTS: u64 = 32;

/// What one game costs: a moving average of the time that a tick takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    average_ns: u64,
}

impl Default for Cost {
    fn default() -> Self {
        Self { average_ns: NEW_GAME_NS }
    }
}

impl Cost {
    /// So many steps took so long.
    pub(super) fn add(&mut self, took: Duration, steps: u32) {
        let one_ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) / u64::from(steps.max(1));
        self.average_ns = self.average_ns - self.average_ns / AVERAGE_PARTS + one_ns / AVERAGE_PARTS;
    }

    pub(super) fn average_ns(self) -> u64 {
        self.average_ns
    }
}

/// The load of one tick thread.
#[derive(Debug, Default)]
struct ThreadLoad {
    /// Of the games that it steps, by its own last account.
    measured_ns: AtomicU64,
    /// Games that were given to it and have not arrived.
    promised: AtomicU32,
}

/// The load of every tick thread: written by the threads, read by whoever opens a game.
#[derive(Debug)]
pub(super) struct Loads(Vec<ThreadLoad>);

impl Loads {
    pub(super) fn new(threads: usize) -> Self {
        Self((0..threads).map(|_| ThreadLoad::default()).collect())
    }

    /// The thread with the least to do; from now on the new game counts there.
    pub(super) fn place(&self) -> usize {
        let load = |thread: &ThreadLoad| {
            let promised = u64::from(thread.promised.load(Ordering::Relaxed));
            thread.measured_ns.load(Ordering::Relaxed).saturating_add(promised * NEW_GAME_NS)
        };
        let (place, least) =
            self.0.iter().enumerate().min_by_key(|(_, thread)| load(thread)).expect("there is a tick thread");
        least.promised.fetch_add(1, Ordering::Relaxed);
        place
    }

    /// A game that was promised has arrived, or never will.
    pub(super) fn arrived(&self, thread: usize) {
        if let Some(thread) = self.0.get(thread) {
            let fewer = |promised: u32| Some(promised.saturating_sub(1));
            let _ = thread.promised.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
        }
    }

    /// What the games of a thread cost in one tick, together.
    pub(super) fn measured(&self, thread: usize, sum_ns: u64) {
        if let Some(thread) = self.0.get(thread) {
            thread.measured_ns.store(sum_ns, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_game_goes_to_the_thread_with_the_least_measured_cost() {
        let loads = Loads::new(3);
        loads.measured(0, 900_000);
        loads.measured(1, 200_000);
        loads.measured(2, 400_000);
        // Each counts as a new game where it was sent, until its thread has taken it over.
        let places: Vec<usize> = (0..8).map(|_| loads.place()).collect();
        assert_eq!(places, [1, 1, 1, 1, 2, 1, 2, 1]);
        for place in places {
            loads.arrived(place);
        }
        assert_eq!(loads.place(), 1, "many small games weigh less than a few large ones");
    }

    #[test]
    fn idle_threads_take_turns() {
        let loads = Loads::new(2);
        assert_eq!([loads.place(), loads.place(), loads.place(), loads.place()], [0, 1, 0, 1]);
        loads.arrived(0);
        loads.arrived(0);
        loads.arrived(0);
        assert_eq!([loads.place(), loads.place(), loads.place()], [0, 0, 0]);
    }

    #[test]
    fn the_average_follows_what_a_tick_costs() {
        let mut cost = Cost::default();
        (0..500).for_each(|_| cost.add(Duration::from_micros(20), 1));
        assert!((19_000..=21_000).contains(&cost.average_ns()), "{}", cost.average_ns());
        (0..500).for_each(|_| cost.add(Duration::from_micros(500), 5));
        assert!((95_000..=101_000).contains(&cost.average_ns()), "{}", cost.average_ns());
    }
}
