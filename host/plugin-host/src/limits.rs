//! Every limit that a plugin lives under.

use std::{ops::RangeInclusive, time::Duration};

use serde::{Deserialize, Serialize};

use crate::manifest::Class;

/// Limits that depend on the class of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassLimits {
    /// Largest file.
    pub file_bytes_max: usize,
    /// Most linear memory of one instance, all its memories together.
    pub memory_bytes_max: usize,
    /// Largest body of one function: the compiler's work grows faster than it.
    pub function_bytes_max: usize,
    /// Most CPU time of compiling.
    pub compile_deadline: Duration,
}

/// Limits of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Class `fast`.
    pub fast: ClassLimits,
    /// Class `slow`.
    pub slow: ClassLimits,
    /// Deepest stack of every plugin.
    pub stack_bytes_max: usize,
    /// Most instances of all plugins at once.
    pub instances_max: u32,
    /// Most bytes that all plugins together write to the log in a second, with 200 for what stands before each line.
    pub log_bytes_per_second_max: u32,
    /// How much longer than its deadline a call may take by the wall clock: [`PluginLimits::WALL_FACTOR`] where players wait, more
    /// where nobody does and a machine that stands still must fail no test.
    pub wall_factor: u32,
    /// Limits of each plugin that is given no others.
    pub plugin: PluginLimits,
}

impl Limits {
    /// The same where nobody waits: by the wall clock a call may take long, by the processor's no longer than in a realm.
    #[must_use]
    pub fn unhurried() -> Self {
        const WALL_FACTOR: u32 = 3_000;
        Self { wall_factor: WALL_FACTOR, ..Self::default() }
    }

    /// What a call with this deadline may take by the wall clock.
    pub(crate) fn wall(&self, deadline: Duration) -> Duration {
        (deadline * self.wall_factor).max(PluginLimits::WALL_LEAST)
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
            fast: ClassLimits {
                file_bytes_max: 4 << 20,
                memory_bytes_max: 16 << 20,
                function_bytes_max: 256 << 10,
                compile_deadline: Duration::from_secs(60),
            },
            slow: ClassLimits {
                file_bytes_max: 32 << 20,
                memory_bytes_max: 64 << 20,
                function_bytes_max: 1 << 20,
                compile_deadline: Duration::from_secs(240),
            },
            stack_bytes_max: 256 << 10,
            instances_max: 256,
            log_bytes_per_second_max: 24_000,
            wall_factor: PluginLimits::WALL_FACTOR,
            plugin: PluginLimits::default(),
        }
    }
}

/// Limits of one plugin. Deadlines count CPU time of the calling thread; by the wall clock a call may take
/// [`PluginLimits::WALL_FACTOR`] times as long and always [`PluginLimits::WALL_LEAST`], so that a busy machine does not
/// punish an innocent plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PluginLimits {
    /// CPU time of a hook inside the tick.
    pub tick_deadline_ms: u64,
    /// CPU time of every other hook.
    pub call_deadline_ms: u64,
    /// CPU time of making an instance, and of `init`.
    pub init_deadline_ms: u64,
    /// Most linear memory of one instance, all its memories together; what its class may have when nothing is said.
    pub memory_bytes_max: Option<u64>,
    /// Most elements of one table.
    pub table_elements_max: u64,
    /// Most tables of one instance.
    pub tables_max: u64,
    /// Most core instances inside one instance.
    pub core_instances_max: u64,
    /// Most linear memories of one instance.
    pub memories_max: u64,
    /// Most handles to things of the host.
    pub handles_max: u64,
    /// Most bytes that it hands over at once: an answer, or the arguments of one call of the host.
    pub handover_bytes_max: u64,
    /// Most lines for the log in a second.
    pub log_lines_per_second_max: u32,
    /// Most bytes for the log in a second, escapes included.
    pub log_bytes_per_second_max: u32,
    /// Most bytes of all its keys and values together.
    pub kv_bytes_max: u64,
    /// Most names of figures of its own.
    pub metrics_max: u32,
}

impl PluginLimits {
    /// How much longer than its deadline a call may take by the wall clock.
    pub const WALL_FACTOR: u32 = 10;
    /// What a call may take by the wall clock however short its deadline: a thread that has to wait for a processor for
    /// ten milliseconds is nothing unusual.
    pub const WALL_LEAST: Duration = Duration::from_millis(100);

    /// Most tables, core instances and memories that the pool has room for in one instance, and elements in one table.
    pub(crate) const TABLES_MOST: u64 = 16;
    pub(crate) const CORE_INSTANCES_MOST: u64 = 32;
    pub(crate) const MEMORIES_MOST: u64 = 8;
    pub(crate) const TABLE_ELEMENTS_MOST: u64 = 20_000;

