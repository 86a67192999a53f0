//! Debian packages that tests need, installed where they are missing.

use std::{process::Command, time::Duration};

use anyhow::{Context as _, Result};

use crate::process::{run_within, say};

/// Another installation may be under way, and a registry may be slow.
const PATIENCE: [&str; 4] = ["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"];
/// How long the installation may take.
const INSTALL_DEADLINE: Duration = Duration::from_secs(600);

/// Installs a package.
pub(crate) fn install(package: &str) -> Result<()> {
    say(&format!("installing {package}"));
    let apt = |arguments: &[&str]| {
        let run_as = |program: &str, before: &[&str]| {
            let mut command = Command::new(program);
            command.args(before).args(PATIENCE).args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
            run_within(&mut command, INSTALL_DEADLINE)
        };
        run_as("apt-get", &[]).or_else(|_| run_as("sudo", &["-n", "apt-get"]))
    };
    let install = || apt(&["install", "--yes", "--no-install-recommends", package]);
    // The lists of a new machine are empty.
    install().or_else(|_| apt(&["update"]).and_then(|()| install())).with_context(|| {
        format!("{package} is needed and cannot be installed by this user; install it, on Debian with `apt-get install {package}`")
    })
}
