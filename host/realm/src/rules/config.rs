//! `[plugins]`: what the operator decides about plugins.

use std::collections::BTreeMap;

use realm_plugin_host::{Limits, Permission, PluginLimits};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::signature;
use crate::hooks::Policies;

/// `[plugins]`: the rules that players live under.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folder that is watched for `.wasm` files; empty is `plugins/` in the data folder.
    pub dir: String,
    /// Folder for compiled plugins; empty is `plugin-cache/` in the data folder. Never the plugin folder: machine code is loaded from it.
    pub cache_dir: String,
    /// Names of plugins in the order in which they are asked when several answer one hook, for example `["chat-filter", "word-game"]`.
    /// Those that are not named come after them, in the order of their files' names.
    pub order: Vec<String>,
    /// What every plugin may be given that asks for it in its manifest. A plugin that asks for more does not come to work. One plugin
    /// is given more or less by `permissions` in `[plugins.overrides.NAME]`.
    pub permissions: Vec<String>,
    /// Functions of hooks that say no when no plugin answers, because it failed, is paused or is not there: `filter`, `admit`, `order`,
    /// `check-actions`, `check-character`, `check-item`. What is declared closed stays closed without being named. docs/plugins/failure.md shows all.
    pub closed: Vec<String>,
    /// Public keys of minisign, the second line of a `.pub` file each. A plugin with a signature beside it (`NAME.wasm.minisig`) must
    /// be signed with one of them, and not be older than the last version that was.
    pub keys: Vec<String>,
    /// Take only plugins that are signed with one of `keys`.
    pub require_signed: bool,
    /// How long a new version is on trial, in seconds: when it keeps failing within this time, the last good version takes its place.
    /// 0 never goes back by itself.
    #[schemars(range(min = 0, max = 604_800))]
    pub trial_seconds: u32,
    /// Record every call to a plugin, with what it was asked, what the host answered it and what it decided, into `plugin-recordings/` in
    /// the data folder, for `realm plugin replay`. What players say stands in there.
    pub record: bool,
    /// Most bytes of all recordings together; the oldest go first.
    #[schemars(range(min = 1_048_576, max = 1_099_511_627_776_u64))]
    pub record_bytes_max: u64,
    /// One table per plugin, handed to its `init` as JSON.
    pub configuration: BTreeMap<String, serde_json::Value>,
    /// One table per plugin with what the operator decides about it alone: `permissions`, instead of those above, and `limits`, a table
    /// of numbers: `tick_deadline_ms` (1), `call_deadline_ms` (20), `init_deadline_ms` (1000), `memory_bytes_max`, `table_elements_max`,
    /// `tables_max`, `core_instances_max`, `memories_max`, `handles_max`, `handover_bytes_max`, `log_lines_per_second_max`,
    /// `log_bytes_per_second_max`, `kv_bytes_max`, `metrics_max`. docs/plugins/README.md says what they hold.
    pub overrides: BTreeMap<String, Overrides>,
}

/// `[plugins.overrides.NAME]`: what the operator decides about one plugin alone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Overrides {
    /// What it may be given, instead of `[plugins] permissions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<String>>,
    /// The limits that it lives under; those that are not named are as for every plugin.
    #[schemars(with = "BTreeMap<String, u64>")]
    pub limits: PluginLimits,
}

impl Default for Config {
    fn default() -> Self {
        let granted = permissions().into_iter().filter(|name| name != "moderate").collect();
        Self {
            dir: String::new(),
            cache_dir: String::new(),
            order: Vec::new(),
            permissions: granted,
            closed: Vec::new(),
            keys: Vec::new(),
            require_signed: false,
            trial_seconds: 600,
            record: false,
            record_bytes_max: 256 << 20,
            configuration: BTreeMap::new(),
            overrides: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Checks what a person wrote.
    ///
    /// # Errors
    /// The key of `[plugins]` that is wrong, and a sentence that says what to write.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        for (plugin, table) in &self.configuration {
            if let Some(key) = none_in(table) {
                let problem = format!(
                    "[plugins.configuration.{plugin}]{key}: `nan` and `inf` cannot be handed to a plugin; write a number"
                );
                return Err(("configuration", problem));
            }
        }
        let known = |place: String, names: &[String]| match names.iter().find(|name| permission(name).is_none()) {
            Some(name) => {
                Err(format!("{place}: \"{name}\" is no permission; the permissions are {}", permissions().join(", ")))
            }
            None => Ok(()),
        };
        known("[plugins] permissions".to_owned(), &self.permissions).map_err(|problem| ("permissions", problem))?;
        for (plugin, overrides) in &self.overrides {
            let names = overrides.permissions.as_deref().unwrap_or_default();
            known(format!("[plugins.overrides.{plugin}] permissions"), names)
                .map_err(|problem| ("overrides", problem))?;
            overrides
                .limits
                .check(&Limits::default())
                .map_err(|problem| ("overrides", format!("[plugins.overrides.{plugin}.limits] {problem}")))?;
        }
        signature::read_keys(&self.keys).map_err(|problem| ("keys", problem))?;
        if self.require_signed && self.keys.is_empty() {
            let problem =
                "[plugins] require_signed is on and `keys` is empty, so no plugin could ever load; add a public key";
            return Err(("require_signed", problem.to_owned()));
        }
        self.policies().map_err(|problem| ("closed", format!("[plugins] closed: {problem}")))?;
        Ok(())
    }

