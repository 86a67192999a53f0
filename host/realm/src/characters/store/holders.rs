//! SQL of those who hold leases.

use sqlx::AnyConnection;

use crate::{
    storage::StorageError,
    types::faults::{Point, point},
};

/// Lists a holder.
pub(in crate::characters) async fn register(
    connection: &mut AnyConnection,
    id: i64,
    node: u16,
    folder: &str,
    until_ms: i64,
) -> Result<(), StorageError> {
    sqlx::query("INSERT INTO lease_holders (id, node, folder, until_ms) VALUES ($1, $2, $3, $4)")
        .bind(id)
        .bind(i64::from(node))
        .bind(folder)
        .bind(until_ms)
        .execute(connection)
        .await?;
    Ok(())
}

/// Renews every lease of a holder; false when it is listed no more.
pub(in crate::characters) async fn renew(
    connection: &mut AnyConnection,
    id: i64,
    until_ms: i64,
) -> Result<bool, StorageError> {
    let done = sqlx::query("UPDATE lease_holders SET until_ms = $2 WHERE id = $1")
        .bind(id)
        .bind(until_ms)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Does a holder stand on the list?
pub(in crate::characters) async fn is_listed(connection: &mut AnyConnection, id: i64) -> Result<bool, StorageError> {
    let row = sqlx::query("SELECT id FROM lease_holders WHERE id = $1").bind(id).fetch_optional(connection).await?;
    Ok(row.is_some())
}

/// Strikes a holder off the list; true when it stood there.
pub(in crate::characters) async fn strike(connection: &mut AnyConnection, id: i64) -> Result<bool, StorageError> {
    let done = sqlx::query("DELETE FROM lease_holders WHERE id = $1").bind(id).execute(connection).await?;
    Ok(done.rows_affected() > 0)
}

/// Strikes those off the list that ran over a data folder; with `None` everybody.
pub(in crate::characters) async fn strike_folder(
    connection: &mut AnyConnection,
    folder: Option<&str>,
) -> Result<(), StorageError> {
    match folder {
        Some(folder) => {
            sqlx::query("DELETE FROM lease_holders WHERE folder = $1").bind(folder).execute(connection).await?
        }
        None => sqlx::query("DELETE FROM lease_holders").execute(connection).await?,
    };
    Ok(())
}

/// Strikes those off the list whose time is over, and those of a time that no lease has; answers with how many they were. `own` stays:
/// this process knows itself whether it is alive.
pub(in crate::characters) async fn strike_lapsed(
    connection: &mut AnyConnection,
    own: i64,
    now_ms: i64,
    until_longest_ms: i64,
) -> Result<u64, StorageError> {
    let done = sqlx::query("DELETE FROM lease_holders WHERE id <> $1 AND (until_ms <= $2 OR until_ms > $3)")
        .bind(own)
        .bind(now_ms)
        .bind(until_longest_ms)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}

/// Frees what is held by nobody who is listed; the epoch rises, so that no earlier holder can write.
pub(in crate::characters) async fn free_unheld(connection: &mut AnyConnection) -> Result<u64, StorageError> {
    point(Point::BeforeTakeOver);
    let done = sqlx::query(
        "UPDATE characters SET leased = 0, lease_epoch = lease_epoch + 1
         WHERE leased <> 0 AND leased NOT IN (SELECT id FROM lease_holders)",
    )
    .execute(connection)
    .await?;
    point(Point::AfterTakeOver);
    Ok(done.rows_affected())
}
