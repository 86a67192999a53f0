//! How long a password takes that costs what is asked for now: measured, so that what costs less can be made to take as long.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

use super::secret;

/// Times that are remembered; older ones are forgotten.
const TIMES_MAX: usize = 64;

/// The last times, in CPU time of the thread that computed.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<VecDeque<Duration>>);

impl Pace {
    /// Remembers how long one took.
    pub(super) fn took(&self, time: Duration) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if times.len() >= TIMES_MAX {
            times.pop_front();
        }
        times.push_back(time);
    }

    /// How long another one would take: one of the last times, by chance, so that they are spread alike. Nothing when there was none.
    pub(super) fn full(&self) -> Duration {
        let times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [chance] = secret::random::<1>();
        times.get(usize::from(chance) % times.len().max(1)).copied().unwrap_or_default()
    }
}

/// What this thread has used of a processor.
pub(super) fn thread_cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_times_are_drawn_from_and_those_before_are_forgotten() {
        let pace = Pace::default();
        assert_eq!(pace.full(), Duration::ZERO);
        for millisecond in 0..1_000 {
            pace.took(Duration::from_millis(millisecond));
        }
        let first = Duration::from_millis(1_000 - u64::try_from(TIMES_MAX).unwrap());
        let drawn: Vec<Duration> = (0..200).map(|_| pace.full()).collect();
        assert!(drawn.iter().all(|time| *time >= first), "{drawn:?}");
        assert!(drawn.iter().any(|time| *time != drawn[0]), "by chance");
    }
}
