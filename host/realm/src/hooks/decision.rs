//! What plugins answer, in a word for counters and whole for recordings.

use realm_plugin_host::{
    FormedMatch, SeasonAward,
    bindings::{
        anti_cheat::Finding,
        chat_filter,
        commands::{Command, CommandError},
        effects::Effect,
        events::Kinds,
        matchmaking::Admission,
    },
};

use super::{Rank, tape::Answer};

/// An answer of a plugin: in a word for a counter, and kept whole in a recording.
pub(super) trait Decision: PartialEq + Clone + Into<Answer> {
    fn word(&self) -> &'static str;
}

impl Decision for chat_filter::Verdict {
    fn word(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Replace(_) => "replace",
            Self::Block(_) => "block",
        }
    }
}

impl Decision for Admission {
    fn word(&self) -> &'static str {
        match self {
            Self::Admit => "admit",
            Self::Refuse(_) => "refuse",
        }
    }
}

impl Decision for Vec<Finding> {
    fn word(&self) -> &'static str {
        if self.is_empty() { "clean" } else { "found" }
    }
}

// An ordered list of games.
impl Decision for Vec<u64> {
    fn word(&self) -> &'static str {
        "ordered"
    }
}

// A score.
impl Decision for Option<Rank> {
    fn word(&self) -> &'static str {
        if self.is_some() { "scored" } else { "not-eligible" }
    }
}

// Matches of players who wait.
impl Decision for Vec<FormedMatch> {
    fn word(&self) -> &'static str {
        if self.is_empty() { "none" } else { "matched" }
    }
}

// What the best of a season carry away.
impl Decision for Vec<SeasonAward> {
    fn word(&self) -> &'static str {
        if self.is_empty() { "none" } else { "awarded" }
    }
}

impl Decision for Vec<Command> {
    fn word(&self) -> &'static str {
        "listed"
    }
}

// What came of a command.
impl Decision for Result<Vec<Effect>, CommandError> {
    fn word(&self) -> &'static str {
        match self {
            Ok(effects) => effects.word(),
            Err(CommandError::Usage(_)) => "usage",
            Err(CommandError::Refused(_)) => "refused",
            Err(CommandError::Other(_)) => "other",
        }
    }
}

// What a plugin wants to hear of.
impl Decision for Kinds {
    fn word(&self) -> &'static str {
        "listed"
    }
}

// What a plugin answers to events.
impl Decision for Vec<Effect> {
    fn word(&self) -> &'static str {
        if self.is_empty() { "none" } else { "effects" }
    }
}
