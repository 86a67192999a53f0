//! The verbs that speak to a running realm: what is at work there, and changing it.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use realm_client::{Method, Rest};
use serde_json::Value;

use super::{super::Place, shown};
use crate::admin::OperatorToken;

#[derive(Subcommand)]
pub(in crate::cli) enum Running {
    /// List the plugins of a running realm: state, hooks, order, calls, failures, permissions.
    List(List),
    /// Show everything that a running realm knows of one plugin.
    Inspect(Named),
    /// Show the last lines of a plugin and about it.
    Logs(Logs),
    /// Let a disabled plugin come to work again.
    Enable(Named),
    /// Take a plugin from work until it is enabled, over restarts, too; its file stays.
    Disable(Named),
    /// Read a plugin's file again and start it anew, also after it was rolled back.
    Reload(Named),
    /// Put the good version that was at work before in a plugin's place.
    Rollback(Named),
}

#[derive(Args)]
pub(in crate::cli) struct List {
    /// Print what the realm answers, as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(in crate::cli) struct Named {
    /// Name of the plugin, as in its manifest
    name: String,
    /// Print what the realm answers, as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(in crate::cli) struct Logs {
    /// Name of the plugin, as in its manifest
    name: String,
    /// How many lines
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    lines: u32,
    /// Print what the realm answers, as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

impl Running {
    pub(in crate::cli) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(List { json, place }) => {
                let answer = ask(&place, Method::GET, "/plugins").await?;
                print(json, &answer, shown::list);
            }
            Self::Inspect(Named { name, json, place }) => {
                let answer = ask(&place, Method::GET, &format!("/plugins/{}", part(&name)?)).await?;
                print(json, &answer, shown::plugin);
            }
            Self::Logs(Logs { name, lines, json, place }) => {
                let path = format!("/plugins/{}/logs?lines={lines}", part(&name)?);
                let answer = ask(&place, Method::GET, &path).await?;
                print(json, &answer, shown::lines);
            }
            Self::Enable(named) => named.act("enable").await?,
            Self::Disable(named) => named.act("disable").await?,
            Self::Reload(named) => named.act("reload").await?,
            Self::Rollback(named) => named.act("rollback").await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Named {
    async fn act(self, verb: &str) -> anyhow::Result<()> {
        let path = format!("/plugins/{}/{verb}", part(&self.name)?);
        let answer = ask(&self.place, Method::POST, &path).await?;
        print(self.json, &answer, shown::outcome);
        Ok(())
    }
}

/// A name as part of an address: names of plugins need no escaping, and nothing else is a name.
fn part(name: &str) -> anyhow::Result<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    anyhow::ensure!(
        !name.is_empty() && name.chars().all(plain),
        "\"{name}\" is no name of a plugin; `realm plugin list` shows the names"
    );
    Ok(name)
}

/// Asks the realm over this data folder, with the operator's token that lies there.
async fn ask(place: &Place, method: Method, path: &str) -> anyhow::Result<Value> {
    let endpoint = place.endpoint()?;
    let file = OperatorToken::file(&place.data);
    let token = std::fs::read_to_string(&file)
        .map_err(|error| anyhow::anyhow!("{}: {error}; run this as the user that runs the realm", file.display()))?;
    let mut rest = Rest::new(&super::super::client_endpoint(&endpoint)?);
    rest.set_access_token(Some(token));
    Ok(rest.request(method, &format!("/api/v1/admin{path}"), None).await?.success()?.json)
}

fn print(json: bool, answer: &Value, shown: fn(&Value) -> String) {
    if json { println!("{answer:#}") } else { print!("{}", shown(answer)) }
}
