//! The lobby's verbs: each checks, asks the rules, takes the character and changes the directory.
//!
//! The verbs that take or give back a lease run in tasks of their own: a client that goes away half-way leaves nothing behind.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use realm_protocol::proto;
use realm_world::{Content, Difficulty, World, log::Header};
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::{
    characters::Character,
    hooks::{Happening, Hooks},
    items::Items,
    storage::Storage,
    types::{AccountId, CharacterId, CloseReason, Code, GameId, Link, Refusal},
};

use super::{
    Banned, EntryRefused, GameReference, GameSettings, Games, Player,
    command::{Command, EnteringPlayer},
    directory::{Departed, Leaving, OpenGame, Reservation},
    ground::Ground,
    keeper::{ERRANDS_MAX, Errand, Keeper},
    listing,
    password::Password,
    quick::Quick,
    refusals,
    repeats::Repeats,
    save_book::Progress,
    saver::SaverMessage,
    seat::Seat,
    shared::Shared,
    tickets,
};

/// Games that the matchmaking rule is asked about.
const ORDER_GAMES_MAX: usize = 200;
/// How long a departure may take until its caller is told to come back; the realm goes on trying.
const LEAVE_DEADLINE: Duration = Duration::from_secs(15);

/// The asynchronous side of games.
pub(super) struct Lobby {
    pub(super) shared: Arc<Shared>,
    /// Where clients are told to find the games: host, empty for the one they came by, and port.
    pub(super) door: (String, u16),
    pub(super) storage: Storage,
    pub(super) hooks: Hooks,
    /// The realms, in the order of the configuration.
    pub(super) grounds: Vec<Arc<Ground>>,
    pub(super) content: Arc<Content>,
    /// Games are logged.
    pub(super) logs: bool,
    pub(super) saver: mpsc::Sender<SaverMessage>,
    pub(super) bans: broadcast::Sender<Banned>,
    /// Who waits for a match.
    pub(super) quick: Quick,
    /// What requests that may come again have created.
    pub(super) repeats: Repeats,
}

impl Lobby {
    /// Opens a game and takes its creator's seat.
    pub(super) async fn create(
        &self,
        ground: &Ground,
        player: Player,
        character: CharacterId,
        settings: GameSettings,
    ) -> Result<proto::GameTicket, Refusal> {
        if !(1..=Games::PLAYERS_MAX).contains(&settings.players_max) {
            return Err(refusals::players_max(Games::PLAYERS_MAX));
        }
        ground.check_difficulty(settings.difficulty)?;
        let password = Password::new(settings.password.as_deref().unwrap_or_default())?;
        let account = player.account;
        let character = ground.characters.get(account, character).await.map_err(Refusal::from)?;
        let created_ms = self.storage.now_ms();
        let game = self.storage.ids().next(created_ms);
        let thread = self.shared.loads.place();
        let opened = {
            let mut directory = self.shared.directory();
            let open = OpenGame {
                id: game,
                realm: Arc::clone(&ground.realm),
                name: settings.name,
                password,
                difficulty: settings.difficulty,
                players_max: settings.players_max as usize,
                creator_level: character.sheet.level,
                hardcore: character.sheet.hardcore,
                created_ms,
                host: account,
                thread,
                listed: false,
                closing: false,
                seats: Vec::new(),
            };
            directory.open(open, Seat::reserved(player, &character))
        };
        if let Err(refusal) = opened {
            self.shared.loads.arrived(thread);
            return Err(refusal);
        }
        self.seat(ground, account, &character, game, Some((thread, settings.difficulty))).await
    }

