//! Skills, what they leave behind, and what they cost.

use realm_world::{
    Action, Class, Difficulty, EntityKind, EntityView, Event, Input, InputKind, PlayerSlot, RefusedReason, Sheet,
};

use crate::stage::{FIRST, MINUTE_TICKS, SECOND, Stage, distance_squared};

/// Monsters that cannot hurt, stay where they are, and last.
const DUMMIES: [(&str, &str, &str); 6] = [
    ("monsters.toml", "damage_min", "0"),
    ("monsters.toml", "damage_max", "0"),
    ("monsters.toml", "patrol", "0"),
    ("monsters.toml", "step", "0"),
    ("monsters.toml", "life", "100000"),
    ("monsters.toml", "effect_amount", "1"),
];

/// Somebody of this class among such monsters, and one of these beside it.
fn beside_a_monster(class: Class, level: u32, changes: &[(&str, &str, &str)]) -> (Stage, EntityView) {
    let changes: Vec<_> = DUMMIES.iter().chain(changes).copied().collect();
    let mut stage = Stage::open(Difficulty::Normal, &changes);
    stage.join(FIRST, Sheet { level, ..Sheet::newborn(class, false) });
    for _ in 0..2 * MINUTE_TICKS {
        let nearest = stage.nearest(EntityKind::Monster);
        match nearest.filter(|one| distance_squared(stage.place(), (one.x, one.y)) <= 40 * 40) {
            Some(monster) if stage.view.own.cooldown_ticks == 0 => return (stage, monster),
            Some(_) => stage.step(&[]),
            None => {
                let inputs = stage.fight();
                stage.step(&inputs)
            }
        };
    }
    panic!("no monster was met");
}

fn use_on(skill: u8, monster: &EntityView) -> Input {
    Input::Skill { slot: FIRST, skill, target: monster.id, x: 0, y: 0 }
}

fn use_at(skill: u8, (x, y): (i32, i32)) -> Input {
    Input::Skill { slot: FIRST, skill, target: 0, x, y }
}

fn refusal(stage: &Stage) -> Option<RefusedReason> {
    stage.events.iter().find_map(|event| match event {
        Event::Refused { input_kind: InputKind::Skill, reason, .. } => Some(*reason),
        _ => None,
    })
}

fn is_used(stage: &Stage) -> bool {
    stage.events.iter().any(|event| matches!(event, Event::SkillUsed { .. }))
}

/// Damage done to this entity since the last look, over so many ticks.
fn damage_to(stage: &mut Stage, entity: u16, ticks: u32) -> u32 {
    let mut sum = 0;
    for tick in 0..ticks {
        if tick > 0 {
            stage.step(&[]);
        }
        let amounts = stage.events.iter().map(|event| match event {
            Event::Damage { target, amount, .. } if *target == entity => *amount,
            _ => 0,
        });
        sum += amounts.sum::<u32>();
    }
    sum
}

fn seen(stage: &Stage, id: u16) -> EntityView {
    *stage.view.entities.iter().find(|entity| entity.id == id).expect("it is in sight")
}

#[test]
fn a_skill_costs_mana_and_time_and_must_be_known() {
    let (mut stage, monster) = beside_a_monster(Class::Sorceress, 1, &[]);
    assert_eq!(stage.view.own.mana, stage.view.own.mana_max);
    stage.step(&[use_on(1, &monster)]);
    assert_eq!(refusal(&stage), Some(RefusedReason::SkillUnknown), "it is learned at level 4");
    stage.step(&[use_on(3, &monster)]);
    assert_eq!(refusal(&stage), Some(RefusedReason::SkillUnknown), "there are three");
    stage.step(&[use_on(0, &monster), use_on(0, &monster)]);
    assert!(is_used(&stage));
    assert_eq!(refusal(&stage), Some(RefusedReason::ActTooSoon), "one act at a time");
    assert_eq!(stage.view.own.mana, stage.view.own.mana_max - 4);
    // Cast 12 ticks, again after 20; one tick has passed.
    assert_eq!((stage.view.own.cooldown_ticks, stage.view.own.skill_ticks), (11, [19, 0, 0]));
    let facts = stage.world.skill_facts(FIRST, 0).unwrap();
    assert_eq!((facts.cooldown_ticks, facts.mana_left, facts.reach), (19, stage.view.own.mana - 4, 480));
    assert_eq!(seen(&stage, stage.view.own.entity).action, Action::Cast);
    let mut uses = 1;
    let refused = loop {
        let monster = seen(&stage, monster.id);
        stage.step(&[use_on(0, &monster)]);
        match refusal(&stage) {
            Some(RefusedReason::ActTooSoon) => {}
            Some(reason) => break reason,
            None => uses += 1,
        }
    };
    assert_eq!(refused, RefusedReason::ManaTooLow);
    assert!((9..=12).contains(&uses), "38 points of mana and a little more: {uses} uses");
    let mana = stage.view.own.mana;
    for _ in 0..200 {
        stage.step(&[]);
    }
    assert!(stage.view.own.mana > mana, "mana comes back");
}

