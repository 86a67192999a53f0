//! The use of skills.

use super::{
    World,
    acts::{Act, acting},
    combat::Strike,
    companion::Call,
    effects::PULSE_TICKS,
    missile::Launch,
    player,
};
use crate::{
    EntityId, Event, PlayerSlot, RefusedReason, SKILLS_PER_CLASS, Zone,
    content::{self, Damage, EffectRow, SkillKind, SkillRow},
    geometry::{self, Point},
    map::{Map, Walker},
};

/// At what a skill is aimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Aim {
    /// An entity, or 0 for a place.
    pub(super) target: EntityId,
    pub(super) at: Point,
}

impl World {
    /// Uses a skill of the character's class: 1. is it known, 2. is it time, 3. is there mana, 4. is its target there and in reach; only
    /// then it is paid for and done.
    pub(super) fn use_skill(&mut self, slot: PlayerSlot, skill: u8, aim: Aim, events: &mut Vec<Event>) -> Act {
        let Some(player) = acting(&mut self.players, slot)? else { return Ok(()) };
        let number = usize::from(skill);
        if number >= SKILLS_PER_CLASS {
            return Err(RefusedReason::SkillUnknown);
        }
        let place = content::class_index(player.sheet.class) * SKILLS_PER_CLASS + number;
        let row = self.content.skills[place].row;
        if player.sheet.level < row.level {
            return Err(RefusedReason::SkillUnknown);
        }
        if player.cooldown_ticks > 0 || player.skill_ticks[number] > 0 {
            return Err(RefusedReason::ActTooSoon);
        }
        if player.mana < row.mana {
            return Err(RefusedReason::ManaTooLow);
        }
        let (zone, from) = (player.zone, player.at);
        let aimed = self.aim(zone, from, &row, aim)?;
        let skill_row = u8::try_from(place).unwrap_or_default();
        let (tick, attack_ticks) = (self.tick, self.content.rules.cast_ticks);
        let Some(player) = acting(&mut self.players, slot)? else { return Ok(()) };
        player.mana -= row.mana;
        player.mana_spent_tick = if row.mana > 0 { tick } else { player.mana_spent_tick };
        player.skill_ticks[number] = row.cooldown_ticks;
        player.cooldown_ticks = attack_ticks;
        player.swing_ticks = player::SWING_TICKS.min(attack_ticks);
        player.casts = !matches!(row.kind, SkillKind::Melee { .. });
        player.turn_to(aimed);
        events.push(Event::SkillUsed { entity: player.entity, skill, x: aimed.x, y: aimed.y });
        self.perform(slot, skill_row, &row, Aim { at: aimed, ..aim }, events);
        Ok(())
    }

    /// Where the skill will act, once its target is found to be there and in reach.
    fn aim(&self, zone: Zone, from: Point, row: &SkillRow, aim: Aim) -> Result<Point, RefusedReason> {
        let reach = row.kind.reach();
        if reach == 0 {
            return Ok(from);
        }
        let at = if aim.target == 0 {
            // No blow without somebody who is struck.
            if matches!(row.kind, SkillKind::Melee { .. }) {
                return Err(RefusedReason::TargetUnknown);
            }
            aim.at
        } else {
            let alive = |index: &usize| !self.monsters[*index].is_dead();
            let found = self.monsters.iter().position(|monster| monster.entity == aim.target).filter(alive);
            let index = found.filter(|_| zone == Zone::Dungeon).ok_or(RefusedReason::TargetUnknown)?;
            self.monsters[index].at
        };
        // A missile may be sent at what is too far for it, and a leap be wished too long; both end where they must.
        let bounded = matches!(row.kind, SkillKind::Melee { .. } | SkillKind::Area { .. });
        if bounded && (!from.within(at, reach) || !self.map(zone).sees(from, at)) {
            return Err(RefusedReason::TargetTooFar);
        }
        Ok(at)
    }

