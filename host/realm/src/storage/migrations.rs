//! The schema: embedded, append-only migrations.

use sha2::{Digest as _, Sha256};
use sqlx::{AnyConnection, Row as _};

use super::{StorageError, place, postgresql};
use crate::types::faults::{Point, point};

struct Migration {
    version: i64,
    name: &'static str,
    text: &'static str,
}

/// Every migration in order. A text that was published is never changed; what changes the schema is a new file.
const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "first_realm", text: include_str!("../../migrations/0001_first_realm.sql") },
    Migration { version: 2, name: "kept_sessions", text: include_str!("../../migrations/0002_kept_sessions.sql") },
    Migration { version: 3, name: "plugin_keys", text: include_str!("../../migrations/0003_plugin_keys.sql") },
    Migration { version: 4, name: "ladder_seasons", text: include_str!("../../migrations/0004_ladder_seasons.sql") },
    Migration { version: 5, name: "leases", text: include_str!("../../migrations/0005_leases.sql") },
    Migration { version: 6, name: "identity", text: include_str!("../../migrations/0006_identity.sql") },
    Migration { version: 7, name: "staff", text: include_str!("../../migrations/0007_staff.sql") },
    Migration { version: 8, name: "realms", text: include_str!("../../migrations/0008_realms.sql") },
    Migration { version: 9, name: "counted", text: include_str!("../../migrations/0009_counted.sql") },
    Migration { version: 10, name: "items", text: include_str!("../../migrations/0010_items.sql") },
    Migration { version: 11, name: "market", text: include_str!("../../migrations/0011_market.sql") },
    Migration { version: 12, name: "market_by_age", text: include_str!("../../migrations/0012_market_by_age.sql") },
    Migration { version: 13, name: "market_modes", text: include_str!("../../migrations/0013_market_modes.sql") },
];

const CREATE_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_ms BIGINT NOT NULL)";

/// The newest version this program knows.
pub(super) fn known() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

/// The version before the newest.
#[cfg(test)]
pub(super) fn known_before() -> i64 {
    MIGRATIONS[MIGRATIONS.len() - 2].version
}

/// What the database has, without changing anything.
pub(super) async fn version(connection: &mut AnyConnection) -> Result<i64, StorageError> {
    let look = if place::is_server(connection) {
        "SELECT 1 FROM information_schema.tables WHERE table_name = 'schema_migrations' AND table_schema = current_schema()"
    } else {
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'"
    };
    if sqlx::query(look).fetch_optional(&mut *connection).await?.is_none() {
        return Ok(0);
    }
    let newest = "SELECT CAST(COALESCE(MAX(version), 0) AS BIGINT) FROM schema_migrations";
    Ok(sqlx::query(newest).fetch_one(connection).await?.try_get(0)?)
}

/// Brings the database to the newest version, all or nothing; answers with the version there was before. Whoever dies within it leaves
/// the old schema: both databases take the changes of a schema into the transaction.
pub(super) async fn run(connection: &mut AnyConnection, now_ms: i64) -> Result<i64, StorageError> {
    run_until(connection, now_ms, known()).await
}

/// The same up to a version.
pub(super) async fn run_until(connection: &mut AnyConnection, now_ms: i64, until: i64) -> Result<i64, StorageError> {
    let found = version(connection).await?;
    if found > known() {
        return Err(StorageError::SchemaTooNew { found, known: known() });
    }
    place::begin(connection).await?;
    match apply(connection, now_ms, until).await {
        Ok(()) => {
            point(Point::AfterMigrations);
            sqlx::raw_sql("COMMIT").execute(&mut *connection).await?;
            if found < until {
                tracing::debug!(from = found, to = until, "database migrated");
            }
            Ok(found)
        }
        Err(error) => {
            // The connection is given up with the error; a roll-back that fails is followed by the one of its closing.
            let _ = sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await;
            Err(error)
        }
    }
}

/// Applies what is missing up to a version, in the transaction that the connection is in.
pub(super) async fn apply(connection: &mut AnyConnection, now_ms: i64, until: i64) -> Result<(), StorageError> {
    if place::is_server(connection) {
        sqlx::raw_sql(postgresql::PATIENT).execute(&mut *connection).await?;
    }
    sqlx::raw_sql(CREATE_TABLE).execute(&mut *connection).await?;
    for migration in MIGRATIONS.iter().take_while(|migration| migration.version <= until) {
        let checksum = checksum(migration.text);
        let applied = sqlx::query("SELECT checksum FROM schema_migrations WHERE version = $1")
            .bind(migration.version)
            .fetch_optional(&mut *connection)
            .await?;
        if let Some(row) = applied {
            if row.try_get::<String, _>(0)? != checksum {
                return Err(StorageError::SchemaChanged(migration.version));
            }
            continue;
        }
        point(Point::BeforeMigration);
        sqlx::raw_sql(migration.text).execute(&mut *connection).await?;
        point(Point::BetweenMigrations);
        sqlx::query("INSERT INTO schema_migrations (version, name, checksum, applied_ms) VALUES ($1, $2, $3, $4)")
            .bind(migration.version)
            .bind(migration.name)
            .bind(checksum)
            .bind(now_ms)
            .execute(&mut *connection)
            .await?;
        tracing::debug!(version = migration.version, name = migration.name, "migration applied");
    }
    Ok(())
}

fn checksum(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
