//! Several realms in one server: an account is in all of them, and what belongs to one is not in the other.

use std::collections::BTreeSet;

use realm::{config::Config, realms::RealmConfig};
use realm_client::{Door, GameConnection, Lobby, Login, Method, Rest, ServerMessage, proto};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    harness::{DEADLINE, PASSWORD, Player, TestRealm, code, eventually, join, named, program::Site, refused},
    rules::components::{Fixture, experience_plus},
};

const DOORS: [Door; 3] = [Door::Frames, Door::WebSocketJson, Door::WebSocketBinary];
/// Key and name of the second realm; Emberfall (main) is the first.
const HARD: &str = "hard";
const DUSKWALL: &str = "Duskwall";

/// A second realm beside the first.
fn second(config: &mut Config, change: impl FnOnce(&mut RealmConfig)) {
    let mut realm = RealmConfig { key: HARD.to_owned(), name: DUSKWALL.to_owned(), ..RealmConfig::default() };
    realm.description = "Another realm.".to_owned();
    change(&mut realm);
    config.realm.push(realm);
}

async fn two_realms() -> TestRealm {
    TestRealm::start_with(|config| second(config, |_| {})).await
}

async fn get(rest: &mut Rest, path: &str) -> Value {
    rest.request(Method::GET, &format!("/api/v1{path}"), None).await.unwrap().success().unwrap().json
}

/// The same account in a realm.
async fn lobby_in(player: &Player, door: Door, realm: &str) -> Lobby {
    let mut lobby = Lobby::connect(&player.endpoint.in_realm(realm), door).await.unwrap();
    lobby.login(Login::Token(player.token.clone())).await.unwrap();
    lobby
}

/// Registers an account, and selects a new character in a realm.
async fn hero_in(server: &TestRealm, name: &str, realm: &str) -> (Player, Lobby, proto::Character) {
    let mut player = server.player(name).await;
    player.rest.set_realm(realm);
    let mut lobby = lobby_in(&player, Door::Frames, realm).await;
    let character = lobby.create_character(&format!("{name}-hero"), "Barbarian", false).await.unwrap();
    lobby.select_character(character.id).await.unwrap();
    (player, lobby, character)
}

fn names(list: &[proto::Game]) -> BTreeSet<(u64, String)> {
    list.iter().map(|game| (game.id, game.name.clone())).collect()
}

