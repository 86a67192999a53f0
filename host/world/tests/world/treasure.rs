//! What monsters leave, what lies on the ground, and what a character is by what it wears.

use realm_world::{
    Class, Content, Difficulty, EntityKind, EntityView, Event, Hoard, Input, Outfit, PlayerSlot, RefusedReason, Sheet,
    World, Zone,
    items::{Find, ItemHandle, LYING_PER_PLAYER_MAX, Look, Loot, Property, Quality, Slot, Worn},
};

use crate::stage::{FIRST, MINUTE_TICKS, SECOND, Stage, died, newborn};

/// Monsters that cannot hurt, and no potions.
const QUIET: [(&str, &str, &str); 4] = [
    ("monsters.toml", "damage_min", "0"),
    ("monsters.toml", "damage_max", "0"),
    ("monsters.toml", "effect_amount", "1"),
    ("world.toml", "chance_percent", "0"),
];

fn lying(stage: &Stage) -> Vec<EntityView> {
    let lies = |one: &&EntityView| matches!(one.kind, EntityKind::Item | EntityKind::Gold);
    stage.view.entities.iter().filter(lies).copied().collect()
}

fn lay(handle: u64, layer: u16, (x, y): (i32, i32)) -> Input {
    let look = Look::Item { base: 258, quality: Quality::Rare };
    Input::Lay { handle: ItemHandle(handle), look, layer, zone: Zone::Dungeon, x, y }
}

fn take(slot: PlayerSlot, target: u16) -> Input {
    Input::PickUp { slot, target, drink: true }
}

/// A sheet with levels and points enough for anything.
fn mighty() -> Sheet {
    let mut sheet = Sheet { level: 90, ..newborn() };
    (sheet.attributes.strength, sheet.attributes.dexterity) = (400, 400);
    sheet
}

/// Wears all of these properties.
fn wear(slot: PlayerSlot, given: &[(Property, i32)]) -> Vec<Input> {
    let bonuses = given.iter().map(|(property, value)| Input::Bonus { slot, property: *property, value: *value });
    bonuses.chain([Input::Wear { slot, weapon: None, skills: [0; 3] }]).collect()
}

#[test]
fn a_death_leaves_a_hoard_by_the_killers_luck_and_its_seed_is_no_throw_of_combat() {
    let course = |find: &[(Property, i32)]| {
        let mut stage = Stage::open(Difficulty::Normal, &QUIET);
        stage.join(FIRST, mighty());
        stage.step(&wear(FIRST, find));
        let mut hoards = Vec::new();
        for _ in 0..3 {
            stage.until(6 * MINUTE_TICKS, Stage::fight, died);
            let treasure = stage.events.iter().find_map(|event| match event {
                Event::Treasure { killer, hoard, x, y } => Some((*killer, *hoard, (*x, *y))),
                _ => None,
            });
            hoards.push(treasure.expect("each death leaves a hoard"));
        }
        (stage.world.tick(), hoards)
    };
    let (tick, plain) = course(&[]);
    let (tick_of_the_lucky, lucky) = course(&[(Property::MagicFind, 70), (Property::GoldFind, 30)]);
    assert_eq!(tick, tick_of_the_lucky, "luck changes no fight");
    for ((killer, hoard, place), (_, other, other_place)) in plain.iter().zip(&lucky) {
        assert_eq!((*killer, hoard.find, place), (Some(FIRST), Find::default(), other_place));
        assert_eq!(other.find, Find { magic_find: 70, gold_find: 30 });
        assert_eq!(hoard.seed, other.seed);
    }
    assert!(plain[0].1.seed != plain[1].1.seed && plain[1].1.seed != plain[2].1.seed);
}

#[test]
fn a_hoard_gives_the_same_again_and_something_now_and_then() {
    let content = Content::builtin();
    let mut things = 0;
    for seed in 0..200 {
        let hoard = Hoard { appearance: 3, find: Find::default(), seed };
        let loot = hoard.open(&content, Difficulty::Hell);
        assert_eq!(loot, hoard.open(&content, Difficulty::Hell));
        things += loot.len();
        for one in loot {
            if let Loot::Item(item) = one {
                assert_eq!(content.items().check(&item), Ok(()));
                assert!(content.items().base_number(&item.base).is_some());
            }
        }
    }
    assert!(things > 20, "{things}");
}

