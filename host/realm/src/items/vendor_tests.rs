//! Buying from vendors and using scrolls, over both databases.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use realm_world::items::{Cell, ItemProblem, Quality};

use super::{
    Act, Bag, Belongings, Holder, Items, ItemsError,
    testing::{birth, change, endow, give, inventory, items, lease, plain, verified},
};
use crate::{
    hooks::{
        self,
        components::{Fixture, one_finding},
    },
    once::{Answered, Kept, Once},
    storage::{
        Storage,
        testing::{FakeClock, Home, account, character, each_database, open},
    },
    types::{CharacterId, GameId, ItemId, Refusal},
};

each_database!(
    what_is_bought_is_paid_for,
    who_plays_deals_in_its_game,
    a_rule_may_refuse_what_is_bought,
    scrolls_are_used,
    what_is_worn_in_fights_loses_what_is_said,
    who_has_died_for_good_deals_no_more_before_it_is_stored,
);

const EPOCH: i64 = 7;
const GAME: u64 = 4_242;

async fn stage(home: &Home) -> (Storage, Items, Holder) {
    let storage = open(home, &FakeClock::new()).await;
    let account = account(&storage).await;
    let hero = character(&storage, account, "Hero", "Amazon").await;
    let items = items(&storage);
    (storage, items, Holder::resting(account, hero))
}

async fn act(items: &Items, holder: Holder, act: Act) -> Result<Belongings, ItemsError> {
    match items.act(holder, act, None).await? {
        Answered::Now(belongings) => Ok(belongings),
        Answered::Before(_) => unreachable!("without a key nothing was done before"),
    }
}

fn buy(base: &str, count: u32) -> Act {
    Act::Buy { base: base.to_owned(), count, to: None, vendor: None }
}

fn code(error: ItemsError) -> &'static str {
    Refusal::from(error).code.as_str()
}

fn ask(items: &Items, base: &str, count: u32) -> i64 {
    let level = items.catalogue().base(base).unwrap().level;
    let ware = realm_world::items::Item { count, ..items.catalogue().plain(base, level).unwrap() };
    items.catalogue().ask(&ware).unwrap()
}

