//! The start of the rules: the engine, the threads, the first load.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc::sync_channel},
};

use arc_swap::ArcSwap;
use realm_plugin_host::{Host, HostError, Limits};
use tokio::sync::{oneshot, watch as generations};

use super::{
    Config, Rules, RulesError, Shared,
    folder::Folder,
    keeper::{Keeper, Parts, Shown},
    kv::Keys,
    quiet::Quiet,
    signature::{self, Seals},
    versions::Versions,
    watch::{self, NOTICES_MAX, Notice, Notices},
};
use crate::{
    hooks::{Hooks, Journal, KeyValues, Offers, RECORDINGS_FOLDER, Recorder, Recording, Settings},
    storage::Storage,
    types::{Urgency, spawn_thread},
};

/// Folder for compiled code inside the data folder; machine code is loaded from it, so it is the realm's alone.
const CACHE_FOLDER: &str = "plugin-cache";
/// Folder for what is remembered of plugins and for the bytes of their last versions, inside the data folder.
const VERSIONS_FOLDER: &str = "plugin-versions";

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
                let host = match start_host(cache) {
                    Ok(host) => host,
                    Err(error) => return drop(ready.send(Err(error))),
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
}

/// Starts the engine. Its thread, which counts the time of plugins, inherits the urgency of whoever starts it, and must not give way
/// to those whom it stops.
fn start_host(cache: PathBuf) -> Result<Host, RulesError> {
    let thread = spawn_thread("plugin-engine".to_owned(), Urgency::Tick, move || engine(&cache));
    let thread = thread.map_err(|error| RulesError::Threads(error.to_string()))?;
    let host =
        thread.join().map_err(|_| RulesError::Threads("the thread that starts the engine broke off".to_owned()))?;
    Ok(host?)
}

/// The engine; without its cache when that folder cannot be used, since then plugins only load more slowly.
fn engine(cache: &Path) -> Result<Host, HostError> {
    Host::new(Limits::default(), Some(cache)).or_else(|error| match error {
        HostError::Cache(text) => {
            tracing::warn!("{text}; plugins are compiled anew at every start");
            Host::new(Limits::default(), None)
        }
        other => Err(other),
    })
}
