//! Games: create, list, join, leave, and the 25 Hz ticker.
//!
//! A game is owned by its tick thread. Knows [`crate::types::Link`], not sockets; does not know sessions.
//!
//! - Asynchronous side: `lobby` has the verbs, over the `directory` of open games, seats and `tickets`; `saver` holds the leases of
//!   characters in games and writes them; `referee` counts what the anti-cheat rule finds.
//! - Tick threads: `ticker` is the thread's loop, `game` one game's tick, `player` and `line` a player and its connection, `inputs` reads
//!   frames, `judge` asks host and rule, `snapshots` and `events` are what goes back.
//! - `keeper` knows what lies on a game's ground, and makes it somebody's; `outfits` is what characters bring into games.
//! - `log` is what remains of a game: written by a thread of its own, repeated and verified by [`replay`].
//! - Between them: `command` in, `reports` out, both bounded and never waited for by a tick thread.

mod acts;
mod command;
mod deeds;
mod directory;
mod ending;
mod errands;
mod events;
mod figures;
mod game;
mod greeting;
mod ground;
#[cfg(test)]
mod ground_tests;
#[cfg(test)]
mod honesty_tests;
mod inputs;
mod judge;
mod keeper;
mod line;
mod listing;
mod load;
mod lobby;
mod log;
mod outfits;
mod pace;
mod password;
mod phases;
mod player;
mod quick;
mod referee;
mod refusals;
mod repeats;
mod reports;
mod running;
mod save_book;
mod saver;
mod seat;
mod shared;
mod snapshots;
mod stage;
#[cfg(test)]
mod steady_tests;
#[cfg(test)]
mod testing;
mod ticker;
mod tickets;
#[cfg(test)]
mod truth_tests;
#[cfg(test)]
mod vendor_tests;
mod wearing;

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use realm_world::{Content, Difficulty};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    hooks::{Hooks, LoneRule},
    moderation::{Ban, Moderation},
    storage::{Storage, StorageError},
    types::{AccountId, AccountName, Code, EventStream, GameId, GameName, Link, Refusal, in_task},
};

pub use ground::{Ground, RealmGames};
pub use log::{Again, Difference, FOLDER as LOG_FOLDER, LogFileError, Verification, read_log};
pub use quick::Search;
pub use repeats::Repeat;
pub use snapshots::snapshot;

use running::{Parts, Running};

/// `[games]`: the 25 Hz worlds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Most games at once.
    #[schemars(range(min = 1, max = 10_000))]
    pub games_max: usize,
    /// Threads that step games, one per core given to games.
    #[schemars(range(min = 1, max = 64))]
    pub tick_threads: usize,
    /// How long a ticket is valid, in seconds.
    #[schemars(range(min = 5, max = 600))]
    pub ticket_seconds: u32,
    /// How long a player may be without a connection before the character leaves the game, in seconds.
    #[schemars(range(max = 3_600))]
    pub reconnect_seconds: u32,
    /// The longest that a player looks for a match, in seconds; over REST it is twenty at most.
    #[schemars(range(min = 1, max = 3_600))]
    pub match_seconds: u32,
    /// Characters in games are saved at least this often, in seconds.
    #[schemars(range(min = 1, max = 3_600))]
    pub autosave_seconds: u32,
    /// Findings of the anti-cheat rule after which an account is named in the log and counted on `/metrics`; 0 is never.
    #[schemars(range(max = 1_000_000))]
    pub findings_flag: u32,
    /// Findings that put the account out of its game; it may come back. 0 is never.
    #[schemars(range(max = 1_000_000))]
    pub findings_kick: u32,
    /// Findings that ban the account; 0 is never.
    #[schemars(range(max = 1_000_000))]
    pub findings_ban: u32,
    /// Findings that are forgotten again in every minute.
    #[schemars(range(max = 1_000_000))]
    pub findings_forgotten_per_minute: u32,
    /// How long such a ban lasts, in hours.
    #[schemars(range(min = 1, max = 87_600))]
    pub ban_hours: u32,
    /// Folder of the content pack; empty is the built-in one.
    pub content: String,
    /// Keep a log of each game in `games/` of the data folder; `realm replay` repeats and verifies it.
    pub logs: bool,
    /// Logs that are older are removed, in days.
    #[schemars(range(min = 1, max = 36_500))]
    pub logs_days: u32,
    /// The oldest logs are removed when all of them together are larger, in bytes.
    #[schemars(range(min = 1_048_576))]
    pub logs_bytes_max: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            games_max: 500,
            tick_threads: 1,
            ticket_seconds: 30,
            reconnect_seconds: 30,
            match_seconds: 20,
            autosave_seconds: 30,
            findings_flag: 3,
            findings_kick: 6,
            findings_ban: 10,
            findings_forgotten_per_minute: 1,
            ban_hours: 24,
            content: String::new(),
            logs: true,
            logs_days: 14,
            logs_bytes_max: 1 << 30,
        }
    }
}

