//! A player's connection as a session sees it: messages in, a bounded outbox out. No sockets here; `net/` drives both ends.

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use realm_protocol::{ClientMessage, Encoded, ServerMessage};
use tokio::sync::mpsc;

use super::{Code, Link, LinkFrame};

/// How messages travel on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Frames, on port 6112 or as binary WebSocket messages.
    Binary,
    /// JSON text on a WebSocket.
    Json,
}

/// What arrives from a client.
#[derive(Debug)]
pub enum Incoming {
    /// A well-formed message. `sequence` is the frame's, or on JSON the number of the message on its connection from 0.
    Message {
        /// Named in refusals.
        sequence: u32,
        /// What the client says.
        message: ClientMessage,
    },
    /// A whole frame or JSON text whose content cannot be read; the connection can go on.
    Unreadable {
        /// Named in the refusal.
        sequence: u32,
        /// What is wrong, in one sentence.
        problem: String,
    },
}

/// Why a connection is closed, for the client's last message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseReason {
    /// The stable code.
    pub code: Code,
    /// One sentence that says what to do.
    pub message: String,
    /// When to come back by itself, in milliseconds; 0 for not.
    pub reconnect_after_ms: u64,
}

/// One message on its way to a client.
#[derive(Debug, Clone)]
pub enum Outgoing {
    /// A message encoded once for many receivers, with its event number in this session where it can be missed.
    Message {
        /// The shared encoding.
        encoded: Arc<Encoded>,
        /// Number of the event in the session; `None` for answers and errors.
        event: Option<u64>,
    },
    /// A frame of the game on a `realm.v1.bin` WebSocket.
    Game {
        /// Frame identifier.
        identifier: u8,
        /// Frame payload.
        payload: bytes::Bytes,
    },
}

impl Outgoing {
    /// A message for one receiver that needs no event number.
    #[must_use]
    pub fn answer(message: impl Into<ServerMessage>) -> Self {
        Self::Message { encoded: Arc::new(Encoded::from(&message.into())), event: None }
    }

    /// Bytes that count against the outbox.
    #[must_use]
    pub fn cost(&self) -> usize {
        match self {
            Self::Message { encoded, .. } => encoded.payload.len().max(encoded.json_data.len()) + 64,
            Self::Game { payload, .. } => payload.len() + 16,
        }
    }
}

/// Limits of an outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxLimits {
    /// Most messages that wait.
    pub messages_max: usize,
    /// Most bytes that wait.
    pub bytes_max: usize,
}

/// The outbox could not take a message: the client reads too slowly, or is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client reads more slowly than events arrive")]
pub struct OutboxFull;

struct OutboxShared {
    waiting_bytes: AtomicUsize,
    bytes_max: usize,
    close: tokio::sync::Notify,
    closing: OnceLock<CloseReason>,
}

/// The sending end towards one client; cheap to clone. Sending never waits.
#[derive(Clone)]
pub struct Outbox {
    sender: mpsc::Sender<Outgoing>,
    shared: Arc<OutboxShared>,
}

impl fmt::Debug for Outbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Outbox").field("waiting_bytes", &self.waiting_bytes()).finish_non_exhaustive()
    }
}

/// The receiving end: `net/` writes what it yields, then the close reason, then closes the connection.
pub struct OutboxReader {
    receiver: mpsc::Receiver<Outgoing>,
    shared: Arc<OutboxShared>,
}

/// An outbox and its reader.
#[must_use]
pub fn outbox(limits: OutboxLimits) -> (Outbox, OutboxReader) {
    let (sender, receiver) = mpsc::channel(limits.messages_max.max(1));
    let shared = Arc::new(OutboxShared {
        waiting_bytes: AtomicUsize::new(0),
        bytes_max: limits.bytes_max,
        close: tokio::sync::Notify::new(),
        closing: OnceLock::new(),
    });
    (Outbox { sender, shared: Arc::clone(&shared) }, OutboxReader { receiver, shared })
}

impl Outbox {
    /// Queues a message.
    ///
    /// # Errors
    /// When the queue is full by count or bytes, or the connection is closing. A full queue closes the connection with
    /// `SLOW_CONSUMER`: a message that must not be lost is never dropped silently.
    pub fn try_send(&self, outgoing: Outgoing) -> Result<(), OutboxFull> {
        if self.shared.closing.get().is_some() {
            return Err(OutboxFull);
        }
        let cost = outgoing.cost();
        let waiting = self.shared.waiting_bytes.fetch_add(cost, Ordering::Relaxed);
        if waiting + cost > self.shared.bytes_max || self.sender.try_send(outgoing).is_err() {
            self.shared.waiting_bytes.fetch_sub(cost, Ordering::Relaxed);
            self.close(CloseReason {
                code: Code::SlowConsumer,
                message:
                    "Events arrived faster than this connection took them; connect again and ask for what you missed."
                        .to_owned(),
                reconnect_after_ms: 1_000,
            });
            return Err(OutboxFull);
        }
        Ok(())
    }

