//! `realm plugin replay`: what a new version of a plugin would have decided otherwise.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

use clap::Args;
use realm_testkit::{CallAgain, Reader, Replayed, Stage};

use super::{super::Place, sources::component};
use crate::types::rfc3339;

/// Surprises that are shown; the rest is counted.
const UNEXPECTED_SHOWN_MAX: usize = 10;

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
        let mut tape = Reader::open(&self.file)?;
        let stage = Stage::of_bytes(component(&self.with)?);
        let named = |error| anyhow::anyhow!("{}: {error}", self.with.display());
        let name = stage.manifest().map_err(named)?.name;
        let settings = self.place.load()?.config.plugins.configuration;
        let of = settings.get(&name).map_or_else(|| "{}".to_owned(), ToString::to_string);
        let replayed = stage.configuration(&of).try_replay(tape.by_ref()).map_err(named)?;
        print!("{}", shown(&replayed, &name));
        if tape.was_cut_off() {
            println!("The recording ends in the middle of a call, as it does while it is being written.");
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn shown(replayed: &Replayed, name: &str) -> String {
    let report = replayed.report();
    let mut out = String::new();
    for CallAgain { at_ms, version, question, before, now, .. } in &report.shown {
        let at = rfc3339(i64::try_from(*at_ms).unwrap_or(i64::MAX));
        let before = before.as_ref().map_or_else(|| "no answer; the policy held".to_owned(), short);
        let now = now.as_ref().map_or_else(|error| format!("no answer: it {error}"), short);
        let _ = writeln!(out, "{at}  {}\n    before  {version} {before}\n    now     {now}", short(question));
    }
    let more = report.different.saturating_sub(report.shown.len() as u64);
    if more > 0 {
        let _ = writeln!(out, "… and {more} more.");
    }
    for it in report.unexpected_shown.iter().take(UNEXPECTED_SHOWN_MAX) {
        let _ =
            writeln!(out, "In call {} it asks `{}`, for which the recording holds no answer.", it.index + 1, it.what);
    }
    let more = report.unexpected.saturating_sub(UNEXPECTED_SHOWN_MAX as u64);
    if more > 0 {
        let _ = writeln!(out, "It does so {more} times more; in a realm it may decide otherwise there.");
    }
    let others = report.others;
    let _ = match report.calls {
        0 => writeln!(out, "The recording holds no call of the plugin {name}, and {others} of others."),
        calls => writeln!(
            out,
            "{}: {} of {calls} calls are answered otherwise; {others} calls of other plugins were passed over.",
            report.plugin, report.different
        ),
    };
    out
}

/// A value in a line that fits a terminal.
fn short(value: &impl std::fmt::Debug) -> String {
    const CHARACTERS_MAX: usize = 160;
    let text = format!("{value:?}");
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