    /// Takes a seat in a game that is open.
    pub(super) async fn join(
        &self,
        ground: &Ground,
        player: Player,
        character: CharacterId,
        reference: GameReference,
        password: &str,
    ) -> Result<proto::GameTicket, Refusal> {
        let account = player.account;
        let character = ground.characters.get(account, character).await.map_err(Refusal::from)?;
        let seat = Seat::reserved(player, &character);
        let reserved = self.shared.directory().reserve(&ground.realm, &reference, password, seat)?;
        match reserved {
            Reservation::Again => {
                let text = random_ticket()?;
                let mut directory = self.shared.directory();
                if directory.seat(account).is_some_and(|seat| seat.presence.is_there()) {
                    metrics::counter!("realm_game_takeovers_total").increment(1);
                }
                let ticket = directory.renew(account, text, Instant::now());
                drop(directory);
                ticket.map(|ticket| self.addressed(ticket))
            }
            Reservation::Kept(game) => self.seat(ground, account, &character, game, None).await,
        }
    }

    /// From a kept seat to a ticket: the rule, the lease, the world of a new game. Whatever fails gives the seat up again.
    async fn seat(
        &self,
        ground: &Ground,
        account: AccountId,
        character: &Character,
        game: GameId,
        start: Option<(usize, Difficulty)>,
    ) -> Result<proto::GameTicket, Refusal> {
        let taken = async {
            check_alive(character)?;
            self.admit(account, character, game).await?;
            ground.characters.take(account, character.id).await.map_err(Refusal::from)
        };
        let (character, lease) = match taken.await {
            Ok(taken) => taken,
            Err(refusal) => {
                if let Some((thread, _)) = start {
                    self.shared.loads.arrived(thread);
                }
                self.shared.departed(account, &Err(refusal.clone())).await;
                return Err(refusal);
            }
        };
        let epoch = lease.epoch();
        // From here on the saver has the lease, and gives the seat up with it.
        self.tell_saver(SaverMessage::Hold { account, lease }).await;
        let prepared = match start {
            Some((thread, difficulty)) => self.start_world(ground, game, thread, difficulty).await,
            None => Ok(()),
        };
        let brought = match prepared {
            Ok(()) => ground.brought(&self.content, (account, character.id), epoch).await,
            Err(refusal) => Err(refusal),
        };
        let prepared = brought.map(|brought| {
            if let Some(seat) = self.shared.directory().seat_mut(account) {
                seat.brought = brought;
                if let Some(items) = &ground.items {
                    items.watch(character.id, seat.presence.has_fallen());
                }
            }
        });
        // It may have died in another game while the rule was asked.
        let ticket = prepared.and_then(|()| check_alive(&character)).and_then(|()| random_ticket());
        let confirmed =
            ticket.and_then(|text| self.shared.directory().confirm(account, &character, text, Instant::now()));
        match confirmed {
            Ok(ticket) => {
                self.shared.list_has_changed(&ground.realm);
                Ok(self.addressed(ticket))
            }
            Err(refusal) => {
                self.give_back(character.id).await;
                Err(refusal)
            }
        }
    }

    async fn admit(&self, account: AccountId, character: &Character, game: GameId) -> Result<(), Refusal> {
        let asked = self.shared.directory().game(game).map(|open| listing::for_matchmaking(open, Some(account)));
        let asked = asked.ok_or_else(refusals::game_unknown)?;
        let answer = self.hooks.admit(listing::seeker(character), asked).await;
        answer.map_err(|sentence| Refusal::new(Code::GameRefused, sentence))
    }

