//! The numbered stream of events towards one session: survives a lost connection, replays what was missed.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use realm_protocol::{Encoded, ServerMessage};

use super::{CloseReason, Outbox, Outgoing};

/// What attaching a new connection gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attached {
    /// Nothing was missed, or all of it is on its way again.
    Replayed(usize),
    /// Events were lost: the client must ask for lists and channels anew.
    Resync,
}

struct Inner {
    outbox: Option<Outbox>,
    /// Number of the last event; 0 before the first.
    last: u64,
    ring: VecDeque<(u64, Arc<Encoded>)>,
    ring_bytes: usize,
    closed: Option<CloseReason>,
    /// The stream goes on from one of an earlier run of the realm, and nobody has been told yet.
    begun_anew: bool,
}

/// Limits of the ring that a resumed connection is served from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingLimits {
    /// Most events kept.
    pub events_max: usize,
    /// Most bytes kept.
    pub bytes_max: usize,
}

/// A handle to one session's events; features hold clones of it and never wait on it.
#[derive(Clone)]
pub struct EventStream {
    inner: Arc<Mutex<Inner>>,
    limits: RingLimits,
}

impl fmt::Debug for EventStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EventStream").field("last", &self.lock().last).finish_non_exhaustive()
    }
}

impl EventStream {
    /// A stream without a connection.
    #[must_use]
    pub fn new(limits: RingLimits) -> Self {
        Self::starting(limits, 0, false)
    }

    /// A stream that goes on after event `last` of an earlier run of the realm. The first connection is told to resync, for what it
    /// may have missed before is lost; what happens from now on it gets nevertheless.
    #[must_use]
    pub fn continued(limits: RingLimits, last: u64) -> Self {
        Self::starting(limits, last, true)
    }

