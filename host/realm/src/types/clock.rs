//! Wall-clock time as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

use super::faults;

/// Where the time of day comes from; tests hand in their own.
pub trait Clock: Send + Sync + 'static {
    /// UTC milliseconds since 1970.
    fn now_ms(&self) -> i64;

    /// Milliseconds since some moment that only go forward, whatever is done to the time of day; they go on while the process or the
    /// whole machine stands still.
    fn steady_ms(&self) -> i64 {
        #[cfg(target_os = "linux")]
        let clock = rustix::time::ClockId::Boottime;
        #[cfg(not(target_os = "linux"))]
        let clock = rustix::time::ClockId::Monotonic;
        let now = rustix::time::clock_gettime(clock);
        now.tv_sec * 1_000 + now.tv_nsec / 1_000_000
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX).saturating_add(faults::clock_ms())
    }
}

/// UTC milliseconds since 1970 as RFC 3339 text, as REST and events show time.
#[must_use]
pub fn rfc3339(milliseconds: i64) -> String {
    use time::{OffsetDateTime, format_description::well_known::Rfc3339};
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000)
        .ok()
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_else(|| "9999-12-31T23:59:59Z".to_owned())
}
