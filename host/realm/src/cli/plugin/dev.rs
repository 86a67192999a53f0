//! `realm plugin dev`: a realm of its own in a temporary folder, a build at every save, and a person who can try the rule.
//!
//! What is typed is said by Anna in a channel where Bob listens; it is shown what Bob reads, or why Anna is refused.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use clap::Args;
use notify::{Event, EventKind, RecursiveMode, Watcher as _, event::AccessKind};
use realm_client::{Door, Lobby, Login, Rest, ServerMessage};
use realm_plugin_build::process;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use super::sources::{Sources, replace};
use crate::{Realm, config::Config, telemetry};

/// The channel in which Anna and Bob meet; the worked examples play there, too.
const CHANNEL: &str = "Trade";
const PASSWORD: &str = "a long password for trying";
/// Nothing was saved for this long: now it is built.
const QUIET: Duration = Duration::from_millis(200);
/// A good build is at work within this time.
const AT_WORK_MAX: Duration = Duration::from_secs(60);
/// Most typed lines that wait for their turn.
const LINES_WAITING_MAX: usize = 64;
/// As long as the realm takes: nobody is thrown out of a workshop for being quiet.
const SILENCE_MAX_MS: u64 = 3_600_000;
/// A line is heard or refused within this time.
const LINE_MAX: Duration = Duration::from_secs(10);

#[derive(Args)]
pub(in crate::cli) struct Dev {
    /// The plugin's folder
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Its table of realm.toml, as JSON
    #[arg(long, value_name = "JSON", default_value = "{}")]
    configuration: String,
    /// Build, come to work, try the lines of the standard input, and end
    #[arg(long)]
    once: bool,
}

impl Dev {
    pub(in crate::cli) async fn run(self) -> anyhow::Result<ExitCode> {
        let sources = Arc::new(Sources::of(&self.folder)?);
        // Heard from the beginning: whenever it comes, nothing is left behind.
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        process::answer_for_children();
        let data = tempfile::Builder::new().prefix("realm-dev-").tempdir()?;
        let config = self.config(&sources.name)?;
        telemetry::start_log(&config.telemetry)?;
        let realm = Realm::start(config, &data.path().join("data")).await?;
        let outcome = tokio::select! {
            outcome = self.serve(&realm, &sources) => outcome,
            _ = interrupt.recv() => Ok(ExitCode::SUCCESS),
            _ = terminate.recv() => Ok(ExitCode::SUCCESS),
        };
        // A build may be on its way.
        process::end_children();
        realm.stop().await;
        outcome
    }

    fn config(&self, name: &str) -> anyhow::Result<Config> {
        let mut config = Config::default();
        for door in [&mut config.net.https, &mut config.net.realm, &mut config.net.game, &mut config.telemetry.listen] {
            *door = "127.0.0.1:0".to_owned();
        }
        // Anna and Bob say nothing while their author thinks or a build goes on.
        config.net.silence_max_ms = SILENCE_MAX_MS;
        // Only what plugins say and what becomes of them: the rest is not what an author looks for.
        config.telemetry.log = "warn,realm::rules=info,realm::hooks=debug".to_owned();
        let table: serde_json::Value =
            serde_json::from_str(&self.configuration).context("--configuration is no JSON")?;
        if table != serde_json::json!({}) {
            config.plugins.configuration.insert(name.to_owned(), table);
        }
        Ok(config)
    }

    async fn serve(&self, realm: &Realm, sources: &Arc<Sources>) -> anyhow::Result<ExitCode> {
        if let Err(error) = build(realm, Arc::clone(sources)).await {
            if self.once {
                return Err(error);
            }
            println!("==> {error:#}");
        }
        let mut people = People::meet(realm).await?;
        let https = realm.addresses().https;
        println!(
            "==> a realm runs at https://{https}/ until this ends; its plugins are in {}",
            realm.rules().folder().display()
        );
        println!("==> type a line, and Anna says it in {CHANNEL}; save a file, and the new rule decides; Ctrl-C ends");
        let (saved, mut saves) = mpsc::channel(1);
        let _watcher = watch(sources, saved)?;
        let mut typed = typed_lines();
        let mut typing = true;
        loop {
            tokio::select! {
                Some(()) = saves.recv(), if !self.once => {
                    settle(&mut saves).await;
                    println!("==> saved: building");
                    if let Err(error) = build(realm, Arc::clone(sources)).await {
                        println!("==> {error:#}");
                    }
                }
                line = typed.recv(), if typing => match line {
                    Some(line) if line.trim().is_empty() => {}
                    Some(line) => println!("{}", people.try_line(&line).await?),
                    None if self.once => return Ok(ExitCode::SUCCESS),
                    // Nobody types any more, but files can still be saved.
                    None => typing = false,
                },
            }
        }
    }
}

