//! What monsters do: they stand, walk about, notice, follow, strike or shoot, run away and go home.

use super::{
    World,
    combat::{Prey, Strike},
    missile::Launch,
    monster::{Detour, Mood},
    player,
};
use crate::{
    EntityId, Event, Map, Zone,
    geometry::{self, Point},
    map::{self, Walker},
};

/// A monster looks around each so many ticks; the places of the monsters spread this over the ticks.
const LOOK_TICKS: usize = 5;
/// A monster at rest thinks of walking about each so many ticks.
const PATROL_TICKS: usize = 75;
/// How long it walks at most.
const PATROL_TICKS_MAX: u32 = 150;
/// How long a monster goes round what is in its way, at least and at most.
const DETOUR_TICKS: (i32, i32) = (6, 18);
/// How long it runs away.
const FLEE_TICKS: u32 = 75;
/// How long a monster tries to get home before it settles where it is.
const RETURN_TICKS_MAX: u32 = 500;
/// Home, or another goal, is this near, in sub-tiles.
const HOME_DISTANCE: i32 = 16;
/// Those of a kind who are so near notice together.
const ALARM_DISTANCE: i32 = 160;
/// Tiles that all monsters of a game together may look at in one tick to find their ways.
const WAY_TILES_PER_TICK: u32 = 256;

impl World {
    /// One monster's tick.
    pub(super) fn run_monster(&mut self, index: usize, events: &mut Vec<Event>) {
        match self.monsters[index].mood {
            Mood::Dead(since) => self.come_again(index, since),
            Mood::Rest => self.rest(index),
            Mood::Patrol(to, since) => self.patrol(index, to, since),
            Mood::Hunt(prey) => self.hunt(index, prey, events),
            Mood::Flee(prey, ticks_left) => self.flee(index, prey, ticks_left),
            Mood::Return(since) => self.go_home(index, since),
        }
    }

    /// Ways to the players who are hunted round corners are found, a bounded part of them in each tick; who is first changes.
    pub(super) fn find_ways(&mut self) {
        let mut tiles_left = WAY_TILES_PER_TICK;
        let count = self.players.len();
        let first = usize::try_from(self.tick).unwrap_or_default();
        for turn in 0..count {
            let place = (first + turn) % count;
            if let Some(player) = &self.players[place] {
                self.fields[place].work(&self.maps[Zone::Dungeon as usize], player.at, &mut tiles_left);
            }
        }
    }

    /// True each so many ticks, at another tick for each place of a monster.
    fn is_turn(&self, index: usize, ticks: usize) -> bool {
        usize::try_from(self.tick).unwrap_or_default().wrapping_add(index).is_multiple_of(ticks)
    }

    /// Looks around, and notices whom it sees; those of its kind beside it notice as well.
    fn look(&mut self, index: usize) -> bool {
        if !self.is_turn(index, LOOK_TICKS) {
            return false;
        }
        let monster = &self.monsters[index];
        let (at, sight) = (monster.at, self.kinds[usize::from(monster.row)].sight);
        let Some(prey) = self.prey_in_sight(at, sight) else { return false };
        self.notice(index, prey);
        true
    }

    /// It minds somebody from now on, unless it minds somebody already; so do those of its kind beside it.
    pub(super) fn notice(&mut self, index: usize, prey: EntityId) {
        let monster = &self.monsters[index];
        let (row, at) = (monster.row, monster.at);
        if !monster.is_unaware() {
            return;
        }
        for monster in &mut self.monsters {
            if monster.row == row && monster.is_unaware() && monster.at.within(at, ALARM_DISTANCE) {
                monster.mood = Mood::Hunt(prey);
                monster.detour = None;
            }
        }
    }

    fn rest(&mut self, index: usize) {
        if self.look(index) || !self.is_turn(index * 7, PATROL_TICKS) {
            return;
        }
        let monster = &self.monsters[index];
        let (home, tiles) = (monster.home, self.kinds[usize::from(monster.row)].patrol);
        if tiles > 0 {
            let to = self.place_near(home, tiles);
            self.monsters[index].mood = Mood::Patrol(to, 0);
        }
    }

    fn patrol(&mut self, index: usize, to: Point, since: u32) {
        if self.look(index) {
            return;
        }
        if since >= PATROL_TICKS_MAX || self.monsters[index].at.within(to, HOME_DISTANCE) {
            self.monsters[index].mood = Mood::Rest;
            self.monsters[index].detour = None;
            return;
        }
        // At ease: half as fast.
        self.step_towards(index, to, 2);
    }

    fn hunt(&mut self, index: usize, prey: EntityId, events: &mut Vec<Event>) {
        let Some((who, there)) = self.prey(prey) else { return self.give_up(index) };
        let monster = &self.monsters[index];
        let (at, kind) = (monster.at, &self.kinds[usize::from(monster.row)]);
        let map = &self.maps[Zone::Dungeon as usize];
        if map.in_entrance(there) || !at.within(monster.home, self.content.rules.leash) {
            return self.give_up(index);
        }
        let life_percent = i64::from(monster.life) * 100 / i64::from(kind.life.max(1));
        if !monster.fled && life_percent <= i64::from(kind.flee_percent) {
            let monster = &mut self.monsters[index];
            monster.fled = true;
            monster.detour = None;
            monster.mood = Mood::Flee(prey, FLEE_TICKS);
            return;
        }
        let (reach, keep, shoots) = (kind.melee.reach, kind.keep, kind.missile_step > 0);
        let in_reach = at.within(there, reach);
        let clear = in_reach && if shoots { map.sees(at, there) } else { map.is_line_clear(at, there) };
        if !clear {
            return self.approach(index, who, there);
        }
        let ready = self.monsters[index].cooldown_ticks == 0;
        if !ready && shoots && at.within(there, keep) {
            let away = Point { x: 2 * at.x - there.x, y: 2 * at.y - there.y };
            return self.step_towards(index, away, 1);
        }
        let monster = &mut self.monsters[index];
        monster.facing = geometry::facing(there.x - at.x, there.y - at.y).unwrap_or(monster.facing);
        if ready {
            self.blow(index, who, there, events);
        }
    }

