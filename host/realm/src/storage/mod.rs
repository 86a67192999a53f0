//! The database: one door to SQLite or PostgreSQL, migrations, and the single writer with group commit.
//!
//! Both stand behind sqlx's `Any` driver, and one text of every statement serves both: `$1` parameters, `RETURNING`, `ON CONFLICT`, the
//! types BIGINT and TEXT; `tests/tidy.rs` refuses the words of one of them alone. What differs is here: `sqlite` and `postgresql` set
//! connections up, `place` chooses. Writes come one transaction at a time on both, so that a verb that holds on one holds on the other.
//! Knows nothing of what is stored.

mod alone;
mod backup;
mod copy;
mod error;
mod folder;
mod identity;
mod lock;
mod migrations;
mod pace;
mod part;
mod place;
mod postgresql;
mod readers;
mod restore;
mod room;
mod sqlite;
mod writer;

use std::{
    future::Future,
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::Connection as _;
use tokio::sync::{oneshot, watch};

pub use alone::{read as read_alone, write as write_alone};
pub use backup::{Verified, backup, move_to, verify, verify_file};
pub use copy::TableSum;
pub use error::StorageError;
pub(crate) use folder::create_data_folder;
pub use lock::FolderLock;
pub use readers::Readers;
pub use restore::{Restored, restore};
/// The writer's connection, as operations are handed it; only `store.rs` files look inside.
pub use sqlx::AnyConnection as Connection;
pub use writer::{Change, Changed};

use crate::types::{
    Clock, IdSource,
    faults::{self, Bug},
};
use pace::Pace;
use place::Place;
use room::Room;
use writer::{Keys, Lane, Message, Queue, Session, Writer};

/// How long [`Storage::close`] waits for readers, and then for the writer.
const CLOSE_WAIT: Duration = Duration::from_secs(20);

/// How long [`Storage::forget_overwritten`] tries, and how often.
const FORGET_WAIT: Duration = Duration::from_secs(10);
const FORGET_PAUSE: Duration = Duration::from_millis(100);

/// `[storage]`: where the realm keeps what must not be lost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address of the database: empty is the file `realm.sqlite` in the data folder, `sqlite:///path/to/realm.sqlite` another file,
    /// `postgres://user:password@host/database` a database of PostgreSQL 15 or newer, whose encoding is UTF8. Add `?sslmode=verify-full` for a server
    /// on another machine, and `&sslrootcert=FILE` when an authority of your own signed its certificate. `REALM__STORAGE__URL` in the environment
    /// keeps a password out of this file.
    pub url: String,
}

/// A realm's key, and whether others may have it at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RealmClaim {
    realm: String,
    shared: bool,
}

/// What this process has claimed: as many as it has realms.
type Claims = Arc<Mutex<Vec<RealmClaim>>>;

/// For a moment; nothing under this lock can panic half-way.
fn claimed(claims: &Claims) -> MutexGuard<'_, Vec<RealmClaim>> {
    claims.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A future that borrows the writer's connection.
pub type WriteFuture<'c, T> = Pin<Box<dyn Future<Output = T> + Send + 'c>>;

/// May other realms be at work over the same database? A file is one process's alone, a server is not.
pub(crate) fn is_shared(connection: &Connection) -> bool {
    place::is_server(connection)
}

/// The database as every feature uses it; cheap to clone.
#[derive(Clone)]
pub struct Storage {
    readers: Readers,
    queue: Queue,
    health: watch::Receiver<Result<(), String>>,
    pace: Arc<Pace>,
    room: Arc<Room>,
    ids: Arc<IdSource>,
    clock: Arc<dyn Clock>,
    claims: Claims,
    folder_key: Arc<str>,
    node: u16,
}

