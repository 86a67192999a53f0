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
    /// Hash of the content pack. It has 64 bits: store it as 16 hexadecimal digits, as games do.
    pub content: u64,
    /// Name and version of each rule that judged it, at most [`RULES_MAX`].
    pub rules: Vec<String>,
}

impl Certificate {
    /// A certificate; of more than [`RULES_MAX`] rules the first are named.
    #[must_use]
    pub fn new(game: u64, tick: u32, ordinal: u32, content: u64, mut rules: Vec<String>) -> Self {
        rules.truncate(RULES_MAX);
        Self { game, tick, ordinal, content, rules }
    }

    /// What no two births have in common: the game, the tick and which of that tick's. A storage keeps the three as columns of their own, and
    /// unique together.
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
            one in any_birth(), other in any_birth(), content: u64,
        ) {
            let of = |(game, tick, ordinal), content| {
                Certificate::new(game, tick, ordinal, content, Vec::new()).identity()
            };
            prop_assert_eq!(of(one, content) == of(other, 0), one == other);
        }
    }

    /// Few different numbers, so that two births often have parts in common.
    fn any_birth() -> impl Strategy<Value = (u64, u32, u32)> {
        let number = || prop::sample::select(&[0, 1, 2, u32::MAX][..]);
        let game = prop::sample::select(&[0, 1, 1 << 32, u64::MAX][..]);
        (game, number(), number())
    }

    #[test]
    fn so_many_rules_are_named_and_no_more() {
        let many = Certificate::new(1, 2, 3, 4, vec!["rule 1.0.0".to_owned(); 40]);
        assert_eq!(many.rules.len(), super::RULES_MAX);
    }
}
