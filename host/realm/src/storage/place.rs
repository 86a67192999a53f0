//! Where the database lies, and how each connection to it is set up.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    str::FromStr as _,
    time::Duration,
};

use sqlx::{AnyConnection, AnyPool, Connection as _, any::AnyPoolOptions, sqlite::SqliteConnectOptions};

use super::{Config, FolderLock, StorageError};

/// Readers at once; more wait for [`READER_WAIT`].
const READERS_MAX: u32 = 4;
const READER_WAIT: Duration = Duration::from_secs(5);

const WRITER_SETUP: &str =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000";
const READER_SETUP: &str =
    "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000; PRAGMA query_only = ON";

/// A database file and the folders whose locks go with it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    file: PathBuf,
    folders: Vec<PathBuf>,
}

impl Place {
    pub(super) fn new(config: &Config, data: &Path) -> Result<Self, StorageError> {
        let data = absolute(data)?;
        let file = if config.url.is_empty() {
            data.join("realm.sqlite")
        } else {
            let refused = |problem: &str| {
                StorageError::Folder(format!(
                    "[storage] url \"{}\" {problem}; write sqlite:///path/to/realm.sqlite, or leave it empty",
                    config.url
                ))
            };
            if !config.url.starts_with("sqlite:") {
                return Err(refused("is not an SQLite database"));
            }
            if config.url.contains(":memory:") || config.url.contains("mode=memory") {
                return Err(refused("keeps nothing"));
            }
            let options = SqliteConnectOptions::from_str(&config.url).map_err(|_| refused("cannot be read"))?;
            absolute(options.get_filename())?
        };
        let mut folders = vec![data];
        if let Some(folder) = file.parent().filter(|folder| *folder != folders[0]) {
            folders.push(folder.to_owned());
        }
        Ok(Self { file, folders })
    }

    pub(super) fn exists(&self) -> bool {
        self.file.exists()
    }

    pub(super) fn lock(&self) -> Result<Vec<FolderLock>, StorageError> {
        self.folders.iter().map(|folder| FolderLock::take(folder)).collect()
    }

    /// The connection that writes; makes the file if there is none.
    pub(super) async fn connect_writer(&self) -> Result<AnyConnection, StorageError> {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url("rwc")).await?;
        sqlx::raw_sql(WRITER_SETUP).execute(&mut connection).await?;
        Ok(connection)
    }

    /// One connection that only reads; the file must exist.
    pub(super) async fn connect_reader(&self) -> Result<AnyConnection, StorageError> {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url("rw")).await?;
        sqlx::raw_sql(READER_SETUP).execute(&mut connection).await?;
        Ok(connection)
    }

    /// The connections that only read.
    pub(super) async fn reader_pool(&self) -> Result<AnyPool, StorageError> {
        sqlx::any::install_default_drivers();
        let pool = AnyPoolOptions::new()
            .min_connections(1)
            .max_connections(READERS_MAX)
            .acquire_timeout(READER_WAIT)
            .test_before_acquire(false)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    sqlx::raw_sql(READER_SETUP).execute(connection).await?;
                    Ok(())
                })
            })
            .connect(&self.url("rw"))
            .await?;
        Ok(pool)
    }

    fn url(&self, mode: &str) -> String {
        let mut url = "sqlite://".to_owned();
        for byte in self.file.as_os_str().as_encoded_bytes() {
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

fn absolute(path: &Path) -> Result<PathBuf, StorageError> {
    std::path::absolute(path)
        .map_err(|problem| StorageError::Folder(format!("the path {} cannot be used: {problem}", path.display())))
}
