//! Ways to one goal for all who hunt it: for each tile around it, how many steps it is away. It is found with a bounded number of tiles a
//! tick, and until a newer one is finished the last one is used.

use super::{Map, tile_middle};
use crate::{geometry::Point, hash::StableHash};

/// A field reaches so many tiles from its goal, along each axis.
const RADIUS: i32 = 16;
const SIDE: i32 = 2 * RADIUS + 1;
const TILES: usize = (SIDE * SIDE) as usize;
/// No way is known from here.
const UNKNOWN: u8 = u8::MAX;

/// The ways around one goal.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    /// Somebody asked for a way since the last work.
    wanted: bool,
    known: Option<Ways>,
    /// What is being found: the ways so far, and the tiles whose neighbours are to be looked at from `head` on.
    finding: Option<Ways>,
    waiting: Vec<u16>,
    head: usize,
    /// Memory that is used again.
    spare: Option<Box<[u8; TILES]>>,
}

#[derive(Debug, Clone)]
struct Ways {
    goal: (i32, i32),
    steps: Box<[u8; TILES]>,
}

impl Ways {
    /// Where a tile stands in the window around the goal.
    fn index(&self, (tile_x, tile_y): (i32, i32)) -> Option<usize> {
        let (x, y) = (tile_x - self.goal.0 + RADIUS, tile_y - self.goal.1 + RADIUS);
        let inside = (0..SIDE).contains(&x) && (0..SIDE).contains(&y);
        inside.then(|| usize::try_from(y * SIDE + x).ok()).flatten()
    }

    fn tile(&self, index: u16) -> (i32, i32) {
        let index = i32::from(index);
        (self.goal.0 + index % SIDE - RADIUS, self.goal.1 + index / SIDE - RADIUS)
    }
}

fn tile(at: Point) -> (i32, i32) {
    (at.x.div_euclid(Map::SUB_TILES), at.y.div_euclid(Map::SUB_TILES))
}

fn neighbours((x, y): (i32, i32)) -> [(i32, i32); 4] {
    [(x + 1, y), (x, y + 1), (x - 1, y), (x, y - 1)]
}

impl Field {
    pub(crate) fn new() -> Self {
        Self {
            wanted: false,
            known: Some(Ways { goal: (i32::MIN / 2, i32::MIN / 2), steps: Box::new([UNKNOWN; TILES]) }),
            finding: None,
            waiting: Vec::with_capacity(TILES),
            head: 0,
            spare: Some(Box::new([UNKNOWN; TILES])),
        }
    }

    /// The middle of the next tile on the way from `at`, as far as it is known; asking makes the field be kept up.
    pub(crate) fn next(&mut self, at: Point) -> Option<Point> {
        self.wanted = true;
        let ways = self.known.as_ref()?;
        let here = tile(at);
        let steps = ways.steps[ways.index(here)?];
        if steps == UNKNOWN || steps == 0 {
            return None;
        }
        let nearer = |there: &(i32, i32)| ways.index(*there).is_some_and(|index| ways.steps[index] == steps - 1);
        neighbours(here).into_iter().find(nearer).map(|(tile_x, tile_y)| tile_middle(tile_x, tile_y))
    }

    /// Finds ways for at most so many tiles; takes from `tiles_left` what it used. Nothing is done while nobody asks.
    pub(crate) fn work(&mut self, map: &Map, goal: Point, tiles_left: &mut u32) {
        if self.finding.is_none() {
            let goal = tile(goal);
            let current = self.known.as_ref().is_some_and(|known| known.goal == goal);
            if !std::mem::take(&mut self.wanted) || current {
                return;
            }
            let Some(mut steps) = self.spare.take() else { return };
            steps.fill(UNKNOWN);
            let mut ways = Ways { goal, steps };
            self.waiting.clear();
            self.head = 0;
            if let Some(middle) = ways.index(goal) {
                ways.steps[middle] = 0;
                self.waiting.push(u16::try_from(middle).unwrap_or_default());
            }
            self.finding = Some(ways);
        }
        let Some(ways) = &mut self.finding else { return };
        while *tiles_left > 0 {
            let Some(index) = self.waiting.get(self.head).copied() else { break };
            self.head += 1;
            *tiles_left -= 1;
            let steps = ways.steps[usize::from(index)];
            if steps + 1 == UNKNOWN {
                continue;
            }
            for there in neighbours(ways.tile(index)) {
                let Some(index) = ways.index(there) else { continue };
                if ways.steps[index] == UNKNOWN && !map.is_wall(there.0, there.1) && !map.is_entrance(there.0, there.1)
                {
                    ways.steps[index] = steps + 1;
                    self.waiting.push(u16::try_from(index).unwrap_or_default());
                }
            }
        }
        if self.head == self.waiting.len()
            && let Some(known) = std::mem::replace(&mut self.known, self.finding.take())
        {
            self.spare = Some(known.steps);
        }
    }

    /// Adds everything to a hash.
    pub(crate) fn hash_into(&self, hash: &mut StableHash) {
        let Self { wanted, known, finding, waiting, head, spare: _ } = self;
        hash.u8(u8::from(*wanted));
        // The ways themselves follow from the map, the goal and how far they were found.
        for Ways { goal, steps: _ } in [known, finding].into_iter().flatten() {
            hash.i32(goal.0);
            hash.i32(goal.1);
        }
        if finding.is_some() {
            hash.u64(waiting.len() as u64);
            hash.u64(*head as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, tile};
    use crate::{
        dice::Dice,
        map::{Map, TownPlan, tile_middle},
    };

    #[test]
    fn ways_lead_round_walls_and_are_found_a_few_tiles_at_a_time() {
        let plan = TownPlan { width: 24, height: 24, entrance: 8, ruins: 0, blocks: 0, stairs_distance: 4 };
        let mut map = Map::town(&plan, &mut Dice::new(1, 1));
        let goal = tile_middle(12, 12);
        // A yard around the goal that is open to the west alone.
        for (tile_x, tile_y) in (11..=13).flat_map(|x| (11..=13).map(move |y| (x, y))) {
            map.set_wall(tile_x, tile_y, (tile_x, tile_y) != (12, 12) && (tile_x, tile_y) != (11, 12));
        }
        let mut field = Field::new();
        let start = tile_middle(15, 12);
        assert_eq!(field.next(start), None, "nothing is known yet");
        let mut rounds = 0;
        while field.next(start).is_none() {
            let mut tiles_left = 20;
            field.work(&map, goal, &mut tiles_left);
            rounds += 1;
            assert!(rounds < 100, "it comes to an end");
        }
        assert!(rounds > 5, "20 tiles a round are not the whole field");
        let (mut at, mut steps) = (start, 0);
        while tile(at) != tile(goal) {
            at = field.next(at).expect("the way goes on");
            assert!(!map.is_wall(tile(at).0, tile(at).1));
            steps += 1;
        }
        assert_eq!(steps, 11, "round the yard and in by its gap");
        let mut tiles_left = 20;
        field.work(&map, goal, &mut tiles_left);
        assert_eq!(tiles_left, 20, "what is known is not found again");
    }
}
