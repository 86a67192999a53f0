//! Sessions: log-in, one session an account, resuming, the ends of a connection.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

use std::time::Duration;

use realm_client::{Arrival, ClientError, Connection, Door, GameUpdate, Lobby, Login, ServerMessage, proto};

use crate::harness::{DEADLINE, PASSWORD, Player, TestRealm, eventually};

const DOORS: [Door; 3] = [Door::Frames, Door::WebSocketJson, Door::WebSocketBinary];

fn by_password(account: &str, password: &str) -> Login {
    Login::Password { account: account.to_owned(), password: password.to_owned() }
}

/// The refusal of a log-in, over a connection of its own.
async fn login_refused(realm: &TestRealm, door: Door, request: proto::AuthRequest) -> (String, Lobby) {
    let mut lobby = Lobby::connect(&realm.endpoint(), door).await.unwrap();
    let error = lobby.hello(request).await.expect_err("a refusal");
    (error.code().unwrap_or_else(|| panic!("no code: {error}")).to_owned(), lobby)
}

/// Reads a connection to its end: its goodbye, and the close frame of a WebSocket.
async fn ended(connection: &mut Connection) -> (proto::Goodbye, Option<(u16, String)>) {
    loop {
        match connection.next(DEADLINE).await {
            Ok(_) => {}
            Err(ClientError::Closed(goodbye)) => {
                return (goodbye.expect("a goodbye before the end"), connection.close_frame());
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// What the end looks like on this door.
fn close_frame(door: Door, close_code: u16, code: &str) -> Option<(u16, String)> {
    (door != Door::Frames).then(|| (close_code, code.to_owned()))
}

async fn line(lobby: &mut Lobby) -> String {
    lobby.line(DEADLINE).await.expect("a line of chat").text
}

/// Waits until the realm counts so many players online.
async fn online(realm: &TestRealm, players: usize) {
    eventually("the number of players online", async || {
        (realm.realm().sessions().figures().online == players).then_some(())
    })
    .await;
}

/// A new session that continues, as far as it can, what `token` and `event` name.
async fn come_back(player: &Player, door: Door, token: &str, event: u64) -> Lobby {
    let mut lobby = Lobby::connect(&player.endpoint, door).await.unwrap();
    lobby.resume(Login::Token(player.token.clone()), token, event).await.unwrap();
    lobby
}

#[tokio::test(flavor = "multi_thread")]
async fn password_and_token_log_in_at_every_door() {
    let realm = TestRealm::start().await;
    let mut player = realm.player("Maren").await;
    let account_id = player.rest.validate().await.unwrap().id;
    for door in DOORS {
        let mut lobby = Lobby::connect(&realm.endpoint(), door).await.unwrap();
        let session = lobby.login(by_password("maren", PASSWORD)).await.unwrap().clone();
        assert_eq!((session.account.as_str(), session.account_id.to_string()), ("Maren", account_id.to_string()));
        assert!(session.heartbeat_ms > 0 && session.silence_max_ms > session.heartbeat_ms && !session.resync);
        assert!(!session.resume_token.is_empty());
        // The token that comes with it is good for REST and for the next log-in.
        player.rest.set_access_token(Some(session.access_token.clone()));
        assert_eq!(player.rest.validate().await.unwrap().name, "Maren");
        let mut lobby = Lobby::connect(&realm.endpoint(), door).await.unwrap();
        let again = lobby.login(Login::Token(session.access_token)).await.unwrap();
        assert_eq!((again.account.as_str(), again.access_token.as_str()), ("Maren", ""));
        lobby.ping().await.unwrap();
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_is_answered_with_its_nonce_and_its_realm() {
    let realm = TestRealm::start().await;
    let player = realm.player("Maren").await;
    for door in DOORS {
        let hello = proto::AuthRequest {
            access_token: player.token.clone(),
            realm: "EMBERFALL".into(),
            nonce: "né-7".into(),
            ..Default::default()
        };
        let mut lobby = Lobby::connect(&realm.endpoint(), door).await.unwrap();
        let session = lobby.hello(hello).await.unwrap();
        assert_eq!((session.realm.as_str(), session.nonce.as_str()), ("Emberfall", "né-7"), "{door:?}");

        let refused = proto::AuthRequest { access_token: "no".into(), nonce: "né-8".into(), ..Default::default() };
        let mut connection = Connection::open(&realm.endpoint(), door).await.unwrap();
        connection.send(&refused.into()).await.unwrap();
        match connection.next(DEADLINE).await.unwrap() {
            Arrival::Message(ServerMessage::AuthFailure(failure)) => {
                assert_eq!((failure.code.as_str(), failure.nonce.as_str()), ("TOKEN_INVALID", "né-8"));
            }
            other => panic!("not refused: {other:?}"),
        }
        assert_eq!(ended(&mut connection).await.1, close_frame(door, 4002, "TOKEN_INVALID"));
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_log_ins_say_why_and_end_the_connection() {
    let realm = TestRealm::start_with(|config| config.session.client_version_min = "2.0.0".into()).await;
    let player = realm.player("Maren").await;
    let request = || proto::AuthRequest {
        account: "Maren".into(),
        password: PASSWORD.into(),
        client_version: "2.0.0".into(),
        ..Default::default()
    };
    let cases = [
        (proto::AuthRequest { password: "five lanterns".into(), ..request() }, "INVALID_CREDENTIALS", 4002),
        (proto::AuthRequest { account: "Nobody".into(), ..request() }, "INVALID_CREDENTIALS", 4002),
        (proto::AuthRequest { account: String::new(), ..request() }, "INVALID_CREDENTIALS", 4002),
        (proto::AuthRequest { access_token: "torn".into(), ..request() }, "TOKEN_INVALID", 4002),
        (proto::AuthRequest { realm: "Elsewhere".into(), ..request() }, "REALM_UNKNOWN", 4004),
        (proto::AuthRequest { client_version: "1.99.9".into(), ..request() }, "CLIENT_TOO_OLD", 4005),
        (proto::AuthRequest { client_version: String::new(), ..request() }, "CLIENT_TOO_OLD", 4005),
        (proto::AuthRequest { nonce: "n".repeat(65), ..request() }, "REQUEST_INVALID", 4000),
    ];
    for (index, (refused, expected, close_code)) in cases.into_iter().enumerate() {
        let door = DOORS[index % DOORS.len()];
        let (code, mut lobby) = login_refused(&realm, door, refused).await;
        assert_eq!(code, expected, "{door:?}");
        let (goodbye, frame) = ended(lobby.connection()).await;
        assert_eq!(goodbye.code, expected);
        assert_eq!(frame, close_frame(door, close_code, expected), "{door:?}");
    }
    // A client that is new enough comes in.
    let mut lobby = Lobby::connect(&realm.endpoint(), Door::Frames).await.unwrap();
    let hello = proto::AuthRequest { access_token: player.token, client_version: "2.0.1".into(), ..Default::default() };
    lobby.hello(hello).await.unwrap();
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_log_in_there_is_ping_and_nothing_else() {
    let realm = TestRealm::start().await;
    for (door, early) in DOORS.into_iter().zip([
        realm_client::ClientMessage::from(proto::ChatSend { text: "hello".into() }),
        proto::JoinChannel { channel: "Lobby".into() }.into(),
        proto::GameEnter { ticket: "ticket".into() }.into(),
    ]) {
        let mut lobby = Lobby::connect(&realm.endpoint(), door).await.unwrap();
        lobby.ping().await.unwrap();
        let sequence = lobby.send(early).await.unwrap();
        let error = lobby
            .wait_for(DEADLINE, |message| match message {
                ServerMessage::Error(error) => Some(error.clone()),
                _ => None,
            })
            .await
            .unwrap();
        assert_eq!((error.code.as_str(), error.sequence), ("NOT_LOGGED_IN", sequence), "{door:?}");
        let (goodbye, frame) = ended(lobby.connection()).await;
        assert_eq!(goodbye.code, "NOT_LOGGED_IN");
        assert_eq!(frame, close_frame(door, 4001, "NOT_LOGGED_IN"));
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_log_in_takes_over_from_the_first() {
    let realm = TestRealm::start().await;
    let player = realm.player("Maren").await;
    let mut other = realm.player("Sten").await.lobby(Door::Frames).await;
    for door in DOORS {
        let mut first = player.lobby(door).await;
        first.join_channel("Market").await.unwrap();
        let mut second = player.lobby(Door::Frames).await;
        let (goodbye, frame) = ended(first.connection()).await;
        assert_eq!((goodbye.code.as_str(), goodbye.reconnect_after_ms), ("SESSION_REPLACED", 0), "{door:?}");
        assert_eq!(frame, close_frame(door, 4010, "SESSION_REPLACED"));
        // The new session begins in no channel, and whispers reach it.
        assert_eq!(second.leave_channel().await.unwrap_err().code(), Some("CHANNEL_NONE"));
        other.whisper("Maren", &format!("are you on {door:?}?")).await.unwrap();
        second
            .wait_for(DEADLINE, |message| matches!(message, ServerMessage::WhisperReceived(_)).then_some(()))
            .await
            .unwrap();
    }
    online(&realm, 1).await;
    realm.stop().await;
}

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

/// The next message that is neither a snapshot nor what happens in the game.
async fn message(connection: &mut Connection) -> ServerMessage {
    loop {
        match connection.next(DEADLINE).await.unwrap() {
            Arrival::Snapshot(_)
            | Arrival::Message(ServerMessage::GameEvents(_) | ServerMessage::GameListUpdated(_)) => {}
            Arrival::Message(message) => return message,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_websocket_plays_one_game_after_the_other() {
    let realm = TestRealm::start().await;
    let mut connection = realm.hero("Maren", Door::WebSocketBinary).await.lobby.into_connection();
    for name in ["First den", "Second den"] {
        connection.send(&proto::GameCreate { name: name.into(), ..Default::default() }.into()).await.unwrap();
        let ticket = loop {
            match message(&mut connection).await {
                ServerMessage::GameTicket(ticket) => break ticket,
                ServerMessage::Error(error) => panic!("{name}: {}", error.message),
                _ => {}
            }
        };
        let entity = {
            // A ticket that is wrong is refused once, and spoils nothing.
            let enter = proto::GameEnter { ticket: "wrong".into() }.into();
            let sequence = connection.send(&enter).await.unwrap();
            let ServerMessage::Error(error) = message(&mut connection).await else { panic!("not refused") };
            assert_eq!((error.code.as_str(), error.sequence), ("TICKET_INVALID", sequence));
            connection.send(&proto::GameEnter { ticket: ticket.ticket }.into()).await.unwrap();
            let ServerMessage::GameEntered(entered) = message(&mut connection).await else {
                panic!("the second answer to a wrong ticket, or none to the right one")
            };
            entered.entity
        };
        while !matches!(connection.next(DEADLINE).await.unwrap(), Arrival::Snapshot(_)) {}
        assert!(entity > 0);
        connection.send(&proto::GameLeave {}.into()).await.unwrap();
        let (mut left, mut told) = (false, false);
        while !(left && told) {
            match message(&mut connection).await {
                ServerMessage::GameLeft(_) => left = true,
                ServerMessage::Error(error) => {
                    assert_eq!((error.code.as_str(), error.sequence), ("GAME_LEFT", 0));
                    told = true;
                }
                _ => {}
            }
        }
    }
    // The lobby went on all the time.
    connection.send(&proto::Ping { token: 9 }.into()).await.unwrap();
    assert_eq!(message(&mut connection).await, ServerMessage::Pong(proto::Pong { token: 9 }));
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_takes_the_running_game_over_at_once_on_a_newer_connection() {
    let realm = TestRealm::start().await;
    for (door, name) in DOORS.into_iter().zip(["Maren", "Sten", "Ragna"]) {
        let mut hero = realm.hero(name, door).await;
        let den = format!("Den of {name}");
        let (_, mut old) = hero.open_game(&den).await;
        while !matches!(old.next().await.unwrap(), GameUpdate::Snapshot(_)) {}
        let entity = old.entered().entity;
        // The old connection lives and is heard of; nobody waits for it to fall silent.
        old.walk(1, 0).await.unwrap();
        let (_, mut new) = hero.join_game(&den).await;
        assert_eq!(new.entered().entity, entity, "the same character in the same world");
        while !matches!(new.next().await.unwrap(), GameUpdate::Snapshot(_)) {}
        let end = loop {
            if let Err(error) = old.next().await {
                break error;
            }
        };
        assert_eq!(end.code(), Some("SESSION_REPLACED"));
        // With the same account, but not with the same character or into another game.
        let other = hero.lobby.create_character(&format!("{name}-two"), "Druid", false).await.unwrap();
        hero.lobby.select_character(other.id).await.unwrap();
        let again = proto::GameJoin { name: den.clone(), ..Default::default() };
        assert_eq!(hero.lobby.join_game(again).await.unwrap_err().code(), Some("GAME_JOINED_ALREADY"));
        // The game is as good as before.
        new.walk(1, 0).await.unwrap();
        while !matches!(new.next().await.unwrap(), GameUpdate::Snapshot(_)) {}
    }
    realm.stop().await;
}
