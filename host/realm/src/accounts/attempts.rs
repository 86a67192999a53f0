//! Wrong answers, counted by whoever gives them or whomever they are about, and the lock that follows too many.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Keys that are remembered; beyond, some are forgotten, those that are locked last.
const KEYS_MAX: usize = 16_384;
/// Keys that are forgotten at once when the table is full, so that it is searched seldom.
const KEYS_FORGOTTEN: usize = KEYS_MAX / 8;
/// When to come back while as many tries as there are left are still being checked.
const PENDING_RETRY_MS: u64 = 1_000;

/// When a key is locked, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// Wrong answers before the lock; at least 1.
    pub(super) wrong_max: u32,
    /// How long the first lock lasts.
    pub(super) lock_ms: i64,
    /// Each further lock lasts twice as long as the one before it, and never longer than this.
    pub(super) lock_max_ms: i64,
    /// Wrong answers and locks are forgotten after this time without another.
    pub(super) forget_ms: i64,
}

#[derive(Debug, Default, Clone, Copy)]
struct Tries {
    /// Wrong ones, and those that are being checked.
    counted: u32,
    last_ms: i64,
    locked_until_ms: i64,
    /// Locks so far.
    locks: u32,
}

impl Tries {
    /// Was there nothing for so long?
    fn forgotten(&self, now_ms: i64, forget_ms: i64) -> bool {
        now_ms - self.last_ms.max(self.locked_until_ms) > forget_ms
    }
}

impl Rule {
    /// How long a lock lasts after so many.
    fn lock_after_ms(&self, locks: u32) -> i64 {
        let factor = 1_i64.checked_shl(locks.min(62)).unwrap_or(i64::MAX);
        self.lock_ms.saturating_mul(factor).min(self.lock_max_ms)
    }
}

#[derive(Debug)]
pub(super) struct Attempts<K> {
    rule: Rule,
    tries: Mutex<HashMap<K, Tries>>,
}

/// One try that is being checked. Dropped without an outcome, it does not count.
pub(super) struct Attempt<'a, K: Eq + Hash + Copy> {
    attempts: &'a Attempts<K>,
    key: K,
    open: bool,
}

impl<K: Eq + Hash + Copy> Attempts<K> {
    pub(super) fn new(rule: Rule) -> Self {
        Self { rule: Rule { wrong_max: rule.wrong_max.max(1), ..rule }, tries: Mutex::default() }
    }

