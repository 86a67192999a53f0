//! Where an item was born.

use serde::{Deserialize, Serialize};

/// Most rules that are named.
pub const RULES_MAX: usize = 16;

/// Where an item was born, written once and never changed. The seed of the game is no part of it: it stays with the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Key of the game; for what is made outside games, of whatever made it.
    pub game: u64,
    /// The tick.
    pub tick: u32,
    /// Which of the births of that tick, from 0.
    pub ordinal: u32,
    /// Hash of the content pack.
    pub content: u64,
    /// Name and version of each rule that judged it, at most [`RULES_MAX`].
    pub rules: Vec<String>,
}

impl Certificate {
    /// What no two births have in common: the game, the tick and which of that tick's.
    #[must_use]
    pub fn identity(&self) -> u128 {
        u128::from(self.game) << 64 | u128::from(self.tick) << 32 | u128::from(self.ordinal)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Certificate;

    proptest! {
        #[test]
        fn births_have_one_identity_only_if_they_are_one(
            one: (u64, u32, u32), other: (u64, u32, u32), content: u64,
        ) {
            let of = |(game, tick, ordinal), content| {
                Certificate { game, tick, ordinal, content, rules: Vec::new() }.identity()
            };
            prop_assert_eq!(of(one, content) == of(other, 0), one == other);
        }
    }
}
