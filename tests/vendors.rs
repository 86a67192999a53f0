//! Vendors, scrolls and wear over real connections: a player walks to a vendor, deals, goes home by a scroll, and the game repeats.

use realm::{
    items::{Act, Belongings},
    realms::Home,
    types::ItemId,
};
use realm_client::{
    Door, EntityKind, EntityState, GameConnection, GameUpdate, Method, Response, Rest, Snapshot, proto,
    proto::game_event::Kind,
};
use realm_world::items::{Certificate, Item};
use serde_json::{Value, json};

use crate::{
    ground::{belongings, home, keys},
    harness::{
        DEADLINE, TestRealm, eventually,
        pilot::{self, distance_squared, own, place, snapshot},
        program::Site,
        refused,
    },
    replay::finished_log,
};

/// A character is given an item; each has a number of its own.
async fn give(home: &Home, character: u64, number: u32, item: Item) -> ItemId {
    let (account, id) = keys(home, character).await;
    let birth = Certificate::new(character, number, 0, 7, Vec::new());
    home.items.born_on_pick_up(home.games.holder(account, id), item, birth).await.unwrap().item
}

async fn endow(home: &Home, character: u64, gold: i64) {
    let (account, id) = keys(home, character).await;
    let birth = Certificate::new(character, 0, 1, 7, Vec::new());
    home.items.gold_found(home.games.holder(account, id), gold, birth).await.unwrap();
}

fn plain(home: &Home, base: &str, count: u32) -> Item {
    Item { count, ..home.items.catalogue().plain(base, 1).unwrap() }
}

async fn act(rest: &mut Rest, character: u64, key: &str, body: Value) -> Response {
    let path = format!("/api/v1/characters/{character}/items");
    rest.request_with(Method::POST, &path, &[("idempotency-key", key)], Some(&body)).await.expect("an answer")
}

/// The vendor in sight.
fn vendor(now: &Snapshot) -> EntityState {
    let is_vendor = |one: &&EntityState| one.kind == EntityKind::Npc && one.appearance == 1;
    now.entities.iter().find(is_vendor).copied().expect("it lives where characters come in")
}

async fn walk_to(game: &mut GameConnection, target: (i32, i32), near: i64) {
    let walking = async {
        loop {
            let now = snapshot(game).await;
            let here = place(own(&now));
            if distance_squared(here, target) <= near * near {
                return;
            }
            let (dx, dy) = pilot::step_round_walls(game, here, target);
            game.walk(dx, dy).await.expect("the realm reads");
        }
    };
    tokio::time::timeout(DEADLINE, walking).await.expect("a way leads there");
}

/// What the game answers to a deal.
async fn answer(game: &mut GameConnection, input: u32) -> Result<proto::ItemDealt, String> {
    let answered = |update: &GameUpdate| {
        let GameUpdate::Events(events) = update else { return None };
        events.events.iter().find_map(|event| match &event.kind {
            Some(Kind::ItemDealt(dealt)) if dealt.input == input => Some(Ok(dealt.clone())),
            Some(Kind::Refused(refused)) if refused.input == input => Some(Err(refused.code.clone())),
            _ => None,
        })
    };
    game.wait_for(DEADLINE, answered).await.expect("an answer to the input")
}

/// The same for a wish that is made again as long as it comes too soon after one that was refused.
async fn insist(
    game: &mut GameConnection,
    wish: impl AsyncFn(&mut GameConnection) -> u32,
) -> Result<proto::ItemDealt, String> {
    for _ in 0..100 {
        let input = wish(game).await;
        match answer(game, input).await {
            Err(code) if code == "ACT_TOO_SOON" => drop(snapshot(game).await),
            answered => return answered,
        }
    }
    panic!("it is too soon for ever")
}

