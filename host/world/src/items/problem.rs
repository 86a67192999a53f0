//! Why something cannot be done with an item.

use super::{Group, Kind, Slot};
use crate::Class;

/// Why something cannot be done with an item; nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ItemProblem {
    /// The content pack has no such row.
    #[error("the content pack has no {what} \"{key}\"")]
    Unknown {
        /// What sort of row.
        what: &'static str,
        /// The key.
        key: String,
    },
    /// The value cannot have come about under the rules of the content pack.
    #[error("{what} is not possible for this item")]
    Impossible {
        /// Which part of it.
        what: &'static str,
    },
    /// The place is outside the grid, or the item is larger than what is left there.
    #[error("the item does not fit at this place")]
    OutsideGrid,
    /// Something lies there.
    #[error("something lies at this place already")]
    PlaceTaken,
    /// No place of this size is free.
    #[error("there is no room for it")]
    NoRoom,
    /// It is not worn there.
    #[error("{} is not worn there: {}", kind.name(), slot.name())]
    WrongSlot {
        /// What sort of item.
        kind: Kind,
        /// Where it should go.
        slot: Slot,
    },
    /// Something is worn there.
    #[error("something is worn there already: {}", slot.name())]
    SlotTaken {
        /// Where.
        slot: Slot,
    },
    /// Both hands are needed, and the other one holds something that does not go with it.
    #[error("it needs both hands; take off what the other hand holds")]
    BothHands,
    /// Only beside something else.
    #[error("it goes only beside something of the group {}", group.name())]
    NeedsBeside {
        /// Beside what.
        group: Group,
    },
    /// Another class's.
    #[error("only the class {} can wear it", class.name())]
    OtherClass {
        /// Whose.
        class: Class,
    },
    /// The character has less than it needs.
    #[error("it needs {what} of {needed}; the character has {has}")]
    NeedsMore {
        /// Which: level, strength or dexterity.
        what: &'static str,
        /// So much.
        needed: u32,
        /// What the character has without items.
        has: u32,
    },
    /// It has to be identified before.
    #[error("it has to be identified before")]
    NotIdentified,
    /// It is identified already, or has nothing to find out.
    #[error("there is nothing to identify")]
    NothingToIdentify,
    /// The scroll is for something else.
    #[error("this does not tell what an item is")]
    WrongScroll,
    /// The number is not between 1 and what there is.
    #[error("a stack of {has} cannot give {wanted}")]
    WrongCount {
        /// How many were wished.
        wanted: u32,
        /// How many there are.
        has: u32,
    },
    /// The two are not of one sort.
    #[error("these do not lie on one stack")]
    NotAlike,
    /// The stack is full.
    #[error("the stack is full: {stack_max} at most")]
    StackFull {
        /// Most on one stack.
        stack_max: u32,
    },
    /// No socket is free.
    #[error("it has no free socket")]
    NoSocket,
    /// It goes into no socket.
    #[error("only gems go into sockets")]
    NotAGem,
    /// No recipe takes exactly this.
    #[error("no recipe takes exactly this")]
    NoRecipe,
    /// It needs no repair.
    #[error("it needs no repair")]
    NoRepair,
    /// Nobody buys or sells it.
    #[error("it cannot be traded with vendors")]
    NoPrice,
}

impl ItemProblem {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            ItemProblem::Unknown { .. } => "ITEM_UNKNOWN",
            ItemProblem::Impossible { .. } => "ITEM_IMPOSSIBLE",
            ItemProblem::OutsideGrid => "ITEM_OUTSIDE_GRID",
            ItemProblem::PlaceTaken => "ITEM_PLACE_TAKEN",
            ItemProblem::NoRoom => "ITEM_NO_ROOM",
            ItemProblem::WrongSlot { .. } => "ITEM_WRONG_SLOT",
            ItemProblem::SlotTaken { .. } => "ITEM_SLOT_TAKEN",
            ItemProblem::BothHands => "ITEM_BOTH_HANDS",
            ItemProblem::NeedsBeside { .. } => "ITEM_NEEDS_BESIDE",
            ItemProblem::OtherClass { .. } => "ITEM_OTHER_CLASS",
            ItemProblem::NeedsMore { .. } => "ITEM_NEEDS_MORE",
            ItemProblem::NotIdentified => "ITEM_NOT_IDENTIFIED",
            ItemProblem::NothingToIdentify => "ITEM_NOTHING_TO_IDENTIFY",
            ItemProblem::WrongScroll => "ITEM_WRONG_SCROLL",
            ItemProblem::WrongCount { .. } => "ITEM_WRONG_COUNT",
            ItemProblem::NotAlike => "ITEM_NOT_ALIKE",
            ItemProblem::StackFull { .. } => "ITEM_STACK_FULL",
            ItemProblem::NoSocket => "ITEM_NO_SOCKET",
            ItemProblem::NotAGem => "ITEM_NOT_A_GEM",
            ItemProblem::NoRecipe => "ITEM_NO_RECIPE",
            ItemProblem::NoRepair => "ITEM_NO_REPAIR",
            ItemProblem::NoPrice => "ITEM_NO_PRICE",
        }
    }
}
