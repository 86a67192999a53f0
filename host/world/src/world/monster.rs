//! Monsters: they stand, notice, follow, strike, go home, die, and come again.

use super::{World, combat, player};
use crate::{
    EntityId, Event,
    content::MonsterRow,
    dice::Dice,
    geometry::{self, Point},
    map::{Map, Walker},
};

/// A monster at rest looks around each so many ticks; the places of the monsters spread this over the ticks.
const LOOK_TICKS: usize = 5;
/// How long a monster goes round what is in its way, at least and at most.
const DETOUR_TICKS: (i32, i32) = (6, 18);
/// How long a monster tries to get home before it settles where it is.
const RETURN_TICKS_MAX: u32 = 500;
/// Home is this near, in sub-tiles.
const HOME_DISTANCE: i32 = 16;
/// A monster that a player would see coming again tries elsewhere after so many ticks.
const RESPAWN_RETRY_TICKS: u32 = 25;

/// A monster's place in the game. When it dies, the next one takes the place after a time, as another entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Monster {
    pub(super) entity: EntityId,
    /// Which kind, by its place in the content pack.
    pub(super) row: u8,
    pub(super) at: Point,
    pub(super) home: Point,
    pub(super) facing: u8,
    /// 0 is dead.
    pub(super) life: i32,
    pub(super) mood: Mood,
    pub(super) cooldown_ticks: u32,
    pub(super) swing_ticks: u32,
    pub(super) stride_ticks: u32,
    pub(super) detour: Option<Detour>,
}

/// What a monster is up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// Stands and looks around.
    Rest,
    /// Follows a player.
    Hunt(EntityId),
    /// Goes home, since so many ticks.
    Return(u32),
    /// Is dead, since so many ticks.
    Dead(u32),
}

/// A way round what is in the way: turned by a quarter to one side, for so many ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Detour {
    pub(super) clockwise: bool,
    pub(super) ticks_left: u32,
}

impl Monster {
    pub(super) fn is_dead(&self) -> bool {
        self.life == 0
    }

    /// Whether it is there for players: alive, or not long dead.
    pub(super) fn is_seen(&self, corpse_ticks: u32) -> bool {
        match self.mood {
            Mood::Dead(since) => since < corpse_ticks,
            _ => true,
        }
    }

    /// Somebody struck at it: it turns on them unless it hunts already.
    pub(super) fn notice(&mut self, player: EntityId) {
        if !matches!(self.mood, Mood::Hunt(_)) {
            self.mood = Mood::Hunt(player);
        }
    }

    pub(super) fn die(&mut self) {
        self.life = 0;
        self.mood = Mood::Dead(0);
        self.swing_ticks = 0;
        self.stride_ticks = 0;
        self.detour = None;
    }

    pub(super) fn pass_time(&mut self) {
        self.cooldown_ticks = self.cooldown_ticks.saturating_sub(1);
        self.swing_ticks = self.swing_ticks.saturating_sub(1);
        self.stride_ticks = self.stride_ticks.saturating_sub(1);
        match &mut self.mood {
            Mood::Return(ticks) | Mood::Dead(ticks) => *ticks = ticks.saturating_add(1),
            Mood::Rest | Mood::Hunt(_) => {}
        }
    }

    /// One step towards a place. What cannot be passed is gone round, to a side that chance decides.
    fn step_towards(&mut self, target: Point, kind: &MonsterRow, map: &Map, dice: &mut Dice) {
        let (mut dx, mut dy) = geometry::shorten(target.x - self.at.x, target.y - self.at.y, kind.step);
        if let Some(detour) = self.detour {
            (dx, dy) = if detour.clockwise { (-dy, dx) } else { (dy, -dx) };
            let ticks_left = detour.ticks_left.saturating_sub(1);
            self.detour = (ticks_left > 0).then_some(Detour { ticks_left, ..detour });
        }
        let to = map.walk(Walker::Monster, self.at, dx, dy);
        let (went, wished) = (self.at.distance_squared(to), geometry::length_squared(dx, dy));
        if went * 4 < wished {
            // The other side is tried next when one is closed as well.
            let clockwise = self.detour.map_or_else(|| dice.percent(50), |detour| !detour.clockwise);
            let ticks_left = dice.between(DETOUR_TICKS.0, DETOUR_TICKS.1).unsigned_abs();
            self.detour = Some(Detour { clockwise, ticks_left });
        }
        if to != self.at {
            self.facing = geometry::facing(to.x - self.at.x, to.y - self.at.y).unwrap_or(self.facing);
            self.stride_ticks = player::STRIDE_TICKS;
            self.at = to;
        }
    }
}

impl World {
    /// Fills every place of a monster.
    pub(super) fn place_monsters(&mut self) {
        let count = usize::try_from(self.content.rules.monsters_count).unwrap_or_default();
        self.monsters.reserve_exact(count);
        for _ in 0..count {
            let at = self.map.free_place(self.content.rules.entrance_distance, &mut self.dice);
            let monster = self.new_monster(at);
            self.monsters.push(monster);
        }
    }

    /// One monster's tick.
    pub(super) fn run_monster(&mut self, index: usize, events: &mut Vec<Event>) {
        match self.monsters[index].mood {
            Mood::Dead(since) => self.come_again(index, since),
            Mood::Rest => self.look_around(index),
            Mood::Hunt(prey) => self.hunt(index, prey, events),
            Mood::Return(since) => self.go_home(index, since),
        }
    }

