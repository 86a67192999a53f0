//! Samples: how long one call takes, of several subjects in turn.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

/// Rounds of one run: each subject gives one sample in each.
pub(crate) const ROUNDS: u32 = 200;
/// How long one sample takes, roughly.
const SAMPLE: Duration = Duration::from_millis(3);
/// How long a subject runs before it is measured.
const WARM_UP: Duration = Duration::from_millis(150);
/// Most calls of one sample.
const CALLS_MAX: u32 = 1 << 20;

/// Makes so many calls and says how long they took.
type Calls = Box<dyn FnMut(u32) -> Duration>;

/// One line of the table.
pub(crate) struct Subject {
    pub(crate) name: String,
    calls: Calls,
    /// Calls of one sample.
    calls_per_sample: u32,
    /// Fixed by the subject itself.
    calls_fixed: bool,
    /// Nanoseconds of one call: one number for each round, run after run.
    pub(crate) samples: Vec<f64>,
    /// How many samples belong to each run.
    pub(crate) runs: Vec<usize>,
}

impl Subject {
    /// Measures `call`, which is made again and again.
    pub(crate) fn new<T>(name: &str, mut call: impl FnMut() -> T + 'static) -> Self {
        let calls = move |count| {
            let start = Instant::now();
            for _ in 0..count {
                black_box(call());
            }
            start.elapsed()
        };
        Self::made_of(name, Box::new(calls), None)
    }

    /// Measures `calls`, which makes `count` of them each time and keeps the time itself, so that it can prepare them unmeasured.
    pub(crate) fn prepared(name: &str, count: u32, mut calls: impl FnMut() -> Duration + 'static) -> Self {
        Self::made_of(name, Box::new(move |_| calls()), Some(count))
    }

    fn made_of(name: &str, calls: Calls, fixed: Option<u32>) -> Self {
        let (calls_per_sample, calls_fixed) = (fixed.unwrap_or(1), fixed.is_some());
        Self { name: name.to_owned(), calls, calls_per_sample, calls_fixed, samples: Vec::new(), runs: Vec::new() }
    }

    /// Runs until everything is warm, and finds out how many calls make a sample.
    fn warm_up(&mut self) {
        let start = Instant::now();
        while start.elapsed() < WARM_UP {
            let took = (self.calls)(self.calls_per_sample);
            if !self.calls_fixed && took < SAMPLE {
                self.calls_per_sample = (self.calls_per_sample * 2).min(CALLS_MAX);
            }
        }
    }

    fn sample(&mut self) {
        let took = (self.calls)(self.calls_per_sample);
        self.samples.push(took.as_secs_f64() * 1e9 / f64::from(self.calls_per_sample));
    }
}

/// Subjects that are compared, measured in turn.
pub(crate) struct Group {
    pub(crate) title: String,
    /// The first is what ratios are to, when there is something to compare.
    pub(crate) subjects: Vec<Subject>,
    /// Are the others the same thing by another way?
    pub(crate) compared: bool,
}

impl Group {
    /// One sample of each subject, round after round.
    pub(crate) fn measure(&mut self, rounds: u32) {
        self.subjects.iter_mut().for_each(Subject::warm_up);
        for _ in 0..rounds {
            self.subjects.iter_mut().for_each(Subject::sample);
        }
        for subject in &mut self.subjects {
            subject.runs.push(subject.samples.len());
        }
    }

    /// Adds the samples of another run.
    pub(crate) fn append(&mut self, more: &mut Self) {
        for (subject, more) in self.subjects.iter_mut().zip(&mut more.subjects) {
            subject.runs.push(more.samples.len());
            subject.samples.append(&mut more.samples);
        }
    }

    /// How many times as long as the first subject this one takes, round by round; `None` for the first itself.
    pub(crate) fn ratio(&self, index: usize) -> Option<f64> {
        let (first, other) = (self.subjects.first()?, self.subjects.get(index)?);
        let ratios = || other.samples.iter().zip(&first.samples).map(|(other, first)| other / first).collect();
        (self.compared && index > 0).then(|| quantile(ratios(), 0.5))
    }
}

/// The value below which this part of the samples lies.
pub(crate) fn quantile(mut samples: Vec<f64>, part: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    let last = samples.len().saturating_sub(1);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place within a short list")]
    let place = (last as f64 * part).round() as usize;
    samples.get(place).copied().unwrap_or(f64::NAN)
}