/// Who plays.
#[derive(Debug, Clone)]
pub struct Player {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub account_name: AccountName,
    /// May close games of others.
    pub staff: bool,
    /// Where events of the game go when the account is connected to the lobby.
    pub events: Option<EventStream>,
}

/// How a game is set up.
#[derive(Debug, Clone)]
pub struct GameSettings {
    /// Unique in the realm.
    pub name: GameName,
    /// `None`: anybody may join.
    pub password: Option<String>,
    /// How hard.
    pub difficulty: Difficulty,
    /// 1 to 8.
    pub players_max: u32,
}

/// Which game.
#[derive(Debug, Clone)]
pub enum GameReference {
    /// By key.
    Id(GameId),
    /// By name.
    Name(GameName),
}

/// Why a game verb was refused.
#[derive(Debug, Clone, thiserror::Error)]
#[error(transparent)]
pub struct GamesError(#[from] pub Refusal);

/// Figures for the banner, `/metrics` and the bots' summary.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TickFigures {
    /// Games that run.
    pub games: usize,
    /// Players in them.
    pub players: usize,
    /// Ticks of all games since the start.
    pub ticks: u64,
    /// Ticks that were left out because a thread was too late.
    pub ticks_skipped: u64,
    /// Lateness of the start of a tick: median, 99th percentile and worst, in microseconds.
    pub lateness_us: [u64; 3],
    /// Findings of the anti-cheat rule since the start.
    pub findings: u64,
    /// Characters saved by games since the start.
    pub saves: u64,
}

/// The anti-cheat rule banned an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Banned {
    /// Whom.
    pub account: AccountId,
    /// Why and until when.
    pub ban: Ban,
}

/// A ticket that let nobody in. The link is given back, so that whoever presented it says why in its own way.
pub struct EntryRefused {
    /// Why.
    pub refusal: Refusal,
    /// The connection that presented the ticket.
    pub link: Box<dyn Link>,
}

/// Length of a tick.
const TICK: Duration = Duration::from_millis(realm_world::TICK_MS as u64);

/// The games of the server; cheap to clone. Those of one realm are [`Self::in_realm`].
#[derive(Clone)]
pub struct Games {
    running: Arc<Running>,
}

impl Games {
    /// Most players of one game.
    pub const PLAYERS_MAX: u32 = 8;
    /// Most games in a list.
    pub const LIST_MAX: usize = 50;

    /// Reads the content pack and starts the tick threads, which the games of all realms share. Called inside a tokio runtime.
    ///
    /// # Errors
    /// When the content pack is wrong, or the operating system gives no threads.
    #[allow(clippy::too_many_arguments, reason = "the one wiring place hands in every part")]
    pub fn start(
        config: &Config,
        data: &Path,
        public_host: &str,
        game_port: u16,
        storage: Storage,
        hooks: Hooks,
        grounds: Vec<Ground>,
        moderation: Moderation,
    ) -> Result<Self, GamesStartError> {
        let parts = Parts { storage, hooks, grounds: grounds.into_iter().map(Arc::new).collect(), moderation };
        Running::start(config, data, (public_host.to_owned(), game_port), parts)
            .map(|running| Self { running: Arc::new(running) })
    }

    /// The games of one realm, by its key.
    #[must_use]
    pub fn in_realm(&self, realm: &str) -> Option<RealmGames> {
        let ground = self.running.lobby().grounds.iter().find(|ground| *ground.realm == *realm).cloned()?;
        Some(RealmGames { games: self.clone(), ground })
    }

    /// Key of the realm in which a game is open.
    ///
    /// # Errors
    /// When no such game is open.
    pub fn realm_of(&self, game: GameId) -> Result<Arc<str>, Refusal> {
        let lobby = self.running.lobby();
        let realm = lobby.shared.directory().game(game).filter(|open| open.listed).map(|open| Arc::clone(&open.realm));
        realm.ok_or_else(refusals::game_unknown)
    }

    /// The content pack that games are made of.
    #[must_use]
    pub fn content(&self) -> Arc<Content> {
        Arc::clone(&self.running.lobby().content)
    }

    /// Names and versions of the rules that a game is played under at this moment, in the order in which they are asked.
    ///
    /// # Errors
    /// When no such game is open.
    pub fn rules_of(&self, game: GameId) -> Result<Vec<String>, Refusal> {
        let lobby = self.running.lobby();
        let thread = lobby.shared.directory().game(game).filter(|open| open.listed).map(|open| open.thread);
        thread.map(|thread| lobby.shared.rules_of(thread)).ok_or_else(refusals::game_unknown)
    }

