//! `realm staff`: who is staff of a running realm, and giving roles.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use realm_client::Method;
use serde_json::{Value, json};

use super::{Place, operator};

#[derive(Subcommand)]
pub(super) enum Staff {
    /// List everybody who is more than a player.
    List(List),
    /// List the roles and permissions that there are.
    Roles(Roles),
    /// Give an account a role, and permissions beyond it, in place of what it had; its sessions end.
    Grant(Grant),
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

#[derive(Args)]
pub(super) struct Roles {
    /// Print what the realm answers, as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(super) struct Grant {
    /// Name of the account
    name: String,
    /// player, moderator, game-master or administrator; player takes every role away
    #[arg(long)]
    role: String,
    /// A permission beyond the role, for example audit.read; may be repeated
    #[arg(long = "permission", value_name = "NAME")]
    permissions: Vec<String>,
    /// Why, for the audit log
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
    /// Print what the realm answers, as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

impl Staff {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(List { lines, cursor, json, place }) => {
                let cursor = cursor.map(|cursor| format!("&cursor={}", operator::part(&cursor))).unwrap_or_default();
                let answer = operator::ask(&place, Method::GET, &format!("/staff?limit={lines}{cursor}"), None).await?;
                print(json, &answer, members);
                if !json {
                    operator::more(&answer);
                }
            }
            Self::Roles(Roles { json, place }) => {
                let answer = operator::ask(&place, Method::GET, "/roles", None).await?;
                print(json, &answer, roles);
            }
            Self::Grant(Grant { name, role, permissions, reason, json, place }) => {
                let body = json!({"role": role, "permissions": permissions, "reason": reason});
                let path = format!("/staff/{}", operator::part(&name));
                let answer = operator::ask(&place, Method::PUT, &path, Some(&body)).await?;
                print(json, &answer, member);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn print(json: bool, answer: &Value, shown: fn(&Value) -> String) {
    if json { println!("{answer:#}") } else { print!("{}", shown(answer)) }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn words(value: &Value) -> String {
    let words = value.as_array().map(Vec::as_slice).unwrap_or_default();
    words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
}

fn member(member: &Value) -> String {
    let extra = words(&member["extra"]);
    let extra = if extra.is_empty() { extra } else { format!("  and {extra}") };
    format!("{:<16}  {}{extra}\n", text(member, "name"), text(member, "role"))
}

fn members(answer: &Value) -> String {
    let staff = answer["staff"].as_array().map(Vec::as_slice).unwrap_or_default();
    if staff.is_empty() {
        return "Nobody is staff yet; `realm staff grant NAME --role moderator` makes somebody a moderator.\n"
            .to_owned();
    }
    staff.iter().map(member).collect()
}

fn roles(answer: &Value) -> String {
    let rows = |key: &str| answer[key].as_array().cloned().unwrap_or_default();
    let role = |role: &Value| format!("{:<14}  {}\n", text(role, "role"), words(&role["permissions"]));
    let permission = |one: &Value| format!("{:<20}  {}\n", text(one, "name"), text(one, "meaning"));
    let roles: String = rows("roles").iter().map(role).collect();
    let permissions: String = rows("permissions").iter().map(permission).collect();
    format!("{roles}\n{permissions}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staff_are_shown_one_a_line() {
        let ann = json!({"name": "Ann", "role": "moderator", "extra": ["audit.read"]});
        let bob = json!({"name": "Bob", "role": "owner", "extra": []});
        let shown = members(&json!({"staff": [ann, bob]}));
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), ["Ann", "moderator", "and", "audit.read"]);
        assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["Bob", "owner"]);
        assert!(members(&json!({"staff": []})).starts_with("Nobody"));
    }
}
