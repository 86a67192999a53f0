//! The way of a file to work: manifest, permissions, compiling, the start of every instance, and the change of the set.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use realm_plugin_host::{Level, LoadError, Manifest, Permission, Plugin, PluginLimits, Services, sha256_hex};

use super::{entry::AtWork, figures, folder::is_shadow, keeper::Keeper, quiet::Quiet, signature::SignatureError};
use crate::hooks::{Change, ChangeError, Installed};

/// Where the bytes of a version come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The file in the folder.
    File,
    /// What was kept of an earlier version.
    Kept,
}

/// Why a file does not come to work.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("read: {0}; make the file readable for the realm")]
    Unreadable(std::io::Error),
    #[error("{step}: {0}", step = .0.step())]
    Load(LoadError),
    #[error(
        "permissions: it asks for {wanted}, which it is not granted; let `permissions` in `[plugins.overrides.{plugin}]` of realm.toml \
         (or in `[plugins]`, for every plugin) hold {wanted} too and restart the realm, or use a plugin that does not ask for it"
    )]
    Permissions { plugin: String, wanted: String },
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

impl Keeper {
    /// Tries the bytes of a file that are not at work.
    pub(super) fn consider(&mut self, file: &str, bytes: &[u8], started: Instant, quiet: &mut Quiet) {
        let sha256 = sha256_hex(bytes);
        let manifest = self.host.manifest(bytes).ok();
        let entry = self.entries.entry(file.to_owned()).or_default();
        entry.tried = Some(sha256.clone());
        entry.tried_signature = self.folder.signature(file);
        entry.manifest.clone_from(&manifest);
        let disabled = manifest.as_ref().is_some_and(|manifest| self.versions.is_disabled(&manifest.name));
        entry.disabled = disabled && !is_shadow(file);
        if let Some(manifest) = manifest.as_ref().filter(|_| entry.disabled) {
            entry.problem = None;
            return self.leave_disabled(file, manifest);
        }
        if let Some(manifest) = manifest.as_ref().filter(|_| !is_shadow(file))
            && self.resume_rolled_back(file, manifest, &sha256, started, quiet)
        {
            return;
        }
        match self.bring_to_work(file, bytes, Origin::File, started, quiet) {
            Ok(name) => {
                if !is_shadow(file) {
                    self.versions.set_rolled_back(&name, None);
                }
                self.show();
            }
            Err(refused) => {
                if matches!(refused, Refused::NameTaken(..)) {
                    // Nothing is wrong with these bytes: they are welcome when the name is free.
                    self.entries.entry(file.to_owned()).or_default().tried = None;
                }
                self.refuse(file, &refused, started);
            }
        }
    }

    fn leave_disabled(&mut self, file: &str, manifest: &Manifest) {
        let (name, version) = (&manifest.name, &manifest.version);
        if let Err(error) = self.remove(file, &format!("{file} holds {name} now, which is disabled"), |_| {}) {
            tracing::warn!("the plugin of {file} could not be taken from work: {error}");
        }
        let line =
            format!("plugin {name} {version} is disabled and stays so; `realm plugin enable {name}` changes that");
        self.tell(name, version, file, &line);
    }

    /// Loads, starts and publishes; gives the plugin's name.
    pub(super) fn bring_to_work(
        &mut self,
        file: &str,
        bytes: &[u8],
        origin: Origin,
        started: Instant,
        quiet: &mut Quiet,
    ) -> Result<String, Refused> {
        let manifest = self.host.manifest(bytes).map_err(Refused::Load)?;
        // Nothing of a file is compiled before its signature has been checked. What was kept was checked when it came.
        let signature = self.folder.signature(file);
        let signed = origin == Origin::File
            && self.seals.check(bytes, signature.as_deref(), &manifest.name, &manifest.version)?;
        self.check_permissions(&manifest)?;
        let plugin = self.load(bytes, self.config.limits(&manifest.name))?;
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
        remove.extend(before.as_ref().map(AtWork::id));
        self.last_id += 1;
        let installed = Arc::new(Installed {
            rank: self.config.rank(&manifest.name),
            shadow: is_shadow(file),
            ..Installed::new(self.last_id, file.to_owned(), plugin, self.config.settings(&manifest.name))
        });
        let change = Change { install: Some(Arc::clone(&installed)), remove };
        let generation = self.publisher.change(change).map_err(Refused::Start)?;
        let old = renamed.and_then(|other| self.entries.remove(&other)).and_then(|entry| entry.at_work).or(before);
        let freed = old.as_ref().is_some_and(|work| work.name() != manifest.name);
        // What was at work until now without failing is good.
        let sound = |old: &&AtWork| old.name() == manifest.name && old.installed.record.is_sound();
        if let Some(old) = old.as_ref().filter(|_| !is_shadow(file)).filter(sound) {
            self.versions.mark_good(old.name(), old.sha256());
        }
        if signed && !is_shadow(file) {
            self.seals.note(&manifest.name, &manifest.version);
        }
        if origin == Origin::File && !is_shadow(file) {
            self.versions.keep(&manifest.name, &manifest.version, bytes);
        }
        let load_ms = milliseconds(started);
        let trial = self.config.trial_seconds > 0 && !self.versions.is_good(&manifest.name, installed.plugin.sha256());
        let work = AtWork { installed, load_ms, since: Instant::now(), trial };
        self.tell_arrival(file, &work, old.as_ref(), generation);
        let entry = self.entries.entry(file.to_owned()).or_default();
        entry.problem = None;
        entry.disabled = false;
        entry.tried_ms = load_ms;
        entry.at_work = Some(work);
        if freed {
            self.look_again(quiet);
        }
        self.show();
        self.shown.generation.send_replace(generation);
        Ok(manifest.name)
    }

