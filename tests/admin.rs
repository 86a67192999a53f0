//! What an operator sees and does on a running realm: by the command line, and over REST as staff.

use std::fs;

use realm_client::{Door, Method, Rest};
use rustix::process::Signal;
use serde_json::Value;

use crate::{
    campaign::Stage,
    harness::{PASSWORD, TestRealm, eventually, program::Site, refused},
    rules::components::{Fixture, pass, replacing, trap},
};

/// A client that speaks as the operator does: with the token in the data folder.
fn operator(realm: &TestRealm) -> Rest {
    let token = fs::read_to_string(realm.data().join("operator.token")).expect("a token in the data folder");
    let mut rest = Rest::new(&realm.endpoint());
    rest.set_access_token(Some(token));
    rest
}

async fn get(rest: &mut Rest, path: &str) -> Value {
    let answer = rest.request(Method::GET, &format!("/api/v1/admin/plugins{path}"), None).await.expect("an answer");
    answer.success().expect("it is allowed").json
}

async fn act(rest: &mut Rest, plugin: &str, verb: &str) -> Result<Value, realm_client::ClientError> {
    let path = format!("/api/v1/admin/plugins/{plugin}/{verb}");
    rest.request(Method::POST, &path, None).await.expect("an answer").success().map(|answer| answer.json)
}

fn put(realm: &TestRealm, file: &str, bytes: &[u8]) {
    let beside = realm.plugin_dir().join(format!("{file}.new"));
    fs::write(&beside, bytes).expect("writing beside the plugin");
    fs::rename(&beside, realm.plugin_dir().join(file)).expect("renaming into place");
}

