//! Entity keys: 63 bits of milliseconds, node and counter, typed by what they name.

use std::{
    fmt,
    marker::PhantomData,
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering},
};

/// What keys name.
pub mod kind {
    /// An account.
    #[derive(Debug)]
    pub enum Account {}
    /// A character.
    #[derive(Debug)]
    pub enum Character {}
    /// A game.
    #[derive(Debug)]
    pub enum Game {}
    /// A token session.
    #[derive(Debug)]
    pub enum Session {}
    /// A process that holds leases of characters.
    #[derive(Debug)]
    pub enum LeaseHolder {}
    /// An item.
    #[derive(Debug)]
    pub enum Item {}
    /// One act that moves items or gold, with all that it moves.
    #[derive(Debug)]
    pub enum Operation {}
    /// Goods on the market.
    #[derive(Debug)]
    pub enum Offer {}
    /// A letter.
    #[derive(Debug)]
    pub enum Letter {}
    /// A trade between two players.
    #[derive(Debug)]
    pub enum Trade {}
}

/// Key of an account.
pub type AccountId = Id<kind::Account>;
/// Key of a character.
pub type CharacterId = Id<kind::Character>;
/// Key of a game.
pub type GameId = Id<kind::Game>;
/// Key of an item.
pub type ItemId = Id<kind::Item>;
/// Key of an act that moves items or gold.
pub type OperationId = Id<kind::Operation>;
/// Key of goods on the market.
pub type OfferId = Id<kind::Offer>;
/// Key of a letter.
pub type LetterId = Id<kind::Letter>;
/// Key of a trade.
pub type TradeId = Id<kind::Trade>;
/// Key of a token session.
pub type SessionId = Id<kind::Session>;

/// The key of one entity: unique over nodes and sortable by time of birth.
///
/// A `BIGINT` in the database, a decimal string in JSON, a varint on the wire.
pub struct Id<T>(u64, PhantomData<fn() -> T>);

impl<T> Id<T> {
    /// A key that came from the database, the wire or an [`IdSource`].
    #[must_use]
    pub fn from_raw(raw: u64) -> Self {
        Self(raw & i64::MAX as u64, PhantomData)
    }

    /// The key as a number.
    #[must_use]
    pub fn raw(self) -> u64 {
        self.0
    }

    /// The key as the database keeps it.
    #[must_use]
    pub fn to_sql(self) -> i64 {
        i64::try_from(self.0).expect("a key has 63 bits")
    }

    /// A key from the database.
    #[must_use]
    pub fn from_sql(raw: i64) -> Self {
        Self::from_raw(raw.unsigned_abs())
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<T> std::hash::Hash for Id<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<T> fmt::Display for Id<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
impl<T> FromStr for Id<T> {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<u64>().map(Self::from_raw)
    }
}
impl<T> serde::Serialize for Id<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
impl<'de, T> serde::Deserialize<'de> for Id<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Milliseconds of 2026-01-01T00:00:00Z since 1970: where keys begin to count.
const EPOCH_MS: i64 = 1_767_225_600_000;
const COUNTER_BITS: u32 = 12;
const NODE_BITS: u32 = 10;

/// Makes keys; one for each node.
///
/// Keys only rise: a clock that stands still or jumps back makes it count on from the last key,
/// so that none is ever used twice.
#[derive(Debug)]
pub struct IdSource {
    node: u64,
    last: AtomicU64,
}

impl IdSource {
    /// A source for `node` (0 to 1,023) whose keys are all higher than `high_water`, the highest that may have been used.
    #[must_use]
    pub fn new(node: u16, high_water: u64) -> Self {
        Self {
            node: u64::from(node) & ((1 << NODE_BITS) - 1),
            last: AtomicU64::new(high_water >> (NODE_BITS + COUNTER_BITS) << COUNTER_BITS | ((1 << COUNTER_BITS) - 1)),
        }
    }

    /// The node whose keys it makes.
    #[must_use]
    pub fn node(&self) -> u16 {
        u16::try_from(self.node).expect("ten bits fit")
    }

    /// The next key.
    pub fn next<T>(&self, now_ms: i64) -> Id<T> {
        let now = u64::try_from(now_ms.saturating_sub(EPOCH_MS)).unwrap_or(0) << COUNTER_BITS;
        let before = self
            .last
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(now.max(last + 1)))
            .expect("the update never refuses");
        let moment_and_counter = now.max(before + 1);
        let moment = moment_and_counter >> COUNTER_BITS;
        let counter = moment_and_counter & ((1 << COUNTER_BITS) - 1);
        Id::from_raw(moment << (NODE_BITS + COUNTER_BITS) | self.node << COUNTER_BITS | counter)
    }

    /// The lowest number above every key this source can make until `until_ms`; stored ahead of use as the high-water mark.
    #[must_use]
    pub fn ceiling(&self, until_ms: i64) -> u64 {
        let until = u64::try_from(until_ms.saturating_sub(EPOCH_MS))
            .unwrap_or(0)
            .max(self.last.load(Ordering::Relaxed) >> COUNTER_BITS);
        (until + 1) << (NODE_BITS + COUNTER_BITS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_rise_even_when_the_clock_jumps_back() {
        let source = IdSource::new(3, 0);
        let first: AccountId = source.next(EPOCH_MS + 5_000);
        let second: AccountId = source.next(EPOCH_MS + 1_000);
        assert!(second > first);
        assert_eq!(first.raw() >> COUNTER_BITS & 0x3FF, 3);
    }

    #[test]
    fn a_restart_with_the_stored_ceiling_never_repeats_a_key() {
        let before = IdSource::new(0, 0);
        let ceiling = before.ceiling(EPOCH_MS + 60_000);
        let last: AccountId = (0..10_000).map(|_| before.next(EPOCH_MS + 60_000)).last().expect("ten thousand keys");
        let after = IdSource::new(0, ceiling.max(last.raw()));
        assert!(after.next::<kind::Account>(EPOCH_MS) > last);
    }
}
