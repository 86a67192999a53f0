//! What players can do, and what happens to them.

use realm_world::{
    Action, Class, Content, Difficulty, EntityKind, Event, Input, InputKind, PlayerSlot, RefusedReason, Sheet, View,
    World, Zone,
};

use crate::stage::{BELOW, FIRST, MINUTE_TICKS, SECOND, Stage, content_with, died, distance_squared, newborn};

/// Monsters that cannot hurt.
const HARMLESS: [(&str, &str, &str); 2] = [("monsters.toml", "damage_min", "0"), ("monsters.toml", "damage_max", "0")];
/// Monsters of which one blow can kill, and which teach nothing.
const DEADLY: [(&str, &str, &str); 2] =
    [("monsters.toml", "damage_max", "100000"), ("monsters.toml", "experience", "0")];

#[test]
fn a_newcomer_stands_in_the_town_beside_the_healer() {
    let mut stage = Stage::open(Difficulty::Normal, &[("world.toml", "begin", "\"town\"")]);
    stage.join(FIRST, newborn());
    let facts = stage.world.facts(FIRST).unwrap();
    assert_eq!(facts.zone, Zone::Town);
    assert!(stage.map().is_entrance(facts.x / 32, facts.y / 32));
    assert_eq!((facts.life, facts.mana, facts.dead), (facts.life_max, facts.mana_max, false));
    assert_eq!(stage.nearest(EntityKind::Npc).unwrap().life_percent, 100);
    assert_eq!(stage.world.slot_of(facts.entity), Some(FIRST));
    assert_eq!(stage.world.entity_of(FIRST), Some(facts.entity));
    assert_eq!(stage.world.position(facts.entity), Some((facts.zone, facts.x, facts.y)));

    // A slot that is taken stays as it is; one that is left is empty.
    stage.join(FIRST, Sheet::newborn(Class::Druid, true));
    assert_eq!(stage.world.sheet(FIRST), Some(newborn()));
    stage.step(&[Input::Leave { slot: FIRST }]);
    assert_eq!(stage.world.sheet(FIRST), None);
    assert_eq!(stage.world.facts(FIRST), None);
    assert_eq!(stage.view, View::default());
}

#[test]
fn every_class_has_its_own_life_and_step() {
    for (place, class) in (0u8..).zip(Class::ALL) {
        let mut world = World::new(Content::builtin(), Difficulty::Normal, 1);
        let (watcher, seen) = (PlayerSlot(7), PlayerSlot(0));
        let join = |slot, class| Input::Join { slot, sheet: Sheet::newborn(class, false) };
        world.step(&[join(watcher, Class::Amazon), join(seen, class)], &mut Vec::new());
        let facts = world.facts(seen).unwrap();
        assert!(facts.life_max > 0 && (1..=16).contains(&facts.step_max), "{class:?}");
        let mut view = View::default();
        world.view(watcher, &mut view);
        let player = view.entities.iter().find(|entity| entity.id == facts.entity).unwrap();
        assert_eq!((player.kind, player.appearance, player.level), (EntityKind::Player, place, 1));
    }
}

#[test]
fn a_kill_gives_experience_and_the_dead_vanish_and_come_again_as_others() {
    let mut stage = Stage::open(Difficulty::Normal, &[HARMLESS[0], HARMLESS[1], ("world.toml", "chance_percent", "0")]);
    stage.join(FIRST, newborn());
    let own = stage.view.own.entity;
    let (dead, killer) = stage.until(2 * MINUTE_TICKS, Stage::fight, died);
    assert_eq!(killer, own);
    let gained = stage.events.iter().find_map(|event| match event {
        Event::Experience { slot: FIRST, gained, total } => Some((u64::from(*gained), *total)),
        _ => None,
    });
    let (gained, total) = gained.unwrap();
    assert!(gained > 0 && gained == total);
    assert_eq!(stage.world.sheet(FIRST).unwrap().experience, total);
    let corpse = stage.view.entities.iter().find(|entity| entity.id == dead).unwrap();
    assert_eq!((corpse.action, corpse.life_percent), (Action::Dead, 0));

    let refused = stage.until(
        20,
        |_| vec![Input::Attack { slot: FIRST, target: dead }],
        |event| match event {
            Event::Refused { input_kind: InputKind::Attack, reason, .. } if *reason != RefusedReason::ActTooSoon => {
                Some(*reason)
            }
            _ => None,
        },
    );
    assert_eq!(refused, RefusedReason::TargetUnknown);
    for _ in 0..75 {
        stage.step(&[]);
    }
    assert!(stage.view.entities.iter().all(|entity| entity.id != dead));
    assert_eq!(stage.world.position(dead), None);
    stage.step(&[Input::Leave { slot: FIRST }]);
    for _ in 0..500 {
        stage.step(&[]);
    }
    assert_eq!(living_monsters(&mut stage.world), 40);
}

