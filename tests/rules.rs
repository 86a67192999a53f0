//! Rules change under players' feet: files come, change, break and go while people chat and play, and nobody is disturbed.

use std::{
    fs,
    time::{Duration, Instant},
};

use realm::rules::PluginStatus;
use realm_client::{ClientError, Door, GameConnection, Lobby, Rest, ServerMessage, proto};
use serde_json::json;
use tokio::{sync::watch, task::JoinHandle};

use crate::harness::{
    DEADLINE, Hero, PASSWORD, TestRealm, built_plugins, eventually,
    pilot::{own, place, snapshot, ticks_between},
};

#[allow(dead_code, reason = "shared with the tests of the plugin host")]
#[path = "../host/plugin-host/tests/it/components.rs"]
pub(crate) mod components;

use components::{Fixture, endless, replacing, trap, with_text};

/// A new rule must decide within a second; a busy machine gets more.
const SWAP_MAX: Duration = Duration::from_secs(5);

/// Two players who chat and play while the test changes the rules.
struct Scene {
    realm: TestRealm,
    ann: Hero,
    bob: Hero,
    stop: watch::Sender<bool>,
    games: Vec<JoinHandle<u32>>,
    said: u32,
    line: Option<u64>,
}

impl Scene {
    async fn start() -> Self {
        let realm = TestRealm::start_with(|config| {
            // The tests talk faster than people.
            (config.session.chat_burst, config.session.chat_per_minute) = (100_000, 100_000);
            let patient = json!({"lines_max": 0, "repeats_max": 0});
            config.plugins.configuration.insert("chat-filter".to_owned(), patient);
        })
        .await;
        let mut ann = realm.hero("Ann", Door::Frames).await;
        let mut bob = realm.hero("Bob", Door::WebSocketJson).await;
        let (_, ann_game) = ann.open_game("Cellar").await;
        let (_, bob_game) = bob.join_game("Cellar").await;
        ann.lobby.join_channel("Town Square").await.unwrap();
        bob.lobby.join_channel("Town Square").await.unwrap();
        let (stop, stopped) = watch::channel(false);
        let games = [ann_game, bob_game].map(|game| tokio::spawn(play(game, stopped.clone()))).into();
        Self { realm, ann, bob, stop, games, said: 0, line: None }
    }

    /// Ann says something; gives what both of them read. No line may be lost or doubled.
    async fn say(&mut self) -> (String, String) {
        self.said += 1;
        let said = format!("good morning number {}", self.said);
        self.ann.lobby.say(&said).await.expect("Ann is connected");
        let at_ann = line(&mut self.ann.lobby).await;
        let at_bob = line(&mut self.bob.lobby).await;
        assert_eq!(at_ann, at_bob, "both read the same line");
        if let Some(before) = self.line.replace(at_bob.0) {
            assert_eq!(at_bob.0, before + 1, "no line is lost or doubled");
        }
        (said, at_bob.1)
    }

    /// Talks until a line comes out as expected, and prints how long that took since `start`.
    async fn until(&mut self, start: Instant, what: &str, expected: impl Fn(&str, &str) -> bool) {
        loop {
            let (said, read) = self.say().await;
            let elapsed = start.elapsed();
            if expected(&said, &read) {
                println!("{what}: {} ms", elapsed.as_millis());
                return;
            }
            assert!(elapsed < SWAP_MAX, "{what} not within {SWAP_MAX:?}; Bob reads {read:?}");
        }
    }

    /// Writes beside the folder's files and renames over one of them.
    fn rename_in(&self, file: &str, bytes: &[u8]) {
        let folder = self.realm.plugin_dir();
        let beside = folder.join(format!("{file}.new"));
        fs::write(&beside, bytes).unwrap();
        fs::rename(&beside, folder.join(file)).unwrap();
    }

    fn overwrite(&self, file: &str, bytes: &[u8]) {
        fs::write(self.realm.plugin_dir().join(file), bytes).unwrap();
    }

    fn status(&self, file: &str) -> Option<PluginStatus> {
        self.realm.realm().rules().status().into_iter().find(|status| status.file == file)
    }

