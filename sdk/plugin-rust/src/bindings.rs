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
    wit_bindgen::generate!({ path: "../../wit", world: "imports" });
}

/// The hook that starts a plugin.
pub mod lifecycle {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "lifecycle-plugin",
        pub_export_macro: true,
        default_bindings_module: "realm_plugin::bindings::lifecycle",
        with: { "realm:plugin/log@0.1.0": crate::bindings::imports::realm::plugin::log },
        additional_derives: [PartialEq],
    });
}

/// The hook for chat.
pub mod chat_filter {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "chat-filter-plugin",
        pub_export_macro: true,
        default_bindings_module: "realm_plugin::bindings::chat_filter",
        with: { "realm:plugin/log@0.1.0": crate::bindings::imports::realm::plugin::log },
        additional_derives: [PartialEq],
    });
}

/// The hook for cheats.
pub mod anti_cheat {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "anti-cheat-plugin",
        pub_export_macro: true,
        default_bindings_module: "realm_plugin::bindings::anti_cheat",
        with: { "realm:plugin/log@0.1.0": crate::bindings::imports::realm::plugin::log },
        additional_derives: [PartialEq],
    });
}

/// The hook for games and their lists.
pub mod matchmaking {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "matchmaking-plugin",
        pub_export_macro: true,
        default_bindings_module: "realm_plugin::bindings::matchmaking",
        with: { "realm:plugin/log@0.1.0": crate::bindings::imports::realm::plugin::log },
        additional_derives: [PartialEq],
    });
}

/// The hook for the ladder.
pub mod ladder {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "ladder-plugin",
        pub_export_macro: true,
        default_bindings_module: "realm_plugin::bindings::ladder",
        with: { "realm:plugin/log@0.1.0": crate::bindings::imports::realm::plugin::log },
        additional_derives: [PartialEq],
    });
}
