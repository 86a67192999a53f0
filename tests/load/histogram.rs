//! Times in steps of a quarter of a millisecond, so that a million of them are a short list.

use std::time::Duration;

const STEP: Duration = Duration::from_micros(250);
/// Up to one second; what is longer counts there.
const STEPS: usize = 4_000;

/// Counts times.
#[derive(Debug, Clone)]
pub struct Histogram(Vec<u32>);

impl Default for Histogram {
    fn default() -> Self {
        Self(vec![0; STEPS + 1])
    }
}

impl Histogram {
    pub fn record(&mut self, time: Duration) {
        let step = usize::try_from(time.as_micros() / STEP.as_micros()).unwrap_or(STEPS).min(STEPS);
        self.0[step] += 1;
    }

    /// The time that this part of all times does not exceed, in milliseconds; 0 when there are none.
    pub fn quantile_ms(&self, part: f64) -> f64 {
        let total: u64 = self.0.iter().map(|count| u64::from(*count)).sum();
        let mut seen = 0;
        for (step, count) in self.0.iter().enumerate() {
            seen += u64::from(*count);
            if *count > 0 && seen as f64 >= total as f64 * part {
                return (step + 1) as f64 * STEP.as_secs_f64() * 1e3;
            }
        }
        0.0
    }
}
