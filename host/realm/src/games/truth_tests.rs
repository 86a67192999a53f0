//! A checker with the server's truth: whatever a game offers to its links is read and held against the world, over thousands of
//! ticks of players who walk, fight, die and come back. Nobody is told of anything beyond its sight, of the seed, or of another's sheet.

use std::collections::{BTreeMap, BTreeSet};

use realm_protocol::{
    ServerMessage, Snapshot, proto,
    proto::game_event::Kind,
    snapshot::{EntityKind, EntityState},
};
use realm_world::{
    Attributes, Class, Difficulty, Input, Map, PlayerSlot, Sheet, World, Zone,
    items::{ItemHandle, Look, Loot},
};

use super::{
    keeper::Errand,
    testing::{Client, Table, hall},
};

const PLAYERS: u8 = 8;
const SEED: u64 = 0x1dea_5eed_0b5c_0de5;
/// A number of each player's sheet that nobody has any business to know.
const SECRET: u32 = 3_141_592_600;

/// A place on a level.
type Spot = (Zone, i32, i32);

/// Whether one who plays in `slot` may know of what is at `at`: the rule once more, by other means than the world's own.
fn may_see(world: &World, slot: PlayerSlot, (zone, x, y): Spot) -> bool {
    let (facts, at) = (world.facts(slot).unwrap(), (x, y));
    let map = world.map(zone);
    let (dx, dy) = (f64::from(at.0 - facts.x), f64::from(at.1 - facts.y));
    let tile = |(x, y): (i32, i32)| (x / Map::SUB_TILES, y / Map::SUB_TILES);
    let (eye, at) = (tile((facts.x, facts.y)), tile(at));
    let beside = (eye.0 - at.0).abs() <= 1 && (eye.1 - at.1).abs() <= 1;
    let clear = || line_is_clear(map, eye, at) || line_is_clear(map, at, eye);
    zone == facts.zone && dx.hypot(dy) <= f64::from(facts.vision) && (beside || clear())
}

/// Whether no wall stands on the line between two tiles, drawn from the first: at each step along the longer side it is on the tile
/// that is nearest to the true line, the one nearer to the start where two are, and it does not pass between two walls that touch.
fn line_is_clear(map: &Map, from: (i32, i32), to: (i32, i32)) -> bool {
    let (wide, high) = ((to.0 - from.0).abs(), (to.1 - from.1).abs());
    let steps = wide.max(high);
    let along = |step: i32, side: i32| (2 * step * side + steps - 1) / (2 * steps);
    let on = |step: i32| {
        let x = from.0 + along(step, wide) * (to.0 - from.0).signum();
        (x, from.1 + along(step, high) * (to.1 - from.1).signum())
    };
    (1..=steps).all(|step| {
        let ((x, y), (before_x, before_y)) = (on(step), on(step - 1));
        let pinched = x != before_x && y != before_y && map.is_wall(x, before_y) && map.is_wall(before_x, y);
        !pinched && (step == steps || !map.is_wall(x, y))
    })
}

/// Throws of the tests' own.
struct Throws(u64);

impl Throws {
    fn below(&mut self, sides: u32) -> u32 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        u32::try_from(self.0 >> 33).unwrap() % sides
    }
}

/// A player who knows no more than its client does.
struct Bot {
    slot: PlayerSlot,
    client: Client,
    throws: Throws,
    way: (i32, i32),
}

impl Bot {
    fn act(&mut self) {
        let Some(now) = self.client.history.back().cloned() else { return };
        let acknowledged_tick = now.tick;
        if self.throws.below(25) == 0 {
            let mut wish = || i32::try_from(self.throws.below(13)).unwrap() - 6;
            self.way = (wish(), wish());
        }
        if now.own.life == 0 {
            if self.throws.below(40) == 0 {
                self.client.input += 1;
                let input = self.client.input;
                self.client.send(proto::Respawn { input, acknowledged_tick });
            }
            return;
        }
        if self.throws.below(6) == 0 {
            // Somebody in sight, or a number nobody told it.
            let seen = now.entities.len();
            let target = match self.throws.below(4) {
                0 => self.throws.below(300),
                _ => now.entities[self.throws.below(u32::try_from(seen).unwrap()) as usize].id.into(),
            };
            self.client.input += 1;
            let input = self.client.input;
            self.client.send(proto::PlayerAttack { input, acknowledged_tick, target });
        }
        let lies = |one: &&EntityState| matches!(one.kind, EntityKind::Treasure | EntityKind::Gold);
        if let Some(thing) = now.entities.iter().find(lies).filter(|_| self.throws.below(4) == 0) {
            self.client.input += 1;
            let (input, target) = (self.client.input, thing.id.into());
            self.client.send(proto::PickUp { input, acknowledged_tick, target, drink: false });
        }
        if self.throws.below(10) == 0 {
            let entity = now.entities[self.throws.below(u32::try_from(now.entities.len()).unwrap()) as usize];
            let target = if self.throws.below(2) == 0 { 0 } else { entity.id.into() };
            self.client.input += 1;
            let (input, skill) = (self.client.input, self.throws.below(4));
            let (x, y) = (i32::from(entity.x), i32::from(entity.y));
            self.client.send(proto::SkillUse { input, acknowledged_tick, skill, target, x, y });
        }
        // Now and then a step that nobody may make.
        let factor = if self.throws.below(200) == 0 { 40 } else { 1 };
        self.client.step(self.way.0 * factor, self.way.1 * factor);
    }
}

