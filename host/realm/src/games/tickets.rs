//! Tickets: random, valid once and for a short time, one for each seat.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::types::{AccountId, GameId};

/// Randomness of a ticket.
const TICKET_BYTES: usize = 32;

/// The text of a new ticket: 256 random bits.
///
/// # Errors
/// When the operating system gives no randomness.
pub(super) fn random_text() -> Result<String, getrandom::Error> {
    let mut random = [0; TICKET_BYTES];
    getrandom::fill(&mut random)?;
    Ok(URL_SAFE_NO_PAD.encode(random))
}

struct Ticket {
    account: AccountId,
    game: GameId,
    expires: Instant,
}

/// The table of tickets holds as many as it may; try again when some have expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TicketsFull;

/// The tickets that can still be presented. An account has at most one: a newer one replaces it.
pub(super) struct Tickets {
    by_text: HashMap<String, Ticket>,
    by_account: HashMap<AccountId, String>,
    tickets_max: usize,
    valid: Duration,
}

impl Tickets {
    pub(super) fn new(tickets_max: usize, valid: Duration) -> Self {
        Self { by_text: HashMap::new(), by_account: HashMap::new(), tickets_max, valid }
    }

    /// How long a ticket is valid.
    pub(super) fn valid(&self) -> Duration {
        self.valid
    }

    /// Takes `text` as the account's ticket to `game` from now on.
    pub(super) fn issue(
        &mut self,
        text: String,
        account: AccountId,
        game: GameId,
        now: Instant,
    ) -> Result<(), TicketsFull> {
        self.revoke(account);
        if self.by_text.len() >= self.tickets_max {
            return Err(TicketsFull);
        }
        self.by_account.insert(account, text.clone());
        self.by_text.insert(text, Ticket { account, game, expires: now + self.valid });
        Ok(())
    }

    /// The game a ticket is for, in time or not.
    pub(super) fn game(&self, text: &str) -> Option<GameId> {
        self.by_text.get(text).map(|ticket| ticket.game)
    }

    /// True while a ticket can be presented.
    pub(super) fn is_good(&self, text: &str, now: Instant) -> bool {
        self.by_text.get(text).is_some_and(|ticket| now < ticket.expires)
    }

    /// Uses a ticket up: whose it is and for which game, if it is known and in time.
    pub(super) fn take(&mut self, text: &str, now: Instant) -> Option<(AccountId, GameId)> {
        let ticket = self.by_text.remove(text)?;
        self.by_account.remove(&ticket.account);
        (now < ticket.expires).then_some((ticket.account, ticket.game))
    }

    /// Makes the account's ticket worthless.
    pub(super) fn revoke(&mut self, account: AccountId) {
        if let Some(text) = self.by_account.remove(&account) {
            self.by_text.remove(&text);
        }
    }

    /// True while the account holds a ticket that is in time.
    pub(super) fn holds(&self, account: AccountId, now: Instant) -> bool {
        self.by_account.get(&account).and_then(|text| self.by_text.get(text)).is_some_and(|ticket| now < ticket.expires)
    }

    /// Forgets what is out of time.
    pub(super) fn expire(&mut self, now: Instant) {
        self.by_text.retain(|_, ticket| now < ticket.expires);
        let by_text = &self.by_text;
        self.by_account.retain(|_, text| by_text.contains_key(text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: Duration = Duration::from_secs(30);

    fn account(raw: u64) -> AccountId {
        AccountId::from_raw(raw)
    }

    #[test]
    fn a_ticket_is_valid_once_and_for_its_time() {
        let (now, game) = (Instant::now(), GameId::from_raw(7));
        let mut tickets = Tickets::new(8, VALID);
        tickets.issue("a".into(), account(1), game, now).unwrap();
        tickets.issue("b".into(), account(2), game, now).unwrap();
        assert!(tickets.holds(account(1), now));
        assert_eq!(tickets.take("a", now), Some((account(1), game)));
        assert_eq!(tickets.take("a", now), None, "used up");
        assert_eq!(tickets.take("b", now + VALID), None, "too late");
        assert!(!tickets.holds(account(2), now));
    }

    #[test]
    fn a_newer_ticket_replaces_the_older_one_and_the_table_has_an_end() {
        let (now, game) = (Instant::now(), GameId::from_raw(7));
        let mut tickets = Tickets::new(2, VALID);
        tickets.issue("a".into(), account(1), game, now).unwrap();
        tickets.issue("b".into(), account(1), game, now).unwrap();
        assert_eq!(tickets.take("a", now), None);
        tickets.issue("c".into(), account(2), game, now).unwrap();
        assert_eq!(tickets.issue("d".into(), account(3), game, now), Err(TicketsFull));
        tickets.expire(now + VALID);
        assert_eq!(tickets.issue("d".into(), account(3), game, now), Ok(()));
        tickets.revoke(account(3));
        assert_eq!(tickets.take("d", now), None);
    }

    #[test]
    fn ticket_texts_are_long_and_differ() {
        let (one, other) = (random_text().unwrap(), random_text().unwrap());
        assert_eq!(one.len(), 43);
        assert_ne!(one, other);
    }
}
