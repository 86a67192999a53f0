//! What a plugin remembers about characters or accounts, within bounds.

use std::collections::HashMap;

/// A table by key that holds at most a fixed number of entries: when it is full, the half that was not used for the
/// longest time is forgotten. A plugin's memory is limited, and whoever can make keys could otherwise fill it.
#[derive(Debug)]
pub struct Recent<V> {
    entries: HashMap<u64, (u64, V)>,
    entries_max: usize,
    uses: u64,
}

impl<V: Default> Recent<V> {
    /// An empty table for at most `entries_max` entries; it makes room for all of them at once.
    #[must_use]
    pub fn new(entries_max: usize) -> Self {
        Self { entries: HashMap::with_capacity(entries_max), entries_max, uses: 0 }
    }

    /// The entry of `key`, made from its default when there is none.
    pub fn entry(&mut self, key: u64) -> &mut V {
        if self.entries.len() >= self.entries_max && !self.entries.contains_key(&key) {
            self.forget_half();
        }
        self.uses += 1;
        let (used, value) = self.entries.entry(key).or_default();
        *used = self.uses;
        value
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn forget_half(&mut self) {
        let mut uses: Vec<u64> = self.entries.values().map(|(used, _)| *used).collect();
        if uses.is_empty() {
            return;
        }
        let middle = uses.len() / 2;
        let threshold = *uses.select_nth_unstable(middle).1;
        self.entries.retain(|_, (used, _)| *used > threshold);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_never_outgrows_its_bound() {
        let mut table = Recent::<u32>::new(100);
        for key in 0..10_000 {
            *table.entry(key) += 1;
            assert!(table.len() <= 100);
        }
    }

    #[test]
    fn what_was_used_last_is_remembered() {
        let mut table = Recent::<u32>::new(4);
        for key in [1, 2, 3, 4] {
            *table.entry(key) = 7;
        }
        *table.entry(1) += 1;
        *table.entry(5) = 7;
        assert_eq!(*table.entry(1), 8);
        assert_eq!(*table.entry(5), 7);
        assert_eq!(*table.entry(2), 0, "forgotten");
    }

    #[test]
    fn a_table_without_room_still_answers() {
        assert_eq!(*Recent::<u32>::new(0).entry(1), 0);
        assert!(Recent::<u32>::new(3).is_empty());
    }
}
