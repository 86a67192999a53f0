//! Companions: they follow the player who called them, and strike at monsters.

use super::{World, combat::Strike, effects::Effects, player};
use crate::{
    EntityId, Event, PlayerSlot, SKILLS_PER_CLASS, Zone,
    content::{COMPANIONS_MAX, Damage, SkillKind},
    geometry::{self, Point},
    items::Property,
    map::Walker,
};

/// Most companions of a game.
pub(crate) const COMPANIONS_ALL_MAX: usize = crate::PLAYERS_MAX * COMPANIONS_MAX as usize;
/// How far a companion notices monsters, in sub-tiles.
const SIGHT: i32 = 224;
/// A blow of a companion reaches so far.
const REACH: i32 = 40;
/// It comes to within this distance of its player, and strays at most so far before it stands beside it again.
const FOLLOW_DISTANCE: i32 = 64;
const STRAY_DISTANCE: i32 = 480;

/// One companion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Companion {
    pub(super) entity: EntityId,
    pub(super) owner: PlayerSlot,
    /// Which skill called it, by its place among all skills.
    pub(super) skill: u8,
    pub(super) zone: Zone,
    pub(super) at: Point,
    pub(super) facing: u8,
    /// 0 is dead; it vanishes at once.
    pub(super) life: i32,
    pub(super) life_max: i32,
    pub(super) level: u32,
    pub(super) step: i32,
    pub(super) attack_ticks: u32,
    pub(super) damage: (i32, i32),
    pub(super) ticks_left: u32,
    pub(super) cooldown_ticks: u32,
    pub(super) swing_ticks: u32,
    pub(super) stride_ticks: u32,
    pub(super) effects: Effects,
}

/// What a skill calls.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) skill: u8,
    pub(super) count: i32,
    pub(super) ticks: u32,
    pub(super) life: i32,
    pub(super) step: i32,
    pub(super) attack_ticks: u32,
    pub(super) damage: Damage,
}

impl Call {
    /// The call of a skill of this kind.
    pub(super) fn of(skill: u8, kind: SkillKind) -> Option<Self> {
        match kind {
            SkillKind::Summon { count, ticks, life, step, attack_ticks, damage } => {
                Some(Self { skill, count, ticks, life, step, attack_ticks, damage })
            }
            _ => None,
        }
    }
}

impl World {
    /// Companions come to a player; those it had go.
    pub(super) fn call(&mut self, slot: PlayerSlot, call: &Call) {
        self.companions.retain(|companion| companion.owner != slot);
        for number in 0..call.count {
            let Some(player) = self.player(slot) else { return };
            let (zone, level) = (player.zone, player.sheet.level);
            let beside = Point { x: player.at.x + 16 * (number - 1), y: player.at.y + 16 };
            let at = if self.map(zone).is_closed(Walker::Player, beside) { player.at } else { beside };
            let skill_level = player.skill_level(usize::from(call.skill) % SKILLS_PER_CLASS);
            let life = player
                .raised(player::grown(call.life, call.damage.growth_percent, skill_level), Property::CompanionLife)
                .max(1);
            let (least, most) = player::grown_damage(&call.damage, skill_level);
            let damage = [least, most].map(|damage| player.raised(damage, Property::CompanionDamage)).into();
            let entity = self.next_entity();
            self.companions.push(Companion {
                entity,
                owner: slot,
                skill: call.skill,
                zone,
                at,
                facing: 2,
                life,
                life_max: life,
                level,
                step: call.step,
                attack_ticks: call.attack_ticks,
                damage,
                ticks_left: call.ticks,
                cooldown_ticks: 0,
                swing_ticks: 0,
                stride_ticks: 0,
                effects: Effects::default(),
            });
        }
    }

    /// One tick of all companions. Those whose time is over, or whose player is dead, gone or elsewhere, vanish.
    pub(super) fn run_companions(&mut self, events: &mut Vec<Event>) {
        let mut index = 0;
        while index < self.companions.len() {
            let companion = &self.companions[index];
            let zone = companion.zone;
            let owner = self.player(companion.owner).filter(|owner| !owner.is_dead() && owner.zone == zone);
            match owner.map(|owner| owner.at) {
                Some(owner) if companion.life > 0 && companion.ticks_left > 0 => {
                    self.run_companion(index, owner, events);
                    index += 1;
                }
                _ => drop(self.companions.remove(index)),
            }
        }
    }

    fn run_companion(&mut self, index: usize, owner: Point, events: &mut Vec<Event>) {
        let companion = &self.companions[index];
        let (at, zone) = (companion.at, companion.zone);
        if !at.within(owner, STRAY_DISTANCE) {
            self.companions[index].at = owner;
            return;
        }
        let prey = self.nearest_monster(zone, at, SIGHT).map(|prey| (prey, self.monsters[prey].at));
        let prey = prey.filter(|(_, prey)| self.map(zone).sees(at, *prey));
        let goal = match prey {
            Some((prey, place)) if at.within(place, REACH) => {
                let companion = &mut self.companions[index];
                companion.facing = geometry::facing(place.x - at.x, place.y - at.y).unwrap_or(companion.facing);
                if companion.cooldown_ticks == 0 {
                    companion.cooldown_ticks = companion.attack_ticks;
                    companion.swing_ticks = player::SWING_TICKS.min(companion.attack_ticks);
                    let strike = Strike {
                        source: companion.entity,
                        by_player: true,
                        level: companion.level,
                        rating: None,
                        damage: companion.damage,
                        effect: None,
                    };
                    self.strike_monster(prey, &strike, events);
                }
                return;
            }
            Some((_, place)) => place,
            None if !at.within(owner, FOLLOW_DISTANCE) => owner,
            None => return,
        };
        let step = self.companions[index].effects.step(self.companions[index].step);
        let (dx, dy) = geometry::shorten(goal.x - at.x, goal.y - at.y, step);
        let to = self.map(zone).walk(Walker::Player, at, dx, dy);
        let companion = &mut self.companions[index];
        if to != at {
            companion.facing = geometry::facing(to.x - at.x, to.y - at.y).unwrap_or(companion.facing);
            companion.stride_ticks = player::STRIDE_TICKS;
            companion.at = to;
        }
    }
}

impl Companion {
    pub(super) fn pass_time(&mut self) {
        self.ticks_left = self.ticks_left.saturating_sub(1);
        self.cooldown_ticks = self.cooldown_ticks.saturating_sub(1);
        self.swing_ticks = self.swing_ticks.saturating_sub(1);
        self.stride_ticks = self.stride_ticks.saturating_sub(1);
        self.effects.pass_time();
    }
}
