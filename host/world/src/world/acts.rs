//! What players do: one verb for each input.

use super::{
    World, combat,
    player::{self, Player},
};
use crate::{
    EntityId, Event, Input, InputKind, Map, PLAYERS_MAX, PlayerSlot, RefusedReason, Sheet,
    content::Role,
    geometry::{self, Point},
    map::Walker,
};

type Act = Result<(), RefusedReason>;

impl World {
    /// One input. What names a slot where nobody plays does nothing.
    pub(super) fn apply(&mut self, input_index: usize, input: &Input, events: &mut Vec<Event>) {
        let (slot, input_kind, act) = match *input {
            Input::Join { slot, sheet } => return self.join(slot, sheet),
            Input::Leave { slot } => return self.leave(slot),
            Input::Move { slot, dx, dy } => (slot, InputKind::Move, self.walk(slot, dx, dy)),
            Input::Attack { slot, target } => (slot, InputKind::Attack, self.attack(slot, target, events)),
            Input::Interact { slot, target } => (slot, InputKind::Interact, self.interact(slot, target, events)),
            Input::Respawn { slot } => (slot, InputKind::Respawn, self.respawn(slot, events)),
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
        let at = self.arrival(slot);
        self.players[place] = Some(Player::enter(&self.content, entity, sheet, at));
    }

    fn leave(&mut self, slot: PlayerSlot) {
        if let Some(player) = self.players.get_mut(usize::from(slot.0)) {
            *player = None;
        }
    }

    /// Where a player of this slot appears: around the middle of the entrance, apart from the others.
    fn arrival(&self, slot: PlayerSlot) -> Point {
        let middle = self.map.entrance_middle();
        let (column, row) = (i32::from(slot.0 % 4), i32::from(slot.0 / 4 % 2));
        let apart = Map::SUB_TILES;
        Point { x: middle.x + column * apart - 3 * apart / 2, y: middle.y + row * apart - apart / 2 }
    }

    fn walk(&mut self, slot: PlayerSlot, dx: i32, dy: i32) -> Act {
        let Some(player) = acting(&mut self.players, slot)? else { return Ok(()) };
        let (dx, dy) = geometry::shorten(dx, dy, player.step_left);
        player.facing = geometry::facing(dx, dy).unwrap_or(player.facing);
        let to = self.map.walk(Walker::Player, player.at, dx, dy);
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
        let found = self.monsters.iter().position(|monster| monster.entity == target && !monster.is_dead());
        let index = found.ok_or(RefusedReason::TargetUnknown)?;
        let monster = &mut self.monsters[index];
        let melee = player.melee(self.content.class(player.sheet.class));
        if !player.at.within(monster.at, melee.reach) || !self.map.is_line_clear(player.at, monster.at) {
            return Err(RefusedReason::TargetTooFar);
        }
        player.turn_to(monster.at);
        player.cooldown_ticks = melee.attack_ticks;
        player.swing_ticks = player::SWING_TICKS.min(melee.attack_ticks);

        let source = player.entity;
        let kind = &self.kinds[usize::from(monster.row)];
        monster.notice(source);
        let blow = combat::blow(&melee, player.sheet.level, &kind.melee, kind.level, &mut self.dice);
        let amount = blow.min(monster.life);
        if amount > 0 {
            monster.life -= amount;
            events.push(Event::Damage { source, target, amount: amount.unsigned_abs() });
            if monster.life == 0 {
                monster.die();
                events.push(Event::Died { entity: target, killer: source });
                let (at, experience) = (monster.at, kind.experience);
                self.reward(slot, at, experience, events);
            }
        }
        Ok(())
    }

    fn interact(&mut self, slot: PlayerSlot, target: EntityId, events: &mut Vec<Event>) -> Act {
        let Some(player) = acting(&mut self.players, slot)? else { return Ok(()) };
        let npc = self.npcs.iter().find(|npc| npc.entity == target).ok_or(RefusedReason::TargetUnknown)?;
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
        }
        Ok(())
    }

    fn respawn(&mut self, slot: PlayerSlot, events: &mut Vec<Event>) -> Act {
        let at = self.arrival(slot);
        let Some(player) = self.players.get_mut(usize::from(slot.0)).and_then(Option::as_mut) else { return Ok(()) };
        if !player.is_dead() {
            return Err(RefusedReason::ActorAlive);
        }
        if player.sheet.dead {
            return Err(RefusedReason::ActorDead);
        }
        player.fill();
        player.at = at;
        player.cooldown_ticks = 0;
        player.swing_ticks = 0;
        player.stride_ticks = 0;
        events.push(Event::Respawned { entity: player.entity });
        Ok(())
    }
}

/// The player who acts; nothing when nobody plays in the slot, a refusal when it is a dead one.
fn acting(players: &mut [Option<Player>; PLAYERS_MAX], slot: PlayerSlot) -> Result<Option<&mut Player>, RefusedReason> {
    match players.get_mut(usize::from(slot.0)).and_then(Option::as_mut) {
        Some(player) if player.is_dead() => Err(RefusedReason::ActorDead),
        player => Ok(player),
    }
}
