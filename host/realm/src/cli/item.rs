//! `realm item`: the history of an item, a look at all of them, and undoing what one account's characters gave and got. `realm ledger`: whether the
//! ledger is whole.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use realm_client::Method;
use serde_json::{Value, json};

use super::{Place, operator};
use crate::{audit, games, items, storage};

#[derive(Subcommand)]
pub(super) enum ItemVerb {
    /// Show what happened to an item, the newest first; also to one that is no more.
    Trace(Trace),
    /// Look through all items for what cannot be: duplicates, clones, places that hold two, totals that are not the ledger's; also while the
    /// realm runs.
    Scan(Scan),
    /// Undo what went between an account's characters and those of others, as far as it has not moved on since.
    RollBack(RollBack),
}

#[derive(Subcommand)]
pub(super) enum Ledger {
    /// Look at every line of the ledger, say which is the first that is not as it was written, and whether all items and purses are as it says;
    /// also while the realm runs.
    Verify(Verify),
}

#[derive(Args)]
pub(super) struct Trace {
    /// Key of the item
    id: u64,
    /// How many lines
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    lines: u32,
    /// Go on after a page: the word that it ended with
    #[arg(long, value_name = "WORD")]
    cursor: Option<String>,
    /// Print what the realm answers, as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(super) struct Scan {
    /// Most items that are looked at; each takes about 100 bytes of memory
    #[arg(long, default_value_t = 20_000_000)]
    items_max: usize,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(super) struct RollBack {
    /// Name of the account
    account: String,
    /// How far back
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=43_200))]
    minutes: u32,
    /// Key or name of the realm [default: the first]
    #[arg(long, default_value = "", hide_default_value = true)]
    realm: String,
    /// Why, for the audit log
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(super) struct Verify {
    /// The end of the ledger as it was noted down before, outside the database: finds one that was cut off since, or replaced as a whole
    #[arg(long, value_name = "LINE:HASH")]
    expect: Option<audit::Sound>,
    #[command(flatten)]
    place: Place,
}

impl ItemVerb {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Trace(trace) => trace.run().await,
            Self::Scan(scan) => scan.run().await,
            Self::RollBack(roll_back) => roll_back.run().await,
        }
    }
}

impl Ledger {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let Self::Verify(verify) = self;
        verify.run().await
    }
}

impl Trace {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let mut path = format!("/items/{}/history?limit={}", self.id, self.lines);
        if let Some(cursor) = &self.cursor {
            path.push_str(&format!("&cursor={}", operator::part(cursor)));
        }
        let answer = operator::ask(&self.place, Method::GET, &path, None).await?;
        if self.json {
            println!("{answer:#}");
            return Ok(ExitCode::SUCCESS);
        }
        let lines = answer["lines"].as_array().map(Vec::as_slice).unwrap_or_default();
        if lines.is_empty() {
            println!("The ledger has no line about item {}.", self.id);
        }
        lines.iter().for_each(|one| print!("{}", line(one)));
        operator::more(&answer);
        Ok(ExitCode::SUCCESS)
    }
}

/// A line for a terminal, and below it what is noted.
fn line(line: &Value) -> String {
    let of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let side = |side: &Value| {
        let mut text = of(&side["place"]);
        for (word, part) in [(" of ", of(&side["holder"])), (" at ", of(&side["cell"]))] {
            if !part.is_empty() {
                text.push_str(word);
                text.push_str(&part);
            }
        }
        text
    };
    let mut text = format!(
        "{:>8}  {}  {}  {}  {} {}: {} -> {}\n",
        of(&line["number"]),
        of(&line["at"]),
        of(&line["actor"]),
        of(&line["act"]),
        line["amount"],
        of(&line["goods"]),
        side(&line["from"]),
        side(&line["to"]),
    );
    for (word, key) in [("note", "note"), ("born", "birth")] {
        if !of(&line[key]).is_empty() {
            text.push_str(&format!("          {word} {}\n", of(&line[key])));
        }
    }
    text
}

impl Scan {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let config = self.place.load()?.config;
        let content = games::load_content(&config.games)?;
        let items_max = self.items_max;
        let scanned = storage::read_alone(&config.storage, &self.place.data, |connection| {
            Box::pin(async move {
                match items::scan(connection, &content, items_max).await {
                    Err(items::ScanError::Storage(error)) => Err(error),
                    other => Ok(other),
                }
            })
        })
        .await?;
        let found = scanned?;
        for finding in &found.report.findings {
            println!("{}", found.words(finding));
        }
        for odd in &found.odd {
            println!("item {}: {}", odd.item, odd.what);
        }
        if found.is_clean() {
            println!("{} items are in order.", found.report.records);
            return Ok(ExitCode::SUCCESS);
        }
        let told = found.report.findings.len() + found.odd.len();
        let all = told as u64 + found.report.more + found.odd_more;
        anyhow::bail!(
            "{all} findings among {} items; `realm item trace ID` tells where each came from",
            found.report.records
        )
    }
}

impl RollBack {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let Self { account, minutes, realm, reason, place } = self;
        let body = json!({"account": account, "minutes": minutes, "realm": realm, "reason": reason});
        let answer = operator::ask(&place, Method::POST, "/items/roll-back", Some(&body)).await?;
        println!("{answer:#}");
        Ok(ExitCode::SUCCESS)
    }
}

impl Verify {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let config = self.place.load()?.config;
        let noted = self.expect;
        let verdict = storage::read_alone(&config.storage, &self.place.data, |connection| {
            Box::pin(async move { items::verify(connection, noted.as_ref()).await })
        })
        .await?;
        match verdict {
            Ok(sound) => {
                println!("The ledger is whole, and all items and purses are as it says: {} lines.", sound.lines);
                println!(
                    "Noted down elsewhere, this finds a ledger that is cut off or replaced later: --expect {sound}"
                );
                Ok(ExitCode::SUCCESS)
            }
            Err(broken) => anyhow::bail!("the ledger is broken: {broken}; compare it with a backup"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_shown_with_both_places() {
        let one = json!({"number": "7", "at": "2026-11-23T05:00:00Z", "actor": "account:5", "act": "move", "amount": 3, "goods": "ash-salt",
            "from": {"place": "inventory", "holder": "9", "cell": "1,2"}, "to": {"place": "nothing", "cell": ""}, "note": "used up"});
        let text = line(&one);
        let mut lines = text.lines().map(str::trim);
        assert_eq!(
            lines.next(),
            Some("7  2026-11-23T05:00:00Z  account:5  move  3 ash-salt: inventory of 9 at 1,2 -> nothing")
        );
        assert_eq!((lines.next(), lines.next()), (Some("note used up"), None));
    }
}
