//! What must outlive a restart: which plugins are disabled, the bytes of the last versions, and what was rolled back.
//!
//! Bytes lie in `plugin-versions/NAME/SHA256.wasm` in the data folder, everything else in `plugin-versions/index.json`.
//! What cannot be written is told in the log and holds until the restart.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use realm_plugin_host::sha256_hex;
use serde::{Deserialize, Serialize};

/// Versions that are kept of one plugin; the newest good one is among them.
const KEPT_MAX: usize = 3;
/// Plugins that are remembered.
const PLUGINS_MAX: usize = 256;
const INDEX: &str = "index.json";

/// A version whose bytes are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptVersion {
    /// Version from the manifest.
    pub version: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// It has been at work without failing again and again: one can go back to it.
    pub good: bool,
}

/// The file in the folder is passed over for an older version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolledBack {
    /// The version that is passed over.
    pub from_version: String,
    /// SHA-256 of its file.
    pub from_sha256: String,
    /// The version at work in its place.
    pub to_version: String,
    /// SHA-256 of that.
    pub to_sha256: String,
    /// Why.
    pub why: String,
}

/// What is remembered of one plugin.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    disabled: bool,
    rolled_back: Option<RolledBack>,
    /// In the order in which they last came to work.
    versions: Vec<KeptVersion>,
}

/// The memory of the plugin folder.
pub(super) struct Versions {
    folder: PathBuf,
    plugins: BTreeMap<String, Memory>,
}

impl Versions {
    /// Reads what is remembered; begins anew where nothing is or it cannot be read.
    pub(super) fn open(folder: &Path) -> Self {
        if let Err(error) = fs::create_dir_all(folder) {
            tracing::warn!("{}: {error}; versions of plugins are not kept", folder.display());
        }
        let file = folder.join(INDEX);
        let plugins = match fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                let aside = folder.join("index.damaged.json");
                let _ = fs::rename(&file, &aside);
                tracing::error!(
                    "{} is damaged ({error}) and was put aside as {}: no plugin counts as disabled or rolled back any more",
                    file.display(),
                    aside.display()
                );
                BTreeMap::new()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => {
                tracing::error!("{}: {error}; no plugin counts as disabled or rolled back", file.display());
                BTreeMap::new()
            }
        };
        Self { folder: folder.to_owned(), plugins }
    }

    pub(super) fn is_disabled(&self, name: &str) -> bool {
        self.plugins.get(name).is_some_and(|memory| memory.disabled)
    }

    pub(super) fn set_disabled(&mut self, name: &str, disabled: bool) {
        self.change(name, |memory| memory.disabled = disabled);
    }

    pub(super) fn rolled_back(&self, name: &str) -> Option<&RolledBack> {
        self.plugins.get(name)?.rolled_back.as_ref()
    }

    pub(super) fn set_rolled_back(&mut self, name: &str, rolled_back: Option<RolledBack>) {
        if self.rolled_back(name) != rolled_back.as_ref() {
            self.change(name, |memory| memory.rolled_back = rolled_back);
        }
    }

    /// The kept versions of a plugin, the one that came to work last at the end.
    pub(super) fn kept(&self, name: &str) -> &[KeptVersion] {
        self.plugins.get(name).map_or(&[], |memory| &memory.versions)
    }

    /// A version has come to work: its bytes are kept, those of the oldest go.
    pub(super) fn keep(&mut self, name: &str, version: &str, bytes: &[u8]) {
        let sha256 = sha256_hex(bytes);
        let path = self.path(name, &sha256);
        if !path.exists()
            && let Err(error) = write(&path, bytes)
        {
            tracing::warn!("{}: {error}; one cannot go back to this version", path.display());
            return;
        }
        let mut gone = Vec::new();
        self.change(name, |memory| {
            let known = memory.versions.iter().position(|kept| kept.sha256 == sha256);
            let good = known.is_some_and(|place| memory.versions.remove(place).good);
            memory.versions.push(KeptVersion { version: version.to_owned(), sha256, good });
            while memory.versions.len() > KEPT_MAX {
                // The newest good one stays, however old it is.
                let good = memory.versions.iter().rposition(|kept| kept.good);
                gone.push(memory.versions.remove(usize::from(good == Some(0))).sha256);
            }
        });
        for sha256 in gone {
            let _ = fs::remove_file(self.path(name, &sha256));
        }
    }

    /// A version has proven itself.
    pub(super) fn mark_good(&mut self, name: &str, sha256: &str) {
        if self.kept(name).iter().any(|kept| kept.sha256 == sha256 && !kept.good) {
            self.change(name, |memory| {
                for kept in memory.versions.iter_mut().filter(|kept| kept.sha256 == sha256) {
                    kept.good = true;
                }
            });
        }
    }

    pub(super) fn is_good(&self, name: &str, sha256: &str) -> bool {
        self.kept(name).iter().any(|kept| kept.sha256 == sha256 && kept.good)
    }

    /// The good version that was at work before this one.
    pub(super) fn before(&self, name: &str, sha256: &str) -> Option<&KeptVersion> {
        let kept = self.kept(name);
        let place = kept.iter().position(|kept| kept.sha256 == sha256).unwrap_or(kept.len());
        kept[..place].iter().rev().find(|kept| kept.good)
    }

    /// The bytes of a kept version, when they are what they were.
    pub(super) fn bytes(&self, name: &str, sha256: &str) -> io::Result<Vec<u8>> {
        let bytes = fs::read(self.path(name, sha256))?;
        if sha256_hex(&bytes) == sha256 { Ok(bytes) } else { Err(io::Error::other("the kept file was changed")) }
    }

    fn path(&self, name: &str, sha256: &str) -> PathBuf {
        self.folder.join(name).join(format!("{sha256}.wasm"))
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&mut Memory)) {
        if !self.plugins.contains_key(name) && self.plugins.len() >= PLUGINS_MAX {
            tracing::warn!("{PLUGINS_MAX} plugins are remembered, which is the most; {name} is not");
            return;
        }
        change(self.plugins.entry(name.to_owned()).or_default());
        let text = serde_json::to_vec_pretty(&self.plugins).expect("the index is plain JSON");
        let file = self.folder.join(INDEX);
        if let Err(error) = write(&file, &text) {
            tracing::error!("{}: {error}; what was decided about {name} holds until the restart only", file.display());
        }
    }
}