#[test]
fn players_see_what_is_near_and_not_behind_walls_and_what_they_see_sees_them() {
    let mut seen = 0;
    let mut hidden = 0;
    for seed in 0..8 {
        let mut world = World::new(content_with(&[BELOW]), Difficulty::Normal, seed);
        let joins: Vec<_> = (0..8).map(|slot| Input::Join { slot: PlayerSlot(slot), sheet: newborn() }).collect();
        world.step(&joins, &mut Vec::new());
        let mut view = View::default();
        for tick in 0..600 {
            let steps = [(6, 0), (4, 4), (0, 6), (-4, 4), (-6, 0), (-4, -4), (0, -6), (4, -4)];
            let way = |slot: u8| steps[(usize::from(slot) + tick / 90) % steps.len()];
            let moves: Vec<_> =
                (0..8).map(|slot| Input::Move { slot: PlayerSlot(slot), dx: way(slot).0, dy: way(slot).1 }).collect();
            world.step(&moves, &mut Vec::new());
        }
        let facts = |slot: u8| world.facts(PlayerSlot(slot)).unwrap();
        let mut sees = |one: u8, other: u8| {
            world.view(PlayerSlot(one), &mut view);
            view.entities.iter().any(|entity| entity.id == facts(other).entity)
        };
        for (one, other) in (0..8).flat_map(|one| (0..8).map(move |other| (one, other))) {
            let (here, there) = (facts(one), facts(other));
            let distance = distance_squared((here.x, here.y), (there.x, there.y));
            assert_eq!(sees(one, other), sees(other, one), "slots {one} and {other} of seed {seed}");
            assert!(sees(one, one));
            let near = distance <= i64::from(here.vision).pow(2);
            assert!(near || !sees(one, other));
            seen += u32::from(near && one < other && sees(one, other));
            hidden += u32::from(near && one < other && !sees(one, other));
        }
    }
    assert!(seen > 10 && hidden > 10, "{seen} pairs see each other, {hidden} are near and do not");
}

/// How many monsters live: all in the dungeon but the stairs, while nobody is there and nothing lies on the ground.
fn living_monsters(world: &mut World) -> usize {
    let below = (1..=u16::MAX).filter(|id| world.position(*id).is_some_and(|(zone, _, _)| zone == Zone::Dungeon));
    below.count() - 1
}

#[test]
fn levels_rise_and_fill_life_and_mana() {
    let generous = [HARMLESS[0], HARMLESS[1], ("monsters.toml", "experience", "1000")];
    let mut stage = Stage::open(Difficulty::Normal, &generous);
    stage.join(FIRST, newborn());
    let before = stage.world.facts(FIRST).unwrap();
    stage.until(2 * MINUTE_TICKS, Stage::fight, died);
    let levels: Vec<u32> = stage
        .events
        .iter()
        .filter_map(|event| match event {
            Event::LevelUp { entity, level } if *entity == before.entity => Some(*level),
            _ => None,
        })
        .collect();
    assert_eq!(levels, [2, 3], "1000 of experience reach level 3, which begins at 440, and not level 4 at 1080");
    let after = stage.world.facts(FIRST).unwrap();
    assert_eq!(after.life_max, before.life_max + 8);
    assert_eq!((after.life, after.mana), (after.life_max, after.mana_max));
    assert_eq!(stage.world.sheet(FIRST).unwrap().level, 3);
    assert_eq!(stage.view.own.level, 3);
}

