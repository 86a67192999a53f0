//! SQL of account keys.

use sqlx::{AnyConnection, Row as _, any::AnyRow};

use crate::{
    accounts::AccountKey,
    storage::{Readers, StorageError},
    types::AccountId,
};

fn key(row: &AnyRow) -> Result<AccountKey, StorageError> {
    Ok(AccountKey {
        hint: row.try_get(0)?,
        note: row.try_get(1)?,
        created_ms: row.try_get(2)?,
        account: row.try_get::<Option<i64>, _>(3)?.map(AccountId::from_sql),
        bound_ms: row.try_get(4)?,
        revoked_ms: row.try_get(5)?,
        number: row.try_get(6)?,
    })
}

/// False when it was there.
pub(in crate::accounts) async fn insert(
    connection: &mut AnyConnection,
    hash: &str,
    hint: &str,
    note: &str,
    now_ms: i64,
) -> Result<bool, StorageError> {
    let done = sqlx::query(
        "INSERT INTO account_keys (hash, hint, note, created_ms, number)
         SELECT $1, $2, $3, $4, CAST(COALESCE(MAX(number), 0) + 1 AS BIGINT) FROM account_keys WHERE TRUE
         ON CONFLICT (hash) DO NOTHING",
    )
    .bind(hash)
    .bind(hint)
    .bind(note)
    .bind(now_ms)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(in crate::accounts) async fn find(readers: &Readers, hash: &str) -> Result<Option<AccountKey>, StorageError> {
    let row = sqlx::query(
        "SELECT hint, note, created_ms, account, bound_ms, revoked_ms, number FROM account_keys WHERE hash = $1",
    )
    .bind(hash)
    .fetch_optional(readers)
    .await?;
    row.as_ref().map(key).transpose()
}

pub(in crate::accounts) async fn list(
    readers: &Readers,
    before: i64,
    limit: i64,
) -> Result<Vec<AccountKey>, StorageError> {
    let rows = sqlx::query(
        "SELECT hint, note, created_ms, account, bound_ms, revoked_ms, number FROM account_keys
         WHERE number < $1 ORDER BY number DESC LIMIT $2",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(readers)
    .await?;
    rows.iter().map(key).collect()
}

/// Makes a free key an account's; false when it is not free.
pub(in crate::accounts) async fn bind(
    connection: &mut AnyConnection,
    hash: &str,
    account: AccountId,
    now_ms: i64,
) -> Result<bool, StorageError> {
    let done = sqlx::query(
        "UPDATE account_keys SET account = $2, bound_ms = $3
         WHERE hash = $1 AND bound_ms IS NULL AND revoked_ms IS NULL",
    )
    .bind(hash)
    .bind(account.to_sql())
    .bind(now_ms)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Revokes a key; answers with its account, and with nothing when there was nothing to revoke.
pub(in crate::accounts) async fn revoke(
    connection: &mut AnyConnection,
    hash: &str,
    now_ms: i64,
) -> Result<Option<Option<AccountId>>, StorageError> {
    let row =
        sqlx::query("UPDATE account_keys SET revoked_ms = $2 WHERE hash = $1 AND revoked_ms IS NULL RETURNING account")
            .bind(hash)
            .bind(now_ms)
            .fetch_optional(connection)
            .await?;
    row.map(|row| Ok(row.try_get::<Option<i64>, _>(0)?.map(AccountId::from_sql))).transpose()
}

/// Has the account a key that is worth something?
pub(in crate::accounts) async fn has_key(
    connection: &mut AnyConnection,
    account: AccountId,
) -> Result<bool, StorageError> {
    let row = sqlx::query("SELECT hint FROM account_keys WHERE account = $1 AND revoked_ms IS NULL LIMIT 1")
        .bind(account.to_sql())
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}
