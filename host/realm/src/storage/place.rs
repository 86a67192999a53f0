//! Which database the realm has, and how each connection to it is set up: the one place where the two differ.

use std::path::{Path, PathBuf};

use sqlx::{AnyConnection, AnyPool};

use super::{Config, FolderLock, StorageError, postgresql::Server, sqlite::File};

/// The database, and the data folder whose lock goes with it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    data: PathBuf,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    File(File),
    Server(Server),
}

impl Place {
    pub(super) fn new(config: &Config, data: &Path) -> Result<Self, StorageError> {
        sqlx::any::install_default_drivers();
        let data = absolute(data)?;
        let kind = match config.url.as_str() {
            "" => Kind::File(File::at(data.join("realm.sqlite"))),
            url if Server::speaks(url) => Kind::Server(Server::new(url)?),
            url => Kind::File(File::new(url)?),
        };
        Ok(Self { data, kind })
    }

    /// The data folder.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// The file, when the database is one.
    pub(super) fn file(&self) -> Option<&File> {
        match &self.kind {
            Kind::File(file) => Some(file),
            Kind::Server(_) => None,
        }
    }

    /// A server can be away, and can hang: whoever waits for it has a deadline. A file answers in its own time.
    pub(super) fn is_server(&self) -> bool {
        matches!(self.kind, Kind::Server(_))
    }

    /// For people, without the password.
    pub(super) fn shown(&self) -> String {
        match &self.kind {
            Kind::File(file) => file.path().display().to_string(),
            Kind::Server(server) => server.shown().to_owned(),
        }
    }

    /// Is there a database already? A server is asked for its schema instead.
    pub(super) fn may_exist(&self) -> bool {
        self.file().is_none_or(|file| file.path().exists())
    }

    /// The data folder's lock, and that of the folder in which the database file lies.
    pub(super) fn lock(&self) -> Result<Vec<FolderLock>, StorageError> {
        let data = FolderLock::take(&self.data)?;
        Ok([Some(data), self.lock_beside()?].into_iter().flatten().collect())
    }

    /// The lock of the folder in which the database file lies, when that is not the data folder.
    pub(super) fn lock_beside(&self) -> Result<Option<FolderLock>, StorageError> {
        let beside = self.file().and_then(|file| file.path().parent()).filter(|folder| *folder != self.data);
        beside.map(FolderLock::take).transpose()
    }

    /// The connection that writes; makes the file if there is none.
    pub(super) async fn connect_writer(&self) -> Result<AnyConnection, StorageError> {
        match &self.kind {
            Kind::File(file) => file.connect_writer().await,
            Kind::Server(server) => server.connect_writer().await,
        }
    }

    /// The same for a writer whose connection was lost, and whose callers wait.
    pub(super) async fn reconnect_writer(&self) -> Result<AnyConnection, StorageError> {
        match &self.kind {
            Kind::File(file) => file.connect_writer().await,
            Kind::Server(server) => server.reconnect_writer().await,
        }
    }

    /// One connection that only reads; the file must exist.
    pub(super) async fn connect_reader(&self) -> Result<AnyConnection, StorageError> {
        match &self.kind {
            Kind::File(file) => file.connect_reader().await,
            Kind::Server(server) => server.connect_reader().await,
        }
    }

    /// Connections that only read, made as they are needed.
    pub(super) fn reader_pool(&self) -> Result<AnyPool, StorageError> {
        match &self.kind {
            Kind::File(file) => file.reader_pool(),
            Kind::Server(server) => server.reader_pool(),
        }
    }
}

/// Starts a transaction of which there is one at a time, over all processes: on SQLite by the lock on the file, on PostgreSQL by
/// an advisory lock. What a verb reads in it stays true until its commit, on both.
pub(super) async fn begin(connection: &mut AnyConnection) -> Result<(), StorageError> {
    let statement = if is_server(connection) { super::postgresql::BEGIN } else { super::sqlite::BEGIN };
    sqlx::raw_sql(statement).execute(connection).await?;
    Ok(())
}

/// True when the other end of a connection is a server.
pub(super) fn is_server(connection: &AnyConnection) -> bool {
    connection.backend_name() == "PostgreSQL"
}

pub(super) fn absolute(path: &Path) -> Result<PathBuf, StorageError> {
    std::path::absolute(path)
        .map_err(|problem| StorageError::Folder(format!("the path {} cannot be used: {problem}", path.display())))
}
