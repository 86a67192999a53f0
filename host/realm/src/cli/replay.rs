//! `realm replay`: repeat a game from its log and compare every hash.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;

use super::Place;
use crate::{
    games::{self, Again, Difference, LOG_FOLDER, Verification},
    types::rfc3339,
};

#[derive(Args)]
pub(super) struct Replay {
    /// The log: a file, or the number of a game whose log is in the data folder
    file: PathBuf,
    /// Content pack that the game was made of [default: the configuration's]
    #[arg(long, value_name = "FOLDER")]
    content: Option<PathBuf>,
    /// Ask this anti-cheat plugin about every act as well, and show where it sees one differently
    #[arg(long, value_name = "PLUGIN.wasm")]
    with: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

impl Replay {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let whole = self.place.load()?.config;
        let mut config = whole.games;
        if let Some(folder) = &self.content {
            config.content = folder.display().to_string();
        }
        let file = self.find();
        let begin = std::time::Instant::now();
        let found = games::replay(&config, &file)?;
        print!("{}", table(&file, &found, begin.elapsed().as_secs_f64()));
        if let Some(plugin) = &self.with {
            // Its table of the configuration has the name of the plugin, and the default files have it too.
            let name = plugin.file_stem().unwrap_or_default().to_string_lossy();
            let settings = whole.plugins.configuration.get(name.as_ref());
            let settings = settings.map_or_else(|| "{}".to_owned(), ToString::to_string);
            print!("{}", differences(plugin, &games::replay_with(&config, &file, plugin, &settings)?));
        }
        Ok(if found.first_difference.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    /// A bare number is a game of the data folder.
    fn find(&self) -> PathBuf {
        let number = self.file.to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        if !number || self.file.exists() {
            return self.file.clone();
        }
        let finished = self.place.data.join(LOG_FOLDER).join(&self.file).with_extension("log");
        let running = finished.with_extension("log.part");
        if running.exists() { running } else { finished }
    }
}

/// `ticks` as hours, minutes and seconds.
fn clock(ticks: u32) -> String {
    let seconds = ticks / (1_000 / realm_world::TICK_MS);
    format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

fn table(file: &Path, found: &Verification, took_s: f64) -> String {
    let header = &found.header;
    let characters: Vec<String> = found.characters.iter().map(u64::to_string).collect();
    let rule = |(tick, label): &(u32, Option<String>)| {
        format!("{} from tick {tick}", label.as_deref().unwrap_or("nobody (no plugin answered)"))
    };
    let rules: Vec<String> = found.rules.iter().map(rule).collect();
    let or_none = |text: String| if text.is_empty() { "none".to_owned() } else { text };
    let mut out = format!("\n  {}\n\n", file.display());
    let mut row = |name: &str, value: String| {
        let _ = writeln!(out, "  {name:<11} {value}");
    };
    row("Game", format!("{}, {}, begun {}", header.game, header.difficulty.name(), rfc3339(header.started_ms)));
    row("Made of", format!("content pack {:016x}, version {}", header.content, header.version));
    row("Length", format!("{} ({} ticks)", clock(found.ticks), found.ticks));
    row("Players", format!("{} at most; characters {}", found.players_max, or_none(characters.join(", "))));
    row("Inputs", found.inputs.to_string());
    row("Rules", or_none(rules.join("; ")));
    row("Findings", format!("{}, {} of them refused the act", found.findings, found.refused));
    row("End", found.ending.clone().unwrap_or_else(|| "the log breaks off here".to_owned()));
    row("Repeated", format!("in {took_s:.2} s, {} hashes compared", found.hashes));
    let verdict = match found.first_difference {
        None => "every hash is what it was".to_owned(),
        Some(tick) => format!("DIFFERENT from tick {tick} ({}) or up to 25 ticks before", clock(tick)),
    };
    row("Verdict", verdict);
    out.push('\n');
    out
}

/// What another rule says of the game.
fn differences(plugin: &Path, again: &Again) -> String {
    let plural = if again.different == 1 { "" } else { "s" };
    let mut out = format!(
        "  {} was asked about {} acts and sees {} act{plural} differently",
        plugin.display(),
        again.asked,
        again.different
    );
    if again.unanswered > 0 {
        let _ = write!(out, "; in {} ticks it gave no answer", again.unanswered);
    }
    out.push('\n');
    let or_nothing = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
    for Difference { tick, character, act, then, now } in &again.differences {
        let (then, now) = (or_nothing(then), or_nothing(now));
        let _ = writeln!(out, "    tick {tick}, character {character}, {act}: then {then}; now {now}");
    }
    if again.different > again.differences.len() as u64 {
        let _ = writeln!(out, "    and {} more", again.different - again.differences.len() as u64);
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_told_as_time() {
        assert_eq!([clock(24), clock(25 * 61), clock(25 * 3_725)], ["0:00:00", "0:01:01", "1:02:05"]);
    }
}
