//! SQL of what people see and change of their own account: the password, the sessions, the networks it is known from.

use sqlx::{AnyConnection, Row as _, any::AnyRow};

use super::session_ids;
use crate::{
    storage::{Readers, StorageError},
    types::{AccountId, SessionId},
};

/// An account's dates.
pub(in crate::accounts) struct Dates {
    pub(in crate::accounts) created_ms: i64,
    pub(in crate::accounts) login_last_ms: Option<i64>,
    pub(in crate::accounts) password_changed_ms: Option<i64>,
}

pub(in crate::accounts) async fn dates(readers: &Readers, account: AccountId) -> Result<Option<Dates>, StorageError> {
    let row = sqlx::query("SELECT created_ms, login_last_ms, password_changed_ms FROM accounts WHERE id = $1")
        .bind(account.to_sql())
        .fetch_optional(readers)
        .await?;
    let dates = |row: AnyRow| {
        Ok(Dates { created_ms: row.try_get(0)?, login_last_ms: row.try_get(1)?, password_changed_ms: row.try_get(2)? })
    };
    row.map(dates).transpose()
}

/// Puts a new password in the place of one of this version; false when somebody was faster.
pub(in crate::accounts) async fn change_password(
    connection: &mut AnyConnection,
    account: AccountId,
    version: i64,
    password: &str,
    now_ms: i64,
) -> Result<bool, StorageError> {
    let done = sqlx::query(
        "UPDATE accounts SET password = $3, password_version = password_version + 1, password_changed_ms = $4,
         version = version + 1 WHERE id = $1 AND password_version = $2",
    )
    .bind(account.to_sql())
    .bind(version)
    .bind(password)
    .bind(now_ms)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Puts another hash of the same password in the place of an outdated one.
pub(in crate::accounts) async fn hash_anew(
    connection: &mut AnyConnection,
    account: AccountId,
    outdated: &str,
    password: &str,
) -> Result<(), StorageError> {
    sqlx::query("UPDATE accounts SET password = $3, version = version + 1 WHERE id = $1 AND password = $2")
        .bind(account.to_sql())
        .bind(outdated)
        .bind(password)
        .execute(connection)
        .await?;
    Ok(())
}

/// A session as its owner sees it.
pub(in crate::accounts) struct OwnSession {
    pub(in crate::accounts) id: SessionId,
    pub(in crate::accounts) created_ms: i64,
    pub(in crate::accounts) active_ms: i64,
    pub(in crate::accounts) expires_ms: i64,
    pub(in crate::accounts) address: String,
}

/// The newest first; there are at most as many as an account may have.
pub(in crate::accounts) async fn sessions_of(
    readers: &Readers,
    account: AccountId,
) -> Result<Vec<OwnSession>, StorageError> {
    let rows = sqlx::query(
        "SELECT id, created_ms, active_ms, expires_ms, address FROM token_sessions WHERE account = $1 ORDER BY id DESC",
    )
    .bind(account.to_sql())
    .fetch_all(readers)
    .await?;
    let session = |row: &AnyRow| {
        Ok(OwnSession {
            id: SessionId::from_sql(row.try_get(0)?),
            created_ms: row.try_get(1)?,
            active_ms: row.try_get(2)?,
            expires_ms: row.try_get(3)?,
            address: row.try_get(4)?,
        })
    };
    rows.iter().map(session).collect()
}

/// Deletes one session of an account; empty when it has no such.
pub(in crate::accounts) async fn delete_session_of(
    connection: &mut AnyConnection,
    account: AccountId,
    session: SessionId,
) -> Result<Vec<SessionId>, StorageError> {
    let rows = sqlx::query("DELETE FROM token_sessions WHERE account = $1 AND id = $2 RETURNING id")
        .bind(account.to_sql())
        .bind(session.to_sql())
        .fetch_all(connection)
        .await?;
    session_ids(&rows)
}

/// Deletes all sessions of an account but one.
pub(in crate::accounts) async fn delete_other_sessions(
    connection: &mut AnyConnection,
    account: AccountId,
    kept: SessionId,
) -> Result<Vec<SessionId>, StorageError> {
    let rows = sqlx::query("DELETE FROM token_sessions WHERE account = $1 AND id <> $2 RETURNING id")
        .bind(account.to_sql())
        .bind(kept.to_sql())
        .fetch_all(connection)
        .await?;
    session_ids(&rows)
}

/// Notes that an account logged in from a network; of those it is known from, the `keep` last stay.
pub(in crate::accounts) async fn know_network(
    connection: &mut AnyConnection,
    account: AccountId,
    network: &str,
    now_ms: i64,
    keep: i64,
) -> Result<(), StorageError> {
    sqlx::query(
        "INSERT INTO known_networks (account, network, seen_ms) VALUES ($1, $2, $3)
         ON CONFLICT (account, network) DO UPDATE SET seen_ms = excluded.seen_ms",
    )
    .bind(account.to_sql())
    .bind(network)
    .bind(now_ms)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "DELETE FROM known_networks WHERE account = $1 AND network NOT IN
         (SELECT network FROM known_networks WHERE account = $1 ORDER BY seen_ms DESC, network LIMIT $2)",
    )
    .bind(account.to_sql())
    .bind(keep)
    .execute(connection)
    .await?;
    Ok(())
}

/// Has the account of this folded name logged in from this network since then?
pub(in crate::accounts) async fn knows_network(
    readers: &Readers,
    folded_name: &str,
    network: &str,
    since_ms: i64,
) -> Result<bool, StorageError> {
    let row = sqlx::query(
        "SELECT k.seen_ms FROM known_networks k JOIN accounts a ON a.id = k.account
         WHERE a.folded = $1 AND k.network = $2 AND k.seen_ms > $3",
    )
    .bind(folded_name)
    .bind(network)
    .bind(since_ms)
    .fetch_optional(readers)
    .await?;
    Ok(row.is_some())
}

pub(in crate::accounts) async fn forget_networks(
    connection: &mut AnyConnection,
    until_ms: i64,
) -> Result<(), StorageError> {
    sqlx::query("DELETE FROM known_networks WHERE seen_ms <= $1").bind(until_ms).execute(connection).await?;
    Ok(())
}
