//! `realm season`: the seasons of the ladder of a running realm.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use realm_client::Method;
use serde_json::{Value, json};

use super::{Place, operator};

#[derive(Subcommand)]
pub(super) enum Season {
    /// End the season that is running: its best are kept with what the ladder rule gives them, and everybody begins anew.
    End(End),
}

#[derive(Args)]
pub(super) struct End {
    /// Name of the season that begins, at most 32 characters [default: its number]
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    next: String,
    /// Key or name of the realm [default: the first]
    #[arg(long, value_name = "REALM", default_value = "", hide_default_value = true)]
    realm: String,
    /// Print what the realm answers, as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

impl Season {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let Season::End(End { next, realm, json, place }) = self;
        let body = json!({"next": next, "realm": realm});
        let ended = operator::ask(&place, Method::POST, "/ladder/season-end", Some(&body)).await?;
        if json {
            println!("{ended:#}");
        } else {
            print!("{}", shown(&ended));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The season that has ended, for a terminal: a line for each place.
fn shown(ended: &Value) -> String {
    let season = &ended["season"];
    let standings = ended["standings"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut lines = format!(
        "Season {} \"{}\" has ended with {} places; everybody begins anew.\n",
        season["number"],
        text(&season["name"]),
        standings.len()
    );
    for place in standings {
        let title = text(&place["title"]);
        let title = if title.is_empty() { title } else { format!("  {title}") };
        let (rank, name, score) = (text(&place["rank"]), text(&place["name"]), text(&place["score"]));
        lines.push_str(&format!("{rank:>4}  {name:<16}  {score:>20}{title}\n"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_season_that_has_ended_is_shown_place_by_place() {
        let place = json!({"rank": 1, "name": "Isa", "score": "107", "title": "Champion"});
        let other = json!({"rank": 2, "name": "Tor", "score": "7", "title": ""});
        let text = shown(&json!({"season": {"number": 3, "name": "Winter"}, "standings": [place, other]}));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "Season 3 \"Winter\" has ended with 2 places; everybody begins anew.");
        assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["1", "Isa", "107", "Champion"]);
        assert_eq!(lines[2].split_whitespace().collect::<Vec<_>>(), ["2", "Tor", "7"]);
    }
}
