//! Who acts on which character's belongings, and by which right.

use realm_world::Sheet;

use crate::types::{AccountId, CharacterId};

/// By which right a character's belongings are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Nobody plays it.
    Free,
    /// This process plays it, under a lease of this epoch.
    Leased(i64),
}

/// Who acts on which character's belongings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Whose the character is.
    pub account: AccountId,
    /// The character.
    pub character: CharacterId,
    /// By which right.
    pub hold: Hold,
    /// What a game knows of the character that is not stored yet: its level and points say what it can wear. `None` for what is stored.
    pub sheet: Option<Sheet>,
}

impl Holder {
    /// A character that nobody plays.
    #[must_use]
    pub fn resting(account: AccountId, character: CharacterId) -> Self {
        Self { account, character, hold: Hold::Free, sheet: None }
    }

    /// A character that this process plays, under a lease of this epoch, and what it is in its game now.
    #[must_use]
    pub fn playing(account: AccountId, character: CharacterId, epoch: i64, sheet: Option<Sheet>) -> Self {
        Self { account, character, hold: Hold::Leased(epoch), sheet }
    }
}
