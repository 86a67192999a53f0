//! A game connection on the game door: socket and TLS state belong to the tick thread of the game.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::BytesMut;
use realm_protocol::{
    ServerMessage,
    frame::{CHECKSUM_BYTES, Decoder, Encoder, HEADER_BYTES, SIZE_MAX_AFTER_LOGIN},
    proto,
};
use tokio::{runtime::Handle, time::timeout};

use super::{
    admission::Place,
    tls_pump::{Arrived, TlsPump},
    wire::{frame_refusal, timestamp_ms},
};
use crate::types::{Arrivals, Code, Delivery, Link, LinkClosed, Offer};

/// Bytes of frames that may wait for a client before its link closes.
const WAITING_BYTES_MAX: usize = 64 * 1024;
/// How long a goodbye may take once the game has let go.
const GOODBYE_DEADLINE: Duration = Duration::from_secs(5);

/// What a link needs besides its socket.
pub(super) struct LinkParts {
    /// Has read the first frame, so that sequences go on.
    pub(super) decoder: Decoder,
    /// Arrived after the first frame.
    pub(super) buffer: BytesMut,
    pub(super) opened: Instant,
    pub(super) silence_max: Duration,
    /// Set when the doors cut what is left.
    pub(super) cut: Arc<AtomicBool>,
    /// Counts the connection until its last byte is written.
    pub(super) place: Place,
    /// Where a goodbye is finished after the game has let go.
    pub(super) runtime: Handle,
}

/// See the module.
pub(super) struct TlsLink {
    /// `None` once closed.
    open: Option<(TlsPump, Place)>,
    decoder: Decoder,
    encoder: Encoder,
    /// The beginning of a frame, or frames beyond what one tick takes.
    rest: Vec<u8>,
    /// The socket did not take everything that it was given last.
    stuck: bool,
    opened: Instant,
    heard: Instant,
    silence_max: Duration,
    cut: Arc<AtomicBool>,
    runtime: Handle,
}

impl TlsLink {
    pub(super) fn new(pump: TlsPump, mut parts: LinkParts) -> Self {
        parts.decoder.set_size_max(SIZE_MAX_AFTER_LOGIN);
        Self {
            open: Some((pump, parts.place)),
            decoder: parts.decoder,
            encoder: Encoder::new(),
            rest: parts.buffer.to_vec(),
            stuck: false,
            opened: parts.opened,
            heard: Instant::now(),
            silence_max: parts.silence_max,
            cut: parts.cut,
            runtime: parts.runtime,
        }
    }

    fn pump(&mut self) -> Result<&mut TlsPump, LinkClosed> {
        if self.cut.load(Ordering::Relaxed)
            && let Some((mut pump, _place)) = self.open.take()
        {
            pump.cut();
        }
        self.open.as_mut().map(|(pump, _)| pump).ok_or_else(|| LinkClosed("the link is closed".to_owned()))
    }

    /// The clock of the frames.
    fn timestamp_ms(&self, now: Instant) -> u32 {
        timestamp_ms(now.saturating_duration_since(self.opened))
    }

    fn end(&mut self, code: Code, message: &str) -> LinkClosed {
        self.close(code.as_str(), message);
        LinkClosed(message.to_owned())
    }

    fn lost(&mut self, error: &std::io::Error) -> LinkClosed {
        if let Some((mut pump, _place)) = self.open.take() {
            pump.cut();
        }
        LinkClosed(format!("the connection is lost: {error}"))
    }

    fn push(&mut self) -> Result<(), LinkClosed> {
        let pump = self.pump()?;
        match pump.push() {
            Ok(()) => {
                self.stuck = pump.waiting_bytes() > 0;
                Ok(())
            }
            Err(error) => Err(self.lost(&error)),
        }
    }
}

