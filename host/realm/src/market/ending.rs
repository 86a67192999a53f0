//! Offers that end unsold: withdrawn, or over. What was offered comes back by mail.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use realm_protocol::proto;

use super::{Market, MarketError, Offer, store};
use crate::{
    audit::Who,
    items::{Doer, Operation},
    mail::{Done, LetterKind, Owed, Told},
    once::{self, Answered, Once},
    storage::Connection,
    types::{AccountId, LetterId, OfferId},
};

/// How often offers that are over are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(15);
/// Offers that are taken down in one write.
const OFFERS_PER_WRITE_MAX: u32 = 32;

impl Market {
    /// Withdraws an offer; what was offered comes by mail, so that it needs neither room nor the character. Answers with the letter.
    ///
    /// # Errors
    /// [`MarketError::OfferUnknown`] when it is none of the account's, or is sold, and those of the database.
    pub async fn withdraw(
        &self,
        account: AccountId,
        id: OfferId,
        once: Option<Once<Done<LetterId>>>,
    ) -> Result<Answered<Done<LetterId>>, MarketError> {
        let market = self.clone();
        let done = once::write::<_, MarketError, _>(&self.storage, once, move |connection| {
            Box::pin(async move {
                let found = store::find(connection, &market.realm, id).await?;
                let offer = found.ok_or(MarketError::OfferUnknown)?;
                let seller = store::person(connection, offer.seller).await?;
                if seller.is_none_or(|seller| seller.account != account) {
                    return Err(MarketError::OfferUnknown);
                }
                let mut operation = market.items.begin("market.withdraw", Doer::Person(Who::Account(account)));
                let (letter, told) = market.send_home(connection, &mut operation, &offer).await?;
                operation.finish(connection).await?;
                Ok(Done { what: letter, told })
            })
        })
        .await?;
        if let Answered::Now(done) = &done {
            self.mail.news().tell(done.told.iter().cloned());
        }
        Ok(done)
    }

    /// Takes down all offers that are over; answers with how many there were.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn expire(&self) -> Result<u64, MarketError> {
        let mut ended = 0;
        loop {
            let now_ms = self.storage.now_ms();
            let due = store::due(self.storage.reader(), &self.realm, now_ms, OFFERS_PER_WRITE_MAX).await?;
            if due.is_empty() {
                return Ok(ended);
            }
            ended += due.len() as u64;
            let market = self.clone();
            let (told, is_done) = self
                .storage
                .write::<_, MarketError, _>(move |connection| {
                    Box::pin(async move {
                        let (mut all, mut is_done) = (Vec::new(), false);
                        for id in due {
                            // It may have been bought or withdrawn since.
                            let Some(offer) = store::find(connection, &market.realm, id).await? else { continue };
                            let mut operation = market.items.begin("market.expire", Doer::Realm);
                            all.extend(market.send_home(connection, &mut operation, &offer).await?.1);
                            operation.finish(connection).await?;
                            is_done = true;
                        }
                        Ok((all, is_done))
                    })
                })
                .await?;
            self.mail.news().tell(told);
            // Others were faster, or what they name is not there: never the same ones again and again.
            if !is_done {
                return Ok(ended);
            }
        }
    }

    async fn send_home(
        &self,
        connection: &mut Connection,
        operation: &mut Operation,
        offer: &Offer,
    ) -> Result<(LetterId, Vec<Told>), MarketError> {
        store::delete(connection, offer.id).await?;
        let base = offer.item.item.base.as_str();
        let owed =
            Owed { to: offer.seller, kind: LetterKind::Unsold, about: base, item: Some(&offer.item), gold: None };
        let (letter, told) = self.mail.owe(connection, operation, owed).await?;
        let ended = told.as_ref().map(|told| Told {
            account: told.account,
            message: proto::MarketEnded {
                character_id: offer.seller.raw(),
                offer_id: offer.id.raw(),
                base: base.to_owned(),
                letter_id: letter.raw(),
                event: 0,
            }
            .into(),
        });
        Ok((letter, ended.into_iter().chain(told).collect()))
    }
}

/// Looks for offers that are over, now and every few seconds, until the realm stops.
pub fn sweep_regularly(market: &Market, stopping: &Arc<AtomicBool>) {
    let (market, stopping) = (market.clone(), Arc::downgrade(stopping));
    tokio::spawn(async move {
        let mut times = tokio::time::interval(SWEEP_EVERY);
        times.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            times.tick().await;
            if stopping.upgrade().is_none_or(|stopping| stopping.load(Ordering::Relaxed)) {
                return;
            }
            if let Err(error) = market.expire().await {
                tracing::warn!(%error, "offers that are over could not be taken down; tried again in a moment");
            }
        }
    });
}
