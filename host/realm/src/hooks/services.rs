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
    tape::HostAnswer,
};

use super::{Journal, RealmLog, Roll, tape::host_answered};
use crate::types::{AccountId, CharacterId};

/// Names of figures that one plugin may use over all its versions; beyond, they are counted under [`OTHER`].
const FIGURES_MAX: usize = 128;
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

impl Services for Journal {
    fn now_ms(&self, plugin: &str) -> u64 {
        host_answered(Services::now_ms(&RealmLog, plugin), |now_ms| HostAnswer::NowMs(*now_ms))
    }

    fn random(&self, plugin: &str, bytes: &mut [u8]) -> bool {
        let thrown = Services::random(&RealmLog, plugin, bytes);
        host_answered(thrown, |_| HostAnswer::Random(bytes.to_vec()))
    }

    fn counter_add(&self, plugin: &str, counter: &str, amount: u64) {
        let name = self.figures.bounded(plugin, counter);
        metrics::counter!("realm_plugin_counter", "plugin" => plugin.to_owned(), "name" => name.to_owned())
            .increment(amount);
    }

    #[allow(clippy::cast_precision_loss, reason = "a gauge is a number for people")]
    fn gauge_set(&self, plugin: &str, gauge: &str, value: i64) {
        let name = self.figures.bounded(plugin, gauge);
        metrics::gauge!("realm_plugin_gauge", "plugin" => plugin.to_owned(), "name" => name.to_owned())
            .set(value as f64);
    }

    fn kv_get(&self, plugin: &str, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        let answer = self.offers.get().map(|offers| offers.keys.get(plugin, key)).ok_or_else(nothing_kept);
        host_answered(answer, |answer| HostAnswer::KvGet { key: key.to_owned(), answer: answer.clone() })
    }

    fn kv_set(&self, plugin: &str, key: &str, value: Vec<u8>, bytes_max: u64) -> Result<(), KvError> {
        let keys = self.offers.get().map(|offers| &offers.keys).ok_or_else(nothing_kept);
        let answer = keys.and_then(|keys| keys.set(plugin, key, value, bytes_max));
        host_answered(answer, |answer| HostAnswer::KvSet { key: key.to_owned(), answer: answer.clone() })
    }

    fn kv_delete(&self, plugin: &str, key: &str) -> Result<(), KvError> {
        let answer = self.offers.get().map(|offers| offers.keys.delete(plugin, key)).ok_or_else(nothing_kept);
        host_answered(answer, |answer| HostAnswer::KvDelete { key: key.to_owned(), answer: answer.clone() })
    }

    fn kv_list(&self, plugin: &str, prefix: &str, after: &str, keys_max: usize) -> Result<Vec<String>, KvError> {
        let list = |offers: &Offers| offers.keys.list(plugin, prefix, after, keys_max);
        host_answered(self.offers.get().map(list).ok_or_else(nothing_kept), |answer| HostAnswer::KvList {
            prefix: prefix.to_owned(),
            after: after.to_owned(),
            answer: answer.clone(),
        })
    }

    fn realm_name(&self) -> String {
        let name = self.offers.get().map(|offers| offers.realm.clone()).unwrap_or_default();
        host_answered(name, |name| HostAnswer::RealmName(name.clone()))
    }

    fn players_online(&self) -> u32 {
        let online = self.offers.get().map_or(0, |offers| offers.roll.online());
        host_answered(online, |online| HostAnswer::PlayersOnline(*online))
    }

    fn find_account(&self, id: u64) -> Option<Account> {
        host_answered(self.account(id), |answer| HostAnswer::FindAccount { id, answer: answer.clone() })
    }

    fn find_character(&self, id: u64) -> Option<Character> {
        host_answered(self.character(id), |answer| HostAnswer::FindCharacter { id, answer: answer.clone() })
    }
}

impl Journal {
    fn account(&self, id: u64) -> Option<Account> {
        let present = self.offers.get()?.roll.account(AccountId::from_raw(id)).filter(|present| present.online)?;
        let character = present.playing.as_ref().map(|playing| playing.character.raw());
        Some(Account { id, name: present.name.clone(), character })
    }

    fn character(&self, id: u64) -> Option<Character> {
        let (account, playing) = self.offers.get()?.roll.character(CharacterId::from_raw(id))?;
        Some(Character {
            id,
            account: account.raw(),
            name: playing.name,
            class: playing.class.to_owned(),
            level: playing.level,
            hardcore: playing.hardcore,
        })
    }
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
