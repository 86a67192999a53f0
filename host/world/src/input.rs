//! What players wish for.

use serde::{Deserialize, Serialize};

use crate::{EntityId, Sheet};

/// A player's place in a game, below [`PLAYERS_MAX`](crate::PLAYERS_MAX).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct PlayerSlot(pub u8);

/// One input of a tick. What names a slot beyond the last, or where nobody plays, is ignored.
///
/// Logs of games hold inputs by their place in this list and their fields' order: add new ones at the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Input {
    /// A character comes in at the entrance, with full life. Ignored when the slot is taken.
    Join {
        /// Which place it takes.
        slot: PlayerSlot,
        /// The character. A level outside 1 to 99 becomes the nearest, and experience below the level's is raised to it.
        sheet: Sheet,
    },
    /// The character leaves. Its sheet must be read before.
    Leave {
        /// Who leaves.
        slot: PlayerSlot,
    },
    /// A wished step in sub-tiles. At most the legal one is made, along walls where they are in the way. Several moves of one tick
    /// share one legal step.
    Move {
        /// Who moves.
        slot: PlayerSlot,
        /// To the east.
        dx: i32,
        /// To the south.
        dy: i32,
    },
    /// A blow at a monster in reach.
    Attack {
        /// Who strikes.
        slot: PlayerSlot,
        /// At whom.
        target: EntityId,
    },
    /// Turns to one who lives here, or to the stairs, in reach. Stairs lead to the other level at once.
    Interact {
        /// Who turns.
        slot: PlayerSlot,
        /// To whom.
        target: EntityId,
    },
    /// Uses a skill of the character's class.
    Skill {
        /// Who.
        slot: PlayerSlot,
        /// Which of the class, from 0.
        skill: u8,
        /// At whom; 0 for a place.
        target: EntityId,
        /// At which place, in sub-tiles, when `target` is 0.
        x: i32,
        /// At which place, in sub-tiles, when `target` is 0.
        y: i32,
    },
    /// Takes a potion in reach from the ground.
    PickUp {
        /// Who.
        slot: PlayerSlot,
        /// What.
        target: EntityId,
        /// Drinks it at once; else it goes into the belt.
        drink: bool,
    },
    /// Drinks a potion of the belt.
    Drink {
        /// Who.
        slot: PlayerSlot,
        /// From which place of the belt, from 0.
        place: u8,
    },
    /// A dead character comes back to life where characters come in; a hardcore one does not.
    Respawn {
        /// Who comes back.
        slot: PlayerSlot,
    },
}

impl Input {
    /// Whose input it is.
    #[must_use]
    pub fn slot(&self) -> PlayerSlot {
        match *self {
            Input::Join { slot, .. }
            | Input::Leave { slot }
            | Input::Move { slot, .. }
            | Input::Attack { slot, .. }
            | Input::Interact { slot, .. }
            | Input::Skill { slot, .. }
            | Input::PickUp { slot, .. }
            | Input::Drink { slot, .. }
            | Input::Respawn { slot } => slot,
        }
    }
}
