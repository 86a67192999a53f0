//! The active toolchain: has it the target, can rustup add it, where is its linker.

use std::{env, path::PathBuf, process::Command, time::Duration};

use anyhow::{Context, Result, bail};

use super::TARGET;
use crate::process::{output, rustc_path, say};

/// A compiler answers questions about itself at once.
const ASK_DEADLINE: Duration = Duration::from_secs(30);
/// rustup downloads some 20 MB; without a network it gives up after a few tries.
const ADD_DEADLINE: Duration = Duration::from_secs(180);

/// The version of the active compiler, several lines of text.
pub(super) fn version() -> Result<String> {
    output(Command::new(rustc_path()).arg("-vV"), ASK_DEADLINE)
}

/// Is the target installed?
pub(super) fn installed() -> Result<()> {
    let folder = sysroot()?.join("lib/rustlib").join(TARGET).join("lib");
    let has_std = folder
        .read_dir()
        .ok()
        .into_iter()
        .flatten()
        .flatten()
        .any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"));
    if !has_std {
        bail!("the active toolchain has no standard library for {TARGET}");
    }
    Ok(())
}

/// Lets rustup add the target.
pub(super) fn add_target() -> Result<()> {
    say(&format!("rustup target add {TARGET} (about 20 MB; gives up after {} s)", ADD_DEADLINE.as_secs()));
    let mut command = Command::new("rustup");
    command.args(["target", "add", TARGET]).env_remove("RUST_BACKTRACE");
    if let Ok(toolchain) = env::var("RUSTUP_TOOLCHAIN") {
        command.args(["--toolchain", &toolchain]);
    }
    output(&mut command, ADD_DEADLINE)?;
    installed()
}

/// The linker for WebAssembly that comes with rustup's toolchains.
pub(super) fn linker() -> Result<PathBuf> {
    let version = version()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("`rustc -vV` names no host")?;
    let linker =
        sysroot()?.join("lib/rustlib").join(host).join("bin").join(format!("rust-lld{}", env::consts::EXE_SUFFIX));
    if !linker.is_file() {
        bail!("the active toolchain has no rust-lld: install a stable toolchain with rustup (https://rustup.rs)");
    }
    Ok(linker)
}

fn sysroot() -> Result<PathBuf> {
    let path = output(Command::new(rustc_path()).args(["--print", "sysroot"]), ASK_DEADLINE)?;
    Ok(PathBuf::from(path.trim()))
}
