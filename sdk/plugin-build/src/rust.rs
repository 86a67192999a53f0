//! A Rust package becomes a component.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{
    component,
    process::run,
    toolchain::{TARGET, Toolchain},
};

/// One package to build.
#[derive(Debug, Clone, Copy)]
pub struct Package<'a> {
    /// Its folder.
    pub folder: &'a Path,
    /// Its name in `Cargo.toml`.
    pub name: &'a str,
    /// Where Cargo builds.
    pub target: &'a Path,
    /// The folder whose path must not stand in the component, beside Cargo's and the compiler's own.
    pub root: &'a Path,
}

/// Compiles a package and makes a component of it; gives the component's bytes.
///
/// # Errors
/// When the package does not compile, or what comes out is no plugin.
pub fn build(toolchain: &Toolchain, package: Package<'_>) -> Result<Vec<u8>> {
    let name = package.name;
    let mut command = toolchain.cargo()?;
    // `rustc --crate-type cdylib` and not `build`: Cargo leaves link-time optimisation out when an rlib is made as well.
    command
        .args(["rustc", "--release", "--lib", "--crate-type", "cdylib"])
        .args(toolchain.cargo_arguments())
        .arg("--manifest-path")
        .arg(package.folder.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", package.target)
        .env("CARGO_ENCODED_RUSTFLAGS", without_machine_paths(package.root, toolchain));
    run(&mut command).with_context(|| format!("the plugin {name} does not compile"))?;

    let module = package.target.join(TARGET).join("release").join(format!("{}.wasm", name.replace('-', "_")));
    let module = fs::read(&module)
        .with_context(|| format!("{} cannot be read: is the package named like its folder?", module.display()))?;
    component::encode(&module).with_context(|| format!("the plugin {name} cannot be made a component"))
}

/// Flags that keep the paths of this machine out of the components.
fn without_machine_paths(root: &Path, toolchain: &Toolchain) -> String {
    let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cargo_home = env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let mut flags = vec![
        format!("--remap-path-prefix={}=cargo", cargo_home.display()),
        format!("--remap-path-prefix={}=realm", root.display()),
    ];
    flags.extend(toolchain.sources().map(|folder| format!("--remap-path-prefix={}=rust", folder.display())));
    flags.join("\x1f")
}
