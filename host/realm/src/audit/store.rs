//! SQL of the audit log: it is read and appended to, and nothing else.

use std::collections::HashMap;

use sqlx::{AnyConnection, Row as _, any::AnyRow};

use super::{Line, Wanted};
use crate::{
    storage::{Readers, StorageError},
    types::AccountId,
};

/// The columns of [`line`], in its order.
macro_rules! columns {
    () => {
        "number, at_ms, realm, actor, act, target, reason, state_before, state_after, hash"
    };
}

fn line(row: &AnyRow) -> Result<Line, StorageError> {
    Ok(Line {
        number: row.try_get(0)?,
        at_ms: row.try_get(1)?,
        realm: row.try_get(2)?,
        actor: row.try_get(3)?,
        act: row.try_get(4)?,
        target: row.try_get(5)?,
        reason: row.try_get(6)?,
        before: row.try_get(7)?,
        after: row.try_get(8)?,
        hash: row.try_get(9)?,
    })
}

fn numbered(row: &AnyRow) -> Result<(i64, String), StorageError> {
    Ok((row.try_get(0)?, row.try_get(1)?))
}

/// Number and hash of the line that was written last.
pub(super) async fn head(connection: &mut AnyConnection) -> Result<Option<(i64, String)>, StorageError> {
    let row = sqlx::query("SELECT number, hash FROM audit_head WHERE chain = 1").fetch_optional(connection).await?;
    row.as_ref().map(numbered).transpose()
}

/// True when there is no line at all.
pub(super) async fn is_empty(connection: &mut AnyConnection) -> Result<bool, StorageError> {
    Ok(sqlx::query("SELECT number FROM audit_log LIMIT 1").fetch_optional(connection).await?.is_none())
}

pub(super) async fn append(connection: &mut AnyConnection, line: &Line) -> Result<(), StorageError> {
    sqlx::query(concat!("INSERT INTO audit_log (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"))
        .bind(line.number)
        .bind(line.at_ms)
        .bind(line.realm.as_str())
        .bind(line.actor.as_str())
        .bind(line.act.as_str())
        .bind(line.target.as_str())
        .bind(line.reason.as_str())
        .bind(line.before.as_str())
        .bind(line.after.as_str())
        .bind(line.hash.as_str())
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO audit_head (chain, number, hash) VALUES (1, $1, $2)
         ON CONFLICT (chain) DO UPDATE SET number = $1, hash = $2",
    )
    .bind(line.number)
    .bind(line.hash.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn page(
    readers: &Readers,
    wanted: &Wanted,
    before: i64,
    lines_max: i64,
) -> Result<Vec<Line>, StorageError> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM audit_log WHERE number < $1 AND ($2 = '' OR actor = $2) AND ($3 = '' OR act = $3)
         AND ($4 = '' OR target = $4) ORDER BY number DESC LIMIT $5"
    ))
    .bind(before)
    .bind(wanted.actor.as_str())
    .bind(wanted.act.as_str())
    .bind(wanted.target.as_str())
    .bind(lines_max)
    .fetch_all(readers)
    .await?;
    rows.iter().map(line).collect()
}

/// Lines after one, in their order.
pub(super) async fn following(
    connection: &mut AnyConnection,
    after: i64,
    lines_max: i64,
) -> Result<Vec<Line>, StorageError> {
    let rows =
        sqlx::query(concat!("SELECT ", columns!(), " FROM audit_log WHERE number > $1 ORDER BY number LIMIT $2"))
            .bind(after)
            .bind(lines_max)
            .fetch_all(connection)
            .await?;
    rows.iter().map(line).collect()
}

pub(super) async fn names(
    readers: &Readers,
    accounts: &[AccountId],
) -> Result<HashMap<AccountId, String>, StorageError> {
    let mut names = HashMap::new();
    for account in accounts {
        let found = sqlx::query("SELECT name FROM accounts WHERE id = $1");
        if let Some(row) = found.bind(account.to_sql()).fetch_optional(readers).await? {
            names.insert(*account, row.try_get(0)?);
        }
    }
    Ok(names)
}
