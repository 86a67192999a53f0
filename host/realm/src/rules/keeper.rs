//! Keeps what is at work in step with what lies in the folder. If any step fails, the old version stays.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use arc_swap::ArcSwap;
use realm_plugin_host::{Class, Host, Level, LoadError, sha256_hex};
use tokio::sync::watch;

use super::{
    Config, PluginState, PluginStatus, RulesError,
    bringing::Refused,
    entry::Entry,
    folder::{Folder, Found, Stamp, is_shadow},
    quiet::{Quiet, Sign},
    signature::Seals,
    versions::Versions,
};
use crate::hooks::{Journal, Publisher};

/// Where the outcome is shown.
#[derive(Clone)]
pub(super) struct Shown {
    /// Every file.
    pub(super) status: Arc<ArcSwap<Vec<PluginStatus>>>,
    /// Rises with every change of what is at work, after the status.
    pub(super) generation: Arc<watch::Sender<u64>>,
}

/// What a keeper works with.
pub(super) struct Parts {
    pub(super) folder: Folder,
    pub(super) host: Host,
    pub(super) publisher: Arc<Publisher>,
    pub(super) versions: Versions,
    pub(super) journal: Arc<Journal>,
    pub(super) seals: Seals,
}

/// The files of the folder and what became of them.
pub(super) struct Keeper {
    pub(super) folder: Folder,
    pub(super) host: Host,
    pub(super) publisher: Arc<Publisher>,
    pub(super) config: Config,
    pub(super) versions: Versions,
    pub(super) journal: Arc<Journal>,
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) shown: Shown,
    pub(super) last_id: u64,
    unreachable: bool,
    pub(super) seals: Seals,
}

impl Keeper {
    pub(super) fn new(parts: Parts, config: Config, shown: Shown) -> Self {
        let Parts { folder, host, publisher, versions, journal, seals } = parts;
        let (entries, last_id, unreachable) = (BTreeMap::new(), 0, false);
        Self { folder, host, publisher, config, versions, journal, entries, shown, last_id, unreachable, seals }
    }

    /// Loads everything that lies in the folder.
    ///
    /// # Errors
    /// When the folder cannot be read: a realm must not start without its rules as if it had none.
    pub(super) fn load_all(&mut self, quiet: &mut Quiet) -> Result<(), RulesError> {
        let path = self.folder.path().display().to_string();
        let files = self.folder.list().map_err(|error| RulesError::Folder(path, error.to_string()))?;
        for (file, _) in files {
            self.look_at(&file, quiet);
        }
        for (key, name) in self.config.named() {
            if !self.entries.values().any(|entry| entry.name() == Some(name)) {
                tracing::warn!("{key} is for a plugin that is not installed; is the name right?");
            }
        }
        Ok(())
    }

    /// Compares the folder with what is known; returns false when the folder cannot be read.
    pub(super) fn rescan(&mut self, quiet: &mut Quiet) -> bool {
        self.end_trials();
        let files = match self.folder.list() {
            Ok(files) => files,
            Err(error) => {
                // A folder that is away for a moment (an unmounted disk) must not take the rules with it.
                if !std::mem::replace(&mut self.unreachable, true) {
                    let path = self.folder.path().display();
                    tracing::warn!("the plugin folder {path} cannot be read: {error}; the plugins stay at work");
                }
                return false;
            }
        };
        self.unreachable = false;
        let now = Instant::now();
        for (file, stamp) in &files {
            let known = self.entries.get(file).map(|entry| entry.stamp);
            if known != Some(*stamp) && !quiet.waits(file) {
                quiet.note(file, Sign::Writing, now);
            }
        }
        for file in self.entries.keys() {
            if !files.iter().any(|(other, _)| other == file) && !quiet.waits(file) {
                quiet.note(file, Sign::Gone, now);
            }
        }
        true
    }

