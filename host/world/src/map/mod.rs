//! The places of a game: walls, the entrance and the stairs.

mod dungeon;
mod field;
mod sight;
mod town;
mod walk;
mod ways;

pub(crate) use dungeon::DungeonPlan;
pub(crate) use field::Field;
pub(crate) use town::TownPlan;
pub(crate) use walk::Walker;
pub use ways::Ways;
pub(crate) use ways::step_into;

use crate::{dice::Dice, geometry::Point, hash::StableHash};

/// Most tiles along an axis of a map.
pub(crate) const TILES_MAX: i32 = 256;

/// Draws at random for a free place before the map is searched row by row.
const DRAWS_MAX: u32 = 64;

/// The tiles of one level of a game. Everything that is not a wall can be reached from everywhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map {
    width: i32,
    height: i32,
    /// One bit a tile, row by row, least significant bit first.
    walls: Vec<u8>,
    entrance: Rectangle,
    stairs: (i32, i32),
}

/// Tiles from (`left`, `top`), `wide` by `high`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rectangle {
    pub(crate) left: i32,
    pub(crate) top: i32,
    pub(crate) wide: i32,
    pub(crate) high: i32,
}

impl Rectangle {
    /// Whether the tile lies within `margin` tiles of the rectangle.
    pub(crate) fn contains(&self, tile_x: i32, tile_y: i32, margin: i32) -> bool {
        (self.left - margin..self.left + self.wide + margin).contains(&tile_x)
            && (self.top - margin..self.top + self.high + margin).contains(&tile_y)
    }

    /// The tile in the middle.
    fn middle(&self) -> (i32, i32) {
        (self.left + self.wide / 2, self.top + self.high / 2)
    }

    /// How far the middles are apart, along both axes together.
    fn middle_distance(&self, other: &Rectangle) -> i32 {
        let ((x, y), (other_x, other_y)) = (self.middle(), other.middle());
        (x - other_x).abs() + (y - other_y).abs()
    }

    /// Whether any tile is in both, the other one grown by `margin`.
    fn touches(&self, other: &Rectangle, margin: i32) -> bool {
        self.left < other.left + other.wide + margin
            && other.left - margin < self.left + self.wide
            && self.top < other.top + other.high + margin
            && other.top - margin < self.top + self.high
    }
}

impl Map {
    /// Sub-tiles in a tile, along each axis.
    pub const SUB_TILES: i32 = 32;

    /// Half the side of the square that a body fills, in sub-tiles: from its middle, so much to the west and north, and one less to the
    /// east and south.
    pub const BODY_HALF: i32 = 10;

    /// Tiles from west to east.
    #[must_use]
    pub fn width(&self) -> i32 {
        self.width
    }

    /// Tiles from north to south.
    #[must_use]
    pub fn height(&self) -> i32 {
        self.height
    }

    /// One bit a tile, row by row, least significant bit first; 1 is a wall.
    #[must_use]
    pub fn walls_bits(&self) -> Vec<u8> {
        self.walls.clone()
    }

    /// Whether the tile is a wall; everything outside the map is.
    #[must_use]
    pub fn is_wall(&self, tile_x: i32, tile_y: i32) -> bool {
        match self.index(tile_x, tile_y) {
            Some(index) => self.walls[index / 8] >> (index % 8) & 1 == 1,
            None => true,
        }
    }

    /// Whether the tile belongs to the entrance, where no monster sets foot.
    #[must_use]
    pub fn is_entrance(&self, tile_x: i32, tile_y: i32) -> bool {
        self.entrance.contains(tile_x, tile_y, 0)
    }

    /// The middle of the entrance.
    pub(crate) fn entrance_middle(&self) -> Point {
        let Rectangle { left, top, wide, high } = self.entrance;
        Point { x: (2 * left + wide) * Self::SUB_TILES / 2, y: (2 * top + high) * Self::SUB_TILES / 2 }
    }

    /// Where the stairs are: the middle of their tile. The eight tiles around are free.
    pub(crate) fn stairs(&self) -> Point {
        tile_middle(self.stairs.0, self.stairs.1)
    }

    /// Whether this position belongs to the entrance.
    pub(crate) fn in_entrance(&self, at: Point) -> bool {
        self.is_entrance(at.x.div_euclid(Self::SUB_TILES), at.y.div_euclid(Self::SUB_TILES))
    }

    /// How many tiles this position is from the entrance, along the axis on which it is farther.
    pub(crate) fn entrance_distance(&self, at: Point) -> i32 {
        let (tile_x, tile_y) = (at.x.div_euclid(Self::SUB_TILES), at.y.div_euclid(Self::SUB_TILES));
        let Rectangle { left, top, wide, high } = self.entrance;
        let outside = |tile: i32, first: i32, count: i32| (first - tile).max(tile - (first + count - 1)).max(0);
        outside(tile_x, left, wide).max(outside(tile_y, top, high))
    }

    /// The middle of a free tile at least `entrance_distance` tiles from the entrance; the entrance itself when there is none.
    pub(crate) fn free_place(&self, entrance_distance: i32, dice: &mut Dice) -> Point {
        let fits = |tile_x: i32, tile_y: i32| {
            !self.is_wall(tile_x, tile_y) && !self.entrance.contains(tile_x, tile_y, entrance_distance)
        };
        for _ in 0..DRAWS_MAX {
            let (tile_x, tile_y) = (dice.between(0, self.width - 1), dice.between(0, self.height - 1));
            if fits(tile_x, tile_y) {
                return tile_middle(tile_x, tile_y);
            }
        }
        self.tiles()
            .find(|(tile_x, tile_y)| fits(*tile_x, *tile_y))
            .map_or_else(|| self.entrance_middle(), |(tile_x, tile_y)| tile_middle(tile_x, tile_y))
    }

    /// Adds everything to a hash.
    pub(crate) fn hash_into(&self, hash: &mut StableHash) {
        let Map { width, height, walls, entrance, stairs } = self;
        for number in [*width, *height, stairs.0, stairs.1, entrance.left, entrance.top, entrance.wide, entrance.high] {
            hash.i32(number);
        }
        hash.bytes(walls);
    }

    /// Every tile, row by row.
    fn tiles(&self) -> impl Iterator<Item = (i32, i32)> + use<> {
        let width = self.width;
        (0..self.height).flat_map(move |tile_y| (0..width).map(move |tile_x| (tile_x, tile_y)))
    }

    /// Where a tile stands, row by row; `None` outside the map.
    fn index(&self, tile_x: i32, tile_y: i32) -> Option<usize> {
        let inside = (0..self.width).contains(&tile_x) && (0..self.height).contains(&tile_y);
        inside.then(|| usize::try_from(tile_y * self.width + tile_x).ok()).flatten()
    }

    fn set_wall(&mut self, tile_x: i32, tile_y: i32, wall: bool) {
        if let Some(index) = self.index(tile_x, tile_y) {
            let bit = 1 << (index % 8);
            if wall {
                self.walls[index / 8] |= bit;
            } else {
                self.walls[index / 8] &= !bit;
            }
        }
    }
}

/// The middle of a tile, in sub-tiles.
fn tile_middle(tile_x: i32, tile_y: i32) -> Point {
    let half = Map::SUB_TILES / 2;
    Point { x: tile_x * Map::SUB_TILES + half, y: tile_y * Map::SUB_TILES + half }
}
