//! Inside a game: inputs out, snapshots and events in.

mod world;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use realm_protocol::{ClientMessage, ServerMessage, Snapshot, proto, snapshot::EntityKind};
use tokio::time::Instant;

pub use world::GameWorld;

use crate::{Arrival, ClientError, Connection, Endpoint};

/// Snapshots without an input after which the newest is acknowledged by itself.
const ACKNOWLEDGE_EVERY: u32 = 2;

/// Messages of the lobby that may come between GAME_ENTER and GAME_ENTERED.
const EARLY_MESSAGES_MAX: usize = 1_024;

/// What happens in a game, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum GameUpdate {
    /// What the player can see now.
    Snapshot(Arc<Snapshot>),
    /// What snapshots do not tell.
    Events(proto::GameEvents),
    /// Another message: ZONE_ENTERED when the character has taken the stairs, errors, the goodbye, and, over `realm.v1.bin`, everything of the lobby. There an ERROR with
    /// sequence 0 says that the game has ended or was left, while the lobby goes on.
    Message(ServerMessage),
}

/// A connection that plays.
pub struct GameConnection {
    connection: Connection,
    world: GameWorld,
    entered: proto::GameEntered,
    early: VecDeque<ServerMessage>,
    input: u32,
    unacknowledged: u32,
}

impl GameConnection {
    /// Connects to the game's door and enters with the ticket.
    ///
    /// # Errors
    /// When the door cannot be reached, or refuses the ticket ([`ClientError::code`] says why).
    pub async fn enter(endpoint: &Endpoint, ticket: &proto::GameTicket) -> Result<Self, ClientError> {
        let connection = Connection::open_game(endpoint, ticket).await?;
        Self::enter_over(connection, &ticket.ticket).await
    }

