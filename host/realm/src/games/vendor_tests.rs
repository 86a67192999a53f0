//! What a game does with deals, scrolls, wear and death, with a keeper that the test plays.

use std::sync::{Arc, atomic::Ordering};

use realm_protocol::{
    proto::{self, game_event::Kind},
    snapshot::EntityKind,
};
use realm_world::{Class, Content, Deal, Difficulty, Input, PlayerSlot, Sheet, World, Zone, items::Property};

use super::{
    keeper::Errand,
    outfits::Brought,
    testing::{Client, Table, hall},
    wearing::Cause,
};
use crate::types::{CharacterId, ItemId};

const FIRST: PlayerSlot = PlayerSlot(0);

fn refused(client: &Client) -> Vec<(u32, String)> {
    let of = |event: &proto::GameEvent| match &event.kind {
        Some(Kind::Refused(refused)) => Some((refused.input, refused.code.clone())),
        _ => None,
    };
    client.events.iter().filter_map(of).collect()
}

/// A game in the town with one player.
struct Scene {
    table: Table,
    client: Client,
}

impl Scene {
    fn new(world: World, sheet: Sheet) -> Self {
        let mut table = Table::new(world, None);
        let client = Client::new();
        table.seat(0, Some(sheet), client.link.clone());
        let mut scene = Self { table, client };
        scene.tick();
        scene
    }

    fn tick(&mut self) {
        self.table.tick(1);
        self.client.read_all();
    }

    fn vendor(&self) -> (u32, (i32, i32)) {
        let now = self.client.history.back().unwrap();
        let is_vendor =
            |one: &&realm_protocol::snapshot::EntityState| one.kind == EntityKind::Npc && one.appearance == 1;
        let vendor = now.entities.iter().find(is_vendor).expect("in sight");
        (vendor.id.into(), (vendor.x.into(), vendor.y.into()))
    }

    fn walk_to(&mut self, (x, y): (i32, i32)) {
        for _ in 0..100 {
            let facts = self.table.game.world().facts(FIRST).unwrap();
            self.client.step(x - facts.x, y - facts.y);
            self.tick();
        }
    }

    fn deal(&mut self, target: u32, kind: proto::vendor_deal::Kind) -> u32 {
        self.client.input += 1;
        let (input, deal) = (self.client.input, Some(proto::VendorDeal { kind: Some(kind) }));
        self.client.send(proto::NpcInteraction { input, acknowledged_tick: 0, target, deal });
        self.tick();
        input
    }

    fn errand(&mut self) -> Option<Errand> {
        loop {
            match self.table.errands.try_recv().ok()? {
                Errand::Open { .. } => {}
                errand => return Some(errand),
            }
        }
    }
}

fn sell(item_id: u64) -> proto::vendor_deal::Kind {
    proto::vendor_deal::Kind::Sell(proto::VendorSell { item_id, count: 2 })
}

fn buy(base: &str) -> proto::vendor_deal::Kind {
    proto::vendor_deal::Kind::Buy(proto::VendorBuy { base: base.to_owned(), count: 1 })
}

#[test]
fn who_stands_before_a_vendor_has_its_deal_handed_to_the_keeper() {
    let mut scene =
        Scene::new(World::new(Content::builtin(), Difficulty::Normal, 9), Sheet::newborn(Class::Druid, false));
    let (vendor, (x, y)) = scene.vendor();
    scene.walk_to((x, y + 250));
    let far = scene.deal(vendor, sell(5));
    assert_eq!(refused(&scene.client), [(far, "TARGET_TOO_FAR".to_owned())]);
    assert!(scene.errand().is_none());
    scene.walk_to((x, y));
    let input = scene.deal(vendor, sell(5));
    let Some(Errand::Deal { finder, input: asked, vendor: who, deal }) = scene.errand() else { panic!("it is asked") };
    assert_eq!((finder.character.raw(), asked, who, deal), (1, input, 1, Deal::Sell { item: 5, count: 2 }));
    // One deal at a time; what is no ware of the pack is none of anybody.
    let early = scene.deal(vendor, sell(6));
    assert_eq!(refused(&scene.client).last(), Some(&(early, "RATE_LIMITED".to_owned())));
    let odd = scene.deal(vendor, buy("no-such-thing"));
    assert_eq!(refused(&scene.client).last(), Some(&(odd, "ITEM_NOT_SOLD".to_owned())));
    let dealt = proto::ItemDealt { input, act: "sell".to_owned(), item_id: 5, count: 0, gold: 9 };
    scene.table.hear(None, Some((1, Kind::ItemDealt(dealt.clone()))));
    scene.tick();
    assert!(scene.client.events.iter().any(|event| event.kind == Some(Kind::ItemDealt(dealt.clone()))));
    scene.deal(vendor, buy("hood"));
    let base = Content::builtin().items().base_number("hood").unwrap();
    assert!(matches!(scene.errand(), Some(Errand::Deal { deal, .. }) if deal == Deal::Buy { base, count: 1 }));
    // Who turns to it is told who it is.
    scene.client.input += 1;
    let input = scene.client.input;
    scene.client.send(proto::NpcInteraction { input, acknowledged_tick: 0, target: vendor, deal: None });
    scene.tick();
    let met = Kind::VendorMet(proto::VendorMet { entity: vendor, name: "Bram".to_owned() });
    assert!(scene.client.events.iter().any(|event| event.kind == Some(met.clone())));
}

