//! Why a verb of trading is refused.

use crate::{
    items::ItemsError,
    once::KeyRefused,
    storage::StorageError,
    types::{BrokenOff, Code, Refusal},
};

use super::terms::OFFER_ITEMS_MAX;

/// Why a verb of trading is refused; nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum TradeError {
    /// There is no such trade, or it is of others.
    #[error("there is no such trade")]
    Unknown,
    /// Something else than the newest version was named.
    #[error("the trade was changed meanwhile; its version is {newest}")]
    Stale {
        /// The version that it has.
        newest: u64,
    },
    /// The invitation was not answered yet.
    #[error("the invitation was not accepted yet")]
    NotOpen,
    /// The invitation was accepted already.
    #[error("the invitation was accepted already")]
    Open,
    /// Both have confirmed: it is being carried out.
    #[error("both have confirmed; the trade is being carried out")]
    Carrying,
    /// Not both have locked it.
    #[error("both lock the trade before anybody confirms it")]
    NotLocked,
    /// Nothing lies on the table.
    #[error("nothing lies on the table")]
    Empty,
    /// More items than allowed, one of them twice, or less gold than none.
    #[error("an offer is at most {OFFER_ITEMS_MAX} different items and an amount of gold")]
    OfferInvalid,
    /// An item that lies elsewhere than in the inventory, or belongs to somebody else.
    #[error("the character does not carry the item {0} in its inventory")]
    NotCarried(String),
    /// More gold than there is.
    #[error("the character has {has} gold")]
    NotEnoughGold {
        /// So much.
        has: i64,
    },
    /// No character is selected.
    #[error("select a character first")]
    NoCharacter,
    /// In no channel and no game.
    #[error("join a channel or a game first")]
    Nowhere,
    /// The other one is not in the same channel or game.
    #[error("{0} is not here")]
    NotHere(String),
    /// With oneself.
    #[error("nobody trades with himself")]
    Oneself,
    /// A hardcore character and one that is not.
    #[error("hardcore characters trade among themselves alone")]
    Modes,
    /// The player who asks trades or invites already.
    #[error("one trade at a time")]
    Busy,
    /// The other one trades, or has as many invitations as may wait.
    #[error("{0} is busy with another trade")]
    TheyAreBusy(String),
    /// Too many invitations.
    #[error("too many invitations")]
    TooOften {
        /// When the next is taken.
        retry_after_ms: u64,
    },
    /// Items.
    #[error(transparent)]
    Items(#[from] ItemsError),
    /// The key under which its outcome is kept.
    #[error(transparent)]
    Key(#[from] KeyRefused),
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The verb broke off.
    #[error(transparent)]
    BrokenOff(#[from] BrokenOff),
}

impl From<TradeError> for Refusal {
    fn from(error: TradeError) -> Self {
        let (code, sentence) = match error {
            TradeError::Unknown => {
                (Code::TradeUnknown, "There is no such trade of yours; TRADE_INVITE begins one.".to_owned())
            }
            TradeError::Stale { newest } => (
                Code::TradeStale,
                format!("The trade was changed meanwhile: look at it again, and name version {newest}."),
            ),
            TradeError::NotOpen => {
                (Code::TradeNotReady, "The invitation was not accepted yet; wait for TRADE_STATE.".to_owned())
            }
            TradeError::Open => {
                (Code::TradeNotReady, "The invitation was accepted already; lay something on the table.".to_owned())
            }
            TradeError::Carrying => (
                Code::TradeNotReady,
                "Both have confirmed, and the trade is being carried out; TRADE_ENDED says what came of it.".to_owned(),
            ),
            TradeError::NotLocked => (
                Code::TradeNotReady,
                "Both lock the trade before anybody confirms it; lock it, and wait for the other.".to_owned(),
            ),
            TradeError::Empty => (Code::TradeNotReady, "Nothing lies on the table; offer something first.".to_owned()),
            TradeError::OfferInvalid => (
                Code::TradeOfferInvalid,
                format!(
                    "An offer is at most {OFFER_ITEMS_MAX} different items and an amount of gold, not less than none."
                ),
            ),
            TradeError::NotCarried(item) => (
                Code::ItemNotCarried,
                format!("The character does not carry the item {item} in its inventory; offer what lies there."),
            ),
            TradeError::NotEnoughGold { has } => {
                (Code::NotEnoughGold, format!("The character has {has} gold; offer no more."))
            }
            TradeError::NoCharacter => {
                (Code::CharacterNotSelected, "Select a character with CHAR_SELECT first.".to_owned())
            }
            TradeError::Nowhere => (
                Code::TradeApart,
                "People trade in one channel or in one game; join the one in which the other is.".to_owned(),
            ),
            TradeError::NotHere(name) => (
                Code::TradeApart,
                format!(
                    "{name} is not here; people trade in one channel or in one game, each with a character selected."
                ),
            ),
            TradeError::Oneself => (Code::TradePartner, "Nobody trades with himself; invite somebody else.".to_owned()),
            TradeError::Modes => {
                (Code::OtherMode, "Hardcore characters trade among themselves alone; invite somebody else.".to_owned())
            }
            TradeError::Busy => (
                Code::TradeBusy,
                "You trade or have invited somebody already; end that with TRADE_CANCEL first.".to_owned(),
            ),
            TradeError::TheyAreBusy(name) => {
                let sentence = format!("{name} is busy with another trade; try again later.");
                return Refusal::retry(Code::TradeBusy, sentence, 10_000);
            }
            TradeError::TooOften { retry_after_ms } => {
                let seconds = retry_after_ms.div_ceil(1_000);
                let sentence = format!("Too many invitations at once; invite somebody again in {seconds} seconds.");
                return Refusal::retry(Code::RateLimited, sentence, retry_after_ms);
            }
            TradeError::Items(error) => return error.into(),
            TradeError::Key(error) => return error.into(),
            TradeError::Storage(error) => return error.into(),
            TradeError::BrokenOff(error) => return error.into(),
        };
        Refusal::new(code, sentence)
    }
}
