//! What plugins may call, answered by the realm from what is at hand: nothing here waits, for tick threads ask, too.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use realm_plugin_host::{
    Services,
    bindings::{
        kv::KvError,
        realm_info::{Account, Character},
    },
};

use super::{
    Journal, RealmLog, Roll,
    tape::{HostAnswer, Told, host_answered, shaded},
};

/// Names of figures that one plugin may use over all its versions; beyond, they are counted under [`OTHER`].
const FIGURES_MAX: usize = 128;
/// Bytes of keys that a shadow may delete in one call.
const DELETED_BYTES_MAX: u64 = 1 << 20;
/// The name for what comes after.
const OTHER: &str = "other";

/// Where plugins' keys and values are kept. Every method answers from memory.
pub(crate) trait KeyValues: Send + Sync {
    fn get(&self, plugin: &str, key: &str) -> Option<Vec<u8>>;
    fn set(&self, plugin: &str, key: &str, value: Vec<u8>, bytes_max: u64) -> Result<(), KvError>;
    fn delete(&self, plugin: &str, key: &str);
    fn list(&self, plugin: &str, prefix: &str, after: &str, keys_max: usize) -> Vec<String>;
}

/// What the realm offers its plugins.
pub(crate) struct Offers {
    pub(crate) realm: String,
    pub(crate) roll: Roll,
    pub(crate) keys: Arc<dyn KeyValues>,
}

impl fmt::Debug for Offers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Offers").field("realm", &self.realm).finish_non_exhaustive()
    }
}

/// The names of plugins' figures.
#[derive(Debug, Default)]
pub(super) struct FigureNames {
    by_plugin: Mutex<HashMap<String, HashSet<String>>>,
}

impl FigureNames {
    /// The name itself, or the one for too many.
    fn bounded<'a>(&self, plugin: &str, name: &'a str) -> &'a str {
        let mut names = self.by_plugin.lock().unwrap_or_else(PoisonError::into_inner);
        if !names.contains_key(plugin) {
            names.insert(plugin.to_owned(), HashSet::new());
        }
        let Some(names) = names.get_mut(plugin) else { return OTHER };
        if names.contains(name) {
            return name;
        }
        if names.len() >= FIGURES_MAX {
            return OTHER;
        }
        names.insert(name.to_owned());
        name
    }
}

fn nothing_kept() -> KvError {
    KvError::Other("this realm keeps nothing".to_owned())
}

// A shadow is told what the version at work was told, and nothing that it does reaches the realm.
impl Services for Journal {
    fn now_ms(&self, plugin: &str) -> u64 {
        if let Some(then_ms) = shaded(Told::now_ms).flatten() {
            return then_ms;
        }
        let now_ms = Services::now_ms(&RealmLog, plugin);
        host_answered(|| HostAnswer::NowMs(now_ms));
        now_ms
    }

    fn random(&self, plugin: &str, bytes: &mut [u8]) -> bool {
        if let Some(dice) = shaded(|told| told.random(bytes.len())).flatten() {
            bytes.copy_from_slice(&dice);
            return true;
        }
        let thrown = Services::random(&RealmLog, plugin, bytes);
        host_answered(|| HostAnswer::Random(bytes.to_vec()));
        thrown
    }

    fn counter_add(&self, plugin: &str, counter: &str, amount: u64) {
        if shaded(|_| ()).is_some() {
            return;
        }
        let name = self.figures.bounded(plugin, counter);
        metrics::counter!("realm_plugin_counter", "plugin" => plugin.to_owned(), "name" => name.to_owned())
            .increment(amount);
    }

    #[allow(clippy::cast_precision_loss, reason = "a gauge is a number for people")]
    fn gauge_set(&self, plugin: &str, gauge: &str, value: i64) {
        if shaded(|_| ()).is_some() {
            return;
        }
        let name = self.figures.bounded(plugin, gauge);
        metrics::gauge!("realm_plugin_gauge", "plugin" => plugin.to_owned(), "name" => name.to_owned())
            .set(value as f64);
    }

    fn kv_get(&self, plugin: &str, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        if let Some(value) = shaded(|told| told.value(key)).flatten() {
            return value;
        }
        let value = self.offers.get().map(|offers| offers.keys.get(plugin, key)).ok_or_else(nothing_kept);
        host_answered(|| HostAnswer::Value { key: key.to_owned(), value: value.clone() });
        value
    }

