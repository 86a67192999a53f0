//! A letter, and what is in it.

use crate::{
    items::Owned,
    types::{CharacterId, LetterId},
};

/// Why a letter was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterKind {
    /// A player wrote it.
    Player,
    /// Staff of the realm wrote it.
    Staff,
    /// What was offered on the market was sold; the gold is in it.
    Sold,
    /// What was bought on the market, when the inventory had no room.
    Bought,
    /// What was offered and not sold.
    Unsold,
    /// A letter that came back.
    Returned,
}

impl LetterKind {
    const ALL: [Self; 6] = [Self::Player, Self::Staff, Self::Sold, Self::Bought, Self::Unsold, Self::Returned];

    /// The word in the database and in every API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Player => "player",
            Self::Staff => "staff",
            Self::Sold => "sold",
            Self::Bought => "bought",
            Self::Unsold => "unsold",
            Self::Returned => "returned",
        }
    }

    /// The one with this word.
    #[must_use]
    pub fn from_name(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == word)
    }
}

/// A letter in a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its key.
    pub id: LetterId,
    /// Why it was written.
    pub kind: LetterKind,
    /// In whose mailbox it lies.
    pub owner: CharacterId,
    /// Who wrote it, or sent it back; `None` for the realm and its staff.
    pub sender: Option<CharacterId>,
    /// The name of the sender; empty when there is none, or it is gone.
    pub sender_name: String,
    /// What a person wrote; may be empty.
    pub text: String,
    /// What the realm writes of: the base of an item; empty in letters of persons.
    pub about: String,
    /// When it came, in milliseconds since 1970.
    pub sent_ms: i64,
    /// When it is looked at: it has lain long enough then.
    pub expires_ms: Option<i64>,
    /// When it was read first.
    pub read_ms: Option<i64>,
    /// Rises with each change of it.
    pub version: i64,
    /// The gold in it.
    pub gold: i64,
    /// The items in it.
    pub items: Vec<Owned>,
}

impl Letter {
    /// Is there nothing in it?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.gold == 0 && self.items.is_empty()
    }

    /// When it goes back or is deleted; `None` when it stays until it is emptied.
    #[must_use]
    pub fn ends(&self) -> Option<i64> {
        self.expires_ms.filter(|_| self.kind == LetterKind::Player || self.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::LetterKind;

    #[test]
    fn a_kind_is_found_by_its_word() {
        for kind in LetterKind::ALL {
            assert_eq!(LetterKind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(LetterKind::from_name("chain"), None);
    }
}