impl Storage {
    /// Takes the data folder's lock, opens the database, migrates it, and starts the writer. Makes folder and file if they
    /// are missing. `node` is 0 to 1,023.
    ///
    /// # Errors
    /// When the folder is in use by another process or cannot be written, when another realm runs as this node over the same server,
    /// when the schema is newer than known, or when there is no such database.
    pub async fn open(config: &Config, data: &Path, node: u16, clock: Arc<dyn Clock>) -> Result<Self, StorageError> {
        let place = Place::new(config, data)?;
        let locks = place.lock()?;
        let folder_key = identity::of(place.data())?.into();
        let mut connection = place.connect_writer().await?;
        // Before the claim: of two nodes that start over an older schema one brings it to the newest alone, and the other waits.
        backup::migrate_older(&place, &mut connection, data, &*clock, writer::CLAIM_WAIT).await?;
        let session = writer::claim(&mut connection, node).await?;
        backup::migrate(&place, &mut connection, data, &*clock).await?;
        let keys = Keys::start(&mut connection, node, Arc::clone(&clock)).await?;
        let ids = Arc::clone(keys.ids());
        let (reader_sender, readers) = watch::channel(Some(place.reader_pool()?));
        let (queue, intake) = writer::lanes();
        let (health_sender, health) = watch::channel(Ok(()));
        let pace = Arc::new(Pace::new());
        let folder = place.file().and_then(|file| file.path().parent()).map(Path::to_owned);
        let room = Arc::new(Room::new(folder));
        let claims = Claims::default();
        let writer = Writer {
            session: Session::new(place, (connection, session), reader_sender, node, Arc::clone(&claims)),
            keys,
            intake,
            health: health_sender,
            pace: Arc::clone(&pace),
            room: Arc::clone(&room),
            retry_at: None,
            locks,
        };
        tokio::spawn(writer.run());
        Ok(Self { readers: Readers::new(readers), queue, health, pace, room, ids, clock, claims, folder_key, node })
    }

    /// Makes what stands in the database under a realm's key this process's own, until it is closed, or its own and that of others who
    /// claim it as `shared`, too. A file is one process's alone anyway. Called once for each realm of the process.
    ///
    /// # Errors
    /// When another realm of that key runs over the same server, and not both share it; and the server's own.
    pub async fn claim_realm(&self, realm: &str, shared: bool) -> Result<(), StorageError> {
        writer::claim_realm(self, RealmClaim { realm: realm.to_owned(), shared }).await
    }

    /// May other nodes serve a realm of this process at the same time?
    pub fn shares_realm(&self) -> bool {
        claimed(&self.claims).iter().any(|claim| claim.shared)
    }

    /// The key of the data folder. Whoever has its lock, as this process does, knows that whatever ran over it before is dead.
    pub(crate) fn folder_key(&self) -> &str {
        &self.folder_key
    }

    /// The number of this node.
    pub(crate) fn node(&self) -> u16 {
        self.node
    }

    /// Connections that only read; they see what is committed.
    pub fn reader(&self) -> &Readers {
        &self.readers
    }

