//! What everybody may know of the realm. Needs the permission `realm-info`. Natively the realm is empty.

pub use crate::bindings::imports::realm::plugin::realm_info::{Account, Character};

#[cfg(target_arch = "wasm32")]
use crate::bindings::imports::realm::plugin::realm_info as host;

/// The name of the realm.
#[must_use]
pub fn name() -> String {
    host::name()
}

/// How many players are online.
#[must_use]
pub fn players_online() -> u32 {
    host::players_online()
}

/// An account by its name, in any case; `None` when it is not online.
#[must_use]
pub fn find_account(name: &str) -> Option<Account> {
    host::find_account(name)
}

/// A character by its name, in any case; `None` when it is not being played.
#[must_use]
pub fn find_character(name: &str) -> Option<Character> {
    host::find_character(name)
}

#[cfg(not(target_arch = "wasm32"))]
mod host {
    use super::{Account, Character};

    pub(super) fn name() -> String {
        "native".to_owned()
    }

    pub(super) fn players_online() -> u32 {
        0
    }

    pub(super) fn find_account(_name: &str) -> Option<Account> {
        None
    }

    pub(super) fn find_character(_name: &str) -> Option<Character> {
        None
    }
}
