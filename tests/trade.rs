//! Trades between two players, at every door.

use realm::{
    items::{Act, Bag, Holder, ItemsError, Place, Spot},
    realms::Home,
    types::{AccountId, CharacterId, ItemId},
};
use realm_client::{Door, Lobby, Login, TradeNews, proto};
use realm_world::items::{Cell, Certificate};

use crate::harness::{DEADLINE, Hero, TestRealm, code, eventually};

/// Somebody who trades, and what belongs to them.
struct Trader {
    hero: Hero,
    holder: Holder,
}

/// Puts things into inventories, as if they had been found.
struct Fortune {
    found: u32,
}

impl Fortune {
    fn certificate(&mut self, home: &Home) -> Certificate {
        self.found += 1;
        Certificate::new(1, 1, self.found, home.items.content().hash(), Vec::new())
    }

    async fn item(&mut self, realm: &TestRealm, trader: &Trader, base: &str) -> u64 {
        let home = realm.realm().realms().first();
        let item = home.items.catalogue().plain(base, 1).expect("a base of the pack");
        let birth = self.certificate(home);
        home.items.born_on_pick_up(trader.holder, item, birth).await.expect("room for it").item.raw()
    }

    async fn gold(&mut self, realm: &TestRealm, trader: &Trader, gold: i64) {
        let home = realm.realm().realms().first();
        let birth = self.certificate(home);
        home.items.gold_found(trader.holder, gold, birth).await.expect("a purse for it");
    }
}

async fn trader(realm: &TestRealm, name: &str, door: Door) -> Trader {
    let hero = realm.hero(name, door).await;
    let account = AccountId::from_raw(hero.lobby.session().expect("logged in").account_id);
    let holder = Holder::resting(account, CharacterId::from_raw(hero.character.id));
    let mut trader = Trader { hero, holder };
    trader.enter("Trade").await;
    trader
}

impl Trader {
    fn lobby(&mut self) -> &mut Lobby {
        &mut self.hero.lobby
    }

    /// Goes into a channel; resolves when the realm knows it in every room.
    async fn enter(&mut self, channel: &str) {
        self.lobby().join_channel(channel).await.expect("a channel");
        self.lobby().ping().await.expect("the session goes on");
    }

    /// The first state of a trade, of those told and those that come, that is as wished.
    async fn sees(&mut self, trade_id: u64, fits: impl Fn(&proto::TradeState) -> bool) -> proto::TradeState {
        loop {
            match self.lobby().trade_news(trade_id, DEADLINE).await.expect("news of the trade") {
                TradeNews::State(state) if fits(&state) => return state,
                TradeNews::State(_) => {}
                TradeNews::Ended(ended) => panic!("it has ended: {ended:?}"),
            }
        }
    }

    async fn hears_the_end(&mut self, trade_id: u64) -> proto::TradeEnded {
        self.lobby().trade_end(trade_id, DEADLINE).await.expect("the end of the trade")
    }

    async fn keys(&self, realm: &TestRealm) -> (Vec<u64>, i64) {
        let items = &realm.realm().realms().first().items;
        let belongings = items.of(self.holder.character).await.expect("the database answers");
        (belongings.items.iter().map(|owned| owned.key.raw()).collect(), belongings.gold)
    }

    /// Moves an item to another cell of the inventory, past the client.
    async fn moves(&self, realm: &TestRealm, item: u64, x: u8, y: u8) -> Result<(), ItemsError> {
        let to = Spot::In(Bag::Inventory, Cell { x, y });
        let items = &realm.realm().realms().first().items;
        items.act(self.holder, Act::Move { item: ItemId::from_raw(item), to }, None).await.map(drop)
    }
}

fn other(state: &proto::TradeState) -> &proto::TradeSide {
    state.other.as_ref().expect("a trade has two sides")
}

/// From an invitation to an open table: as both see it.
async fn open(host: &mut Trader, guest: &mut Trader) -> (proto::TradeState, proto::TradeState) {
    let name = guest.hero.player.name.clone();
    let invited = host.lobby().invite_to_trade(&name).await.expect("an invitation");
    let invitation = guest.lobby().trade_invitation(DEADLINE).await.expect("it comes");
    assert_eq!((invitation.trade_id, &invitation.account), (invited.trade_id, &host.hero.player.name));
    let seen_by_guest = guest.lobby().accept_trade(&invitation).await.expect("it is taken");
    let seen_by_host = host.sees(invited.trade_id, |state| state.stage == "open").await;
    assert_eq!(seen_by_host.version, seen_by_guest.version, "both see the same version");
    (seen_by_host, seen_by_guest)
}

