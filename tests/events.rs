//! What happens in the realm, told to the plugins that want to hear of it, and what they answer, with the plugin `crier`.

use std::fs;

use realm::rules::PluginStatus;
use realm_client::{Door, Rest};
use realm_testkit::{Call, Reader, Stage, tape::Report};
use serde_json::{Value, json};

use crate::{
    commands::{log_in, notice, refused, with_crier},
    harness::{DEADLINE, PASSWORD, TestRealm, built_plugins, eventually, pilot, raw},
    play::{deadly, die},
    rules::components::{Fixture, no_effects, no_kinds},
};

/// A realm whose crier answers events so.
async fn with_answers(answers: Value, content: String) -> TestRealm {
    with_crier(|config| {
        config.games.content = content;
        let settings = json!({"answers": answers, "channel": "Market"});
        config.plugins.configuration.insert("crier".to_owned(), settings);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_hear_what_happens_and_answer() {
    let realm = with_crier(|_| {}).await;
    let mut ann = realm.hero("Ann", Door::Frames).await;
    notice(&mut ann.lobby, "crier", |line| line == "Ann has come.").await;
    let mut bob = realm.hero("Bob", Door::WebSocketJson).await;
    for hero in [&mut ann, &mut bob] {
        notice(&mut hero.lobby, "crier", |line| line == "Bob has come.").await;
    }
    let (_, _game) = bob.open_game("Cellar").await;
    notice(&mut ann.lobby, "crier", |line| line == "Bob-hero enters Cellar.").await;
    // What a plugin may know of the realm: who is there, and what is played.
    bob.lobby.say("/where").await.unwrap();
    notice(&mut bob.lobby, "crier", |line| {
        line.ends_with("with 2 online; you play Bob-hero of level 1.") && line.starts_with("This is ")
    })
    .await;
    bob.lobby.leave_game().await.unwrap();
    notice(&mut ann.lobby, "crier", |line| line == "Bob-hero leaves Cellar.").await;
    bob.lobby.logout().await.unwrap();
    notice(&mut ann.lobby, "crier", |line| line == "Bob has gone.").await;
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_drops_and_levels_are_told_and_answered_to_whom_they_concern() {
    let folder = tempfile::tempdir().unwrap();
    // One blow kills, and is worth many levels; whatever dies leaves something.
    let changes = [
        ("monsters.toml", "life", "1"),
        ("monsters.toml", "damage_min", "0"),
        ("monsters.toml", "damage_max", "0"),
        ("monsters.toml", "experience", "5000"),
        ("world.toml", "chance_percent", "100"),
    ];
    pilot::content(folder.path(), &changes);
    let answers = json!({
        "log-in": ["whisper"],
        "join": [],
        "kill": ["say"],
        "drop": ["whisper", "announce"],
        "level-up": ["announce"],
    });
    let realm = with_answers(answers, folder.path().display().to_string()).await;
    let mut listener = realm.player("Listener").await.lobby(Door::Frames).await;
    notice(&mut listener, "crier", |line| line == "Listener has come.").await;
    listener.join_channel("Market").await.unwrap();
    let mut ann = realm.hero("Ann", Door::WebSocketJson).await;
    let (_, mut game) = ann.open_game("Cellar").await;
    pilot::fight_for_experience(&mut game).await;

    let said = listener.line(DEADLINE).await.expect("the kill is said in the channel");
    assert_eq!((said.plugin.as_str(), said.account.as_str()), ("crier", ""));
    assert!(said.text.starts_with("Ann-hero has slain ") && said.text.len() > 24, "{}", said.text);
    let level = notice(&mut ann.lobby, "crier", |line| line.starts_with("Ann-hero is of level ")).await;
    assert!(level.everybody, "{level:?}");
    // The drop is whispered to who killed, and announced to everybody.
    let dropped = |line: &str| line.contains("Flask") && line.ends_with(" (normal) drops before Ann-hero.");
    let told = notice(&mut ann.lobby, "crier", dropped).await;
    assert!(!told.everybody, "{told:?}");
    assert!(notice(&mut ann.lobby, "crier", dropped).await.everybody);
    assert!(notice(&mut listener, "crier", dropped).await.everybody);
    // What was answered with nothing was heard all the same, and what was done is counted.
    for effect in ["say", "whisper", "announce"] {
        eventually(&format!("{effect} is counted"), async || {
            let metrics = raw::loopback(&realm, "/metrics").await;
            let counted = metrics.lines().any(|line| {
                line.starts_with("realm_plugin_effects_total{")
                    && line.contains(&format!("effect=\"{effect}\""))
                    && line.contains("outcome=\"done\"")
            });
            counted.then_some(())
        })
        .await;
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_is_told_and_its_answers_flag_mute_and_kick() {
    let folder = tempfile::tempdir().unwrap();
    let answers = json!({"death": ["announce", "flag", "mute", "kick"], "log-in": [], "join": []});
    let realm = with_answers(answers, deadly(folder.path())).await;
    let owner_token = realm.realm().owner_token().expect("a new realm has no owner").to_owned();
    Rest::new(&realm.endpoint()).create_owner(&owner_token, "Warden", PASSWORD).await.unwrap();
    let mut warden = log_in(&realm, "Warden").await;
    let mut ann = realm.hero("Ann", Door::Frames).await;
    let (_, mut game) = ann.open_game("Cellar").await;
    // The kick may end the connection before the last snapshot arrives: what happened is told by the plugin.
    let dying = tokio::spawn(async move { die(&mut game).await });
    let told = notice(&mut warden, "crier", |line| line.starts_with("Ann-hero was slain by ")).await;
    assert!(told.everybody && told.lines[0].len() > 24, "{told:?}");
    notice(&mut warden, "crier", |line| line.starts_with("Ann needs your attention: Ann-hero was slain by ")).await;
    notice(&mut ann.lobby, "crier", |line| line.contains("may not talk")).await;
    let ended = ann.lobby.wait_for(DEADLINE, |_| None::<()>).await;
    assert!(ended.is_err());
    assert_eq!(ann.lobby.goodbye().map(|goodbye| goodbye.code.as_str()), Some("KICKED"));
    dying.abort();
    let account = ann.lobby.session().expect("she was logged in").account_id;
    eventually("her character has left the game", async || {
        realm.realm().games().current(realm::types::AccountId::from_raw(account)).is_none().then_some(())
    })
    .await;
    let mut ann = log_in(&realm, "Ann").await;
    assert_eq!(refused(&mut ann, "hello?").await.0, "MUTED");
    realm.stop().await;
}

/// What the shadow of the crier of this version has said so far: how often the same, and how often something else.
fn compared(realm: &TestRealm, version: &str) -> Option<(u64, u64)> {
    let status = realm.realm().rules().status();
    let fits = |status: &PluginStatus| status.file == "crier.shadow.wasm" && status.version == version;
    let shadow = status.into_iter().find(|status| fits(status) && status.problem.is_none())?;
    Some((shadow.observed.alike, shadow.observed.different))
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_and_events_are_recorded_and_shadowed_and_nothing_happens_twice() {
    let realm = with_crier(|config| config.plugins.record = true).await;
    let crier = fs::read(built_plugins().join("crier.wasm")).unwrap();
    let put = |bytes: &[u8]| {
        let beside = realm.plugin_dir().join("shadow.new");
        fs::write(&beside, bytes).unwrap();
        fs::rename(beside, realm.plugin_dir().join("crier.shadow.wasm")).unwrap();
    };
    put(&crier);
    eventually("the shadow beside the crier", async || compared(&realm, "0.1.0")).await;
    let mut ann = realm.player("Ann").await.lobby(Door::Frames).await;
    notice(&mut ann, "crier", |line| line == "Ann has come.").await;
    // Dice and keys are those of the version at work: the shadow throws and counts the same, and counts for nobody.
    for number in 1..=3 {
        ann.say("/roll 1000").await.unwrap();
        notice(&mut ann, "crier", |line| line.starts_with("You throw ")).await;
        ann.say("/count").await.unwrap();
        notice(&mut ann, "crier", |line| line == format!("That was number {number}.")).await;
    }
    ann.say("/where").await.unwrap();
    notice(&mut ann, "crier", |line| line.starts_with("This is ")).await;
    // One event and seven commands at least.
    let enough = async || compared(&realm, "0.1.0").filter(|(alike, different)| alike + different >= 8);
    let (alike, different) = eventually("comparisons", enough).await;
    assert_eq!(different, 0, "of {alike} comparisons");
    // Another version answers otherwise, and what it wants does not come about.
    let other = Fixture::new("crier", "9.0.0").function("commands", "run", &no_effects()).function(
        "events",
        "interests",
        &no_kinds(),
    );
    put(&other.build());
    eventually("another shadow", async || compared(&realm, "9.0.0")).await;
    ann.say("/count").await.unwrap();
    notice(&mut ann, "crier", |line| line == "That was number 4.").await;
    let differs = async || compared(&realm, "9.0.0").filter(|(_, different)| *different > 0);
    eventually("a difference", differs).await;
    ann.close().await.unwrap();
    let file = realm.data().join("plugin-recordings/1.calls");
    let with = built_plugins().join("crier.wasm");
    let ask = |with: &std::path::Path| -> Option<Report> {
        let mut tape = Reader::open(&file).ok()?;
        let replayed = Stage::of_file(with).try_replay(tape.by_ref()).expect("it can be asked");
        (!tape.was_cut_off()).then(|| replayed.report().clone())
    };
    // The lists of commands and interests, two events, eight commands; the file is complete within a second.
    let same = eventually("the recording", async || ask(&with).filter(|found| found.calls >= 12));
    let same = same.await;
    assert_eq!((same.different, same.unexpected), (0, 0), "{same:?}");
    let next = realm.data().join("next.wasm");
    fs::write(&next, other.build()).unwrap();
    let found = ask(&next).unwrap();
    assert!(found.different >= 11, "{found:?}");
    let before = |of: fn(&Call) -> bool, words: &str| {
        found.shown.iter().any(|call| of(&call.question) && format!("{:?}", call.before).contains(words))
    };
    assert!(before(|call| matches!(call, Call::RunCommand(..)), "number 4"), "{found:?}");
    assert!(before(|call| matches!(call, Call::Handle(_)), "has come"), "{found:?}");
    realm.stop().await;
}
