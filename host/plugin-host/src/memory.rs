//! What an instance may grow to.

use wasmtime::{ResourceLimiter, Result};

use crate::limits::{PluginLimits, engine_size};

/// A plugin wanted more than its class allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GrowthRefused {
    /// Linear memory.
    #[error("wanted {wanted} bytes of memory; {allowed} are allowed")]
    Memory { wanted: usize, allowed: usize },
    /// A table.
    #[error("wanted a table of {wanted} elements; {allowed} are allowed")]
    Table { wanted: usize, allowed: usize },
}

/// Counts what one instance holds. Growing beyond a limit traps, so that the operator reads "memory" and not what a
/// plugin's allocator makes of a refusal.
#[derive(Debug, Clone)]
pub(crate) struct Growth {
    memory_bytes: usize,
    memory_bytes_max: usize,
    table_elements_max: usize,
    tables_max: usize,
    core_instances_max: usize,
    memories_max: usize,
}

impl Growth {
    pub(crate) fn new(limits: &PluginLimits, memory_bytes_max: usize) -> Self {
        Self {
            memory_bytes: 0,
            memory_bytes_max,
            table_elements_max: engine_size(limits.table_elements_max),
            tables_max: engine_size(limits.tables_max),
            core_instances_max: engine_size(limits.core_instances_max),
            memories_max: engine_size(limits.memories_max),
        }
    }

    /// What the instance holds.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }
}

impl ResourceLimiter for Growth {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let wanted = self.memory_bytes.saturating_add(desired.saturating_sub(current));
        if wanted > self.memory_bytes_max {
            return Err(GrowthRefused::Memory { wanted, allowed: self.memory_bytes_max }.into());
        }
        self.memory_bytes = wanted;
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        if desired > self.table_elements_max {
            return Err(GrowthRefused::Table { wanted: desired, allowed: self.table_elements_max }.into());
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.core_instances_max
    }

    fn tables(&self) -> usize {
        self.tables_max
    }

    fn memories(&self) -> usize {
        self.memories_max
    }
}
