//! How many connections there are, in all and from one address.
//!
//! Whoever arrives is a [`Visitor`] and counts for its address. Only who has finished its handshake takes one of the [`Place`]s, so that
//! silent sockets use up none.

use std::{
    collections::HashMap,
    net::IpAddr,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::Config;
use crate::types::{Allowances, Network};

/// New connections a second that all addresses share while more of them come than the table holds.
const CROWD_PER_SECOND: NonZeroU32 = NonZeroU32::new(500).expect("not zero");

/// Counts connections; one for all doors.
pub(super) struct Admission {
    connections_max: usize,
    connections_per_address_max: usize,
    /// How fast one address may open new connections.
    newcomers: Allowances<Network>,
    /// Places that are taken.
    open: watch::Sender<usize>,
    /// Holds at most as many addresses as there are connections, arriving ones included.
    per_address: Mutex<HashMap<Network, usize>>,
}

/// Somebody who counts for an address; gives that back.
pub(super) struct Visitor {
    admission: Arc<Admission>,
    address: Network,
}

/// The right to be connected; gives itself back.
pub(super) struct Place {
    /// `None` only while dropping.
    visitor: Option<Visitor>,
}

impl Admission {
    pub(super) fn new(config: &Config) -> Arc<Self> {
        Arc::new(Self {
            connections_max: config.connections_max,
            connections_per_address_max: config.connections_per_address_max,
            newcomers: Allowances::per_minute_within(
                config.connections_per_address_burst,
                config.connections_per_address_per_minute,
                config.limiter_addresses_max,
                CROWD_PER_SECOND,
            ),
            open: watch::Sender::new(0),
            per_address: Mutex::new(HashMap::new()),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Network, usize>> {
        // Nothing under this lock can panic half-way.
        self.per_address.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more connection from `peer`, or says which limit stands against it.
    pub(super) fn visit(self: &Arc<Self>, peer: IpAddr) -> Result<Visitor, &'static str> {
        let address = Network::of(peer);
        let mut per_address = self.lock();
        if per_address.get(&address).is_some_and(|open| *open >= self.connections_per_address_max) {
            return Err("connections_per_address_max");
        }
        self.newcomers.take(&address).map_err(|used_up| {
            if used_up.crowded { "limiter_addresses_max" } else { "connections_per_address_per_minute" }
        })?;
        *per_address.entry(address).or_default() += 1;
        drop(per_address);
        Ok(Visitor { admission: Arc::clone(self), address })
    }

    /// How many places are taken.
    pub(super) fn open(&self) -> usize {
        *self.open.borrow()
    }

    /// True when no place is free.
    pub(super) fn full(&self) -> bool {
        self.open() >= self.connections_max
    }

    /// Resolves when no place is taken.
    pub(super) async fn empty(&self) {
        let mut open = self.open.subscribe();
        // The sender is `self`, so waiting cannot fail.
        let _ = open.wait_for(|open| *open == 0).await;
    }
}

impl Visitor {
    /// A place for this connection, or the visitor again when there is none.
    pub(super) fn take_place(self) -> Result<Place, Self> {
        let max = self.admission.connections_max;
        let taken = self.admission.open.send_if_modified(|open| {
            let free = *open < max;
            *open += usize::from(free);
            free
        });
        if !taken {
            return Err(self);
        }
        metrics::gauge!("realm_net_connections").increment(1.0);
        Ok(Place { visitor: Some(self) })
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        let mut per_address = self.admission.lock();
        if let Some(open) = per_address.get_mut(&self.address) {
            *open -= 1;
            if *open == 0 {
                per_address.remove(&self.address);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // The address first: whoever waits for the last place to be free may come again from there.
        let Some(visitor) = self.visitor.take() else { return };
        let admission = Arc::clone(&visitor.admission);
        drop(visitor);
        metrics::gauge!("realm_net_connections").decrement(1.0);
        admission.open.send_modify(|open| *open -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(connections_max: usize, connections_per_address_max: usize) -> Arc<Admission> {
        Admission::new(&Config { connections_max, connections_per_address_max, ..Config::default() })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn places_are_limited_and_given_back() {
        let admission = admission(3, 2);
        let place = |text: &str| admission.visit(address(text)).map(|visitor| visitor.take_place().ok());
        let first = place("192.0.2.1").ok().flatten().unwrap();
        let _second = place("::ffff:192.0.2.1").ok().flatten().unwrap();
        assert_eq!(admission.visit(address("192.0.2.1")).err(), Some("connections_per_address_max"));
        let third = place("2001:db8::1").ok().flatten().unwrap();
        assert!(admission.full());
        assert!(place("192.0.2.9").unwrap().is_none(), "all places are taken");
        drop(third);
        drop(first);
        assert!(admission.visit(address("192.0.2.1")).is_ok());
        assert_eq!(admission.open(), 1);
        assert_eq!(admission.lock().len(), 1);
    }

    #[test]
    fn who_only_arrives_takes_no_place() {
        let admission = admission(1, 100);
        let visitors: Vec<Visitor> = (0..50).map(|_| admission.visit(address("192.0.2.1")).ok().unwrap()).collect();
        let place = admission.visit(address("192.0.2.2")).ok().unwrap().take_place();
        assert!(place.is_ok());
        assert_eq!(visitors.len(), 50);
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one() {
        let admission = admission(10, 1);
        let _visitor = admission.visit(address("2001:db8:1:2::1")).ok().unwrap();
        assert!(admission.visit(address("2001:db8:1:2:ffff::7")).is_err());
        assert!(admission.visit(address("2001:db8:1:3::1")).is_ok());
    }

    #[test]
    fn an_address_has_a_burst_and_is_refused_by_name_after_it() {
        let config = Config { connections_per_address_burst: 2, limiter_addresses_max: 1, ..Config::default() };
        let admission = Admission::new(&config);
        let visit = |last: u8| admission.visit(IpAddr::from([192, 0, 2, last])).map(drop);
        assert_eq!((visit(1), visit(2)), (Ok(()), Ok(())), "the table is full, and the crowd has an allowance");
        let refused = (0..1_000).find_map(|_| visit(2).err());
        assert_eq!(refused, Some("limiter_addresses_max"));
        let admission = Admission::new(&Config { limiter_addresses_max: 16, ..config });
        let visit = |last: u8| admission.visit(IpAddr::from([192, 0, 2, last])).map(drop);
        assert_eq!((visit(1), visit(1)), (Ok(()), Ok(())));
        assert_eq!(visit(1), Err("connections_per_address_per_minute"));
        assert_eq!(visit(2), Ok(()), "others are not concerned");
    }
}
