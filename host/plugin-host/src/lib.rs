//! wasmtime as the realm uses it: load a component, limit it, call it, swap it.
//!
//! Knows no game, no socket and no database. A [`Host`] is the engine with its limits; [`Host::load`] turns the bytes of a
//! file into a [`Plugin`], or says in words for the operator why it cannot; [`Plugin::instantiate`] makes an [`Instance`],
//! which is owned by one thread and called there. An instance that trapped or overran its deadline is dead for good:
//! whoever owns it makes a new one, after the pause that a [`Breaker`] tells.

pub mod bindings;
pub mod tape;

mod actions;
mod answers;
mod breaker;
mod calls;
mod component;
mod engine;
mod error;
mod exports;
mod failure;
mod hook;
mod imports;
mod instance;
mod limits;
mod log;
mod manifest;
mod memory;
mod meter;
mod misfit;
mod plugin;
mod rehearsal;
mod services;
mod state;
mod versions;
mod wasi;

pub use answers::{FormedMatch, SeasonAward};
pub use breaker::Breaker;
pub use engine::{Host, HostError};
pub use error::{CallError, LoadError};
pub use hook::{Hook, INTERFACE_VERSION};
pub use instance::Instance;
pub use limits::{ClassLimits, Limits, PluginLimits};
pub use log::{Level, LogSink, NoLog};
pub use manifest::{Class, MANIFEST_SECTION, Manifest, Permission};
pub use plugin::{Plugin, sha256_hex};
pub use rehearsal::{LogLine, REHEARSAL_BEGINS_MS, Rehearsal};
pub use services::Services;
