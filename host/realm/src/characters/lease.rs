//! The right to write one character.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use realm_world::Sheet;

use super::{Character, CharactersError, store, unknown_or_busy};
use crate::{
    storage::{Storage, StorageError},
    types::{AccountId, CharacterId},
};

/// The right to write one character, until it is released or taken over.
#[derive(Debug)]
pub struct Lease {
    /// The character.
    pub character: CharacterId,
    /// Rises with each lease; a stale holder is refused by it.
    pub(super) epoch: i64,
    /// The version that the next save replaces.
    pub(super) version: i64,
    /// Saves since that version of which nobody knows whether they are stored.
    pub(super) unconfirmed: i64,
    /// Time spent in games, in milliseconds, as it is stored with that version.
    pub(super) play_time_ms: i64,
    /// Points spent on skills, for the anti-cheat rule; nobody spends any while the lease is held.
    pub(super) skill_levels: u32,
}

impl Lease {
    /// The lease of an epoch over a character as it was stored then.
    #[must_use]
    pub fn new(character: CharacterId, epoch: i64, version: i64, play_time_ms: i64) -> Self {
        Self { character, epoch, version, unconfirmed: 0, play_time_ms, skill_levels: 0 }
    }

    /// Epochs begin above it.
    const EPOCH_NONE: i64 = -1;

    pub(super) async fn take(
        storage: &Storage,
        realm: &Arc<str>,
        account: AccountId,
        id: CharacterId,
    ) -> Result<(Character, Self), CharactersError> {
        let realm = Arc::clone(realm);
        let epoch_taken = Arc::new(AtomicI64::new(Self::EPOCH_NONE));
        let note = Arc::clone(&epoch_taken);
        let taken = storage
            .write(move |connection| {
                Box::pin(async move {
                    let Some((character, epoch)) = store::take(connection, &realm, account, id).await? else {
                        return Err(unknown_or_busy(connection, &realm, account, id).await?);
                    };
                    note.store(epoch, Ordering::Release);
                    let lease = Self::new(id, epoch, character.version, character.play_time_ms);
                    Ok((character, lease))
                })
            })
            .await;
        if matches!(taken, Err(CharactersError::Storage(StorageError::Unconfirmed))) {
            // It may be taken, and nobody would ever give it back.
            let storage = storage.clone();
            tokio::spawn(async move {
                if let Err(error) = give_back(&storage, id, epoch_taken).await {
                    tracing::error!(character = %id, %error, "a character may stay locked until the realm is started again");
                }
            });
        }
        taken
    }

    pub(super) async fn save(
        &mut self,
        storage: &Storage,
        sheet: &Sheet,
        play_time_ms: i64,
    ) -> Result<Character, CharactersError> {
        let save = store::Save {
            id: self.character,
            epoch: self.epoch,
            version: self.version,
            version_max: self.version + self.unconfirmed,
            sheet: *sheet,
            play_time_ms: self.play_time_ms.saturating_add(play_time_ms.max(0)),
            now_ms: storage.now_ms(),
        };
        let saved = storage
            .write(move |connection| {
                Box::pin(async move { store::save(connection, &save).await?.ok_or(CharactersError::Fenced) })
            })
            .await;
        match &saved {
            Ok(saved) => (self.version, self.unconfirmed, self.play_time_ms) = (saved.version, 0, saved.play_time_ms),
            Err(CharactersError::Storage(StorageError::Unconfirmed)) => self.unconfirmed += 1,
            Err(_) => {}
        }
        saved
    }

    pub(super) async fn release(&self, storage: &Storage) -> Result<(), CharactersError> {
        let (id, epoch) = (self.character, self.epoch);
        storage
            .write(move |connection| {
                Box::pin(async move {
                    let released = store::release(connection, id, epoch).await?;
                    if released { Ok(()) } else { Err(CharactersError::Fenced) }
                })
            })
            .await
    }
}

/// Gives back what an unconfirmed take may have taken. The writer keeps the order: when this is carried out, the epoch is known.
async fn give_back(storage: &Storage, id: CharacterId, epoch_taken: Arc<AtomicI64>) -> Result<(), StorageError> {
    storage
        .write(move |connection| {
            Box::pin(async move {
                let epoch = epoch_taken.load(Ordering::Acquire);
                if epoch != Lease::EPOCH_NONE {
                    store::release(connection, id, epoch).await?;
                }
                Ok(())
            })
        })
        .await
}