#[test]
fn what_lies_there_is_seen_until_somebody_takes_it_and_then_by_nobody() {
    let mut stage = Stage::open(Difficulty::Normal, &QUIET);
    stage.join(FIRST, newborn());
    stage.join(SECOND, newborn());
    let place = stage.place();
    stage.step(&[lay(7, 0, place), lay(7, 0, place)]);
    let [item] = lying(&stage)[..] else { panic!("one thing lies there: {:?}", lying(&stage)) };
    assert_eq!((item.kind, item.appearance, item.level, item.effects), (EntityKind::Item, 2, 1, 2));
    assert_eq!(stage.world.position(item.id), Some((Zone::Dungeon, item.x, item.y)));

    // Two take it in the same tick: the first gets it.
    stage.step(&[take(SECOND, item.id), take(FIRST, item.id)]);
    assert_eq!(stage.events[0], Event::Taken { slot: SECOND, input_index: 0, handle: ItemHandle(7) });
    assert!(matches!(stage.events[1], Event::Refused { slot: FIRST, reason: RefusedReason::TargetUnknown, .. }));
    assert_eq!((lying(&stage), stage.world.position(item.id)), (Vec::new(), None));

    // Given back it lies there again; confirmed it is gone, whoever left meanwhile.
    stage.step(&[Input::GiveBack { handle: ItemHandle(7) }]);
    assert_eq!(lying(&stage), [item]);
    stage.step(&[take(SECOND, item.id), Input::Leave { slot: SECOND }]);
    stage.step(&[Input::Confirm { handle: ItemHandle(7) }, Input::GiveBack { handle: ItemHandle(7) }]);
    assert_eq!(lying(&stage), []);
    assert!(stage.events.is_empty(), "{:?}", stage.events);
}

#[test]
fn what_is_too_far_or_vanishes_is_nobodys() {
    let mut stage = Stage::open(Difficulty::Normal, &[("world.toml", "ticks", "5"), QUIET[3]]);
    stage.join(FIRST, newborn());
    let (x, y) = stage.place();
    stage.step(&[lay(1, 0, (x + 100, y)), lay(2, 0, (x, y))]);
    let far = lying(&stage).into_iter().find(|one| one.x > x + 90).expect("it is in sight");
    stage.step(&[take(FIRST, far.id)]);
    assert!(matches!(stage.events[..], [Event::Refused { reason: RefusedReason::TargetTooFar, .. }]));
    let near = lying(&stage).into_iter().find(|one| one.id != far.id).unwrap();
    stage.step(&[take(FIRST, near.id)]);
    let mut vanished = Vec::new();
    for _ in 0..10 {
        stage.step(&[]);
        vanished.extend(stage.events.iter().copied());
    }
    // What somebody has taken waits for its answer, however long that takes.
    assert_eq!(vanished, [Event::Vanished { handle: ItemHandle(1) }]);
    stage.step(&[Input::GiveBack { handle: ItemHandle(2) }]);
    assert_eq!(lying(&stage), [near]);
}

#[test]
fn a_player_lays_down_so_much_and_no_more() {
    let mut stage = Stage::open(Difficulty::Normal, &QUIET);
    stage.join(FIRST, newborn());
    let (own, place) = (stage.view.own.entity, stage.place());
    let wish = Input::Drop { slot: FIRST, item: 77 };
    for handle in 0..LYING_PER_PLAYER_MAX as u64 {
        let (x, y) = place;
        stage.step(&[Input::Drop { slot: SECOND, item: 5 }, wish]);
        let laying = Event::Laying { slot: FIRST, input_index: 1, item: 77, zone: Zone::Dungeon, x, y };
        assert_eq!(stage.events, [laying], "nobody plays in the second slot");
        stage.step(&[lay(handle, own, place)]);
        assert!(stage.events.is_empty(), "{:?}", stage.events);
    }
    stage.step(&[wish]);
    assert!(matches!(stage.events[..], [Event::Refused { reason: RefusedReason::GroundShare, .. }]));
    stage.step(&[lay(100, own, place)]);
    assert_eq!(stage.events, [Event::Vanished { handle: ItemHandle(100) }]);
    let mut places: Vec<_> = lying(&stage).iter().map(|one| (one.x, one.y)).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), LYING_PER_PLAYER_MAX, "each lies on a tile of its own");
}

