//! What a game does with things on its ground, with a keeper that the test plays.

use realm_protocol::{
    proto::{self, game_event::Kind},
    snapshot::EntityKind,
};
use realm_world::{
    Class, Difficulty, Input, PlayerSlot, Sheet, World, Zone,
    items::{ItemHandle, Look, Property, Quality},
};

use super::{
    keeper::{ERRANDS_MAX, Errand},
    testing::{Client, Table, hall},
};

const LOOK: Look = Look::Item { base: 300, quality: Quality::Set };
const HANDLE: ItemHandle = ItemHandle(5);

/// A game with two players, and an item that lies before the first.
struct Scene {
    table: Table,
    first: Client,
    second: Client,
}

impl Scene {
    fn new() -> Self {
        let mut table = Table::new(World::new(hall(), Difficulty::Normal, 9), None);
        let (first, second) = (Client::new(), Client::new());
        for (slot, client) in [(0, &first), (1, &second)] {
            table.seat(slot, Some(Sheet::newborn(Class::Druid, false)), client.link.clone());
        }
        let mut scene = Self { table, first, second };
        scene.tick();
        scene
    }

    fn tick(&mut self) {
        self.table.tick(1);
        self.first.read_all();
        self.second.read_all();
    }

    fn lay(&mut self, handle: ItemHandle) {
        let facts = self.table.game.world().facts(PlayerSlot(0)).unwrap();
        let (zone, x, y) = (facts.zone, facts.x, facts.y);
        self.table.hear(Some(Input::Lay { handle, look: LOOK, layer: 0, zone, x, y }), None);
        self.tick();
    }

    /// The item that both see.
    fn item(&self) -> Option<u32> {
        let of = |client: &Client| {
            let now = client.history.back().unwrap();
            now.entities.iter().find(|one| one.kind == EntityKind::Treasure).copied()
        };
        assert_eq!(of(&self.first), of(&self.second));
        let item = of(&self.first)?;
        assert_eq!((item.base(), item.effects), (Some(300), 3));
        Some(item.id.into())
    }

    fn errand(&mut self) -> Option<Errand> {
        self.table.errands.try_recv().ok()
    }
}

fn take(client: &mut Client, target: u32) -> u32 {
    client.input += 1;
    let input = client.input;
    client.send(proto::PickUp { input, acknowledged_tick: 0, target, drink: false });
    input
}

/// Inputs that were refused, with their codes.
fn refused(client: &Client) -> Vec<(u32, String)> {
    let of = |event: &proto::GameEvent| match &event.kind {
        Some(Kind::Refused(refused)) => Some((refused.input, refused.code.clone())),
        _ => None,
    };
    client.events.iter().filter_map(of).collect()
}

#[test]
fn what_is_taken_goes_to_the_keeper_and_its_word_decides() {
    let mut scene = Scene::new();
    scene.lay(HANDLE);
    let item = scene.item().expect("both see it");
    let (first, second) = (take(&mut scene.first, item), take(&mut scene.second, item));
    scene.tick();
    assert_eq!(scene.item(), None, "nobody sees what somebody is about to have");
    let Some(Errand::Take { finder, input, handle }) = scene.errand() else { panic!("the keeper is asked") };
    assert_eq!((finder.account.raw(), finder.character.raw(), input, handle), (1, 1, first, HANDLE));
    assert_eq!(finder.sheet, Some(Sheet::newborn(Class::Druid, false)));
    assert!(scene.errand().is_none(), "one alone takes it");
    assert_eq!(refused(&scene.second), [(second, "TARGET_UNKNOWN".to_owned())]);

    // It does not get it: the other may.
    scene.table.hear(Some(Input::GiveBack { handle }), None);
    scene.tick();
    assert_eq!(scene.item(), Some(item));
    let again = take(&mut scene.second, item);
    scene.tick();
    assert!(matches!(scene.errand(), Some(Errand::Take { input, .. }) if input == again));
    let taken = proto::ItemTaken { input: again, item_id: 77, base: "ring".to_owned(), ..Default::default() };
    scene.table.hear(Some(Input::Confirm { handle }), Some((2, Kind::ItemTaken(taken.clone()))));
    scene.tick();
    assert_eq!(scene.item(), None);
    assert!(scene.second.events.iter().any(|event| event.kind == Some(Kind::ItemTaken(taken.clone()))));
    assert!(scene.first.events.iter().all(|event| !matches!(event.kind, Some(Kind::ItemTaken(_)))));
}

