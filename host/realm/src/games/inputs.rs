//! What a client sends inside a game, from frames to intentions in their order. Stale and repeated inputs are dropped,
//! and a flood moves nobody further than one legal step a tick.

use std::collections::VecDeque;

use realm_protocol::{
    ClientMessage,
    proto::{self, vendor_deal::Kind},
};
use realm_world::{Deal, items::Catalogue};

use crate::types::Arrived;

/// Moves that wait for their tick: as many as a network that stutters bunches up.
pub(super) const MOVES_QUEUED_MAX: usize = 5;
/// How many of the newest moves stay when more came.
const MOVES_KEPT: usize = 2;
/// Other acts that wait for their tick.
const ACTS_QUEUED_MAX: usize = 4;
/// Acts of one client in a tick: a move and another.
pub(super) const INTENTS_TICK_MAX: usize = 2;
/// No wished step is longer than this; the rule sees one of this length as what it is.
const WISH_MAX: i32 = 0x7FFF;

/// What a client wishes to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// A step.
    Move { dx: i32, dy: i32 },
    /// A blow.
    Attack { target: u32 },
    /// A word with somebody, or the stairs.
    Interact { target: u32 },
    /// A deal with a vendor; `None` about something that the content pack does not have.
    Deal { target: u32, deal: Option<Deal> },
    /// Using an item, over another or none.
    Use { item: u64, on: u64 },
    /// A skill, at somebody or at a place.
    Skill { skill: u32, target: u32, x: i32, y: i32 },
    /// Taking something from the ground.
    PickUp { target: u32, drink: bool },
    /// Drinking a potion of the belt.
    Drink { place: u32 },
    /// Laying an item on the ground.
    DropItem { item: u64 },
    /// Coming back to life.
    Respawn,
}

impl Act {
    fn is_move(self) -> bool {
        matches!(self, Self::Move { .. })
    }
}

/// An act with the number its client gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Intent {
    pub(super) input: u32,
    /// Newest snapshot the client had decoded when it wished this.
    pub(super) acknowledged_tick: u32,
    pub(super) act: Act,
}

/// What a frame means to a game.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Received {
    Intent(Intent),
    Acknowledged(u32),
    Ping(u64),
    /// An answer to a question nobody asked; harmless.
    Pong,
    Leave,
}

/// What is wished of a vendor, or why that is nothing.
fn deal(deal: proto::VendorDeal, catalogue: &Catalogue) -> Result<Option<Deal>, String> {
    Ok(match deal.kind.ok_or("a deal buys, sells or repairs")? {
        Kind::Buy(proto::VendorBuy { base, count }) => {
            catalogue.base_number(&base).map(|base| Deal::Buy { base, count })
        }
        Kind::Sell(proto::VendorSell { item_id, count }) => Some(Deal::Sell { item: item_id, count }),
        Kind::Repair(proto::VendorRepair { item_id }) => Some(Deal::Repair { item: item_id }),
    })
}

/// Reads a frame.
///
/// # Errors
/// When it is malformed or has no place in a game; the text says why.
pub(super) fn read(frame: Arrived<'_>, catalogue: &Catalogue) -> Result<Received, String> {
    let message = ClientMessage::decode(frame.identifier, frame.payload).map_err(|error| error.to_string())?;
    let intent = |input, acknowledged_tick, act| Received::Intent(Intent { input, acknowledged_tick, act });
    Ok(match message {
        ClientMessage::PlayerMove(proto::PlayerMove { input, acknowledged_tick, dx, dy }) => {
            let [dx, dy] = [dx, dy].map(|wish| wish.clamp(-WISH_MAX, WISH_MAX));
            intent(input, acknowledged_tick, Act::Move { dx, dy })
        }
        ClientMessage::PlayerAttack(proto::PlayerAttack { input, acknowledged_tick, target }) => {
            intent(input, acknowledged_tick, Act::Attack { target })
        }
        ClientMessage::NpcInteraction(proto::NpcInteraction { input, acknowledged_tick, target, deal: None }) => {
            intent(input, acknowledged_tick, Act::Interact { target })
        }
        ClientMessage::NpcInteraction(proto::NpcInteraction { input, acknowledged_tick, target, deal: Some(wish) }) => {
            intent(input, acknowledged_tick, Act::Deal { target, deal: deal(wish, catalogue)? })
        }
        ClientMessage::ItemUse(proto::ItemUse { input, acknowledged_tick, item_id, over_item_id }) => {
            intent(input, acknowledged_tick, Act::Use { item: item_id, on: over_item_id })
        }
        ClientMessage::SkillUse(proto::SkillUse { input, acknowledged_tick, skill, target, x, y }) => {
            intent(input, acknowledged_tick, Act::Skill { skill, target, x, y })
        }
        ClientMessage::PickUp(proto::PickUp { input, acknowledged_tick, target, drink }) => {
            intent(input, acknowledged_tick, Act::PickUp { target, drink })
        }
        ClientMessage::PotionUse(proto::PotionUse { input, acknowledged_tick, place }) => {
            intent(input, acknowledged_tick, Act::Drink { place })
        }
        ClientMessage::ItemDrop(proto::ItemDrop { input, acknowledged_tick, item_id }) => {
            intent(input, acknowledged_tick, Act::DropItem { item: item_id })
        }
        ClientMessage::Respawn(proto::Respawn { input, acknowledged_tick }) => {
            intent(input, acknowledged_tick, Act::Respawn)
        }
        ClientMessage::SnapshotAcknowledge(message) => Received::Acknowledged(message.acknowledged_tick),
        ClientMessage::Ping(message) => Received::Ping(message.token),
        ClientMessage::Pong(_) => Received::Pong,
        ClientMessage::GameLeave(_) => Received::Leave,
        other => return Err(format!("{} has no place inside a game", other.name())),
    })
}