#[test]
fn experience_is_shared_with_those_who_are_near() {
    let round =
        [HARMLESS[0], HARMLESS[1], ("monsters.toml", "experience", "101"), ("world.toml", "share_distance", "8192")];
    let mut stage = Stage::open(Difficulty::Normal, &round);
    stage.join(FIRST, newborn());
    stage.join(SECOND, newborn());
    stage.until(2 * MINUTE_TICKS, Stage::fight, died);
    // 101 and 35 percent are 136: 68 each.
    assert_eq!(stage.world.sheet(FIRST).unwrap().experience, 68);
    assert_eq!(stage.world.sheet(SECOND).unwrap().experience, 68);

    let apart =
        [HARMLESS[0], HARMLESS[1], ("monsters.toml", "experience", "101"), ("world.toml", "share_distance", "0")];
    let mut stage = Stage::open(Difficulty::Normal, &apart);
    stage.join(FIRST, newborn());
    stage.join(SECOND, newborn());
    stage.until(2 * MINUTE_TICKS, Stage::fight, died);
    assert_eq!(stage.world.sheet(FIRST).unwrap().experience, 101);
    assert_eq!(stage.world.sheet(SECOND).unwrap().experience, 0);
}

#[test]
fn the_dead_do_nothing_until_they_come_back_at_the_entrance() {
    let mut stage = Stage::open(Difficulty::Normal, &DEADLY);
    let sheet = Sheet { level: 5, experience: 3_000, ..newborn() };
    stage.join(FIRST, sheet);
    let own = stage.view.own.entity;
    stage.step(&[Input::Respawn { slot: FIRST }]);
    assert_eq!(refusals(&stage), [(0, InputKind::Respawn, RefusedReason::ActorAlive)]);

    die(&mut stage);
    assert_eq!(stage.view.own.life, 0);
    let lies = stage.place();
    let npc = 1;
    let acts = [
        Input::Move { slot: FIRST, dx: 5, dy: 5 },
        Input::Attack { slot: FIRST, target: 2 },
        Input::Interact { slot: FIRST, target: npc },
    ];
    stage.step(&acts);
    let dead = RefusedReason::ActorDead;
    assert_eq!(
        refusals(&stage),
        [(0, InputKind::Move, dead), (1, InputKind::Attack, dead), (2, InputKind::Interact, dead)]
    );
    assert_eq!(stage.place(), lies);

    let events = stage.step(&[Input::Respawn { slot: FIRST }]);
    assert!(events.contains(&Event::Respawned { entity: own }));
    let facts = stage.world.facts(FIRST).unwrap();
    assert!(stage.map().is_entrance(facts.x / 32, facts.y / 32));
    assert_eq!((facts.life, facts.dead), (facts.life_max, false));
    assert_eq!(stage.world.sheet(FIRST), Some(sheet), "death costs nothing in a normal game");
}

#[test]
fn death_costs_a_share_of_the_level_in_harder_games() {
    for (difficulty, percent) in [(Difficulty::Nightmare, 5), (Difficulty::Hell, 10)] {
        let mut stage = Stage::open(difficulty, &DEADLY);
        // Level 5 begins at 2160 and ends at 3800.
        stage.join(FIRST, Sheet { level: 5, experience: 3_000, ..newborn() });
        die(&mut stage);
        let left = 3_000 - (3_800 - 2_160) * percent / 100;
        assert!(stage.events.contains(&Event::Experience { slot: FIRST, gained: 0, total: left }), "{difficulty:?}");
        let sheet = stage.world.sheet(FIRST).unwrap();
        assert_eq!((sheet.experience, sheet.level, sheet.dead), (left, 5, false));
    }
}

#[test]
fn the_hardcore_stay_dead() {
    let mut stage = Stage::open(Difficulty::Hell, &DEADLY);
    stage.join(FIRST, Sheet { level: 5, experience: 3_000, hardcore: true, ..newborn() });
    die(&mut stage);
    let sheet = stage.world.sheet(FIRST).unwrap();
    assert!(sheet.dead);
    assert_eq!(sheet.experience, 3_000);
    stage.step(&[Input::Respawn { slot: FIRST }]);
    assert_eq!(refusals(&stage), [(0, InputKind::Respawn, RefusedReason::ActorDead)]);

    // Nor do they come in alive elsewhere; another character does, whatever its sheet says.
    stage.join(SECOND, sheet);
    assert!(stage.world.facts(SECOND).unwrap().dead);
    stage.join(PlayerSlot(2), Sheet { dead: true, hardcore: false, ..sheet });
    assert!(!stage.world.facts(PlayerSlot(2)).unwrap().dead);
}

