//! A session that looks for others to play with: the search is the session's own, and goes on while its connection is lost.

use realm_protocol::proto;

use super::{
    lobby::{Reply, difficulty},
    player::Session,
};
use crate::{
    games::Search,
    types::{Code, Refusal},
};

impl Session {
    /// Begins to look for a match; what comes of it is told by an event.
    pub(super) async fn search_match(&mut self, request: proto::MatchSearch) -> Result<Reply, Refusal> {
        if self.search.is_some() {
            let problem = "You look for a match already; wait for it, or end the search with MATCH_CANCEL.";
            return Err(Refusal::new(Code::MatchSearching, problem));
        }
        let character = self.selected()?;
        let difficulty = difficulty(&request.difficulty)?.unwrap_or_default();
        let search = self.home.games.search(self.player(), character, difficulty).await?;
        let waiting = u32::try_from(search.waiting()).unwrap_or(u32::MAX);
        let wait_max_ms = u32::try_from(search.wait_max().as_millis()).unwrap_or(u32::MAX);
        self.search = Some(search);
        Reply::answer(proto::MatchSearching { waiting, wait_max_ms })
    }

    /// Looks no more, unless a seat is being taken this very moment: then MATCH_FOUND follows.
    pub(super) fn cancel_match(&mut self) -> Result<Reply, Refusal> {
        let none = || Refusal::new(Code::MatchNone, "You do not look for a match; MATCH_SEARCH begins to.");
        if self.search.as_ref().ok_or_else(none)?.withdraw() {
            let refusal = Refusal::new(Code::MatchCancelled, "You look for a match no more.");
            self.matched(Err(refusal));
        }
        Ok(Reply::Nothing)
    }

    /// The search is over.
    pub(super) fn matched(&mut self, outcome: Result<proto::GameTicket, Refusal>) {
        self.search = None;
        match outcome {
            Ok(ticket) => self.events.tell(proto::MatchFound { ticket: Some(ticket), event: 0 }),
            Err(Refusal { code, message, retry_after_ms, .. }) => {
                let retry_after_ms = retry_after_ms.unwrap_or(0);
                self.events.tell(proto::MatchEnded {
                    code: code.as_str().to_owned(),
                    message,
                    retry_after_ms,
                    event: 0,
                });
            }
        }
    }
}

/// What comes of a search; waits for ever while there is none. Safe to drop at any wait.
pub(super) async fn outcome(search: &mut Option<Search>) -> Result<proto::GameTicket, Refusal> {
    match search {
        Some(search) => search.outcome().await,
        None => std::future::pending().await,
    }
}
