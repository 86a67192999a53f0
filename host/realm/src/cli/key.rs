//! `realm key`: account keys (invitations and licences) of a running realm.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use realm_client::Method;
use serde_json::{Value, json};

use super::{Place, operator};

/// Keys that one request carries.
const KEYS_AT_ONCE_MAX: usize = 1_000;

#[derive(Subcommand)]
pub(super) enum Key {
    /// Make keys and print them, one a line; they are shown this once.
    Make(Make),
    /// Take keys from a file, one a line.
    Import(Import),
    /// Say what became of a key.
    Check(One),
    /// Make a key worthless.
    Revoke(One),
    /// Show the keys by their last characters, the newest first.
    List(List),
}

#[derive(Args)]
pub(super) struct Make {
    /// How many, at most 1,000
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1_000))]
    count: u16,
    /// What they are for
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    note: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(super) struct Import {
    /// The file; 16 to 64 letters and digits a line, hyphens and case do not count
    file: PathBuf,
    /// What they are for
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    note: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(super) struct One {
    /// The key
    key: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(super) struct List {
    /// How many
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

impl Key {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Make(Make { count, note, place }) => {
                let added = add(&place, &json!({"make": count, "note": note})).await?;
                added["made"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .for_each(|key| println!("{key}"));
            }
            Self::Import(Import { file, note, place }) => {
                let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
                let keys: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
                let (mut imported, mut illegal) = (0, 0);
                for keys in keys.chunks(KEYS_AT_ONCE_MAX) {
                    let added = add(&place, &json!({"import": keys, "note": note})).await?;
                    imported += added["imported"].as_u64().unwrap_or(0);
                    illegal += added["illegal"].as_u64().unwrap_or(0);
                }
                println!("{imported} keys imported; {illegal} lines are no keys, the rest were there.");
            }
            Self::Check(One { key, place }) => show_one(&place, "check", &key).await?,
            Self::Revoke(One { key, place }) => show_one(&place, "revoke", &key).await?,
            Self::List(List { lines, cursor, json, place }) => {
                let cursor = cursor.map(|cursor| format!("&cursor={}", operator::part(&cursor))).unwrap_or_default();
                let path = format!("/account-keys?limit={lines}{cursor}");
                let found = operator::ask(&place, Method::GET, &path, None).await?;
                if json {
                    println!("{found:#}");
                } else {
                    found["keys"].as_array().into_iter().flatten().for_each(|key| println!("{}", line(key)));
                    operator::more(&found);
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn add(place: &Place, body: &Value) -> anyhow::Result<Value> {
    operator::ask(place, Method::POST, "/account-keys", Some(body)).await
}

async fn show_one(place: &Place, verb: &str, key: &str) -> anyhow::Result<()> {
    let path = format!("/account-keys/{verb}");
    println!("{}", line(&operator::ask(place, Method::POST, &path, Some(&json!({"key": key}))).await?));
    Ok(())
}

/// A key in one line.
fn line(key: &Value) -> String {
    let text = |member: &str| key[member].as_str().unwrap_or_default();
    let (hint, state, created, note) = (text("hint"), text("state"), text("created"), text("note"));
    let account = if text("account").is_empty() { String::new() } else { format!(", account {}", text("account")) };
    format!("…{hint}  {state:<7}  {created}{account}  {note}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_shown_in_a_line() {
        let key = json!({"hint": "RSTU", "note": "spring", "state": "free", "created": "2026-01-01T00:00:00Z"});
        assert_eq!(line(&key), "…RSTU  free     2026-01-01T00:00:00Z  spring");
        let bound = json!({"hint": "RSTU", "note": "", "state": "bound", "created": "c", "account": "7"});
        assert_eq!(line(&bound), "…RSTU  bound    c, account 7");
    }
}