fn users(list: &proto::ChannelUsers) -> Vec<&str> {
    list.users.iter().map(|user| user.account.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_characters_in_each_realm_and_each_door_shows_those_of_its_own() {
    let server = two_realms().await;
    let mut player = server.player("Maren").await;
    let listed = get(&mut player.rest, "/realms").await;
    let shown: Vec<_> = listed["realms"].as_array().unwrap().iter().map(|one| (&one["key"], &one["name"])).collect();
    assert_eq!(shown, [(&json!("main"), &json!("Emberfall")), (&json!(HARD), &json!(DUSKWALL))]);

    let here = player.rest.create_character("Lantern", "Druid", false).await.unwrap();
    player.rest.set_realm("DUSKWALL");
    // The name is free: in the other realm nobody bears it.
    let there = player.rest.create_character("Lantern", "Amazon", false).await.unwrap();
    assert_eq!((here.realm.as_str(), there.realm.as_str()), ("main", HARD));
    assert_eq!(refused(player.rest.create_character("LANTERN", "Druid", false).await).1, "CHARACTER_NAME_TAKEN");
    for (realm, own) in [("", &here), ("main", &here), ("Emberfall", &here), (HARD, &there), (DUSKWALL, &there)] {
        player.rest.set_realm(realm);
        let list = player.rest.characters().await.unwrap();
        assert_eq!(list.characters, std::slice::from_ref(own), "{realm:?}");
    }
    // A key says by itself which realm is meant.
    for own in [&here, &there] {
        assert_eq!(&player.rest.character(own.id).await.unwrap(), own);
    }
    for door in DOORS {
        for (realm, name, own, other) in [("", "Emberfall", &here, &there), (HARD, DUSKWALL, &there, &here)] {
            let mut lobby = lobby_in(&player, door, realm).await;
            assert_eq!(lobby.session().unwrap().realm, name, "{door:?}");
            let list = lobby.characters().await.unwrap().characters;
            assert_eq!(list.iter().map(|one| one.id).collect::<Vec<_>>(), [own.id], "{door:?} {name}");
            lobby.select_character(own.id).await.unwrap();
            assert_eq!(code(lobby.select_character(other.id).await), "CHARACTER_UNKNOWN");
            assert_eq!(code(lobby.delete_character(other.id).await), "CHARACTER_UNKNOWN");
        }
    }
    // A character that is deleted is deleted in its own realm, and its limit is that realm's.
    player.rest.delete_character(there.id).await.unwrap();
    let deleted = |listed: Value| listed["characters"].as_array().unwrap().len();
    assert_eq!(deleted(get(&mut player.rest, "/deleted-characters").await), 0);
    assert_eq!(deleted(get(&mut player.rest, "/deleted-characters?realm=hard").await), 1);
    player.rest.restore_character(there.id).await.unwrap();
    // One request with one key, sent to two realms, is two requests.
    let body = json!({"name": "Beacon", "class": "Druid"});
    let header = [("idempotency-key", "make-beacon")];
    let mut ask = async |path: &str| player.rest.request_with(Method::POST, path, &header, Some(&body)).await.unwrap();
    assert_eq!(ask("/api/v1/characters?realm=hard").await.status, 201);
    assert_eq!(ask("/api/v1/characters?realm=hard").await.status, 201, "the same again");
    assert_eq!(ask("/api/v1/characters").await.json["code"], "IDEMPOTENCY_KEY_REUSED");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_realm_that_is_not_there_is_refused_at_every_door() {
    let server = two_realms().await;
    let mut player = server.player("Maren").await;
    for door in DOORS {
        let mut lobby = Lobby::connect(&player.endpoint.in_realm("Westmark"), door).await.unwrap();
        let error = lobby.login(Login::Token(player.token.clone())).await.unwrap_err();
        assert_eq!(error.code(), Some("REALM_UNKNOWN"), "{door:?}");
        assert!(error.to_string().contains("GET /api/v1/realms"), "{error}");
    }
    for path in
        ["characters", "deleted-characters", "games", "chat/channels", "ladder", "ladder/Druid", "ladder-seasons"]
    {
        let answer = player.rest.request(Method::GET, &format!("/api/v1/{path}?realm=Westmark"), None).await.unwrap();
        assert_eq!((answer.status, answer.json["code"].as_str()), (404, Some("REALM_UNKNOWN")), "{path}");
        let known = player.rest.request(Method::GET, &format!("/api/v1/{path}?realm=duskwall"), None).await.unwrap();
        assert_eq!(known.status, 200, "{path}: {}", known.json);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_of_one_name_are_two_and_whispers_reach_everybody() {
    let server = two_realms().await;
    let (ann, bob, cleo) = (server.player("Ann").await, server.player("Bob").await, server.player("Cleo").await);
    let mut ann_in_main = lobby_in(&ann, Door::Frames, "main").await;
    let mut bob_in_hard = lobby_in(&bob, Door::WebSocketJson, HARD).await;
    let mut cleo_in_hard = lobby_in(&cleo, Door::Frames, HARD).await;
    assert_eq!(users(&ann_in_main.join_channel("Market").await.unwrap()), ["Ann"]);
    assert_eq!(users(&bob_in_hard.join_channel("Market").await.unwrap()), ["Bob"]);
    assert_eq!(users(&cleo_in_hard.join_channel("market").await.unwrap()), ["Bob", "Cleo"]);
    ann_in_main.say("a line in the first realm").await.unwrap();
    assert_eq!(ann_in_main.line(DEADLINE).await.unwrap().text, "a line in the first realm");
    cleo_in_hard.say("a line in the second realm").await.unwrap();
    // The first line that Bob ever hears; what is said in the other realm has gone out before.
    let heard = bob_in_hard.line(DEADLINE).await.unwrap();
    assert_eq!((heard.text.as_str(), heard.account.as_str()), ("a line in the second realm", "Cleo"));
    let mut rest = ann.rest;
    for (query, members) in [("", 1), ("?realm=hard", 2)] {
        let list = get(&mut rest, &format!("/chat/channels{query}")).await;
        let channels = list["channels"].as_array().unwrap();
        let market = channels.iter().find(|one| one["name"] == "Market").unwrap();
        assert_eq!(market["members"], json!(members), "{query}");
        assert!(channels.iter().any(|one| one["name"] == "Lobby"), "each realm has its permanent channels");
    }
    // An account's name is known to the whole server.
    bob_in_hard.whisper("ann", "over the wall").await.unwrap();
    let whispered = ann_in_main
        .wait_for(DEADLINE, |message| match message {
            ServerMessage::WhisperReceived(whisper) => Some(whisper.text.clone()),
            _ => None,
        })
        .await
        .unwrap();
    assert_eq!(whispered, "over the wall");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn games_of_one_name_are_two_and_nobody_joins_over_the_wall() {
    let server = two_realms().await;
    let (mut ann, mut ann_lobby, ann_hero) = hero_in(&server, "Ann", "main").await;
    let (mut bob, mut bob_lobby, bob_hero) = hero_in(&server, "Bob", HARD).await;
    let here = ann_lobby.create_game(named("Cellar")).await.unwrap().game.unwrap();
    let there = bob_lobby.create_game(named("Cellar")).await.unwrap().game.unwrap();
    assert_eq!(names(&ann_lobby.games("").await.unwrap()), names(std::slice::from_ref(&here)));
    assert_eq!(names(&bob_lobby.games("").await.unwrap()), names(std::slice::from_ref(&there)));
    assert_eq!(names(&ann.rest.games(None, None).await.unwrap()), names(std::slice::from_ref(&here)));
    assert_eq!(names(&bob.rest.games(None, None).await.unwrap()), names(std::slice::from_ref(&there)));
    // The character says which realm is meant.
    bob.rest.set_realm("");
    assert_eq!(names(&bob.rest.games(Some(bob_hero.id), None).await.unwrap()), names(std::slice::from_ref(&there)));
    let realms = get(&mut ann.rest, "/realms").await;
    let counted: Vec<_> =
        realms["realms"].as_array().unwrap().iter().map(|one| (&one["games"], &one["online"])).collect();
    assert_eq!(counted, [(&json!(1), &json!(1)), (&json!(1), &json!(1))]);

    let (mut cleo, mut cleo_lobby, cleo_hero) = hero_in(&server, "Cleo", HARD).await;
    let by_key = proto::GameJoin { game_id: here.id, ..Default::default() };
    assert_eq!(code(cleo_lobby.join_game(by_key).await), "GAME_UNKNOWN");
    assert_eq!(refused(cleo.rest.join_game(here.id, cleo_hero.id, "").await), (404, "GAME_UNKNOWN".to_owned()));
    let joined = cleo_lobby.join_game(join("cellar", "")).await.unwrap().game.unwrap();
    assert_eq!(joined.id, there.id, "the name means the game of the realm");
    // An account has one seat in all.
    let elsewhere = bob.rest.create_character("Bob-other", "Druid", false).await.unwrap();
    assert_eq!(elsewhere.realm, "main");
    assert_eq!(refused(bob.rest.join_game(here.id, elsewhere.id, "").await), (409, "GAME_JOINED_ALREADY".to_owned()));
    bob_lobby.leave_game().await.unwrap();
    bob.rest.join_game(here.id, elsewhere.id, "").await.unwrap();
    let (inside, outside) = (ann.rest.game(here.id).await.unwrap(), ann_hero.name);
    let inside: BTreeSet<_> = inside.players.into_iter().map(|player| player.character).collect();
    assert_eq!(inside, BTreeSet::from(["Bob-other".to_owned(), outside]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_match_is_found_among_those_of_a_realm() {
    let server = TestRealm::start_with(|config| {
        second(config, |realm| realm.difficulty_max = realm_world::Difficulty::Normal);
        // Whoever waits for somebody of the own realm plays alone after this.
        let rule = json!({"quick_wait_ms": 100});
        config.plugins.configuration.insert("matchmaking".to_owned(), rule);
    })
    .await;
    let (_ann, mut ann_lobby, _) = hero_in(&server, "Ann", "main").await;
    let (_bob, mut bob_lobby, _) = hero_in(&server, "Bob", HARD).await;
    let (one, other) = tokio::join!(ann_lobby.find_match("normal"), bob_lobby.find_match("normal"));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!((one.players.len(), other.players.len()), (1, 1), "nobody was found over the wall");
    let (one, other) = (one.game.unwrap(), other.game.unwrap());
    assert_ne!(one.id, other.id);
    assert_eq!(names(&ann_lobby.games("").await.unwrap()), names(&[one]));
    assert_eq!(names(&bob_lobby.games("").await.unwrap()), names(&[other]));
    bob_lobby.leave_game().await.unwrap();
    // What the realm does not have is not looked for, and not opened.
    assert_eq!(code(bob_lobby.search_match("nightmare").await), "GAME_SETTINGS_INVALID");
    let hell = proto::GameCreate { difficulty: "hell".to_owned(), ..named("Deep") };
    assert_eq!(code(bob_lobby.create_game(hell).await), "GAME_SETTINGS_INVALID");
    server.stop().await;
}

/// Plays a moment and leaves, so that the character is saved and scored.
async fn play(player: &Player, lobby: &mut Lobby, game: &str) {
    let ticket = lobby.create_game(named(game)).await.unwrap();
    let connection = GameConnection::enter(&player.endpoint, &ticket).await.unwrap();
    lobby.leave_game().await.unwrap();
    drop(connection);
}

/// Puts a rule to work that gives everybody a place who has been saved.
async fn with_generous_ladder(server: &TestRealm) {
    let rule = Fixture::new("ladder", "2.0.0").score(&experience_plus(7)).build();
    let beside = server.plugin_dir().join("ladder.new");
    std::fs::write(&beside, rule).unwrap();
    std::fs::rename(beside, server.plugin_dir().join("ladder.wasm")).unwrap();
    eventually("the new ladder at work", async || {
        let rules = server.realm().rules().status();
        rules.iter().any(|rule| rule.name == "ladder" && rule.version == "2.0.0").then_some(())
    })
    .await;
}

async fn ladder_of(rest: &mut Rest, realm: &str) -> Vec<String> {
    rest.set_realm(realm);
    let ladder = rest.ladder(None).await.unwrap();
    ladder["entries"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_realm_has_its_ladder_and_seasons_and_one_has_none() {
    let server = TestRealm::start_with(|config| {
        second(config, |_| {});
        let quiet = RealmConfig {
            key: "quiet".to_owned(),
            name: "Stillwater".to_owned(),
            ladder: false,
            ..RealmConfig::default()
        };
        config.realm.push(quiet);
    })
    .await;
    with_generous_ladder(&server).await;
    let mut rest = Rest::new(&server.endpoint());
    for (name, realm) in [("Ann", "main"), ("Bob", HARD), ("Cleo", "quiet")] {
        let (player, mut lobby, _) = hero_in(&server, name, realm).await;
        play(&player, &mut lobby, "Cellar").await;
    }
    eventually("places on both ladders", async || {
        let (here, there) = (ladder_of(&mut rest, "").await, ladder_of(&mut rest, HARD).await);
        (here == ["Ann-hero"] && there == ["Bob-hero"]).then_some(())
    })
    .await;
    rest.set_realm("quiet");
    assert_eq!(refused(rest.ladder(None).await), (404, "LADDER_NONE".to_owned()));

    let token = std::fs::read_to_string(server.data().join("operator.token")).unwrap();
    let mut operator = Rest::new(&server.endpoint());
    operator.set_access_token(Some(token));
    let mut end = async |realm: &str| {
        let body = json!({"next": "Winter", "realm": realm});
        operator.request(Method::POST, "/api/v1/admin/ladder/season-end", Some(&body)).await.unwrap()
    };
    let ended = end(DUSKWALL).await.success().unwrap().json;
    assert_eq!(ended["standings"].as_array().unwrap().len(), 1);
    assert_eq!(ended["standings"][0]["name"], "Bob-hero");
    assert_eq!((end("Westmark").await.status, end("quiet").await.json["code"].as_str()), (404, Some("LADDER_NONE")));
    assert_eq!(ladder_of(&mut rest, HARD).await, Vec::<String>::new());
    assert_eq!(ladder_of(&mut rest, "main").await, ["Ann-hero"], "the other realm's season goes on");
    let running =
        async |rest: &mut Rest, realm| get(rest, &format!("/ladder-seasons?realm={realm}")).await["running"].clone();
    assert_eq!(running(&mut rest, HARD).await["name"], "Winter");
    assert_eq!(running(&mut rest, "main").await["number"], 1);
    // The log of what staff did names the realm.
    let lines = get(&mut operator, "/admin/audit?limit=1").await;
    assert_eq!((&lines["lines"][0]["act"], &lines["lines"][0]["realm"]), (&json!("ladder.season_end"), &json!(HARD)));

    // Who has played where there was no ladder has no place when there is one. Cleo was saved before she had left.
    let server = server.restart_with(|config| config.realm[2].ladder = true).await;
    let mut rest = Rest::new(&server.endpoint());
    assert_eq!(ladder_of(&mut rest, "main").await, ["Ann-hero"]);
    assert_eq!(ladder_of(&mut rest, "quiet").await, Vec::<String>::new());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_realm_lets_nobody_in_but_staff_and_a_hidden_one_is_not_listed() {
    let server = TestRealm::start_with(|config| {
        second(config, |realm| (realm.closed, realm.hidden, realm.hardcore_only) = (true, true, true));
    })
    .await;
    let mut player = server.player("Maren").await;
    let listed = get(&mut player.rest, "/realms").await;
    assert_eq!(listed["realms"].as_array().unwrap().len(), 1, "{listed}");
    let sessions = async |rest: &mut Rest| get(rest, "/account/sessions").await["sessions"].as_array().unwrap().len();
    let before = sessions(&mut player.rest).await;
    for door in DOORS {
        for login in [
            Login::Token(player.token.clone()),
            Login::Password { account: "Maren".to_owned(), password: PASSWORD.to_owned() },
        ] {
            let mut lobby = Lobby::connect(&player.endpoint.in_realm(HARD), door).await.unwrap();
            let error = lobby.login(login).await.unwrap_err();
            assert_eq!(error.code(), Some("REALM_CLOSED"), "{door:?}: {error}");
        }
    }
    assert_eq!(sessions(&mut player.rest).await, before, "a log-in that was turned away leaves no session behind");
    player.rest.set_realm(HARD);
    let closed = (403, "REALM_CLOSED".to_owned());
    assert_eq!(refused(player.rest.characters().await), closed);
    assert_eq!(refused(player.rest.create_character("Lantern", "Druid", true).await), closed);
    assert_eq!(refused(player.rest.games(None, None).await), closed);
    assert_eq!(refused(player.rest.channels().await), closed);
    player.rest.ladder(None).await.expect("reading is open to everybody");
    // The first realm is as it ever was.
    player.lobby(Door::Frames).await;

    let token = server.realm().owner_token().unwrap().to_owned();
    let mut owner = Rest::new(&server.endpoint().in_realm(HARD));
    owner.create_owner(&token, "Warden", PASSWORD).await.unwrap();
    let token = owner.login("Warden", PASSWORD).await.unwrap().access_token;
    for door in DOORS {
        let mut lobby = Lobby::connect(&server.endpoint().in_realm(DUSKWALL), door).await.unwrap();
        let session = lobby.login(Login::Token(token.clone())).await.unwrap();
        assert_eq!(session.realm, DUSKWALL);
        assert_eq!(code(lobby.create_character("Lantern", "Druid", false).await), "CHARACTER_REFUSED");
    }
    assert_eq!(refused(owner.create_character("Lantern", "Druid", false).await), (422, "CHARACTER_REFUSED".to_owned()));
    assert!(owner.create_character("Lantern", "Druid", true).await.unwrap().hardcore);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn characters_stay_when_a_realm_is_renamed_taken_out_and_written_again() {
    let server = two_realms().await;
    let mut player = server.player("Maren").await;
    let here = player.rest.create_character("Lantern", "Druid", false).await.unwrap();
    player.rest.set_realm(HARD);
    let there = player.rest.create_character("Beacon", "Amazon", false).await.unwrap();

    // Another name, and another order: the key says which realm it is.
    let server = server
        .restart_with(|config| {
            config.realm[1].name = "Nightgate".to_owned();
            config.realm.reverse();
        })
        .await;
    let list = async |server: &TestRealm, realm: &str| {
        let mut rest = Rest::new(&server.endpoint().in_realm(realm));
        rest.login("Maren", PASSWORD).await.unwrap();
        rest.characters().await.map(|list| list.characters.into_iter().map(|one| one.id).collect::<Vec<_>>())
    };
    assert_eq!(list(&server, "").await.unwrap(), [there.id], "the first is now the other");
    assert_eq!(list(&server, "nightgate").await.unwrap(), [there.id]);
    assert_eq!(list(&server, "main").await.unwrap(), [here.id]);
    assert_eq!(refused(list(&server, DUSKWALL).await), (404, "REALM_UNKNOWN".to_owned()));

    // Taken out, its characters are out of reach, and not taken for those of the realm that is left.
    let server = server.restart_with(|config| config.realm.remove(HARD)).await;
    assert_eq!(list(&server, "").await.unwrap(), [here.id]);
    let mut rest = Rest::new(&server.endpoint());
    rest.login("Maren", PASSWORD).await.unwrap();
    assert_eq!(refused(rest.character(there.id).await), (404, "CHARACTER_UNKNOWN".to_owned()));
    assert_eq!(refused(rest.create_game(there.id, &named("Cellar")).await), (404, "CHARACTER_UNKNOWN".to_owned()));

    let server = server.restart_with(|config| second(config, |_| {})).await;
    assert_eq!(list(&server, HARD).await.unwrap(), [there.id]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_comes_back_into_its_own_realm_after_a_restart() {
    let server = two_realms().await;
    let (player, lobby, character) = hero_in(&server, "Ann", HARD).await;
    let lost = lobby.lost();
    let server = server.restart().await;
    // Who names no realm means that of the session.
    let mut lobby = Lobby::connect(&server.endpoint(), Door::Frames).await.unwrap();
    let token = Login::Token(player.token.clone());
    let session = lobby.resume(token.clone(), &lost.resume_token, lost.event).await.unwrap().clone();
    assert_eq!((session.realm.as_str(), session.resume_token.as_str()), (DUSKWALL, lost.resume_token.as_str()));
    // Its character is fetched meanwhile.
    eventually("the selected character", async || lobby.create_game(named("Cellar")).await.ok()).await;
    let list = lobby.characters().await.unwrap().characters;
    assert_eq!(list.iter().map(|one| one.id).collect::<Vec<_>>(), [character.id]);
    // Who names another begins anew there.
    let mut elsewhere = Lobby::connect(&server.endpoint().in_realm("main"), Door::Frames).await.unwrap();
    let session = elsewhere.resume(token, &lost.resume_token, lost.event).await.unwrap();
    assert_eq!(session.realm, "Emberfall");
    assert!(session.resync && session.resume_token != lost.resume_token);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_take_a_character_into_another_realm_with_its_place() {
    let server = two_realms().await;
    with_generous_ladder(&server).await;
    let (mut ann, mut ann_lobby, hero) = hero_in(&server, "Ann", "main").await;
    play(&ann, &mut ann_lobby, "Cellar").await;
    let mut rest = Rest::new(&server.endpoint());
    eventually("a place on the ladder", async || (!ladder_of(&mut rest, "main").await.is_empty()).then_some(())).await;
    let token = std::fs::read_to_string(server.data().join("operator.token")).unwrap();
    let mut operator = Rest::new(&server.endpoint());
    operator.set_access_token(Some(token));
    let mut transfer = async |id: u64, body: Value| {
        let path = format!("/api/v1/admin/characters/{id}/transfer");
        operator.request(Method::POST, &path, Some(&body)).await.unwrap()
    };
    let moved = transfer(hero.id, json!({"realm": DUSKWALL, "reason": "Asked for."})).await.success().unwrap().json;
    assert_eq!(moved["character"]["realm"], HARD);
    ann.rest.set_realm("main");
    assert_eq!(ann.rest.characters().await.unwrap().characters.len(), 0);
    ann.rest.set_realm(HARD);
    assert_eq!(ann.rest.characters().await.unwrap().characters[0].id, hero.id);
    assert_eq!(ladder_of(&mut rest, "main").await, Vec::<String>::new());
    assert_eq!(ladder_of(&mut rest, HARD).await, ["Ann-hero"]);
    // Her session is in the first realm, where the character that it had selected is no more.
    assert_eq!(code(ann_lobby.create_game(named("Attic")).await), "CHARACTER_UNKNOWN");

    ann.rest.set_realm("main");
    let namesake = ann.rest.create_character("Ann-hero", "Druid", false).await.unwrap();
    let refused = transfer(namesake.id, json!({"realm": HARD})).await;
    assert_eq!(refused.json["code"], "CHARACTER_NAME_TAKEN", "{}", refused.json);
    assert_eq!(ann.rest.character(namesake.id).await.unwrap().realm, "main", "nothing of it was done");
    let nowhere = transfer(namesake.id, json!({})).await;
    assert_eq!(nowhere.json["code"], "REQUEST_INVALID", "{}", nowhere.json);
    let unknown = transfer(namesake.id, json!({"realm": "Westmark"})).await;
    assert_eq!(unknown.json["code"], "REALM_UNKNOWN");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_tells_of_its_realms_and_of_one_that_was_taken_out() {
    let site = Site::new();
    let file = site.folder().join("realm.toml");
    let one = "[[realm]]\nname = \"Emberfall\"\n";
    let two = format!("{one}[[realm]]\nkey = \"hard\"\nname = \"Duskwall\"\nhidden = true\nhardcore_only = true\n");
    std::fs::write(&file, &two).unwrap();
    let checked = site.run(&["check", "--data", "realm-data"]).success();
    assert!(checked.contains("Emberfall (main), Duskwall (hard; hidden, hardcore only)"), "{checked}");
    let up = site.up();
    let line = up.banner().lines().find(|line| line.contains("Duskwall")).expect("the banner shows every realm");
    assert!(line.contains("hard") && line.contains("hidden, hardcore only"), "{line}");
    let mut rest = Rest::new(&site.endpoint().in_realm("hard"));
    rest.register("Maren", PASSWORD).await.unwrap();
    rest.login("Maren", PASSWORD).await.unwrap();
    let beacon = rest.create_character("Beacon", "Amazon", true).await.unwrap();
    assert_eq!(up.end(Signal::TERM).0, Some(0));

    std::fs::write(&file, one).unwrap();
    let up = site.up();
    let banner = up.banner().to_owned();
    let mut rest = Rest::new(&site.endpoint());
    rest.login("Maren", PASSWORD).await.unwrap();
    assert_eq!(refused(rest.character(beacon.id).await), (404, "CHARACTER_UNKNOWN".to_owned()));
    let (code, later) = up.end(Signal::TERM);
    let said = format!("{banner}{later}");
    let lines: Vec<_> = said.lines().filter(|line| line.contains("hard (Duskwall)")).collect();
    assert!(code == Some(0) && lines.len() == 1 && lines[0].contains("[[realm]]"), "one line says so: {said}");

    // Two realms of one key are told apart by nobody.
    std::fs::write(&file, format!("{one}[[realm]]\nname = \"Duskwall\"\n")).unwrap();
    let refused = site.run(&["check", "--data", "realm-data"]);
    assert!(refused.out.contains("give each a key of its own"), "{}", refused.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_in_a_realm_before_it_was_closed_is_out_of_it() {
    let server = two_realms().await;
    let (mut ann, lobby, hero) = hero_in(&server, "Ann", HARD).await;
    let mut bob = server.player("Bob").await;
    let lost = lobby.lost();
    let server = server.restart_with(|config| config.realm[1].closed = true).await;
    let token = server.realm().owner_token().unwrap().to_owned();
    ann.rest = Rest::new(&server.endpoint());
    ann.rest.login("Ann", PASSWORD).await.unwrap();
    bob.rest = Rest::new(&server.endpoint());
    bob.rest.login("Bob", PASSWORD).await.unwrap();

    // Her session does not come back: who resumes it begins anew in the first realm.
    let mut again = Lobby::connect(&server.endpoint(), Door::Frames).await.unwrap();
    let access = Login::Token(ann.rest.access_token().unwrap().to_owned());
    let session = again.resume(access, &lost.resume_token, lost.event).await.unwrap();
    assert!(session.realm == "Emberfall" && session.resume_token != lost.resume_token);

    // By its key the character is out of reach as well, for everything that may be done with it.
    let (id, key) = (hero.id, hero.id.to_string());
    let game = json!({"character": key, "name": "Cellar"});
    for (method, path, body) in [
        (Method::GET, format!("/characters/{id}"), None),
        (Method::GET, format!("/characters/{id}/stats"), None),
        (Method::PUT, format!("/characters/{id}"), Some(json!({"title": "The Late"}))),
        (Method::DELETE, format!("/characters/{id}"), None),
        (Method::POST, format!("/characters/{id}/spend"), Some(json!({"strength": 1}))),
        (Method::GET, format!("/games?character={id}"), None),
        (Method::POST, "/games".to_owned(), Some(game)),
        (Method::POST, "/games/7/join".to_owned(), Some(json!({"character": key}))),
        (Method::POST, "/games/quick".to_owned(), Some(json!({"character": key}))),
    ] {
        let path = format!("/api/v1{path}");
        let answer = ann.rest.request_with(method, &path, &[("if-match", "*")], body.as_ref()).await.unwrap();
        assert_eq!(
            (answer.status, answer.json["code"].as_str()),
            (403, Some("REALM_CLOSED")),
            "{path}: {}",
            answer.json
        );
    }
    // Others are not even told that there is such a character, or such a game.
    assert_eq!(refused(bob.rest.character(id).await), (404, "CHARACTER_UNKNOWN".to_owned()));
    let mut owner = Rest::new(&server.endpoint().in_realm(HARD));
    owner.create_owner(&token, "Warden", PASSWORD).await.unwrap();
    owner.login("Warden", PASSWORD).await.unwrap();
    let warden = owner.create_character("Warden-hero", "Druid", false).await.unwrap();
    let open = owner.create_game(warden.id, &named("Cellar")).await.unwrap().game.unwrap();
    assert_eq!(refused(bob.rest.game(open.id).await), (404, "GAME_UNKNOWN".to_owned()));
    assert_eq!(owner.game(open.id).await.unwrap().players.len(), 1);
    server.stop().await;
}
