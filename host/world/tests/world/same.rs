//! The same seed and inputs give the same world; whatever the inputs are, nobody passes a wall or moves too fast.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use realm_world::{
    Attributes, Class, Content, Deal, Difficulty, EntityKind, Event, Facts, Input, Map, PLAYERS_MAX, PlayerSlot, Sheet,
    View, World, Zone,
    items::{ItemHandle, Look, Property, Quality},
};

use crate::stage::{BELOW, content_with};

static TOWN: LazyLock<Arc<Content>> = LazyLock::new(Content::builtin);
/// A hall with pillars, in which those who walk at random meet monsters.
static HALL: LazyLock<Arc<Content>> = LazyLock::new(|| content_with(&[BELOW, ("world.toml", "rooms", "0")]));

/// The built-in pack, with characters that come in above, or below in a hall.
fn any_content() -> impl Strategy<Value = Arc<Content>> {
    any::<bool>().prop_map(|below| Arc::clone(if below { &HALL } else { &TOWN }))
}

fn slots() -> impl Iterator<Item = PlayerSlot> {
    (0u8..).take(PLAYERS_MAX).map(PlayerSlot)
}

fn any_slot() -> impl Strategy<Value = PlayerSlot> {
    prop_oneof![9 => 0..8u8, 1 => any::<u8>()].prop_map(PlayerSlot)
}

fn any_sheet() -> impl Strategy<Value = Sheet> {
    let class = prop::sample::select(&Class::ALL[..]);
    let level = prop_oneof![1..100u32, any::<u32>()];
    let attribute = || prop_oneof![20..100u32, any::<u32>()];
    let attributes = (attribute(), attribute(), attribute(), attribute());
    (class, level, any::<u64>(), attributes, any::<bool>(), any::<bool>()).prop_map(
        |(class, level, experience, (strength, dexterity, vitality, energy), hardcore, dead)| Sheet {
            class,
            level,
            experience,
            attributes: Attributes { strength, dexterity, vitality, energy },
            hardcore,
            dead,
        },
    )
}

fn any_input() -> impl Strategy<Value = Input> {
    let step = || prop_oneof![8 => -20..20i32, 1 => any::<i32>()];
    let target = || prop_oneof![8 => 0..60u16, 1 => any::<u16>()];
    let place = || prop_oneof![8 => 0..2_048i32, 1 => any::<i32>()];
    prop_oneof![
        2 => (any_slot(), any_sheet()).prop_map(|(slot, sheet)| Input::Join { slot, sheet }),
        1 => any_slot().prop_map(|slot| Input::Leave { slot }),
        20 => (any_slot(), step(), step()).prop_map(|(slot, dx, dy)| Input::Move { slot, dx, dy }),
        8 => (any_slot(), target()).prop_map(|(slot, target)| Input::Attack { slot, target }),
        2 => (any_slot(), target()).prop_map(|(slot, target)| Input::Interact { slot, target }),
        8 => (any_slot(), 0..4u8, prop_oneof![Just(0), target()], place(), place())
            .prop_map(|(slot, skill, target, x, y)| Input::Skill { slot, skill, target, x, y }),
        2 => (any_slot(), prop_oneof![40..200u16, target()], any::<bool>())
            .prop_map(|(slot, target, drink)| Input::PickUp { slot, target, drink }),
        1 => (any_slot(), 0..9u8).prop_map(|(slot, place)| Input::Drink { slot, place }),
        1 => any_slot().prop_map(|slot| Input::Respawn { slot }),
        1 => any_input_about_items(),
    ]
}

fn any_input_about_items() -> impl Strategy<Value = Input> {
    let handle = || (0..6u64).prop_map(ItemHandle);
    let look = prop_oneof![
        (any::<u16>(), prop::sample::select(Quality::ALL)).prop_map(|(base, quality)| Look::Item { base, quality }),
        any::<u64>().prop_map(Look::gold),
    ];
    let place = || prop_oneof![8 => 0..2_048i32, 1 => any::<i32>()];
    let zone = prop::sample::select(&Zone::ALL[..]);
    let value = prop_oneof![-100..100i32, any::<i32>()];
    let weapon = prop::option::of((any::<u32>(), any::<i32>()));
    let deal = prop_oneof![
        (any::<u16>(), any::<u32>()).prop_map(|(base, count)| Deal::Buy { base, count }),
        (any::<u64>(), any::<u32>()).prop_map(|(item, count)| Deal::Sell { item, count }),
        any::<u64>().prop_map(|item| Deal::Repair { item }),
    ];
    prop_oneof![
        2 => (any_slot(), 0..8u16, deal).prop_map(|(slot, target, deal)| Input::Deal { slot, target, deal }),
        1 => (any_slot(), any::<u64>(), any::<u64>()).prop_map(|(slot, item, on)| Input::Use { slot, item, on }),
        1 => any_slot().prop_map(|slot| Input::Recall { slot }),
        3 => (any_slot(), prop::sample::select(Property::ALL), value)
            .prop_map(|(slot, property, value)| Input::Bonus { slot, property, value }),
        2 => (any_slot(), weapon, any::<[u32; 3]>())
            .prop_map(|(slot, weapon, skills)| Input::Wear { slot, weapon, skills }),
        3 => (handle(), look, prop_oneof![Just(0), 0..60u16], zone, place(), place())
            .prop_map(|(handle, look, layer, zone, x, y)| Input::Lay { handle, look, layer, zone, x, y }),
        1 => (any_slot(), any::<u64>()).prop_map(|(slot, item)| Input::Drop { slot, item }),
        1 => handle().prop_map(|handle| Input::Confirm { handle }),
        1 => handle().prop_map(|handle| Input::GiveBack { handle }),
    ]
}

