//! A town from a seed: a walled border, an entrance at one side, ruins and blocks, stairs, and a way from everywhere to everywhere.

use super::{Map, Rectangle};
use crate::dice::Dice;

/// What a town is to be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TownPlan {
    /// Tiles from west to east.
    pub(crate) width: i32,
    /// Tiles from north to south.
    pub(crate) height: i32,
    /// Side of the entrance, in tiles.
    pub(crate) entrance: i32,
    /// Walls around a yard, with gaps.
    pub(crate) ruins: i32,
    /// Solid rectangles.
    pub(crate) blocks: i32,
    /// From the middle of the entrance, in tiles.
    pub(crate) stairs_distance: i32,
}

/// How many of a hundred tiles of a ruin's walls still stand.
const RUIN_STANDING_PERCENT: i32 = 75;

impl Map {
    /// The town of this plan and these throws.
    ///
    /// 1. walls all around, 2. the entrance at one of the four sides, 3. ruins, 4. blocks, 5. the stairs, 6. ways to what is cut off.
    pub(crate) fn town(plan: &TownPlan, dice: &mut Dice) -> Map {
        let mut map = Map::walled(plan.width, plan.height, plan.entrance, dice);
        for _ in 0..plan.ruins {
            map.build(dice, 5, 10, |on_edge, dice| on_edge && dice.percent(RUIN_STANDING_PERCENT));
        }
        for _ in 0..plan.blocks {
            map.build(dice, 1, 3, |_, _| true);
        }
        // From the middle of the entrance towards the middle of the town, and never into the border.
        let (from, middle) = (map.entrance.middle(), (plan.width / 2, plan.height / 2));
        let stairs_x = from.0 + (middle.0 - from.0).signum() * plan.stairs_distance;
        let stairs_y = from.1 + (middle.1 - from.1).signum() * plan.stairs_distance;
        map.stairs =
            if (middle.0 - from.0).abs() > (middle.1 - from.1).abs() { (stairs_x, from.1) } else { (from.0, stairs_y) };
        map.stairs = (map.stairs.0.clamp(2, plan.width - 3), map.stairs.1.clamp(2, plan.height - 3));
        map.clear(Rectangle { left: map.stairs.0 - 1, top: map.stairs.1 - 1, wide: 3, high: 3 });
        map.connect();
        map
    }

    /// A map with walls all around, and the square of an entrance at the middle of one of the four sides.
    pub(super) fn walled(width: i32, height: i32, side: i32, dice: &mut Dice) -> Map {
        let tiles = usize::try_from(width * height).expect("the content was checked: both sides are positive");
        let mut map = Map {
            width,
            height,
            walls: vec![0; tiles.div_ceil(8)],
            entrance: entrance(width, height, side, dice),
            stairs: (0, 0),
        };
        for (tile_x, tile_y) in map.tiles() {
            let border = tile_x == 0 || tile_y == 0 || tile_x == width - 1 || tile_y == height - 1;
            map.set_wall(tile_x, tile_y, border);
        }
        map
    }

    /// Puts a rectangle of random size somewhere apart from the entrance; `stands` decides tile by tile.
    fn build(&mut self, dice: &mut Dice, side_min: i32, side_max: i32, stands: impl Fn(bool, &mut Dice) -> bool) {
        let (wide, high) = (dice.between(side_min, side_max), dice.between(side_min, side_max));
        let left = dice.between(1, self.width - 1 - wide);
        let top = dice.between(1, self.height - 1 - high);
        let place = Rectangle { left, top, wide, high };
        // One that would stand in the entrance is left out rather than thrown again: every map takes the same number of throws at most.
        if place.touches(&self.entrance, 1) {
            return;
        }
        for tile_y in top..top + high {
            for tile_x in left..left + wide {
                let on_edge = tile_x == left || tile_y == top || tile_x == left + wide - 1 || tile_y == top + high - 1;
                if stands(on_edge, dice) {
                    self.set_wall(tile_x, tile_y, true);
                }
            }
        }
    }

