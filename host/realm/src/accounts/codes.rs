//! Guessing at the codes of second factors: who may try, and who may not for a while. Whoever comes this far knows the password.
//!
//! A code has six digits, and three codes are right at any moment: who may try often enough finds one. Wrong codes are counted twice: for
//! an account at one place (a network, or a session of somebody who is in), and for an account from everywhere. Each lock lasts twice as
//! long as the one before it, up to a day, as far as this node remembers since its start. The second kind holds for strangers alone: from a network that the account has logged in from,
//! and with a session, its owner comes in all the same. And a recovery code opens every lock, from anywhere: nobody guesses one, so that
//! none is counted and nobody who has one is locked out, whatever others do who know the password.

use super::{
    AccountsError,
    attempts::{Attempt, Attempts, Rule},
};
use crate::{
    storage::StorageError,
    types::{AccountId, Network, SessionId},
};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// Codes of one account at one place.
const AT_A_PLACE: Rule = Rule { wrong_max: 5, lock_ms: 5 * MINUTE_MS, lock_max_ms: DAY_MS, forget_ms: DAY_MS };
/// Codes of one account by strangers, wherever they are: in the long run ten a day, of a million.
const BY_STRANGERS: Rule = Rule { wrong_max: 10, lock_ms: 60 * MINUTE_MS, lock_max_ms: DAY_MS, forget_ms: DAY_MS };

/// From where a code is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    /// With a password, at a door.
    Network(Network),
    /// With a password, by somebody who is in already. A session that was stolen is no more worth with many networks.
    Session(SessionId),
}

pub(super) struct Codes {
    places: Attempts<(AccountId, Origin)>,
    /// At doors.
    accounts: Attempts<AccountId>,
    /// In all sessions of an account together. Counted apart: it locks no door.
    inside: Attempts<AccountId>,
}

/// A code that is being checked. Dropped without an outcome, it does not count.
pub(super) struct Try<'a> {
    place: Attempt<'a, (AccountId, Origin)>,
    /// Of the account as a whole, at doors as far as strangers may try.
    account: Option<Attempt<'a, AccountId>>,
}

impl Codes {
    pub(super) fn new() -> Self {
        let (accounts, inside) = (Attempts::new(BY_STRANGERS), Attempts::new(BY_STRANGERS));
        Self { places: Attempts::new(AT_A_PLACE), accounts, inside }
    }

    /// Begins a try. `known` finds out whether the account has logged in from this network before; it is asked only when a stranger
    /// would be refused.
    pub(super) async fn begin(
        &self,
        account: AccountId,
        origin: Origin,
        now_ms: i64,
        known: impl Future<Output = Result<bool, StorageError>>,
    ) -> Result<Try<'_>, AccountsError> {
        let locked = |retry_after_ms| AccountsError::CodesLocked { retry_after_ms };
        let place = self.places.begin((account, origin), now_ms).map_err(locked)?;
        if matches!(origin, Origin::Session(_)) {
            let account = self.inside.begin(account, now_ms).map_err(locked)?;
            return Ok(Try { place, account: Some(account) });
        }
        match self.accounts.begin(account, now_ms) {
            Ok(attempt) => Ok(Try { place, account: Some(attempt) }),
            Err(_) if known.await? => Ok(Try { place, account: None }),
            Err(retry_after_ms) => Err(locked(retry_after_ms)),
        }
    }

    /// A recovery code was given there: the place is the owner's.
    pub(super) fn recovered(&self, account: AccountId, origin: Origin) {
        self.places.open(&(account, origin));
    }
}

