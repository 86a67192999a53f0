//! The one instance of a plugin inside its component, and how the hooks reach it.

use std::{cell::RefCell, marker::PhantomData, thread::LocalKey};

use crate::{InitError, Plugin, StateError, bindings::lifecycle::exports::realm::plugin::lifecycle};

/// Where a plugin's state is kept between calls; implemented by [`plugin!`](crate::plugin).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not announced as the plugin of this component",
    note = "add `realm_plugin::plugin! {{ rule: {Self}, name: \"…\", description: \"…\", permissions: [\"log\"] }}`"
)]
pub trait Instance: Plugin {
    /// True when the plugin asks for the permission `log`.
    const LOGS: bool;

    /// The place of the state; empty before `init`.
    fn slot() -> &'static LocalKey<RefCell<Option<Self>>>;
}

/// Answers the generated functions of `lifecycle` for the plugin `T`.
pub struct Bound<T>(PhantomData<T>);

impl<T: Instance> lifecycle::Guest for Bound<T> {
    fn init(configuration: String) -> Result<(), InitError> {
        start::<T>(&configuration)
    }

    fn save_state() -> Vec<u8> {
        with(|plugin: &mut T| plugin.save_state())
    }

    fn load_state(written_by: String, state: Vec<u8>) -> Result<(), StateError> {
        with(|plugin: &mut T| plugin.load_state(&written_by, &state))
    }

    fn shutdown() {
        with(|plugin: &mut T| plugin.shutdown());
    }
}

/// Makes the state and keeps it. From here on a panic's message goes to the realm's log, if the plugin may log.
pub fn start<T: Instance>(configuration: &str) -> Result<(), InitError> {
    if T::LOGS && cfg!(target_arch = "wasm32") {
        std::panic::set_hook(Box::new(|panic| crate::log::error!("{panic}")));
    }
    let plugin = T::init(configuration)?;
    T::slot().with_borrow_mut(|slot| *slot = Some(plugin));
    Ok(())
}

/// Calls a hook on the state.
///
/// # Panics
/// When `init` has not succeeded before: the realm never calls a hook of such an instance.
pub fn with<T: Instance, R>(call: impl FnOnce(&mut T) -> R) -> R {
    T::slot().with_borrow_mut(|slot| call(slot.as_mut().expect("the realm calls `init` before any hook")))
}
