//! SQL of sanctions.

use sqlx::{AnyConnection, AnyPool, Row as _};

use super::Ban;
use crate::{storage::StorageError, types::AccountId};

/// The longest ban of the account that has not ended at `now_ms`.
pub(super) async fn longest_ban(
    readers: &AnyPool,
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

pub(super) struct NewBan {
    pub(super) id: i64,
    pub(super) account: AccountId,
    pub(super) ban: Ban,
    pub(super) decided_by: String,
    pub(super) now_ms: i64,
}

pub(super) async fn insert_ban(connection: &mut AnyConnection, new: NewBan) -> Result<(), StorageError> {
    sqlx::query(
        "INSERT INTO sanctions (id, account, kind, reason, decided_by, created_ms, until_ms)
         VALUES ($1, $2, 'ban', $3, $4, $5, $6)",
    )
    .bind(new.id)
    .bind(new.account.to_sql())
    .bind(new.ban.reason)
    .bind(new.decided_by)
    .bind(new.now_ms)
    .bind(new.ban.until_ms)
    .execute(connection)
    .await?;
    Ok(())
}