impl Try<'_> {
    /// It was the code. What others tried at the same account still counts.
    pub(super) fn right(self) {
        self.place.succeeded();
    }

    /// It was not.
    pub(super) fn wrong(self, now_ms: i64) {
        self.place.failed(now_ms);
        if let Some(account) = self.account {
            account.failed(now_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 60 * MINUTE_MS;

    fn eve() -> AccountId {
        AccountId::from_sql(7)
    }

    fn at(network: u32) -> Origin {
        Origin::Network(Network::of(std::net::Ipv4Addr::from_bits(0xc633_6400 + network).into()))
    }

    async fn wrong(codes: &Codes, origin: Origin, now_ms: i64, known: bool) -> Result<(), AccountsError> {
        let attempt = codes.begin(eve(), origin, now_ms, async { Ok(known) }).await?;
        attempt.wrong(now_ms);
        Ok(())
    }

    async fn right(codes: &Codes, origin: Origin, now_ms: i64, known: bool) -> bool {
        let attempt = codes.begin(eve(), origin, now_ms, async { Ok(known) }).await;
        attempt.map(Try::right).is_ok()
    }

    #[tokio::test]
    async fn strangers_with_a_new_network_for_each_try_get_a_few_hundred_codes_in_a_month() {
        let codes = Codes::new();
        let (mut tried, mut network) = (0, 1);
        // Every ten minutes somebody tries until he is refused, each time from elsewhere.
        for minute in (0..30 * 24 * 60).step_by(10) {
            while wrong(&codes, at(network), minute * MINUTE_MS, false).await.is_ok() {
                (tried, network) = (tried + 1, network + 1);
            }
            assert!(right(&codes, at(0), minute * MINUTE_MS, true).await, "the owner comes in from where he is known");
        }
        // Locks of 1, 2, 4, 8 and 16 hours, and then of a day each: of a million codes three are right.
        assert!((300..=350).contains(&tried), "{tried}");
    }

    #[tokio::test]
    async fn whoever_waits_until_all_is_forgotten_gets_fewer_tries_than_whoever_does_not() {
        let codes = Codes::new();
        let (mut tried, mut now_ms) = (0, 0);
        while now_ms < 30 * DAY_MS {
            for network in 0..9 {
                wrong(&codes, at(tried + network), now_ms, false).await.unwrap();
            }
            tried += 9;
            now_ms += DAY_MS + 1;
        }
        assert!(tried <= 9 * 31, "{tried}");
    }

    #[tokio::test]
    async fn a_guesser_in_the_owners_own_network_gets_fewer_and_fewer_tries() {
        let codes = Codes::new();
        let mut tried = 0;
        for minute in 0..30 * 24 * 60 {
            while wrong(&codes, at(1), minute * MINUTE_MS, true).await.is_ok() {
                tried += 1;
            }
        }
        assert!((150..=200).contains(&tried), "{tried}");
        assert!(right(&codes, at(2), 30 * DAY_MS, true).await, "elsewhere the owner is not concerned");
    }

    #[tokio::test]
    async fn a_stolen_session_gets_no_more_tries_than_a_place_and_locks_nobody_else_out() {
        let codes = Codes::new();
        let stolen = Origin::Session(SessionId::from_sql(1));
        for number in 0..5 {
            wrong(&codes, stolen, number, false).await.unwrap();
        }
        let refused = wrong(&codes, stolen, 5, false).await.unwrap_err();
        assert!(matches!(refused, AccountsError::CodesLocked { .. }));
        assert!(right(&codes, Origin::Session(SessionId::from_sql(2)), 5, false).await, "the owner's own session");
        assert!(right(&codes, at(1), 5, false).await, "and a log-in, also as a stranger");
    }

    #[tokio::test]
    async fn many_sessions_are_no_more_tries_and_a_right_code_keeps_the_locks_of_a_place_growing() {
        let codes = Codes::new();
        let mut tried = 0;
        for session in 1..=32 {
            while wrong(&codes, Origin::Session(SessionId::from_sql(session)), 0, false).await.is_ok() {
                tried += 1;
            }
        }
        assert_eq!(tried, 10);
        assert!(right(&codes, at(1), 0, false).await, "no door is locked by it");
        let mut now_ms = 0;
        for minutes in [5, 10, 20] {
            for _ in 0..5 {
                wrong(&codes, at(2), now_ms, true).await.unwrap();
            }
            assert!(wrong(&codes, at(2), now_ms + minutes * MINUTE_MS - 1, true).await.is_err(), "{minutes}");
            now_ms += minutes * MINUTE_MS;
            assert!(right(&codes, at(2), now_ms, true).await, "the owner, who is there too");
        }
    }

    #[tokio::test]
    async fn a_known_network_never_waits_for_strangers_and_its_log_in_gives_them_no_new_tries() {
        let codes = Codes::new();
        for network in 1..=10 {
            wrong(&codes, at(network), 0, false).await.unwrap();
        }
        assert!(right(&codes, at(99), 1, true).await);
        assert!(!right(&codes, at(11), 1, false).await, "the right code of a stranger has to wait, too");
        assert!(right(&codes, at(11), HOUR_MS, false).await);
    }

    #[tokio::test]
    async fn tries_at_once_are_no_more_tries() {
        let codes = Codes::new();
        let mut open = Vec::new();
        for network in 0..100 {
            open.extend(codes.begin(eve(), at(network), 0, async { Ok(false) }).await.ok());
        }
        assert_eq!(open.len(), 10);
        open.into_iter().for_each(|attempt| attempt.wrong(1));
        assert!(!right(&codes, at(200), 2, false).await);
    }
}
