//! Clients that want what is not theirs, at every door to items, mail, market, trade and the ground: each wish is refused with its code and counted,
//! and nothing has moved. What `items.rs` and `trade.rs` try is not tried again here.

use realm::{
    items::{Act, Holder, Items, verify},
    storage::read_alone,
    types::{AccountId, CharacterId, ItemId},
};
use realm_client::{
    Door, EntityKind, EntityState, GameConnection, GameUpdate, Method, Response, Rest, TradeNews,
    proto::game_event::Kind,
};
use realm_world::items::{Certificate, Item};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    harness::{DEADLINE, Hero, TestRealm, raw},
    load::metrics::Metrics,
};

/// What each connection of a hasty thief asks for.
const WISHES_OF_EACH: u32 = 500;

/// Somebody with a character, and what it was given.
struct Owner {
    hero: Hero,
    holder: Holder,
    items: Items,
    births: u32,
}

impl Owner {
    async fn new(realm: &TestRealm, name: &str) -> Self {
        let hero = realm.hero(name, Door::Frames).await;
        let account = AccountId::from_raw(hero.lobby.session().expect("logged in").account_id);
        let holder = Holder::resting(account, CharacterId::from_raw(hero.character.id));
        let items = realm.realm().realms().first().items.clone();
        let mut owner = Self { hero, holder, items, births: 0 };
        owner.hero.lobby.join_channel("Trade").await.expect("a channel");
        owner.hero.lobby.ping().await.expect("the session goes on");
        owner
    }

    fn certificate(&mut self) -> Certificate {
        self.births += 1;
        Certificate::new(self.holder.character.raw(), 1, self.births, 7, Vec::new())
    }

    async fn find(&mut self, base: &str, count: u32) -> u64 {
        let item = Item { count, ..self.items.catalogue().plain(base, 1).unwrap() };
        let birth = self.certificate();
        self.items.born_on_pick_up(self.holder, item, birth).await.unwrap().item.raw()
    }

    async fn find_gold(&mut self, gold: i64) {
        let birth = self.certificate();
        self.items.gold_found(self.holder, gold, birth).await.unwrap();
    }

    fn character(&self) -> String {
        self.holder.character.to_string()
    }

    /// All that it has, and where.
    async fn has(&self) -> Vec<String> {
        let has = self.items.of(self.holder.character).await.unwrap();
        let mut words: Vec<String> =
            has.items.iter().map(|owned| format!("{} {} {:?}", owned.key, owned.item.count, owned.at)).collect();
        words.sort();
        words.push(format!("{} gold", has.gold));
        words
    }

    async fn ask(&mut self, method: Method, path: &str, body: &Value) -> Response {
        let path = format!("/api/v1{path}");
        self.hero.player.rest.request_with(method, &path, &[], Some(body)).await.expect("an answer")
    }

    /// The status and the code of a refusal; of what was done, its status alone.
    async fn post(&mut self, path: &str, body: &Value) -> (u16, String) {
        outcome(&self.ask(Method::POST, path, body).await)
    }

    /// The same for a body that is no value that a program of ours could write.
    async fn post_text(&mut self, path: &str, body: &str) -> (u16, String) {
        let path = format!("/api/v1{path}");
        let rest = &mut self.hero.player.rest;
        let body = bytes::Bytes::copy_from_slice(body.as_bytes());
        let answer = rest.request_bytes(Method::POST, &path, Some("application/json"), body).await;
        outcome(&answer.expect("an answer"))
    }
}

fn outcome(answer: &Response) -> (u16, String) {
    (answer.status, answer.json["code"].as_str().unwrap_or_default().to_owned())
}

fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// How often refusals of this code were counted: by all realms of this process, whose tests run at the same time.
async fn counted(realm: &TestRealm, code: &str) -> f64 {
    let address = realm.realm().telemetry_address().expect("it tells of itself");
    let metrics = tokio::task::spawn_blocking(move || Metrics::scrape(address)).await.expect("figures");
    metrics.value(&format!("realm_refusals_total{{code=\"{code}\"}}"))
}

