//! What plugins remember beyond their instances: in memory for those who ask, on the disk within a second.
//!
//! A plugin's keys are shared by its instances on all lanes and by its versions, and stay when its file goes: it may come back.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use realm_plugin_host::bindings::kv::KvError;

use super::store;
use crate::{
    hooks::KeyValues,
    storage::{Storage, StorageError},
};

/// Between two writes to the disk.
const WRITE_EVERY: Duration = Duration::from_millis(500);
/// Changes in one write, so that others come in between.
const CHANGES_MAX: usize = 200;
/// Bytes that are copied under one hold of a plugin's lock, give or take a value: the thread of a tick may want to look something up.
const COPIED_BYTES_MAX: usize = 64 << 10;

/// A change that is not on the disk yet.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) plugin: String,
    pub(super) key: String,
    /// `None` removes the key.
    pub(super) value: Option<Vec<u8>>,
}

/// The keys of one plugin.
#[derive(Default)]
struct Own {
    values: BTreeMap<String, Vec<u8>>,
    /// Bytes of all keys and values.
    bytes: u64,
    /// Keys that differ from the disk.
    unwritten: BTreeMap<String, ()>,
}

/// The keys of all plugins. Each lock is held for a look-up; none is held while the disk is written.
pub(super) struct Keys {
    realm: String,
    storage: Option<Storage>,
    plugins: Mutex<HashMap<String, Arc<Mutex<Own>>>>,
    /// One write at a time.
    writing: tokio::sync::Mutex<()>,
}

fn size(key: &str, value: &[u8]) -> u64 {
    u64::try_from(key.len() + value.len()).unwrap_or(u64::MAX)
}

fn lock(own: &Mutex<Own>) -> MutexGuard<'_, Own> {
    own.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Keys {
    /// Without a database: what is kept ends with the process.
    pub(super) fn in_memory() -> Self {
        let (plugins, writing) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { realm: String::new(), storage: None, plugins, writing }
    }

    /// Reads what is stored, and keeps it up to date from now on, in a task that ends with the last handle.
    pub(super) async fn open(realm: &str, storage: Storage) -> Result<Arc<Self>, StorageError> {
        let stored = store::all(storage.reader(), realm).await?;
        let keys = Arc::new(Self { realm: realm.to_owned(), storage: Some(storage), ..Self::in_memory() });
        for (plugin, key, value) in stored {
            let own = keys.of(&plugin);
            let mut own = lock(&own);
            own.bytes += size(&key, &value);
            own.values.insert(key, value);
        }
        tokio::spawn(write_behind(Arc::downgrade(&keys)));
        Ok(keys)
    }

    fn of(&self, plugin: &str) -> Arc<Mutex<Own>> {
        let mut plugins = self.plugins.lock().unwrap_or_else(PoisonError::into_inner);
        match plugins.get(plugin) {
            Some(own) => Arc::clone(own),
            None => Arc::clone(plugins.entry(plugin.to_owned()).or_default()),
        }
    }

    /// Some changes that are not on the disk yet; they count as written from now on.
    fn take(&self) -> Vec<Change> {
        let plugins: Vec<_> = {
            let plugins = self.plugins.lock().unwrap_or_else(PoisonError::into_inner);
            plugins.iter().map(|(plugin, own)| (plugin.clone(), Arc::clone(own))).collect()
        };
        let mut changes = Vec::new();
        for (plugin, own) in plugins {
            let mut own = lock(&own);
            let mut copied = 0;
            while changes.len() < CHANGES_MAX
                && copied < COPIED_BYTES_MAX
                && let Some((key, ())) = own.unwritten.pop_first()
            {
                let value = own.values.get(&key).cloned();
                copied += key.len() + value.as_ref().map_or(0, Vec::len);
                changes.push(Change { plugin: plugin.clone(), key, value });
            }
        }
        changes
    }

    /// Writes all changes; what could not be written is tried again.
    ///
    /// # Errors
    /// When the database does not take them.
    pub(super) async fn write(&self) -> Result<(), StorageError> {
        let Some(storage) = &self.storage else { return Ok(()) };
        let _alone = self.writing.lock().await;
        loop {
            let changes = Arc::new(self.take());
            if changes.is_empty() {
                return Ok(());
            }
            let (realm, written) = (self.realm.clone(), Arc::clone(&changes));
            let outcome = storage
                .write::<_, StorageError, _>(move |connection| {
                    Box::pin(async move { store::write(connection, &realm, &written).await })
                })
                .await;
            if let Err(error) = outcome {
                for change in changes.iter() {
                    lock(&self.of(&change.plugin)).unwritten.insert(change.key.clone(), ());
                }
                return Err(error);
            }
            for change in changes.iter() {
                metrics::counter!("realm_plugin_kv_written_total", "plugin" => change.plugin.clone()).increment(1);
            }
        }
    }
}