    fn perform(&mut self, slot: PlayerSlot, skill: u8, row: &SkillRow, aim: Aim, events: &mut Vec<Event>) {
        let Some(player) = self.player(slot) else { return };
        let (zone, from) = (player.zone, player.at);
        let number = usize::from(skill) % SKILLS_PER_CLASS;
        let strike = |damage: &Damage, rating| player.strike(number, damage, row.effect, rating);
        match row.kind {
            SkillKind::Melee { damage, .. } => {
                let weapon = player.melee();
                let mut strike = strike(&damage, Some(weapon.attack_rating));
                strike.damage.0 = strike.damage.0.saturating_add(weapon.damage_min);
                strike.damage.1 = strike.damage.1.saturating_add(weapon.damage_max);
                if let Some(index) = self.monsters.iter().position(|monster| monster.entity == aim.target) {
                    self.strike_monster(index, &strike, events);
                }
            }
            SkillKind::Projectile { reach, missile_step, missiles, damage } => {
                let strike = strike(&damage, None);
                for number in 0..missiles {
                    let spread = number - (missiles - 1) / 2;
                    let launch =
                        Launch { appearance: skill, zone, from, to: aim.at, spread, step: missile_step, reach };
                    self.launch(&launch, strike);
                }
            }
            SkillKind::Area { radius, damage, .. } => {
                let strike = strike(&damage, None);
                self.strike_around(zone, aim.at, radius, &strike, events);
            }
            SkillKind::Aura { ticks, .. } => {
                if let Some(player) = self.player_mut(slot) {
                    player.aura = Some((skill, ticks));
                }
            }
            SkillKind::Summon { .. } => {
                if let Some(call) = Call::of(skill, row.kind) {
                    self.call(slot, &call);
                }
            }
            SkillKind::Movement { reach } => {
                self.leap(slot, aim.at, reach);
                if let (Some(effect), Some(player)) = (row.effect, self.player_mut(slot)) {
                    let own = player.entity;
                    player.effects.add(&effect, own);
                }
            }
        }
    }

    /// To a place at once, or as far towards it as a body comes.
    fn leap(&mut self, slot: PlayerSlot, to: Point, reach: i32) {
        let Some(player) = self.player(slot) else { return };
        let map = self.map(player.zone);
        let (dx, dy) = geometry::shorten(to.x.saturating_sub(player.at.x), to.y.saturating_sub(player.at.y), reach);
        let steps = (dx.abs().max(dy.abs()) / (Map::SUB_TILES / 4)).max(1);
        let mut at = player.at;
        for step in 1..=steps {
            let next = Point { x: player.at.x + dx * step / steps, y: player.at.y + dy * step / steps };
            if map.is_closed(Walker::Player, next) {
                break;
            }
            at = next;
        }
        if let Some(player) = self.player_mut(slot) {
            player.at = at;
        }
    }

    /// The auras of all players act, each so many ticks.
    pub(super) fn pulse_auras(&mut self, events: &mut Vec<Event>) {
        for place in 0..self.players.len() {
            let Some(player) = &self.players[place] else { continue };
            let Some((skill, ticks_left)) = player.aura else { continue };
            let SkillRow { kind: SkillKind::Aura { radius, damage, .. }, effect, .. } =
                self.content.skills[usize::from(skill)].row
            else {
                continue;
            };
            if player.is_dead() || !(ticks_left - 1).is_multiple_of(PULSE_TICKS) {
                continue;
            }
            let (zone, at, source) = (player.zone, player.at, player.entity);
            let hostile = effect.filter(|effect| !effect.kind.is_helpful());
            let strike = player.strike(usize::from(skill) % SKILLS_PER_CLASS, &damage, hostile, None);
            if damage.max > 0 || hostile.is_some() {
                self.strike_around(zone, at, radius, &strike, events);
            }
            if let Some(effect) = effect.filter(|effect| effect.kind.is_helpful()) {
                self.favour(zone, at, radius, &effect, source);
            }
        }
    }

    /// Gives something lasting to all living players around.
    fn favour(&mut self, zone: Zone, at: Point, radius: i32, effect: &EffectRow, source: EntityId) {
        for player in self.players.iter_mut().flatten() {
            if player.zone == zone && !player.is_dead() && player.at.within(at, radius) {
                player.effects.add(effect, source);
            }
        }
    }

    /// Strikes all living monsters around that can be seen from the middle.
    fn strike_around(&mut self, zone: Zone, at: Point, radius: i32, strike: &Strike, events: &mut Vec<Event>) {
        if zone != Zone::Dungeon {
            return;
        }
        for index in 0..self.monsters.len() {
            let monster = &self.monsters[index];
            if !monster.is_dead() && at.within(monster.at, radius) && self.map(zone).sees(at, monster.at) {
                self.strike_monster(index, strike, events);
            }
        }
    }
}
