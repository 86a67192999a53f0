//! The database: pools, migrations, and the single writer with group commit.

use std::{future::Future, path::Path, pin::Pin, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::types::{Clock, Code, IdSource, Refusal};

/// `[storage]`: where the realm keeps what must not be lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address of the database: empty is the file `realm.sqlite` in the data folder.
    pub url: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { url: String::new() }
    }
}

/// Why the database did not do what was asked. Nothing was changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StorageError {
    /// It does not answer in time.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// The disk is full.
    #[error("the disk that holds the database is full")]
    Full,
    /// A unique constraint says no: somebody else was faster, or the name is taken.
    #[error("the row exists already")]
    Conflict,
    /// A statement failed: a fault of the realm.
    #[error("a statement failed: {0}")]
    Statement(String),
    /// The database was written by a newer version of the realm.
    #[error("the database has schema {found}, this version knows up to {known}; start a newer version of the realm")]
    SchemaTooNew {
        /// Found in the database.
        found: i64,
        /// Highest known.
        known: i64,
    },
}

impl From<StorageError> for Refusal {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Full => Refusal::retry(
                Code::StorageFull,
                "The realm's disk is full; nothing was changed. Tell the operator.",
                60_000,
            ),
            StorageError::Unavailable(_) => Refusal::retry(
                Code::StorageUnavailable,
                "The realm's database does not answer; nothing was changed. Try again soon.",
                5_000,
            ),
            StorageError::Conflict | StorageError::Statement(_) | StorageError::SchemaTooNew { .. } => {
                Refusal::new(Code::Internal, "The realm has a fault; nothing was changed. The operator's log has more.")
            }
        }
    }
}

/// A future that borrows the writer's connection.
pub type WriteFuture<'c, T> = Pin<Box<dyn Future<Output = T> + Send + 'c>>;

/// The database as every feature uses it; cheap to clone.
#[derive(Clone)]
pub struct Storage {
    ids: Arc<IdSource>,
    clock: Arc<dyn Clock>,
}

impl Storage {
    /// Opens the database, migrates it, and starts the writer.
    pub async fn open(config: &Config, data: &Path, node: u16, clock: Arc<dyn Clock>) -> Result<Self, StorageError> {
        let _ = (config, data, node, clock);
        unimplemented!()
    }

    /// A pool of read-only connections.
    pub fn reader(&self) -> &sqlx::AnyPool {
        unimplemented!()
    }

    /// Runs `operation` in the writer's next transaction, in a savepoint of its own; resolves after COMMIT.
    /// When it answers with an error, its savepoint is rolled back and nothing of it remains.
    pub async fn write<T, E, F>(&self, operation: F) -> Result<T, E>
    where
        F: for<'c> FnOnce(&'c mut sqlx::AnyConnection) -> WriteFuture<'c, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        let _ = operation;
        unimplemented!()
    }

    /// The source of entity keys.
    pub fn ids(&self) -> &IdSource {
        &self.ids
    }

    /// The time, for rows that carry one.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Does the database answer? For `/readyz`.
    ///
    /// # Errors
    /// What is wrong, in one sentence.
    pub fn ready(&self) -> Result<(), String> {
        unimplemented!()
    }

    /// Commits what is queued and closes the database.
    pub async fn close(&self) {
        unimplemented!()
    }
}
