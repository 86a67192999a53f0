//! Counters and times of plugin calls.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};

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
    /// Of each function and word that there was; a handful.
    verdicts: Vec<(Function, &'static str, Counter)>,
    memory: Option<Gauge>,
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

    /// A call has been answered.
    pub(super) fn decided(&mut self, plugin: &str, function: Function, word: &'static str) {
        let known = self.verdicts.iter().find(|known| known.0 == function && known.1 == word);
        if let Some((_, _, counter)) = known {
            return counter.increment(1);
        }
        let labels =
            [("plugin", plugin.to_owned()), ("function", function.as_str().to_owned()), ("verdict", word.to_owned())];
        let counter = metrics::counter!("realm_plugin_verdicts_total", &labels);
        counter.increment(1);
        self.verdicts.push((function, word, counter));
    }

    /// How much memory the largest instance of a plugin has held.
    #[allow(clippy::cast_precision_loss, reason = "a gauge")]
    pub(super) fn holds(&mut self, plugin: &str, memory_bytes: u64) {
        let gauge = || metrics::gauge!("realm_plugin_memory_bytes", "plugin" => plugin.to_owned());
        self.memory.get_or_insert_with(gauge).set(memory_bytes as f64);
    }
}

/// A call gave no answer.
pub(super) fn failed(plugin: &str, function: Function, kind: &'static str) {
    let labels = [("plugin", plugin.to_owned()), ("function", function.as_str().to_owned()), ("kind", kind.to_owned())];
    metrics::counter!("realm_plugin_failures_total", &labels).increment(1);
}

/// A shadow was asked what the version at work was asked.
pub(super) fn compared(plugin: &str, function: Function, alike: bool) {
    let outcome = if alike { "alike" } else { "different" };
    let labels =
        [("plugin", plugin.to_owned()), ("function", function.as_str().to_owned()), ("outcome", outcome.to_owned())];
    metrics::counter!("realm_plugin_shadow_total", &labels).increment(1);
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
