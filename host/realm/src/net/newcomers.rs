//! How fast one address may open new connections. The table of addresses is bounded.

use std::{
    net::IpAddr,
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

use super::Config;

/// New connections a second that all addresses share while more of them come than the table holds.
const CROWD_PER_SECOND: NonZeroU32 = NonZeroU32::new(500).expect("not zero");
/// How often addresses that have been quiet are forgotten.
const TIDY_EVERY: Duration = Duration::from_secs(10);
/// The same when the table is full.
const TIDY_FULL_EVERY: Duration = Duration::from_secs(1);

type ByAddress<C> = RateLimiter<IpAddr, HashMapStateStore<IpAddr>, C, NoOpMiddleware<<C as Clock>::Instant>>;
type Shared<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// See the module.
pub(super) struct Newcomers<C: Clock = DefaultClock> {
    clock: C,
    addresses_max: usize,
    by_address: ByAddress<C>,
    crowd: Shared<C>,
    tidied: Mutex<C::Instant>,
}

impl Newcomers {
    pub(super) fn new(config: &Config) -> Self {
        Self::with_clock(config, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Newcomers<C> {
    fn with_clock(config: &Config, clock: C) -> Self {
        let at_least_one = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(at_least_one(config.connections_per_address_per_minute))
            .allow_burst(at_least_one(config.connections_per_address_burst));
        Self {
            addresses_max: config.limiter_addresses_max,
            by_address: RateLimiter::hashmap_with_clock(quota, clock.clone()),
            crowd: RateLimiter::direct_with_clock(Quota::per_second(CROWD_PER_SECOND), clock.clone()),
            tidied: Mutex::new(clock.now()),
            clock,
        }
    }

    /// Counts a new connection from `address`, or says which limit stands against it.
    pub(super) fn admit(&self, address: IpAddr) -> Result<(), &'static str> {
        if self.tidied_len() >= self.addresses_max {
            return self.crowd.check().map_err(|_| "limiter_addresses_max");
        }
        self.by_address.check_key(&address).map_err(|_| "connections_per_address_per_minute")
    }

    /// How many addresses the table holds, after forgetting the quiet ones when that is due.
    fn tidied_len(&self) -> usize {
        let len = self.by_address.len();
        let every = if len >= self.addresses_max { TIDY_FULL_EVERY } else { TIDY_EVERY };
        let now = self.clock.now();
        let mut tidied = self.tidied.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(*tidied) < every.into() {
            return len;
        }
        *tidied = now;
        drop(tidied);
        self.by_address.retain_recent();
        self.by_address.shrink_to_fit();
        self.by_address.len()
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn newcomers(clock: &FakeRelativeClock) -> Newcomers<FakeRelativeClock> {
        let config = Config {
            connections_per_address_burst: 3,
            connections_per_address_per_minute: 60,
            limiter_addresses_max: 16,
            ..Config::default()
        };
        Newcomers::with_clock(&config, clock.clone())
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn an_address_has_a_burst_and_then_so_many_a_minute() {
        let clock = FakeRelativeClock::default();
        let newcomers = newcomers(&clock);
        for _ in 0..3 {
            assert_eq!(newcomers.admit(address(1)), Ok(()));
        }
        assert_eq!(newcomers.admit(address(1)), Err("connections_per_address_per_minute"));
        assert_eq!(newcomers.admit(address(2)), Ok(()), "others are not concerned");
        clock.advance(Duration::from_secs(1));
        assert_eq!(newcomers.admit(address(1)), Ok(()));
        assert_eq!(newcomers.admit(address(1)), Err("connections_per_address_per_minute"));
    }

    #[test]
    fn the_table_forgets_the_quiet_and_never_grows_beyond_its_limit() {
        let clock = FakeRelativeClock::default();
        let newcomers = newcomers(&clock);
        let crowd = CROWD_PER_SECOND.get();
        for number in 0..crowd {
            let last = u8::try_from(number % 250).unwrap();
            assert_eq!(newcomers.admit(address(last)), Ok(()), "beyond the table all share one allowance");
        }
        assert_eq!(newcomers.by_address.len(), 16);
        let refused = (0..crowd).filter(|_| newcomers.admit(address(251)).is_err()).count();
        assert!(refused > 0, "the crowd has a limit too");
        clock.advance(Duration::from_secs(20));
        assert_eq!(newcomers.admit(address(1)), Ok(()));
        assert_eq!(newcomers.by_address.len(), 1, "the quiet ones are forgotten");
    }
}
