//! What the tests of every feature over the database begin with.

use std::{
    path::Path,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU8, Ordering},
    },
    time::Duration,
};

use sqlx::AnyConnection;
use tokio::sync::oneshot;

use super::{
    Config, Storage, StorageError,
    writer::{self, Answer, Job, Lane, Message, Next},
};
use crate::types::{AccountId, CharacterId, Clock};

/// Writes that may wait.
pub(crate) const QUEUE_MAX: usize = writer::QUEUE_MAX;

/// A clock that stands still until it is told otherwise.
#[derive(Debug)]
pub(crate) struct FakeClock {
    now_ms: AtomicI64,
    steady_ms: AtomicI64,
}

impl FakeClock {
    /// Some day in November 2026.
    pub(crate) const START_MS: i64 = 1_795_000_000_000;

    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { now_ms: AtomicI64::new(Self::START_MS), steady_ms: AtomicI64::new(0) })
    }

    /// Time passes.
    pub(crate) fn advance_ms(&self, milliseconds: i64) {
        self.steady_ms.fetch_add(milliseconds, Ordering::SeqCst);
        self.put_forward_ms(milliseconds);
    }

    /// Somebody sets the time of day; no time passes.
    pub(crate) fn put_forward_ms(&self, milliseconds: i64) {
        self.now_ms.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    fn steady_ms(&self) -> i64 {
        self.steady_ms.load(Ordering::SeqCst)
    }
}

/// A data folder of a test, and the database that belongs to it.
pub(crate) struct Home {
    folder: tempfile::TempDir,
    server: Option<realm_postgres::Database>,
}

impl Home {
    pub(crate) fn sqlite() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), server: None }
    }

    pub(crate) fn postgresql() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), server: Some(realm_postgres::database()) }
    }

    /// Another one of its kind.
    pub(crate) fn another(&self) -> Self {
        if self.is_server() { Self::postgresql() } else { Self::sqlite() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn is_server(&self) -> bool {
        self.server.is_some()
    }

    pub(crate) fn config(&self) -> Config {
        Config { url: self.server.as_ref().map(realm_postgres::Database::url).unwrap_or_default() }
    }
}

/// Another node over the database of a home.
pub(crate) struct Node {
    pub(crate) storage: Storage,
    /// Its data folder; a file has one process, and so this is the same there.
    _folder: Option<tempfile::TempDir>,
}

impl Home {
    /// A further node over the same server; over a file the handle that there is, as a second one is refused.
    pub(crate) async fn node(&self, storage: &Storage, clock: &Arc<FakeClock>) -> Node {
        if !self.is_server() {
            return Node { storage: storage.clone(), _folder: None };
        }
        let (folder, clock) = (tempfile::tempdir().unwrap(), Arc::clone(clock) as Arc<dyn Clock>);
        let storage = Storage::open(&self.config(), folder.path(), 1, clock).await.expect("a second node");
        Node { storage, _folder: Some(folder) }
    }
}

/// Makes two tests of each function: one over SQLite and one over PostgreSQL. `threads` before the names gives the runtime several.
macro_rules! each_database {
    (threads: $($test:ident),+ $(,)?) => {
        $(each_database!(@ $test, #[tokio::test(flavor = "multi_thread")]);)+
    };
    ($($test:ident),+ $(,)?) => {
        $(each_database!(@ $test, #[tokio::test]);)+
    };
    (@ $test:ident, $($attribute:tt)+) => {
        mod $test {
            $($attribute)+
            async fn sqlite() {
                super::$test($crate::storage::testing::Home::sqlite()).await;
            }

            $($attribute)+
            async fn postgresql() {
                super::$test($crate::storage::testing::Home::postgresql()).await;
            }
        }
    };
}
pub(crate) use each_database;

/// The database of a home, on node 0.
pub(crate) async fn open(home: &Home, clock: &Arc<FakeClock>) -> Storage {
    let clock: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
    Storage::open(&home.config(), home.path(), 0, clock).await.expect("a database for an empty folder")
}

/// Restores a backup without a note.
pub(crate) async fn restore(
    config: &Config,
    data: &Path,
    file: &Path,
    clock: &dyn Clock,
) -> Result<super::Restored, StorageError> {
    super::restore(config, data, file, clock, |_| Box::pin(async { Ok(()) })).await
}

/// Holds the writer in an operation until the sender is used; resolves when it is held.
pub(crate) async fn hold(storage: &Storage) -> oneshot::Sender<()> {
    let (open, opened) = oneshot::channel::<()>();
    let (held, holding) = oneshot::channel();
    let storage = storage.clone();
    tokio::spawn(async move {
        storage
            .write::<_, StorageError, _>(move |_| {
                Box::pin(async move {
                    held.send(()).unwrap();
                    opened.await.unwrap();
                    Ok(())
                })
            })
            .await
    });
    holding.await.unwrap();
    open
}

/// Operations that wait for the writer.
pub(crate) fn queued(storage: &Storage) -> usize {
    storage.queue.waiting(Lane::Ordinary)
}

/// Urgent operations that wait for the writer.
pub(crate) fn queued_urgently(storage: &Storage) -> usize {
    storage.queue.waiting(Lane::Urgent)
}

/// What goes wrong with the writes of an unreliable database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Fault {
    None,
    /// They are stored, and nobody is told.
    AnswerLost,
    /// They are begun and never stored, and nobody is told.
    AllLost,
}

/// Chooses the fault of an unreliable database.
pub(crate) struct Faults(Arc<AtomicU8>);

impl Faults {
    pub(crate) fn set(&self, fault: Fault) {
        self.0.store(fault as u8, Ordering::SeqCst);
    }
}

struct Unheard<T: ?Sized>(Box<T>);

impl Job for Unheard<dyn Job> {
    fn claim(&mut self) -> bool {
        self.0.claim()
    }

    fn run<'c>(
        self: Box<Self>,
        connection: &'c mut AnyConnection,
        wait: Option<Duration>,
    ) -> Pin<Box<dyn Future<Output = Box<dyn Answer>> + Send + 'c>> {
        Box::pin(async move { Box::new(Unheard(self.0.run(connection, wait).await)) as Box<dyn Answer> })
    }

    fn refuse(self: Box<Self>, error: StorageError) {
        self.0.refuse(error);
    }
}

impl Answer for Unheard<dyn Answer> {
    fn succeeded(&self) -> bool {
        self.0.succeeded()
    }

    fn after_rolling_back(self: Box<Self>) -> Next {
        Next::Answer(self)
    }

    fn deliver(self: Box<Self>, _: Result<(), StorageError>) {}
}

/// The same database with a writer that can be made unreliable: to the caller its faults look like a commit that is late.
pub(crate) fn unreliable(storage: &Storage) -> (Storage, Faults) {
    let (queue, mut intake) = writer::lanes();
    let (real, fault) = (storage.queue.clone(), Arc::new(AtomicU8::new(Fault::None as u8)));
    let faults = Faults(Arc::clone(&fault));
    tokio::spawn(async move {
        while let Some((lane, message)) = intake.next().await {
            let fault = fault.load(Ordering::SeqCst);
            let message = match message {
                Message::Write(job) if fault == Fault::AnswerLost as u8 => Message::Write(Box::new(Unheard(job))),
                Message::Write(mut job) if fault == Fault::AllLost as u8 => {
                    assert!(job.claim(), "nobody has given it up");
                    continue;
                }
                message => message,
            };
            if !real.send(lane, message).await {
                return;
            }
        }
    });
    (Storage { queue, ..storage.clone() }, faults)
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
