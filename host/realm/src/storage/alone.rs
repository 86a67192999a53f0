//! One look or one act over the realm's database for a verb of the binary, without starting anything.

use std::path::Path;

use sqlx::Connection as _;

use super::{Config, Connection, StorageError, WriteFuture, backup, copy, place};

/// Reads one moment of the realm's database, also while the realm runs.
///
/// # Errors
/// When there is no database, it does not answer, or as the operation.
pub async fn read<T, F>(config: &Config, data: &Path, operation: F) -> Result<T, StorageError>
where
    F: for<'c> FnOnce(&'c mut Connection) -> WriteFuture<'c, Result<T, StorageError>>,
{
    let mut connection = backup::existing(config, data)?.connect_reader().await?;
    copy::begin_snapshot(&mut connection).await?;
    let found = operation(&mut connection).await?;
    connection.close().await?;
    Ok(found)
}

/// Writes into the realm's database in one transaction.
///
/// # Errors
/// When the realm runs, there is no database, it does not answer, or as the operation; then nothing was changed.
pub async fn write<T, F>(config: &Config, data: &Path, operation: F) -> Result<T, StorageError>
where
    F: for<'c> FnOnce(&'c mut Connection) -> WriteFuture<'c, Result<T, StorageError>>,
{
    let place = backup::existing(config, data)?;
    let _locks = place.lock()?;
    let mut connection = backup::connect_alone(&place).await?;
    place::begin(&mut connection).await?;
    // An error drops the connection, and with it the transaction.
    let done = operation(&mut connection).await?;
    sqlx::raw_sql("COMMIT").execute(&mut connection).await?;
    connection.close().await?;
    Ok(done)
}
