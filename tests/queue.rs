//! A full realm: who waits, in which order, what they are told, and who never waits.

use std::time::Duration;

use realm_client::{
    Arrival, ClientError, ClientMessage, ComeBack, Connection, Door, Lobby, Login, Rest, ServerMessage, proto,
};

use crate::harness::{DEADLINE, PASSWORD, Player, TestRealm, eventually};

const DOORS: [Door; 3] = [Door::Frames, Door::WebSocketJson, Door::WebSocketBinary];

/// A realm with so many places.
async fn small(players_max: usize, queue_max: usize) -> TestRealm {
    TestRealm::start_with(|config| {
        config.session.players_max = players_max;
        config.session.queue_max = queue_max;
        config.session.resume_seconds = 0;
    })
    .await
}

async fn queued(realm: &TestRealm, waiting: usize) {
    eventually("the length of the queue", async || {
        (realm.realm().sessions().figures().queued == waiting).then_some(())
    })
    .await;
}

/// A log-in that has to wait.
async fn waits(player: &Player, door: Door, place: (u32, u32)) -> Lobby {
    let mut lobby = Lobby::connect(&player.endpoint, door).await.unwrap();
    match lobby.login(Login::Token(player.token.clone())).await {
        Err(ClientError::Queued { position, waiting }) => assert_eq!((position, waiting), place, "{door:?}"),
        other => panic!("not queued: {other:?}"),
    }
    lobby
}

