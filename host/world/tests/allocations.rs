//! In the steady state a tick and the views of all players allocate nothing.

#[allow(dead_code, reason = "the tests of the world use the rest")]
#[path = "world/stage.rs"]
mod stage;

use realm_world::{
    Class, Difficulty, ENTITIES_MAX, EntityKind, EntityView, Event, Input, PLAYERS_MAX, PlayerSlot, Sheet, View, World,
    Zone,
    items::{ItemHandle, Look},
};

#[test]
fn steps_and_views_allocate_nothing() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(Vec::<u8>::with_capacity(1))));
    assert_eq!(counted.count_total, 1, "the counter is at work");
    let mut world = World::new(stage::content_with(&[stage::BELOW]), Difficulty::Normal, 11);
    let mut events: Vec<Event> = Vec::with_capacity(1_024);
    let mut view = View::default();
    view.entities.reserve(ENTITIES_MAX);
    let slots = || (0u8..).take(PLAYERS_MAX).map(PlayerSlot);
    let joins: Vec<Input> = slots()
        .zip(Class::ALL.into_iter().cycle())
        .map(|(slot, class)| Input::Join { slot, sheet: Sheet { level: 10, ..Sheet::newborn(class, false) } })
        .collect();
    world.step(&joins, &mut events);

    let mut inputs: Vec<Input> = Vec::with_capacity(6 * PLAYERS_MAX + 16);
    let mut seen = 0;
    let mut happened = 0;
    let mut taken = 0;
    // Two minutes, so that monsters die and come again, and players as well.
    let info = allocation_counter::measure(|| {
        for tick in 0..3_000u32 {
            inputs.clear();
            for slot in slots() {
                let round = [(6, 0), (4, 4), (0, 6), (-4, 4), (-6, 0), (-4, -4), (0, -6), (4, -4)];
                let (dx, dy) = round[(usize::from(slot.0) + usize::from(tick % 900 > 450) * 4) % 8];
                inputs.push(Input::Move { slot, dx, dy });
                let nearest = view.entities.iter().find(|entity| entity.kind == realm_world::EntityKind::Monster);
                inputs.push(Input::Attack { slot, target: nearest.map_or(0, |entity| entity.id) });
                let skill = u8::try_from(tick / 20 % 3).unwrap_or_default();
                inputs.push(Input::Skill { slot, skill, target: nearest.map_or(0, |entity| entity.id), x: 0, y: 0 });
                if let Some(drop) = view.entities.iter().find(|entity| entity.kind == realm_world::EntityKind::Drop) {
                    inputs.push(Input::PickUp { slot, target: drop.id, drink: tick % 2 == 0 });
                }
                if tick % 100 == 0 {
                    inputs.push(Input::Respawn { slot });
                }
                world.view(slot, &mut view);
                seen += view.entities.len();
            }
            let handle = ItemHandle(tick.into());
            let look = Look::gold(tick.into());
            let [x, y] = [view.own.x, view.own.y];
            inputs.push(Input::Lay { handle, look, layer: 0, zone: Zone::Dungeon, x, y });
            let lies = |entity: &&EntityView| entity.kind == EntityKind::Gold;
            if let Some(gold) = view.entities.iter().find(lies) {
                inputs.push(Input::PickUp { slot: PlayerSlot(7), target: gold.id, drink: false });
            }
            inputs.extend(events.iter().filter_map(|event| match event {
                Event::Taken { handle, .. } if handle.0 % 2 == 0 => Some(Input::Confirm { handle: *handle }),
                Event::Taken { handle, .. } => Some(Input::GiveBack { handle: *handle }),
                _ => None,
            }));
            taken += events.iter().filter(|event| matches!(event, Event::Taken { .. })).count();
            events.clear();
            world.step(&inputs, &mut events);
            happened += events.iter().filter(|event| matches!(event, Event::Damage { .. })).count();
        }
    });
    assert!(seen > 0 && happened > 0, "seen {seen}, happened {happened}");
    assert!(taken > 0, "things were taken from the ground");
    assert_eq!(info.count_total, 0, "{info:?}");
}
