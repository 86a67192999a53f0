//! Lost connections that come back to their session.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_comes_back_to_exactly_what_it_missed() {
    let realm = TestRealm::start_with(|config| config.session.chat_burst = 50).await;
    let mut other = realm.player("Sten").await.lobby(Door::Frames).await;
    other.join_channel("Market").await.unwrap();
    for (door, next_door, name) in [
        (Door::Frames, Door::WebSocketJson, "Maren"),
        (Door::WebSocketJson, Door::WebSocketBinary, "Ragna"),
        (Door::WebSocketBinary, Door::Frames, "Ylva"),
    ] {
        let player = realm.player(name).await;
        let mut lobby = player.lobby(door).await;
        let first = lobby.session().unwrap().clone();
        lobby.join_channel("Market").await.unwrap();
        let before = format!("before the cut, {door:?}");
        other.say(&before).await.unwrap();
        assert_eq!(line(&mut lobby).await, before);
        let (token, event) = (first.resume_token.clone(), lobby.event());
        assert!(event >= 2);
        online(&realm, 2).await;
        drop(lobby);
        online(&realm, 1).await;

        let missed = ["while you were away", "second thing", "third thing"].map(|text| format!("{text}, {door:?}"));
        for text in &missed {
            other
                .ask(proto::ChatSend { text: text.clone() }, |message| match message {
                    ServerMessage::ChatMessage(line) if line.text == *text => Some(()),
                    _ => None,
                })
                .await
                .unwrap();
        }
        let mut lobby = come_back(&player, next_door, &token, event).await;
        let session = lobby.session().unwrap().clone();
        assert!(!session.resync, "from {door:?} to {next_door:?}");
        assert_eq!(session.resume_token, token, "the token belongs to the session");
        for (index, text) in missed.iter().enumerate() {
            match lobby.next().await.unwrap() {
                ServerMessage::ChatMessage(line) => {
                    assert_eq!((&line.text, line.event), (text, event + 1 + index as u64));
                }
                other => panic!("not what was missed: {other:?}"),
            }
        }
        // The session has kept its channel.
        lobby.say("back again").await.unwrap();
        assert_eq!(line(&mut lobby).await, "back again");
        lobby.logout().await.unwrap();
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_resumed_begins_anew_and_says_so() {
    let realm = TestRealm::start_with(|config| config.session.resume_events_max = 2).await;
    let player = realm.player("Maren").await;
    let stranger = realm.player("Sten").await;
    let mut other = stranger.lobby(Door::Frames).await;

    // Somebody else's token and one that was made up.
    let strange = other.session().unwrap().resume_token.clone();
    for token in [strange.as_str(), "made up"] {
        let lobby = come_back(&player, Door::WebSocketJson, token, 1).await;
        let session = lobby.session().unwrap();
        assert!(session.resync);
        assert_ne!(session.resume_token, token);
        assert_eq!(lobby.event(), 1, "no event came");
    }
    other.ping().await.unwrap();

    // More events than are kept.
    let mut lobby = player.lobby(Door::Frames).await;
    let token = lobby.session().unwrap().resume_token.clone();
    lobby.join_channel("Market").await.unwrap();
    let event = lobby.event();
    online(&realm, 2).await;
    drop(lobby);
    online(&realm, 1).await;
    other.join_channel("Market").await.unwrap();
    for text in ["one", "two"] {
        other.say(text).await.unwrap();
        assert_eq!(line(&mut other).await, text);
    }
    let mut lobby = come_back(&player, Door::Frames, &token, event).await;
    let session = lobby.session().unwrap().clone();
    assert!(session.resync);
    assert_eq!(session.resume_token, token, "the session goes on, only events are lost");
    // It is still in its channel.
    lobby.say("three").await.unwrap();
    assert_eq!(line(&mut lobby).await, "three");

    // An event that never was.
    drop(lobby);
    online(&realm, 1).await;
    assert!(come_back(&player, Door::Frames, &token, 1_000).await.session().unwrap().resync);
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_waits_too_long_is_gone() {
    let realm = TestRealm::start_with(|config| config.session.resume_seconds = 0).await;
    let player = realm.player("Maren").await;
    let mut other = realm.player("Sten").await.lobby(Door::Frames).await;
    other.join_channel("Market").await.unwrap();
    let mut lobby = player.lobby(Door::WebSocketBinary).await;
    lobby.join_channel("Market").await.unwrap();
    let (token, event) = (lobby.session().unwrap().resume_token.clone(), lobby.event());
    drop(lobby);
    // With the session its place in the channel is given up.
    other.wait_for(DEADLINE, |message| matches!(message, ServerMessage::UserLeft(_)).then_some(())).await.unwrap();
    let mut lobby = come_back(&player, Door::Frames, &token, event).await;
    let session = lobby.session().unwrap();
    assert!(session.resync && session.resume_token != token);
    assert_eq!(lobby.leave_channel().await.unwrap_err().code(), Some("CHANNEL_NONE"));
    realm.stop().await;
}
