//! Wrong passwords, counted by account name and address, so that nobody locks somebody else out from another address.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sha2::{Digest as _, Sha256};

use crate::types::Network;

/// How long an account is locked for an address.
const LOCK_MS: i64 = 60_000;
/// Wrong passwords are forgotten after this time without another.
const FORGET_MS: i64 = 10 * 60_000;
/// Pairs of name and network that are remembered; beyond, some are forgotten, those that are locked last.
const PAIRS_MAX: usize = 16_384;
/// Pairs that are forgotten at once when the table is full, so that it is searched seldom.
const PAIRS_FORGOTTEN: usize = PAIRS_MAX / 8;
/// When to come back while as many log-ins as there are tries left are still being checked.
const PENDING_RETRY_MS: u64 = 1_000;

/// Name and network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    name: [u8; 32],
    network: Network,
}

impl Pair {
    pub(super) fn new(folded_name: &str, network: Network) -> Self {
        Self { name: Sha256::digest(folded_name.as_bytes()).into(), network }
    }
}

#[derive(Debug, Default, Clone, Copy)]
struct Tries {
    /// Wrong ones, and those that are being checked.
    counted: u32,
    last_ms: i64,
    locked_until_ms: i64,
}

#[derive(Debug)]
pub(super) struct Attempts {
    wrong_max: u32,
    tries: Mutex<HashMap<Pair, Tries>>,
}

/// One try that is being checked. Dropped without an outcome, it does not count.
pub(super) struct Attempt<'a> {
    attempts: &'a Attempts,
    pair: Pair,
    open: bool,
}

impl Attempts {
    pub(super) fn new(wrong_max: u32) -> Self {
        Self { wrong_max: wrong_max.max(1), tries: Mutex::default() }
    }

    /// Begins a try, or says when to come back, in milliseconds.
    pub(super) fn begin(&self, pair: Pair, now_ms: i64) -> Result<Attempt<'_>, u64> {
        let mut all = self.lock();
        if all.len() >= PAIRS_MAX && !all.contains_key(&pair) {
            make_room(&mut all, now_ms);
        }
        let tries = all.entry(pair).or_default();
        if tries.locked_until_ms > now_ms {
            return Err(u64::try_from(tries.locked_until_ms - now_ms).unwrap_or(0));
        }
        if now_ms - tries.last_ms > FORGET_MS {
            *tries = Tries::default();
        }
        if tries.counted >= self.wrong_max {
            return Err(PENDING_RETRY_MS);
        }
        tries.counted += 1;
        tries.last_ms = now_ms;
        Ok(Attempt { attempts: self, pair, open: true })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Pair, Tries>> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets what is over, and if that is not enough, the quietest: of those not locked first.
fn make_room(all: &mut HashMap<Pair, Tries>, now_ms: i64) {
    all.retain(|_, tries| tries.locked_until_ms > now_ms || now_ms - tries.last_ms <= FORGET_MS);
    if all.len() + PAIRS_FORGOTTEN <= PAIRS_MAX {
        return;
    }
    let mut order: Vec<_> =
        all.iter().map(|(pair, tries)| ((tries.locked_until_ms > now_ms, tries.last_ms), *pair)).collect();
    order.select_nth_unstable_by_key(PAIRS_FORGOTTEN - 1, |(rank, _)| *rank);
    for (_, pair) in &order[..PAIRS_FORGOTTEN] {
        all.remove(pair);
    }
}

impl Attempt<'_> {
    pub(super) fn succeeded(mut self) {
        self.open = false;
        self.attempts.lock().remove(&self.pair);
    }

    pub(super) fn failed(mut self, now_ms: i64) {
        self.open = false;
        if let Some(tries) = self.attempts.lock().get_mut(&self.pair)
            && tries.counted >= self.attempts.wrong_max
        {
            *tries = Tries { counted: 0, last_ms: now_ms, locked_until_ms: now_ms + LOCK_MS };
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        let mut all = self.attempts.lock();
        if let Some(tries) = all.get_mut(&self.pair) {
            tries.counted = tries.counted.saturating_sub(1);
            // A lock that has run out has nothing more to say either.
            if tries.counted == 0 && tries.locked_until_ms <= tries.last_ms {
                all.remove(&self.pair);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, last: u8) -> Pair {
        Pair::new(name, Network::of([192, 0, 2, last].into()))
    }

    #[test]
    fn the_last_wrong_password_locks_the_pair_alone_for_a_minute() {
        let attempts = Attempts::new(3);
        for now_ms in 0..3 {
            attempts.begin(pair("eve", 1), now_ms).ok().unwrap().failed(now_ms);
        }
        assert_eq!(attempts.begin(pair("eve", 1), 3).err(), Some(59_999));
        assert!(attempts.begin(pair("eve", 2), 3).is_ok(), "another address");
        assert!(attempts.begin(pair("adam", 1), 3).is_ok(), "another account");
        assert!(attempts.begin(pair("eve", 1), LOCK_MS + 2).is_ok());
    }

    #[test]
    fn tries_at_once_count_before_they_are_checked_and_not_when_given_up() {
        let attempts = Attempts::new(2);
        let first = attempts.begin(pair("eve", 1), 0).ok().unwrap();
        let second = attempts.begin(pair("eve", 1), 0).ok().unwrap();
        assert_eq!(attempts.begin(pair("eve", 1), 0).err(), Some(PENDING_RETRY_MS));
        drop(second);
        assert!(attempts.begin(pair("eve", 1), 0).is_ok());
        first.succeeded();
        assert!(attempts.lock().is_empty());
    }

    #[test]
    fn wrong_passwords_are_forgotten_and_the_table_is_bounded() {
        let attempts = Attempts::new(2);
        attempts.begin(pair("eve", 1), 0).ok().unwrap().failed(0);
        attempts.begin(pair("eve", 1), FORGET_MS + 1).ok().unwrap().failed(FORGET_MS + 1);
        assert!(attempts.begin(pair("eve", 1), FORGET_MS + 2).is_ok(), "only one wrong password in the last minutes");
        for number in 0..PAIRS_MAX + 10 {
            let name = number.to_string();
            attempts.begin(pair(&name, 1), FORGET_MS + 3).ok().unwrap().failed(FORGET_MS + 3);
        }
        assert!(attempts.lock().len() <= PAIRS_MAX);
        assert!(attempts.lock().len() > PAIRS_MAX - PAIRS_FORGOTTEN, "no more is forgotten than must be");
    }

    #[test]
    fn what_was_given_up_leaves_nothing_behind() {
        let attempts = Attempts::new(2);
        drop(attempts.begin(pair("eve", 1), 5).ok().unwrap());
        assert!(attempts.lock().is_empty());
        attempts.begin(pair("eve", 1), 5).ok().unwrap().failed(5);
        drop(attempts.begin(pair("eve", 1), 6).ok().unwrap());
        assert_eq!(attempts.lock().len(), 1, "the wrong one before it still counts");
    }

    #[test]
    fn names_that_cost_nothing_do_not_push_a_lock_out() {
        let attempts = Attempts::new(1);
        attempts.begin(pair("eve", 1), 0).ok().unwrap().failed(0);
        let mut open = Vec::new();
        for number in 0..2 * PAIRS_MAX {
            open.push(attempts.begin(pair(&number.to_string(), 1), 1).ok().unwrap());
        }
        assert!(attempts.begin(pair("eve", 1), 2).is_err(), "still locked");
        assert!(attempts.lock().len() <= PAIRS_MAX);
    }
}
