//! The engine: one for all plugins of a process, with a thread that moves its epoch.

use std::{num::NonZeroUsize, path::Path, sync::Arc, thread};

use wasmtime::{
    Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Strategy,
    WasmBacktraceDetails,
    component::{HasSelf, Linker},
};

use crate::{
    bindings::{clock, kv, log, metrics, random, realm_info},
    limits::{Limits, PluginLimits, engine_size},
    log::LogBudget,
    meter::Pace,
    state::State,
};

/// Functions named in the report of a trap.
const BACKTRACE_FRAMES_MAX: NonZeroUsize = NonZeroUsize::new(16).expect("16 is not 0");
/// The folder of compiled code is cleaned when it holds more than this.
const CACHE_BYTES_MAX: u64 = 512 << 20;
/// Memory of a finished instance that is kept ready for the next one.
const KEPT_RESIDENT_BYTES: usize = 256 << 10;

/// Why there is no engine.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HostError {
    /// The folder for compiled code cannot be used.
    #[error("the folder for compiled plugins cannot be used: {0}")]
    Cache(String),
    /// The engine does not start on this machine.
    #[error("the WebAssembly engine does not start: {0}")]
    Engine(String),
    /// No thread could be started.
    #[error("no thread for the plugins' clock could be started: {0}")]
    Clock(String),
}

/// The engine that compiles and runs plugins, with its limits; cheap to clone.
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<State>,
    pub(crate) limits: Limits,
    pub(crate) log: Arc<LogBudget>,
    pub(crate) pace: Arc<Pace>,
}

impl Host {
    /// Starts the engine and the thread that moves its epoch, every millisecond, faster while a call runs long, and less often
    /// while nobody calls with a short deadline; the thread ends with the engine.
    ///
    /// `cache` is a folder of the realm's own for compiled code, outside the plugin folder: machine code is loaded from it.
    ///
    /// # Errors
    /// When the engine does not start or the folder cannot be used.
    pub fn new(limits: Limits, cache: Option<&Path>) -> Result<Self, HostError> {
        let engine = start_engine(&limits, cache)?;
        let linker = offer(&engine).map_err(|error| HostError::Engine(format!("{error:#}")))?;
        let (weak, pace) = (engine.weak(), Arc::new(Pace::default()));
        thread::Builder::new()
            .name("plugin-epoch".to_owned())
            .spawn({
                let pace = Arc::clone(&pace);
                move || {
                    pace.keep();
                    while let Some(engine) = weak.upgrade() {
                        engine.increment_epoch();
                        drop(engine);
                        pace.pause();
                    }
                }
            })
            .map_err(|error| HostError::Clock(error.to_string()))?;
        Ok(Self {
            inner: Arc::new(Inner {
                engine,
                linker,
                log: Arc::new(LogBudget::new(limits.log_bytes_per_second_max)),
                pace,
                limits,
            }),
        })
    }

    /// The limits that plugins of this host live under.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }
}

/// Everything of `realm:plugin` that a plugin may call.
fn offer(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    macro_rules! offer {
        ($($interface:ident),+) => {
            $($interface::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;)+
        };
    }
    offer!(clock, kv, log, metrics, random, realm_info);
    Ok(linker)
}

fn start_engine(limits: &Limits, cache: Option<&Path>) -> Result<Engine, HostError> {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .epoch_interruption(true)
        .max_wasm_stack(limits.stack_bytes_max)
        .wasm_backtrace_max_frames(Some(BACKTRACE_FRAMES_MAX))
        .wasm_backtrace_details(WasmBacktraceDetails::Enable);
    if let Some(directory) = cache {
        config.cache(Some(open_cache(directory)?));
    }
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)));
    Engine::new(&config).or_else(|pooling| {
        // Little address space (a container's limit, 32 bits): instances then cost more to make, and nothing else changes.
        tracing::debug!("no pool for plugin instances: {pooling:#}");
        config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
        Engine::new(&config).map_err(|error| HostError::Engine(format!("{error:#}")))
    })
}

fn pool(limits: &Limits) -> PoolingAllocationConfig {
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let instances = limits.instances_max;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(4))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(4))
        .max_core_instances_per_component(small(PluginLimits::CORE_INSTANCES_MOST))
        .max_memories_per_component(small(PluginLimits::MEMORIES_MOST))
        .max_tables_per_component(small(PluginLimits::TABLES_MOST))
        .max_memories_per_module(small(PluginLimits::MEMORIES_MOST))
        .max_tables_per_module(small(PluginLimits::TABLES_MOST))
        .max_memory_size(limits.slow.memory_bytes_max.max(limits.fast.memory_bytes_max))
        .table_elements(engine_size(PluginLimits::TABLE_ELEMENTS_MOST))
        .linear_memory_keep_resident(KEPT_RESIDENT_BYTES)
        .max_unused_warm_slots(8);
    pool
}

fn open_cache(directory: &Path) -> Result<Cache, HostError> {
    let refuse = |error: &dyn std::fmt::Display| HostError::Cache(format!("{}: {error}", directory.display()));
    std::fs::create_dir_all(directory).map_err(|error| refuse(&error))?;
    let directory = directory.canonicalize().map_err(|error| refuse(&error))?;
    keep_private(&directory).map_err(|error| refuse(&error))?;
    let mut config = CacheConfig::new();
    config.with_directory(&directory).with_files_total_size_soft_limit(CACHE_BYTES_MAX);
    Cache::new(config).map_err(|error| refuse(&error))
}

/// Whoever may write into this folder may run machine code as the realm.
#[cfg(unix)]
fn keep_private(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn keep_private(_directory: &Path) -> std::io::Result<()> {
    Ok(())
}
