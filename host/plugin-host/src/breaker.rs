//! How long to wait before a failing plugin gets a new instance.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Lets a plugin come back at once after a failure now and then, and with growing pauses when it keeps failing.
#[derive(Debug, Clone, Default)]
pub struct Breaker {
    failures: VecDeque<Instant>,
    pause: Option<Duration>,
}

impl Breaker {
    /// This many failures within [`Self::WINDOW`] begin a pause.
    pub const FAILURES_MAX: usize = 5;
    /// Failures older than this are forgotten.
    pub const WINDOW: Duration = Duration::from_secs(60);
    /// The first pause; each further one is twice as long.
    pub const PAUSE_FIRST: Duration = Duration::from_secs(1);
    /// The longest pause.
    pub const PAUSE_MAX: Duration = Duration::from_secs(60);

    /// Notes a failure at `now` and tells how long to wait before a new instance is made.
    pub fn failed(&mut self, now: Instant) -> Duration {
        if let Some(pause) = self.pause {
            let since = self.failures.back().map_or(Duration::MAX, |last| now.saturating_duration_since(*last));
            if since < pause + Self::WINDOW {
                self.failures.push_back(now);
                self.failures.pop_front();
                let longer = (pause * 2).min(Self::PAUSE_MAX);
                self.pause = Some(longer);
                return longer;
            }
            *self = Self::default();
        }
        self.failures.retain(|failure| now.saturating_duration_since(*failure) < Self::WINDOW);
        self.failures.push_back(now);
        if self.failures.len() < Self::FAILURES_MAX {
            return Duration::ZERO;
        }
        self.pause = Some(Self::PAUSE_FIRST);
        Self::PAUSE_FIRST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_while_failures_go_on_and_end_after_a_quiet_minute() {
        let mut breaker = Breaker::default();
        let mut now = Instant::now();
        for _ in 0..4 {
            assert_eq!(breaker.failed(now), Duration::ZERO);
        }
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let pause = breaker.failed(now);
            pauses.push(pause.as_secs());
            now += pause + Duration::from_millis(1);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        now += Duration::from_secs(200);
        assert_eq!(breaker.failed(now), Duration::ZERO);
    }

    #[test]
    fn rare_failures_never_pause() {
        let mut breaker = Breaker::default();
        let start = Instant::now();
        for minute in 0..50 {
            assert_eq!(breaker.failed(start + Duration::from_secs(minute * 20)), Duration::ZERO);
        }
    }
}
