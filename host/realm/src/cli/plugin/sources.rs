//! A plugin's folder: what it is written in, and its component.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use realm_plugin_build::{
    component::{Description, describe},
    foreign, javascript, rust,
    toolchain::Toolchain,
};

/// Where compilers are unpacked, when not below the user's cache.
const TOOLCHAINS: &str = "REALM_TOOLCHAINS_DIR";

/// A folder with the sources of one plugin.
pub(super) struct Sources {
    folder: PathBuf,
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// What it is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Rust,
    JavaScript,
    /// Anything else: its folder says how it is built.
    Foreign,
}

/// A component that was built.
pub(super) struct Built {
    pub(super) file: PathBuf,
    pub(super) description: Description,
}

impl Sources {
    /// Looks what lies in a folder.
    pub(super) fn of(folder: &Path) -> anyhow::Result<Self> {
        let whole = folder.canonicalize().with_context(|| format!("there is no folder {}", folder.display()))?;
        if whole.join(foreign::FILE).is_file() {
            let package = foreign::Package::read(&whole)?;
            return Ok(Self { folder: whole, name: package.name, kind: Kind::Foreign });
        }
        if whole.join("package.json").is_file() {
            let package = javascript::Package::read(&whole)?;
            return Ok(Self { folder: whole, name: package.name, kind: Kind::JavaScript });
        }
        let cargo = whole.join("Cargo.toml");
        let Ok(text) = fs::read_to_string(&cargo) else {
            bail!(
                "{} is no plugin: it has neither Cargo.toml nor package.json nor plugin.toml; make one with `realm plugin new NAME`",
                folder.display()
            );
        };
        let package: toml::Table = text.parse().with_context(|| format!("{} is no TOML", cargo.display()))?;
        let name = package.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
        let name = name.with_context(|| format!("{} names no package", cargo.display()))?.to_owned();
        Ok(Self { folder: whole, name, kind: Kind::Rust })
    }

    /// The folder, as a full path.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where builds go: nothing in there is a source.
    pub(super) fn out(&self) -> PathBuf {
        self.folder.join("dist")
    }

    /// Builds the component into `dist/`.
    pub(super) fn build(&self) -> anyhow::Result<Built> {
        let out = self.out();
        fs::create_dir_all(&out).with_context(|| format!("{} cannot be made", out.display()))?;
        let bytes = match self.kind {
            Kind::Rust => {
                let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| self.folder.join("target"), PathBuf::from);
                let package =
                    rust::Package { folder: &self.folder, name: &self.name, target: &target, root: &self.folder };
                rust::build(&Toolchain::find(&toolchains()?)?, package)?
            }
            Kind::JavaScript => {
                let toolchain = javascript::Toolchain::find(&toolchains()?)?;
                javascript::build(&toolchain, &self.folder, &out.join("work"))?
            }
            Kind::Foreign => foreign::build(&toolchains()?, &self.folder, &out.join("work"))?,
        };
        let description = describe(&bytes)?;
        if description.hooks.iter().all(|hook| hook == "lifecycle") {
            bail!("the plugin {} answers no hook; in Rust, add a `realm_plugin::export_…!` line", self.name);
        }
        let file = out.join(format!("{}.wasm", description.name));
        replace(&file, &bytes)?;
        Ok(Built { file, description })
    }
}

/// The bytes of a component that somebody has named.
pub(super) fn component(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file.is_dir() {
        bail!("{} is a folder; name the component in it, for example dist/NAME.wasm", file.display());
    }
    fs::read(file).with_context(|| {
        format!(
            "{} cannot be read; `realm plugin build FOLDER` makes a component and says where it lies",
            file.display()
        )
    })
}

/// Where compilers for guests are unpacked: shared by all plugins of a user.
pub(super) fn toolchains() -> anyhow::Result<PathBuf> {
    if let Some(folder) = env::var_os(TOOLCHAINS) {
        return Ok(PathBuf::from(folder));
    }
    let cache = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .with_context(|| format!("no home folder: name one for compilers with {TOOLCHAINS}"))?;
    Ok(cache.join("realm/toolchains"))
}

/// Writes a file so that a reader sees the old one or the new one, never half of it.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = path.with_file_name(format!(".{name}.new"));
    fs::write(&new, bytes).with_context(|| format!("{} cannot be written", new.display()))?;
    fs::rename(&new, path).with_context(|| format!("{} cannot be replaced", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_says_what_it_is_written_in() {
        let place = tempfile::tempdir().unwrap();
        let error = |folder: &Path| Sources::of(folder).err().expect("it is refused").to_string();
        assert!(error(&place.path().join("gone")).contains("there is no folder"));
        assert!(error(place.path()).contains("realm plugin new"));
        fs::write(place.path().join("Cargo.toml"), "[package]\nname = \"one\"\n").unwrap();
        let sources = Sources::of(place.path()).unwrap();
        assert_eq!((sources.kind, sources.name.as_str()), (Kind::Rust, "one"));
        fs::write(
            place.path().join("package.json"),
            r#"{"name":"two","version":"1.0.0","realm":{"plugin":"a.js","hooks":["ladder"],"permissions":[]}}"#,
        )
        .unwrap();
        let sources = Sources::of(place.path()).unwrap();
        assert_eq!((sources.kind, sources.name.as_str()), (Kind::JavaScript, "two"));
    }
}
