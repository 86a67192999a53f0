//! What the tests of every feature over the database begin with.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use super::{Config, Storage, StorageError};
use crate::types::{AccountId, CharacterId, Clock};

/// A clock that stands still until it is told otherwise.
#[derive(Debug)]
pub(crate) struct FakeClock(AtomicI64);

impl FakeClock {
    /// Some day in November 2026.
    pub(crate) const START_MS: i64 = 1_795_000_000_000;

    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(Self::START_MS)))
    }

    pub(crate) fn advance_ms(&self, milliseconds: i64) {
        self.0.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// The database in `folder`, on node 0.
pub(crate) async fn open(folder: &Path, clock: &Arc<FakeClock>) -> Storage {
    let clock: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
    Storage::open(&Config::default(), folder, 0, clock).await.expect("a database in an empty folder")
}

/// A row of `accounts` for what refers to one.
pub(crate) async fn account(storage: &Storage) -> AccountId {
    let id: AccountId = storage.ids().next(storage.now_ms());
    storage
        .write::<_, StorageError, _>(move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT INTO accounts (id, name, folded, password, role, created_ms, version)
                     VALUES ($1, 'Someone', $2, '', 'player', 0, 1)",
                )
                .bind(id.to_sql())
                .bind(id.to_string())
                .execute(connection)
                .await?;
                Ok(id)
            })
        })
        .await
        .expect("an account is stored")
}

/// A row of `characters` of a newborn in the realm `main`.
pub(crate) async fn character(storage: &Storage, account: AccountId, name: &str, class: &str) -> CharacterId {
    let id: CharacterId = storage.ids().next(storage.now_ms());
    let (name, class) = (name.to_owned(), class.to_owned());
    storage
        .write::<_, StorageError, _>(move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT INTO characters (id, realm, account, name, folded, class, level, experience, strength,
                     dexterity, vitality, energy, hardcore, dead, created_ms, play_time_ms, version, lease_epoch, leased)
                     VALUES ($1, 'main', $2, $3, $3, $4, 1, 0, 20, 20, 20, 20, 0, 0, 0, 0, 1, 0, 0)",
                )
                .bind(id.to_sql())
                .bind(account.to_sql())
                .bind(name)
                .bind(class)
                .execute(connection)
                .await?;
                Ok(id)
            })
        })
        .await
        .expect("a character is stored")
}

/// Marks a character as deleted.
pub(crate) async fn delete_character(storage: &Storage, id: CharacterId) {
    storage
        .write::<_, StorageError, _>(move |connection| {
            Box::pin(async move {
                let delete = sqlx::query("UPDATE characters SET deleted_ms = 1 WHERE id = $1").bind(id.to_sql());
                delete.execute(connection).await?;
                Ok(())
            })
        })
        .await
        .expect("a character is deleted");
}