#[test]
fn the_healer_restores_life() {
    let mut stage = Stage::open(Difficulty::Normal, &[("monsters.toml", "damage_max", "9")]);
    stage.join(FIRST, Sheet { level: 20, ..newborn() });
    stage.take_stairs();
    let healer = stage.nearest(EntityKind::Npc).unwrap();
    stage.take_stairs();
    let own = stage.view.own.entity;
    let hurt = stage.until(2 * MINUTE_TICKS, Stage::fight, |event| match event {
        Event::Damage { target, amount, .. } if *target == own => Some(*amount),
        _ => None,
    });
    assert!(hurt > 0);
    stage.step(&[Input::Interact { slot: FIRST, target: healer.id }]);
    assert_eq!(refusals(&stage), [(0, InputKind::Interact, RefusedReason::TargetUnknown)], "it is on another level");
    stage.take_stairs();
    stage.step(&[Input::Interact { slot: FIRST, target: healer.id }]);
    assert_eq!(refusals(&stage), [(0, InputKind::Interact, RefusedReason::TargetTooFar)]);
    stage.step(&[Input::Interact { slot: FIRST, target: own }]);
    assert_eq!(refusals(&stage), [(0, InputKind::Interact, RefusedReason::TargetUnknown)]);

    let act = |stage: &Stage| match distance_squared(stage.place(), (healer.x, healer.y)) {
        ..6_400 => vec![Input::Interact { slot: FIRST, target: healer.id }],
        _ => vec![stage.around_walls((healer.x, healer.y))],
    };
    let healed = stage.until(MINUTE_TICKS, act, |event| match event {
        Event::Healed { entity, amount } => Some((*entity, *amount)),
        _ => None,
    });
    assert!(healed.0 == own && healed.1 >= hurt);
    assert_eq!(stage.view.own.life, stage.view.own.life_max);
}

#[test]
fn blows_need_a_target_in_reach_and_time_between_them() {
    let mut stage = Stage::open(Difficulty::Normal, &[HARMLESS[0], HARMLESS[1], ("monsters.toml", "life", "100000")]);
    stage.join(FIRST, newborn());
    stage.until(2 * MINUTE_TICKS, Stage::fight, |event| matches!(event, Event::Damage { .. }).then_some(()));
    let monster = stage.nearest(EntityKind::Monster).unwrap();
    let attack = Input::Attack { slot: FIRST, target: monster.id };
    // A barbarian strikes every 14 ticks, and the tick of the blow has passed already.
    for tick in 1..14 {
        assert_eq!(stage.world.facts(FIRST).unwrap().cooldown_ticks, 14 - tick);
        stage.step(&[attack]);
        assert_eq!(refusals(&stage), [(0, InputKind::Attack, RefusedReason::ActTooSoon)], "tick {tick}");
    }
    assert_eq!(stage.world.facts(FIRST).unwrap().cooldown_ticks, 0);
    stage.step(&[attack, attack]);
    assert_eq!(refusals(&stage), [(1, InputKind::Attack, RefusedReason::ActTooSoon)], "one blow a tick at most");

    let far = stage.view.entities.iter().filter(|entity| entity.kind == EntityKind::Monster);
    let far = far.max_by_key(|entity| distance_squared(stage.place(), (entity.x, entity.y))).unwrap().id;
    for _ in 0..14 {
        stage.step(&[]);
    }
    stage.step(&[Input::Attack { slot: FIRST, target: far }]);
    assert_eq!(refusals(&stage), [(0, InputKind::Attack, RefusedReason::TargetTooFar)]);
    stage.step(&[Input::Attack { slot: FIRST, target: 60_000 }]);
    assert_eq!(refusals(&stage), [(0, InputKind::Attack, RefusedReason::TargetUnknown)]);
}

