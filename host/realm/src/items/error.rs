//! Why nothing was done with items or gold.

use realm_world::items::ItemProblem;

use crate::{
    once::KeyRefused,
    storage::StorageError,
    types::{Code, Refusal},
};

/// Why nothing was done with items or gold; nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum ItemsError {
    /// What the items are does not let it be done.
    #[error(transparent)]
    Problem(#[from] ItemProblem),
    /// Not this account's, or deleted.
    #[error("this account has no such character")]
    CharacterUnknown,
    /// It is in a game, and who asks is not.
    #[error("the character is in a game")]
    Busy,
    /// The lease is no longer the caller's.
    #[error("the character was taken over elsewhere")]
    Fenced,
    /// It is hardcore and dead.
    #[error("this hardcore character is dead for good; what it had stays with it")]
    Dead,
    /// There is no such item where it would have to be.
    #[error("the character does not carry this item")]
    NotCarried,
    /// It is offered in a trade.
    #[error("the item is offered in a trade")]
    InTrade,
    /// Items of too many trades are locked.
    #[error("as many items are offered in trades as can be")]
    TooManyTrades,
    /// It is not where, or not what, it was when the act was planned.
    #[error("the item was moved or changed meanwhile")]
    Moved,
    /// Too many items came back and wait for room.
    #[error("{0} items came back and wait for room")]
    Returned(usize),
    /// The purse has less.
    #[error("that takes {needed} gold; there is {has}")]
    NotEnoughGold {
        /// So much.
        needed: i64,
        /// What there is.
        has: i64,
    },
    /// The purse can hold no more, or the amount is none.
    #[error("no purse holds more than {} gold", super::GOLD_MAX)]
    PurseFull,
    /// No vendor sells it, or not this one.
    #[error("no vendor there sells this")]
    NotSold,
    /// More than one purchase may have, or none.
    #[error("one purchase is of 1 to {most} of these, and not of {wanted}")]
    WrongPurchase {
        /// So many were wished.
        wanted: u32,
        /// At most.
        most: u32,
    },
    /// The character is in a game, where one has to walk to a vendor.
    #[error("the character is in a game, and at no vendor there")]
    VendorNotHere,
    /// It does nothing by being used, or not so.
    #[error("this is used in another way, or in none")]
    NotUsable,
    /// It does something in games alone.
    #[error("the character is in no game")]
    NotPlaying,
    /// A rule of the realm refuses the item.
    #[error("a rule of this realm refuses the item: {0}")]
    Refused(String),
    /// What staff want to roll back has gone on since.
    #[error("{0}")]
    MovedOn(String),
    /// The key of the request cannot be taken.
    #[error(transparent)]
    KeyRefused(#[from] KeyRefused),
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// The code of each problem.
fn code(problem: &ItemProblem) -> Code {
    match problem {
        ItemProblem::Unknown { .. } => Code::ItemUnknown,
        ItemProblem::Impossible { .. } => Code::ItemImpossible,
        ItemProblem::OutsideGrid => Code::ItemOutsideGrid,
        ItemProblem::PlaceTaken => Code::ItemPlaceTaken,
        ItemProblem::NoRoom => Code::ItemNoRoom,
        ItemProblem::WrongSlot { .. } => Code::ItemWrongSlot,
        ItemProblem::SlotTaken { .. } => Code::ItemSlotTaken,
        ItemProblem::BothHands => Code::ItemBothHands,
        ItemProblem::NeedsBeside { .. } => Code::ItemNeedsBeside,
        ItemProblem::OtherClass { .. } => Code::ItemOtherClass,
        ItemProblem::NeedsMore { .. } => Code::ItemNeedsMore,
        ItemProblem::NotIdentified => Code::ItemNotIdentified,
        ItemProblem::NothingToIdentify => Code::ItemNothingToIdentify,
        ItemProblem::WrongScroll => Code::ItemWrongScroll,
        ItemProblem::WrongCount { .. } => Code::ItemWrongCount,
        ItemProblem::NotAlike => Code::ItemNotAlike,
        ItemProblem::StackFull { .. } => Code::ItemStackFull,
        ItemProblem::NoSocket => Code::ItemNoSocket,
        ItemProblem::NotAGem => Code::ItemNotAGem,
        ItemProblem::NoRecipe => Code::ItemNoRecipe,
        ItemProblem::NoRepair => Code::ItemNoRepair,
        ItemProblem::NoPrice => Code::ItemNoPrice,
    }
}

/// A sentence of which the first letter is small.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", characters.as_str())
}

impl From<ItemsError> for Refusal {
    fn from(error: ItemsError) -> Self {
        let (code, message) = match &error {
            ItemsError::Problem(problem) => (code(problem), sentence(&problem.to_string())),
            ItemsError::CharacterUnknown => (
                Code::CharacterUnknown,
                "This account has no such character; ask for the list of characters.".to_owned(),
            ),
            ItemsError::Busy => {
                (Code::CharacterBusy, "The character is in a game; do it there, or leave that game first.".to_owned())
            }
            ItemsError::Fenced => (
                Code::CharacterBusy,
                "The character was taken over elsewhere; nothing was written. Select it again.".to_owned(),
            ),
            ItemsError::Dead => (Code::CharacterDead, sentence(&error.to_string())),
            ItemsError::NotCarried => {
                (Code::ItemNotCarried, "The character does not carry this item; read the inventory again.".to_owned())
            }
            ItemsError::InTrade => (
                Code::ItemInTrade,
                "The item is offered in a trade; end the trade, or take the item out of it.".to_owned(),
            ),
            ItemsError::TooManyTrades => {
                let text = "The realm has as many trades as it can; try again in a minute.";
                return Refusal::retry(Code::TradesFull, text, 60_000);
            }
            ItemsError::Moved => {
                (Code::ItemMoved, "The item was moved or changed meanwhile; read the inventory again.".to_owned())
            }
            ItemsError::Returned(count) => (
                Code::ItemsReturned,
                format!("{count} items came back and wait for room; make room in the inventory and take them first."),
            ),
            ItemsError::NotEnoughGold { .. } => (Code::NotEnoughGold, sentence(&error.to_string())),
            ItemsError::PurseFull => (Code::PurseFull, sentence(&error.to_string())),
            ItemsError::NotSold => (
                Code::ItemNotSold,
                "No vendor there sells this; GET /api/v1/vendors lists what each of them sells.".to_owned(),
            ),
            ItemsError::WrongPurchase { .. } => (Code::ItemWrongCount, sentence(&error.to_string())),
            ItemsError::VendorNotHere => (
                Code::VendorNotHere,
                "The character is in a game; walk to a vendor in the town and deal there, or leave the game first."
                    .to_owned(),
            ),
            ItemsError::NotUsable => (
                Code::ItemNotUsable,
                "This is used in another way, or in none; only scrolls are used, and one that tells what an item is over an item."
                    .to_owned(),
            ),
            ItemsError::NotPlaying => {
                (Code::GameNotJoined, "This leads home from a game alone; join one first.".to_owned())
            }
            ItemsError::Refused(_) => (Code::ItemRefused, sentence(&error.to_string())),
            ItemsError::MovedOn(text) => (Code::MovedOn, text.clone()),
            ItemsError::KeyRefused(refused) => return (*refused).into(),
            ItemsError::Storage(problem) => return problem.clone().into(),
        };
        Refusal::new(code, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_problems() {
        let problems = [
            ItemProblem::NoRoom,
            ItemProblem::NotAGem,
            ItemProblem::Unknown { what: "item", key: "x".to_owned() },
            ItemProblem::WrongCount { wanted: 1, has: 0 },
            ItemProblem::NothingToIdentify,
        ];
        for problem in problems {
            assert_eq!(code(&problem).as_str(), problem.code());
            let refusal = Refusal::from(ItemsError::from(problem));
            assert!(refusal.message.ends_with('.') && refusal.message.starts_with(char::is_uppercase), "{refusal}");
        }
    }
}
