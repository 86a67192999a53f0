//! One game: who is in it, and what a tick does to them.
//!
//! A step has three phases: 1. the inputs, in the order given, 2. the monsters, in the order of their places, 3. time.

mod acts;
mod combat;
mod fingerprint;
mod monster;
mod player;
mod progress;
mod view;

pub use view::{Action, EntityKind, EntityView, Facts, OwnView, View};

use std::sync::Arc;

use crate::{
    Content, Difficulty, EntityId, Event, Input, Map, PLAYERS_MAX, PlayerSlot, Sheet,
    content::{MonsterRow, Percentages},
    dice::Dice,
    geometry::Point,
};
use monster::Monster;
use player::Player;

/// One game.
#[derive(Debug, Clone)]
pub struct World {
    content: Arc<Content>,
    difficulty: Difficulty,
    /// The monsters of the pack in this difficulty, by row.
    kinds: Vec<MonsterRow>,
    map: Map,
    dice: Dice,
    tick: u32,
    entity_last: EntityId,
    players: [Option<Player>; PLAYERS_MAX],
    monsters: Vec<Monster>,
    npcs: Vec<Npc>,
}

/// One who lives at the entrance and never moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Npc {
    entity: EntityId,
    row: u8,
    at: Point,
}

impl World {
    /// A game at tick 0, with its monsters in place and nobody playing.
    #[must_use]
    pub fn new(content: Arc<Content>, difficulty: Difficulty, seed: u64) -> World {
        let map = Map::generate(&content.rules.map, &mut Dice::new(seed, 1));
        let percentages = content.rules.percentages(difficulty);
        let kinds = content.monsters.iter().map(|monster| monster.row.scaled(percentages)).collect();
        let mut world = World {
            difficulty,
            kinds,
            map,
            dice: Dice::new(seed, 2),
            tick: 0,
            entity_last: 0,
            players: [const { None }; PLAYERS_MAX],
            monsters: Vec::new(),
            npcs: Vec::new(),
            content,
        };
        world.place_npcs();
        world.place_monsters();
        world
    }

    /// Ticks done so far.
    #[must_use]
    pub fn tick(&self) -> u32 {
        self.tick
    }

    /// The place.
    #[must_use]
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// The pack that this game is made of.
    #[must_use]
    pub fn content(&self) -> &Arc<Content> {
        &self.content
    }

    /// How hard this game is.
    #[must_use]
    pub fn difficulty(&self) -> Difficulty {
        self.difficulty
    }

    /// One tick of [`TICK_MS`](crate::TICK_MS): applies the inputs in their order and appends what happened to `events`. The caller bounds
    /// the number of inputs; each costs a bounded amount of work and gives at most a few events.
    pub fn step(&mut self, inputs: &[Input], events: &mut Vec<Event>) {
        self.tick = self.tick.wrapping_add(1);
        for (index, input) in inputs.iter().enumerate() {
            self.apply(index, input, events);
        }
        for index in 0..self.monsters.len() {
            self.run_monster(index, events);
        }
        self.pass_time();
    }

    /// The character as it is now, to be saved; `None` when nobody plays in this slot.
    #[must_use]
    pub fn sheet(&self, slot: PlayerSlot) -> Option<Sheet> {
        self.player(slot).map(|player| player.sheet)
    }

    /// Who plays in this slot.
    #[must_use]
    pub fn entity_of(&self, slot: PlayerSlot) -> Option<EntityId> {
        self.player(slot).map(|player| player.entity)
    }

    /// In which slot this entity plays; `None` when it is no player.
    #[must_use]
    pub fn slot_of(&self, entity: EntityId) -> Option<PlayerSlot> {
        (0u8..)
            .zip(&self.players)
            .find(|(_, player)| player.as_ref().is_some_and(|player| player.entity == entity))
            .map(|(slot, _)| PlayerSlot(slot))
    }

    /// Where an entity stands, in sub-tiles; the dead lie where they died as long as they are seen.
    #[must_use]
    pub fn position(&self, entity: EntityId) -> Option<(i32, i32)> {
        let players = self.players.iter().flatten().map(|player| (player.entity, player.at));
        let corpse_ticks = self.content.rules.corpse_ticks;
        let monsters = self.monsters.iter().filter(|monster| monster.is_seen(corpse_ticks));
        let monsters = monsters.map(|monster| (monster.entity, monster.at));
        let npcs = self.npcs.iter().map(|npc| (npc.entity, npc.at));
        players.chain(monsters).chain(npcs).find(|(other, _)| *other == entity).map(|(_, at)| (at.x, at.y))
    }

    fn player(&self, slot: PlayerSlot) -> Option<&Player> {
        self.players.get(usize::from(slot.0))?.as_ref()
    }

    fn percentages(&self) -> &Percentages {
        self.content.rules.percentages(self.difficulty)
    }

    fn place_npcs(&mut self) {
        let content = Arc::clone(&self.content);
        let middle = self.map.entrance_middle();
        for (row, npc) in (0u8..).zip(&content.npcs) {
            let at =
                Point { x: middle.x + npc.row.tile_x * Map::SUB_TILES, y: middle.y + npc.row.tile_y * Map::SUB_TILES };
            let entity = self.next_entity();
            self.npcs.push(Npc { entity, row, at });
        }
    }

    /// The next number that nobody bears. Numbers go round only after all have been given.
    fn next_entity(&mut self) -> EntityId {
        loop {
            self.entity_last = self.entity_last.checked_add(1).unwrap_or(1);
            let entity = self.entity_last;
            let taken = self.players.iter().flatten().any(|player| player.entity == entity)
                || self.monsters.iter().any(|monster| monster.entity == entity)
                || self.npcs.iter().any(|npc| npc.entity == entity);
            // There are far fewer entities than numbers (ENTITIES_MAX), so this comes to an end.
            if !taken {
                return entity;
            }
        }
    }

    /// Everything that only waits for time to pass.
    fn pass_time(&mut self) {
        for player in self.players.iter_mut().flatten() {
            player.pass_time();
        }
        for monster in &mut self.monsters {
            monster.pass_time();
        }
    }
}