/// The realm's own check, over what it has stored.
async fn is_whole(realm: &TestRealm) {
    let address = realm.config().storage.clone();
    let sound = read_alone(&address, realm.data(), |connection| Box::pin(verify(connection, None))).await;
    assert_eq!(sound.expect("the ledger can be read").err(), None);
}

/// A realm that lets its clients ask as often as they like.
async fn patient() -> TestRealm {
    TestRealm::start_with(|config| config.session.request_burst = 100_000).await
}

/// What stands where a number should stand.
const NO_COUNTS: [&str; 12] =
    ["-1", "0.5", "4294967296", "18446744073709551616", "1e99", "-1e99", "\"1\"", "\"\"", "[1]", "{}", "true", "1e400"];

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_every_kind_move_nothing() {
    let realm = patient().await;
    let (mut ann, bob) = (Owner::new(&realm, "Ann").await, Owner::new(&realm, "Bob").await);
    let salt = ann.find("ash-salt", 9).await;
    ann.find_gold(500).await;
    let before = (ann.has().await, bob.has().await);
    let counted_before = counted(&realm, "REQUEST_INVALID").await;
    let (own, me) = (format!("/characters/{}/items", ann.character()), ann.character());
    let mut refused = 0.0;
    for number in NO_COUNTS.into_iter().chain(["null"]) {
        let bodies = [
            (own.as_str(), format!(r#"{{"act":"split","item":"{salt}","count":{number}}}"#)),
            ("/mail", format!(r#"{{"character":"{me}","to":"Bob-hero","gold":{number},"items":["{salt}"]}}"#)),
            ("/market/offers", format!(r#"{{"character":"{me}","item":"{salt}","price":{number},"hours":1}}"#)),
            ("/market/offers", format!(r#"{{"character":"{me}","item":"{salt}","price":1,"hours":{number}}}"#)),
            (own.as_str(), format!(r#"{{"act":"move","item":"{salt}","to":{{"place":"stash","x":{number},"y":0}}}}"#)),
        ];
        for (path, body) in bodies {
            let answer = ann.post_text(path, &body).await;
            // A signed amount may be written; what it may not be is the verb's to say.
            let of_verbs = match (path, number) {
                ("/mail", "-1") => Some(refusal(422, "LETTER_INVALID")),
                ("/mail", "4294967296") => Some(refusal(409, "NOT_ENOUGH_GOLD")),
                ("/market/offers", "-1" | "4294967296") if body.contains("\"hours\":1}") => {
                    Some(refusal(422, "OFFER_INVALID"))
                }
                _ => None,
            };
            refused += f64::from(u8::from(of_verbs.is_none()));
            assert_eq!(answer, of_verbs.unwrap_or_else(|| refusal(400, "REQUEST_INVALID")), "{path} {body}");
        }
        // Of what may be left out, null is nothing: all of it. Tried last, and with a stack that is not there.
        let whole = format!(r#"{{"act":"destroy","item":"1","count":{number}}}"#);
        let answer = ann.post_text(&own, &whole).await;
        let wanted = if number == "null" { refusal(404, "ITEM_NOT_CARRIED") } else { refusal(400, "REQUEST_INVALID") };
        refused += f64::from(u8::from(number != "null"));
        assert_eq!(answer, wanted, "{whole}");
    }
    for item in [json!("-1"), json!("1e3"), json!(""), json!(7), json!(null), json!("18446744073709551616")] {
        let bodies = [
            (own.as_str(), json!({"act": "destroy", "item": item})),
            ("/market/offers", json!({"character": me, "item": item, "price": 1, "hours": 1})),
            ("/mail", json!({"character": me, "to": "Bob-hero", "items": [item]})),
        ];
        for (path, body) in bodies {
            refused += 1.0;
            assert_eq!(ann.post(path, &body).await, refusal(400, "REQUEST_INVALID"), "{path} {body}");
        }
    }
    assert_eq!((ann.has().await, bob.has().await), before);
    assert!(counted(&realm, "REQUEST_INVALID").await - counted_before >= refused, "each is counted");
    is_whole(&realm).await;
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_and_market_give_nobody_what_is_not_his() {
    let realm = patient().await;
    let (mut ann, mut bob) = (Owner::new(&realm, "Ann").await, Owner::new(&realm, "Bob").await);
    let (ring, worn) = (ann.find("ring", 1).await, ann.find("ditch-blade", 1).await);
    let (own, gold) = (bob.find("ring", 1).await, 60);
    bob.find_gold(gold).await;
    ann.find_gold(gold).await;
    let equip = Act::Equip { item: ItemId::from_raw(worn), slot: None };
    ann.items.act(ann.holder, equip, None).await.expect("she wears it");
    let (anns, bobs) = (ann.character(), bob.character());
    let offer = json!({"character": anns, "item": ring.to_string(), "price": 50, "hours": 1});
    let listed = ann.ask(Method::POST, "/market/offers", &offer).await.success().expect("it is offered").json;
    let listed = listed["offer"]["id"].as_str().expect("an offer has a key").to_owned();
    let words = json!({"character": anns, "to": "Bob-hero", "text": "For you.", "gold": 1});
    let letter = ann.ask(Method::POST, "/mail", &words).await.success().expect("it is sent").json;
    let letter = letter["id"].as_str().expect("a letter has a key").to_owned();
    let before = (ann.has().await, bob.has().await);

    let items = |character: &str| format!("/characters/{character}/items");
    let acts_of = |item: u64| {
        let item = item.to_string();
        [
            json!({"act": "sell", "item": item}),
            json!({"act": "destroy", "item": item}),
            json!({"act": "equip", "item": item}),
            json!({"act": "move", "item": item, "to": {"place": "cube", "x": 0, "y": 0}}),
        ]
    };
    // What is offered belongs to nobody's hands: neither the seller's nor another's.
    for act in acts_of(ring) {
        assert_eq!(ann.post(&items(&anns), &act).await, refusal(404, "ITEM_NOT_CARRIED"), "{act}");
        assert_eq!(bob.post(&items(&bobs), &act).await, refusal(404, "ITEM_NOT_CARRIED"), "{act}");
    }
    let mail = |character: &str, to: &str, items: Vec<u64>, gold: i64| {
        let items: Vec<String> = items.iter().map(u64::to_string).collect();
        json!({"character": character, "to": to, "items": items, "gold": gold})
    };
    let offer = |character: &str, item: u64, price: i64, hours: i64| json!({"character": character, "item": item.to_string(), "price": price, "hours": hours});
    let buy = |character: &str| json!({"character": character});
    let to_buy = format!("/market/offers/{listed}/buy");
    let to_take = format!("/mail/{letter}/take");
    let thefts = [
        // Listed twice, listed while offered, listed by another.
        ("/market/offers".to_owned(), offer(&anns, ring, 1, 1), (404, "ITEM_NOT_CARRIED")),
        ("/market/offers".to_owned(), offer(&anns, own, 1, 1), (404, "ITEM_NOT_CARRIED")),
        ("/market/offers".to_owned(), offer(&bobs, own, 1, 1), (404, "CHARACTER_UNKNOWN")),
        ("/market/offers".to_owned(), offer(&anns, worn, 1, 1), (409, "ITEM_WORN")),
        ("/market/offers".to_owned(), offer(&anns, worn, 0, 1), (422, "OFFER_INVALID")),
        ("/market/offers".to_owned(), offer(&anns, worn, i64::MAX, 1), (422, "OFFER_INVALID")),
        ("/market/offers".to_owned(), offer(&anns, worn, i64::MIN, 1), (422, "OFFER_INVALID")),
        ("/market/offers".to_owned(), offer(&anns, worn, 1, 0), (422, "OFFER_INVALID")),
        ("/market/offers".to_owned(), offer(&anns, worn, 1, 4_294_967_295), (422, "OFFER_INVALID")),
        // One's own, with another's character, and what there is not.
        (to_buy.clone(), buy(&anns), (409, "OFFER_OWN")),
        (to_buy.clone(), buy(&bobs), (409, "OFFER_OWN")),
        ("/market/offers/1/buy".to_owned(), buy(&anns), (404, "OFFER_UNKNOWN")),
        (format!("/market/offers/{ring}/buy"), buy(&anns), (404, "OFFER_UNKNOWN")),
        // To oneself, to nobody, what is another's, what is offered, twice the same, what is worn, more gold than there is.
        ("/mail".to_owned(), mail(&anns, "Ann-hero", vec![], 5), (422, "LETTER_INVALID")),
        ("/mail".to_owned(), mail(&anns, "Nobody", vec![], 5), (404, "RECIPIENT_UNKNOWN")),
        ("/mail".to_owned(), mail(&bobs, "Ann-hero", vec![own], 0), (404, "CHARACTER_UNKNOWN")),
        ("/mail".to_owned(), mail(&anns, "Bob-hero", vec![own], 0), (404, "ITEM_NOT_CARRIED")),
        ("/mail".to_owned(), mail(&anns, "Bob-hero", vec![ring], 0), (404, "ITEM_NOT_CARRIED")),
        ("/mail".to_owned(), mail(&anns, "Bob-hero", vec![worn, worn], 0), (422, "LETTER_INVALID")),
        ("/mail".to_owned(), mail(&anns, "Bob-hero", vec![worn], 0), (409, "ITEM_WORN")),
        ("/mail".to_owned(), mail(&anns, "Bob-hero", vec![], i64::MAX), (409, "PURSE_FULL")),
        ("/mail".to_owned(), mail(&anns, "Bob-hero", vec![], 1_000), (409, "NOT_ENOUGH_GOLD")),
        ("/mail".to_owned(), mail(&anns, "Bob-hero", vec![], i64::MIN), (422, "LETTER_INVALID")),
        ("/mail".to_owned(), mail(&anns, "Bob-hero", vec![], 0), (422, "LETTER_INVALID")),
        // Another's letter.
        (to_take.clone(), buy(&anns), (404, "LETTER_UNKNOWN")),
        (format!("/mail/{letter}/return"), json!({}), (404, "LETTER_UNKNOWN")),
    ];
    let mut wanted = std::collections::BTreeMap::<&str, f64>::new();
    let mut had = std::collections::BTreeMap::<&str, f64>::new();
    for (_, _, (_, code)) in &thefts {
        *wanted.entry(code).or_default() += 1.0;
        had.insert(code, counted(&realm, code).await);
    }
    let answers = {
        let mut answers = Vec::new();
        for (path, body, (status, code)) in &thefts {
            let answer = ann.post(path, body).await;
            if answer != refusal(*status, code) {
                answers.push(format!("{path} {body}: {answer:?}, and not {status} {code}"));
            }
        }
        answers
    };
    assert_eq!(answers, Vec::<String>::new());
    for (code, times) in wanted {
        assert!(counted(&realm, code).await - had[code] >= times, "{code} is counted");
    }
    // Another's offer is not his to withdraw, and a letter of which only one may empty it is emptied once.
    let withdrawn = bob.ask(Method::DELETE, &format!("/market/offers/{listed}"), &json!({})).await;
    assert_eq!(outcome(&withdrawn), refusal(404, "OFFER_UNKNOWN"));
    assert_eq!((ann.has().await, bob.has().await), before);
    let took = [bob.post(&to_take, &buy(&bobs)).await, bob.post(&to_take, &buy(&bobs)).await];
    assert_eq!(took[0].0, 200);
    // It had words, and is there still: empty.
    let gold_after = bob.items.of(bob.holder.character).await.unwrap().gold;
    assert_eq!(gold_after, gold + 1, "once: {took:?}");
    is_whole(&realm).await;
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_on_the_table_stays_there() {
    let realm = patient().await;
    let (mut ann, mut bob) = (Owner::new(&realm, "Ann").await, Owner::new(&realm, "Bob").await);
    let (ring, salt) = (ann.find("ring", 1).await, ann.find("ash-salt", 9).await);
    let split = Act::Split { item: ItemId::from_raw(salt), count: 3, to: None };
    let parted = ann.items.act(ann.holder, split, None).await.expect("a stack can be parted");
    drop(parted);
    let has = ann.items.of(ann.holder.character).await.unwrap();
    let spare = has.items.iter().find(|owned| owned.item.count == 3).expect("what was taken off").key.raw();
    let blade = bob.find("ditch-blade", 1).await;
    ann.find_gold(100).await;
    let table = ann.hero.lobby.invite_to_trade("Bob").await.expect("an invitation");
    let invitation = bob.hero.lobby.trade_invitation(DEADLINE).await.expect("it comes");
    let opened = bob.hero.lobby.accept_trade(&invitation).await.expect("it is taken");
    let offered = bob.hero.lobby.offer_in_trade(&opened, &[blade], 0).await.expect("an offer");
    let offered = ann.hero.lobby.offer_in_trade(&offered, &[ring, salt], 10).await.expect("an offer");
    let before = (ann.has().await, bob.has().await);
    let had = counted(&realm, "ITEM_IN_TRADE").await;
    let (me, own) = (ann.character(), format!("/characters/{}/items", ann.character()));
    let tries = [
        (own.clone(), json!({"act": "move", "item": ring.to_string(), "to": {"place": "stash", "x": 0, "y": 0}})),
        (own.clone(), json!({"act": "equip", "item": ring.to_string()})),
        (own.clone(), json!({"act": "destroy", "item": ring.to_string()})),
        (own.clone(), json!({"act": "sell", "item": ring.to_string()})),
        (own.clone(), json!({"act": "split", "item": salt.to_string(), "count": 2})),
        (own.clone(), json!({"act": "sell", "item": salt.to_string(), "count": 1})),
        (own.clone(), json!({"act": "merge", "item": salt.to_string(), "onto": spare.to_string()})),
        (own.clone(), json!({"act": "merge", "item": spare.to_string(), "onto": salt.to_string()})),
        ("/mail".to_owned(), json!({"character": me, "to": "Bob-hero", "items": [ring.to_string()]})),
        ("/market/offers".to_owned(), json!({"character": me, "item": ring.to_string(), "price": 1, "hours": 1})),
    ];
    for (path, body) in &tries {
        assert_eq!(ann.post(path, body).await, refusal(409, "ITEM_IN_TRADE"), "{path} {body}");
    }
    assert!(counted(&realm, "ITEM_IN_TRADE").await - had >= 10.0, "each is counted");
    assert_eq!((ann.has().await, bob.has().await), before);
    // It is carried out as it lies there, once, whoever insists.
    for owner in [&mut ann, &mut bob] {
        owner.hero.lobby.lock_trade(&offered).await.expect("a lock");
    }
    ann.hero.lobby.confirm_trade(&offered).await.expect("a confirmation");
    bob.hero.lobby.confirm_trade(&offered).await.expect("a confirmation");
    for owner in [&mut ann, &mut bob] {
        let ended = owner.hero.lobby.trade_end(table.trade_id, DEADLINE).await.expect("the end");
        assert!(ended.done, "{ended:?}");
        // Asked again it is answered the same, and done no more.
        let again = owner.hero.lobby.confirm_trade(&offered).await.expect("the same answer");
        let TradeNews::Ended(again) = again else { panic!("it is over: {again:?}") };
        assert_eq!((again.done, &again.item_ids, again.gold), (true, &ended.item_ids, ended.gold));
    }
    let keys = |words: &[String]| words.iter().filter(|word| !word.ends_with("gold")).count();
    assert_eq!((keys(&ann.has().await), keys(&bob.has().await)), (2, 2), "ring and salt for the blade");
    is_whole(&realm).await;
    realm.stop().await;
}

/// Waits until something lies there.
async fn lying(game: &mut GameConnection) -> EntityState {
    let seen = |update: &GameUpdate| match update {
        GameUpdate::Snapshot(now) => now.entities.iter().find(|one| one.kind == EntityKind::Treasure).copied(),
        _ => None,
    };
    game.wait_for(DEADLINE, seen).await.expect("something lies there")
}

/// What the game answers to an input about an item: true when it was done, or the code of the refusal.
async fn answer(game: &mut GameConnection, input: u32) -> Result<(), String> {
    let answered = |update: &GameUpdate| {
        let GameUpdate::Events(events) = update else { return None };
        events.events.iter().find_map(|event| match &event.kind {
            Some(Kind::ItemTaken(taken)) if taken.input == input => Some(Ok(())),
            Some(Kind::ItemLaid(laid)) if laid.input == input => Some(Ok(())),
            Some(Kind::Refused(refused)) if refused.input == input => Some(Err(refused.code.clone())),
            _ => None,
        })
    };
    game.wait_for(DEADLINE, answered).await.expect("an answer to the input")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_laid_down_destroyed_and_offered_at_once_goes_one_way() {
    let realm = patient().await;
    let mut ann = Owner::new(&realm, "Ann").await;
    let mut bob = Owner::new(&realm, "Bob").await;
    let mut rings = Vec::new();
    for _ in 0..8 {
        rings.push(ann.find("ring", 1).await);
    }
    let (_, mut game) = ann.hero.open_game("Cellar").await;
    let (_, mut other) = bob.hero.join_game("Cellar").await;
    let path = format!("/api/v1/characters/{}/items", ann.character());
    let (mut laid, mut gone, mut offered) = (0, 0, 0);
    for (number, ring) in rings.iter().enumerate() {
        // The same item goes three ways at once: to the ground, to nothing, and onto the market.
        let destruction = json!({"act": "destroy", "item": ring.to_string()});
        let offer = json!({"character": ann.character(), "item": ring.to_string(), "price": 5, "hours": 1});
        let mut second = Rest::new(&realm.endpoint());
        second.set_access_token(Some(ann.hero.player.token.clone()));
        let rest = &mut ann.hero.player.rest;
        let dropping = async {
            let input = game.drop_item(*ring).await.expect("the realm reads");
            answer(&mut game, input).await
        };
        let (dropped, destroyed, offer) = tokio::join!(
            dropping,
            rest.request_with(Method::POST, &path, &[], Some(&destruction)),
            second.request_with(Method::POST, "/api/v1/market/offers", &[], Some(&offer)),
        );
        let (destroyed, offer) = (outcome(&destroyed.expect("an answer")), outcome(&offer.expect("an answer")));
        let went = [dropped.is_ok(), destroyed.0 == 200, (200..300).contains(&offer.0)];
        // A wish that comes too soon after one that was refused is no way at all.
        let ways = went.iter().filter(|went| **went).count();
        assert_eq!(ways, 1, "round {number}: {dropped:?} {destroyed:?} {offer:?}");
        for (status, code) in [&destroyed, &offer].into_iter().filter(|(status, _)| *status >= 300) {
            let known = [(404, "ITEM_NOT_CARRIED"), (409, "ITEM_MOVED"), (409, "NOT_ENOUGH_GOLD")];
            assert!(known.contains(&(*status, code.as_str())), "round {number}: {status} {code}");
        }
        if let Err(code) = &dropped {
            assert!(["ITEM_NOT_CARRIED", "ITEM_MOVED", "ACT_TOO_SOON"].contains(&code.as_str()), "{code}");
        }
        (laid, gone, offered) = (laid + i32::from(went[0]), gone + i32::from(went[1]), offered + i32::from(went[2]));
        if went[0] {
            // Two connections grab it, and lay it down again, at once.
            let seen = lying(&mut game).await;
            let inputs = tokio::join!(game.pick_up(seen.id, false), other.pick_up(seen.id, false));
            let (one, two) = (inputs.0.unwrap(), inputs.1.unwrap());
            let (lay, also) = tokio::join!(game.drop_item(*ring), other.drop_item(*ring));
            let answers = tokio::join!(answer(&mut game, one), answer(&mut other, two));
            let took = [&answers.0, &answers.1].into_iter().filter(|answer| answer.is_ok()).count();
            assert!(took <= 1, "round {number}: both have it: {answers:?}");
            let (lay, also) = (lay.unwrap(), also.unwrap());
            println!("round {number}: taken {answers:?}, inputs {lay} and {also} lay it down again or are refused");
        }
        is_whole(&realm).await;
    }
    println!("{laid} were laid down, {gone} destroyed, {offered} offered");
    drop((game, other));
    ann.hero.lobby.leave_game().await.unwrap();
    bob.hero.lobby.leave_game().await.unwrap();
    // Each ring is in one place, or is no more.
    crate::harness::eventually("what lay there goes back", async || {
        let mut rows = 0;
        for owner in [&ann, &bob] {
            rows += owner.items.of(owner.holder.character).await.unwrap().items.len();
        }
        (rows == usize::try_from(laid).unwrap()).then_some(())
    })
    .await;
    is_whole(&realm).await;
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_wishes_as_fast_as_eight_connections_have_them_are_counted_and_move_nothing() {
    let realm = TestRealm::start_with(|config| {
        (config.session.request_burst, config.session.request_per_minute) = (30, 60);
    })
    .await;
    let ann = Owner::new(&realm, "Ann").await;
    let mut bob = Owner::new(&realm, "Bob").await;
    let salt = bob.find("ash-salt", 9).await;
    let before = (ann.has().await, bob.has().await);
    let had = (counted(&realm, "RATE_LIMITED").await, counted(&realm, "ITEM_NOT_CARRIED").await);
    let path = format!("/characters/{}/items", ann.character());
    let theft = json!({"act": "move", "item": salt.to_string(), "to": {"place": "inventory", "x": 0, "y": 0}});
    let begin = std::time::Instant::now();
    let mut thieves = JoinSet::new();
    for _ in 0..8 {
        let (path, theft) = (format!("/api/v1{path}"), theft.clone());
        let mut rest = Rest::new(&realm.endpoint());
        rest.set_access_token(ann.hero.player.rest.access_token().map(str::to_owned));
        thieves.spawn(async move {
            let (mut limited, mut refused) = (0.0, 0.0);
            for _ in 0..WISHES_OF_EACH {
                let answer = rest.request_with(Method::POST, &path, &[], Some(&theft)).await.expect("an answer");
                match outcome(&answer) {
                    (429, code) if code == "RATE_LIMITED" => limited += 1.0,
                    (404, code) if code == "ITEM_NOT_CARRIED" => refused += 1.0,
                    other => panic!("neither refused nor limited: {other:?}"),
                }
            }
            (limited, refused)
        });
    }
    let counts = thieves.join_all().await;
    let (limited, refused) = counts.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let a_second = (limited + refused) / begin.elapsed().as_secs_f64();
    println!("{a_second:.0} wishes a second: {limited} too many, {refused} refused");
    assert!(limited >= 0.9 * 8.0 * f64::from(WISHES_OF_EACH), "{limited} were too many");
    let now = (counted(&realm, "RATE_LIMITED").await, counted(&realm, "ITEM_NOT_CARRIED").await);
    assert!(now.0 - had.0 >= limited && now.1 - had.1 >= refused, "each is counted");
    // Whoever asks as one may is served all the same.
    let own = format!("/characters/{}/items", bob.character());
    let split = json!({"act": "split", "item": salt.to_string(), "count": 1});
    assert_eq!(bob.post(&own, &split).await.0, 200);
    assert_eq!(ann.has().await, before.0);
    assert!(raw::loopback(&realm, "/readyz").await.starts_with("HTTP/1.1 200"));
    is_whole(&realm).await;
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn places_and_games_that_do_not_exist_give_nothing() {
    let realm = patient().await;
    let mut ann = Owner::new(&realm, "Ann").await;
    let ring = ann.find("ring", 1).await;
    let before = ann.has().await;
    let path = format!("/characters/{}/items", ann.character());
    let places = ["letter", "offer", "ground", "market", "returned", "trade", "", "Inventory", "purse"];
    for place in places {
        let body = json!({"act": "move", "item": ring.to_string(), "to": {"place": place, "x": 0, "y": 0}});
        assert_eq!(ann.post(&path, &body).await, refusal(400, "REQUEST_INVALID"), "{place}");
    }
    let (_, mut game) = ann.hero.open_game("Cellar").await;
    for target in [0, 1, u16::MAX] {
        let input = game.pick_up(target, false).await.expect("the realm reads");
        let refused = answer(&mut game, input).await.expect_err("nothing lies there");
        assert!(["TARGET_UNKNOWN", "ACT_TOO_SOON", "NOT_A_TARGET"].contains(&refused.as_str()), "{target}: {refused}");
    }
    assert_eq!(ann.has().await, before);
    is_whole(&realm).await;
    realm.stop().await;
}