    /// Enters over an open connection: one to a game's door, or the lobby's on `realm.v1.bin`.
    ///
    /// # Errors
    /// When the ticket is refused or the connection fails.
    pub async fn enter_over(mut connection: Connection, ticket: &str) -> Result<Self, ClientError> {
        let sequence = connection.send(&proto::GameEnter { ticket: ticket.to_owned() }.into()).await?;
        let (end, mut early) = (Instant::now() + connection.deadline(), VecDeque::new());
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match connection.next(left).await? {
                Arrival::Message(ServerMessage::GameEntered(entered)) => {
                    let world = GameWorld::default();
                    return Ok(Self { connection, world, entered, early, input: 0, unacknowledged: 0 });
                }
                Arrival::Message(ServerMessage::Error(error)) if error.sequence == sequence => {
                    return Err(ClientError::refused(&error));
                }
                Arrival::Message(ServerMessage::Goodbye(goodbye)) => return Err(ClientError::Closed(Some(goodbye))),
                // On the lobby's connection other things go on meanwhile.
                Arrival::Message(message) if early.len() < EARLY_MESSAGES_MAX => early.push_back(message),
                Arrival::Message(_) | Arrival::Snapshot(_) => {
                    return Err(ClientError::Unexpected("the game did not answer GAME_ENTER".to_owned()));
                }
            }
        }
    }

    /// Map, own entity, skills and limits, as the game told them on entering; the level of the world with its map and stairs is the one
    /// where the character is now.
    #[must_use]
    pub fn entered(&self) -> &proto::GameEntered {
        &self.entered
    }

    /// The newest snapshot.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.world.newest()
    }

    /// Number of the last input that was sent.
    #[must_use]
    pub fn input(&self) -> u32 {
        self.input
    }

    /// Why the server said goodbye, once it has.
    #[must_use]
    pub fn goodbye(&self) -> Option<&proto::Goodbye> {
        self.connection.goodbye()
    }

    /// True when a tile is a wall; everything outside the map is.
    #[must_use]
    pub fn is_wall(&self, tile_x: u32, tile_y: u32) -> bool {
        let (width, height) = (u64::from(self.entered.map_width), u64::from(self.entered.map_height));
        let (x, y) = (u64::from(tile_x), u64::from(tile_y));
        if x >= width || y >= height {
            return true;
        }
        let bit = y * width + x;
        let byte = usize::try_from(bit / 8).ok().and_then(|index| self.entered.walls.get(index));
        byte.is_none_or(|byte| byte >> (bit % 8) & 1 == 1)
    }

    /// Wishes to go so many sub-tiles; the game applies at most the legal step. Returns the input's number.
    ///
    /// # Errors
    /// When the connection has ended, or the server does not read within the deadline.
    pub async fn walk(&mut self, dx: i32, dy: i32) -> Result<u32, ClientError> {
        self.act(|input, acknowledged_tick| proto::PlayerMove { input, acknowledged_tick, dx, dy }).await
    }

    /// Strikes at an entity.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn attack(&mut self, target: u16) -> Result<u32, ClientError> {
        let target = u32::from(target);
        self.act(|input, acknowledged_tick| proto::PlayerAttack { input, acknowledged_tick, target }).await
    }

    /// Uses a skill of the character's class on somebody; skills are numbered as in [`Self::entered`], from 0.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn use_skill_on(&mut self, skill: u32, target: u16) -> Result<u32, ClientError> {
        let target = u32::from(target);
        self.act(|input, acknowledged_tick| proto::SkillUse { input, acknowledged_tick, skill, target, x: 0, y: 0 })
            .await
    }

    /// Uses a skill of the character's class at a place, in sub-tiles. Skills that need no place, those with reach 0, take any.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn use_skill_at(&mut self, skill: u32, x: i32, y: i32) -> Result<u32, ClientError> {
        self.act(|input, acknowledged_tick| proto::SkillUse { input, acknowledged_tick, skill, target: 0, x, y }).await
    }

    /// Takes something from the ground: an item or gold, or a potion, which is drunk at once or put into the belt. Items and gold are the
    /// character's when the event `item_taken` comes with this input's number.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn pick_up(&mut self, target: u16, drink: bool) -> Result<u32, ClientError> {
        let target = u32::from(target);
        self.act(|input, acknowledged_tick| proto::PickUp { input, acknowledged_tick, target, drink }).await
    }

    /// Drinks the potion in this place of the belt, from 0.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn use_potion(&mut self, place: u32) -> Result<u32, ClientError> {
        self.act(|input, acknowledged_tick| proto::PotionUse { input, acknowledged_tick, place }).await
    }

    /// Takes the stairs to the other level; they have to be in reach, 64 sub-tiles. `None` when no stairs are in sight. When the character
    /// is there, [`Self::entered`] has the other level's map, and the next snapshot shows what is there.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn take_stairs(&mut self) -> Result<Option<u32>, ClientError> {
        let stairs = self.snapshot().and_then(|seen| seen.entities.iter().find(|one| one.kind == EntityKind::Object));
        match stairs.map(|stairs| stairs.id) {
            Some(stairs) => self.interact(stairs).await.map(Some),
            None => Ok(None),
        }
    }

    /// Turns to somebody who lives in the town: a healer or a vendor.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn interact(&mut self, target: u16) -> Result<u32, ClientError> {
        let target = u32::from(target);
        self.act(|input, acknowledged_tick| proto::NpcInteraction { input, acknowledged_tick, target, deal: None })
            .await
    }

    /// Buys from a vendor in reach what it sells: so many of a base of the content pack. It is done when the event `item_dealt` comes with this
    /// input's number.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn buy(&mut self, vendor: u16, base: &str, count: u32) -> Result<u32, ClientError> {
        let base = base.to_owned();
        self.deal(vendor, proto::vendor_deal::Kind::Buy(proto::VendorBuy { base, count })).await
    }

    /// Sells an item to a vendor in reach, or so many of a stack; 0 for all. Done as [`Self::buy`].
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn sell(&mut self, vendor: u16, item_id: u64, count: u32) -> Result<u32, ClientError> {
        self.deal(vendor, proto::vendor_deal::Kind::Sell(proto::VendorSell { item_id, count })).await
    }

    /// Has a vendor in reach repair an item. Done as [`Self::buy`].
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn repair(&mut self, vendor: u16, item_id: u64) -> Result<u32, ClientError> {
        self.deal(vendor, proto::vendor_deal::Kind::Repair(proto::VendorRepair { item_id })).await
    }

    async fn deal(&mut self, vendor: u16, kind: proto::vendor_deal::Kind) -> Result<u32, ClientError> {
        let (target, deal) = (vendor.into(), Some(proto::VendorDeal { kind: Some(kind) }));
        self.act(|input, acknowledged_tick| proto::NpcInteraction { input, acknowledged_tick, target, deal }).await
    }

    /// Uses a scroll: over an item to find out what it is, or over none (0) to go home. It is done when the event `item_dealt` comes with this
    /// input's number; home one comes in the ticks after that.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn use_item(&mut self, item_id: u64, over_item_id: u64) -> Result<u32, ClientError> {
        self.act(|input, acknowledged_tick| proto::ItemUse { input, acknowledged_tick, item_id, over_item_id }).await
    }

    /// Lays an item of the inventory on the ground. It lies there when the event `item_laid` comes with this input's number.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn drop_item(&mut self, item_id: u64) -> Result<u32, ClientError> {
        self.act(|input, acknowledged_tick| proto::ItemDrop { input, acknowledged_tick, item_id }).await
    }

    /// Comes back to life.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub async fn respawn(&mut self) -> Result<u32, ClientError> {
        self.act(|input, acknowledged_tick| proto::Respawn { input, acknowledged_tick }).await
    }

    async fn act<M: Into<ClientMessage>>(&mut self, act: impl FnOnce(u32, u32) -> M) -> Result<u32, ClientError> {
        self.input = self.input.wrapping_add(1);
        let message = act(self.input, self.world.acknowledged_tick()).into();
        self.unacknowledged = 0;
        self.connection.send(&message).await?;
        Ok(self.input)
    }

    fn change_zone(&mut self, entered: &proto::ZoneEntered) {
        let proto::ZoneEntered { tick, zone, zone_name, map_width, map_height, walls, stairs_x, stairs_y } =
            entered.clone();
        self.entered = proto::GameEntered {
            tick,
            zone,
            zone_name,
            map_width,
            map_height,
            walls,
            stairs_x,
            stairs_y,
            ..std::mem::take(&mut self.entered)
        };
    }

    /// What happens next, within the endpoint's deadline.
    ///
    /// # Errors
    /// When nothing comes in time, the connection has ended, or what comes cannot be read.
    pub async fn next(&mut self) -> Result<GameUpdate, ClientError> {
        self.next_within(self.connection.deadline()).await
    }

    /// What happens next, within `deadline`. Snapshots are acknowledged on the way.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn next_within(&mut self, deadline: Duration) -> Result<GameUpdate, ClientError> {
        if let Some(message) = self.early.pop_front() {
            return Ok(GameUpdate::Message(message));
        }
        let body = match self.connection.next(deadline).await? {
            Arrival::Message(ServerMessage::GameEvents(events)) => return Ok(GameUpdate::Events(events)),
            Arrival::Message(message) => {
                if let ServerMessage::ZoneEntered(zone) = &message {
                    self.change_zone(zone);
                }
                return Ok(GameUpdate::Message(message));
            }
            Arrival::Snapshot(body) => body,
        };
        let snapshot = self.world.take(&body)?;
        self.unacknowledged += 1;
        if self.unacknowledged >= ACKNOWLEDGE_EVERY {
            self.unacknowledged = 0;
            let acknowledged_tick = snapshot.tick;
            self.connection.send(&proto::SnapshotAcknowledge { acknowledged_tick }.into()).await?;
        }
        Ok(GameUpdate::Snapshot(snapshot))
    }

    /// The first update within `deadline` for which `pick` gives something; the others are passed over.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn wait_for<T>(
        &mut self,
        deadline: Duration,
        mut pick: impl FnMut(&GameUpdate) -> Option<T>,
    ) -> Result<T, ClientError> {
        let waiting = async {
            loop {
                if let Some(picked) = pick(&self.next_within(deadline).await?) {
                    return Ok(picked);
                }
            }
        };
        crate::error::within(deadline, "what was waited for in the game", waiting).await
    }

    /// The connection beneath, to send what this type would not.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Gives the connection back when the game has ended or was left, for the lobby or the next game on `realm.v1.bin`; messages of
    /// the lobby that nobody has taken are lost.
    #[must_use]
    pub fn into_connection(self) -> Connection {
        self.connection
    }

    /// Ends the connection. The character stays in the game for a while, so that a lost connection can be replaced.
    ///
    /// # Errors
    /// When the server does not take part within the deadline.
    pub async fn close(self) -> Result<(), ClientError> {
        self.connection.close().await
    }
}

#[cfg(test)]
mod tests;
