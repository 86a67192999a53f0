//! Why a file cannot be loaded, and why a call gave no answer: sentences for the operator.

use std::time::Duration;

use crate::{
    hook::{Hook, INTERFACE_VERSION},
    manifest::Permission,
};

/// Why the bytes of a file do not become a plugin. Each text says what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The file is too large for its class.
    #[error(
        "the file has {bytes} bytes; a plugin of class `{class}` may have {bytes_max}: strip debug information and optimise for size"
    )]
    TooLarge {
        /// Size of the file.
        bytes: usize,
        /// Largest allowed.
        bytes_max: usize,
        /// Name of the class.
        class: &'static str,
    },
    /// No WebAssembly at all.
    #[error(
        "this is no WebAssembly: the file does not begin with `\\0asm`; build a component and copy the `.wasm` file itself"
    )]
    NotWasm,
    /// A core module.
    #[error(
        "this is a core module, not a component; build the plugin with `realm plugin build`, which makes a component of it (or `wasm-tools component new` does)"
    )]
    CoreModule,
    /// Machine code made by a compiler of WebAssembly.
    #[error(
        "this is precompiled machine code, which is never loaded from the plugin folder; copy the component it was made from"
    )]
    Precompiled,
    /// Cut off or damaged.
    #[error("the file is damaged or cut off ({0}); build it again and copy the whole file")]
    Malformed(String),
    /// The manifest is missing or wrong.
    #[error("the manifest cannot be read: {0}")]
    Manifest(String),
    /// Built for another version of an interface.
    #[error(
        "it was built for `{interface}` {built_for}; this realm speaks {INTERFACE_VERSION}: build it again with the SDK of this realm's version"
    )]
    InterfaceVersion {
        /// Name of the interface.
        interface: String,
        /// Version it was built for.
        built_for: String,
    },
    /// Needs something that is not offered.
    #[error(
        "it imports `{0}`, which this realm does not offer; plugins may import {interfaces} (of `realm:plugin` {INTERFACE_VERSION}) and WASI 0.2, of which nothing is granted",
        interfaces = Permission::interfaces()
    )]
    ImportUnknown(String),
    /// Exports a hook of `realm:plugin` that does not exist.
    #[error("it exports `{0}`, a hook that this realm does not know; it knows {hooks}", hooks = Hook::list())]
    HookUnknown(String),
    /// Exports nothing to call.
    #[error("it exports no hook: export at least one of {hooks} (of `realm:plugin` {INTERFACE_VERSION})", hooks = Hook::list())]
    NoHook,
    /// A slow plugin inside the tick.
    #[error(
        "a plugin of class `slow` may not answer `anti-cheat`, which is asked in every tick; make it small enough for class `fast`"
    )]
    SlowInTick,
    /// Its limits make no sense.
    #[error("its limits in the configuration cannot be held to: {0}")]
    Limits(String),
    /// One function is too large to compile in reasonable time.
    #[error(
        "its largest function has {bytes} bytes; a plugin of class `{class}` may have {bytes_max}: split it, or let the optimiser inline less"
    )]
    FunctionTooLarge {
        /// Size of its code.
        bytes: usize,
        /// Largest allowed.
        bytes_max: usize,
        /// Name of the class.
        class: &'static str,
    },
    /// Compiling took too long.
    #[error("compiling took {cpu_ms} ms of CPU time; {cpu_ms_max} are allowed: make the plugin smaller")]
    CompileTooLong {
        /// CPU time that it took.
        cpu_ms: u64,
        /// Most allowed.
        cpu_ms_max: u64,
    },
    /// The engine does not take it.
    #[error("the engine does not compile it: {0}")]
    Compile(String),
    /// Imports or exports have other types than the interface.
    #[error("it does not fit the contract: {0}; build it again with the SDK of this realm's version")]
    Link(String),
}

impl LoadError {
    /// The step of loading that failed, in a word.
    #[must_use]
    pub fn step(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::NotWasm | Self::CoreModule | Self::Precompiled | Self::Malformed(_) => "read",
            Self::Manifest(_) => "manifest",
            Self::InterfaceVersion { .. } => "interface version",
            Self::ImportUnknown(_) => "imports",
            Self::HookUnknown(_) | Self::NoHook | Self::SlowInTick => "exports",
            Self::Limits(_) => "limits",
            Self::FunctionTooLarge { .. } | Self::CompileTooLong { .. } | Self::Compile(_) => "compile",
            Self::Link(_) => "link",
        }
    }
}

/// Why a call gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The plugin trapped: a panic, a failed check, a stack too deep. The instance is dead.
    #[error("trapped: {message}{}", backtrace.as_deref().map(|text| format!(" at {text}")).unwrap_or_default())]
    Trap {
        /// What happened; the plugin's own last words when it left some in its log.
        message: String,
        /// The innermost functions, when their names are known.
        backtrace: Option<String>,
    },
    /// It took too much CPU time. The instance is dead.
    #[error("used more than its {} ms of CPU time", .0.as_millis())]
    Deadline(Duration),
    /// It took too long by the wall clock. The instance is dead.
    #[error("took longer than {} ms", .0.as_millis())]
    WallClock(Duration),
    /// It wanted more memory than it may have. The instance is dead.
    #[error("{0}")]
    Memory(String),
    /// It handed over more than one call may. The instance is dead.
    #[error("handed over more than {0} bytes in one call")]
    TooMuch(usize),
    /// The answer makes no sense; the instance lives on.
    #[error("gave an answer that makes no sense: {0}")]
    Nonsense(String),
    /// `init` said no; there is no instance.
    #[error("`init` refused: {0}")]
    InitRefused(String),
    /// It did not take over the state of the version before.
    #[error("did not take the state over: {0}")]
    StateRefused(String),
    /// The engine has no room for another instance.
    #[error("no instance could be made: {0}")]
    NoInstance(String),
    /// The instance died in an earlier call.
    #[error("the instance is dead since an earlier failure")]
    Dead,
    /// The plugin does not answer this hook.
    #[error("the plugin does not export `{0}`")]
    NotExported(Hook),
}

impl CallError {
    /// The kind of failure in a word, for counters.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Trap { .. } => "trap",
            Self::Deadline(_) | Self::WallClock(_) => "deadline",
            Self::Memory(_) => "memory",
            Self::TooMuch(_) | Self::Nonsense(_) => "nonsense",
            Self::InitRefused(_) | Self::NoInstance(_) => "init",
            Self::StateRefused(_) => "state",
            Self::Dead => "dead",
            Self::NotExported(_) => "not-exported",
        }
    }
}
