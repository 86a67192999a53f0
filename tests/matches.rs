//! Quick match, and the end of a season of the ladder.

use std::fs;

use realm_client::{Door, GameConnection, Lobby, Login, Method, Rest};
use serde_json::{Value, json};

use crate::{
    harness::{Hero, PASSWORD, TestRealm, code, eventually, pilot, refused},
    rules::components::{Fixture, experience_plus},
};

async fn quick(hero: &mut Hero, difficulty: &str) -> Result<Value, realm_client::ClientError> {
    let body = json!({"character": hero.character.id.to_string(), "difficulty": difficulty});
    let answer = hero.player.rest.request(Method::POST, "/api/v1/games/quick", Some(&body)).await?;
    answer.success().map(|answer| answer.json)
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_wait_play_together() {
    // Enough patience that both are there at any speed of the machine.
    let realm = TestRealm::start_with(|config| {
        let rule = json!({"quick_wait_ms": 8_000});
        config.plugins.configuration.insert("matchmaking".to_owned(), rule);
    })
    .await;
    let mut ann = realm.hero("Ann", Door::Frames).await;
    let mut bob = realm.hero("Bob", Door::WebSocketJson).await;
    let (one, other) = tokio::join!(quick(&mut ann, "normal"), quick(&mut bob, "normal"));
    let (one, other) = (one.expect("a match for Ann"), other.expect("a match for Bob"));
    assert_eq!(one["game"]["id"], other["game"]["id"]);
    assert_ne!(one["ticket"], other["ticket"], "everybody has a seat of their own");
    // Who plays already does not wait for another game.
    assert_eq!(refused(quick(&mut ann, "normal").await), (409, "GAME_JOINED_ALREADY".to_owned()));
    ann.lobby.leave_game().await.unwrap();
    // The rule says at the door who may not play.
    assert_eq!(refused(quick(&mut ann, "hell").await), (403, "GAME_REFUSED".to_owned()));
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_rule_the_realm_matches_by_itself() {
    let realm = TestRealm::start().await;
    fs::remove_file(realm.plugin_dir().join("matchmaking.wasm")).unwrap();
    eventually("no matchmaking rule", async || {
        let rules = realm.realm().rules().status();
        rules.iter().all(|rule| rule.name != "matchmaking").then_some(())
    })
    .await;
    let mut ann = realm.hero("Ann", Door::Frames).await;
    let ticket = quick(&mut ann, "normal").await.expect("a game even alone");
    assert!(ticket["game"]["name"].as_str().unwrap().starts_with("Quick "));
    realm.stop().await;
}

/// A realm whose rule makes one match of three who wait, and of no other number; players look for a match as long as they like.
async fn of_three() -> TestRealm {
    let realm = TestRealm::start_with(|config| config.games.match_seconds = 3_600).await;
    // The match stands at 128: where the places of its tickets are, how many, how difficult.
    let place = |number: u32| format!("(i32.store offset={} (i32.const 160) (i32.const {number}))", number * 4);
    let form = format!(
        "(if (i32.eq (local.get $count) (i32.const 3)) (then {} {} {} \
         (i32.store (i32.const 128) (i32.const 160)) (i32.store (i32.const 132) (i32.const 3)) \
         (i32.store8 (i32.const 136) (i32.const 0)))) \
         (i32.store (i32.const 16) (i32.const 128)) \
         (i32.store (i32.const 20) (i32.eq (local.get $count) (i32.const 3))) (i32.const 16)",
        place(0),
        place(1),
        place(2)
    );
    let rule = Fixture::new("matchmaking", "3.0.0").function("matchmaking", "form", &form).build();
    let beside = realm.plugin_dir().join("matchmaking.new");
    fs::write(&beside, rule).unwrap();
    fs::rename(beside, realm.plugin_dir().join("matchmaking.wasm")).unwrap();
    eventually("the rule of three at work", async || {
        let rules = realm.realm().rules().status();
        rules.iter().any(|rule| rule.name == "matchmaking" && rule.version == "3.0.0").then_some(())
    })
    .await;
    realm
}

#[tokio::test(flavor = "multi_thread")]
async fn players_at_every_door_are_matched_and_play() {
    let realm = of_three().await;
    let mut heroes = [
        realm.hero("Ann", Door::Frames).await,
        realm.hero("Bob", Door::WebSocketJson).await,
        realm.hero("Cem", Door::WebSocketBinary).await,
    ];
    for (hero, waiting) in heroes.iter_mut().zip(1..) {
        let searching = hero.lobby.search_match("").await.expect("the search begins");
        assert_eq!((searching.waiting, searching.wait_max_ms), (waiting, 3_600_000));
        if waiting < 3 {
            assert_eq!(code(hero.lobby.search_match("").await), "MATCH_SEARCHING", "one search at a time");
        }
    }
    let endpoint = realm.endpoint();
    let (mut games, mut seats) = (Vec::new(), Vec::new());
    for hero in &mut heroes {
        let ticket = hero.lobby.await_match().await.expect("a match");
        games.push(ticket.game.as_ref().expect("a game").id);
        let mut game = GameConnection::enter(&endpoint, &ticket).await.expect("a seat");
        pilot::snapshot(&mut game).await;
        seats.push(game);
    }
    assert_eq!(games, [games[0]; 3], "they play together");
    assert_eq!(code(heroes[1].lobby.search_match("normal").await), "GAME_JOINED_ALREADY");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_cancelled_replaced_outlives_its_connection_and_ends_with_its_session() {
    let realm = of_three().await;
    let mut ann = realm.hero("Ann", Door::Frames).await;
    let mut nobody = realm.player("Nobody").await.lobby(Door::Frames).await;
    assert_eq!(code(nobody.search_match("normal").await), "CHARACTER_NOT_SELECTED");
    assert_eq!(code(ann.lobby.search_match("easy").await), "GAME_SETTINGS_INVALID");
    assert_eq!(code(ann.lobby.cancel_match().await), "MATCH_NONE", "there is nothing to cancel");
    for _ in 0..3 {
        let searching = ann.lobby.search_match("normal").await.expect("a search");
        assert_eq!(searching.waiting, 1, "who cancels waits no more");
        assert_eq!(ann.lobby.cancel_match().await.expect("it can be cancelled"), None);
    }
    // Another request of the account takes its place.
    ann.lobby.search_match("normal").await.expect("a search");
    let body = json!({"character": ann.character.id.to_string(), "difficulty": "normal"});
    tokio::select! {
        answer = ann.player.rest.request(Method::POST, "/api/v1/games/quick", Some(&body)) => panic!("{answer:?}"),
        ended = ann.lobby.await_match() => assert_eq!(code(ended), "MATCH_NONE"),
    }
    // Bob's connection is lost and comes back: the search has gone on.
    let mut bob = realm.hero("Bob", Door::WebSocketBinary).await;
    bob.lobby.search_match("normal").await.expect("a search");
    let token = bob.lobby.session().expect("he is logged in").resume_token.clone();
    let event = bob.lobby.event();
    drop(bob.lobby);
    let mut lobby = Lobby::connect(&realm.endpoint(), Door::WebSocketBinary).await.expect("a connection");
    lobby.resume(Login::Token(bob.player.token.clone()), &token, event).await.expect("the session goes on");
    assert_eq!(code(lobby.search_match("normal").await), "MATCH_SEARCHING");
    // Who logs out waits no more; nor does Ann, who has dropped her request.
    lobby.logout().await.expect("a goodbye");
    let mut cem = realm.hero("Cem", Door::WebSocketJson).await;
    eventually("nobody else waits", async || {
        let waiting = cem.lobby.search_match("normal").await.expect("a search").waiting;
        cem.lobby.cancel_match().await.expect("it can be cancelled");
        (waiting == 1).then_some(())
    })
    .await;
    realm.stop().await;
}

async fn owner(realm: &TestRealm) -> Rest {
    let token = realm.realm().owner_token().expect("a new realm has no owner").to_owned();
    let mut owner = Rest::new(&realm.endpoint());
    owner.create_owner(&token, "Warden", PASSWORD).await.unwrap();
    owner.login("Warden", PASSWORD).await.unwrap();
    owner
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_ends_a_season_and_the_rule_gives_titles() {
    let realm = TestRealm::start().await;
    let award = "(i32.store (i32.const 16) (i32.const 32)) (i32.store (i32.const 20) (local.get 6)) \
        (if (local.get 6) (then (i32.store (i32.const 32) (i32.const 0)) \
        (i32.store (i32.const 36) (i32.const 64)) (i32.store (i32.const 40) (i32.const 8)))) (i32.const 16)";
    let rule = Fixture::new("ladder", "2.0.0").score(&experience_plus(7)).text("Champion");
    let rule = rule.function("ladder", "season-end", award).build();
    let beside = realm.plugin_dir().join("ladder.new");
    fs::write(&beside, rule).unwrap();
    fs::rename(beside, realm.plugin_dir().join("ladder.wasm")).unwrap();
    eventually("the new ladder at work", async || {
        let rules = realm.realm().rules().status();
        rules.iter().any(|rule| rule.name == "ladder" && rule.version == "2.0.0").then_some(())
    })
    .await;

    let mut warden = owner(&realm).await;
    let mut ann = realm.hero("Ann", Door::Frames).await;
    let (_, _game) = ann.open_game("Cellar").await;
    ann.lobby.leave_game().await.unwrap();
    eventually("Ann stands on the ladder", async || {
        let answer = ann.player.rest.request(Method::GET, "/api/v1/ladder", None).await.ok()?;
        (answer.json["entries"][0]["name"] == "Ann-hero").then_some(())
    })
    .await;

    let path = "/api/v1/admin/ladder/season-end";
    let answer = ann.player.rest.request(Method::POST, path, Some(&json!({}))).await.unwrap();
    assert_eq!(refused(answer.success()), (403, "FORBIDDEN".to_owned()));
    let ended = warden.request(Method::POST, path, Some(&json!({"next": "Winter"}))).await.unwrap();
    let ended = ended.success().expect("the owner may").json;
    assert_eq!((&ended["season"]["number"], &ended["season"]["name"]), (&json!(1), &json!("Season 1")));
    let place = &ended["standings"][0];
    assert_eq!(
        (&place["name"], &place["title"], &place["score"]),
        (&json!("Ann-hero"), &json!("Champion"), &json!("7"))
    );

    let mut anybody = Rest::new(&realm.endpoint());
    let seasons = anybody.request(Method::GET, "/api/v1/ladder-seasons", None).await.unwrap().json;
    assert_eq!((&seasons["running"]["name"], &seasons["ended"][0]["number"]), (&json!("Winter"), &json!(1)));
    let kept = anybody.request(Method::GET, "/api/v1/ladder-seasons/1", None).await.unwrap().json;
    assert_eq!(kept["standings"], ended["standings"]);
    let ladder = anybody.request(Method::GET, "/api/v1/ladder", None).await.unwrap().json;
    assert_eq!(ladder["entries"], json!([]));
    realm.stop().await;
}
