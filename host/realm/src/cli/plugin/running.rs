//! The verbs that speak to a running realm: what is at work there, and changing it.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::{Args, Subcommand};
use realm_client::Method;
use serde_json::{Value, json};

use super::{
    super::{Place, operator},
    shown,
};

/// How long a realm may take to look at a file.
const SHADOW_TIMEOUT: Duration = Duration::from_secs(60);
/// Between two looks whether it has.
const SHADOW_PULSE: Duration = Duration::from_millis(100);

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
    /// Let a new version run beside the one at work: it is asked the same, and its answers are only compared.
    Shadow(Shadow),
    /// Let a plugin's shadow take its place.
    Promote(Named),
    /// Delete a plugin's shadow.
    Drop(Named),
}

#[derive(Args)]
pub(in crate::cli) struct Shadow {
    /// The new version's file
    file: PathBuf,
    #[command(flatten)]
    place: Place,
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
            Self::Shadow(shadow) => shadow.start().await?,
            Self::Promote(named) => named.act("promote").await?,
            Self::Drop(named) => named.act("drop").await?,
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

impl Shadow {
    /// Puts the file into the plugin folder under a shadow's name, and waits until the realm has made up its mind about it.
    async fn start(self) -> anyhow::Result<()> {
        let bytes = std::fs::read(&self.file).map_err(|error| anyhow::anyhow!("{}: {error}", self.file.display()))?;
        let sha256 = realm_plugin_host::sha256_hex(&bytes);
        let config = self.place.load()?.config.plugins;
        let folder = if config.dir.is_empty() { self.place.data.join("plugins") } else { PathBuf::from(&config.dir) };
        let stem = self.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let stem = stem.trim_end_matches(".shadow");
        let (beside, file) = (folder.join(format!(".{stem}.shadow.new")), format!("{stem}.shadow.wasm"));
        let note = json!({"file": file, "sha256": sha256});
        operator::ask(&self.place, Method::POST, "/plugin-shadows", Some(&note)).await?;
        let signature = format!("{}.minisig", self.file.display());
        if Path::new(&signature).is_file() {
            std::fs::copy(&signature, folder.join(format!("{file}.minisig")))
                .map_err(|error| anyhow::anyhow!("{signature}: {error}"))?;
        }
        std::fs::write(&beside, &bytes)
            .and_then(|()| std::fs::rename(&beside, folder.join(&file)))
            .map_err(|error| anyhow::anyhow!("{}: {error}", folder.display()))?;
        let begin = Instant::now();
        while begin.elapsed() < SHADOW_TIMEOUT {
            let answer = ask(&self.place, Method::GET, "/plugins").await?;
            let plugins = answer["plugins"].as_array().map(Vec::as_slice).unwrap_or_default();
            if let Some(plugin) = plugins.iter().find(|plugin| plugin["file"] == file.as_str()) {
                if plugin["sha256"] == sha256.as_str() {
                    let (name, version) = (&plugin["name"], &plugin["version"]);
                    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                    let (name, version) = (text(name), text(version));
                    println!(
                        "{name} {version} runs as a shadow. `realm plugin list` shows how it differs; `realm plugin promote {name}` puts it to work, `realm plugin drop {name}` ends it."
                    );
                    return Ok(());
                }
                if let Some(problem) = plugin["problem"].as_str() {
                    anyhow::bail!("{file} does not run: {problem}");
                }
            }
            tokio::time::sleep(SHADOW_PULSE).await;
        }
        anyhow::bail!(
            "the realm has not looked at {file} within {} s; `realm plugin list` shows what becomes of it",
            SHADOW_TIMEOUT.as_secs()
        )
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

async fn ask(place: &Place, method: Method, path: &str) -> anyhow::Result<Value> {
    operator::ask(place, method, path, None).await
}

fn print(json: bool, answer: &Value, shown: fn(&Value) -> String) {
    if json { println!("{answer:#}") } else { print!("{}", shown(answer)) }
}
