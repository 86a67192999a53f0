//! How sessions and connections end, and what is said.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_ends_session_and_token() {
    let realm = TestRealm::start().await;
    for (door, name) in DOORS.into_iter().zip(["Maren", "Sten", "Ragna"]) {
        let player = realm.player(name).await;
        let mut lobby = player.lobby(door).await;
        let goodbye = lobby.logout().await.unwrap();
        assert_eq!((goodbye.code.as_str(), goodbye.reconnect_after_ms), ("LOGGED_OUT", 0), "{door:?}");
        assert_eq!(ended(lobby.connection()).await.1, close_frame(door, 4011, "LOGGED_OUT"));
        // What the goodbye says is already true.
        let (code, _) = login_refused(&realm, door, Login::Token(player.token).into()).await;
        assert_eq!(code, "TOKEN_INVALID", "{door:?}");
    }
    online(&realm, 0).await;
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_out_over_rest_ends_the_session_too() {
    let realm = TestRealm::start().await;
    let mut player = realm.player("Maren").await;
    let mut lobby = player.lobby(Door::WebSocketJson).await;
    player.rest.logout().await.unwrap();
    let (goodbye, frame) = ended(lobby.connection()).await;
    assert_eq!(goodbye.code, "LOGGED_OUT");
    assert_eq!(frame, close_frame(Door::WebSocketJson, 4011, "LOGGED_OUT"));
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_realm_that_stops_says_when_to_come_back() {
    let realm = TestRealm::start().await;
    let mut lobbies = Vec::new();
    for (door, name) in DOORS.into_iter().zip(["Maren", "Sten", "Ragna"]) {
        lobbies.push((door, realm.player(name).await.lobby(door).await));
    }
    let mut stranger = Connection::open(&realm.endpoint(), Door::Frames).await.unwrap();
    let watching = async {
        for (door, lobby) in &mut lobbies {
            let (goodbye, frame) = ended(lobby.connection()).await;
            assert_eq!(goodbye.code, "REALM_STOPPING", "{door:?}");
            assert!((1_000..=5_000).contains(&goodbye.reconnect_after_ms), "{}", goodbye.reconnect_after_ms);
            assert_eq!(frame, close_frame(*door, 4012, "REALM_STOPPING"));
        }
        let (goodbye, _) = ended(&mut stranger).await;
        assert_eq!(goodbye.code, "REALM_STOPPING", "also to who has not logged in yet");
        assert!(goodbye.reconnect_after_ms > 0);
    };
    tokio::join!(watching, realm.stop());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_ends_the_session_and_says_why_and_until_when() {
    let realm = TestRealm::start_with(|config| {
        config.games.findings_ban = 2;
        config.games.ban_hours = 24;
    })
    .await;
    let mut hero = realm.hero("Maren", Door::WebSocketJson).await;
    let (_, mut game) = hero.open_game("Den of dusk").await;
    // Five times the legal step, until the rule has had enough.
    let step = i32::try_from(game.entered().step_max).unwrap() * 5;
    let fate = loop {
        match game.next().await {
            Ok(GameUpdate::Snapshot(_)) => {
                // The realm may close at any moment; reading tells why.
                let _ = game.walk(step, 0).await;
            }
            Ok(_) => {}
            Err(ClientError::Closed(goodbye)) => break goodbye.expect("a goodbye from the game"),
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(fate.code, "ACCOUNT_BANNED");
    let (goodbye, frame) = ended(hero.lobby.connection()).await;
    assert_eq!((goodbye.code.as_str(), goodbye.reconnect_after_ms), ("ACCOUNT_BANNED", 0));
    assert_eq!(frame, close_frame(Door::WebSocketJson, 4003, "ACCOUNT_BANNED"));
    for sentence in [&fate.message, &goodbye.message] {
        assert!(sentence.contains("banned until 2") && sentence.contains("anti-cheat"), "{sentence}");
    }
    // The same is told to who comes again with the password, and the token is no good any more.
    let request = by_password("Maren", PASSWORD).into();
    let (code, mut lobby) = login_refused(&realm, Door::WebSocketBinary, request).await;
    assert_eq!(code, "ACCOUNT_BANNED");
    let (again, frame) = ended(lobby.connection()).await;
    assert_eq!(again.message, goodbye.message);
    assert_eq!(frame, close_frame(Door::WebSocketBinary, 4003, "ACCOUNT_BANNED"));
    eventually("the end of the token", async || {
        let mut lobby = Lobby::connect(&realm.endpoint(), Door::Frames).await.unwrap();
        let outcome = lobby.login(Login::Token(hero.player.token.clone())).await.err();
        outcome.filter(|error| error.code() == Some("TOKEN_INVALID"))
    })
    .await;
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_says_hello_is_sent_away() {
    let realm = TestRealm::start_with(|config| config.net.login_deadline_ms = 300).await;
    for door in DOORS {
        let mut connection = Connection::open(&realm.endpoint(), door).await.unwrap();
        let (goodbye, frame) = ended(&mut connection).await;
        assert_eq!(goodbye.code, "NOT_LOGGED_IN", "{door:?}");
        assert_eq!(frame, close_frame(door, 4001, "NOT_LOGGED_IN"));
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_ends_a_connection_and_its_session_waits() {
    let realm = TestRealm::start_with(|config| config.net.silence_max_ms = 1_500).await;
    for (door, name) in DOORS.into_iter().zip(["Maren", "Sten", "Ragna"]) {
        let player = realm.player(name).await;
        let mut lobby = player.lobby(door).await;
        let session = lobby.session().unwrap().clone();
        assert_eq!(session.silence_max_ms, 1_500, "the client is told");
        lobby.connection().set_heartbeat(None);
        let (goodbye, frame) = ended(lobby.connection()).await;
        assert_eq!(goodbye.code, "SILENCE", "{door:?}");
        assert!(goodbye.reconnect_after_ms > 0);
        assert_eq!(frame, close_frame(door, 4025, "SILENCE"));
        let lobby = come_back(&player, door, &session.resume_token, 0).await;
        assert!(!lobby.session().unwrap().resync, "{door:?}");
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_keep_a_connection_alive() {
    let realm = TestRealm::start_with(|config| config.net.silence_max_ms = 2_000).await;
    let mut lobby = realm.player("Maren").await.lobby(Door::WebSocketJson).await;
    lobby.connection().set_heartbeat(Some(Duration::from_millis(300)));
    // Nothing is said for longer than the realm bears; the client's signs of life are all there is.
    let error = lobby.next_within(Duration::from_secs(4)).await.unwrap_err();
    assert!(matches!(error, ClientError::Deadline { .. }), "{error}");
    lobby.ping().await.unwrap();
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_floods_after_many_refusals_is_closed() {
    let realm = TestRealm::start_with(|config| {
        config.session.request_burst = 1;
        config.session.request_per_minute = 1;
    })
    .await;
    for (door, name) in [(Door::Frames, "Maren"), (Door::WebSocketBinary, "Sten")] {
        let mut lobby = realm.player(name).await.lobby(door).await;
        lobby.characters().await.unwrap();
        for _ in 0..202 {
            // The realm may have closed already; reading tells.
            if lobby.send(proto::CharListRequest {}).await.is_err() {
                break;
            }
        }
        let (goodbye, frame) = ended(lobby.connection()).await;
        assert_eq!((goodbye.code.as_str(), goodbye.reconnect_after_ms > 0), ("RATE_LIMITED", true), "{door:?}");
        assert_eq!(frame, close_frame(door, 4023, "RATE_LIMITED"));
    }
    realm.stop().await;
}
