//! Deadlines by the CPU time of the calling thread.
//!
//! The engine's epoch moves every millisecond and calls [`Meter::tick`] from inside a running plugin. Reading the CPU clock
//! costs more than most calls, so it is read for the first time when the epoch first finds the call still running; what
//! the call used before that is at most one epoch. From then on the epoch moves faster, until the call has ended.
//!
//! Moving it costs more than what it watches over, so it rests while whoever calls with short deadlines has said that it will not call. A call
//! with a long deadline may begin meanwhile: for it the CPU clock is read at its beginning.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

/// How often the epoch moves.
const EPOCH: Duration = Duration::from_millis(1);
/// How often it moves while a call is known to run long.
const EPOCH_IN_HURRY: Duration = Duration::from_micros(250);

/// How often it moves at least, also while nobody calls with a short deadline. Calls whose deadline is not above twice this count as short.
const EPOCH_AT_REST: Duration = Duration::from_millis(4);

/// Until when somebody will not call, in nanoseconds since the pace began.
#[derive(Debug, Default)]
pub(crate) struct Rest(AtomicU64);

/// Sets the pace of the epoch.
#[derive(Debug)]
pub(crate) struct Pace {
    begun: Instant,
    /// The epoch has found a call running since it last moved.
    hurry: AtomicBool,
    /// The thread that moves it.
    mover: OnceLock<Thread>,
    /// Those who say when they rest. Without any, nobody is known to.
    rests: Mutex<Vec<Weak<Rest>>>,
}

impl Default for Pace {
    fn default() -> Self {
        let (hurry, mover, rests) = (AtomicBool::default(), OnceLock::default(), Mutex::default());
        Self { begun: Instant::now(), hurry, mover, rests }
    }
}

impl Pace {
    /// Somebody who will say when it rests; it counts for as long as this is held.
    pub(crate) fn join(&self) -> Arc<Rest> {
        let rest = Arc::new(Rest::default());
        self.rests.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&rest));
        rest
    }

    /// No call comes from there before this moment.
    pub(crate) fn rest_until(&self, rest: &Rest, moment: Instant) {
        rest.0.store(self.nanoseconds(moment), Ordering::Relaxed);
    }

    fn nanoseconds(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.begun).as_nanos()).unwrap_or(u64::MAX)
    }

    /// The pause while no call is known to run: an epoch, from the moment on when somebody may call.
    fn ordinary(&self, now: Instant) -> Duration {
        let mut rests = self.rests.lock().unwrap_or_else(PoisonError::into_inner);
        rests.retain(|rest| rest.strong_count() > 0);
        let until = rests.iter().filter_map(Weak::upgrade).map(|rest| rest.0.load(Ordering::Relaxed)).min();
        let left = until.unwrap_or_default().saturating_sub(self.nanoseconds(now));
        (EPOCH + Duration::from_nanos(left)).min(EPOCH_AT_REST)
    }

    /// To be called once by the thread that moves the epoch.
    pub(crate) fn keep(&self) {
        let _ = self.mover.set(thread::current());
    }

    /// The pause until the epoch shall move again; ends early when a call begins to run long.
    pub(crate) fn pause(&self) {
        let hurry = self.hurry.swap(false, Ordering::Relaxed);
        thread::park_timeout(if hurry { EPOCH_IN_HURRY } else { self.ordinary(Instant::now()) });
    }

    fn hurry(&self, begins: bool) {
        self.hurry.store(true, Ordering::Relaxed);
        if let (true, Some(mover)) = (begins, self.mover.get()) {
            mover.unpark();
        }
    }
}

/// Why a call was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overrun {
    /// It used more CPU time than its deadline.
    Cpu,
    /// It took far longer than its deadline by the wall clock.
    Wall,
}

/// The clock of one call.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    deadline: Duration,
    wall: Duration,
    started: Instant,
    /// The epoch has found it running.
    seen: bool,
    first_tick: Option<FirstTick>,
    overrun: Option<Overrun>,
}

