//! What a plugin may ask of a realm, answered from memory and noted.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use realm_plugin_host::{
    Level, LogSink, Permission, Services,
    bindings::{
        kv::KvError,
        realm_info::{Account, Character},
    },
};

/// Most questions that are remembered.
const CALLS_KEPT_MAX: usize = 100_000;

/// One question of the plugin, in words: `kv.get score/7`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostCall {
    /// The permission that it needs.
    pub permission: Permission,
    /// Function and arguments.
    pub what: String,
}

/// A realm in memory: its clock stands still until it is moved, its dice follow from a seed, and it remembers what was asked.
/// Cheap to clone; all clones are one realm.
#[derive(Debug, Clone, Default)]
pub struct FakeRealm {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    now_ms: u64,
    dice: u64,
    log: Vec<String>,
    counters: BTreeMap<String, u64>,
    gauges: BTreeMap<String, i64>,
    kv: BTreeMap<String, Vec<u8>>,
    name: String,
    accounts: BTreeMap<String, Account>,
    characters: BTreeMap<String, Character>,
    calls: Vec<HostCall>,
    expected: BTreeSet<Permission>,
    unexpected: Vec<HostCall>,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            now_ms: 1_700_000_000_000,
            dice: 1,
            log: Vec::new(),
            counters: BTreeMap::new(),
            gauges: BTreeMap::new(),
            kv: BTreeMap::new(),
            name: "Test Realm".to_owned(),
            accounts: BTreeMap::new(),
            characters: BTreeMap::new(),
            calls: Vec::new(),
            expected: BTreeSet::new(),
            unexpected: Vec::new(),
        }
    }
}

impl FakeRealm {
    /// Sets the clock, in milliseconds since 1970. To a plugin it never goes back.
    pub fn set_now_ms(&self, now_ms: u64) {
        self.lock().now_ms = now_ms;
    }

    /// Moves the clock on.
    pub fn pass_ms(&self, duration_ms: u64) {
        self.lock().now_ms += duration_ms;
    }

    /// From here on the dice follow from `seed`.
    pub fn set_seed(&self, seed: u64) {
        self.lock().dice = seed;
    }

    /// Lines written, `level text` each.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.lock().log.clone()
    }

    /// A counter of the plugin's own; 0 while nothing was added.
    #[must_use]
    pub fn counter(&self, name: &str) -> u64 {
        self.lock().counters.get(name).copied().unwrap_or(0)
    }

    /// A gauge of the plugin's own.
    #[must_use]
    pub fn gauge(&self, name: &str) -> Option<i64> {
        self.lock().gauges.get(name).copied()
    }

    /// The value of a key that the plugin keeps.
    #[must_use]
    pub fn kept(&self, key: &str) -> Option<Vec<u8>> {
        self.lock().kv.get(key).cloned()
    }

    /// Lets the plugin find a value from an earlier life.
    pub fn keep(&self, key: &str, value: &[u8]) {
        self.lock().kv.insert(key.to_owned(), value.to_vec());
    }

    /// Lets an account be online.
    pub fn add_account(&self, account: Account) {
        self.lock().accounts.insert(account.name.to_lowercase(), account);
    }

    /// Lets a character be played.
    pub fn add_character(&self, character: Character) {
        self.lock().characters.insert(character.name.to_lowercase(), character);
    }

    /// Everything that was asked, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<HostCall> {
        self.lock().calls.clone()
    }

    pub(crate) fn now(&self) -> u64 {
        self.lock().now_ms
    }

    /// Calls that need this permission are no surprise.
    pub(crate) fn expect(&self, permission: Permission) {
        self.lock().expected.insert(permission);
    }

    /// What is no surprise.
    pub(crate) fn expected(&self) -> Vec<Permission> {
        self.lock().expected.iter().copied().collect()
    }

    /// What was asked without being expected since this was last looked at.
    pub(crate) fn take_unexpected(&self) -> Vec<HostCall> {
        std::mem::take(&mut self.lock().unexpected)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a question, and gives the realm to answer it from.
    fn asked(&self, permission: Permission, what: String) -> MutexGuard<'_, Inner> {
        let mut inner = self.lock();
        let call = HostCall { permission, what };
        if !inner.expected.contains(&permission) {
            inner.unexpected.push(call.clone());
        }
        if inner.calls.len() < CALLS_KEPT_MAX {
            inner.calls.push(call);
        }
        inner
    }
}

