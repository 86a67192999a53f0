//! A connection that has logged in to a full realm: it waits in the queue and is told how far it has come.

use std::{sync::Arc, time::Duration};

use realm_protocol::{ClientMessage, proto};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    Shared,
    arrival::Arrival,
    limits::{Kind, Limits, Overrun},
    login,
    queue::{Call, Number, Ticket},
};
use crate::types::{CloseReason, Code, Incoming, Outgoing, Refusal};

/// Time between two QUEUE_POSITION.
const TOLD_INTERVAL: Duration = Duration::from_secs(3);

/// A place in the queue. Dropping it gives the place up, the one that was kept for its owner too.
pub(super) struct Waiting {
    shared: Arc<Shared>,
    ticket: Ticket,
}

/// How the wait ended.
enum Ended {
    /// A place is kept.
    Called,
    /// The client is told why not.
    Refused(Refusal),
    /// The client is told why it must go.
    Away(CloseReason),
    /// The client is gone.
    Gone,
}

impl Waiting {
    pub(super) fn new(shared: &Arc<Shared>, ticket: Ticket) -> Self {
        Self { shared: Arc::clone(shared), ticket }
    }

    /// The number by which the place that is kept can be taken.
    pub(super) fn number(&self) -> Number {
        self.ticket.number
    }

    /// Waits for a place. False when there will be none: the client has been told.
    pub(super) async fn wait(&mut self, arrival: &mut Arrival) -> bool {
        let ended = self.wait_for_end(arrival).await;
        let outbox = &arrival.connection.outbox;
        match ended {
            Ended::Called => return true,
            Ended::Refused(refusal) => {
                login::fail(&self.shared, outbox, std::mem::take(&mut arrival.login.nonce), refusal);
            }
            Ended::Away(reason) => outbox.close(reason),
            Ended::Gone => {}
        }
        false
    }

    async fn wait_for_end(&mut self, arrival: &mut Arrival) -> Ended {
        let shared = Arc::clone(&self.shared);
        let deadline = Instant::now() + Duration::from_secs(shared.config.queue_seconds_max.into());
        let mut limits = Limits::new(&shared.config);
        let mut positions = Positions::new(&shared, self.ticket.number);
        let token_end = shared.features.accounts.session_ended(arrival.login.identity.session);
        tokio::pin!(token_end);
        loop {
            tokio::select! {
                biased;
                call = &mut self.ticket.call => return match call {
                    Ok(Call::Come) => Ended::Called,
                    Ok(Call::Away(reason)) => Ended::Away(reason),
                    // Only the end of the registry takes the queue away without a word.
                    Err(_) => Ended::Gone,
                },
                () = &mut token_end => {
                    let problem = "This log-in was ended elsewhere; log in again.";
                    return Ended::Refused(Refusal::new(Code::TokenInvalid, problem));
                }
                incoming = arrival.connection.incoming.recv() => {
                    let Some(incoming) = incoming else { return Ended::Gone };
                    if let Some(ended) = self.hear(*incoming, &mut limits, arrival) {
                        return ended;
                    }
                }
                () = sleep_until(deadline) => return Ended::Refused(shared.registry().full()),
                (position, waiting) = positions.next() => {
                    let told = proto::QueuePosition {
                        position: number(position),
                        waiting: number(waiting),
                        nonce: arrival.login.nonce.clone(),
                        heartbeat_ms: shared.config.heartbeat_ms,
                        silence_max_ms: shared.features.silence_max_ms,
                    };
                    // An outbox that cannot take it closes the connection, and then nothing more comes in.
                    let _ = arrival.connection.outbox.try_send(Outgoing::answer(told));
                }
            }
        }
    }

    /// Before a place is free, a client gives signs of life or goes.
    fn hear(&self, incoming: Incoming, limits: &mut Limits, arrival: &Arrival) -> Option<Ended> {
        let outbox = &arrival.connection.outbox;
        match (limits.admit(Kind::Request, std::time::Instant::now()), incoming) {
            (Err(Overrun::Wait(_)), _) => None,
            (Err(Overrun::Flood), _) => {
                let problem = "Too much was sent while waiting for a place; send a PING now and then.";
                Some(Ended::Refused(Refusal::retry(Code::RateLimited, problem, 10_000)))
            }
            (Ok(()), Incoming::Message { message: ClientMessage::Ping(ping), .. }) => {
                let _ = outbox.try_send(Outgoing::answer(proto::Pong { token: ping.token }));
                None
            }
            (Ok(()), Incoming::Message { message: ClientMessage::Pong(_), .. }) => None,
            (Ok(()), Incoming::Message { message: ClientMessage::Logout(_), .. }) => Some(Ended::Away(CloseReason {
                code: Code::LoggedOut,
                message: "You wait no longer; see you again.".to_owned(),
                reconnect_after_ms: 0,
            })),
            (Ok(()), Incoming::Message { sequence, message }) => {
                let problem = format!("{} has to wait: there is no place in the realm for you yet.", message.name());
                self.shared.refuse(
                    outbox,
                    Some(&arrival.login.identity),
                    sequence,
                    &Refusal::new(Code::NotLoggedIn, problem),
                );
                None
            }
            (Ok(()), Incoming::Unreadable { sequence, problem }) => {
                let refusal = Refusal::new(Code::MessageInvalid, problem);
                self.shared.refuse(outbox, Some(&arrival.login.identity), sequence, &refusal);
                None
            }
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.shared.registry().leave_queue(self.ticket.number);
        self.shared.show_queue();
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The places that are worth telling: the first at once, then what has changed, at most every few seconds.
struct Positions<'a> {
    shared: &'a Shared,
    number: Number,
    moves: watch::Receiver<u64>,
    told: Option<(usize, usize)>,
    not_before: Instant,
}

impl<'a> Positions<'a> {
    fn new(shared: &'a Shared, number: Number) -> Self {
        let moves = shared.registry().queue_moves();
        Self { shared, number, moves, told: None, not_before: Instant::now() }
    }

    /// Safe to drop at any wait.
    async fn next(&mut self) -> (usize, usize) {
        loop {
            sleep_until(self.not_before).await;
            if self.told.is_some() && self.moves.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            self.moves.mark_unchanged();
            let position = self.shared.registry().queue_position(self.number);
            // Who was called has no place in the queue any more, and hears of it in a moment.
            if let Some(place) = position
                && self.told.is_none_or(|told| told.0 != place.0)
            {
                self.told = Some(place);
                self.not_before = Instant::now() + TOLD_INTERVAL;
                return place;
            }
            self.told.get_or_insert((0, 0));
        }
    }
}
