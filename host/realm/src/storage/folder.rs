//! The data folder and who may enter it.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
};

/// Creates the data folder, closes it to everybody but its owner, and makes sure that it can be written. What lies in it
/// (the database with its password hashes, keys) is protected by this folder's mode.
pub(crate) fn create_data_folder(data: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data)?;
    close_to_others(data)?;
    tempfile::tempfile_in(data).map(drop)
}

/// Takes a folder's rights from everybody but its owner.
fn close_to_others(data: &Path) -> io::Result<()> {
    let mut permissions = fs::metadata(data)?.permissions();
    let mode = permissions.mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let shown = data.display();
    if mode & 0o1000 != 0 {
        // A folder like /tmp, which others need too.
        let remedy = "give the realm a data folder of its own";
        tracing::warn!("the data folder {shown} has mode {mode:o} and is shared with others: {remedy}");
        return Ok(());
    }
    permissions.set_mode(mode & 0o700);
    match fs::set_permissions(data, permissions) {
        Ok(()) => tracing::warn!(
            "the data folder {shown} had mode {mode:o} and was closed to other users (700): it holds password hashes and keys"
        ),
        Err(error) => tracing::warn!(
            "the data folder {shown} has mode {mode:o} and cannot be closed to other users: {error}; \
             run `chmod 700 {shown}` as its owner: it holds password hashes and keys"
        ),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_folder_is_its_owners_alone() {
        let place = tempfile::tempdir().unwrap();
        let mode = |folder: &Path| fs::metadata(folder).unwrap().permissions().mode() & 0o7777;
        let set = |folder: &Path, mode| fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
        for before in [0o755, 0o777, 0o750, 0o700] {
            set(place.path(), before);
            create_data_folder(place.path()).unwrap();
            assert_eq!(mode(place.path()), 0o700, "it had {before:o}");
        }
        let new = place.path().join("new/data");
        create_data_folder(&new).unwrap();
        assert_eq!(mode(&new), 0o700);
        // A folder that everybody shares stays usable for the others.
        set(place.path(), 0o1777);
        create_data_folder(place.path()).unwrap();
        assert_eq!(mode(place.path()), 0o1777);
    }
}
