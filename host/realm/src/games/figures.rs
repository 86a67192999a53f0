//! What the tick threads count: written without locks by them, read by anybody.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// One tick in so many of each game is measured by phase.
const SAMPLED_TICKS: u32 = 8;

/// Sub-divisions of each power of two: a figure is at most an eighth too high.
const STEPS: u64 = 8;
/// Up to 2^26 µs, a little more than a minute; what is later counts there.
const BUCKETS: usize = 192;

/// Lateness of tick starts, in microseconds, in buckets that grow with the value; its size never grows.
#[derive(Debug)]
pub(super) struct Lateness {
    buckets: [AtomicU64; BUCKETS],
    worst_us: AtomicU64,
}

impl Default for Lateness {
    fn default() -> Self {
        Self { buckets: std::array::from_fn(|_| AtomicU64::new(0)), worst_us: AtomicU64::new(0) }
    }
}

fn bucket(value: u64) -> usize {
    if value < STEPS {
        return usize::try_from(value).unwrap_or(0);
    }
    let exponent = u64::from(63 - value.leading_zeros());
    let index = (exponent - 2) * STEPS + ((value >> (exponent - 3)) & (STEPS - 1));
    usize::try_from(index).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

/// The highest value that falls into a bucket.
fn ceiling(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < STEPS {
        return bucket;
    }
    let exponent = bucket / STEPS + 2;
    let step = 1 << (exponent - 3);
    (STEPS + bucket % STEPS) * step + step - 1
}

impl Lateness {
    /// Takes one tick's lateness.
    pub(super) fn record(&self, microseconds: u64) {
        self.buckets[bucket(microseconds)].fetch_add(1, Ordering::Relaxed);
        self.worst_us.fetch_max(microseconds, Ordering::Relaxed);
    }

    /// Median, 99th percentile and worst, in microseconds; zeros before the first tick.
    pub(super) fn figures(&self) -> [u64; 3] {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        let worst = self.worst_us.load(Ordering::Relaxed);
        let quantile = |percent: u64| {
            let rank = (total * percent).div_ceil(100).max(1);
            let mut seen = 0;
            let found = counts.iter().position(|count| {
                seen += count;
                seen >= rank
            });
            found.map_or(0, ceiling).min(worst)
        };
        [quantile(50), quantile(99), worst]
    }
}

/// Counted since the start, over all tick threads.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) ticks: AtomicU64,
    pub(super) ticks_skipped: AtomicU64,
    pub(super) findings: AtomicU64,
    pub(super) saves: AtomicU64,
    pub(super) lateness: Lateness,
}

/// What a tick consists of, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// A new version of a rule is taken over.
    PickUp,
    /// What arrived is taken from the links.
    Take,
    /// The host's own checks.
    Checks,
    /// The batched call to the anti-cheat rule, and its verdicts.
    AntiCheat,
    /// The world's step, the log, and what must be kept.
    Step,
    /// Views and their encoding.
    Snapshots,
    /// Who is told what happened.
    Events,
    /// Writing to the links.
    Write,
}

impl Phase {
    const ALL: [(Phase, &'static str); 8] = [
        (Phase::PickUp, "pick-up"),
        (Phase::Take, "take"),
        (Phase::Checks, "checks"),
        (Phase::AntiCheat, "anti-cheat"),
        (Phase::Step, "step"),
        (Phase::Snapshots, "snapshots"),
        (Phase::Events, "events"),
        (Phase::Write, "write"),
    ];
}

/// Histograms of a tick thread, in seconds.
pub(super) struct Meters {
    phases: [metrics::Histogram; Phase::ALL.len()],
    /// Start of a tick after its time.
    pub(super) lateness: metrics::Histogram,
}

impl Meters {
    pub(super) fn new() -> Self {
        Self {
            phases: Phase::ALL.map(|(_, name)| metrics::histogram!("realm_tick_phase_seconds", "phase" => name)),
            lateness: metrics::histogram!("realm_tick_lateness_seconds"),
        }
    }

    pub(super) fn record(&self, phase: Phase, took: Duration) {
        self.phases[phase as usize].record(took);
    }

    /// Takes what a watch has measured in a tick that is over.
    pub(super) fn take(&self, watch: &Watch) {
        if watch.border.is_some() {
            // The thread's own phase is not a game's.
            for (phase, _) in Phase::ALL.into_iter().skip(1) {
                self.record(phase, watch.spent[phase as usize]);
            }
        }
    }
}

/// Measures the phases of one tick of a game.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Where the running phase began; `None` when this tick is not measured.
    border: Option<Instant>,
    spent: [Duration; Phase::ALL.len()],
}

impl Watch {
    /// A watch over a tick. One tick in [`SAMPLED_TICKS`] is measured by phase: reading the clock a dozen times costs as much as a
    /// small world's step.
    pub(super) fn over(tick: u32) -> Self {
        let border = tick.is_multiple_of(SAMPLED_TICKS).then(Instant::now);
        Self { border, spent: [Duration::ZERO; Phase::ALL.len()] }
    }

    /// What was done since the last lap was another game's.
    pub(super) fn go_on(&mut self) {
        if let Some(border) = &mut self.border {
            *border = Instant::now();
        }
    }

    /// So much of what was done for several games at once belongs to this one.
    pub(super) fn add(&mut self, phase: Phase, took: Duration) {
        if self.border.is_some() {
            self.spent[phase as usize] += took;
        }
    }

    /// What was done since the last border belongs to this phase.
    pub(super) fn lap(&mut self, phase: Phase) {
        if let Some(border) = &mut self.border {
            let now = Instant::now();
            self.spent[phase as usize] += now.duration_since(std::mem::replace(border, now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_its_ceiling_and_is_at_most_an_eighth_wide() {
        for value in (0..5_000).chain([40_000, 1_000_000, 60_000_000]) {
            let top = ceiling(bucket(value));
            assert!(top >= value && top <= value + value / 8 + 1, "{value} counts as {top}");
        }
    }

    #[test]
    fn quantiles_come_out_in_order() {
        let lateness = Lateness::default();
        assert_eq!(lateness.figures(), [0, 0, 0]);
        (0..99).for_each(|_| lateness.record(100));
        lateness.record(9_000_000_000);
        let [median, high, worst] = lateness.figures();
        assert!((100..=112).contains(&median) && (100..=112).contains(&high));
        assert_eq!(worst, 9_000_000_000);
    }
}
