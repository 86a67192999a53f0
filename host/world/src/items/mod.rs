//! Items: what they are, how they come about, and what may be done with them.
//!
//! Everything here is a pure function of the content pack, of items and of dice. Nobody here knows who owns an item, where it is stored or
//! under which key: a storage calls these rules with what it has read, and writes down what they answer.
//!
//! - [`Catalogue`] is what the content pack says about items; [`Item`] is one of them, with every value that was thrown for it.
//! - How they come about: [`Catalogue::loot`] by a monster's death, [`Catalogue::make`] by a shop, [`Catalogue::combine`] by a recipe.
//! - What may be done: [`Grid`] for places in a box, [`Worn`] for what is worn, stacks, sockets, identifying, wear and prices.
//! - What they give: [`Bonuses`], of which [`Stats`](crate::Stats) makes what a character is.
//! - Whether all is well: [`Catalogue::check`] for one item, [`Catalogue::judged`] for an anti-cheat rule, [`Scanner`] for all of them.

mod affixes;
mod bonuses;
mod catalogue;
mod certificate;
mod check;
mod gems;
mod grid;
mod ground;
mod item;
mod judged;
mod kind;
mod loot;
mod make;
mod names;
mod needs;
mod prices;
mod problem;
mod property;
mod quality;
mod recipes;
mod scan;
mod stacks;
pub(crate) mod words;
mod worn;

pub use crate::content::items::{
    Affix, Base, Deed, Gift, Ingredient, LOOT_MAX, Line, Needs, Prices, Qualities, QualityRow, Recipe, Set, Setting,
    Side, Special, Use,
};
pub use bonuses::Bonuses;
pub use catalogue::Catalogue;
pub use certificate::{Certificate, RULES_MAX};
pub use grid::{Cell, Grid, Size};
pub use ground::{
    Ground, GroundProblem, GroundState, ItemHandle, LYING_MAX, LYING_OF_PLAYERS_MAX, LYING_PER_PLAYER_MAX, Look, Lying,
};
pub use item::{ITEM_LEVEL_MAX, Item, NAME_CHARACTERS_MAX, ROLLS_MAX, Roll, SOCKETS_MAX};
pub use judged::{Judged, JudgedProperty};
pub use kind::{Group, Kind};
pub use loot::{Find, Loot};
pub use problem::ItemProblem;
pub use property::Property;
pub use quality::Quality;
pub use recipes::Combined;
pub use scan::{FINDINGS_MAX, Finding, Place, Record, Report, Scanner, ScannerFull};
pub(crate) use worn::hands_agree;
pub use worn::{Slot, Worn};

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
pub(crate) mod testing;
