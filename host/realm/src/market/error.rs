//! Why nothing was done on the market.

use super::{PRICE_MAX, search::PROPERTIES_MAX};
use crate::{
    items::ItemsError,
    mail::MailError,
    once::KeyRefused,
    storage::StorageError,
    types::{Code, Refusal},
};

/// Why nothing was done on the market; nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum MarketError {
    /// The items or the gold.
    #[error(transparent)]
    Items(#[from] ItemsError),
    /// The letter in which something would have come.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// There is no such offer any more.
    #[error("there is no such offer")]
    OfferUnknown,
    /// It is this account's own.
    #[error("the offer is this account's own")]
    OwnOffer,
    /// One is a hardcore character, and one is not.
    #[error("hardcore characters deal among themselves alone")]
    Modes,
    /// The account has as many offers as it may have.
    #[error("this account has {0} offers")]
    TooManyOffers(u32),
    /// No such price.
    #[error("the price is not from 1 to {PRICE_MAX}")]
    Price,
    /// Too short or too long.
    #[error("an offer lasts 1 to {0} hours")]
    Hours(u32),
    /// Only what lies in a box is sold.
    #[error("what is worn is not for sale")]
    Worn,
    /// More properties than one search takes.
    #[error("a search asks for at most {PROPERTIES_MAX} properties")]
    TooManyProperties,
    /// The cursor is one of another order.
    #[error("the cursor belongs to a list in another order")]
    OtherOrder,
    /// The key of the request cannot be taken.
    #[error(transparent)]
    KeyRefused(#[from] KeyRefused),
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<MarketError> for Refusal {
    fn from(error: MarketError) -> Self {
        let (code, sentence) = match error {
            MarketError::Items(error) => return error.into(),
            MarketError::Mail(error) => return error.into(),
            MarketError::OfferUnknown => {
                (Code::OfferUnknown, "There is no such offer: it is sold, withdrawn or over. Search again.".to_owned())
            }
            MarketError::OwnOffer => {
                (Code::OfferOwn, "This is an offer of your own account; withdraw it to have the item back.".to_owned())
            }
            MarketError::Modes => (
                Code::OtherMode,
                "Hardcore characters buy from hardcore characters alone, and others from others; search with hardcore=true or hardcore=false."
                    .to_owned(),
            ),
            MarketError::TooManyOffers(most) => (
                Code::OfferLimit,
                format!("An account has at most {most} offers at once; withdraw one, or wait until one is sold."),
            ),
            MarketError::Price => (Code::OfferInvalid, format!("A price is 1 to {PRICE_MAX} gold.")),
            MarketError::Hours(most) => (Code::OfferInvalid, format!("An offer lasts 1 to {most} hours.")),
            MarketError::Worn => (
                Code::ItemWorn,
                "Only what lies in the inventory, the stash or the cube is given away; take it off first.".to_owned(),
            ),
            MarketError::TooManyProperties => {
                (Code::RequestInvalid, format!("A search asks for at most {PROPERTIES_MAX} properties."))
            }
            MarketError::OtherOrder => (
                Code::RequestInvalid,
                "This cursor belongs to a list in another order; send it with the search that it came from.".to_owned(),
            ),
            MarketError::KeyRefused(error) => return error.into(),
            MarketError::Storage(error) => return error.into(),
        };
        Self::new(code, sentence)
    }
}
