//! What players wish for.

use serde::{Deserialize, Serialize};

use crate::{
    EntityId, SKILLS_PER_CLASS, Sheet, Zone,
    items::{ItemHandle, Look, Property},
};

/// A player's place in a game, below [`PLAYERS_MAX`](crate::PLAYERS_MAX).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct PlayerSlot(pub u8);

/// What a player wishes of a vendor. The world knows nothing of what is owned: it says whether there is a vendor, and hands this on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Deal {
    /// Buys plain ones.
    Buy {
        /// Place of the base among all of the content pack.
        base: u16,
        /// How many.
        count: u32,
    },
    /// Sells an item.
    Sell {
        /// Which, by its key where it is stored.
        item: u64,
        /// How many of the stack; 0 for all.
        count: u32,
    },
    /// Has an item repaired.
    Repair {
        /// Which, by its key where it is stored.
        item: u64,
    },
}

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
    /// Takes something in reach from the ground: a potion at once; of an item or gold the world says that it is taken
    /// ([`Event::Taken`](crate::Event::Taken)), and waits for [`Input::Confirm`] or [`Input::GiveBack`].
    PickUp {
        /// Who.
        slot: PlayerSlot,
        /// What.
        target: EntityId,
        /// Drinks a potion at once; else it goes into the belt.
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
    /// Wishes to lay an item down. The world says that it is being laid ([`Event::Laying`](crate::Event::Laying)); whoever stores it
    /// answers with [`Input::Lay`], or not at all.
    Drop {
        /// Who.
        slot: PlayerSlot,
        /// Which item, by its key where it is stored.
        item: u64,
    },
    /// A property of what the player will wear; from [`Input::Wear`] on it counts.
    Bonus {
        /// Who.
        slot: PlayerSlot,
        /// Which.
        property: Property,
        /// How much of it, of all that is worn together.
        value: i32,
    },
    /// From now on the player wears what the bonuses since the last such input say, and nothing else. One who came in with this very tick
    /// begins with full life and mana.
    Wear {
        /// Who.
        slot: PlayerSlot,
        /// Ticks from one blow to the next and reach in sub-tiles, by the weapon; `None` for bare hands.
        weapon: Option<(u32, i32)>,
        /// Levels of the class's skills, as learnt.
        skills: [u32; SKILLS_PER_CLASS],
    },
    /// Something lies on the ground from now on. When there is no room for it the world says that it is gone
    /// ([`Event::Vanished`](crate::Event::Vanished)).
    Lay {
        /// Which.
        handle: ItemHandle,
        /// What is seen of it.
        look: Look,
        /// The entity of the player who laid it down; 0 for what a monster left.
        layer: EntityId,
        /// In which level of the world.
        zone: Zone,
        /// Where, in sub-tiles.
        x: i32,
        /// Where, in sub-tiles.
        y: i32,
    },
    /// What somebody has taken is theirs, or gone for good: it lies there no more.
    Confirm {
        /// Which.
        handle: ItemHandle,
    },
    /// Who has taken it does not get it: it lies there again.
    GiveBack {
        /// Which.
        handle: ItemHandle,
    },
    /// Wishes to deal with a vendor in reach. The world says that it may ([`Event::Dealing`](crate::Event::Dealing)), and nothing else
    /// changes in it.
    Deal {
        /// Who.
        slot: PlayerSlot,
        /// With whom.
        target: EntityId,
        /// What.
        deal: Deal,
    },
    /// Wishes to use an item. The world says that it may ([`Event::Using`](crate::Event::Using)).
    Use {
        /// Who.
        slot: PlayerSlot,
        /// Which item, by its key where it is stored.
        item: u64,
        /// Over which item; 0 for none.
        on: u64,
    },
    /// A living player stands where characters come into the town, wherever it was. What it has used to get there is gone already.
    Recall {
        /// Who.
        slot: PlayerSlot,
    },
}

impl Input {
    /// Whose input it is; a slot beyond the last for what is nobody's.
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
            | Input::Respawn { slot }
            | Input::Drop { slot, .. }
            | Input::Bonus { slot, .. }
            | Input::Wear { slot, .. }
            | Input::Deal { slot, .. }
            | Input::Use { slot, .. }
            | Input::Recall { slot } => slot,
            Input::Lay { .. } | Input::Confirm { .. } | Input::GiveBack { .. } => PlayerSlot(u8::MAX),
        }
    }
}
