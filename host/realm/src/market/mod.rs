//! The market: what players offer each other for gold, whether or not they are there.
//!
//! An offer is a place: the item lies in it until it is bought, withdrawn or over, and goes from it in one transaction with the gold. What does
//! not come into somebody's hands comes by mail: the gold of a sale, what was not sold, what was bought without room for it. Only open offers
//! have rows; what became of the others stands in the ledger. Knows nothing of games.

mod buying;
mod config;
mod ending;
mod error;
mod listing;
mod offer;
mod position;
mod search;
mod store;

use std::sync::Arc;

pub use buying::Bought;
pub use config::{Config, PRICE_MAX};
pub use ending::sweep_regularly;
pub use error::MarketError;
pub use listing::{Goods, Listed};
pub use offer::Offer;
pub use position::{NoPosition, Order, Position};
pub use search::{ENTRIES_MAX, Found, PROPERTIES_MAX, Wanted};

use crate::{
    items::Items,
    mail::Mail,
    storage::Storage,
    types::{AccountId, OfferId},
};

/// The market of one realm; cheap to clone.
#[derive(Clone)]
pub struct Market {
    storage: Storage,
    realm: Arc<str>,
    items: Items,
    mail: Mail,
    config: Config,
}

impl Market {
    /// Over the realm's items and mailboxes.
    #[must_use]
    pub fn new(config: Config, realm: &str, storage: Storage, items: Items, mail: Mail) -> Self {
        Self { storage, realm: realm.into(), items, mail, config }
    }

    /// What may be offered for how long, and what it costs.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// An open offer.
    ///
    /// # Errors
    /// [`MarketError::OfferUnknown`], and those of the database.
    pub async fn offer(&self, id: OfferId) -> Result<Offer, MarketError> {
        let found = store::look(self.storage.reader(), &self.realm, id).await?;
        found.filter(|offer| offer.ends_ms > self.storage.now_ms()).ok_or(MarketError::OfferUnknown)
    }

    /// The offers of an account, the newest first; `before` is the key of the last of the page before. Offers whose time is over are among them
    /// until they are taken down.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn of_account(
        &self,
        account: AccountId,
        before: Option<OfferId>,
        entries: u32,
    ) -> Result<Vec<Offer>, MarketError> {
        let entries = entries.clamp(1, ENTRIES_MAX);
        Ok(store::of_account(self.storage.reader(), &self.realm, account, before, entries).await?)
    }
}

#[cfg(test)]
mod tests;
