//! Looking for others to play with.

use realm_protocol::{ServerMessage, proto};
use tokio::time::Duration;

use super::Lobby;
use crate::ClientError;

/// What ends a search.
fn end(message: &ServerMessage) -> Option<Result<proto::GameTicket, ClientError>> {
    match message {
        ServerMessage::MatchFound(found) => Some(Ok(found.ticket.clone().unwrap_or_default())),
        ServerMessage::MatchEnded(ended) => Some(Err(ClientError::Refused {
            status: 0,
            code: ended.code.clone(),
            message: ended.message.clone(),
            retry_after_ms: ended.retry_after_ms,
        })),
        _ => None,
    }
}

impl Lobby {
    /// Begins to look for others who want to play at this difficulty (empty is normal), with the selected character. Go on with
    /// [`Self::await_match`] or [`Self::cancel_match`].
    ///
    /// # Errors
    /// When the realm refuses it, or the connection fails.
    pub async fn search_match(&mut self, difficulty: &str) -> Result<proto::MatchSearching, ClientError> {
        let request = proto::MatchSearch { difficulty: difficulty.to_owned() };
        let began = |message: &ServerMessage| match message {
            ServerMessage::MatchSearching(searching) => Some(*searching),
            _ => None,
        };
        let searching = self.ask(request, began).await?;
        self.search_wait_max = Duration::from_millis(searching.wait_max_ms.into());
        Ok(searching)
    }

    /// Waits for the end of the search: a seat in a game with others. May be cancelled and called again.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with `MATCH_NONE` when nobody was found in time, or another code that says why.
    pub async fn await_match(&mut self) -> Result<proto::GameTicket, ClientError> {
        let deadline = self.search_wait_max + self.connection.deadline();
        self.wait_for(deadline, end).await?
    }

    /// Looks for others and waits for the seat: [`Self::search_match`] and [`Self::await_match`].
    ///
    /// # Errors
    /// As those.
    pub async fn find_match(&mut self, difficulty: &str) -> Result<proto::GameTicket, ClientError> {
        self.search_match(difficulty).await?;
        self.await_match().await
    }

    /// Ends the search. Gives the seat when a match was found in this very moment.
    ///
    /// # Errors
    /// When no search is under way, or the connection fails.
    pub async fn cancel_match(&mut self) -> Result<Option<proto::GameTicket>, ClientError> {
        let known = self.backlog.iter().enumerate().find_map(|(index, message)| Some((index, end(message)?)));
        if let Some((index, outcome)) = known {
            self.backlog.remove(index);
            return outcome.map(Some);
        }
        match self.ask(proto::MatchCancel {}, end).await? {
            Ok(ticket) => Ok(Some(ticket)),
            Err(ended) if ended.code() == Some("MATCH_CANCELLED") => Ok(None),
            Err(ended) => Err(ended),
        }
    }
}
