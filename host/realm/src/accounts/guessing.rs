//! Guessing at passwords: who may try, and who may not for a while.
//!
//! Wrong passwords are counted three times: for a name from one network, for a name from everywhere, and for a network over all names.
//! The first locks that network out of that name for a minute, and nobody else. The other two hold only for strangers: a network from
//! which the account has logged in before comes in all the same, so that nobody can lock an account's owner out from elsewhere. A name
//! that does not exist is counted like one that does, so that a lock tells nothing.

use sha2::{Digest as _, Sha256};

use super::{
    AccountsError, Config,
    attempts::{Attempt, Attempts, Rule},
};
use crate::{storage::StorageError, types::Network};

const MINUTE_MS: i64 = 60_000;

/// Hash of a folded name.
type Name = [u8; 32];
type Pair = (Name, Network);

pub(super) struct Guessing {
    pairs: Attempts<Pair>,
    names: Attempts<Name>,
    networks: Attempts<Network>,
}

/// A password that is being checked. Dropped without an outcome, it does not count.
pub(super) struct Guess<'a> {
    guessing: &'a Guessing,
    pair: Attempt<'a, Pair>,
    /// Of one that comes from a network that the account is not known from, as far as that was asked.
    name: Option<Attempt<'a, Name>>,
    network: Network,
}

impl Guessing {
    pub(super) fn new(config: &Config) -> Self {
        let rule = |wrong_max, lock_ms, forget_ms| Rule { wrong_max, lock_ms, lock_max_ms: lock_ms, forget_ms };
        Self {
            pairs: Attempts::new(rule(config.wrong_passwords_max, MINUTE_MS, 10 * MINUTE_MS)),
            names: Attempts::new(rule(config.wrong_passwords_per_account_max, 60 * MINUTE_MS, 60 * MINUTE_MS)),
            networks: Attempts::new(rule(config.wrong_passwords_per_network_max, 10 * MINUTE_MS, 10 * MINUTE_MS)),
        }
    }

    /// Begins a try. `known` finds out whether the account of this name has logged in from this network before; it is asked only when
    /// a stranger would be refused.
    pub(super) async fn begin(
        &self,
        folded_name: &str,
        network: Network,
        now_ms: i64,
        known: impl Future<Output = Result<bool, StorageError>>,
    ) -> Result<Guess<'_>, AccountsError> {
        let name: Name = Sha256::digest(folded_name.as_bytes()).into();
        let locked = |retry_after_ms| AccountsError::Locked { retry_after_ms };
        let pair = self.pairs.begin((name, network), now_ms).map_err(locked)?;
        let stranger = match self.networks.locked_ms(&network, now_ms) {
            Some(retry_after_ms) => Err(AccountsError::TooMany { retry_after_ms }),
            None => self.names.begin(name, now_ms).map_err(locked),
        };
        let name = match stranger {
            Ok(name) => Some(name),
            Err(_) if known.await? => None,
            Err(refused) => return Err(refused),
        };
        Ok(Guess { guessing: self, pair, name, network })
    }

    /// Counts a wrong code of a second factor: a network that guesses at those of many accounts guesses as well.
    pub(super) fn wrong_code(&self, network: Network, now_ms: i64) {
        self.networks.wrong(network, now_ms);
    }
}

impl Guess<'_> {
    /// It was the password. What others guessed at the same name still counts.
    pub(super) fn right(self) {
        self.pair.succeeded();
    }

    /// It was not.
    pub(super) fn wrong(self, now_ms: i64) {
        self.pair.failed(now_ms);
        if let Some(name) = self.name {
            name.failed(now_ms);
        }
        self.guessing.networks.wrong(self.network, now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(last: u8) -> Network {
        Network::of([192, 0, 2, last].into())
    }

    fn guessing() -> Guessing {
        Guessing::new(&Config {
            wrong_passwords_max: 5,
            wrong_passwords_per_account_max: 10,
            wrong_passwords_per_network_max: 20,
            ..Config::default()
        })
    }

    async fn guess(guessing: &Guessing, name: &str, from: u8, now_ms: i64, known: bool) -> Result<(), AccountsError> {
        let guess = guessing.begin(name, network(from), now_ms, async { Ok(known) }).await?;
        guess.wrong(now_ms);
        Ok(())
    }

    #[tokio::test]
    async fn many_networks_together_get_ten_tries_an_hour_and_the_owner_comes_in_all_the_same() {
        let guessing = guessing();
        let mut tried = 0;
        for from in 1..=100 {
            for _ in 0..3 {
                tried += u32::from(guess(&guessing, "eve", from, 0, false).await.is_ok());
            }
        }
        assert_eq!(tried, 10);
        let owner = guessing.begin("eve", network(200), 1, async { Ok(true) }).await.expect("known from there");
        owner.right();
        let stranger = guess(&guessing, "eve", 201, 1, false).await.unwrap_err();
        assert!(matches!(stranger, AccountsError::Locked { .. }), "the owner's log-in gives strangers no new tries");
        guess(&guessing, "adam", 201, 1, false).await.expect("another name");
        guess(&guessing, "eve", 201, 60 * MINUTE_MS, false).await.expect("an hour later");
    }

    #[tokio::test]
    async fn a_network_that_guesses_at_many_names_is_refused_as_a_stranger_only() {
        let guessing = guessing();
        let mut tried = 0;
        for name in 0..100 {
            tried += u32::from(guess(&guessing, &name.to_string(), 1, 0, false).await.is_ok());
        }
        assert_eq!(tried, 20);
        let refused = guess(&guessing, "eve", 1, 1, false).await.unwrap_err();
        assert!(
            matches!(refused, AccountsError::TooMany { .. }),
            "a word about the network, and none about the account"
        );
        guess(&guessing, "eve", 1, 1, true).await.expect("who is known from there comes in");
        guess(&guessing, "eve", 2, 1, false).await.expect("another network");
    }

    #[tokio::test]
    async fn tries_that_were_given_up_do_not_count() {
        let guessing = guessing();
        for from in 0..100 {
            drop(guessing.begin("eve", network(from), 0, async { Ok(false) }).await.unwrap());
        }
        guess(&guessing, "eve", 1, 0, false).await.unwrap();
    }
}
