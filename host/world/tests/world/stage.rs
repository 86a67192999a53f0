//! A world with somebody in it, and the content pack with changes.

use std::{cell::Cell, fs, path::Path, sync::Arc};

use realm_world::{
    Class, Content, Difficulty, EntityId, EntityKind, EntityView, Event, Input, Map, PlayerSlot, Sheet, View, World,
    Zone,
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
    for entry in fs::read_dir(builtin).expect("the built-in pack") {
        let file = entry.expect("a file of the built-in pack");
        let mut text = fs::read_to_string(file.path()).expect("a file of the built-in pack");
        let file = file.file_name();
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

/// Characters come in where the monsters are.
pub(crate) const BELOW: (&str, &str, &str) = ("world.toml", "begin", "\"dungeon\"");
/// The same, and levels without anything but their borders.
pub(crate) const OPEN: [(&str, &str, &str); 5] = [
    BELOW,
    ("world.toml", "ruins", "0"),
    ("world.toml", "blocks", "0"),
    ("world.toml", "rooms", "0"),
    ("world.toml", "pillars", "0"),
];

/// A world, what happened last in it, and what the first player sees.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) events: Vec<Event>,
    pub(crate) view: View,
    /// The monster that the first player goes after, and where it saw it last.
    pub(crate) goal: Cell<Option<(EntityId, (i32, i32))>>,
}

impl Stage {
    /// An open dungeon with these changes to the pack; nobody has joined.
    pub(crate) fn open(difficulty: Difficulty, changes: &[(&str, &str, &str)]) -> Self {
        let changes: Vec<_> = OPEN.iter().chain(changes).copied().collect();
        let world = World::new(content_with(&changes), difficulty, 7);
        Self::of(world)
    }

    /// This world; nobody has joined.
    pub(crate) fn of(world: World) -> Self {
        Self { world, events: Vec::new(), view: View::default(), goal: Cell::new(None) }
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
        let nearest = self.nearest(EntityKind::Monster);
        panic!("it did not happen within {ticks_max} ticks: {:?}, nearest {nearest:?}", self.view.own);
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

    /// The level where the first player is.
    pub(crate) fn map(&self) -> &Map {
        self.world.map(self.view.own.zone)
    }

    /// What the first player does to go up or down the stairs.
    pub(crate) fn to_stairs(&self) -> Vec<Input> {
        let (target, place) = self.world.stairs(self.view.own.zone);
        match distance_squared(self.place(), place) {
            ..=3_600 => vec![Input::Interact { slot: FIRST, target }],
            _ => vec![self.around_walls(place)],
        }
    }

    /// The first player goes up or down the stairs.
    pub(crate) fn take_stairs(&mut self) {
        let zone = self.view.own.zone;
        for _ in 0..MINUTE_TICKS {
            let inputs = self.to_stairs();
            self.step(&inputs);
            if self.view.own.zone != zone {
                return;
            }
        }
        panic!("the stairs of {zone:?} were not reached");
    }

    /// A step of the first player towards a place, round walls, by the way with the fewest tiles.
    pub(crate) fn around_walls(&self, target: (i32, i32)) -> Input {
        let facts = self.world.facts(FIRST).expect("somebody plays in the slot");
        let ways = self.map().ways_from((facts.x, facts.y));
        let (dx, dy) = ways.step((facts.x, facts.y), target, facts.step_max).expect("a way leads everywhere");
        Input::Move { slot: FIRST, dx, dy }
    }

    /// Where to look for monsters at this tick: a free place near the middle of the map, or of one of its quarters.
    fn search_place(&self) -> (i32, i32) {
        let map = self.map();
        let eighths = [(4, 4), (2, 2), (6, 2), (6, 6), (2, 6)];
        let (across, down) = eighths[usize::try_from(self.world.tick() / 250).unwrap_or_default() % eighths.len()];
        let (x, y) = (map.width() * across / 8, map.height() * down / 8);
        let tiles = (0..map.height()).flat_map(|tile_y| (0..map.width()).map(move |tile_x| (tile_x, tile_y)));
        let free = tiles.filter(|(tile_x, tile_y)| !map.is_wall(*tile_x, *tile_y));
        let (tile_x, tile_y) = free.min_by_key(|tile| distance_squared(*tile, (x, y))).expect("a map has free tiles");
        let middle = |tile: i32| tile * Map::SUB_TILES + Map::SUB_TILES / 2;
        (middle(tile_x), middle(tile_y))
    }

    /// What the first player does to fight: down the stairs, after one monster until it is dead or out of sight where it was seen last, with a blow whenever
    /// one is allowed; without one, to the middle of the map, and from there to one quarter after the other.
    pub(crate) fn fight(&self) -> Vec<Input> {
        const NEAR: i64 = 40 * 40;
        if self.view.own.zone == Zone::Town {
            return self.to_stairs();
        }
        let alive = |id| self.view.entities.iter().find(|one| one.id == id && one.life_percent > 0);
        let nearest = self.nearest(EntityKind::Monster);
        if let Some(monster) = nearest.filter(|one| distance_squared(self.place(), (one.x, one.y)) <= NEAR) {
            self.goal.set(Some((monster.id, (monster.x, monster.y))));
            let ready = self.view.own.cooldown_ticks == 0;
            return if ready { vec![Input::Attack { slot: FIRST, target: monster.id }] } else { vec![] };
        }
        let goal = match self.goal.get() {
            Some((id, seen)) => match alive(id) {
                Some(monster) => Some((id, (monster.x, monster.y))),
                None => Some((id, seen)).filter(|_| distance_squared(self.place(), seen) > NEAR),
            },
            None => nearest.map(|monster| (monster.id, (monster.x, monster.y))),
        };
        self.goal.set(goal);
        vec![self.around_walls(goal.map_or_else(|| self.search_place(), |(_, place)| place))]
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
