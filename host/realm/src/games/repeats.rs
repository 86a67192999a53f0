//! Games that were created by a request with an Idempotency-Key: the same request gets the same game again.
//!
//! Kept in memory, as the games are: what a restart forgets is gone with its game. A request that was refused leaves nothing behind.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use realm_protocol::proto;

use crate::types::{AccountId, CharacterId, Code, GameId, Refusal, in_task};

use super::{GameSettings, Player, ground::Ground, ground::RealmGames, lobby::Lobby, refusals};

/// How long a key is remembered.
const KEPT: Duration = Duration::from_secs(86_400);
/// Keys of all accounts together; beyond, the oldest is forgotten.
const KEPT_MAX: usize = 8_192;
/// Keys of one account; beyond, its oldest is forgotten.
const KEPT_PER_ACCOUNT_MAX: usize = 16;
/// How long the same request waits for the one that is being carried out.
const WAIT: Duration = Duration::from_secs(30);

/// What makes a request the same again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeat {
    /// Its key.
    pub key: String,
    /// Digest of what it asks for.
    pub request: String,
}

/// What a request has made; held while it is being made.
type Made = Arc<tokio::sync::Mutex<Option<proto::GameTicket>>>;

struct Entry {
    account: AccountId,
    repeat: Repeat,
    since: Instant,
    made: Made,
}

/// Who created what under which key, the oldest first.
#[derive(Default)]
pub(super) struct Repeats(Mutex<VecDeque<Entry>>);

impl Repeats {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        // Nothing under this lock can panic half-way, so a poisoned lock still guards whole entries.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where what a request makes is kept.
    fn place(&self, account: AccountId, repeat: Repeat, now: Instant) -> Result<Made, Refusal> {
        let mut entries = self.lock();
        entries.retain(|entry| now.saturating_duration_since(entry.since) < KEPT);
        let own = |entry: &Entry| entry.account == account;
        if let Some(known) = entries.iter().find(|entry| own(entry) && entry.repeat.key == repeat.key) {
            if known.repeat.request == repeat.request {
                return Ok(Arc::clone(&known.made));
            }
            let sentence = "This Idempotency-Key was used with another request; make a new one for each act.";
            return Err(Refusal::new(Code::IdempotencyKeyReused, sentence));
        }
        if entries.iter().filter(|entry| own(entry)).count() >= KEPT_PER_ACCOUNT_MAX
            && let Some(oldest) = entries.iter().position(own)
        {
            entries.remove(oldest);
        }
        if entries.len() >= KEPT_MAX {
            entries.pop_front();
        }
        let made = Made::default();
        entries.push_back(Entry { account, repeat, since: now, made: Arc::clone(&made) });
        Ok(made)
    }
}

impl Lobby {
    async fn create_once(
        &self,
        ground: &Ground,
        player: Player,
        character: CharacterId,
        settings: GameSettings,
        repeat: Repeat,
    ) -> Result<proto::GameTicket, Refusal> {
        let account = player.account;
        let made = self.repeats.place(account, repeat, Instant::now())?;
        let mut made = tokio::time::timeout(WAIT, made.lock()).await.map_err(|_| refusals::busy())?;
        let ticket = match &*made {
            Some(before) => self.once_more(account, before)?,
            None => self.create(ground, player, character, settings).await?,
        };
        *made = Some(ticket.clone());
        Ok(ticket)
    }

    /// The answer that was given before; with another ticket when the first is used.
    fn once_more(&self, account: AccountId, before: &proto::GameTicket) -> Result<proto::GameTicket, Refusal> {
        let (now, text) = (Instant::now(), super::lobby::random_ticket()?);
        let mut directory = self.shared.directory();
        if directory.is_good(&before.ticket, now) {
            return Ok(before.clone());
        }
        let game = before.game.as_ref().map(|game| GameId::from_raw(game.id));
        let seated = directory.whereabouts(account).map(|(game, _)| game) == game
            && directory.seat(account).is_some_and(super::seat::Seat::may_come_back);
        if !seated {
            let sentence = "The game that this request created has ended, or you left it; create another with a new Idempotency-Key.";
            return Err(Refusal::new(Code::GameUnknown, sentence));
        }
        directory.renew(account, text, now).map(|ticket| self.addressed(ticket))
    }
}

impl RealmGames {
    /// Like [`Self::create`], for a request that may come again: it creates one game, however often it comes, and gets a ticket to it
    /// as long as the account has its seat there.
    ///
    /// # Errors
    /// As [`Self::create`]; when the key was used for another request, and when the game is over.
    pub async fn create_once(
        &self,
        player: Player,
        character: CharacterId,
        settings: GameSettings,
        repeat: Repeat,
    ) -> Result<proto::GameTicket, Refusal> {
        let (lobby, ground) = (self.games.running.lobby(), Arc::clone(&self.ground));
        in_task(async move { lobby.create_once(&ground, player, character, settings, repeat).await }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeat(key: usize, request: &str) -> Repeat {
        Repeat { key: key.to_string(), request: request.to_owned() }
    }

    #[test]
    fn a_key_means_one_request_of_one_account_and_the_oldest_are_forgotten() {
        let (repeats, now) = (Repeats::default(), Instant::now());
        let (ann, bob) = (AccountId::from_raw(1), AccountId::from_raw(2));
        let place = |account, key, request| repeats.place(account, repeat(key, request), now);
        let first = place(ann, 0, "a").unwrap();
        assert!(Arc::ptr_eq(&first, &place(ann, 0, "a").unwrap()));
        assert_eq!(place(ann, 0, "b").unwrap_err().code, Code::IdempotencyKeyReused);
        assert!(!Arc::ptr_eq(&first, &place(bob, 0, "a").unwrap()), "another account has keys of its own");
        for key in 1..=KEPT_PER_ACCOUNT_MAX {
            place(ann, key, "a").unwrap();
        }
        place(ann, 0, "b").expect("it was forgotten");
        let others = 3..3 + u64::try_from(KEPT_MAX).unwrap();
        others.for_each(|account| drop(place(AccountId::from_raw(account), 0, "a").unwrap()));
        assert_eq!(repeats.lock().len(), KEPT_MAX);
        let tomorrow = now + KEPT;
        repeats.place(ann, repeat(0, "c"), tomorrow).unwrap();
        assert_eq!(repeats.lock().len(), 1);
    }
}
