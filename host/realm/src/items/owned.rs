//! What somebody has: items with their keys and places, and gold.

use realm_world::{
    Sheet,
    items::{Cell, Grid, Item, Size, Slot, Worn},
};

use super::{Bag, Holder, ItemsError, Place, Spot};
use crate::types::{CharacterId, ItemId};

/// An item that somebody has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// Its key.
    pub key: ItemId,
    /// What it is.
    pub item: Item,
    /// Where it is.
    pub at: Place,
    /// How many cells it takes.
    pub size: Size,
    /// Rises with each change of it; a change names the version that it replaces.
    pub version: i64,
    /// The character that had it last, to whom it goes back; `None` when none ever had it.
    pub last_holder: Option<CharacterId>,
}

/// What a character has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Belongings {
    /// By place: worn, inventory, stash, cube, returned, each by its cells.
    pub items: Vec<Owned>,
    /// Gold.
    pub gold: i64,
    /// Rises with each act that touches its items or its gold.
    pub version: i64,
    /// Of the answer to an act: what it has moved, changed, made or ended, in this order; what is not among the items is no more here.
    pub touched: Vec<ItemId>,
}

impl Belongings {
    /// What is worn, for [`realm_world::Content::stats`].
    #[must_use]
    pub fn worn(&self) -> Worn {
        worn(&self.items)
    }

    /// An item of this key.
    #[must_use]
    pub fn get(&self, key: ItemId) -> Option<&Owned> {
        self.items.iter().find(|owned| owned.key == key)
    }
}

/// What an operation that has entered a character's belongings finds there, and what it has made of them since. It says what
/// [`super::Operation`] has written: whoever writes with one tells the other.
#[derive(Debug)]
pub(crate) struct Hands {
    pub(crate) holder: Holder,
    /// Key of the realm that it is in.
    pub(crate) realm: String,
    /// What it can wear follows from this.
    pub(crate) sheet: Sheet,
    pub(crate) items: Vec<Owned>,
    pub(crate) gold: i64,
    pub(crate) version: i64,
    /// What was put or forgotten.
    pub(crate) touched: Vec<ItemId>,
}

impl Hands {
    /// One of its items.
    ///
    /// # Errors
    /// [`ItemsError::NotCarried`].
    pub(crate) fn get(&self, key: ItemId) -> Result<&Owned, ItemsError> {
        self.items.iter().find(|owned| owned.key == key).ok_or(ItemsError::NotCarried)
    }

    /// What lies in a box.
    pub(crate) fn in_bag(&self, bag: Bag) -> impl Iterator<Item = (&Owned, Cell)> {
        self.items.iter().filter_map(move |owned| match owned.at.spot()? {
            Spot::In(lies, cell) if lies == bag => Some((owned, cell)),
            _ => None,
        })
    }

    /// The cells of a box; `without` is left out, as it is about to be moved.
    ///
    /// # Errors
    /// For a page that the stash does not have.
    pub(crate) fn grid(&self, bag: Bag, without: Option<ItemId>) -> Result<Grid, ItemsError> {
        let size = bag.size().ok_or(realm_world::items::ItemProblem::OutsideGrid)?;
        let mut grid = Grid::new(size);
        for (owned, cell) in self.in_bag(bag).filter(|(owned, _)| Some(owned.key) != without) {
            // What lies over something else is in nobody's way twice; the scanner finds it.
            let _ = grid.put(cell, owned.size);
        }
        Ok(grid)
    }

    /// The first place in a box where something of this size may lie.
    pub(crate) fn room_in(&self, bag: Bag, size: Size) -> Option<Spot> {
        let cell = self.grid(bag, None).ok()?.first_free(size)?;
        Some(Spot::In(bag, cell))
    }

    /// The first place in the inventory.
    pub(crate) fn room_for(&self, size: Size) -> Option<Spot> {
        self.room_in(Bag::Inventory, size)
    }

    /// What is worn, without one item that is about to be moved.
    pub(crate) fn worn(&self, without: Option<ItemId>) -> Worn {
        let worn_items = self.items.iter().filter(|owned| Some(owned.key) != without);
        restored(worn_items)
    }

    /// The place of a spot on this character.
    pub(crate) fn at(&self, spot: Spot) -> Place {
        Place::Character(self.holder.character, spot)
    }

    /// How many items wait for room.
    pub(crate) fn returned(&self) -> usize {
        self.items.iter().filter(|owned| matches!(owned.at.spot(), Some(Spot::Returned(_)))).count()
    }

    /// An item is in its hands, or is now another than before.
    pub(crate) fn put(&mut self, owned: Owned) {
        self.touch(owned.key);
        match self.items.iter_mut().find(|other| other.key == owned.key) {
            Some(place) => *place = owned,
            None => self.items.push(owned),
        }
    }

    /// An item is in its hands no more.
    pub(crate) fn forget(&mut self, key: ItemId) {
        self.touch(key);
        self.items.retain(|owned| owned.key != key);
    }

    fn touch(&mut self, key: ItemId) {
        if !self.touched.contains(&key) {
            self.touched.push(key);
        }
    }

    /// What it has now.
    pub(crate) fn belongings(self) -> Belongings {
        let mut items = self.items;
        items.sort_by_key(|owned| owned.at);
        Belongings { items, gold: self.gold, version: self.version, touched: self.touched }
    }
}

fn worn(items: &[Owned]) -> Worn {
    restored(items.iter())
}

fn restored<'a>(items: impl Iterator<Item = &'a Owned>) -> Worn {
    let in_slots = items.filter_map(|owned| match owned.at.spot()? {
        Spot::Worn(slot) => Some((slot, owned.item.clone())),
        Spot::In(..) | Spot::Returned(_) => None,
    });
    let slots: Vec<(Slot, Item)> = in_slots.collect();
    // The database holds one item in each slot.
    Worn::restored(slots).unwrap_or_default()
}