    /// A file has been quiet: brings it to work, or takes it from work if it is gone.
    pub(super) fn look_at(&mut self, file: &str, quiet: &mut Quiet) {
        let started = Instant::now();
        let Some((stamp, bytes)) = self.read(file, started, quiet) else { return };
        let sha256 = sha256_hex(&bytes);
        let entry = self.entries.entry(file.to_owned()).or_default();
        entry.stamp = Some(stamp);
        if entry.at_work.as_ref().is_some_and(|work| work.sha256() == sha256) {
            entry.tried = Some(sha256);
            entry.manifest = entry.at_work.as_ref().map(|work| work.manifest().clone());
            let repaired = entry.problem.take().is_some();
            // The operator put the version at work back after a failed try, or made it readable again.
            let name = entry.name().unwrap_or_default().to_owned();
            let passed_over = self.versions.rolled_back(&name).is_some();
            self.versions.set_rolled_back(&name, None);
            if repaired || passed_over {
                self.show();
            }
            return;
        }
        if entry.tried.as_ref() == Some(&sha256) && entry.tried_signature == self.folder.signature(file) {
            return;
        }
        self.consider(file, &bytes, started, quiet);
    }

    /// Reads a file that has been quiet; `None` when there is nothing to try.
    pub(super) fn read(&mut self, file: &str, started: Instant, quiet: &mut Quiet) -> Option<(Stamp, Vec<u8>)> {
        let bytes_max = self.host.limits().class(Class::Slow).file_bytes_max;
        match self.folder.read(file, u64::try_from(bytes_max).unwrap_or(u64::MAX)) {
            Ok(Found::Gone) => self.take_from_work(file, quiet),
            Ok(Found::Changing) => quiet.note(file, Sign::Writing, Instant::now()),
            Ok(Found::Whole(stamp, bytes)) => return Some((stamp, bytes)),
            Ok(Found::TooLarge(stamp)) => {
                let entry = self.entries.entry(file.to_owned()).or_default();
                let bytes = usize::try_from(stamp.size).unwrap_or(usize::MAX);
                entry.tried = None;
                if entry.stamp.replace(stamp) != Some(stamp) {
                    let error = LoadError::TooLarge { bytes, bytes_max, class: Class::Slow.as_str() };
                    self.refuse(file, &Refused::Load(error), started);
                }
            }
            Err(error) => {
                let entry = self.entries.entry(file.to_owned()).or_default();
                (entry.stamp, entry.tried) = (None, None);
                let refused = Refused::Unreadable(error);
                if entry.problem.as_ref() != Some(&refused.to_string()) {
                    self.refuse(file, &refused, started);
                }
            }
        }
        None
    }

    fn take_from_work(&mut self, file: &str, quiet: &mut Quiet) {
        let Some(entry) = self.entries.get(file) else { return };
        let name = entry.name().map(str::to_owned);
        let removed = self.remove(file, &format!("{file} was deleted"), |keeper| {
            keeper.entries.remove(file);
            if let Some(name) = name.filter(|_| !is_shadow(file)) {
                keeper.versions.set_rolled_back(&name, None);
            }
            keeper.look_again(quiet);
        });
        if let Err(error) = removed {
            tracing::warn!("the plugin of {file} could not be taken from work: {error}");
        }
    }

    /// What was refused because of another file (its name, its place) may be welcome now.
    pub(super) fn look_again(&mut self, quiet: &mut Quiet) {
        let now = Instant::now();
        for (other, entry) in self.entries.iter_mut().filter(|(_, entry)| entry.problem.is_some()) {
            entry.tried = None;
            quiet.note(other, Sign::Touched, now);
        }
    }

    /// Tells something of a plugin's life, in the log and in what is kept of its lines.
    pub(super) fn tell(&self, plugin: &str, version: &str, file: &str, line: &str) {
        tracing::info!(plugin, version, file, "{line}");
        self.journal.note(plugin, Level::Info, line);
    }

    /// Publishes the status of every file.
    pub(super) fn show(&self) {
        let status = |(file, entry): (&String, &Entry)| entry.status(file, &self.config, &self.versions);
        let mut status: Vec<PluginStatus> = self.entries.iter().map(status).collect();
        status.sort_by_cached_key(|status| (self.config.rank(&status.name), status.file.clone()));
        for (place, status) in
            (1..).zip(status.iter_mut().filter(|status| status.record.is_some() && status.state != PluginState::Shadow))
        {
            status.order = Some(place);
        }
        status.sort_by(|one, other| (&one.name, &one.file).cmp(&(&other.name, &other.file)));
        self.shown.status.store(Arc::new(status));
    }
}
