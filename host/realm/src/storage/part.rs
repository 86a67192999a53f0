//! Database files that are being written: beside the place where they belong, for the realm's user alone, and gone unless they become whole.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use super::StorageError;

/// What SQLite keeps beside a database file.
pub(super) const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// A file that is not whole yet; removed when this is dropped.
#[derive(Debug)]
pub(super) struct Part(PathBuf);

impl Part {
    /// An empty file that nobody else may read, named after the one that it will be; what a broken attempt left is removed.
    pub(super) fn new(file: &Path, ending: &str) -> Result<Self, StorageError> {
        let part = Self(beside(file, &format!(".{ending}")).into());
        remove(&part.0)?;
        // The database holds the hashes of passwords.
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part.0)
            .map_err(|problem| unusable(&part.0, &problem))?;
        Ok(part)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Puts the whole file where it belongs; after a power cut there is the old one or the new one.
    pub(super) fn put(self, file: &Path) -> Result<(), StorageError> {
        let sync = |path: &Path| fs::File::open(path).and_then(|opened| opened.sync_all());
        sync(&self.0)
            .and_then(|()| fs::rename(&self.0, file))
            .and_then(|()| file.parent().map_or(Ok(()), sync))
            .map_err(|problem| unusable(file, &problem))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.0) {
            tracing::warn!(%error, "a file that did not become whole stays");
        }
    }
}

/// The path with something appended to its last name.
pub(super) fn beside(file: &Path, appended: &str) -> OsString {
    let mut path = file.as_os_str().to_owned();
    path.push(appended);
    path
}

fn remove(file: &Path) -> Result<(), StorageError> {
    remove_one(file)?;
    remove_beside(file)
}

/// Removes the logs beside a database file: another file in its place would be mixed with them.
pub(super) fn remove_beside(file: &Path) -> Result<(), StorageError> {
    BESIDE.iter().try_for_each(|ending| remove_one(Path::new(&beside(file, ending))))
}

fn remove_one(path: &Path) -> Result<(), StorageError> {
    match fs::remove_file(path) {
        Err(problem) if problem.kind() != io::ErrorKind::NotFound => Err(unusable(path, &problem)),
        _ => Ok(()),
    }
}

pub(super) fn unusable(path: &Path, problem: &io::Error) -> StorageError {
    if problem.kind() == io::ErrorKind::StorageFull {
        return StorageError::Full;
    }
    StorageError::Folder(format!("{} cannot be written: {problem}", path.display()))
}