/// The intentions of one connection that wait for their tick.
#[derive(Debug, Default)]
pub(super) struct InputQueue {
    newest: u32,
    waiting: VecDeque<Intent>,
}

impl InputQueue {
    /// Takes an intention if its number is higher than every one before. Too many moves lose the oldest;
    /// an act that finds no place comes back.
    pub(super) fn offer(&mut self, intent: Intent) -> Option<Intent> {
        if intent.input <= self.newest {
            return None;
        }
        self.newest = intent.input;
        let moves = self.waiting.iter().filter(|waiting| waiting.act.is_move()).count();
        if !intent.act.is_move() {
            if self.waiting.len() - moves >= ACTS_QUEUED_MAX {
                return Some(intent);
            }
        } else if moves >= MOVES_QUEUED_MAX {
            let mut surplus = moves + 1 - MOVES_KEPT;
            self.waiting.retain(|waiting| {
                let dropped = waiting.act.is_move() && surplus > 0;
                surplus -= usize::from(dropped);
                !dropped
            });
        }
        self.waiting.push_back(intent);
        None
    }

    /// The intentions of this tick: at most one move and one other act, in the order in which they were sent.
    pub(super) fn next_tick(&mut self) -> impl Iterator<Item = Intent> + use<> {
        let kind = |intent: &Intent| intent.act.is_move();
        let first = self.waiting.pop_front();
        let second = match (first.as_ref().map(kind), self.waiting.front().map(kind)) {
            (Some(first), Some(second)) if first != second => self.waiting.pop_front(),
            _ => None,
        };
        first.into_iter().chain(second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(input: u32) -> Intent {
        Intent { input, acknowledged_tick: 0, act: Act::Move { dx: 1, dy: 0 } }
    }

    fn blow(input: u32) -> Intent {
        Intent { input, acknowledged_tick: 0, act: Act::Attack { target: 9 } }
    }

    fn tick(queue: &mut InputQueue) -> Vec<u32> {
        queue.next_tick().map(|intent| intent.input).collect()
    }

    #[test]
    fn stale_and_repeated_inputs_are_dropped() {
        let mut queue = InputQueue::default();
        for input in [3, 3, 2, 0, 5] {
            queue.offer(step(input));
        }
        assert_eq!([tick(&mut queue), tick(&mut queue), tick(&mut queue)], [vec![3], vec![5], vec![]]);
    }

    #[test]
    fn a_tick_has_one_move_and_one_act_in_the_order_they_were_sent() {
        let mut queue = InputQueue::default();
        for intent in [step(1), blow(2), step(3), step(4), blow(5)] {
            assert_eq!(queue.offer(intent), None);
        }
        assert_eq!(tick(&mut queue), [1, 2]);
        assert_eq!(tick(&mut queue), [3]);
        assert_eq!(tick(&mut queue), [4, 5]);
    }

    #[test]
    fn a_flood_keeps_the_newest_moves_and_gives_surplus_acts_back() {
        let mut queue = InputQueue::default();
        (1..=1_000).for_each(|input| assert_eq!(queue.offer(step(input)), None));
        let mut left = Vec::new();
        while let Some(intent) = queue.next_tick().next() {
            left.push(intent.input);
        }
        assert!(left.len() <= MOVES_QUEUED_MAX && left.ends_with(&[999, 1_000]), "{left:?}");
        let refused: Vec<u32> = (1_001..=1_006).filter_map(|input| queue.offer(blow(input))).map(|i| i.input).collect();
        assert_eq!(refused, [1_005, 1_006]);
    }

    #[test]
    fn frames_are_read_and_what_has_no_place_is_named() {
        let read = |message: ClientMessage| {
            let payload = message.to_payload();
            let frame = Arrived { identifier: message.identifier(), sequence: 1, payload: &payload };
            read(frame, realm_world::Content::builtin().items())
        };
        let far = proto::PlayerMove { input: 4, acknowledged_tick: 2, dx: i32::MIN, dy: 5 };
        let act = Act::Move { dx: -WISH_MAX, dy: 5 };
        assert_eq!(read(far.into()), Ok(Received::Intent(Intent { input: 4, acknowledged_tick: 2, act })));
        let chat = proto::ChatSend { text: "hi".into() };
        assert!(read(chat.into()).unwrap_err().contains("CHAT_MESSAGE"));
        let content = realm_world::Content::builtin();
        let nonsense = Arrived { identifier: 0x41, sequence: 1, payload: &[0xFF] };
        assert!(super::read(nonsense, content.items()).is_err());

        let deal = |kind| {
            let deal = Some(proto::VendorDeal { kind });
            read(proto::NpcInteraction { input: 4, acknowledged_tick: 2, target: 9, deal }.into())
        };
        let act = |deal| Act::Deal { target: 9, deal };
        let wished = |deal| Ok(Received::Intent(Intent { input: 4, acknowledged_tick: 2, act: act(deal) }));
        let buy = |base: &str| deal(Some(Kind::Buy(proto::VendorBuy { base: base.to_owned(), count: 3 })));
        let base = content.items().base_number("hood").unwrap();
        assert_eq!(buy("hood"), wished(Some(Deal::Buy { base, count: 3 })));
        assert_eq!(buy("no-such-thing"), wished(None));
        assert!(deal(None).unwrap_err().contains("buys, sells or repairs"));
    }
}
