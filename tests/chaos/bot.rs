//! A bot: makes characters, plays them, deletes and restores them, until the realm dies, and remembers what it was told.

mod goods;
mod ground;

use std::time::{Duration, Instant};

use realm_client::{ClientError, Endpoint, GameConnection, Method, Rest, Snapshot, proto};

use crate::{
    DEADLINE,
    dice::Dice,
    ledger::{Counts, Fact, Known, Place},
    pilot,
};

pub(crate) use goods::Asked;
use goods::Goods;
use ground::{Handled, Hands};

const PASSWORD: &str = "four lanterns by the sea";
/// Living characters that a bot keeps.
const LIVING_MAX: usize = 4;
/// Snapshots for which a bot stands still, so that it knows where it is stored.
const STILL_SNAPSHOTS: u64 = 10;

/// An account, and what it was told.
#[derive(Default)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) exists: bool,
    pub(crate) characters: Vec<Known>,
    pub(crate) goods: Goods,
    /// In games.
    pub(crate) ground: Handled,
}

/// What a log-in gave.
#[derive(Clone)]
struct Tokens {
    access: String,
    refresh: String,
    given: Instant,
}

impl Tokens {
    /// An access token holds for ten minutes; one that is older than this is renewed at the beginning of a life, lest it ends within.
    const RENEWED_AFTER: Duration = Duration::from_secs(300);

    fn new(access: String, refresh: String) -> Self {
        Self { access, refresh, given: Instant::now() }
    }
}

/// A bot.
#[derive(Default)]
pub(crate) struct Bot {
    number: usize,
    dice: Dice,
    /// The last one is at work.
    pub(crate) accounts: Vec<Account>,
    tokens: Option<Tokens>,
    names: usize,
    /// How many bots there are, when they deal in goods; else 0.
    peers: usize,
    pub(crate) counts: Counts,
    /// How long it took in this life until a character could be played that was in a game in the last one.
    pub(crate) waited: Option<Duration>,
}

/// Why a bot's life ended: the realm is gone, and what was under way has no answer.
struct Gone;

/// A yes, a no, or nothing more in this life.
fn answer<T>(result: Result<T, ClientError>) -> Result<Result<T, String>, Gone> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(ClientError::Refused { status, code, .. }) if (400..500).contains(&status) || status == 0 => Ok(Err(code)),
        // No kill makes the realm itself fail.
        Err(ClientError::Refused { code, message, .. }) if code == "INTERNAL" => {
            panic!("the realm answered with a fault of its own: {code}: {message}")
        }
        // Nothing here makes a database unavailable; whoever is told so knows nothing.
        Err(_) => Err(Gone),
    }
}

/// Letters of which no two look alike, alone or together.
fn letters(number: usize) -> String {
    let letters = ["a", "b", "d", "e", "f", "g", "h", "j", "k", "m"];
    [10_000, 1_000, 100, 10, 1].map(|part| letters[number / part % 10]).concat()
}

impl Bot {
    /// `peers` is how many bots there are, when they deal in goods; else 0.
    pub(crate) fn new(number: usize, dice: Dice, peers: usize) -> Self {
        Self { number, dice, peers, ..Self::default() }
    }

    fn account(&mut self) -> &mut Account {
        self.accounts.last_mut().expect("it has one")
    }

    /// Plays until the realm dies.
    pub(crate) async fn play(&mut self, endpoint: &Endpoint, operator_token: &str, started: Instant) {
        self.waited = None;
        let mut rest = Rest::new(endpoint);
        let Ok(()) = self.come_in(&mut rest).await else { return };
        // First those that were in a game when the realm was killed.
        let waiting: Vec<usize> = {
            let characters = self.account().characters.iter().enumerate();
            characters.filter(|(_, known)| known.was_playing && known.is_living()).map(|(index, _)| index).collect()
        };
        for index in waiting {
            self.account().characters[index].was_playing = false;
            let Ok(()) = self.play_one(endpoint, &mut rest, index, Some(started)).await else { return };
        }
        let mut staff = Rest::new(endpoint);
        staff.set_access_token(Some(operator_token.to_owned()));
        let Ok(()) = self.ask_again(&mut rest, &mut staff).await else { return };
        while self.do_something(endpoint, &mut rest, &mut staff).await.is_ok() {}
    }

