//! One bot from its registration to its last word.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::Context as _;
use realm_client::{ClientError, Door, Endpoint, GameConnection, Lobby, Login, Rest, proto};
use tokio::{sync::watch, time::Instant};

use super::{chatter, fighter};

/// Players of one game.
const GAME_PLAYERS: u32 = 8;
/// The channel in which the bots meet.
pub(super) const CHANNEL: &str = "Bot Hall";
const PASSWORD: &str = "a bot's long password";

/// What a bot does beside the ordinary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Nothing.
    Fighter,
    /// Swears.
    Swearer,
    /// Moves too fast.
    Cheater,
}

/// Where the bots wait for each other.
pub(super) struct Stage {
    pub(super) players: u32,
    pub(super) duration: Duration,
    /// Bots that are ready, or have given up.
    ready: watch::Sender<u32>,
    /// Highest line of the channel that anybody has seen.
    pub(super) line_max: watch::Sender<u64>,
    /// Bots that have said their last line.
    silent: watch::Sender<u32>,
    /// Games by number; a game is there once its first bot has opened it.
    games: watch::Sender<Vec<u32>>,
    pub(super) cheaters_caught: AtomicU32,
}

impl Stage {
    pub(super) fn new(players: u32, duration: Duration) -> Self {
        Self {
            players,
            duration,
            ready: watch::Sender::new(0),
            line_max: watch::Sender::new(0),
            silent: watch::Sender::new(0),
            games: watch::Sender::new(Vec::new()),
            cheaters_caught: AtomicU32::new(0),
        }
    }

    pub(super) async fn wait_until_ready(&self, deadline: Duration) {
        let mut ready = self.ready.subscribe();
        let _ = tokio::time::timeout(deadline, ready.wait_for(|count| *count >= self.players)).await;
    }

    pub(super) fn now_silent(&self) {
        self.silent.send_modify(|count| *count += 1);
    }

    pub(super) fn all_silent(&self) -> bool {
        *self.silent.borrow() >= self.players
    }
}

/// Counts a bot as ready and silent even when it fails, so that the others do not wait for it.
struct Presence<'a> {
    stage: &'a Stage,
    ready: bool,
    silent: bool,
}

impl Presence<'_> {
    fn ready(&mut self) {
        self.ready = true;
        self.stage.ready.send_modify(|count| *count += 1);
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        if !self.ready {
            self.stage.ready.send_modify(|count| *count += 1);
        }
        if !self.silent {
            self.stage.now_silent();
        }
    }
}

pub(super) struct Player {
    pub(super) number: u32,
    pub(super) part: Part,
    pub(super) name: String,
    pub(super) endpoint: Endpoint,
    pub(super) run: u64,
}

/// A name that no other run has. The run is written in base six: some numbers with a nine are words to a chat filter.
pub(super) fn name(what: &str, number: u32, mut run: u64) -> String {
    let mut digits = String::new();
    while digits.is_empty() || run > 0 {
        digits.insert(0, char::from_digit(u32::try_from(run % 6).unwrap_or(0), 6).unwrap_or('0'));
        run /= 6;
    }
    format!("{what}{number}-{digits}")
}

/// What a bot saw.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) name: String,
    pub(super) part: Part,
    pub(super) chat: chatter::ChatReport,
    pub(super) fight: fighter::FightReport,
    /// Experience in the last snapshot, and as it is stored; `None` when the bot was thrown out.
    pub(super) experience: Option<(u64, u64)>,
}

impl Player {
    pub(super) async fn run(self, stage: std::sync::Arc<Stage>) -> anyhow::Result<Report> {
        let mut presence = Presence { stage: &stage, ready: false, silent: false };
        let name = self.name.clone();
        self.play(&stage, &mut presence).await.with_context(|| name)
    }

    async fn play(&self, stage: &Stage, presence: &mut Presence<'_>) -> anyhow::Result<Report> {
        let mut rest = Rest::new(&self.endpoint);
        rest.register(&self.name, PASSWORD).await.context("registering")?;
        let tokens = rest.login(&self.name, PASSWORD).await.context("logging in")?;
        // Every door is used: frames, JSON and binary over WebSocket.
        let door = [Door::Frames, Door::WebSocketJson, Door::WebSocketBinary][self.number as usize % 3];
        let mut lobby = Lobby::connect(&self.endpoint, door).await?;
        lobby.login(Login::Token(tokens.access_token)).await.context("saying hello")?;
        let class = ["Amazon", "Sorceress", "Necromancer", "Paladin", "Barbarian", "Druid", "Assassin"]
            [self.number as usize % 7];
        let character = lobby.create_character(&name("Hero", self.number, self.run), class, false).await?;
        lobby.select_character(character.id).await?;
        lobby.join_channel(CHANNEL).await?;
        let ticket = self.seat(stage, &mut lobby).await.context("finding a seat in a game")?;
        let game = GameConnection::enter(&self.endpoint, &ticket).await.context("entering the game")?;
        presence.ready();
        stage.wait_until_ready(super::PREPARATION_DEADLINE).await;

        let end = Instant::now() + stage.duration;
        let neighbour = name("Bot", (self.number + 1) % stage.players, self.run);
        let (chat, fight) = tokio::join!(
            chatter::chat(&mut lobby, self, &neighbour, stage, end),
            fighter::fight(game, self.part, u64::from(self.number) + self.run, end),
        );
        let (chat, fight) = (chat?, fight?);
        // Who was thrown out half-way has not said so yet; dropping the presence does.
        presence.silent = !chat.banned;
        if chat.banned || fight.thrown_out {
            stage.cheaters_caught.fetch_add(1, Ordering::Relaxed);
            return Ok(Report { name: self.name.clone(), part: self.part, chat, fight, experience: None });
        }
        let chat = chatter::listen_to_the_end(&mut lobby, stage, chat).await?;
        lobby.leave_game().await.context("leaving the game")?;
        let stored = rest.character(character.id).await.context("reading the stored character")?;
        let experience = Some((fight.experience, stored.experience));
        lobby.logout().await.context("logging out")?;
        Ok(Report { name: self.name.clone(), part: self.part, chat, fight, experience })
    }

    /// The first bot of eight opens a game, the others join it.
    async fn seat(&self, stage: &Stage, lobby: &mut Lobby) -> Result<proto::GameTicket, ClientError> {
        // Two games at least, however few the bots.
        let per_game = GAME_PLAYERS.min(stage.players.div_ceil(2));
        let game = self.number / per_game;
        let name = name("Game", game, self.run);
        if self.number.is_multiple_of(per_game) {
            let created =
                lobby.create_game(proto::GameCreate { name, players_max: GAME_PLAYERS, ..Default::default() }).await;
            stage.games.send_modify(|games| games.push(game));
            return created;
        }
        let mut games = stage.games.subscribe();
        let _ = tokio::time::timeout(super::PREPARATION_DEADLINE, games.wait_for(|games| games.contains(&game))).await;
        lobby.join_game(proto::GameJoin { name, ..Default::default() }).await
    }
}
