//! `ci`: formatting, clippy and rustdoc of both workspaces, every warning an error.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::{
    layout::Layout,
    process::{cargo, run, say, seconds},
};

/// One check: what it is, the arguments for Cargo, and what to do when it fails.
type Check = (&'static str, &'static [&'static str], &'static str);

const CHECKS: [Check; 3] = [
    ("formatting", &["fmt", "--all", "--check"], "run `cargo fmt --all`"),
    ("clippy", &["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"], "mend what clippy says"),
    ("rustdoc", &["doc", "--workspace", "--no-deps"], "mend the doc comments"),
];

/// Runs every check on the workspace and on the workspace of the plugins.
pub(crate) fn ci(layout: &Layout) -> Result<()> {
    let folders = [
        ("the workspace", layout.root.clone(), layout.target.clone()),
        ("the plugins", layout.plugin_sources(), layout.rules()),
    ];
    let count = CHECKS.len() * folders.len();
    let mut number = 0;
    for (check, arguments, remedy) in CHECKS {
        for (place, folder, target) in &folders {
            number += 1;
            let start = Instant::now();
            say(&format!("check {number} of {count}: {check} of {place}"));
            let mut command = cargo();
            command.args(arguments).current_dir(folder).env("CARGO_TARGET_DIR", target);
            command.env("RUSTDOCFLAGS", "--deny warnings");
            run(&mut command).with_context(|| format!("{check} of {place}: {remedy} in {}", folder.display()))?;
            say(&format!("{check} of {place}: ok ({})", seconds(start.elapsed())));
        }
    }
    Ok(())
}
