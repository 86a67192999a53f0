//! The operator's side of plugins: the watched folder, what is installed, which version is at work.

mod entry;
mod folder;
mod keeper;
mod quiet;
mod signature;
mod watch;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use arc_swap::ArcSwap;
use realm_plugin_host::{Host, HostError, Limits};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch as generations};

use crate::{
    hooks::{Hooks, Publisher},
    types::{Urgency, spawn_thread},
};

use self::{
    folder::Folder,
    keeper::{Keeper, Shown},
    quiet::Quiet,
    signature::Seals,
    watch::{NOTICES_MAX, Notice, Notices},
};

/// Folder for compiled code inside the data folder; machine code is loaded from it, so it is the realm's alone.
const CACHE_FOLDER: &str = "plugin-cache";
/// Longest wait for the plugin threads when the realm stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// `[plugins]`: the rules that players live under.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folder that is watched for `.wasm` files; empty is `plugins/` in the data folder.
    pub dir: String,
    /// Folder for compiled plugins; empty is `plugin-cache/` in the data folder. Never the plugin folder: machine code is loaded from it.
    pub cache_dir: String,
    /// Public keys of minisign, the second line of a `.pub` file each. A plugin with a signature beside it (`NAME.wasm.minisig`) must
    /// be signed with one of them, and not be older than the last version that was.
    pub keys: Vec<String>,
    /// Take only plugins that are signed with one of `keys`.
    pub require_signed: bool,
    /// One table per plugin, handed to its `init` as JSON.
    pub configuration: BTreeMap<String, serde_json::Value>,
}

impl Config {
    /// Checks what a person wrote.
    ///
    /// # Errors
    /// When a plugin's table holds a number that JSON cannot carry, or a signing key is none; the text names the key.
    pub fn check(&self) -> Result<(), String> {
        signature::read_keys(&self.keys)?;
        if self.require_signed && self.keys.is_empty() {
            return Err(
                "[plugins] require_signed is on and `keys` is empty, so no plugin could ever load; add a public key"
                    .to_owned(),
            );
        }
        for (plugin, table) in &self.configuration {
            if let Some(key) = none_in(table) {
                return Err(format!(
                    "[plugins.configuration.{plugin}]{key}: `nan` and `inf` cannot be handed to a plugin; write a number"
                ));
            }
        }
        Ok(())
    }
}

/// The place of a value that was no finite number: JSON has none in its stead.
fn none_in(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::Null => Some(String::new()),
        serde_json::Value::Array(values) => values.iter().find_map(none_in),
        serde_json::Value::Object(table) => {
            table.iter().find_map(|(key, value)| none_in(value).map(|inner| format!(" {key}{inner}")))
        }
        _ => None,
    }
}

/// A plugin as the operator sees it.
#[derive(Debug, Clone, Serialize)]
pub struct PluginStatus {
    /// Name from the manifest, or the file's name when the manifest cannot be read.
    pub name: String,
    /// Version at work; empty when none is.
    pub version: String,
    /// Names of the hooks it answers.
    pub hooks: Vec<String>,
    /// File in the plugin folder.
    pub file: String,
    /// SHA-256 of the file at work, in hexadecimal.
    pub sha256: String,
    /// How long it took from reading the file to deciding, in milliseconds.
    pub load_ms: f64,
    /// Size of the file, in bytes.
    pub size_bytes: u64,
    /// Why the newest file is not at work; `None` when it is.
    pub problem: Option<String>,
}

/// Why the plugin folder cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// The folder cannot be made, read or watched.
    #[error("the plugin folder {0} cannot be used: {1}")]
    Folder(String, String),
    /// A signing key is none, or what was signed last cannot be read.
    #[error("the signatures of plugins cannot be checked: {0}")]
    Signatures(String),
    /// Plugins cannot be run on this machine.
    #[error("plugins cannot be run: {0}")]
    Host(#[from] HostError),
    /// A thread could not be started.
    #[error("the plugin threads cannot be started: {0}")]
    Threads(String),
}

