//! What the kinds of player connections have in common: how far a connection is, and messages as frames.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::BytesMut;
use realm_protocol::{
    ClientMessage,
    frame::{Encoder, Frame, FrameError, SIZE_MAX_AFTER_LOGIN, SIZE_MAX_BEFORE_LOGIN},
    message::event_suffix,
    proto,
};
use tokio::{sync::Notify, time::Instant};

use super::{Config, conversation::Broken};
use crate::types::{CloseReason, Code, Incoming, Outgoing};

/// The message that logs a connection in, as `net/` sees it go out.
const AUTH_SUCCESS: u8 = 0x02;
/// The message that tells a log-in to wait for its turn.
const QUEUE_POSITION: u8 = 0x09;

/// How far a connection is; shared by its reading and its writing half.
pub(super) struct Progress {
    opened: Instant,
    logged_in: AtomicBool,
    /// Its log-in waits in a queue: it may be quiet, and show signs of life, for longer.
    queued: AtomicBool,
    changed: Notify,
    /// Where clients of a realm that stops come back; empty is where they came to.
    come_back_host: String,
    /// What may still come before log-in.
    messages_left: AtomicU32,
    bytes_left: AtomicUsize,
}

impl Progress {
    pub(super) fn new(config: &Config) -> Arc<Self> {
        Arc::new(Self {
            opened: Instant::now(),
            logged_in: AtomicBool::new(false),
            queued: AtomicBool::new(false),
            changed: Notify::new(),
            come_back_host: config.come_back_host.clone(),
            messages_left: AtomicU32::new(config.login_messages_max),
            bytes_left: AtomicUsize::new(config.login_bytes_max),
        })
    }

    /// See [`goodbye`].
    pub(super) fn come_back_host(&self) -> &str {
        &self.come_back_host
    }

    /// Counts a message of the client, of `bytes`. Before log-in only so many may come.
    pub(super) fn heard(&self, bytes: usize, sequence: u32) -> Result<(), Broken> {
        if !self.anonymous() {
            return Ok(());
        }
        // Only the reading half counts, so nothing comes in between.
        let (messages, left) = (self.messages_left.load(Ordering::Relaxed), self.bytes_left.load(Ordering::Relaxed));
        if messages == 0 || left < bytes {
            return Err(Broken::Refused {
                code: Code::NotLoggedIn,
                message: "Too much came before the log-in; connect again and send AUTH_REQUEST first.".to_owned(),
                sequence,
            });
        }
        self.messages_left.store(messages - 1, Ordering::Relaxed);
        self.bytes_left.store(left - bytes, Ordering::Relaxed);
        Ok(())
    }

    /// True until the connection has logged in or waits in the queue for it.
    pub(super) fn anonymous(&self) -> bool {
        !self.logged_in() && !self.queued.load(Ordering::Relaxed)
    }

    pub(super) fn opened(&self) -> Instant {
        self.opened
    }

    pub(super) fn logged_in(&self) -> bool {
        self.logged_in.load(Ordering::Relaxed)
    }

    /// Resolves when the connection has logged in or been queued; for the reading half alone.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Largest message that the client may send now, in bytes.
    pub(super) fn size_max(&self) -> usize {
        if self.logged_in() { SIZE_MAX_AFTER_LOGIN } else { SIZE_MAX_BEFORE_LOGIN }
    }

    /// Must be called before the message is written: the client may answer it with a large message at once.
    pub(super) fn about_to_send(&self, outgoing: &Outgoing) {
        let Outgoing::Message { encoded, .. } = outgoing else { return };
        match encoded.identifier {
            AUTH_SUCCESS => self.logged_in.store(true, Ordering::Relaxed),
            QUEUE_POSITION => self.queued.store(true, Ordering::Relaxed),
            _ => return,
        }
        self.changed.notify_one();
    }
}

