//! The two levels, those who live in the town, what monsters do and what they leave.

use realm_world::{
    Class, Content, Difficulty, EntityKind, EntityView, Event, Input, PlayerSlot, RefusedReason, Sheet, View, World,
    Zone,
};

use crate::stage::{FIRST, MINUTE_TICKS, SECOND, Stage, content_with, died, distance_squared, newborn};

/// Monsters that cannot hurt.
const HARMLESS: [(&str, &str, &str); 3] = [
    ("monsters.toml", "damage_min", "0"),
    ("monsters.toml", "damage_max", "0"),
    ("monsters.toml", "effect_amount", "1"),
];

fn refusal(stage: &Stage) -> Option<RefusedReason> {
    stage.events.iter().find_map(|event| match event {
        Event::Refused { reason, .. } => Some(*reason),
        _ => None,
    })
}

#[test]
fn stairs_lead_down_and_up_and_nobody_sees_or_reaches_the_other_level() {
    let mut stage = Stage::of(World::new(Content::builtin(), Difficulty::Normal, 5));
    stage.join(FIRST, newborn());
    stage.join(SECOND, newborn());
    let other = stage.world.entity_of(SECOND).unwrap();
    assert_eq!(stage.view.own.zone, Zone::Town);
    assert!(stage.view.entities.iter().any(|one| one.id == other));
    assert!(stage.view.entities.iter().all(|one| one.kind != EntityKind::Monster), "no monster in the town");
    let (stairs, _) = stage.world.stairs(Zone::Town);
    stage.step(&[Input::Interact { slot: FIRST, target: stairs }]);
    assert_eq!(refusal(&stage), Some(RefusedReason::TargetTooFar));
    let (below, _) = stage.world.stairs(Zone::Dungeon);
    stage.step(&[Input::Interact { slot: FIRST, target: below }]);
    assert_eq!(refusal(&stage), Some(RefusedReason::TargetUnknown));

    stage.take_stairs();
    assert_eq!(stage.world.facts(FIRST).unwrap().zone, Zone::Dungeon);
    assert!(stage.map().is_entrance(stage.place().0 / 32, stage.place().1 / 32), "no monster comes here");
    assert!(stage.view.entities.iter().all(|one| one.id != other && one.kind != EntityKind::Npc));
    let seen = stage.view.entities.iter().find(|one| one.kind == EntityKind::Stairs).copied();
    assert_eq!(seen.map(|one| (one.id, one.appearance)), Some((below, Zone::Town.number())));
    stage.take_stairs();
    assert_eq!(stage.view.own.zone, Zone::Town);
    assert!(stage.view.entities.iter().any(|one| one.id == stairs));
}

#[test]
fn the_vendor_gives_a_potion_now_and_then_and_the_belt_has_an_end() {
    let changes = [("npcs.toml", "ration_ticks", "100"), ("world.toml", "begin", "\"town\"")];
    let mut stage = Stage::open(Difficulty::Normal, &changes);
    stage.join(FIRST, newborn());
    let vendor = *stage.view.entities.iter().find(|one| one.kind == EntityKind::Npc && one.appearance == 1).unwrap();
    let ask = Input::Interact { slot: FIRST, target: vendor.id };
    for _ in 0..100 {
        let step = stage.towards(FIRST, (vendor.x, vendor.y));
        stage.step(&[step]);
    }
    for carried in 1..=4 {
        stage.step(&[ask]);
        assert_eq!(refusal(&stage), None);
        assert_eq!(stage.view.own.belt.iter().filter(|potion| **potion == 1).count(), carried);
        stage.step(&[ask]);
        assert_eq!(refusal(&stage), Some(RefusedReason::RationTooSoon));
        for _ in 0..100 {
            stage.step(&[]);
        }
    }
    stage.step(&[ask]);
    assert_eq!(refusal(&stage), Some(RefusedReason::BeltFull));
    stage.step(&[Input::Drink { slot: FIRST, place: 2 }]);
    assert!(stage.events.contains(&Event::Healed { entity: stage.view.own.entity, amount: 0 }));
    assert_eq!(stage.view.own.belt, [1, 1, 0, 1, 0, 0, 0, 0]);
    stage.step(&[Input::Drink { slot: FIRST, place: 2 }]);
    assert_eq!(refusal(&stage), Some(RefusedReason::PotionUnknown));
    stage.step(&[Input::Drink { slot: FIRST, place: 200 }]);
    assert_eq!(refusal(&stage), Some(RefusedReason::PotionUnknown));
}

