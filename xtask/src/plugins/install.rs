//! The default plugins go into a realm's folder, and never over a file that the operator changed.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};

use super::{DEFAULT_PLUGINS, fingerprint::sha256, replace};
use crate::{layout::Layout, process::say};

/// Beside the plugins' folder: which file was put there by this program, by its hash.
const RECORD: &str = "installed-plugins.txt";

/// What became of one default plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Installed,
    Updated,
    Unchanged,
    /// The operator's own file stays.
    Kept,
}

/// Puts the default plugins into `data/plugins/` where they are missing or are older builds of ours.
pub(crate) fn install_defaults(layout: &Layout, data: &Path) -> Result<()> {
    make_private(data)?;
    let folder = data.join("plugins");
    make_private(&folder)?;
    let record = data.join(RECORD);
    let mut installed = fs::read_to_string(&record).map(|text| parse(&text)).unwrap_or_default();
    for name in DEFAULT_PLUGINS {
        let built = fs::read(layout.components().join(format!("{name}.wasm")))
            .with_context(|| format!("the plugin {name} is not built"))?;
        match install(&folder, name, &built, &mut installed)? {
            Outcome::Installed => say(&format!("plugin {name}: installed into {}", folder.display())),
            Outcome::Updated => say(&format!("plugin {name}: replaced by the new build")),
            Outcome::Unchanged => {}
            Outcome::Kept => say(&format!(
                "plugin {name}: {name}.wasm was changed by you and stays; remove it to have the default again"
            )),
        }
    }
    replace(&record, text(&installed).as_bytes())
}

fn install(folder: &Path, name: &str, built: &[u8], installed: &mut BTreeMap<String, String>) -> Result<Outcome> {
    let file = folder.join(format!("{name}.wasm"));
    let hash = sha256(built);
    let outcome = match fs::read(&file) {
        Ok(present) if present == built => Outcome::Unchanged,
        Ok(present) if installed.get(name) == Some(&sha256(&present)) => Outcome::Updated,
        Ok(_) => return Ok(Outcome::Kept),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Outcome::Installed,
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", file.display())),
    };
    if outcome != Outcome::Unchanged {
        replace(&file, built)?;
    }
    installed.insert(name.to_owned(), hash);
    Ok(outcome)
}

/// A data folder is nobody else's business.
fn make_private(folder: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .with_context(|| format!("{} cannot be made: choose another folder with `-- --data FOLDER`", folder.display()))
}

/// Lines of `sha256  NAME.wasm`, as `sha256sum --check` reads them.
fn parse(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| {
            let (hash, file) = line.split_once("  plugins/")?;
            Some((file.strip_suffix(".wasm")?.to_owned(), hash.to_owned()))
        })
        .collect()
}

fn text(installed: &BTreeMap<String, String>) -> String {
    installed.iter().map(|(name, hash)| format!("{hash}  plugins/{name}.wasm\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_build_is_replaced_and_the_operators_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut installed = BTreeMap::new();
        let mut put = |built: &[u8]| install(folder.path(), "ladder", built, &mut installed).unwrap();
        let file = folder.path().join("ladder.wasm");

        assert_eq!(put(b"one"), Outcome::Installed);
        assert_eq!(put(b"one"), Outcome::Unchanged);
        assert_eq!(put(b"two"), Outcome::Updated);
        assert_eq!(fs::read(&file).unwrap(), b"two");

        fs::write(&file, b"mine").unwrap();
        assert_eq!(put(b"three"), Outcome::Kept);
        assert_eq!(fs::read(&file).unwrap(), b"mine");

        fs::remove_file(&file).unwrap();
        assert_eq!(put(b"three"), Outcome::Installed);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing but the plugin is left behind");
    }

    #[test]
    fn a_file_that_was_there_before_is_the_operators() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ladder.wasm"), b"mine").unwrap();
        assert_eq!(install(folder.path(), "ladder", b"ours", &mut BTreeMap::new()).unwrap(), Outcome::Kept);
    }

    #[test]
    fn the_record_is_read_as_it_was_written() {
        let installed = BTreeMap::from([("a".to_owned(), "12".to_owned()), ("b".to_owned(), "34".to_owned())]);
        assert_eq!(text(&installed), "12  plugins/a.wasm\n34  plugins/b.wasm\n");
        assert_eq!(parse(&text(&installed)), installed);
        assert_eq!(parse("nonsense\n"), BTreeMap::new());
    }
}
