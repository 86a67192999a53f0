//! Slash commands and what plugins bring about, over all three doors, with the plugin `crier`.

use std::fs;

use realm_client::{Door, Lobby, Login, Rest, ServerMessage, proto};

use crate::harness::{DEADLINE, PASSWORD, TestRealm, built_plugins, eventually};

const DOORS: [Door; 3] = [Door::Frames, Door::WebSocketJson, Door::WebSocketBinary];

/// A realm in which the crier is at work and may moderate.
pub(crate) async fn with_crier(change: impl FnOnce(&mut realm::config::Config)) -> TestRealm {
    let realm = TestRealm::start_with(|config| {
        config.plugins.permissions.push("moderate".to_owned());
        (config.session.chat_burst, config.session.chat_per_minute) = (1_000, 10_000);
        // A machine that stands still for 200 ms by the wall clock would end a call, and what it was to bring about with it.
        config.plugins.overrides.entry("crier".to_owned()).or_default().limits.call_deadline_ms = 1_000;
        change(config);
    })
    .await;
    let beside = realm.plugin_dir().join("crier.new");
    fs::copy(built_plugins().join("crier.wasm"), &beside).expect("the built crier");
    fs::rename(beside, realm.plugin_dir().join("crier.wasm")).expect("a place in the folder");
    eventually("the crier at work", async || {
        let status = realm.realm().rules().status();
        let crier = status.into_iter().find(|status| status.file == "crier.wasm")?;
        assert_eq!(crier.problem, None);
        Some(())
    })
    .await;
    realm
}

/// The next notice of the plugin, or of the realm when `plugin` is empty, that `fits`.
pub(crate) async fn notice(lobby: &mut Lobby, plugin: &str, fits: impl Fn(&str) -> bool) -> proto::Notice {
    let pick = |message: &ServerMessage| match message {
        ServerMessage::Notice(notice) if notice.plugin == plugin && fits(&notice.lines[0]) => Some(notice.clone()),
        _ => None,
    };
    lobby.wait_for(DEADLINE, pick).await.expect("a notice")
}