/// The watched folder; cheap to clone.
#[derive(Clone)]
pub struct Rules {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    shown: Shown,
    publisher: Arc<Publisher>,
    notices: SyncSender<Notice>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Rules {
    /// Loads every plugin of the folder, then watches it. Returns when the first load is done: broken files are reported, not fatal.
    ///
    /// # Errors
    /// When the folder cannot be used or the engine does not start.
    pub async fn start(config: &Config, data: &Path) -> Result<(Self, Hooks), RulesError> {
        let path = if config.dir.is_empty() { data.join("plugins") } else { PathBuf::from(&config.dir) };
        let folder =
            Folder::open(&path).map_err(|error| RulesError::Folder(path.display().to_string(), error.to_string()))?;
        let keys = signature::read_keys(&config.keys).map_err(RulesError::Signatures)?;
        let seals = Seals::open(keys, config.require_signed, data)
            .map_err(|error| RulesError::Signatures(error.to_string()))?;
        let threads = |error: std::io::Error| RulesError::Threads(error.to_string());
        let (hooks, publisher) = Hooks::start().map_err(threads)?;
        let publisher = Arc::new(publisher);
        let shown = Shown {
            status: Arc::new(ArcSwap::from_pointee(Vec::new())),
            generation: Arc::new(generations::Sender::new(0)),
        };
        let (notices, notices_in) = sync_channel(NOTICES_MAX);
        let (ready, loaded) = oneshot::channel();
        let watching = {
            let cache =
                if config.cache_dir.is_empty() { data.join(CACHE_FOLDER) } else { PathBuf::from(&config.cache_dir) };
            let config = config.clone();
            let (publisher, shown, sender) = (Arc::clone(&publisher), shown.clone(), notices.clone());
            move || {
                let host = match start_host(&cache) {
                    Ok(host) => host,
                    Err(error) => return drop(ready.send(Err(RulesError::from(error)))),
                };
                // Notices first: what arrives during the first load is seen afterwards.
                let open = {
                    let folder = folder.clone();
                    move || Notices::of(folder.path(), sender.clone())
                };
                let watched = open();
                let mut quiet = Quiet::default();
                let mut keeper = Keeper::new(folder, host, publisher, config, shown).sealed(seals);
                if let Err(error) = keeper.load_all(&mut quiet) {
                    return drop(ready.send(Err(error)));
                }
                if ready.send(Ok(())).is_ok() {
                    // Compiling a plugin may take seconds of CPU, which ticks must not feel.
                    Urgency::Background.take();
                    watch::run(keeper, quiet, &notices_in, watched, open);
                }
            }
        };
        let thread = spawn_thread("plugin-folder".to_owned(), Urgency::Async, watching).map_err(threads)?;
        loaded.await.map_err(|_| RulesError::Threads("the loading thread ended".to_owned()))??;
        let shared = Shared { path, shown, publisher, notices, thread: Mutex::new(Some(thread)) };
        Ok((Self { shared: Arc::new(shared) }, hooks))
    }

    /// The folder that is watched.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.shared.path
    }

    /// Every installed plugin, by name.
    pub fn status(&self) -> Vec<PluginStatus> {
        self.shared.shown.status.load().to_vec()
    }

    /// Counts the changes of what is at work. A call that begins after the number rose is answered by the new versions,
    /// and [`Self::status`] shows them. A file that is refused changes only the status.
    pub fn generation(&self) -> generations::Receiver<u64> {
        self.shared.shown.generation.subscribe()
    }

    /// Stops watching and ends the plugin threads.
    pub async fn stop(&self) {
        let shared = Arc::clone(&self.shared);
        let ended = tokio::task::spawn_blocking(move || shared.stop());
        let _ = tokio::time::timeout(STOP_TIMEOUT * 2, ended).await;
    }
}

impl Shared {
    fn stop(&self) {
        let _ = self.notices.try_send(Notice::Stop);
        self.publisher.stop(STOP_TIMEOUT);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let _ = self.notices.try_send(Notice::Stop);
    }
}

/// Starts the engine; without its cache when that folder cannot be used, since then plugins only load more slowly.
fn start_host(cache: &Path) -> Result<Host, HostError> {
    Host::new(Limits::default(), Some(cache)).or_else(|error| match error {
        HostError::Cache(text) => {
            tracing::warn!("{text}; plugins are compiled anew at every start");
            Host::new(Limits::default(), None)
        }
        other => Err(other),
    })
}

#[cfg(test)]
mod tests;