#[test]
fn who_leaves_before_the_answer_keeps_nobody_from_it() {
    let mut scene = Scene::new();
    scene.lay(HANDLE);
    let item = scene.item().unwrap();
    take(&mut scene.first, item);
    scene.first.send(proto::GameLeave {});
    scene.tick();
    let back = match scene.errand() {
        // Taken, and left in the same tick: the keeper is asked, and will find the lease gone.
        Some(Errand::Take { handle, .. }) => Input::GiveBack { handle },
        other => panic!("{other:?}"),
    };
    scene.table.hear(Some(back), Some((1, Kind::ItemTaken(proto::ItemTaken::default()))));
    scene.table.tick(1);
    scene.second.read_all();
    let now = scene.second.history.back().unwrap();
    assert!(now.entities.iter().any(|one| u32::from(one.id) == item), "it lies there for the other");
}

#[test]
fn a_keeper_that_has_too_much_to_do_costs_nobody_an_item() {
    let mut scene = Scene::new();
    scene.lay(HANDLE);
    let item = scene.item().unwrap();
    // Things that never find room: one after the other is told as gone, and nobody takes the errands.
    for number in 0..(ERRANDS_MAX as u64 + 200) / 50 {
        for place in 0..50 {
            let handle = ItemHandle(1_000 + number * 50 + place);
            let lay = Input::Lay { handle, look: LOOK, layer: 0, zone: Zone::Town, x: 500, y: 500 };
            scene.table.hear(Some(lay), None);
        }
        scene.tick();
    }
    assert_eq!(scene.table.errands.len(), ERRANDS_MAX, "the queue has an end");
    let input = take(&mut scene.first, item);
    scene.tick();
    assert_eq!(refused(&scene.first), [(input, "RATE_LIMITED".to_owned())]);
    scene.tick();
    assert_eq!(scene.item(), Some(item), "it lies there again");
    scene.first.input += 1;
    let input = scene.first.input;
    scene.first.send(proto::ItemDrop { input, acknowledged_tick: 0, item_id: 3 });
    scene.tick();
    assert_eq!(refused(&scene.first).last(), Some(&(input, "GROUND_FULL".to_owned())));
}

#[test]
fn an_item_is_laid_down_where_its_player_stands() {
    let mut scene = Scene::new();
    let facts = scene.table.game.world().facts(PlayerSlot(1)).unwrap();
    scene.second.input += 1;
    let input = scene.second.input;
    scene.second.send(proto::ItemDrop { input, acknowledged_tick: 0, item_id: u64::MAX });
    scene.tick();
    let Some(Errand::Lay { finder, input: asked, item, entity, zone, x, y }) = scene.errand() else {
        panic!("the keeper is asked")
    };
    assert_eq!((finder.account.raw(), asked, item, entity), (2, input, u64::MAX, facts.entity));
    assert_eq!((zone, x, y), (facts.zone, facts.x, facts.y));
    assert_eq!(scene.item(), None, "nothing lies there before it is stored");
    let laid = proto::ItemLaid { input, item_id: item };
    let lay = Input::Lay { handle: HANDLE, look: LOOK, layer: entity, zone, x, y };
    scene.table.hear(Some(lay), Some((2, Kind::ItemLaid(laid))));
    scene.tick();
    assert!(scene.item().is_some());
    assert!(scene.second.events.iter().any(|event| event.kind == Some(Kind::ItemLaid(laid))));
}

