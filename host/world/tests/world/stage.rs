//! A world with somebody in it, and the content pack with changes.

use std::{collections::VecDeque, fs, path::Path, sync::Arc};

use realm_world::{
    Class, Content, Difficulty, EntityId, EntityKind, EntityView, Event, Input, Map, PlayerSlot, Sheet, View, World,
};

/// The first player.
pub(crate) const FIRST: PlayerSlot = PlayerSlot(0);
/// The second player.
pub(crate) const SECOND: PlayerSlot = PlayerSlot(1);
/// Ticks of a minute.
pub(crate) const MINUTE_TICKS: u32 = 25 * 60;

/// The built-in pack, with the values of keys replaced: (file, key, value), in every entry of the file that has the key.
pub(crate) fn content_with(changes: &[(&str, &str, &str)]) -> Arc<Content> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let builtin = Path::new(env!("CARGO_MANIFEST_DIR")).join("content");
    for file in ["classes.toml", "monsters.toml", "npcs.toml", "world.toml", "levels.toml"] {
        let mut text = fs::read_to_string(builtin.join(file)).expect("a file of the built-in pack");
        for (_, key, value) in changes.iter().filter(|(changed, _, _)| *changed == file) {
            let changed = |line: &str| match line.split_once(" = ") {
                Some((found, _)) if found == *key => format!("{key} = {value}\n"),
                _ => format!("{line}\n"),
            };
            text = text.lines().map(changed).collect();
        }
        fs::write(folder.path().join(file), text).expect("room for a small file");
    }
    Content::load(folder.path()).expect("a sound pack")
}

/// A map without anything but its border.
pub(crate) const OPEN: [(&str, &str, &str); 2] = [("world.toml", "ruins", "0"), ("world.toml", "blocks", "0")];

/// A world, what happened last in it, and what the first player sees.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) events: Vec<Event>,
    pub(crate) view: View,
}

impl Stage {
    /// An open map with these changes to the pack; nobody has joined.
    pub(crate) fn open(difficulty: Difficulty, changes: &[(&str, &str, &str)]) -> Self {
        let changes: Vec<_> = OPEN.iter().chain(changes).copied().collect();
        let world = World::new(content_with(&changes), difficulty, 7);
        Self { world, events: Vec::new(), view: View::default() }
    }

    /// One tick.
    pub(crate) fn step(&mut self, inputs: &[Input]) -> &[Event] {
        self.events.clear();
        self.world.step(inputs, &mut self.events);
        self.world.view(FIRST, &mut self.view);
        &self.events
    }

    /// A barbarian comes in.
    pub(crate) fn join(&mut self, slot: PlayerSlot, sheet: Sheet) {
        self.step(&[Input::Join { slot, sheet }]);
    }

    /// Ticks, in which the player does what `act` says, until something happens that `found` picks; panics when it does not within the
    /// ticks given.
    pub(crate) fn until<T>(
        &mut self,
        ticks_max: u32,
        act: impl Fn(&Stage) -> Vec<Input>,
        found: impl Fn(&Event) -> Option<T>,
    ) -> T {
        for _ in 0..ticks_max {
            let inputs = act(self);
            if let Some(found) = self.step(&inputs).iter().find_map(&found) {
                return found;
            }
        }
        panic!("it did not happen within {ticks_max} ticks");
    }

    /// The nearest entity of a kind that the first player sees; a dead one does not count.
    pub(crate) fn nearest(&self, kind: EntityKind) -> Option<EntityView> {
        let alive = self.view.entities.iter().filter(|entity| entity.kind == kind && entity.life_percent > 0);
        alive.min_by_key(|entity| distance_squared(self.place(), (entity.x, entity.y))).copied()
    }

    /// Where the first player stands.
    pub(crate) fn place(&self) -> (i32, i32) {
        (self.view.own.x, self.view.own.y)
    }

    /// A step of a player towards a place.
    pub(crate) fn towards(&self, slot: PlayerSlot, (x, y): (i32, i32)) -> Input {
        let facts = self.world.facts(slot).expect("somebody plays in the slot");
        Input::Move { slot, dx: x - facts.x, dy: y - facts.y }
    }

    /// A step of the first player towards a place, round walls, by the way with the fewest tiles.
    pub(crate) fn around_walls(&self, target: (i32, i32)) -> Input {
        let map = self.world.map();
        let tile = |(x, y): (i32, i32)| (x.div_euclid(Map::SUB_TILES), y.div_euclid(Map::SUB_TILES));
        let index = |(x, y): (i32, i32)| usize::try_from(y * map.width() + x).unwrap_or_default();
        let (from, goal) = (tile(self.place()), tile(target));
        // For each tile the next one on the way, found from the goal outwards.
        let mut next_of = vec![None; index((0, map.height()))];
        next_of[index(goal)] = Some(goal);
        let mut waiting = VecDeque::from([goal]);
        while let Some(here @ (x, y)) = waiting.pop_front().filter(|_| next_of[index(from)].is_none()) {
            for there in [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)] {
                if !map.is_wall(there.0, there.1) && next_of[index(there)].is_none() {
                    next_of[index(there)] = Some(here);
                    waiting.push_back(there);
                }
            }
        }
        let next = next_of[index(from)].unwrap_or(goal);
        let middle = |tile: i32| tile * Map::SUB_TILES + Map::SUB_TILES / 2;
        self.towards(FIRST, if next == goal { target } else { (middle(next.0), middle(next.1)) })
    }

    /// What the first player does to fight: to the middle of the map, at the nearest monster, a blow whenever one is allowed.
    pub(crate) fn fight(&self) -> Vec<Input> {
        let middle = (self.world.map().width() * 16, self.world.map().height() * 16);
        match self.nearest(EntityKind::Monster) {
            Some(monster) if distance_squared(self.place(), (monster.x, monster.y)) > 40 * 40 => {
                vec![self.around_walls((monster.x, monster.y))]
            }
            Some(monster) if self.view.own.cooldown_ticks == 0 => {
                vec![Input::Attack { slot: FIRST, target: monster.id }]
            }
            Some(_) => vec![],
            None => vec![self.around_walls(middle)],
        }
    }
}

/// A newborn character of the first class.
pub(crate) fn newborn() -> Sheet {
    Sheet::newborn(Class::Barbarian, false)
}

/// The entity of an event of somebody's death.
pub(crate) fn died(event: &Event) -> Option<(EntityId, EntityId)> {
    match event {
        Event::Died { entity, killer } => Some((*entity, *killer)),
        _ => None,
    }
}

pub(crate) fn distance_squared((x, y): (i32, i32), (to_x, to_y): (i32, i32)) -> i64 {
    i64::from(to_x - x).pow(2) + i64::from(to_y - y).pow(2)
}
