//! How many connections there are, in all and from one address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

/// Counts connections; one for all doors.
pub(super) struct Admission {
    connections_max: usize,
    connections_per_address_max: usize,
    open: watch::Sender<usize>,
    /// Holds at most `connections_max` addresses.
    per_address: Mutex<HashMap<IpAddr, usize>>,
}

/// The right to be connected; gives itself back.
pub(super) struct Place {
    admission: Arc<Admission>,
    address: IpAddr,
}

impl Admission {
    pub(super) fn new(connections_max: usize, connections_per_address_max: usize) -> Arc<Self> {
        Arc::new(Self {
            connections_max,
            connections_per_address_max,
            open: watch::Sender::new(0),
            per_address: Mutex::new(HashMap::new()),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // Nothing under this lock can panic half-way.
        self.per_address.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more connection, or which limit stands against it.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr) -> Result<Place, &'static str> {
        let address = neighbourhood(peer);
        let mut per_address = self.lock();
        if per_address.get(&address).is_some_and(|open| *open >= self.connections_per_address_max) {
            return Err("connections_per_address_max");
        }
        let admitted = self.open.send_if_modified(|open| {
            let free = *open < self.connections_max;
            *open += usize::from(free);
            free
        });
        if !admitted {
            return Err("connections_max");
        }
        *per_address.entry(address).or_default() += 1;
        drop(per_address);
        Ok(Place { admission: Arc::clone(self), address })
    }

    pub(super) fn open(&self) -> usize {
        *self.open.borrow()
    }

    /// Resolves when no connection is open.
    pub(super) async fn empty(&self) {
        let mut open = self.open.subscribe();
        // The sender is `self`, so waiting cannot fail.
        let _ = open.wait_for(|open| *open == 0).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut per_address = self.admission.lock();
        if let Some(open) = per_address.get_mut(&self.address) {
            *open -= 1;
            if *open == 0 {
                per_address.remove(&self.address);
            }
        }
        drop(per_address);
        self.admission.open.send_modify(|open| *open -= 1);
    }
}

/// One home has a whole /64 of IPv6 addresses; counting single ones would limit nobody.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_and_given_back() {
        let admission = Admission::new(3, 2);
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let first = admission.admit(address("192.0.2.1")).ok().unwrap();
        let _second = admission.admit(address("::ffff:192.0.2.1")).ok().unwrap();
        assert_eq!(admission.admit(address("192.0.2.1")).err(), Some("connections_per_address_max"));
        let third = admission.admit(address("2001:db8::1")).ok().unwrap();
        assert_eq!(admission.admit(address("192.0.2.9")).err(), Some("connections_max"));
        drop(third);
        drop(first);
        assert!(admission.admit(address("192.0.2.1")).is_ok());
        assert_eq!(admission.open(), 1);
        assert_eq!(admission.lock().len(), 1);
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one() {
        let admission = Admission::new(10, 1);
        let _place = admission.admit("2001:db8:1:2::1".parse().unwrap()).ok().unwrap();
        assert!(admission.admit("2001:db8:1:2:ffff::7".parse().unwrap()).is_err());
        assert!(admission.admit("2001:db8:1:3::1".parse().unwrap()).is_ok());
    }
}