fn any_difficulty() -> impl Strategy<Value = Difficulty> {
    prop::sample::select(&[Difficulty::Normal, Difficulty::Nightmare, Difficulty::Hell][..])
}

/// The inputs of one tick after the other. Each tick is repeated, so that players get away from the entrance.
fn any_course() -> impl Strategy<Value = Vec<Vec<Input>>> {
    prop::collection::vec(prop::collection::vec(any_input(), 0..16), 1..60)
}

/// How often each tick of a course is repeated.
const REPEATED: usize = 10;

/// A body stands in no wall.
fn stands_free(map: &Map, x: i32, y: i32) -> bool {
    let (low, high) = (-Map::BODY_HALF, Map::BODY_HALF - 1);
    let corners = [(low, low), (low, high), (high, low), (high, high)];
    corners.into_iter().all(|(dx, dy)| !map.is_wall((x + dx).div_euclid(32), (y + dy).div_euclid(32)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_same_inputs_give_the_same_world(
        seed: u64,
        content in any_content(),
        difficulty in any_difficulty(),
        ticks in any_course(),
    ) {
        let mut one = World::new(Arc::clone(&content), difficulty, seed);
        let mut other = World::new(content, difficulty, seed);
        let (mut events_one, mut events_other) = (Vec::new(), Vec::new());
        let (mut view_one, mut view_other) = (View::default(), View::default());
        for inputs in ticks.iter().flat_map(|inputs| std::iter::repeat_n(inputs, REPEATED)) {
            one.step(inputs, &mut events_one);
            other.step(inputs, &mut events_other);
            if one.tick().is_multiple_of(25) {
                prop_assert_eq!(one.state_hash(), other.state_hash());
                for slot in slots() {
                    one.view(slot, &mut view_one);
                    other.view(slot, &mut view_other);
                    prop_assert_eq!(&view_one, &view_other);
                }
            }
        }
        prop_assert_eq!(events_one, events_other);
        prop_assert_eq!(one.state_hash(), other.state_hash());
        prop_assert_eq!(one.state_hash(), one.clone().state_hash());
    }

    #[test]
    fn nobody_passes_a_wall_or_moves_too_fast(
        seed: u64,
        content in any_content(),
        ticks in any_course(),
    ) {
        let mut world = World::new(content, Difficulty::Hell, seed);
        let mut events = Vec::new();
        let mut view = View::default();
        for inputs in ticks.iter().flat_map(|inputs| std::iter::repeat_n(inputs, REPEATED)) {
            let before: Vec<_> = slots().map(|slot| world.facts(slot)).collect();
            events.clear();
            world.step(inputs, &mut events);
            for (slot, before) in slots().zip(before) {
                let Some(after) = world.facts(slot) else { continue };
                let map = world.map(after.zone);
                prop_assert!(stands_free(map, after.x, after.y));
                prop_assert!((0..=after.life_max).contains(&after.life) && (0..=after.mana_max).contains(&after.mana));
                prop_assert_eq!(after.dead, after.life == 0);
                let leapt = |event: &Event| match event {
                    Event::Respawned { entity } | Event::SkillUsed { entity, .. } => *entity == after.entity,
                    _ => false,
                };
                let recalled = |input: &Input| matches!(input, Input::Recall { slot: whose } if *whose == slot);
                let walked = !events.iter().any(leapt) && !inputs.iter().any(recalled);
                let same = |before: &Facts| before.entity == after.entity && before.zone == after.zone;
                if let Some(before) = before.filter(|before| same(before) && walked) {
                    let (dx, dy) = (i64::from(after.x - before.x), i64::from(after.y - before.y));
                    prop_assert!(dx * dx + dy * dy <= i64::from(after.step_max).pow(2));
                }
                world.view(slot, &mut view);
                prop_assert!(view.entities.is_sorted_by(|one, other| one.id < other.id));
                for entity in &view.entities {
                    let is_body = matches!(entity.kind, EntityKind::Player | EntityKind::Monster | EntityKind::Companion);
                    prop_assert!(!is_body || stands_free(map, entity.x, entity.y));
                    // Things lie where they were laid, in these games anywhere.
                    let is_laid = matches!(entity.kind, EntityKind::Item | EntityKind::Gold);
                    prop_assert!(is_laid || !map.is_wall(entity.x.div_euclid(32), entity.y.div_euclid(32)));
                    prop_assert!(entity.life_percent <= 100 && entity.facing < 8);
                    prop_assert!(is_laid || (1..=99).contains(&entity.level));
                }
            }
        }
    }
}

/// Inputs that a generator of their own makes from the tick, with no help from the world's.
fn scripted_inputs(tick: u32) -> Vec<Input> {
    let mut inputs = Vec::new();
    if tick == 0 {
        for (slot, class) in slots().zip(Class::ALL) {
            inputs.push(Input::Join { slot, sheet: Sheet { level: 8, ..Sheet::newborn(class, slot.0 == 3) } });
        }
    }
    for slot in slots() {
        let mixed = (tick / 50).wrapping_mul(2_654_435_761).wrapping_add(u32::from(slot.0).wrapping_mul(40_503)) >> 7;
        let direction = |bits: u32| [-7, -5, -3, -1, 1, 3, 5, 7][usize::from(bits.to_le_bytes()[0] & 7)];
        inputs.push(Input::Move { slot, dx: direction(mixed), dy: direction(mixed >> 3) });
        let target = u16::from(((tick + u32::from(slot.0) * 5) % 41 + 2).to_le_bytes()[0]);
        inputs.push(Input::Attack { slot, target });
        let skill = ((tick / 15 + u32::from(slot.0)) % 3).to_le_bytes()[0];
        inputs.push(Input::Skill { slot, skill, target, x: 0, y: 0 });
        inputs.push(Input::PickUp {
            slot,
            target: u16::from((tick % 97).to_le_bytes()[0]) + 40,
            drink: slot.0 % 2 == 0,
        });
        inputs.push(Input::Drink { slot, place: skill });
        if tick % 200 == u32::from(slot.0) {
            let (property, skills) = ([Property::Life, Property::Block][usize::from(slot.0 % 2)], [1, 2, tick / 100]);
            inputs.push(Input::Bonus { slot, property, value: 30 });
            inputs.push(Input::Wear { slot, weapon: Some((11, 60)), skills });
        }
        if tick % 125 == 124 {
            inputs.push(Input::Respawn { slot });
        }
    }
    let (look, zone) = (Look::Item { base: 9, quality: Quality::Magic }, Zone::Dungeon);
    let (x, y) = (300 + i32::from(tick.to_le_bytes()[0]), 400);
    match tick % 20 {
        3 => inputs.push(Input::Lay { handle: ItemHandle(tick.into()), look, layer: 0, zone, x, y }),
        9 => inputs.push(Input::Confirm { handle: ItemHandle((tick - 6).into()) }),
        15 => inputs.push(Input::GiveBack { handle: ItemHandle((tick - 12).into()) }),
        _ => {}
    }
    inputs
}

/// One minute of eight players against a recorded hash. It changes only with the rules, the content or the generator, never with the
/// machine or the compiler: whoever changes it on purpose records the new one here and says so in CHANGELOG.md, because logs of games
/// that were recorded before can no longer be repeated.
#[test]
fn a_minute_is_what_it_was_when_it_was_recorded() {
    const RECORDED: [(u32, u64); 3] =
        [(1, 0x8547_656b_7563_453f), (750, 0x2714_d26c_6197_f58f), (1_500, 0x0c93_939a_92c3_ca30)];
    let mut world = World::new(Arc::clone(&HALL), Difficulty::Nightmare, 0x5eed);
    let mut events = Vec::new();
    let mut hashes = Vec::new();
    for tick in 0..1_500 {
        world.step(&scripted_inputs(tick), &mut events);
        if RECORDED.iter().any(|(recorded, _)| *recorded == world.tick()) {
            hashes.push((world.tick(), world.state_hash()));
        }
    }
    let happened = |wanted: fn(&Event) -> bool| events.iter().filter(|event| wanted(event)).count();
    assert!(happened(|event| matches!(event, Event::Damage { .. })) > 20, "the minute is not a quiet one");
    assert!(happened(|event| matches!(event, Event::Died { .. })) > 0);
    assert!(happened(|event| matches!(event, Event::Respawned { .. })) > 0);
    assert!(happened(|event| matches!(event, Event::SkillUsed { .. })) > 50, "skills are used");
    assert_eq!(hashes, RECORDED, "{hashes:#018x?}");
}

#[test]
fn worlds_of_other_seeds_and_difficulties_differ() {
    let hash = |difficulty, seed| World::new(Arc::clone(&TOWN), difficulty, seed).state_hash();
    assert_ne!(hash(Difficulty::Normal, 1), hash(Difficulty::Normal, 2));
    assert_ne!(hash(Difficulty::Normal, 1), hash(Difficulty::Hell, 1));
}
