//! The plugin folder: which files count, and reading one of them whole.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::signature;

/// Most `.wasm` files that are looked at.
pub(super) const FILES_MAX: usize = 256;

/// Tells two states of a file apart without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) size: u64,
    modified: Option<SystemTime>,
    inode: u64,
    /// The same of its signature, if it has one.
    signature: Option<(u64, Option<SystemTime>)>,
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Self { size: metadata.len(), modified: metadata.modified().ok(), inode, signature: None }
    }
}

/// What was found under a file's name.
pub(super) enum Found {
    /// No file.
    Gone,
    /// Somebody is still writing it.
    Changing,
    /// A file that is larger than any plugin may be; it was not read.
    TooLarge(Stamp),
    /// The whole file.
    Whole(Stamp, Vec<u8>),
}

/// The watched folder.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes the folder if it is not there.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let path = path.canonicalize()?;
        fs::read_dir(&path)?;
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Files that may be plugins with their stamps, by name. An entry that cannot be looked at has none: reading it says why.
    pub(super) fn list(&self) -> io::Result<Vec<(String, Option<Stamp>)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let Some(name) = entry?.file_name().to_str().filter(|name| counts(name)).map(str::to_owned) else {
                continue;
            };
            match self.stamp(&name) {
                Ok(None) => {}
                Ok(stamp) => files.push((name, stamp)),
                Err(_) => files.push((name, None)),
            }
        }
        files.sort_by(|one, other| one.0.cmp(&other.0));
        files.truncate(FILES_MAX);
        Ok(files)
    }

    /// The stamp of a file; `None` when there is no such file.
    pub(super) fn stamp(&self, file: &str) -> io::Result<Option<Stamp>> {
        match fs::metadata(self.path.join(file)) {
            Ok(metadata) => Ok(metadata.is_file().then(|| {
                let signature = fs::metadata(self.signature_path(file)).ok();
                let signature = signature.map(|metadata| (metadata.len(), metadata.modified().ok()));
                Stamp { signature, ..Stamp::of(&metadata) }
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives a file another name, in the place of what has that name; its signature goes along.
    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (signature, place) = (self.signature_path(from), self.signature_path(to));
        // A signature of the file that goes would be none of the one that comes.
        let moved = if signature.exists() { fs::rename(signature, place) } else { fs::remove_file(place) };
        moved.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
        fs::rename(self.path.join(from), self.path.join(to))
    }

    /// Deletes a file and its signature.
    pub(super) fn delete(&self, file: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(file))?;
        let _ = fs::remove_file(self.signature_path(file));
        Ok(())
    }

    fn signature_path(&self, file: &str) -> PathBuf {
        self.path.join(format!("{file}{}", signature::SUFFIX))
    }

    /// The signature beside a file; `None` when there is none that could be one.
    pub(super) fn signature(&self, file: &str) -> Option<String> {
        let path = self.signature_path(file);
        let size = fs::metadata(&path).ok()?.len();
        if size > signature::SIGNATURE_BYTES_MAX {
            return Some(String::new());
        }
        fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Reads a file of at most `bytes_max`, and makes sure that nobody wrote it meanwhile.
    pub(super) fn read(&self, file: &str, bytes_max: u64) -> io::Result<Found> {
        let Some(before) = self.stamp(file)? else { return Ok(Found::Gone) };
        if before.size > bytes_max {
            return Ok(Found::TooLarge(before));
        }
        let bytes = match fs::read(self.path.join(file)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Gone),
            Err(error) => return Err(error),
        };
        let unchanged = self.stamp(file)? == Some(before) && u64::try_from(bytes.len()).ok() == Some(before.size);
        Ok(if unchanged { Found::Whole(before, bytes) } else { Found::Changing })
    }
}

/// Ending of a file that is a shadow.
pub(super) const SHADOW: &str = ".shadow.wasm";

/// Is a file of this name asked what the plugin of the same name is asked, without deciding anything?
pub(super) fn is_shadow(name: &str) -> bool {
    name.ends_with(SHADOW) && name.len() > SHADOW.len()
}

/// Does a file of this name count as a plugin? Hidden files and what editors and copying programs leave do not.
pub(super) fn counts(name: &str) -> bool {
    name.ends_with(".wasm") && !name.starts_with('.') && name.len() > ".wasm".len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_plugin_files_count() {
        assert!(counts("chat-filter.wasm") && counts("10 filter.wasm"));
        for name in [".wasm", ".hidden.wasm", "a.wasm~", "a.wasm.tmp", "a.wasm.part", "a.wasm.swp", "readme.md"] {
            assert!(!counts(name), "{name}");
        }
    }

    #[test]
    fn folders_and_missing_files_are_no_plugins() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(&place.path().join("new/plugins")).unwrap();
        fs::create_dir(folder.path().join("folder.wasm")).unwrap();
        fs::write(folder.path().join("b.wasm"), b"12345").unwrap();
        fs::write(folder.path().join("a.wasm"), b"1").unwrap();
        let names: Vec<String> = folder.list().unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a.wasm", "b.wasm"]);
        assert!(matches!(folder.read("gone.wasm", 10), Ok(Found::Gone)));
        // A file takes its signature along, and leaves none of another.
        fs::write(folder.path().join("b.wasm.minisig"), b"of b").unwrap();
        folder.rename("b.wasm", "a.wasm").unwrap();
        assert_eq!(folder.signature("a.wasm").as_deref(), Some("of b"));
        fs::write(folder.path().join("b.wasm"), b"12345").unwrap();
        folder.rename("b.wasm", "a.wasm").unwrap();
        assert_eq!(folder.signature("a.wasm"), None);
        fs::write(folder.path().join("b.wasm"), b"12345").unwrap();
        assert!(matches!(folder.read("b.wasm", 4), Ok(Found::TooLarge(_))));
        assert!(matches!(folder.read("b.wasm", 5), Ok(Found::Whole(_, bytes)) if bytes == b"12345"));
    }
}
