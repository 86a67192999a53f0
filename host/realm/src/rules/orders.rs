//! What the operator orders on a running realm, and the way back to the last good version.

use std::time::{Duration, Instant};

use realm_plugin_host::{Hook, Level, Manifest};
use tokio::sync::oneshot;

use super::{
    PluginStatus,
    bringing::Origin,
    entry::{AtWork, Entry},
    figures,
    folder::is_shadow,
    keeper::Keeper,
    quiet::Quiet,
    versions::{KeptVersion, RolledBack},
};

/// What is done to one plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Lets a disabled plugin come to work again.
    Enable,
    /// Takes it from work until it is enabled, over restarts, too. Its file stays.
    Disable,
    /// Reads its file again and starts it anew, also after it was rolled back.
    Reload,
    /// Lets the shadow of the plugin take its place.
    Promote,
    /// Deletes the shadow of the plugin.
    Drop,
    /// Puts the good version that was at work before in its place, until the file changes or it is reloaded.
    Rollback,
}

impl Act {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Reload => "reload",
            Self::Promote => "promote",
            Self::Drop => "drop",
            Self::Rollback => "rollback",
        }
    }
}

/// Why an order was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// No file in the folder holds such a plugin.
    #[error("no plugin \"{name}\" lies in the plugin folder{}", nearest(.installed))]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// Those that there are.
        installed: Vec<String>,
    },
    /// It was tried, and did not work; everything is as before.
    #[error("{0}")]
    Refused(String),
    /// The keeper of the folder has too much to do, or the realm is stopping.
    #[error("the keeper of the plugin folder does not answer; try again in a moment")]
    Busy,
}

fn nearest(installed: &[String]) -> String {
    if installed.is_empty() { ", which is empty".to_owned() } else { format!("; there are {}", installed.join(", ")) }
}

/// An order on its way to the keeper.
pub(super) struct Order {
    pub(super) name: String,
    pub(super) act: Act,
    pub(super) answer: oneshot::Sender<Result<PluginStatus, OrderError>>,
}

impl Keeper {
    /// Carries an order out and answers it.
    pub(super) fn carry_out(&mut self, order: Order, quiet: &mut Quiet) {
        let Order { name, act, answer } = order;
        if answer.is_closed() {
            // Whoever ordered it has given up, and believes that nothing was done.
            return;
        }
        let outcome = self.find(&name).and_then(|file| {
            let done = match act {
                Act::Enable => self.enable(&name, &file, quiet),
                Act::Disable => self.disable(&name, &file),
                Act::Reload => self.reload(&name, &file, quiet),
                Act::Promote => self.promote(&name, &file, quiet),
                Act::Drop => self.drop_shadow(&name, quiet),
                Act::Rollback => self.order_rollback(&name, &file, quiet),
            };
            done.map_err(OrderError::Refused).map(|()| file)
        });
        let _ = answer.send(outcome.map(|file| self.status_of(&file)));
    }

    fn status_of(&self, file: &str) -> PluginStatus {
        let entry = self.entries.get(file).cloned().unwrap_or_default();
        entry.status(file, &self.config, &self.versions)
    }

    /// The file of a plugin: of one at work before one that is not.
    fn find(&self, name: &str) -> Result<String, OrderError> {
        let of = |at_work: bool| {
            self.entries.iter().find(|(file, entry)| {
                let stem = file.strip_suffix(".wasm").unwrap_or(file);
                entry.at_work.is_some() == at_work && entry.name().unwrap_or(stem) == name && !is_shadow(file)
            })
        };
        of(true).or_else(|| of(false)).map(|(file, _)| file.clone()).ok_or_else(|| {
            let installed = self.entries.values().filter_map(|entry| entry.name().map(str::to_owned)).collect();
            OrderError::Unknown { name: name.to_owned(), installed }
        })
    }

    fn enable(&mut self, name: &str, file: &str, quiet: &mut Quiet) -> Result<(), String> {
        self.versions.set_disabled(name, false);
        let Some(entry) = self.entries.get_mut(file) else { return Ok(()) };
        if !std::mem::replace(&mut entry.disabled, false) {
            return Ok(());
        }
        entry.tried = None;
        self.look_at(file, quiet);
        self.problem_of(file)
    }

