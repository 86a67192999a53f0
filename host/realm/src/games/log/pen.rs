//! The log of one running game, as its tick thread writes it.

use std::sync::{
    Arc,
    mpsc::{Receiver, SyncSender, TrySendError},
};

use realm_world::{
    Input, PlayerSlot, World,
    log::{CHECK_TICKS, Ending, Header, LogWriter, Newcomer, Verdict},
};

use crate::types::{CharacterId, GameId};

use super::{LOG_BYTES_MAX, Message};

/// A buffer that holds more goes to the writer.
const CHUNK_BYTES: usize = 3_072;
/// So does one that has waited for this long: 10 s. A crash loses no more.
const CHUNK_TICKS: u32 = 250;
/// Room of a buffer: a chunk and the longest tick after it.
const BUFFER_BYTES: usize = 4_096;

/// A tick thread's way to the writer.
pub(in super::super) struct Desk {
    number: usize,
    queue: SyncSender<Message>,
    spares: Receiver<Vec<u8>>,
}

impl Desk {
    pub(super) fn new(number: usize, queue: SyncSender<Message>, spares: Receiver<Vec<u8>>) -> Self {
        Self { number, queue, spares }
    }

    /// An empty buffer: a used one when there is one.
    fn buffer(&self) -> Vec<u8> {
        let mut buffer = self.spares.try_recv().unwrap_or_else(|_| Vec::with_capacity(BUFFER_BYTES));
        buffer.clear();
        buffer
    }
}

/// How far a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Writing,
    /// The last piece waits for a place in the queue.
    Ending,
    Ended,
}

/// Writes one game's log.
pub(in super::super) struct Pen {
    game: GameId,
    writer: LogWriter,
    /// Who judged last; the outer `None` before anybody did.
    rule: Option<Option<Arc<str>>>,
    ticks_waiting: u32,
    handed_over_bytes: usize,
    state: State,
}

impl Pen {
    pub(in super::super) fn new(game: GameId, header: &Header) -> Self {
        let writer = LogWriter::new(header, BUFFER_BYTES);
        Self { game, writer, rule: None, ticks_waiting: 0, handed_over_bytes: 0, state: State::Writing }
    }

    /// A character comes in with the coming tick.
    pub(in super::super) fn newcomer(&mut self, slot: PlayerSlot, character: CharacterId) {
        if self.state == State::Writing {
            self.writer.newcomer(Newcomer { slot, character: character.raw() });
        }
    }

    /// Who judged the wishes of the coming tick.
    pub(in super::super) fn rule(&mut self, label: Option<&Arc<str>>) {
        let known = self.rule.as_ref().is_some_and(|known| known.as_ref() == label);
        if self.state == State::Writing && !known {
            self.writer.rule(label.map(AsRef::as_ref));
            self.rule = Some(label.cloned());
        }
    }

    /// A verdict on a wish of the coming tick.
    pub(in super::super) fn verdict(&mut self, verdict: &Verdict) {
        if self.state == State::Writing {
            self.writer.verdict(verdict);
        }
    }

    /// The tick that the world has just made.
    pub(in super::super) fn tick(&mut self, inputs: &[Input], world: &World, desk: &Desk) {
        match self.state {
            State::Ended => return,
            State::Ending => return self.hand_over(desk),
            State::Writing => {}
        }
        self.writer.tick(inputs);
        if world.tick().is_multiple_of(CHECK_TICKS) {
            self.writer.check(world.state_hash());
        }
        self.ticks_waiting += 1;
        let length = self.writer.bytes().len();
        if self.handed_over_bytes + length > LOG_BYTES_MAX {
            self.end(world, "The log is as long as a log may be.", desk);
        } else if length >= CHUNK_BYTES || self.ticks_waiting >= CHUNK_TICKS {
            self.hand_over(desk);
            if self.state == State::Writing && !self.writer.bytes().is_empty() {
                self.end(world, "The writer of logs did not keep up.", desk);
            }
        }
    }

    /// The game is over.
    pub(in super::super) fn end(&mut self, world: &World, reason: &str, desk: &Desk) {
        if self.state == State::Writing {
            self.writer.end(&Ending { hash: world.state_hash(), reason: reason.to_owned() });
            self.state = State::Ending;
        }
        if self.state == State::Ending {
            self.hand_over(desk);
        }
    }

    /// Gives what is written to the writer, if there is a place; otherwise it stays.
    fn hand_over(&mut self, desk: &Desk) {
        let bytes = std::mem::replace(self.writer.bytes(), desk.buffer());
        let (length, last) = (bytes.len(), self.state == State::Ending);
        match desk.queue.try_send(Message::Chunk { game: self.game, bytes, last, desk: desk.number }) {
            Ok(()) => {
                self.ticks_waiting = 0;
                self.handed_over_bytes += length;
                if last {
                    self.state = State::Ended;
                }
            }
            Err(TrySendError::Full(Message::Chunk { bytes, .. })) => *self.writer.bytes() = bytes,
            Err(TrySendError::Full(Message::Stop) | TrySendError::Disconnected(_)) => self.state = State::Ended,
        }
    }
}
