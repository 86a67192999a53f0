//! One player's connection, whatever it is made of: messages in, the outbox out, deadlines, and a last word.
//!
//! Session, reading and writing run in one task; none of them waits for another except by a bounded queue:
//! 1. reading hands messages to the session and ends when the client does, breaks the format, or a deadline passes
//! 2. the session ends when its incoming messages end, or when it wants
//! 3. writing ends when the outbox has a close reason or the session is over, after everything queued was written
//! 4. what the client still sends is read and thrown away for a moment, lest a reset overtakes the last word; not so for strangers who
//!    have to make room

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use realm_protocol::{frame::FrameError, proto};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    sync::{Notify, mpsc, watch},
    time::{Instant, sleep_until, timeout},
};

use super::{Config, Handlers, queue_link, stage::Stage, waiting_room::Seat, wire::Progress};
use crate::types::{
    CloseReason, Code, Connection, Encoding, Incoming, Outbox, OutboxLimits, OutboxReader, Outgoing, outbox,
};

/// Messages read from a client that its session has not taken yet.
const INCOMING_MESSAGES_MAX: usize = 32;
/// Bytes gathered for one write.
const WRITE_BATCH_BYTES_MAX: usize = 64 * 1024;
/// A client takes one batch within this time, or it is cut off as too slow.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// How long and how much is still read after the last word.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES_MAX: usize = 1024 * 1024;
/// When a client should come back after the realm was stopped, in milliseconds.
const RECONNECT_AFTER_MS: u64 = 5_000;

/// What reading gave.
pub(super) enum Heard {
    /// Something for the session.
    Message(Box<Incoming>),
    /// Only a sign of life.
    Alive,
}

/// Why reading ended.
pub(super) enum Broken {
    /// The client closed, or the connection was lost.
    Ended,
    /// The client broke the format.
    Refused {
        code: Code,
        message: String,
        /// Of the offending frame or message.
        sequence: u32,
    },
}

/// The reading half. `next` may be dropped while it waits, and called again.
pub(super) trait Source: Send {
    fn next(&mut self) -> impl Future<Output = Result<Heard, Broken>> + Send;
}

/// The writing half.
pub(super) trait Sink: Send {
    /// Puts a message into the batch.
    fn push(&mut self, outgoing: &Outgoing) -> Result<(), FrameError>;
    /// Size of the batch.
    fn pushed_bytes(&self) -> usize;
    /// Writes the batch.
    fn flush(&mut self) -> impl Future<Output = io::Result<()>> + Send;
    /// Says goodbye, if there is a reason, and closes this direction.
    fn finish(&mut self, reason: Option<&CloseReason>) -> impl Future<Output = io::Result<()>> + Send;
}

/// What holds for every player's connection.
pub(super) struct Terms<'a> {
    pub(super) config: &'a Config,
    pub(super) handlers: &'a Handlers,
    pub(super) stage: watch::Receiver<Stage>,
    pub(super) peer: SocketAddr,
    pub(super) encoding: Encoding,
    /// Games are played over this very connection.
    pub(super) games_here: bool,
    pub(super) progress: Arc<Progress>,
    /// Given up at the log-in.
    pub(super) stranger: Option<Seat>,
}

/// How a connection is closed after its last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    /// Once the client has read it.
    Gently,
    /// At once: it makes room for others, and must not keep its place by being slow to go.
    AtOnce,
}

/// Serves a connection until both its session and its writing have ended.
pub(super) async fn converse(source: &mut impl Source, sink: &mut impl Sink, mut terms: Terms<'_>) -> Closing {
    let limits =
        OutboxLimits { messages_max: terms.config.outbox_messages_max, bytes_max: terms.config.outbox_bytes_max };
    let (outbox, outbox_reader) = outbox(limits);
    let (sender, incoming) = mpsc::channel(INCOMING_MESSAGES_MAX);
    let games = terms.games_here.then(|| queue_link::game_sides(&outbox));
    let (peer, encoding) = (terms.peer, terms.encoding);
    let connection = Connection { peer, encoding, incoming, outbox: outbox.clone(), games };

    let stranger = terms.stranger.take();
    let (over, crowded_out) = (Notify::new(), AtomicBool::new(false));
    let session = async {
        (terms.handlers.connection)(connection).await;
        over.notify_one();
    };
    let sockets = async {
        let reading = read(source, &terms, (stranger, &crowded_out), sender, outbox);
        let mut writing = pin!(write(sink, outbox_reader, &over));
        tokio::select! {
            () = &mut writing => {}
            () = reading => writing.await,
        }
    };
    tokio::join!(session, sockets);
    if crowded_out.into_inner() { Closing::AtOnce } else { Closing::Gently }
}

