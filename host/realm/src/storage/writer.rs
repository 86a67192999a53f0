//! The single writer: takes what is queued, up to [`GROUP_MAX`] operations, and commits it as one transaction.
//!
//! An operation is *queued* until the writer starts it or its caller gives up, whichever comes first; once started, its
//! caller waits for the commit.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use sqlx::{AnyConnection, AnyPool, Connection as _, Row as _};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, MissedTickBehavior},
};

use super::{
    Claims, FolderLock, RealmClaim, Storage, StorageError, WriteFuture, claimed,
    pace::Pace,
    place::{self, Place},
    postgresql,
};
use crate::types::{
    Clock, IdSource,
    faults::{self, Bug, Point},
};

/// Operations that may wait for the writer.
pub(super) const QUEUE_MAX: usize = 1_024;
/// Operations in one transaction.
const GROUP_MAX: usize = 64;
/// How long a caller waits for its operation to be started.
const START_WAIT: Duration = Duration::from_secs(10);
/// How long a caller waits for the commit of an operation that was started.
const COMMIT_WAIT: Duration = Duration::from_secs(30);
/// How far ahead of use the ceiling of keys is stored.
const KEYS_AHEAD_MS: u64 = 5 * 60 * 1_000;
/// Keys of one millisecond, over all nodes.
const KEYS_PER_MS: u64 = 1 << 22;
/// How often the ceiling of keys is looked after, and a server asked whether it is there, when nothing is written.
const UPKEEP_EVERY: Duration = Duration::from_millis(700);
/// How long a server may take to say that it is there.
const PING_WAIT: Duration = Duration::from_secs(3);
/// How long a server may take for one operation, or for a commit; then it counts as gone.
const SERVER_WAIT: Duration = Duration::from_secs(10);
/// How long a session that was cut off may linger at a server and keep its node's number from the next start.
pub(super) const CLAIM_WAIT: Duration = Duration::from_secs(15);
/// How long the former session of this process may take to end when a new one takes its place, and how often that is tried.
const SUCCESSION_WAIT: Duration = Duration::from_secs(2);
const SUCCESSION_EVERY: Duration = Duration::from_millis(50);
/// How long a connection that failed may take to say good-bye.
const FAREWELL_WAIT: Duration = Duration::from_millis(200);

const QUEUED: u8 = 0;
const STARTED: u8 = 1;
const ABANDONED: u8 = 2;

type BoxFuture<'c, T> = Pin<Box<dyn Future<Output = T> + Send + 'c>>;

/// What the writer is sent.
pub(super) enum Message {
    Write(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

/// An operation that waits.
pub(super) trait Job: Send {
    /// True when the operation shall be carried out; false when its caller has given up.
    fn claim(&self) -> bool;
    /// Carries it out, within a time if there is one.
    fn run<'c>(
        self: Box<Self>,
        connection: &'c mut AnyConnection,
        wait: Option<Duration>,
    ) -> BoxFuture<'c, Box<dyn Answer>>;
    fn refuse(self: Box<Self>, error: StorageError);
}

/// The outcome of an operation, held back until the commit.
pub(super) trait Answer: Send {
    fn succeeded(&self) -> bool;
    fn deliver(self: Box<Self>, commit: Result<(), StorageError>);
}

struct Operation<F, T, E> {
    operation: F,
    state: Arc<AtomicU8>,
    reply: oneshot::Sender<Result<T, E>>,
}

struct Outcome<T, E> {
    result: Result<T, E>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Job for Operation<F, T, E>
where
    F: for<'c> FnOnce(&'c mut AnyConnection) -> WriteFuture<'c, Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<StorageError> + Send + 'static,
{
    fn claim(&self) -> bool {
        self.state.compare_exchange(QUEUED, STARTED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn run<'c>(
        self: Box<Self>,
        connection: &'c mut AnyConnection,
        wait: Option<Duration>,
    ) -> BoxFuture<'c, Box<dyn Answer>> {
        Box::pin(async move {
            let Self { operation, reply, .. } = *self;
            // A panic in one operation must not take the writer, and with it the realm, down.
            let outcome = AssertUnwindSafe(async move { operation(connection).await }).catch_unwind();
            let result = match within(wait, outcome).await {
                Ok(Ok(result)) => result,
                Ok(Err(panic)) => Err(E::from(StorageError::Statement(panic_text(&*panic)))),
                Err(late) => Err(E::from(late)),
            };
            Box::new(Outcome { result, reply }) as Box<dyn Answer>
        })
    }

    fn refuse(self: Box<Self>, error: StorageError) {
        // A caller that is gone needs no answer, here and below.
        let _ = self.reply.send(Err(E::from(error)));
    }
}

impl<T: Send, E: From<StorageError> + Send> Answer for Outcome<T, E> {
    fn succeeded(&self) -> bool {
        self.result.is_ok()
    }