impl Link for TlsLink {
    fn take(&mut self, arrivals: &mut Arrivals, frames_max: usize, now: Instant) -> Result<(), LinkClosed> {
        self.pump()?;
        let (mut begin, mut arrived) = (0, None);
        arrivals.stream().append(&mut self.rest);
        while arrivals.len() < frames_max {
            match self.decoder.find(&arrivals.stream()[begin..]) {
                Ok(Some(frame)) => {
                    let payload = begin + frame.payload.start..begin + frame.payload.end;
                    arrivals.note(frame.identifier, frame.sequence, payload);
                    begin += frame.size;
                }
                Ok(None) if arrived.is_none() => {
                    let Some((pump, _)) = &mut self.open else { break };
                    match pump.read(arrivals.stream(), SIZE_MAX_AFTER_LOGIN) {
                        Ok(found) => arrived = Some(found),
                        Err(error) => return Err(self.lost(&error)),
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    let (code, message) = frame_refusal(&error);
                    return Err(self.end(code, &message));
                }
            }
        }
        self.rest.extend_from_slice(&arrivals.stream()[begin..]);
        if !arrivals.is_empty() {
            self.heard = now;
        } else if arrived == Some(Arrived::End) {
            self.close("", "");
            return Err(LinkClosed("the client has closed the connection".to_owned()));
        } else if now.saturating_duration_since(self.heard) > self.silence_max {
            return Err(
                self.end(Code::Silence, "Nothing was heard for too long; acknowledge snapshots and connect again.")
            );
        }
        Ok(())
    }

    fn offer(&mut self, identifier: u8, payload: &[u8], delivery: Delivery, now: Instant) -> Result<Offer, LinkClosed> {
        let frame = HEADER_BYTES + payload.len() + CHECKSUM_BYTES;
        if self.stuck || self.pump()?.waiting_bytes() + frame > WAITING_BYTES_MAX {
            self.push()?;
        }
        if self.stuck && delivery == Delivery::Skippable {
            return Ok(Offer::Skipped);
        }
        if self.pump()?.waiting_bytes() + frame > WAITING_BYTES_MAX {
            return Err(self.end(Code::SlowConsumer, "The game is faster than this connection; connect again."));
        }
        let stamp = self.timestamp_ms(now);
        let Some((pump, _)) = &mut self.open else { return Err(LinkClosed("the link is closed".to_owned())) };
        if let Err(error) = self.encoder.encode(identifier, stamp, &[payload], pump.outgoing()) {
            tracing::error!("a frame of a game cannot be sent and its link is closed: {error}");
            return Err(self.end(Code::Internal, "A message of the game is too large; the operator's log has more."));
        }
        Ok(Offer::Taken)
    }

    fn seal(&mut self) -> Result<(), LinkClosed> {
        let sealed = self.pump()?.seal();
        sealed.map(|_| ()).map_err(|error| self.lost(&error))
    }

    fn flush(&mut self) -> Result<(), LinkClosed> {
        self.push()
    }

    fn waiting_bytes(&self) -> usize {
        self.open.as_ref().map_or(0, |(pump, _)| pump.waiting_bytes())
    }

    /// The rest is written by a task with a deadline, so that neither the game waits nor the goodbye is lost.
    fn close(&mut self, code: &str, message: &str) {
        let Some((mut pump, place)) = self.open.take() else { return };
        if !code.is_empty() {
            let goodbye = ServerMessage::from(proto::Goodbye {
                code: code.to_owned(),
                message: message.to_owned(),
                reconnect_after_ms: 0,
                reconnect_host: String::new(),
            });
            let stamp = self.timestamp_ms(Instant::now());
            let payload = goodbye.to_payload();
            // A goodbye that is too large is left out: the connection closes either way.
            let _ = self.encoder.encode(goodbye.identifier(), stamp, &[&payload], pump.outgoing());
        }
        self.runtime.spawn(async move {
            let _place = place;
            if !matches!(timeout(GOODBYE_DEADLINE, pump.finish()).await, Ok(Ok(()))) {
                tracing::debug!("a game connection ended before its goodbye was written");
            }
        });
    }
}

impl Drop for TlsLink {
    fn drop(&mut self) {
        if let Some((mut pump, _place)) = self.open.take() {
            pump.cut();
        }
    }
}