    fn starting(limits: RingLimits, last: u64, begun_anew: bool) -> Self {
        let inner = Inner { outbox: None, last, ring: VecDeque::new(), ring_bytes: 0, closed: None, begun_anew };
        Self { inner: Arc::new(Mutex::new(inner)), limits }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No code under this lock can panic half-way, so a poisoned lock still guards a whole state.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ties the stream to a connection. `seen` is the last event the client has; `None` for a new session.
    pub fn attach(&self, outbox: Outbox, seen: Option<u64>) -> Attached {
        self.tie(outbox, seen, |_| None)
    }

    /// Ties the stream to a connection as [`Self::attach`] does, and sends `greeting` before any event.
    pub fn attach_with(
        &self,
        outbox: Outbox,
        seen: Option<u64>,
        greeting: impl FnOnce(Attached) -> Outgoing,
    ) -> Attached {
        self.tie(outbox, seen, |attached| Some(greeting(attached)))
    }

    fn tie(&self, outbox: Outbox, seen: Option<u64>, greeting: impl FnOnce(Attached) -> Option<Outgoing>) -> Attached {
        let mut inner = self.lock();
        if let Some(reason) = &inner.closed {
            outbox.close(reason.clone());
            return Attached::Resync;
        }
        let seen = seen.unwrap_or(inner.last);
        let oldest = inner.ring.front().map_or(inner.last + 1, |(number, _)| *number);
        let missed: Vec<_> = (inner.ring.iter().filter(|(number, _)| *number > seen))
            .map(|(number, encoded)| Outgoing::Message { encoded: Arc::clone(encoded), event: Some(*number) })
            .collect();
        // A replay that overflows the new connection would close it again, and again after the next resume.
        let fits = outbox.has_room(missed.len(), missed.iter().map(Outgoing::cost).sum());
        let lost = seen > inner.last || seen + 1 < oldest || !fits;
        let attached = if lost || inner.begun_anew { Attached::Resync } else { Attached::Replayed(missed.len()) };
        // Who comes back to another run of the realm gets all that this run has said, and asks for the rest.
        let replayed = match attached {
            Attached::Resync if !(inner.begun_anew && fits) => Vec::new(),
            Attached::Resync | Attached::Replayed(_) => missed,
        };
        let sent = greeting(attached).into_iter().chain(replayed).all(|outgoing| outbox.try_send(outgoing).is_ok());
        inner.outbox = sent.then_some(outbox);
        inner.begun_anew &= !sent;
        attached
    }

    /// Unties the connection; events are kept for a resume.
    pub fn detach(&self) {
        self.lock().outbox = None;
    }

    /// Numbers an event, keeps it and sends it if there is a connection. A connection that cannot take it is closed by its outbox.
    pub fn send(&self, encoded: &Arc<Encoded>) {
        let mut inner = self.lock();
        inner.last += 1;
        let number = inner.last;
        inner.ring_bytes += encoded.payload.len();
        inner.ring.push_back((number, Arc::clone(encoded)));
        while inner.ring.len() > self.limits.events_max || inner.ring_bytes > self.limits.bytes_max {
            let Some((_, oldest)) = inner.ring.pop_front() else { break };
            inner.ring_bytes -= oldest.payload.len();
        }
        let outgoing = Outgoing::Message { encoded: Arc::clone(encoded), event: Some(number) };
        if inner.outbox.as_ref().is_some_and(|outbox| outbox.try_send(outgoing).is_err()) {
            inner.outbox = None;
        }
    }

    /// Encodes and sends an event for this session alone.
    pub fn tell(&self, message: impl Into<ServerMessage>) {
        self.send(&Arc::new(Encoded::from(&message.into())));
    }

    /// Ends the session: closes the connection with the reason. The first reason wins.
    pub fn close(&self, reason: CloseReason) {
        let mut inner = self.lock();
        if let Some(outbox) = inner.outbox.take() {
            outbox.close(reason.clone());
        }
        inner.closed.get_or_insert(reason);
    }

    /// Why the session was ended, if it was.
    #[must_use]
    pub fn closed(&self) -> Option<CloseReason> {
        self.lock().closed.clone()
    }

    /// Number of the last event.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.lock().last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Code, OutboxLimits, outbox};
    use realm_protocol::proto;

    const LIMITS: RingLimits = RingLimits { events_max: 3, bytes_max: 10_000 };
    const OUTBOX: OutboxLimits = OutboxLimits { messages_max: 16, bytes_max: 100_000 };

    fn say(stream: &EventStream, line: u64) {
        stream.tell(proto::ChatMessage { line, ..Default::default() });
    }

    #[tokio::test]
    async fn a_resumed_connection_gets_exactly_what_it_missed() {
        let stream = EventStream::new(LIMITS);
        say(&stream, 1);
        say(&stream, 2);
        let (sender, mut reader) = outbox(OUTBOX);
        assert_eq!(stream.attach(sender, Some(1)), Attached::Replayed(1));
        assert!(matches!(reader.next().await, Some(Outgoing::Message { event: Some(2), .. })));
    }

    #[tokio::test]
    async fn the_greeting_comes_before_what_was_missed() {
        let stream = EventStream::new(LIMITS);
        say(&stream, 1);
        let (sender, mut reader) = outbox(OUTBOX);
        stream.attach_with(sender, Some(0), |_| Outgoing::answer(proto::AuthSuccess::default()));
        assert!(matches!(reader.next().await, Some(Outgoing::Message { event: None, .. })));
        assert!(matches!(reader.next().await, Some(Outgoing::Message { event: Some(1), .. })));
    }

    #[tokio::test]
    async fn a_replay_that_does_not_fit_the_connection_is_a_resync() {
        let stream = EventStream::new(LIMITS);
        (0..3).for_each(|line| say(&stream, line));
        let (sender, mut reader) = outbox(OutboxLimits { messages_max: 3, bytes_max: 100_000 });
        assert_eq!(stream.attach(sender, Some(0)), Attached::Resync);
        say(&stream, 4);
        assert!(matches!(reader.next().await, Some(Outgoing::Message { event: Some(4), .. })));
    }

    #[tokio::test]
    async fn a_stream_that_was_ended_closes_a_late_connection_with_its_reason() {
        let stream = EventStream::new(LIMITS);
        stream.close(CloseReason { code: Code::LoggedOut, message: String::new(), reconnect_after_ms: 0 });
        let (sender, mut reader) = outbox(OUTBOX);
        stream.attach(sender, None);
        assert!(reader.next().await.is_none());
        assert_eq!(reader.close_reason().unwrap().code, Code::LoggedOut);
    }

    #[tokio::test]
    async fn a_stream_of_an_earlier_run_says_resync_once_and_loses_nothing_of_this_run() {
        let stream = EventStream::continued(LIMITS, 40);
        say(&stream, 1);
        let (sender, mut reader) = outbox(OUTBOX);
        assert_eq!(stream.attach(sender, Some(38)), Attached::Resync);
        assert!(matches!(reader.next().await, Some(Outgoing::Message { event: Some(41), .. })));
        say(&stream, 2);
        assert!(matches!(reader.next().await, Some(Outgoing::Message { event: Some(42), .. })));
        assert_eq!(stream.attach(outbox(OUTBOX).0, Some(41)), Attached::Replayed(1));
    }

    #[test]
    fn what_the_ring_has_forgotten_is_a_resync() {
        let stream = EventStream::new(LIMITS);
        (0..5).for_each(|line| say(&stream, line));
        assert_eq!(stream.attach(outbox(OUTBOX).0, Some(1)), Attached::Resync);
        assert_eq!(stream.attach(outbox(OUTBOX).0, Some(2)), Attached::Replayed(3));
        assert_eq!(stream.attach(outbox(OUTBOX).0, Some(9)), Attached::Resync, "a number from another life");
    }
}