/// Writes a file whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let beside = path.with_extension("new");
    let mut file = fs::File::create(&beside)?;
    io::Write::write_all(&mut file, bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_decided_outlives_a_restart() {
        let place = tempfile::tempdir().unwrap();
        let mut versions = Versions::open(place.path());
        versions.set_disabled("f", true);
        versions.keep("g", "1.0.0", b"one");
        versions.mark_good("g", &sha256_hex(b"one"));
        versions.keep("g", "2.0.0", b"two");
        let back = RolledBack {
            from_version: "2.0.0".into(),
            from_sha256: sha256_hex(b"two"),
            to_version: "1.0.0".into(),
            to_sha256: sha256_hex(b"one"),
            why: "it kept failing".into(),
        };
        versions.set_rolled_back("g", Some(back.clone()));
        let versions = Versions::open(place.path());
        assert!(versions.is_disabled("f") && !versions.is_disabled("g"));
        assert_eq!(versions.rolled_back("g"), Some(&back));
        assert_eq!(versions.before("g", &sha256_hex(b"two")).unwrap().version, "1.0.0");
        assert_eq!(versions.before("g", &sha256_hex(b"one")), None);
        assert_eq!(versions.bytes("g", &sha256_hex(b"one")).unwrap(), b"one");
        fs::write(place.path().join("g").join(format!("{}.wasm", sha256_hex(b"one"))), b"forged").unwrap();
        assert!(versions.bytes("g", &sha256_hex(b"one")).is_err());
    }

    #[test]
    fn the_newest_good_version_is_kept_however_many_come() {
        let place = tempfile::tempdir().unwrap();
        let mut versions = Versions::open(place.path());
        versions.keep("f", "1.0.0", b"good");
        versions.mark_good("f", &sha256_hex(b"good"));
        for number in 0..10_u8 {
            versions.keep("f", "2.0.0", &[number]);
        }
        assert_eq!(versions.kept("f").len(), KEPT_MAX);
        assert_eq!(versions.before("f", &sha256_hex(&[9])).unwrap().sha256, sha256_hex(b"good"));
        assert_eq!(fs::read_dir(place.path().join("f")).unwrap().count(), KEPT_MAX);
        // The same bytes again are the same version.
        versions.keep("f", "1.0.0", b"good");
        assert!(versions.is_good("f", &sha256_hex(b"good")));
        assert_eq!(versions.kept("f").last().unwrap().version, "1.0.0");
    }

    #[test]
    fn a_damaged_index_is_put_aside() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join(INDEX), b"{").unwrap();
        let mut versions = Versions::open(place.path());
        assert!(!versions.is_disabled("f"));
        versions.set_disabled("f", true);
        assert!(Versions::open(place.path()).is_disabled("f"));
        assert!(place.path().join("index.damaged.json").exists());
    }
}
