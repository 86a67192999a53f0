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
mod starting;
mod status;
mod store;
mod versions;
mod watch;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc::SyncSender},
    thread::JoinHandle,
    time::Duration,
};

use realm_plugin_host::HostError;
use tokio::sync::{oneshot, watch as generations};

use crate::{
    hooks::{Journal, PluginLine, Publisher},
    storage::StorageError,
};

pub use self::{
    config::{Config, Overrides},
    orders::{Act, OrderError},
    status::{PluginState, PluginStatus},
    versions::{KeptVersion, RolledBack},
};

use self::{keeper::Shown, kv::Keys, orders::Order, watch::Notice};

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

#[cfg(test)]
mod file_tests;
#[cfg(test)]
mod tests;