    /// Checks every number against what a host can hold to.
    ///
    /// # Errors
    /// A sentence that names the key, its value and its range.
    pub fn check(&self, host: &Limits) -> Result<(), String> {
        let memory_most = host.slow.memory_bytes_max.max(host.fast.memory_bytes_max) as u64;
        let in_range = |key: &str, value: u64, range: RangeInclusive<u64>| {
            if range.contains(&value) {
                return Ok(());
            }
            Err(format!("`{key}` is {value}; write {} to {}", range.start(), range.end()))
        };
        in_range("tick_deadline_ms", self.tick_deadline_ms, 1..=8)?;
        in_range("call_deadline_ms", self.call_deadline_ms, 1..=1_000)?;
        in_range("init_deadline_ms", self.init_deadline_ms, 1..=10_000)?;
        in_range("memory_bytes_max", self.memory_bytes_max.unwrap_or(memory_most), 64 << 10..=memory_most)?;
        in_range("table_elements_max", self.table_elements_max, 0..=Self::TABLE_ELEMENTS_MOST)?;
        in_range("tables_max", self.tables_max, 0..=Self::TABLES_MOST)?;
        in_range("core_instances_max", self.core_instances_max, 1..=Self::CORE_INSTANCES_MOST)?;
        in_range("memories_max", self.memories_max, 0..=Self::MEMORIES_MOST)?;
        in_range("handles_max", self.handles_max, 0..=100_000)?;
        in_range("handover_bytes_max", self.handover_bytes_max, 1 << 10..=1 << 20)?;
        in_range("log_lines_per_second_max", self.log_lines_per_second_max.into(), 0..=1_000)?;
        in_range("log_bytes_per_second_max", self.log_bytes_per_second_max.into(), 0..=1 << 20)?;
        in_range("kv_bytes_max", self.kv_bytes_max, 0..=64 << 20)?;
        in_range("metrics_max", self.metrics_max.into(), 0..=256)
    }

    /// Deadline of a hook inside the tick.
    #[must_use]
    pub fn tick_deadline(&self) -> Duration {
        Duration::from_millis(self.tick_deadline_ms)
    }

    /// Deadline of every other hook.
    #[must_use]
    pub fn call_deadline(&self) -> Duration {
        Duration::from_millis(self.call_deadline_ms)
    }

    /// Deadline of making an instance, and of `init`.
    #[must_use]
    pub fn init_deadline(&self) -> Duration {
        Duration::from_millis(self.init_deadline_ms)
    }
}

impl Default for PluginLimits {
    fn default() -> Self {
        Self {
            tick_deadline_ms: 1,
            call_deadline_ms: 20,
            init_deadline_ms: 1_000,
            memory_bytes_max: None,
            table_elements_max: 10_000,
            tables_max: 8,
            core_instances_max: 16,
            memories_max: 4,
            handles_max: 1_000,
            handover_bytes_max: 64 << 10,
            log_lines_per_second_max: 20,
            log_bytes_per_second_max: 8_192,
            kv_bytes_max: 1 << 20,
            metrics_max: 32,
        }
    }
}

/// A number of a checked limit as the engine wants it.
pub(crate) fn engine_size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_be_held_to() {
        assert_eq!(PluginLimits::default().check(&Limits::default()), Ok(()));
    }

    #[test]
    fn a_number_out_of_range_is_named_with_its_range() {
        let limits = PluginLimits { tick_deadline_ms: 40, ..PluginLimits::default() };
        assert_eq!(limits.check(&Limits::default()), Err("`tick_deadline_ms` is 40; write 1 to 8".to_owned()));
        let limits = PluginLimits { memory_bytes_max: Some(1 << 30), ..PluginLimits::default() };
        assert!(limits.check(&Limits::default()).unwrap_err().contains("memory_bytes_max"));
    }

    #[test]
    fn limits_are_written_as_plain_numbers_and_misspelt_keys_are_named() {
        let limits: PluginLimits = serde_json::from_str(r#"{"call_deadline_ms": 5, "kv_bytes_max": 4096}"#).unwrap();
        assert_eq!((limits.call_deadline_ms, limits.kv_bytes_max, limits.tick_deadline_ms), (5, 4096, 1));
        let error = serde_json::from_str::<PluginLimits>(r#"{"call_deadline": 5}"#).unwrap_err();
        assert!(error.to_string().contains("`call_deadline`"), "{error}");
    }
}
