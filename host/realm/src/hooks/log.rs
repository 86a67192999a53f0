//! Where plugins' own lines go, and what is told about them: the realm's log, and the last lines of each plugin in memory.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use realm_plugin_host::{Level, LogSink, Services};
use serde::Serialize;

use super::tape::{HostAnswer, host_answered};

/// Lines that are kept of each plugin; the oldest goes first.
const LINES_MAX: usize = 200;
/// Plugins whose lines are kept.
const PLUGINS_MAX: usize = 256;

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

/// One line about a plugin, or of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PluginLine {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// `debug`, `info`, `warn` or `error`.
    pub level: &'static str,
    /// `plugin` when the plugin wrote it, `realm` when the realm tells something about the plugin.
    pub from: &'static str,
    /// The line.
    pub text: String,
}

/// The last lines of each plugin; what plugins write goes to the realm's log, too.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    lines: Mutex<BTreeMap<String, VecDeque<PluginLine>>>,
}

impl Journal {
    /// Keeps what the realm has said about a plugin in its log.
    pub(crate) fn note(&self, plugin: &str, level: Level, text: &str) {
        self.keep(plugin, level, "realm", text);
    }

    /// The last lines of a plugin, oldest first, at most `count`.
    pub(crate) fn last(&self, plugin: &str, count: usize) -> Vec<PluginLine> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let of = lines.get(plugin).map(|lines| lines.iter().skip(lines.len().saturating_sub(count)).cloned().collect());
        of.unwrap_or_default()
    }

    fn keep(&self, plugin: &str, level: Level, from: &'static str, text: &str) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at_ms = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        let line = PluginLine { at_ms, level: word(level), from, text: text.to_owned() };
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if !lines.contains_key(plugin) && lines.len() >= PLUGINS_MAX {
            return;
        }
        let of = lines.entry(plugin.to_owned()).or_default();
        if of.len() >= LINES_MAX {
            of.pop_front();
        }
        of.push_back(line);
    }
}

impl LogSink for Journal {
    fn write(&self, plugin: &str, level: Level, line: &str) {
        RealmLog.write(plugin, level, line);
        self.keep(plugin, level, "plugin", line);
    }
}

impl Services for Journal {
    fn now_ms(&self, plugin: &str) -> u64 {
        let now_ms = Services::now_ms(&RealmLog, plugin);
        host_answered(|| HostAnswer::NowMs(now_ms));
        now_ms
    }

    fn random(&self, plugin: &str, bytes: &mut [u8]) -> bool {
        let thrown = Services::random(&RealmLog, plugin, bytes);
        host_answered(|| HostAnswer::Random(bytes.to_vec()));
        thrown
    }
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_each_plugin_are_kept() {
        let journal = Journal::default();
        for number in 0..LINES_MAX + 10 {
            journal.write("talker", Level::Info, &number.to_string());
        }
        journal.note("other", Level::Warn, "came to work");
        let last = journal.last("talker", 2);
        assert_eq!(last.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["208", "209"]);
        assert_eq!(journal.last("talker", 1_000).len(), LINES_MAX);
        let other = &journal.last("other", 10)[0];
        assert_eq!((other.level, other.from, other.text.as_str()), ("warn", "realm", "came to work"));
        assert!(journal.last("nobody", 10).is_empty());
        for number in 0..2 * PLUGINS_MAX {
            journal.note(&format!("p{number}"), Level::Info, "line");
        }
        assert_eq!(journal.lines.lock().unwrap().len(), PLUGINS_MAX);
    }
}
