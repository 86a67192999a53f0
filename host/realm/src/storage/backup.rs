//! Backups: the whole realm in one SQLite file, made while it runs, whichever database it has; and the move into another database.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{AnyConnection, Connection as _, Row as _};
use tokio::time::Instant;

use super::{
    Config, StorageError, TableSum, copy, migrations,
    part::{self, Part},
    place::{self, Place, absolute},
    postgresql,
    sqlite::{self, File},
};
use crate::types::Clock;

/// Folder in the data folder for backups that the realm makes by itself.
const FOLDER: &str = "backups";

/// How often it is tried to be the only one at a server.
const ALONE_EVERY: Duration = Duration::from_millis(200);

/// A database that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Version of its schema.
    pub schema: i64,
    /// What its tables hold.
    pub tables: Vec<TableSum>,
}

/// Writes a backup of the realm's database into a new file; works while the realm runs, and shows one moment of it.
///
/// # Errors
/// When the file exists, or cannot be written, when there is no database, or when what was written does not hold.
pub async fn backup(config: &Config, data: &Path, file: &Path) -> Result<Verified, StorageError> {
    if file.exists() {
        return Err(StorageError::Folder(format!("{} exists; choose another name for the backup", file.display())));
    }
    write(&Place::new(config, data)?, file).await
}

/// Looks at every page and row of the realm's database; works while the realm runs.
///
/// # Errors
/// What is wrong with it.
pub async fn verify(config: &Config, data: &Path) -> Result<Verified, StorageError> {
    let place = existing(config, data)?;
    let mut connection = place.connect_reader().await?;
    let verified = examine(&mut connection).await?;
    connection.close().await?;
    Ok(verified)
}

/// Looks at every page and row of a backup.
///
/// # Errors
/// What is wrong with it.
pub async fn verify_file(file: &Path) -> Result<Verified, StorageError> {
    if !file.is_file() {
        return Err(StorageError::Folder(format!("there is no file {}", file.display())));
    }
    sqlx::any::install_default_drivers();
    let mut connection = File::at(absolute(file)?).connect_backup().await?;
    let verified = examine(&mut connection).await?;
    connection.close().await?;
    Ok(verified)
}

/// Moves the realm into an empty database, and compares what arrived; the old one is left as it is. Brings the schema of the old one to
/// the newest first.
///
/// # Errors
/// When the realm runs, when the other database holds something, or when what arrived is not what was sent.
pub async fn move_to(config: &Config, data: &Path, to: &str, clock: &dyn Clock) -> Result<Vec<TableSum>, StorageError> {
    let from = existing(config, data)?;
    let to = Place::new(&Config { url: to.to_owned() }, data)?;
    if from.shown() == to.shown() {
        return Err(StorageError::Database(format!("the realm is in {} already", to.shown())));
    }
    let _locks = from.lock()?;
    let _folder_of_target = to.lock_beside()?;
    let mut source = connect_alone(&from).await?;
    migrate(&from, &mut source, data, clock).await?;
    let mut target = connect_alone(&to).await?;
    place::begin(&mut target).await?;
    if place::is_server(&target) {
        sqlx::raw_sql(postgresql::PATIENT).execute(&mut target).await?;
    }
    migrations::apply(&mut target, clock.now_ms(), migrations::known()).await?;
    let tables = copy::tables(migrations::known()).await?;
    if let Some(full) = copy::sums(&mut target, &tables).await?.into_iter().find(|sum| sum.rows > 0) {
        return Err(StorageError::Database(format!(
            "{} holds a realm already ({} rows in {}); name an empty database",
            to.shown(),
            full.rows,
            full.table
        )));
    }
    copy::begin_snapshot(&mut source).await?;
    let sums = copy::copy(&mut source, &mut target, &tables).await?;
    sqlx::raw_sql("COMMIT").execute(&mut target).await?;
    target.close().await?;
    source.close().await?;
    Ok(sums)
}

/// A connection beside which no realm runs: a file's folder is locked already.
pub(super) async fn connect_alone(place: &Place) -> Result<AnyConnection, StorageError> {
    let mut connection = place.connect_writer().await?;
    if place.is_server() {
        postgresql::claim_alone(&mut connection).await?;
    }
    Ok(connection)
}

/// Brings a database to the newest schema, after a backup of an older one; answers with the version there was before.
pub(super) async fn migrate(
    place: &Place,
    connection: &mut AnyConnection,
    data: &Path,
    clock: &dyn Clock,
) -> Result<i64, StorageError> {
    let found = migrations::version(connection).await?;
    migrate_older(place, connection, data, clock, Duration::ZERO).await?;
    migrations::run(connection, clock.now_ms()).await?;
    Ok(found)
}