    fn deliver(self: Box<Self>, commit: Result<(), StorageError>) {
        let answer = match commit {
            Ok(()) => self.result,
            Err(error) => Err(E::from(error)),
        };
        let _ = self.reply.send(answer);
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("an operation panicked: {}", text.unwrap_or("no message"))
}

/// Queues an operation and waits for its commit.
pub(super) async fn submit<T, E, F>(queue: &mpsc::Sender<Message>, operation: F) -> Result<T, E>
where
    F: for<'c> FnOnce(&'c mut AnyConnection) -> WriteFuture<'c, Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<StorageError> + Send + 'static,
{
    let (reply, mut answer) = oneshot::channel();
    let state = Arc::new(AtomicU8::new(QUEUED));
    let job = Box::new(Operation { operation, state: Arc::clone(&state), reply });
    let start_by = tokio::time::Instant::now() + START_WAIT;
    match tokio::time::timeout_at(start_by, queue.send(Message::Write(job))).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) => return Err(stopping().into()),
        Err(_) => return Err(StorageError::Unavailable("too many writes wait".to_owned()).into()),
    }
    if let Ok(answered) = tokio::time::timeout_at(start_by, &mut answer).await {
        return answered.unwrap_or_else(|_| Err(unanswered(&state).into()));
    }
    if state.compare_exchange(QUEUED, ABANDONED, Ordering::AcqRel, Ordering::Acquire).is_ok() {
        return Err(StorageError::Unavailable("the write was not begun in time".to_owned()).into());
    }
    match tokio::time::timeout(COMMIT_WAIT, answer).await {
        Ok(answered) => answered.unwrap_or_else(|_| Err(StorageError::Unconfirmed.into())),
        Err(_) => Err(StorageError::Unconfirmed.into()),
    }
}

/// The writer ended without a word: what it had started may be stored.
fn unanswered(state: &AtomicU8) -> StorageError {
    if state.load(Ordering::Acquire) == STARTED { StorageError::Unconfirmed } else { stopping() }
}

fn stopping() -> StorageError {
    StorageError::Unavailable("the realm is stopping".to_owned())
}

/// Owns the one connection that writes.
pub(super) struct Writer {
    pub(super) place: Place,
    /// `None` after a failure that may have left a transaction open.
    pub(super) connection: Option<AnyConnection>,
    /// Number of the session at a server, the last one there was.
    pub(super) session: Option<i64>,
    /// For readers, as long as the database is there.
    pub(super) readers: watch::Sender<Option<AnyPool>>,
    pub(super) queue: mpsc::Receiver<Message>,
    /// What the last transaction said.
    pub(super) health: watch::Sender<Result<(), String>>,
    pub(super) pace: Arc<Pace>,
    /// When a database that failed is tried again; until then nothing is taken from the queue.
    pub(super) retry_at: Option<Instant>,
    pub(super) ids: Arc<IdSource>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) node: u16,
    /// The key of the realm, once it is claimed.
    pub(super) claims: Claims,
    pub(super) key_ceiling: u64,
    pub(super) locks: Vec<FolderLock>,
}

impl Writer {
    pub(super) async fn run(mut self) {
        let mut upkeep = tokio::time::interval_at(Instant::now() + UPKEEP_EVERY, UPKEEP_EVERY);
        upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut closing = None;
        loop {
            let mut group = Vec::new();
            let message = if let Some(retry_at) = self.retry_at {
                tokio::time::sleep_until(retry_at).await;
                match self.queue.try_recv() {
                    Ok(message) => Some(message),
                    Err(mpsc::error::TryRecvError::Empty) => None,
                    Err(mpsc::error::TryRecvError::Disconnected) => break,
                }
            } else {
                tokio::select! {
                    biased;
                    message = self.queue.recv() => match message {
                        Some(message) => Some(message),
                        None => break,
                    },
                    _ = upkeep.tick() => None,
                }
            };
            self.accept(message, &mut group, &mut closing);
            while group.len() < GROUP_MAX {
                let Ok(message) = self.queue.try_recv() else { break };
                self.accept(Some(message), &mut group, &mut closing);
            }
            self.commit_group(group, &mut closing).await;
        }
        self.finish().await;
        drop(self.locks);
        if let Some(closed) = closing {
            let _ = closed.send(());
        }
    }

