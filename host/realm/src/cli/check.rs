//! `realm check`: read everything that a start would read, and say what is wrong.

use std::{path::Path, process::ExitCode};

use clap::Args;

use super::Place;
use crate::{
    config::{Config, Loaded},
    games, net,
    realms::RealmConfig,
    rules::Rules,
    storage::{FolderLock, Storage},
};

#[derive(Args)]
pub(super) struct Check {
    #[command(flatten)]
    place: Place,
}

/// The lines of the report, and whether one of them is a problem.
#[derive(Default)]
struct Report {
    problems: usize,
}

impl Report {
    fn line(&mut self, what: &str, result: Result<String, String>) {
        match result {
            Ok(text) => println!("ok       {what:<14} {text}"),
            Err(text) => {
                self.problems += 1;
                println!("PROBLEM  {what:<14} {text}");
            }
        }
    }
}

impl Check {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let mut report = Report::default();
        let config = match self.place.load() {
            Ok(Loaded { config, file }) => {
                let from = file.map_or_else(
                    || "defaults; there is no realm.toml here".to_owned(),
                    |file| file.display().to_string(),
                );
                report.line("configuration", Ok(from));
                config
            }
            Err(error) => {
                report.line("configuration", Err(error.to_string()));
                return Ok(ExitCode::FAILURE);
            }
        };
        report.line("realms", Ok(realms(&config)));
        let data = &self.place.data;
        report.line("certificate", certificate(&config, data));
        report.line("database", database(&config, data).await);
        report.line("content", games::check_content(&config.games).map_err(|error| error.to_string()));
        report.line("addresses", addresses(&config, data).await);
        plugins(&config, data, &mut report).await;
        if report.problems == 0 {
            println!("The realm can start.");
            Ok(ExitCode::SUCCESS)
        } else {
            println!("Problems: {}.", report.problems);
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The realms in words, for example `Emberfall (main), Duskwall (hard; closed, hidden)`.
fn realms(config: &Config) -> String {
    let one = |realm: &RealmConfig| {
        let flags = realm.flags();
        let flags = if flags.is_empty() { flags } else { format!("; {flags}") };
        format!("{} ({}{flags})", realm.name, realm.key)
    };
    config.realm.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn certificate(config: &Config, data: &Path) -> Result<String, String> {
    let own = !config.tls.certificate.is_empty() || !config.tls.key.is_empty();
    if !own && !data.join("tls").exists() {
        return Ok("self-signed; will be made at the first start".to_owned());
    }
    let tls = net::Tls::load(&config.tls, data).map_err(|error| error.to_string())?;
    if let Some(problem) = tls.validity_problem() {
        return Err(problem);
    }
    Ok(format!("{}SHA-256 {}", if tls.self_signed() { "self-signed, " } else { "" }, tls.fingerprint()))
}

async fn database(config: &Config, data: &Path) -> Result<String, String> {
    if config.storage.url.is_empty() && !data.join("realm.sqlite").exists() {
        return Ok("will be made at the first start".to_owned());
    }
    let found = Storage::schema_version(&config.storage, data).await.map_err(|error| error.to_string())?;
    let known = Storage::schema_version_known();
    match found {
        found if found > known => {
            Err(format!("has schema {found}, this version knows up to {known}; start a newer version of the realm"))
        }
        found if found < known => Ok(format!("schema {found}; the next start brings it to {known}")),
        found => Ok(format!("schema {found}, the newest")),
    }
}

/// Listens for a moment where the realm would, unless it does so already.
async fn addresses(config: &Config, data: &Path) -> Result<String, String> {
    if let Some(holder) = FolderLock::holder(data) {
        return Ok(format!("in use by the realm that runs over this folder (process {holder})"));
    }
    let doors = net::Listeners::bind(&config.net).await.map_err(|error| error.to_string())?;
    let metrics = config.telemetry.bind().await.map_err(|error| error.to_string())?;
    let net::Addresses { https, realm, game } = doors.addresses();
    let metrics = metrics.and_then(|listener| listener.local_addr().ok());
    let metrics = metrics.map_or_else(|| "off".to_owned(), |address| address.to_string());
    Ok(format!("free: https {https}, realm {realm}, game {game}, metrics {metrics}"))
}

async fn plugins(config: &Config, data: &Path, report: &mut Report) {
    if config.plugins.dir.is_empty() && !data.join("plugins").exists() {
        report.line("plugins", Ok("no plugin folder yet; will be made at the first start".to_owned()));
        return;
    }
    let rules = match Rules::start(&config.plugins, data).await {
        Ok((rules, _hooks)) => rules,
        Err(error) => return report.line("plugins", Err(error.to_string())),
    };
    for plugin in rules.status() {
        let result = match plugin.problem {
            None => Ok(format!("{} {}: {}", plugin.name, plugin.version, plugin.hooks.join(", "))),
            Some(problem) => Err(problem),
        };
        report.line(&format!("plugin {}", plugin.file), result);
    }
    rules.stop().await;
}
