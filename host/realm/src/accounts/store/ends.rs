//! SQL of what other nodes over one server have to hear: which sessions were ended.

use sqlx::{AnyConnection, Row as _};

use crate::{
    storage::{Readers, StorageError},
    types::SessionId,
};

/// Notes ends for the other nodes.
pub(in crate::accounts) async fn note(
    connection: &mut AnyConnection,
    ended: &[SessionId],
    now_ms: i64,
) -> Result<(), StorageError> {
    for session in ended {
        sqlx::query(
            "INSERT INTO session_ends (token_session, ended_ms) VALUES ($1, $2) ON CONFLICT (token_session) DO NOTHING",
        )
        .bind(session.to_sql())
        .bind(now_ms)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Sessions that were ended since then, at most `limit`, the last first.
pub(in crate::accounts) async fn since(
    readers: &Readers,
    since_ms: i64,
    limit: i64,
) -> Result<Vec<SessionId>, StorageError> {
    let rows =
        sqlx::query("SELECT token_session FROM session_ends WHERE ended_ms > $1 ORDER BY ended_ms DESC LIMIT $2")
            .bind(since_ms)
            .bind(limit)
            .fetch_all(readers)
            .await?;
    rows.iter().map(|row| Ok(SessionId::from_sql(row.try_get(0)?))).collect()
}

pub(in crate::accounts) async fn forget(connection: &mut AnyConnection, until_ms: i64) -> Result<(), StorageError> {
    sqlx::query("DELETE FROM session_ends WHERE ended_ms <= $1").bind(until_ms).execute(connection).await?;
    Ok(())
}
