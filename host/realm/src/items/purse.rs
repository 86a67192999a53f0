//! Where gold is.

use crate::types::{CharacterId, GameId, LetterId, OfferId};

/// Most gold in one purse, and the most of one payment: so no sum overflows.
pub const GOLD_MAX: i64 = 1_000_000_000_000;

/// Where gold is. The sum of all purses is 0: the mint has less than nothing, as much as the others have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purse {
    /// A character's.
    Character(CharacterId),
    /// What lies on the ground of a game.
    Ground(GameId),
    /// What an offer keeps.
    Offer(OfferId),
    /// What is in a letter.
    Letter(LetterId),
    /// Where gold is made and burned; each realm has one.
    Mint,
}

impl Purse {
    /// The word in the database and in the ledger, and whose.
    pub(in crate::items) fn row(self) -> (&'static str, i64) {
        match self {
            Purse::Character(character) => ("character", character.to_sql()),
            Purse::Ground(game) => ("ground", game.to_sql()),
            Purse::Offer(offer) => ("offer", offer.to_sql()),
            Purse::Letter(letter) => ("letter", letter.to_sql()),
            Purse::Mint => ("mint", 0),
        }
    }
}
