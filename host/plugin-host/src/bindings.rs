//! The types of `wit/`, generated: the records of every hook and of everything that a plugin may call.

#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated; the meaning stands in wit/")]
mod generated {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "every-hook",
        imports: { default: trappable },
        additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
    });
}

pub use generated::exports::realm::plugin::{chat_filter, commands, events, ladder, lifecycle, matchmaking};
pub use generated::realm::plugin::{clock, effects, kv, log, metrics, random, realm_info};

/// Looks for cheats.
pub mod anti_cheat {
    pub use super::generated::exports::realm::plugin::anti_cheat::*;
    pub use crate::actions::{ACTIONS_MAX, Action};
}
