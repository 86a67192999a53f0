//! What plugins answer, in a word for counters and whole for recordings.

use realm_plugin_host::bindings::{
    anti_cheat::Finding,
    chat_filter,
    commands::{Command, CommandError},
    effects::Effect,
    events::Kinds,
    ladder::Award,
    matchmaking::{Admission, Match},
};

use super::{Rank, events, tape::Answer};

/// An answer of a plugin, in a word for a counter.
pub(super) trait Decision: PartialEq {
    fn word(&self) -> &'static str;

    /// The same for a recording.
    fn answer(&self) -> Answer;
}

impl Decision for chat_filter::Verdict {
    fn word(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Replace(_) => "replace",
            Self::Block(_) => "block",
        }
    }

    fn answer(&self) -> Answer {
        Answer::Verdict(self.clone())
    }
}

impl Decision for Admission {
    fn word(&self) -> &'static str {
        match self {
            Self::Admit => "admit",
            Self::Refuse(_) => "refuse",
        }
    }

    fn answer(&self) -> Answer {
        Answer::Admission(self.clone())
    }
}

impl Decision for Vec<Finding> {
    fn word(&self) -> &'static str {
        if self.is_empty() { "clean" } else { "found" }
    }

    fn answer(&self) -> Answer {
        Answer::Findings(self.clone())
    }
}

// An ordered list of games.
impl Decision for Vec<u64> {
    fn word(&self) -> &'static str {
        "ordered"
    }

    fn answer(&self) -> Answer {
        Answer::Keys(self.clone())
    }
}

// A score.
impl Decision for Option<Rank> {
    fn word(&self) -> &'static str {
        if self.is_some() { "scored" } else { "not-eligible" }
    }

    fn answer(&self) -> Answer {
        Answer::Score(self.map(|rank| rank.score))
    }
}

// Matches of players who wait.
impl Decision for Vec<Match> {
    fn word(&self) -> &'static str {
        if self.is_empty() { "none" } else { "matched" }
    }

    fn answer(&self) -> Answer {
        Answer::Matches(self.clone())
    }
}

// What the best of a season carry away.
impl Decision for Vec<Award> {
    fn word(&self) -> &'static str {
        if self.is_empty() { "none" } else { "awarded" }
    }

    fn answer(&self) -> Answer {
        Answer::Awards(self.clone())
    }
}

impl Decision for Vec<Command> {
    fn word(&self) -> &'static str {
        "listed"
    }

    fn answer(&self) -> Answer {
        Answer::Commands(self.clone())
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

    fn answer(&self) -> Answer {
        Answer::Ran(self.clone())
    }
}

// What a plugin wants to hear of.
impl Decision for Kinds {
    fn word(&self) -> &'static str {
        "listed"
    }

    fn answer(&self) -> Answer {
        Answer::Kinds(events::mask(*self))
    }
}

// What a plugin answers to events.
impl Decision for Vec<Effect> {
    fn word(&self) -> &'static str {
        if self.is_empty() { "none" } else { "effects" }
    }

    fn answer(&self) -> Answer {
        Answer::Effects(self.clone())
    }
}
