//! One game: who is in it, and what a tick does to them.
//!
//! A step has six phases: 1. the inputs, in the order given, 2. the companions, 3. the monsters, in the order of their places, and the ways
//! that they ask for, 4. the missiles, 5. what lasts and what acts all around, 6. time.

mod acts;
mod combat;
mod companion;
mod drops;
mod effects;
mod facts;
mod fingerprint;
mod hunt;
mod missile;
mod monster;
mod player;
mod progress;
mod skills;
mod treasure;
mod view;

pub(crate) use companion::COMPANIONS_ALL_MAX;
pub(crate) use drops::DROPS_MAX;
pub use facts::{Facts, SkillFacts};
pub(crate) use missile::MISSILES_MAX;
pub use view::{Action, EntityKind, EntityView, OwnView, View};

use std::sync::Arc;

use crate::{
    Content, Difficulty, EntityId, Event, Input, Map, PLAYERS_MAX, PlayerSlot, Sheet, Zone,
    content::{MonsterRow, Percentages},
    dice::Dice,
    geometry::Point,
    items::{Ground, ItemHandle, LYING_MAX},
    map::Field,
};
use companion::Companion;
use drops::Drop;
use missile::Missile;
use monster::Monster;
use player::Player;

/// One game.
#[derive(Debug, Clone)]
pub struct World {
    content: Arc<Content>,
    difficulty: Difficulty,
    /// The monsters of the pack in this difficulty, by row.
    kinds: Vec<MonsterRow>,
    /// By zone.
    maps: [Map; Zone::ALL.len()],
    /// The stairs of each zone, to the other one.
    stairs: [EntityId; Zone::ALL.len()],
    dice: Dice,
    /// Of the seeds of treasure, so that what is found does not change how fights go.
    loot_dice: Dice,
    tick: u32,
    entity_last: EntityId,
    players: [Option<Player>; PLAYERS_MAX],
    /// All of them in the dungeon.
    monsters: Vec<Monster>,
    /// All of them in the town.
    npcs: Vec<Npc>,
    companions: Vec<Companion>,
    missiles: Vec<Missile>,
    /// By age, the oldest first.
    drops: Vec<Drop>,
    /// Items and gold that can be owned.
    ground: Ground,
    /// What has vanished in a tick; kept for its memory alone.
    gone: Vec<ItemHandle>,
    /// The ways to each player, for the monsters that hunt it.
    fields: [Field; PLAYERS_MAX],
}

/// What a player's equipment has gone through since it came in. Who stores what is worn makes wear of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Strain {
    /// Blows and shots with the weapon that have landed.
    pub dealt: u32,
    /// Blows and shots of others that have landed, blocked ones among them.
    pub suffered: u32,
}

