//! SQL of the sessions that a stop of the realm leaves for the next start.

use sqlx::{AnyConnection, Row as _, any::AnyRow};

use crate::{
    accounts::KeptSession,
    storage::StorageError,
    types::{CharacterId, SessionId},
};

/// Keeps a session; one whose tokens have ended meanwhile is left out.
pub(in crate::accounts) async fn keep_session(
    connection: &mut AnyConnection,
    node: u16,
    kept: &KeptSession,
    now_ms: i64,
) -> Result<(), StorageError> {
    sqlx::query(
        "INSERT INTO kept_sessions (token_session, node, resume, event_last, channel, selected, kept_ms, realm)
         SELECT id, $2, $3, $4, $5, $6, $7, $8 FROM token_sessions WHERE id = $1
         ON CONFLICT (token_session) DO NOTHING",
    )
    .bind(kept.session.to_sql())
    .bind(i64::from(node))
    .bind(kept.resume.as_str())
    .bind(i64::try_from(kept.event_last).unwrap_or(i64::MAX))
    .bind(kept.channel.as_str())
    .bind(kept.character.map_or(0, CharacterId::to_sql))
    .bind(now_ms)
    .bind(kept.realm.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes the sessions of a node out; those that were kept before `since_ms` are forgotten.
pub(in crate::accounts) async fn take_kept_sessions(
    connection: &mut AnyConnection,
    node: u16,
    since_ms: i64,
) -> Result<Vec<KeptSession>, StorageError> {
    let rows = sqlx::query(
        "SELECT s.id, k.resume, k.event_last, k.channel, k.selected, k.realm
         FROM kept_sessions k JOIN token_sessions s ON s.id = k.token_session
         WHERE k.node = $1 AND k.kept_ms >= $2",
    )
    .bind(i64::from(node))
    .bind(since_ms)
    .fetch_all(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM kept_sessions WHERE node = $1").bind(i64::from(node)).execute(connection).await?;
    rows.iter().map(kept_session).collect()
}

fn kept_session(row: &AnyRow) -> Result<KeptSession, StorageError> {
    let event_last: i64 = row.try_get(2)?;
    let selected: i64 = row.try_get(4)?;
    Ok(KeptSession {
        session: SessionId::from_sql(row.try_get(0)?),
        resume: row.try_get(1)?,
        event_last: u64::try_from(event_last).unwrap_or(0),
        channel: row.try_get(3)?,
        realm: row.try_get(5)?,
        character: (selected != 0).then(|| CharacterId::from_sql(selected)),
    })
}
