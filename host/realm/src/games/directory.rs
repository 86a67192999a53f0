//! The open games and who has a seat in them: the lobby's state, without waiting and without a clock of its own.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Instant,
};

use realm_protocol::proto;
use realm_world::{Difficulty, Sheet};
use tokio::sync::oneshot;

use crate::{
    characters::Character,
    hooks::Playing,
    types::{AccountId, AccountName, CharacterId, EventStream, GameId, GameName, Refusal},
};

use super::{
    GameReference, listing,
    password::Password,
    refusals,
    seat::{Presence, Seat, SeatState},
    tickets::Tickets,
};

/// Callers that wait for one seat to be given up.
const WAITERS_MAX: usize = 8;

/// How a departure ended: the character is saved, or why it is not yet.
pub(super) type Departed = Result<(), Refusal>;

/// A game that is open.
pub(super) struct OpenGame {
    pub(super) id: GameId,
    /// Key of its realm.
    pub(super) realm: Arc<str>,
    pub(super) name: GameName,
    pub(super) password: Option<Password>,
    pub(super) difficulty: Difficulty,
    pub(super) players_max: usize,
    pub(super) creator_level: u32,
    pub(super) hardcore: bool,
    pub(super) created_ms: i64,
    pub(super) host: AccountId,
    /// Index of its tick thread.
    pub(super) thread: usize,
    /// Its creator has a ticket: it is in lists and can be joined.
    pub(super) listed: bool,
    /// Its host or staff closed it: nobody comes in any more.
    pub(super) closing: bool,
    /// In the order of arrival.
    pub(super) seats: Vec<Seat>,
}

impl OpenGame {
    fn slot_free(&self) -> Option<u8> {
        let taken = |slot: &u8| self.seats.iter().any(|seat| seat.slot == *slot);
        (0..u8::MAX).take(self.players_max).find(|slot| !taken(slot))
    }

    fn seat_of(&mut self, account: AccountId) -> Option<&mut Seat> {
        self.seats.iter_mut().find(|seat| seat.player.account == account)
    }
}

/// What a player who leaves now must wait for.
pub(super) enum Leaving {
    /// The tick thread knows the player: it takes the character out of the world.
    Playing { thread: usize },
    /// Nobody has come in with the ticket: the lease is given back.
    Ticketed { character: CharacterId },
    /// It is on its way out already.
    Already,
}

/// A ticket that was presented.
pub(super) struct Entry {
    pub(super) account: AccountId,
    pub(super) character: CharacterId,
    pub(super) slot: u8,
    /// The character at the first time; `None` when it is in the world already.
    pub(super) sheet: Option<Sheet>,
    pub(super) presence: Arc<Presence>,
    /// The account's name.
    pub(super) account_name: AccountName,
    /// What others may know of the character and its game.
    pub(super) playing: Playing,
}

/// A seat was given up.
pub(super) struct Departure {
    pub(super) game: GameId,
    /// Key of its realm.
    pub(super) realm: Arc<str>,
    pub(super) thread: usize,
    /// It was the last one: the game has ended.
    pub(super) ended: bool,
}

/// How a wish to join was met.
pub(super) enum Reservation {
    /// A seat is kept until it is confirmed or given up; the rule is to be asked about this game.
    Kept(GameId),
    /// The account has its seat already and comes on another connection.
    Again,
}

/// Every open game of the server. A name is one game's in its realm; an account has one seat, in whichever realm.
pub(super) struct Directory {
    games: BTreeMap<GameId, OpenGame>,
    /// By realm and folded name.
    names: HashMap<(Arc<str>, String), GameId>,
    seats: HashMap<AccountId, GameId>,
    tickets: Tickets,
    games_max: usize,
    stopping: bool,
}

impl Directory {
    pub(super) fn new(games_max: usize, tickets: Tickets) -> Self {
        Self {
            games: BTreeMap::new(),
            names: HashMap::new(),
            seats: HashMap::new(),
            tickets,
            games_max,
            stopping: false,
        }
    }