#[test]
fn monsters_never_set_foot_in_the_entrance_and_lose_interest_in_who_is_there() {
    let mut stage = Stage::open(Difficulty::Normal, &[HARMLESS[0], HARMLESS[1], ("monsters.toml", "patrol", "0")]);
    stage.join(FIRST, newborn());
    let entrance = stage.place();
    // Out, until somebody hunts, and back again.
    stage.until(2 * MINUTE_TICKS, Stage::fight, |event| matches!(event, Event::Damage { .. }).then_some(()));
    for _ in 0..MINUTE_TICKS {
        let back = stage.towards(FIRST, entrance);
        stage.step(&[back]);
        for entity in stage.view.entities.iter().filter(|entity| entity.kind == EntityKind::Monster) {
            assert!(!stage.map().is_entrance(entity.x / 32, entity.y / 32));
        }
    }
    let busy = stage.view.entities.iter().filter(|entity| entity.kind == EntityKind::Monster);
    assert_eq!(busy.filter(|monster| matches!(monster.action, Action::Attack | Action::Walk)).count(), 0);
}

#[test]
fn only_what_is_near_is_seen() {
    let mut stage = Stage::open(Difficulty::Normal, &[("world.toml", "vision", "300")]);
    stage.join(FIRST, newborn());
    let Stage { world, view, .. } = stage;
    let seen: Vec<u16> = view.entities.iter().map(|entity| entity.id).collect();
    assert!(seen.is_sorted());
    for id in 1..200 {
        let Some((zone, x, y)) = world.position(id).filter(|_| id != view.own.entity) else { continue };
        let near = zone == view.own.zone && distance_squared((view.own.x, view.own.y), (x, y)) <= 300 * 300;
        assert_eq!(seen.contains(&id), near, "entity {id}");
    }
}

#[test]
fn sheets_that_no_character_can_have_are_set_right() {
    let mut stage = Stage::open(Difficulty::Normal, &[]);
    let attributes = realm_world::Attributes { strength: u32::MAX, dexterity: u32::MAX, vitality: u32::MAX, energy: 0 };
    stage.join(FIRST, Sheet { level: 0, experience: u64::MAX, attributes, ..newborn() });
    assert_eq!(stage.world.sheet(FIRST).unwrap().level, 1);
    stage.join(SECOND, Sheet { level: 1_000, experience: 0, ..newborn() });
    let second = stage.world.sheet(SECOND).unwrap();
    assert_eq!((second.level, second.experience), (99, Content::builtin().experience_of_level(99)));
    let mana = stage.world.facts(FIRST).unwrap().mana_max;
    assert!(mana >= 1, "less energy than at birth leaves some mana: {mana}");
    stage.until(4 * MINUTE_TICKS, Stage::fight, died);
    assert_eq!(stage.world.sheet(FIRST).unwrap().experience, u64::MAX, "nothing is taken from it");
}

/// The first player fights until it is dead.
fn die(stage: &mut Stage) {
    let own = stage.view.own.entity;
    stage.until(4 * MINUTE_TICKS, Stage::fight, |event| died(event).filter(|(dead, _)| *dead == own));
}

/// What was refused to the first player in the last tick.
fn refusals(stage: &Stage) -> Vec<(usize, InputKind, RefusedReason)> {
    let refused = stage.events.iter().filter_map(|event| match event {
        Event::Refused { slot: FIRST, input_index, input_kind, reason } => Some((*input_index, *input_kind, *reason)),
        _ => None,
    });
    refused.collect()
}

#[test]
fn a_newborn_of_every_class_fights_its_way_to_the_second_level() {
    for class in Class::ALL {
        let world = World::new(Content::builtin(), Difficulty::Normal, 3);
        let mut stage = Stage::of(world);
        stage.join(FIRST, Sheet::newborn(class, false));
        let act = |stage: &Stage| match stage.view.own.life {
            0 => vec![Input::Respawn { slot: FIRST }],
            _ => stage.fight(),
        };
        let level = stage.until(8 * MINUTE_TICKS, act, |event| match event {
            Event::LevelUp { level, .. } => Some(*level),
            _ => None,
        });
        assert_eq!(level, 2, "{class:?}");
    }
}
