//! Characters over REST: what a player reads and changes, versions, points, deletion and the way back; and what staff do to them.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use realm::types::{Clock, SystemClock};
use realm_client::{Door, Method, Response, Rest};
use serde_json::{Value, json};

use crate::harness::{PASSWORD, TestRealm, refused};

const DAY_MS: i64 = 86_400_000;

/// A clock that stands still until a test turns it.
struct Hands(AtomicI64);

impl Clock for Hands {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

async fn ask(rest: &mut Rest, method: Method, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Response {
    rest.request_with(method, &format!("/api/v1{path}"), headers, body.as_ref()).await.expect("an answer")
}

async fn get(rest: &mut Rest, path: &str) -> Value {
    ask(rest, Method::GET, path, &[], None).await.success().expect("it is there").json
}

fn tag(answer: &Response) -> String {
    answer.headers.get("etag").expect("an entity tag").to_str().unwrap().to_owned()
}

fn code(answer: Response) -> (u16, String) {
    refused(answer.success())
}

fn operator(realm: &TestRealm) -> Rest {
    let token = fs::read_to_string(realm.data().join("operator.token")).expect("a token in the data folder");
    let mut rest = Rest::new(&realm.endpoint());
    rest.set_access_token(Some(token));
    rest
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_changed_over_the_version_that_was_read() {
    let realm = TestRealm::start().await;
    let mut rest = realm.player("Maren").await.rest;
    let body = json!({"name": "Ash", "class": "Druid"});
    let made = ask(&mut rest, Method::POST, "/characters", &[], Some(body)).await.success().unwrap();
    let (id, first) = (made.json["id"].as_str().unwrap().to_owned(), tag(&made));
    let path = format!("/characters/{id}");
    assert_eq!(tag(&ask(&mut rest, Method::GET, &path, &[], None).await), first);
    let profile = json!({"title": "Keeper of Lamps", "order": 2, "key_bindings": {"heal": "F1", "map": "Tab"}});

    let missing = ask(&mut rest, Method::PUT, &path, &[], Some(profile.clone())).await;
    assert_eq!(code(missing), (428, "VERSION_MISSING".to_owned()));
    for stale in ["\"0\"", "\"99\"", "W/\"1\"", "1", "\"one\""] {
        let answer = ask(&mut rest, Method::PUT, &path, &[("if-match", stale)], Some(profile.clone())).await;
        assert_eq!(code(answer), (412, "VERSION_STALE".to_owned()), "{stale}");
    }
    let changed = ask(&mut rest, Method::PUT, &path, &[("if-match", &first)], Some(profile.clone())).await;
    let changed = changed.success().unwrap();
    let second = tag(&changed);
    assert_ne!(first, second);
    for key in ["title", "order", "key_bindings"] {
        assert_eq!(changed.json[key], profile[key], "{key}");
    }
    assert_eq!(get(&mut rest, &path).await, changed.json);
    let again = ask(&mut rest, Method::PUT, &path, &[("if-match", &first)], Some(json!({}))).await;
    assert_eq!(code(again), (412, "VERSION_STALE".to_owned()), "somebody else was faster");

    for (body, status, refusal) in [
        (json!({"level": 99}), 400, "REQUEST_INVALID"),
        (json!({"name": "Birch"}), 400, "REQUEST_INVALID"),
        (json!({"title": "x".repeat(33)}), 422, "CHARACTER_PROFILE_INVALID"),
        (json!({"title": "two\nlines"}), 422, "CHARACTER_PROFILE_INVALID"),
        (json!({"order": 1_000}), 422, "CHARACTER_PROFILE_INVALID"),
        (json!({"key_bindings": {"": "F1"}}), 422, "CHARACTER_PROFILE_INVALID"),
    ] {
        let answer = ask(&mut rest, Method::PUT, &path, &[("if-match", "*")], Some(body.clone())).await;
        assert_eq!(code(answer), (status, refusal.to_owned()), "{body}");
    }
    let many: serde_json::Map<String, Value> = (0..65).map(|number| (format!("act{number}"), json!("F1"))).collect();
    let answer = ask(&mut rest, Method::PUT, &path, &[("if-match", "*")], Some(json!({"key_bindings": many}))).await;
    assert_eq!(code(answer).1, "CHARACTER_PROFILE_INVALID");

    // The order is the player's, then the oldest first; over frames, too.
    for name in ["Birch", "Cedar"] {
        rest.create_character(name, "Amazon", false).await.unwrap();
    }
    let names = |list: realm_client::Characters| list.characters.into_iter().map(|one| one.name).collect::<Vec<_>>();
    assert_eq!(names(rest.characters().await.unwrap()), ["Birch", "Cedar", "Ash"]);
    let mut tomas = realm.player("Tomas").await.rest;
    let answer = ask(&mut tomas, Method::PUT, &path, &[("if-match", "*")], Some(json!({}))).await;
    assert_eq!(code(answer), (404, "CHARACTER_UNKNOWN".to_owned()));
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_character_tells_what_it_can_has_and_has_done() {
    let realm = TestRealm::start().await;
    let mut rest = realm.player("Maren").await.rest;
    let id = rest.create_character("Ash", "Druid", false).await.unwrap().id;
    let stats = get(&mut rest, &format!("/characters/{id}/stats")).await;
    assert_eq!(
        (&stats["level"], &stats["attribute_points_free"], &stats["skill_points_free"]),
        (&json!(1), &json!(0), &json!(0))
    );
    assert_eq!((&stats["attributes"]["vitality"], &stats["play_time_ms"]), (&json!(20), &json!(0)));
    assert!(stats["experience_next"].as_u64().unwrap() > 0);
    let skills = get(&mut rest, &format!("/characters/{id}/skills")).await;
    assert_eq!(skills["skills"].as_array().unwrap().len(), 3);
    assert_eq!((&skills["skills"][0]["known"], &skills["skills"][0]["points"]), (&json!(true), &json!(0)));
    let inventory = get(&mut rest, &format!("/characters/{id}/inventory")).await;
    assert_eq!((&inventory["equipment"], &inventory["inventory"]["items"]), (&json!([]), &json!([])));
    assert_eq!((&inventory["inventory"]["columns"], &inventory["inventory"]["rows"]), (&json!(10), &json!(4)));
    let quests = get(&mut rest, &format!("/characters/{id}/quests")).await;
    let difficulties: Vec<_> =
        quests["difficulties"].as_array().unwrap().iter().map(|one| one["difficulty"].as_str().unwrap()).collect();
    assert_eq!(difficulties, ["normal", "nightmare", "hell"]);
    let mut tomas = realm.player("Tomas").await.rest;
    for part in ["", "/stats", "/skills", "/inventory", "/quests"] {
        let answer = ask(&mut tomas, Method::GET, &format!("/characters/{id}{part}"), &[], None).await;
        assert_eq!(code(answer), (404, "CHARACTER_UNKNOWN".to_owned()), "{part}");
    }
    realm.stop().await;
}

/// Changes the database of a realm that is stopped for it.
async fn behind_the_back(realm: TestRealm, statement: &'static str) -> TestRealm {
    let database = format!("sqlite://{}", realm.data().join("realm.sqlite").display());
    realm
        .restart_after(async || {
            sqlx::any::install_default_drivers();
            let mut connection = <sqlx::AnyConnection as sqlx::Connection>::connect(&database).await.unwrap();
            sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
            sqlx::Connection::close(connection).await.unwrap();
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn points_are_spent_as_the_rules_allow_and_no_further() {
    let realm = TestRealm::start_with(|config| config.storage.url = String::new()).await;
    let mut rest = realm.player("Maren").await.rest;
    let id = rest.create_character("Ash", "Druid", false).await.unwrap().id;
    let path = format!("/characters/{id}/spend");
    let any = [("if-match", "*")];
    let answer = ask(&mut rest, Method::POST, &path, &any, Some(json!({"strength": 1}))).await;
    assert_eq!(code(answer), (409, "CHARACTER_POINTS".to_owned()), "the first level gives nothing");

    let realm = behind_the_back(realm, "UPDATE characters SET level = 4, experience = 100000").await;
    let mut rest = Rest::new(&realm.endpoint());
    rest.login("Maren", PASSWORD).await.unwrap();
    let stats = get(&mut rest, &format!("/characters/{id}/stats")).await;
    assert_eq!((&stats["attribute_points_free"], &stats["skill_points_free"]), (&json!(15), &json!(3)));
    let skills = get(&mut rest, &format!("/characters/{id}/skills")).await;
    let first = skills["skills"][0]["name"].as_str().unwrap();
    let skill = |points: u32| Value::Object([(first.to_owned(), json!(points))].into_iter().collect());

    for (body, status, refusal) in [
        (json!({"strength": 16}), 409, "CHARACTER_POINTS"),
        (json!({"strength": 8, "energy": 8}), 409, "CHARACTER_POINTS"),
        (json!({"strength": 4_294_967_295_u32, "energy": 4_294_967_295_u32}), 409, "CHARACTER_POINTS"),
        (json!({"skills": skill(4)}), 409, "CHARACTER_POINTS"),
        (json!({"skills": {"Heron Shot": 1}}), 409, "CHARACTER_POINTS"),
        (json!({}), 409, "CHARACTER_POINTS"),
        (json!({"strength": -1}), 400, "REQUEST_INVALID"),
        (json!({"luck": 1}), 400, "REQUEST_INVALID"),
    ] {
        let answer = ask(&mut rest, Method::POST, &path, &any, Some(body.clone())).await;
        assert_eq!(code(answer), (status, refusal.to_owned()), "{body}");
    }
    let answer = ask(&mut rest, Method::POST, &path, &[], Some(json!({"strength": 1}))).await;
    assert_eq!(code(answer), (428, "VERSION_MISSING".to_owned()));
    let all = json!({"strength": 5, "vitality": 10, "skills": skill(3)});
    let answer = ask(&mut rest, Method::POST, &path, &[("if-match", "\"0\"")], Some(all.clone())).await;
    assert_eq!(code(answer), (412, "VERSION_STALE".to_owned()));
    let spent = ask(&mut rest, Method::POST, &path, &any, Some(all)).await.success().unwrap().json;
    assert_eq!((&spent["attributes"]["strength"], &spent["attributes"]["vitality"]), (&json!(25), &json!(30)));
    let stats = get(&mut rest, &format!("/characters/{id}/stats")).await;
    assert_eq!((&stats["attribute_points_free"], &stats["skill_points_free"]), (&json!(0), &json!(0)));
    let skills = get(&mut rest, &format!("/characters/{id}/skills")).await;
    assert_eq!(skills["skills"][0]["points"], 3);
    let answer = ask(&mut rest, Method::POST, &path, &any, Some(json!({"dexterity": 1}))).await;
    assert_eq!(code(answer).1, "CHARACTER_POINTS", "nothing is left");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_character_comes_back_for_thirty_days() {
    let hands = Arc::new(Hands(AtomicI64::new(SystemClock.now_ms())));
    let realm = TestRealm::start_with(|config| config.characters.characters_max = 2).await;
    let realm = realm.restart_with_clock(Arc::clone(&hands) as Arc<dyn Clock>).await;
    let mut rest = realm.player("Maren").await.rest;
    let ash = rest.create_character("Ash", "Druid", true).await.unwrap();
    rest.create_character("Birch", "Amazon", false).await.unwrap();
    let path = format!("/characters/{}", ash.id);
    for (headers, status, refusal) in
        [(&[][..], 428, "VERSION_MISSING"), (&[("if-match", "\"9\"")][..], 412, "VERSION_STALE")]
    {
        let answer = ask(&mut rest, Method::DELETE, &path, headers, None).await;
        assert_eq!(code(answer), (status, refusal.to_owned()));
    }
    assert_eq!(refused(rest.restore_character(ash.id).await).1, "CHARACTER_UNKNOWN", "it is not deleted");
    rest.delete_character(ash.id).await.unwrap();
    let deleted = get(&mut rest, "/deleted-characters").await;
    assert_eq!(deleted["characters"][0]["character"]["name"], "Ash");
    assert!(deleted["characters"][0]["restorable_until"].as_str().unwrap().ends_with('Z'));
    assert_eq!(rest.restore_character(ash.id).await.unwrap(), ash);
    assert_eq!(get(&mut rest, "/deleted-characters").await["characters"], json!([]));

    rest.delete_character(ash.id).await.unwrap();
    rest.create_character("Cedar", "Amazon", false).await.unwrap();
    assert_eq!(refused(rest.restore_character(ash.id).await), (409, "CHARACTER_LIMIT".to_owned()));
    let mut tomas = realm.player("Tomas").await.rest;
    assert_eq!(refused(tomas.restore_character(ash.id).await).1, "CHARACTER_UNKNOWN", "it is not his");
    let cedar = rest.characters().await.unwrap().characters.into_iter().find(|one| one.name == "Cedar").unwrap();
    rest.delete_character(cedar.id).await.unwrap();

    hands.0.fetch_add(30 * DAY_MS - 60_000, Ordering::SeqCst);
    rest.login("Maren", PASSWORD).await.unwrap();
    assert_eq!(rest.restore_character(ash.id).await.unwrap(), ash, "on the last day");
    rest.delete_character(ash.id).await.unwrap();
    hands.0.fetch_add(30 * DAY_MS, Ordering::SeqCst);
    rest.login("Maren", PASSWORD).await.unwrap();
    assert_eq!(refused(rest.restore_character(ash.id).await).1, "CHARACTER_UNKNOWN", "its time is over");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_character_in_a_game_is_changed_by_nobody_outside() {
    let realm = TestRealm::start().await;
    let mut hero = realm.hero("Maren", Door::Frames).await;
    let id = hero.character.id;
    let (_ticket, _game) = hero.open_game("Cellar").await;
    let (rest, any) = (&mut hero.player.rest, [("if-match", "*")]);
    let mut operator = operator(&realm);
    let busy = (409, "CHARACTER_BUSY".to_owned());
    assert_eq!(code(ask(rest, Method::PUT, &format!("/characters/{id}"), &any, Some(json!({}))).await), busy);
    assert_eq!(code(ask(rest, Method::DELETE, &format!("/characters/{id}"), &any, None).await), busy);
    for (verb, body) in [("rename", json!({"name": "Birch"})), ("transfer", json!({"account": "Maren"}))] {
        let answer = ask(&mut operator, Method::POST, &format!("/admin/characters/{id}/{verb}"), &[], Some(body)).await;
        assert_eq!(code(answer), busy, "{verb}");
    }
    hero.lobby.leave_game().await.unwrap();
    let (path, body) = (format!("/admin/characters/{id}/rename"), json!({"name": "Birch"}));
    ask(&mut operator, Method::POST, &path, &[], Some(body)).await.success().expect("it is free now");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_rename_and_transfer_within_the_rules() {
    let realm = TestRealm::start_with(|config| config.characters.characters_max = 1).await;
    let mut operator = operator(&realm);
    let (mut ann, mut bob) = (realm.player("Ann").await.rest, realm.player("Bob").await.rest);
    let ash = ann.create_character("Ash", "Druid", false).await.unwrap();
    let rename = |name: &str| json!({"name": name, "reason": "It was rude."});
    let path = format!("/admin/characters/{}", ash.id);
    for (name, status, refusal) in [("x", 422, "CHARACTER_NAME_INVALID"), ("two words", 422, "CHARACTER_NAME_INVALID")]
    {
        let answer = ask(&mut operator, Method::POST, &format!("{path}/rename"), &[], Some(rename(name))).await;
        assert_eq!(code(answer), (status, refusal.to_owned()));
    }
    let cedar = bob.create_character("Cedar", "Amazon", false).await.unwrap();
    let answer = ask(&mut operator, Method::POST, &format!("{path}/rename"), &[], Some(rename("CEDAR"))).await;
    assert_eq!(code(answer), (409, "CHARACTER_NAME_TAKEN".to_owned()));
    let renamed = ask(&mut operator, Method::POST, &format!("{path}/rename"), &[], Some(rename("Birch"))).await;
    assert_eq!(renamed.success().unwrap().json["character"]["name"], "Birch");
    assert_eq!(ann.characters().await.unwrap().characters[0].name, "Birch");

    let transfer = |account: &str| json!({"account": account});
    let answer = ask(&mut operator, Method::POST, &format!("{path}/transfer"), &[], Some(transfer("Bob"))).await;
    assert_eq!(code(answer), (409, "CHARACTER_LIMIT".to_owned()));
    let answer = ask(&mut operator, Method::POST, &format!("{path}/transfer"), &[], Some(transfer("Nobody"))).await;
    assert_eq!(code(answer), (404, "ACCOUNT_UNKNOWN".to_owned()));
    bob.delete_character(cedar.id).await.unwrap();
    let answer = ask(&mut operator, Method::POST, &format!("{path}/transfer"), &[], Some(transfer("Bob"))).await;
    answer.success().expect("there is room now");
    assert!(ann.characters().await.unwrap().characters.is_empty());
    assert_eq!(bob.character(ash.id).await.unwrap().name, "Birch");
    let seen = get(&mut operator, &format!("/admin/characters/{}", cedar.id)).await;
    assert!(seen["deleted"].as_str().is_some(), "staff see deleted ones, too: {seen}");
    realm.stop().await;
}
