//! One plugin by itself, asked by hand and not by a running realm.

use std::{path::Path, sync::Arc, time::Duration};

use realm_plugin_host::{Hook, Host, Limits};

use super::{Change, Hooks, Installed, Publisher, RealmLog, TickLane};

/// Longest wait for the plugin threads at the end.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// An in-game rule on a lane of its own, under the limits that it has in a realm.
pub struct LoneRule {
    lane: TickLane,
    publisher: Publisher,
}

impl LoneRule {
    /// Loads a plugin file and starts it with these settings, a JSON text.
    ///
    /// # Errors
    /// A sentence: the file cannot be read, is no plugin that works, or no in-game rule.
    pub fn load(file: &Path, settings: &str) -> Result<Self, String> {
        let problem = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let bytes = std::fs::read(file).map_err(|error| problem(&error))?;
        let host = Host::new(Limits::default(), None).map_err(|error| problem(&error))?;
        let plugin = host.load(&bytes, Arc::new(RealmLog)).map_err(|error| problem(&error))?;
        if !plugin.hooks().contains(&Hook::AntiCheat) {
            return Err(problem(&"this plugin answers no hook inside games; name one that is an anti-cheat rule"));
        }
        let (hooks, publisher) = Hooks::start().map_err(|error| problem(&error))?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let installed = Arc::new(Installed::new(1, name, plugin, settings.to_owned()));
        let change = Change { install: Some(installed), remove: Vec::new() };
        publisher.change(change).map_err(|error| problem(&error))?;
        Ok(Self { lane: hooks.tick_lane(), publisher })
    }

    /// The lane on which it is asked.
    pub fn lane(&mut self) -> &mut TickLane {
        &mut self.lane
    }
}

impl Drop for LoneRule {
    fn drop(&mut self) {
        self.publisher.stop(STOP_TIMEOUT);
    }
}