/// One who lives in the town and never moves.
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
        let town = Map::town(&content.rules.town, &mut Dice::new(seed, 1));
        let dungeon = Map::dungeon(&content.rules.dungeon, &mut Dice::new(seed, 3));
        let percentages = content.rules.percentages(difficulty);
        let kinds = content.monsters.iter().map(|monster| monster.row.scaled(percentages)).collect();
        let mut world = World {
            difficulty,
            kinds,
            maps: [town, dungeon],
            stairs: [0; Zone::ALL.len()],
            dice: Dice::new(seed, 2),
            loot_dice: Dice::new(seed, 4),
            tick: 0,
            entity_last: 0,
            players: [const { None }; PLAYERS_MAX],
            monsters: Vec::new(),
            npcs: Vec::new(),
            companions: Vec::with_capacity(COMPANIONS_ALL_MAX),
            missiles: Vec::with_capacity(MISSILES_MAX),
            drops: Vec::with_capacity(DROPS_MAX),
            ground: Ground::roomy(),
            gone: Vec::with_capacity(LYING_MAX),
            fields: std::array::from_fn(|_| Field::new()),
            content,
        };
        world.place_npcs();
        world.stairs = Zone::ALL.map(|_| world.next_entity());
        world.place_monsters();
        world
    }

    /// Ticks done so far.
    #[must_use]
    pub fn tick(&self) -> u32 {
        self.tick
    }

    /// A level of the world.
    #[must_use]
    pub fn map(&self, zone: Zone) -> &Map {
        &self.maps[zone as usize]
    }

    /// The stairs of a level, and where they are, in sub-tiles.
    #[must_use]
    pub fn stairs(&self, zone: Zone) -> (EntityId, (i32, i32)) {
        let at = self.map(zone).stairs();
        (self.stairs[zone as usize], (at.x, at.y))
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
        self.run_companions(events);
        for index in 0..self.monsters.len() {
            self.run_monster(index, events);
        }
        self.find_ways();
        self.fly(events);
        self.pulse_effects(events);
        self.pulse_auras(events);
        self.pass_time(events);
    }

    /// The character as it is now, to be saved; `None` when nobody plays in this slot.
    #[must_use]
    pub fn sheet(&self, slot: PlayerSlot) -> Option<Sheet> {
        self.player(slot).map(|player| player.sheet)
    }

    /// What the player's equipment has gone through since it came in; `None` when nobody plays in this slot.
    #[must_use]
    pub fn strain(&self, slot: PlayerSlot) -> Option<Strain> {
        self.player(slot).map(|player| player.strain)
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

    /// The type of a monster, dead or alive, as the content pack names it; `None` when the entity is none.
    #[must_use]
    pub fn monster_kind(&self, entity: EntityId) -> Option<&str> {
        let monster = self.monsters.iter().find(|monster| monster.entity == entity)?;
        Some(&self.content.monsters.get(usize::from(monster.row))?.name)
    }

    /// Where an entity is, in sub-tiles of its level; the dead lie where they died as long as they are seen.
    #[must_use]
    pub fn position(&self, entity: EntityId) -> Option<(Zone, i32, i32)> {
        let corpse_ticks = self.content.rules.corpse_ticks;
        let players = self.players.iter().flatten().map(|player| (player.entity, player.zone, player.at));
        let monsters = self.monsters.iter().filter(|monster| monster.is_seen(corpse_ticks));
        let monsters = monsters.map(|monster| (monster.entity, Zone::Dungeon, monster.at));
        let npcs = self.npcs.iter().map(|npc| (npc.entity, Zone::Town, npc.at));
        let stairs = Zone::ALL.into_iter().map(|zone| (self.stairs[zone as usize], zone, self.map(zone).stairs()));
        let drops = self.drops.iter().map(|drop| (drop.entity, drop.zone, drop.at));
        let companions = self.companions.iter().map(|companion| (companion.entity, companion.zone, companion.at));
        let missiles = self.missiles.iter().map(|missile| (missile.entity, missile.zone, missile.at));
        let lying = self.ground.seen().map(|lying| (lying.entity, lying.zone, Point { x: lying.x, y: lying.y }));
        let all = players.chain(monsters).chain(npcs).chain(stairs).chain(drops).chain(companions).chain(missiles);
        let mut all = all.chain(lying).filter(|(other, _, _)| *other == entity);
        all.next().map(|(_, zone, at)| (zone, at.x, at.y))
    }

    fn player(&self, slot: PlayerSlot) -> Option<&Player> {
        self.players.get(usize::from(slot.0))?.as_ref()
    }

    fn player_mut(&mut self, slot: PlayerSlot) -> Option<&mut Player> {
        self.players.get_mut(usize::from(slot.0))?.as_mut()
    }

    fn percentages(&self) -> &Percentages {
        self.content.rules.percentages(self.difficulty)
    }

    fn place_npcs(&mut self) {
        let content = Arc::clone(&self.content);
        let middle = self.map(Zone::Town).entrance_middle();
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
                || self.npcs.iter().any(|npc| npc.entity == entity)
                || self.stairs.contains(&entity)
                || self.companions.iter().any(|companion| companion.entity == entity)
                || self.missiles.iter().any(|missile| missile.entity == entity)
                || self.drops.iter().any(|drop| drop.entity == entity)
                || self.ground.all().iter().any(|lying| lying.entity == entity || lying.layer == Some(entity));
            // There are far fewer entities than numbers (ENTITIES_MAX), so this comes to an end.
            if !taken {
                return entity;
            }
        }
    }

    /// Everything that only waits for time to pass.
    fn pass_time(&mut self, events: &mut Vec<Event>) {
        let mana_ticks = self.content.rules.mana_ticks;
        for player in self.players.iter_mut().flatten() {
            player.pass_time(mana_ticks);
        }
        for monster in &mut self.monsters {
            monster.pass_time();
        }
        for companion in &mut self.companions {
            companion.pass_time();
        }
        self.drops.retain_mut(|drop| {
            drop.ticks_left = drop.ticks_left.saturating_sub(1);
            drop.ticks_left > 0
        });
        self.ground.pass_time(&mut self.gone);
        events.extend(self.gone.drain(..).map(|handle| Event::Vanished { handle }));
    }
}
