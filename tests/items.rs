//! What characters own, over REST: what a player sees and does, what a bad client tries, and what staff see and undo.

use std::fs;

use realm::{
    items::{Act, Holder, Items, ItemsError},
    types::{AccountId, CharacterId, ItemId},
};
use realm_client::{Method, Response, Rest};
use realm_world::{
    Dice,
    items::{Certificate, Item, Quality},
};
use serde_json::{Value, json};

use crate::harness::{TestRealm, refused};

/// A player with a character, and what it is given.
struct Owner {
    rest: Rest,
    items: Items,
    holder: Holder,
    character: CharacterId,
    births: u32,
}

async fn ask(rest: &mut Rest, method: Method, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Response {
    rest.request_with(method, &format!("/api/v1{path}"), headers, body.as_ref()).await.expect("an answer")
}

impl Owner {
    async fn new(realm: &TestRealm, name: &str, character: &str) -> Self {
        let mut rest = realm.player(name).await.rest;
        let account = AccountId::from_raw(rest.validate().await.unwrap().id);
        let made = rest.create_character(character, "Druid", false).await.unwrap();
        let character = CharacterId::from_raw(made.id);
        let items = realm.realm().realms().first().items.clone();
        Self { rest, items, holder: Holder::resting(account, character), character, births: 0 }
    }

    /// It finds something.
    async fn find(&mut self, item: Item) -> ItemId {
        self.births += 1;
        let birth = Certificate::new(self.character.raw(), 1, self.births, 7, Vec::new());
        self.items.born_on_pick_up(self.holder, item, birth).await.unwrap().item
    }

    async fn find_plain(&mut self, base: &str, count: u32) -> ItemId {
        let item = Item { count, ..self.items.catalogue().plain(base, 1).unwrap() };
        self.find(item).await
    }

    async fn inventory(&mut self) -> (Value, String) {
        let path = format!("/characters/{}/inventory", self.character);
        let answer = ask(&mut self.rest, Method::GET, &path, &[], None).await.success().unwrap();
        let tag = answer.headers.get("etag").unwrap().to_str().unwrap().to_owned();
        (answer.json, tag)
    }

    async fn act(&mut self, headers: &[(&str, &str)], body: Value) -> Response {
        let path = format!("/characters/{}/items", self.character);
        ask(&mut self.rest, Method::POST, &path, headers, Some(body)).await
    }

    async fn code(&mut self, body: Value) -> (u16, String) {
        refused(self.act(&[], body).await.success())
    }
}

fn operator(realm: &TestRealm) -> Rest {
    let token = fs::read_to_string(realm.data().join("operator.token")).expect("a token in the data folder");
    let mut rest = Rest::new(&realm.endpoint());
    rest.set_access_token(Some(token));
    rest
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_sees_and_moves_what_a_character_owns() {
    let realm = TestRealm::start().await;
    let mut ann = Owner::new(&realm, "Ann", "Ash").await;
    let (empty, first) = ann.inventory().await;
    assert_eq!((&empty["equipment"], &empty["gold"], &empty["stash"]["pages"]), (&json!([]), &json!(0), &json!(4)));
    let ring = ann.find_plain("ring", 1).await;
    let salt = ann.find_plain("ash-salt", 9).await;
    let hidden = ann.items.catalogue().make("ring", Quality::Rare, 80, &mut Dice::new(1, 1)).unwrap();
    let hidden = ann.find(hidden).await;
    let (full, second) = ann.inventory().await;
    assert_ne!(first, second, "another version");
    let items = full["inventory"]["items"].as_array().unwrap();
    let of = |key: ItemId| items.iter().find(|item| item["id"] == key.to_string()).unwrap();
    assert_eq!((&of(ring)["kind"], &of(ring)["at"]), (&json!("ring"), &json!({"place": "inventory", "x": 0, "y": 0})));
    assert_eq!((&of(salt)["count"], &of(salt)["identified"]), (&json!(9), &json!(true)));
    // What nobody has found out is not told.
    assert_eq!((&of(hidden)["identified"], &of(hidden)["properties"]), (&json!(false), &json!([])));
    assert_eq!(of(hidden)["name"], of(ring)["name"]);

    let equip = json!({"act": "equip", "item": ring.to_string()});
    let worn = ann.act(&[("idempotency-key", "one")], equip.clone()).await.success().unwrap();
    assert_eq!(worn.json["items"][0]["at"], json!({"place": "worn", "slot": "right-finger"}));
    let again = ann.act(&[("idempotency-key", "one")], equip).await.success().unwrap();
    assert_eq!((again.body, again.headers.get("etag")), (worn.body, worn.headers.get("etag")));
    let split = json!({"act": "split", "item": salt.to_string(), "count": 4, "to": {"place": "stash", "page": 2, "x": 3, "y": 9}});
    let split = ann.act(&[], split).await.success().unwrap().json;
    assert_eq!(split["items"].as_array().unwrap().len(), 2);
    let (after, third) = ann.inventory().await;
    assert_eq!(after["stash"]["items"][0]["at"], json!({"place": "stash", "page": 2, "x": 3, "y": 9}));
    assert_eq!(
        (&after["equipment"][0]["id"], &after["stash"]["items"][0]["count"]),
        (&json!(ring.to_string()), &json!(4))
    );
    let gone = ann.act(&[], json!({"act": "destroy", "item": salt.to_string()})).await.success().unwrap();
    assert_eq!(gone.json["gone"], json!([salt.to_string()]));
    let tag = |answer: &Response| {
        answer.headers.get("etag").unwrap().to_str().unwrap().trim_matches('"').parse::<i64>().unwrap()
    };
    assert_eq!(tag(&gone), third.trim_matches('"').parse::<i64>().unwrap() + 1);

    // All of it is told to its owner, and lasts.
    let export = ask(&mut ann.rest, Method::GET, "/account/export", &[], None).await.success().unwrap().json;
    assert_eq!(export["items"].as_array().unwrap().len(), 3, "{}", export["items"]);
    let before = ann.inventory().await;
    let realm = realm.restart().await;
    let token = ann.rest.access_token().map(str::to_owned);
    ann.rest = Rest::new(&realm.endpoint());
    ann.rest.set_access_token(token);
    assert_eq!(ann.inventory().await, before);
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_client_moves_nothing() {
    let realm = TestRealm::start_with(|config| config.session.request_burst = 100_000).await;
    let mut ann = Owner::new(&realm, "Ann", "Ash").await;
    let mut bob = Owner::new(&realm, "Bob", "Birch").await;
    let (salt, ring) = (ann.find_plain("ash-salt", 9).await, ann.find_plain("ring", 1).await);
    let own = bob.find_plain("ring", 1).await;
    let before = (ann.inventory().await, bob.inventory().await);
    let (salt, ring, own) = (salt.to_string(), ring.to_string(), own.to_string());
    let to = |place: &str, x: i64, y: i64| json!({"place": place, "x": x, "y": y});
    let cases = [
        // Of others, and of nobody.
        (json!({"act": "move", "item": salt, "to": to("inventory", 5, 0)}), 404, "ITEM_NOT_CARRIED"),
        (json!({"act": "destroy", "item": "9223372036854775807"}), 404, "ITEM_NOT_CARRIED"),
        (json!({"act": "merge", "item": own, "onto": salt}), 404, "ITEM_NOT_CARRIED"),
        (json!({"act": "socket", "gem": salt, "into": own}), 404, "ITEM_NOT_CARRIED"),
        // Places that there are not.
        (json!({"act": "move", "item": own, "to": to("inventory", 10, 0)}), 422, "ITEM_OUTSIDE_GRID"),
        (
            json!({"act": "move", "item": own, "to": {"place": "stash", "page": 4, "x": 0, "y": 0}}),
            422,
            "ITEM_OUTSIDE_GRID",
        ),
        (json!({"act": "move", "item": own, "to": {"place": "worn", "slot": "head"}}), 422, "ITEM_WRONG_SLOT"),
        (json!({"act": "move", "item": own, "to": to("moon", 0, 0)}), 400, "REQUEST_INVALID"),
        (json!({"act": "move", "item": own, "to": to("ground", 0, 0)}), 400, "REQUEST_INVALID"),
        (json!({"act": "move", "item": own, "to": to("inventory", -1, 0)}), 400, "REQUEST_INVALID"),
        (json!({"act": "move", "item": own, "to": to("inventory", 256, 0)}), 400, "REQUEST_INVALID"),
        (json!({"act": "move", "item": own, "to": {"place": "worn", "slot": "tail"}}), 400, "REQUEST_INVALID"),
        // Counts that there are not.
        (json!({"act": "split", "item": own, "count": -1}), 400, "REQUEST_INVALID"),
        (json!({"act": "split", "item": own, "count": 4_294_967_296u64}), 400, "REQUEST_INVALID"),
        (json!({"act": "split", "item": own, "count": 4_294_967_295u64}), 422, "ITEM_WRONG_COUNT"),
        (json!({"act": "destroy", "item": own, "count": 0}), 422, "ITEM_WRONG_COUNT"),
        (json!({"act": "sell", "item": own, "count": 2}), 422, "ITEM_WRONG_COUNT"),
        // What nobody sells, as many as nobody sells, and for nothing.
        (json!({"act": "buy", "base": "garnet-star"}), 404, "ITEM_NOT_SOLD"),
        (json!({"act": "buy", "base": "'; DROP TABLE items; --"}), 404, "ITEM_NOT_SOLD"),
        (json!({"act": "buy", "base": "hood", "count": -1}), 400, "REQUEST_INVALID"),
        (json!({"act": "buy", "base": "hood", "count": 0}), 422, "ITEM_WRONG_COUNT"),
        (json!({"act": "buy", "base": "naming-scroll", "count": 4_294_967_295u64}), 422, "ITEM_WRONG_COUNT"),
        (json!({"act": "buy", "base": "hood"}), 409, "NOT_ENOUGH_GOLD"),
        (json!({"act": "buy", "base": "hood", "to": to("moon", 0, 0)}), 400, "REQUEST_INVALID"),
        (json!({"act": "buy", "base": "hood", "price": 0}), 400, "REQUEST_INVALID"),
        (json!({"act": "use", "item": own}), 422, "ITEM_NOT_USABLE"),
        (json!({"act": "use", "item": salt}), 404, "ITEM_NOT_CARRIED"),
        // Acts that there are not.
        (json!({"act": "duplicate", "item": own}), 400, "REQUEST_INVALID"),
        (json!({"act": "move", "item": own, "to": to("inventory", 0, 0), "count": 2}), 400, "REQUEST_INVALID"),
        (json!({"act": "combine"}), 409, "ITEM_NO_RECIPE"),
        (json!({"item": own}), 400, "REQUEST_INVALID"),
    ];
    for (body, status, code) in cases {
        assert_eq!(bob.code(body.clone()).await, (status, code.to_owned()), "{body}");
    }
    // Another's character is unknown.
    let path = format!("/characters/{}/items", ann.character);
    for act in
        [json!({"act": "destroy", "item": ring}), json!({"act": "combine"}), json!({"act": "sell", "item": ring})]
    {
        let foreign = ask(&mut bob.rest, Method::POST, &path, &[], Some(act)).await;
        assert_eq!(refused(foreign.success()), (404, "CHARACTER_UNKNOWN".to_owned()));
    }
    assert_eq!((ann.inventory().await, bob.inventory().await), before);
    // Who plays does the same, under the lease of the game; who knows nothing of that lease may not.
    let ticket = ann.rest.create_game(ann.character.raw(), &crate::harness::named("Cellar")).await.unwrap();
    assert!(ticket.game.is_some());
    let key: ItemId = ring.parse().unwrap();
    let resting = ann.items.act(ann.holder, Act::Destroy { item: key, count: None }, None).await;
    assert!(matches!(resting, Err(ItemsError::Busy)), "{resting:?}");
    ann.act(&[], json!({"act": "destroy", "item": ring})).await.success().unwrap();
    assert_eq!(ann.code(json!({"act": "destroy", "item": ring})).await, (404, "ITEM_NOT_CARRIED".to_owned()));
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_see_the_history_of_an_item_page_by_page() {
    let realm = TestRealm::start().await;
    let mut ann = Owner::new(&realm, "Ann", "Ash").await;
    let ring = ann.find_plain("ring", 1).await;
    for x in 1..5 {
        let to = json!({"place": "inventory", "x": x, "y": 0});
        ann.act(&[], json!({"act": "move", "item": ring.to_string(), "to": to})).await.success().unwrap();
    }
    ann.act(&[], json!({"act": "destroy", "item": ring.to_string()})).await.success().unwrap();
    let mut staff = operator(&realm);
    let (mut cursor, mut acts) = (String::new(), Vec::new());
    loop {
        let path = format!("/admin/items/{ring}/history?limit=4{cursor}");
        let page = ask(&mut staff, Method::GET, &path, &[], None).await.success().unwrap().json;
        let lines = page["lines"].as_array().unwrap();
        acts.extend(lines.iter().map(|line| (line["act"].as_str().unwrap().to_owned(), line["to"]["place"].clone())));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let names: Vec<&str> = acts.iter().map(|(act, _)| act.as_str()).collect();
    assert_eq!(names, ["destroy", "move", "move", "move", "move", "find"]);
    assert_eq!(acts[0].1, json!("nothing"));
    realm.stop().await;
}