async fn write_behind(keys: Weak<Keys>) {
    loop {
        tokio::time::sleep(WRITE_EVERY).await;
        let Some(keys) = keys.upgrade() else { return };
        if let Err(error) = keys.write().await {
            tracing::warn!(%error, "what plugins remember is not on the disk yet; it is tried again");
        }
    }
}

impl KeyValues for Keys {
    fn get(&self, plugin: &str, key: &str) -> Option<Vec<u8>> {
        lock(&self.of(plugin)).values.get(key).cloned()
    }

    fn set(&self, plugin: &str, key: &str, value: Vec<u8>, bytes_max: u64) -> Result<(), KvError> {
        let own = self.of(plugin);
        let mut own = lock(&own);
        let before = own.values.get(key).map_or(0, |before| size(key, before));
        let bytes = own.bytes - before + size(key, &value);
        if bytes > bytes_max && bytes > own.bytes {
            return Err(KvError::Quota);
        }
        own.bytes = bytes;
        own.values.insert(key.to_owned(), value);
        own.unwritten.insert(key.to_owned(), ());
        Ok(())
    }

    fn delete(&self, plugin: &str, key: &str) {
        let own = self.of(plugin);
        let mut own = lock(&own);
        if let Some(before) = own.values.remove(key) {
            own.bytes -= size(key, &before);
            own.unwritten.insert(key.to_owned(), ());
        }
    }

    fn list(&self, plugin: &str, prefix: &str, after: &str, keys_max: usize) -> Vec<String> {
        let own = self.of(plugin);
        let own = lock(&own);
        let start = if after >= prefix { Bound::Excluded(after) } else { Bound::Included(prefix) };
        let from = own.values.range::<str, _>((start, Bound::Unbounded));
        from.map(|(key, _)| key).take_while(|key| key.starts_with(prefix)).take(keys_max).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::testing::{FakeClock, Fault, Home, each_database, open, unreliable};

    async fn keys_outlive_the_realm(home: Home) {
        let clock = FakeClock::new();
        let storage = open(&home, &clock).await;
        let keys = Keys::open("r", storage.clone()).await.unwrap();
        for number in 0..3 * CHANGES_MAX {
            keys.set("crier", &format!("key {number:04}"), vec![7], 1 << 20).unwrap();
        }
        keys.set("crier", "any \u{0} byte", vec![0, 255], 1 << 20).unwrap();
        keys.set("other", "key 0000", b"mine".to_vec(), 1 << 20).unwrap();
        keys.delete("crier", "key 0001");
        keys.write().await.unwrap();
        keys.delete("crier", "key 0002");
        keys.write().await.unwrap();

        let again = Keys::open("r", storage.clone()).await.unwrap();
        assert_eq!(again.get("crier", "any \u{0} byte"), Some(vec![0, 255]));
        assert_eq!(again.get("other", "key 0000"), Some(b"mine".to_vec()));
        assert_eq!((again.get("crier", "key 0001"), again.get("crier", "key 0002")), (None, None));
        assert_eq!(again.list("crier", "key 0", "", 2), ["key 0000", "key 0003"]);
        assert_eq!(again.list("crier", "key 0", "key 0003", 1), ["key 0004"]);
        assert!(Keys::open("another", storage.clone()).await.unwrap().get("crier", "key 0000").is_none());
        storage.close().await;
    }

    async fn what_the_disk_did_not_take_is_written_later(home: Home) {
        let clock = FakeClock::new();
        let storage = open(&home, &clock).await;
        let (flaky, faults) = unreliable(&storage);
        let keys = Keys::open("r", flaky).await.unwrap();
        faults.set(Fault::AllLost);
        keys.set("crier", "key", vec![1], 100).unwrap();
        assert!(keys.write().await.is_err());
        assert_eq!(keys.get("crier", "key"), Some(vec![1]), "it can be read all the same");
        faults.set(Fault::None);
        keys.write().await.unwrap();
        let again = Keys::open("r", storage.clone()).await.unwrap();
        assert_eq!(again.get("crier", "key"), Some(vec![1]));
        storage.close().await;
    }

    #[test]
    fn a_quota_holds_and_frees_what_goes() {
        let keys = Keys::in_memory();
        assert!(keys.set("crier", "a", vec![0; 9], 20).is_ok());
        assert!(keys.set("crier", "b", vec![0; 9], 20).is_ok());
        assert!(matches!(keys.set("crier", "c", vec![], 20), Err(KvError::Quota)));
        assert!(keys.set("other", "c", vec![], 20).is_ok(), "each plugin has its own");
        assert!(keys.set("crier", "a", vec![0; 8], 20).is_ok());
        assert!(keys.set("crier", "c", vec![], 20).is_ok());
        keys.delete("crier", "b");
        assert!(keys.set("crier", "d", vec![0; 9], 20).is_ok());
        // A smaller quota lets shrink what is there.
        assert!(keys.set("crier", "d", vec![0; 3], 5).is_ok());
    }

    each_database! {
        keys_outlive_the_realm,
        what_the_disk_did_not_take_is_written_later,
    }
}
