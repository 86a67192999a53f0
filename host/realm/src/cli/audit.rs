//! `realm audit`: what staff did, and whether the log of it is whole.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use realm_client::Method;
use serde_json::Value;

use super::{Place, operator};
use crate::{audit, storage};

#[derive(Subcommand)]
pub(super) enum Audit {
    /// Show what staff of a running realm did, the newest first.
    List(List),
    /// Look at every line of the log, and say which is the first that is not as it was written; also while the realm runs.
    Verify(Verify),
}

#[derive(Args)]
pub(super) struct List {
    /// How many lines
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    lines: u32,
    /// Go on after a page: the word that it ended with
    #[arg(long, value_name = "WORD")]
    cursor: Option<String>,
    /// Only lines of this actor: operator, or account:KEY
    #[arg(long)]
    actor: Option<String>,
    /// Only lines of this act, for example characters.rename
    #[arg(long)]
    act: Option<String>,
    /// Only lines about this target, for example character:KEY
    #[arg(long)]
    target: Option<String>,
    /// Print what the realm answers, as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(super) struct Verify {
    /// The end of the log as it was noted down before, outside the database: finds a log that was cut off since, or replaced as a whole
    #[arg(long, value_name = "LINE:HASH")]
    expect: Option<audit::Sound>,
    #[command(flatten)]
    place: Place,
}

impl Audit {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(list) => list.run().await,
            Self::Verify(verify) => verify.run().await,
        }
    }
}

impl List {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let mut path = format!("/audit?limit={}", self.lines);
        for (key, value) in
            [("cursor", &self.cursor), ("actor", &self.actor), ("act", &self.act), ("target", &self.target)]
        {
            if let Some(value) = value {
                path.push_str(&format!("&{key}={}", operator::part(value)));
            }
        }
        let answer = operator::ask(&self.place, Method::GET, &path, None).await?;
        if self.json {
            println!("{answer:#}")
        } else {
            print!("{}", shown(&answer))
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Verify {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let config = self.place.load()?.config;
        let noted = self.expect;
        let verdict = storage::read_alone(&config.storage, &self.place.data, |connection| {
            Box::pin(async move { audit::verify(connection, noted.as_ref()).await })
        })
        .await?;
        match verdict {
            Ok(sound) => {
                println!("The audit log is whole: {} lines, the last with the hash {}.", sound.lines, sound.hash);
                println!("Noted down elsewhere, this finds a log that is cut off or replaced later: --expect {sound}");
                Ok(ExitCode::SUCCESS)
            }
            Err(broken) => anyhow::bail!("the audit log is broken: {broken}; compare it with a backup"),
        }
    }
}

/// Lines for a terminal, each with what changed below it.
fn shown(answer: &Value) -> String {
    let lines = answer["lines"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut text: String = lines.iter().map(line).collect();
    if lines.is_empty() {
        text.push_str("No such line is in the audit log.\n");
    }
    if let Some(cursor) = answer["next_cursor"].as_str() {
        text.push_str(&format!("More: --cursor {cursor}\n"));
    }
    text
}

fn line(line: &Value) -> String {
    let of = |key: &str| line[key].as_str().unwrap_or_default();
    let named = |key: &str, name: &str| {
        let name = of(name);
        if name.is_empty() { of(key).to_owned() } else { format!("{name} ({})", of(key)) }
    };
    let (actor, target) = (named("actor", "actor_name"), named("target", "target_name"));
    let mut text = format!("{:>6}  {}  {actor}  {}  {target}\n", of("number"), of("at"), of("act"));
    for (word, key) in [("why", "reason"), ("before", "before"), ("after", "after")] {
        if !of(key).is_empty() {
            text.push_str(&format!("        {word:<7} {}\n", of(key)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_is_shown_with_names_and_what_changed() {
        let first = json!({"number": "7", "at": "2026-11-23T05:00:00Z", "actor": "account:5", "actor_name": "Ann",
            "act": "characters.rename", "target": "character:9", "reason": "rude", "before": "{\"name\":\"Old\"}",
            "after": "{\"name\":\"New\"}"});
        let text = shown(&json!({"lines": [first], "next_cursor": "n7"}));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].trim(), "7  2026-11-23T05:00:00Z  Ann (account:5)  characters.rename  character:9");
        assert_eq!(lines[1].trim(), "why     rude");
        assert_eq!(lines[4], "More: --cursor n7");
        assert_eq!(shown(&json!({"lines": []})), "No such line is in the audit log.\n");
    }
}
