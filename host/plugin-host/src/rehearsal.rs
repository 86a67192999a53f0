//! Services for tests: a clock that stands still, dice with a seed, a store in memory, and a record of what was said.
//! The same calls give the same answers, on every machine.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    bindings::{
        kv::KvError,
        realm_info::{Account, Character},
    },
    log::{Level, LogSink},
    services::Services,
};

/// Milliseconds since 1970 at which a rehearsal begins: 2026-01-01.
pub const REHEARSAL_BEGINS_MS: u64 = 1_767_225_600_000;

/// A line that a plugin has written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Name of the plugin.
    pub plugin: String,
    /// How much it matters.
    pub level: Level,
    /// The line as an operator would read it.
    pub line: String,
}

/// A realm that exists for one test. Share it as an `Arc` between the host and the test.
#[derive(Debug)]
pub struct Rehearsal {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    now_ms: u64,
    dice: u64,
    lines: Vec<LogLine>,
    figures: BTreeMap<(String, String), i128>,
    values: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    realm_name: String,
    accounts: BTreeMap<String, Account>,
    characters: BTreeMap<String, Character>,
}

impl Rehearsal {
    /// A realm in which nobody is online, whose dice begin with `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            inner: Mutex::new(Inner {
                now_ms: REHEARSAL_BEGINS_MS,
                dice: seed,
                lines: Vec::new(),
                figures: BTreeMap::new(),
                values: BTreeMap::new(),
                realm_name: "Rehearsal".to_owned(),
                accounts: BTreeMap::new(),
                characters: BTreeMap::new(),
            }),
        }
    }

    /// Lets time pass.
    pub fn pass_ms(&self, ms: u64) {
        let mut inner = self.inner();
        inner.now_ms = inner.now_ms.saturating_add(ms);
    }

    /// Brings an account online, or changes it.
    pub fn put_account(&self, account: Account) {
        self.inner().accounts.insert(account.name.to_lowercase(), account);
    }

    /// Brings a character into play, or changes it.
    pub fn put_character(&self, character: Character) {
        self.inner().characters.insert(character.name.to_lowercase(), character);
    }

    /// Every line that was written so far.
    #[must_use]
    pub fn lines(&self) -> Vec<LogLine> {
        self.inner().lines.clone()
    }

    /// A counter's sum or a gauge's value; `None` when the plugin has never taken it.
    #[must_use]
    pub fn figure(&self, plugin: &str, name: &str) -> Option<i128> {
        self.inner().figures.get(&(plugin.to_owned(), name.to_owned())).copied()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// A counter with an odd step, mixed so that neighbouring numbers have nothing in common.
    fn throw(&mut self) -> u64 {
        self.dice = self.dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.dice ^ (self.dice >> 31)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        mixed ^ (mixed >> 32)
    }
}

impl LogSink for Rehearsal {
    fn write(&self, plugin: &str, level: Level, line: &str) {
        let line = LogLine { plugin: plugin.to_owned(), level, line: line.to_owned() };
        self.inner().lines.push(line);
    }
}

impl Services for Rehearsal {
    fn counter_add(&self, plugin: &str, counter: &str, amount: u64) {
        *self.inner().figures.entry((plugin.to_owned(), counter.to_owned())).or_default() += i128::from(amount);
    }

    fn gauge_set(&self, plugin: &str, gauge: &str, value: i64) {
        self.inner().figures.insert((plugin.to_owned(), gauge.to_owned()), value.into());
    }

    fn kv_get(&self, plugin: &str, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        Ok(self.inner().values.get(plugin).and_then(|values| values.get(key).cloned()))
    }

    fn kv_set(&self, plugin: &str, key: &str, value: Vec<u8>, bytes_max: u64) -> Result<(), KvError> {
        let mut inner = self.inner();
        let values = inner.values.entry(plugin.to_owned()).or_default();
        let others = values.iter().filter(|(other, _)| *other != key);
        let bytes: usize = others.map(|(key, value)| key.len() + value.len()).sum();
        if (bytes + key.len() + value.len()) as u64 > bytes_max {
            return Err(KvError::Quota);
        }
        values.insert(key.to_owned(), value);
        Ok(())
    }

    fn kv_delete(&self, plugin: &str, key: &str) -> Result<(), KvError> {
        if let Some(values) = self.inner().values.get_mut(plugin) {
            values.remove(key);
        }
        Ok(())
    }

    fn kv_list(&self, plugin: &str, prefix: &str, after: &str, keys_max: usize) -> Result<Vec<String>, KvError> {
        let inner = self.inner();
        let keys = inner.values.get(plugin).into_iter().flat_map(BTreeMap::keys);
        let wanted = keys.filter(|key| key.starts_with(prefix) && key.as_str() > after);
        Ok(wanted.take(keys_max).cloned().collect())
    }

    fn now_ms(&self, _plugin: &str) -> u64 {
        self.inner().now_ms
    }

    fn random(&self, _plugin: &str, bytes: &mut [u8]) -> bool {
        let mut inner = self.inner();
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&inner.throw().to_le_bytes()[..chunk.len()]);
        }
        true
    }

    fn realm_name(&self) -> String {
        self.inner().realm_name.clone()
    }

    fn players_online(&self) -> u32 {
        u32::try_from(self.inner().accounts.len()).unwrap_or(u32::MAX)
    }

    fn find_account(&self, name: &str) -> Option<Account> {
        self.inner().accounts.get(&name.to_lowercase()).cloned()
    }

    fn find_character(&self, name: &str) -> Option<Character> {
        self.inner().characters.get(&name.to_lowercase()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same_dice() {
        let throw = |seed| {
            let (rehearsal, mut bytes) = (Rehearsal::new(seed), [0; 20]);
            assert!(rehearsal.random("any", &mut bytes));
            bytes
        };
        assert_eq!(throw(7), throw(7));
        assert_ne!(throw(7), throw(8));
    }

    #[test]
    fn plugins_do_not_see_each_others_keys_and_each_has_a_quota() {
        let rehearsal = Rehearsal::new(0);
        assert_eq!(rehearsal.kv_set("one", "key", vec![1; 7], 10), Ok(()));
        assert_eq!(rehearsal.kv_get("other", "key"), Ok(None));
        assert_eq!(rehearsal.kv_set("one", "key", vec![2; 7], 10), Ok(()), "what is replaced does not count");
        assert_eq!(rehearsal.kv_set("one", "k", vec![], 10), Err(KvError::Quota));
        assert_eq!(rehearsal.kv_set("other", "k", vec![], 10), Ok(()));
        rehearsal.kv_delete("one", "key").unwrap();
        assert_eq!(rehearsal.kv_list("one", "", "", 9), Ok(Vec::new()));
    }

    #[test]
    fn time_passes_when_the_test_says_so() {
        let rehearsal = Rehearsal::new(0);
        rehearsal.pass_ms(1_500);
        assert_eq!(rehearsal.now_ms("any"), REHEARSAL_BEGINS_MS + 1_500);
    }
}
