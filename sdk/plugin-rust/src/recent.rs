//! What a plugin remembers about characters or accounts, within bounds.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// A table by key that holds at most a fixed number of entries: when it is full, the half that was not used for the
/// longest time is forgotten. A plugin's memory is limited, and whoever can make keys could otherwise fill it.
#[derive(Debug)]
pub struct Recent<V> {
    entries: HashMap<u64, (u64, V), BuildHasherDefault<KeyHasher>>,
    entries_max: usize,
    uses: u64,
}

impl<V: Default> Recent<V> {
    /// An empty table for at most `entries_max` entries; it makes room for all of them at once.
    #[must_use]
    pub fn new(entries_max: usize) -> Self {
        Self {
            entries: HashMap::with_capacity_and_hasher(entries_max, BuildHasherDefault::default()),
            entries_max,
            uses: 0,
        }
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

/// Spreads keys of the realm. A player chooses none of them, so it need not withstand one who looks for keys that collide, and is a
/// good part of a small hook faster than a hasher that does.
#[derive(Debug, Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, key: u64) {
        // Keys hold a time in their upper bits and a counter, mostly 0, in their lower ones; the table looks at the outermost.
        let mixed = (self.0 ^ key).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        self.0 = mixed ^ (mixed >> 32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_differ_little_lie_far_apart() {
        let hash = |key: u64| {
            let mut hasher = KeyHasher::default();
            hasher.write_u64(key);
            hasher.finish()
        };
        for keys in [
            (0..4_096_u64).collect::<Vec<_>>(),
            (0..4_096_u64).map(|second| (7 << 52) + (second << 32)).collect::<Vec<_>>(),
        ] {
            for bits in [|hash: u64| hash & 0xFFF, |hash: u64| hash >> 52] {
                let mut seen: Vec<u64> = keys.iter().map(|key| bits(hash(*key))).collect();
                seen.sort_unstable();
                seen.dedup();
                // Chance gives 63 of 100 different ones, and half is enough.
                assert!(seen.len() > 2_048, "{}", seen.len());
            }
        }
    }

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
