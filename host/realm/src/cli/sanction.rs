//! `realm sanction`: bans, mutes and flags on a running realm.

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use realm_client::Method;
use serde_json::{Value, json};

use super::{Place, operator};

#[derive(Subcommand)]
pub(super) enum Sanction {
    /// Shut an account, an address or a network out; whoever is connected is sent away.
    Ban(Speak),
    /// Keep an account from talking.
    Mute(Speak),
    /// Bring an account to the attention of staff.
    Flag(Speak),
    /// Take a sanction back.
    Lift(Lift),
    /// Show sanctions, the newest first.
    List(List),
}

#[derive(Args)]
pub(super) struct Speak {
    /// Name of an account, an address, or a network such as 192.0.2.0/24 or 2001:db8::/48
    target: String,
    /// What the player is told, with the number and the end
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// How long it lasts, for example 30m, 12h or 7d [default: for good; a mute needs one]
    #[arg(long = "for", value_name = "TIME")]
    length: Option<String>,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(super) struct Lift {
    /// Number of the sanction
    number: i64,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(super) struct List {
    /// Name of an account, an address or a network [default: all]
    target: Option<String>,
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

impl Sanction {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Ban(order) => speak("ban", order).await?,
            Self::Mute(order) => speak("mute", order).await?,
            Self::Flag(order) => speak("flag", order).await?,
            Self::Lift(Lift { number, place }) => {
                let path = format!("/sanctions/{number}");
                println!("{}", line(&operator::ask(&place, Method::DELETE, &path, None).await?));
            }
            Self::List(List { target, lines, cursor, json, place }) => {
                let mut path = format!("/sanctions?limit={lines}");
                for (key, value) in [("target", target), ("cursor", cursor)] {
                    if let Some(value) = value {
                        path.push_str(&format!("&{key}={}", escaped(&value)));
                    }
                }
                let found = operator::ask(&place, Method::GET, &path, None).await?;
                if json {
                    println!("{found:#}");
                } else {
                    found["sanctions"].as_array().into_iter().flatten().for_each(|one| println!("{}", line(one)));
                    operator::more(&found);
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn speak(kind: &str, Speak { target, reason, length, place }: Speak) -> anyhow::Result<()> {
    let mut body = json!({"kind": kind, "target": target, "reason": reason});
    if let Some(length) = length {
        body["seconds"] = json!(seconds(&length)?);
    }
    println!("{}", line(&operator::ask(&place, Method::POST, "/sanctions", Some(&body)).await?));
    Ok(())
}

/// A length of time such as `12h`.
fn seconds(text: &str) -> anyhow::Result<u64> {
    let units = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
    let split = units.iter().find_map(|(unit, length)| Some((text.strip_suffix(unit)?, *length)));
    let counted = split.and_then(|(count, length)| count.parse::<u64>().ok()?.checked_mul(length));
    match counted.filter(|seconds| *seconds > 0) {
        Some(seconds) => Ok(seconds),
        None => bail!("\"{text}\" is no length of time; write a number with s, m, h or d, for example 12h"),
    }
}

/// A part of an address.
fn escaped(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.bytes().map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Who decided: accounts by their names, and never as if they were plugins.
fn decider(sanction: &Value, member: &str) -> String {
    let text = sanction[member].as_str().unwrap_or_default();
    match (text.split_once(':'), sanction[format!("{member}_name")].as_str()) {
        (None, _) => format!("the {text}"),
        (Some(("account", _)), Some(name)) => format!("{name} ({text})"),
        (Some(("plugin", name)), _) => format!("the plugin {name}"),
        (Some(("rule", name)), _) => format!("the rule {name}"),
        (Some(_), _) => text.to_owned(),
    }
}

/// A sanction in one line.
fn line(sanction: &Value) -> String {
    let text = |member: &str| sanction[member].as_str().unwrap_or_default().to_owned();
    let until = if sanction["until"].is_null() { "for good".to_owned() } else { format!("until {}", text("until")) };
    let lifted = if sanction["lifted"].is_null() {
        String::new()
    } else {
        format!(", lifted {} by {}", text("lifted"), decider(sanction, "lifted_by"))
    };
    let over = if sanction["in_force"] == true || !lifted.is_empty() { "" } else { ", over" };
    // A JSON value pays no heed to a width.
    let (number, kind, target) = (sanction["number"].to_string(), text("kind"), text("target"));
    format!(
        "{number:>5}  {kind} {target} {until}, by {}{lifted}{over}: {}",
        decider(sanction, "decided_by"),
        text("reason")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_and_mistakes_named() {
        for (text, expected) in [("90s", 90), ("30m", 1_800), ("12h", 43_200), ("7d", 604_800)] {
            assert_eq!(seconds(text).unwrap(), expected, "{text}");
        }
        for text in ["", "7", "d", "-1d", "0h", "1.5h", "7 d", "9999999999999999999d"] {
            assert!(seconds(text).unwrap_err().to_string().contains("12h"), "{text}");
        }
    }

    #[test]
    fn a_sanction_is_shown_in_a_line() {
        let mut sanction = json!({"number": 12, "kind": "ban", "target": "192.0.2.0/24", "reason": "Spam.",
            "decided_by": "operator", "created": "2026-01-01T00:00:00Z", "in_force": true});
        assert_eq!(line(&sanction), "   12  ban 192.0.2.0/24 for good, by the operator: Spam.");
        sanction["until"] = json!("2026-01-02T00:00:00Z");
        sanction["in_force"] = json!(false);
        assert!(line(&sanction).contains("until 2026-01-02T00:00:00Z, by the operator, over: Spam."));
        sanction["decided_by"] = json!("account:7");
        assert!(line(&sanction).contains(", by account:7, over"));
        sanction["decided_by_name"] = json!("anti-cheat");
        assert!(line(&sanction).contains(", by anti-cheat (account:7), over"));
        sanction["lifted"] = json!("2026-01-01T12:00:00Z");
        sanction["lifted_by"] = json!("plugin:anti-cheat");
        assert!(line(&sanction).contains(", lifted 2026-01-01T12:00:00Z by the plugin anti-cheat: Spam."));
        assert_eq!(escaped("2001:db8::/48"), "2001%3Adb8%3A%3A%2F48");
    }
}