    /// Opens a straight way from every part that is cut off towards the entrance. Each way joins at least one part, so it comes to an end.
    pub(super) fn connect(&mut self) {
        let start = (self.entrance.left + self.entrance.wide / 2, self.entrance.top + self.entrance.high / 2);
        let mut reached = vec![false; self.walls.len() * 8];
        self.flood(start, &mut reached);
        for tile in self.tiles() {
            let is_cut_off = |tile: (i32, i32), reached: &[bool]| {
                self.index(tile.0, tile.1).is_some_and(|index| !reached[index]) && !self.is_wall(tile.0, tile.1)
            };
            if is_cut_off(tile, &reached) {
                self.carve(tile, start, &reached);
                self.flood(tile, &mut reached);
            }
        }
    }

    /// Clears tiles from `from`, first along x and then along y, until a reached one is met.
    fn carve(&mut self, from: (i32, i32), towards: (i32, i32), reached: &[bool]) {
        let (mut tile_x, mut tile_y) = from;
        while self.index(tile_x, tile_y).is_some_and(|index| !reached[index]) {
            self.set_wall(tile_x, tile_y, false);
            if tile_x != towards.0 {
                tile_x += (towards.0 - tile_x).signum();
            } else if tile_y != towards.1 {
                tile_y += (towards.1 - tile_y).signum();
            } else {
                break;
            }
        }
    }

    /// Marks every free tile that can be reached from `start` by steps along the axes.
    fn flood(&self, start: (i32, i32), reached: &mut [bool]) {
        let mut waiting = vec![start];
        while let Some((tile_x, tile_y)) = waiting.pop() {
            let Some(index) = self.index(tile_x, tile_y) else { continue };
            if reached[index] || self.is_wall(tile_x, tile_y) {
                continue;
            }
            reached[index] = true;
            waiting.extend([(tile_x + 1, tile_y), (tile_x - 1, tile_y), (tile_x, tile_y + 1), (tile_x, tile_y - 1)]);
        }
    }
}

/// A square at the middle of one of the four sides.
fn entrance(width: i32, height: i32, side: i32, dice: &mut Dice) -> Rectangle {
    let (middle_x, middle_y) = ((width - side) / 2, (height - side) / 2);
    let (left, top) = match dice.below(4) {
        0 => (middle_x, 1),
        1 => (width - 1 - side, middle_y),
        2 => (middle_x, height - 1 - side),
        _ => (1, middle_y),
    };
    Rectangle { left, top, wide: side, high: side }
}

#[cfg(test)]
impl Map {
    /// Everything free can be reached from the entrance, which is free itself, as are the tiles around the stairs; the border is closed.
    pub(super) fn check_everything_free_is_reached(&self) -> Result<(), proptest::test_runner::TestCaseError> {
        let middle = self.entrance.middle();
        let mut reached = vec![false; self.walls.len() * 8];
        self.flood(middle, &mut reached);
        for (tile_x, tile_y) in self.tiles() {
            let index = self.index(tile_x, tile_y).expect("a tile of the map");
            proptest::prop_assert_eq!(reached[index], !self.is_wall(tile_x, tile_y), "tile {} {}", tile_x, tile_y);
            let beside_stairs = (tile_x - self.stairs.0).abs() <= 1 && (tile_y - self.stairs.1).abs() <= 1;
            if self.is_entrance(tile_x, tile_y) || beside_stairs {
                proptest::prop_assert!(reached[index], "tile {} {}", tile_x, tile_y);
            }
            if tile_x == 0 || tile_y == 0 || tile_x == self.width - 1 || tile_y == self.height - 1 {
                proptest::prop_assert!(self.is_wall(tile_x, tile_y));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Map, TownPlan};
    use crate::dice::Dice;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn everything_free_can_be_reached(
            seed: u64,
            width in 24..96i32,
            height in 24..96i32,
            ruins in 0..80i32,
            blocks in 0..200i32,
            stairs_distance in 3..17i32,
        ) {
            let plan = TownPlan { width, height, entrance: 8, ruins, blocks, stairs_distance };
            let map = Map::town(&plan, &mut Dice::new(seed, 1));
            map.check_everything_free_is_reached()?;
            let bits = map.walls_bits();
            prop_assert_eq!(bits.len(), usize::try_from(width * height).unwrap().div_ceil(8));
            prop_assert_eq!(&map, &Map::town(&plan, &mut Dice::new(seed, 1)));
        }
    }
}
