//! Monsters: what one is, where they come from, and how they come again. What they do stands in `hunt.rs`.

use super::{World, effects::Effects};
use crate::{EntityId, Zone, content::MonsterRow, geometry::Point, map::Walker};

/// A monster that a player would see coming again tries elsewhere after so many ticks.
const RESPAWN_RETRY_TICKS: u32 = 25;
/// Those of a group stand at most so far apart, in tiles.
const GROUP_TILES: i32 = 2;

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
    /// It has run away once and does not do so again.
    pub(super) fled: bool,
    pub(super) cooldown_ticks: u32,
    pub(super) swing_ticks: u32,
    pub(super) stride_ticks: u32,
    pub(super) detour: Option<Detour>,
    pub(super) effects: Effects,
}

/// What a monster is up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// Stands and looks around.
    Rest,
    /// Walks about its home, to this place, since so many ticks.
    Patrol(Point, u32),
    /// Follows a player or a companion.
    Hunt(EntityId),
    /// Runs away from it, for so many ticks.
    Flee(EntityId, u32),
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

    /// Whether it minds nobody yet.
    pub(super) fn is_unaware(&self) -> bool {
        matches!(self.mood, Mood::Rest | Mood::Patrol(..) | Mood::Return(_))
    }

    pub(super) fn die(&mut self) {
        self.life = 0;
        self.mood = Mood::Dead(0);
        self.swing_ticks = 0;
        self.stride_ticks = 0;
        self.detour = None;
        self.effects.clear();
    }

    pub(super) fn pass_time(&mut self) {
        self.cooldown_ticks = self.cooldown_ticks.saturating_sub(1);
        self.swing_ticks = self.swing_ticks.saturating_sub(1);
        self.stride_ticks = self.stride_ticks.saturating_sub(1);
        self.effects.pass_time();
        match &mut self.mood {
            Mood::Return(ticks) | Mood::Dead(ticks) | Mood::Patrol(_, ticks) => *ticks = ticks.saturating_add(1),
            Mood::Flee(_, ticks) => *ticks = ticks.saturating_sub(1),
            Mood::Rest | Mood::Hunt(_) => {}
        }
    }
}

impl World {
    /// Fills every place of a monster, group by group.
    pub(super) fn place_monsters(&mut self) {
        let count = usize::try_from(self.content.rules.monsters_count).unwrap_or_default();
        self.monsters.reserve_exact(count);
        while self.monsters.len() < count {
            let at = self.maps[Zone::Dungeon as usize].free_place(self.content.rules.entrance_distance, &mut self.dice);
            let row = self.random_row(self.map(Zone::Dungeon).entrance_distance(at));
            let kind = &self.kinds[usize::from(row)];
            let size = self.dice.between(kind.group_min, kind.group_max);
            for number in 0..size {
                if self.monsters.len() < count {
                    let at = if number == 0 { at } else { self.place_near(at, GROUP_TILES) };
                    let monster = self.new_monster(at, row);
                    self.monsters.push(monster);
                }
            }
        }
    }

    /// Somewhere at most so many tiles away and in sight, where a monster may stand; here when chance finds nothing.
    pub(super) fn place_near(&mut self, at: Point, tiles: i32) -> Point {
        let far = tiles * crate::Map::SUB_TILES;
        let (dx, dy) = (self.dice.between(-far, far), self.dice.between(-far, far));
        let there = Point { x: at.x + dx, y: at.y + dy };
        let map = self.map(Zone::Dungeon);
        if map.is_closed(Walker::Monster, there) || !map.sees(at, there) { at } else { there }
    }

    pub(super) fn come_again(&mut self, index: usize, since: u32) {
        let respawn_ticks = self.content.rules.respawn_ticks;
        if since < respawn_ticks || !(since - respawn_ticks).is_multiple_of(RESPAWN_RETRY_TICKS) {
            return;
        }
        let at = self.maps[Zone::Dungeon as usize].free_place(self.content.rules.entrance_distance, &mut self.dice);
        let vision = self.content.rules.vision;
        let below = self.players.iter().flatten().filter(|player| player.zone == Zone::Dungeon);
        let would_be_seen = below.into_iter().any(|player| player.at.within(at, vision));
        // In a small dungeon everything may be in somebody's view: after a second respawn time it comes all the same.
        if !would_be_seen || since / 2 >= respawn_ticks {
            let row = self.random_row(self.map(Zone::Dungeon).entrance_distance(at));
            self.monsters[index] = self.new_monster(at, row);
        }
    }

    fn new_monster(&mut self, at: Point, row: u8) -> Monster {
        Monster {
            entity: self.next_entity(),
            row,
            at,
            home: at,
            facing: u8::try_from(self.dice.below(8)).unwrap_or_default(),
            life: self.kinds[usize::from(row)].life,
            mood: Mood::Rest,
            fled: false,
            cooldown_ticks: 0,
            swing_ticks: 0,
            stride_ticks: 0,
            detour: None,
            effects: Effects::default(),
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
