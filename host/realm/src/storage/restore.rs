//! The way back from a backup, also when what is there is damaged.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sqlx::{AnyConnection, Connection as _};

use super::{
    Config, Connection, StorageError, TableSum, WriteFuture, backup, copy, migrations,
    part::{self, BESIDE, Part, beside},
    place::{self, Place, absolute},
    postgresql,
    sqlite::{self, File},
};
use crate::types::Clock;

/// What a restore did.
#[derive(Debug)]
pub struct Restored {
    /// What was taken from the backup.
    pub tables: Vec<TableSum>,
    /// The backup of what was there before; `None` when there was nothing.
    pub before: Option<PathBuf>,
    /// Why `before` is no backup but the file itself as it was: it could not be read.
    pub damage: Option<StorageError>,
}

/// What there was before.
enum Before {
    Kept(Option<PathBuf>),
    Damaged(StorageError),
}

/// Replaces everything in the realm's database by what a backup holds, all or nothing; of what was there before, a backup is made first.
/// A database file that is too damaged for one is put aside as it is. What `note` writes is there from the moment in which the rest is: there
/// is no restored database without it.
///
/// # Errors
/// When the realm runs, when the backup does not hold or is of a newer schema, or when the database cannot be written; as `note`.
pub async fn restore<N>(
    config: &Config,
    data: &Path,
    file: &Path,
    clock: &dyn Clock,
    note: N,
) -> Result<Restored, StorageError>
where
    N: for<'c> FnOnce(&'c mut Connection) -> WriteFuture<'c, Result<(), StorageError>>,
{
    let place = Place::new(config, data)?;
    let _locks = place.lock()?;
    let wanted = backup::verify_file(file).await?;
    if wanted.schema > migrations::known() {
        return Err(StorageError::SchemaTooNew { found: wanted.schema, known: migrations::known() });
    }
    match place.file() {
        Some(target) => into_file(&place, target, data, file, clock, note).await,
        None => into_server(&place, data, file, clock, note).await,
    }
}

async fn into_file<N>(
    place: &Place,
    target: &File,
    data: &Path,
    file: &Path,
    clock: &dyn Clock,
    note: N,
) -> Result<Restored, StorageError>
where
    N: for<'c> FnOnce(&'c mut Connection) -> WriteFuture<'c, Result<(), StorageError>>,
{
    let before = match keep(place, data, clock).await {
        Ok(kept) => Before::Kept(kept),
        Err(error) if is_damage(&error) => Before::Damaged(error),
        Err(error) => return Err(error),
    };
    // On the target's own file system, so that it takes the place of what is there in one step.
    let part = Part::new(target.path(), "restore.part")?;
    let mut copied = newest(file, &part, clock).await?;
    let tables = copy::sums(&mut copied, &copy::tables(migrations::known()).await?).await?;
    place::begin(&mut copied).await?;
    note(&mut copied).await?;
    sqlx::raw_sql("COMMIT").execute(&mut copied).await?;
    sqlx::raw_sql(sqlite::SETTLE).execute(&mut copied).await?;
    copied.close().await?;
    let (before, damage) = match before {
        Before::Kept(kept) => {
            target.settle().await?;
            (kept, None)
        }
        Before::Damaged(error) => {
            let aside = put_aside(target.path(), data, clock.now_ms())?;
            tracing::warn!(%error, "the database was damaged, and lies as it was in {}", aside.display());
            (Some(aside), Some(error))
        }
    };
    part::remove_beside(target.path())?;
    part.put(target.path())?;
    Ok(Restored { tables, before, damage })
}

async fn into_server<N>(
    place: &Place,
    data: &Path,
    file: &Path,
    clock: &dyn Clock,
    note: N,
) -> Result<Restored, StorageError>
where
    N: for<'c> FnOnce(&'c mut Connection) -> WriteFuture<'c, Result<(), StorageError>>,
{
    // Before anything is kept: what a node would write after that would be lost.
    let mut target = backup::connect_alone(place).await?;
    let before = keep(place, data, clock).await?;
    let part = Part::new(&absolute(&data.join("restore"))?, "part")?;
    let mut copied = newest(file, &part, clock).await?;
    let tables = copy::tables(migrations::known()).await?;
    migrations::run(&mut target, clock.now_ms()).await?;
    place::begin(&mut target).await?;
    sqlx::raw_sql(postgresql::PATIENT).execute(&mut target).await?;
    copy::clear(&mut target, &tables).await?;
    copy::begin_snapshot(&mut copied).await?;
    let tables = copy::copy(&mut copied, &mut target, &tables).await?;
    note(&mut target).await?;
    sqlx::raw_sql("COMMIT").execute(&mut target).await?;
    target.close().await?;
    copied.close().await?;
    Ok(Restored { tables, before, damage: None })
}

async fn keep(place: &Place, data: &Path, clock: &dyn Clock) -> Result<Option<PathBuf>, StorageError> {
    backup::keep(place, data, &format!("before-restore-{}", clock.now_ms())).await
}

/// A copy of the backup, brought to the newest schema.
async fn newest(file: &Path, part: &Part, clock: &dyn Clock) -> Result<AnyConnection, StorageError> {
    File::at(absolute(file)?).copy_into(part.path()).await?;
    let mut copied = File::at(part.path().to_owned()).connect_writer().await?;
    migrations::run(&mut copied, clock.now_ms()).await?;
    Ok(copied)
}

/// Is it the content of the database that keeps it from being copied, and not a full disk or somebody who holds it?
fn is_damage(error: &StorageError) -> bool {
    match error {
        StorageError::Unavailable(text) => {
            ["malformed", "not a database", "disk I/O error"].iter().any(|sign| text.contains(sign))
        }
        StorageError::Full | StorageError::Folder(_) => false,
        _ => true,
    }
}

/// Moves a database file with its logs to where it is in nobody's way; answers with where that is.
fn put_aside(file: &Path, data: &Path, now_ms: i64) -> Result<PathBuf, StorageError> {
    let mut aside = backup::folder(data)?.join(format!("damaged-{now_ms}.sqlite"));
    match fs::rename(file, &aside) {
        Err(problem) if problem.kind() == io::ErrorKind::CrossesDevices => {
            aside = beside(file, &format!(".damaged-{now_ms}")).into();
            fs::rename(file, &aside).map_err(|problem| part::unusable(&aside, &problem))?;
        }
        moved => moved.map_err(|problem| part::unusable(&aside, &problem))?,
    }
    for ending in BESIDE {
        match fs::rename(beside(file, ending), beside(&aside, ending)) {
            Err(problem) if problem.kind() != io::ErrorKind::NotFound => return Err(part::unusable(file, &problem)),
            _ => {}
        }
    }
    Ok(aside)
}