    async fn do_something(&mut self, endpoint: &Endpoint, rest: &mut Rest, staff: &mut Rest) -> Result<(), Gone> {
        let living = self.choose(Known::is_living);
        match living {
            // The first of each is the one that others send letters to.
            Some(index) if self.peers > 0 && self.dice.below(5) > 0 => self.trade(rest, staff, index).await,
            _ => self.act(endpoint, rest).await,
        }
    }

    /// Logs in, and registers first if need be.
    async fn come_in(&mut self, rest: &mut Rest) -> Result<(), Gone> {
        if self.accounts.is_empty() {
            self.new_account();
        }
        if let Some(tokens) = self.tokens.clone() {
            rest.set_access_token(Some(tokens.access));
            let is_valid = answer(rest.validate().await)?.is_ok();
            if is_valid && tokens.given.elapsed() < Tokens::RENEWED_AFTER {
                return Ok(());
            }
            rest.set_access_token(None);
            if let Ok(tokens) = answer(rest.refresh_with(&tokens.refresh).await)? {
                self.tokens = Some(Tokens::new(tokens.access_token, tokens.refresh_token));
                return Ok(());
            }
        }
        let name = self.account().name.clone();
        if !self.account().exists {
            match answer(rest.register(&name, PASSWORD).await)? {
                Ok(_) => {}
                // It was stored, and the answer lost.
                Err(code) => assert_eq!(code, "ACCOUNT_TAKEN"),
            }
            self.account().exists = true;
        }
        let tokens = answer(rest.login(&name, PASSWORD).await)?;
        let tokens = tokens.unwrap_or_else(|code| panic!("an account that was acknowledged cannot log in: {code}"));
        self.tokens = Some(Tokens::new(tokens.access_token, tokens.refresh_token));
        Ok(())
    }

    fn new_account(&mut self) {
        let name = format!("B{}{}", letters(self.number), letters(self.accounts.len()));
        self.accounts.push(Account { name, ..Account::default() });
        self.tokens = None;
    }

    async fn act(&mut self, endpoint: &Endpoint, rest: &mut Rest) -> Result<(), Gone> {
        let roll = self.dice.below(10);
        let living = self.choose(Known::is_living);
        let count = self.account().characters.iter().filter(|known| known.is_living()).count();
        match (roll, living) {
            (0..=2, _) | (_, None) if count < LIVING_MAX => self.make(rest).await,
            (0..=1, Some(index)) if count > 1 => self.delete(rest, index).await,
            (2, _) => match self.choose(|known| known.exists == Fact::Yes && known.deleted == Fact::Yes) {
                Some(index) => self.restore(rest, index).await,
                None => Ok(()),
            },
            (_, Some(index)) => self.play_one(endpoint, rest, index, None).await,
            (_, None) => Ok(()),
        }
    }

    fn choose(&mut self, fits: impl Fn(&Known) -> bool) -> Option<usize> {
        let characters = &self.accounts.last()?.characters;
        let fitting: Vec<usize> = (0..characters.len()).filter(|index| fits(&characters[*index])).collect();
        fitting.get(self.dice.index(fitting.len())).copied()
    }

    async fn make(&mut self, rest: &mut Rest) -> Result<(), Gone> {
        self.names += 1;
        let name = format!("C{}{}", letters(self.number), letters(self.names));
        self.account().characters.push(Known::new(name.clone()));
        self.counts.in_doubt += 1;
        let made = answer(rest.create_character(&name, "Druid", false).await)?;
        self.counts.in_doubt -= 1;
        let known = self.account().characters.last_mut().expect("just added");
        match made {
            Ok(character) => {
                (known.id, known.exists) = (Some(character.id), Fact::Yes);
                self.counts.made += 1;
            }
            Err(code) => {
                known.exists = Fact::No;
                assert_eq!(code, "CHARACTER_LIMIT");
                // Deleted ones keep their places for 30 days: there are more accounts.
                self.new_account();
                self.come_in(rest).await?;
            }
        }
        Ok(())
    }

