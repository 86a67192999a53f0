//! Logs of games: a game that was played over real connections repeats from its log, and what is no sound log is told so.

use std::{fs, path::PathBuf, sync::Arc};

use realm::games::LOG_FOLDER;
use realm_client::Door;
use realm_world::{
    Class, Content, Difficulty, Input, PlayerSlot, Sheet, World,
    log::{Header, LogWriter},
};

use crate::{
    harness::{
        TestRealm, built_plugins, eventually,
        pilot::{self, fight_for_experience, snapshot},
        program::Site,
    },
    rules::components::{Fixture, empty_list},
};

/// Where the log of a game is, once it is finished.
pub(crate) async fn finished_log(realm: &TestRealm, game: u64) -> PathBuf {
    let file = realm.data().join(LOG_FOLDER).join(format!("{game}.log"));
    eventually("the log is finished", async || file.exists().then_some(())).await;
    file
}

fn header(seed: u64, content: u64) -> Header {
    Header { game: 1, started_ms: 0, version: "test".into(), content, difficulty: Difficulty::Normal, seed }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_that_was_played_repeats_from_its_log() {
    let realm = TestRealm::start().await;
    let mut host = realm.hero("Maren", Door::Frames).await;
    let mut guest = realm.hero("Tilo", Door::WebSocketJson).await;
    let (ticket, mut game) = host.open_game("Cellar").await;
    let (_, mut second) = guest.join_game("Cellar").await;
    let fighting = tokio::spawn(async move {
        fight_for_experience(&mut game).await;
        game
    });
    for _ in 0..60 {
        snapshot(&mut second).await;
        second.walk(4, 3).await.unwrap();
    }
    drop(fighting.await.unwrap());
    guest.lobby.leave_game().await.unwrap();
    host.lobby.leave_game().await.unwrap();
    let id = ticket.game.unwrap().id;
    let file = finished_log(&realm, id).await;
    let site = Site::empty();
    let table = site.run(&["replay", &file.display().to_string()]).success();
    let has = |text: &str| assert!(table.contains(text), "{text}:\n{table}");
    has(&format!("{id}, normal, begun 20"));
    has("2 at most; characters ");
    has(&host.character.id.to_string());
    has("anti-cheat 0.1.0 from tick");
    has("The game was over.");
    has("every hash is what it was");

    // By its number, out of the data folder; and not with another pack.
    let data = realm.data().display().to_string();
    let by_number = site.run(&["replay", &id.to_string(), "--data", &data]).success();
    assert!(by_number.contains("every hash is what it was"));
    pilot::content(&site.folder().join("pack"), &[("world.toml", "count", "3")]);
    let refusal = site.run(&["replay", &id.to_string(), "--data", &data, "--content", "pack"]).refusal();
    assert!(refusal.contains("this game was made of the content pack") && refusal.contains("--content"), "{refusal}");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_rule_is_asked_again_and_shows_where_it_differs() {
    let folder = tempfile::tempdir().unwrap();
    pilot::content(folder.path(), &[("world.toml", "count", "0")]);
    let content = folder.path().display().to_string();
    let realm = TestRealm::start_with(|config| {
        config.games.content.clone_from(&content);
        (config.games.findings_kick, config.games.findings_ban) = (0, 0);
    })
    .await;
    let mut hero = realm.hero("Swift", Door::Frames).await;
    let (ticket, mut game) = hero.open_game("Cellar").await;
    let step = i32::try_from(game.entered().step_max).unwrap();
    for tick in 0..60 {
        snapshot(&mut game).await;
        // Three steps that nobody may make among legal ones.
        game.walk(if tick % 20 == 10 { step * 5 } else { -step }, 0).await.unwrap();
    }
    assert_eq!(realm.realm().games().figures().findings, 3);
    hero.lobby.leave_game().await.unwrap();
    let file = finished_log(&realm, ticket.game.unwrap().id).await.display().to_string();
    let site = Site::empty();
    let again = |plugin: &str| {
        let plugin = built_plugins().join(plugin).display().to_string();
        site.run(&["replay", &file, "--content", &content, "--with", &plugin])
    };
    let same = again("anti-cheat.wasm").success();
    assert!(same.contains("3, 3 of them refused the act"), "{same}");
    assert!(same.contains("acts and sees 0 acts differently"), "{same}");
    let blind = Fixture::new("anti-cheat", "9.0.0").check_actions(&empty_list()).build();
    fs::write(site.folder().join("blind.wasm"), blind).unwrap();
    let plugin = site.folder().join("blind.wasm").display().to_string();
    let different = site.run(&["replay", &file, "--content", &content, "--with", &plugin]).success();
    assert!(different.contains("sees 3 acts differently"), "{different}");
    assert!(different.contains("then steps far too long, refused; now nothing"), "{different}");
    let refusal = again("chat-filter.wasm").refusal();
    assert!(refusal.contains("answers no hook inside games"), "{refusal}");
    realm.stop().await;
}

#[test]
fn a_game_that_went_another_way_is_told_with_its_first_tick() {
    // The log says one seed, and the hashes are those of another.
    let content = Content::builtin();
    let mut writer = LogWriter::new(&header(2, content.hash()), 0);
    let mut world = World::new(Arc::clone(&content), Difficulty::Normal, 1);
    let join = Input::Join { slot: PlayerSlot(0), sheet: Sheet::newborn(Class::Druid, false) };
    for tick in 1..=60 {
        let inputs: &[Input] = if tick == 1 { &[join] } else { &[] };
        world.step(inputs, &mut Vec::new());
        writer.tick(inputs);
        if tick % 25 == 0 {
            writer.check(world.state_hash());
        }
    }
    let site = Site::empty();
    fs::write(site.folder().join("1.log"), writer.bytes()).unwrap();
    let ended = site.run(&["replay", "1.log"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains("DIFFERENT from tick 25 (0:00:01)"), "{}", ended.out);
    assert!(ended.out.contains("the log breaks off here") && ended.out.contains("2 hashes compared"), "{}", ended.out);
}

#[test]
fn what_is_no_sound_log_is_refused_in_a_sentence() {
    let site = Site::empty();
    let refusal = |name: &str, bytes: &[u8]| {
        fs::write(site.folder().join(name), bytes).unwrap();
        site.run(&["replay", name]).refusal()
    };
    assert!(site.run(&["replay", "none.log"]).refusal().starts_with("none.log cannot be read: "));
    assert_eq!(
        refusal("letter.txt", b"Dear realm"),
        "letter.txt: this is no log of a game; name a file of the folder games/ in the data folder"
    );
    assert!(refusal("old.log", b"REALMLOG\xC8").contains("of format 200, and only format 2 can be read"));
    assert!(refusal("torn.log", &[0x28, 0xB5, 0x2F, 0xFD, 1, 2, 3]).contains("torn.log is damaged"));
    let mut writer = LogWriter::new(&header(1, Content::builtin().hash()), 0);
    writer.bytes().push(9);
    assert!(refusal("bent.log", writer.bytes()).contains("the log is damaged at byte "));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_logs_nothing_is_kept_of_a_game() {
    let realm = TestRealm::start_with(|config| config.games.logs = false).await;
    let mut hero = realm.hero("Maren", Door::Frames).await;
    let (_, mut game) = hero.open_game("Cellar").await;
    snapshot(&mut game).await;
    hero.lobby.leave_game().await.unwrap();
    assert!(!realm.data().join(LOG_FOLDER).exists());
    realm.stop().await;
}