    /// Closes the connection after what is queued; the first reason wins.
    pub fn close(&self, reason: CloseReason) {
        if self.shared.closing.set(reason).is_ok() {
            self.shared.close.notify_one();
        }
    }

    /// True when the connection is closing or gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.closing.get().is_some() || self.sender.is_closed()
    }

    /// True when so many messages and bytes can be queued now and a quarter of the room stays free.
    #[must_use]
    pub fn has_room(&self, messages: usize, bytes: usize) -> bool {
        let free_bytes = self.shared.bytes_max.saturating_sub(self.waiting_bytes());
        messages * 4 <= self.sender.capacity() * 3 && bytes.saturating_mul(4) <= free_bytes.saturating_mul(3)
    }

    /// Bytes that wait to be written.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.shared.waiting_bytes.load(Ordering::Relaxed)
    }

    /// Resolves when the connection is closing or gone.
    pub async fn closed(&self) {
        self.sender.closed().await;
    }
}

impl OutboxReader {
    /// The next message to write; `None` when the connection shall close: then see [`Self::close_reason`].
    pub async fn next(&mut self) -> Option<Outgoing> {
        let outgoing = if self.shared.closing.get().is_some() {
            self.receiver.close();
            self.receiver.try_recv().ok()
        } else {
            tokio::select! {
                biased;
                () = self.shared.close.notified() => {
                    self.receiver.close();
                    self.receiver.try_recv().ok()
                }
                outgoing = self.receiver.recv() => outgoing,
            }
        }?;
        self.shared.waiting_bytes.fetch_sub(outgoing.cost(), Ordering::Relaxed);
        Some(outgoing)
    }

    /// Why the connection closes; `None` when every sender is gone.
    #[must_use]
    pub fn close_reason(&self) -> Option<&CloseReason> {
        self.shared.closing.get()
    }
}

/// Makes the parts for one game over a `realm.v1.bin` connection; called anew for every game that is entered there.
pub type GameSides = Box<dyn Fn() -> GameSide + Send + Sync>;

/// The parts of a `realm.v1.bin` connection that a game takes over: the session pushes the game's frames into `frames`,
/// the game reads them from `link`.
pub struct GameSide {
    /// Takes the game's frames (0x40 to 0x4F); full means the client floods, and frames are dropped.
    pub frames: std::sync::mpsc::SyncSender<LinkFrame>,
    /// The game's end.
    pub link: Box<dyn Link>,
}

/// A connection that `net/` has accepted and whose messages it reads and writes.
pub struct Connection {
    /// The other side.
    pub peer: SocketAddr,
    /// How messages travel.
    pub encoding: Encoding,
    /// Messages in order of arrival; ends when the connection is closed or broke the format. Boxed, because a channel takes room for
    /// 32 of what it holds at once, and most connections are quiet.
    pub incoming: mpsc::Receiver<Box<Incoming>>,
    /// The way back.
    pub outbox: Outbox,
    /// For games over this very connection; `None` where games have a door of their own, and on JSON.
    pub games: Option<GameSides>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use realm_protocol::proto;

    fn pong(token: u64) -> Outgoing {
        Outgoing::answer(proto::Pong { token })
    }

    #[tokio::test]
    async fn a_full_outbox_closes_with_slow_consumer_after_what_was_queued() {
        let (sender, mut reader) = outbox(OutboxLimits { messages_max: 2, bytes_max: 10_000 });
        sender.try_send(pong(1)).unwrap();
        sender.try_send(pong(2)).unwrap();
        assert_eq!(sender.try_send(pong(3)), Err(OutboxFull));
        assert!(reader.next().await.is_some());
        assert!(reader.next().await.is_some());
        assert!(reader.next().await.is_none());
        assert_eq!(reader.close_reason().unwrap().code, Code::SlowConsumer);
        assert_eq!(sender.waiting_bytes(), 0);
    }

    #[tokio::test]
    async fn bytes_are_limited_too() {
        let (sender, _reader) = outbox(OutboxLimits { messages_max: 100, bytes_max: 150 });
        sender.try_send(pong(1)).unwrap();
        assert_eq!(sender.try_send(pong(2)).and(sender.try_send(pong(3))), Err(OutboxFull));
    }
}
