//! SQL of purses.

use sqlx::{AnyConnection, Row as _};

use crate::{
    items::{GOLD_MAX, Purse},
    storage::StorageError,
};

/// How much is in a purse; of one that nobody has used yet, nothing.
pub(in crate::items) async fn gold(
    connection: &mut AnyConnection,
    realm: &str,
    purse: Purse,
) -> Result<i64, StorageError> {
    let (kind, holder) = purse.row();
    let row = sqlx::query("SELECT gold FROM purses WHERE kind = $1 AND holder = $2 AND realm = $3");
    let row = row.bind(kind).bind(holder).bind(realm).fetch_optional(connection).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?.unwrap_or_default())
}

/// Takes gold out; false when there is less. The mint always has some.
pub(in crate::items) async fn take(
    connection: &mut AnyConnection,
    realm: &str,
    purse: Purse,
    amount: i64,
) -> Result<bool, StorageError> {
    let (kind, holder) = purse.row();
    let statement = match purse {
        Purse::Mint => {
            "INSERT INTO purses (kind, holder, realm, gold) VALUES ($1, $2, $3, 0 - $4)
             ON CONFLICT (kind, holder, realm) DO UPDATE SET gold = purses.gold - $4"
        }
        _ => "UPDATE purses SET gold = gold - $4 WHERE kind = $1 AND holder = $2 AND realm = $3 AND gold >= $4",
    };
    let done = sqlx::query(statement).bind(kind).bind(holder).bind(realm).bind(amount).execute(connection).await?;
    Ok(done.rows_affected() == 1)
}

/// Puts gold in; false when it would be more than a purse holds.
pub(in crate::items) async fn give(
    connection: &mut AnyConnection,
    realm: &str,
    purse: Purse,
    amount: i64,
) -> Result<bool, StorageError> {
    let (kind, holder) = purse.row();
    let done = sqlx::query(
        "INSERT INTO purses (kind, holder, realm, gold) VALUES ($1, $2, $3, $4)
         ON CONFLICT (kind, holder, realm) DO UPDATE SET gold = purses.gold + $4 WHERE purses.gold + $4 <= $5",
    )
    .bind(kind)
    .bind(holder)
    .bind(realm)
    .bind(amount)
    .bind(GOLD_MAX)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets a purse that is empty.
pub(in crate::items) async fn close(
    connection: &mut AnyConnection,
    realm: &str,
    purse: Purse,
) -> Result<(), StorageError> {
    let (kind, holder) = purse.row();
    let close = sqlx::query("DELETE FROM purses WHERE kind = $1 AND holder = $2 AND realm = $3 AND gold = 0");
    close.bind(kind).bind(holder).bind(realm).execute(connection).await?;
    Ok(())
}

/// All purses: kind, holder, realm, gold.
pub(in crate::items) async fn all(
    connection: &mut AnyConnection,
) -> Result<Vec<(String, i64, String, i64)>, StorageError> {
    let rows = sqlx::query("SELECT kind, holder, realm, gold FROM purses").fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?))).collect()
}
