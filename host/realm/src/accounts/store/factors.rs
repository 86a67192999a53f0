//! SQL of second factors and recovery codes.

use sqlx::{AnyConnection, Row as _, any::AnyRow};

use crate::{
    storage::{Readers, StorageError},
    types::AccountId,
};

pub(in crate::accounts) struct Factor {
    pub(in crate::accounts) secret: Vec<u8>,
    pub(in crate::accounts) confirmed: bool,
    /// The last step whose code was taken.
    pub(in crate::accounts) step_last: i64,
}

fn from_hex(text: &str) -> Result<Vec<u8>, StorageError> {
    let damaged = || StorageError::Statement("a stored secret is no hexadecimal text".to_owned());
    let digits = text.as_bytes();
    let pair = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).map_err(|_| damaged())?;
        u8::from_str_radix(pair, 16).map_err(|_| damaged())
    };
    digits.chunks(2).map(pair).collect()
}

pub(in crate::accounts) async fn find(
    connection: &mut AnyConnection,
    account: AccountId,
) -> Result<Option<Factor>, StorageError> {
    let row = sqlx::query("SELECT secret_hex, confirmed_ms, step_last FROM second_factors WHERE account = $1")
        .bind(account.to_sql())
        .fetch_optional(connection)
        .await?;
    let factor = |row: AnyRow| {
        Ok(Factor {
            secret: from_hex(&row.try_get::<String, _>(0)?)?,
            confirmed: row.try_get::<Option<i64>, _>(1)?.is_some(),
            step_last: row.try_get(2)?,
        })
    };
    row.map(factor).transpose()
}

/// Stores a secret that waits to be confirmed; false when there is a confirmed one.
pub(in crate::accounts) async fn begin(
    connection: &mut AnyConnection,
    account: AccountId,
    secret_hex: &str,
    now_ms: i64,
) -> Result<bool, StorageError> {
    let done = sqlx::query(
        "INSERT INTO second_factors (account, secret_hex, created_ms, step_last) VALUES ($1, $2, $3, 0)
         ON CONFLICT (account) DO UPDATE SET secret_hex = excluded.secret_hex, created_ms = excluded.created_ms
         WHERE second_factors.confirmed_ms IS NULL",
    )
    .bind(account.to_sql())
    .bind(secret_hex)
    .bind(now_ms)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(in crate::accounts) async fn confirm(
    connection: &mut AnyConnection,
    account: AccountId,
    step: i64,
    now_ms: i64,
) -> Result<(), StorageError> {
    sqlx::query("UPDATE second_factors SET confirmed_ms = $3, step_last = $2 WHERE account = $1")
        .bind(account.to_sql())
        .bind(step)
        .bind(now_ms)
        .execute(connection)
        .await?;
    Ok(())
}

/// Uses a step up; false when it, or a later one, was used before.
pub(in crate::accounts) async fn use_step(
    connection: &mut AnyConnection,
    account: AccountId,
    step: i64,
) -> Result<bool, StorageError> {
    let done = sqlx::query("UPDATE second_factors SET step_last = $2 WHERE account = $1 AND step_last < $2")
        .bind(account.to_sql())
        .bind(step)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Uses a recovery code up; false when the account has no such.
pub(in crate::accounts) async fn use_recovery_code(
    connection: &mut AnyConnection,
    account: AccountId,
    hash: &str,
) -> Result<bool, StorageError> {
    let done = sqlx::query("DELETE FROM recovery_codes WHERE hash = $1 AND account = $2")
        .bind(hash)
        .bind(account.to_sql())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

pub(in crate::accounts) async fn replace_recovery_codes(
    connection: &mut AnyConnection,
    account: AccountId,
    hashes: &[String],
) -> Result<(), StorageError> {
    sqlx::query("DELETE FROM recovery_codes WHERE account = $1")
        .bind(account.to_sql())
        .execute(&mut *connection)
        .await?;
    for hash in hashes {
        sqlx::query("INSERT INTO recovery_codes (hash, account) VALUES ($1, $2)")
            .bind(hash.as_str())
            .bind(account.to_sql())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// How many recovery codes are left.
pub(in crate::accounts) async fn recovery_codes(readers: &Readers, account: AccountId) -> Result<i64, StorageError> {
    let row = sqlx::query("SELECT CAST(COUNT(*) AS BIGINT) FROM recovery_codes WHERE account = $1")
        .bind(account.to_sql())
        .fetch_optional(readers)
        .await?;
    row.map_or(Ok(0), |row| Ok(row.try_get(0)?))
}

pub(in crate::accounts) async fn remove(
    connection: &mut AnyConnection,
    account: AccountId,
) -> Result<(), StorageError> {
    sqlx::query("DELETE FROM recovery_codes WHERE account = $1")
        .bind(account.to_sql())
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM second_factors WHERE account = $1").bind(account.to_sql()).execute(connection).await?;
    Ok(())
}
