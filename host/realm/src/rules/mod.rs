//! The operator's side of plugins: the watched folder, what is installed, which version is at work.

mod bringing;
mod config;
mod entry;
mod figures;
mod folder;
mod keeper;
mod kv;
mod orders;
mod quiet;
mod signature;
mod store;
mod versions;
mod watch;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use arc_swap::ArcSwap;
use realm_plugin_host::{Host, HostError, Limits, PluginLimits};
use serde::Serialize;
use tokio::sync::{oneshot, watch as generations};

use crate::{
    hooks::{
        Hooks, Journal, KeyValues, Observed, Offers, PluginLine, Publisher, RECORDINGS_FOLDER, Record, Recorder,
        Recording, Settings,
    },
    storage::{Storage, StorageError},
    types::{Urgency, spawn_thread},
};

pub use self::{
    config::{Config, Overrides},
    orders::{Act, OrderError},
    versions::{KeptVersion, RolledBack},
};

use self::{
    folder::Folder,
    keeper::{Keeper, Parts, Shown},
    kv::Keys,
    orders::Order,
    quiet::Quiet,
    signature::Seals,
    versions::Versions,
    watch::{NOTICES_MAX, Notice, Notices},
};

/// Folder for compiled code inside the data folder; machine code is loaded from it, so it is the realm's alone.
const CACHE_FOLDER: &str = "plugin-cache";
/// Folder for what is remembered of plugins and for the bytes of their last versions, inside the data folder.
const VERSIONS_FOLDER: &str = "plugin-versions";
/// Longest wait for an order: it may stand behind the compiling of large files.
const ORDER_TIMEOUT: Duration = Duration::from_secs(150);
/// Longest wait for the plugin threads when the realm stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Would a realm with this configuration over this data folder accept the signature of a file, or its absence? `plugin` is the name
/// and the version of its manifest. `Ok(false)`: nobody vouches for it, and nobody has to.
///
/// # Errors
/// The realm's sentence.
pub fn check_signature(
    config: &Config,
    data: &Path,
    bytes: &[u8],
    signature: Option<&str>,
    plugin: (&str, &str),
) -> Result<bool, String> {
    signature::check_once(config, data, bytes, signature, plugin)
}

/// What has become of a file in the plugin folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PluginState {
    /// It decides.
    AtWork,
    /// The operator has taken it from work.
    Disabled,
    /// Nothing of it is at work; `problem` says why.
    Broken,
    /// An earlier version decides in its place.
    RolledBack,
    /// It is asked what the version at work is asked, and its answers are only compared.
    Shadow,
}

impl PluginState {
    /// The words for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AtWork => "at work",
            Self::Disabled => "disabled",
            Self::Broken => "broken",
            Self::RolledBack => "rolled back",
            Self::Shadow => "shadow",
        }
    }
}

