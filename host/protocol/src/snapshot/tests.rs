//! What the encoder writes, the decoder reads; what nobody wrote, it refuses.

use super::*;
use proptest::prelude::*;

fn encoded(baseline: Option<&Snapshot>, current: &Snapshot) -> Vec<u8> {
    let mut out = Vec::new();
    encode(baseline, current, &mut out);
    out
}

fn entity(id: u16) -> EntityState {
    EntityState { id, kind: EntityKind::Monster, x: 100, y: 200, life_percent: 100, level: 3, ..EntityState::default() }
}

fn crowd(tick: u32, ids: std::ops::Range<u16>) -> Snapshot {
    Snapshot { tick, entities: ids.map(entity).collect(), ..Snapshot::default() }
}

#[test]
fn what_has_not_changed_costs_nothing() {
    let before = crowd(10, 0..200);
    let now = Snapshot { tick: 12, ..before.clone() };
    let bytes = encoded(Some(&before), &now);
    assert_eq!(bytes, [12, 0, 0, 0, 2, 0]);
    assert_eq!(decode(&bytes, Some(&before)), Ok(now));
}

#[test]
fn a_step_costs_less_than_four_bytes() {
    let before = crowd(10, 0..200);
    let mut now = Snapshot { tick: 11, ..before.clone() };
    for entity in &mut now.entities {
        entity.x += 5;
        entity.y -= 31;
    }
    let bytes = encoded(Some(&before), &now);
    assert!(bytes.len() < 200 * 4, "{} bytes", bytes.len());
    assert_eq!(decode(&bytes, Some(&before)), Ok(now));
}

#[test]
fn an_unusable_baseline_gives_a_full_snapshot() {
    let before = crowd(10, 0..3);
    for tick in [10, 9, 266] {
        let now = crowd(tick, 0..3);
        let bytes = encoded(Some(&before), &now);
        assert_eq!(baseline_tick(&bytes), Ok(None));
        assert_eq!(decode(&bytes, None), Ok(now.clone()));
        assert_eq!(decode(&bytes, Some(&before)), Ok(now), "a full snapshot needs no baseline");
    }
    assert_eq!(baseline_tick(&encoded(Some(&before), &crowd(265, 0..3))), Ok(Some(10)));
}

#[test]
fn the_wrong_baseline_is_refused() {
    let bytes = encoded(Some(&crowd(10, 0..3)), &crowd(12, 0..4));
    let expected = Some(10);
    assert_eq!(decode(&bytes, None), Err(SnapshotError::Baseline { expected, found: None }));
    let found = Some(11);
    assert_eq!(decode(&bytes, Some(&crowd(11, 0..3))), Err(SnapshotError::Baseline { expected, found }));
}

#[test]
fn more_entities_than_allowed_are_left_out() {
    let now = crowd(1, 0..600);
    let found = decode(&encoded(None, &now), None).unwrap();
    assert_eq!(found.entities, now.entities[..ENTITIES_MAX]);
    let later = Snapshot { tick: 2, ..now.clone() };
    assert_eq!(encoded(Some(&now), &later).len(), 6);
}

#[test]
fn entities_that_do_not_fit_the_baseline_are_refused() {
    let (few, many) = (crowd(10, 0..3), crowd(10, 0..5));
    let mut changed = crowd(12, 0..5);
    changed.entities[4].x = 7;
    assert_eq!(decode(&encoded(Some(&many), &changed), Some(&few)), Err(SnapshotError::Entity(4)));
    assert_eq!(decode(&encoded(Some(&many), &crowd(12, 0..4)), Some(&few)), Err(SnapshotError::Entity(4)));
    assert_eq!(decode(&encoded(Some(&few), &crowd(12, 0..5)), Some(&many)), Err(SnapshotError::Entity(3)));
}

#[test]
fn every_prefix_and_every_extension_is_refused() {
    let bytes = encoded(None, &crowd(10, 0..9));
    for length in 0..bytes.len() {
        assert_eq!(decode(&bytes[..length], None), Err(SnapshotError::Truncated));
    }
    assert_eq!(decode(&[&bytes[..], &[0]].concat(), None), Err(SnapshotError::Trailing));
}

#[test]
fn values_out_of_range_are_written_as_the_nearest_legal_ones() {
    let wild = EntityState { life_percent: 250, facing: 9, ..entity(4) };
    let now = Snapshot { tick: 1, entities: vec![wild], ..Snapshot::default() };
    let found = decode(&encoded(None, &now), None).unwrap();
    assert_eq!((found.entities[0].life_percent, found.entities[0].facing), (100, 1));
}

#[test]
fn the_own_entity_is_found() {
    let mut snapshot = crowd(1, 5..9);
    snapshot.own.entity = 7;
    assert_eq!(snapshot.own_entity().map(|entity| entity.id), Some(7));
    assert_eq!(snapshot.entity(4), None);
}

