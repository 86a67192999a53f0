//! The operator's verbs on a running realm: one implementation for the command line, for REST, and for whatever comes after them.
//!
//! Decides who may do what, and tells in the log who did it. Whoever runs the realm proves it with the token in the data folder, over
//! loopback; staff by their account: they may look, and the owner may act.

mod sanctions;
mod token;

use std::{net::IpAddr, path::Path};

use crate::{
    accounts::Accounts,
    games::Games,
    hooks::PluginLine,
    moderation::Moderation,
    rules::{Act, OrderError, PluginState, PluginStatus, Rules},
    types::{AccountName, Code, Refusal},
};

pub use sanctions::SanctionWish;
pub use token::OperatorToken;

/// Most lines that are asked for at once.
const LINES_MAX: usize = 200;

/// Who uses a verb.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Whoever runs the realm.
    Operator,
    /// The owner's account.
    Owner(AccountName),
    /// A moderator's account.
    Moderator(AccountName),
}

impl std::fmt::Display for Actor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Operator => formatter.write_str("the operator"),
            Self::Owner(name) | Self::Moderator(name) => write!(formatter, "{name}"),
        }
    }
}

/// A plugin, and how many games are played under it.
#[derive(Debug, Clone)]
pub struct PluginReport {
    /// The plugin.
    pub status: PluginStatus,
    /// Open games whose tick thread has this version at work; 0 for what decides outside games.
    pub games: usize,
}

/// The verbs; cheap to clone.
#[derive(Clone)]
pub struct Admin {
    rules: Rules,
    games: Games,
    accounts: Accounts,
    moderation: Moderation,
    token: OperatorToken,
}

impl Admin {
    /// Leaves a fresh operator's token in the data folder.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn start(
        data: &Path,
        rules: Rules,
        games: Games,
        accounts: Accounts,
        moderation: Moderation,
    ) -> std::io::Result<Self> {
        Ok(Self { rules, games, accounts, moderation, token: OperatorToken::leave(data)? })
    }

    /// The time by which sanctions end, in milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.moderation.now_ms()
    }

    /// True when a bearer token is the operator's, and comes from this machine.
    #[must_use]
    pub fn is_operator(&self, bearer: &str, peer: IpAddr) -> bool {
        peer.to_canonical().is_loopback() && self.token.is(bearer)
    }

    /// Every installed plugin, by name.
    #[must_use]
    pub fn plugins(&self) -> Vec<PluginReport> {
        let played = self.games.rules_in_play();
        let report = |status: PluginStatus| {
            let games = played.get(&format!("{} {}", status.name, status.version)).copied().unwrap_or_default();
            PluginReport { status, games }
        };
        self.rules.status().into_iter().map(report).collect()
    }

    /// One plugin, by the name in its manifest.
    ///
    /// # Errors
    /// When there is none.
    pub fn plugin(&self, name: &str) -> Result<PluginReport, Refusal> {
        let mut plugins = self.plugins();
        // Two files may claim one name: the one at work is meant.
        let decides = |status: &PluginStatus| !status.version.is_empty() && status.state != PluginState::Shadow;
        let at_work = |report: &PluginReport| report.status.name == name && decides(&report.status);
        let place = plugins.iter().position(at_work).or_else(|| plugins.iter().position(|one| one.status.name == name));
        match place {
            Some(place) => Ok(plugins.swap_remove(place)),
            None => {
                let installed = plugins.into_iter().map(|report| report.status.name).collect();
                Err(refusal(&OrderError::Unknown { name: name.to_owned(), installed }))
            }
        }
    }

    /// The last lines of a plugin and about it, oldest first.
    ///
    /// # Errors
    /// When there is no such plugin, and none was.
    pub fn plugin_lines(&self, name: &str, count: usize) -> Result<Vec<PluginLine>, Refusal> {
        let lines = self.rules.lines(name, count.min(LINES_MAX));
        if lines.is_empty() {
            self.plugin(name)?;
        }
        Ok(lines)
    }

    /// Lets the operator and the owner change something.
    ///
    /// # Errors
    /// When the actor may only look.
    pub fn may_act(&self, actor: &Actor) -> Result<(), Refusal> {
        if matches!(actor, Actor::Moderator(_)) {
            let sentence = "Only the owner may change what is at work; ask the realm's owner.";
            return Err(Refusal::new(Code::Forbidden, sentence));
        }
        Ok(())
    }

    /// Does something to a plugin.
    ///
    /// # Errors
    /// When the actor may not, there is no such plugin, or it does not work; then everything is as before.
    pub async fn act(&self, actor: &Actor, name: &str, act: Act) -> Result<PluginReport, Refusal> {
        self.may_act(actor)?;
        let outcome = self.rules.order(name, act).await;
        let verb = act.as_str();
        match &outcome {
            Ok(_) => tracing::info!(plugin = name, verb, "{actor} ordered: {verb} {name}"),
            Err(error) => tracing::warn!(plugin = name, verb, "{actor} ordered: {verb} {name}; refused: {error}"),
        }
        outcome.map_err(|error| refusal(&error))?;
        self.plugin(name)
    }
}

fn refusal(error: &OrderError) -> Refusal {
    let sentence = sentence(&error.to_string());
    match error {
        OrderError::Unknown { .. } => Refusal::new(Code::PluginUnknown, sentence),
        OrderError::Refused(_) => Refusal::new(Code::PluginRefused, sentence),
        OrderError::Busy => Refusal::retry(Code::PluginRefused, sentence, 1_000),
    }
}

/// A text as a sentence: a capital at the beginning, a full stop at the end.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", characters.as_str())
}
