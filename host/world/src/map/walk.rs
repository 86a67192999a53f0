//! Steps against walls, and what can be seen past them.

use super::Map;
use crate::geometry::Point;

/// Who walks: it decides what is closed to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Walker {
    /// Stopped by walls.
    Player,
    /// Stopped by walls and by the entrance.
    Monster,
}

/// A line of sight is looked at each so many sub-tiles.
const SIGHT_STEP: i32 = 8;

impl Map {
    /// Where a step ends: along each axis as far as nothing is in the way, so that a body slides along walls. It is never longer than the
    /// wish. A step must be shorter than a tile.
    pub(crate) fn walk(&self, walker: Walker, from: Point, dx: i32, dy: i32) -> Point {
        let x = slide(from.x, dx, |x| self.is_closed(walker, Point { x, y: from.y }));
        let y = slide(from.y, dy, |y| self.is_closed(walker, Point { x, y }));
        Point { x, y }
    }

    /// Whether a body at this position would stand in something.
    pub(crate) fn is_closed(&self, walker: Walker, at: Point) -> bool {
        let low = |middle: i32| (middle - Self::BODY_HALF).div_euclid(Self::SUB_TILES);
        let high = |middle: i32| (middle + Self::BODY_HALF - 1).div_euclid(Self::SUB_TILES);
        // A body is smaller than a tile, so its corners lie in every tile that it touches.
        let corners =
            [(low(at.x), low(at.y)), (high(at.x), low(at.y)), (low(at.x), high(at.y)), (high(at.x), high(at.y))];
        corners.into_iter().any(|(tile_x, tile_y)| {
            self.is_wall(tile_x, tile_y) || (walker == Walker::Monster && self.is_entrance(tile_x, tile_y))
        })
    }

    /// Whether no wall stands between two positions.
    pub(crate) fn is_line_clear(&self, from: Point, to: Point) -> bool {
        let (dx, dy) = (to.x - from.x, to.y - from.y);
        let steps = dx.abs().max(dy.abs()) / SIGHT_STEP + 1;
        (0..=steps).all(|step| {
            let (x, y) = (from.x + dx * step / steps, from.y + dy * step / steps);
            !self.is_wall(x.div_euclid(Self::SUB_TILES), y.div_euclid(Self::SUB_TILES))
        })
    }
}

/// One axis of a step: all of it, or up to the edge of what is in the way.
fn slide(from: i32, wish: i32, is_closed: impl Fn(i32) -> bool) -> i32 {
    let to = from + wish;
    if wish == 0 || !is_closed(to) {
        return to;
    }
    let (tile, half) = (Map::SUB_TILES, Map::BODY_HALF);
    let edge = if wish > 0 {
        (to + half - 1).div_euclid(tile) * tile - half
    } else {
        ((to - half).div_euclid(tile) + 1) * tile + half
    };
    // What was closed already where the step began moves nobody backwards.
    let towards = (edge - from).signum() == wish.signum();
    if towards && !is_closed(edge) { edge } else { from }
}

#[cfg(test)]
mod tests {
    use super::Walker;
    use crate::{
        dice::Dice,
        geometry::Point,
        map::{Map, TownPlan, tile_middle},
    };

    fn open_map() -> Map {
        let plan = TownPlan { width: 24, height: 24, entrance: 8, ruins: 0, blocks: 0, stairs_distance: 4 };
        let mut map = Map::town(&plan, &mut Dice::new(1, 1));
        map.set_wall(12, 12, true);
        map
    }

    #[test]
    fn a_body_stops_at_the_edge_of_a_wall_and_slides_along_it() {
        let map = open_map();
        let beside = tile_middle(11, 12);
        let stopped = map.walk(Walker::Player, beside, 31, 0);
        assert_eq!(stopped, Point { x: 12 * 32 - Map::BODY_HALF, y: beside.y });
        assert_eq!(map.walk(Walker::Player, stopped, 5, 4), Point { x: stopped.x, y: stopped.y + 4 });
        let stopped_west = map.walk(Walker::Player, tile_middle(13, 12), -31, 0);
        assert_eq!(stopped_west.x, 13 * 32 + Map::BODY_HALF);
        let stopped_north = map.walk(Walker::Player, tile_middle(12, 13), 0, -31);
        assert_eq!(stopped_north.y, 13 * 32 + Map::BODY_HALF);
        let stopped_south = map.walk(Walker::Player, tile_middle(12, 11), 0, 31);
        assert_eq!(stopped_south.y, 12 * 32 - Map::BODY_HALF);
    }

    #[test]
    fn walls_hide_what_is_behind_them() {
        let map = open_map();
        assert!(!map.is_line_clear(tile_middle(11, 12), tile_middle(13, 12)));
        assert!(map.is_line_clear(tile_middle(11, 11), tile_middle(13, 11)));
        assert!(map.is_line_clear(tile_middle(11, 11), tile_middle(11, 11)));
    }

    #[test]
    fn the_entrance_is_closed_to_monsters() {
        let map = open_map();
        let middle = map.entrance_middle();
        assert!(map.in_entrance(middle));
        assert!(map.is_closed(Walker::Monster, middle));
        assert!(!map.is_closed(Walker::Player, middle));
    }
}
