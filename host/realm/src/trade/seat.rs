//! One connected player's verbs. What comes of them both hear as events.

use std::sync::Arc;

use super::{
    Shared,
    book::Notice,
    ending::Ending,
    error::TradeError,
    exchange::is_carried,
    terms::{Figure, OFFER_ITEMS_MAX, Offered, Part},
};
use crate::{
    items::GOLD_MAX,
    types::{AccountId, AccountName, ChannelName, CharacterId, ItemId, TradeId},
};

/// Somebody connected who may trade. Dropping it leaves: a trade ends, unless it is being carried out.
pub struct TradeSeat {
    shared: Arc<Shared>,
    account: AccountId,
    serial: u64,
    /// As it was told last.
    character: Option<CharacterId>,
    channel: Option<String>,
}

impl TradeSeat {
    pub(super) fn new(shared: Arc<Shared>, account: AccountId, serial: u64) -> Self {
        Self { shared, account, serial, character: None, channel: None }
    }

    /// Whether that is where the player was said to be last.
    #[must_use]
    pub fn stands(&self, character: Option<CharacterId>, channel: Option<&ChannelName>) -> bool {
        character == self.character && channel.map(ChannelName::folded) == self.channel.as_deref()
    }

    /// The player is there now, with this character. What is left by it ends, and both are told.
    pub fn stand(&mut self, figure: Option<Figure>, channel: Option<&ChannelName>) {
        self.channel = channel.map(|channel| channel.folded().to_owned());
        self.character = figure.as_ref().map(|figure| figure.id);
        let mut hall = self.shared.hall();
        if !hall.book.is_current(self.account, self.serial) {
            return;
        }
        let game = self.shared.whereabouts.game_of(self.account);
        let notices = hall.book.stand(self.shared.now_ms(), self.account, figure, self.channel.clone(), game);
        self.shared.tell(&hall, notices);
    }

    /// The connection is lost: what is not being carried out ends.
    pub fn lose(&self) {
        self.set_away(true);
    }

    /// The connection is back.
    pub fn come_back(&self) {
        self.set_away(false);
    }

    fn set_away(&self, away: bool) {
        let mut hall = self.shared.hall();
        if !hall.book.is_current(self.account, self.serial) {
            return;
        }
        let notices = hall.book.set_away(self.shared.now_ms(), self.account, away);
        self.shared.tell(&hall, notices);
    }

    /// Tells a client that has missed events how its trade stands, or how the last one ended, and who waits for an answer.
    pub fn show(&self) {
        let (to, mut notices) = (self.account, Vec::new());
        let hall = self.shared.hall();
        match hall.book.own(to) {
            Some(trade) => notices.push(Notice::State { to, trade }),
            None => notices.extend(remembered(&hall.book, to, None)),
        }
        notices.extend(hall.book.invited(to).into_iter().map(|trade| Notice::Invited { to, trade }));
        self.shared.tell(&hall, notices);
    }

    /// The other one in a trade.
    fn partner(&self, trade: TradeId) -> Option<AccountId> {
        let hall = self.shared.hall();
        let deal = hall.book.deal(trade)?;
        let part = deal.part_of(self.account)?;
        Some(deal.stake(part.other()).person.account)
    }

    fn verb<T>(
        &self,
        trade: TradeId,
        verb: impl FnOnce(&mut super::Book<super::Lock>, i64) -> Result<(Vec<Notice>, T), TradeError>,
    ) -> Result<T, TradeError> {
        self.shared.verb((self.account, self.serial), self.partner(trade), verb)
    }

    /// Invites somebody in the same place.
    ///
    /// # Errors
    /// When one of the two cannot trade now, or there were too many invitations.
    pub fn invite(&self, name: &AccountName) -> Result<(), TradeError> {
        let storage = &self.shared.exchange.storage;
        let trade = storage.ids().next(storage.now_ms());
        let with = self.shared.hall().book.account_named(name);
        let invite = |book: &mut super::Book<super::Lock>, now_ms: i64| {
            Ok((book.invite(now_ms, trade, self.account, name)?, ()))
        };
        self.shared.verb((self.account, self.serial), with, invite)
    }

    /// Takes an invitation.
    ///
    /// # Errors
    /// When there is none of this key and version, or the player trades already.
    pub fn accept(&self, trade: TradeId, version: u64) -> Result<(), TradeError> {
        self.verb(trade, |book, now_ms| Ok((book.accept(now_ms, self.account, trade, version)?, ())))
    }

