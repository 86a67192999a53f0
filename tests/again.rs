//! Requests that are sent again: over connections that break, each has one effect, and every answer is the same.

use std::time::Duration;

use realm::types::faults::Bug;
use realm_client::{GameConnection, Method, Response, Rest, proto};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::{
    PASSWORD, TestRealm,
    program::{Site, Up},
    raw, refused,
};

/// Asks tests for their long campaigns.
const LONG: &str = "REALM_TEST_LONG";
/// Accounts that send at once.
const ACCOUNTS: usize = 4;

async fn ask(rest: &mut Rest, method: Method, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Response {
    rest.request_with(method, &format!("/api/v1{path}"), headers, body.as_ref()).await.expect("an answer")
}

/// A request as it goes over the wire, so that its connection can be cut wherever one likes.
struct Sent<'a> {
    method: &'a str,
    path: &'a str,
    token: &'a str,
    key: &'a str,
    body: Option<&'a str>,
}

impl Sent<'_> {
    fn text(&self) -> String {
        let Sent { method, path, token, key, body } = self;
        let body = body.unwrap_or_default();
        let authorization = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
        format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: localhost\r\n{authorization}Idempotency-Key: {key}\r\nIf-Match: *\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// Sends it, and cuts the connection: at once, in the middle of the request, or in the middle of the answer.
    async fn and_cut(&self, realm: &TestRealm, how: usize) {
        let mut stream = raw::tls(realm, realm.realm().addresses().https, b"http/1.1").await;
        let text = self.text();
        let bytes = if how % 4 == 1 { &text.as_bytes()[..text.len() - 1] } else { text.as_bytes() };
        // The other end may have gone; that is what this is about.
        let _ = stream.write_all(bytes).await;
        let _ = stream.flush().await;
        if how % 4 == 2 {
            let mut some = [0; 16];
            let _ = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut some)).await;
        }
        if how % 4 == 3 {
            let _ = stream.shutdown().await;
        }
        drop(stream);
    }

    /// Sends it once more, and reads the answer.
    async fn at_last(&self, rest: &mut Rest) -> Response {
        let method = Method::from_bytes(self.method.as_bytes()).unwrap();
        let body = self.body.map(|body| serde_json::from_str(body).unwrap());
        ask(rest, method, self.path, &[("idempotency-key", self.key), ("if-match", "*")], body).await
    }
}

