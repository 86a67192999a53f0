//! SQL of the realms that characters are in.

use sqlx::{AnyConnection, Row as _};

use crate::{
    storage::{Readers, StorageError},
    types::CharacterId,
};

/// The realm that a character is in, deleted or not.
pub(in crate::characters) async fn of(readers: &Readers, id: CharacterId) -> Result<Option<String>, StorageError> {
    let row =
        sqlx::query("SELECT realm FROM characters WHERE id = $1").bind(id.to_sql()).fetch_optional(readers).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Keys of the realms that there are characters of.
pub(in crate::characters) async fn all(connection: &mut AnyConnection) -> Result<Vec<String>, StorageError> {
    let rows = sqlx::query("SELECT DISTINCT realm FROM characters ORDER BY realm").fetch_all(connection).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Calls a realm otherwise; there must be nothing under the new key.
pub(in crate::characters) async fn rename(
    connection: &mut AnyConnection,
    from: &str,
    to: &str,
) -> Result<(), StorageError> {
    for statement in [
        "DELETE FROM character_rosters WHERE realm = $2 AND $1 <> $2",
        "UPDATE character_rosters SET realm = $2 WHERE realm = $1",
        "UPDATE characters SET realm = $2 WHERE realm = $1",
        "UPDATE kept_sessions SET realm = $2 WHERE realm = $1",
        "DELETE FROM realms WHERE realm = $1 AND $1 <> $2",
    ] {
        sqlx::query(statement).bind(from).bind(to).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Keys and names of the realms that were ever served over this database.
pub(in crate::characters) async fn noted(
    connection: &mut AnyConnection,
) -> Result<Vec<(String, String)>, StorageError> {
    let rows = sqlx::query("SELECT realm, name FROM realms ORDER BY realm").fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Notes that a realm is served over this database.
pub(in crate::characters) async fn note(
    connection: &mut AnyConnection,
    realm: &str,
    name: &str,
) -> Result<(), StorageError> {
    sqlx::query(
        "INSERT INTO realms (realm, name) VALUES ($1, $2) ON CONFLICT (realm) DO UPDATE SET name = excluded.name",
    )
    .bind(realm)
    .bind(name)
    .execute(connection)
    .await?;
    Ok(())
}