    fn disable(&mut self, name: &str, file: &str) -> Result<(), String> {
        if self.entries.get(file).is_none_or(|entry| entry.name().is_none()) {
            return Err(format!(
                "{file} holds no manifest that can be read, so nothing of it can be disabled; repair or delete the file"
            ));
        }
        let disabled = self.remove(file, "the operator has disabled it", |keeper| {
            keeper.versions.set_disabled(name, true);
            if let Some(entry) = keeper.entries.get_mut(file) {
                (entry.disabled, entry.problem) = (true, None);
            }
        });
        disabled.map_err(|error| error.to_string())
    }

    fn reload(&mut self, name: &str, file: &str, quiet: &mut Quiet) -> Result<(), String> {
        if self.versions.is_disabled(name) {
            return Err(format!("{name} is disabled; `realm plugin enable {name}` brings it to work"));
        }
        let started = Instant::now();
        let rolled_back = self.versions.rolled_back(name).cloned();
        self.versions.set_rolled_back(name, None);
        if let Some((stamp, bytes)) = self.read(file, started, quiet) {
            self.entries.entry(file.to_owned()).or_default().stamp = Some(stamp);
            self.consider(file, &bytes, started, quiet);
        }
        let outcome = self.problem_of(file);
        if outcome.is_err() {
            self.versions.set_rolled_back(name, rolled_back);
            self.show();
        }
        outcome
    }

    /// The file of a plugin's shadow.
    fn shadow_of(&self, name: &str) -> Result<String, String> {
        let of = |(file, entry): &(&String, &Entry)| is_shadow(file) && entry.name() == Some(name);
        let found = self.entries.iter().find(of).map(|(file, _)| file.clone());
        found.ok_or_else(|| format!("{name} has no shadow; `realm plugin shadow FILE` makes one"))
    }

    fn promote(&mut self, name: &str, file: &str, quiet: &mut Quiet) -> Result<(), String> {
        let shadow = self.shadow_of(name)?;
        self.folder.rename(&shadow, file).map_err(|error| format!("{shadow} cannot be renamed to {file}: {error}"))?;
        self.look_at(&shadow, quiet);
        self.look_at(file, quiet);
        self.problem_of(file)
    }

    fn drop_shadow(&mut self, name: &str, quiet: &mut Quiet) -> Result<(), String> {
        let shadow = self.shadow_of(name)?;
        self.folder.delete(&shadow).map_err(|error| format!("{shadow} cannot be deleted: {error}"))?;
        self.look_at(&shadow, quiet);
        Ok(())
    }

    fn problem_of(&self, file: &str) -> Result<(), String> {
        match self.entries.get(file) {
            None => Err(format!("{file} is gone")),
            Some(entry) => entry.problem.clone().map_or(Ok(()), Err),
        }
    }

    fn order_rollback(&mut self, name: &str, file: &str, quiet: &mut Quiet) -> Result<(), String> {
        let at_work = self.entries.get(file).and_then(|entry| entry.at_work.as_ref());
        let sha256 = at_work.map(|work| work.sha256().to_owned()).unwrap_or_default();
        if self.versions.is_disabled(name) {
            return Err(format!("{name} is disabled; `realm plugin enable {name}` brings it to work"));
        }
        let Some(target) = self.versions.before(name, &sha256).cloned() else {
            return Err(format!(
                "no earlier good version of {name} is kept; copy the version that you want into the plugin folder as {file}"
            ));
        };
        self.roll_back(file, &target, "the operator ordered it", quiet)?;
        figures::rolled_back(name, "operator");
        Ok(())
    }

    /// Puts a kept version in the place of what the file holds.
    fn roll_back(&mut self, file: &str, target: &KeptVersion, why: &str, quiet: &mut Quiet) -> Result<(), String> {
        let Some(entry) = self.entries.get(file) else { return Err(format!("{file} is gone")) };
        let (Some(manifest), Some(sha256)) = (&entry.manifest, &entry.tried) else {
            return Err(format!("{file} was not read yet; try again in a moment"));
        };
        let name = entry.name().unwrap_or_default().to_owned();
        let rolled_back = RolledBack {
            from_version: manifest.version.clone(),
            from_sha256: sha256.clone(),
            to_version: target.version.clone(),
            to_sha256: target.sha256.clone(),
            why: why.to_owned(),
        };
        let bytes = self.versions.bytes(&name, &target.sha256);
        let bytes = bytes.map_err(|error| format!("the kept version {} cannot be read: {error}", target.version))?;
        let before = self.versions.rolled_back(&name).cloned();
        self.versions.set_rolled_back(&name, Some(rolled_back));
        if let Err(refused) = self.bring_to_work(file, &bytes, Origin::Kept, Instant::now(), quiet) {
            self.versions.set_rolled_back(&name, before);
            self.show();
            return Err(format!("the kept version {} does not come to work: {refused}", target.version));
        }
        let (from, to) = (&self.entries[file].manifest, &target.version);
        let from = from.as_ref().map(|manifest| manifest.version.clone()).unwrap_or_default();
        let line = format!(
            "plugin {name} was rolled back from {from} to {to}: {why}; a changed file or `realm plugin reload {name}` ends that"
        );
        tracing::warn!(plugin = name, version = to, file, "{line}");
        self.journal.note(&name, Level::Warn, &line);
        Ok(())
    }

