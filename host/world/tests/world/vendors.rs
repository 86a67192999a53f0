//! Dealing with vendors, using items, going home, and what fights cost what is worn, as far as the world knows of it.

use realm_world::{
    Content, Deal, Difficulty, EntityKind, EntityView, Event, Input, PlayerSlot, RefusedReason, Sheet, Strain, World,
    Zone,
};

use crate::stage::{FIRST, MINUTE_TICKS, SECOND, Stage, died, newborn};

const DEAL: Deal = Deal::Sell { item: 77, count: 3 };

fn town() -> Stage {
    let mut stage = Stage::of(World::new(Content::builtin(), Difficulty::Normal, 5));
    stage.join(FIRST, newborn());
    stage
}

fn npc(stage: &Stage, appearance: u8) -> EntityView {
    let is_meant = |one: &&EntityView| one.kind == EntityKind::Npc && one.appearance == appearance;
    *stage.view.entities.iter().find(is_meant).expect("it lives in the town")
}

fn refusal(stage: &Stage) -> Option<RefusedReason> {
    stage.events.iter().find_map(|event| match event {
        Event::Refused { reason, .. } => Some(*reason),
        _ => None,
    })
}

fn dealing(stage: &Stage) -> Option<(PlayerSlot, usize, u8, Deal)> {
    stage.events.iter().find_map(|event| match *event {
        Event::Dealing { slot, input_index, vendor, deal } => Some((slot, input_index, vendor, deal)),
        _ => None,
    })
}

fn walk_to(stage: &mut Stage, (x, y): (i32, i32)) {
    for _ in 0..200 {
        let step = stage.towards(FIRST, (x, y));
        stage.step(&[step]);
    }
}

#[test]
fn who_stands_before_a_vendor_deals_and_the_world_knows_nothing_of_the_deal() {
    let mut stage = town();
    let (healer, vendor) = (npc(&stage, 0), npc(&stage, 1));
    let wish = |target| Input::Deal { slot: FIRST, target, deal: DEAL };
    walk_to(&mut stage, (healer.x, healer.y + 200));
    stage.step(&[wish(vendor.id)]);
    assert_eq!((refusal(&stage), dealing(&stage)), (Some(RefusedReason::TargetTooFar), None));
    walk_to(&mut stage, (vendor.x, vendor.y));
    stage.step(&[Input::Move { slot: FIRST, dx: 1, dy: 0 }, wish(vendor.id)]);
    assert_eq!((refusal(&stage), dealing(&stage)), (None, Some((FIRST, 1, 1, DEAL))));
    // Not with the healer, not with the stairs, not with what there is not.
    let (stairs, _) = stage.world.stairs(Zone::Town);
    for target in [healer.id, stairs, 60_000, 0] {
        stage.step(&[wish(target)]);
        assert_eq!((refusal(&stage), dealing(&stage)), (Some(RefusedReason::TargetUnknown), None), "{target}");
    }
    // To turn to it is something else, and says who it is.
    stage.step(&[Input::Interact { slot: FIRST, target: vendor.id }]);
    let met = Event::Met { slot: FIRST, entity: vendor.id, vendor: 1 };
    assert!(stage.events.contains(&met) && refusal(&stage).is_none());
    stage.step(&[Input::Interact { slot: FIRST, target: vendor.id }]);
    assert!(stage.events.contains(&met), "also when it gives nothing");
    assert_eq!(refusal(&stage), Some(RefusedReason::RationTooSoon));
    // Where nobody plays, nothing happens.
    stage.step(&[Input::Deal { slot: SECOND, target: vendor.id, deal: DEAL }]);
    assert!(stage.events.is_empty());
    // From below nobody reaches it.
    stage.take_stairs();
    stage.step(&[wish(vendor.id)]);
    assert_eq!(refusal(&stage), Some(RefusedReason::TargetUnknown));
}

