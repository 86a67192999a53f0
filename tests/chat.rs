//! Chat: channels, lines, whispers, over all three doors.

use realm_client::{ClientError, Door, Lobby, ServerMessage, proto};

use crate::harness::{DEADLINE, TestRealm};

const DOORS: [Door; 3] = [Door::Frames, Door::WebSocketJson, Door::WebSocketBinary];

/// Code of the refusal that names this message.
async fn refused(lobby: &mut Lobby, sequence: u32) -> proto::Error {
    let pick = |message: &ServerMessage| match message {
        ServerMessage::Error(error) if error.sequence == sequence => Some(error.clone()),
        _ => None,
    };
    lobby.wait_for(DEADLINE, pick).await.expect("a refusal")
}

async fn line(lobby: &mut Lobby) -> proto::ChatMessage {
    lobby.line(DEADLINE).await.expect("a line of chat")
}

/// Says a line that nobody refuses, and gives it as it came back.
async fn say(lobby: &mut Lobby, text: &str) -> proto::ChatMessage {
    lobby.say(text).await.expect("saying a line");
    line(lobby).await
}

async fn joined(lobby: &mut Lobby) -> String {
    let pick = |message: &ServerMessage| match message {
        ServerMessage::UserJoined(joined) => Some(joined.user.clone().unwrap_or_default().account),
        _ => None,
    };
    lobby.wait_for(DEADLINE, pick).await.expect("somebody enters")
}

async fn left(lobby: &mut Lobby) -> String {
    let pick = |message: &ServerMessage| match message {
        ServerMessage::UserLeft(left) => Some(left.user.clone().unwrap_or_default().account),
        _ => None,
    };
    lobby.wait_for(DEADLINE, pick).await.expect("somebody leaves")
}

async fn whisper_received(lobby: &mut Lobby) -> proto::WhisperReceived {
    let pick = |message: &ServerMessage| match message {
        ServerMessage::WhisperReceived(whisper) => Some(whisper.clone()),
        _ => None,
    };
    lobby.wait_for(DEADLINE, pick).await.expect("a whisper")
}

fn code<T>(outcome: Result<T, ClientError>) -> String {
    let Err(error) = outcome else { panic!("not refused") };
    error.code().unwrap_or_else(|| panic!("no code: {error}")).to_owned()
}

fn accounts(users: &proto::ChannelUsers) -> Vec<&str> {
    users.users.iter().map(|user| user.account.as_str()).collect()
}