#[test]
fn potions_fall_are_picked_up_and_restore() {
    let changes = [
        ("world.toml", "chance_percent", "100"),
        ("monsters.toml", "damage_min", "1"),
        ("monsters.toml", "damage_max", "5"),
        ("world.toml", "ticks", "400"),
    ];
    let mut stage = Stage::open(Difficulty::Normal, &changes);
    stage.join(FIRST, Sheet { level: 12, ..newborn() });
    let (dead, _) = stage.until(4 * MINUTE_TICKS, Stage::fight, died);
    let lies = |stage: &Stage| stage.view.entities.iter().find(|one| one.kind == EntityKind::Drop).copied();
    let drop = lies(&stage).expect("something lies where it died");
    let corpse = stage.view.entities.iter().find(|one| one.id == dead).unwrap();
    assert_eq!((drop.x, drop.y), (corpse.x, corpse.y));
    let pick_up = |drop: &EntityView, drink| Input::PickUp { slot: FIRST, target: drop.id, drink };
    stage.step(&[pick_up(&drop, false)]);
    assert_eq!(refusal(&stage), None);
    assert_eq!(stage.view.own.belt[0], drop.appearance + 1);
    assert_eq!(lies(&stage), None);
    stage.step(&[pick_up(&drop, false)]);
    assert_eq!(refusal(&stage), Some(RefusedReason::TargetUnknown));

    // The next one stays until it is gone.
    stage.until(4 * MINUTE_TICKS, Stage::fight, died);
    let second = lies(&stage).expect("another one");
    for _ in 0..400 {
        stage.step(&[]);
    }
    assert!(stage.view.entities.iter().all(|one| one.id != second.id));
}

#[test]
fn a_potion_gives_life_and_mana_back() {
    let changes = [
        ("potions.toml", "life", "10"),
        ("potions.toml", "mana", "5"),
        ("world.toml", "chance_percent", "100"),
        ("monsters.toml", "damage_max", "6"),
        ("monsters.toml", "attack_rating", "5000"),
        ("world.toml", "mana_ticks", "90000"),
    ];
    let mut stage = Stage::open(Difficulty::Normal, &changes);
    stage.join(FIRST, Sheet { level: 12, ..newborn() });
    for _ in 0..4 * MINUTE_TICKS {
        let drop = stage.view.entities.iter().find(|one| one.kind == EntityKind::Drop).copied();
        let own = stage.view.own;
        if let Some(drop) = drop.filter(|_| own.life + 20 < own.life_max && own.life > 0) {
            let near = distance_squared(stage.place(), (drop.x, drop.y)) <= 60 * 60;
            if near {
                stage.step(&[Input::PickUp { slot: FIRST, target: drop.id, drink: true }]);
                let healed = stage.events.iter().find_map(|event| match event {
                    Event::Healed { entity, amount } if *entity == own.entity => Some(*amount),
                    _ => None,
                });
                assert!(healed.is_some_and(|amount| amount >= 10), "{healed:?}");
                return;
            }
            let step = stage.around_walls((drop.x, drop.y));
            stage.step(&[step]);
            continue;
        }
        let inputs = stage.fight();
        stage.step(&inputs);
    }
    panic!("no potion was drunk");
}

/// The monsters' places in a world that nobody watches, each so many ticks.
fn places(world: &World) -> Vec<(u16, (i32, i32))> {
    let below = (1..400).filter_map(|id| world.position(id).map(|(zone, x, y)| (zone, id, (x, y))));
    below.filter(|(zone, _, _)| *zone == Zone::Dungeon).map(|(_, id, place)| (id, place)).collect()
}

#[test]
fn some_patrol_about_their_home_and_never_leave_it_far() {
    let mut world = World::new(Content::builtin(), Difficulty::Normal, 9);
    let start = places(&world);
    let mut wandered = 0;
    for _ in 0..2_000 {
        world.step(&[], &mut Vec::new());
    }
    for ((id, from), (_, to)) in start.iter().zip(places(&world)) {
        let way = distance_squared(*from, to);
        wandered += u32::from(way > 0);
        // Five tiles along each axis at most.
        assert!(way <= 2 * 170 * 170, "monster {id} went from {from:?} to {to:?}");
    }
    assert!(wandered > 10, "{wandered} have walked");
}

#[test]
fn groups_stand_and_notice_together() {
    let changes = [
        HARMLESS[0],
        HARMLESS[1],
        HARMLESS[2],
        ("monsters.toml", "group_min", "4"),
        ("monsters.toml", "group_max", "4"),
    ];
    let mut stage = Stage::open(Difficulty::Normal, &[&changes[..], &[("monsters.toml", "patrol", "0")]].concat());
    let start = places(&stage.world);
    stage.join(FIRST, newborn());
    stage.until(4 * MINUTE_TICKS, Stage::fight, |event| matches!(event, Event::Damage { .. }).then_some(()));
    let moved = start.iter().filter(|(id, from)| stage.world.position(*id).is_some_and(|(_, x, y)| (x, y) != *from));
    assert!(moved.count() >= 4, "the whole group comes");
}

