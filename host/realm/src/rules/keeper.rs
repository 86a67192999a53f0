//! Keeps what is at work in step with what lies in the folder. If any step fails, the old version stays.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};

use arc_swap::ArcSwap;
use realm_plugin_host::{Class, Host, LoadError, Plugin, sha256_hex};
use tokio::sync::watch;

use super::{
    Config, PluginStatus, RulesError,
    entry::{AtWork, Entry},
    folder::{Folder, Found},
    quiet::{Quiet, Sign},
    signature::{Seals, SignatureError},
};
use crate::hooks::{Change, ChangeError, Installed, Publisher, RealmLog};

/// Why a file does not come to work.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("read: {0}; make the file readable for the realm")]
    Unreadable(std::io::Error),
    #[error("{step}: {0}", step = .0.step())]
    Load(LoadError),
    #[error("compile: the engine failed on this file; build it again with the SDK of this realm's version")]
    Compiler,
    #[error(
        "name: `{0}` already comes from {1}; delete one of the two files, or give one another name in its manifest"
    )]
    NameTaken(String, String),
    #[error("signature: {0}")]
    Signature(#[from] SignatureError),
    #[error("start: {0}")]
    Start(ChangeError),
}

/// Where the outcome is shown.
#[derive(Clone)]
pub(super) struct Shown {
    /// Every file.
    pub(super) status: Arc<ArcSwap<Vec<PluginStatus>>>,
    /// Rises with every change of what is at work, after the status.
    pub(super) generation: Arc<watch::Sender<u64>>,
}

/// The files of the folder and what became of them.
pub(super) struct Keeper {
    folder: Folder,
    host: Host,
    publisher: Arc<Publisher>,
    config: Config,
    entries: BTreeMap<String, Entry>,
    shown: Shown,
    last_id: u64,
    unreachable: bool,
    seals: Seals,
}

impl Keeper {
    pub(super) fn new(folder: Folder, host: Host, publisher: Arc<Publisher>, config: Config, shown: Shown) -> Self {
        let (entries, seals) = (BTreeMap::new(), Seals::default());
        Self { folder, host, publisher, config, entries, shown, last_id: 0, unreachable: false, seals }
    }

    /// The same with signatures that are checked.
    pub(super) fn sealed(self, seals: Seals) -> Self {
        Self { seals, ..self }
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
        let at_work = |name: &String| self.entries.values().any(|entry| entry.name_tried.as_ref() == Some(name));
        for name in self.config.configuration.keys().filter(|name| !at_work(name)) {
            tracing::warn!("[plugins.configuration.{name}] is for a plugin that is not installed; is the name right?");
        }
        Ok(())
    }

