//! `realm character`: what the operator sees of characters of a running realm, and does to them.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use realm_client::Method;
use serde_json::{Value, json};

use super::{Place, operator};

#[derive(Subcommand)]
pub(super) enum Character {
    /// Show a character, also a deleted one.
    Show(Show),
    /// Give a character another name; not while it is in a game.
    Rename(Rename),
    /// Give a character to another account, or take it into another realm; not while it is in a game.
    Transfer(Transfer),
}

#[derive(Args)]
pub(super) struct Show {
    /// Key of the character
    id: u64,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(super) struct Rename {
    /// Key of the character
    id: u64,
    /// Its new name
    name: String,
    /// Why, for the audit log
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(super) struct Transfer {
    /// Key of the character
    id: u64,
    /// Name of the account that is to have it [default: the one that has it]
    #[arg(default_value = "", hide_default_value = true, required_unless_present = "realm")]
    account: String,
    /// Key or name of the realm that it is to be in [default: the one that it is in]
    #[arg(long, default_value = "", hide_default_value = true)]
    realm: String,
    /// Why, for the audit log
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
    #[command(flatten)]
    place: Place,
}

impl Character {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let answer = match self {
            Self::Show(Show { id, place }) => ask(&place, Method::GET, &id.to_string(), None).await?,
            Self::Rename(Rename { id, name, reason, place }) => {
                let body = json!({"name": name, "reason": reason});
                ask(&place, Method::POST, &format!("{id}/rename"), Some(&body)).await?
            }
            Self::Transfer(Transfer { id, account, realm, reason, place }) => {
                let body = json!({"account": account, "realm": realm, "reason": reason});
                ask(&place, Method::POST, &format!("{id}/transfer"), Some(&body)).await?
            }
        };
        println!("{answer:#}");
        Ok(ExitCode::SUCCESS)
    }
}

async fn ask(place: &Place, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
    operator::ask(place, method, &format!("/characters/{path}"), body).await
}