#[test]
fn an_item_on_the_ground_says_its_base_in_two_bytes() {
    let item = EntityState { kind: EntityKind::Treasure, appearance: 2, level: 1, ..entity(4) };
    assert_eq!((item.base(), entity(4).base()), (Some(258), None));
    assert_eq!([8, 9].map(EntityKind::from_bits), [Some(EntityKind::Gold), None]);
}

prop_compose! {
    fn any_entity()(
        numbers in any::<(u8, u16, u16, u8)>(), effects in prop_oneof![Just(0), any::<u8>()], kind in 0_u32..9, action in 0_u32..6, facing in 0..FACINGS, life_percent in 0_u8..=100,
    ) -> EntityState {
        let (appearance, x, y, level) = numbers;
        let (kind, action) = (EntityKind::from_bits(kind).unwrap(), Action::from_bits(action).unwrap());
        EntityState { id: 0, kind, appearance, x, y, life_percent, action, facing, level, effects }
    }
}

prop_compose! {
    fn any_own()(
        words in any::<[u16; 5]>(), bytes in any::<[u8; 4]>(), experience in any::<u64>(), skill_ticks in any::<[u16; SKILLS]>(),
        belt in any::<[u8; BELT]>(),
    ) -> OwnState {
        let [entity, life, life_max, mana, mana_max] = words;
        let [level, cooldown_ticks, zone, step_max] = bytes;
        OwnState { entity, life, life_max, mana, mana_max, level, experience, cooldown_ticks, skill_ticks, zone, step_max, belt }
    }
}

prop_compose! {
    fn any_snapshot(ticks: std::ops::Range<u32>)(
        tick in ticks, input in any::<u32>(), own in any_own(),
        entities in prop::collection::btree_map(any::<u16>(), any_entity(), 0..60),
    ) -> Snapshot {
        let entities = entities.into_iter().map(|(id, entity)| EntityState { id, ..entity }).collect();
        Snapshot { tick, input, own, entities }
    }
}

/// A later state of the same world: some entities gone, some moved, some new.
fn any_pair() -> impl Strategy<Value = (Snapshot, Snapshot)> {
    let changes = prop::collection::vec((0_u8..6, -40_i16..40, any_entity()), 60);
    (any_snapshot(0..1_000_000), any_snapshot(1..256), changes).prop_map(|(before, fresh, changes)| {
        let mut now = Snapshot { tick: before.tick + fresh.tick, ..before.clone() };
        let mut kept = Vec::new();
        for (entity, (what, by, other)) in before.entities.iter().zip(changes) {
            match what {
                0 => {}
                1 => kept.push(EntityState { x: entity.x.wrapping_add_signed(by), ..*entity }),
                2 => kept.push(EntityState { facing: other.facing, action: other.action, ..*entity }),
                3 => kept.push(EntityState { id: entity.id, ..other }),
                _ => kept.push(*entity),
            }
        }
        kept.extend(fresh.entities.iter().filter(|entity| entity.id % 4 == 0));
        kept.sort_by_key(|entity| entity.id);
        kept.dedup_by_key(|entity| entity.id);
        now.entities = kept;
        if fresh.input % 2 == 0 {
            (now.input, now.own) = (fresh.input, fresh.own);
        }
        (before, now)
    })
}

proptest! {
    #[test]
    fn a_full_snapshot_comes_back(snapshot in any_snapshot(0..u32::MAX)) {
        prop_assert_eq!(decode(&encoded(None, &snapshot), None), Ok(snapshot));
    }

    #[test]
    fn a_difference_applied_is_the_full_snapshot((before, now) in any_pair()) {
        let bytes = encoded(Some(&before), &now);
        prop_assert_eq!(baseline_tick(&bytes), Ok(Some(before.tick)));
        prop_assert_eq!(decode(&bytes, Some(&before)), Ok(now));
    }

    #[test]
    fn unrelated_snapshots_work_as_baseline(before in any_snapshot(0..100), mut now in any_snapshot(100..200)) {
        now.tick = before.tick + 1 + now.tick % 200;
        prop_assert_eq!(decode(&encoded(Some(&before), &now), Some(&before)), Ok(now));
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), before in any_snapshot(0..300)) {
        let _ = baseline_tick(&bytes);
        let _ = decode(&bytes, None);
        let _ = decode(&bytes, Some(&before));
    }

    #[test]
    fn mutated_snapshots_never_panic((before, now) in any_pair(), flips in prop::collection::vec(any::<prop::sample::Index>(), 1..5)) {
        let mut bytes = encoded(Some(&before), &now);
        for flip in flips {
            // The head stays, so that the body is reached.
            let bit = 40 + flip.index((bytes.len() - 5) * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        if let Ok(found) = decode(&bytes, Some(&before)) {
            prop_assert!(found.entities.len() <= ENTITIES_MAX);
            prop_assert!(found.entities.is_sorted_by(|left, right| left.id < right.id));
        }
    }
}
