//! What a figure is worth nothing without: commit and processor.

use std::{fs, process::Command, thread};

/// Commit, processor and how busy the machine was, in one line.
pub(crate) fn describe() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("?");
    format!("commit {}; {}, {cores} cores; load average of the last minute {load}", commit(), processor())
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return "unknown".to_owned() };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|files| !files.is_empty());
    if changed { format!("{commit} with changes") } else { commit }
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |key: &str| {
        let line = text.lines().find(|line| line.split(':').next().is_some_and(|name| name.trim() == key))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    let Some(name) = value("model name") else { return std::env::consts::ARCH.to_owned() };
    let numbers = ["cpu family", "model", "cpu MHz"].map(|key| value(key).unwrap_or_default());
    format!("{name} (family {}, model {}, {} MHz)", numbers[0], numbers[1], numbers[2])
}