    /// What holds when a hook is not answered.
    pub(super) fn policies(&self) -> Result<Policies, String> {
        Policies::closing(self.closed.iter().map(String::as_str))
    }

    /// What a plugin of this name may be given.
    pub(super) fn granted(&self, plugin: &str) -> Vec<Permission> {
        let own = self.overrides.get(plugin).and_then(|overrides| overrides.permissions.as_ref());
        own.unwrap_or(&self.permissions).iter().filter_map(|name| permission(name)).collect()
    }

    /// The limits that a plugin of this name lives under.
    pub(super) fn limits(&self, plugin: &str) -> PluginLimits {
        self.overrides.get(plugin).map(|overrides| overrides.limits.clone()).unwrap_or_default()
    }

    /// The place of a plugin in the order of asking; the same for all that are not named.
    pub(super) fn rank(&self, plugin: &str) -> u32 {
        let place = self.order.iter().position(|name| name == plugin);
        place.and_then(|place| u32::try_from(place).ok()).unwrap_or(u32::MAX)
    }

    /// Names of plugins that this configuration speaks of, each with the key that does.
    pub(super) fn named(&self) -> impl Iterator<Item = (String, &str)> {
        let configured = self.configuration.keys().map(|name| (format!("[plugins.configuration.{name}]"), name));
        let overridden = self.overrides.keys().map(|name| (format!("[plugins.overrides.{name}]"), name));
        let ordered = self.order.iter().map(|name| (format!("\"{name}\" in [plugins] order"), name));
        configured.chain(overridden).chain(ordered).map(|(key, name)| (key, name.as_str()))
    }

    /// `init`'s configuration for a plugin of this name, as JSON.
    pub(super) fn settings(&self, plugin: &str) -> String {
        self.configuration.get(plugin).map_or_else(|| "{}".to_owned(), ToString::to_string)
    }
}

/// The names of all permissions.
fn permissions() -> Vec<String> {
    Permission::ALL.into_iter().map(|permission| permission.as_str().to_owned()).collect()
}

fn permission(name: &str) -> Option<Permission> {
    Permission::ALL.into_iter().find(|permission| permission.as_str() == name)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_permission_and_no_function_is_named_with_its_key() {
        let mut config = Config { permissions: vec!["log".into(), "fly".into()], ..Config::default() };
        let (key, problem) = config.check().unwrap_err();
        assert_eq!(key, "permissions");
        assert!(problem.contains("\"fly\"") && problem.contains("log"), "{problem}");
        config.permissions.pop();
        config
            .overrides
            .insert("f".into(), Overrides { permissions: Some(vec!["swim".into()]), ..Overrides::default() });
        assert!(config.check().unwrap_err().1.starts_with("[plugins.overrides.f] permissions: \"swim\""));
        let limits = PluginLimits { call_deadline_ms: 0, ..PluginLimits::default() };
        config.overrides.insert("f".into(), Overrides { limits, ..Overrides::default() });
        assert!(
            config.check().unwrap_err().1.starts_with("[plugins.overrides.f.limits] `call_deadline_ms` is 0; write")
        );
        config.overrides.clear();
        config.closed = vec!["filtre".into()];
        assert_eq!(config.check().unwrap_err().0, "closed");
        config.closed = vec!["filter".into()];
        assert_eq!(config.check(), Ok(()));
    }

    #[test]
    fn one_plugin_is_given_other_permissions_than_all() {
        let mut config = Config { order: vec!["second".into(), "first".into()], ..Config::default() };
        config.overrides.insert("mute".into(), Overrides { permissions: Some(Vec::new()), ..Overrides::default() });
        assert!(config.granted("mute").is_empty());
        assert!(config.granted("talker").contains(&Permission::Log));
        assert!(config.rank("second") < config.rank("first") && config.rank("first") < config.rank("other"));
        assert_eq!(config.named().count(), 3);
    }
}
