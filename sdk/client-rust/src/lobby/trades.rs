//! Trading with somebody in the same channel or game.

use realm_protocol::{ServerMessage, proto};
use tokio::time::Duration;

use super::Lobby;
use crate::ClientError;

/// How a trade stands, or that it is over.
#[derive(Debug, Clone, PartialEq)]
pub enum TradeNews {
    /// It is not over.
    State(proto::TradeState),
    /// It is over.
    Ended(proto::TradeEnded),
}

/// What a message says about a trade.
fn news(message: &ServerMessage, trade_id: u64) -> Option<TradeNews> {
    match message {
        ServerMessage::TradeState(state) if state.trade_id == trade_id => Some(TradeNews::State(state.clone())),
        ServerMessage::TradeEnded(ended) if ended.trade_id == trade_id => Some(TradeNews::Ended(ended.clone())),
        _ => None,
    }
}

/// Why a verb has no answer but the end of its trade.
fn over(ended: proto::TradeEnded) -> ClientError {
    let proto::TradeEnded { code, message, .. } = ended;
    ClientError::Refused { status: 0, code, message, retry_after_ms: 0 }
}

/// Every verb names the version of the state that it is given, and is refused with `TRADE_STALE` when the trade was changed meanwhile: show
/// the player the newest state, which has come as an event. A trade that ends instead of answering gives the code of its end.
impl Lobby {
    /// Invites somebody in the same channel or game; go on with [`Self::trade_news`].
    ///
    /// # Errors
    /// [`ClientError::Refused`] when one of the two cannot trade now, or the connection fails.
    pub async fn invite_to_trade(&mut self, account: &str) -> Result<proto::TradeState, ClientError> {
        let request = proto::TradeInvite { account: account.to_owned() };
        self.ask(request, |message| match message {
            ServerMessage::TradeState(state) if state.stage == "invited" => Some(state.clone()),
            _ => None,
        })
        .await
    }

    /// The next invitation, of those that wait and those that come within `deadline`.
    ///
    /// # Errors
    /// As [`Lobby::next`].
    pub async fn trade_invitation(&mut self, deadline: Duration) -> Result<proto::TradeInvited, ClientError> {
        self.wait_for(deadline, |message| match message {
            ServerMessage::TradeInvited(invited) => Some(invited.clone()),
            _ => None,
        })
        .await
    }

    /// Takes an invitation.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when it has lapsed or the player trades already, or the connection fails.
    pub async fn accept_trade(&mut self, invited: &proto::TradeInvited) -> Result<proto::TradeState, ClientError> {
        let proto::TradeInvited { trade_id, version, .. } = *invited;
        self.trade_verb(proto::TradeAccept { trade_id, version }, trade_id, |state| state.stage == "open").await
    }

    /// Lays this on the table in the place of what lay there.
    ///
    /// # Errors
    /// [`ClientError::Refused`], for example with `ITEM_NOT_CARRIED`, or the connection fails.
    pub async fn offer_in_trade(
        &mut self,
        seen: &proto::TradeState,
        item_ids: &[u64],
        gold: u64,
    ) -> Result<proto::TradeState, ClientError> {
        let (trade_id, version) = (seen.trade_id, seen.version);
        let request = proto::TradeOffer { trade_id, version, item_ids: item_ids.to_vec(), gold };
        let lies_there = |state: &proto::TradeState| {
            let own = state.own.as_ref();
            state.version > version
                && own.is_some_and(|own| {
                    own.gold == gold && own.items.iter().map(|item| item.item_id).eq(item_ids.iter().copied())
                })
        };
        self.trade_verb(request, trade_id, lies_there).await
    }

    /// Is content with what lies on the table.
    ///
    /// # Errors
    /// [`ClientError::Refused`], or the connection fails.
    pub async fn lock_trade(&mut self, seen: &proto::TradeState) -> Result<proto::TradeState, ClientError> {
        let (trade_id, version) = (seen.trade_id, seen.version);
        let locked =
            |state: &proto::TradeState| state.version == version && state.own.as_ref().is_some_and(|own| own.locked);
        self.trade_verb(proto::TradeLock { trade_id, version }, trade_id, locked).await
    }

    /// Wants what both have locked carried out; [`Self::trade_end`] says what came of it. When no answer came, it may be called again: a trade
    /// that is over tells its end again.
    ///
    /// # Errors
    /// [`ClientError::Refused`], or the connection fails.
    pub async fn confirm_trade(&mut self, seen: &proto::TradeState) -> Result<TradeNews, ClientError> {
        let (trade_id, version) = (seen.trade_id, seen.version);
        self.ask(proto::TradeConfirm { trade_id, version }, |message| match news(message, trade_id)? {
            TradeNews::State(state) if !state.own.as_ref().is_some_and(|own| own.confirmed) => None,
            news => Some(news),
        })
        .await
    }

    /// Ends a trade, takes an invitation back, or declines one.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with `TRADE_NOT_READY` when it is being carried out, or the connection fails.
    pub async fn cancel_trade(&mut self, trade_id: u64) -> Result<proto::TradeEnded, ClientError> {
        self.ask(proto::TradeCancel { trade_id }, |message| match news(message, trade_id)? {
            TradeNews::Ended(ended) => Some(ended),
            TradeNews::State(_) => None,
        })
        .await
    }

    /// How a trade stands, or how it ended; 0 is the one that is open, or the last one.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with `TRADE_UNKNOWN`, or the connection fails.
    pub async fn query_trade(&mut self, trade_id: u64) -> Result<TradeNews, ClientError> {
        self.ask(proto::TradeQuery { trade_id }, |message| match message {
            ServerMessage::TradeState(state) if trade_id == 0 || state.trade_id == trade_id => {
                Some(TradeNews::State(state.clone()))
            }
            ServerMessage::TradeEnded(ended) if trade_id == 0 || ended.trade_id == trade_id => {
                Some(TradeNews::Ended(ended.clone()))
            }
            _ => None,
        })
        .await
    }

    /// What is told next of a trade, of what waits and what comes within `deadline`.
    ///
    /// # Errors
    /// As [`Lobby::next`].
    pub async fn trade_news(&mut self, trade_id: u64, deadline: Duration) -> Result<TradeNews, ClientError> {
        self.wait_for(deadline, |message| news(message, trade_id)).await
    }

    /// The end of a trade, of what waits and what comes within `deadline`.
    ///
    /// # Errors
    /// As [`Lobby::next`].
    pub async fn trade_end(&mut self, trade_id: u64, deadline: Duration) -> Result<proto::TradeEnded, ClientError> {
        self.wait_for(deadline, |message| match news(message, trade_id)? {
            TradeNews::Ended(ended) => Some(ended),
            TradeNews::State(_) => None,
        })
        .await
    }

    async fn trade_verb(
        &mut self,
        request: impl Into<realm_protocol::ClientMessage>,
        trade_id: u64,
        answers: impl Fn(&proto::TradeState) -> bool,
    ) -> Result<proto::TradeState, ClientError> {
        self.ask(request, |message| match news(message, trade_id)? {
            TradeNews::State(state) if !answers(&state) => None,
            TradeNews::State(state) => Some(Ok(state)),
            TradeNews::Ended(ended) => Some(Err(over(ended))),
        })
        .await?
    }
}