#[test]
fn a_deal_changes_nothing_in_the_world_but_where_one_looks() {
    let (mut one, mut other) = (town(), town());
    let vendor = npc(&one, 1);
    for stage in [&mut one, &mut other] {
        walk_to(stage, (vendor.x, vendor.y));
        stage.step(&[Input::Deal { slot: FIRST, target: vendor.id, deal: Deal::Repair { item: 1 } }]);
    }
    one.step(&[Input::Deal { slot: FIRST, target: vendor.id, deal: DEAL }]);
    other.step(&[]);
    assert_eq!(one.world.state_hash(), other.world.state_hash());
    one.step(&[Input::Use { slot: FIRST, item: 5, on: 9 }]);
    other.step(&[]);
    assert!(one.events.contains(&Event::Using { slot: FIRST, input_index: 0, item: 5, on: 9 }));
    assert_eq!(one.world.state_hash(), other.world.state_hash());
}

#[test]
fn home_is_the_town_from_wherever_one_is_alive() {
    let mut stage = town();
    let begun = stage.place();
    stage.take_stairs();
    assert_eq!(stage.view.own.zone, Zone::Dungeon);
    stage.step(&[
        Input::Recall { slot: FIRST },
        Input::Recall { slot: SECOND },
        Input::Recall { slot: PlayerSlot(200) },
    ]);
    assert_eq!((stage.view.own.zone, stage.place()), (Zone::Town, begun), "where characters come in");
    walk_to(&mut stage, (begun.0 + 90, begun.1));
    assert_ne!(stage.place(), begun);
    stage.step(&[Input::Recall { slot: FIRST }]);
    assert_eq!(stage.place(), begun, "in the town, too");
}

#[test]
fn the_dead_deal_with_nobody_use_nothing_and_stay_where_they_lie() {
    let changes = [("monsters.toml", "damage_min", "500"), ("monsters.toml", "damage_max", "500")];
    let mut stage = Stage::open(Difficulty::Normal, &changes);
    stage.join(FIRST, newborn());
    let own = stage.view.own.entity;
    let (dead, _) = stage.until(8 * MINUTE_TICKS, Stage::fight, |event| died(event).filter(|(dead, _)| *dead == own));
    assert_eq!(dead, own);
    let lies = stage.place();
    stage.step(&[Input::Recall { slot: FIRST }]);
    assert_eq!((stage.view.own.zone, stage.place()), (Zone::Dungeon, lies));
    for wish in [Input::Use { slot: FIRST, item: 1, on: 0 }, Input::Deal { slot: FIRST, target: 1, deal: DEAL }] {
        stage.step(&[wish]);
        assert_eq!(refusal(&stage), Some(RefusedReason::ActorDead));
        assert_eq!(dealing(&stage), None);
    }
}

#[test]
fn blows_that_land_are_counted_for_both_sides() {
    let changes = [
        ("monsters.toml", "damage_min", "1"),
        ("monsters.toml", "damage_max", "1"),
        ("monsters.toml", "life", "60"),
        ("monsters.toml", "attack_rating", "100000"),
    ];
    let mut stage = Stage::open(Difficulty::Normal, &changes);
    stage.join(FIRST, Sheet { level: 40, ..newborn() });
    stage.join(SECOND, newborn());
    assert_eq!(stage.world.strain(FIRST), Some(Strain::default()));
    let own = stage.view.own.entity;
    let (mut dealt, mut suffered) = (0, 0);
    for _ in 0..8 * MINUTE_TICKS {
        let inputs = stage.fight();
        stage.step(&inputs);
        for event in &stage.events {
            match *event {
                Event::Damage { source, .. } if source == own => dealt += 1,
                Event::Damage { target, .. } if target == own => suffered += 1,
                _ => {}
            }
        }
        if dealt > 5 && suffered > 5 {
            break;
        }
    }
    let strain = stage.world.strain(FIRST).expect("it plays");
    assert!(dealt > 5 && suffered > 5, "{dealt} dealt, {suffered} suffered");
    assert_eq!(strain.dealt, dealt, "every blow of the hand that landed");
    // What burns on after a blow is no blow, and a blow may take nothing.
    assert!(strain.suffered > 0, "{strain:?}");
    assert_eq!(stage.world.strain(SECOND), Some(Strain::default()), "who only stands there wears nothing");
    assert_eq!(stage.world.strain(PlayerSlot(5)), None);
    assert_eq!(stage.world.strain(PlayerSlot(250)), None);
}
