//! What players do: one verb for each input.

use std::sync::Arc;

use super::{
    World,
    combat::Strike,
    player::{self, Player},
    skills::Aim,
};
use crate::{
    Deal, EntityId, Event, Input, InputKind, Map, PLAYERS_MAX, PlayerSlot, RefusedReason, SKILLS_PER_CLASS, Sheet,
    Zone,
    content::Role,
    geometry::{self, Point},
    items::Property,
    map::Walker,
};

/// No place that is aimed at is farther from the corner of a level, in sub-tiles.
const PLACE_MAX: i32 = 16_384;
/// How near the stairs one must be to go up or down, in sub-tiles.
const STAIRS_REACH: i32 = 64;

pub(super) type Act = Result<(), RefusedReason>;

impl World {
    /// One input. What names a slot where nobody plays does nothing.
    pub(super) fn apply(&mut self, input_index: usize, input: &Input, events: &mut Vec<Event>) {
        let (slot, input_kind, act) = match *input {
            Input::Join { slot, sheet } => return self.join(slot, sheet),
            Input::Leave { slot } => return self.leave(slot),
            Input::Move { slot, dx, dy } => (slot, InputKind::Move, self.walk(slot, dx, dy)),
            Input::Attack { slot, target } => (slot, InputKind::Attack, self.attack(slot, target, events)),
            Input::Interact { slot, target } => (slot, InputKind::Interact, self.interact(slot, target, events)),
            Input::Skill { slot, skill, target, x, y } => {
                // No level is larger, and what is farther away is out of reach of everything.
                let [x, y] = [x, y].map(|place| place.clamp(-PLACE_MAX, PLACE_MAX));
                let aim = Aim { target, at: Point { x, y } };
                (slot, InputKind::Skill, self.use_skill(slot, skill, aim, events))
            }
            Input::PickUp { slot, target, drink } => {
                (slot, InputKind::PickUp, self.pick_up((slot, input_index), target, drink, events))
            }
            Input::Drink { slot, place } => (slot, InputKind::Drink, self.drink(slot, place, events)),
            Input::Respawn { slot } => (slot, InputKind::Respawn, self.respawn(slot, events)),
            Input::Drop { slot, item } => (slot, InputKind::Drop, self.lay_down((slot, input_index), item, events)),
            Input::Deal { slot, target, deal } => {
                (slot, InputKind::Deal, self.deal((slot, input_index), target, deal, events))
            }
            Input::Use { slot, item, on } => {
                (slot, InputKind::Use, self.use_item((slot, input_index), (item, on), events))
            }
            Input::Recall { slot } => return self.recall(slot),
            Input::Bonus { slot, property, value } => return self.take_up(slot, property, value),
            Input::Wear { slot, weapon, skills } => return self.wear(slot, weapon, skills),
            Input::Lay { handle, look, layer, zone, x, y } => {
                let [x, y] = [x, y].map(|place| place.clamp(0, PLACE_MAX));
                return self.lay((handle, look), layer, (zone, Point { x, y }), events);
            }
            Input::Confirm { handle } => return self.settle(handle, true),
            Input::GiveBack { handle } => return self.settle(handle, false),
        };
        if let Err(reason) = act {
            events.push(Event::Refused { slot, input_index, input_kind, reason });
        }
    }

    fn join(&mut self, slot: PlayerSlot, sheet: Sheet) {
        let place = usize::from(slot.0);
        if self.players.get(place).is_none_or(Option::is_some) {
            return;
        }
        let entity = self.next_entity();
        let (zone, at) = self.arrival(slot);
        self.players[place] = Some(Player::enter(&self.content, entity, sheet, zone, at));
    }

    fn take_up(&mut self, slot: PlayerSlot, property: Property, value: i32) {
        if let Some(player) = self.player_mut(slot) {
            player.take_up(property, value);
        }
    }

    fn wear(&mut self, slot: PlayerSlot, weapon: Option<(u32, i32)>, skills: [u32; SKILLS_PER_CLASS]) {
        let content = Arc::clone(&self.content);
        if let Some(player) = self.player_mut(slot) {
            player.wear(content.class(player.sheet.class), weapon, skills);
        }
    }