    fn accept(
        &mut self,
        message: Option<Message>,
        group: &mut Vec<Box<dyn Job>>,
        closing: &mut Option<oneshot::Sender<()>>,
    ) {
        match message {
            Some(Message::Write(job)) => group.push(job),
            Some(Message::Close(closed)) => {
                // What is queued is still received; nothing new comes in.
                self.queue.close();
                *closing = Some(closed);
            }
            None => {}
        }
    }

    /// One transaction: begin, each operation in its savepoint, the ceiling of keys, commit, answers.
    async fn commit_group(&mut self, group: Vec<Box<dyn Job>>, closing: &mut Option<oneshot::Sender<()>>) {
        let mut waiting = group.into_iter();
        let mut answers = Vec::with_capacity(waiting.len());
        let began = Instant::now();
        self.pace.begin();
        let result = self.transact(&mut waiting, &mut answers).await;
        self.pace.end();
        self.retry_at = result.is_err().then(|| began + Pace::pause());
        self.note_health(&result);
        if let Err(error) = &result {
            let unreachable = self.connection.is_none();
            // Whatever state the connection is in, closing it rolls back.
            if let Some(connection) = self.connection.take() {
                let _ = tokio::time::timeout(FAREWELL_WAIT, connection.close()).await;
            }
            if self.place.is_server() {
                self.readers.send_replace(None);
            }
            // Nobody waits for longer than one try of a database that is not there.
            if unreachable {
                self.refuse_queued(closing, error);
            }
        }
        for answer in answers {
            answer.deliver(result.clone());
        }
        faults::point(Point::AfterAcknowledgement);
        if let Err(error) = result {
            for job in waiting {
                job.refuse(error.clone());
            }
        }
    }

    fn refuse_queued(&mut self, closing: &mut Option<oneshot::Sender<()>>, error: &StorageError) {
        let mut queued = Vec::new();
        for _ in 0..QUEUE_MAX {
            let Ok(message) = self.queue.try_recv() else { break };
            self.accept(Some(message), &mut queued, closing);
        }
        for job in queued {
            job.refuse(error.clone());
        }
    }

    async fn transact(
        &mut self,
        waiting: &mut std::vec::IntoIter<Box<dyn Job>>,
        answers: &mut Vec<Box<dyn Answer>>,
    ) -> Result<(), StorageError> {
        let failed_before = self.health.borrow().is_err();
        if waiting.len() == 0 && !failed_before && !self.keys_run_short() {
            return self.ping().await;
        }
        let wait = self.wait();
        faults::point(Point::BeforeBegin);
        within(wait, place::begin(self.connected().await?)).await??;
        faults::point(Point::AfterBegin);
        // The savepoint of the last operation; what comes after it releases it.
        let mut savepoint = "SAVEPOINT operation";
        let mut end = "COMMIT";
        for job in waiting.by_ref() {
            if !job.claim() {
                continue;
            }
            if let Err(error) = self.execute(savepoint).await {
                job.refuse(error.clone());
                return Err(error);
            }
            let wait = self.wait();
            let answer = job.run(self.connection.as_mut().expect("opened above"), wait).await;
            savepoint = "RELEASE SAVEPOINT operation; SAVEPOINT operation";
            // Of a transaction that has failed, PostgreSQL takes COMMIT for ROLLBACK and says that all is well; a release it refuses.
            end = "RELEASE SAVEPOINT operation; COMMIT";
            faults::point(Point::BetweenStatements);
            if answer.succeeded() && faults::has(Bug::AcknowledgeBeforeCommit) {
                answer.deliver(Ok(()));
                // Long enough for the news to get out, as with a slow disk.
                tokio::time::sleep(Duration::from_millis(30)).await;
            } else if answer.succeeded() {
                answers.push(answer);
            } else if let Err(error) = self.execute("ROLLBACK TO SAVEPOINT operation").await {
                // A full disk, a fault of the device or a lost server may undo the whole transaction: this caller is told its own error.
                answer.deliver(Ok(()));
                return Err(StorageError::Unavailable(format!("the database gave the transaction up: {error}")));
            } else {
                answers.push(answer);
            }
        }
        // After a failure the ceiling is written as a trial.
        let new_ceiling = (failed_before || self.keys_run_short()).then(|| self.keys_ahead());
        if let Some(ceiling) = new_ceiling {
            self.store_key_ceiling(ceiling).await?;
        }
        faults::point(Point::BeforeCommit);
        self.commit(end).await?;
        faults::point(Point::AfterCommit);
        self.key_ceiling = new_ceiling.unwrap_or(self.key_ceiling);
        Ok(())
    }

