//! What is at work: the published set of plugins.

use std::sync::Arc;

use realm_plugin_host::{Hook, Plugin};

use super::record::Record;

/// One version of a plugin at work.
#[derive(Debug)]
pub(crate) struct Installed {
    /// Tells this installation from every other of the process.
    pub(crate) id: u64,
    /// Several plugins on one hook are asked in the order of this number, and with the same number in that of their files.
    pub(crate) rank: u32,
    /// Name of the file.
    pub(crate) file: String,
    /// It is asked what the plugin of its name is asked, and nothing comes of its answers.
    pub(crate) shadow: bool,
    /// The plugin.
    pub(crate) plugin: Plugin,
    /// JSON for its `init`.
    pub(crate) configuration: String,
    /// What it has done since it came to work.
    pub(crate) record: Arc<Record>,
}

impl Installed {
    /// A plugin that no order of the operator's names.
    pub(crate) fn new(id: u64, file: String, plugin: Plugin, configuration: String) -> Self {
        Self { id, rank: u32::MAX, file, shadow: false, plugin, configuration, record: Arc::default() }
    }

    /// True when the plugin exports this hook.
    pub(super) fn exports(&self, hook: Hook) -> bool {
        self.plugin.hooks().contains(&hook)
    }

    /// True when the plugin decides in this hook.
    pub(super) fn answers(&self, hook: Hook) -> bool {
        !self.shadow && self.exports(hook)
    }

    /// The name under which its figures are counted.
    pub(super) fn counted_as(&self) -> String {
        let name = &self.plugin.manifest().name;
        if self.shadow { format!("{name}-shadow") } else { name.clone() }
    }

    /// Name and version, as logs show them.
    pub(super) fn label(&self) -> String {
        let manifest = self.plugin.manifest();
        format!("{} {}", manifest.name, manifest.version)
    }
}

/// Every plugin at work, in the order in which they are asked. Never changed, only replaced.
#[derive(Debug, Default)]
pub(super) struct PluginSet {
    pub(super) generation: u64,
    pub(super) plugins: Vec<Arc<Installed>>,
}

impl PluginSet {
    /// True when any plugin answers this hook.
    pub(super) fn answers(&self, hook: Hook) -> bool {
        self.plugins.iter().any(|installed| installed.answers(hook))
    }

    /// The set that follows: without `removed`, with `added`.
    pub(super) fn changed(&self, added: Option<&Arc<Installed>>, removed: &[u64]) -> Self {
        let mut plugins: Vec<_> =
            self.plugins.iter().filter(|installed| !removed.contains(&installed.id)).chain(added).cloned().collect();
        plugins.sort_by(|one, other| (one.rank, &one.file).cmp(&(other.rank, &other.file)));
        Self { generation: self.generation + 1, plugins }
    }

    pub(super) fn contains(&self, id: u64) -> bool {
        self.plugins.iter().any(|installed| installed.id == id)
    }
}
