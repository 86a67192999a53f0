//! The only door to plugins: typed calls, lanes, and what happens when a call fails.
//!
//! Knows no SQL and no socket. The records of the calls are those of `wit/`.

use std::sync::Arc;

pub use realm_plugin_host::bindings::{anti_cheat, chat_filter, ladder, matchmaking};

use crate::types::{AccountId, AccountName, ChatText};

/// Text that the chat filter has let through; only [`Hooks::filter_chat`] makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovedText {
    text: String,
    filtered: bool,
}

impl ApprovedText {
    /// The text that goes out.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// True when the filter changed it.
    #[must_use]
    pub fn filtered(&self) -> bool {
        self.filtered
    }
}

/// A line of chat on its way to the filter.
#[derive(Debug, Clone)]
pub struct ChatLine {
    /// The sender.
    pub account: AccountId,
    /// The sender's name.
    pub account_name: AccountName,
    /// Where it goes.
    pub destination: chat_filter::Destination,
    /// Channel, or the whisper's recipient.
    pub target: String,
    /// What the client sent.
    pub text: ChatText,
    /// When it arrived, in milliseconds since 1970.
    pub now_ms: i64,
}

/// What the chat filter decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatVerdict {
    /// The text may go out.
    Approved(ApprovedText),
    /// Nothing goes out; the sentence is for the sender.
    Blocked(String),
}

/// Calls to plugins outside games; cheap to clone. One plugin thread answers, fed by a bounded queue.
#[derive(Clone)]
pub struct Hooks {
    _lane: Arc<()>,
}

impl Hooks {
    /// A realm without any plugin: every hook gives what its failure policy says.
    /// Chat passes, everybody is admitted, the newest game comes first, no character has a score, nothing is found.
    #[must_use]
    pub fn without_plugins() -> Self {
        Self { _lane: Arc::new(()) }
    }

    /// Asks the chat filter. A failing or missing filter lets the line pass unchanged.
    pub async fn filter_chat(&self, line: ChatLine) -> ChatVerdict {
        ChatVerdict::Approved(ApprovedText { text: line.text.as_str().to_owned(), filtered: false })
    }

    /// May the player join? `Err` holds the sentence for the player. A failing or missing plugin admits.
    pub async fn admit(&self, player: matchmaking::Player, game: matchmaking::Game) -> Result<(), String> {
        let _ = (player, game);
        Ok(())
    }

    /// Keys of the games a player shall see, best first. A failing or missing plugin gives the newest first.
    pub async fn order_games(&self, player: matchmaking::Player, games: Vec<matchmaking::Game>) -> Vec<u64> {
        let _ = player;
        let mut games = games;
        games.sort_by_key(|game| std::cmp::Reverse((game.created_ms, game.id)));
        games.into_iter().map(|game| game.id).collect()
    }

    /// The ladder's score: `Ok(None)` when the character does not take part, `Err` when no plugin could say.
    pub async fn score(&self, character: ladder::Character) -> Result<Option<u64>, HookUnavailable> {
        let _ = character;
        Err(HookUnavailable)
    }

    /// What the anti-cheat rule finds wrong with a character. A failing or missing plugin finds nothing.
    pub async fn check_character(&self, sheet: anti_cheat::Sheet) -> Vec<anti_cheat::Finding> {
        let _ = sheet;
        Vec::new()
    }

    /// A lane for one tick thread: its own instances of the in-game plugins.
    pub fn tick_lane(&self) -> TickLane {
        TickLane {}
    }
}

/// No plugin could answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no plugin could answer")]
pub struct HookUnavailable;

/// The in-game plugins of one tick thread. Not shared: the thread calls it directly.
pub struct TickLane {}

/// What the batched anti-cheat call gave.
#[derive(Debug, Clone, Default)]
pub struct ActionVerdicts {
    /// The findings; empty when nothing was found or no plugin could answer.
    pub findings: Vec<anti_cheat::Finding>,
    /// Name and version of the rule that answered, for the game's log; `None` when none could.
    pub rule: Option<Arc<str>>,
}

impl TickLane {
    /// Takes over a new version of a plugin if one is ready; called once per tick, before any game of the thread is stepped.
    /// Returns true when a version changed.
    pub fn pick_up(&mut self) -> bool {
        false
    }

    /// Starts a new tick: the budget of all plugins for this tick (8 of 40 ms) is full again.
    pub fn begin_tick(&mut self) {}

    /// Asks the anti-cheat rule about all acts of one game in one tick.
    pub fn check_actions(&mut self, tick: u32, actions: &[anti_cheat::Action]) -> ActionVerdicts {
        let _ = (tick, actions);
        ActionVerdicts::default()
    }
}