/// Three players, one at each door.
async fn trio(realm: &TestRealm) -> [Lobby; 3] {
    let [first, second, third] = DOORS;
    [
        realm.player("Ann").await.lobby(first).await,
        realm.player("Bob").await.lobby(second).await,
        realm.player("Cem").await.lobby(third).await,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn three_doors_lead_into_one_channel() {
    let realm = TestRealm::start().await;
    let [mut ann, mut bob, mut cem] = trio(&realm).await;
    let users = ann.join_channel("Market").await.unwrap();
    assert_eq!((users.channel.as_str(), accounts(&users)), ("Market", vec!["Ann"]));
    // Case and look-alikes do not make another channel; it keeps the name that was typed first.
    let users = bob.join_channel("MARKET").await.unwrap();
    assert_eq!((users.channel.as_str(), accounts(&users)), ("Market", vec!["Ann", "Bob"]));
    let users = cem.join_channel("market").await.unwrap();
    assert_eq!(accounts(&users), ["Ann", "Bob", "Cem"]);
    assert_eq!((joined(&mut ann).await, joined(&mut ann).await), ("Bob".to_owned(), "Cem".to_owned()));
    assert_eq!(joined(&mut bob).await, "Cem");

    // All talk at once: everybody reads the same lines in the same order, the own ones included.
    for round in 0..3 {
        for lobby in [&mut ann, &mut bob, &mut cem] {
            lobby.say(&format!("round {round} of the talk")).await.unwrap();
        }
    }
    let mut heard = Vec::new();
    for lobby in [&mut ann, &mut bob, &mut cem] {
        let mut lines = Vec::new();
        for _ in 0..9 {
            let line = line(lobby).await;
            assert_eq!((line.channel.as_str(), line.filtered), ("Market", false));
            assert!(line.sent_ms > 0 && line.event > 0);
            lines.push((line.line, line.account, line.text));
        }
        heard.push(lines);
    }
    assert_eq!(heard[0], heard[1]);
    assert_eq!(heard[0], heard[2]);
    assert_eq!(heard[0].iter().map(|(line, ..)| *line).collect::<Vec<_>>(), (1..=9).collect::<Vec<_>>());
    for account in ["Ann", "Bob", "Cem"] {
        let said: Vec<_> = heard[0].iter().filter(|(_, by, _)| by == account).map(|(.., text)| text.as_str()).collect();
        assert_eq!(said, ["round 0 of the talk", "round 1 of the talk", "round 2 of the talk"]);
    }

    // Leaving by verb, by another channel, and by log-out.
    bob.leave_channel().await.unwrap();
    assert_eq!((left(&mut ann).await, left(&mut cem).await), ("Bob".to_owned(), "Bob".to_owned()));
    cem.join_channel("Docks").await.unwrap();
    assert_eq!(left(&mut ann).await, "Cem");
    bob.join_channel("Docks").await.unwrap();
    assert_eq!(joined(&mut cem).await, "Bob");
    bob.logout().await.unwrap();
    assert_eq!(left(&mut cem).await, "Bob");
    // What is said elsewhere is not heard here.
    assert_eq!(say(&mut cem, "quiet here").await.line, 1);
    assert_eq!(say(&mut ann, "all gone").await.text, "all gone");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whispers_reach_one_account_wherever_it_is() {
    let realm = TestRealm::start_with(|config| config.session.chat_burst = 50).await;
    let [mut ann, mut bob, mut cem] = trio(&realm).await;
    let sent = ann.whisper("bob", "psst, the crypt").await.unwrap();
    assert_eq!((sent.account.as_str(), sent.text.as_str()), ("Bob", "psst, the crypt"));
    let received = whisper_received(&mut bob).await;
    assert_eq!((received.account.as_str(), received.text.as_str()), ("Ann", "psst, the crypt"));
    assert_eq!(received.sent_ms, sent.sent_ms);
    bob.whisper("Cem", "shit happens").await.unwrap();
    assert_eq!(whisper_received(&mut cem).await.text, "**** happens", "the filter reads whispers too");

    assert_eq!(code(cem.whisper("Nobody", "hello").await), "WHISPER_OFFLINE");
    bob.logout().await.unwrap();
    assert_eq!(code(cem.whisper("Bob", "still there?").await), "WHISPER_OFFLINE");
    assert_eq!(code(cem.whisper("Ann", "just kys").await), "CHAT_BLOCKED");
    assert_eq!(code(cem.whisper("not a name", "hello").await), "INVALID_USERNAME");
    assert_eq!(code(cem.whisper("Ann", "").await), "CHAT_TEXT_INVALID");
    // The next whisper is the first that Ann hears of Cem.
    cem.whisper("Ann", "good evening").await.unwrap();
    assert_eq!(whisper_received(&mut ann).await.text, "good evening");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_filter_stars_words_out_and_refuses_the_worst_to_the_sender_alone() {
    let realm = TestRealm::start().await;
    let [mut ann, mut bob, _] = trio(&realm).await;
    ann.join_channel("Market").await.unwrap();
    bob.join_channel("Market").await.unwrap();
    ann.say("oh shit, wolves").await.unwrap();
    for lobby in [&mut ann, &mut bob] {
        let line = line(lobby).await;
        assert_eq!((line.text.as_str(), line.filtered, line.line), ("oh ****, wolves", true, 1));
    }
    let sequence = ann.say("just kys").await.unwrap();
    let refusal = refused(&mut ann, sequence).await;
    assert_eq!(refusal.code, "CHAT_BLOCKED");
    assert!(refusal.message.contains("not sent"), "{}", refusal.message);
    // The line that follows has the next number, so nobody else has seen one between.
    ann.say("sorry").await.unwrap();
    for lobby in [&mut ann, &mut bob] {
        let line = line(lobby).await;
        assert_eq!((line.text.as_str(), line.filtered, line.line), ("sorry", false, 2));
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_line_or_no_channel_is_refused_and_the_talk_goes_on() {
    let realm = TestRealm::start_with(|config| config.session.chat_burst = 50).await;
    for (lobby, door) in trio(&realm).await.iter_mut().zip(DOORS) {
        let sequence = lobby.say("is anybody here?").await.unwrap();
        assert_eq!(refused(lobby, sequence).await.code, "CHANNEL_NONE", "{door:?}");
        assert_eq!(code(lobby.leave_channel().await), "CHANNEL_NONE");
        for name in ["", "x", "7th", "a\u{7}b", "p\u{430}per", &"n".repeat(33), "no/slash"] {
            assert_eq!(code(lobby.join_channel(name).await), "CHANNEL_NAME_INVALID", "{name:?} at {door:?}");
        }
        lobby.join_channel(&format!("Room {door:?}")).await.unwrap();
        for text in ["", "   ", "bell\u{7}", "left\u{202E}right", &"é".repeat(257)] {
            let sequence = lobby.say(text).await.unwrap();
            let refusal = refused(lobby, sequence).await;
            assert_eq!(refusal.code, "CHAT_TEXT_INVALID", "{text:?} at {door:?}");
            assert!(refusal.message.ends_with('.'), "a sentence: {}", refusal.message);
        }
        let longest = "é".repeat(256);
        assert_eq!(say(lobby, &longest).await.text, longest, "{door:?}");
        assert_eq!(say(lobby, "  trimmed  ").await.text, "trimmed");
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_selected_character_is_shown() {
    let realm = TestRealm::start().await;
    let mut ann = realm.hero("Ann", Door::WebSocketJson).await;
    let mut bob = realm.player("Bob").await.lobby(Door::Frames).await;
    bob.join_channel("Market").await.unwrap();
    let users = ann.lobby.join_channel("Market").await.unwrap().users;
    let shown: Vec<_> = users.iter().map(|user| (user.account.as_str(), user.character.as_str())).collect();
    assert_eq!(shown, [("Bob", ""), ("Ann", "Ann-hero")]);
    let user = bob
        .wait_for(DEADLINE, |message| match message {
            ServerMessage::UserJoined(joined) => joined.user.clone(),
            _ => None,
        })
        .await
        .unwrap();
    assert_eq!(user.character, "Ann-hero");
    ann.lobby.say("here I am").await.unwrap();
    assert_eq!(line(&mut bob).await.character, "Ann-hero");
    ann.lobby.whisper("Bob", "and here").await.unwrap();
    assert_eq!(whisper_received(&mut bob).await.character, "Ann-hero");

    // Another character, and none when it is deleted.
    let second = ann.lobby.create_character("Ann-second", "Druid", false).await.unwrap();
    ann.lobby.select_character(second.id).await.unwrap();
    ann.lobby.say("in other clothes").await.unwrap();
    assert_eq!(line(&mut bob).await.character, "Ann-second");
    ann.lobby.delete_character(second.id).await.unwrap();
    ann.lobby.say("in no clothes").await.unwrap();
    assert_eq!(line(&mut bob).await.character, "");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_channel_and_a_full_realm_of_channels_say_so() {
    let realm = TestRealm::start_with(|config| {
        config.chat.members_max = 2;
        config.chat.channels = vec!["Lobby".to_owned()];
        config.chat.channels_max = 2;
    })
    .await;
    let [mut ann, mut bob, mut cem] = trio(&realm).await;
    ann.join_channel("Market").await.unwrap();
    bob.join_channel("Market").await.unwrap();
    cem.join_channel("Lobby").await.unwrap();
    assert_eq!(code(cem.join_channel("Market").await), "CHANNEL_FULL");
    assert_eq!(code(cem.join_channel("Docks").await), "CHANNEL_UNKNOWN", "there may be no third channel");
    // Who was refused stays where they were.
    assert_eq!(say(&mut cem, "then not").await.channel, "Lobby");
    ann.leave_channel().await.unwrap();
    assert_eq!(left(&mut bob).await, "Ann");
    assert_eq!(accounts(&cem.join_channel("Market").await.unwrap()), ["Bob", "Cem"]);
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_talks_too_fast_is_told_when_to_go_on() {
    let realm = TestRealm::start_with(|config| {
        config.session.chat_burst = 2;
        config.session.chat_per_minute = 2;
    })
    .await;
    let [mut ann, mut bob, _] = trio(&realm).await;
    ann.join_channel("Market").await.unwrap();
    bob.join_channel("Market").await.unwrap();
    for text in ["one", "two"] {
        assert_eq!(say(&mut ann, text).await.text, text);
    }
    let sequence = ann.say("three").await.unwrap();
    let refusal = refused(&mut ann, sequence).await;
    assert_eq!(refusal.code, "RATE_LIMITED");
    assert!((1..=30_000).contains(&refusal.retry_after_ms), "{}", refusal.retry_after_ms);
    // Whispers count as lines do; other requests and other players do not.
    let sequence = ann.send(proto::Whisper { account: "Bob".into(), text: "four".into() }).await.unwrap();
    assert_eq!(refused(&mut ann, sequence).await.code, "RATE_LIMITED");
    ann.characters().await.unwrap();
    bob.say("five").await.unwrap();
    let heard = [line(&mut bob).await.text, line(&mut bob).await.text, line(&mut bob).await.text];
    assert_eq!(heard, ["one", "two", "five"]);
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_line_again_and_again_is_flood() {
    let realm = TestRealm::start().await;
    let mut ann = realm.player("Ann").await.lobby(Door::Frames).await;
    ann.join_channel("Market").await.unwrap();
    for _ in 0..3 {
        assert_eq!(say(&mut ann, "buy gold").await.text, "buy gold");
    }
    let sequence = ann.say("BUY gold!").await.unwrap();
    let refusal = refused(&mut ann, sequence).await;
    assert_eq!(refusal.code, "CHAT_BLOCKED");
    assert!(refusal.message.contains("just said that"), "{}", refusal.message);
    realm.stop().await;
}
