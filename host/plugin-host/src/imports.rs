//! What plugins may call: each interface a permission, each argument held to its limit before a service is asked.

use wasmtime::Result;

use crate::{
    bindings::{clock, effects, kv, log, metrics, random, realm_info},
    manifest::Permission,
    state::State,
};

/// Most characters of a figure's name.
const FIGURE_CHARACTERS_MAX: usize = 40;
/// Most bytes of a key.
const KEY_BYTES_MAX: usize = 128;
/// Most bytes of a value.
const VALUE_BYTES_MAX: usize = 16 << 10;
/// Most keys in one answer.
const KEYS_MAX: usize = 200;
/// Most random bytes in one answer.
const RANDOM_BYTES_MAX: u32 = 4_096;

/// A plugin called something in a way that ends it.
#[derive(Debug, thiserror::Error)]
enum Misuse {
    #[error("called `{0}` without the permission: add \"{0}\" to the permissions of its manifest")]
    Permission(Permission),
    #[error("asked for {0} random bytes; {RANDOM_BYTES_MAX} are given at once")]
    RandomBytes(u32),
    #[error("there are no random bytes on this machine")]
    NoRandom,
}

impl State {
    fn need(&self, permission: Permission) -> Result<()> {
        if self.compiled.manifest.permits(permission) {
            return Ok(());
        }
        Err(Misuse::Permission(permission).into())
    }

    fn name(&self) -> &str {
        &self.compiled.manifest.name
    }

    pub(crate) fn random(&self, length: u32) -> Result<Vec<u8>> {
        let asked = usize::try_from(length).ok().filter(|_| length <= RANDOM_BYTES_MAX);
        let mut bytes = vec![0; asked.ok_or(Misuse::RandomBytes(length))?];
        if self.compiled.services.random(self.name(), &mut bytes) { Ok(bytes) } else { Err(Misuse::NoRandom.into()) }
    }

    pub(crate) fn random_u64(&self) -> Result<u64> {
        let mut bytes = [0; 8];
        let thrown = self.compiled.services.random(self.name(), &mut bytes);
        if thrown { Ok(u64::from_le_bytes(bytes)) } else { Err(Misuse::NoRandom.into()) }
    }

    /// May a figure of this name be taken? Every instance of a plugin counts for itself.
    fn figure(&mut self, name: &str) -> Result<(), metrics::MetricError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let valid = name.len() <= FIGURE_CHARACTERS_MAX
            && name.bytes().all(plain)
            && name.starts_with(|first: char| first.is_ascii_lowercase());
        if !valid {
            return Err(metrics::MetricError::NameInvalid);
        }
        if !self.figures.contains(name) {
            if self.figures.len() >= usize::try_from(self.compiled.limits.metrics_max).unwrap_or(usize::MAX) {
                return Err(metrics::MetricError::NamesFull);
            }
            self.figures.insert(name.to_owned());
        }
        Ok(())
    }
}

impl effects::Host for State {}

impl log::Host for State {
    fn write(&mut self, level: log::Level, line: String) -> Result<()> {
        self.log(level, &line);
        Ok(())
    }
}

impl metrics::Host for State {
    fn add(&mut self, counter: String, amount: u64) -> Result<Result<(), metrics::MetricError>> {
        self.need(Permission::Metrics)?;
        let taken = self.figure(&counter);
        Ok(taken.map(|()| self.compiled.services.counter_add(self.name(), &counter, amount)))
    }

    fn set(&mut self, gauge: String, value: i64) -> Result<Result<(), metrics::MetricError>> {
        self.need(Permission::Metrics)?;
        let taken = self.figure(&gauge);
        Ok(taken.map(|()| self.compiled.services.gauge_set(self.name(), &gauge, value)))
    }
}

fn check_key(key: &str) -> Result<(), kv::KvError> {
    match key.len() {
        0 => Err(kv::KvError::Other("a key has at least one byte".to_owned())),
        1..=KEY_BYTES_MAX => Ok(()),
        _ => Err(kv::KvError::TooLarge),
    }
}

impl kv::Host for State {
    fn get(&mut self, key: String) -> Result<Result<Option<Vec<u8>>, kv::KvError>> {
        self.need(Permission::Kv)?;
        Ok(check_key(&key).and_then(|()| self.compiled.services.kv_get(self.name(), &key)))
    }

    fn set(&mut self, key: String, value: Vec<u8>) -> Result<Result<(), kv::KvError>> {
        self.need(Permission::Kv)?;
        if value.len() > VALUE_BYTES_MAX {
            return Ok(Err(kv::KvError::TooLarge));
        }
        let bytes_max = self.compiled.limits.kv_bytes_max;
        Ok(check_key(&key).and_then(|()| self.compiled.services.kv_set(self.name(), &key, value, bytes_max)))
    }

    fn delete(&mut self, key: String) -> Result<Result<(), kv::KvError>> {
        self.need(Permission::Kv)?;
        Ok(check_key(&key).and_then(|()| self.compiled.services.kv_delete(self.name(), &key)))
    }

    fn list_keys(&mut self, prefix: String, after: String) -> Result<Result<Vec<String>, kv::KvError>> {
        self.need(Permission::Kv)?;
        if prefix.len().max(after.len()) > KEY_BYTES_MAX {
            return Ok(Err(kv::KvError::TooLarge));
        }
        Ok(self.compiled.services.kv_list(self.name(), &prefix, &after, KEYS_MAX))
    }
}

impl clock::Host for State {
    fn now_ms(&mut self) -> Result<u64> {
        self.need(Permission::Clock)?;
        Ok(State::now_ms(self))
    }
}

impl random::Host for State {
    fn get_u64(&mut self) -> Result<u64> {
        self.need(Permission::Random)?;
        self.random_u64()
    }

    fn bytes(&mut self, length: u32) -> Result<Vec<u8>> {
        self.need(Permission::Random)?;
        self.random(length)
    }
}

impl realm_info::Host for State {
    fn name(&mut self) -> Result<String> {
        self.need(Permission::RealmInfo)?;
        Ok(self.compiled.services.realm_name())
    }

    fn players_online(&mut self) -> Result<u32> {
        self.need(Permission::RealmInfo)?;
        Ok(self.compiled.services.players_online())
    }

    fn find_account(&mut self, name: String) -> Result<Option<realm_info::Account>> {
        self.need(Permission::RealmInfo)?;
        Ok(self.compiled.services.find_account(&name))
    }

    fn find_character(&mut self, name: String) -> Result<Option<realm_info::Character>> {
        self.need(Permission::RealmInfo)?;
        Ok(self.compiled.services.find_character(&name))
    }
}
