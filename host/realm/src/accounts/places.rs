//! Places before the threads that compute passwords: so many in all, so many for one network.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::types::Network;

pub(super) struct Places {
    places_max: usize,
    per_network_max: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    all: usize,
    /// Holds at most `places_max` networks.
    by_network: HashMap<Network, usize>,
}

/// The right to have one password computed; gives itself back.
pub(super) struct Place {
    places: Arc<Places>,
    network: Network,
}

impl Places {
    pub(super) fn new(places_max: usize, per_network_max: usize) -> Arc<Self> {
        Arc::new(Self { places_max, per_network_max, held: Mutex::default() })
    }

    /// A place; `None` when all, or all of this network, are taken.
    pub(super) fn take(self: &Arc<Self>, network: Network) -> Option<Place> {
        let mut held = self.lock();
        let of_network = held.by_network.get(&network).copied().unwrap_or(0);
        if held.all >= self.places_max || of_network >= self.per_network_max {
            return None;
        }
        held.all += 1;
        held.by_network.insert(network, of_network + 1);
        Some(Place { places: Arc::clone(self), network })
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // Nothing under this lock can panic half-way.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.places.lock();
        held.all -= 1;
        if let Some(of_network) = held.by_network.get_mut(&self.network) {
            *of_network -= 1;
            if *of_network == 0 {
                held.by_network.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_leaves_places_for_others_and_all_are_given_back() {
        let places = Places::new(3, 2);
        let network = |last: u8| Network::of([192, 0, 2, last].into());
        let first = places.take(network(1)).unwrap();
        let _second = places.take(network(1)).unwrap();
        assert!(places.take(network(1)).is_none(), "its own limit");
        let third = places.take(network(2)).unwrap();
        assert!(places.take(network(3)).is_none(), "all are taken");
        drop((first, third));
        assert!(places.take(network(1)).is_some());
        let held = places.lock();
        assert_eq!((held.all, held.by_network.len()), (1, 1));
    }
}
