//! Trades of a session: what is asked of them, and where its player stands. What comes of it both are told by events.

use realm_protocol::proto;

use super::{lobby::Reply, player::Session, sentence};
use crate::{
    trade::{Figure, TradeError},
    types::{AccountName, Code, ItemId, Refusal, TradeId},
};

impl Session {
    /// Says where the player is, and with which character: who goes elsewhere trades there no more.
    pub(super) fn stand_for_trade(&mut self) {
        if self.trade.stands(self.selected.as_ref().map(|character| character.id), self.seat.channel()) {
            return;
        }
        let figure = self.selected.as_ref().map(|character| Figure {
            id: character.id,
            name: character.name.clone(),
            hardcore: character.sheet.hardcore,
        });
        self.trade.stand(figure, self.seat.channel());
    }

    pub(super) fn invite_to_trade(&self, request: proto::TradeInvite) -> Result<Reply, Refusal> {
        let name = AccountName::new(request.account)
            .map_err(|error| Refusal::new(Code::InvalidUsername, sentence(&error.to_string())))?;
        self.trade.invite(&name)?;
        Ok(Reply::Nothing)
    }

    pub(super) fn accept_trade(&self, request: proto::TradeAccept) -> Result<Reply, Refusal> {
        self.trade.accept(TradeId::from_raw(request.trade_id), request.version)?;
        Ok(Reply::Nothing)
    }

    pub(super) async fn offer_in_trade(&self, request: proto::TradeOffer) -> Result<Reply, Refusal> {
        let items: Vec<ItemId> = request.item_ids.into_iter().map(ItemId::from_raw).collect();
        let gold = i64::try_from(request.gold).map_err(|_| TradeError::OfferInvalid)?;
        self.trade.offer(TradeId::from_raw(request.trade_id), request.version, &items, gold).await?;
        Ok(Reply::Nothing)
    }

    pub(super) fn lock_trade(&self, request: proto::TradeLock) -> Result<Reply, Refusal> {
        self.trade.lock(TradeId::from_raw(request.trade_id), request.version)?;
        Ok(Reply::Nothing)
    }

    pub(super) async fn confirm_trade(&self, request: proto::TradeConfirm) -> Result<Reply, Refusal> {
        self.trade.confirm(TradeId::from_raw(request.trade_id), request.version).await?;
        Ok(Reply::Nothing)
    }

    pub(super) fn cancel_trade(&self, request: proto::TradeCancel) -> Result<Reply, Refusal> {
        self.trade.cancel(TradeId::from_raw(request.trade_id))?;
        Ok(Reply::Nothing)
    }

    pub(super) async fn query_trade(&self, request: proto::TradeQuery) -> Result<Reply, Refusal> {
        let trade = (request.trade_id != 0).then(|| TradeId::from_raw(request.trade_id));
        self.trade.query(trade).await?;
        Ok(Reply::Nothing)
    }
}