    /// A server that does not answer to COMMIT may have carried it out.
    async fn commit(&mut self, end: &'static str) -> Result<(), StorageError> {
        match self.execute(end).await {
            Err(StorageError::Unavailable(_)) if self.place.is_server() => Err(StorageError::Unconfirmed),
            result => result,
        }
    }

    /// How long each step may take.
    fn wait(&self) -> Option<Duration> {
        self.place.is_server().then_some(SERVER_WAIT)
    }

    /// The connection; made anew when the last one failed. With it readers come back.
    async fn connected(&mut self) -> Result<&mut AnyConnection, StorageError> {
        if self.connection.is_none() {
            let mut connection = self.place.reconnect_writer().await?;
            if place::is_server(&connection) {
                let wait = self.wait();
                let claimed = self.succeed(&mut connection);
                // A former session that does not end: to whom it matters now, the database is away.
                let away = |error: StorageError| StorageError::Unavailable(error.to_string());
                self.session = Some(within(wait, claimed).await?.map_err(away)?);
                self.readers.send_replace(Some(self.place.reader_pool()?));
            }
            self.connection = Some(connection);
        }
        Ok(self.connection.as_mut().expect("made above"))
    }

    /// Takes over what the former session held, which may need a moment to end.
    async fn succeed(&mut self, connection: &mut AnyConnection) -> Result<i64, StorageError> {
        let give_up_at = Instant::now() + SUCCESSION_WAIT;
        loop {
            match self.claim_all(connection).await {
                Err(StorageError::NodeInUse(_) | StorageError::RealmInUse(_)) if Instant::now() < give_up_at => {
                    tokio::time::sleep(SUCCESSION_EVERY).await;
                }
                claimed => return claimed,
            }
        }
    }

    async fn claim_all(&mut self, connection: &mut AnyConnection) -> Result<i64, StorageError> {
        let session = postgresql::claim(connection, self.node, self.session).await?;
        let claims = claimed(&self.claims).clone();
        for claim in claims {
            postgresql::claim_realm(connection, &claim.realm, claim.shared).await?;
        }
        Ok(session)
    }

    /// Is the server there? A file always is.
    async fn ping(&mut self) -> Result<(), StorageError> {
        match &mut self.connection {
            Some(connection) if self.place.is_server() => Ok(within(Some(PING_WAIT), connection.ping()).await??),
            _ => Ok(()),
        }
    }

    /// Logs when the database begins to fail and when it is back, not each failure between.
    fn note_health(&self, result: &Result<(), StorageError>) {
        self.health.send_if_modified(|health| match (&*health, result) {
            (Ok(()), Err(error)) => {
                tracing::error!(%error, "a group of writes failed; tried again every second");
                *health = Err(error.to_string());
                true
            }
            (Err(_), Ok(())) => {
                tracing::info!("the database takes writes again");
                *health = Ok(());
                true
            }
            _ => false,
        });
    }

    async fn execute(&mut self, statements: &'static str) -> Result<(), StorageError> {
        let wait = self.wait();
        let connection = self.connection.as_mut().expect("a transaction has a connection");
        within(wait, sqlx::raw_sql(statements).execute(connection)).await??;
        Ok(())
    }

    /// True when a key may have been made that is not below the stored ceiling, or soon will be.
    fn keys_run_short(&self) -> bool {
        self.ids.ceiling(self.clock.now_ms()) + KEYS_AHEAD_MS / 2 * KEYS_PER_MS > self.key_ceiling
    }

    fn keys_ahead(&self) -> u64 {
        keys_ahead(&self.ids, self.clock.now_ms())
    }

    async fn store_key_ceiling(&mut self, ceiling: u64) -> Result<(), StorageError> {
        let wait = self.wait();
        let connection = self.connection.as_mut().expect("a transaction has a connection");
        within(wait, store_key_ceiling(connection, self.node, ceiling)).await?
    }

