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
    /// The database that is configured cannot be used.
    #[error("{0}")]
    Database(String),
    /// Another realm runs as this node over the same database.
    #[error("another realm runs as node {0} over this database; stop it, or give this one another number as [node] id")]
    NodeInUse(u16),
    /// Another realm of this key runs over the same database.
    #[error(
        "another realm runs under key {0} over this database; stop it, give this one another [realm] key, or let both share the realm with [realm] shared = true"
    )]
    RealmInUse(String),
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
            | StorageError::Folder(_)
            | StorageError::Database(_)
            | StorageError::NodeInUse(_)
            | StorageError::RealmInUse(_) => {
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
            sqlx::Error::Database(database) if database.is_unique_violation() => StorageError::Conflict,
            sqlx::Error::Database(database) => {
                let text = database.to_string();
                let code = database.code().unwrap_or_default();
                if database.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
                    of_sqlite(code.parse().unwrap_or(0), text)
                } else {
                    of_postgresql(&code, text)
                }
            }
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
                StorageError::Unavailable("it is away, or has too much to do".to_owned())
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Configuration(_) => StorageError::Unavailable(error.to_string()),
            _ => StorageError::Statement(error.to_string()),
        }
    }
}

fn of_sqlite(code: i32, text: String) -> StorageError {
    match code & 0xFF {
        sqlite_code::FULL => StorageError::Full,
        sqlite_code::BUSY
        | sqlite_code::LOCKED
        | sqlite_code::READONLY
        | sqlite_code::INPUT_OUTPUT
        | sqlite_code::CORRUPT
        | sqlite_code::CANNOT_OPEN
        | sqlite_code::NOT_A_DATABASE => StorageError::Unavailable(text),
        _ => StorageError::Statement(text),
    }
}

/// By the class of the SQLSTATE, its first two characters, and by a few codes within other classes.
fn of_postgresql(code: &str, text: String) -> StorageError {
    match (code, code.get(..2).unwrap_or_default()) {
        ("53100", _) => StorageError::Full,
        // Connection, its rights, resources, an operator's intervention, the system under it.
        (_, "08" | "28" | "3D" | "53" | "57" | "58")
        // A server that only reads; an outsider's locks; a transaction that took too long.
        | ("25006" | "25P03" | "40001" | "40P01" | "55P03", _) => StorageError::Unavailable(text),
        _ => StorageError::Statement(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_databases_mean_the_same_to_a_caller() {
        let text = || "what it says".to_owned();
        for full in [of_sqlite(13, text()), of_postgresql("53100", text())] {
            assert!(matches!(full, StorageError::Full), "{full:?}");
        }
        for away in [
            of_sqlite(5, text()),
            of_sqlite(522, text()),
            of_postgresql("57P01", text()),
            of_postgresql("40P01", text()),
        ] {
            assert!(matches!(away, StorageError::Unavailable(_)), "{away:?}");
        }
        for fault in [of_sqlite(1, text()), of_postgresql("42601", text()), of_postgresql("23503", text())] {
            assert!(matches!(fault, StorageError::Statement(_)), "{fault:?}");
        }
    }
}