impl LogSink for FakeRealm {
    fn write(&self, _plugin: &str, level: Level, line: &str) {
        let level = format!("{level:?}").to_lowercase();
        let level = level.rsplit("::").next().unwrap_or_default().to_owned();
        let mut inner = self.asked(Permission::Log, format!("log.write {line}"));
        if inner.log.len() < CALLS_KEPT_MAX {
            inner.log.push(format!("{level} {line}"));
        }
    }
}

impl Services for FakeRealm {
    fn counter_add(&self, _plugin: &str, counter: &str, amount: u64) {
        let mut inner = self.asked(Permission::Metrics, format!("metrics.add {counter} {amount}"));
        let value = inner.counters.entry(counter.to_owned()).or_default();
        *value = value.saturating_add(amount);
    }

    fn gauge_set(&self, _plugin: &str, gauge: &str, value: i64) {
        self.asked(Permission::Metrics, format!("metrics.set {gauge} {value}")).gauges.insert(gauge.to_owned(), value);
    }

    fn kv_get(&self, _plugin: &str, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        Ok(self.asked(Permission::Kv, format!("kv.get {key}")).kv.get(key).cloned())
    }

    fn kv_set(&self, _plugin: &str, key: &str, value: Vec<u8>, bytes_max: u64) -> Result<(), KvError> {
        let mut inner = self.asked(Permission::Kv, format!("kv.set {key} {} bytes", value.len()));
        let others = inner.kv.iter().filter(|(other, _)| *other != key);
        let held: usize = others.map(|(key, value)| key.len() + value.len()).sum();
        if (held + key.len() + value.len()) as u64 > bytes_max {
            return Err(KvError::Quota);
        }
        inner.kv.insert(key.to_owned(), value);
        Ok(())
    }

    fn kv_delete(&self, _plugin: &str, key: &str) -> Result<(), KvError> {
        self.asked(Permission::Kv, format!("kv.delete {key}")).kv.remove(key);
        Ok(())
    }

    fn kv_list(&self, _plugin: &str, prefix: &str, after: &str, keys_max: usize) -> Result<Vec<String>, KvError> {
        let inner = self.asked(Permission::Kv, format!("kv.list-keys {prefix}"));
        let keys = inner.kv.keys().filter(|key| key.starts_with(prefix) && key.as_str() > after);
        Ok(keys.take(keys_max).cloned().collect())
    }

    fn now_ms(&self, _plugin: &str) -> u64 {
        self.asked(Permission::Clock, "clock.now-ms".to_owned()).now_ms
    }

    fn random(&self, _plugin: &str, bytes: &mut [u8]) -> bool {
        let mut inner = self.asked(Permission::Random, format!("random {} bytes", bytes.len()));
        for chunk in bytes.chunks_mut(8) {
            // SplitMix64: every seed, 0 included, gives numbers that look like dice.
            inner.dice = inner.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = inner.dice;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^= mixed >> 31;
            chunk.copy_from_slice(&mixed.to_le_bytes()[..chunk.len()]);
        }
        true
    }

    fn realm_name(&self) -> String {
        self.asked(Permission::RealmInfo, "realm-info.name".to_owned()).name.clone()
    }

    fn players_online(&self) -> u32 {
        let inner = self.asked(Permission::RealmInfo, "realm-info.players-online".to_owned());
        u32::try_from(inner.accounts.len()).unwrap_or(u32::MAX)
    }

    fn find_account(&self, name: &str) -> Option<Account> {
        self.asked(Permission::RealmInfo, format!("realm-info.find-account {name}"))
            .accounts
            .get(&name.to_lowercase())
            .cloned()
    }

    fn find_character(&self, name: &str) -> Option<Character> {
        self.asked(Permission::RealmInfo, format!("realm-info.find-character {name}"))
            .characters
            .get(&name.to_lowercase())
            .cloned()
    }
}
