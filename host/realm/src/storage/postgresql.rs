//! PostgreSQL: a server that several realms may share, each as a node of its own.
//!
//! One transaction writes at a time, over all nodes: each begins by taking an advisory lock, the *pen*. So a verb finds the same order
//! of things as on SQLite, where one process owns the file, and neither deadlocks nor serialization failures can come of what realms do.
//! Group commit pays for it: a group holds the pen once for up to 64 operations, of which each may be a piece of up to 64 changes.

use std::{io, time::Duration};

use sqlx::{AnyConnection, AnyPool, Connection as _, Row as _, any::AnyPoolOptions};

use super::StorageError;

/// Readers at once; more wait for [`READER_WAIT`].
const READERS_MAX: u32 = 8;
const READER_WAIT: Duration = Duration::from_secs(5);
/// A connection that was idle for longer is tried before it is used.
const IDLE_TRUSTED: Duration = Duration::from_secs(1);
/// How long the server may take to let a connection in: at a start and for a verb, and to a writer whose callers wait.
const CONNECT_WAIT: Duration = Duration::from_secs(30);
const RECONNECT_WAIT: Duration = Duration::from_secs(3);
/// The oldest server that is supported, as the server writes it.
const VERSION_MIN: i64 = 150_000;

/// Takes the pen. The numbers are the realm's own class of advisory locks, and in it the pen; nodes are 0 to 1,023,
/// and -2 is shared by all nodes that run.
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(1380273228, -1)";
/// Reads one moment, for as long as it takes.
pub(super) const BEGIN_SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
    SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";
/// A migration may take longer than a verb may.
pub(super) const PATIENT: &str = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";

/// A node that stands still in a transaction holds the pen: the server ends it, soon enough for the others to renew their leases, which
/// they have to within 10 s. A server that has lost its peer ends the session.
const WRITER_SETUP: &str = "SET statement_timeout = '10s'; SET lock_timeout = '5s'; \
    SET idle_in_transaction_session_timeout = '4s'; SET client_min_messages = warning; \
    SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";
const READER_SETUP: &str = "SET statement_timeout = '5s'; SET client_min_messages = warning; \
    SET default_transaction_read_only = on";

/// A database of a server.
#[derive(Debug, Clone)]
pub(super) struct Server {
    url: String,
    shown: String,
}

impl Server {
    /// Is this the address of one?
    pub(super) fn speaks(url: &str) -> bool {
        url.starts_with("postgres:") || url.starts_with("postgresql:")
    }

    pub(super) fn new(url: &str) -> Result<Self, StorageError> {
        let shown = without_secrets(url);
        if let Err(problem) = url.parse::<sqlx::postgres::PgConnectOptions>() {
            return Err(StorageError::Database(format!(
                "[storage] url \"{shown}\" cannot be read ({problem}); write postgres://user:password@host/database"
            )));
        }
        Ok(Self { url: url.to_owned(), shown })
    }

    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    pub(super) async fn connect_writer(&self) -> Result<AnyConnection, StorageError> {
        self.connect_within(CONNECT_WAIT).await
    }

    pub(super) async fn reconnect_writer(&self) -> Result<AnyConnection, StorageError> {
        self.connect_within(RECONNECT_WAIT).await
    }

    async fn connect_within(&self, wait: Duration) -> Result<AnyConnection, StorageError> {
        let connecting = async {
            let mut connection = AnyConnection::connect(&self.url).await.map_err(|error| self.refused(error))?;
            sqlx::raw_sql(WRITER_SETUP).execute(&mut connection).await?;
            self.check(&mut connection).await?;
            Ok(connection)
        };
        let late = |_| Err(StorageError::Unavailable("it did not let the realm in in time".to_owned()));
        tokio::time::timeout(wait, connecting).await.unwrap_or_else(late).map_err(|error| match error {
            StorageError::Unavailable(problem) => StorageError::Unavailable(format!("{}: {problem}", self.shown)),
            other => other,
        })
    }

    /// Why there is no connection; what is wrong with its security is said with what to do.
    fn refused(&self, error: sqlx::Error) -> StorageError {
        let names_files = ["sslrootcert", "sslcert", "sslkey"].iter().any(|name| self.url.contains(name));
        let (problem, remedy) = match &error {
            sqlx::Error::Io(problem) if is_about_certificate(problem) => (
                format!("its certificate is refused ({problem})"),
                "name the authority that signed it with sslrootcert=FILE in [storage] url, and the host as the certificate does",
            ),
            sqlx::Error::Io(problem) if names_files && problem.kind() == io::ErrorKind::NotFound => {
                (format!("a file that [storage] url names cannot be read ({problem})"), "correct its path")
            }
            sqlx::Error::Tls(problem) if problem.to_string().contains("does not support TLS") => (
                format!("the connection cannot be encrypted ({problem})"),
                "turn ssl on at the server, or ask for less with sslmode in [storage] url",
            ),
            sqlx::Error::Tls(problem) => (
                format!("the connection cannot be encrypted ({problem})"),
                "look at the files that [storage] url names as sslrootcert, sslcert and sslkey",
            ),
            _ => return error.into(),
        };
        StorageError::Unavailable(format!("{problem}; {remedy}"))
    }