    /// A start with a file that was rolled back before: the last good version comes to work in its place. True when it did.
    pub(super) fn resume_rolled_back(
        &mut self,
        file: &str,
        manifest: &Manifest,
        sha256: &str,
        started: Instant,
        quiet: &mut Quiet,
    ) -> bool {
        let Some(rolled_back) = self.versions.rolled_back(&manifest.name).cloned() else { return false };
        if rolled_back.from_sha256 != sha256 {
            return false;
        }
        let RolledBack { from_version, to_version, to_sha256, why, .. } = rolled_back;
        let name = &manifest.name;
        let bytes = match self.versions.bytes(name, &to_sha256) {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!(
                    "plugin {name}: the version {to_version} to which it was rolled back cannot be read: {error}"
                );
                return false;
            }
        };
        if let Err(refused) = self.bring_to_work(file, &bytes, Origin::Kept, started, quiet) {
            tracing::error!(
                "plugin {name}: the version {to_version} to which it was rolled back does not work: {refused}"
            );
            return false;
        }
        let line = format!(
            "plugin {name} {from_version} in {file} was rolled back before ({why}); {to_version} is at work in its place"
        );
        tracing::warn!(plugin = name, version = to_version, file, "{line}");
        self.journal.note(name, Level::Warn, &line);
        true
    }

    /// The breaker of an installation has opened. When that is a new version on trial, the last good one takes its place.
    pub(super) fn failing(&mut self, id: u64, quiet: &mut Quiet) {
        let found = self.entries.iter_mut().find_map(|(file, entry)| {
            entry.at_work.as_mut().filter(|work| work.id() == id).map(|work| (file.clone(), work))
        });
        let Some((file, work)) = found else { return };
        // Whoever finds lines that kill a filter must not choose the rules: one that answers nearly always stays.
        let filters = work.installed.plugin.hooks().contains(&Hook::ChatFilter);
        if !work.trial || (filters && !work.installed.record.fails_often()) {
            return;
        }
        let (name, version, sha256) = (work.name().to_owned(), work.version().to_owned(), work.sha256().to_owned());
        let failure = work.installed.record.last_failure().unwrap_or_default();
        let why = format!("{version} kept failing: {failure}");
        let outcome = match self.versions.before(&name, &sha256).cloned() {
            Some(target) => self.roll_back(&file, &target, &why, quiet),
            None => Err("no earlier good version is kept".to_owned()),
        };
        match outcome {
            Ok(()) => figures::rolled_back(&name, "failure"),
            Err(problem) => {
                let line = format!("plugin {name} {why}; it stays, because {problem}");
                tracing::warn!(plugin = name, version, file, "{line}");
                self.journal.note(&name, Level::Warn, &line);
                // Said once.
                if let Some(work) = self.entries.get_mut(&file).and_then(|entry| entry.at_work.as_mut()) {
                    work.trial = false;
                }
                self.show();
            }
        }
    }

    /// What has been at work for long enough without failing is good.
    pub(super) fn end_trials(&mut self) {
        let length = Duration::from_secs(self.config.trial_seconds.into());
        let over = |work: &AtWork| work.trial && work.since.elapsed() >= length && work.installed.record.is_sound();
        let mut changed = false;
        for entry in self.entries.values_mut() {
            if let Some(work) = entry.at_work.as_mut().filter(|work| over(work)) {
                work.trial = false;
                self.versions.mark_good(work.name(), work.sha256());
                changed = true;
            }
        }
        if changed {
            self.show();
        }
    }
}
