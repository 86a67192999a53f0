//! Items and gold in games: what monsters leave becomes somebody's, what players lay down lies there for one of them, and what is worn counts.

use realm::{
    Realm,
    items::{Act, Bag, Belongings, Items, ItemsError, Spot},
    realms::Home,
    types::{AccountId, CharacterId, ItemId},
};
use realm_client::{
    Door, EntityKind, EntityState, GameConnection, GameUpdate, Method, Snapshot, proto, proto::game_event::Kind,
};
use realm_world::{
    Class, Content, Dice, Sheet,
    items::{Certificate, Grid, Item, Quality, Slot, Worn},
};
use rustix::process::Signal;
use serde_json::json;

use crate::harness::{
    DEADLINE, Hero, TestRealm, config, eventually,
    pilot::{self, Hunter, distance_squared, own, place, snapshot},
    program::Site,
};

/// Monsters that die at once and hurt nobody.
const WEAK: [(&str, &str, &str); 5] = [
    ("monsters.toml", "life", "3"),
    ("monsters.toml", "damage_min", "0"),
    ("monsters.toml", "damage_max", "0"),
    ("monsters.toml", "effect_amount", "1"),
    ("treasure.toml", "nothing", "0"),
];

/// A realm with these changes to the content pack.
async fn realm_with(folder: &std::path::Path, changes: &[(&str, &str, &str)]) -> TestRealm {
    pilot::content(folder, changes);
    let content = folder.display().to_string();
    TestRealm::start_with(|config| config.games.content = content).await
}

pub(crate) fn home(realm: &TestRealm) -> &Home {
    realm.realm().realms().first()
}

/// The account and the character of a hero.
pub(crate) async fn keys(home: &Home, character: u64) -> (AccountId, CharacterId) {
    let id = CharacterId::from_raw(character);
    (home.characters.any_details(id).await.unwrap().character.account, id)
}

pub(crate) async fn belongings(home: &Home, character: u64) -> Belongings {
    home.items.of(CharacterId::from_raw(character)).await.unwrap()
}

/// A character that nobody plays is given an item.
async fn give(home: &Home, character: u64, item: Item) -> ItemId {
    let (account, id) = keys(home, character).await;
    let holder = home.games.holder(account, id);
    let had = belongings(home, character).await.items.len();
    let birth = Certificate::new(character, u32::try_from(had).unwrap(), 0, 7, Vec::new());
    home.items.born_on_pick_up(holder, item, birth).await.unwrap().item
}

fn plain(items: &Items, base: &str) -> Item {
    items.catalogue().plain(base, 5).unwrap()
}

/// Something on the ground that is in sight.
fn lying(now: &Snapshot, kind: EntityKind) -> Option<EntityState> {
    now.entities.iter().find(|one| one.kind == kind).copied()
}

/// Waits until something lies there.
async fn until_lying(game: &mut GameConnection) -> EntityState {
    let seen = |update: &GameUpdate| match update {
        GameUpdate::Snapshot(now) => lying(now, EntityKind::Treasure),
        _ => None,
    };
    game.wait_for(DEADLINE, seen).await.expect("something lies there")
}

/// Waits until nothing lies there.
async fn until_gone(game: &mut GameConnection) {
    let gone = |update: &GameUpdate| match update {
        GameUpdate::Snapshot(now) => lying(now, EntityKind::Treasure).is_none().then_some(()),
        _ => None,
    };
    game.wait_for(DEADLINE, gone).await.expect("nothing lies there any more");
}

/// What the game answers to an input about an item: what was taken, that it was laid down, or the code of the refusal.
async fn answer(game: &mut GameConnection, input: u32) -> Result<proto::ItemTaken, String> {
    let answered = |update: &GameUpdate| {
        let GameUpdate::Events(events) = update else { return None };
        events.events.iter().find_map(|event| match &event.kind {
            Some(Kind::ItemTaken(taken)) if taken.input == input => Some(Ok(taken.clone())),
            Some(Kind::ItemLaid(laid)) if laid.input == input => Some(Ok(proto::ItemTaken::default())),
            Some(Kind::Refused(refused)) if refused.input == input => Some(Err(refused.code.clone())),
            _ => None,
        })
    };
    game.wait_for(DEADLINE, answered).await.expect("an answer to the input")
}

