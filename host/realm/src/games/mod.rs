//! Games: create, list, join, leave, and the 25 Hz ticker.
//!
//! A game is owned by its tick thread. Knows [`crate::types::Link`], not sockets; does not know sessions.

use realm_protocol::proto;
use realm_world::Difficulty;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    characters::Characters,
    hooks::Hooks,
    ladder::Ladder,
    moderation::Moderation,
    storage::{Storage, StorageError},
    types::{AccountId, AccountName, CharacterId, EventStream, GameId, GameName, Link, Refusal},
};

/// `[games]`: the 25 Hz worlds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Most games at once.
    pub games_max: usize,
    /// Threads that step games, one per core given to games.
    pub tick_threads: usize,
    /// How long a ticket is valid, in seconds.
    pub ticket_seconds: u32,
    /// How long a player may be without a connection before the character leaves the game, in seconds.
    pub reconnect_seconds: u32,
    /// Characters in games are saved at least this often, in seconds.
    pub autosave_seconds: u32,
    /// Findings of the anti-cheat rule that ban an account.
    pub findings_ban: u32,
    /// How long such a ban lasts, in hours.
    pub ban_hours: u32,
    /// Folder of the content pack; empty is the built-in one.
    pub content: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            games_max: 500,
            tick_threads: 1,
            ticket_seconds: 30,
            reconnect_seconds: 30,
            autosave_seconds: 30,
            findings_ban: 10,
            ban_hours: 24,
            content: String::new(),
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

/// The games of the realm; cheap to clone.
#[derive(Clone)]
pub struct Games {}

impl Games {
    /// Most players of one game.
    pub const PLAYERS_MAX: u32 = 8;
    /// Most games in a list.
    pub const LIST_MAX: usize = 50;

    /// Reads the content pack and starts the tick threads.
    #[allow(clippy::too_many_arguments, reason = "the one wiring place hands in every part")]
    pub fn start(
        config: &Config,
        public_host: &str,
        game_port: u16,
        storage: Storage,
        hooks: Hooks,
        characters: Characters,
        ladder: Ladder,
        moderation: Moderation,
    ) -> Result<Self, GamesStartError> {
        let _ = (config, public_host, game_port, storage, hooks, characters, ladder, moderation);
        unimplemented!()
    }

    /// Creates a game and takes the creator's seat in it.
    pub async fn create(
        &self,
        player: Player,
        character: CharacterId,
        settings: GameSettings,
    ) -> Result<proto::GameTicket, Refusal> {
        let _ = (player, character, settings);
        unimplemented!()
    }

    /// Games that are not full, in the order the matchmaking rule decided for this character.
    pub async fn list(
        &self,
        account: AccountId,
        character: Option<CharacterId>,
        difficulty: Option<Difficulty>,
    ) -> Result<Vec<proto::Game>, Refusal> {
        let _ = (account, character, difficulty);
        unimplemented!()
    }

    /// One game and who is in it.
    pub async fn get(&self, game: GameId) -> Result<(proto::Game, Vec<proto::GamePlayer>), Refusal> {
        let _ = game;
        unimplemented!()
    }

    /// Takes a seat: checks the password, asks the matchmaking rule, takes the character's lease, gives a one-use ticket.
    pub async fn join(
        &self,
        player: Player,
        character: CharacterId,
        game: GameReference,
        password: &str,
    ) -> Result<proto::GameTicket, Refusal> {
        let _ = (player, character, game, password);
        unimplemented!()
    }

    /// Leaves the game; resolves when the character is saved.
    pub async fn leave(&self, account: AccountId) -> Result<GameId, Refusal> {
        let _ = account;
        unimplemented!()
    }

    /// The game an account has a seat in.
    pub fn current(&self, account: AccountId) -> Option<GameId> {
        let _ = account;
        unimplemented!()
    }

    /// Closes a game: its host or staff only. Everybody leaves and is saved.
    pub async fn close(&self, player: &Player, game: GameId) -> Result<(), Refusal> {
        let _ = (player, game);
        unimplemented!()
    }

    /// Somebody presents a ticket: the link moves to the tick thread of its game, which answers with GAME_ENTERED.
    /// On refusal the link is closed with the reason.
    pub fn enter(&self, ticket: &str, link: Box<dyn Link>) -> Result<(), Refusal> {
        let _ = (ticket, link);
        unimplemented!()
    }

    /// The account's lobby session ended or came back: its events go there from now on.
    pub fn attach_events(&self, account: AccountId, events: Option<EventStream>) {
        let _ = (account, events);
        unimplemented!()
    }

    /// Resolves with the number of open games whenever the list has changed, at most once a second.
    pub fn list_changes(&self) -> tokio::sync::watch::Receiver<u32> {
        unimplemented!()
    }

    /// Resolves with accounts that the anti-cheat rule banned; the session layer disconnects them.
    pub fn bans(&self) -> tokio::sync::broadcast::Receiver<AccountId> {
        unimplemented!()
    }

    /// Figures since the start.
    pub fn figures(&self) -> TickFigures {
        unimplemented!()
    }

    /// Closes every game, saves every character, ends the tick threads.
    pub async fn stop(&self) {
        unimplemented!()
    }
}

/// Why games cannot start.
#[derive(Debug, thiserror::Error)]
pub enum GamesStartError {
    /// The content pack is wrong; the text names file, row and column.
    #[error("the content pack cannot be used: {0}")]
    Content(String),
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