    fn leave(&mut self, slot: PlayerSlot) {
        if let Some(player) = self.players.get_mut(usize::from(slot.0)) {
            *player = None;
        }
        // Another character may take the slot in the same tick.
        self.companions.retain(|companion| companion.owner != slot);
    }

    /// Where a player of this slot comes in.
    fn arrival(&self, slot: PlayerSlot) -> (Zone, Point) {
        let zone = self.content.rules.begin;
        (zone, self.at_entrance(zone, slot))
    }

    /// Where a player of this slot stands at the entrance of a level: around its middle, apart from the others.
    fn at_entrance(&self, zone: Zone, slot: PlayerSlot) -> Point {
        let middle = self.map(zone).entrance_middle();
        let (column, row) = (i32::from(slot.0 % 4), i32::from(slot.0 / 4 % 2));
        let apart = Map::SUB_TILES;
        Point { x: middle.x + column * apart - 3 * apart / 2, y: middle.y + row * apart - apart / 2 }
    }

    /// Where a player of this slot steps from the stairs: each onto another of the eight tiles around.
    fn beside_stairs(&self, zone: Zone, slot: PlayerSlot) -> Point {
        const AROUND: [(i32, i32); PLAYERS_MAX] =
            [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (1, -1), (-1, 1)];
        let stairs = self.map(zone).stairs();
        let (column, row) = AROUND[usize::from(slot.0) % PLAYERS_MAX];
        Point { x: stairs.x + column * Map::SUB_TILES, y: stairs.y + row * Map::SUB_TILES }
    }

    fn walk(&mut self, slot: PlayerSlot, dx: i32, dy: i32) -> Act {
        let Some(player) = acting(&mut self.players, slot)? else { return Ok(()) };
        let (dx, dy) = geometry::shorten(dx, dy, player.step_left);
        player.facing = geometry::facing(dx, dy).unwrap_or(player.facing);
        let to = self.maps[player.zone as usize].walk(Walker::Player, player.at, dx, dy);
        if to != player.at {
            let length = geometry::length(to.x - player.at.x, to.y - player.at.y);
            player.step_left = player.step_left.saturating_sub(i32::try_from(length).unwrap_or(i32::MAX));
            player.at = to;
            player.stride_ticks = player::STRIDE_TICKS;
        }
        Ok(())
    }

    fn attack(&mut self, slot: PlayerSlot, target: EntityId, events: &mut Vec<Event>) -> Act {
        let Some(player) = acting(&mut self.players, slot)? else { return Ok(()) };
        if player.cooldown_ticks > 0 {
            return Err(RefusedReason::ActTooSoon);
        }
        let alive = self.monsters.iter().position(|monster| monster.entity == target && !monster.is_dead());
        let found = alive.filter(|_| player.zone == Zone::Dungeon);
        let index = found.ok_or(RefusedReason::TargetUnknown)?;
        let at = self.monsters[index].at;
        let melee = player.melee();
        if !player.at.within(at, melee.reach) || !self.maps[Zone::Dungeon as usize].is_line_clear(player.at, at) {
            return Err(RefusedReason::TargetTooFar);
        }
        player.turn_to(at);
        player.cooldown_ticks = melee.attack_ticks;
        player.swing_ticks = player::SWING_TICKS.min(melee.attack_ticks);
        player.casts = false;
        let strike = Strike {
            source: player.entity,
            by_player: true,
            level: player.sheet.level,
            rating: Some(melee.attack_rating),
            damage: (melee.damage_min, melee.damage_max),
            effect: None,
        };
        self.strike_monster(index, &strike, events);
        Ok(())
    }