/// A plugin as the operator sees it.
#[derive(Debug, Clone, Serialize)]
pub struct PluginStatus {
    /// Name from the manifest, or the file's name when the manifest cannot be read.
    pub name: String,
    /// What has become of it.
    pub state: PluginState,
    /// Version at work; empty when none is.
    pub version: String,
    /// What it does, from the manifest.
    pub description: Option<String>,
    /// `fast` or `slow`; empty when the manifest cannot be read.
    pub class: &'static str,
    /// Names of the hooks it answers.
    pub hooks: Vec<String>,
    /// What its manifest asks for.
    pub permissions_asked: Vec<String>,
    /// What a plugin of its name may be given.
    pub permissions_granted: Vec<String>,
    /// The limits that it lives under.
    pub limits: PluginLimits,
    /// Its place among all plugins at work in the order of asking, from 1.
    pub order: Option<u32>,
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
    /// It is new: when it keeps failing, the last good version takes its place.
    pub on_trial: bool,
    /// The file is passed over for an earlier version.
    pub rolled_back: Option<RolledBack>,
    /// Versions whose bytes are kept, the one that came to work last at the end.
    pub kept: Vec<KeptVersion>,
    /// What it has done since it came to work.
    pub observed: Observed,
    /// Where that is counted.
    #[serde(skip)]
    pub(crate) record: Option<Arc<Record>>,
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
    /// The configuration.
    #[error("{0}")]
    Config(String),
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
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
    journal: Arc<Journal>,
    notices: SyncSender<Notice>,
    memory: Arc<Keys>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Rules {
    /// Loads every plugin of the folder, then watches it. Returns when the first load is done: broken files are reported, not fatal.
    ///
    /// # Errors
    /// When the folder cannot be used or the engine does not start.
    pub async fn start(config: &Config, data: &Path) -> Result<(Self, Hooks), RulesError> {
        Self::start_with(config, data, "", Arc::new(Keys::in_memory())).await
    }

    /// The same in a realm of this key and name, in whose database plugins' keys are kept.
    ///
    /// # Errors
    /// As [`Self::start`], and when the database does not answer.
    pub async fn start_in(
        config: &Config,
        data: &Path,
        (realm, name): (&str, &str),
        storage: Storage,
    ) -> Result<(Self, Hooks), RulesError> {
        let memory = Keys::open(realm, storage).await?;
        Self::start_with(config, data, name, memory).await
    }

    async fn start_with(
        config: &Config,
        data: &Path,
        realm: &str,
        memory: Arc<Keys>,
    ) -> Result<(Self, Hooks), RulesError> {
        let path = if config.dir.is_empty() { data.join("plugins") } else { PathBuf::from(&config.dir) };
        let folder =
            Folder::open(&path).map_err(|error| RulesError::Folder(path.display().to_string(), error.to_string()))?;
        let keys = signature::read_keys(&config.keys).map_err(RulesError::Signatures)?;
        let seals = Seals::open(keys, config.require_signed, data)
            .map_err(|error| RulesError::Signatures(error.to_string()))?;
        let threads = |error: std::io::Error| RulesError::Threads(error.to_string());
        let (notices, notices_in) = sync_channel(NOTICES_MAX);
        let journal = Arc::new(Journal::default());
        let failing = {
            let notices = notices.clone();
            // When the keeper has too much to do, the next failure tells it.
            move |id| drop(notices.try_send(Notice::Failing(id)))
        };
        let recording = Recording { folder: data.join(RECORDINGS_FOLDER), bytes_max: config.record_bytes_max };
        let recorder = config.record.then(|| Recorder::start(recording)).transpose();
        let recorder = recorder.map_err(|error| RulesError::Config(format!("[plugins] record: {error}")))?;
        let (hooks, publisher) = Hooks::start_with(Settings {
            policies: config.policies().map_err(RulesError::Config)?,
            journal: Arc::clone(&journal),
            failing: Some(Arc::new(failing)),
            recorder,
            ..Settings::default()
        })
        .map_err(threads)?;
        let publisher = Arc::new(publisher);
        let roll = hooks.happenings().roll().clone();
        journal.offer(Offers { realm: realm.to_owned(), roll, keys: Arc::clone(&memory) as Arc<dyn KeyValues> });
        let shown = Shown {
            status: Arc::new(ArcSwap::from_pointee(Vec::new())),
            generation: Arc::new(generations::Sender::new(0)),
        };
        let (ready, loaded) = oneshot::channel();
        let watching = {
            let cache =
                if config.cache_dir.is_empty() { data.join(CACHE_FOLDER) } else { PathBuf::from(&config.cache_dir) };
            let (config, versions) = (config.clone(), data.join(VERSIONS_FOLDER));
            let (publisher, shown, sender) = (Arc::clone(&publisher), shown.clone(), notices.clone());
            let journal = Arc::clone(&journal);
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
                let versions = Versions::open(&versions);
                let mut keeper =
                    Keeper::new(Parts { folder, host, publisher, versions, journal, seals }, config, shown);
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
        let shared = Shared { path, shown, publisher, journal, notices, memory, thread: Mutex::new(Some(thread)) };
        Ok((Self { shared: Arc::new(shared) }, hooks))
    }

    /// The folder that is watched.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.shared.path
    }

    /// Every installed plugin, by name.
    pub fn status(&self) -> Vec<PluginStatus> {
        let mut status = self.shared.shown.status.load().to_vec();
        for plugin in &mut status {
            plugin.observed = plugin.record.as_ref().map(|record| record.observed()).unwrap_or_default();
        }
        status
    }

    /// The last lines of a plugin and about it, oldest first, at most `count`.
    pub fn lines(&self, plugin: &str, count: usize) -> Vec<PluginLine> {
        self.shared.journal.last(plugin, count)
    }

    /// Does something to a plugin, by the name in its manifest; answers with what has become of it.
    ///
    /// # Errors
    /// When there is no such plugin or it cannot be done; then everything is as before.
    pub async fn order(&self, name: &str, act: Act) -> Result<PluginStatus, OrderError> {
        let (answer, answered) = oneshot::channel();
        let order = Notice::Order(Order { name: name.to_owned(), act, answer });
        self.shared.notices.try_send(order).map_err(|_| OrderError::Busy)?;
        match tokio::time::timeout(ORDER_TIMEOUT, answered).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => Err(OrderError::Busy),
        }
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
        if let Err(error) = self.shared.memory.write().await {
            tracing::error!(%error, "what plugins remembered last could not be stored");
        }
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
mod file_tests;
#[cfg(test)]
mod tests;