    /// Begins a try, or says when to come back, in milliseconds.
    pub(super) fn begin(&self, key: K, now_ms: i64) -> Result<Attempt<'_, K>, u64> {
        let mut all = self.lock();
        if all.len() >= KEYS_MAX && !all.contains_key(&key) {
            make_room(&mut all, now_ms, self.rule.forget_ms);
        }
        let tries = all.entry(key).or_default();
        if tries.locked_until_ms > now_ms {
            return Err(u64::try_from(tries.locked_until_ms - now_ms).unwrap_or(0));
        }
        if tries.forgotten(now_ms, self.rule.forget_ms) {
            *tries = Tries::default();
        }
        if tries.counted >= self.rule.wrong_max {
            return Err(PENDING_RETRY_MS);
        }
        tries.counted += 1;
        tries.last_ms = now_ms;
        Ok(Attempt { attempts: self, key, open: true })
    }

    /// When a key's lock ends, in milliseconds from now; `None` when it has none. For keys of which many tries may be under way at
    /// once: only [`Self::wrong`] counts.
    pub(super) fn locked_ms(&self, key: &K, now_ms: i64) -> Option<u64> {
        let until_ms = self.lock().get(key)?.locked_until_ms;
        u64::try_from(until_ms - now_ms).ok().filter(|left_ms| *left_ms > 0)
    }

    /// Opens a key: whoever is behind it has proved who he is. How many locks there were is remembered: somebody else may be there, too.
    pub(super) fn open(&self, key: &K) {
        let mut all = self.lock();
        match all.get_mut(key) {
            Some(tries) if tries.locks > 0 => (tries.counted, tries.locked_until_ms) = (0, 0),
            _ => drop(all.remove(key)),
        }
    }

    /// Counts a wrong answer.
    pub(super) fn wrong(&self, key: K, now_ms: i64) {
        if let Ok(attempt) = self.begin(key, now_ms) {
            attempt.failed(now_ms);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Tries>> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets what is over, and if that is not enough, the quietest: of those not locked first.
fn make_room<K: Eq + Hash + Copy>(all: &mut HashMap<K, Tries>, now_ms: i64, forget_ms: i64) {
    all.retain(|_, tries| !tries.forgotten(now_ms, forget_ms));
    if all.len() + KEYS_FORGOTTEN <= KEYS_MAX {
        return;
    }
    let mut order: Vec<_> =
        all.iter().map(|(key, tries)| ((tries.locked_until_ms > now_ms, tries.last_ms), *key)).collect();
    order.select_nth_unstable_by_key(KEYS_FORGOTTEN - 1, |(rank, _)| *rank);
    for (_, key) in &order[..KEYS_FORGOTTEN] {
        all.remove(key);
    }
}

impl<K: Eq + Hash + Copy> Attempt<'_, K> {
    pub(super) fn succeeded(mut self) {
        self.open = false;
        self.attempts.open(&self.key);
    }

    pub(super) fn failed(mut self, now_ms: i64) {
        self.open = false;
        let rule = self.attempts.rule;
        if let Some(tries) = self.attempts.lock().get_mut(&self.key)
            && tries.counted >= rule.wrong_max
        {
            let locked_until_ms = now_ms.saturating_add(rule.lock_after_ms(tries.locks));
            *tries = Tries { counted: 0, last_ms: now_ms, locked_until_ms, locks: tries.locks.saturating_add(1) };
        }
    }
}

impl<K: Eq + Hash + Copy> Drop for Attempt<'_, K> {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        let mut all = self.attempts.lock();
        if let Some(tries) = all.get_mut(&self.key) {
            tries.counted = tries.counted.saturating_sub(1);
            // After a lock it is remembered how long the next one is.
            if tries.counted == 0 && tries.locks == 0 {
                all.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Network;

    const LOCK_MS: i64 = 60_000;
    const FORGET_MS: i64 = 10 * 60_000;

    type Pair = (u64, Network);

    fn rule(wrong_max: u32) -> Rule {
        Rule { wrong_max, lock_ms: LOCK_MS, lock_max_ms: LOCK_MS, forget_ms: FORGET_MS }
    }

    fn pair(name: &str, last: u8) -> Pair {
        use std::hash::{DefaultHasher, Hasher as _};
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        (hasher.finish(), Network::of([192, 0, 2, last].into()))
    }

    #[test]
    fn tries_that_are_only_counted_when_wrong_lock_as_well() {
        let attempts = Attempts::new(rule(2));
        assert_eq!(attempts.locked_ms(&pair("eve", 1), 0), None);
        attempts.wrong(pair("eve", 1), 0);
        assert_eq!(attempts.locked_ms(&pair("eve", 1), 1), None);
        attempts.wrong(pair("eve", 1), 1);
        assert_eq!(attempts.locked_ms(&pair("eve", 1), 2), Some(59_999));
        // What is still under way when the lock falls changes nothing about it.
        attempts.wrong(pair("eve", 1), 3);
        assert_eq!(attempts.locked_ms(&pair("eve", 1), LOCK_MS), Some(1));
        assert_eq!(attempts.locked_ms(&pair("eve", 1), LOCK_MS + 1), None);
    }

    #[test]
    fn the_last_wrong_password_locks_the_pair_alone_for_a_minute() {
        let attempts = Attempts::new(rule(3));
        for now_ms in 0..3 {
            attempts.begin(pair("eve", 1), now_ms).ok().unwrap().failed(now_ms);
        }
        assert_eq!(attempts.begin(pair("eve", 1), 3).err(), Some(59_999));
        assert!(attempts.begin(pair("eve", 2), 3).is_ok(), "another address");
        assert!(attempts.begin(pair("adam", 1), 3).is_ok(), "another account");
        assert!(attempts.begin(pair("eve", 1), LOCK_MS + 2).is_ok());
    }

    #[test]
    fn each_lock_is_twice_as_long_as_the_one_before_until_all_is_forgotten() {
        let attempts = Attempts::new(Rule { lock_max_ms: 5 * LOCK_MS, ..rule(1) });
        let mut now_ms = 0;
        for minutes in [1, 2, 4, 5, 5] {
            attempts.wrong(pair("eve", 1), now_ms);
            assert_eq!(attempts.locked_ms(&pair("eve", 1), now_ms), Some(minutes * 60_000));
            now_ms += i64::try_from(minutes).unwrap() * LOCK_MS;
            drop(attempts.begin(pair("eve", 1), now_ms).expect("the lock is over"));
        }
        now_ms += FORGET_MS + 1;
        attempts.wrong(pair("eve", 1), now_ms);
        assert_eq!(attempts.locked_ms(&pair("eve", 1), now_ms), Some(60_000), "forgotten");
        let endless = Rule { lock_max_ms: i64::MAX, ..rule(1) };
        assert_eq!(endless.lock_after_ms(u32::MAX), i64::MAX);
    }

    #[test]
    fn tries_at_once_count_before_they_are_checked_and_not_when_given_up() {
        let attempts = Attempts::new(rule(2));
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
        let attempts = Attempts::new(rule(2));
        attempts.begin(pair("eve", 1), 0).ok().unwrap().failed(0);
        attempts.begin(pair("eve", 1), FORGET_MS + 1).ok().unwrap().failed(FORGET_MS + 1);
        assert!(attempts.begin(pair("eve", 1), FORGET_MS + 2).is_ok(), "only one wrong password in the last minutes");
        for number in 0..KEYS_MAX + 10 {
            let name = number.to_string();
            attempts.begin(pair(&name, 1), FORGET_MS + 3).ok().unwrap().failed(FORGET_MS + 3);
        }
        assert!(attempts.lock().len() <= KEYS_MAX);
        assert!(attempts.lock().len() > KEYS_MAX - KEYS_FORGOTTEN, "no more is forgotten than must be");
    }

    #[test]
    fn what_was_given_up_leaves_nothing_behind() {
        let attempts = Attempts::new(rule(2));
        drop(attempts.begin(pair("eve", 1), 5).ok().unwrap());
        assert!(attempts.lock().is_empty());
        attempts.begin(pair("eve", 1), 5).ok().unwrap().failed(5);
        drop(attempts.begin(pair("eve", 1), 6).ok().unwrap());
        assert_eq!(attempts.lock().len(), 1, "the wrong one before it still counts");
    }

    #[test]
    fn names_that_cost_nothing_do_not_push_a_lock_out() {
        let attempts = Attempts::new(rule(1));
        attempts.begin(pair("eve", 1), 0).ok().unwrap().failed(0);
        let mut open = Vec::new();
        for number in 0..2 * KEYS_MAX {
            open.push(attempts.begin(pair(&number.to_string(), 1), 1).ok().unwrap());
        }
        assert!(attempts.begin(pair("eve", 1), 2).is_err(), "still locked");
        assert!(attempts.lock().len() <= KEYS_MAX);
    }
}