    pub(super) async fn connect_reader(&self) -> Result<AnyConnection, StorageError> {
        let mut connection = self.connect_writer().await?;
        sqlx::raw_sql(READER_SETUP).execute(&mut connection).await?;
        Ok(connection)
    }

    async fn check(&self, connection: &mut AnyConnection) -> Result<(), StorageError> {
        let row = sqlx::query(
            "SELECT CAST(current_setting('server_version_num') AS BIGINT), current_setting('server_encoding')",
        )
        .fetch_one(connection)
        .await?;
        let (version, encoding): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
        if version < VERSION_MIN {
            let major = version / 10_000;
            return Err(StorageError::Database(format!("{} is PostgreSQL {major}; the realm needs 15", self.shown)));
        }
        if encoding != "UTF8" {
            return Err(StorageError::Database(format!(
                "{} keeps text as {encoding}; create the database with ENCODING 'UTF8'",
                self.shown
            )));
        }
        Ok(())
    }

    pub(super) fn reader_pool(&self) -> Result<AnyPool, StorageError> {
        let pool = AnyPoolOptions::new()
            .max_connections(READERS_MAX)
            .acquire_timeout(READER_WAIT)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move { Ok(meta.idle_for < IDLE_TRUSTED || connection.ping().await.is_ok()) })
            })
            .after_connect(|connection, _| {
                Box::pin(async move {
                    sqlx::raw_sql(READER_SETUP).execute(connection).await?;
                    Ok(())
                })
            })
            .connect_lazy(&self.url)?;
        Ok(pool)
    }
}

/// Claims a node's number for this session, as long as it lives. `former` is the session that had it in this process: it may still
/// linger at the server when the network was cut, and is ended.
///
/// Answers with the number of the session.
pub(super) async fn claim(connection: &mut AnyConnection, node: u16, former: Option<i64>) -> Result<i64, StorageError> {
    if let Some(former) = former {
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid = $1
             AND CAST(classid AS BIGINT) = 1380273228 AND CAST(objid AS BIGINT) = $2
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        .bind(former)
        .bind(i64::from(node))
        .fetch_optional(&mut *connection)
        .await?;
    }
    let row = sqlx::query(
        "SELECT pg_try_advisory_lock(1380273228, CAST($1 AS INTEGER)), pg_try_advisory_lock_shared(1380273228, -2),
         CAST(pg_backend_pid() AS BIGINT)",
    )
    .bind(i64::from(node))
    .fetch_one(connection)
    .await?;
    let (node_is_ours, may_run): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
    if !may_run {
        let text = "the database is being restored or moved; start the realm when it is done";
        return Err(StorageError::Database(text.to_owned()));
    }
    if node_is_ours { Ok(row.try_get(2)?) } else { Err(StorageError::NodeInUse(node)) }
}

/// Claims a realm's key for this session, as long as it lives: what stands under it in the database is this process's own, or, `shared`,
/// its own and that of others who share it. The first number is the class of advisory locks for keys.
pub(super) async fn claim_realm(connection: &mut AnyConnection, realm: &str, shared: bool) -> Result<(), StorageError> {
    let claim = if shared {
        "SELECT pg_try_advisory_lock_shared(1380273229, hashtext($1))"
    } else {
        "SELECT pg_try_advisory_lock(1380273229, hashtext($1))"
    };
    let row = sqlx::query(claim).bind(realm).fetch_one(connection).await?;
    if row.try_get(0)? { Ok(()) } else { Err(StorageError::RealmInUse(realm.to_owned())) }
}

/// Keeps every node off the database, as long as this session lives.
pub(super) async fn claim_alone(connection: &mut AnyConnection) -> Result<(), StorageError> {
    let row = sqlx::query("SELECT pg_try_advisory_lock(1380273228, -2)").fetch_one(connection).await?;
    if row.try_get(0)? {
        return Ok(());
    }
    Err(StorageError::Database("a realm runs over this database; stop every node of it first".to_owned()))
}

/// Ends one [`claim_alone`] of this session.
pub(super) async fn let_others_in(connection: &mut AnyConnection) -> Result<(), StorageError> {
    sqlx::query("SELECT pg_advisory_unlock(1380273228, -2)").fetch_one(connection).await?;
    Ok(())
}

/// The server's time, in milliseconds since 1970.
pub(super) async fn now_ms(connection: &mut AnyConnection) -> Result<i64, StorageError> {
    let now = "SELECT CAST(FLOOR(EXTRACT(EPOCH FROM clock_timestamp()) * 1000) AS BIGINT)";
    Ok(sqlx::query(now).fetch_one(connection).await?.try_get(0)?)
}

/// Is this the end of a handshake with a server that is not the one it should be?
fn is_about_certificate(problem: &io::Error) -> bool {
    let inner = problem.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::InvalidCertificate(_)))
}

/// An address without user, password and parameters.
fn without_secrets(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", ""));
    let place = rest.split(['?', '#']).next().unwrap_or_default();
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    format!("{scheme}://{place}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        for (url, shown) in [
            ("postgres://realm:s@cret@db.example:5432/realm?password=x", "postgres://db.example:5432/realm"),
            ("postgresql:///realm?host=/run/postgresql", "postgresql:///realm"),
            ("postgres:broken", "postgres://"),
        ] {
            assert_eq!(without_secrets(url), shown);
        }
    }
}
