//! SQL of sanctions.

use sqlx::{AnyConnection, Row as _, any::AnyRow};

use super::{Ban, Mute};
use crate::{
    storage::{Readers, StorageError},
    types::AccountId,
};

/// The longest ban of the account that has not ended at `now_ms`.
pub(super) async fn longest_ban(
    readers: &Readers,
    account: AccountId,
    now_ms: i64,
) -> Result<Option<Ban>, StorageError> {
    let row = sqlx::query(
        "SELECT reason, until_ms FROM sanctions
         WHERE account = $1 AND kind = 'ban' AND (until_ms IS NULL OR until_ms > $2)
         ORDER BY CASE WHEN until_ms IS NULL THEN 0 ELSE 1 END, until_ms DESC, id DESC
         LIMIT 1",
    )
    .bind(account.to_sql())
    .bind(now_ms)
    .fetch_optional(readers)
    .await?;
    row.map(|row| Ok(Ban { reason: row.try_get(0)?, until_ms: row.try_get(1)? })).transpose()
}

pub(super) struct NewSanction {
    pub(super) id: i64,
    pub(super) account: AccountId,
    /// `ban`, `mute` or `flag`.
    pub(super) kind: &'static str,
    pub(super) reason: String,
    pub(super) until_ms: Option<i64>,
    pub(super) decided_by: String,
    pub(super) now_ms: i64,
}

pub(super) async fn insert(connection: &mut AnyConnection, new: NewSanction) -> Result<(), StorageError> {
    sqlx::query(
        "INSERT INTO sanctions (id, account, kind, reason, decided_by, created_ms, until_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(new.id)
    .bind(new.account.to_sql())
    .bind(new.kind)
    .bind(new.reason)
    .bind(new.decided_by)
    .bind(new.now_ms)
    .bind(new.until_ms)
    .execute(connection)
    .await?;
    Ok(())
}

/// The mutes that have not ended at `now_ms`, at most `limit`, the longest first.
pub(super) async fn mutes(readers: &Readers, now_ms: i64, limit: i64) -> Result<Vec<(AccountId, Mute)>, StorageError> {
    let rows = sqlx::query(
        "SELECT account, reason, until_ms FROM sanctions WHERE kind = 'mute' AND until_ms > $1
         ORDER BY until_ms DESC, id LIMIT $2",
    )
    .bind(now_ms)
    .bind(limit)
    .fetch_all(readers)
    .await?;
    let mute = |row: &AnyRow| {
        let mute = Mute { reason: row.try_get(1)?, until_ms: row.try_get(2)? };
        Ok((AccountId::from_sql(row.try_get(0)?), mute))
    };
    rows.iter().map(mute).collect()
}