    /// Adds a game that is not listed yet, with its creator's kept seat.
    pub(super) fn open(&mut self, game: OpenGame, seat: Seat) -> Result<(), Refusal> {
        self.check_free(seat.player.account)?;
        let name = (Arc::clone(&game.realm), game.name.folded().to_owned());
        if self.names.contains_key(&name) {
            return Err(refusals::name_taken(&game.name));
        }
        if self.games.len() >= self.games_max {
            return Err(refusals::game_limit(self.games_max));
        }
        self.names.insert(name, game.id);
        self.seats.insert(seat.player.account, game.id);
        let id = game.id;
        self.games.insert(id, game);
        self.games.get_mut(&id).expect("just inserted").seats.push(seat);
        Ok(())
    }

    /// Keeps a seat, after the checks that need nobody else: one game at a time, not full, the password.
    pub(super) fn reserve(
        &mut self,
        realm: &Arc<str>,
        reference: &GameReference,
        password: &str,
        mut seat: Seat,
    ) -> Result<Reservation, Refusal> {
        let id = self.find(realm, reference).ok_or_else(refusals::game_unknown)?;
        let account = seat.player.account;
        if self.seats.get(&account) == Some(&id)
            && self.seat(account).is_some_and(|own| own.character == seat.character && own.may_come_back())
        {
            return Ok(Reservation::Again);
        }
        self.check_free(account)?;
        let game = self.games.get_mut(&id).filter(|game| game.listed && !game.closing);
        let game = game.ok_or_else(refusals::game_unknown)?;
        let slot = game.slot_free().ok_or_else(refusals::game_full)?;
        if let Some(expected) = &game.password {
            expected.check(password)?;
        }
        seat.slot = slot;
        game.seats.push(seat);
        self.seats.insert(account, id);
        Ok(Reservation::Kept(id))
    }

    /// Turns a kept seat into a real one, with a ticket; the others are told.
    pub(super) fn confirm(
        &mut self,
        account: AccountId,
        character: &Character,
        ticket: String,
        now: Instant,
    ) -> Result<proto::GameTicket, Refusal> {
        if self.stopping {
            return Err(refusals::stopping());
        }
        let id = *self.seats.get(&account).ok_or_else(refusals::game_unknown)?;
        let game = self.games.get_mut(&id).filter(|game| !game.closing).ok_or_else(refusals::game_unknown)?;
        self.tickets.issue(ticket.clone(), account, id, now).map_err(|_| refusals::tickets_full())?;
        game.listed = true;
        let seat = game.seat_of(account).ok_or_else(refusals::game_unknown)?;
        seat.sheet = character.sheet;
        seat.state = SeatState::Ticketed;
        let player = listing::player(seat);
        listing::tell_others(
            game,
            account,
            proto::GamePlayerJoined { game_id: id.raw(), player: Some(player), event: 0 },
        );
        Ok(listing::ticket(game, ticket, self.tickets.valid()))
    }

    /// A new ticket for a seat that the account has already.
    pub(super) fn renew(
        &mut self,
        account: AccountId,
        ticket: String,
        now: Instant,
    ) -> Result<proto::GameTicket, Refusal> {
        let id = *self.seats.get(&account).ok_or_else(refusals::game_unknown)?;
        let game = self.games.get(&id).ok_or_else(refusals::game_unknown)?;
        self.tickets.issue(ticket.clone(), account, id, now).map_err(|_| refusals::tickets_full())?;
        Ok(listing::ticket(game, ticket, self.tickets.valid()))
    }

    /// Game and tick thread of the seat that a ticket is for.
    pub(super) fn ticket_goes_to(&self, ticket: &str) -> Option<(GameId, usize)> {
        let id = self.tickets.game(ticket)?;
        self.games.get(&id).map(|game| (id, game.thread))
    }

    /// True while a ticket can be presented.
    pub(super) fn is_good(&self, ticket: &str, now: Instant) -> bool {
        self.tickets.is_good(ticket, now)
    }

