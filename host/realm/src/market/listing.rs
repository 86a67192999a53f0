//! A player offers something.

use std::sync::Arc;

use super::{
    Market, MarketError, Offer, PRICE_MAX,
    offer::properties,
    store::{self, NewOffer},
};
use crate::{
    audit::Who,
    items::{Belongings, Doer, Holder, ItemsError, Occasion, Owned, Place, Purse, Spot},
    once::{self, Answered, Once},
    types::{
        ItemId, OfferId,
        faults::{Point, point},
    },
};

/// What is to be offered.
#[derive(Debug, Clone, Copy)]
pub struct Goods {
    /// Which item, from inventory, stash or cube.
    pub item: ItemId,
    /// For how much gold: 1 to [`PRICE_MAX`].
    pub price: i64,
    /// For how many hours.
    pub hours: u32,
}

/// What offering something has come to.
#[derive(Debug)]
pub struct Listed {
    /// The offer.
    pub offer: Offer,
    /// What it has cost to offer it.
    pub fee: i64,
    /// What the character has left.
    pub belongings: Belongings,
}

impl Market {
    /// Offers an item. It leaves the character at once, with the fee.
    ///
    /// # Errors
    /// When price or time cannot be, the account has as many offers as it may have, the fee cannot be paid, an anti-cheat rule refuses the item,
    /// and as what holds for items.
    pub async fn list(
        &self,
        holder: Holder,
        goods: Goods,
        once: Option<Once<Listed>>,
    ) -> Result<Answered<Listed>, MarketError> {
        if let Some(once) = &once
            && let Some(kept) = once.before::<MarketError>(&self.storage).await?
        {
            return Ok(Answered::Before(kept));
        }
        if !(1..=PRICE_MAX).contains(&goods.price) {
            return Err(MarketError::Price);
        }
        if !(1..=self.config.hours_max).contains(&goods.hours) {
            return Err(MarketError::Hours(self.config.hours_max));
        }
        let judged = match self.judge(&holder, goods.item).await {
            Ok(judged) => judged,
            Err(problem) => return once::done_meanwhile(&self.storage, once.as_ref(), problem).await,
        };
        let market = self.clone();
        let id: OfferId = self.storage.ids().next(self.storage.now_ms());
        once::write::<_, MarketError, _>(&self.storage, once, move |connection| {
            Box::pin(async move {
                let Market { items, config, .. } = &market;
                let realm = Arc::clone(&market.realm);
                let mut operation = items.begin("market.list", Doer::Person(Who::Account(holder.account)));
                let mut hands = operation.enter(connection, &holder).await?;
                let owned = hands.get(goods.item)?.clone();
                if !matches!(owned.at.spot(), Some(Spot::In(..))) {
                    return Err(MarketError::Worn);
                }
                if owned.item != judged.item {
                    return Err(ItemsError::Moved.into());
                }
                if store::count(connection, &realm, holder.account).await? >= i64::from(config.offers_max) {
                    return Err(MarketError::TooManyOffers(config.offers_max));
                }
                let seller = store::person(connection, holder.character).await?;
                let store::Person { name: seller_name, hardcore, .. } = seller.ok_or(ItemsError::CharacterUnknown)?;
                let kind = items.catalogue().base_of(&owned.item).map_err(ItemsError::from)?.kind;
                let now_ms = operation.now_ms();
                let ends_ms = config.ends_ms(now_ms, goods.hours);
                let new = NewOffer {
                    id,
                    seller: holder.character,
                    hardcore,
                    item: &owned,
                    kind,
                    price: goods.price,
                    listed_ms: now_ms,
                    ends_ms,
                };
                store::insert(connection, &realm, &new, &properties(items.catalogue(), &owned.item)).await?;
                point(Point::WithinOffer);
                let item = operation.relocate(connection, &owned, Place::Offer(id)).await?;
                hands.forget(item.key);
                let fee = config.listing_fee(goods.price);
                if fee > 0 {
                    let purse = Purse::Character(holder.character);
                    operation.pay_for(connection, purse, Purse::Mint, fee, "listing fee").await?;
                    hands.gold -= fee;
                }
                operation.finish(connection).await?;
                let (seller, price, listed_ms) = (holder.character, goods.price, now_ms);
                let offer = Offer { id, seller, seller_name, hardcore, price, listed_ms, ends_ms, item };
                Ok(Listed { offer, fee, belongings: hands.belongings() })
            })
        })
        .await
    }

    /// An item of a character that rules let be offered.
    async fn judge(&self, holder: &Holder, key: ItemId) -> Result<Owned, MarketError> {
        // Nobody learns what others have, or what a rule says of it.
        if !self.items.is_of(holder.account, holder.character).await? {
            return Err(ItemsError::CharacterUnknown.into());
        }
        let belongings = self.items.of(holder.character).await?;
        let judged = belongings.get(key).ok_or(ItemsError::NotCarried)?.clone();
        self.items.judge(Some(key), &judged.item, Occasion::Trade).await?;
        Ok(judged)
    }
}
