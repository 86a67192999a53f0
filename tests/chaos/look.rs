//! A look into the database while no realm runs over it, with the same words for a file and for a server.

use std::{path::Path, time::Duration};

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};

use crate::DEADLINE;

/// A file: alone, as nobody runs over it, and therefore without a file that is mapped into memory: when this process serves the disk itself,
/// whoever gives such a file back would wait for a thread that waits for the same memory.
pub(crate) async fn file(database: &Path) -> AnyConnection {
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}?mode=rw", database.display());
    let mut connection = AnyConnection::connect(&url).await.expect("the database can be read");
    connection.execute("PRAGMA locking_mode = EXCLUSIVE").await.expect("nobody else runs over it");
    connection
}

/// A server, when what the dead realm had begun there is over: its last commit may still have been on the way.
pub(crate) async fn server(url: &str) -> AnyConnection {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await.expect("the server goes on");
    let others = "SELECT CAST(COUNT(*) AS BIGINT) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    let ends = async {
        while number(&mut connection, others).await > 0 {
            looks.tick().await;
        }
    };
    tokio::time::timeout(DEADLINE, ends).await.expect("the sessions of a dead realm end");
    connection
}

/// Is it a file?
pub(crate) fn is_file(connection: &AnyConnection) -> bool {
    connection.backend_name() == "SQLite"
}

/// The one number that a query gives; it has to be a BIGINT.
pub(crate) async fn number(connection: &mut AnyConnection, query: &str) -> i64 {
    let asked = sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(connection).await;
    asked.unwrap_or_else(|problem| panic!("no number: {problem}: {query}"))
}
