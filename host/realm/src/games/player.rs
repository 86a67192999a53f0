//! A player in a running game, as its tick thread knows it.

use std::{sync::Arc, time::Instant};

use realm_protocol::proto::{self, game_event::Kind};
use realm_world::{EntityId, PlayerSlot, Sheet, World, items::Catalogue};

use crate::{
    characters::Place,
    types::{AccountId, Arrivals, CharacterId, Code, ItemId},
};

use super::{
    acts::Moments,
    errands::UnderWay,
    keeper::Finder,
    line::{Line, Wanted},
    outfits::Brought,
    save_book::Progress,
    seat::Presence,
    wearing::Wearing,
};

/// Why and when a player leaves the game.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parting {
    pub(super) code: Code,
    pub(super) message: String,
}

/// A player.
pub(super) struct Player {
    pub(super) account: AccountId,
    pub(super) character: CharacterId,
    pub(super) slot: PlayerSlot,
    pub(super) brought: Brought,
    /// What the keeper has been asked for and has not answered.
    pub(super) under_way: UnderWay,
    /// How far what it wears is worn.
    pub(super) wearing: Wearing,
    /// Number of the connection: answers to wishes of another one are told to nobody.
    pub(super) lines: u32,
    pub(super) presence: Arc<Presence>,
    /// `None` while the connection is lost.
    pub(super) line: Option<Line>,
    /// `None` until the world has taken the character in.
    pub(super) entity: Option<EntityId>,
    /// Ticks without a connection.
    absent_ticks: u32,
    /// Ticks played since the last report.
    unreported_ticks: u64,
    /// What the client may not know of yet.
    pub(super) moments: Moments,
    /// The character is to be saved in this tick.
    pub(super) save_now: bool,
    /// Set when the player is to leave at the end of this tick.
    pub(super) parting: Option<Parting>,
}

impl Player {
    pub(super) fn new(
        account: AccountId,
        character: CharacterId,
        (slot, brought): (PlayerSlot, Brought),
        presence: Arc<Presence>,
        line: Line,
    ) -> Self {
        Self {
            account,
            character,
            slot,
            brought,
            under_way: UnderWay::default(),
            wearing: Wearing::default(),
            lines: 0,
            presence,
            line: Some(line),
            entity: None,
            absent_ticks: 0,
            unreported_ticks: 0,
            moments: Moments::default(),
            save_now: false,
            parting: None,
        }
    }

    /// Takes what has arrived from the client by now.
    pub(super) fn take(&mut self, arrivals: &mut Arrivals, catalogue: &Catalogue, now: Instant) {
        let Some(line) = &mut self.line else { return };
        match line.take(arrivals, catalogue, now) {
            Ok(Wanted::Stay) => {
                if line.is_lively() {
                    self.presence.arrived();
                } else {
                    self.presence.lost();
                }
            }
            Ok(Wanted::Leave) => {
                let message = "You have left the game; your character is being saved.".to_owned();
                self.parting = Some(Parting { code: Code::GameLeft, message });
            }
            Err(closed) => {
                tracing::debug!(account = %self.account, reason = closed.0, "a game connection is gone");
                self.lose_line();
            }
        }
    }

    /// The connection is gone; the player may come back on another one.
    pub(super) fn lose_line(&mut self) {
        self.line = None;
        self.absent_ticks = 0;
        self.presence.lost();
    }

    /// A new connection takes the place of the old one.
    pub(super) fn come_back(&mut self, line: Line) {
        if let Some(old) = self.line.replace(line) {
            old.close(Code::SessionReplaced, "A newer connection of the same account took over this game.");
        }
        self.absent_ticks = 0;
        self.lines = self.lines.wrapping_add(1);
        self.presence.arrived();
    }

    /// The keeper has answered a wish.
    pub(super) fn hear(&mut self, finder: &Finder, event: proto::GameEvent, tick: u32) {
        let is_refused = matches!(event.kind, Some(Kind::Refused(_)));
        self.under_way.end(finder.wish, is_refused, tick);
        // Who has lost its connection reads in its inventory what became of it.
        if let Some(line) = self.line.as_mut().filter(|_| self.lines == finder.line) {
            line.news.push(event);
        }
    }

    /// Counts a tick; who has been without a connection for too long leaves.
    pub(super) fn count_tick(&mut self, reconnect_ticks: u32, autosave_ticks: u32) {
        self.unreported_ticks += 1;
        self.save_now |= self.unreported_ticks >= u64::from(autosave_ticks.max(1));
        if self.line.is_none() {
            self.absent_ticks += 1;
            if self.absent_ticks >= reconnect_ticks {
                let message = "The connection was lost for too long.".to_owned();
                self.parting.get_or_insert(Parting { code: Code::Silence, message });
            }
        }
    }

    /// This is the first tick without a connection.
    pub(super) fn has_just_lost_its_line(&self) -> bool {
        self.line.is_none() && self.absent_ticks == 1
    }

    /// What it wears has gone through what its world says; the points of durability that this has cost since this was asked last.
    pub(super) fn wear_down(&mut self, world: &World) -> Vec<(ItemId, u32)> {
        // Who is not in the world yet may stand in a slot that still shows somebody else.
        let strain = self.entity.and_then(|_| world.strain(self.slot));
        let Some(strain) = strain else { return Vec::new() };
        self.wearing.settle(&self.brought.gear, strain);
        self.wearing.take(world.content().wear())
    }

    /// The report of this moment.
    pub(super) fn progress(&mut self, kept: Option<(Sheet, Option<Place>)>, last: bool) -> Progress {
        self.save_now = false;
        let play_ticks = std::mem::take(&mut self.unreported_ticks);
        let (sheet, place) = kept.unzip();
        Progress { character: self.character, sheet, place: place.flatten(), play_ticks, last }
    }
}
