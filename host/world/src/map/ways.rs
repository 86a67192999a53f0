//! Ways over a whole map, for those who have the time: clients, bots and tests.

use std::collections::VecDeque;

use super::{Map, tile_middle};
use crate::geometry::{self, Point};

/// A body goes through a gap when it is at most so far from the middle of it, in sub-tiles; farther off it catches on corners.
const OFF_THE_MIDDLE_MAX: i32 = 2;

/// The shortest ways from one tile to all that can be reached, by steps along the axes.
#[derive(Debug, Clone)]
pub struct Ways {
    width: i32,
    height: i32,
    start: (i32, i32),
    /// For each tile the one before it on the way, row by row.
    before: Vec<Option<(i32, i32)>>,
    reached: Vec<(i32, i32)>,
}

impl Map {
    /// A map from what a client was told: tiles from west to east and from north to south, and one bit a tile, row by row, least
    /// significant bit first, 1 for a wall. `None` when the bits are too few or a side is not from 1 to 256 tiles.
    #[must_use]
    pub fn from_walls(width: u32, height: u32, walls: &[u8]) -> Option<Map> {
        let side = |tiles: u32| i32::try_from(tiles).ok().filter(|tiles| (1..=super::TILES_MAX).contains(tiles));
        let (width, height) = (side(width)?, side(height)?);
        let bytes = usize::try_from(width * height).ok()?.div_ceil(8);
        let walls = walls.get(..bytes)?.to_vec();
        let entrance = super::Rectangle { left: 0, top: 0, wide: 0, high: 0 };
        Some(Map { width, height, walls, entrance, stairs: (0, 0) })
    }

    /// The ways from where this place, in sub-tiles, lies.
    #[must_use]
    pub fn ways_from(&self, (x, y): (i32, i32)) -> Ways {
        let start = (x.div_euclid(Self::SUB_TILES), y.div_euclid(Self::SUB_TILES));
        let mut ways = Ways {
            width: self.width,
            height: self.height,
            start,
            before: vec![None; self.walls.len() * 8],
            reached: Vec::new(),
        };
        let Some(first) = self.index(start.0, start.1) else { return ways };
        ways.before[first] = Some(start);
        let mut waiting = VecDeque::from([start]);
        while let Some(here @ (x, y)) = waiting.pop_front() {
            ways.reached.push(here);
            for there in [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)] {
                if let Some(index) = self.index(there.0, there.1).filter(|_| !self.is_wall(there.0, there.1))
                    && ways.before[index].is_none()
                {
                    ways.before[index] = Some(here);
                    waiting.push_back(there);
                }
            }
        }
        ways
    }
}

impl Ways {
    /// Every tile that can be reached, the nearest first.
    #[must_use]
    pub fn reached(&self) -> &[(i32, i32)] {
        &self.reached
    }

    /// Where to go first on the way to a place, both in sub-tiles, and how many tiles the way is long; `None` when none leads there.
    #[must_use]
    pub fn towards(&self, (x, y): (i32, i32)) -> Option<((i32, i32), u32)> {
        let goal = (x.div_euclid(Map::SUB_TILES), y.div_euclid(Map::SUB_TILES));
        let (mut next, mut tiles) = (goal, 0);
        while next != self.start {
            let before = self.before(next)?;
            tiles += 1;
            if before == self.start {
                break;
            }
            next = before;
        }
        let middle = tile_middle(next.0, next.1);
        Some((if tiles == 0 { (x, y) } else { (middle.x, middle.y) }, tiles))
    }

    /// The step, at most `step_max` sub-tiles long, of a body at `here` on the way back to `start`, the place from where these ways lead;
    /// `None` when none leads there. Whoever goes to one place from many others finds the ways from there once.
    #[must_use]
    pub fn step_back(&self, here: (i32, i32), start: (i32, i32), step_max: i32) -> Option<(i32, i32)> {
        let tile = (here.0.div_euclid(Map::SUB_TILES), here.1.div_euclid(Map::SUB_TILES));
        let before = self.before(tile)?;
        let next = if tile == self.start { Point { x: start.0, y: start.1 } } else { tile_middle(before.0, before.1) };
        Some(step_into(Point { x: here.0, y: here.1 }, next, step_max))
    }

    /// The step, at most `step_max` sub-tiles long, that a body at `here` makes towards a place; `None` when no way leads there.
    #[must_use]
    pub fn step(&self, here: (i32, i32), place: (i32, i32), step_max: i32) -> Option<(i32, i32)> {
        let (next, _) = self.towards(place)?;
        let at = Point { x: here.0, y: here.1 };
        Some(step_into(at, Point { x: next.0, y: next.1 }, step_max))
    }

    fn before(&self, (tile_x, tile_y): (i32, i32)) -> Option<(i32, i32)> {
        let inside = (0..self.width).contains(&tile_x) && (0..self.height).contains(&tile_y);
        let index = inside.then(|| usize::try_from(tile_y * self.width + tile_x).ok()).flatten()?;
        self.before.get(index).copied().flatten()
    }
}

/// The step of a body towards a place in its tile or a neighbouring one: into another tile along one axis, in the middle of the other.
pub(crate) fn step_into(at: Point, next: Point, step_max: i32) -> (i32, i32) {
    let tile = |place: i32| place.div_euclid(Map::SUB_TILES);
    let (dx, dy) = (next.x - at.x, next.y - at.y);
    if tile(at.x) != tile(next.x) && dy.abs() > OFF_THE_MIDDLE_MAX {
        geometry::shorten(0, dy, step_max)
    } else if tile(at.y) != tile(next.y) && dx.abs() > OFF_THE_MIDDLE_MAX {
        geometry::shorten(dx, 0, step_max)
    } else {
        geometry::shorten(dx, dy, step_max)
    }
}
