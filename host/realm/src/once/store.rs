//! SQL of the answers that are given again.

use sqlx::{AnyConnection, Row as _, any::AnyRow};

use super::Kept;
use crate::storage::{Readers, StorageError};

const FIND: &str = "SELECT request, body, tag FROM kept_answers
     WHERE scope = $1 AND idempotency_key = $2 AND kept_ms > $3";

fn kept(row: &AnyRow) -> Result<(String, Kept), StorageError> {
    Ok((row.try_get(0)?, Kept { body: row.try_get(1)?, tag: row.try_get(2)? }))
}

pub(super) async fn look(
    readers: &Readers,
    scope: &str,
    key: &str,
    since_ms: i64,
) -> Result<Option<(String, Kept)>, StorageError> {
    let row = sqlx::query(FIND).bind(scope).bind(key).bind(since_ms).fetch_optional(readers).await?;
    row.as_ref().map(kept).transpose()
}

pub(super) async fn find(
    connection: &mut AnyConnection,
    scope: &str,
    key: &str,
    since_ms: i64,
) -> Result<Option<(String, Kept)>, StorageError> {
    let row = sqlx::query(FIND).bind(scope).bind(key).bind(since_ms).fetch_optional(connection).await?;
    row.as_ref().map(kept).transpose()
}

/// When the oldest answer of a scope was kept since a moment, if there are `answers_min` or more.
pub(super) async fn oldest_of(
    connection: &mut AnyConnection,
    scope: &str,
    since_ms: i64,
    answers_min: i64,
) -> Result<Option<i64>, StorageError> {
    let row = sqlx::query(
        "SELECT CAST(COUNT(*) AS BIGINT), MIN(kept_ms) FROM kept_answers WHERE scope = $1 AND kept_ms > $2",
    )
    .bind(scope)
    .bind(since_ms)
    .fetch_one(connection)
    .await?;
    if row.try_get::<i64, _>(0)? < answers_min {
        return Ok(None);
    }
    Ok(row.try_get(1)?)
}

/// Keeps an answer, in place of one under the same key that is too old to count.
pub(super) async fn keep(
    connection: &mut AnyConnection,
    scope: &str,
    key: &str,
    request: &str,
    answer: &Kept,
    now_ms: i64,
) -> Result<(), StorageError> {
    sqlx::query(
        "INSERT INTO kept_answers (scope, idempotency_key, request, body, tag, kept_ms) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (scope, idempotency_key) DO UPDATE SET request = $3, body = $4, tag = $5, kept_ms = $6",
    )
    .bind(scope)
    .bind(key)
    .bind(request)
    .bind(answer.body.as_str())
    .bind(answer.tag.as_str())
    .bind(now_ms)
    .execute(connection)
    .await?;
    Ok(())
}

/// Answers under keys that begin so are kept under keys that begin otherwise.
pub(super) async fn rename(connection: &mut AnyConnection, from: &str, to: &str) -> Result<(), StorageError> {
    sqlx::query(
        "UPDATE kept_answers SET idempotency_key = $2 || SUBSTR(idempotency_key, LENGTH(CAST($1 AS TEXT)) + 1)
         WHERE SUBSTR(idempotency_key, 1, LENGTH(CAST($1 AS TEXT))) = $1",
    )
    .bind(from)
    .bind(to)
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes at most `rows_max` answers that were kept before a moment; answers with how many there were.
pub(super) async fn sweep(connection: &mut AnyConnection, before_ms: i64, rows_max: i64) -> Result<u64, StorageError> {
    let done = sqlx::query(
        "DELETE FROM kept_answers WHERE (scope, idempotency_key) IN
         (SELECT scope, idempotency_key FROM kept_answers WHERE kept_ms <= $1 LIMIT $2)",
    )
    .bind(before_ms)
    .bind(rows_max)
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}
