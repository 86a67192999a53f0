//! Why the database did not do what was asked.

use std::path::PathBuf;

use crate::types::{BrokenOff, Code, Refusal};

/// Why the database did not do what was asked. Nothing was changed, except perhaps with [`StorageError::Unconfirmed`].
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
    /// A migration that was applied has another text in this version of the realm.
    #[error(
        "migration {0} of the database differs from the one in this version of the realm; start the version that made it"
    )]
    SchemaChanged(i64),
    /// Another process uses the folder.
    #[error("the folder {} is in use by process {holder}; stop that realm first, or give this one another data folder", folder.display())]
    FolderLocked {
        /// The folder.
        folder: PathBuf,
        /// Process id of the holder, as it wrote it down; "(unknown)" when it has not.
        holder: String,
    },
    /// A file or folder of the realm cannot be used.
    #[error("{0}")]
    Folder(String),
    /// The commit was begun, but its end was not seen in time: the change may be stored or not.
    #[error("the database did not confirm in time")]
    Unconfirmed,
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
            StorageError::Unconfirmed => Refusal::retry(
                Code::StorageUnavailable,
                "The realm's database did not confirm in time; look whether it was done before you try again.",
                5_000,
            ),
            StorageError::Conflict
            | StorageError::Statement(_)
            | StorageError::SchemaTooNew { .. }
            | StorageError::SchemaChanged(_)
            | StorageError::FolderLocked { .. }
            | StorageError::Folder(_) => {
                Refusal::new(Code::Internal, "The realm has a fault; nothing was changed. The operator's log has more.")
            }
        }
    }
}

/// SQLite's primary result codes that mean something to a caller; the extended code holds them in its low byte.
mod sqlite_code {
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const READONLY: i32 = 8;
    pub(super) const INPUT_OUTPUT: i32 = 10;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANNOT_OPEN: i32 = 14;
    pub(super) const NOT_A_DATABASE: i32 = 26;
}

impl From<BrokenOff> for StorageError {
    fn from(broken: BrokenOff) -> Self {
        Self::Statement(broken.to_string())
    }
}

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => {
                if database.is_unique_violation() {
                    return StorageError::Conflict;
                }
                let sqlite = database.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some();
                let code = database.code().and_then(|code| code.parse::<i32>().ok()).filter(|_| sqlite);
                match code.map(|code| code & 0xFF) {
                    Some(sqlite_code::FULL) => StorageError::Full,
                    Some(
                        sqlite_code::BUSY
                        | sqlite_code::LOCKED
                        | sqlite_code::READONLY
                        | sqlite_code::INPUT_OUTPUT
                        | sqlite_code::CORRUPT
                        | sqlite_code::CANNOT_OPEN
                        | sqlite_code::NOT_A_DATABASE,
                    ) => StorageError::Unavailable(database.to_string()),
                    _ => StorageError::Statement(database.to_string()),
                }
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Configuration(_) => StorageError::Unavailable(error.to_string()),
            _ => StorageError::Statement(error.to_string()),
        }
    }
}