/// The lines of the standard input, read by a thread of their own: nothing can break its waiting off, and nothing has to.
fn typed_lines() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(LINES_WAITING_MAX);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// Builds, drops the component into the realm's folder and waits until it decides there.
async fn build(realm: &Realm, sources: Arc<Sources>) -> anyhow::Result<()> {
    let begin = Instant::now();
    let built = tokio::task::spawn_blocking(move || sources.build()).await??;
    let (took, dropped) = (begin.elapsed(), Instant::now());
    let bytes = std::fs::read(&built.file)?;
    let sha256 = realm_plugin_host::sha256_hex(&bytes);
    let name = built.file.file_name().context("a component has a name")?.to_string_lossy().into_owned();
    let mut generations = realm.rules().generation();
    replace(&realm.rules().folder().join(&name), &bytes)?;
    loop {
        let status = realm.rules().status().into_iter().find(|status| status.file == name);
        match status {
            Some(status) if status.sha256 == sha256 && status.problem.is_none() => {
                println!(
                    "==> {} {} decides: built in {:.1} s, at work {} ms after its file was closed",
                    status.name,
                    status.version,
                    took.as_secs_f64(),
                    dropped.elapsed().as_millis()
                );
                return Ok(());
            }
            Some(status) if status.sha256 != sha256 && status.problem.is_some() => {
                bail!("{name} is not at work: {}", status.problem.unwrap_or_default());
            }
            _ if dropped.elapsed() > AT_WORK_MAX => {
                bail!("{name} has not come to work within {} s", AT_WORK_MAX.as_secs())
            }
            _ => {}
        }
        // A refusal changes no generation, so it is looked at again in any case.
        let _ = tokio::time::timeout(Duration::from_millis(20), generations.changed()).await;
    }
}

/// Waits until nothing more is being saved.
async fn settle(saves: &mut mpsc::Receiver<()>) {
    while let Ok(Some(())) = tokio::time::timeout(QUIET, saves.recv()).await {}
}

/// Tells of every change below a plugin's folder that a build did not make.
fn watch(sources: &Sources, saved: mpsc::Sender<()>) -> anyhow::Result<notify::RecommendedWatcher> {
    let root = sources.folder().to_owned();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        let Ok(event) = event else { return };
        // Opening and reading a file says nothing, and a build does much of it.
        let reading = matches!(event.kind, EventKind::Access(AccessKind::Open(_) | AccessKind::Read | AccessKind::Any))
            || matches!(event.kind, EventKind::Access(AccessKind::Close(mode)) if mode != notify::event::AccessMode::Write);
        if !reading && event.paths.iter().any(|path| is_source(&root, path)) {
            // When one waits already, that one will do.
            let _ = saved.try_send(());
        }
    })?;
    watcher.watch(sources.folder(), RecursiveMode::Recursive)?;
    Ok(watcher)
}

/// Is this file something that a person writes?
fn is_source(root: &Path, path: &Path) -> bool {
    let Ok(inside) = path.strip_prefix(root) else { return false };
    let first = inside.components().next().map(|part| part.as_os_str().to_string_lossy().into_owned());
    let made = first.is_some_and(|first| ["target", "dist", "node_modules", "Cargo.lock"].contains(&first.as_str()));
    let compiled = inside.components().any(|part| part.as_os_str() == "__pycache__");
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !made && !compiled && !name.starts_with('.') && !name.ends_with('~')
}

/// Two players who try a rule.
struct People {
    anna: Lobby,
    bob: Lobby,
}

impl People {
    async fn meet(realm: &Realm) -> anyhow::Result<Self> {
        let endpoint = super::super::client_endpoint_of(realm.addresses(), &realm.fingerprint())?;
        let arrive = async |name: &str| -> anyhow::Result<Lobby> {
            let mut rest = Rest::new(&endpoint);
            rest.register(name, PASSWORD).await?;
            let tokens = rest.login(name, PASSWORD).await?;
            let mut lobby = Lobby::connect(&endpoint, Door::Frames).await?;
            lobby.login(Login::Token(tokens.access_token)).await?;
            lobby.join_channel(CHANNEL).await?;
            Ok(lobby)
        };
        Ok(Self { anna: arrive("Anna").await?, bob: arrive("Bob").await? })
    }

    /// What becomes of a line.
    async fn try_line(&mut self, text: &str) -> anyhow::Result<String> {
        let sequence = self.anna.say(text).await?;
        let outcome = self.anna.wait_for(LINE_MAX, |message| match message {
            ServerMessage::ChatMessage(_) => Some(Outcome::Said),
            ServerMessage::Notice(notice) => Some(Outcome::Told(notice.lines.join("\n              "))),
            ServerMessage::Error(error) if error.sequence == sequence => {
                Some(Outcome::Refused(format!("{} ({})", error.message, error.code)))
            }
            _ => None,
        });
        let shown = match outcome.await {
            Ok(Outcome::Said) => {
                let heard = self.bob.line(LINE_MAX).await?.text;
                if heard == text { format!("    passes    {heard}") } else { format!("    replaced  {heard}") }
            }
            Ok(Outcome::Told(lines)) => format!("    answered  {lines}"),
            Ok(Outcome::Refused(why)) => format!("    refused   {why}"),
            Err(error) => format!("    nothing   {CHANNEL} heard nothing: {error}"),
        };
        let _ = std::io::stdout().flush();
        Ok(shown)
    }
}

/// What Anna sees of a line that she wrote.
enum Outcome {
    Said,
    /// By a plugin, or by the realm: the answer to a command.
    Told(String),
    Refused(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_build_makes_starts_no_build() {
        let root = Path::new("/plugin");
        for (path, source) in [
            ("/plugin/src/lib.rs", true),
            ("/plugin/Cargo.toml", true),
            ("/plugin/package.json", true),
            ("/plugin/target/release/x.wasm", false),
            ("/plugin/dist/x.wasm", false),
            ("/plugin/Cargo.lock", false),
            ("/plugin/src/.lib.rs.swp", false),
            ("/plugin/src/lib.rs~", false),
            ("/elsewhere/src/lib.rs", false),
        ] {
            assert_eq!(is_source(root, Path::new(path)), source, "{path}");
        }
    }
}