#[test]
fn who_uses_the_way_home_is_taken_there_by_the_word_of_the_keeper() {
    let mut scene = Scene::new(World::new(hall(), Difficulty::Normal, 9), Sheet::newborn(Class::Druid, false));
    scene.client.input += 1;
    let input = scene.client.input;
    scene.client.send(proto::ItemUse { input, acknowledged_tick: 0, item_id: 8, over_item_id: 0 });
    scene.tick();
    let Some(Errand::Use { finder, input: asked, item, on }) = scene.errand() else { panic!("it is asked") };
    assert_eq!((finder.character.raw(), asked, item, on), (1, input, 8, 0));
    let zone = |scene: &Scene| scene.table.game.world().facts(FIRST).unwrap().zone;
    // Only who plays under this lease.
    scene.table.game.recall(CharacterId::from_raw(2), 0);
    scene.table.game.recall(CharacterId::from_raw(1), 5);
    scene.tick();
    assert_eq!(zone(&scene), Zone::Dungeon);
    scene.table.game.recall(CharacterId::from_raw(1), 0);
    scene.tick();
    assert_eq!(zone(&scene), Zone::Town);
}

/// Strikes whatever comes near until so much has happened.
fn fight(scene: &mut Scene, is_enough: impl Fn(&Scene) -> bool) {
    for tick in 0..6_000 {
        if is_enough(scene) {
            return;
        }
        let now = scene.client.history.back().unwrap().clone();
        let nearest = now.entities.iter().find(|one| one.kind == EntityKind::Monster && one.life_percent > 0);
        scene.client.input += 1;
        let input = scene.client.input;
        match nearest {
            Some(monster) if tick % 2 == 0 => {
                let target = monster.id.into();
                scene.client.send(proto::PlayerAttack { input, acknowledged_tick: now.tick, target });
            }
            _ => {
                let (dx, dy) = [(6, 0), (0, 6), (-6, 0), (0, -6), (4, 4)][tick / 100 % 5];
                scene.client.send(proto::PlayerMove { input, acknowledged_tick: now.tick, dx, dy });
            }
        }
        scene.tick();
    }
    panic!("it did not come to that");
}

#[test]
fn what_fights_cost_is_handed_over_when_a_player_leaves() {
    let mut scene = Scene::new(World::new(hall(), Difficulty::Normal, 9), Sheet::newborn(Class::Druid, false));
    let strong = [
        Input::Bonus { slot: FIRST, property: Property::Life, value: 100_000 },
        Input::Bonus { slot: FIRST, property: Property::AttackRating, value: 10_000 },
        Input::Wear { slot: FIRST, weapon: Some((5, 512)), skills: [0; 3] },
    ];
    let (sword, hood) = (ItemId::from_raw(70), ItemId::from_raw(71));
    let gear = [(sword, Cause::Dealt), (hood, Cause::Suffered)];
    let brought = Brought { gear: gear.into(), version: 1, ..Brought::default() };
    scene.table.game.wear(CharacterId::from_raw(1), &brought);
    strong.into_iter().for_each(|input| scene.table.hear(Some(input), None));
    let rate = scene.table.game.world().content().wear().blows_dealt;
    fight(&mut scene, |scene| scene.table.game.world().strain(FIRST).unwrap().dealt >= rate);
    let strain = scene.table.game.world().strain(FIRST).unwrap();
    scene.client.send(proto::GameLeave {});
    scene.tick();
    // Before, if it took longer than ten minutes, and at the end.
    let mut worn = Vec::new();
    while let Some(errand) = scene.errand() {
        let Errand::Wear { character, worn: more, .. } = errand else { panic!("{errand:?}") };
        assert_eq!(character.raw(), 1);
        worn.extend(more);
    }
    let points = |key| worn.iter().filter(|(item, _)| *item == key).map(|(_, points)| *points).sum::<u32>();
    assert_eq!((points(sword), points(hood)), (strain.dealt / rate, strain.suffered / rate), "{strain:?}");
}

#[test]
fn a_death_for_good_is_known_at_once() {
    let mut table = Table::new(World::new(hall(), Difficulty::Hell, 9), None);
    let client = Client::new();
    let presence = table.seat(0, Some(Sheet::newborn(Class::Sorceress, true)), client.link.clone());
    let has_fallen = Arc::clone(presence.has_fallen());
    let mut scene = Scene { table, client };
    scene.tick();
    fight(&mut scene, |scene| {
        let is_dead = scene.table.game.world().facts(FIRST).unwrap().dead;
        assert_eq!(has_fallen.load(Ordering::Acquire), is_dead);
        is_dead
    });
    assert!(has_fallen.load(Ordering::Acquire));
}

#[test]
fn who_comes_back_to_life_has_not_died_for_good() {
    let mut table = Table::new(World::new(hall(), Difficulty::Hell, 9), None);
    let client = Client::new();
    let presence = table.seat(0, Some(Sheet::newborn(Class::Sorceress, false)), client.link.clone());
    let mut scene = Scene { table, client };
    scene.tick();
    fight(&mut scene, |scene| scene.table.game.world().facts(FIRST).unwrap().dead);
    assert!(!presence.has_fallen().load(Ordering::Acquire));
}
