//! Where an item is, and how the database and the ledger say so.

use std::fmt;

use realm_world::items::{Cell, Grid, Size, Slot};

use crate::types::{CharacterId, GameId, LetterId, OfferId};

/// A box of cells of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bag {
    /// What it carries: 10 by 4.
    Inventory,
    /// What it keeps, on pages of 10 by 10, counted from 0.
    Stash {
        /// 0 to 3.
        page: u8,
    },
    /// What recipes are made in: 4 by 4.
    Cube,
}

impl Bag {
    /// All pages of the stash.
    pub fn stash() -> impl Iterator<Item = Bag> {
        (0..Grid::STASH_PAGES).filter_map(|page| u8::try_from(page).ok()).map(|page| Bag::Stash { page })
    }

    /// Its cells; `None` for a page that the stash does not have.
    #[must_use]
    pub fn size(self) -> Option<Size> {
        match self {
            Bag::Inventory => Some(Grid::INVENTORY),
            Bag::Stash { page } => (u32::from(page) < Grid::STASH_PAGES).then_some(Grid::STASH),
            Bag::Cube => Some(Grid::CUBE),
        }
    }

    /// The word in the database, the ledger and every API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Bag::Inventory => "inventory",
            Bag::Stash { .. } => "stash",
            Bag::Cube => "cube",
        }
    }

    /// Its page; 0 where there is one alone.
    #[must_use]
    pub fn page(self) -> u8 {
        match self {
            Bag::Stash { page } => page,
            Bag::Inventory | Bag::Cube => 0,
        }
    }
}

/// Where on a character an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Spot {
    /// It is worn.
    Worn(Slot),
    /// It lies in a box; the cell is its upper left one.
    In(Bag, Cell),
    /// It came back, and there was no room for it: it can be taken from here, and never laid here. The number tells several apart.
    Returned(u32),
}

/// Where an item is; each place has one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A character has it.
    Character(CharacterId, Spot),
    /// It lies on the ground of a game, under a number that the game gives.
    Ground(GameId, u32),
    /// It is for sale.
    Offer(OfferId),
    /// It is in a letter, under a number from 0.
    Letter(LetterId, u32),
}

/// A place as rows name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::items) struct PlaceRow {
    pub(in crate::items) place: &'static str,
    pub(in crate::items) holder: i64,
    pub(in crate::items) page: i64,
    pub(in crate::items) x: i64,
    pub(in crate::items) y: i64,
}

impl Place {
    /// The character that has it.
    #[must_use]
    pub fn character(&self) -> Option<CharacterId> {
        match self {
            Place::Character(character, _) => Some(*character),
            Place::Ground(..) | Place::Offer(_) | Place::Letter(..) => None,
        }
    }

    /// Where on the character it is.
    #[must_use]
    pub fn spot(&self) -> Option<Spot> {
        match self {
            Place::Character(_, spot) => Some(*spot),
            Place::Ground(..) | Place::Offer(_) | Place::Letter(..) => None,
        }
    }

    pub(in crate::items) fn row(&self) -> PlaceRow {
        let row = |place, holder, page: u8, x: u32, y: u8| PlaceRow {
            place,
            holder,
            page: page.into(),
            x: x.into(),
            y: y.into(),
        };
        match *self {
            Place::Character(character, spot) => {
                let holder = character.to_sql();
                match spot {
                    Spot::Worn(slot) => row("worn", holder, 0, slot_number(slot), 0),
                    Spot::In(bag, cell) => row(bag.name(), holder, bag.page(), cell.x.into(), cell.y),
                    Spot::Returned(number) => row("returned", holder, 0, number, 0),
                }
            }
            Place::Ground(game, number) => row("ground", game.to_sql(), 0, number, 0),
            Place::Offer(offer) => row("offer", offer.to_sql(), 0, 0, 0),
            Place::Letter(letter, number) => row("letter", letter.to_sql(), 0, number, 0),
        }
    }

    /// The place of a row; `None` for what no row may be.
    pub(in crate::items) fn of_row(place: &str, holder: i64, page: i64, x: i64, y: i64) -> Option<Self> {
        let number = u32::try_from(x).ok()?;
        let cell = || Some(Cell { x: u8::try_from(x).ok()?, y: u8::try_from(y).ok()? });
        let on = |spot| Some(Place::Character(CharacterId::from_sql(holder), spot));
        match place {
            "worn" => on(Spot::Worn(*Slot::ALL.get(usize::try_from(x).ok()?)?)),
            "inventory" => on(Spot::In(Bag::Inventory, cell()?)),
            "stash" => on(Spot::In(Bag::Stash { page: u8::try_from(page).ok()? }, cell()?)),
            "cube" => on(Spot::In(Bag::Cube, cell()?)),
            "returned" => on(Spot::Returned(number)),
            "ground" => Some(Place::Ground(GameId::from_sql(holder), number)),
            "offer" => Some(Place::Offer(OfferId::from_sql(holder))),
            "letter" => Some(Place::Letter(LetterId::from_sql(holder), number)),
            _ => None,
        }
    }
}