    /// Compares the folder with what is known; returns false when the folder cannot be read.
    pub(super) fn rescan(&mut self, quiet: &mut Quiet) -> bool {
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
        let bytes_max = self.host.limits().class(Class::Slow).file_bytes_max;
        let found = self.folder.read(file, u64::try_from(bytes_max).unwrap_or(u64::MAX));
        let (stamp, bytes) = match found {
            Ok(Found::Gone) => return self.take_from_work(file, quiet),
            Ok(Found::Changing) => return quiet.note(file, Sign::Writing, Instant::now()),
            Ok(Found::Whole(stamp, bytes)) => (stamp, bytes),
            Ok(Found::TooLarge(stamp)) => {
                let entry = self.entries.entry(file.to_owned()).or_default();
                let bytes = usize::try_from(stamp.size).unwrap_or(usize::MAX);
                entry.tried = None;
                if entry.stamp.replace(stamp) != Some(stamp) {
                    let error = LoadError::TooLarge { bytes, bytes_max, class: Class::Slow.as_str() };
                    self.refuse(file, "", &Refused::Load(error), started);
                }
                return;
            }
            Err(error) => {
                let entry = self.entries.entry(file.to_owned()).or_default();
                (entry.stamp, entry.tried) = (None, None);
                let refused = Refused::Unreadable(error);
                if entry.problem.as_ref() != Some(&refused.to_string()) {
                    self.refuse(file, "", &refused, started);
                }
                return;
            }
        };
        let signature = self.folder.signature(file);
        let sha256 = sha256_hex(&bytes);
        let entry = self.entries.entry(file.to_owned()).or_default();
        entry.stamp = Some(stamp);
        if entry.at_work.as_ref().is_some_and(|work| work.sha256 == sha256) {
            entry.tried = Some(sha256);
            if entry.problem.take().is_some() {
                // The operator put the version at work back after a failed try, or made it readable again.
                self.show();
            }
            return;
        }
        // The same bytes with another signature are another try.
        let try_now = sha256 + signature.as_deref().unwrap_or_default();
        if entry.tried.as_ref() == Some(&try_now) {
            return;
        }
        entry.tried = Some(try_now);
        let manifest = self.host.manifest(&bytes).ok();
        let (name, version) = manifest.map(|manifest| (manifest.name, manifest.version)).unzip();
        entry.name_tried = name;
        if let Err(refused) = self.bring_signed_to_work(file, &bytes, signature.as_deref(), started, quiet) {
            if matches!(refused, Refused::NameTaken(..)) {
                // Nothing is wrong with these bytes: they are welcome when the name is free.
                self.entries.entry(file.to_owned()).or_default().tried = None;
            }
            self.refuse(file, &version.unwrap_or_default(), &refused, started);
        }
    }

    /// Nothing of a file is compiled before its signature has been checked.
    fn bring_signed_to_work(
        &mut self,
        file: &str,
        bytes: &[u8],
        signature: Option<&str>,
        started: Instant,
        quiet: &mut Quiet,
    ) -> Result<(), Refused> {
        let manifest = self.host.manifest(bytes).map_err(Refused::Load)?;
        let signed = self.seals.check(bytes, signature, &manifest.name, &manifest.version)?;
        self.bring_to_work(file, bytes, started, quiet)?;
        if signed {
            self.seals.note(&manifest.name, &manifest.version);
        }
        Ok(())
    }

    fn bring_to_work(&mut self, file: &str, bytes: &[u8], started: Instant, quiet: &mut Quiet) -> Result<(), Refused> {
        let plugin = self.load(bytes)?;
        let manifest = plugin.manifest().clone();
        let mut remove = Vec::new();
        let mut renamed = None;
        if let Some((other, id)) = self.who_has(&manifest.name, file) {
            if self.folder.stamp(&other).is_ok_and(|stamp| stamp.is_some()) {
                return Err(Refused::NameTaken(manifest.name, other));
            }
            // The other file is gone: this is the same plugin under a new file name.
            remove.push(id);
            renamed = Some(other);
        }
        let before = self.entries.get(file).and_then(|entry| entry.at_work.clone());
        remove.extend(before.as_ref().map(|work| work.id));
        self.last_id += 1;
        let installed = Arc::new(Installed {
            id: self.last_id,
            file: file.to_owned(),
            configuration: self.configuration(&manifest.name),
            plugin: plugin.clone(),
        });
        let generation = self.publisher.change(Change { install: Some(installed), remove }).map_err(Refused::Start)?;
        let old = renamed.and_then(|other| self.entries.remove(&other)).and_then(|entry| entry.at_work).or(before);
        let freed = old.as_ref().is_some_and(|work| work.name != manifest.name);
        let load_ms = milliseconds(started);
        let hooks: Vec<String> = plugin.hooks().iter().map(ToString::to_string).collect();
        let from = old.map(|work| format!("{} → ", work.version)).unwrap_or_default();
        tracing::info!(
            plugin = manifest.name,
            version = manifest.version,
            file,
            generation,
            load_ms,
            "plugin {} {from}{} is at work for {} after {load_ms:.0} ms",
            manifest.name,
            manifest.version,
            hooks.join(", "),
        );
        metrics::counter!("realm_plugin_loads_total", "outcome" => "loaded").increment(1);
        let entry = self.entries.entry(file.to_owned()).or_default();
        entry.problem = None;
        entry.tried_ms = load_ms;
        entry.at_work = Some(AtWork {
            id: self.last_id,
            name: manifest.name,
            version: manifest.version,
            hooks,
            sha256: plugin.sha256().to_owned(),
            size_bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            load_ms,
        });
        if freed {
            self.look_again(quiet);
        }
        self.show();
        self.shown.generation.send_replace(generation);
        Ok(())
    }