#[tokio::test(flavor = "multi_thread")]
async fn log_ins_wait_in_order_and_come_in_when_a_place_is_free() {
    let realm = small(1, 8).await;
    let first = realm.player("Maren").await;
    let mut inside = first.lobby(Door::Frames).await;
    let mut waiting = Vec::new();
    for (index, (door, name)) in DOORS.into_iter().zip(["Sten", "Ragna", "Ylva"]).enumerate() {
        let player = realm.player(name).await;
        let place = u32::try_from(index).unwrap() + 1;
        waiting.push((name, waits(&player, door, (place, place)).await));
    }
    queued(&realm, 3).await;
    // REST is open to everybody: no place is taken by it.
    let mut rest = Rest::new(&realm.endpoint());
    rest.register("Odd", PASSWORD).await.unwrap();
    rest.login("Odd", PASSWORD).await.unwrap();
    while !waiting.is_empty() {
        inside.logout().await.unwrap();
        let (name, mut next) = waiting.remove(0);
        let session = next.wait_in_queue(|_| {}).await.unwrap().clone();
        assert_eq!(session.account, name);
        next.ping().await.unwrap();
        queued(&realm, waiting.len()).await;
        inside = next;
        // The others have come one place nearer, and hear of it within seconds.
        for (index, (name, lobby)) in waiting.iter_mut().enumerate() {
            let place = u32::try_from(index).unwrap() + 1;
            lobby
                .wait_for(DEADLINE, |message| match message {
                    ServerMessage::QueuePosition(told) if told.position == place => Some(()),
                    ServerMessage::AuthSuccess(_) => panic!("{name} is inside too early"),
                    _ => None,
                })
                .await
                .unwrap();
        }
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_can_wait_with_its_log_in_and_hears_its_places() {
    let realm = small(1, 8).await;
    let mut inside = realm.player("Maren").await.lobby(Door::Frames).await;
    let (second, third) = (realm.player("Sten").await, realm.player("Ragna").await);
    let before = waits(&second, Door::WebSocketJson, (1, 1)).await;
    let endpoint = realm.endpoint();
    let (heard, mut hears) = tokio::sync::mpsc::channel(16);
    let patient = tokio::spawn(async move {
        let come_back = ComeBack {
            endpoint,
            door: Door::WebSocketBinary,
            login: Login::Token(third.token),
            patience: 3 * DEADLINE,
        };
        let lost = realm_client::Lost::default();
        let mut lobby = come_back.after(&lost, |place| heard.try_send(place.position).unwrap()).await.unwrap();
        lobby.ping().await.unwrap();
        lobby
    });
    assert_eq!(hears.recv().await, Some(2));
    // Who is before leaves without a word: the place is the next one's.
    drop(before);
    assert_eq!(hears.recv().await, Some(1));
    inside.logout().await.unwrap();
    assert_eq!(patient.await.unwrap().session().unwrap().account, "Ragna");
    queued(&realm, 0).await;
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_with_a_time_and_staff_never_waits() {
    let realm = TestRealm::start_with(|config| {
        config.session.players_max = 1;
        config.session.queue_max = 1;
        config.session.staff_reserve = 1;
    })
    .await;
    let mut rest = Rest::new(&realm.endpoint());
    rest.create_owner(realm.realm().owner_token().unwrap(), "Warden", PASSWORD).await.unwrap();
    let owner = rest.login("Warden", PASSWORD).await.unwrap().access_token;
    let _inside = realm.player("Maren").await.lobby(Door::Frames).await;
    let _waiting = waits(&realm.player("Sten").await, Door::Frames, (1, 1)).await;
    let late = realm.player("Ragna").await;
    for door in DOORS {
        let mut lobby = Lobby::connect(&realm.endpoint(), door).await.unwrap();
        match lobby.login(Login::Token(late.token.clone())).await {
            Err(ClientError::Refused { code, retry_after_ms, message, .. }) => {
                assert_eq!(code, "REALM_FULL", "{door:?}");
                assert!((20_000..=40_000).contains(&retry_after_ms) && message.ends_with('.'), "{retry_after_ms}");
            }
            other => panic!("not refused: {other:?}"),
        }
        let error = loop {
            if let Err(error) = lobby.next().await {
                break error;
            }
        };
        assert_eq!(error.code(), Some("REALM_FULL"));
        let frame = (door != Door::Frames).then(|| (4006, "REALM_FULL".to_owned()));
        assert_eq!(lobby.connection().close_frame(), frame);
    }
    // The owner comes in at once; and again, on a newer connection.
    for door in DOORS {
        let mut lobby = Lobby::connect(&realm.endpoint(), door).await.unwrap();
        lobby.login(Login::Token(owner.clone())).await.unwrap();
        lobby.ping().await.unwrap();
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_account_keeps_its_place_on_a_newer_connection() {
    let realm = small(1, 8).await;
    let mut inside = realm.player("Maren").await.lobby(Door::Frames).await;
    let second = realm.player("Sten").await;
    let mut older = waits(&second, Door::WebSocketJson, (1, 1)).await;
    let _third = waits(&realm.player("Ragna").await, Door::Frames, (2, 2)).await;
    let mut newer = waits(&second, Door::Frames, (1, 2)).await;
    let error = older.wait_in_queue(|_| {}).await.unwrap_err();
    assert_eq!(error.code(), Some("SESSION_REPLACED"));
    assert_eq!(older.connection().close_frame(), Some((4010, "SESSION_REPLACED".to_owned())));
    inside.logout().await.unwrap();
    assert_eq!(newer.wait_in_queue(|_| {}).await.unwrap().account, "Sten");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_may_give_signs_of_life_and_go_and_nothing_else() {
    let realm = TestRealm::start_with(|config| {
        config.session.players_max = 1;
        config.net.login_deadline_ms = 500;
        config.net.silence_max_ms = 2_000;
        config.session.heartbeat_ms = 1_000;
    })
    .await;
    let inside = realm.player("Maren").await;
    let mut lobby = inside.lobby(Door::Frames).await;
    for (door, name) in DOORS.into_iter().zip(["Sten", "Ragna", "Ylva"]) {
        let player = realm.player(name).await;
        let mut waiting = waits(&player, door, (1, 1)).await;
        // It waits longer than a log-in and silence may take: its signs of life are enough.
        let watched = async { waiting.next_within(Duration::from_millis(3_500)).await };
        let (heard, _) = tokio::join!(watched, lobby.next_within(Duration::from_millis(3_500)));
        assert!(matches!(heard, Err(ClientError::Deadline { .. })), "{heard:?}");
        waiting.ping().await.unwrap();
        let refused = waiting.ask(proto::JoinChannel { channel: "Town".into() }, |_| None::<()>).await.unwrap_err();
        assert_eq!(refused.code(), Some("NOT_LOGGED_IN"));
        waiting.send(proto::Logout {}).await.unwrap();
        let error = waiting.wait_in_queue(|_| {}).await.unwrap_err();
        assert_eq!(error.code(), Some("LOGGED_OUT"), "{door:?}");
        // It only went away: its token is as good as before.
        queued(&realm, 0).await;
        let mut again = waits(&player, door, (1, 1)).await;
        // Silence ends it, and its place goes to the next.
        again.connection().set_heartbeat(None);
        let error = loop {
            let (heard, _) = tokio::join!(again.next_within(DEADLINE), lobby.ping());
            if let Err(error) = heard {
                break error;
            }
        };
        assert_eq!(error.code(), Some("SILENCE"), "{door:?}");
        queued(&realm, 0).await;
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_has_an_end_and_a_log_out_elsewhere_ends_it_too() {
    let realm = TestRealm::start_with(|config| {
        config.session.players_max = 1;
        config.session.queue_seconds_max = 2;
    })
    .await;
    let _inside = realm.player("Maren").await.lobby(Door::Frames).await;
    let mut player = realm.player("Sten").await;
    let mut lobby = waits(&player, Door::WebSocketJson, (1, 1)).await;
    match lobby.wait_in_queue(|_| {}).await {
        Err(ClientError::Refused { code, retry_after_ms, .. }) => {
            assert!(code == "REALM_FULL" && retry_after_ms >= 20_000, "{code}");
        }
        other => panic!("not refused: {other:?}"),
    }
    queued(&realm, 0).await;
    let mut lobby = waits(&player, Door::Frames, (1, 1)).await;
    player.rest.logout().await.unwrap();
    assert_eq!(lobby.wait_in_queue(|_| {}).await.unwrap_err().code(), Some("TOKEN_INVALID"));
    queued(&realm, 0).await;
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_realm_that_stops_tells_who_waits_when_to_come_back() {
    let realm = small(1, 8).await;
    let _inside = realm.player("Maren").await.lobby(Door::Frames).await;
    let mut waiting = Vec::new();
    for (index, (door, name)) in DOORS.into_iter().zip(["Sten", "Ragna", "Ylva"]).enumerate() {
        let place = u32::try_from(index).unwrap() + 1;
        waiting.push(waits(&realm.player(name).await, door, (place, place)).await);
    }
    let told = async {
        for lobby in &mut waiting {
            match lobby.wait_in_queue(|_| {}).await {
                Err(ClientError::Closed(Some(goodbye))) => {
                    assert_eq!(goodbye.code, "REALM_STOPPING");
                    assert!(goodbye.reconnect_after_ms >= 1_000);
                }
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::join!(told, realm.stop());
}

/// Bytes that no client should send, from who waits: the connection ends as it does everywhere, and the place is given up.
#[tokio::test(flavor = "multi_thread")]
async fn nonsense_from_who_waits_ends_the_wait() {
    let realm = small(1, 8).await;
    let _inside = realm.player("Maren").await.lobby(Door::Frames).await;
    let player = realm.player("Sten").await;
    let mut connection = Connection::open(&realm.endpoint(), Door::Frames).await.unwrap();
    let hello = proto::AuthRequest { access_token: player.token, nonce: "n1".into(), ..Default::default() };
    connection.send(&ClientMessage::from(hello)).await.unwrap();
    let Arrival::Message(ServerMessage::QueuePosition(place)) = connection.next(DEADLINE).await.unwrap() else {
        panic!("no place in the queue")
    };
    assert_eq!((place.position, place.waiting, place.nonce.as_str()), (1, 1, "n1"));
    assert!(place.heartbeat_ms > 0 && place.silence_max_ms > place.heartbeat_ms);
    // Larger than anything may be before log-in.
    connection.send_bytes(&[0x22, 0x00, 0x20, 1, 0, 0, 0, 0, 0, 0, 0]).await.unwrap();
    let error = loop {
        if let Err(error) = connection.next(DEADLINE).await {
            break error;
        }
    };
    assert_eq!(error.code(), Some("FRAME_TOO_LARGE"));
    queued(&realm, 0).await;
    realm.stop().await;
}