    fn look_around(&mut self, index: usize) {
        let turn = usize::try_from(self.tick).unwrap_or_default().wrapping_add(index);
        if turn.is_multiple_of(LOOK_TICKS)
            && let Some(prey) = self.prey_in_sight(index)
        {
            self.monsters[index].mood = Mood::Hunt(prey);
        }
    }

    /// The nearest living player whom the monster can see and who is not at the entrance; of two equally near the one with the lower slot.
    fn prey_in_sight(&self, index: usize) -> Option<EntityId> {
        let monster = &self.monsters[index];
        let sight = self.kinds[usize::from(monster.row)].sight;
        self.players
            .iter()
            .flatten()
            .filter(|player| !player.is_dead() && monster.at.within(player.at, sight))
            .filter(|player| !self.map.in_entrance(player.at) && self.map.is_line_clear(monster.at, player.at))
            .min_by_key(|player| monster.at.distance_squared(player.at))
            .map(|player| player.entity)
    }

    fn hunt(&mut self, index: usize, prey: EntityId, events: &mut Vec<Event>) {
        let found = self
            .players
            .iter()
            .position(|player| player.as_ref().is_some_and(|player| player.entity == prey && !player.is_dead()));
        let Some(place) = found else { return self.give_up(index) };
        let Some(player) = &mut self.players[place] else { return };
        let monster = &mut self.monsters[index];
        let kind = &self.kinds[usize::from(monster.row)];
        if self.map.in_entrance(player.at) || !monster.at.within(monster.home, self.content.rules.leash) {
            return self.give_up(index);
        }
        let in_reach = monster.at.within(player.at, kind.melee.reach);
        if !in_reach || !self.map.is_line_clear(monster.at, player.at) {
            return monster.step_towards(player.at, kind, &self.map, &mut self.dice);
        }
        let (dx, dy) = (player.at.x - monster.at.x, player.at.y - monster.at.y);
        monster.facing = geometry::facing(dx, dy).unwrap_or(monster.facing);
        if monster.cooldown_ticks > 0 {
            return;
        }
        monster.cooldown_ticks = kind.melee.attack_ticks;
        monster.swing_ticks = player::SWING_TICKS.min(kind.melee.attack_ticks);
        let struck = player.melee(self.content.class(player.sheet.class));
        let blow = combat::blow(&kind.melee, kind.level, &struck, player.sheet.level, &mut self.dice);
        let amount = blow.min(player.life);
        if amount > 0 {
            player.life -= amount;
            let (source, target, dead) = (monster.entity, player.entity, player.is_dead());
            events.push(Event::Damage { source, target, amount: amount.unsigned_abs() });
            if dead {
                events.push(Event::Died { entity: target, killer: source });
                self.bury(place, events);
            }
        }
    }

    fn give_up(&mut self, index: usize) {
        let monster = &mut self.monsters[index];
        monster.mood = Mood::Return(0);
        monster.detour = None;
    }

    fn go_home(&mut self, index: usize, since: u32) {
        let monster = &mut self.monsters[index];
        let kind = &self.kinds[usize::from(monster.row)];
        if since >= RETURN_TICKS_MAX {
            monster.home = monster.at;
        }
        if monster.at.within(monster.home, HOME_DISTANCE) {
            monster.mood = Mood::Rest;
            monster.detour = None;
            monster.life = kind.life;
            return;
        }
        monster.step_towards(monster.home, kind, &self.map, &mut self.dice);
    }

    fn come_again(&mut self, index: usize, since: u32) {
        let respawn_ticks = self.content.rules.respawn_ticks;
        if since < respawn_ticks || !(since - respawn_ticks).is_multiple_of(RESPAWN_RETRY_TICKS) {
            return;
        }
        let at = self.map.free_place(self.content.rules.entrance_distance, &mut self.dice);
        let vision = self.content.rules.vision;
        let would_be_seen = self.players.iter().flatten().any(|player| player.at.within(at, vision));
        // In a small map everything may be in somebody's view: after a second respawn time it comes all the same.
        if !would_be_seen || since / 2 >= respawn_ticks {
            self.monsters[index] = self.new_monster(at);
        }
    }

    /// A monster of a kind that chance decides.
    fn new_monster(&mut self, at: Point) -> Monster {
        let row = self.random_row(self.map.entrance_distance(at));
        Monster {
            entity: self.next_entity(),
            row,
            at,
            home: at,
            facing: u8::try_from(self.dice.below(8)).unwrap_or_default(),
            life: self.kinds[usize::from(row)].life,
            mood: Mood::Rest,
            cooldown_ticks: 0,
            swing_ticks: 0,
            stride_ticks: 0,
            detour: None,
        }
    }

    /// A kind of monster that lives so far from the entrance, each as often as its frequency says.
    fn random_row(&mut self, distance: i32) -> u8 {
        let frequency = |kind: &MonsterRow| if kind.distance <= distance { kind.frequency } else { 0 };
        let mut thrown = self.dice.below(self.kinds.iter().map(frequency).sum());
        for (row, kind) in (0u8..).zip(&self.kinds) {
            if thrown < frequency(kind) {
                return row;
            }
            thrown -= frequency(kind);
        }
        0
    }
}