    /// Compiles; a fault of the compiler on some file must not end the watching of all others.
    fn load(&self, bytes: &[u8]) -> Result<Plugin, Refused> {
        catch_unwind(AssertUnwindSafe(|| self.host.load(bytes, Arc::new(RealmLog))))
            .map_err(|_| Refused::Compiler)?
            .map_err(Refused::Load)
    }

    fn configuration(&self, name: &str) -> String {
        self.config.configuration.get(name).map_or_else(|| "{}".to_owned(), ToString::to_string)
    }

    /// The other file whose plugin at work has this name.
    fn who_has(&self, name: &str, file: &str) -> Option<(String, u64)> {
        self.entries.iter().filter(|(other, _)| *other != file).find_map(|(other, entry)| {
            entry.at_work.as_ref().filter(|work| work.name == name).map(|work| (other.clone(), work.id))
        })
    }

    fn refuse(&mut self, file: &str, version: &str, refused: &Refused, started: Instant) {
        let entry = self.entries.entry(file.to_owned()).or_default();
        entry.tried_ms = milliseconds(started);
        let stays = match &entry.at_work {
            Some(work) => format!("{} {} stays at work", work.name, work.version),
            None => "nothing of it is at work".to_owned(),
        };
        let name = entry.name_tried.clone().unwrap_or_default();
        let what = format!("{name} {version}");
        let problem = format!("{refused}");
        tracing::warn!(
            plugin = name,
            version,
            file,
            "plugin file {file} ({}) was refused at step {problem}; {stays}",
            if what.trim().is_empty() { "no manifest" } else { what.trim() },
        );
        metrics::counter!("realm_plugin_loads_total", "outcome" => "refused").increment(1);
        entry.problem = Some(problem);
        self.show();
    }

    fn take_from_work(&mut self, file: &str, quiet: &mut Quiet) {
        let Some(entry) = self.entries.get(file) else { return };
        let mut changed = None;
        if let Some(work) = entry.at_work.clone() {
            match self.publisher.change(Change { install: None, remove: vec![work.id] }) {
                Ok(generation) => changed = Some(generation),
                Err(error) => {
                    tracing::warn!("plugin {} {} could not be taken from work: {error}", work.name, work.version);
                    return;
                }
            }
            tracing::info!(
                plugin = work.name,
                version = work.version,
                file,
                "plugin {} {} is no longer at work: {file} was deleted",
                work.name,
                work.version
            );
        }
        self.entries.remove(file);
        self.look_again(quiet);
        self.show();
        if let Some(generation) = changed {
            self.shown.generation.send_replace(generation);
        }
    }

    /// What was refused because of another file (its name, its place) may be welcome now.
    fn look_again(&mut self, quiet: &mut Quiet) {
        let now = Instant::now();
        for (other, entry) in self.entries.iter_mut().filter(|(_, entry)| entry.problem.is_some()) {
            entry.tried = None;
            quiet.note(other, Sign::Touched, now);
        }
    }

    /// Publishes the status of every file.
    fn show(&self) {
        let mut status: Vec<PluginStatus> = self.entries.iter().map(|(file, entry)| entry.status(file)).collect();
        status.sort_by(|one, other| (&one.name, &one.file).cmp(&(&other.name, &other.file)));
        self.shown.status.store(Arc::new(status));
    }
}

/// How long ago it was, to a tenth of a millisecond: finer is noise to whoever reads it.
fn milliseconds(started: Instant) -> f64 {
    (started.elapsed().as_secs_f64() * 10_000.0).round() / 10.0
}
