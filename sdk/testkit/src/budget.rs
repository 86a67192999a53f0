//! How long a call takes, in time of the processor.

use std::time::Duration;

use crate::{Call, Subject, subject::Failure};

/// What a number of calls took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// The quickest.
    pub quickest: Duration,
    /// The middle one.
    pub median: Duration,
    /// 99 of 100 took at most this.
    pub p99: Duration,
    /// Linear memory of the instance at the end, which is its peak: WebAssembly gives none back.
    pub memory_bytes: usize,
}

/// Makes a call so often and tells what it took.
///
/// # Errors
/// When one of the calls fails.
pub fn figures(subject: &mut Subject, call: &Call, times: usize) -> Result<Figures, Failure> {
    measure(subject, times, |subject| subject.call_quietly(call).map(drop))
}

pub(crate) fn measure(
    subject: &mut Subject,
    times: usize,
    mut call: impl FnMut(&mut Subject) -> Result<(), Failure>,
) -> Result<Figures, Failure> {
    let mut taken = Vec::with_capacity(times.max(1));
    for _ in 0..times.max(1) {
        let begin = cpu_time();
        call(subject)?;
        taken.push(cpu_time().saturating_sub(begin));
    }
    taken.sort_unstable();
    let at = |percent: usize| taken[(taken.len() - 1) * percent / 100];
    Ok(Figures { quickest: taken[0], median: at(50), p99: at(99), memory_bytes: subject.memory_bytes() })
}

/// What this thread has used of the processor.
fn cpu_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}