    /// Waits until a version of a file is at work.
    async fn at_work(&self, file: &str, version: &str) {
        eventually(&format!("{file} {version} at work"), async || {
            self.status(file).filter(|status| status.version == version && status.problem.is_none()).map(drop)
        })
        .await;
    }

    /// Waits until a file has a problem; gives the sentence.
    async fn problem(&self, file: &str) -> String {
        eventually(&format!("a problem of {file}"), async || self.status(file).and_then(|status| status.problem)).await
    }

    fn ticks_skipped(&self) -> u64 {
        self.realm.realm().games().figures().ticks_skipped
    }

    /// Everybody is still here: the games went tick by tick, nothing was dropped, and all leave in good order.
    async fn end(mut self) {
        self.say().await;
        self.end_quietly().await;
    }

    /// The same where lines wait that nobody has read.
    async fn end_quietly(mut self) {
        self.stop.send_replace(true);
        for game in self.games {
            let ticks = game.await.expect("every snapshot followed the one before");
            assert!(ticks > 0);
        }
        for hero in [&mut self.ann, &mut self.bob] {
            assert_eq!((hero.lobby.dropped(), hero.lobby.goodbye()), (0, None));
            hero.lobby.leave_game().await.expect("the player is in the game");
        }
        self.realm.stop().await;
    }
}

/// Number and text of the next line.
async fn line(lobby: &mut Lobby) -> (u64, String) {
    let line = lobby.line(DEADLINE).await.expect("the line arrives");
    assert_eq!(line.account, "Ann");
    (line.line, line.text)
}

/// Walks to and fro; no snapshot may be missing. Gives how many came.
async fn play(mut game: GameConnection, stop: watch::Receiver<bool>) -> u32 {
    let mut before = snapshot(&mut game).await.tick;
    let mut ticks = 0;
    while !*stop.borrow() {
        game.walk(if ticks / 20 % 2 == 0 { 4 } else { -4 }, 0).await.expect("the game goes on");
        let now = snapshot(&mut game).await.tick;
        ticks_between(before, now);
        before = now;
        ticks += 1;
    }
    ticks
}

