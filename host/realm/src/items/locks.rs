//! Items that are offered in a trade: they stay where they are, and nothing else is done with them meanwhile.
//!
//! Locks live in memory alone: they are empty after a crash by themselves. What a trade gives is checked by the version of each item, so that
//! no lock of another process is needed for a trade to be right.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::ItemsError;
use crate::types::ItemId;

/// Most items that are locked in a realm at the same time.
const LOCKED_MAX: usize = 100_000;

/// Which items are locked, and by which lock.
#[derive(Debug, Default)]
pub(in crate::items) struct Locks(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: u64,
    by_item: BTreeMap<ItemId, u64>,
}

/// Items that nobody but its holder may move; dropped, they are free again.
#[derive(Debug)]
pub struct Lock {
    number: u64,
    items: Vec<ItemId>,
    locks: Arc<Locks>,
}

impl Locks {
    /// For a moment; nothing under this lock can panic half-way.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of them, or none.
    pub(in crate::items) fn lock(self: &Arc<Self>, items: &[ItemId]) -> Result<Lock, ItemsError> {
        let mut state = self.state();
        if items.iter().any(|item| state.by_item.contains_key(item)) {
            return Err(ItemsError::InTrade);
        }
        if state.by_item.len() + items.len() > LOCKED_MAX {
            return Err(ItemsError::TooManyTrades);
        }
        state.last += 1;
        let number = state.last;
        state.by_item.extend(items.iter().map(|item| (*item, number)));
        Ok(Lock { number, items: items.to_vec(), locks: Arc::clone(self) })
    }

    /// May who has these locks move the item?
    pub(in crate::items) fn check(&self, item: ItemId, own: &[u64]) -> Result<(), ItemsError> {
        let locked = self.state().by_item.get(&item).copied();
        if locked.is_none_or(|number| own.contains(&number)) { Ok(()) } else { Err(ItemsError::InTrade) }
    }
}

impl Lock {
    /// What it locks.
    #[must_use]
    pub fn items(&self) -> &[ItemId] {
        &self.items
    }

    pub(in crate::items) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut state = self.locks.state();
        for item in &self.items {
            if state.by_item.get(item) == Some(&self.number) {
                state.by_item.remove(item);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_offered_once_and_is_free_when_the_lock_is_gone() {
        let locks = Arc::new(Locks::default());
        let [one, two, three] = [1, 2, 3].map(ItemId::from_raw);
        let lock = locks.lock(&[one, two]).unwrap();
        assert!(matches!(locks.lock(&[three, two]), Err(ItemsError::InTrade)));
        assert!(locks.check(one, &[]).is_err() && locks.check(one, &[7, lock.number()]).is_ok());
        assert!(locks.check(three, &[]).is_ok(), "what was refused has locked nothing");
        let other = locks.lock(&[three]).unwrap();
        assert!(locks.check(one, &[other.number()]).is_err());
        drop(lock);
        assert!(locks.check(one, &[]).is_ok() && locks.check(three, &[]).is_err());
    }
}
