//! The verbs of the binary, one file each.
//!
//! Local verbs work on files; the others speak to a running realm over its REST interface, found through the note it leaves
//! in its data folder.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is where the program speaks to the person at the terminal"
)]

mod audit;
mod backup;
mod bots;
mod character;
mod check;
mod docs;
mod explain;
mod item;
mod key;
mod migrate;
mod operator;
mod owner;
mod plugin;
mod replay;
mod sanction;
mod season;
mod staff;
mod up;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::{
    Endpoint,
    config::{Config, ConfigError, Loaded},
    types::{Urgency, process_nice},
};

/// Threads for what blocks for a moment: a new game's world, a folder that is read.
const BLOCKING_THREADS_MAX: usize = 16;

/// A realm server for Diablo-II-style games: accounts, characters, chat, games and ladder, with rules as WebAssembly plugins.
#[derive(Parser)]
#[command(name = "realm", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Start the realm.
    Up(up::Up),
    /// Read configuration, certificate, database, addresses and plugins, and say what is wrong, without starting.
    Check(check::Check),
    /// Bring the database to the newest schema, without starting, or move the realm into another database.
    Migrate(migrate::Migrate),
    /// Write the realm's database into one file, while the realm runs.
    Backup(backup::Backup),
    /// Replace the realm's database by a backup.
    Restore(backup::Restore),
    /// Look at every row of the realm's database, or of a backup.
    Verify(backup::Verify),
    /// The owner's account.
    #[command(subcommand)]
    Owner(owner::Owner),
    /// Who is staff, and what they may do.
    #[command(subcommand)]
    Staff(staff::Staff),
    /// Characters of players.
    #[command(subcommand)]
    Character(character::Character),
    /// Items of players.
    #[command(subcommand)]
    Item(item::ItemVerb),
    /// The ledger of every move of items and gold.
    #[command(subcommand)]
    Ledger(item::Ledger),
    /// What staff did.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Say what a code of the realm means, or list them all.
    Explain(explain::Explain),
    /// Bans, mutes and flags of a running realm.
    #[command(subcommand)]
    Sanction(sanction::Sanction),
    /// Account keys of a running realm: invitations and licences.
    #[command(subcommand)]
    Key(key::Key),
    /// Let bots play: against a running realm, or against one of their own in a temporary folder.
    Bots(bots::Bots),
    /// Repeat a game from its log, compare every hash, and say where it first differs.
    Replay(replay::Replay),
    /// Plugins: make, build, check, test, measure and sign one; see and change those of a running realm.
    #[command(subcommand)]
    Plugin(plugin::Plugin),
    /// The seasons of the ladder.
    #[command(subcommand)]
    Season(season::Season),
    /// The configuration.
    #[command(subcommand)]
    Config(docs::ConfigVerb),
    /// Write the generated parts of the documentation.
    #[command(hide = true)]
    Docs(docs::Docs),
}

/// Where configuration and data are.
#[derive(Args, Clone)]
struct Place {
    /// Configuration file [default: realm.toml in this folder, if there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data folder; created when it does not exist
    #[arg(long, value_name = "FOLDER", default_value = "realm-data")]
    data: PathBuf,
}

impl Place {
    fn load(&self) -> Result<Loaded, ConfigError> {
        let here = PathBuf::from("realm.toml");
        let file = self.config.clone().or_else(|| here.exists().then_some(here));
        Config::load(file.as_deref(), std::env::vars())
    }

    /// The running realm over this data folder.
    fn endpoint(&self) -> anyhow::Result<Endpoint> {
        let file = Endpoint::file(&self.data);
        let text = std::fs::read_to_string(&file).map_err(|_| {
            anyhow::anyhow!(
                "no realm runs over the data folder {}: start one with `realm up`, or name its folder with --data",
                self.data.display()
            )
        })?;
        Ok(serde_json::from_str(&text)?)
    }
}

/// Runs the verb that the command line names.
#[must_use]
pub fn run() -> ExitCode {
    let result = match Arguments::parse().verb {
        Verb::Up(verb) => block_on(verb.run()),
        Verb::Check(verb) => block_on(verb.run()),
        Verb::Migrate(verb) => block_on(verb.run()),
        Verb::Backup(verb) => block_on(verb.run()),
        Verb::Restore(verb) => block_on(verb.run()),
        Verb::Verify(verb) => block_on(verb.run()),
        Verb::Owner(verb) => block_on(verb.run()),
        Verb::Staff(verb) => block_on(verb.run()),
        Verb::Character(verb) => block_on(verb.run()),
        Verb::Item(verb) => block_on(verb.run()),
        Verb::Ledger(verb) => block_on(verb.run()),
        Verb::Audit(verb) => block_on(verb.run()),
        Verb::Explain(verb) => verb.run(),
        Verb::Sanction(verb) => block_on(verb.run()),
        Verb::Key(verb) => block_on(verb.run()),
        Verb::Bots(verb) => block_on(verb.run()),
        Verb::Replay(verb) => verb.run(),
        Verb::Plugin(verb) => verb.run(),
        Verb::Season(verb) => block_on(verb.run()),
        Verb::Config(verb) => verb.run(),
        Verb::Docs(verb) => verb.run(),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn block_on(verb: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    process_nice();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("realm-async")
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .on_thread_start(|| Urgency::Async.take())
        .build()?;
    let result = runtime.block_on(verb);
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    result
}

/// How the client library reaches a realm on this machine.
fn client_endpoint(endpoint: &Endpoint) -> anyhow::Result<realm_client::Endpoint> {
    let addresses = crate::net::Addresses { https: endpoint.https, realm: endpoint.realm, game: endpoint.game };
    client_endpoint_of(addresses, &endpoint.fingerprint)
}

fn client_endpoint_of(addresses: crate::net::Addresses, fingerprint: &str) -> anyhow::Result<realm_client::Endpoint> {
    let trust = realm_client::Trust::fingerprint(fingerprint)?;
    let mut endpoint = realm_client::Endpoint::new(&addresses.https.ip().to_string(), trust);
    endpoint.https_port = addresses.https.port();
    endpoint.realm_port = addresses.realm.port();
    endpoint.game_port = addresses.game.port();
    endpoint.deadline = std::time::Duration::from_secs(30);
    Ok(endpoint)
}

/// The program's verbs with their options, for a test that goes through them.
#[must_use]
pub fn command() -> clap::Command {
    <Arguments as clap::CommandFactory>::command()
}