#[derive(Debug, Clone, Copy)]
struct FirstTick {
    /// What the thread had used by then, and what of it before the clock was looked at.
    cpu: Duration,
    before: Duration,
}

/// CPU time that the calling thread has used.
pub(crate) fn thread_cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or_default(), u32::try_from(now.tv_nsec).unwrap_or_default())
}

impl Meter {
    /// Starts the clock of a call: its CPU time, and how long it may take by the wall clock.
    pub(crate) fn start(deadline: Duration, wall: Duration) -> Self {
        // The epoch may rest when the call begins.
        let is_long = deadline > 2 * EPOCH_AT_REST;
        let first_tick = is_long.then(|| FirstTick { cpu: thread_cpu(), before: Duration::ZERO });
        Self { deadline, wall, started: Instant::now(), seen: false, first_tick, overrun: None }
    }

    /// An epoch has passed while the call was running: may it go on?
    pub(crate) fn tick(&mut self, pace: &Pace) -> bool {
        pace.hurry(!std::mem::replace(&mut self.seen, true));
        let wall = self.started.elapsed();
        let cpu = thread_cpu();
        let Some(first) = self.first_tick else {
            self.first_tick = Some(FirstTick { cpu, before: wall.min(EPOCH) });
            return true;
        };
        if cpu.saturating_sub(first.cpu) >= self.deadline {
            self.overrun = Some(Overrun::Cpu);
        } else if wall >= self.wall {
            self.overrun = Some(Overrun::Wall);
        }
        self.overrun.is_none()
    }

    /// Why the call was stopped, if it was.
    pub(crate) fn overrun(&self) -> Option<Overrun> {
        self.overrun
    }

    /// The deadline of this call.
    pub(crate) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// What it may take by the wall clock.
    pub(crate) fn wall(&self) -> Duration {
        self.wall
    }

    /// What the call has used, to be asked when it is over: CPU time, exact to one epoch.
    pub(crate) fn used(&self, now: Instant) -> Duration {
        match self.first_tick {
            Some(first) if self.seen => first.before + thread_cpu().saturating_sub(first.cpu),
            _ => now.saturating_duration_since(self.started).min(EPOCH_AT_REST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_rests_until_the_first_may_call_and_no_longer_than_it_may() {
        let (pace, now) = (Pace::default(), Instant::now());
        assert_eq!(pace.ordinary(now), EPOCH, "nobody is known to rest");
        let (first, second) = (pace.join(), pace.join());
        assert_eq!(pace.ordinary(now), EPOCH, "they have not said that they rest");
        pace.rest_until(&first, now + Duration::from_secs(1));
        assert_eq!(pace.ordinary(now), EPOCH);
        pace.rest_until(&second, now + Duration::from_millis(2));
        assert_eq!(pace.ordinary(now), EPOCH + Duration::from_millis(2));
        assert_eq!(pace.ordinary(now + Duration::from_millis(5)), EPOCH, "its time has come");
        drop(second);
        assert_eq!(pace.ordinary(now), EPOCH_AT_REST);
        drop(first);
        assert_eq!(pace.ordinary(now), EPOCH, "nobody is known to rest any more");
    }

    #[test]
    fn a_long_call_is_stopped_by_what_it_used_since_its_beginning() {
        let pace = Pace::default();
        let burn = |meter: &mut Meter| {
            while meter.tick(&pace) {
                std::hint::black_box(0);
            }
        };
        let (begun, wall) = (thread_cpu(), Duration::from_secs(60));
        let mut long = Meter::start(Duration::from_millis(20), wall);
        burn(&mut long);
        assert_eq!(long.overrun(), Some(Overrun::Cpu));
        let used = thread_cpu() - begun;
        assert!(
            used >= Duration::from_millis(20) && long.used(Instant::now()) >= Duration::from_millis(20),
            "{used:?}"
        );
    }
}
