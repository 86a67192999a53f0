//! The only door to plugins: typed calls, lanes, and what happens when a call fails.
//!
//! Knows no SQL and no socket. The records of the calls are those of `wit/`.
//!
//! A plugin has one instance on each *lane*: one lane for everything outside games ([`Hooks`]) and one for each tick thread
//! ([`TickLane`]). Lanes pick up new versions between two calls; the workshop makes every instance, so that no caller ever
//! waits for a plugin to start.

mod asking;
mod commands;
mod decision;
mod effects;
mod events;
mod figures;
mod general;
mod heir;
mod items;
mod lane;
mod log;
mod lone;
mod mailbox;
mod matches;
mod policy;
mod publisher;
mod ranks;
mod record;
mod roll;
mod services;
mod set;
mod strikes;
mod tape;
mod tick;
mod workshop;

use std::{
    cmp::Reverse,
    collections::HashSet,
    sync::{Arc, mpsc::SyncSender},
    time::Duration,
};

use arc_swap::ArcSwap;
use realm_plugin_host::Hook;
use tokio::sync::{mpsc, oneshot};

pub use realm_plugin_host::{
    FormedMatch,
    bindings::{anti_cheat, chat_filter, ladder, matchmaking},
    tape::Rank,
};

use crate::types::{AccountId, AccountName, ChatText};

use self::{
    figures::Function,
    general::Work,
    lane::Lane,
    mailbox::{LaneKind, Mailbox},
    set::PluginSet,
    workshop::Job,
};

pub use self::{
    commands::{CommandCall, CommandRefused, FindOnline, OWN_COMMANDS, OwnCommand, Role},
    effects::{PluginAct, PluginActs},
    events::{Happening, HappeningKind, Happenings},
    log::PluginLine,
    lone::LoneRule,
    matches::{Formed, TICKETS_SHOWN_MAX},
    policy::Policies,
    record::{FunctionFigures, Observed},
    roll::{Playing, Present, Roll},
    tick::{ActionVerdicts, RulesInPlay, TickLane},
};
pub(crate) use self::{
    effects::count_act,
    log::{Journal, RealmLog},
    publisher::Publisher,
    record::Record,
    services::{KeyValues, Offers},
    set::Installed,
    tape::{FOLDER as RECORDINGS_FOLDER, Recorder, Recording},
    workshop::{Change, ChangeError},
};

/// Longest wait for an answer of the general lane.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(500);
/// The same for what nobody else waits for: commands, matches, the end of a season.
const PATIENT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for the first instances of a new tick lane.
const LANE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the lanes may take to prepare for a new version; a lane is quiet several times a second.
const VOTE_TIMEOUT: Duration = Duration::from_secs(10);
/// Most games that a plugin is asked to order.
const GAMES_MAX: usize = 200;

/// What the operator has set, and who is told what.
#[derive(Clone)]
pub(crate) struct Settings {
    /// The functions that are closed beyond what is declared.
    pub(crate) policies: Policies,
    /// Keeps what is told about plugins.
    pub(crate) journal: Arc<Journal>,
    /// Called from the workshop's thread with the key of an installation whose breaker has opened; must not wait.
    pub(crate) failing: Option<Arc<dyn Fn(u64) + Send + Sync>>,
    /// How long all lanes together may take to prepare for a version that inherits a state.
    pub(crate) vote_timeout: Duration,
    /// Records every call; `None` when nothing is recorded.
    pub(crate) recorder: Option<Recorder>,
}

impl Default for Settings {
    fn default() -> Self {
        let (policies, journal) = (Policies::default(), Arc::default());
        Self { policies, journal, failing: None, vote_timeout: VOTE_TIMEOUT, recorder: None }
    }
}

/// Text that may go out: a player's line that the chat filter has let through, or a plugin's own; only this room makes it.
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
    /// Nothing goes out, because the filter could not judge the line.
    Unjudged(Unjudged),
}

/// Why a line was not judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unjudged {
    /// The filter fails on this very line.
    Line,
    /// The filter has failed and is being started again, or nobody has time for it: a moment later it works.
    Away,
    /// Several lines of this account have killed the filter.
    Strikes {
        /// When the account may speak again.
        wait: Duration,
    },
}

/// Why nobody answered a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unasked {
    /// No plugin answers this hook, or the plugin threads have ended.
    Nobody,
    /// The lane is too busy, or late.
    Busy,
    /// The engine failed at this question.
    Failed,
}

/// Calls to plugins outside games; cheap to clone. One plugin thread answers, fed by a bounded queue.
#[derive(Clone)]
pub struct Hooks {
    published: Arc<ArcSwap<PluginSet>>,
    doors: Option<Doors>,
    settings: Settings,
    happenings: Happenings,
}

/// The ways to the plugin threads.
#[derive(Clone)]
struct Doors {
    work: mpsc::Sender<Work>,
    jobs: SyncSender<Job>,
}

impl Hooks {
    /// A realm without any plugin: every hook gives what its failure policy says.
    /// Chat passes, everybody is admitted, the newest game comes first, no character has a score, nothing is found.
    #[must_use]
    pub fn without_plugins() -> Self {
        let published = Arc::new(ArcSwap::from_pointee(PluginSet::default()));
        Self { published, doors: None, settings: Settings::default(), happenings: Happenings::default() }
    }

