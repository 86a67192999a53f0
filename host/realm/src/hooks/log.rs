//! Where plugins' own lines go: the realm's log, under the plugin's name.

use realm_plugin_host::{Level, LogSink, Services};

/// Hands plugins' lines to `tracing`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RealmLog;

impl LogSink for RealmLog {
    fn write(&self, plugin: &str, level: Level, line: &str) {
        match level {
            Level::Debug => tracing::debug!(plugin, "{line}"),
            Level::Info => tracing::info!(plugin, "{line}"),
            Level::Warn => tracing::warn!(plugin, "{line}"),
            Level::Error => tracing::error!(plugin, "{line}"),
        }
    }
}

impl Services for RealmLog {}
