//! A game's end of a connection. Games know only this trait; `net/` implements it.

use bytes::Bytes;

/// A frame that arrived for a game.
#[derive(Debug, Clone)]
pub struct LinkFrame {
    /// Frame identifier.
    pub identifier: u8,
    /// Frame sequence in its direction.
    pub sequence: u32,
    /// Frame payload.
    pub payload: Bytes,
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

/// A connection that belongs to a tick thread. No call blocks.
pub trait Link: Send {
    /// Moves what has arrived behind `frames`, at most `frames_max` of them; the rest stays for the next tick.
    ///
    /// # Errors
    /// When the connection is closed, was cut, or broke the frame format.
    fn take(&mut self, frames: &mut Vec<LinkFrame>, frames_max: usize) -> Result<(), LinkClosed>;

    /// Offers one frame. It may wait for [`Self::flush`], so that what is offered in one tick is written at once.
    ///
    /// # Errors
    /// When the connection is gone, or a reliable frame finds the outgoing buffer full.
    fn offer(&mut self, identifier: u8, payload: &[u8], delivery: Delivery) -> Result<Offer, LinkClosed>;

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
