//! A player's connection inside a game: everything that dies with the link.

use realm_protocol::{ServerMessage, Snapshot, proto};
use realm_world::{EntityId, View, Zone};

use crate::types::{Code, Delivery, Link, LinkClosed, LinkFrame, Offer};

use super::{
    events,
    inputs::{self, InputQueue, Intent, Received},
    snapshots::{self, History},
};

/// Frames taken from a link in one tick.
const FRAMES_PER_TICK_MAX: usize = 16;
/// A client that is further behind in acknowledging gets no snapshot.
const BEHIND_TICKS_MAX: u32 = 12;
/// A client that stays so for this long is closed: 10 s.
const BEHIND_CLOSE_TICKS: u32 = 250;
/// A client that says nothing for this long may be replaced by a new connection: 2 s.
const SILENT_TICKS_MAX: u32 = 50;
/// Identifier of PLAYER_STATE.
const PLAYER_STATE: u8 = 0x40;
/// Identifier of GAME_EVENTS.
const GAME_EVENTS: u8 = 0x49;

/// A connection.
pub(super) struct Line {
    link: Box<dyn Link>,
    pub(super) queue: InputQueue,
    history: History,
    /// The level of the world of which the client was told last; `None` before GAME_ENTERED.
    pub(super) zone: Option<Zone>,
    silent_ticks: u32,
    /// Since which tick the client has been too far behind.
    behind_since: Option<u32>,
    /// Number of the last input that was carried out or refused.
    pub(super) applied: u32,
    /// To be told with this tick's events.
    pub(super) news: Vec<proto::GameEvent>,
    news_bytes: Vec<u8>,
    /// The coming snapshot.
    current: Snapshot,
    /// Who is seen now, and who was a tick ago, for events about those who have vanished since; by rising id.
    seen: [Vec<EntityId>; 2],
    /// The coming snapshot as it is sent; empty when the client is to get none.
    bytes: Vec<u8>,
}

/// What came with a tick's frames beside intentions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Stay,
    Leave,
}

impl Line {
    pub(super) fn new(link: Box<dyn Link>) -> Self {
        Self {
            link,
            queue: InputQueue::default(),
            history: History::default(),
            zone: None,
            silent_ticks: 0,
            behind_since: None,
            applied: 0,
            news: Vec::new(),
            news_bytes: Vec::new(),
            current: Snapshot::default(),
            seen: [Vec::new(), Vec::new()],
            bytes: Vec::new(),
        }
    }

    /// Takes what has arrived, a bounded number of frames.
    pub(super) fn take(&mut self, frames: &mut Vec<LinkFrame>) -> Result<Wanted, LinkClosed> {
        frames.clear();
        self.link.take(frames, FRAMES_PER_TICK_MAX)?;
        self.silent_ticks = if frames.is_empty() { self.silent_ticks.saturating_add(1) } else { 0 };
        let mut complained = false;
        for frame in frames.iter() {
            match inputs::read(frame) {
                Ok(Received::Intent(intent)) => {
                    self.history.acknowledge(intent.acknowledged_tick);
                    if let Some(surplus) = self.queue.offer(intent) {
                        self.refuse(surplus, Code::RateLimited);
                    }
                }
                Ok(Received::Acknowledged(tick)) => self.history.acknowledge(tick),
                Ok(Received::Ping(token)) => self.say(&proto::Pong { token }.into())?,
                Ok(Received::Pong) => {}
                Ok(Received::Leave) => return Ok(Wanted::Leave),
                // One complaint a tick is enough for a client that sends nothing but nonsense.
                Err(_) if complained => {}
                Err(problem) => {
                    complained = true;
                    let message = format!("{problem}; see docs/protocol.md for what a game takes.");
                    let code = Code::MessageInvalid.as_str().to_owned();
                    let sequence = frame.sequence;
                    self.say(&proto::Error { code, message, sequence, retry_after_ms: 0 }.into())?;
                }
            }
        }
        Ok(Wanted::Stay)
    }

    /// Tells the client with this tick's events that an input was not carried out.
    pub(super) fn refuse(&mut self, intent: Intent, code: Code) {
        self.news.push(events::refused(intent.input, code));
    }

    /// True while something was heard from the client lately.
    pub(super) fn is_lively(&self) -> bool {
        self.silent_ticks < SILENT_TICKS_MAX
    }

    /// Whether the client sees an entity now, or did a tick ago.
    pub(super) fn sees(&self, entity: u16) -> bool {
        self.seen.iter().any(|seen| seen.binary_search(&entity).is_ok())
    }

    /// Takes in what the player sees at this tick, and encodes it unless the client is too far behind.
    pub(super) fn look(&mut self, view: &View, tick: u32) {
        self.seen.swap(0, 1);
        self.seen[0].clear();
        self.seen[0].extend(view.entities.iter().map(|entity| entity.id));
        snapshots::fill(&mut self.current, view, tick, self.applied);
        self.bytes.clear();
        if self.history.behind_ticks() > BEHIND_TICKS_MAX {
            self.behind_since.get_or_insert(tick);
        } else {
            self.behind_since = None;
            self.history.encode(&self.current, &mut self.bytes);
        }
    }

    /// Sends the news and the snapshot of a tick, in one piece where the connection takes it.
    ///
    /// # Errors
    /// When the connection is gone, cannot take what must arrive, or has not kept up for too long.
    pub(super) fn write(&mut self) -> Result<(), Loss> {
        if !self.news.is_empty() {
            self.write_news()?;
        }
        if self.behind_since.is_some_and(|since| self.current.tick - since >= BEHIND_CLOSE_TICKS) {
            return Err(Loss::TooSlow);
        }
        if !self.bytes.is_empty() && self.link.offer(PLAYER_STATE, &self.bytes, Delivery::Skippable)? == Offer::Taken {
            self.history.sent(&mut self.current);
        }
        self.link.flush()?;
        Ok(())
    }

    /// The list of news and the buffer keep their memory, so that a fight costs no allocation.
    fn write_news(&mut self) -> Result<(), LinkClosed> {
        let events = std::mem::take(&mut self.news);
        let message = ServerMessage::from(proto::GameEvents { tick: self.current.tick, events });
        self.news_bytes.clear();
        message.append_payload(&mut self.news_bytes);
        if let ServerMessage::GameEvents(mut told) = message {
            told.events.clear();
            self.news = told.events;
        }
        self.link.offer(GAME_EVENTS, &self.news_bytes, Delivery::Reliable).map(|_| ())
    }

    /// Sends a message that must arrive.
    pub(super) fn say(&mut self, message: &ServerMessage) -> Result<(), LinkClosed> {
        self.link.offer(message.identifier(), &message.to_payload(), Delivery::Reliable).map(|_| ())
    }

    /// Says goodbye and closes.
    pub(super) fn close(mut self, code: Code, message: &str) {
        self.link.close(code.as_str(), message);
    }
}

/// Why a connection is given up.
#[derive(Debug, thiserror::Error)]
pub(super) enum Loss {
    /// It is gone.
    #[error(transparent)]
    Closed(#[from] LinkClosed),
    /// The client does not keep up.
    #[error("the client did not keep up with the snapshots")]
    TooSlow,
}
