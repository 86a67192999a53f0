//! What is known of one file in the plugin folder.

use std::{sync::Arc, time::Instant};

use realm_plugin_host::{Manifest, Permission};

use super::{
    PluginState, PluginStatus,
    config::Config,
    folder::{Stamp, is_shadow},
    versions::Versions,
};
use crate::hooks::{Installed, Observed};

/// The version at work.
#[derive(Debug, Clone)]
pub(super) struct AtWork {
    pub(super) installed: Arc<Installed>,
    pub(super) load_ms: f64,
    pub(super) since: Instant,
    /// It has not proven itself yet: when it keeps failing, the last good version takes its place.
    pub(super) trial: bool,
}

impl AtWork {
    /// Key of the installation.
    pub(super) fn id(&self) -> u64 {
        self.installed.id
    }

    pub(super) fn manifest(&self) -> &Manifest {
        self.installed.plugin.manifest()
    }

    pub(super) fn name(&self) -> &str {
        &self.manifest().name
    }

    pub(super) fn version(&self) -> &str {
        &self.manifest().version
    }

    pub(super) fn sha256(&self) -> &str {
        self.installed.plugin.sha256()
    }

    /// Names of the hooks that it answers.
    pub(super) fn hooks(&self) -> Vec<String> {
        self.installed.plugin.hooks().iter().map(ToString::to_string).collect()
    }
}

/// One file.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    /// State of the file when it was last looked at.
    pub(super) stamp: Option<Stamp>,
    /// SHA-256 of what was last tried; the same bytes with the same signature are not tried twice.
    pub(super) tried: Option<String>,
    /// The signature that lay beside it then.
    pub(super) tried_signature: Option<String>,
    pub(super) at_work: Option<AtWork>,
    /// Manifest of what was last tried.
    pub(super) manifest: Option<Manifest>,
    /// How long the last try took.
    pub(super) tried_ms: f64,
    /// Why what was last tried is not at work.
    pub(super) problem: Option<String>,
    /// The operator has taken it from work.
    pub(super) disabled: bool,
}

impl Entry {
    /// The name of the plugin: of the one at work, or in the manifest of what was last tried.
    pub(super) fn name(&self) -> Option<&str> {
        let tried = || self.manifest.as_ref().map(|manifest| manifest.name.as_str());
        self.at_work.as_ref().map(AtWork::name).or_else(tried)
    }

    /// The entry as the operator sees it.
    pub(super) fn status(&self, file: &str, config: &Config, versions: &Versions) -> PluginStatus {
        let stem = file.strip_suffix(".wasm").unwrap_or(file);
        let name = self.name().unwrap_or(stem).to_owned();
        let manifest = self.at_work.as_ref().map(AtWork::manifest).or(self.manifest.as_ref());
        let rolled_back = self.at_work.as_ref().and_then(|work| {
            versions.rolled_back(&name).filter(|rolled_back| rolled_back.to_sha256 == work.sha256()).cloned()
        });
        let state = match (&self.at_work, &rolled_back) {
            (Some(_), _) if is_shadow(file) => PluginState::Shadow,
            (Some(_), Some(_)) => PluginState::RolledBack,
            (Some(_), None) => PluginState::AtWork,
            (None, _) if self.disabled => PluginState::Disabled,
            (None, _) => PluginState::Broken,
        };
        let names = |permissions: &[Permission]| -> Vec<String> {
            permissions.iter().map(|permission| permission.as_str().to_owned()).collect()
        };
        let work = self.at_work.as_ref();
        PluginStatus {
            state,
            version: work.map(|work| work.version().to_owned()).unwrap_or_default(),
            description: manifest.and_then(|manifest| manifest.description.clone()),
            class: manifest.map(|manifest| manifest.class.as_str()).unwrap_or_default(),
            hooks: work.map(AtWork::hooks).unwrap_or_default(),
            permissions_asked: manifest.map(|manifest| names(&manifest.permissions)).unwrap_or_default(),
            permissions_granted: names(&config.granted(&name)),
            limits: config.limits(&name),
            order: None,
            file: file.to_owned(),
            sha256: work.map(|work| work.sha256().to_owned()).unwrap_or_default(),
            load_ms: work.map_or(self.tried_ms, |work| work.load_ms),
            size_bytes: match work {
                Some(work) => u64::try_from(work.installed.plugin.size_bytes()).unwrap_or(u64::MAX),
                None => self.stamp.map_or(0, |stamp| stamp.size),
            },
            problem: self.problem.clone(),
            on_trial: work.is_some_and(|work| work.trial),
            rolled_back,
            kept: versions.kept(&name).to_vec(),
            observed: Observed::default(),
            record: work.map(|work| Arc::clone(&work.installed.record)),
            name,
        }
    }
}