/// The refusal of the line with this sequence.
pub(crate) async fn refused(lobby: &mut Lobby, line: &str) -> (String, String) {
    let sequence = lobby.say(line).await.expect("the line is sent");
    let pick = |message: &ServerMessage| match message {
        ServerMessage::Error(error) if error.sequence == sequence => Some((error.code.clone(), error.message.clone())),
        _ => None,
    };
    lobby.wait_for(DEADLINE, pick).await.expect("a refusal")
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_work_at_every_door_and_only_their_caller_sees_them() {
    let realm = with_crier(|_| {}).await;
    let mut witness = realm.player("Witness").await.lobby(Door::Frames).await;
    witness.join_channel("Market").await.unwrap();
    for (number, door) in (1..).zip(DOORS) {
        let name = ["Ann", "Bob", "Cem"][number - 1];
        let mut caller = realm.player(name).await.lobby(door).await;
        caller.say("/join Market").await.unwrap();
        caller
            .wait_for(DEADLINE, |message| matches!(message, ServerMessage::ChannelUsers(_)).then_some(()))
            .await
            .expect("the list of members");

        caller.say("/help").await.unwrap();
        let help = notice(&mut caller, "", |_| true).await;
        for line in ["/help [command]: Lists the commands, or explains one.", "/roll [sides]: Throws a die."] {
            assert!(help.lines.iter().any(|shown| shown == line), "{line} is not in {:?}", help.lines);
        }
        assert_eq!(help.lines.iter().filter(|line| line.starts_with("/help")).count(), 1, "the realm's own stays");
        caller.say("/help cry").await.unwrap();
        let help = notice(&mut caller, "", |line| line.starts_with("/cry")).await;
        assert_eq!(help.lines[1..], ["channel: The channel.", "text: The line."]);

        caller.say("/ROLL 20").await.unwrap();
        notice(&mut caller, "crier", |line| line.starts_with("You throw ")).await;
        caller.say("/count").await.unwrap();
        let counted = notice(&mut caller, "crier", |line| line.starts_with("That was")).await;
        assert_eq!(counted.lines, [format!("That was number {number}.")]);
        caller.say("/wave witness").await.unwrap();
        notice(&mut caller, "crier", |line| line == format!("{name} waves to Witness.")).await;

        for (line, code, word) in [
            ("/roll 1", "COMMAND_USAGE", "2 to 1000"),
            ("/roll many", "COMMAND_USAGE", "Write /roll [sides]."),
            ("/wave nobody", "COMMAND_USAGE", "online"),
            ("/proclaim me", "COMMAND_REFUSED", "moderators"),
            ("/rol 6", "COMMAND_UNKNOWN", "/roll"),
            ("/xyzzyxyzzy", "COMMAND_UNKNOWN", "/help"),
        ] {
            let (refused, sentence) = refused(&mut caller, line).await;
            assert!(refused == code && sentence.contains(word), "{line}: {refused} {sentence}");
        }

        // The plugin's own line reaches the channel under the plugin's name, and names no account.
        caller.say("/cry Market hear me out").await.unwrap();
        let line = witness.line(DEADLINE).await.unwrap();
        assert_eq!((line.plugin.as_str(), line.account.as_str(), line.text.as_str()), ("crier", "", "hear me out"));
        caller.logout().await.unwrap();
    }
    // Nothing else of all this has come to the channel.
    witness.say("all quiet").await.unwrap();
    assert_eq!(witness.line(DEADLINE).await.unwrap().text, "all quiet");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_fails_is_told_to_its_caller_and_harms_nobody() {
    let realm = with_crier(|_| {}).await;
    let mut ann = realm.player("Ann").await.lobby(Door::Frames).await;
    let (code, sentence) = refused(&mut ann, "/stumble").await;
    assert!(code == "COMMAND_FAILED" && sentence.contains("/stumble"), "{code} {sentence}");
    eventually("the plugin is back", async || {
        ann.say("/roll 6").await.unwrap();
        let thrown = ann
            .wait_for(DEADLINE, |message| match message {
                ServerMessage::Notice(notice) if notice.plugin == "crier" => Some(true),
                ServerMessage::Error(_) => Some(false),
                _ => None,
            })
            .await
            .expect("an answer");
        thrown.then_some(())
    })
    .await;
    // Without the plugin the command is unknown, and the realm's own go on.
    fs::remove_file(realm.plugin_dir().join("crier.wasm")).unwrap();
    eventually("the command is gone", async || {
        let sequence = ann.say("/roll 6").await.unwrap();
        let gone = ann
            .wait_for(DEADLINE, |message| match message {
                ServerMessage::Notice(notice) if notice.plugin == "crier" => Some(false),
                ServerMessage::Error(error) if error.sequence == sequence => Some(error.code == "COMMAND_UNKNOWN"),
                _ => None,
            })
            .await
            .expect("an answer");
        gone.then_some(())
    })
    .await;
    ann.say("/help").await.unwrap();
    assert_eq!(notice(&mut ann, "", |_| true).await.lines.len(), 4);
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_player_writes_into_a_command_passes_the_chat_filter() {
    let realm = with_crier(|config| {
        let words = serde_json::json!({"words_starred": ["gobbledy"], "words_blocked": ["gook"]});
        config.plugins.configuration.insert("chat-filter".to_owned(), words);
    })
    .await;
    let mut ann = realm.player("Ann").await.lobby(Door::WebSocketJson).await;
    ann.join_channel("Market").await.unwrap();
    ann.say("/cry Market plain gobbledy talk").await.unwrap();
    assert_eq!(ann.line(DEADLINE).await.unwrap().text, "plain ******** talk");
    assert_eq!(refused(&mut ann, "/cry Market plain gook talk").await.0, "COMMAND_REFUSED");
    realm.stop().await;
}

pub(crate) async fn log_in(realm: &TestRealm, account: &str) -> Lobby {
    let mut lobby = Lobby::connect(&realm.endpoint(), Door::Frames).await.expect("connecting");
    let login = Login::Password { account: account.to_owned(), password: PASSWORD.to_owned() };
    lobby.login(login).await.expect("logging in");
    lobby
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_mute_kick_and_flag_under_their_names() {
    let realm = with_crier(|_| {}).await;
    let owner_token = realm.realm().owner_token().expect("a new realm has no owner").to_owned();
    Rest::new(&realm.endpoint()).create_owner(&owner_token, "Warden", PASSWORD).await.unwrap();
    let mut warden = log_in(&realm, "Warden").await;
    let mut ann = realm.player("Ann").await.lobby(Door::Frames).await;
    ann.join_channel("Market").await.unwrap();
    ann.say("/alarm there is a thief").await.unwrap();
    notice(&mut warden, "crier", |line| line == "Ann needs your attention: there is a thief").await;
    warden.say("/proclaim the gates close").await.unwrap();
    let heard = notice(&mut ann, "crier", |line| line == "the gates close").await;
    assert!(heard.everybody);
    ann.say("/hush 5").await.unwrap();
    let told = notice(&mut ann, "crier", |line| line.contains("may not talk")).await;
    assert!(told.lines[0].contains("wished so"), "{:?}", told.lines);
    for line in ["hello?", "/whisper Ann hello?", "/cry Market hello?"] {
        let (code, sentence) = refused(&mut ann, line).await;
        assert!(code == "MUTED" && sentence.contains("wished so"), "{code} {sentence}");
    }
    // A mute outlives the realm.
    ann.close().await.unwrap();
    let realm = realm.restart().await;
    let mut ann = log_in(&realm, "Ann").await;
    assert_eq!(refused(&mut ann, "/roll").await.0, "MUTED");

    let mut bob = realm.hero("Bob", Door::WebSocketBinary).await;
    let (_, _game) = bob.open_game("Cellar").await;
    let bob_account = bob.lobby.session().expect("he is logged in").account_id;
    bob.lobby.say("/begone").await.unwrap();
    let ended = bob.lobby.wait_for(DEADLINE, |_| None::<()>).await;
    assert!(ended.is_err());
    assert_eq!(bob.lobby.goodbye().map(|goodbye| goodbye.code.as_str()), Some("KICKED"));
    eventually("his character has left the game", async || {
        realm.realm().games().current(realm::types::AccountId::from_raw(bob_account)).is_none().then_some(())
    })
    .await;
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plugin_remembers_outlives_the_realm_and_its_figures_are_shown() {
    let realm = with_crier(|_| {}).await;
    let mut ann = realm.player("Ann").await.lobby(Door::Frames).await;
    for number in 1..=3 {
        ann.say("/count").await.unwrap();
        notice(&mut ann, "crier", |line| line == format!("That was number {number}.")).await;
    }
    let metrics = crate::harness::raw::loopback(&realm, "/metrics").await;
    let counted = metrics.lines().find(|line| line.starts_with("realm_plugin_counter{") && line.contains("crier"));
    let counted = counted.unwrap_or_else(|| panic!("no figure of the crier in\n{metrics}"));
    assert!(counted.contains("name=\"commands\""), "{counted}");
    ann.close().await.unwrap();
    let realm = realm.restart().await;
    let mut ann = log_in(&realm, "Ann").await;
    ann.say("/count").await.unwrap();
    let counted = notice(&mut ann, "crier", |line| line.starts_with("That was")).await;
    assert_eq!(counted.lines, ["That was number 4."]);
    realm.stop().await;
}
