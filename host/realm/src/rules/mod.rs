//! The operator's side of plugins: the watched folder, what is installed, which version is at work.

use std::{collections::BTreeMap, path::Path};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hooks::Hooks;

/// `[plugins]`: the rules that players live under.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folder that is watched for `.wasm` files; empty is `plugins/` in the data folder.
    pub dir: String,
    /// One table per plugin, handed to its `init` as JSON.
    pub configuration: BTreeMap<String, serde_json::Value>,
}

impl Default for Config {
    fn default() -> Self {
        Self { dir: String::new(), configuration: BTreeMap::new() }
    }
}

/// A plugin as the operator sees it.
#[derive(Debug, Clone, Serialize)]
pub struct PluginStatus {
    /// Name from the manifest, or the file's name when the manifest cannot be read.
    pub name: String,
    /// Version at work; empty when none is.
    pub version: String,
    /// Names of the hooks it answers.
    pub hooks: Vec<String>,
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
}

/// Why the plugin folder cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// The folder cannot be made, read or watched.
    #[error("the plugin folder {0} cannot be used: {1}")]
    Folder(String, String),
}

/// The watched folder; cheap to clone.
#[derive(Clone)]
pub struct Rules {}

impl Rules {
    /// Loads every plugin of the folder, then watches it. Returns when the first load is done: broken files are reported, not fatal.
    pub async fn start(config: &Config, data: &Path) -> Result<(Self, Hooks), RulesError> {
        let _ = (config, data);
        unimplemented!()
    }

    /// Every installed plugin, by name.
    pub fn status(&self) -> Vec<PluginStatus> {
        unimplemented!()
    }

    /// Stops watching and ends the plugin threads.
    pub async fn stop(&self) {
        unimplemented!()
    }
}