/// A word of a place on a character.
pub(in crate::items) fn is_of_character(place: &str) -> bool {
    matches!(place, "worn" | "inventory" | "stash" | "cube" | "returned")
}

/// Its number in the order of [`Slot::ALL`].
fn slot_number(slot: Slot) -> u32 {
    slot as u32
}

/// A side of a line of the ledger: where something came from, or went to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Side {
    /// A place, `purse` kinds included, or `nothing`, or `stack` for pieces that went over from one stack to another.
    pub place: String,
    /// Whose: a character, a game, an offer, a letter; for `stack` the other item. 0 for nobody.
    pub holder: i64,
    /// Where there, in words; empty where there is nothing to tell.
    pub cell: String,
}

impl Side {
    /// What is born comes from here, and what ends goes here.
    pub(in crate::items) const NOTHING: &'static str = "nothing";
    /// What goes from one stack to another is here between two lines.
    pub(in crate::items) const STACK: &'static str = "stack";

    pub(in crate::items) fn nothing() -> Self {
        Self { place: Self::NOTHING.to_owned(), holder: 0, cell: String::new() }
    }

    pub(in crate::items) fn stack(other: i64) -> Self {
        Self { place: Self::STACK.to_owned(), holder: other, cell: String::new() }
    }

    /// Somewhere that a row can be.
    pub(in crate::items) fn is_real(&self) -> bool {
        self.place != Self::NOTHING && self.place != Self::STACK
    }
}

impl From<&PlaceRow> for Side {
    fn from(row: &PlaceRow) -> Self {
        let cell = match row.place {
            "worn" => {
                usize::try_from(row.x).ok().and_then(|x| Slot::ALL.get(x)).map_or("", |slot| slot.name()).to_owned()
            }
            "stash" => format!("{}:{},{}", row.page, row.x, row.y),
            "inventory" | "cube" => format!("{},{}", row.x, row.y),
            "offer" => String::new(),
            _ => row.x.to_string(),
        };
        Self { place: row.place.to_owned(), holder: row.holder, cell }
    }
}

impl From<&Place> for Side {
    fn from(place: &Place) -> Self {
        Side::from(&place.row())
    }
}

impl fmt::Display for Side {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.place)?;
        if self.holder != 0 {
            write!(formatter, " of {}", self.holder)?;
        }
        if self.cell.is_empty() { Ok(()) } else { write!(formatter, " at {}", self.cell) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_place() -> impl Strategy<Value = Place> {
        let cell = || (0..10u8, 0..10u8).prop_map(|(x, y)| Cell { x, y });
        let bag = prop_oneof![Just(Bag::Inventory), (0..4u8).prop_map(|page| Bag::Stash { page }), Just(Bag::Cube)];
        let spot = prop_oneof![
            prop::sample::select(Slot::ALL).prop_map(Spot::Worn),
            (bag, cell()).prop_map(|(bag, cell)| Spot::In(bag, cell)),
            any::<u32>().prop_map(Spot::Returned),
        ];
        let key = || 0..i64::MAX;
        prop_oneof![
            (key(), spot).prop_map(|(key, spot)| Place::Character(CharacterId::from_sql(key), spot)),
            (key(), any::<u32>()).prop_map(|(key, number)| Place::Ground(GameId::from_sql(key), number)),
            key().prop_map(|key| Place::Offer(OfferId::from_sql(key))),
            (key(), any::<u32>()).prop_map(|(key, number)| Place::Letter(LetterId::from_sql(key), number)),
        ]
    }

    proptest! {
        /// Two places are one place only if their rows are, and only if the ledger says so.
        #[test]
        fn a_place_is_stored_as_itself_alone(one in any_place(), other in any_place()) {
            let row = one.row();
            prop_assert_eq!(Place::of_row(row.place, row.holder, row.page, row.x, row.y), Some(one));
            prop_assert_eq!(row == other.row(), one == other);
            prop_assert_eq!(Side::from(&one) == Side::from(&other), one == other);
        }
    }
}