    /// Lays this on the table in the place of what lay there, and unlocks both.
    ///
    /// # Errors
    /// When something else than the newest version is named, the items are not the character's or lie elsewhere, or there is less gold.
    pub async fn offer(&self, trade: TradeId, version: u64, keys: &[ItemId], gold: i64) -> Result<(), TradeError> {
        if keys.len() > OFFER_ITEMS_MAX || !(0..=GOLD_MAX).contains(&gold) {
            return Err(TradeError::OfferInvalid);
        }
        let (held, character) = self.verb(trade, |book, _| {
            let held = book.before_offer(self.account, trade, version)?;
            let deal = book.deal(trade).ok_or(TradeError::Unknown)?;
            let part = deal.part_of(self.account).ok_or(TradeError::Unknown)?;
            Ok((Vec::new(), (held, deal.stake(part).person.character)))
        })?;
        let items = &self.shared.exchange.items;
        let belongings = items.of(character).await?;
        if belongings.gold < gold {
            return Err(TradeError::NotEnoughGold { has: belongings.gold });
        }
        let mut offered: Vec<Offered<super::Lock>> = Vec::with_capacity(keys.len());
        for key in keys {
            if offered.iter().any(|other| other.key == *key) {
                return Err(TradeError::OfferInvalid);
            }
            let owned = belongings.get(*key).filter(|owned| is_carried(owned));
            let owned = owned.ok_or_else(|| TradeError::NotCarried(key.to_string()))?;
            // Only what is the player's own is ever locked.
            let guard = match held.iter().find(|held| held.key == *key) {
                Some(held) => Arc::clone(&held.guard),
                None => Arc::new(items.lock(&[*key])?),
            };
            offered.push(Offered { key: *key, version: owned.version, item: owned.item.clone(), guard });
        }
        drop(held);
        self.verb(trade, |book, now_ms| Ok((book.offer(now_ms, self.account, (trade, version), offered, gold)?, ())))
    }

    /// Is content with what lies on the table.
    ///
    /// # Errors
    /// When something else than the newest version is named, or nothing lies there.
    pub fn lock(&self, trade: TradeId, version: u64) -> Result<(), TradeError> {
        self.verb(trade, |book, now_ms| Ok((book.lock(now_ms, self.account, trade, version)?, ())))
    }

    /// Wants what both have locked carried out. Of a trade that is over, tells again how it ended.
    ///
    /// # Errors
    /// When something else than the newest version is named, or not both have locked it.
    pub async fn confirm(&self, trade: TradeId, version: u64) -> Result<(), TradeError> {
        let confirmed = self.verb(trade, |book, now_ms| book.confirm(now_ms, self.account, trade, version));
        match confirmed {
            Ok(Some(contract)) => {
                self.shared.carry_out(trade, contract);
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(TradeError::Unknown) => self.tell_end(trade).await,
            Err(error) => Err(error),
        }
    }

    /// Ends a trade, takes an invitation back, or declines one.
    ///
    /// # Errors
    /// When there is no such trade, or it is being carried out.
    pub fn cancel(&self, trade: TradeId) -> Result<(), TradeError> {
        self.verb(trade, |book, now_ms| Ok((book.cancel(now_ms, self.account, trade)?, ())))
    }

    /// Tells how a trade stands, or how it ended; without a key the one that is open, or the last one.
    ///
    /// # Errors
    /// When there was none, or it is more than a day over.
    pub async fn query(&self, trade: Option<TradeId>) -> Result<(), TradeError> {
        let mut asked = trade;
        {
            let (to, hall) = (self.account, self.shared.hall());
            if let Some(trade) = trade.or_else(|| hall.book.own(to)) {
                if let Some((deal, part)) = hall.book.deal(trade).and_then(|deal| Some((deal, deal.part_of(to)?))) {
                    let waits = part == Part::Guest && deal.stage == super::deal::Stage::Invited;
                    let notice = if waits { Notice::Invited { to, trade } } else { Notice::State { to, trade } };
                    self.shared.tell(&hall, vec![notice]);
                    return Ok(());
                }
            } else {
                let (last, _) = hall.book.ended(to, None).ok_or(TradeError::Unknown)?;
                asked = Some(last);
            }
        }
        self.tell_end(asked.ok_or(TradeError::Unknown)?).await
    }

    /// Tells how a trade ended that is over, as far as anybody remembers: for some minutes every end, for a day what was carried out.
    async fn tell_end(&self, trade: TradeId) -> Result<(), TradeError> {
        let to = self.account;
        let known = remembered(&self.shared.hall().book, to, Some(trade));
        let notice = match known {
            Some(notice) if !matches!(notice, Notice::Ended { ending: Ending::Unsure, .. }) => notice,
            // What nobody was sure of may be known by now.
            unsure => {
                let done = self.shared.exchange.done(trade).await?.filter(|done| done.received_by(to).is_some());
                match (done, unsure) {
                    (Some(done), _) => {
                        let ending = Ending::Done(done);
                        self.shared.hall().book.correct(trade, &ending);
                        Notice::Ended { to, trade, ending }
                    }
                    (None, Some(unsure)) => unsure,
                    (None, None) => return Err(TradeError::Unknown),
                }
            }
        };
        self.shared.tell(&self.shared.hall(), vec![notice]);
        Ok(())
    }
}

fn remembered<G>(book: &super::Book<G>, to: AccountId, trade: Option<TradeId>) -> Option<Notice> {
    let (trade, ending) = book.ended(to, trade)?;
    Some(Notice::Ended { to, trade, ending: ending.clone() })
}

impl Drop for TradeSeat {
    fn drop(&mut self) {
        let mut hall = self.shared.hall();
        if let Some(notices) = hall.book.go(self.shared.now_ms(), self.account, self.serial) {
            self.shared.tell(&hall, notices);
            hall.events.remove(&self.account);
        }
    }
}
