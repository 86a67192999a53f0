//! SQL of the realms that characters are in.

use sqlx::{AnyConnection, Row as _};

use crate::{
    once,
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

/// Everything that belongs to a realm by its key, but for its mint, which stays under the key that stands in the lines of the ledger, and the
/// logs, which are never changed. `$1` becomes `$2`.
const RENAMED: &[&str] = &[
    "DELETE FROM character_rosters WHERE realm = $2 AND $1 <> $2",
    "UPDATE character_rosters SET realm = $2 WHERE realm = $1",
    "UPDATE characters SET realm = $2 WHERE realm = $1",
    "UPDATE items SET realm = $2 WHERE realm = $1",
    "UPDATE purses SET realm = $2 WHERE realm = $1 AND kind <> 'mint'",
    "UPDATE letters SET realm = $2 WHERE realm = $1",
    "UPDATE offers SET realm = $2 WHERE realm = $1",
    "UPDATE offer_properties SET realm = $2 WHERE realm = $1",
    "UPDATE ladder_scores SET realm = $2 WHERE realm = $1",
    "UPDATE ladder_seasons SET realm = $2 WHERE realm = $1",
    "UPDATE ladder_standings SET realm = $2 WHERE realm = $1",
    "UPDATE plugin_keys SET realm = $2 WHERE realm = $1",
    "UPDATE kept_sessions SET realm = $2 WHERE realm = $1",
    "DELETE FROM realms WHERE realm = $1 AND $1 <> $2",
];

/// Calls a realm otherwise; there must be nothing under the new key.
pub(in crate::characters) async fn rename(
    connection: &mut AnyConnection,
    from: &str,
    to: &str,
) -> Result<(), StorageError> {
    for statement in RENAMED {
        sqlx::query(*statement).bind(from).bind(to).execute(&mut *connection).await?;
    }
    once::follow(connection, from, to).await
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

#[cfg(test)]
mod tests {
    use sqlx::Row as _;

    use super::RENAMED;
    use crate::storage::{
        StorageError,
        testing::{FakeClock, Home, each_database, open},
    };

    /// Tables whose lines are never changed.
    const STAYS: [&str; 2] = ["audit_log", "ledger"];

    async fn a_realm_takes_everything_along_that_stands_under_its_key(home: Home) {
        let storage = open(&home, &FakeClock::new()).await;
        let statement = if home.is_server() {
            "SELECT table_name::TEXT FROM information_schema.columns
             WHERE table_schema = current_schema() AND column_name = 'realm'"
        } else {
            "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table' AND p.name = 'realm'"
        };
        let tables = storage.write::<Vec<String>, StorageError, _>(move |connection| {
            Box::pin(async move {
                let rows = sqlx::query(statement).fetch_all(connection).await?;
                Ok(rows.iter().map(|row| row.get(0)).collect())
            })
        });
        let tables = tables.await.unwrap();
        assert!(tables.len() > 10, "{tables:?}");
        for table in tables.iter().filter(|table| !STAYS.contains(&table.as_str()) && *table != "realms") {
            let renamed = RENAMED.iter().any(|said| said.starts_with(&format!("UPDATE {table} SET realm = $2")));
            assert!(renamed, "say in RENAMED or in STAYS what becomes of {table}");
        }
        storage.close().await;
    }

    each_database! {
        a_realm_takes_everything_along_that_stands_under_its_key,
    }
}