/// Both lock and confirm what lies there. The end, as both hear it.
async fn conclude(host: &mut Trader, guest: &mut Trader, seen: &proto::TradeState) -> [proto::TradeEnded; 2] {
    host.lobby().lock_trade(seen).await.expect("the host locks");
    guest.lobby().lock_trade(seen).await.expect("the guest locks");
    host.sees(seen.trade_id, |state| other(state).locked).await;
    host.lobby().confirm_trade(seen).await.expect("the host confirms");
    guest.lobby().confirm_trade(seen).await.expect("the guest confirms");
    [host.hears_the_end(seen.trade_id).await, guest.hears_the_end(seen.trade_id).await]
}

#[tokio::test(flavor = "multi_thread")]
async fn two_in_one_channel_trade_at_every_door() {
    let realm = TestRealm::start().await;
    let mut fortune = Fortune { found: 0 };
    for (doors, names) in [
        ([Door::Frames, Door::WebSocketJson], ["Ann", "Bob"]),
        ([Door::WebSocketBinary, Door::Frames], ["Cem", "Dora"]),
    ] {
        let mut ann = trader(&realm, names[0], doors[0]).await;
        let mut bob = trader(&realm, names[1], doors[1]).await;
        let (ring, blade) = (fortune.item(&realm, &ann, "ring").await, fortune.item(&realm, &bob, "ditch-blade").await);
        fortune.gold(&realm, &bob, 100).await;
        let (seen, _) = open(&mut ann, &mut bob).await;
        let trade = seen.trade_id;
        let mine = ann.lobby().offer_in_trade(&seen, &[ring], 0).await.expect("she offers a ring");
        let shown = bob.sees(trade, |state| state.version == mine.version).await;
        let item = &other(&shown).items[0];
        assert_eq!((item.item_id, item.base.as_str(), item.quality.as_str()), (ring, "ring", "normal"));
        let both = bob.lobby().offer_in_trade(&shown, &[blade], 60).await.expect("he offers a blade and gold");
        let seen = ann.sees(trade, |state| state.version == both.version).await;
        assert_eq!((other(&seen).gold, other(&seen).items[0].base.as_str()), (60, "ditch-blade"));
        let [to_ann, to_bob] = conclude(&mut ann, &mut bob, &seen).await;
        assert!(to_ann.done && to_bob.done, "{to_ann:?} {to_bob:?}");
        assert_eq!((to_ann.item_ids, to_ann.gold, to_ann.code.as_str()), (vec![blade], 60, ""));
        assert_eq!((to_bob.item_ids, to_bob.gold), (vec![ring], 0));
        assert_eq!(ann.keys(&realm).await, (vec![blade], 60));
        assert_eq!(bob.keys(&realm).await, (vec![ring], 40));
        // The answer was lost, and the confirmation comes again: nothing is moved again, and the answer is the same.
        let TradeNews::Ended(again) = ann.lobby().confirm_trade(&seen).await.expect("it may come again") else {
            panic!("the trade is over");
        };
        assert!(again.done && again.item_ids == [blade]);
        assert_eq!(ann.keys(&realm).await, (vec![blade], 60));
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_after_the_lock_unlocks_and_nobody_confirms_what_was_changed() {
    let realm = TestRealm::start().await;
    let mut fortune = Fortune { found: 0 };
    let mut ann = trader(&realm, "Ann", Door::WebSocketJson).await;
    let mut bob = trader(&realm, "Bob", Door::Frames).await;
    let (ring, rag) = (fortune.item(&realm, &ann, "ring").await, fortune.item(&realm, &ann, "ring").await);
    fortune.gold(&realm, &bob, 100).await;
    let (seen, _) = open(&mut ann, &mut bob).await;
    let trade = seen.trade_id;
    let first = ann.lobby().offer_in_trade(&seen, &[ring], 0).await.expect("an offer");
    assert_eq!(code(bob.lobby().offer_in_trade(&seen, &[], 100).await), "TRADE_STALE", "he has not seen hers");
    let good = bob.lobby().offer_in_trade(&first, &[], 100).await.expect("his offer");
    ann.lobby().lock_trade(&good).await.expect("she locks");
    bob.lobby().lock_trade(&good).await.expect("he locks");
    // She lays something else there in the last moment.
    let worse = ann.lobby().offer_in_trade(&good, &[rag], 0).await.expect("another offer");
    assert_eq!(worse.version, good.version + 1);
    assert!(!worse.own.expect("her side").locked);
    assert_eq!(code(bob.lobby().confirm_trade(&good).await), "TRADE_STALE");
    assert_eq!(code(bob.lobby().lock_trade(&good).await), "TRADE_STALE");
    let seen = bob.sees(trade, |state| state.version == worse.version).await;
    assert!(!other(&seen).locked && other(&seen).items[0].item_id == rag);
    assert_eq!(code(bob.lobby().confirm_trade(&seen).await), "TRADE_NOT_READY");
    // What is off the table may be moved again, what lies there may not.
    ann.moves(&realm, ring, 5, 3).await.expect("the ring is free");
    assert!(matches!(ann.moves(&realm, rag, 6, 3).await, Err(ItemsError::InTrade)));
    let ended = bob.lobby().cancel_trade(trade).await.expect("he has had enough");
    assert_eq!(
        (ended.code.as_str(), ann.hears_the_end(trade).await.code.as_str()),
        ("TRADE_CANCELLED", "TRADE_CANCELLED")
    );
    ann.moves(&realm, rag, 6, 3).await.expect("it is free again");
    assert_eq!(bob.keys(&realm).await, (vec![], 100));
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_ends_the_trade_and_both_hear_why() {
    let realm = TestRealm::start().await;
    let mut fortune = Fortune { found: 0 };
    let mut ann = trader(&realm, "Ann", Door::Frames).await;
    let mut bob = trader(&realm, "Bob", Door::WebSocketJson).await;
    let ring = fortune.item(&realm, &ann, "ring").await;
    let (seen, _) = open(&mut ann, &mut bob).await;
    let trade = seen.trade_id;
    let seen = ann.lobby().offer_in_trade(&seen, &[ring], 0).await.expect("an offer");
    ann.lobby().lock_trade(&seen).await.expect("she locks");
    let (token, event) = (bob.hero.lobby.session().expect("logged in").resume_token.clone(), bob.hero.lobby.event());
    let login = Login::Token(bob.hero.player.token.clone());
    drop(bob);
    let ended = ann.hears_the_end(trade).await;
    assert_eq!((ended.done, ended.code.as_str()), (false, "TRADE_DISCONNECTED"));
    assert!(ended.message.contains("Bob"), "{}", ended.message);
    ann.moves(&realm, ring, 5, 3).await.expect("the ring is hers again");
    assert_eq!(code(ann.lobby().invite_to_trade("Bob").await), "TRADE_APART", "he is not there");
    // He comes back, and is told by what he has missed.
    let mut lobby = Lobby::connect(&realm.endpoint(), Door::WebSocketBinary).await.expect("a connection");
    lobby.resume(login, &token, event).await.expect("the session goes on");
    assert_eq!(lobby.trade_end(trade, DEADLINE).await.expect("he hears of the end").code, "TRADE_DISCONNECTED");
    let TradeNews::Ended(last) = lobby.query_trade(0).await.expect("the last one") else { panic!("it is over") };
    assert_eq!((last.trade_id, last.code.as_str()), (trade, "TRADE_DISCONNECTED"));
    // Now he may be invited again, and declines.
    let invited = ann.lobby().invite_to_trade("Bob").await.expect("he is there");
    lobby.cancel_trade(invited.trade_id).await.expect("he declines");
    assert_eq!(ann.hears_the_end(invited.trade_id).await.code, "TRADE_CANCELLED");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_inventory_returns_everything() {
    let realm = TestRealm::start().await;
    let mut fortune = Fortune { found: 0 };
    let mut ann = trader(&realm, "Ann", Door::WebSocketBinary).await;
    let mut bob = trader(&realm, "Bob", Door::WebSocketJson).await;
    let blade = fortune.item(&realm, &ann, "ditch-blade").await;
    fortune.gold(&realm, &bob, 30).await;
    for _ in 0..40 {
        fortune.item(&realm, &bob, "ring").await;
    }
    let before = (ann.keys(&realm).await, bob.keys(&realm).await);
    let (seen, _) = open(&mut ann, &mut bob).await;
    let seen = ann.lobby().offer_in_trade(&seen, &[blade], 0).await.expect("an offer");
    let seen = bob.lobby().offer_in_trade(&seen, &[], 30).await.expect("his");
    for ended in conclude(&mut ann, &mut bob, &seen).await {
        assert_eq!((ended.done, ended.code.as_str()), (false, "ITEM_NO_ROOM"));
        assert!(ended.message.contains("Bob") && ended.item_ids.is_empty(), "{}", ended.message);
    }
    assert_eq!((ann.keys(&realm).await, bob.keys(&realm).await), before);
    ann.moves(&realm, blade, 5, 0).await.expect("nothing is locked any more");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_in_one_game_trade_and_who_leaves_it_trades_no_more() {
    // Nobody reads the connections to the game: on a slow machine they may be closed.
    let realm = TestRealm::start_with(|config| config.games.reconnect_seconds = 3_600).await;
    let mut fortune = Fortune { found: 0 };
    let mut ann = trader(&realm, "Ann", Door::Frames).await;
    let mut bob = trader(&realm, "Bob", Door::WebSocketJson).await;
    let ring = fortune.item(&realm, &ann, "ring").await;
    fortune.gold(&realm, &bob, 9).await;
    let (_, _ann_plays) = ann.hero.open_game("Den of dusk").await;
    assert_eq!(code(ann.lobby().invite_to_trade("Bob").await), "TRADE_APART", "she plays, he chats");
    let (_, _bob_plays) = bob.hero.join_game("Den of dusk").await;
    let (seen, _) = open(&mut ann, &mut bob).await;
    let seen = ann.lobby().offer_in_trade(&seen, &[ring], 0).await.expect("an offer");
    let seen = bob.lobby().offer_in_trade(&seen, &[], 9).await.expect("his");
    for ended in conclude(&mut ann, &mut bob, &seen).await {
        assert!(ended.done, "{ended:?}");
    }
    assert_eq!((ann.keys(&realm).await, bob.keys(&realm).await), ((vec![], 9), (vec![ring], 0)));
    let (seen, _) = open(&mut bob, &mut ann).await;
    bob.lobby().leave_game().await.expect("he leaves");
    for trader in [&mut ann, &mut bob] {
        let ended = trader.hears_the_end(seen.trade_id).await;
        assert_eq!(ended.code, "TRADE_APART");
        assert!(ended.message.contains("Bob"), "{}", ended.message);
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_wants_what_is_not_its_own_gets_nothing() {
    let realm = TestRealm::start().await;
    let mut fortune = Fortune { found: 0 };
    let mut ann = trader(&realm, "Ann", Door::Frames).await;
    let mut bob = trader(&realm, "Bob", Door::WebSocketJson).await;
    let mut eve = trader(&realm, "Eve", Door::WebSocketBinary).await;
    let (ring, blade) = (fortune.item(&realm, &ann, "ring").await, fortune.item(&realm, &bob, "ditch-blade").await);
    let worn = fortune.item(&realm, &ann, "ditch-blade").await;
    let items = &realm.realm().realms().first().items;
    items.act(ann.holder, Act::Equip { item: ItemId::from_raw(worn), slot: None }, None).await.expect("she wears it");
    for (wrong, refusal) in [("Ann", "TRADE_PARTNER"), ("Nobody", "TRADE_APART"), ("!", "INVALID_USERNAME")] {
        assert_eq!(code(ann.lobby().invite_to_trade(wrong).await), refusal, "{wrong}");
    }
    let (seen, _) = open(&mut ann, &mut bob).await;
    let trade = seen.trade_id;
    assert_eq!(code(ann.lobby().invite_to_trade("Eve").await), "TRADE_BUSY", "one trade at a time");
    assert_eq!(code(eve.lobby().invite_to_trade("Bob").await), "TRADE_BUSY");
    // Items of others, items that are worn, items that are none, one twice, too many, more gold than there is or can be.
    for (keys, gold, refusal) in [
        (vec![blade], 0, "ITEM_NOT_CARRIED"),
        (vec![worn], 0, "ITEM_NOT_CARRIED"),
        (vec![u64::MAX], 0, "ITEM_NOT_CARRIED"),
        (vec![ring, ring], 0, "TRADE_OFFER_INVALID"),
        (vec![ring; 11], 0, "TRADE_OFFER_INVALID"),
        (vec![], 1, "NOT_ENOUGH_GOLD"),
        (vec![], u64::MAX, "TRADE_OFFER_INVALID"),
    ] {
        assert_eq!(code(ann.lobby().offer_in_trade(&seen, &keys, gold).await), refusal, "{keys:?} {gold}");
    }
    assert_eq!(code(ann.lobby().lock_trade(&seen).await), "TRADE_NOT_READY", "nothing lies there");
    // What is refused has locked nothing.
    bob.moves(&realm, blade, 5, 0).await.expect("his blade is his");
    let seen = ann.lobby().offer_in_trade(&seen, &[ring], 0).await.expect("an offer");
    // A third one has no say in it, and hears nothing of it.
    for refused in [
        code(eve.lobby().lock_trade(&seen).await),
        code(eve.lobby().confirm_trade(&seen).await),
        code(eve.lobby().offer_in_trade(&seen, &[], 0).await),
        code(eve.lobby().cancel_trade(trade).await),
        code(eve.lobby().query_trade(trade).await),
    ] {
        assert_eq!(refused, "TRADE_UNKNOWN");
    }
    let next = proto::TradeState { version: seen.version + 1, ..seen.clone() };
    assert_eq!(code(bob.lobby().lock_trade(&next).await), "TRADE_STALE", "what nobody has seen");
    ann.enter("Elsewhere").await;
    for trader in [&mut ann, &mut bob] {
        assert_eq!(trader.hears_the_end(trade).await.code, "TRADE_APART");
    }
    assert_eq!(ann.keys(&realm).await.0.len(), 2);
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_carried_out_is_known_after_a_restart_and_what_was_not_is_as_it_was() {
    let realm = TestRealm::start().await;
    let mut fortune = Fortune { found: 0 };
    let mut ann = trader(&realm, "Ann", Door::Frames).await;
    let mut bob = trader(&realm, "Bob", Door::WebSocketJson).await;
    let (ring, other_ring) = (fortune.item(&realm, &ann, "ring").await, fortune.item(&realm, &ann, "ring").await);
    let (seen, _) = open(&mut ann, &mut bob).await;
    let seen = ann.lobby().offer_in_trade(&seen, &[ring], 0).await.expect("an offer");
    assert!(conclude(&mut ann, &mut bob, &seen).await.iter().all(|ended| ended.done));
    let (open_one, _) = open(&mut ann, &mut bob).await;
    let open_one = ann.lobby().offer_in_trade(&open_one, &[other_ring], 0).await.expect("another offer");
    let names = [ann.hero.player.name.clone(), bob.hero.player.name.clone()];
    let holders = [ann.holder, bob.holder];
    drop((ann, bob));
    let realm = realm.restart().await;
    for (name, holder) in names.iter().zip(holders) {
        let mut lobby = Lobby::connect(&realm.endpoint(), Door::Frames).await.expect("a connection");
        let (account, password) = (name.clone(), crate::harness::PASSWORD.to_owned());
        lobby.login(Login::Password { account, password }).await.expect("a session");
        let TradeNews::Ended(done) = lobby.confirm_trade(&seen).await.expect("it is kept") else {
            panic!("it is over")
        };
        let received: &[u64] = if holder == holders[1] { &[ring] } else { &[] };
        assert!(done.done && done.item_ids == received, "{done:?}");
        assert_eq!(code(lobby.query_trade(open_one.trade_id).await), "TRADE_UNKNOWN", "that one was never carried out");
    }
    let items = &realm.realm().realms().first().items;
    let of_ann = items.of(holders[0].character).await.expect("the database answers");
    assert_eq!(of_ann.items.iter().map(|owned| owned.key.raw()).collect::<Vec<_>>(), [other_ring]);
    assert!(matches!(of_ann.items[0].at, Place::Character(_, Spot::In(Bag::Inventory, _))));
    eventually("nothing is locked", async || {
        let to = Spot::In(Bag::Inventory, Cell { x: 7, y: 3 });
        items.act(holders[0], Act::Move { item: ItemId::from_raw(other_ring), to }, None).await.ok()
    })
    .await;
    realm.stop().await;
}
