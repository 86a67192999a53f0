//! How much each of many may ask for: so many at once, then so many in a time. The table of them is bounded.

use std::{
    hash::Hash,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock, Reference as _},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed, keyed::HashMapStateStore},
};

/// How many are remembered; those that have their whole allowance again are forgotten.
const KEYS_MAX: usize = 65_536;
/// What all share who come while the table is full, a second.
const CROWD_PER_SECOND: NonZeroU32 = NonZeroU32::new(100).expect("not zero");
/// How often the quiet ones are forgotten.
const TIDY_EVERY: Duration = Duration::from_secs(10);
/// The same when the table is full.
const TIDY_FULL_EVERY: Duration = Duration::from_secs(1);

type Keyed<K, C> = RateLimiter<K, HashMapStateStore<K>, C, NoOpMiddleware<<C as Clock>::Instant>>;
type Shared<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// One allowance for each key.
pub struct Allowances<K: Hash + Eq + Clone, C: Clock = DefaultClock> {
    clock: C,
    keys_max: usize,
    keyed: Keyed<K, C>,
    crowd: Shared<C>,
    tidied: Mutex<C::Instant>,
}

/// The allowance is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsedUp {
    /// When there is something of it again.
    pub retry_after_ms: u64,
    /// It was the allowance that all share while the table of keys is full.
    pub crowded: bool,
}

impl<K: Hash + Eq + Clone> Allowances<K> {
    /// `burst` at once, then `per_minute`.
    #[must_use]
    pub fn per_minute(burst: u32, per_minute: u32) -> Self {
        let quota = Quota::per_minute(at_least_one(per_minute)).allow_burst(at_least_one(burst));
        Self::with_clock(quota, (KEYS_MAX, CROWD_PER_SECOND), DefaultClock::default())
    }

    /// The same with a table of at most `keys_max`, beyond which all share `crowd_per_second`.
    #[must_use]
    pub fn per_minute_within(burst: u32, per_minute: u32, keys_max: usize, crowd_per_second: NonZeroU32) -> Self {
        let quota = Quota::per_minute(at_least_one(per_minute)).allow_burst(at_least_one(burst));
        Self::with_clock(quota, (keys_max, crowd_per_second), DefaultClock::default())
    }

    /// `per_hour`, which may be used at once.
    #[must_use]
    pub fn per_hour(per_hour: u32) -> Self {
        Self::with_clock(Quota::per_hour(at_least_one(per_hour)), (KEYS_MAX, CROWD_PER_SECOND), DefaultClock::default())
    }
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

impl<K: Hash + Eq + Clone, C: Clock + Clone> Allowances<K, C> {
    fn with_clock(quota: Quota, (keys_max, crowd_per_second): (usize, NonZeroU32), clock: C) -> Self {
        Self {
            keys_max,
            keyed: RateLimiter::hashmap_with_clock(quota, clock.clone()),
            crowd: RateLimiter::direct_with_clock(Quota::per_second(crowd_per_second), clock.clone()),
            tidied: Mutex::new(clock.now()),
            clock,
        }
    }

    /// Takes one from a key's allowance.
    ///
    /// # Errors
    /// When it is used up; nothing is taken then.
    pub fn take(&self, key: &K) -> Result<(), UsedUp> {
        let crowded = self.tidied_len() >= self.keys_max;
        let checked = if crowded { self.crowd.check() } else { self.keyed.check_key(key) };
        checked.map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            UsedUp { retry_after_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1), crowded }
        })
    }

    /// How many are remembered, after forgetting the quiet ones when that is due.
    fn tidied_len(&self) -> usize {
        let len = self.keyed.len();
        let every = if len >= self.keys_max { TIDY_FULL_EVERY } else { TIDY_EVERY };
        let now = self.clock.now();
        let mut tidied = self.tidied.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(*tidied) < every.into() {
            return len;
        }
        *tidied = now;
        drop(tidied);
        self.keyed.retain_recent();
        self.keyed.shrink_to_fit();
        self.keyed.len()
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn allowances(clock: &FakeRelativeClock) -> Allowances<u32, FakeRelativeClock> {
        let quota = Quota::per_minute(at_least_one(60)).allow_burst(at_least_one(3));
        Allowances::with_clock(quota, (16, CROWD_PER_SECOND), clock.clone())
    }

    #[test]
    fn each_has_a_burst_and_then_its_rate_and_is_told_when_to_come_back() {
        let clock = FakeRelativeClock::default();
        let allowances = allowances(&clock);
        assert!((0..3).all(|_| allowances.take(&1).is_ok()));
        clock.advance(Duration::from_millis(400));
        assert_eq!(allowances.take(&1), Err(UsedUp { retry_after_ms: 600, crowded: false }));
        assert_eq!(allowances.take(&2), Ok(()), "others are not concerned");
        clock.advance(Duration::from_millis(600));
        assert_eq!(allowances.take(&1), Ok(()), "exactly when it was promised");
        assert!(allowances.take(&1).is_err());
    }

    #[test]
    fn the_table_is_bounded_and_forgets_the_quiet() {
        let clock = FakeRelativeClock::default();
        let allowances = allowances(&clock);
        let taken = (0..1_000).filter(|key| allowances.take(key).is_ok()).count();
        assert_eq!((taken, allowances.keyed.len()), (16 + 100, 16), "beyond the table all share one allowance");
        assert!(allowances.take(&2_000).is_err_and(|used_up| used_up.crowded));
        clock.advance(Duration::from_secs(20));
        assert_eq!(allowances.take(&1), Ok(()));
        assert_eq!(allowances.keyed.len(), 1);
    }
}