    /// How many open games are played under each rule, by its name and version.
    #[must_use]
    pub fn rules_in_play(&self) -> BTreeMap<String, usize> {
        let lobby = self.running.lobby();
        let threads = lobby.shared.directory().threads();
        let mut games = BTreeMap::new();
        for thread in threads {
            for label in lobby.shared.rules_of(thread) {
                *games.entry(label).or_default() += 1;
            }
        }
        games
    }

    /// Leaves the game; resolves when the character is saved.
    ///
    /// # Errors
    /// When the account is in no game, or the character could not be saved in time; the realm goes on trying.
    pub async fn leave(&self, account: AccountId) -> Result<GameId, Refusal> {
        let lobby = self.running.lobby();
        let reason = listing::reason(Code::GameLeft, "You have left the game.", 0);
        in_task(async move { lobby.leave(account, &reason).await }).await
    }

    /// The game an account has a seat in.
    pub fn current(&self, account: AccountId) -> Option<GameId> {
        self.running.whereabouts(account)
    }

    /// Closes a game: its host or staff only. Everybody leaves and is saved.
    ///
    /// # Errors
    /// When there is no such game, the player may not close it, or somebody could not be saved in time.
    pub async fn close(&self, player: &Player, game: GameId) -> Result<(), Refusal> {
        let (lobby, player) = (self.running.lobby(), player.clone());
        in_task(async move { lobby.close(&player, game).await }).await
    }

    /// Somebody presents a ticket: the link moves to the tick thread of its game, which answers with GAME_ENTERED.
    ///
    /// # Errors
    /// When the ticket is unknown, used or out of time, or the thread has too much to do.
    pub fn enter(&self, ticket: &str, link: Box<dyn Link>) -> Result<(), EntryRefused> {
        self.running.lobby().enter(ticket, link)
    }

    /// The account's lobby session ended or came back: its events go there from now on.
    pub fn attach_events(&self, account: AccountId, events: Option<EventStream>) {
        self.running.lobby().shared.directory().attach_events(account, events);
    }

    /// Resolves with accounts that the anti-cheat rule banned; the session layer disconnects them.
    #[must_use]
    pub fn bans(&self) -> tokio::sync::broadcast::Receiver<Banned> {
        self.running.lobby().bans.subscribe()
    }

    /// Figures since the start.
    #[must_use]
    pub fn figures(&self) -> TickFigures {
        self.running.figures()
    }

    /// Closes every game, saves every character, ends the tick threads. Takes at most half a minute; a second call does nothing.
    pub async fn stop(&self) {
        self.running.stop().await;
    }
}

/// Why games cannot start.
#[derive(Debug, thiserror::Error)]
pub enum GamesStartError {
    /// The content pack is wrong; the text names file, row and column.
    #[error("the content pack cannot be used: {0}")]
    Content(String),
    /// The folder of game logs.
    #[error("logs of games cannot be kept: {0}; make the data folder writable, or set [games] logs = false")]
    Logs(std::io::Error),
    /// The operating system gives no more threads.
    #[error("a tick thread cannot be started: {0}")]
    Thread(#[from] std::io::Error),
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Repeats the game of a stored log, with the content pack of this configuration, and compares every hash.
///
/// # Errors
/// When the content pack is wrong, the file cannot be read, is no log or is damaged, or its game was made of another pack.
pub fn replay(config: &Config, file: &Path) -> Result<Verification, ReplayError> {
    Ok(log::verify(file, running::load_content(config)?)?)
}

/// Asks another anti-cheat rule about every act of a stored log, and says where it sees it differently. `settings` is the plugin's
/// configuration as JSON.
///
/// # Errors
/// As [`replay`], and when the plugin cannot be used.
pub fn replay_with(config: &Config, file: &Path, plugin: &Path, settings: &str) -> Result<Again, ReplayError> {
    let content = running::load_content(config)?;
    let mut rule = LoneRule::load(plugin, settings).map_err(ReplayError::Plugin)?;
    Ok(log::ask_again(file, content, rule.lane())?)
}

/// Why a game cannot be repeated.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The content pack.
    #[error(transparent)]
    Content(#[from] GamesStartError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogFileError),
    /// The plugin that is to be asked.
    #[error("{0}")]
    Plugin(String),
}

/// Reads the content pack that the configuration names.
///
/// # Errors
/// When it is wrong; the text names file, row and column.
pub fn load_content(config: &Config) -> Result<Arc<Content>, GamesStartError> {
    running::load_content(config)
}

/// Reads the content pack as a start would, and says what it is.
///
/// # Errors
/// When the pack is wrong; the text names file, row and column.
pub fn check_content(config: &Config) -> Result<String, GamesStartError> {
    let content = running::load_content(config)?;
    let name = if config.content.is_empty() { "built in" } else { config.content.as_str() };
    Ok(format!("{name}, {:016x}", content.hash()))
}