    async fn delete(&mut self, rest: &mut Rest, index: usize) -> Result<(), Gone> {
        let known = &mut self.account().characters[index];
        let id = known.id.expect("it exists");
        known.deleted = Fact::InDoubt;
        self.counts.in_doubt += 1;
        let deleted = answer(rest.delete_character(id).await)?;
        self.counts.in_doubt -= 1;
        let known = &mut self.account().characters[index];
        match deleted {
            Ok(()) => {
                (known.deleted, known.acknowledged) = (Fact::Yes, known.acknowledged + 1);
                self.counts.deleted += 1;
            }
            Err(code) => panic!("{} cannot be deleted: {code}", known.name),
        }
        Ok(())
    }

    async fn restore(&mut self, rest: &mut Rest, index: usize) -> Result<(), Gone> {
        let known = &mut self.account().characters[index];
        let id = known.id.expect("it exists");
        known.deleted = Fact::InDoubt;
        self.counts.in_doubt += 1;
        let path = format!("/api/v1/characters/{id}/restore");
        let restored = rest.request(Method::POST, &path, None).await.and_then(realm_client::Response::success);
        let restored = answer(restored)?;
        self.counts.in_doubt -= 1;
        let known = &mut self.account().characters[index];
        known.deleted = Fact::of(restored.is_err());
        if restored.is_ok() {
            known.acknowledged += 1;
            self.counts.restored += 1;
        }
        Ok(())
    }

    /// Plays a character for a while, and leaves: what the realm says is saved then, is.
    async fn play_one(
        &mut self,
        endpoint: &Endpoint,
        rest: &mut Rest,
        index: usize,
        waiting_since: Option<Instant>,
    ) -> Result<(), Gone> {
        self.names += 1;
        let name = format!("G{}{}", letters(self.number), letters(self.names));
        // Most games are short, because lives are.
        let longest = if self.dice.below(4) == 0 { 60 } else { 8 };
        let hands = if self.peers > 0 { Some(self.hands(rest, index).await?) } else { None };
        // Whoever handles goods needs a few ticks for each.
        let longest = if hands.is_some() { longest * 2 } else { longest };
        let (snapshots, stands_still) = (2 + self.dice.below(longest), self.dice.below(2) == 0);
        let known = &mut self.account().characters[index];
        let (id, wish) = (known.id.expect("it exists"), proto::GameCreate { name, ..Default::default() });
        // From here on it may be saved at any time.
        (known.was_playing, known.place) = (true, None);
        let ticket = loop {
            match answer(rest.create_game(id, &wish).await)? {
                Ok(ticket) => break ticket,
                Err(code) if waiting_since.is_some_and(|since| since.elapsed() < DEADLINE * 2) => {
                    assert_eq!(code, "CHARACTER_BUSY", "after a kill");
                }
                Err(code) => panic!("a character cannot be played: {code}"),
            }
        };
        if let Some(since) = waiting_since {
            self.waited = self.waited.max(Some(since.elapsed()));
        }
        let game = ticket.game.as_ref().map(|game| game.id).expect("a ticket names its game");
        let connection = GameConnection::enter(endpoint, &ticket).await.map_err(|_| Gone)?;
        let mut hands = hands;
        let seen = ground::fight(connection, &mut hands, snapshots, stands_still).await;
        if let Some(hands) = &mut hands {
            self.counts.laid += hands.laid;
            self.counts.taken += hands.taken;
            self.counts.used += hands.used;
            hands.put_into(&mut self.account().ground);
        }
        let seen = seen?;
        self.counts.in_doubt += 1;
        let left = answer(rest.leave_game(game).await)?;
        self.counts.in_doubt -= 1;
        left.unwrap_or_else(|code| panic!("a game cannot be left: {code}"));
        self.counts.saved += 1;
        self.counts.levels += u64::from(seen.levels);
        let known = &mut self.account().characters[index];
        (known.was_playing, known.acknowledged) = (false, known.acknowledged + 1);
        (known.experience, known.place) = (known.experience.max(seen.experience), seen.place);
        Ok(())
    }
}

/// What a bot saw of its character before it left.
struct Seen {
    experience: i64,
    levels: u32,
    place: Option<Place>,
}

fn where_it_is(snapshot: &Snapshot) -> Place {
    let own = pilot::own(snapshot);
    (snapshot.own.zone.into(), own.x.into(), own.y.into())
}
