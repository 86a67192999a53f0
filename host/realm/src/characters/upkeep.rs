//! What characters need without being asked: deleted ones go for good when their time is over, and a realm keeps its characters when
//! its key changes.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use super::store;
use crate::storage::{self, Storage, StorageError};

/// A deleted character can be restored for this long; then it is gone, and its name is free.
pub(super) const RESTORABLE_MS: i64 = 30 * 86_400_000;
/// How often deleted characters are looked through.
const PURGE_EVERY: Duration = Duration::from_secs(86_400);
/// Characters that are removed in one write.
const PURGED_PER_WRITE_MAX: u16 = 500;

pub(super) struct Upkeep {
    storage: Storage,
    realm: Arc<str>,
}

impl Upkeep {
    pub(super) fn new(storage: Storage, realm: Arc<str>) -> Self {
        Self { storage, realm }
    }

    /// Removes the characters whose time for restoring is over; answers with how many they were.
    pub(super) async fn purge(&self) -> Result<u64, StorageError> {
        let mut purged_in_all = 0;
        loop {
            let (realm, before_ms) = (Arc::clone(&self.realm), self.storage.now_ms() - RESTORABLE_MS);
            let purged = self
                .storage
                .write::<_, StorageError, _>(move |connection| {
                    Box::pin(async move {
                        store::purge_deleted(connection, &realm, before_ms, i64::from(PURGED_PER_WRITE_MAX)).await
                    })
                })
                .await?;
            purged_in_all += purged;
            if purged < u64::from(PURGED_PER_WRITE_MAX) {
                return Ok(purged_in_all);
            }
        }
    }
}

pub(super) async fn purge_regularly(upkeep: Weak<Upkeep>) {
    let mut times = tokio::time::interval(PURGE_EVERY);
    times.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        times.tick().await;
        let Some(upkeep) = upkeep.upgrade() else { return };
        match upkeep.purge().await {
            Ok(0) => {}
            Ok(purged) => tracing::info!(purged, "characters deleted long ago were removed"),
            Err(error) => {
                tracing::warn!(%error, "characters deleted long ago could not be removed; tried again tomorrow");
            }
        }
    }
}

/// A database whose characters stand under another key than the only realm has now, and under that one alone, is taken over: there is one
/// realm in it, and it was called otherwise. Of several, the one under its name is. Nothing is taken over of a database that is shared, where
/// several realms are served, or where this realm has been before: what stands under another key then belongs to another realm, and stays.
pub(super) async fn adopt(storage: &Storage, realms: &[(&str, &str)]) -> Result<(), StorageError> {
    let served: Vec<(String, String)> =
        realms.iter().map(|(key, name)| ((*key).to_owned(), (*name).to_owned())).collect();
    let keys: Vec<&str> = realms.iter().map(|(key, _)| *key).collect();
    let (found, noted, adopted, shared) = storage
        .write::<_, StorageError, _>(move |connection| {
            Box::pin(async move {
                let found = store::realms::all(connection).await?;
                let noted = store::realms::noted(connection).await?;
                let shared = storage::is_shared(connection);
                let known =
                    served.iter().any(|(key, _)| found.contains(key) || noted.iter().any(|(noted, _)| noted == key));
                let adopted = match (served.as_slice(), found.as_slice()) {
                    _ if known || shared => None,
                    ([_], [only]) => Some(only.clone()),
                    ([(_, name)], several) => several.iter().find(|realm| *realm == name).cloned(),
                    _ => None,
                };
                if let (Some(from), Some((key, _))) = (&adopted, served.first()) {
                    store::realms::rename(connection, from, key).await?;
                }
                for (key, name) in &served {
                    store::realms::note(connection, key, name).await?;
                }
                Ok((found, noted, adopted, shared))
            })
        })
        .await?;
    let called = |key: &String| match noted.iter().find(|(noted, _)| noted == key) {
        Some((_, name)) => format!("{key} ({name})"),
        None => key.clone(),
    };
    let is_served = |key: &String| keys.contains(&key.as_str());
    let known = found.iter().any(is_served) || noted.iter().any(|(key, _)| is_served(key));
    let apart: Vec<String> = found.iter().filter(|realm| !keys.contains(&realm.as_str())).map(called).collect();
    let (served, apart) = (keys.join(", "), apart.join(", "));
    match adopted {
        Some(from) => tracing::info!(from, to = served, "the realm's characters stood under another key; taken over"),
        None if apart.is_empty() => {}
        // Other processes may serve them.
        None if shared => tracing::info!(
            realms = apart,
            served,
            "the shared database has characters of other realms; they stay as they are. If one of those is meant, write its key as [realm] key"
        ),
        None if known => tracing::warn!(
            realms = apart,
            served,
            "the database has characters of realms that the configuration does not name; they stay as they are, and nobody can reach them until \
             a [[realm]] with their key is written again"
        ),
        None => tracing::warn!(
            realms = apart,
            "the database has characters of other realms and none of \"{served}\"; write the key that is meant as [realm] key"
        ),
    }
    Ok(())
}