fn sheet(slot: u8) -> Sheet {
    let attributes = Attributes { energy: SECRET + u32::from(slot), vitality: 400, ..Attributes::default() };
    Sheet { attributes, level: 8, ..Sheet::newborn(Class::ALL[usize::from(slot % 7)], false) }
}

/// Every way in which a number could be written into bytes.
fn spellings(number: u64, bytes: usize) -> Vec<Vec<u8>> {
    let little = number.to_le_bytes()[..bytes].to_vec();
    let big = little.iter().rev().copied().collect();
    let (mut rest, mut varint) = (number, Vec::new());
    while rest >= 0x80 {
        varint.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    varint.push(rest.to_le_bytes()[0]);
    vec![little, big, varint]
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// One who keeps what lies on the ground as a game's keeper does, with numbers and seeds that nobody has any business to know.
struct Keeping {
    throws: Throws,
    taken: Vec<ItemHandle>,
    /// What everybody may know of a thing, by its number.
    looks: BTreeMap<ItemHandle, Look>,
    seeds: Vec<u64>,
}

/// The first number of a thing.
const NUMBERS: u64 = 0x5eed_0000_7777_0000;

impl Keeping {
    /// Does the errands of a tick, and answers about what was taken some ticks ago.
    fn run(&mut self, table: &mut Table) {
        while let Ok(errand) = table.errands.try_recv() {
            match errand {
                Errand::Open { hoard, x, y, .. } => {
                    self.seeds.push(hoard.seed);
                    for loot in hoard.open(table.game.world().content(), Difficulty::Normal) {
                        let look = match loot {
                            Loot::Gold(amount) => Look::gold(amount.into()),
                            Loot::Item(item) => {
                                let base = table.game.world().content().items().base_number(&item.base).unwrap();
                                Look::Item { base, quality: item.quality }
                            }
                        };
                        let handle = ItemHandle(NUMBERS + self.looks.len() as u64);
                        self.looks.insert(handle, look);
                        let lay = Input::Lay { handle, look, layer: 0, zone: Zone::Dungeon, x, y };
                        table.hear(Some(lay), None);
                    }
                }
                Errand::Take { handle, .. } => self.taken.push(handle),
                // What is used leads home.
                Errand::Use { finder, .. } => table.game.recall(finder.character, finder.epoch),
                Errand::Lay { .. } | Errand::Forget { .. } | Errand::Deal { .. } | Errand::Wear { .. } => {}
            }
        }
        if self.throws.below(8) == 0
            && let Some(handle) = self.taken.pop()
        {
            let back = self.throws.below(2) == 0;
            table.hear(Some(if back { Input::GiveBack { handle } } else { Input::Confirm { handle } }), None);
        }
    }
}

/// What a snapshot shows is there, within sight and complete; what it says of oneself is true.
fn check_snapshot(world: &World, there: &[(u16, Spot)], slot: PlayerSlot, told: &Snapshot) {
    assert_eq!(told.tick, world.tick());
    for entity in &told.entities {
        let at = world.position(entity.id).expect("only what is there is shown");
        assert_eq!((i32::from(entity.x), i32::from(entity.y)), (at.1, at.2), "where it is");
        assert!(may_see(world, slot, at), "tick {}: {} is out of sight", told.tick, entity.id);
        if let Some(base) = entity.base() {
            assert!(usize::from(base) < world.content().items().bases().len() && entity.effects < 6, "{entity:?}");
        }
    }
    for (entity, at) in there.iter().filter(|(entity, _)| told.entity(*entity).is_none()) {
        assert!(!may_see(world, slot, *at), "tick {}: {entity} is in sight and left out", told.tick);
    }
    let (facts, sheet) = (world.facts(slot).unwrap(), world.sheet(slot).unwrap());
    assert_eq!((told.own.entity, told.own.experience), (facts.entity, sheet.experience));
    assert_eq!(i32::from(told.own.life), facts.life.min(0xFFFF));
    assert_eq!(u32::from(told.own.level), sheet.level);
}

/// Who an event is about.
fn concerned(kind: &Kind) -> Vec<u32> {
    match kind {
        Kind::Damage(damage) => vec![damage.source, damage.target],
        Kind::Died(died) => vec![died.entity, died.killer],
        Kind::LevelUp(level_up) => vec![level_up.entity],
        Kind::Healed(healed) => vec![healed.entity],
        Kind::Respawned(respawned) => vec![respawned.entity],
        Kind::SkillUsed(used) => vec![used.entity],
        _ => Vec::new(),
    }
}

#[test]
fn no_frame_tells_a_player_what_it_may_not_know() {
    let ticks = if std::env::var_os("REALM_TEST_LONG").is_some() { 100_000 } else { 3_000 };
    let mut table = Table::new(World::new(hall(), Difficulty::Normal, SEED), None);
    let mut bots: Vec<Bot> = (0..PLAYERS)
        .map(|slot| {
            let client = Client::new();
            table.seat(slot, Some(sheet(slot)), client.link.clone());
            Bot { slot: PlayerSlot(slot), client, throws: Throws(slot.into()), way: (5, 3) }
        })
        .collect();
    let mut secrets = spellings(SEED, 8);
    secrets.extend(spellings(SEED >> 32, 4).into_iter().chain(spellings(SEED & 0xFFFF_FFFF, 4)));
    (0..PLAYERS).for_each(|slot| secrets.extend(spellings((SECRET + u32::from(slot)).into(), 4)));
    let mut there: Vec<(u16, Spot)> = Vec::new();
    secrets.extend(spellings(NUMBERS >> 16, 6));
    let mut keeping = Keeping { throws: Throws(77), taken: Vec::new(), looks: BTreeMap::new(), seeds: Vec::new() };
    let (mut shown, mut hidden, mut happened) = (0_u64, 0_u64, 0_u64);
    let mut lying = 0_u64;
    for _ in 0..ticks {
        table.tick(1);
        keeping.run(&mut table);
        let world = table.game.world();
        // Numbers rise with every missile and potion; those of the last few minutes are the ones that are borne.
        let newest = there.last().map_or(200, |(entity, _): &(u16, Spot)| entity + 100);
        there = (0..newest).filter_map(|entity| world.position(entity).map(|at| (entity, at))).collect();
        for bot in &mut bots {
            let seen_before: BTreeSet<u32> = seen(&bot.client);
            let frames = bot.client.link.read_all();
            let mut events = Vec::new();
            for (identifier, payload) in &frames {
                for secret in &secrets {
                    assert!(!contains(payload, secret), "a secret in a frame of kind {identifier:#x}");
                }
                for seed in keeping.seeds.iter().rev().take(4) {
                    assert!(
                        !contains(payload, &seed.to_le_bytes()) && !contains(payload, &seed.to_be_bytes()),
                        "a hoard's seed"
                    );
                }
                if let Some(ServerMessage::GameEvents(told)) = bot.client.read(*identifier, payload) {
                    assert_eq!(told.tick, world.tick());
                    events.extend(told.events.into_iter().filter_map(|event| event.kind));
                }
            }
            let told = bot.client.history.back().unwrap();
            check_snapshot(world, &there, bot.slot, told);
            let seen_now = seen(&bot.client);
            for kind in &events {
                happened += 1;
                let about = concerned(kind);
                let known = about.iter().any(|entity| seen_now.contains(entity) || seen_before.contains(entity));
                assert!(about.is_empty() || known, "tick {}: {kind:?} is out of sight", told.tick);
                if let Kind::Experience(experience) = kind {
                    assert!(experience.total <= told.own.experience, "another's experience");
                }
            }
            shown += told.entities.len() as u64;
            lying += told.entities.iter().filter(|one| one.base().is_some()).count() as u64;
            hidden += (there.len() - told.entities.len()) as u64;
            // Memory of what a real client forgets.
            while bot.client.history.len() > 40 {
                bot.client.history.pop_front();
            }
            bot.act();
        }
    }
    println!("{shown} entities shown ({lying} of them items), {hidden} kept back, {happened} events in {ticks} ticks");
    assert!(lying > 100 && keeping.looks.len() > 5, "{lying} items shown of {}", keeping.looks.len());
    assert!(shown > 10_000 && hidden > 10_000 && happened > 100, "{shown} shown, {hidden} hidden, {happened} events");
}

/// Whom the newest snapshot shows.
fn seen(client: &Client) -> BTreeSet<u32> {
    client.history.back().into_iter().flat_map(|now| &now.entities).map(|entity| entity.id.into()).collect()
}
