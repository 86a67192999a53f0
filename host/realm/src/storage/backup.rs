//! Backups: the whole realm in one SQLite file, made while it runs, whichever database it has; and back from it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sqlx::{AnyConnection, Connection as _, Row as _};

use super::{
    Config, StorageError, TableSum, copy, migrations,
    place::{self, Place, absolute},
    postgresql,
    sqlite::File,
};
use crate::types::Clock;

/// Folder in the data folder for backups that the realm makes by itself.
const FOLDER: &str = "backups";

/// A database that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Version of its schema.
    pub schema: i64,
    /// What its tables hold.
    pub tables: Vec<TableSum>,
}

/// What a restore did.
#[derive(Debug)]
pub struct Restored {
    /// What is in the database now.
    pub tables: Vec<TableSum>,
    /// The backup of what was there before; `None` when there was nothing.
    pub before: Option<PathBuf>,
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

/// Replaces everything in the realm's database by what a backup holds, all or nothing; of what was there before, a backup is made first.
///
/// # Errors
/// When the realm runs, when the backup does not hold or is of a newer schema, or when the database cannot be written.
pub async fn restore(config: &Config, data: &Path, file: &Path, clock: &dyn Clock) -> Result<Restored, StorageError> {
    let place = Place::new(config, data)?;
    let _locks = place.lock()?;
    let wanted = verify_file(file).await?;
    if wanted.schema > migrations::known() {
        return Err(StorageError::SchemaTooNew { found: wanted.schema, known: migrations::known() });
    }
    // 1. What is there now stays, beside.
    let before = keep(&place, data, &format!("before-restore-{}", clock.now_ms())).await?;
    // 2. A copy of the backup is brought to the newest schema.
    let copied = absolute(&data.join("restore.part"))?;
    remove(&copied)?;
    let source = File::at(absolute(file)?);
    source.copy_into(&copied).await?;
    let mut copied_connection = File::at(copied.clone()).connect_writer().await?;
    migrations::run(&mut copied_connection, clock.now_ms()).await?;
    let tables = copy::tables(migrations::known()).await?;
    // 3. It takes the place of what is there, in one step.
    let restored = if let Some(target) = place.file() {
        let sums = copy::sums(&mut copied_connection, &tables).await?;
        copied_connection.close().await?;
        target.settle().await?;
        put(&copied, target.path())?;
        sums
    } else {
        let mut target = connect_alone(&place).await?;
        migrations::run(&mut target, clock.now_ms()).await?;
        place::begin(&mut target).await?;
        sqlx::raw_sql(postgresql::PATIENT).execute(&mut target).await?;
        copy::clear(&mut target, &tables).await?;
        copy::begin_snapshot(&mut copied_connection).await?;
        let sums = copy::copy(&mut copied_connection, &mut target, &tables).await?;
        sqlx::raw_sql("COMMIT").execute(&mut target).await?;
        target.close().await?;
        copied_connection.close().await?;
        remove(&copied)?;
        sums
    };
    Ok(Restored { tables: restored, before })
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
async fn connect_alone(place: &Place) -> Result<AnyConnection, StorageError> {
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
    if found > 0 && found < migrations::known() {
        let kept = keep(place, data, &format!("schema-{found}-before-{}", migrations::known())).await?;
        if let Some(kept) = kept {
            tracing::info!("a backup of the database before its migration lies in {}", kept.display());
        }
    }
    migrations::run(connection, clock.now_ms()).await
}

/// A backup that the realm makes by itself; one of the same name is replaced.
async fn keep(place: &Place, data: &Path, name: &str) -> Result<Option<PathBuf>, StorageError> {
    if !place.may_exist() {
        return Ok(None);
    }
    let mut connection = place.connect_reader().await?;
    let empty = migrations::version(&mut connection).await? == 0;
    connection.close().await?;
    if empty {
        return Ok(None);
    }
    let folder = data.join(FOLDER);
    fs::create_dir_all(&folder).map_err(|problem| unusable(&folder, &problem))?;
    let file = folder.join(format!("{name}.sqlite"));
    write(place, &file).await?;
    Ok(Some(file))
}

/// Written beside, examined, and put into place.
async fn write(place: &Place, file: &Path) -> Result<Verified, StorageError> {
    if !place.may_exist() {
        return Err(StorageError::Database(format!("there is no database {} yet", place.shown())));
    }
    let file = absolute(file)?;
    let part = file.with_extension("part");
    remove(&part)?;
    let written = match place.file() {
        Some(source) => {
            source.copy_into(&part).await?;
            None
        }
        None => Some(copy_server(place, &part).await?),
    };
    let verified = verify_file(&part).await?;
    if written.is_some_and(|written| written != verified) {
        return Err(StorageError::Database(format!("{} does not hold what was read; try again", part.display())));
    }
    put(&part, &file)?;
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
    sqlx::raw_sql("PRAGMA journal_mode = DELETE").execute(&mut target).await?;
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

fn existing(config: &Config, data: &Path) -> Result<Place, StorageError> {
    let place = Place::new(config, data)?;
    if place.may_exist() {
        Ok(place)
    } else {
        Err(StorageError::Database(format!("there is no database {} yet", place.shown())))
    }
}

/// Puts a complete file where it belongs; after a power cut there is the old one or the new one.
fn put(part: &Path, file: &Path) -> Result<(), StorageError> {
    let sync = |path: &Path| fs::File::open(path).and_then(|opened| opened.sync_all());
    sync(part)
        .and_then(|()| fs::rename(part, file))
        .and_then(|()| file.parent().map_or(Ok(()), sync))
        .map_err(|problem| unusable(file, &problem))
}

/// Removes what a broken attempt left.
fn remove(file: &Path) -> Result<(), StorageError> {
    for beside in ["", "-wal", "-shm", "-journal"] {
        let mut path = file.as_os_str().to_owned();
        path.push(beside);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => {}
            Err(problem) => return Err(unusable(Path::new(&path), &problem)),
        }
    }
    Ok(())
}

fn unusable(path: &Path, problem: &std::io::Error) -> StorageError {
    if problem.kind() == std::io::ErrorKind::StorageFull {
        return StorageError::Full;
    }
    StorageError::Folder(format!("{} cannot be written: {problem}", path.display()))
}
