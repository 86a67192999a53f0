//! The lock on a folder: two processes never open the same database file.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read as _, Write as _},
    path::Path,
};

use super::StorageError;

/// The right to use a folder, held as long as this lives. The operating system takes it back when the process dies.
#[derive(Debug)]
pub struct FolderLock {
    file: File,
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing the file alone would leave the lock with a child that another thread is just starting, until it has started.
        let _ = self.file.unlock();
    }
}

impl FolderLock {
    /// Name of the file that carries the lock and, for people, the holder's process id.
    pub const FILE: &str = "realm.lock";

    /// Takes the lock of a folder; makes the folder if there is none.
    ///
    /// # Errors
    /// [`StorageError::FolderLocked`] when another process (or this one) holds it, [`StorageError::Folder`] when the folder
    /// cannot be written.
    pub fn take(folder: &Path) -> Result<Self, StorageError> {
        let unusable = |problem: std::io::Error| {
            StorageError::Folder(format!(
                "the data folder {} cannot be written ({problem}); give it to the realm's user, or choose another with --data",
                folder.display()
            ))
        };
        fs::create_dir_all(folder).map_err(unusable)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join(Self::FILE))
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StorageError::FolderLocked { folder: folder.to_owned(), holder: holder(&file) });
            }
            Err(TryLockError::Error(problem)) => return Err(unusable(problem)),
        }
        file.set_len(0).map_err(unusable)?;
        writeln!(file, "{}", std::process::id()).map_err(unusable)?;
        Ok(Self { file })
    }

    /// The process that holds the lock of a folder; `None` when it is free, or there is no such folder.
    #[must_use]
    pub fn holder(folder: &Path) -> Option<String> {
        let file = File::open(folder.join(Self::FILE)).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(holder(&file)),
            _ => {
                let _ = file.unlock();
                None
            }
        }
    }
}

/// Whom a locked file names.
fn holder(file: &File) -> String {
    let mut holder = String::new();
    // The holder's id is help for people; not being able to read it changes nothing.
    let _ = file.take(20).read_to_string(&mut holder);
    match holder.trim() {
        "" => "(unknown)".to_owned(),
        id => id.to_owned(),
    }
}