#[test]
fn some_shoot_and_some_run_away() {
    let changes = [
        HARMLESS[0],
        HARMLESS[1],
        HARMLESS[2],
        ("monsters.toml", "missile_step", "12"),
        ("monsters.toml", "keep", "96"),
        ("monsters.toml", "reach", "256"),
        ("monsters.toml", "life", "60"),
        ("monsters.toml", "defence", "0"),
        ("monsters.toml", "step", "4"),
        ("monsters.toml", "flee_percent", "70"),
    ];
    let mut stage = Stage::open(Difficulty::Normal, &changes);
    stage.join(FIRST, Sheet { level: 3, ..newborn() });
    let mut shots = 0;
    let mut farthest_fled = 0;
    let mut hurt: Option<u16> = None;
    for _ in 0..2 * MINUTE_TICKS {
        let inputs = if hurt.is_some() { vec![] } else { stage.fight() };
        stage.step(&inputs);
        shots +=
            stage.view.entities.iter().filter(|one| one.kind == EntityKind::Missile && one.appearance >= 32).count();
        if hurt.is_none() {
            hurt = stage.events.iter().find_map(|event| match event {
                Event::Damage { source, target, .. } if *source == stage.view.own.entity => Some(*target),
                _ => None,
            });
            hurt = hurt.filter(|id| {
                stage.view.entities.iter().any(|one| one.id == *id && (1..=70).contains(&one.life_percent))
            });
        }
        if let Some(monster) = hurt.and_then(|id| stage.view.entities.iter().find(|one| one.id == id)) {
            farthest_fled = farthest_fled.max(distance_squared(stage.place(), (monster.x, monster.y)));
        }
        if farthest_fled > 150 * 150 && shots > 0 {
            return;
        }
    }
    panic!("{shots} missiles were seen, and it fled {farthest_fled}");
}

#[test]
fn a_monster_finds_its_way_round_a_wall() {
    // In a real dungeon a hunted player goes round corners; those who hunt it arrive.
    let changes = [
        HARMLESS[0],
        HARMLESS[1],
        HARMLESS[2],
        ("monsters.toml", "missile_step", "0"),
        ("monsters.toml", "reach", "40"),
    ];
    let strong =
        [("world.toml", "begin", "\"dungeon\""), ("monsters.toml", "sight", "480"), ("monsters.toml", "step", "5")];
    let mut arrivals = 0;
    let mut hunted = 0;
    for seed in 0..6 {
        let content = content_with(&[&changes[..], &strong[..], &[("world.toml", "leash", "4000")]].concat());
        let mut stage = Stage::of(World::new(content, Difficulty::Normal, seed));
        stage.join(FIRST, newborn());
        // Out of the entrance until something is near, then on through the rooms for a while.
        for _ in 0..1_500 {
            let inputs = stage.fight();
            let walks: Vec<_> = inputs.into_iter().filter(|input| matches!(input, Input::Move { .. })).collect();
            stage.step(&walks);
            if stage
                .nearest(EntityKind::Monster)
                .is_some_and(|one| distance_squared(stage.place(), (one.x, one.y)) < 80 * 80)
            {
                hunted += 1;
                break;
            }
        }
        let goal = (stage.map().width() * 16, stage.map().height() * 16);
        let ways = stage.map().ways_from(stage.place());
        let far = *ways
            .reached()
            .iter()
            .filter(|tile| !stage.map().is_entrance(tile.0, tile.1))
            .min_by_key(|tile| distance_squared((tile.0 * 32, tile.1 * 32), goal))
            .unwrap();
        for _ in 0..400 {
            let step = stage.around_walls((far.0 * 32 + 16, far.1 * 32 + 16));
            stage.step(&[step]);
        }
        for _ in 0..300 {
            stage.step(&[]);
        }
        let near = stage.nearest(EntityKind::Monster);
        arrivals += u32::from(near.is_some_and(|one| distance_squared(stage.place(), (one.x, one.y)) <= 48 * 48));
    }
    assert!(hunted >= 4 && arrivals >= hunted - 1, "{arrivals} of {hunted} hunts end at the player");
}

#[test]
fn all_classes_see_their_own_kind_of_world() {
    let mut world = World::new(Content::builtin(), Difficulty::Hell, 4);
    let join = |slot: u8, class| Input::Join { slot: PlayerSlot(slot), sheet: Sheet::newborn(class, false) };
    let joins: Vec<_> = (0..7).zip(Class::ALL).map(|(slot, class)| join(slot, class)).collect();
    world.step(&joins, &mut Vec::new());
    let mut view = View::default();
    world.view(FIRST, &mut view);
    let players = view.entities.iter().filter(|one| one.kind == EntityKind::Player);
    assert_eq!(players.map(|one| usize::from(one.appearance)).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
}