    /// Asks the chat filter. Without any filter every line passes unchanged; a line that a filter cannot judge is refused,
    /// and passes only by a filter that does not work at all.
    pub async fn filter_chat(&self, line: ChatLine) -> ChatVerdict {
        let text = line.text.as_str().to_owned();
        match self.ask(Hook::ChatFilter, move |lane| general::filter_chat(lane, line)).await {
            Ok(verdict) => verdict,
            Err(Unasked::Nobody) if self.is_closed(Function::Filter) => ChatVerdict::Unjudged(Unjudged::Away),
            Err(Unasked::Nobody) => ChatVerdict::Approved(ApprovedText { text, filtered: false }),
            Err(Unasked::Busy) => ChatVerdict::Unjudged(Unjudged::Away),
            Err(Unasked::Failed) => ChatVerdict::Unjudged(Unjudged::Line),
        }
    }

    /// May the player join? `Err` holds the sentence for the player. A failing or missing plugin admits.
    pub async fn admit(&self, player: matchmaking::Player, game: matchmaking::Game) -> Result<(), String> {
        match self.ask(Hook::Matchmaking, move |lane| general::admit(lane, &player, &game)).await {
            Ok(decided) => decided,
            Err(_) if self.is_closed(Function::Admit) => Err(general::NOBODY_ADMITS.to_owned()),
            Err(_) => Ok(()),
        }
    }

    /// Keys of the games a player shall see, best first. A failing or missing plugin gives the newest first.
    /// A plugin is asked about the newest 200 at most.
    pub async fn order_games(&self, player: matchmaking::Player, mut games: Vec<matchmaking::Game>) -> Vec<u64> {
        games.sort_by_key(|game| Reverse((game.created_ms, game.id)));
        let newest: Vec<u64> = games.iter().map(|game| game.id).collect();
        games.truncate(GAMES_MAX);
        let mut unseen: HashSet<u64> = games.iter().map(|game| game.id).collect();
        let ordered = self.ask(Hook::Matchmaking, move |lane| general::order(lane, &player, &games)).await;
        match ordered.ok().flatten() {
            Some(keys) => keys.into_iter().filter(|key| unseen.remove(key)).collect(),
            None if self.is_closed(Function::Order) => Vec::new(),
            None => newest,
        }
    }

    /// The ladder's score and tie-break: `Ok(None)` when the character does not take part, `Err` when no plugin could say.
    pub async fn score(&self, character: ladder::Character) -> Result<Option<Rank>, HookUnavailable> {
        self.ask(Hook::Ladder, move |lane| general::score(lane, &character)).await.unwrap_or(Err(HookUnavailable))
    }

    /// What the anti-cheat rule finds wrong with a character. A failing or missing plugin finds nothing.
    pub async fn check_character(&self, sheet: anti_cheat::Sheet) -> Vec<anti_cheat::Finding> {
        match self.ask(Hook::AntiCheat, move |lane| general::check_character(lane, &sheet)).await {
            Ok(findings) => findings,
            Err(_) if self.is_closed(Function::CheckCharacter) => general::unjudged_character(),
            Err(_) => Vec::new(),
        }
    }

    /// Where the realm tells what has happened, and who is there.
    #[must_use]
    pub fn happenings(&self) -> &Happenings {
        &self.happenings
    }

    fn is_closed(&self, function: Function) -> bool {
        self.settings.policies.is_closed(function)
    }

    /// A lane for one tick thread: its own instances of the in-game plugins. Blocks until they are made (milliseconds, once).
    pub fn tick_lane(&self) -> TickLane {
        let lane = self.doors.as_ref().map(|doors| {
            let lane =
                Lane::new(Arc::new(Mailbox::new(LaneKind::Tick)), doors.jobs.clone()).under(self.settings.clone());
            // When it takes longer, the instances come later, by mail.
            let _ = publisher::register(&doors.jobs, lane.mailbox()).recv_timeout(LANE_TIMEOUT);
            lane
        });
        TickLane::new(lane, self.is_closed(Function::CheckActions), self.happenings.clone())
    }

    /// Puts a question to the general lane.
    async fn ask<T: Send + 'static>(
        &self,
        hook: Hook,
        question: impl FnOnce(&mut Lane) -> T + Send + 'static,
    ) -> Result<T, Unasked> {
        self.ask_within(ANSWER_TIMEOUT, hook, question).await
    }

    /// The same with another patience.
    async fn ask_within<T: Send + 'static>(
        &self,
        patience: Duration,
        hook: Hook,
        question: impl FnOnce(&mut Lane) -> T + Send + 'static,
    ) -> Result<T, Unasked> {
        let doors = self.doors.as_ref().filter(|_| self.published.load().answers(hook)).ok_or(Unasked::Nobody)?;
        let (answer, answered) = oneshot::channel();
        let work = Work::Ask(Box::new(move |lane| {
            // Whoever asked may have given up while the question waited.
            if !answer.is_closed() {
                let _ = answer.send(question(lane));
            }
        }));
        doors.work.try_send(work).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                figures::unasked(hook.as_str(), "queue");
                Unasked::Busy
            }
            mpsc::error::TrySendError::Closed(_) => Unasked::Nobody,
        })?;
        match tokio::time::timeout(patience, answered).await {
            Ok(answer) => answer.map_err(|_| Unasked::Failed),
            Err(_) => {
                figures::unasked(hook.as_str(), "late");
                Err(Unasked::Busy)
            }
        }
    }
}

/// No plugin could answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no plugin could answer")]
pub struct HookUnavailable;

#[cfg(test)]
#[allow(dead_code, reason = "shared with the tests of the plugin host")]
#[path = "../../../plugin-host/tests/it/components.rs"]
pub(crate) mod components;
#[cfg(test)]
mod policy_tests;
#[cfg(test)]
mod swap_tests;
#[cfg(test)]
pub(crate) mod tests;
