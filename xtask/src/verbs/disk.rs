//! What the tests need to mount disks of their own.

use std::process::Command;

use anyhow::Result;

use super::packages;

/// Set to `none` by the operator of a machine where nothing may be mounted.
const VARIABLE: &str = "REALM_TEST_DISK";

/// What the tests leave out here, for the summary.
pub(crate) fn left_out() -> Option<String> {
    is_unwanted().then(|| format!("LEFT OUT: cuts of the power and a full disk, because {VARIABLE}=none"))
}

fn is_unwanted() -> bool {
    std::env::var(VARIABLE).is_ok_and(|value| value == "none")
}

/// Whoever is not root needs a helper to mount; it is installed where it is missing.
pub(crate) fn prepare() -> Result<()> {
    let user = Command::new("id").arg("-u").output().map(|said| said.stdout).unwrap_or_default();
    let has_helper = || Command::new("fusermount3").arg("--version").output().is_ok();
    if is_unwanted() || user.trim_ascii() == b"0" || has_helper() {
        return Ok(());
    }
    packages::install("fuse3")
}
