//! What a plugin author writes against: the hooks of `realm:plugin` as Rust traits.
//!
//! A plugin is a type that implements [`Plugin`] and one trait per hook it wants to answer. [`plugin!`] names it to the
//! realm, and one macro per hook exports that hook; what is not exported is never called.
//!
//! ```
//! use realm_plugin::{
//!     InitError, Plugin,
//!     chat_filter::{ChatFilter, Line, Verdict},
//! };
//!
//! struct Polite;
//!
//! impl Plugin for Polite {
//!     fn init(_configuration: &str) -> Result<Self, InitError> {
//!         realm_plugin::log::info!("please be polite");
//!         Ok(Self)
//!     }
//! }
//!
//! impl ChatFilter for Polite {
//!     fn filter(&mut self, line: Line) -> Verdict {
//!         if line.text.contains("!!!") { Verdict::Block("Please do not shout.".into()) } else { Verdict::Pass }
//!     }
//! }
//!
//! realm_plugin::plugin! {
//!     rule: Polite,
//!     name: "polite",
//!     description: "Refuses lines that shout.",
//!     permissions: ["log"],
//! }
//! realm_plugin::export_chat_filter!(Polite);
//! # fn main() {}
//! ```
//!
//! The crate also builds for the native target, where nothing is exported and the log goes to standard error: so the
//! rules of a plugin can be tested and measured without a realm.

mod actions;
#[doc(hidden)]
pub mod bindings;
pub mod clock;
mod configuration;
mod hooks;
#[doc(hidden)]
pub mod instance;
pub mod kv;
pub mod log;
#[doc(hidden)]
pub mod manifest;
pub mod metrics;
pub mod random;
pub mod realm_info;
mod recent;

pub use bindings::{
    imports::realm::plugin::effects,
    lifecycle::exports::realm::plugin::lifecycle::{InitError, StateError},
};
pub use configuration::read_configuration;
pub use hooks::{anti_cheat, chat_filter, commands, events, ladder, matchmaking};
pub use recent::Recent;

/// A plugin: the state that lives as long as one instance does.
///
/// The realm makes one instance per lane (each tick thread is a lane, and everything outside games is one), calls `init`
/// on it, and then calls its hooks one at a time. An instance that panics is thrown away with its state.
pub trait Plugin: Sized + 'static {
    /// Makes the state. Deadline 1 s of CPU time: fill tables and warm caches here, not in a hook.
    ///
    /// `configuration` is the JSON text of `[plugins.configuration.NAME]` in `realm.toml`, `{}` when there is none;
    /// [`read_configuration`] turns it into a type of yours. An error keeps the version that was at work before.
    fn init(configuration: &str) -> Result<Self, InitError>;

    /// What shall live on when another version of this plugin takes this one's place: at most 64 KiB. Deadline 20 ms of CPU
    /// time. Nothing, if you say nothing.
    fn save_state(&mut self) -> Vec<u8> {
        Vec::new()
    }

    /// Takes over what `save_state` of version `written_by` gave, after `init` and before any hook. Deadline 20 ms of CPU
    /// time; an error keeps the version that was at work before. If you say nothing, an empty state is taken, and no other.
    fn load_state(&mut self, written_by: &str, state: &[u8]) -> Result<(), StateError> {
        let _ = written_by;
        if state.is_empty() { Ok(()) } else { Err(StateError::VersionUnknown) }
    }

    /// Called once before an instance that has not failed is thrown away. Deadline 20 ms of CPU time.
    fn shutdown(&mut self) {}
}
