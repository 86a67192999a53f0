//! The two levels of a game's world.

use serde::{Deserialize, Serialize};

/// A level of the world, joined to the other by stairs. Whoever is in one neither sees nor reaches anything of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[repr(u8)]
pub enum Zone {
    /// Where the living come in and the dead come back; no monster sets foot in it.
    #[default]
    Town = 0,
    /// Rooms and corridors with monsters.
    Dungeon = 1,
}

impl Zone {
    /// Both, in the order of their numbers.
    pub const ALL: [Zone; 2] = [Zone::Town, Zone::Dungeon];

    /// The number in messages and snapshots.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The other one, to which the stairs lead.
    #[must_use]
    pub fn other(self) -> Zone {
        match self {
            Zone::Town => Zone::Dungeon,
            Zone::Dungeon => Zone::Town,
        }
    }
}
