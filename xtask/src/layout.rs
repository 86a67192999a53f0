//! Where things are in the tree and in the build directory.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// The folders that the tasks work in.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// The tree.
    pub(crate) root: PathBuf,
    /// Cargo's build directory.
    pub(crate) target: PathBuf,
}

impl Layout {
    /// Finds the tree from the package of this program, and the build directory as Cargo would.
    pub(crate) fn find() -> Result<Self> {
        let package = env::var_os("CARGO_MANIFEST_DIR").context("start this program as `cargo xtask`")?;
        let root = Path::new(&package).parent().context("the package of xtask stands inside the tree")?.to_owned();
        let target = match env::var_os("CARGO_TARGET_DIR").or_else(|| env::var_os("CARGO_BUILD_TARGET_DIR")) {
            Some(folder) => env::current_dir().context("the current folder cannot be read")?.join(folder),
            None => root.join("target"),
        };
        Ok(Self { root, target })
    }

    /// The workspace of the plugins.
    pub(crate) fn plugin_sources(&self) -> PathBuf {
        self.root.join("plugins")
    }

    /// Build directory of the guests: their own, so that they never wait for Cargo's lock on the other one.
    pub(crate) fn guests(&self) -> PathBuf {
        self.target.join("guests")
    }

    /// Build directory of the rules for this machine: the workspace has crates of the same names with other dependencies, and the
    /// two must not be mixed.
    pub(crate) fn rules(&self) -> PathBuf {
        self.target.join("rules")
    }

    /// The same for what the tutorial makes.
    pub(crate) fn tutorial(&self) -> PathBuf {
        self.target.join("tutorial-guests")
    }

    /// The finished components.
    pub(crate) fn components(&self) -> PathBuf {
        self.target.join("plugins")
    }

    /// The finished components of the worked examples: apart, since nobody's realm should run them by accident.
    pub(crate) fn example_components(&self) -> PathBuf {
        self.components().join("examples")
    }

    /// Toolchains that were unpacked for the guests.
    pub(crate) fn guest_toolchain(&self) -> PathBuf {
        self.target.join("guest-toolchain")
    }
}
