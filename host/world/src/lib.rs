//! The simulation of one game: state, inputs and tick give state and events.
//!
//! Pure and deterministic: no I/O, no clock, no threads, no plugins, no floats in what is simulated, a fixed order of iteration
//! and an own seed. The same seed and the same inputs give the same bytes on every machine.
//!
//! - [`Content`] is the pack that a game is made of: classes, skills, monsters, potions, those who live in the town, levels, the places, items. It is read
//!   and checked once; [`Content::load`] is the one place of this crate that reads files.
//! - [`Map`] comes from the seed, one for each [`Zone`]: walls, the entrance, the stairs, a way from everywhere to everywhere.
//! - [`World`] is one game: [`World::step`] applies a tick's [`Input`]s in the order given, then moves the monsters, then lets time pass,
//!   and appends [`Event`]s. [`World::view`] is what one player may know of it.
//! - [`items`] are what monsters leave, shops sell and recipes make, and what may be done with them; [`Stats`] is what a character is by them.
//! - [`log`] is a game as bytes: what has to be kept so that it can be repeated, and the repeating.
//!
//! Positions are in sub-tiles ([`Map::SUB_TILES`] a tile), x to the east and y to the south. Times are in ticks of [`TICK_MS`].

mod content;
mod dice;
mod event;
mod geometry;
mod hash;
mod input;
pub mod items;
pub mod log;
mod map;
mod outfit;
mod sheet;
mod stats;
mod world;
mod zone;

pub use content::{Content, ContentError, ContentProblem, SkillInfo, Vendor, Wear};
pub use dice::Dice;
pub use event::{Event, Hoard, InputKind, RefusedReason};
pub use input::{Deal, Input, PlayerSlot};
pub use map::{Map, Ways};
pub use outfit::Outfit;
pub use sheet::{ATTRIBUTE_POINTS_PER_LEVEL, Attributes, Class, Difficulty, Sheet};
pub use stats::Stats;
pub use world::{Action, EntityKind, EntityView, Facts, OwnView, SkillFacts, Strain, View, World};
pub use zone::Zone;

/// One who stands in a game: a player, a monster or one who lives there. From 1, unique within a game: a number is given again only
/// after all others have been.
pub type EntityId = u16;

/// Length of a tick.
pub const TICK_MS: u32 = 40;

/// Most players of a game; slots are below it.
pub const PLAYERS_MAX: usize = 8;

/// Most entities of a game, players included.
pub const ENTITIES_MAX: usize = 512;

/// Skills of a class.
pub const SKILLS_PER_CLASS: usize = 3;

/// Most potions in a belt.
pub const BELT_MAX: usize = 8;

/// The highest level of a character.
pub const LEVEL_MAX: u32 = 99;
