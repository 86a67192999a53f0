//! A game played over a WebSocket: the session pushes its frames into a bounded queue, answers go through the outbox.

use std::{
    sync::mpsc::{Receiver, TryRecvError, sync_channel},
    time::Instant,
};

use bytes::Bytes;
use realm_protocol::proto;

use crate::types::{Arrivals, Delivery, GameSide, GameSides, Link, LinkClosed, LinkFrame, Offer, Outbox, Outgoing};

/// Frames that wait for the next tick; a client sends about one each tick.
const FRAMES_MAX: usize = 64;
/// With more than this waiting in the outbox, in bytes, a snapshot is left out.
const SKIP_ABOVE_BYTES: usize = 4 * 1024;

/// Makes both ends for each game over the connection of `outbox`.
pub(super) fn game_sides(outbox: &Outbox) -> GameSides {
    let outbox = outbox.clone();
    Box::new(move || game_side(&outbox))
}

/// Both ends for one game.
fn game_side(outbox: &Outbox) -> GameSide {
    let (frames, arrived) = sync_channel(FRAMES_MAX);
    let link = QueueLink { arrived: Some(arrived), outbox: outbox.clone() };
    GameSide { frames, link: Box::new(link) }
}

/// The game's end.
struct QueueLink {
    /// `None` once closed: the session's pushes fail from then on.
    arrived: Option<Receiver<LinkFrame>>,
    outbox: Outbox,
}

impl QueueLink {
    fn alive(&self) -> Result<&Receiver<LinkFrame>, LinkClosed> {
        if self.outbox.is_closed() {
            return Err(LinkClosed("the connection of the game is closed".to_owned()));
        }
        self.arrived.as_ref().ok_or_else(|| LinkClosed("the game has closed this link".to_owned()))
    }
}

impl Link for QueueLink {
    fn take(&mut self, arrivals: &mut Arrivals, frames_max: usize, _: Instant) -> Result<(), LinkClosed> {
        let arrived = self.alive()?;
        for _ in 0..frames_max {
            match arrived.try_recv() {
                Ok(LinkFrame { identifier, sequence, payload }) => arrivals.push(identifier, sequence, &payload),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    return Err(LinkClosed("the session of the game has ended".to_owned()));
                }
            }
        }
        Ok(())
    }

    fn offer(&mut self, identifier: u8, payload: &[u8], delivery: Delivery, _: Instant) -> Result<Offer, LinkClosed> {
        self.alive()?;
        if delivery == Delivery::Skippable && self.outbox.waiting_bytes() > SKIP_ABOVE_BYTES {
            return Ok(Offer::Skipped);
        }
        self.outbox
            .try_send(Outgoing::Game { identifier, payload: Bytes::copy_from_slice(payload) })
            .map(|()| Offer::Taken)
            .map_err(|full| LinkClosed(full.to_string()))
    }

    fn seal(&mut self) -> Result<(), LinkClosed> {
        Ok(())
    }

    fn flush(&mut self) -> Result<(), LinkClosed> {
        self.alive().map(|_| ())
    }

    fn waiting_bytes(&self) -> usize {
        self.outbox.waiting_bytes()
    }

    /// The lobby's connection goes on, so the reason travels as an ERROR and not as a GOODBYE.
    fn close(&mut self, code: &str, message: &str) {
        if self.arrived.take().is_some() && !self.outbox.is_closed() {
            let (code, message) = (code.to_owned(), message.to_owned());
            // A full outbox has closed the connection by itself.
            let _ =
                self.outbox.try_send(Outgoing::answer(proto::Error { code, message, sequence: 0, retry_after_ms: 0 }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{OutboxLimits, outbox};

    fn frame(sequence: u32) -> LinkFrame {
        LinkFrame { identifier: 0x41, sequence, payload: Bytes::from_static(b"step") }
    }

    #[tokio::test]
    async fn frames_go_both_ways_and_snapshots_are_skipped_when_the_client_is_behind() {
        let (outbox, mut reader) = outbox(OutboxLimits { messages_max: 64, bytes_max: 100_000 });
        let GameSide { frames, mut link } = game_side(&outbox);
        for sequence in 0..3 {
            frames.try_send(frame(sequence)).unwrap();
        }
        let (mut taken, now) = (Arrivals::default(), Instant::now());
        link.take(&mut taken, 2, now).unwrap();
        assert_eq!(taken.len(), 2, "the rest stays for the next tick");
        taken.clear();
        link.take(&mut taken, 2, now).unwrap();
        let left: Vec<_> = taken.iter().map(|frame| (frame.sequence, frame.payload)).collect();
        assert_eq!(left, [(2, &b"step"[..])]);

        assert_eq!(link.offer(0x40, &[1; 5_000], Delivery::Skippable, now), Ok(Offer::Taken));
        assert_eq!(link.offer(0x40, &[2; 10], Delivery::Skippable, now), Ok(Offer::Skipped));
        assert_eq!(link.offer(0x49, &[3; 10], Delivery::Reliable, now), Ok(Offer::Taken));
        assert!(matches!(reader.next().await, Some(Outgoing::Game { identifier: 0x40, .. })));
        assert!(matches!(reader.next().await, Some(Outgoing::Game { identifier: 0x49, .. })));
        assert_eq!(link.offer(0x40, &[2; 10], Delivery::Skippable, now), Ok(Offer::Taken));
    }

    #[test]
    fn a_closed_link_refuses_both_ends() {
        let (outbox, _reader) = outbox(OutboxLimits { messages_max: 64, bytes_max: 100_000 });
        let GameSide { frames, mut link } = game_side(&outbox);
        link.close("GAME_REFUSED", "The game has ended.");
        assert!(frames.try_send(frame(0)).is_err());
        assert!(link.offer(0x40, &[], Delivery::Skippable, Instant::now()).is_err());
        assert!(!outbox.is_closed(), "the lobby goes on");
    }
}