#[test]
fn a_missile_flies_to_its_enemy_and_leaves_what_it_bears() {
    let (mut stage, monster) = beside_a_monster(Class::Sorceress, 1, &[]);
    // Some way off, so that it has to fly.
    for _ in 0..20 {
        let (x, y) = (2 * stage.place().0 - monster.x, 2 * stage.place().1 - monster.y);
        let away = stage.towards(FIRST, (x, y));
        stage.step(&[away]);
    }
    stage.step(&[use_on(0, &monster)]);
    let missile = *stage.view.entities.iter().find(|one| one.kind == EntityKind::Missile).expect("it flies");
    assert_eq!(missile.appearance, 3, "the first skill of the second class");
    stage.step(&[]);
    assert!(
        stage.view.entities.iter().all(|one| one.id != missile.id)
            || seen(&stage, missile.id).x != missile.x
            || seen(&stage, missile.id).y != missile.y
    );
    let hurt = damage_to(&mut stage, monster.id, 60);
    // 5 to 9, and burning 3 times for 1.
    assert!((8..=12).contains(&hurt), "{hurt}");
    assert!(stage.view.entities.iter().all(|one| one.kind != EntityKind::Missile), "it ended there");
}

#[test]
fn missiles_end_at_walls() {
    let (mut stage, _) = beside_a_monster(Class::Amazon, 4, &[("world.toml", "count", "1")]);
    let corner = (0, 0);
    for _ in 0..2_000 {
        let near = (stage.map().width(), 48);
        let step = stage.towards(FIRST, (near.1, near.1));
        stage.step(&[step]);
    }
    let mut most = 0;
    stage.step(&[use_at(1, corner)]);
    for _ in 0..30 {
        let flying: Vec<_> = stage.view.entities.iter().filter(|one| one.kind == EntityKind::Missile).collect();
        most = most.max(flying.len());
        assert!(flying.iter().all(|one| !stage.map().is_wall(one.x.div_euclid(32), one.y.div_euclid(32))));
        stage.step(&[]);
    }
    assert!(
        stage.view.entities.iter().all(|one| one.kind != EntityKind::Missile),
        "three at most were in the air: {most}"
    );
}

#[test]
fn a_melee_skill_slows_and_needs_somebody_in_reach() {
    let (mut stage, monster) = beside_a_monster(Class::Barbarian, 1, &[("monsters.toml", "defence", "0")]);
    stage.step(&[use_at(0, (monster.x, monster.y))]);
    assert_eq!(refusal(&stage), Some(RefusedReason::TargetUnknown), "a blow needs somebody");
    let far = stage.view.entities.iter().filter(|one| one.kind == EntityKind::Monster);
    let far = *far.max_by_key(|one| distance_squared(stage.place(), (one.x, one.y))).unwrap();
    stage.step(&[use_on(0, &far)]);
    assert_eq!(refusal(&stage), Some(RefusedReason::TargetTooFar));
    for _ in 0..10 {
        for _ in 0..30 {
            stage.step(&[]);
        }
        stage.step(&[use_on(0, &monster)]);
        if seen(&stage, monster.id).effects & 4 != 0 {
            let hurt = damage_to(&mut stage, monster.id, 1);
            assert!((10..=40).contains(&hurt), "the weapon's and the skill's: {hurt}");
            return;
        }
    }
    panic!("ten blows at somebody without defence missed");
}