/// Phase 1. Dropping `sender` at its end is what tells the session.
async fn read(
    source: &mut impl Source,
    terms: &Terms<'_>,
    (mut stranger, crowded_out): (Option<Seat>, &AtomicBool),
    sender: mpsc::Sender<Box<Incoming>>,
    outbox: Outbox,
) {
    let login_deadline = Duration::from_millis(terms.config.login_deadline_ms);
    let silence_max = Duration::from_millis(terms.config.silence_max_ms);
    let mut stage = terms.stage.clone();
    let mut heard = terms.progress.opened();
    let reason = loop {
        let anonymous = terms.progress.anonymous();
        stranger = stranger.filter(|_| anonymous);
        let deadline = if anonymous { terms.progress.opened() + login_deadline } else { heard + silence_max };
        tokio::select! {
            next = source.next() => match next {
                Ok(Heard::Message(message)) => {
                    if sender.send(message).await.is_err() {
                        return;
                    }
                    heard = Instant::now();
                }
                Ok(Heard::Alive) => heard = Instant::now(),
                Err(Broken::Ended) => return,
                Err(Broken::Refused { code, message, sequence }) => {
                    let error = proto::Error {
                        code: code.as_str().to_owned(), message: message.clone(), sequence, retry_after_ms: 0,
                    };
                    // A full outbox closes by itself, with its own reason.
                    let _ = outbox.try_send(Outgoing::answer(error));
                    break CloseReason { code, message, reconnect_after_ms: 0 };
                }
            },
            () = sleep_until(deadline) => {
                // The log-in may have come at this very moment.
                if anonymous == terms.progress.anonymous() {
                    break if anonymous { not_logged_in(terms.config) } else { silence(terms.config) };
                }
            }
            () = terms.progress.changed() => {}
            () = Seat::lost_by(&mut stranger) => {
                crowded_out.store(true, Ordering::Relaxed);
                break too_many_strangers();
            }
            () = sender.closed() => return,
            () = Stage::closing(&mut stage) => break stopping(),
        }
    };
    tracing::debug!(peer = %terms.peer, code = reason.code.as_str(), "a connection is closed: {}", reason.message);
    outbox.close(reason);
}

/// Phase 3.
async fn write(sink: &mut impl Sink, mut outbox: OutboxReader, over: &Notify) {
    let mut over_seen = false;
    loop {
        let next = if over_seen {
            outbox.next().now_or_never().flatten()
        } else {
            tokio::select! {
                biased;
                next = outbox.next() => next,
                () = over.notified() => {
                    over_seen = true;
                    // With a fresh budget the outbox answers truly whether something waits.
                    tokio::task::yield_now().await;
                    continue;
                }
            }
        };
        let Some(first) = next else { break };
        if let Err(problem) = write_batch(sink, first, &mut outbox).await {
            tracing::debug!("a connection is cut: {problem}");
            return;
        }
    }
    let finished = timeout(WRITE_DEADLINE, sink.finish(outbox.close_reason())).await;
    if !matches!(finished, Ok(Ok(()))) {
        tracing::debug!("a connection ended before its last message was written");
    }
}

async fn write_batch(sink: &mut impl Sink, first: Outgoing, outbox: &mut OutboxReader) -> Result<(), String> {
    let mut next = Some(first);
    while let Some(outgoing) = next {
        if let Err(error) = sink.push(&outgoing) {
            // A message that must not be lost is not left out silently: the client comes back and asks anew.
            tracing::error!("a message cannot be sent and its connection is cut: {error}");
            return Err(error.to_string());
        }
        next = if sink.pushed_bytes() < WRITE_BATCH_BYTES_MAX { outbox.next().now_or_never().flatten() } else { None };
    }
    match timeout(WRITE_DEADLINE, sink.flush()).await {
        Ok(written) => written.map_err(|error| error.to_string()),
        Err(_) => Err("the client does not read".to_owned()),
    }
}

/// Phase 4.
pub(super) async fn linger(mut socket: impl AsyncRead + Unpin) {
    let reading = async {
        let mut bytes = [0; 2_048];
        let mut total = 0;
        while total < LINGER_BYTES_MAX {
            match socket.read(&mut bytes).await {
                Ok(count) if count > 0 => total += count,
                _ => break,
            }
        }
    };
    // Whether the client went or the time is up: the connection ends here.
    let _ = timeout(LINGER, reading).await;
}

fn not_logged_in(config: &Config) -> CloseReason {
    let seconds = config.login_deadline_ms.div_ceil(1_000);
    CloseReason {
        code: Code::NotLoggedIn,
        message: format!("The connection was not logged in within {seconds} s; connect again and log in at once."),
        reconnect_after_ms: 0,
    }
}

fn too_many_strangers() -> CloseReason {
    CloseReason {
        code: Code::RealmFull,
        message: "Too many connections wait to log in, and this one has been quiet longest; connect again and log in at once."
            .to_owned(),
        reconnect_after_ms: RECONNECT_AFTER_MS,
    }
}

fn silence(config: &Config) -> CloseReason {
    let seconds = config.silence_max_ms.div_ceil(1_000);
    CloseReason {
        code: Code::Silence,
        message: format!(
            "Nothing was heard for {seconds} s; connect again and send a PING when there is nothing else."
        ),
        reconnect_after_ms: 1_000,
    }
}

fn stopping() -> CloseReason {
    CloseReason {
        code: Code::RealmStopping,
        message: "The realm is shutting down; come back in a while.".to_owned(),
        reconnect_after_ms: RECONNECT_AFTER_MS,
    }
}