    /// A blow or a shot at somebody in reach.
    fn blow(&mut self, index: usize, who: Prey, there: Point, events: &mut Vec<Event>) {
        let monster = &mut self.monsters[index];
        let kind = &self.kinds[usize::from(monster.row)];
        monster.cooldown_ticks = kind.melee.attack_ticks;
        monster.swing_ticks = player::SWING_TICKS.min(kind.melee.attack_ticks);
        let strike = Strike {
            source: monster.entity,
            by_player: false,
            level: kind.level,
            rating: Some(kind.melee.attack_rating),
            damage: (kind.melee.damage_min, kind.melee.damage_max),
            effect: kind.effect,
        };
        if kind.missile_step == 0 {
            return self.strike_prey(who, &strike, events);
        }
        let launch = Launch {
            appearance: super::view::MISSILE_OF_MONSTERS + monster.row,
            zone: Zone::Dungeon,
            from: monster.at,
            to: there,
            spread: 0,
            step: kind.missile_step,
            reach: kind.melee.reach + Map::SUB_TILES,
        };
        self.launch(&launch, strike);
    }

    /// Nearer to whom it hunts: straight on while it sees them, else by the ways that were found to a player.
    fn approach(&mut self, index: usize, who: Prey, there: Point) {
        let monster = &self.monsters[index];
        let (at, blocked) = (monster.at, monster.detour.is_some());
        if let Prey::Player(place) = who
            && (blocked || !self.maps[Zone::Dungeon as usize].sees(at, there))
            && let Some(next) = self.fields[place].next(at)
        {
            let monster = &mut self.monsters[index];
            if let Some(detour) = monster.detour {
                let ticks_left = detour.ticks_left.saturating_sub(1);
                monster.detour = (ticks_left > 0).then_some(Detour { ticks_left, ..detour });
            }
            let step = monster.effects.step(self.kinds[usize::from(monster.row)].step);
            let (dx, dy) = map::step_into(at, next, step);
            let to = self.maps[Zone::Dungeon as usize].walk(Walker::Monster, at, dx, dy);
            return self.go(index, to);
        }
        self.step_towards(index, there, 1);
    }

    fn flee(&mut self, index: usize, prey: EntityId, ticks_left: u32) {
        let monster = &mut self.monsters[index];
        if ticks_left == 0 {
            monster.mood = Mood::Hunt(prey);
            return;
        }
        let at = monster.at;
        let Some((_, there)) = self.prey(prey) else { return self.give_up(index) };
        let away = Point { x: at.x + (at.x - there.x) * 4, y: at.y + (at.y - there.y) * 4 };
        self.step_towards(index, away, 1);
    }

    fn give_up(&mut self, index: usize) {
        let monster = &mut self.monsters[index];
        monster.mood = Mood::Return(0);
        monster.detour = None;
    }

    fn go_home(&mut self, index: usize, since: u32) {
        let monster = &mut self.monsters[index];
        if since >= RETURN_TICKS_MAX {
            monster.home = monster.at;
        }
        if monster.at.within(monster.home, HOME_DISTANCE) {
            monster.mood = Mood::Rest;
            monster.detour = None;
            monster.fled = false;
            monster.life = self.kinds[usize::from(monster.row)].life;
            return;
        }
        let home = monster.home;
        self.step_towards(index, home, 1);
    }

    /// One step towards a place, a part of the longest. What cannot be passed is gone round, to a side that chance decides.
    fn step_towards(&mut self, index: usize, target: Point, part: i32) {
        let monster = &mut self.monsters[index];
        let step = (monster.effects.step(self.kinds[usize::from(monster.row)].step) / part).max(1);
        let (mut dx, mut dy) = geometry::shorten(target.x - monster.at.x, target.y - monster.at.y, step);
        if let Some(detour) = monster.detour {
            (dx, dy) = if detour.clockwise { (-dy, dx) } else { (dy, -dx) };
            let ticks_left = detour.ticks_left.saturating_sub(1);
            monster.detour = (ticks_left > 0).then_some(Detour { ticks_left, ..detour });
        }
        let to = self.maps[Zone::Dungeon as usize].walk(Walker::Monster, monster.at, dx, dy);
        let (went, wished) = (monster.at.distance_squared(to), geometry::length_squared(dx, dy));
        if went * 4 < wished {
            // The other side is tried next when one is closed as well.
            let clockwise = monster.detour.map_or_else(|| self.dice.percent(50), |detour| !detour.clockwise);
            let ticks_left = self.dice.between(DETOUR_TICKS.0, DETOUR_TICKS.1).unsigned_abs();
            monster.detour = Some(Detour { clockwise, ticks_left });
        }
        self.go(index, to);
    }

    fn go(&mut self, index: usize, to: Point) {
        let monster = &mut self.monsters[index];
        if to != monster.at {
            monster.facing = geometry::facing(to.x - monster.at.x, to.y - monster.at.y).unwrap_or(monster.facing);
            monster.stride_ticks = player::STRIDE_TICKS;
            monster.at = to;
        }
    }
}
