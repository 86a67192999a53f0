//! What one installation of a plugin has done since it came to work, over all its lanes.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use serde::Serialize;

use super::figures::Function;

/// Kinds of failure that are told apart.
const KINDS: [&str; 5] = ["trap", "deadline", "memory", "nonsense", "dead"];

/// Counted by the lanes, read by whoever asks. A lane adds to it without a lock.
#[derive(Debug, Default)]
pub(crate) struct Record {
    functions: [Tally; Function::COUNT],
    /// The present pause of the circuit breaker, in milliseconds; 0 when it is closed.
    pause_ms: AtomicU64,
    /// Instances that were replaced because they died.
    replaced: AtomicU64,
    /// Linear memory of the largest instance so far.
    memory_bytes: AtomicU64,
    last_failure: Mutex<Option<String>>,
    /// Of a shadow: answers that were those of the version at work, and others.
    alike: AtomicU64,
    different: AtomicU64,
    last_difference: Mutex<Option<String>>,
}

/// The counts of one function.
#[derive(Debug, Default)]
struct Tally {
    calls: AtomicU64,
    used_ns: AtomicU64,
    failures: [AtomicU64; KINDS.len()],
}

impl Tally {
    fn failures(&self) -> u64 {
        self.failures.iter().map(|count| count.load(Relaxed)).sum()
    }
}

/// What a plugin has done, as the operator sees it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Observed {
    /// One entry for each function that was called or could not be.
    pub functions: Vec<FunctionFigures>,
    /// The present pause of the circuit breaker, in milliseconds; 0 when it is closed.
    pub breaker_pause_ms: u64,
    /// Instances that died and were replaced.
    pub instances_replaced: u64,
    /// Linear memory of its largest instance so far.
    pub memory_bytes: u64,
    /// What it failed of last, in words.
    pub last_failure: Option<String>,
    /// Of a shadow: how many answers were those of the version at work.
    pub alike: u64,
    /// Of a shadow: how many were not.
    pub different: u64,
    /// Of a shadow: the last that was not, in words.
    pub last_difference: Option<String>,
}

/// The figures of one function of a plugin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FunctionFigures {
    /// Name of the function, for example `check-actions`.
    pub function: &'static str,
    /// Calls that were made.
    pub calls: u64,
    /// Mean CPU time of a call, in microseconds.
    pub mean_us: f64,
    /// Calls without an answer, those that found no living instance included.
    pub failures: u64,
    /// Failures by a trap.
    pub traps: u64,
    /// Failures by a deadline.
    pub deadlines_missed: u64,
    /// Failures for want of memory.
    pub memory_refused: u64,
    /// Answers against the contract.
    pub nonsense: u64,
    /// Calls that found no living instance.
    pub away: u64,
}

impl Observed {
    /// Calls of all functions.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.functions.iter().map(|function| function.calls).sum()
    }

    /// Calls without an answer, of all functions.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.functions.iter().map(|function| function.failures).sum()
    }
}

