//! The compiler for guests. The first way that works is taken, and said:
//!
//! 1. `wasm32-unknown-unknown` is installed for the active toolchain;
//! 2. `rustup target add wasm32-unknown-unknown`;
//! 3. Debian's newer Rust, unpacked into a folder of ours without touching the system.

mod active;
mod debian;

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use crate::process::{cargo, say};

/// What guests are compiled for: nothing but memory and numbers, so that a plugin can reach only what `wit/` offers.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Names one way (`installed`, `rustup` or `debian`) that is taken instead of the first that works.
const WAY: &str = "REALM_GUEST_TOOLCHAIN";

/// The way named by the environment, if any.
pub fn wanted_way() -> Option<String> {
    env::var(WAY).ok()
}

/// The version of the active compiler, several lines of text.
///
/// # Errors
/// When there is no compiler.
pub fn active_version() -> Result<String> {
    active::version()
}

/// A compiler that can build guests.
#[derive(Debug)]
pub enum Toolchain {
    /// The active toolchain has the target.
    Active,
    /// Debian's compiler builds its own standard library.
    Debian(debian::Unpacked),
}

impl Toolchain {
    /// Takes the first way that works; `base` is where compilers are unpacked.
    ///
    /// # Errors
    /// When no way works; the text tells what each of them said.
    pub fn find(base: &Path) -> Result<Self> {
        let wanted = wanted_way();
        if let Some(way) = &wanted
            && !["installed", "rustup", "debian"].contains(&way.as_str())
        {
            bail!("{WAY} is `{way}`: write `installed`, `rustup` or `debian`, or unset it");
        }
        let tried = |way: &str| wanted.as_deref().is_none_or(|wanted| wanted == way);
        let mut failures = Vec::new();

        if tried("installed") {
            match active::installed() {
                Ok(()) => return Ok(Self::chosen(Self::Active, "the active toolchain, which has the target")),
                Err(error) => failures.push(format!("installed target: {error:#}")),
            }
        }
        // What was unpacked before is taken before the network is asked again.
        if tried("debian")
            && let Some(unpacked) = debian::Unpacked::reuse(base)
        {
            let what = format!("Debian's Rust {}, unpacked before", unpacked.version);
            return Ok(Self::chosen(Self::Debian(unpacked), &what));
        }
        if tried("rustup") {
            match active::add_target() {
                Ok(()) => return Ok(Self::chosen(Self::Active, "the active toolchain; rustup added the target")),
                Err(error) => failures.push(format!("rustup target add {TARGET}: {error:#}")),
            }
        }
        if tried("debian") {
            match debian::Unpacked::fetch(base) {
                Ok(unpacked) => {
                    let what = format!("Debian's Rust {}, unpacked for the guests", unpacked.version);
                    return Ok(Self::chosen(Self::Debian(unpacked), &what));
                }
                Err(error) => failures.push(format!("Debian's packages: {error:#}")),
            }
        }
        bail!(
            "no way to compile plugins worked:\n  - {}\nInstall the target with `rustup target add {TARGET}` on a machine \
             with network access, or work on Debian 12 or newer with its package lists reachable.",
            failures.join("\n  - ")
        )
    }

    fn chosen(toolchain: Self, what: &str) -> Self {
        say(&format!("guest compiler: {what}"));
        toolchain
    }

    /// A Cargo that builds for the guest target with this compiler.
    ///
    /// # Errors
    /// When the active toolchain has no linker for WebAssembly.
    pub fn cargo(&self) -> Result<Command> {
        let mut command = cargo();
        // Flags meant for the server's build do not fit a guest.
        for name in
            ["RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET", "RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER"]
        {
            command.env_remove(name);
        }
        if let Self::Debian(unpacked) = self {
            command
                .env("RUSTC", unpacked.rustc())
                .env("RUSTC_BOOTSTRAP", "1")
                .env("LD_LIBRARY_PATH", unpacked.library_path())
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", active::linker()?);
        }
        Ok(command)
    }

    /// What has to follow `build` or `rustc` on Cargo's command line.
    pub fn cargo_arguments(&self) -> Vec<&'static str> {
        let mut arguments = vec!["--target", TARGET];
        if matches!(self, Self::Debian(_)) {
            arguments.push("-Zbuild-std=std,panic_abort");
        }
        arguments
    }

    /// The folder of the compiler's own sources, whose paths must not end up in a plugin.
    pub fn sources(&self) -> Option<PathBuf> {
        match self {
            Self::Active => None,
            Self::Debian(unpacked) => Some(unpacked.folder.clone()),
        }
    }
}