    /// Uses a ticket up.
    pub(super) fn enter(&mut self, ticket: &str, now: Instant) -> Result<Entry, Refusal> {
        let (account, id) = self.tickets.take(ticket, now).ok_or_else(refusals::ticket_invalid)?;
        let game = self.games.get_mut(&id).ok_or_else(refusals::ticket_invalid)?;
        let seat = game.seats.iter_mut().find(|seat| seat.player.account == account);
        let seat = seat.ok_or_else(refusals::ticket_invalid)?;
        let sheet = match seat.state {
            SeatState::Ticketed => Some(seat.sheet),
            SeatState::Playing => None,
            SeatState::Reserved | SeatState::Leaving => return Err(refusals::ticket_invalid()),
        };
        seat.state = SeatState::Playing;
        seat.presence.arrived();
        let (character, slot, presence) = (seat.character, seat.slot, Arc::clone(&seat.presence));
        let account_name = seat.player.account_name.clone();
        let playing = Playing {
            character,
            name: seat.character_name.to_string(),
            class: seat.sheet.class.name(),
            level: seat.sheet.level,
            hardcore: seat.sheet.hardcore,
            game: id,
            game_name: game.name.to_string(),
        };
        Ok(Entry { account, character, slot, sheet, presence, account_name, playing })
    }

    /// Begins a departure; what comes back resolves when the character is saved.
    pub(super) fn leave(
        &mut self,
        account: AccountId,
    ) -> Result<(GameId, Leaving, oneshot::Receiver<Departed>), Refusal> {
        let id = *self.seats.get(&account).ok_or_else(refusals::not_joined)?;
        let game = self.games.get_mut(&id).ok_or_else(refusals::not_joined)?;
        let thread = game.thread;
        let seat = game.seat_of(account).ok_or_else(refusals::not_joined)?;
        if seat.waiters.len() >= WAITERS_MAX {
            return Err(refusals::not_joined());
        }
        let leaving = match seat.state {
            // The verb that keeps the seat answers for it.
            SeatState::Reserved => return Err(refusals::not_joined()),
            SeatState::Ticketed => Leaving::Ticketed { character: seat.character },
            SeatState::Playing => Leaving::Playing { thread },
            SeatState::Leaving => Leaving::Already,
        };
        seat.state = SeatState::Leaving;
        let (sender, receiver) = oneshot::channel();
        seat.waiters.push(sender);
        self.tickets.revoke(account);
        Ok((id, leaving, receiver))
    }

    /// Begins the departure of an account whose ticket ran out: the character whose lease is to be given back,
    /// unless it came in or left meanwhile.
    pub(super) fn leave_unentered(&mut self, account: AccountId) -> Option<CharacterId> {
        let game = self.seats.get(&account).and_then(|id| self.games.get_mut(id));
        let seat = game?.seat_of(account).filter(|seat| seat.state == SeatState::Ticketed)?;
        seat.state = SeatState::Leaving;
        Some(seat.character)
    }

    /// Gives a seat up: the others are told, the host's part passes on, an empty game ends.
    pub(super) fn depart(&mut self, account: AccountId, outcome: &Departed) -> Option<Departure> {
        self.tickets.revoke(account);
        let id = self.seats.remove(&account)?;
        let game = self.games.get_mut(&id)?;
        let index = game.seats.iter().position(|seat| seat.player.account == account)?;
        let seat = game.seats.remove(index);
        if seat.state != SeatState::Reserved {
            let player = Some(listing::player(&seat));
            listing::tell_others(game, account, proto::GamePlayerLeft { game_id: id.raw(), player, event: 0 });
        }
        if game.host == account {
            listing::pass_host(game);
        }
        for waiter in seat.waiters {
            // Who no longer waits needs no answer.
            let _ = waiter.send(outcome.clone());
        }
        let (thread, realm, ended) = (game.thread, Arc::clone(&game.realm), game.seats.is_empty());
        if ended && let Some(game) = self.games.remove(&id) {
            self.names.remove(&(game.realm, game.name.folded().to_owned()));
        }
        Some(Departure { game: id, realm, thread, ended })
    }

    /// Closes a game to newcomers; who may do so is checked. What comes back is its realm, and the accounts in it.
    pub(super) fn close(
        &mut self,
        account: AccountId,
        staff: bool,
        id: GameId,
    ) -> Result<(Arc<str>, Vec<AccountId>), Refusal> {
        let game = self.games.get_mut(&id).filter(|game| game.listed).ok_or_else(refusals::game_unknown)?;
        if game.host != account && !staff {
            return Err(refusals::not_host());
        }
        game.closing = true;
        Ok((Arc::clone(&game.realm), game.seats.iter().map(|seat| seat.player.account).collect()))
    }