impl Record {
    pub(super) fn called(&self, function: Function, used: Duration) {
        let tally = &self.functions[function as usize];
        tally.calls.fetch_add(1, Relaxed);
        tally.used_ns.fetch_add(u64::try_from(used.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    /// A call gave no answer; `kind` as [`realm_plugin_host::CallError::kind`] names it.
    pub(super) fn failed(&self, function: Function, kind: &str) {
        let place = KINDS.iter().position(|known| *known == kind).unwrap_or(KINDS.len() - 1);
        self.functions[function as usize].failures[place].fetch_add(1, Relaxed);
    }

    /// An instance holds so much; gives the number when it is more than any has held before.
    pub(super) fn holds(&self, memory_bytes: usize) -> Option<u64> {
        let memory_bytes = u64::try_from(memory_bytes).unwrap_or(u64::MAX);
        let more = memory_bytes > self.memory_bytes.load(Relaxed);
        (more && memory_bytes > self.memory_bytes.fetch_max(memory_bytes, Relaxed)).then_some(memory_bytes)
    }

    pub(super) fn explain(&self, failure: String) {
        *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }

    /// A shadow has been asked what the version at work was asked.
    pub(super) fn compared(&self, difference: Option<String>) {
        match difference {
            None => drop(self.alike.fetch_add(1, Relaxed)),
            Some(words) => {
                self.different.fetch_add(1, Relaxed);
                *self.last_difference.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
            }
        }
    }

    pub(super) fn replaced(&self) {
        self.replaced.fetch_add(1, Relaxed);
    }

    /// The breaker has opened for this long, or closed.
    pub(super) fn pause(&self, pause: Duration) {
        self.pause_ms.store(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX), Relaxed);
    }

    /// What it failed of last.
    pub(crate) fn last_failure(&self) -> Option<String> {
        self.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// True when at least a tenth of what it was asked was not answered.
    pub(crate) fn fails_often(&self) -> bool {
        let calls: u64 = self.functions.iter().map(|tally| tally.calls.load(Relaxed)).sum();
        let failures: u64 = self.functions.iter().map(Tally::failures).sum();
        failures > 0 && failures.saturating_mul(10) >= calls
    }

    /// True when nothing speaks against it: the breaker is closed, and it answers what it is asked.
    pub(crate) fn is_sound(&self) -> bool {
        self.pause_ms.load(Relaxed) == 0 && !self.fails_often()
    }

    /// The figures of this moment.
    pub(crate) fn observed(&self) -> Observed {
        let functions = Function::ALL.into_iter().filter_map(|function| {
            let tally = &self.functions[function as usize];
            let (calls, failures) = (tally.calls.load(Relaxed), tally.failures());
            let kind = |place: usize| tally.failures[place].load(Relaxed);
            (calls + failures > 0).then(|| FunctionFigures {
                function: function.as_str(),
                calls,
                mean_us: mean_us(tally.used_ns.load(Relaxed), calls),
                failures,
                traps: kind(0),
                deadlines_missed: kind(1),
                memory_refused: kind(2),
                nonsense: kind(3),
                away: kind(4),
            })
        });
        Observed {
            functions: functions.collect(),
            breaker_pause_ms: self.pause_ms.load(Relaxed),
            instances_replaced: self.replaced.load(Relaxed),
            memory_bytes: self.memory_bytes.load(Relaxed),
            last_failure: self.last_failure(),
            alike: self.alike.load(Relaxed),
            different: self.different.load(Relaxed),
            last_difference: self.last_difference.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

/// The mean, to a hundredth of a microsecond.
#[allow(clippy::cast_precision_loss, reason = "a mean for people")]
fn mean_us(sum_ns: u64, calls: u64) -> f64 {
    if calls == 0 { 0.0 } else { (sum_ns as f64 / calls as f64 / 10.0).round() / 100.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_failures_are_told_apart() {
        let record = Record::default();
        for used_us in [1, 2] {
            record.called(Function::Filter, Duration::from_micros(used_us));
        }
        record.failed(Function::Filter, "deadline");
        record.failed(Function::Admit, "dead");
        record.explain("used too much".to_owned());
        let observed = record.observed();
        assert_eq!((observed.calls(), observed.failures()), (2, 2));
        let filter = observed.functions.iter().find(|figures| figures.function == "filter").unwrap();
        assert_eq!((filter.calls, filter.deadlines_missed, filter.traps), (2, 1, 0));
        assert!((filter.mean_us - 1.5).abs() < 0.001, "{}", filter.mean_us);
        assert_eq!(observed.last_failure.as_deref(), Some("used too much"));
        assert!(record.fails_often() && !record.is_sound());
        for _ in 0..30 {
            record.called(Function::Filter, Duration::ZERO);
        }
        assert!(record.is_sound());
        record.pause(Duration::from_secs(2));
        assert!(!record.is_sound() && record.observed().breaker_pause_ms == 2_000);
    }
}
