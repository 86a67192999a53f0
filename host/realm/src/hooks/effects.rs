//! What plugins want to bring about, on its way to who carries it out.

use realm_plugin_host::bindings::effects::Effect;

use super::ApprovedText;

/// One effect. What a plugin writes is the operator's own word and not a player's line: it was held to the limits of `wit/` when
/// the plugin answered, and is approved here without the chat filter. What a player has written into a command was judged
/// before the plugin saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PluginAct {
    /// A line in a channel.
    Say {
        /// Name of the channel, as the plugin wrote it.
        channel: String,
        /// The line.
        text: ApprovedText,
    },
    /// A line to one player.
    Whisper {
        /// Name of the player's account, as the plugin wrote it.
        account: String,
        /// The line.
        text: ApprovedText,
    },
    /// A line to everybody who is online.
    Announce {
        /// The line.
        text: ApprovedText,
    },
    /// A player shall not talk.
    Mute {
        /// Name of the player's account, as the plugin wrote it.
        account: String,
        /// From now on, at most a day.
        duration_ms: u64,
        /// For the player.
        reason: String,
    },
    /// A player's session shall end.
    Kick {
        /// Name of the player's account, as the plugin wrote it.
        account: String,
        /// For the player.
        reason: String,
    },
    /// The moderators shall look at a player.
    Flag {
        /// Name of the player's account, as the plugin wrote it.
        account: String,
        /// For the moderators.
        reason: String,
    },
}

impl PluginAct {
    /// The word for it in figures.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Say { .. } => "say",
            Self::Whisper { .. } => "whisper",
            Self::Announce { .. } => "announce",
            Self::Mute { .. } => "mute",
            Self::Kick { .. } => "kick",
            Self::Flag { .. } => "flag",
        }
    }
}

/// What one answer of a plugin brings about, at most 32 acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginActs {
    /// Name of the plugin; everything is done under it.
    pub plugin: String,
    /// In the order of the answer.
    pub acts: Vec<PluginAct>,
}

/// Turns a checked answer into acts.
pub(super) fn acts(plugin: &str, effects: Vec<Effect>) -> PluginActs {
    let approved = |text| ApprovedText { text, filtered: false };
    let act = |effect| match effect {
        Effect::Say(say) => PluginAct::Say { channel: say.channel, text: approved(say.text) },
        Effect::Whisper(whisper) => PluginAct::Whisper { account: whisper.account, text: approved(whisper.text) },
        Effect::Announce(announce) => PluginAct::Announce { text: approved(announce.text) },
        Effect::Mute(mute) => {
            PluginAct::Mute { account: mute.account, duration_ms: mute.duration_ms, reason: mute.reason }
        }
        Effect::Kick(kick) => PluginAct::Kick { account: kick.account, reason: kick.reason },
        Effect::Flag(flag) => PluginAct::Flag { account: flag.account, reason: flag.reason },
    };
    PluginActs { plugin: plugin.to_owned(), acts: effects.into_iter().map(act).collect() }
}

/// Acts that nobody carries out.
pub(super) fn left_out(acts: &PluginActs, reason: &'static str) {
    for act in &acts.acts {
        count_act(&acts.plugin, act.word(), reason);
    }
}

/// Counts an act by its outcome: `done`, or why it was left out.
pub(crate) fn count_act(plugin: &str, word: &'static str, outcome: &'static str) {
    metrics::counter!("realm_plugin_effects_total", "plugin" => plugin.to_owned(), "effect" => word, "outcome" => outcome)
        .increment(1);
}