/// Fights, goes to what falls and takes it, until something of this kind is taken.
async fn loot(game: &mut GameConnection, kind: EntityKind) -> proto::ItemTaken {
    let mut hunter = Hunter::default();
    let looting = async {
        loop {
            let now = snapshot(game).await;
            let here = place(own(&now));
            match lying(&now, kind) {
                Some(thing) if distance_squared(here, place(&thing)) <= 40 * 40 => {
                    let input = game.pick_up(thing.id, false).await.expect("the realm reads");
                    if let Ok(taken) = answer(game, input).await {
                        return taken;
                    }
                }
                Some(thing) => {
                    let (dx, dy) = pilot::step_round_walls(game, here, place(&thing));
                    game.walk(dx, dy).await.expect("the realm reads");
                }
                None => pilot::fight(game, &mut hunter, &now).await.expect("the realm reads"),
            }
        }
    };
    tokio::time::timeout(DEADLINE * 3, looting).await.expect("who fights finds something")
}

/// The same for a wish that is made again as long as it comes too soon after one that was refused.
async fn insist(
    game: &mut GameConnection,
    wish: impl AsyncFn(&mut GameConnection) -> u32,
) -> Result<proto::ItemTaken, String> {
    for _ in 0..100 {
        let input = wish(game).await;
        match answer(game, input).await {
            Err(code) if code == "ACT_TOO_SOON" => {}
            answered => return answered,
        }
    }
    panic!("it is too soon for ever")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_monsters_leave_is_picked_up_stored_and_there_in_the_next_game() {
    let folder = tempfile::tempdir().unwrap();
    let realm = realm_with(folder.path(), &WEAK).await;
    let mut hero = realm.hero("Maren", Door::Frames).await;
    let id = hero.character.id;
    let (_, mut game) = hero.open_game("Cellar").await;
    let taken = loot(&mut game, EntityKind::Treasure).await;
    assert!(taken.item_id > 0 && taken.gold == 0 && taken.count > 0, "{taken:?}");
    let gold = loot(&mut game, EntityKind::Gold).await;
    assert!(gold.item_id == 0 && gold.gold > 0, "{gold:?}");

    // What was told is stored, while it is still played.
    let has = belongings(home(&realm), id).await;
    let item = has.get(ItemId::from_raw(taken.item_id)).expect("it is its own");
    assert_eq!((item.item.base.as_str(), item.item.quality.name()), (taken.base.as_str(), taken.quality.as_str()));
    assert!(matches!(item.at.spot(), Some(Spot::In(Bag::Inventory, _))), "{item:?}");
    assert_eq!(has.gold, i64::try_from(gold.gold).unwrap());

    hero.lobby.leave_game().await.unwrap();
    let (_, mut game) = hero.open_game("Attic").await;
    snapshot(&mut game).await;
    let later = belongings(home(&realm), id).await;
    assert_eq!((&later.items, later.gold), (&has.items, has.gold), "a game takes nothing away");
    assert_eq!(realm.realm().games().figures().findings, 0, "whoever plays honestly is no cheat");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_grab_the_same_item_exactly_one_has_it() {
    let realm = TestRealm::start().await;
    let mut first = realm.hero("Maren", Door::Frames).await;
    let mut second = realm.hero("Tilo", Door::WebSocketJson).await;
    let here = home(&realm);
    let heroes = [first.character.id, second.character.id];
    let key = give(here, heroes[0], plain(&here.items, "ring")).await;
    let (_, mut one) = first.open_game("Cellar").await;
    let (_, mut two) = second.join_game("Cellar").await;
    let mut winners = [0, 0];
    for round in 0..6 {
        // Whoever has it lays it down; then it is nobody's, and both see it.
        let mut owner = None;
        for (place, hero) in heroes.iter().enumerate() {
            if belongings(here, *hero).await.get(key).is_some() {
                owner = Some(place);
            }
        }
        let game = if owner == Some(0) { &mut one } else { &mut two };
        let input = game.drop_item(key.raw()).await.unwrap();
        answer(game, input).await.expect("it is laid down");
        let (seen, also) = (until_lying(&mut one).await, until_lying(&mut two).await);
        assert_eq!((seen.id, seen.base()), (also.id, here.items.catalogue().base_number("ring")));
        for hero in heroes {
            assert!(belongings(here, hero).await.get(key).is_none(), "round {round}: on the ground it is nobody's");
        }
        let inputs = tokio::join!(one.pick_up(seen.id, false), two.pick_up(seen.id, false));
        let inputs = (inputs.0.unwrap(), inputs.1.unwrap());
        let answers = tokio::join!(answer(&mut one, inputs.0), answer(&mut two, inputs.1));
        let (winner, refusal) = match answers {
            (Ok(taken), Err(code)) => ((0, taken), code),
            (Err(code), Ok(taken)) => ((1, taken), code),
            other => panic!("round {round}: exactly one gets it: {other:?}"),
        };
        assert_eq!((winner.1.item_id, refusal.as_str()), (key.raw(), "TARGET_UNKNOWN"));
        winners[winner.0] += 1;
        for (place, hero) in heroes.iter().enumerate() {
            assert_eq!(belongings(here, *hero).await.get(key).is_some(), place == winner.0, "round {round}");
        }
        until_gone(&mut one).await;
        until_gone(&mut two).await;
    }
    assert_eq!(winners.iter().sum::<u32>(), 6);
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_room_gets_nothing_and_what_nobody_takes_goes_back() {
    let realm = TestRealm::start().await;
    let mut first = realm.hero("Maren", Door::Frames).await;
    let mut second = realm.hero("Tilo", Door::Frames).await;
    let here = home(&realm);
    let (maren, tilo) = (first.character.id, second.character.id);
    let key = give(here, maren, plain(&here.items, "ring")).await;
    let ring = here.items.catalogue().base("ring").unwrap().size;
    let cells = Grid::new(Grid::INVENTORY).free_cells() / (u32::from(ring.width) * u32::from(ring.height));
    for _ in 0..cells {
        give(here, tilo, plain(&here.items, "ring")).await;
    }
    let (_, mut one) = first.open_game("Cellar").await;
    let (_, mut two) = second.join_game("Cellar").await;

    // Not what one does not carry, nor what somebody else carries, nor what is no item at all.
    let foreign = belongings(here, tilo).await.items[0].key;
    for item in [foreign.raw(), 0, u64::MAX, key.raw() + 1] {
        let refused = insist(&mut one, async |game| game.drop_item(item).await.unwrap()).await;
        assert_eq!(refused, Err("ITEM_NOT_CARRIED".to_owned()), "{item}");
    }
    let lay = async |game: &mut GameConnection| game.drop_item(key.raw()).await.unwrap();
    insist(&mut one, lay).await.expect("it is laid down");
    assert_eq!(insist(&mut one, lay).await, Err("ITEM_NOT_CARRIED".to_owned()), "it lies there already");

    let seen = until_lying(&mut two).await;
    for _ in 0..2 {
        let refused = insist(&mut two, async |game| game.pick_up(seen.id, false).await.unwrap()).await;
        assert_eq!(refused, Err("ITEM_NO_ROOM".to_owned()));
        // It lies there again, for everybody.
        assert_eq!(until_lying(&mut two).await.id, seen.id);
    }

    // Its connection is lost, it leaves, and so does the other: the game is over, and the item goes back to who had it.
    one.close().await.unwrap();
    until_lying(&mut two).await;
    first.lobby.leave_game().await.unwrap();
    assert!(belongings(here, maren).await.get(key).is_none(), "it lies there as long as somebody may take it");
    second.lobby.leave_game().await.unwrap();
    eventually("the item goes back", async || belongings(here, maren).await.get(key).map(drop)).await;
    assert_eq!(belongings(here, tilo).await.items.len(), cells as usize);
    realm.stop().await;
}

/// Does something over REST with what a hero has.
async fn act(hero: &mut Hero, body: &serde_json::Value) {
    let path = format!("/api/v1/characters/{}/items", hero.character.id);
    let asked = hero.player.rest.request_with(Method::POST, &path, &[], Some(body)).await;
    asked.expect("an answer").success().expect("it is done");
}

/// An item that changes how much life or mana this character has.
fn telling(content: &Content, sheet: &Sheet) -> (Item, Worn) {
    let bare = content.stats(sheet, [0; 3], &Worn::default());
    for seed in 0..100_000 {
        let made = content.items().make("ring", Quality::Magic, 4, &mut Dice::new(seed, 1)).unwrap();
        let item = Item { identified: true, ..made };
        let worn = Worn::restored([(Slot::RightFinger, item.clone())]).unwrap();
        let stats = content.stats(sheet, [0; 3], &worn);
        if stats.life_max > bare.life_max || stats.mana_max > bare.mana_max {
            return (item, worn);
        }
    }
    panic!("no ring of this pack gives life or mana");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_on_in_a_game_counts_at_once_and_from_the_start_of_the_next() {
    let realm = TestRealm::start().await;
    let mut hero = realm.hero("Maren", Door::Frames).await;
    let (here, id) = (home(&realm), hero.character.id);
    let (account, character) = keys(here, id).await;
    let sheet = Sheet::newborn(Class::Barbarian, false);
    let content = here.items.content().clone();
    let (item, worn) = telling(&content, &sheet);
    let pools = |worn: &Worn| {
        let stats = content.stats(&sheet, [0; 3], worn);
        (stats.life_max, stats.mana_max)
    };
    let key = give(here, id, item).await;
    let resting = here.games.holder(account, character);
    let (_, mut game) = hero.open_game("Cellar").await;
    let shown = |now: &Snapshot| (i32::from(now.own.life_max), i32::from(now.own.mana_max));
    assert_eq!(shown(&*snapshot(&mut game).await), pools(&Worn::default()));

    // Who plays does it under the lease of the game; who knows nothing of that may not.
    let refused = here.items.act(resting, Act::Equip { item: key, slot: None }, None).await;
    assert!(matches!(refused, Err(ItemsError::Busy)), "{refused:?}");
    act(&mut hero, &json!({"act": "equip", "item": key.to_string()})).await;
    let until = async |game: &mut GameConnection, wanted: (i32, i32)| {
        let seen = |update: &GameUpdate| match update {
            GameUpdate::Snapshot(now) => (shown(now) == wanted).then_some((now.own.life, now.own.life_max)),
            _ => None,
        };
        game.wait_for(DEADLINE, seen).await.expect("what is worn counts")
    };
    until(&mut game, pools(&worn)).await;
    // What was known before comes too late.
    let has = belongings(here, id).await;
    here.games
        .belongings_changed(account, character, &Belongings { version: 0, items: Vec::new(), ..has.clone() })
        .await;

    hero.lobby.leave_game().await.unwrap();
    let (_, mut game) = hero.open_game("Attic").await;
    let first = snapshot(&mut game).await;
    assert_eq!(shown(&first), pools(&worn), "it comes in with what it wears");
    assert_eq!(first.own.life, first.own.life_max, "and whole");
    // Also when whoever asked goes away before there is an answer.
    let mut asked = Box::pin(here.games.act(account, character, Act::Unequip { item: key, to: None }, None));
    std::future::poll_fn(|context| {
        assert!(asked.as_mut().poll(context).is_pending(), "the database takes a moment");
        std::task::Poll::Ready(())
    })
    .await;
    drop(asked);
    until(&mut game, pools(&Worn::default())).await;
    realm.stop().await;
}

/// One realm in this process over the folder of a program that does not run.
async fn look_into(site: &Site) -> Realm {
    Realm::start(config(), &site.data()).await.expect("the realm starts over what was left")
}

/// A hero of a realm that a program runs.
async fn hero_at(site: &Site, name: &str) -> Hero {
    let endpoint = site.endpoint();
    let mut rest = realm_client::Rest::new(&endpoint);
    let password = crate::harness::PASSWORD;
    // At the second time it is there already.
    let _ = rest.register(name, password).await;
    let token = rest.login(name, password).await.expect("logging in").access_token;
    let player = crate::harness::Player { name: name.to_owned(), token, rest, endpoint };
    let mut lobby = player.lobby(Door::Frames).await;
    let known = lobby.characters().await.expect("a list").characters.into_iter().next();
    let character = match known {
        Some(character) => character,
        None => lobby.create_character(&format!("{name}-hero"), "Barbarian", false).await.expect("a character"),
    };
    lobby.select_character(character.id).await.expect("selecting it");
    Hero { player, lobby, character }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_laying_down_and_picking_up_leaves_the_item_with_exactly_one() {
    let site = Site::new();
    let up = site.up();
    let ids = [hero_at(&site, "Maren").await.character.id, hero_at(&site, "Tilo").await.character.id];
    up.end(Signal::TERM);
    let realm = look_into(&site).await;
    let key = give(realm.realms().first(), ids[0], plain(&realm.realms().first().items, "ring")).await;
    realm.stop().await;

    let mut has_been = [0, 0];
    for kill in 0..4 {
        let up = site.up();
        let (mut first, mut second) = (hero_at(&site, "Maren").await, hero_at(&site, "Tilo").await);
        let (_, mut one) = first.open_game("Cellar").await;
        let (_, mut two) = second.join_game("Cellar").await;
        // One of them has it; who has not is refused.
        for game in [&mut one, &mut two] {
            let input = game.drop_item(key.raw()).await.unwrap();
            let _ = answer(game, input).await;
        }
        let seen = until_lying(&mut two).await;
        if kill > 0 {
            // Somewhere between the wish and its answer.
            two.pick_up(seen.id, false).await.unwrap();
            one.pick_up(seen.id, false).await.unwrap();
            for _ in 1..kill {
                snapshot(&mut two).await;
            }
        }
        up.end(Signal::KILL);
        drop((one, two));

        let realm = look_into(&site).await;
        let here = realm.realms().first();
        let holder = eventually("the item is with somebody", async || {
            let has = [belongings(here, ids[0]).await, belongings(here, ids[1]).await];
            let with: Vec<usize> = (0..2).filter(|place| has[*place].get(key).is_some()).collect();
            assert!(with.len() <= 1, "kill {kill}: it is with both");
            with.first().copied()
        })
        .await;
        has_been[holder] += 1;
        realm.stop().await;
    }
    println!("after four kills it was {} times with the first and {} times with the second", has_been[0], has_been[1]);
    assert_eq!(has_been.iter().sum::<u32>(), 4);
}