    /// Leaves no key unused for nothing, and no write-ahead log behind.
    async fn finish(&mut self) {
        if self.connection.is_none() {
            return;
        }
        let exact = self.ids.ceiling(self.clock.now_ms());
        if let Err(error) = self.store_key_ceiling(exact).await {
            tracing::warn!(%error, "the ceiling of keys was not stored at the end; keys skip a few minutes");
        }
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the database was not closed cleanly");
        }
    }
}

/// Waits for the database, as long as may be.
async fn within<T>(wait: Option<Duration>, work: impl Future<Output = T>) -> Result<T, StorageError> {
    match wait {
        None => Ok(work.await),
        Some(wait) => tokio::time::timeout(wait, work)
            .await
            .map_err(|_| StorageError::Unavailable("it did not answer in time".to_owned())),
    }
}

/// Claims a node's number at a server; answers with the number of the session. A file has no sessions.
pub(super) async fn claim(connection: &mut AnyConnection, node: u16) -> Result<Option<i64>, StorageError> {
    if !place::is_server(connection) {
        return Ok(None);
    }
    let give_up_at = Instant::now() + CLAIM_WAIT;
    loop {
        match postgresql::claim(connection, node, None).await {
            Err(StorageError::NodeInUse(_)) if Instant::now() < give_up_at => tokio::time::sleep(UPKEEP_EVERY).await,
            claimed => return claimed.map(Some),
        }
    }
}

/// Claims a realm's key through the writer, whose session keeps it; waits for a session that was cut off as [`claim`] does.
pub(super) async fn claim_realm(storage: &Storage, claim: RealmClaim) -> Result<(), StorageError> {
    let give_up_at = Instant::now() + CLAIM_WAIT;
    loop {
        match try_claim_realm(storage, claim.clone()).await {
            Err(StorageError::RealmInUse(_)) if Instant::now() < give_up_at => tokio::time::sleep(UPKEEP_EVERY).await,
            claimed => return claimed,
        }
    }
}

pub(super) async fn try_claim_realm(storage: &Storage, claim: RealmClaim) -> Result<(), StorageError> {
    let claims = Arc::clone(&storage.claims);
    let claiming = storage.write::<_, StorageError, _>(move |connection| {
        Box::pin(async move {
            if claimed(&claims).contains(&claim) {
                return Ok(());
            }
            if place::is_server(connection) {
                postgresql::claim_realm(connection, &claim.realm, claim.shared).await?;
            }
            // A session holds what it has claimed, whatever becomes of the transaction.
            claimed(&claims).push(claim);
            Ok(())
        })
    });
    claiming.await
}

fn keys_ahead(ids: &IdSource, now_ms: i64) -> u64 {
    ids.ceiling(now_ms) + KEYS_AHEAD_MS * KEYS_PER_MS
}

/// The source of keys above all that this node may have made, and the ceiling that is stored before the first one is made.
pub(super) async fn start_keys(
    connection: &mut AnyConnection,
    node: u16,
    now_ms: i64,
) -> Result<(IdSource, u64), StorageError> {
    let ids = IdSource::new(node, load_key_ceiling(connection, node).await?);
    let ceiling = keys_ahead(&ids, now_ms);
    store_key_ceiling(connection, node, ceiling).await?;
    Ok((ids, ceiling))
}

async fn load_key_ceiling(connection: &mut AnyConnection, node: u16) -> Result<u64, StorageError> {
    let row = sqlx::query("SELECT key_ceiling FROM nodes WHERE node = $1")
        .bind(i64::from(node))
        .fetch_optional(connection)
        .await?;
    Ok(match row {
        Some(row) => row.try_get::<i64, _>(0)?.unsigned_abs(),
        None => 0,
    })
}

async fn store_key_ceiling(connection: &mut AnyConnection, node: u16, ceiling: u64) -> Result<(), StorageError> {
    sqlx::query(
        "INSERT INTO nodes (node, key_ceiling) VALUES ($1, $2)
         ON CONFLICT (node) DO UPDATE SET key_ceiling = excluded.key_ceiling",
    )
    .bind(i64::from(node))
    .bind(i64::try_from(ceiling).unwrap_or(i64::MAX))
    .execute(connection)
    .await?;
    Ok(())
}