/// The same for a database that has an older schema, and for no other. At a server no node may run meanwhile: it is waited for as long
/// as `patience` that none does, or that another one has done it.
pub(super) async fn migrate_older(
    place: &Place,
    connection: &mut AnyConnection,
    data: &Path,
    clock: &dyn Clock,
    patience: Duration,
) -> Result<(), StorageError> {
    let give_up_at = Instant::now() + patience;
    loop {
        let found = migrations::version(connection).await?;
        if found == 0 || found >= migrations::known() {
            return Ok(());
        }
        if !place.is_server() {
            return migrate_from(found, place, connection, data, clock).await;
        }
        match postgresql::claim_alone(connection).await {
            Ok(()) => {
                // Another node may have been faster since it was looked at.
                let found = migrations::version(connection).await?;
                if found < migrations::known() {
                    migrate_from(found, place, connection, data, clock).await?;
                }
                return postgresql::let_others_in(connection).await;
            }
            Err(StorageError::Database(_)) if Instant::now() < give_up_at => tokio::time::sleep(ALONE_EVERY).await,
            Err(error) => return Err(error),
        }
    }
}

async fn migrate_from(
    found: i64,
    place: &Place,
    connection: &mut AnyConnection,
    data: &Path,
    clock: &dyn Clock,
) -> Result<(), StorageError> {
    let kept = keep(place, data, &format!("schema-{found}-before-{}", migrations::known())).await?;
    if let Some(kept) = kept {
        tracing::info!("a backup of the database before its migration lies in {}", kept.display());
    }
    migrations::run(connection, clock.now_ms()).await?;
    Ok(())
}

/// The folder for what the realm keeps by itself.
pub(super) fn folder(data: &Path) -> Result<PathBuf, StorageError> {
    let folder = data.join(FOLDER);
    fs::create_dir_all(&folder).map_err(|problem| part::unusable(&folder, &problem))?;
    Ok(folder)
}

/// A backup that the realm makes by itself; one of the same name is replaced.
pub(super) async fn keep(place: &Place, data: &Path, name: &str) -> Result<Option<PathBuf>, StorageError> {
    if !place.may_exist() {
        return Ok(None);
    }
    let mut connection = place.connect_reader().await?;
    let empty = migrations::version(&mut connection).await? == 0;
    connection.close().await?;
    if empty {
        return Ok(None);
    }
    let file = folder(data)?.join(format!("{name}.sqlite"));
    write(place, &file).await?;
    Ok(Some(file))
}

/// Written beside, examined, and put into place.
async fn write(place: &Place, file: &Path) -> Result<Verified, StorageError> {
    if !place.may_exist() {
        return Err(StorageError::Database(format!("there is no database {} yet", place.shown())));
    }
    let file = absolute(file)?;
    let part = Part::new(&file, "part")?;
    let written = match place.file() {
        Some(source) => {
            source.copy_into(part.path()).await?;
            None
        }
        None => Some(copy_server(place, part.path()).await?),
    };
    let verified = verify_file(part.path()).await?;
    if written.is_some_and(|written| written != verified) {
        return Err(StorageError::Database(format!("{} does not hold what was read; try again", file.display())));
    }
    part.put(&file)?;
    Ok(verified)
}

/// Copies one moment of a server's database into a new file of the same schema.
async fn copy_server(place: &Place, file: &Path) -> Result<Verified, StorageError> {
    let mut source = place.connect_reader().await?;
    copy::begin_snapshot(&mut source).await?;
    let schema = migrations::version(&mut source).await?;
    if schema == 0 {
        return Err(StorageError::Database(format!("there is no realm in {} yet", place.shown())));
    }
    if schema > migrations::known() {
        return Err(StorageError::SchemaTooNew { found: schema, known: migrations::known() });
    }
    let mut target = File::at(file.to_owned()).connect_writer().await?;
    place::begin(&mut target).await?;
    migrations::apply(&mut target, 0, schema).await?;
    let tables = copy::copy(&mut source, &mut target, &copy::tables(schema).await?).await?;
    sqlx::raw_sql("COMMIT").execute(&mut target).await?;
    // One file, without the log beside it.
    sqlx::raw_sql(sqlite::SETTLE).execute(&mut target).await?;
    target.close().await?;
    source.close().await?;
    Ok(Verified { schema, tables })
}

async fn examine(connection: &mut AnyConnection) -> Result<Verified, StorageError> {
    copy::begin_snapshot(connection).await?;
    if !place::is_server(connection) {
        let damaged = |text: String| StorageError::Database(format!("the database is damaged: {text}"));
        let found: String = sqlx::query("PRAGMA integrity_check(1)").fetch_one(&mut *connection).await?.try_get(0)?;
        if found != "ok" {
            return Err(damaged(found));
        }
        if let Some(row) =
            sqlx::query("SELECT \"table\" FROM pragma_foreign_key_check").fetch_optional(&mut *connection).await?
        {
            let table: String = row.try_get(0)?;
            return Err(damaged(format!("a row of the table {table} refers to one that is not there")));
        }
    }
    let schema = migrations::version(connection).await?;
    if schema == 0 {
        return Err(StorageError::Database("there is no realm in it".to_owned()));
    }
    if schema > migrations::known() {
        return Err(StorageError::SchemaTooNew { found: schema, known: migrations::known() });
    }
    let tables = copy::sums(connection, &copy::tables(schema).await?).await?;
    sqlx::raw_sql("ROLLBACK").execute(connection).await?;
    Ok(Verified { schema, tables })
}

pub(super) fn existing(config: &Config, data: &Path) -> Result<Place, StorageError> {
    let place = Place::new(config, data)?;
    if place.may_exist() {
        Ok(place)
    } else {
        Err(StorageError::Database(format!("there is no database {} yet", place.shown())))
    }
}
