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

/// An account by its key; `None` when it is not online.
#[must_use]
pub fn find_account(id: u64) -> Option<Account> {
    host::find_account(id)
}

/// A character by its key; `None` when it is not being played.
#[must_use]
pub fn find_character(id: u64) -> Option<Character> {
    host::find_character(id)
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

    pub(super) fn find_account(_id: u64) -> Option<Account> {
        None
    }

    pub(super) fn find_character(_id: u64) -> Option<Character> {
        None
    }
}
