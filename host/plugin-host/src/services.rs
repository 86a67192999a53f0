//! What the host asks the realm for on a plugin's behalf. Limits and permissions are held here in the crate, before a
//! service is asked; so a service need not distrust what it is given.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::{
    bindings::{
        kv::KvError,
        realm_info::{Account, Character},
    },
    log::{LogSink, NoLog},
};

/// Answers the imports of plugins. Every method is called in the middle of a plugin's call, on the thread of a tick, too:
/// it must answer from what is at hand and never wait. `plugin` is the name in the manifest.
///
/// Each method has a default, so that a realm, a test or a replay answers only what it knows better.
pub trait Services: LogSink {
    /// Adds to a counter of the plugin's own; `counter` has 1 to 40 small letters, digits and `_`.
    fn counter_add(&self, plugin: &str, counter: &str, amount: u64) {
        let _ = (plugin, counter, amount);
    }

    /// Sets a gauge of the plugin's own.
    fn gauge_set(&self, plugin: &str, gauge: &str, value: i64) {
        let _ = (plugin, gauge, value);
    }

    /// The value of a key.
    ///
    /// # Errors
    /// When it cannot be read.
    fn kv_get(&self, plugin: &str, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        let _ = (plugin, key);
        Err(nothing_kept())
    }

    /// Sets the value of a key, unless all keys and values of the plugin would then be more than `bytes_max`.
    ///
    /// # Errors
    /// [`KvError::Quota`], or when it cannot be written.
    fn kv_set(&self, plugin: &str, key: &str, value: Vec<u8>, bytes_max: u64) -> Result<(), KvError> {
        let _ = (plugin, key, value, bytes_max);
        Err(nothing_kept())
    }

    /// Removes a key.
    ///
    /// # Errors
    /// When it cannot be written.
    fn kv_delete(&self, plugin: &str, key: &str) -> Result<(), KvError> {
        let _ = (plugin, key);
        Err(nothing_kept())
    }

    /// The first `keys_max` keys that begin with `prefix` and come after `after`, in the order of their bytes.
    ///
    /// # Errors
    /// When they cannot be read.
    fn kv_list(&self, plugin: &str, prefix: &str, after: &str, keys_max: usize) -> Result<Vec<String>, KvError> {
        let _ = (plugin, prefix, after, keys_max);
        Err(nothing_kept())
    }

    /// Milliseconds since 1970.
    fn now_ms(&self, plugin: &str) -> u64 {
        let _ = plugin;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// Fills `bytes` with dice. False when there are none.
    fn random(&self, plugin: &str, bytes: &mut [u8]) -> bool {
        let _ = plugin;
        getrandom::fill(bytes).is_ok()
    }

    /// The name of the realm.
    fn realm_name(&self) -> String {
        String::new()
    }

    /// How many players are online.
    fn players_online(&self) -> u32 {
        0
    }

    /// An account that is online.
    fn find_account(&self, name: &str) -> Option<Account> {
        let _ = name;
        None
    }

    /// A character that is being played.
    fn find_character(&self, name: &str) -> Option<Character> {
        let _ = name;
        None
    }
}

impl Services for NoLog {}

fn nothing_kept() -> KvError {
    KvError::Other("this host keeps nothing".to_owned())
}
