//! Deadlines by the CPU time of the calling thread.
//!
//! The engine's epoch moves every millisecond and calls [`Meter::tick`] from inside a running plugin. Reading the CPU clock
//! costs more than most calls, so it is read for the first time when the epoch first finds the call still running; what
//! the call used before that is at most one epoch. From then on the epoch moves faster, until the call has ended.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

/// How often the epoch moves.
const EPOCH: Duration = Duration::from_millis(1);
/// How often it moves while a call is known to run long.
const EPOCH_IN_HURRY: Duration = Duration::from_micros(250);

/// Sets the pace of the epoch.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// The epoch has found a call running since it last moved.
    hurry: AtomicBool,
    /// The thread that moves it.
    mover: OnceLock<Thread>,
}

impl Pace {
    /// To be called once by the thread that moves the epoch.
    pub(crate) fn keep(&self) {
        let _ = self.mover.set(thread::current());
    }

    /// The pause until the epoch shall move again; ends early when a call begins to run long.
    pub(crate) fn pause(&self) {
        let hurry = self.hurry.swap(false, Ordering::Relaxed);
        thread::park_timeout(if hurry { EPOCH_IN_HURRY } else { EPOCH });
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
    first_tick: Option<FirstTick>,
    overrun: Option<Overrun>,
}

#[derive(Debug, Clone, Copy)]
struct FirstTick {
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
        Self { deadline, wall, started: Instant::now(), first_tick: None, overrun: None }
    }

    /// An epoch has passed while the call was running: may it go on?
    pub(crate) fn tick(&mut self, pace: &Pace) -> bool {
        pace.hurry(self.first_tick.is_none());
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
            None => now.saturating_duration_since(self.started).min(EPOCH),
            Some(first) => first.before + thread_cpu().saturating_sub(first.cpu),
        }
    }
}
