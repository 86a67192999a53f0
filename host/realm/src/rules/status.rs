//! A plugin as the operator sees it.

use std::sync::Arc;

use realm_plugin_host::PluginLimits;
use serde::Serialize;

use super::versions::{KeptVersion, RolledBack};
use crate::hooks::{Observed, Record};

/// What has become of a file in the plugin folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PluginState {
    /// It decides.
    AtWork,
    /// The operator has taken it from work.
    Disabled,
    /// Nothing of it is at work; `problem` says why.
    Broken,
    /// An earlier version decides in its place.
    RolledBack,
    /// It is asked what the version at work is asked, and its answers are only compared.
    Shadow,
}

impl PluginState {
    /// The words for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AtWork => "at work",
            Self::Disabled => "disabled",
            Self::Broken => "broken",
            Self::RolledBack => "rolled back",
            Self::Shadow => "shadow",
        }
    }
}

/// A plugin as the operator sees it.
#[derive(Debug, Clone, Serialize)]
pub struct PluginStatus {
    /// Name from the manifest, or the file's name when the manifest cannot be read.
    pub name: String,
    /// What has become of it.
    pub state: PluginState,
    /// Version at work; empty when none is.
    pub version: String,
    /// What it does, from the manifest.
    pub description: Option<String>,
    /// `fast` or `slow`; empty when the manifest cannot be read.
    pub class: &'static str,
    /// Names of the hooks it answers.
    pub hooks: Vec<String>,
    /// What its manifest asks for.
    pub permissions_asked: Vec<String>,
    /// What a plugin of its name may be given.
    pub permissions_granted: Vec<String>,
    /// The limits that it lives under.
    pub limits: PluginLimits,
    /// Its place among all plugins at work in the order of asking, from 1.
    pub order: Option<u32>,
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
    /// It is new: when it keeps failing, the last good version takes its place.
    pub on_trial: bool,
    /// The file is passed over for an earlier version.
    pub rolled_back: Option<RolledBack>,
    /// Versions whose bytes are kept, the one that came to work last at the end.
    pub kept: Vec<KeptVersion>,
    /// What it has done since it came to work.
    pub observed: Observed,
    /// Where that is counted.
    #[serde(skip)]
    pub(crate) record: Option<Arc<Record>>,
}
