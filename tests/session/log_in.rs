//! Log-in, and one session an account.

use super::*;

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