fn built(name: &str) -> Vec<u8> {
    fs::read(built_plugins().join(name)).expect("a built plugin")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_changes_within_a_second_while_players_chat_and_play() {
    let mut scene = Scene::start().await;
    let skipped = scene.ticks_skipped();
    let (said, read) = scene.say().await;
    assert_eq!(said, read, "the default rule has nothing against it");

    let start = Instant::now();
    scene.rename_in("chat-filter.wasm", &replacing("chat-filter", "9.0.0", "the second rule"));
    scene.until(start, "renamed over the old file", |_, read| read == "the second rule").await;
    let start = Instant::now();
    scene.overwrite("chat-filter.wasm", &replacing("chat-filter", "9.1.0", "the third rule"));
    scene.until(start, "overwritten in place", |_, read| read == "the third rule").await;
    let start = Instant::now();
    scene.rename_in("chat-filter.wasm", &built("chat-filter.wasm"));
    scene.until(start, "the default rule is back", |said, read| read == said).await;

    let start = Instant::now();
    scene.rename_in("starry.wasm", &replacing("starry", "0.1.0", "a further rule"));
    scene.until(start, "a new file", |_, read| read == "a further rule").await;
    let start = Instant::now();
    fs::remove_file(scene.realm.plugin_dir().join("starry.wasm")).unwrap();
    scene.until(start, "deleted", |said, read| read == said).await;
    // The new rule decides a moment before it is listed so.
    eventually("it is listed no more", async || scene.status("starry.wasm").is_none().then_some(())).await;

    // Nothing was skipped on behalf of a rule: the games' thread never waits for one.
    assert_eq!(scene.ticks_skipped(), skipped);
    Box::pin(scene.end()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_dropped_into_the_folder_is_listed_and_gone_with_its_file() {
    let scene = Scene::start().await;
    let token = scene.realm.realm().owner_token().expect("a new realm has no owner").to_owned();
    let mut owner = Rest::new(&scene.realm.endpoint());
    owner.create_owner(&token, "Warden", PASSWORD).await.unwrap();
    owner.login("Warden", PASSWORD).await.unwrap();
    let mut listed = async || {
        let plugins = owner.plugins().await.unwrap();
        let plugins = plugins["plugins"].as_array().expect("a list of plugins");
        assert!(plugins.iter().any(|plugin| plugin["name"] == "chat-filter"));
        plugins.iter().any(|plugin| plugin["name"] == "hello")
    };
    assert!(!listed().await);
    scene.rename_in("hello.wasm", &built("hello.wasm"));
    eventually("hello is at work", async || {
        scene.status("hello.wasm").filter(|status| status.problem.is_none() && !status.version.is_empty())
    })
    .await;
    assert!(listed().await);
    fs::remove_file(scene.realm.plugin_dir().join("hello.wasm")).unwrap();
    eventually("hello is gone", async || scene.status("hello.wasm").is_none().then_some(())).await;
    assert!(!listed().await);
    Box::pin(scene.end()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_rule_leaves_the_old_one_at_work_and_says_why() {
    let mut scene = Scene::start().await;
    let good = replacing("chat-filter", "9.0.0", "the rule at work");
    scene.rename_in("chat-filter.wasm", &good);
    scene.until(Instant::now(), "the rule", |_, read| read == "the rule at work").await;

    let other_version = Fixture::new("chat-filter", "9.1.0").interface_version("0.2.0").filter(&trap()).build();
    let core_module = Fixture::new("chat-filter", "9.1.0").filter(&trap()).core_module();
    let truncated = built("chat-filter.wasm");
    let bad: [(&str, &[u8], &[&str]); 5] = [
        ("no WebAssembly", b"#!/bin/sh\necho hello\n", &["no WebAssembly", "build a component"]),
        ("cut off", &truncated[..truncated.len() / 2], &["cut off", "copy the whole file"]),
        ("a core module", &core_module, &["core module", "realm plugin build"]),
        ("another interface version", &other_version, &["0.2.0", "speaks 0.1.0", "build it again"]),
        ("empty", b"", &["read"]),
    ];
    for (what, bytes, phrases) in bad {
        scene.rename_in("chat-filter.wasm", bytes);
        let problem = eventually(&format!("a problem with a file that is {what}"), async || {
            let problem = scene.status("chat-filter.wasm")?.problem?;
            phrases.iter().all(|phrase| problem.contains(phrase)).then_some(problem)
        })
        .await;
        println!("{what}: {problem}");
        let status = scene.status("chat-filter.wasm").unwrap();
        assert_eq!(status.version, "9.0.0", "what is at work is shown");
        assert_eq!(scene.say().await.1, "the rule at work");
    }
    // A second file with the name of a rule at work changes nothing either.
    scene.rename_in("double.wasm", &replacing("chat-filter", "9.2.0", "an impostor"));
    assert!(scene.problem("double.wasm").await.contains("already comes from chat-filter.wasm"));
    assert_eq!(scene.say().await.1, "the rule at work");

    let start = Instant::now();
    scene.rename_in("chat-filter.wasm", &replacing("chat-filter", "9.3.0", "the next rule"));
    scene.until(start, "a good file after bad ones", |_, read| read == "the next rule").await;
    scene.at_work("chat-filter.wasm", "9.3.0").await;
    Box::pin(scene.end()).await;
}

/// Says a line; gives what it came back as, or why it was refused.
async fn outcome(hero: &mut Hero, account: &str, text: &str) -> Result<String, ClientError> {
    let said = proto::ChatSend { text: text.to_owned() };
    let own = |message: &ServerMessage| match message {
        ServerMessage::ChatMessage(line) if line.account == account => Some(line.text.clone()),
        _ => None,
    };
    hero.lobby.ask(said, own).await
}

/// Asserts that a line was held back with its stable code; gives the sentence.
fn held_back(outcome: Result<String, ClientError>) -> String {
    let error = outcome.expect_err("nothing goes out unjudged");
    assert_eq!(error.code(), Some("CHAT_REFUSED"), "{error}");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_judges_nothing_does_not_end_all_chat() {
    let mut scene = Scene::start().await;
    for (version, what, body) in [("9.0.0", "traps", trap()), ("9.1.0", "never ends", endless())] {
        scene.rename_in("chat-filter.wasm", &Fixture::new("chat-filter", version).filter(&body).build());
        scene.at_work("chat-filter.wasm", version).await;
        // One account alone proves nothing against the filter: its lines are held back, at last unread.
        for _ in 0..6 {
            held_back(outcome(&mut scene.ann, "Ann", "hello").await);
        }
        // Two accounts whose every line fails, and none that was ever judged: the filter is at fault.
        let start = Instant::now();
        while let Err(error) = outcome(&mut scene.bob, "Bob", "hello").await {
            assert_eq!(error.code(), Some("CHAT_REFUSED"), "{error}");
            assert!(start.elapsed() < DEADLINE, "a filter that {what} keeps everybody silent");
        }
        for _ in 0..12 {
            let text = outcome(&mut scene.ann, "Ann", "hello again").await.expect("the filter is passed over");
            assert_eq!(text, "hello again");
        }
    }
    scene.rename_in("chat-filter.wasm", &replacing("chat-filter", "9.2.0", "a better rule"));
    scene.at_work("chat-filter.wasm", "9.2.0").await;
    assert_eq!(outcome(&mut scene.ann, "Ann", "hello").await.unwrap(), "a better rule");
    scene.end_quietly().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_kill_a_filter_open_it_for_nobody() {
    let mut scene = Scene::start().await;
    let judged = "judged";
    let body = format!(
        "(if (i32.eq (local.get $length) (i32.const 4)) (then (loop $again (br $again)))) {}",
        with_text(1, judged.len())
    );
    scene.rename_in("chat-filter.wasm", &Fixture::new("chat-filter", "9.0.0").text(judged).filter(&body).build());
    scene.at_work("chat-filter.wasm", "9.0.0").await;
    assert_eq!(outcome(&mut scene.bob, "Bob", "good morning").await.unwrap(), judged);
    let (mut sentences, mut heard) = (Vec::new(), 0);
    for _ in 0..30 {
        sentences.push(held_back(outcome(&mut scene.ann, "Ann", "kill").await));
        match outcome(&mut scene.bob, "Bob", "swearing").await {
            Ok(text) => {
                assert_eq!(text, judged, "a line went past the filter");
                heard += 1;
            }
            // For a moment, while it is started again.
            error => assert!(held_back(error).contains("in a moment")),
        }
    }
    println!("{heard} of 30 lines of others were judged beside 30 attacks");
    assert!(heard >= 20, "{heard}");
    assert!(sentences[0].contains("write it differently"), "{}", sentences[0]);
    assert!(sentences[29].contains("slow down"), "{}", sentences[29]);
    assert_eq!(outcome(&mut scene.bob, "Bob", "good evening").await.unwrap(), judged);
    scene.end_quietly().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_row_of_signs_switches_the_default_filter_off() {
    let mut scene = Scene::start().await;
    for number in 0..40 {
        let row: String = "ass".chars().chain("*(9*".chars().cycle()).take(244).collect();
        // Not even the attacker gets a word past it.
        let text = outcome(&mut scene.ann, "Ann", &format!("{row} fuck you {:02}", number)).await.unwrap();
        assert!(text.contains(" **** you"), "{text}");
        let text = outcome(&mut scene.bob, "Bob", &format!("fuck number {number}")).await.unwrap();
        assert_eq!(text, format!("**** number {number}"));
    }
    scene.end_quietly().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_whose_init_never_ends_does_not_come_to_work() {
    let mut scene = Scene::start().await;
    let good = replacing("chat-filter", "9.0.0", "the rule at work");
    scene.rename_in("chat-filter.wasm", &good);
    scene.until(Instant::now(), "the rule", |_, read| read == "the rule at work").await;
    let stuck = Fixture::new("chat-filter", "9.1.0").init(&endless()).filter(&trap()).build();
    scene.rename_in("chat-filter.wasm", &stuck);
    let problem = scene.problem("chat-filter.wasm").await;
    assert!(problem.starts_with("start") && problem.contains("ms"), "{problem}");
    assert_eq!(scene.say().await.1, "the rule at work");
    Box::pin(scene.end()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anti_cheat_that_never_ends_keeps_no_tick_waiting() {
    let scene = Scene::start().await;
    let stuck = Fixture::new("anti-cheat", "9.0.0").check_actions(&endless()).build();
    let mut third = scene.realm.hero("Cleo", Door::Frames).await;
    let (_, mut game) = third.join_game("Cellar").await;
    scene.rename_in("anti-cheat.wasm", &stuck);
    scene.at_work("anti-cheat.wasm", "9.0.0").await;

    let first = snapshot(&mut game).await;
    let (start, mut now) = (Instant::now(), first.clone());
    for _ in 0..75 {
        game.walk(0, 2).await.unwrap();
        let next = snapshot(&mut game).await;
        // A snapshot may be left out for a client that this machine holds up; no tick is, which is asked of the realm below.
        assert!(next.tick > now.tick, "from tick {} to tick {}", now.tick, next.tick);
        now = next;
    }
    let elapsed = start.elapsed();
    println!("75 ticks beside a rule that never ends: {} ms", elapsed.as_millis());
    assert!(elapsed < Duration::from_secs(6), "3 s of ticks took {elapsed:?}");
    // Acts go on without the rule; the host's own step limit holds.
    assert!(place(own(&now)).1 > place(own(&first)).1);
    assert_eq!(scene.ticks_skipped(), 0);
    drop(game);
    third.lobby.leave_game().await.unwrap();
    Box::pin(scene.end()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_matchmaking_rule_decides_who_comes_in() {
    let scene = Scene::start().await;
    let mut third = scene.realm.hero("Cleo", Door::Frames).await;
    let sentence = "Not on a Tuesday.";
    let closed = Fixture::new("matchmaking", "9.0.0").text(sentence).admit(&with_text(1, sentence.len())).build();
    scene.rename_in("matchmaking.wasm", &closed);
    scene.at_work("matchmaking.wasm", "9.0.0").await;
    let wish = realm_client::proto::GameJoin { name: "Cellar".into(), ..Default::default() };
    let refused = third.lobby.join_game(wish.clone()).await.unwrap_err();
    assert_eq!(refused.to_string(), format!("GAME_REFUSED: {sentence}"));

    fs::remove_file(scene.realm.plugin_dir().join("matchmaking.wasm")).unwrap();
    eventually("the rule is gone", async || scene.status("matchmaking.wasm").is_none().then_some(())).await;
    third.lobby.join_game(wish).await.unwrap();
    third.lobby.leave_game().await.unwrap();
    Box::pin(scene.end()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_realm_starts_with_a_broken_plugin_and_takes_its_repair() {
    let realm = TestRealm::start().await;
    let ladder = realm.plugin_dir().join("ladder.wasm");
    fs::write(&ladder, b"not a plugin").unwrap();
    let realm = realm.restart().await;
    let status = |realm: &TestRealm| realm.realm().rules().status().into_iter().find(|one| one.file == "ladder.wasm");
    let broken = status(&realm).expect("a broken file is listed");
    assert_eq!((broken.name.as_str(), broken.version.as_str()), ("ladder", ""));
    assert!(broken.problem.expect("it says why").contains("build a component"));
    // The other rules are at work, and people can play.
    realm.hero("Ann", Door::Frames).await.open_game("Cellar").await;

    fs::write(&ladder, built("ladder.wasm")).unwrap();
    eventually("the repaired plugin is at work", async || {
        status(&realm).filter(|status| status.problem.is_none() && status.hooks.contains(&"ladder".to_owned()))
    })
    .await;
    realm.stop().await;
}
