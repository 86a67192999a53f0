//! The hooks that a plugin can answer, and the interfaces they stand in.

use std::fmt;

/// Version of the interfaces in `wit/` that this host speaks.
pub const INTERFACE_VERSION: &str = "0.1.0";

/// Package of the interfaces.
pub(crate) const PACKAGE: &str = "realm:plugin";

/// Name of the interface that holds the types of effects and nothing to call.
pub(crate) const EFFECTS: &str = "effects";

/// Name of the interface around an instance's life.
pub(crate) const LIFECYCLE: &str = "lifecycle";

/// An interface that a plugin may export for the realm to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hook {
    /// Judges acts inside games and characters on their way in and out.
    AntiCheat,
    /// Judges lines of chat.
    ChatFilter,
    /// Answers slash commands of its own.
    Commands,
    /// Hears what has happened.
    Events,
    /// Scores characters.
    Ladder,
    /// Admits players to games and orders lists of games.
    Matchmaking,
}

impl Hook {
    /// Every hook.
    pub const ALL: [Self; 6] =
        [Self::AntiCheat, Self::ChatFilter, Self::Commands, Self::Events, Self::Ladder, Self::Matchmaking];

    /// Name of the interface, for example `chat-filter`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AntiCheat => "anti-cheat",
            Self::ChatFilter => "chat-filter",
            Self::Commands => "commands",
            Self::Events => "events",
            Self::Ladder => "ladder",
            Self::Matchmaking => "matchmaking",
        }
    }

    /// The hook of an interface.
    pub(crate) fn from_interface(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.as_str() == name)
    }

    /// The names of all hooks, for sentences to the operator.
    pub(crate) fn list() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