    fn tell_arrival(&self, file: &str, work: &AtWork, old: Option<&AtWork>, generation: u64) {
        let (name, version, load_ms) = (work.name(), work.version(), work.load_ms);
        let from = old.map(|old| format!("{} → ", old.version())).unwrap_or_default();
        let hooks = work.hooks().join(", ");
        let what = if is_shadow(file) { "a shadow, which decides nothing," } else { "at work" };
        let line = format!("plugin {name} {from}{version} is {what} for {hooks} after {load_ms:.0} ms");
        tracing::info!(plugin = name, version, file, generation, load_ms, "{line}");
        self.journal.note(name, Level::Info, &line);
        if let Some(old) = old.filter(|_| !is_shadow(file)) {
            figures::version(old.name(), old.version(), false);
        }
        if !is_shadow(file) {
            figures::version(name, version, true);
        }
        metrics::counter!("realm_plugin_loads_total", "outcome" => "loaded").increment(1);
    }

    fn check_permissions(&self, manifest: &Manifest) -> Result<(), Refused> {
        let granted = self.config.granted(&manifest.name);
        let missing: Vec<&Permission> = manifest.permissions.iter().filter(|asked| !granted.contains(asked)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let wanted: Vec<String> = missing.iter().map(|permission| format!("\"{}\"", permission.as_str())).collect();
        Err(Refused::Permissions { plugin: manifest.name.clone(), wanted: wanted.join(", ") })
    }

    /// Compiles; a fault of the compiler on some file must not end the watching of all others.
    fn load(&self, bytes: &[u8], limits: PluginLimits) -> Result<Plugin, Refused> {
        let services = Arc::clone(&self.journal) as Arc<dyn Services>;
        catch_unwind(AssertUnwindSafe(|| self.host.load_under(bytes, services, limits)))
            .map_err(|_| Refused::Compiler)?
            .map_err(Refused::Load)
    }

    /// The other file whose plugin at work has this name.
    fn who_has(&self, name: &str, file: &str) -> Option<(String, u64)> {
        self.entries.iter().filter(|(other, _)| *other != file && is_shadow(other) == is_shadow(file)).find_map(
            |(other, entry)| {
                entry.at_work.as_ref().filter(|work| work.name() == name).map(|work| (other.clone(), work.id()))
            },
        )
    }

    pub(super) fn refuse(&mut self, file: &str, refused: &Refused, started: Instant) {
        let entry = self.entries.entry(file.to_owned()).or_default();
        entry.tried_ms = milliseconds(started);
        let stays = match &entry.at_work {
            Some(work) => format!("{} {} stays at work", work.name(), work.version()),
            None => "nothing of it is at work".to_owned(),
        };
        let (name, version) = match &entry.manifest {
            Some(manifest) => (manifest.name.clone(), manifest.version.clone()),
            None => (String::new(), String::new()),
        };
        let what = if name.is_empty() { "no manifest".to_owned() } else { format!("{name} {version}") };
        let problem = refused.to_string();
        let line = format!("plugin file {file} ({what}) was refused at step {problem}; {stays}");
        tracing::warn!(plugin = name, version, file, "{line}");
        let of = if name.is_empty() { file.strip_suffix(".wasm").unwrap_or(file) } else { &name };
        self.journal.note(of, Level::Warn, &line);
        metrics::counter!("realm_plugin_loads_total", "outcome" => "refused").increment(1);
        entry.problem = Some(problem);
        self.show();
    }

    /// Takes what is at work of a file from work, if anything is; `settle` brings the entry in order before anybody is told.
    pub(super) fn remove(&mut self, file: &str, why: &str, settle: impl FnOnce(&mut Self)) -> Result<(), ChangeError> {
        let work = self.entries.get(file).and_then(|entry| entry.at_work.clone());
        let change = |work: &AtWork| self.publisher.change(Change { install: None, remove: vec![work.id()] });
        let generation = work.as_ref().map(change).transpose()?;
        if let Some(entry) = self.entries.get_mut(file) {
            entry.at_work = None;
        }
        settle(self);
        self.show();
        if let (Some(work), Some(generation)) = (work, generation) {
            let line = format!("plugin {} {} is no longer at work: {why}", work.name(), work.version());
            self.tell(work.name(), work.version(), file, &line);
            if !is_shadow(file) {
                figures::version(work.name(), work.version(), false);
            }
            self.shown.generation.send_replace(generation);
        }
        Ok(())
    }
}

/// How long ago it was, to a tenth of a millisecond: finer is noise to whoever reads it.
pub(super) fn milliseconds(started: Instant) -> f64 {
    let elapsed: Duration = started.elapsed();
    (elapsed.as_secs_f64() * 10_000.0).round() / 10.0
}
