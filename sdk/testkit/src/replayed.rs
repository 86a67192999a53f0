//! What a realm has recorded, asked again of a plugin under test.

use std::{fmt::Write as _, path::Path, time::Duration};

use realm_plugin_host::tape::{CallAgain, Reader, RecordedCall, Report, TapeError, Unexpected};

/// Differences and surprises that a failed assertion shows.
const SHOWN_MAX: usize = 5;

/// A recording of a realm, read whole: `plugin-recordings/` of its data folder holds them while `[plugins] record` is on.
#[derive(Debug, Clone)]
pub struct Tape {
    calls: Vec<RecordedCall>,
}

impl Tape {
    /// The recording in a file. One that ends in the middle of a call is read up to there.
    ///
    /// # Panics
    /// When it cannot be read or is no recording.
    #[must_use]
    pub fn of_file(file: impl AsRef<Path>) -> Self {
        Self::open(file).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The recording in a file.
    ///
    /// # Errors
    /// When it cannot be read or is no recording.
    pub fn open(file: impl AsRef<Path>) -> Result<Self, TapeError> {
        Ok(Self { calls: Reader::open(file.as_ref())?.collect() })
    }

    /// A recording made by hand.
    #[must_use]
    pub fn of_calls(calls: Vec<RecordedCall>) -> Self {
        Self { calls }
    }

    /// How many calls it holds, of all plugins.
    #[must_use]
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// True when nothing was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    pub(crate) fn calls(&self) -> impl Iterator<Item = RecordedCall> {
        self.calls.iter().cloned()
    }
}

/// What came of asking a recording again.
#[derive(Debug, Clone)]
pub struct Replayed {
    report: Report,
}

impl Replayed {
    pub(crate) fn new(report: Report) -> Self {
        Self { report }
    }

    /// Everything that is known of it.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The calls that it answers otherwise; of very many the first fifty.
    #[must_use]
    pub fn differences(&self) -> &[CallAgain] {
        &self.report.shown
    }

    /// What it asked of the realm that nobody knows the answer of.
    #[must_use]
    pub fn unexpected(&self) -> &[Unexpected] {
        &self.report.unexpected_shown
    }

    /// Asserts that every call is answered as it was, and that nothing was asked beyond.
    ///
    /// # Panics
    /// When one is not: the message shows the first.
    pub fn assert_alike(&self) {
        self.assert_expected();
        let mut message = String::new();
        for call in self.differences().iter().take(SHOWN_MAX) {
            let _ = write!(
                message,
                "\ncall {}, {} by {}: {:?}\n  then {:?}\n  now  {:?}",
                call.index,
                call.question.function(),
                call.version,
                call.question,
                call.before,
                call.now
            );
        }
        let Report { plugin, calls, different, .. } = &self.report;
        assert!(*different == 0, "{plugin} answers {different} of {calls} calls otherwise:{message}");
    }

    /// Asserts that it asked nothing of the realm that the plugin before it had not asked.
    ///
    /// # Panics
    /// When it did: the message names it, and what to write when it may.
    pub fn assert_expected(&self) {
        let shown: Vec<String> = self
            .unexpected()
            .iter()
            .take(SHOWN_MAX)
            .map(|it| {
                format!("`{}` in call {} (if it may, write `.expect(…)` for `{}`)", it.what, it.index, it.permission)
            })
            .collect();
        let Report { plugin, unexpected, .. } = &self.report;
        assert!(
            *unexpected == 0,
            "{plugin} called the realm {unexpected} times beyond what was recorded: {}",
            shown.join(", ")
        );
    }

    /// Asserts that no call used more of the processor than so much, the quickest of the three times it was made.
    ///
    /// # Panics
    /// When one did; the message says which, and how much.
    pub fn assert_within_ms(&self, budget_ms: u64) {
        let slowest = self.report.times.iter().enumerate().max_by_key(|(_, time)| time.used);
        if let Some((index, time)) = slowest {
            assert!(
                time.used <= Duration::from_millis(budget_ms),
                "call {index}, {}: uses {:.3} ms of the processor, its budget is {budget_ms} ms",
                time.function,
                time.used.as_secs_f64() * 1_000.0
            );
        }
    }

    /// Takes over the times of the calls that were quicker in another round.
    pub(crate) fn keep_quicker(&mut self, other: &Self) {
        for (time, again) in self.report.times.iter_mut().zip(&other.report.times) {
            time.used = time.used.min(again.used);
        }
    }
}