fn tag(answer: &Response) -> &str {
    answer.headers.get("etag").map_or("", |tag| tag.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_sent_three_times_over_cut_connections_has_one_effect_and_one_answer() {
    let effects = if std::env::var_os(LONG).is_some() { 1_000 } else { 160 };
    let realm = TestRealm::start_with(|config| {
        config.session.request_burst = 1_000_000;
        config.net.handshakes_max = 1_000;
    })
    .await;
    let realm = std::sync::Arc::new(realm);
    let mut lives = tokio::task::JoinSet::new();
    for number in 0..ACCOUNTS {
        let realm = std::sync::Arc::clone(&realm);
        lives.spawn(async move { live(&realm, number, effects / ACCOUNTS).await });
    }
    let sent: usize = lives.join_all().await.into_iter().sum();
    assert_eq!(sent, effects);
    std::sync::Arc::into_inner(realm).expect("the lives are over").stop().await;
}

/// Makes a character, and deletes and restores it again and again; its version counts the effects.
async fn live(realm: &TestRealm, number: usize, effects: usize) -> usize {
    let player = realm.player(&format!("Player-{}", ["Ann", "Bob", "Cem", "Dora"][number])).await;
    let (token, mut rest) = (player.token, player.rest);
    let name = format!("Hero-{}", ["Ann", "Bob", "Cem", "Dora"][number]);
    let body = json!({"name": name, "class": "Druid"}).to_string();
    let mut path = String::new();
    let mut answers: Vec<(String, String, u16, Vec<u8>)> = Vec::new();
    for effect in 0..effects {
        let key = format!("key-{number}-{effect}");
        let deleting = effect % 2 == 1;
        let target = if deleting { path.clone() } else { format!("{path}/restore") };
        let sent = match effect {
            0 => Sent { method: "POST", path: "/characters", token: &token, key: &key, body: Some(&body) },
            _ if deleting => Sent { method: "DELETE", path: &target, token: &token, key: &key, body: None },
            _ => Sent { method: "POST", path: &target, token: &token, key: &key, body: None },
        };
        // Two that are cut, together, and a third that is read; then what it said is said again.
        tokio::join!(sent.and_cut(realm, effect + number), sent.and_cut(realm, effect / 4));
        let answer = sent.at_last(&mut rest).await;
        let wanted = if effect == 0 {
            201
        } else if deleting {
            204
        } else {
            200
        };
        assert_eq!(answer.status, wanted, "{} {}: {}", sent.method, sent.path, answer.json);
        if effect == 0 {
            path = format!("/characters/{}", answer.json["id"].as_str().unwrap());
        }
        if !deleting {
            assert_eq!(tag(&answer), format!("\"{}\"", effect + 1), "each effect is one version");
        }
        let again = sent.at_last(&mut rest).await;
        assert_eq!((again.status, &again.body, tag(&again)), (answer.status, &answer.body, tag(&answer)));
        answers.push((sent.method.to_owned(), key.clone(), answer.status, answer.body.to_vec()));
    }
    // Long after, an old request has no effect, and its old answer.
    for (effect, (method, key, status, body)) in answers.iter().enumerate().skip(1).step_by(7) {
        let target = if method == "DELETE" { path.clone() } else { format!("{path}/restore") };
        let sent = Sent { method, path: &target, token: &token, key, body: None };
        let again = sent.at_last(&mut rest).await;
        assert_eq!((again.status, &again.body.to_vec()), (*status, body), "{effect}");
    }
    let other = json!({"name": "Another", "class": "Druid"}).to_string();
    let key = format!("key-{number}-0");
    let sent = Sent { method: "POST", path: "/characters", token: &token, key: &key, body: Some(&other) };
    let refusal = sent.at_last(&mut rest).await.success();
    assert_eq!(refused(refusal), (422, "IDEMPOTENCY_KEY_REUSED".to_owned()));
    effects
}

/// Sends one request twice at once, again and again; true when the two answers ever differ.
async fn contradicts_itself(bug: Option<Bug>, tries: usize) -> bool {
    let site = Site::new();
    let mut command = site.realm(&["up", "--data", "realm-data"]);
    command.env("REALM__SESSION__REQUEST_BURST", "10000").env("REALM__SESSION__REQUEST_PER_MINUTE", "60000");
    if let Some(bug) = bug {
        command.env("REALM_FAULT_BUGS", bug.name());
    }
    let _up = Up::start(&mut command);
    let mut one = Rest::new(&site.endpoint());
    one.register("Maren", PASSWORD).await.unwrap();
    one.login("Maren", PASSWORD).await.unwrap();
    let id = one.create_character("Ash", "Druid", false).await.unwrap().id;
    let mut other = Rest::new(&site.endpoint());
    other.set_access_token(one.access_token().map(str::to_owned));
    let token = one.access_token().unwrap().to_owned();
    for number in 0..tries {
        let key = format!("key-{number}");
        let path = format!("/characters/{id}{}", if number % 2 == 0 { "" } else { "/restore" });
        let method = if number % 2 == 0 { "DELETE" } else { "POST" };
        let sent = Sent { method, path: &path, token: &token, key: &key, body: None };
        let (first, second) = tokio::join!(sent.at_last(&mut one), sent.at_last(&mut other));
        if (first.status, &first.body) != (second.status, &second.body) {
            return true;
        }
        assert!(first.status < 300, "{method} {path}: {}", first.json);
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_kept_after_its_effect_is_found() {
    assert!(!Box::pin(contradicts_itself(None, 20)).await);
    let found = Box::pin(contradicts_itself(Some(Bug::KeyAfterEffect), 1_000)).await;
    assert!(found, "the mistake has to be seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_registered_once_and_its_password_is_no_part_of_what_is_kept() {
    let realm = TestRealm::start().await;
    let mut rest = Rest::new(&realm.endpoint());
    let key = [("idempotency-key", "5c0f8f4e-8c0b-4a51-9d1e-6a1d7b0f2a11")];
    let register = |name: &str, password: &str| Some(json!({"name": name, "password": password}));
    let body = register("Maren", PASSWORD).unwrap().to_string();
    let sent = Sent { method: "POST", path: "/auth/register", token: "", key: key[0].1, body: Some(&body) };
    tokio::join!(sent.and_cut(&realm, 0), sent.and_cut(&realm, 2));
    let first =
        ask(&mut rest, Method::POST, "/auth/register", &key, register("Maren", PASSWORD)).await.success().unwrap();
    for _ in 0..2 {
        let again = ask(&mut rest, Method::POST, "/auth/register", &key, register("Maren", PASSWORD)).await;
        assert_eq!((again.status, &again.body), (201, &first.body));
    }
    for (name, password) in [("Maren", "another good password"), ("Tomas", PASSWORD)] {
        let answer = ask(&mut rest, Method::POST, "/auth/register", &key, register(name, password)).await.success();
        assert_eq!(refused(answer), (422, "IDEMPOTENCY_KEY_REUSED".to_owned()), "{name}");
    }
    let answer = ask(&mut rest, Method::POST, "/auth/register", &[], register("Maren", PASSWORD)).await.success();
    assert_eq!(refused(answer), (409, "ACCOUNT_TAKEN".to_owned()), "without a key it is another request");
    let other = [("idempotency-key", "another-key")];
    let answer = ask(&mut rest, Method::POST, "/auth/register", &other, register("Maren", PASSWORD)).await.success();
    assert_eq!(refused(answer), (409, "ACCOUNT_TAKEN".to_owned()));
    for wrong in ["", "two words", &"k".repeat(129)] {
        let headers = [("idempotency-key", wrong)];
        let answer =
            ask(&mut rest, Method::POST, "/auth/register", &headers, register("Tomas", PASSWORD)).await.success();
        assert_eq!(refused(answer), (400, "IDEMPOTENCY_KEY_INVALID".to_owned()), "{wrong:?}");
    }
    rest.login("Maren", PASSWORD).await.unwrap();
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_a_game_that_comes_again_gets_the_same_game() {
    let realm = TestRealm::start().await;
    let mut ann = realm.player("Ann").await;
    let mut bob = realm.player("Bob").await;
    let hers = ann.rest.create_character("Ann-hero", "Druid", false).await.unwrap().id.to_string();
    let his = bob.rest.create_character("Bob-hero", "Druid", false).await.unwrap().id.to_string();
    let wish = |character: &str, name: &str| Some(json!({"character": character, "name": name, "password": "pike"}));
    let key = &[("idempotency-key", "open-the-cellar")][..];
    // Sent twice at once over two connections.
    let mut second = Rest::new(&realm.endpoint());
    second.set_access_token(ann.rest.access_token().map(str::to_owned));
    let (one, other) = tokio::join!(
        ask(&mut ann.rest, Method::POST, "/games", key, wish(&hers, "Cellar")),
        ask(&mut second, Method::POST, "/games", key, wish(&hers, "Cellar")),
    );
    assert_eq!((one.status, other.status), (201, 201), "{} {}", one.json, other.json);
    assert_eq!(one.json, other.json, "one game, one seat, one ticket");
    let again = ask(&mut ann.rest, Method::POST, "/games", key, wish(&hers, "Cellar")).await;
    assert_eq!((again.status, &again.json), (201, &one.json));
    let wrong = ask(&mut ann.rest, Method::POST, "/games", key, wish(&hers, "Attic")).await;
    assert_eq!((wrong.status, wrong.json["code"].as_str()), (422, Some("IDEMPOTENCY_KEY_REUSED")));
    // A key is its account's.
    let bobs = ask(&mut bob.rest, Method::POST, "/games", key, wish(&his, "Attic")).await;
    assert_eq!(bobs.status, 201, "{}", bobs.json);
    assert_ne!(bobs.json["game"]["id"], one.json["game"]["id"]);

    // In the game with the ticket, another is needed to come back: the same request gives it.
    let ticket = |answer: &Response| proto::GameTicket {
        ticket: answer.json["ticket"].as_str().unwrap().to_owned(),
        port: u32::from(realm.endpoint().game_port),
        ..Default::default()
    };
    let inside = GameConnection::enter(&ann.endpoint, &ticket(&one)).await.unwrap();
    let again = ask(&mut ann.rest, Method::POST, "/games", key, wish(&hers, "Cellar")).await;
    assert_eq!((again.status, &again.json["game"]["id"]), (201, &one.json["game"]["id"]));
    assert_ne!(again.json["ticket"], one.json["ticket"]);
    let _over = GameConnection::enter(&ann.endpoint, &ticket(&again)).await.expect("it is good");
    drop(inside);

    // What is over is over; another key creates another game.
    let id: u64 = one.json["game"]["id"].as_str().unwrap().parse().unwrap();
    ann.rest.leave_game(id).await.unwrap();
    let over = ask(&mut ann.rest, Method::POST, "/games", key, wish(&hers, "Cellar")).await;
    assert_eq!((over.status, over.json["code"].as_str()), (404, Some("GAME_UNKNOWN")), "{}", over.json);
    let other_key = &[("idempotency-key", "open-it-anew")][..];
    let anew = ask(&mut ann.rest, Method::POST, "/games", other_key, wish(&hers, "Cellar")).await;
    assert_eq!(anew.status, 201, "{}", anew.json);
    // What was refused may be tried again under its key.
    let third = &[("idempotency-key", "third")][..];
    let refused = ask(&mut ann.rest, Method::POST, "/games", third, wish(&hers, "Loft")).await;
    assert_eq!(refused.json["code"], "GAME_JOINED_ALREADY");
    ann.rest.leave_game(anew.json["game"]["id"].as_str().unwrap().parse().unwrap()).await.unwrap();
    let done = ask(&mut ann.rest, Method::POST, "/games", third, wish(&hers, "Loft")).await;
    assert_eq!(done.status, 201, "{}", done.json);
    realm.stop().await;
}

/// What was answered stays the answer, also when the same would be refused now.
#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_registration_and_a_replayed_transfer_get_the_answer_of_then() {
    let realm = TestRealm::start().await;
    let mut rest = Rest::new(&realm.endpoint());
    let key = [("idempotency-key", "5c0f8f4e-8c0b-4a51-9d1e-6a1d7b0f2a12")];
    let maren = || Some(json!({"name": "Maren", "password": PASSWORD}));
    let registered = ask(&mut rest, Method::POST, "/auth/register", &key, maren()).await.success().unwrap();
    let mut ann = realm.player("Ann").await.rest;
    let ash = ann.create_character("Ash", "Druid", false).await.unwrap();
    let mut bob = realm.player("Bob").await.rest;
    let token = std::fs::read_to_string(realm.data().join("operator.token")).unwrap();
    rest.set_access_token(Some(token));
    let (path, to_bob) = (format!("/admin/characters/{}/transfer", ash.id), || Some(json!({"account": "Bob"})));
    let moved = ask(&mut rest, Method::POST, &path, &key, to_bob()).await.success().unwrap();
    // Nobody has this name any more.
    let erase = Some(json!({"password": PASSWORD}));
    ask(&mut bob, Method::POST, "/account/erase", &[], erase).await.success().unwrap();
    let again = ask(&mut rest, Method::POST, &path, &key, to_bob()).await;
    assert_eq!((again.status, &again.body), (200, &moved.body));
    let other = [("idempotency-key", "another-key")];
    let anew = ask(&mut rest, Method::POST, &path, &other, to_bob()).await.success();
    assert_eq!(refused(anew), (404, "ACCOUNT_UNKNOWN".to_owned()));
    let realm = realm.restart_with(|config| config.accounts.registration_open = false).await;
    let mut rest = Rest::new(&realm.endpoint());
    let again = ask(&mut rest, Method::POST, "/auth/register", &key, maren()).await;
    assert_eq!((again.status, &again.body), (201, &registered.body));
    let closed = ask(&mut rest, Method::POST, "/auth/register", &other, maren()).await.success();
    assert_eq!(refused(closed), (403, "FORBIDDEN".to_owned()));
    realm.stop().await;
}