    fn interact(&mut self, slot: PlayerSlot, target: EntityId, events: &mut Vec<Event>) -> Act {
        let Some(player) = acting(&mut self.players, slot)? else { return Ok(()) };
        if self.stairs[player.zone as usize] == target {
            return self.take_stairs(slot);
        }
        let found = self.npcs.iter().find(|npc| npc.entity == target && player.zone == Zone::Town);
        let npc = found.ok_or(RefusedReason::TargetUnknown)?;
        let row = &self.content.npcs[usize::from(npc.row)].row;
        if !player.at.within(npc.at, row.reach) {
            return Err(RefusedReason::TargetTooFar);
        }
        player.turn_to(npc.at);
        match row.role {
            Role::Healer => {
                let amount = (player.life_max - player.life).unsigned_abs();
                player.fill();
                events.push(Event::Healed { entity: player.entity, amount });
            }
            Role::Vendor { potion, ration_ticks } => {
                events.push(Event::Met { slot, entity: npc.entity, vendor: npc.row });
                if player.ration_ticks > 0 {
                    return Err(RefusedReason::RationTooSoon);
                }
                player.carry(potion, self.content.rules.belt_slots)?;
                player.ration_ticks = ration_ticks;
            }
        }
        Ok(())
    }

    /// Somebody deals with a vendor in reach. What is owned is not the world's to know.
    fn deal(
        &mut self,
        (slot, input_index): (PlayerSlot, usize),
        target: EntityId,
        deal: Deal,
        events: &mut Vec<Event>,
    ) -> Act {
        let Some(player) = acting(&mut self.players, slot)? else { return Ok(()) };
        let found = self.npcs.iter().find(|npc| npc.entity == target && player.zone == Zone::Town);
        let npc = found.ok_or(RefusedReason::TargetUnknown)?;
        let row = &self.content.npcs[usize::from(npc.row)].row;
        let Role::Vendor { .. } = row.role else { return Err(RefusedReason::TargetUnknown) };
        if !player.at.within(npc.at, row.reach) {
            return Err(RefusedReason::TargetTooFar);
        }
        player.turn_to(npc.at);
        events.push(Event::Dealing { slot, input_index, vendor: npc.row, deal });
        Ok(())
    }

    /// Somebody uses an item, wherever it stands.
    fn use_item(
        &mut self,
        (slot, input_index): (PlayerSlot, usize),
        (item, on): (u64, u64),
        events: &mut Vec<Event>,
    ) -> Act {
        if acting(&mut self.players, slot)?.is_some() {
            events.push(Event::Using { slot, input_index, item, on });
        }
        Ok(())
    }

    /// To the entrance of the town. The dead stay where they lie. Companions that are left behind vanish.
    fn recall(&mut self, slot: PlayerSlot) {
        let at = self.at_entrance(Zone::Town, slot);
        if let Some(player) = self.player_mut(slot).filter(|player| !player.is_dead()) {
            player.zone = Zone::Town;
            player.at = at;
            player.stride_ticks = 0;
        }
    }

    /// To the other level. Companions stay behind, and so they vanish.
    fn take_stairs(&mut self, slot: PlayerSlot) -> Act {
        let Some(player) = self.player(slot) else { return Ok(()) };
        if !player.at.within(self.map(player.zone).stairs(), STAIRS_REACH) {
            return Err(RefusedReason::TargetTooFar);
        }
        let zone = player.zone.other();
        let at = self.beside_stairs(zone, slot);
        if let Some(player) = self.player_mut(slot) {
            player.zone = zone;
            player.at = at;
            player.stride_ticks = 0;
        }
        Ok(())
    }

    fn respawn(&mut self, slot: PlayerSlot, events: &mut Vec<Event>) -> Act {
        let (zone, at) = self.arrival(slot);
        let Some(player) = self.player_mut(slot) else { return Ok(()) };
        if !player.is_dead() {
            return Err(RefusedReason::ActorAlive);
        }
        if player.sheet.dead {
            return Err(RefusedReason::ActorDead);
        }
        player.fill();
        player.zone = zone;
        player.at = at;
        player.cooldown_ticks = 0;
        player.still();
        events.push(Event::Respawned { entity: player.entity });
        Ok(())
    }
}

/// The player who acts; nothing when nobody plays in the slot, a refusal when it is a dead one.
pub(super) fn acting(
    players: &mut [Option<Player>; PLAYERS_MAX],
    slot: PlayerSlot,
) -> Result<Option<&mut Player>, RefusedReason> {
    match players.get_mut(usize::from(slot.0)).and_then(Option::as_mut) {
        Some(player) if player.is_dead() => Err(RefusedReason::ActorDead),
        player => Ok(player),
    }
}
