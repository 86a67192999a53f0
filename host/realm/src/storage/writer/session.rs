//! The one connection that writes: made, lost, and made anew with everything that it had claimed.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use sqlx::{AnyConnection, AnyPool, Connection as _};
use tokio::{sync::watch, time::Instant};

use super::within;
use crate::storage::{
    RealmClaim, StorageError,
    place::{self, Place},
    postgresql,
};

/// How long a server may take to say that it is there.
const PING_WAIT: Duration = Duration::from_secs(3);
/// How long a server may take for one operation, or for a commit; then it counts as gone.
const SERVER_WAIT: Duration = Duration::from_secs(10);
/// How long the former session of this process may take to end when a new one takes its place, and how often that is tried.
const SUCCESSION_WAIT: Duration = Duration::from_secs(2);
const SUCCESSION_EVERY: Duration = Duration::from_millis(50);
/// How long a connection that failed may take to say good-bye.
const FAREWELL_WAIT: Duration = Duration::from_millis(200);

/// The writer's way to the database.
pub(in crate::storage) struct Session {
    place: Place,
    /// `None` after a failure that may have left a transaction open.
    connection: Option<AnyConnection>,
    /// Its number at a server, the last one there was.
    number: Option<i64>,
    /// For readers, as long as the database is there.
    readers: watch::Sender<Option<AnyPool>>,
    node: u16,
    /// The key of the realm, once it is claimed.
    realm: Arc<OnceLock<RealmClaim>>,
}

impl Session {
    /// A connection that has claimed its node, under this number of the server's, and the readers that go with it.
    pub(in crate::storage) fn new(
        place: Place,
        (connection, number): (AnyConnection, Option<i64>),
        readers: watch::Sender<Option<AnyPool>>,
        node: u16,
        realm: Arc<OnceLock<RealmClaim>>,
    ) -> Self {
        Self { place, connection: Some(connection), number, readers, node, realm }
    }

    /// True while there is no connection.
    pub(super) fn is_lost(&self) -> bool {
        self.connection.is_none()
    }

    /// How long each step may take.
    pub(super) fn wait(&self) -> Option<Duration> {
        self.place.is_server().then_some(SERVER_WAIT)
    }

    /// The connection, within a transaction.
    pub(super) fn connection(&mut self) -> &mut AnyConnection {
        self.connection.as_mut().expect("a transaction has a connection")
    }

    /// Begins a transaction, over a new connection when the last one failed.
    pub(super) async fn begin(&mut self) -> Result<(), StorageError> {
        self.connect().await?;
        let wait = self.wait();
        within(wait, place::begin(self.connection())).await?
    }

    pub(super) async fn execute(&mut self, statements: &'static str) -> Result<(), StorageError> {
        let wait = self.wait();
        within(wait, sqlx::raw_sql(statements).execute(self.connection())).await??;
        Ok(())
    }

    /// Ends the transaction. A server that does not answer to COMMIT may have carried it out, and so may a file whose device fails when the
    /// log is synced: the log may be found whole later.
    pub(super) async fn commit(&mut self, end: &'static str) -> Result<(), StorageError> {
        match self.execute(end).await {
            Err(StorageError::Unavailable(_)) => Err(StorageError::Unconfirmed),
            result => result,
        }
    }

    /// Is the server there? A file always is.
    pub(super) async fn ping(&mut self) -> Result<(), StorageError> {
        match &mut self.connection {
            Some(connection) if self.place.is_server() => Ok(within(Some(PING_WAIT), connection.ping()).await??),
            _ => Ok(()),
        }
    }

    /// Gives the connection up, in whatever state it is: closing it rolls back. Readers of a server go with it.
    pub(super) async fn give_up(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = tokio::time::timeout(FAREWELL_WAIT, connection.close()).await;
        }
        if self.place.is_server() {
            self.readers.send_replace(None);
        }
    }

    /// Closes the connection at the end of all work.
    pub(super) async fn close(&mut self) -> Result<(), StorageError> {
        match self.connection.take() {
            Some(connection) => Ok(connection.close().await?),
            None => Ok(()),
        }
    }

    /// Makes the connection anew when the last one failed. With it readers come back.
    async fn connect(&mut self) -> Result<(), StorageError> {
        if self.connection.is_some() {
            return Ok(());
        }
        let mut connection = self.place.reconnect_writer().await?;
        if place::is_server(&connection) {
            let wait = self.wait();
            let claimed = within(wait, self.succeed(&mut connection)).await?;
            // A former session that does not end: to whom it matters now, the database is away.
            let number = claimed.map_err(|error| StorageError::Unavailable(error.to_string()))?;
            self.number = Some(number);
            self.readers.send_replace(Some(self.place.reader_pool()?));
        }
        self.connection = Some(connection);
        Ok(())
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
        let number = postgresql::claim(connection, self.node, self.number).await?;
        if let Some(claim) = self.realm.get() {
            postgresql::claim_realm(connection, &claim.realm, claim.shared).await?;
        }
        Ok(number)
    }
}
