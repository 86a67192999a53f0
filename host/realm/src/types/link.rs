//! A game's end of a connection. Games know only this trait; `net/` implements it.

use std::{ops::Range, time::Instant};

use bytes::Bytes;

/// A frame that arrived for a game, on its way to the game's thread.
#[derive(Debug, Clone)]
pub struct LinkFrame {
    /// Frame identifier.
    pub identifier: u8,
    /// Frame sequence in its direction.
    pub sequence: u32,
    /// Frame payload.
    pub payload: Bytes,
}

/// What a connection gave for one tick. The frames lie side by side in memory that serves one connection after the other, so that
/// reading costs no allocation and stays in the processor's caches.
#[derive(Debug, Default)]
pub struct Arrivals {
    bytes: Vec<u8>,
    frames: Vec<(u8, u32, Range<usize>)>,
}

/// One frame of [`Arrivals`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrived<'arrivals> {
    /// Frame identifier.
    pub identifier: u8,
    /// Frame sequence in its direction.
    pub sequence: u32,
    /// Frame payload.
    pub payload: &'arrivals [u8],
}

impl Arrivals {
    /// Forgets everything but the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.frames.clear();
    }

    /// Frames so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// True when nothing has arrived.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Adds a frame.
    pub fn push(&mut self, identifier: u8, sequence: u32, payload: &[u8]) {
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(payload);
        self.frames.push((identifier, sequence, begin..self.bytes.len()));
    }

    /// Where a connection that reads a stream puts its bytes; [`Self::note`] then says which of them are payloads.
    pub fn stream(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Adds a frame whose payload is in the stream already. A range that is not there counts as empty.
    pub fn note(&mut self, identifier: u8, sequence: u32, payload: Range<usize>) {
        self.frames.push((identifier, sequence, payload));
    }

    /// The frames in their order.
    pub fn iter(&self) -> impl Iterator<Item = Arrived<'_>> {
        self.frames.iter().map(|(identifier, sequence, payload)| Arrived {
            identifier: *identifier,
            sequence: *sequence,
            payload: self.bytes.get(payload.clone()).unwrap_or_default(),
        })
    }
}

/// How a frame may be treated when the client is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Must arrive: when it can be taken neither now nor later, the link closes.
    Reliable,
    /// Only worth something now: not taken while earlier bytes still wait to be written.
    Skippable,
}

/// What became of an offered frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// The link has it.
    Taken,
    /// The client is behind; the skippable frame was left out.
    Skipped,
}

/// The connection is gone; why, for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LinkClosed(pub String);

/// A connection that belongs to a tick thread. No call blocks, and none reads a clock: the thread says what time it is.
pub trait Link: Send {
    /// Moves what has arrived by `now` into `arrivals`, which are empty, at most `frames_max` frames; the rest stays for the next tick.
    ///
    /// # Errors
    /// When the connection is closed, was cut, broke the frame format, or has been silent for too long.
    fn take(&mut self, arrivals: &mut Arrivals, frames_max: usize, now: Instant) -> Result<(), LinkClosed>;

    /// Offers one frame that is sent at `now`. It may wait for [`Self::flush`], so that what is offered in one tick is written at once.
    ///
    /// # Errors
    /// When the connection is gone, or a reliable frame finds the outgoing buffer full.
    fn offer(&mut self, identifier: u8, payload: &[u8], delivery: Delivery, now: Instant) -> Result<Offer, LinkClosed>;

    /// Makes ready what was offered, as far as the connection writes in pieces of its own; [`Self::flush`] does it, too. A thread seals
    /// for all its connections before it flushes the first: neither work then drives the other out of the processor's caches.
    ///
    /// # Errors
    /// When the connection is gone.
    fn seal(&mut self) -> Result<(), LinkClosed>;

    /// Writes what is still waiting, as far as the connection takes it.
    ///
    /// # Errors
    /// When the connection is gone.
    fn flush(&mut self) -> Result<(), LinkClosed>;

    /// Bytes that wait to be written.
    fn waiting_bytes(&self) -> usize;

    /// Says goodbye with a code and a sentence, as far as the connection still takes it, and closes.
    fn close(&mut self, code: &str, message: &str);
}
