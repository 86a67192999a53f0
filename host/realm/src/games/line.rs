//! A player's connection inside a game: everything that dies with the link.

use std::{ops::Range, time::Instant};

use realm_protocol::{ServerMessage, Snapshot, proto};
use realm_world::{EntityId, View, Zone, items::Catalogue};

use crate::types::{Arrivals, Code, Delivery, Link, LinkClosed, Offer};

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
    /// What time it is for the link: that of the stage.
    now: Instant,
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
    /// Where the coming snapshot stands as it is sent; empty when the client is to get none.
    body: Range<usize>,
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
            now: Instant::now(),
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
            body: 0..0,
        }
    }

    /// Takes what has arrived by now, a bounded number of frames.
    pub(super) fn take(
        &mut self,
        arrivals: &mut Arrivals,
        catalogue: &Catalogue,
        now: Instant,
    ) -> Result<Wanted, LinkClosed> {
        self.now = now;
        arrivals.clear();
        self.link.take(arrivals, FRAMES_PER_TICK_MAX, now)?;
        self.silent_ticks = if arrivals.is_empty() { self.silent_ticks.saturating_add(1) } else { 0 };
        let mut complained = false;
        for frame in arrivals.iter() {
            match inputs::read(frame, catalogue) {
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

    /// Takes in what the player sees at this tick, and encodes it behind the others unless the client is too far behind.
    pub(super) fn look(&mut self, view: &View, tick: u32, bodies: &mut Vec<u8>) {
        self.seen.swap(0, 1);
        self.seen[0].clear();
        self.seen[0].extend(view.entities.iter().map(|entity| entity.id));
        snapshots::fill(&mut self.current, view, tick, self.applied);
        let begin = bodies.len();
        if self.history.behind_ticks() > BEHIND_TICKS_MAX {
            self.behind_since.get_or_insert(tick);
        } else {
            self.behind_since = None;
            self.history.encode(&self.current, bodies);
        }
        self.body = begin..bodies.len();
    }

    /// Makes the news and the snapshot of a tick ready, in one piece where the connection takes it.
    ///
    /// # Errors
    /// When the connection is gone, cannot take what must arrive, or has not kept up for too long.
    pub(super) fn write(&mut self, bodies: &[u8], now: Instant) -> Result<(), Loss> {
        self.now = now;
        if !self.news.is_empty() {
            self.write_news()?;
        }
        if self.behind_since.is_some_and(|since| self.current.tick - since >= BEHIND_CLOSE_TICKS) {
            return Err(Loss::TooSlow);
        }
        let body = bodies.get(std::mem::take(&mut self.body)).unwrap_or_default();
        if !body.is_empty() && self.link.offer(PLAYER_STATE, body, Delivery::Skippable, now)? == Offer::Taken {
            self.history.sent(&mut self.current);
        }
        self.link.seal()?;
        Ok(())
    }

    /// Sends what was written.
    ///
    /// # Errors
    /// When the connection is gone.
    pub(super) fn send(&mut self) -> Result<(), Loss> {
        Ok(self.link.flush()?)
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
        self.link.offer(GAME_EVENTS, &self.news_bytes, Delivery::Reliable, self.now).map(|_| ())
    }

    /// Sends a message that must arrive.
    pub(super) fn say(&mut self, message: &ServerMessage) -> Result<(), LinkClosed> {
        self.link.offer(message.identifier(), &message.to_payload(), Delivery::Reliable, self.now).map(|_| ())
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
