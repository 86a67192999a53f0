//! What a player may do with the items of a character.

use realm_world::items::{Cell, Slot};

use super::{Bag, Spot};
use crate::types::ItemId;

/// What a player may do with the items of a character. Places are of the character; keys are of its items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Lays an item somewhere else, puts it on, or takes it off, as the place says.
    Move {
        /// Which.
        item: ItemId,
        /// Where to.
        to: Spot,
    },
    /// Puts an item on.
    Equip {
        /// Which.
        item: ItemId,
        /// Where; `None` for the first slot of its kind that is free.
        slot: Option<Slot>,
    },
    /// Takes off what is worn.
    Unequip {
        /// Which.
        item: ItemId,
        /// Where to; `None` for the first place in the inventory.
        to: Option<(Bag, Cell)>,
    },
    /// Takes some off a stack.
    Split {
        /// The stack.
        item: ItemId,
        /// How many.
        count: u32,
        /// Where to; `None` for the first place in the inventory.
        to: Option<(Bag, Cell)>,
    },
    /// Lays as many as there is room for from one stack on another.
    Merge {
        /// From this one.
        item: ItemId,
        /// To this one.
        onto: ItemId,
    },
    /// Sets a gem into the next free socket; the gem is used up.
    Socket {
        /// The gem.
        gem: ItemId,
        /// What has the socket.
        into: ItemId,
    },
    /// Reads a scroll over an item to find out what it is; one scroll is used up.
    Identify {
        /// The scroll.
        scroll: ItemId,
        /// The item.
        item: ItemId,
    },
    /// Combines all that lies in the cube by a recipe.
    Combine,
    /// Destroys an item, or some of a stack, for good.
    Destroy {
        /// Which.
        item: ItemId,
        /// How many; `None` for all.
        count: Option<u32>,
    },
    /// Uses a scroll: one that tells what an item is, over an item, as [`Act::Identify`]; one that leads home, in a game, where the games take
    /// the character to the town.
    Use {
        /// The scroll; one of it is used up.
        item: ItemId,
        /// Over which item.
        on: Option<ItemId>,
    },
    /// Buys plain ones of a base from a vendor: onto stacks of the inventory, the rest to a place of its own.
    Buy {
        /// Key of the base.
        base: String,
        /// How many; at most a stack, or one of what does not stack.
        count: u32,
        /// Where to, in the inventory and nowhere else; `None` for stacks and the first free place.
        to: Option<(Bag, Cell)>,
        /// From whom; `None` for any that sells it.
        vendor: Option<String>,
    },
    /// Sells an item, or some of a stack, to a vendor.
    Sell {
        /// Which.
        item: ItemId,
        /// How many; `None` for all.
        count: Option<u32>,
    },
    /// Has a vendor repair an item.
    Repair {
        /// Which.
        item: ItemId,
    },
}

impl Act {
    /// Whether it takes who has done it home, which its game sees to.
    #[must_use]
    pub fn leads_home(&self) -> bool {
        // What is used over nothing is nothing else.
        matches!(self, Act::Use { on: None, .. })
    }

    /// Which item it is about, if one alone.
    pub(in crate::items) fn subject(&self) -> Option<ItemId> {
        match self {
            Act::Use { item, .. } | Act::Sell { item, .. } | Act::Repair { item } => Some(*item),
            _ => None,
        }
    }

    /// Whether a vendor has to be there.
    pub(in crate::items) fn needs_vendor(&self) -> bool {
        matches!(self, Act::Buy { .. } | Act::Sell { .. } | Act::Repair { .. })
    }

    /// The word in the ledger and in every API.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Act::Move { .. } => "move",
            Act::Equip { .. } => "equip",
            Act::Unequip { .. } => "unequip",
            Act::Split { .. } => "split",
            Act::Merge { .. } => "merge",
            Act::Socket { .. } => "socket",
            Act::Identify { .. } => "identify",
            Act::Combine => "combine",
            Act::Destroy { .. } => "destroy",
            Act::Use { .. } => "use",
            Act::Buy { .. } => "buy",
            Act::Sell { .. } => "sell",
            Act::Repair { .. } => "repair",
        }
    }
}
