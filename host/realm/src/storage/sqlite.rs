//! SQLite: one file, one process.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    str::FromStr as _,
    time::Duration,
};

use sqlx::{AnyConnection, AnyPool, Connection as _, any::AnyPoolOptions, sqlite::SqliteConnectOptions};

use super::{StorageError, place::absolute};
use crate::types::faults::{self, Bug};

/// Readers at once; more wait for [`READER_WAIT`].
const READERS_MAX: u32 = 4;
const READER_WAIT: Duration = Duration::from_secs(5);

/// `secure_delete`: what is deleted is overwritten, so that the file holds nothing of somebody who had it erased.
const WRITER_SETUP: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000; \
     PRAGMA secure_delete = ON";
const READER_SETUP: &str =
    "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000; PRAGMA query_only = ON";
/// Brings everything into the one file, and leaves no log beside it.
pub(super) const SETTLE: &str = "PRAGMA journal_mode = DELETE";
/// Brings the log into the file and empties it; the answer begins with 1 when somebody was in the way.
pub(super) const EMPTY_LOG: &str = "PRAGMA wal_checkpoint(TRUNCATE)";
/// Immediate: a transaction that reads first and writes later would be refused without waiting.
pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";

/// A database file.
#[derive(Debug, Clone)]
pub(super) struct File(PathBuf);

impl File {
    pub(super) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// The file that an address names.
    pub(super) fn new(url: &str) -> Result<Self, StorageError> {
        let refused = |problem: &str| {
            StorageError::Database(format!(
                "[storage] url \"{url}\" {problem}; write sqlite:///path/to/realm.sqlite or \
                 postgres://user:password@host/database, or leave it empty"
            ))
        };
        if !url.starts_with("sqlite:") {
            return Err(refused("is no address of a database"));
        }
        if url.contains(":memory:") || url.contains("mode=memory") {
            return Err(refused("keeps nothing"));
        }
        let options = SqliteConnectOptions::from_str(url).map_err(|_| refused("cannot be read"))?;
        Ok(Self(absolute(options.get_filename())?))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) async fn connect_writer(&self) -> Result<AnyConnection, StorageError> {
        let mut connection = AnyConnection::connect(&self.url("rwc")).await?;
        sqlx::raw_sql(WRITER_SETUP).execute(&mut connection).await?;
        if faults::has(Bug::SynchronousNormal) {
            sqlx::raw_sql("PRAGMA synchronous = NORMAL").execute(&mut connection).await?;
        }
        Ok(connection)
    }

    pub(super) async fn connect_reader(&self) -> Result<AnyConnection, StorageError> {
        let mut connection = AnyConnection::connect(&self.url("rw")).await?;
        sqlx::raw_sql(READER_SETUP).execute(&mut connection).await?;
        Ok(connection)
    }

    /// A connection to a backup, which it leaves as it is.
    pub(super) async fn connect_backup(&self) -> Result<AnyConnection, StorageError> {
        Ok(AnyConnection::connect(&self.url("ro")).await?)
    }

    /// Writes one moment of the database into a new file, while others write.
    pub(super) async fn copy_into(&self, file: &Path) -> Result<(), StorageError> {
        let mut connection = AnyConnection::connect(&self.url("rw")).await?;
        sqlx::raw_sql("PRAGMA busy_timeout = 5000").execute(&mut connection).await?;
        let file = file.to_str().ok_or_else(|| {
            StorageError::Folder(format!("the path {} is no Unicode text; choose another", file.display()))
        })?;
        sqlx::query("VACUUM INTO $1").persistent(false).bind(file).execute(&mut connection).await?;
        connection.close().await?;
        Ok(())
    }

    /// Brings everything into the one file, and leaves no log beside it that another file in its place would be mixed with.
    pub(super) async fn settle(&self) -> Result<(), StorageError> {
        if self.0.exists() {
            let mut connection = self.connect_writer().await?;
            sqlx::raw_sql(SETTLE).execute(&mut connection).await?;
            connection.close().await?;
        }
        Ok(())
    }

    pub(super) fn reader_pool(&self) -> Result<AnyPool, StorageError> {
        let pool = AnyPoolOptions::new()
            .max_connections(READERS_MAX)
            .acquire_timeout(READER_WAIT)
            .test_before_acquire(false)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    sqlx::raw_sql(READER_SETUP).execute(connection).await?;
                    Ok(())
                })
            })
            .connect_lazy(&self.url("rw"))?;
        Ok(pool)
    }

    fn url(&self, mode: &str) -> String {
        let mut url = "sqlite://".to_owned();
        for byte in self.0.as_os_str().as_encoded_bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                    url.push(char::from(*byte))
                }
                _ => write!(url, "%{byte:02X}").expect("a string takes every text"),
            }
        }
        url + "?mode=" + mode
    }
}