#[test]
fn what_was_refused_is_not_asked_for_at_once_and_answers_go_to_who_asked() {
    let mut scene = Scene::new();
    scene.lay(HANDLE);
    let item = scene.item().unwrap();
    take(&mut scene.first, item);
    scene.tick();
    assert!(matches!(scene.errand(), Some(Errand::Take { .. })));
    let no_room = Kind::Refused(proto::ActRefused { input: 1, code: "ITEM_NO_ROOM".to_owned() });
    scene.table.hear(Some(Input::GiveBack { handle: HANDLE }), Some((1, no_room)));
    scene.tick();
    let again = take(&mut scene.first, item);
    scene.tick();
    assert_eq!(refused(&scene.first).last(), Some(&(again, "ACT_TOO_SOON".to_owned())));
    assert!(scene.errand().is_none());
    (0..20).for_each(|_| scene.tick());
    take(&mut scene.first, item);
    scene.tick();
    assert!(matches!(scene.errand(), Some(Errand::Take { .. })), "after a while it may");

    // One thing is laid down at a time.
    let drop_item = |scene: &mut Scene| {
        scene.second.input += 1;
        let input = scene.second.input;
        scene.second.send(proto::ItemDrop { input, acknowledged_tick: 0, item_id: 3 });
        scene.tick();
        input
    };
    drop_item(&mut scene);
    assert!(matches!(scene.errand(), Some(Errand::Lay { .. })));
    let input = drop_item(&mut scene);
    assert_eq!(refused(&scene.second).last(), Some(&(input, "RATE_LIMITED".to_owned())));

    // On another connection nobody waits for the answer to a wish of the first.
    let newer = Client::new();
    scene.table.seat(1, None, newer.link.clone());
    let laid = proto::ItemLaid { input: 1, item_id: 3 };
    scene.table.hear(None, Some((2, Kind::ItemLaid(laid))));
    scene.table.tick(1);
    let mut newer = newer;
    newer.read_all();
    assert!(newer.events.is_empty(), "{:?}", newer.events);
}

#[test]
fn a_death_is_told_with_its_hoard_and_who_killed() {
    let mut scene = Scene::new();
    // Strong enough to kill whatever it meets.
    let wear = [
        Input::Bonus { slot: PlayerSlot(0), property: Property::DamageMin, value: 100_000 },
        Input::Bonus { slot: PlayerSlot(0), property: Property::Life, value: 100_000 },
        Input::Wear { slot: PlayerSlot(0), weapon: Some((5, 512)), skills: [0; 3] },
    ];
    wear.into_iter().for_each(|input| scene.table.hear(Some(input), None));
    let mut hoards = Vec::new();
    for tick in 0..4_000 {
        let now = scene.first.history.back().unwrap().clone();
        let nearest = now.entities.iter().find(|one| one.kind == EntityKind::Monster && one.life_percent > 0);
        scene.first.input += 1;
        let input = scene.first.input;
        match nearest {
            Some(monster) if tick % 2 == 0 => {
                let target = monster.id.into();
                scene.first.send(proto::PlayerAttack { input, acknowledged_tick: now.tick, target });
            }
            _ => {
                let way = [(6, 0), (0, 6), (-6, 0), (0, -6), (4, 4)][tick / 100 % 5];
                let (dx, dy) = way;
                scene.first.send(proto::PlayerMove { input, acknowledged_tick: now.tick, dx, dy });
            }
        }
        scene.tick();
        while let Some(errand) = scene.errand() {
            if let Errand::Open { tick, death, hoard, killer, x, y } = errand {
                assert_eq!(tick, scene.table.game.world().tick());
                assert_eq!((death, killer.map(crate::types::AccountId::raw)), (0, Some(1)));
                assert!(x > 0 && y > 0);
                hoards.push(hoard);
            }
        }
        if hoards.len() >= 3 {
            break;
        }
    }
    assert!(hoards.len() >= 3, "{} monsters were killed", hoards.len());
    assert!(hoards[0].seed != hoards[1].seed);
}