#[test]
fn an_area_strikes_all_around_and_a_leap_goes_as_far_as_it_may() {
    let (mut stage, monster) = beside_a_monster(Class::Barbarian, 8, &[("skills.toml", "mana", "0")]);
    stage.step(&[use_at(2, (0, 0))]);
    assert!(is_used(&stage), "{:?}", stage.events);
    assert!(damage_to(&mut stage, monster.id, 1) >= 6);
    for _ in 0..20 {
        stage.step(&[]);
    }
    let start = stage.place();
    let middle = (stage.map().width() * 16, stage.map().height() * 16);
    stage.step(&[use_at(1, middle)]);
    assert!(is_used(&stage));
    let leapt = distance_squared(start, stage.place());
    assert!(leapt > 100 * 100 && leapt <= 192 * 192, "{leapt}");
}

#[test]
fn an_aura_favours_those_who_are_near() {
    let (mut stage, _) = beside_a_monster(Class::Paladin, 4, &[]);
    stage.step(&[Input::Join { slot: SECOND, sheet: Sheet::newborn(Class::Druid, false) }]);
    let away = stage.world.facts(SECOND).unwrap();
    stage.step(&[use_at(1, (0, 0))]);
    assert!(is_used(&stage), "{:?}", stage.events);
    for _ in 0..15 {
        stage.step(&[]);
    }
    assert_eq!(seen(&stage, stage.view.own.entity).effects, 64, "it mends");
    let distance = distance_squared(stage.place(), (away.x, away.y));
    let other = stage.view.entities.iter().find(|one| one.id == away.entity);
    assert!(other.is_none_or(|one| (one.effects == 64) == (distance <= 224 * 224)));
    for _ in 0..600 {
        stage.step(&[]);
    }
    assert_eq!(seen(&stage, stage.view.own.entity).effects, 0, "it ends");
}

#[test]
fn companions_follow_and_fight_and_stay_behind_on_the_stairs() {
    let (mut stage, monster) = beside_a_monster(Class::Druid, 6, &[]);
    stage.step(&[use_at(1, (0, 0))]);
    let companions = |stage: &Stage| {
        stage.view.entities.iter().filter(|one| one.kind == EntityKind::Companion).map(|one| one.id).collect::<Vec<_>>()
    };
    let called = companions(&stage);
    assert_eq!(called.len(), 2, "{:?}", stage.events);
    let mut struck = 0;
    for _ in 0..200 {
        stage.step(&[]);
        struck += stage
            .events
            .iter()
            .filter(|event| matches!(event, Event::Damage { source, .. } if called.contains(source)))
            .count();
    }
    assert!(struck > 0, "they strike at {}", monster.id);
    stage.take_stairs();
    assert_eq!(companions(&stage), []);
    stage.take_stairs();
    assert_eq!(companions(&stage), []);
}

#[test]
fn what_a_companion_kills_is_its_players() {
    let changes =
        [("monsters.toml", "life", "1"), ("monsters.toml", "defence", "0"), ("monsters.toml", "experience", "50")];
    let (mut stage, _) = beside_a_monster(Class::Necromancer, 3, &changes);
    let before = stage.view.own.experience;
    stage.step(&[use_at(1, (0, 0))]);
    for _ in 0..100 {
        stage.step(&[]);
    }
    assert!(stage.view.own.experience >= before + 50);
}

#[test]
fn the_dead_use_no_skills() {
    let mut stage = Stage::open(Difficulty::Hell, &[("monsters.toml", "damage_max", "100000")]);
    stage.join(FIRST, Sheet::newborn(Class::Amazon, false));
    let own = stage.view.own.entity;
    let dies = |event: &Event| matches!(event, Event::Died { entity, .. } if *entity == own).then_some(());
    stage.until(4 * MINUTE_TICKS, Stage::fight, dies);
    stage.step(&[
        use_at(0, (50, 50)),
        Input::Drink { slot: FIRST, place: 0 },
        Input::PickUp { slot: FIRST, target: 3, drink: true },
    ]);
    let dead: Vec<_> = stage
        .events
        .iter()
        .filter(|event| matches!(event, Event::Refused { reason: RefusedReason::ActorDead, .. }))
        .collect();
    assert_eq!(dead.len(), 3);
    assert_eq!(stage.world.skill_facts(PlayerSlot(5), 0), None);
}
