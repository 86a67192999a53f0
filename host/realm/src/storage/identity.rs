//! What a data folder is called among nodes: whoever has its lock proves that nobody else runs over it any more.

use std::{fs, io::Write as _, path::Path};

use super::StorageError;

/// Name of the file.
const FILE: &str = "folder.key";
/// Randomness of a key, in bytes.
const BYTES: usize = 16;

/// The folder's key, made at the first start. The folder's lock is held.
pub(super) fn of(folder: &Path) -> Result<String, StorageError> {
    let file = folder.join(FILE);
    let unusable = |problem: std::io::Error| {
        StorageError::Folder(format!(
            "{} cannot be read or written: {problem}; remove it if it is damaged",
            file.display()
        ))
    };
    match fs::read_to_string(&file) {
        Ok(key) if is_whole(key.trim()) => return Ok(key.trim().to_owned()),
        // One that is damaged means a folder that nobody knows: what was held from it lapses.
        Ok(_) => {}
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => {}
        Err(problem) => return Err(unusable(problem)),
    }
    let mut random = [0; BYTES];
    getrandom::fill(&mut random).map_err(|problem| unusable(problem.into()))?;
    let key: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    // Whole or not at all: another key after a fall would only mean to wait.
    let beside = folder.join("folder.key.new");
    fs::File::create(&beside)
        .and_then(|mut file| writeln!(file, "{key}").and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, &file))
        .map_err(unusable)?;
    Ok(key)
}

fn is_whole(key: &str) -> bool {
    key.len() == 2 * BYTES && key.chars().all(|character| character.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_its_key_and_another_has_another() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let key = of(one.path()).unwrap();
        assert_eq!(of(one.path()).unwrap(), key);
        assert_ne!(of(other.path()).unwrap(), key);
        fs::write(one.path().join(FILE), "torn").unwrap();
        let new = of(one.path()).unwrap();
        assert!(is_whole(&new) && new != key);
    }
}
