//! Missiles: they fly straight on until they meet an enemy, a wall or their end.

use super::{World, combat::Strike};
use crate::{
    EntityId, Event, Zone,
    geometry::{self, Point},
    map::Map,
};

/// Most missiles in the air; beyond, a use of a skill sends fewer.
pub(crate) const MISSILES_MAX: usize = 96;
/// A missile meets whose middle is so near, in sub-tiles.
const HIT_DISTANCE: i32 = 20;

/// One missile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Missile {
    pub(super) entity: EntityId,
    /// What it looks like; see [`EntityView`](super::EntityView).
    pub(super) appearance: u8,
    pub(super) zone: Zone,
    pub(super) at: Point,
    /// Its way in a tick.
    pub(super) dx: i32,
    pub(super) dy: i32,
    pub(super) ticks_left: u32,
    /// What it does to whom it meets.
    pub(super) strike: Strike,
}

impl World {
    /// Sends a missile from a place towards another, `spread` eighths of a right angle off the straight way.
    pub(super) fn launch(&mut self, launch: &Launch, strike: Strike) {
        let (mut dx, mut dy) = (launch.to.x - launch.from.x, launch.to.y - launch.from.y);
        if (dx, dy) == (0, 0) {
            dy = 1;
        }
        // A turn by about 11 degrees: 1/5 of the vector across.
        (dx, dy) = (dx * 5 - dy * launch.spread, dy * 5 + dx * launch.spread);
        let (dx, dy) = geometry::shorten(dx * 64, dy * 64, launch.step);
        if self.missiles.len() >= MISSILES_MAX || (dx, dy) == (0, 0) {
            return;
        }
        let entity = self.next_entity();
        let ticks_left = (launch.reach / launch.step.max(1)).max(1).unsigned_abs();
        let Launch { appearance, zone, from, .. } = *launch;
        self.missiles.push(Missile { entity, appearance, zone, at: from, dx, dy, ticks_left, strike });
    }

    /// One tick of all missiles, in the order in which they were sent.
    pub(super) fn fly(&mut self, events: &mut Vec<Event>) {
        let mut index = 0;
        while index < self.missiles.len() {
            let missile = &mut self.missiles[index];
            missile.at = Point { x: missile.at.x + missile.dx, y: missile.at.y + missile.dy };
            missile.ticks_left = missile.ticks_left.saturating_sub(1);
            let (at, zone, strike, spent) = (missile.at, missile.zone, missile.strike, missile.ticks_left == 0);
            let tile = |place: i32| place.div_euclid(Map::SUB_TILES);
            let ends = spent || self.map(zone).is_wall(tile(at.x), tile(at.y)) || self.meet(&strike, zone, at, events);
            if ends {
                self.missiles.remove(index);
            } else {
                index += 1;
            }
        }
    }

    /// Whether the missile meets an enemy here; the nearest one is struck.
    fn meet(&mut self, strike: &Strike, zone: Zone, at: Point, events: &mut Vec<Event>) -> bool {
        if strike.by_player {
            let hit = self.nearest_monster(zone, at, HIT_DISTANCE);
            if let Some(index) = hit {
                self.strike_monster(index, strike, events);
            }
            return hit.is_some();
        }
        let prey = self.nearest_prey(zone, at, HIT_DISTANCE);
        if let Some(prey) = prey {
            self.strike_prey(prey, strike, events);
        }
        prey.is_some()
    }
}

/// How a missile is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Launch {
    pub(super) appearance: u8,
    pub(super) zone: Zone,
    pub(super) from: Point,
    pub(super) to: Point,
    pub(super) spread: i32,
    pub(super) step: i32,
    pub(super) reach: i32,
}
