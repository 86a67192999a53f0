//! What `/metrics` says of the plugin folder.

/// Version `version` of a plugin has come to work, or has left it.
pub(super) fn version(plugin: &str, version: &str, at_work: bool) {
    let labels = [("plugin", plugin.to_owned()), ("version", version.to_owned())];
    metrics::gauge!("realm_plugin_info", &labels).set(if at_work { 1.0 } else { 0.0 });
}

/// A plugin was rolled back: by the operator, or because it kept failing.
pub(super) fn rolled_back(plugin: &str, by: &'static str) {
    metrics::counter!("realm_plugin_rollbacks_total", "plugin" => plugin.to_owned(), "by" => by).increment(1);
}