/// The age of a connection as its frames carry it; wraps after 49 days.
pub(super) fn timestamp_ms(age: Duration) -> u32 {
    u32::try_from(age.as_millis() & u128::from(u32::MAX)).expect("masked to 32 bits")
}

/// Stamps messages into frames.
pub(super) struct FrameWriter {
    encoder: Encoder,
    progress: Arc<Progress>,
}

impl FrameWriter {
    pub(super) fn new(progress: Arc<Progress>) -> Self {
        Self { encoder: Encoder::new(), progress }
    }

    /// See [`goodbye`].
    pub(super) fn come_back_host(&self) -> &str {
        self.progress.come_back_host()
    }

    /// Appends a message to `out`.
    pub(super) fn write(&mut self, outgoing: &Outgoing, out: &mut BytesMut) -> Result<(), FrameError> {
        self.progress.about_to_send(outgoing);
        let timestamp_ms = timestamp_ms(self.progress.opened().elapsed());
        match outgoing {
            Outgoing::Message { encoded, event: None } => {
                self.encoder.encode(encoded.identifier, timestamp_ms, &[&encoded.payload], out)
            }
            Outgoing::Message { encoded, event: Some(event) } => {
                let suffix = event_suffix(*event);
                self.encoder.encode(encoded.identifier, timestamp_ms, &[&encoded.payload, suffix.as_ref()], out)
            }
            Outgoing::Game { identifier, payload } => self.encoder.encode(*identifier, timestamp_ms, &[payload], out),
        }
        .map(|_| ())
    }
}

/// What a frame says; a whole frame with a strange content does not end the connection.
pub(super) fn understood(frame: &Frame) -> Incoming {
    let sequence = frame.sequence;
    match ClientMessage::decode(frame.identifier, &frame.payload) {
        Ok(message) => Incoming::Message { sequence, message },
        Err(error) => Incoming::Unreadable { sequence, problem: format!("{error}; see docs/protocol.md") },
    }
}

/// The code and the sentence for bytes that are no frame.
pub(super) fn frame_refusal(error: &FrameError) -> (Code, String) {
    match error {
        FrameError::TooLarge { .. } => (Code::FrameTooLarge, format!("{error}; send less at once and connect again.")),
        _ => (Code::FrameInvalid, format!("{error}; connect again and number frames from 0.")),
    }
}

/// The last message before a connection closes. `come_back_host` is for clients of a realm that stops.
pub(super) fn goodbye(reason: &CloseReason, come_back_host: &str) -> Outgoing {
    let reconnect_host = if reason.code == Code::RealmStopping { come_back_host } else { "" };
    Outgoing::answer(proto::Goodbye {
        code: reason.code.as_str().to_owned(),
        message: reason.message.clone(),
        reconnect_after_ms: reason.reconnect_after_ms,
        reconnect_host: reconnect_host.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use realm_protocol::Encoded;

    use super::*;

    fn sends(progress: &Progress, identifier: u8) {
        let encoded = Arc::new(Encoded { identifier, payload: Bytes::new(), json_type: "", json_data: Bytes::new() });
        progress.about_to_send(&Outgoing::Message { encoded, event: None });
    }

    #[test]
    fn so_much_may_come_before_the_log_in_or_a_place_in_the_queue_for_it() {
        let config = Config { login_messages_max: 2, login_bytes_max: 1_024, ..Config::default() };
        for identifier in [AUTH_SUCCESS, QUEUE_POSITION] {
            let progress = Progress::new(&config);
            assert!(progress.heard(600, 0).is_ok());
            assert!(progress.heard(600, 1).is_err(), "too many bytes");
            assert!(progress.heard(400, 1).is_ok());
            assert!(progress.heard(1, 2).is_err(), "too many messages");
            assert!(progress.anonymous());
            sends(&progress, identifier);
            assert!(progress.heard(5_000, 3).is_ok() && !progress.anonymous());
            assert_eq!(progress.logged_in(), identifier == AUTH_SUCCESS);
        }
    }
}