async fn what_is_bought_is_paid_for(home: Home) {
    let (storage, items, hero) = stage(&home).await;
    let poor = act(&items, hero, buy("hood", 1)).await.unwrap_err();
    assert_eq!(code(poor), "NOT_ENOUGH_GOLD");
    endow(&items, hero.character, 10_000).await.unwrap();
    let has = act(&items, hero, buy("hood", 1)).await.unwrap();
    let [hood] = &has.items[..] else { panic!("{has:?}") };
    assert_eq!((hood.item.base.as_str(), hood.item.quality), ("hood", Quality::Normal));
    assert_eq!(hood.at.spot(), Some(inventory(0, 0)));
    assert_eq!((has.gold, has.touched.clone()), (10_000 - ask(&items, "hood", 1), vec![hood.key]));
    let lines = items.trace(hood.key, None, 10).await.unwrap();
    assert_eq!((lines.len(), lines[0].act.as_str(), lines[0].from.place.as_str()), (1, "buy", "nothing"));
    assert!(lines[0].birth.is_some());

    // Where it is wished, and only there where there is room.
    let at = |bag, x, y| Act::Buy { base: "hood".to_owned(), count: 1, to: Some((bag, Cell { x, y })), vendor: None };
    let has = act(&items, hero, at(Bag::Inventory, 8, 2)).await.unwrap();
    assert!(has.items.iter().any(|owned| owned.at.spot() == Some(inventory(8, 2))));
    for (bag, x, y, problem) in [
        (Bag::Inventory, 7, 1, ItemProblem::PlaceTaken),
        (Bag::Inventory, 9, 0, ItemProblem::OutsideGrid),
        (Bag::Cube, 0, 0, ItemProblem::OutsideGrid),
        (Bag::Stash { page: 0 }, 0, 0, ItemProblem::OutsideGrid),
    ] {
        let refused = act(&items, hero, at(bag, x, y)).await.unwrap_err();
        assert!(matches!(&refused, ItemsError::Problem(found) if *found == problem), "{refused}");
    }
    // Stacks are filled, and the rest lies beside them.
    let first = act(&items, hero, buy("naming-scroll", 15)).await.unwrap();
    let stack = first.touched[0];
    let second = act(&items, hero, buy("naming-scroll", 9)).await.unwrap();
    let mut counts: Vec<u32> =
        second.items.iter().filter(|owned| owned.item.base == "naming-scroll").map(|owned| owned.item.count).collect();
    counts.sort_unstable();
    assert_eq!((counts, second.get(stack).unwrap().item.count), (vec![4, 20], 20));
    assert_eq!(first.gold - second.gold, ask(&items, "naming-scroll", 9));

    // What is not for sale, and counts that there are not.
    let before = items.of(hero.character).await.unwrap();
    let elsewhere = Act::Buy { base: "hood".to_owned(), count: 1, to: None, vendor: Some("Orla".to_owned()) };
    for (wish, expected) in [
        (buy("garnet-star", 1), "ITEM_NOT_SOLD"),
        (buy("no-such-thing", 1), "ITEM_NOT_SOLD"),
        (elsewhere, "ITEM_NOT_SOLD"),
        (buy("hood", 0), "ITEM_WRONG_COUNT"),
        (buy("hood", 2), "ITEM_WRONG_COUNT"),
        (buy("naming-scroll", 21), "ITEM_WRONG_COUNT"),
        (buy("naming-scroll", u32::MAX), "ITEM_WRONG_COUNT"),
    ] {
        assert_eq!(code(act(&items, hero, wish).await.unwrap_err()), expected);
    }
    assert_eq!(items.of(hero.character).await.unwrap(), before);
    // Without room nothing is bought, and nothing is paid.
    let mut bought = 0;
    let full = loop {
        match act(&items, hero, buy("hood", 1)).await {
            Ok(_) => bought += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!(code(full), "ITEM_NO_ROOM");
    let paid = before.gold - items.of(hero.character).await.unwrap().gold;
    assert_eq!(paid, bought * ask(&items, "hood", 1));
    // Another's character is unknown.
    let stranger = Holder::resting(account(&storage).await, hero.character);
    assert_eq!(code(act(&items, stranger, buy("hood", 1)).await.unwrap_err()), "CHARACTER_UNKNOWN");
    verified(&storage).await.unwrap();
    storage.close().await;
}

async fn who_plays_deals_in_its_game(home: Home) {
    let (storage, items, hero) = stage(&home).await;
    endow(&items, hero.character, 1_000).await.unwrap();
    let answer = |belongings: &Belongings| Kept { body: belongings.gold.to_string(), tag: String::new() };
    let once = || Once::new("main", "account:1".to_owned(), "one", &[b"buy"], answer).unwrap();
    let bought = items.act(hero, buy("hood", 1), Some(once())).await.unwrap();
    assert!(matches!(bought, Answered::Now(_)));
    let hood = items.of(hero.character).await.unwrap().items[0].key;

    lease(&storage, hero.character, EPOCH).await;
    let playing = Holder::playing(hero.account, hero.character, EPOCH, None);
    for wish in [buy("hood", 1), Act::Sell { item: hood, count: None }, Act::Repair { item: hood }] {
        assert_eq!(code(act(&items, playing, wish).await.unwrap_err()), "VENDOR_NOT_HERE");
    }
    // What was done before is answered as then.
    let again = items.act(playing, buy("hood", 1), Some(once())).await.unwrap();
    assert!(matches!(again, Answered::Before(_)), "{again:?}");
    // Where its game has seen that it stands before a vendor, it deals; asked again it has one effect.
    let game = GameId::from_raw(GAME);
    let wish = Act::Buy { base: "hood".to_owned(), count: 1, to: None, vendor: Some("Bram".to_owned()) };
    let dealt = items.deal(playing, wish.clone(), game, 1).await.unwrap();
    assert_ne!(dealt.item, hood);
    let same = items.deal(playing, wish.clone(), game, 1).await.unwrap();
    assert_eq!((same.item, same.belongings.gold), (dealt.item, dealt.belongings.gold));
    let sold = items.deal(playing, Act::Sell { item: dealt.item, count: None }, game, 2).await.unwrap();
    assert!(sold.item == dealt.item && sold.belongings.get(dealt.item).is_none());
    let stale = Holder::playing(hero.account, hero.character, EPOCH - 1, None);
    assert_eq!(code(items.deal(stale, wish, game, 3).await.unwrap_err()), "CHARACTER_BUSY");
    verified(&storage).await.unwrap();
    storage.close().await;
}

async fn a_rule_may_refuse_what_is_bought(home: Home) {
    let (storage, items, hero) = stage(&home).await;
    endow(&items, hero.character, 1_000).await.unwrap();
    let plugins = hooks::tests::Stage::new();
    let judged = Items::new("main", storage.clone(), realm_world::Content::builtin(), plugins.hooks.clone());
    let strict = Fixture::new("strict", "1.0.0").function("anti-cheat", "check-item", &one_finding(0, 10));
    plugins.install("strict.wasm", &strict.build(), &[]);
    assert_eq!(code(act(&judged, hero, buy("hood", 1)).await.unwrap_err()), "ITEM_REFUSED");
    let has = items.of(hero.character).await.unwrap();
    assert!(has.items.is_empty() && has.gold == 1_000);
    verified(&storage).await.unwrap();
    storage.close().await;
}

async fn scrolls_are_used(home: Home) {
    let (storage, items, hero) = stage(&home).await;
    let naming = give(&items, hero.character, plain(&items, "naming-scroll", 2), inventory(0, 0)).await.unwrap();
    let road = give(&items, hero.character, plain(&items, "road-scroll", 3), inventory(1, 0)).await.unwrap();
    let hidden = items.catalogue().make("ring", Quality::Rare, 80, &mut realm_world::Dice::new(1, 1)).unwrap();
    let hidden = give(&items, hero.character, hidden, inventory(2, 0)).await.unwrap();
    let wish = |item: ItemId, on: Option<ItemId>| Act::Use { item, on };
    for (refused, expected) in [
        (wish(naming, None), "ITEM_NOT_USABLE"),
        (wish(hidden, None), "ITEM_NOT_USABLE"),
        (wish(road, Some(hidden)), "ITEM_NOT_USABLE"),
        (wish(road, None), "GAME_NOT_JOINED"),
        (wish(naming, Some(road)), "ITEM_NOTHING_TO_IDENTIFY"),
        (wish(naming, Some(ItemId::from_raw(5))), "ITEM_NOT_CARRIED"),
        (wish(ItemId::from_raw(5), None), "ITEM_NOT_CARRIED"),
    ] {
        assert_eq!(code(act(&items, hero, refused.clone()).await.unwrap_err()), expected, "{refused:?}");
    }
    let known = act(&items, hero, wish(naming, Some(hidden))).await.unwrap();
    assert!(known.get(hidden).unwrap().item.identified && known.get(naming).unwrap().item.count == 1);
    assert!(!wish(naming, Some(hidden)).leads_home() && wish(road, None).leads_home());
    // Home it goes from a game.
    lease(&storage, hero.character, EPOCH).await;
    let playing = Holder::playing(hero.account, hero.character, EPOCH, None);
    let read = act(&items, playing, wish(road, None)).await.unwrap();
    assert_eq!(read.get(road).unwrap().item.count, 2);
    let game = GameId::from_raw(GAME);
    let first = items.deal(playing, wish(road, None), game, 9).await.unwrap();
    assert_eq!((first.item, first.belongings.get(road).unwrap().item.count), (road, 1));
    let again = items.deal(playing, wish(road, None), game, 9).await.unwrap();
    assert_eq!(again.belongings.version, first.belongings.version, "one effect");
    let last = items.deal(playing, wish(road, None), game, 10).await.unwrap();
    assert!(last.item == road && last.belongings.get(road).is_none());
    verified(&storage).await.unwrap();
    storage.close().await;
}

async fn what_is_worn_in_fights_loses_what_is_said(home: Home) {
    let (storage, items, hero) = stage(&home).await;
    let sword = give(&items, hero.character, plain(&items, "ditch-blade", 1), inventory(0, 0)).await.unwrap();
    let hood = give(&items, hero.character, plain(&items, "hood", 1), inventory(2, 0)).await.unwrap();
    let ring = give(&items, hero.character, plain(&items, "ring", 1), inventory(5, 0)).await.unwrap();
    act(&items, hero, Act::Equip { item: sword, slot: None }).await.unwrap();
    let full = items.catalogue().base("ditch-blade").unwrap().durability;
    let nobodys = ItemId::from_raw(5);
    // Whoever plays it, and wherever it lies; what never wears and what is not its own stays.
    lease(&storage, hero.character, EPOCH).await;
    let worn = items.wear_out(hero.character, vec![(sword, 3), (hood, 1), (ring, 9), (nobodys, 2)]).await.unwrap();
    let worn = worn.expect("something was worn");
    assert_eq!(worn.touched, [sword, hood]);
    assert_eq!(worn.get(sword).unwrap().item.durability, full - 3);
    let lines = items.trace(sword, None, 10).await.unwrap();
    assert_eq!((lines[0].act.as_str(), lines[0].actor.as_str()), ("wear", "realm"));
    // At nothing it stays, gives nothing, and nothing more is written.
    let out = items.wear_out(hero.character, vec![(sword, u32::MAX)]).await.unwrap().unwrap();
    assert_eq!(out.get(sword).unwrap().item.durability, 0);
    assert_eq!(items.wear_out(hero.character, vec![(sword, 1), (ring, 1)]).await.unwrap(), None);
    assert_eq!(items.trace(sword, None, 10).await.unwrap().len(), 4);
    // What is offered in a trade is what was shown.
    let lock = items.lock(&[hood]).unwrap();
    assert_eq!(items.wear_out(hero.character, vec![(hood, 1)]).await.unwrap(), None);
    drop(lock);
    // It is repaired where its game has seen a vendor.
    endow(&items, hero.character, 1_000).await.unwrap();
    let playing = Holder::playing(hero.account, hero.character, EPOCH, None);
    let game = GameId::from_raw(GAME);
    let whole = items.deal(playing, Act::Repair { item: sword }, game, 1).await.unwrap();
    assert_eq!(whole.belongings.get(sword).unwrap().item.durability, full);
    assert_eq!(items.wear_out(CharacterId::from_raw(77), vec![(sword, 1)]).await.unwrap(), None);
    verified(&storage).await.unwrap();
    storage.close().await;
}

async fn who_has_died_for_good_deals_no_more_before_it_is_stored(home: Home) {
    let (storage, items, hero) = stage(&home).await;
    let ring = give(&items, hero.character, plain(&items, "ring", 1), inventory(0, 0)).await.unwrap();
    let road = give(&items, hero.character, plain(&items, "road-scroll", 1), inventory(1, 0)).await.unwrap();
    endow(&items, hero.character, 1_000).await.unwrap();
    lease(&storage, hero.character, EPOCH).await;
    let game = GameId::from_raw(GAME);
    // What is known of it since it was saved last says that it lives.
    let sheet = realm_world::Sheet::newborn(realm_world::Class::Amazon, true);
    let playing = Holder::playing(hero.account, hero.character, EPOCH, Some(sheet));
    let has_fallen = Arc::new(AtomicBool::new(false));
    items.watch(hero.character, &has_fallen);
    has_fallen.store(true, Ordering::Release);
    // One that is not hardcore comes back to life.
    act(&items, playing, Act::Move { item: ring, to: inventory(2, 0) }).await.unwrap();
    change(&storage, "UPDATE characters SET hardcore = $1 WHERE id = $2", 1, hero.character.to_sql()).await;
    let before = items.of(hero.character).await.unwrap();
    for wish in [
        Act::Move { item: ring, to: inventory(3, 0) },
        Act::Equip { item: ring, slot: None },
        Act::Destroy { item: ring, count: None },
        Act::Use { item: road, on: None },
    ] {
        assert_eq!(code(act(&items, playing, wish).await.unwrap_err()), "CHARACTER_DEAD");
    }
    for (number, wish) in [(1, buy("hood", 1)), (2, Act::Sell { item: ring, count: None })] {
        assert_eq!(code(items.deal(playing, wish, game, number).await.unwrap_err()), "CHARACTER_DEAD");
    }
    assert_eq!(code(items.drop_to_ground(playing, ring, game, 1).await.unwrap_err()), "CHARACTER_DEAD");
    let found = plain(&items, "ring", 1);
    assert_eq!(code(items.born_on_pick_up(playing, found, birth(9, 1)).await.unwrap_err()), "CHARACTER_DEAD");
    assert_eq!(code(items.gold_found(playing, 5, birth(9, 2)).await.unwrap_err()), "CHARACTER_DEAD");
    assert_eq!(items.of(hero.character).await.unwrap(), before);
    // What is stored counts when its game is over.
    drop(has_fallen);
    act(&items, playing, Act::Move { item: ring, to: inventory(3, 0) }).await.unwrap();
    verified(&storage).await.unwrap();
    storage.close().await;
}
