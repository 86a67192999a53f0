//! A player buys what another offers: gold and goods change hands in one transaction.

use realm_protocol::proto;

use super::{Market, MarketError, Offer, store};
use crate::{
    audit::Who,
    items::{Belongings, Doer, Hands, Holder, ItemsError, Operation, Purse},
    mail::{Done, LetterKind, Owed, Told},
    once::{self, Answered, Once},
    storage::Connection,
    types::{
        ItemId, LetterId, OfferId,
        faults::{self, Bug, Point, point},
    },
};

/// What buying something has come to.
#[derive(Debug)]
pub struct Bought {
    /// The offer, which is no more.
    pub offer: OfferId,
    /// What was bought: the item, or the stack onto which it was laid.
    pub item: ItemId,
    /// What it has cost.
    pub price: i64,
    /// The letter that it is in, when the inventory had no room.
    pub letter: Option<LetterId>,
    /// What the character has now.
    pub belongings: Belongings,
}

impl Market {
    /// Buys what is offered. Of all who ask for it, however often and at once, one gets it.
    ///
    /// # Errors
    /// [`MarketError::OfferUnknown`] when somebody else was faster, or the time of the offer is over; [`MarketError::OwnOffer`], [`MarketError::Modes`]; when the gold is not
    /// there, and as what holds for items.
    pub async fn buy(
        &self,
        holder: Holder,
        id: OfferId,
        once: Option<Once<Done<Bought>>>,
    ) -> Result<Answered<Done<Bought>>, MarketError> {
        if let Some(once) = &once
            && let Some(kept) = once.before::<MarketError>(&self.storage).await?
        {
            return Ok(Answered::Before(kept));
        }
        let apart = faults::has(Bug::MarketPaysTwice);
        if apart {
            self.pay_apart(holder, id).await?;
        }
        let market = self.clone();
        let done = once::write::<_, MarketError, _>(&self.storage, once, move |connection| {
            Box::pin(async move {
                let offer = market.open(connection, holder, id).await?;
                let mut operation = market.items.begin("market.buy", Doer::Person(Who::Account(holder.account)));
                let mut hands = operation.enter(connection, &holder).await?;
                let mut told = Vec::new();
                if !apart {
                    told.extend(market.pay(connection, &mut operation, &mut hands, &offer).await?);
                }
                point(Point::MarketBetweenLegs);
                let bought = market.deliver(connection, &mut operation, &mut hands, &offer, &mut told).await?;
                operation.finish(connection).await?;
                let (item, letter) = bought;
                let what = Bought { offer: id, item, price: offer.price, letter, belongings: hands.belongings() };
                Ok(Done { what, told })
            })
        })
        .await?;
        if let Answered::Now(done) = &done {
            self.mail.news().tell(done.told.iter().cloned());
        }
        Ok(done)
    }

    /// An offer that this account may buy.
    async fn open(&self, connection: &mut Connection, holder: Holder, id: OfferId) -> Result<Offer, MarketError> {
        let found = store::find(connection, &self.realm, id).await?;
        let now_ms = self.storage.now_ms();
        let offer = found.filter(|offer| offer.ends_ms > now_ms).ok_or(MarketError::OfferUnknown)?;
        match store::person(connection, offer.seller).await? {
            Some(seller) if seller.account == holder.account => return Err(MarketError::OwnOffer),
            Some(_) => {}
            // Nobody is there any more who could have the gold.
            None => return Err(MarketError::OfferUnknown),
        }
        let buyer = store::person(connection, holder.character).await?.ok_or(ItemsError::CharacterUnknown)?;
        if buyer.hardcore == offer.hardcore { Ok(offer) } else { Err(MarketError::Modes) }
    }

    /// The gold: to the seller by mail, wherever he is, without the fee.
    async fn pay(
        &self,
        connection: &mut Connection,
        operation: &mut Operation,
        hands: &mut Hands,
        offer: &Offer,
    ) -> Result<Vec<Told>, MarketError> {
        if hands.gold < offer.price {
            return Err(ItemsError::NotEnoughGold { needed: offer.price, has: hands.gold }.into());
        }
        let purse = Purse::Character(hands.holder.character);
        let fee = self.config.sales_fee(offer.price);
        if fee > 0 {
            operation.pay_for(connection, purse, Purse::Mint, fee, "sales fee").await?;
        }
        let (base, proceeds) = (offer.item.item.base.as_str(), offer.price - fee);
        let gold = Some((purse, proceeds));
        let owed = Owed { to: offer.seller, kind: LetterKind::Sold, about: base, item: None, gold };
        let (letter, arrived) = self.mail.owe(connection, operation, owed).await?;
        hands.gold -= offer.price;
        let sold = arrived.as_ref().map(|arrived| Told {
            account: arrived.account,
            message: proto::MarketSold {
                character_id: offer.seller.raw(),
                offer_id: offer.id.raw(),
                base: base.to_owned(),
                price: offer.price.unsigned_abs(),
                proceeds: proceeds.unsigned_abs(),
                letter_id: letter.raw(),
                event: 0,
            }
            .into(),
        });
        Ok(sold.into_iter().chain(arrived).collect())
    }

    /// The goods: into the inventory, or by mail when there is no room. The offer is over.
    async fn deliver(
        &self,
        connection: &mut Connection,
        operation: &mut Operation,
        hands: &mut Hands,
        offer: &Offer,
        told: &mut Vec<Told>,
    ) -> Result<(ItemId, Option<LetterId>), MarketError> {
        store::delete(connection, offer.id).await?;
        let (holder, base) = (hands.holder, offer.item.item.base.as_str());
        let (item, letter) = if hands.room_for(offer.item.size).is_some() {
            (self.items.take_in(operation, connection, hands, &offer.item).await?, None)
        } else {
            let owed = Owed {
                to: holder.character,
                kind: LetterKind::Bought,
                about: base,
                item: Some(&offer.item),
                gold: None,
            };
            let (letter, arrived) = self.mail.owe(connection, operation, owed).await?;
            told.extend(arrived);
            (offer.item.key, Some(letter))
        };
        let bought = proto::MarketBought {
            character_id: holder.character.raw(),
            offer_id: offer.id.raw(),
            item_id: item.raw(),
            base: base.to_owned(),
            price: offer.price.unsigned_abs(),
            letter_id: letter.map_or(0, LetterId::raw),
            event: 0,
        };
        told.push(Told { account: holder.account, message: bought.into() });
        Ok((item, letter))
    }

    /// The mistake that tests make on purpose: the gold goes in a transaction of its own, which no key guards.
    async fn pay_apart(&self, holder: Holder, id: OfferId) -> Result<(), MarketError> {
        let market = self.clone();
        self.storage
            .write(move |connection| {
                Box::pin(async move {
                    let offer = market.open(connection, holder, id).await?;
                    let mut operation = market.items.begin("market.buy", Doer::Person(Who::Account(holder.account)));
                    let mut hands = operation.enter(connection, &holder).await?;
                    market.pay(connection, &mut operation, &mut hands, &offer).await?;
                    Ok(operation.finish(connection).await?)
                })
            })
            .await
    }
}