    /// Runs `operation` in the writer's next transaction, in a savepoint of its own; resolves after COMMIT.
    /// When it answers with an error, its savepoint is rolled back and nothing of it remains.
    ///
    /// The operation holds up every other write: it waits for nothing but the database, and starts no transaction.
    /// It may still run when the returned future is dropped.
    ///
    /// # Errors
    /// The operation's own, and those of [`StorageError`]: `Unavailable` when the write was not begun within 10 seconds or the
    /// commit failed, `Unconfirmed` when the commit takes longer than 30 seconds.
    pub async fn write<T, E, F>(&self, operation: F) -> Result<T, E>
    where
        F: for<'c> FnOnce(&'c mut Connection) -> WriteFuture<'c, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        writer::submit(&self.queue, Lane::Ordinary, operation).await
    }

    /// As [`Self::write`], but past everything that waits, in a transaction without the others: for the few short writes that others must
    /// not be late for. It also passes what the same caller has queued otherwise: whoever needs an order waits for the first.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub async fn write_urgently<T, E, F>(&self, operation: F) -> Result<T, E>
    where
        F: for<'c> FnOnce(&'c mut Connection) -> WriteFuture<'c, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        writer::submit(&self.queue, Lane::Urgent, operation).await
    }

    /// As [`Self::write`] for a change of one thing, which comes to the database together with those of its kind that wait right before and
    /// behind it. Each has its own answer, and none fails for another.
    ///
    /// # Errors
    /// The change's own, and as [`Self::write`].
    pub async fn write_change<C: Change>(&self, change: C) -> Result<C::Answer, C::Error> {
        writer::submit_change(&self.queue, change).await
    }

    /// Takes out of the files beside the database what was overwritten in it; called when somebody had his data erased. A server
    /// does so by itself, in its own time.
    ///
    /// # Errors
    /// When it could not be done within ten seconds, because others were reading all the time.
    pub async fn forget_overwritten(&self) -> Result<(), StorageError> {
        let emptied = tokio::time::timeout(FORGET_WAIT, async {
            while !self.readers.empty_log().await? {
                tokio::time::sleep(FORGET_PAUSE).await;
            }
            Ok(())
        });
        emptied.await.unwrap_or_else(|_| Err(StorageError::Unavailable("the log of the database is in use".to_owned())))
    }

    /// The source of entity keys.
    pub fn ids(&self) -> &IdSource {
        &self.ids
    }

    /// The time, for rows that carry one.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// The time for what several nodes have to agree on, in milliseconds since 1970: the server's on PostgreSQL, this
    /// process's on SQLite, which has one node. Asked within a write, bound like any value.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn shared_now_ms(&self, connection: &mut Connection) -> Result<i64, StorageError> {
        if place::is_server(connection) && !faults::has(Bug::LeaseByWallClock) {
            return postgresql::now_ms(connection).await;
        }
        Ok(self.now_ms())
    }

    /// This process's time that only goes forward, in milliseconds, for how long ago something was.
    pub fn steady_ms(&self) -> i64 {
        self.clock.steady_ms()
    }

    /// Does the database answer? For `/readyz`. After a failure the writer tries again every second or so.
    ///
    /// # Errors
    /// What is wrong, in one sentence.
    pub fn ready(&self) -> Result<(), String> {
        if self.queue.is_closed() {
            return Err("The database is closed.".to_owned());
        }
        if let Some(slow_ms) = self.pace.slow_ms() {
            return Err(format!("The database has not answered for {slow_ms} ms."));
        }
        if let Some(free_bytes) = self.room.short_bytes() {
            let free_kib = free_bytes / 1_024;
            return Err(format!("The disk that holds the database is full: {free_kib} KiB are left. Make room on it."));
        }
        self.health.borrow().clone()
    }

    /// Commits what is queued, closes the database and gives the data folder's lock back.
    pub async fn close(&self) {
        // Readers first: the last connection to close is the writer's, which can fold the write-ahead log in.
        if tokio::time::timeout(CLOSE_WAIT, self.readers.close()).await.is_err() {
            tracing::warn!("readers of the database did not end in time");
        }
        let (closed, ended) = oneshot::channel();
        let end = async {
            if self.queue.send(Lane::Ordinary, Message::Close(closed)).await {
                // An error means that somebody else closed it at the same time.
                let _ = ended.await;
            }
        };
        if tokio::time::timeout(CLOSE_WAIT, end).await.is_err() {
            tracing::error!("the writer of the database did not end in time");
        }
    }

    /// Brings the database to the newest schema without starting anything; answers with the version it had before.
    ///
    /// # Errors
    /// As [`Self::open`]; when nodes run over a server's database of an older schema.
    pub async fn migrate(config: &Config, data: &Path, clock: &dyn Clock) -> Result<i64, StorageError> {
        let place = Place::new(config, data)?;
        let _locks = place.lock()?;
        let mut connection = place.connect_writer().await?;
        let before = backup::migrate(&place, &mut connection, data, clock).await?;
        connection.close().await?;
        Ok(before)
    }

    /// The version of the schema that the database has, 0 when there is no database yet. Changes nothing; works while a realm
    /// is running.
    ///
    /// # Errors
    /// When the file is not a database, or cannot be read, or the server does not answer.
    pub async fn schema_version(config: &Config, data: &Path) -> Result<i64, StorageError> {
        let place = Place::new(config, data)?;
        if !place.may_exist() {
            return Ok(0);
        }
        let mut connection = place.connect_reader().await?;
        let version = migrations::version(&mut connection).await?;
        connection.close().await?;
        Ok(version)
    }

    /// The newest version of the schema that this program knows.
    #[must_use]
    pub fn schema_version_known() -> i64 {
        migrations::known()
    }
}

#[cfg(test)]
mod backup_tests;
#[cfg(test)]
mod migration_tests;
#[cfg(test)]
mod restore_tests;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod writer_tests;