    fn kv_set(&self, plugin: &str, key: &str, value: Vec<u8>, bytes_max: u64) -> Result<(), KvError> {
        if shaded(|_| ()).is_some() {
            return shaded(|told| told.change(key, Some(value), bytes_max)).unwrap_or(Ok(()));
        }
        let offers = self.offers.get().ok_or_else(nothing_kept);
        let outcome = offers.and_then(|offers| offers.keys.set(plugin, key, value, bytes_max));
        host_answered(|| HostAnswer::Changed { key: key.to_owned(), outcome: outcome.clone() });
        outcome
    }

    fn kv_delete(&self, plugin: &str, key: &str) -> Result<(), KvError> {
        if let Some(outcome) = shaded(|told| told.change(key, None, DELETED_BYTES_MAX)) {
            return outcome;
        }
        let offers = self.offers.get().ok_or_else(nothing_kept);
        let outcome = offers.map(|offers| offers.keys.delete(plugin, key));
        host_answered(|| HostAnswer::Changed { key: key.to_owned(), outcome: outcome.clone() });
        outcome
    }

    fn kv_list(&self, plugin: &str, prefix: &str, after: &str, keys_max: usize) -> Result<Vec<String>, KvError> {
        if let Some(keys) = shaded(|told| told.keys(prefix, after)).flatten() {
            return keys;
        }
        let offers = self.offers.get().ok_or_else(nothing_kept);
        let keys = offers.map(|offers| offers.keys.list(plugin, prefix, after, keys_max));
        host_answered(|| HostAnswer::Keys { prefix: prefix.to_owned(), after: after.to_owned(), keys: keys.clone() });
        keys
    }

    fn realm_name(&self) -> String {
        if let Some(then) = shaded(Told::realm_name).flatten() {
            return then;
        }
        let name = self.offers.get().map(|offers| offers.realm.clone()).unwrap_or_default();
        host_answered(|| HostAnswer::RealmName(name.clone()));
        name
    }

    fn players_online(&self) -> u32 {
        if let Some(then) = shaded(Told::players_online).flatten() {
            return then;
        }
        let online = self.offers.get().map_or(0, |offers| offers.roll.online());
        host_answered(|| HostAnswer::PlayersOnline(online));
        online
    }

    fn find_account(&self, name: &str) -> Option<Account> {
        if let Some(then) = shaded(|told| told.account(name)).flatten() {
            return then;
        }
        let found = self.offers.get().and_then(|offers| account(&offers.roll, name));
        host_answered(|| HostAnswer::Account { name: name.to_owned(), account: found.clone() });
        found
    }

    fn find_character(&self, name: &str) -> Option<Character> {
        if let Some(then) = shaded(|told| told.character(name)).flatten() {
            return then;
        }
        let found = self.offers.get().and_then(|offers| character(&offers.roll, name));
        host_answered(|| HostAnswer::Character { name: name.to_owned(), character: found.clone() });
        found
    }
}

fn account(roll: &Roll, name: &str) -> Option<Account> {
    let account = roll.account_named(name)?;
    let present = roll.account(account).filter(|present| present.online)?;
    let character = present.playing.as_ref().map(|playing| playing.name.clone());
    Some(Account { id: account.raw(), name: present.name.clone(), character })
}

fn character(roll: &Roll, name: &str) -> Option<Character> {
    let (account, playing) = roll.character_named(name)?;
    Some(Character {
        id: playing.character.raw(),
        account: roll.account(account)?.name.clone(),
        name: playing.name,
        class: playing.class.to_owned(),
        level: playing.level,
        hardcore: playing.hardcore,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_that_makes_up_names_fills_no_memory() {
        let names = FigureNames::default();
        for number in 0..FIGURES_MAX {
            let name = format!("figure_{number}");
            assert_eq!(names.bounded("counter", &name), name);
        }
        assert_eq!(names.bounded("counter", "one_more"), OTHER);
        assert_eq!(names.bounded("counter", "figure_7"), "figure_7");
        assert_eq!(names.bounded("another", "one_more"), "one_more");
    }
}