    /// Nobody comes in any more. What comes back are all accounts that have a seat.
    pub(super) fn stop(&mut self) -> Vec<AccountId> {
        self.stopping = true;
        self.seats.keys().copied().collect()
    }

    /// Accounts whose ticket ran out before they came in.
    pub(super) fn expired(&mut self, now: Instant) -> Vec<AccountId> {
        self.tickets.expire(now);
        let tickets = &self.tickets;
        let waiting = self.games.values().flat_map(|game| &game.seats);
        let late = waiting
            .filter(|seat| seat.state == SeatState::Ticketed && !tickets.holds(seat.player.account, now))
            .map(|seat| seat.player.account);
        late.collect()
    }

    /// Where the account's events go from now on.
    pub(super) fn attach_events(&mut self, account: AccountId, events: Option<EventStream>) {
        let game = self.seats.get(&account).and_then(|id| self.games.get_mut(id));
        if let Some(seat) = game.and_then(|game| game.seat_of(account)) {
            seat.player.events = events;
        }
    }

    /// What a save made of the account's character.
    pub(super) fn saved(&mut self, account: AccountId, sheet: Sheet) {
        let game = self.seats.get(&account).and_then(|id| self.games.get_mut(id));
        if let Some(seat) = game.and_then(|game| game.seat_of(account)) {
            seat.sheet = sheet;
        }
    }

    /// An open game by its key.
    pub(super) fn game(&self, id: GameId) -> Option<&OpenGame> {
        self.games.get(&id)
    }

    /// The account's seat.
    pub(super) fn seat(&self, account: AccountId) -> Option<&Seat> {
        let game = self.seats.get(&account).and_then(|id| self.games.get(id))?;
        game.seats.iter().find(|seat| seat.player.account == account)
    }

    /// The tick thread of each listed game.
    pub(super) fn threads(&self) -> Vec<usize> {
        self.games.values().filter(|game| game.listed).map(|game| game.thread).collect()
    }

    /// The account's seat, to be changed.
    pub(super) fn seat_mut(&mut self, account: AccountId) -> Option<&mut Seat> {
        let game = self.seats.get(&account).and_then(|id| self.games.get_mut(id))?;
        game.seat_of(account)
    }

    /// Game and tick thread of an account that has a seat.
    pub(super) fn whereabouts(&self, account: AccountId) -> Option<(GameId, usize)> {
        let id = self.seats.get(&account)?;
        self.games.get(id).map(|game| (*id, game.thread))
    }

    /// Games of a realm that can be joined, the newest first.
    pub(super) fn joinable(&self, realm: &str, difficulty: Option<Difficulty>) -> impl Iterator<Item = &OpenGame> {
        let open = self.games.values().rev().filter(move |game| *game.realm == *realm && game.listed && !game.closing);
        open.filter(move |game| game.seats.len() < game.players_max)
            .filter(move |game| difficulty.is_none_or(|wanted| wanted == game.difficulty))
    }

    /// Open games, and players in them.
    pub(super) fn count(&self) -> (usize, usize) {
        (self.games.values().filter(|game| game.listed).count(), self.seats.len())
    }

    /// Open games of a realm.
    pub(super) fn listed(&self, realm: &str) -> usize {
        self.games.values().filter(|game| game.listed && *game.realm == *realm).count()
    }

    fn find(&self, realm: &Arc<str>, reference: &GameReference) -> Option<GameId> {
        match reference {
            GameReference::Id(id) => Some(*id).filter(|id| self.games.get(id).is_some_and(|game| game.realm == *realm)),
            GameReference::Name(name) => self.names.get(&(Arc::clone(realm), name.folded().to_owned())).copied(),
        }
    }

    fn check_free(&self, account: AccountId) -> Result<(), Refusal> {
        if self.stopping {
            return Err(refusals::stopping());
        }
        if self.seats.contains_key(&account) {
            return Err(refusals::joined_already());
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
