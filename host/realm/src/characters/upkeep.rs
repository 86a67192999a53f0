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

/// A database whose characters stand under another key than the realm has now, and under that one alone, is taken over: there is one
/// realm in it, and it was called otherwise. Of several, `former` is the one. Of a database that is shared nothing is taken over: what
/// stands under another key belongs to another realm.
pub(super) async fn adopt(storage: &Storage, realm: &Arc<str>, former: &str) -> Result<(), StorageError> {
    let (key, former) = (Arc::clone(realm), former.to_owned());
    let (found, adopted, shared) = storage
        .write::<_, StorageError, _>(move |connection| {
            Box::pin(async move {
                let found = store::realms(connection).await?;
                let known = found.iter().any(|realm| **realm == *key);
                let shared = storage::is_shared(connection);
                let adopted = match found.as_slice() {
                    _ if known || shared => None,
                    [only] => Some(only.clone()),
                    several => several.iter().find(|realm| **realm == former).cloned(),
                };
                if let Some(from) = &adopted {
                    store::rename_realm(connection, from, &key).await?;
                }
                Ok((if known { Vec::new() } else { found }, adopted, shared))
            })
        })
        .await?;
    match adopted {
        Some(from) => tracing::info!(from, to = %realm, "the realm's characters stood under another key; taken over"),
        None if found.is_empty() => {}
        None if shared => tracing::info!(
            realms = found.join(", "),
            "the shared database has characters of other realms and none of \"{realm}\" yet; if one of those is meant, write its key as [realm] key"
        ),
        None => tracing::warn!(
            realms = found.join(", "),
            "the database has characters of other realms and none of \"{realm}\"; write the key that is meant as [realm] key"
        ),
    }
    Ok(())
}
