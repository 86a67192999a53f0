//! What is known of one file in the plugin folder.

use super::{PluginStatus, folder::Stamp};

/// The version at work.
#[derive(Debug, Clone)]
pub(super) struct AtWork {
    /// Key of the installation.
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) hooks: Vec<String>,
    pub(super) sha256: String,
    pub(super) size_bytes: u64,
    pub(super) load_ms: f64,
}

/// One file.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    /// State of the file when it was last looked at.
    pub(super) stamp: Option<Stamp>,
    /// SHA-256 of what was last tried; the same bytes are not tried twice.
    pub(super) tried: Option<String>,
    pub(super) at_work: Option<AtWork>,
    /// Name in the manifest of what was last tried.
    pub(super) name_tried: Option<String>,
    /// How long the last try took.
    pub(super) tried_ms: f64,
    /// Why what was last tried is not at work.
    pub(super) problem: Option<String>,
}

impl Entry {
    /// The entry as the operator sees it.
    pub(super) fn status(&self, file: &str) -> PluginStatus {
        let stem = file.strip_suffix(".wasm").unwrap_or(file);
        match &self.at_work {
            Some(work) => PluginStatus {
                name: work.name.clone(),
                version: work.version.clone(),
                hooks: work.hooks.clone(),
                file: file.to_owned(),
                sha256: work.sha256.clone(),
                load_ms: work.load_ms,
                size_bytes: work.size_bytes,
                problem: self.problem.clone(),
            },
            None => PluginStatus {
                name: self.name_tried.clone().unwrap_or_else(|| stem.to_owned()),
                version: String::new(),
                hooks: Vec::new(),
                file: file.to_owned(),
                sha256: String::new(),
                load_ms: self.tried_ms,
                size_bytes: self.stamp.map_or(0, |stamp| stamp.size),
                problem: self.problem.clone(),
            },
        }
    }
}