#[test]
fn a_character_is_what_it_wears_from_the_first_tick_on_and_taking_off_heals_nobody() {
    let mut stage = Stage::open(Difficulty::Normal, &QUIET);
    let join = Input::Join { slot: FIRST, sheet: newborn() };
    stage.step(&[join]);
    let bare = stage.view.own;
    stage.step(&[Input::Leave { slot: FIRST }]);
    let worn = [(Property::Life, 40), (Property::Mana, 30), (Property::WalkSpeed, 25)];
    let inputs: Vec<Input> = [join].into_iter().chain(wear(FIRST, &worn)).collect();
    stage.step(&inputs);
    let own = stage.view.own;
    assert_eq!((own.life_max, own.mana_max), (bare.life_max + 40, bare.mana_max + 30));
    assert_eq!((own.life, own.mana), (own.life_max, own.mana_max), "it comes in whole");
    assert!(own.step_max > bare.step_max);

    // Half told is not worn.
    stage.step(&[Input::Bonus { slot: FIRST, property: Property::Life, value: 1_000 }]);
    assert_eq!(stage.view.own.life_max, own.life_max);
    stage.step(&wear(FIRST, &[(Property::Life, 0)]));
    assert_eq!((stage.view.own.life, stage.view.own.life_max), (bare.life_max, bare.life_max));
    assert_eq!(stage.view.own.step_max, bare.step_max);
    stage.step(&wear(FIRST, &worn));
    assert_eq!((stage.view.own.life, stage.view.own.life_max), (bare.life_max, own.life_max), "that heals nobody");
}

#[test]
fn an_outfit_tells_what_the_stats_of_its_character_say() {
    let content = Content::builtin();
    let items = content.items();
    let sheet = mighty();
    let base = items.bases().iter().find(|base| base.damage.1 > 0 && base.class.is_none()).expect("a weapon");
    let sword = items.plain(&base.key, 50).unwrap();
    let helm = items.make("hood", Quality::Unique, 90, &mut realm_world::Dice::new(3, 3)).unwrap();
    let helm = realm_world::items::Item { identified: true, ..helm };
    let worn = Worn::restored([(Slot::MainHand, sword), (Slot::Head, helm)]).unwrap();
    let stats = content.stats(&sheet, [3, 2, 1], &worn);
    let outfit = Outfit::new(&content, &sheet, [3, 2, 1], &worn);

    let mut world = World::new(content, Difficulty::Normal, 1);
    let inputs: Vec<Input> = [Input::Join { slot: FIRST, sheet }].into_iter().chain(outfit.inputs(FIRST)).collect();
    world.step(&inputs, &mut Vec::new());
    let facts = world.facts(FIRST).unwrap();
    assert_eq!((facts.life_max, facts.mana_max), (stats.life_max, stats.mana_max));
    assert_eq!((facts.life, facts.step_max), (stats.life_max, stats.step));
    let bare = World::new(Content::builtin(), Difficulty::Normal, 1).state_hash();
    assert_ne!(bare, world.state_hash());
    assert_eq!(Outfit::default().inputs(SECOND).count(), 1, "who wears nothing is told in one input");
}

#[test]
fn learnt_skills_and_what_is_worn_make_skills_stronger() {
    let struck = |skills: [u32; 3], given: &[(Property, i32)]| {
        let changes = [QUIET[0], QUIET[1], QUIET[2], QUIET[3], ("monsters.toml", "life", "100000")];
        let mut stage = Stage::open(Difficulty::Normal, &changes);
        let sheet = Sheet { level: 30, ..Sheet::newborn(Class::Sorceress, false) };
        stage.join(FIRST, sheet);
        let mut inputs = wear(FIRST, given);
        inputs.pop();
        inputs.push(Input::Wear { slot: FIRST, weapon: None, skills });
        stage.step(&inputs);
        let own = stage.view.own.entity;
        let act = |stage: &Stage| {
            let target = stage.nearest(EntityKind::Monster).map(|one| one.id);
            let cast = target.map(|target| Input::Skill { slot: FIRST, skill: 0, target, x: 0, y: 0 });
            stage.fight().into_iter().filter(|input| matches!(input, Input::Move { .. })).chain(cast).collect()
        };
        stage.until(6 * MINUTE_TICKS, act, |event| match event {
            Event::Damage { source, amount, .. } if *source == own => Some(*amount),
            _ => None,
        })
    };
    let plain = struck([0; 3], &[]);
    assert!(struck([20, 0, 0], &[]) > plain, "learnt");
    assert_eq!(struck([0, 20, 0], &[]), plain, "another skill");
    assert!(struck([1, 0, 0], &[(Property::AllSkills, 10)]) > struck([1, 0, 0], &[]), "worn");
    assert_eq!(struck([0, 0, 0], &[(Property::AllSkills, 10)]), plain, "items teach nobody");
    assert!(struck([0; 3], &[(Property::SkillDamage, 200)]) > 2 * plain);
}
