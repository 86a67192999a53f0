//! What a component was built from, as one hash: the same hash means that building again would change nothing.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::{layout::Layout, toolchain};

/// Rises when this program builds components in another way.
const BUILD_NUMBER: &str = "2";

/// The hash of what all plugins share: contract, SDK, workspace, dependencies and compiler.
pub(crate) fn common(layout: &Layout) -> Result<String> {
    let mut parts = vec![
        layout.root.join("Cargo.toml"),
        layout.plugin_sources().join("Cargo.toml"),
        layout.plugin_sources().join("Cargo.lock"),
    ];
    parts.extend(files(&layout.root.join("wit"))?);
    for sdk in ["sdk/plugin-rust", "sdk/plugin-js"].map(|folder| layout.root.join(folder)) {
        if sdk.is_dir() {
            parts.extend(files(&sdk)?);
        }
    }
    let mut hash = Sha256::new();
    put(&mut hash, BUILD_NUMBER.as_bytes());
    put(&mut hash, toolchain::active_version()?.as_bytes());
    put(&mut hash, toolchain::wanted_way().unwrap_or_default().as_bytes());
    put_files(&mut hash, &layout.root, &parts)?;
    Ok(hex(&hash.finalize()))
}

/// The hash of one plugin: `common` and its own folder.
pub(crate) fn of_plugin(layout: &Layout, folder: &Path, common: &str) -> Result<String> {
    let mut hash = Sha256::new();
    put(&mut hash, common.as_bytes());
    put_files(&mut hash, &layout.root, &files(folder)?)?;
    Ok(hex(&hash.finalize()))
}

/// What is written beside a component: from what it was built, and what came out.
pub(crate) fn record(key: &str, component: &[u8]) -> String {
    format!("{key} {}\n", sha256(component))
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn put_files(hash: &mut Sha256, root: &Path, paths: &[PathBuf]) -> Result<()> {
    for path in paths {
        // The lock file is missing before the first build.
        let bytes = if path.is_file() {
            fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?
        } else {
            Vec::new()
        };
        put(hash, path.strip_prefix(root).unwrap_or(path).to_string_lossy().as_bytes());
        put(hash, &bytes);
    }
    Ok(())
}

/// Adds a text with its length, so that no two lists of texts look alike.
fn put(hash: &mut Sha256, bytes: &[u8]) {
    hash.update(bytes.len().to_le_bytes());
    hash.update(bytes);
}

/// All files below a folder, in a fixed order.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))? {
            let entry = entry?;
            match entry.file_type()? {
                kind if kind.is_dir()
                    && !["target", "node_modules", "dist"].iter().any(|name| entry.file_name() == *name) =>
                {
                    folders.push(entry.path())
                }
                kind if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> (tempfile::TempDir, Layout) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        for (path, text) in [
            ("Cargo.toml", "root"),
            ("plugins/Cargo.toml", "workspace"),
            ("plugins/one/src/lib.rs", "one"),
            ("plugins/two/src/lib.rs", "two"),
            ("sdk/plugin-rust/src/lib.rs", "sdk"),
            ("wit/worlds.wit", "wit"),
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        (folder, Layout { target: root.join("target"), root })
    }

    fn key(layout: &Layout, name: &str) -> String {
        of_plugin(layout, &layout.plugin_sources().join(name), &common(layout).unwrap()).unwrap()
    }

    #[test]
    fn the_same_tree_has_the_same_hash() {
        let (_folder, layout) = tree();
        assert_eq!(key(&layout, "one"), key(&layout, "one"));
        assert_ne!(key(&layout, "one"), key(&layout, "two"));
    }

    #[test]
    fn what_a_plugin_is_built_from_changes_its_hash_and_nothing_else_does() {
        let (_folder, layout) = tree();
        let (one, two) = (key(&layout, "one"), key(&layout, "two"));
        fs::write(layout.root.join("plugins/one/src/lib.rs"), "changed").unwrap();
        assert_ne!(key(&layout, "one"), one);
        assert_eq!(key(&layout, "two"), two);
        for shared in ["wit/worlds.wit", "sdk/plugin-rust/src/lib.rs", "plugins/Cargo.toml", "plugins/Cargo.lock"] {
            let before = key(&layout, "two");
            fs::write(layout.root.join(shared), "changed").unwrap();
            assert_ne!(key(&layout, "two"), before, "{shared}");
        }
    }

    #[test]
    fn a_moved_line_between_files_is_a_change() {
        let (_folder, layout) = tree();
        fs::write(layout.root.join("plugins/one/src/a.rs"), "ab").unwrap();
        fs::write(layout.root.join("plugins/one/src/b.rs"), "c").unwrap();
        let before = key(&layout, "one");
        fs::write(layout.root.join("plugins/one/src/a.rs"), "a").unwrap();
        fs::write(layout.root.join("plugins/one/src/b.rs"), "bc").unwrap();
        assert_ne!(key(&layout, "one"), before);
    }

    #[test]
    fn the_record_changes_with_the_component() {
        assert_ne!(record("key", b"one"), record("key", b"two"));
        assert_eq!(sha256(b"")[..8], *"e3b0c442");
    }
}