/// Waits until a plugin is as wished.
async fn until(rest: &mut Rest, plugin: &str, wished: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("{plugin} as wished"), async || {
        let answer = rest.request(Method::GET, &format!("/api/v1/admin/plugins/{plugin}"), None).await.ok()?;
        Some(answer.json).filter(|plugin| wished(plugin))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_look_the_owner_acts_and_players_do_neither() {
    let realm = TestRealm::start().await;
    let token = realm.realm().owner_token().expect("a new realm has no owner").to_owned();
    let mut owner = Rest::new(&realm.endpoint());
    owner.create_owner(&token, "Warden", PASSWORD).await.unwrap();
    owner.login("Warden", PASSWORD).await.unwrap();
    let mut player = realm.player("Ann").await.rest;
    let mut nobody = Rest::new(&realm.endpoint());
    nobody.set_access_token(Some("operator-0123456789abcdef".to_owned()));
    for (rest, status, code) in [(&mut player, 403, "FORBIDDEN"), (&mut nobody, 401, "TOKEN_INVALID")] {
        for path in ["/api/v1/admin/plugins", "/api/v1/admin/plugins/ladder", "/api/v1/admin/plugins/ladder/logs"] {
            let answer = rest.request(Method::GET, path, None).await.unwrap().success();
            assert_eq!(refused(answer), (status, code.to_owned()), "{path}");
        }
        assert_eq!(refused(act(rest, "ladder", "disable").await), (status, code.to_owned()));
    }
    assert_eq!(get(&mut owner, "").await["plugins"].as_array().unwrap().len(), 4);
    assert_eq!(act(&mut owner, "ladder", "disable").await.unwrap()["state"], "disabled");
    assert_eq!(act(&mut operator(&realm), "ladder", "enable").await.unwrap()["state"], "at-work");
    assert_eq!(refused(act(&mut owner, "lader", "enable").await), (404, "PLUGIN_UNKNOWN".to_owned()));
    let answer = act(&mut owner, "ladder", "explode").await;
    assert_eq!(refused(answer).0, 400);
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_rule_decides_nothing_until_it_is_enabled_also_after_a_restart() {
    let realm = TestRealm::start().await;
    put(&realm, "chat-filter.wasm", &replacing("chat-filter", "9.0.0", "ruled"));
    let mut rest = operator(&realm);
    until(&mut rest, "chat-filter", |plugin| plugin["version"] == "9.0.0").await;
    let said = async |realm: &TestRealm, name: &str| {
        let mut hero = realm.hero(name, Door::Frames).await;
        hero.lobby.join_channel("Town Square").await.unwrap();
        hero.lobby.say("free speech").await.unwrap();
        hero.lobby.line(crate::harness::DEADLINE).await.unwrap().text
    };
    assert_eq!(said(&realm, "Ann").await, "ruled");
    let disabled = act(&mut rest, "chat-filter", "disable").await.unwrap();
    assert_eq!((disabled["state"].as_str(), disabled["version"].as_str()), (Some("disabled"), Some("")));
    assert_eq!(said(&realm, "Bob").await, "free speech");
    // A new file of the same plugin changes nothing about that, and neither does a restart.
    put(&realm, "chat-filter.wasm", &replacing("chat-filter", "9.1.0", "ruled anew"));
    let realm = realm.restart().await;
    let mut rest = operator(&realm);
    assert_eq!(get(&mut rest, "/chat-filter").await["state"], "disabled");
    assert_eq!(said(&realm, "Cleo").await, "free speech");
    assert_eq!(refused(act(&mut rest, "chat-filter", "reload").await), (409, "PLUGIN_REFUSED".to_owned()));
    let enabled = act(&mut rest, "chat-filter", "enable").await.unwrap();
    assert_eq!((enabled["state"].as_str(), enabled["version"].as_str()), (Some("at-work"), Some("9.1.0")));
    assert_eq!(said(&realm, "Dora").await, "ruled anew");
    let lines = get(&mut rest, "/chat-filter/logs").await;
    let lines: Vec<&str> = lines["lines"].as_array().unwrap().iter().filter_map(|line| line["text"].as_str()).collect();
    assert!(lines.iter().any(|line| line.contains("is disabled and stays so")), "{lines:?}");
    assert!(lines.last().unwrap().contains("9.1.0 is at work for chat-filter"), "{lines:?}");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_goes_back_a_version_and_forth_again() {
    let realm = TestRealm::start().await;
    let mut rest = operator(&realm);
    assert_eq!(refused(act(&mut rest, "matchmaking", "rollback").await), (409, "PLUGIN_REFUSED".to_owned()));
    put(&realm, "matchmaking.wasm", &Fixture::new("matchmaking", "9.0.0").admit(&trap()).build());
    until(&mut rest, "matchmaking", |plugin| plugin["version"] == "9.0.0").await;
    let back = act(&mut rest, "matchmaking", "rollback").await.unwrap();
    assert_eq!((back["state"].as_str(), back["version"].as_str()), (Some("rolled-back"), Some("0.1.0")));
    assert_eq!(back["rolled_back"]["from_version"], "9.0.0");
    // The file still holds 9.0.0, and a restart passes it over.
    let realm = realm.restart().await;
    let mut rest = operator(&realm);
    let after = get(&mut rest, "/matchmaking").await;
    assert_eq!((after["state"].as_str(), after["version"].as_str()), (Some("rolled-back"), Some("0.1.0")));
    let forth = act(&mut rest, "matchmaking", "reload").await.unwrap();
    assert_eq!((forth["state"].as_str(), forth["version"].as_str()), (Some("at-work"), Some("9.0.0")));
    // A new file ends a roll-back as well.
    act(&mut rest, "matchmaking", "rollback").await.unwrap();
    put(&realm, "matchmaking.wasm", &Fixture::new("matchmaking", "9.1.0").admit(&trap()).build());
    until(&mut rest, "matchmaking", |plugin| plugin["version"] == "9.1.0" && plugin["state"] == "at-work").await;
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_that_keeps_failing_is_rolled_back_and_stays_so() {
    let realm = TestRealm::start_with(|config| {
        (config.session.chat_burst, config.session.chat_per_minute) = (100_000, 100_000);
    })
    .await;
    let mut rest = operator(&realm);
    put(&realm, "chat-filter.wasm", &Fixture::new("chat-filter", "9.0.0").filter(&trap()).build());
    until(&mut rest, "chat-filter", |plugin| plugin["version"] == "9.0.0").await;
    let mut heroes = Vec::new();
    for name in ["Ann", "Bob", "Cleo"] {
        let mut hero = realm.hero(name, Door::Frames).await;
        hero.lobby.join_channel("Town Square").await.unwrap();
        heroes.push(hero);
    }
    // Every line kills it; each account is heard three times.
    let back = eventually("rolled back", async || {
        for hero in &mut heroes {
            let _ = hero.lobby.say("good morning").await;
        }
        let plugin = get(&mut rest, "/chat-filter").await;
        (plugin["state"] == "rolled-back").then_some(plugin)
    })
    .await;
    assert_eq!(back["version"], "0.1.0");
    let why = back["rolled_back"]["why"].as_str().unwrap();
    assert!(why.starts_with("9.0.0 kept failing: filter trapped"), "{why}");
    let realm = realm.restart().await;
    let after = get(&mut operator(&realm), "/chat-filter").await;
    assert_eq!((after["state"].as_str(), after["version"].as_str()), (Some("rolled-back"), Some("0.1.0")));
    let lines = get(&mut operator(&realm), "/chat-filter/logs").await.to_string();
    assert!(lines.contains("9.0.0 in chat-filter.wasm was rolled back before"), "{lines}");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_asks_for_more_than_it_is_granted_is_told_which_key_to_change() {
    let realm = TestRealm::start_with(|config| {
        config.plugins.permissions.clear();
        let own = realm::rules::Overrides { permissions: Some(vec!["log".to_owned()]), ..Default::default() };
        config.plugins.overrides.insert("trusted".to_owned(), own);
    })
    .await;
    let mut rest = operator(&realm);
    for name in ["trusted", "stranger"] {
        put(&realm, &format!("{name}.wasm"), &Fixture::new(name, "1.0.0").log(true).filter(&pass()).build());
    }
    let trusted = until(&mut rest, "trusted", |plugin| plugin["state"] == "at-work").await;
    assert_eq!(trusted["permissions_granted"], serde_json::json!(["log"]));
    let stranger = until(&mut rest, "stranger", |plugin| plugin["problem"].is_string()).await;
    let problem = stranger["problem"].as_str().unwrap();
    assert_eq!(stranger["permissions_asked"], serde_json::json!(["log"]));
    assert!(problem.starts_with("permissions: it asks for \"log\""), "{problem}");
    assert!(problem.contains("`[plugins.overrides.stranger]`"), "{problem}");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_on_one_hook_are_asked_in_the_order_that_the_operator_declares() {
    let realm = TestRealm::start_with(|config| config.plugins.order = vec!["later".into(), "chat-filter".into()]).await;
    let mut rest = operator(&realm);
    // By their files' names they would be asked the other way round; the last to replace wins.
    put(&realm, "chat-filter.wasm", &replacing("chat-filter", "9.0.0", "from the second"));
    put(&realm, "z.wasm", &replacing("later", "1.0.0", "from the first"));
    until(&mut rest, "chat-filter", |plugin| plugin["version"] == "9.0.0").await;
    let later = until(&mut rest, "later", |plugin| plugin["state"] == "at-work").await;
    assert_eq!(later["order"], 1);
    assert_eq!(get(&mut rest, "/chat-filter").await["order"], 2);
    let mut hero = realm.hero("Ann", Door::Frames).await;
    hero.lobby.join_channel("Town Square").await.unwrap();
    hero.lobby.say("hello").await.unwrap();
    assert_eq!(hero.lobby.line(crate::harness::DEADLINE).await.unwrap().text, "from the second");
    let calls = get(&mut rest, "/later").await;
    assert_eq!((calls["calls"].as_u64(), calls["functions"][0]["function"].as_str()), (Some(1), Some("filter")));
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_shows_the_rule_versions_that_it_is_played_under() {
    let realm = TestRealm::start().await;
    let mut ann = realm.hero("Ann", Door::Frames).await;
    let (ticket, _game) = ann.open_game("Cellar").await;
    let path = format!("/api/v1/games/{}", ticket.game.expect("a game").id);
    let mut rules = async || {
        let answer = ann.player.rest.request(Method::GET, &path, None).await.unwrap().success().unwrap();
        answer.json["rules"].clone()
    };
    assert_eq!(rules().await, serde_json::json!(["anti-cheat 0.1.0"]));
    let mut rest = operator(&realm);
    assert_eq!(get(&mut rest, "/anti-cheat").await["games"], 1);
    put(&realm, "anti-cheat.wasm", &Fixture::new("anti-cheat", "9.0.0").check_actions(&trap()).build());
    until(&mut rest, "anti-cheat", |plugin| plugin["version"] == "9.0.0" && plugin["games"] == 1).await;
    assert_eq!(rules().await, serde_json::json!(["anti-cheat 9.0.0"]));
    realm.stop().await;
}

#[test]
fn the_verbs_of_the_command_line_show_and_change_a_running_realm() {
    let site = Site::new();
    let said = site.run(&["plugin", "list", "--data", "realm-data"]).refusal();
    assert!(said.contains("no realm runs over the data folder realm-data"), "{said}");
    let up = site.up();
    let verb = |arguments: &[&str]| site.run(&[&["plugin"], arguments, &["--data", "realm-data"]].concat());
    let table = verb(&["list"]).success();
    println!("{table}");
    for plugin in ["anti-cheat", "chat-filter", "ladder", "matchmaking"] {
        let row = table.lines().find(|row| row.contains(plugin)).unwrap_or_else(|| panic!("no {plugin} in\n{table}"));
        assert!(row.contains(" 0.1.0 ") && row.contains("at work") && row.contains("closed"), "{row}");
    }
    assert_eq!(verb(&["disable", "ladder"]).success(), "ladder is disabled.\n");
    assert!(verb(&["list"]).success().lines().any(|row| row.contains("ladder") && row.contains("disabled")));
    assert!(verb(&["enable", "ladder"]).success().starts_with("ladder 0.1.0 is at work"));
    assert!(verb(&["reload", "ladder"]).success().starts_with("ladder 0.1.0 is at work"));
    let page = verb(&["inspect", "ladder"]).success();
    println!("{page}");
    assert!(page.contains("asks for") && page.contains("is granted") && page.contains("KEPT VERSION"), "{page}");
    let lines = verb(&["logs", "ladder"]).success();
    assert!(lines.contains("the operator has disabled it"), "{lines}");
    let said = verb(&["rollback", "ladder"]).refusal();
    assert!(said.contains("No earlier good version of ladder is kept"), "{said}");
    let said = verb(&["inspect", "lader"]).refusal();
    assert!(said.contains("PLUGIN_UNKNOWN") && said.contains("there are anti-cheat"), "{said}");
    let json: Value = serde_json::from_str(&verb(&["list", "--json"]).success()).expect("JSON");
    assert_eq!(json["plugins"].as_array().map(Vec::len), Some(4));
    assert_eq!(up.end(Signal::TERM).0, Some(0));
}

#[test]
fn a_shadow_is_compared_and_then_promoted_or_dropped() {
    let site = Site::new();
    let up = site.up();
    let verb = |arguments: &[&str]| site.run(&[&["plugin"], arguments, &["--data", "realm-data"]].concat());
    let put = |name: &str, bytes: &[u8]| fs::write(site.folder().join(name), bytes).unwrap();
    put("next.wasm", &Fixture::new("matchmaking", "9.0.0").admit(&pass()).build());
    put("broken.wasm", b"no plugin");
    let said = verb(&["promote", "matchmaking"]).refusal();
    assert!(said.contains("Matchmaking has no shadow"), "{said}");
    let said = verb(&["shadow", "next.wasm"]).success();
    assert!(said.starts_with("matchmaking 9.0.0 runs as a shadow"), "{said}");
    let table = verb(&["list"]).success();
    println!("{table}");
    assert!(table.contains("shadow: 0 answers alike, 0 different"), "{table}");
    assert!(verb(&["inspect", "matchmaking"]).success().starts_with("plugin         matchmaking 0.1.0\n"));
    assert!(verb(&["drop", "matchmaking"]).success().starts_with("matchmaking 0.1.0 is at work"));
    assert!(!verb(&["list"]).success().contains("9.0.0"));
    let said = verb(&["shadow", "broken.wasm"]).refusal();
    assert!(said.contains("broken.shadow.wasm does not run: read: "), "{said}");
    verb(&["shadow", "next.wasm"]).success();
    assert!(verb(&["promote", "matchmaking"]).success().starts_with("matchmaking 9.0.0 is at work"));
    assert!(verb(&["rollback", "matchmaking"]).success().starts_with("matchmaking 0.1.0 is rolled back"));
    assert_eq!(up.end(Signal::TERM).0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_asked_again_with_a_new_version() {
    let stage = Stage::start_with("[plugins]\nrecord = true\n");
    let mut ann = stage.hero("Ann").await;
    ann.lobby.join_channel("Town Square").await.unwrap();
    for text in ["good morning", "good evening"] {
        ann.lobby.say(text).await.unwrap();
        ann.lobby.line(crate::harness::DEADLINE).await.unwrap();
    }
    let site = stage.end_for_good().await;
    let recording = site.data().join("plugin-recordings/1.calls");
    fs::write(site.folder().join("new.wasm"), replacing("chat-filter", "2.0.0", "hush")).unwrap();
    let said = site.run(&["plugin", "replay", recording.to_str().unwrap(), "--with", "new.wasm"]).success();
    println!("{said}");
    assert!(said.contains("chat-filter 2.0.0: 2 of 2 calls are answered otherwise"), "{said}");
    assert!(said.contains("good evening") && said.contains("before  0.1.0 Verdict") && said.contains("hush"), "{said}");
    let built = crate::harness::built_plugins().join("chat-filter.wasm");
    let said =
        site.run(&["plugin", "replay", recording.to_str().unwrap(), "--with", built.to_str().unwrap()]).success();
    assert!(said.contains("chat-filter 0.1.0: 0 of 2 calls are answered otherwise"), "{said}");
    let said = site.run(&["plugin", "replay", "new.wasm", "--with", "new.wasm"]).refusal();
    assert!(said.contains("new.wasm is no recording"), "{said}");
    fs::write(site.folder().join("other.wasm"), replacing("other-filter", "2.0.0", "hush")).unwrap();
    let said = site.run(&["plugin", "replay", recording.to_str().unwrap(), "--with", "other.wasm"]).success();
    assert!(said.contains("holds no call of the plugin other-filter, and"), "{said}");

    // The same in an author's test.
    let tape = realm_testkit::Tape::of_file(&recording);
    let stage = |file: &std::path::Path| realm_testkit::Stage::of_file(file);
    stage(&built).replay(&tape).assert_alike();
    let replayed = stage(&site.folder().join("new.wasm")).replay(&tape);
    assert_eq!(replayed.differences().len(), 2, "{replayed:?}");
}
