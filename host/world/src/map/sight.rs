//! Who can see whom: lines from tile to tile.

use super::Map;
use crate::geometry::Point;

impl Map {
    /// Whether one who stands at `one` and one who stands at `other` can see each other.
    ///
    /// It is decided by tiles, so that it changes only when somebody goes from one to the next, and it is the same both ways. One's own
    /// tile and the eight around it are always seen. Farther away, one of the two straight lines between the tiles, drawn from either end,
    /// has to pass no wall; it passes diagonally between two tiles as long as one of them is free, so that nobody hides behind a mere corner.
    pub(crate) fn sees(&self, one: Point, other: Point) -> bool {
        let tile = |at: Point| (at.x.div_euclid(Self::SUB_TILES), at.y.div_euclid(Self::SUB_TILES));
        let (one, other) = (tile(one), tile(other));
        if (one.0 - other.0).abs() <= 1 && (one.1 - other.1).abs() <= 1 {
            return true;
        }
        self.is_tile_line_clear(one, other) || self.is_tile_line_clear(other, one)
    }

    /// Whether the line between two tiles, both left out, passes no wall. Of two equally near tiles it takes the one nearer to the start,
    /// so that the way back may be another one. Nothing is seen from or to outside the map.
    fn is_tile_line_clear(&self, from: (i32, i32), to: (i32, i32)) -> bool {
        let (Some(mut at), Some(goal)) = (self.index(from.0, from.1), self.index(to.0, to.1)) else { return false };
        let (wide, high) = ((to.0 - from.0).abs(), (to.1 - from.1).abs());
        // All tiles looked at lie between the two, and so inside the map.
        let row = self.width.unsigned_abs() as usize;
        let next_x = |at: usize| if to.0 > from.0 { at + 1 } else { at - 1 };
        let next_y = |at: usize| if to.1 > from.1 { at + row } else { at - row };
        let is_wall = |at: usize| self.walls[at / 8] >> (at % 8) & 1 == 1;
        let mut error = wide - high;
        loop {
            let twice = 2 * error;
            let (along_x, along_y) = (twice > -high, twice < wide);
            if along_x && along_y && is_wall(next_x(at)) && is_wall(next_y(at)) {
                return false;
            }
            if along_x {
                error -= high;
                at = next_x(at);
            }
            if along_y {
                error += wide;
                at = next_y(at);
            }
            if at == goal {
                return true;
            }
            if is_wall(at) {
                return false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{
        dice::Dice,
        map::{Map, TownPlan, tile_middle},
    };

    /// An open map with walls at these tiles.
    fn map(walls: &[(i32, i32)]) -> Map {
        let plan = TownPlan { width: 24, height: 24, entrance: 8, ruins: 0, blocks: 0, stairs_distance: 4 };
        let mut map = Map::town(&plan, &mut Dice::new(1, 1));
        for (tile_x, tile_y) in walls {
            map.set_wall(*tile_x, *tile_y, true);
        }
        map
    }

    fn sees(map: &Map, one: (i32, i32), other: (i32, i32)) -> bool {
        map.sees(tile_middle(one.0, one.1), tile_middle(other.0, other.1))
    }

    #[test]
    fn walls_hide_what_is_behind_them_and_nothing_else() {
        let map = map(&[(12, 12), (12, 13)]);
        assert!(!sees(&map, (10, 12), (14, 12)));
        assert!(!sees(&map, (10, 13), (16, 13)));
        assert!(sees(&map, (10, 11), (16, 11)));
        assert!(sees(&map, (10, 12), (11, 12)));
        assert!(sees(&map, (5, 5), (5, 5)));
    }

    #[test]
    fn a_corner_hides_nobody_but_two_corners_that_touch_do() {
        let one = map(&[(12, 12)]);
        assert!(sees(&one, (11, 12), (12, 11)), "the tiles around are always seen");
        assert!(sees(&one, (10, 13), (13, 10)), "the line passes between a wall and a free tile");
        let both = map(&[(12, 12), (11, 11)]);
        assert!(!sees(&both, (10, 13), (13, 10)), "no line passes between two walls");
        assert!(sees(&both, (11, 12), (12, 11)), "but who stands there sees the tile beside it");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn sight_is_the_same_both_ways(
            walls in prop::collection::vec((1..23i32, 1..23i32), 0..80),
            pairs in prop::collection::vec(((1..23i32, 1..23i32), (1..23i32, 1..23i32)), 40),
        ) {
            let map = map(&walls);
            for (one, other) in pairs {
                prop_assert_eq!(sees(&map, one, other), sees(&map, other, one), "{:?} {:?}", one, other);
                if walls.is_empty() {
                    prop_assert!(sees(&map, one, other));
                }
            }
        }
    }
}
