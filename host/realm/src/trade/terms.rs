//! The words of trading: who, where, and what one side lays on the table.

use std::sync::Arc;

use realm_world::items::Item;

use crate::types::{AccountId, AccountName, CharacterId, CharacterName, GameId, ItemId};

/// Most items that one side may offer. So many fit into one message with everything that is to be told of them.
pub const OFFER_ITEMS_MAX: usize = 10;
/// Invitations that may wait for one player.
pub(super) const INVITATIONS_WAITING_MAX: usize = 8;

/// Where two can meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Venue {
    /// A channel of the lobby, by the folded form of its name.
    Channel(String),
    /// A game.
    Game(GameId),
}

/// The character that somebody has selected.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Its key.
    pub id: CharacterId,
    /// Its name.
    pub name: CharacterName,
    /// It dies for good, and trades with its like alone.
    pub hardcore: bool,
}

/// One side of a trade.
#[derive(Debug, Clone)]
pub(super) struct Person {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub account_name: AccountName,
    /// Its character, from which and to which things go.
    pub character: CharacterId,
    /// The character's name.
    pub character_name: CharacterName,
}

/// An item on the table. It stays where it lies in its owner's inventory; the guard keeps everybody else's hands, and the owner's, off it.
#[derive(Debug)]
pub(super) struct Offered<G> {
    pub(super) key: ItemId,
    /// The version in which it was shown; in another it does not change hands.
    pub(super) version: i64,
    pub(super) item: Item,
    /// Shared by the offers that follow each other while one takes the place of the other.
    pub(super) guard: Arc<G>,
}

impl<G> Clone for Offered<G> {
    fn clone(&self) -> Self {
        let (item, guard) = (self.item.clone(), Arc::clone(&self.guard));
        Self { key: self.key, version: self.version, item, guard }
    }
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Who has invited.
    Host,
    /// Who was invited.
    Guest,
}

impl Part {
    pub(super) const BOTH: [Part; 2] = [Part::Host, Part::Guest];

    pub(super) fn other(self) -> Self {
        match self {
            Part::Host => Part::Guest,
            Part::Guest => Part::Host,
        }
    }
}

/// What two have agreed on: what is carried out, or nothing of it.
#[derive(Debug)]
pub(super) struct Contract<G> {
    /// Host and guest.
    pub(super) sides: [Promise<G>; 2],
}

impl<G> Contract<G> {
    /// What one of them gives.
    pub(super) fn side(&self, part: Part) -> &Promise<G> {
        &self.sides[part as usize]
    }

    /// The same without what keeps the items: for a place from which nobody knows when it is given back.
    pub(super) fn bare(&self) -> Contract<()> {
        let bare = |one: &Offered<G>| Offered {
            key: one.key,
            version: one.version,
            item: one.item.clone(),
            guard: Arc::new(()),
        };
        let side = |side: &Promise<G>| Promise {
            person: side.person.clone(),
            items: side.items.iter().map(bare).collect(),
            gold: side.gold,
        };
        Contract { sides: self.sides.each_ref().map(side) }
    }
}

/// What one of them gives.
#[derive(Debug)]
pub(super) struct Promise<G> {
    pub(super) person: Person,
    pub(super) items: Vec<Offered<G>>,
    pub(super) gold: i64,
}
