//! Counters and times of plugin calls.

use std::time::Duration;

use metrics::{Counter, Histogram};

/// The functions that plugins are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    CheckActions,
    CheckCharacter,
    Filter,
    Admit,
    Order,
    Score,
    CheckItem,
    Form,
    SeasonEnd,
    ListCommands,
    Run,
    Interests,
    Handle,
}

impl Function {
    pub(super) const COUNT: usize = 13;

    /// Every function, in the order of declaration.
    pub(super) const ALL: [Self; Self::COUNT] = [
        Self::CheckActions,
        Self::CheckCharacter,
        Self::Filter,
        Self::Admit,
        Self::Order,
        Self::Score,
        Self::CheckItem,
        Self::Form,
        Self::SeasonEnd,
        Self::ListCommands,
        Self::Run,
        Self::Interests,
        Self::Handle,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::CheckActions => "check-actions",
            Self::CheckCharacter => "check-character",
            Self::Filter => "filter",
            Self::Admit => "admit",
            Self::Order => "order",
            Self::Score => "score",
            Self::CheckItem => "check-item",
            Self::Form => "form",
            Self::SeasonEnd => "season-end",
            Self::ListCommands => "list-commands",
            Self::Run => "run",
            Self::Interests => "interests",
            Self::Handle => "handle",
        }
    }

    /// What happens instead of an answer, in words for the operator.
    pub(super) fn policy(self) -> &'static str {
        match self {
            Self::CheckActions => "the acts go on as if nothing had been found",
            Self::CheckCharacter => "the character counts as faultless",
            Self::Filter => "the line is refused to its sender",
            Self::Admit => "the player is admitted",
            Self::Order => "the newest games come first",
            Self::Score => "the character keeps its score",
            Self::CheckItem => "the item counts as faultless",
            Self::Form => "everybody goes on waiting",
            Self::SeasonEnd => "the season goes on",
            Self::ListCommands => "the commands stay as they were",
            Self::Run => "the caller is told that the command did not work",
            Self::Interests => "the plugin hears of nothing",
            Self::Handle => "these events are left out",
        }
    }

    /// The same where the operator has closed the function.
    pub(super) fn closed_policy(self) -> &'static str {
        match self {
            Self::CheckActions => "the acts are not carried out",
            Self::CheckCharacter => "the character is refused",
            Self::Filter => "the line is refused to its sender",
            Self::Admit => "the player is not admitted",
            Self::Order => "no game is listed",
            Self::Score => "the character keeps its score",
            Self::CheckItem => "the item is refused",
            Self::Form => "everybody goes on waiting",
            Self::SeasonEnd => "the season goes on",
            Self::ListCommands => "the commands stay as they were",
            Self::Run => "the caller is told that the command did not work",
            Self::Interests => "the plugin hears of nothing",
            Self::Handle => "these events are left out",
        }
    }
}

/// Handles of one plugin's figures, made at the first call of each function.
#[derive(Default)]
pub(super) struct Figures {
    by_function: [Option<(Counter, Histogram)>; Function::COUNT],
}

impl Figures {
    /// One call is over.
    pub(super) fn called(&mut self, plugin: &str, function: Function, used: Duration) {
        let (calls, seconds) = self.by_function[function as usize].get_or_insert_with(|| {
            let labels = [("plugin", plugin.to_owned()), ("function", function.as_str().to_owned())];
            (
                metrics::counter!("realm_plugin_calls_total", &labels),
                metrics::histogram!("realm_plugin_call_seconds", &labels),
            )
        });
        calls.increment(1);
        seconds.record(used.as_secs_f64());
    }
}

/// A call gave no answer.
pub(super) fn failed(plugin: &str, function: Function, kind: &'static str) {
    let labels = [("plugin", plugin.to_owned()), ("function", function.as_str().to_owned()), ("kind", kind.to_owned())];
    metrics::counter!("realm_plugin_failures_total", &labels).increment(1);
}

/// A plugin failed when it was told that it would not be called again.
pub(super) fn failed_at_end(plugin: &str, kind: &'static str) {
    let labels = [("plugin", plugin.to_owned()), ("function", "shutdown".to_owned()), ("kind", kind.to_owned())];
    metrics::counter!("realm_plugin_failures_total", &labels).increment(1);
}

/// The circuit breaker of a plugin has opened or closed.
pub(super) fn breaker(plugin: &str, open: bool) {
    metrics::gauge!("realm_plugin_breaker_open", "plugin" => plugin.to_owned()).set(if open { 1.0 } else { 0.0 });
}

/// A line of chat went out without the judgement of a filter that should have given it.
pub(super) fn unjudged_line(plugin: &str) {
    metrics::counter!("realm_chat_unjudged_lines_total", "plugin" => plugin.to_owned()).increment(1);
}

/// Nobody could be asked: the lane was too busy, or the tick's budget spent.
pub(super) fn unasked(hook: &'static str, reason: &'static str) {
    metrics::counter!("realm_plugin_unasked_total", "hook" => hook, "reason" => reason).increment(1);
}
