//! The records and functions of `wit/`, generated: one module per world, so that a plugin exports only what it wants.

#![allow(
    missing_docs,
    unsafe_code,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    reason = "generated; the meaning stands in wit/"
)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::needless_pass_by_value,
    reason = "generated"
)]

/// What the host offers.
pub mod imports {
    wit_bindgen::generate!({ path: "../../wit", world: "imports", additional_derives: [PartialEq] });
}

/// Makes the module of one hook: its world without what the host offers, which every module has from [`imports`].
macro_rules! hook {
    ($(#[$doc:meta])* $module:ident, $world:tt, $path:tt) => {
        $(#[$doc])*
        pub mod $module {
            wit_bindgen::generate!({
                path: "../../wit",
                world: $world,
                pub_export_macro: true,
                default_bindings_module: $path,
                with: {
                    "realm:plugin/effects@0.1.0": crate::bindings::imports::realm::plugin::effects,
                    "realm:plugin/log@0.1.0": crate::bindings::imports::realm::plugin::log,
                    "realm:plugin/metrics@0.1.0": crate::bindings::imports::realm::plugin::metrics,
                    "realm:plugin/kv@0.1.0": crate::bindings::imports::realm::plugin::kv,
                    "realm:plugin/clock@0.1.0": crate::bindings::imports::realm::plugin::clock,
                    "realm:plugin/random@0.1.0": crate::bindings::imports::realm::plugin::random,
                    "realm:plugin/realm-info@0.1.0": crate::bindings::imports::realm::plugin::realm_info,
                },
                additional_derives: [PartialEq],
            });
        }
    };
}

hook! {
    /// The hook around a plugin's life.
    lifecycle, "lifecycle-plugin", "realm_plugin::bindings::lifecycle"
}
hook! {
    /// The hook for chat.
    chat_filter, "chat-filter-plugin", "realm_plugin::bindings::chat_filter"
}
hook! {
    /// The hook for cheats.
    anti_cheat, "anti-cheat-plugin", "realm_plugin::bindings::anti_cheat"
}
hook! {
    /// The hook for games, their lists and matches.
    matchmaking, "matchmaking-plugin", "realm_plugin::bindings::matchmaking"
}
hook! {
    /// The hook for the ladder.
    ladder, "ladder-plugin", "realm_plugin::bindings::ladder"
}
hook! {
    /// The hook for slash commands.
    commands, "commands-plugin", "realm_plugin::bindings::commands"
}
hook! {
    /// The hook for events.
    events, "events-plugin", "realm_plugin::bindings::events"
}