    async fn start_world(
        &self,
        ground: &Ground,
        game: GameId,
        thread: usize,
        difficulty: Difficulty,
    ) -> Result<(), Refusal> {
        let fault = |error: &dyn std::fmt::Display| {
            tracing::error!(%game, %error, "a game could not be started");
            self.shared.loads.arrived(thread);
            refusals::fault()
        };
        // The seed stays in the world and its log: who knows it knows what will drop.
        let seed = getrandom::u64().map_err(|error| fault(&error))?;
        let content = Arc::clone(&self.content);
        let header = self.logs.then(|| {
            Box::new(Header {
                game: game.raw(),
                started_ms: self.storage.now_ms(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                content: content.hash(),
                difficulty,
                seed,
            })
        });
        let made = tokio::task::spawn_blocking(move || Box::new(World::new(content, difficulty, seed)));
        let world = made.await.map_err(|error| fault(&error))?;
        let keeper = ground.items.clone().map(|items| self.start_keeper(items, game, thread, difficulty));
        self.shared.command(thread, Command::Start { game, world, header, keeper }).await;
        Ok(())
    }

    /// Starts the keeper of a game; it ends when its errands' sender is dropped, with the game.
    fn start_keeper(&self, items: Items, game: GameId, thread: usize, difficulty: Difficulty) -> mpsc::Sender<Errand> {
        let (sender, errands) = mpsc::channel(ERRANDS_MAX);
        let keeper = Keeper::new(game, difficulty, thread, items, Arc::downgrade(&self.shared));
        let shared = Arc::downgrade(&self.shared);
        self.shared.keepers.send_modify(|keepers| *keepers += 1);
        tokio::spawn(async move {
            let ending = keeper.ending();
            match tokio::spawn(keeper.run(errands)).await {
                Ok(false) => {}
                Ok(true) => ending.run().await,
                Err(error) => {
                    tracing::error!(%game, %error, "the keeper of a game broke off; what players laid down goes back");
                    ending.run().await;
                }
            }
            if let Some(shared) = shared.upgrade() {
                shared.keepers.send_modify(|keepers| *keepers -= 1);
            }
        });
        sender
    }

    /// Games that are not full, as the matchmaking rule orders them for a character.
    pub(super) async fn list(
        &self,
        ground: &Ground,
        account: AccountId,
        character: Option<CharacterId>,
        difficulty: Option<Difficulty>,
    ) -> Result<Vec<proto::Game>, Refusal> {
        let seeker = match character {
            Some(character) => Some(ground.characters.get(account, character).await.map_err(Refusal::from)?),
            None => None,
        };
        let (shown, asked): (Vec<_>, Vec<_>) = {
            let directory = self.shared.directory();
            let newest = directory.joinable(&ground.realm, difficulty).take(ORDER_GAMES_MAX);
            newest.map(|open| (listing::game(open), listing::for_matchmaking(open, None))).unzip()
        };
        let Some(seeker) = seeker else { return Ok(shown.into_iter().take(Games::LIST_MAX).collect()) };
        let order = self.hooks.order_games(listing::seeker(&seeker), asked).await;
        let mut by_key: std::collections::HashMap<u64, proto::Game> =
            shown.into_iter().map(|game| (game.id, game)).collect();
        Ok(order.into_iter().filter_map(|key| by_key.remove(&key)).take(Games::LIST_MAX).collect())
    }

    /// Leaves the game; resolves when the character is saved.
    pub(super) async fn leave(&self, account: AccountId, reason: &CloseReason) -> Result<GameId, Refusal> {
        let (game, saved) = self.begin_to_leave(account, reason).await?;
        match tokio::time::timeout(LEAVE_DEADLINE, saved).await {
            Ok(Ok(outcome)) => outcome.map(|()| game),
            Ok(Err(_)) | Err(_) => Err(refusals::not_saved_in_time()),
        }
    }

    async fn begin_to_leave(
        &self,
        account: AccountId,
        reason: &CloseReason,
    ) -> Result<(GameId, oneshot::Receiver<Departed>), Refusal> {
        let (game, leaving, saved) = self.shared.directory().leave(account)?;
        match leaving {
            Leaving::Playing { thread } => {
                let reason = reason.clone();
                self.shared.command(thread, Command::Leave { game, account, reason }).await;
            }
            Leaving::Ticketed { character } => self.give_back(character).await,
            Leaving::Already => {}
        }
        Ok((game, saved))
    }

    /// Closes a game; resolves when everybody in it is saved.
    pub(super) async fn close(&self, player: &Player, game: GameId) -> Result<(), Refusal> {
        let (realm, accounts) = self.shared.directory().close(player.account, player.staff, game)?;
        self.shared.list_has_changed(&realm);
        let sentence = "The game was closed by its host or by staff; your character is saved.";
        self.leave_all(accounts, &listing::reason(Code::GameClosed, sentence, 0)).await
    }

    /// Takes all of these accounts out of their games; resolves when all are saved, or with what kept one of them from it.
    pub(super) async fn leave_all(&self, accounts: Vec<AccountId>, reason: &CloseReason) -> Result<(), Refusal> {
        let mut departures = Vec::with_capacity(accounts.len());
        for account in accounts {
            // Who is not seated yet fails to get a seat; who left meanwhile is saved.
            if let Ok((_, saved)) = self.begin_to_leave(account, reason).await {
                departures.push(saved);
            }
        }
        let all = async {
            for saved in departures {
                saved.await.unwrap_or_else(|_| Err(refusals::not_saved_in_time()))?;
            }
            Ok(())
        };
        tokio::time::timeout(LEAVE_DEADLINE, all).await.unwrap_or_else(|_| Err(refusals::not_saved_in_time()))
    }

    /// A ticket is presented: the link goes to the tick thread of its game.
    pub(super) fn enter(&self, ticket: &str, link: Box<dyn Link>) -> Result<(), EntryRefused> {
        let mut directory = self.shared.directory();
        let Some((game, thread)) = directory.ticket_goes_to(ticket) else {
            return Err(EntryRefused { refusal: refusals::ticket_invalid(), link });
        };
        // A place in the queue first: a ticket that is used up must bring its holder in.
        let Some(place) = self.shared.threads.get(thread).and_then(|sender| sender.try_reserve().ok()) else {
            return Err(EntryRefused { refusal: refusals::busy(), link });
        };
        let entry = match directory.enter(ticket, Instant::now()) {
            Ok(entry) => entry,
            Err(refusal) => return Err(EntryRefused { refusal, link }),
        };
        drop(directory);
        if entry.sheet.is_some() {
            let happenings = self.hooks.happenings();
            happenings.roll().enter(entry.account, entry.account_name.as_str(), &entry.playing);
            happenings.tell(entry.account, Happening::Join);
        }
        // What it wears is read and sent in one go: what changes afterwards is sent afterwards.
        let directory = self.shared.directory();
        let player = EnteringPlayer {
            account: entry.account,
            character: entry.character,
            slot: entry.slot,
            sheet: entry.sheet,
            brought: directory.seat(entry.account).map(|seat| seat.brought.clone()).unwrap_or_default(),
            presence: entry.presence,
            link,
        };
        place.send(Command::Enter { game, player });
        drop(directory);
        Ok(())
    }

    /// Gives the leases of seats back whose tickets ran out.
    pub(super) async fn free_expired_seats(&self) {
        let expired = self.shared.directory().expired(Instant::now());
        for account in expired {
            // Somebody who came in or left in this very moment needs no freeing.
            let late = self.shared.directory().leave_unentered(account);
            if let Some(character) = late {
                tracing::debug!(%account, "a ticket ran out unused; its seat is free again");
                self.give_back(character).await;
            }
        }
    }

    async fn give_back(&self, character: CharacterId) {
        let progress = Progress { character, sheet: None, place: None, play_ticks: 0, last: true };
        self.tell_saver(SaverMessage::Progress(progress)).await;
    }

    async fn tell_saver(&self, message: SaverMessage) {
        if self.saver.send(message).await.is_err() {
            tracing::error!("the saver has ended before its realm; a lease stays until the next start");
        }
    }

    pub(super) fn addressed(&self, ticket: proto::GameTicket) -> proto::GameTicket {
        let (host, port) = &self.door;
        proto::GameTicket { address: host.clone(), port: u32::from(*port), ..ticket }
    }
}

pub(super) fn random_ticket() -> Result<String, Refusal> {
    tickets::random_text().map_err(|error| {
        tracing::error!(%error, "the operating system gives no randomness for a ticket");
        refusals::fault()
    })
}

fn check_alive(character: &Character) -> Result<(), Refusal> {
    if character.sheet.hardcore && character.sheet.dead { Err(refusals::character_dead()) } else { Ok(()) }
}
