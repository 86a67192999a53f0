//! Every limit that a plugin lives under.

use std::time::Duration;

use crate::manifest::Class;

/// Limits that depend on the class of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassLimits {
    /// Largest file.
    pub file_bytes_max: usize,
    /// Most linear memory of one instance, all its memories together.
    pub memory_bytes_max: usize,
}

/// Limits of a host. Deadlines count CPU time of the calling thread; by the wall clock a call may take
/// [`Limits::WALL_FACTOR`] times as long and always [`Limits::WALL_LEAST`], so that a busy machine does not punish an
/// innocent plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Class `fast`.
    pub fast: ClassLimits,
    /// Class `slow`.
    pub slow: ClassLimits,
    /// Deadline of a hook inside the tick.
    pub tick_deadline: Duration,
    /// Deadline of every other hook.
    pub call_deadline: Duration,
    /// Deadline of making an instance, `init` included.
    pub init_deadline: Duration,
    /// Most elements of one table.
    pub table_elements_max: usize,
    /// Most tables of one instance.
    pub tables_max: usize,
    /// Most core instances inside one instance.
    pub core_instances_max: usize,
    /// Most linear memories of one instance.
    pub memories_max: usize,
    /// Most bytes that a plugin hands over in one call, as an answer or as a line for the log.
    pub handover_bytes_max: usize,
    /// Most handles to things of the host.
    pub handles_max: usize,
    /// Deepest stack.
    pub stack_bytes_max: usize,
    /// Most instances of all plugins at once.
    pub instances_max: u32,
}

impl Limits {
    /// How much longer than its deadline a call may take by the wall clock.
    pub const WALL_FACTOR: u32 = 10;
    /// What a call may take by the wall clock however short its deadline: a thread that has to wait for a processor for
    /// ten milliseconds is nothing unusual.
    pub const WALL_LEAST: Duration = Duration::from_millis(100);

    /// What a call with this deadline may take by the wall clock.
    pub(crate) fn wall(deadline: Duration) -> Duration {
        (deadline * Self::WALL_FACTOR).max(Self::WALL_LEAST)
    }

    /// The limits of a class.
    #[must_use]
    pub fn class(&self, class: Class) -> ClassLimits {
        match class {
            Class::Fast => self.fast,
            Class::Slow => self.slow,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fast: ClassLimits { file_bytes_max: 4 << 20, memory_bytes_max: 16 << 20 },
            slow: ClassLimits { file_bytes_max: 32 << 20, memory_bytes_max: 64 << 20 },
            tick_deadline: Duration::from_millis(1),
            call_deadline: Duration::from_millis(20),
            init_deadline: Duration::from_secs(1),
            table_elements_max: 10_000,
            tables_max: 8,
            core_instances_max: 16,
            memories_max: 4,
            handover_bytes_max: 64 << 10,
            handles_max: 1_000,
            stack_bytes_max: 256 << 10,
            instances_max: 256,
        }
    }
}
