//! `realm plugin replay`: what a new version of a plugin would have decided otherwise.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

use clap::Args;

use super::super::Place;
use crate::{
    hooks::{TapeReport, replay_calls},
    types::rfc3339,
};

#[derive(Args)]
pub(in crate::cli) struct Replay {
    /// The recording, for example realm-data/plugin-recordings/1.calls
    file: PathBuf,
    /// The new version, which is asked everything that the plugin of its name was asked
    #[arg(long, value_name = "NEW.wasm")]
    with: PathBuf,
    #[command(flatten)]
    place: Place,
}

impl Replay {
    pub(in crate::cli) fn run(self) -> anyhow::Result<ExitCode> {
        let settings = self.place.load()?.config.plugins.configuration;
        let of = |name: &str| settings.get(name).map_or_else(|| "{}".to_owned(), ToString::to_string);
        print!("{}", shown(&replay_calls(&self.file, &self.with, of)?));
        Ok(ExitCode::SUCCESS)
    }
}

fn shown(report: &TapeReport) -> String {
    let mut out = String::new();
    for call in &report.shown {
        let at = rfc3339(i64::try_from(call.at_ms).unwrap_or(i64::MAX));
        let _ = writeln!(out, "{at}  {}\n    before  {}\n    now     {}", call.question, call.before, call.now);
    }
    let more = report.different.saturating_sub(report.shown.len() as u64);
    if more > 0 {
        let _ = writeln!(out, "… and {more} more.");
    }
    let _ = writeln!(
        out,
        "{}: {} of {} calls are answered otherwise; {} calls of other plugins were passed over.",
        report.plugin, report.different, report.calls, report.others
    );
    if report.cut_off {
        let _ = writeln!(out, "The recording ends in the middle of a call, as it does while it is being written.");
    }
    out
}