/// Waits until the character is in the town.
async fn until_home(game: &mut GameConnection) {
    let at_home = |update: &GameUpdate| match update {
        GameUpdate::Snapshot(now) => (u32::from(now.own.zone) == pilot::TOWN).then_some(()),
        _ => None,
    };
    game.wait_for(DEADLINE, at_home).await.expect("it goes home");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_walks_to_the_vendor_deals_goes_home_by_a_scroll_and_the_game_repeats() {
    let realm = TestRealm::start().await;
    let mut hero = realm.hero("Maren", Door::Frames).await;
    let id = hero.character.id;
    let here = home(&realm);
    endow(here, id, 500).await;
    let blade = give(here, id, 1, Item { durability: 3, ..plain(here, "ditch-blade", 1) }).await;
    let road = give(here, id, 2, plain(here, "road-scroll", 2)).await;
    let (ticket, mut game) = hero.open_game("Cellar").await;

    // Over REST nobody deals who plays: else nobody would have to walk.
    let rest = &mut hero.player.rest;
    for body in [
        json!({"act": "buy", "base": "hood"}),
        json!({"act": "sell", "item": blade.to_string()}),
        json!({"act": "repair", "item": blade.to_string()}),
    ] {
        let answer = act(rest, id, "early", body).await;
        assert_eq!(refused(answer.success()), (409, "VENDOR_NOT_HERE".to_owned()));
    }

    // From afar nobody deals, either.
    let bram = vendor(&*snapshot(&mut game).await);
    let stairs = [game.entered().stairs_x, game.entered().stairs_y].map(|place| i32::try_from(place).unwrap());
    walk_to(&mut game, stairs.into(), 40).await;
    let far = insist(&mut game, async |game| game.buy(bram.id, "hood", 1).await.unwrap()).await;
    assert_eq!(far, Err("TARGET_TOO_FAR".to_owned()));
    assert_eq!(belongings(here, id).await.gold, 500);

    walk_to(&mut game, place(&bram), 40).await;
    let input = game.interact(bram.id).await.unwrap();
    let met = |update: &GameUpdate| {
        let GameUpdate::Events(events) = update else { return None };
        events.events.iter().find_map(|event| match &event.kind {
            Some(Kind::VendorMet(met)) => Some(met.name.clone()),
            _ => None,
        })
    };
    assert!(input > 0);
    assert_eq!(game.wait_for(DEADLINE, met).await.unwrap(), "Bram");
    let bought = insist(&mut game, async |game| game.buy(bram.id, "hood", 1).await.unwrap()).await.unwrap();
    let has = belongings(here, id).await;
    let hood = has.get(ItemId::from_raw(bought.item_id)).expect("it is its own, and stored");
    assert_eq!((hood.item.base.as_str(), bought.act.as_str(), bought.count), ("hood", "buy", 1));
    assert_eq!((bought.gold, has.gold), (480, 480));
    let sold = insist(&mut game, async |game| game.sell(bram.id, bought.item_id, 0).await.unwrap()).await.unwrap();
    assert_eq!((sold.act.as_str(), sold.item_id, sold.count, sold.gold), ("sell", bought.item_id, 0, 485));
    let repaired = insist(&mut game, async |game| game.repair(bram.id, blade.raw()).await.unwrap()).await.unwrap();
    assert!(repaired.gold < 485 && repaired.count == 1, "{repaired:?}");
    let has = belongings(here, id).await;
    assert_eq!(has.get(blade).unwrap().item.durability, here.items.catalogue().base("ditch-blade").unwrap().durability);
    for (base, count, code) in [
        ("garnet-star", 1, "ITEM_NOT_SOLD"),
        ("no-such-thing", 1, "ITEM_NOT_SOLD"),
        ("hood", 0, "ITEM_WRONG_COUNT"),
        ("naming-scroll", u32::MAX, "ITEM_WRONG_COUNT"),
    ] {
        let refused = insist(&mut game, async |game| game.buy(bram.id, base, count).await.unwrap()).await;
        assert_eq!(refused, Err(code.to_owned()), "{base}");
    }
    for item in [0, u64::MAX, blade.raw() + 1] {
        let refused = insist(&mut game, async |game| game.sell(bram.id, item, 0).await.unwrap()).await;
        assert_eq!(refused, Err("ITEM_NOT_CARRIED".to_owned()), "{item}");
    }

    // Home by a scroll: by the game's connection, and over REST.
    pilot::take_stairs(&mut game).await;
    let used = insist(&mut game, async |game| game.use_item(road.raw(), 0).await.unwrap()).await.unwrap();
    assert_eq!((used.act.as_str(), used.count), ("use", 1));
    until_home(&mut game).await;
    pilot::take_stairs(&mut game).await;
    let wish = json!({"act": "use", "item": road.to_string()});
    act(&mut hero.player.rest, id, "home", wish.clone()).await.success().unwrap();
    until_home(&mut game).await;
    assert!(belongings(here, id).await.get(road).is_none(), "both are used up");
    // The same request again has the same answer, and takes nobody anywhere.
    pilot::take_stairs(&mut game).await;
    act(&mut hero.player.rest, id, "home", wish.clone()).await.success().unwrap();
    for _ in 0..10 {
        assert_ne!(u32::from(snapshot(&mut game).await.own.zone), pilot::TOWN);
    }
    assert_eq!(realm.realm().games().figures().findings, 0, "whoever plays honestly is no cheat");

    hero.lobby.leave_game().await.unwrap();
    let file = finished_log(&realm, ticket.game.unwrap().id).await;
    let table = Site::empty().run(&["replay", &file.display().to_string()]).success();
    assert!(table.contains("every hash is what it was"), "{table}");

    // Outside games everybody deals from afar.
    let rest = &mut hero.player.rest;
    let vendors = rest.request(Method::GET, "/api/v1/vendors", None).await.unwrap().success().unwrap().json;
    let wares = vendors["vendors"][0]["wares"].as_array().unwrap();
    let ware = wares.iter().find(|ware| ware["base"] == "road-scroll").unwrap();
    assert_eq!((&ware["kind"], &ware["price"], &ware["count_max"]), (&json!("scroll"), &json!(40), &json!(20)));
    let before = belongings(here, id).await.gold;
    let body = json!({"act": "buy", "base": "road-scroll", "count": 3});
    let bought = act(rest, id, "three", body.clone()).await.success().unwrap();
    assert_eq!(bought.json["gold"], json!(before - 120));
    let again = act(rest, id, "three", body).await.success().unwrap();
    assert_eq!(again.body, bought.body);
    assert_eq!(belongings(here, id).await.gold, before - 120, "once");
    let scroll = bought.json["items"][0]["id"].clone();
    let useless = act(rest, id, "outside", json!({"act": "use", "item": scroll})).await;
    assert_eq!(refused(useless.success()), (409, "GAME_NOT_JOINED".to_owned()));
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_strikes_wears_and_what_it_has_lost_is_stored_when_its_player_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let changes = [
        ("monsters.toml", "damage_min", "0"),
        ("monsters.toml", "damage_max", "0"),
        ("monsters.toml", "effect_amount", "1"),
        ("world.toml", "blows_dealt", "1"),
        ("world.toml", "blows_suffered", "0"),
    ];
    pilot::content(folder.path(), &changes);
    let content = folder.path().display().to_string();
    let realm = TestRealm::start_with(|config| config.games.content = content).await;
    let mut hero = realm.hero("Maren", Door::Frames).await;
    let (id, here) = (hero.character.id, home(&realm));
    let (account, character) = keys(here, id).await;
    let full = plain(here, "ditch-blade", 1).durability;
    let blade = give(here, id, 1, plain(here, "ditch-blade", 1)).await;
    let spare = give(here, id, 2, plain(here, "ditch-blade", 1)).await;
    here.games.act(account, character, Act::Equip { item: blade, slot: None }, None).await.unwrap();
    let (_, mut game) = hero.open_game("Cellar").await;
    pilot::fight_for_experience(&mut game).await;
    hero.lobby.leave_game().await.unwrap();
    let durability = |has: &Belongings, key| has.get(key).unwrap().item.durability;
    let worn = eventually("what it lost is stored", async || {
        Some(belongings(here, id).await).filter(|has| durability(has, blade) < full)
    })
    .await;
    assert_eq!(durability(&worn, spare), full, "what is not worn is not worn");
    let lines = here.items.trace(blade, None, 1).await.unwrap();
    assert_eq!((lines[0].act.as_str(), lines[0].actor.as_str()), ("wear", "realm"));
    realm.stop().await;
}
