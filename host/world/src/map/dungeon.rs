//! A dungeon from a seed: rooms that corridors join, with the stairs in a room of their own.

use super::{Map, Rectangle};
use crate::dice::Dice;

/// What a dungeon is to be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DungeonPlan {
    /// Tiles from west to east.
    pub(crate) width: i32,
    /// Tiles from north to south.
    pub(crate) height: i32,
    /// Side of the room with the stairs, in tiles.
    pub(crate) entrance: i32,
    /// How many rooms are tried; 0 makes one hall of everything.
    pub(crate) rooms: i32,
    /// Shortest side of a room, in tiles.
    pub(crate) room_min: i32,
    /// Longest side of a room, in tiles.
    pub(crate) room_max: i32,
    /// Corridors beyond those that are needed, so that there is more than one way.
    pub(crate) loops: i32,
    /// Single tiles of wall, scattered.
    pub(crate) pillars: i32,
}

impl Map {
    /// The dungeon of this plan and these throws.
    ///
    /// 1. nothing but walls, 2. the room with the stairs at one of the four sides, 3. rooms, each with a corridor to the one before it,
    /// 4. further corridors, 5. pillars, 6. ways to what those cut off.
    pub(crate) fn dungeon(plan: &DungeonPlan, dice: &mut Dice) -> Map {
        let mut map = Map::walled(plan.width, plan.height, plan.entrance, dice);
        let whole = Rectangle { left: 1, top: 1, wide: plan.width - 2, high: plan.height - 2 };
        for (tile_x, tile_y) in map.tiles() {
            map.set_wall(tile_x, tile_y, plan.rooms > 0 || !whole.contains(tile_x, tile_y, 0));
        }
        map.clear(map.entrance);
        let mut rooms = Vec::with_capacity(usize::try_from(plan.rooms).unwrap_or_default() + 1);
        rooms.push(map.entrance);
        for _ in 0..plan.rooms {
            let (wide, high) = (dice.between(plan.room_min, plan.room_max), dice.between(plan.room_min, plan.room_max));
            let left = dice.between(1, plan.width - 1 - wide);
            let top = dice.between(1, plan.height - 1 - high);
            let room = Rectangle { left, top, wide, high };
            // A room that would touch another is left out rather than thrown again: every dungeon takes a bounded number of throws.
            if rooms.iter().any(|other: &Rectangle| other.touches(&room, 1)) {
                continue;
            }
            map.clear(room);
            let near = rooms.iter().min_by_key(|other| other.middle_distance(&room)).copied().unwrap_or(map.entrance);
            map.corridor(&near, &room);
            rooms.push(room);
        }
        let count = u32::try_from(rooms.len()).unwrap_or(1);
        for _ in 0..plan.loops {
            let mut pick = || rooms[usize::try_from(dice.below(count)).unwrap_or_default()];
            let (one, other) = (pick(), pick());
            map.corridor(&one, &other);
        }
        for _ in 0..plan.pillars {
            let (tile_x, tile_y) = (dice.between(1, plan.width - 2), dice.between(1, plan.height - 2));
            if !map.entrance.contains(tile_x, tile_y, 1) {
                map.set_wall(tile_x, tile_y, true);
            }
        }
        map.stairs = (map.entrance.left + map.entrance.wide / 2, map.entrance.top + map.entrance.high / 2);
        map.connect();
        map
    }

    /// Takes the walls of a rectangle away.
    pub(super) fn clear(&mut self, place: Rectangle) {
        for tile_y in place.top..place.top + place.high {
            for tile_x in place.left..place.left + place.wide {
                self.set_wall(tile_x, tile_y, false);
            }
        }
    }

    /// A way two tiles wide from the middle of one room to that of another, first along x and then along y.
    fn corridor(&mut self, from: &Rectangle, to: &Rectangle) {
        let ((from_x, from_y), (to_x, to_y)) = (from.middle(), to.middle());
        let (left, right) = (from_x.min(to_x), from_x.max(to_x));
        let (top, bottom) = (from_y.min(to_y), from_y.max(to_y));
        // The border stays: a middle is at least two tiles from it.
        self.clear(Rectangle { left, top: from_y, wide: right - left + 1, high: 2.min(self.height - 1 - from_y) });
        self.clear(Rectangle { left: to_x, top, wide: 2.min(self.width - 1 - to_x), high: bottom - top + 1 });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{DungeonPlan, Map};
    use crate::dice::Dice;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_room_can_be_reached_from_the_stairs(
            seed: u64,
            width in 24..96i32,
            height in 24..96i32,
            rooms in 0..30i32,
            loops in 0..6i32,
            pillars in 0..60i32,
        ) {
            let plan = DungeonPlan { width, height, entrance: 7, rooms, room_min: 4, room_max: 11, loops, pillars };
            let map = Map::dungeon(&plan, &mut Dice::new(seed, 1));
            map.check_everything_free_is_reached()?;
            prop_assert_eq!(&map, &Map::dungeon(&plan, &mut Dice::new(seed, 1)));
            let free = map.tiles().filter(|(tile_x, tile_y)| !map.is_wall(*tile_x, *tile_y)).count();
            prop_assert!(free >= 49, "{} tiles are free", free);
            prop_assert!(rooms > 5 || rooms == 0 || free < usize::try_from(width * height).unwrap());
        }
    }
}
