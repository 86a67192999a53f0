//! Networks that fail: cut, half open, slow, and what players notice of it.

use std::time::Duration;

use realm_client::{ClientError, Door, GameConnection, Lobby, Login, proto};

use crate::harness::{
    DEADLINE, Hero, Player, TestRealm, eventually,
    fault_proxy::{Fault, FaultProxy},
    pilot::{own, snapshot},
};

/// Reaches a realm's frames by a network that fails.
fn through(player: &Player, proxy: &FaultProxy) -> realm_client::Endpoint {
    let mut endpoint = player.endpoint.clone();
    endpoint.realm_port = proxy.port();
    endpoint
}

/// Logged in over frames through the proxy, in a channel with somebody who talks.
async fn met(realm: &TestRealm, proxy: &FaultProxy) -> (Player, Lobby, Hero) {
    let lost = realm.player("Loss").await;
    let mut lobby = Lobby::connect(&through(&lost, proxy), Door::Frames).await.unwrap();
    lobby.login(Login::Token(lost.token.clone())).await.unwrap();
    lobby.join_channel("Cave").await.unwrap();
    let mut friend = realm.hero("Friend", Door::WebSocketBinary).await;
    friend.lobby.join_channel("Cave").await.unwrap();
    (lost, lobby, friend)
}

/// Comes back without the proxy and must be told exactly these lines.
async fn come_back(player: &Player, lobby: Lobby, lines: &[&str]) {
    let (token, event) = (lobby.session().unwrap().resume_token.clone(), lobby.event());
    drop(lobby);
    let mut lobby = Lobby::connect(&player.endpoint, Door::Frames).await.unwrap();
    let session = lobby.resume(Login::Token(player.token.clone()), &token, event).await.unwrap();
    assert!(!session.resync && session.resume_token == token, "the session goes on");
    for line in lines {
        assert_eq!(lobby.line(DEADLINE).await.unwrap().text, *line);
    }
    lobby.say("Here again").await.unwrap();
    assert_eq!(lobby.line(DEADLINE).await.unwrap().text, "Here again");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_cut_off_comes_back_and_has_missed_nothing() {
    // Between two frames, in the middle of a TLS record, and before any answer could come.
    for fault in [Fault::Cut, Fault::CutAfter(7), Fault::CutAfter(0)] {
        let realm = TestRealm::start().await;
        let proxy = FaultProxy::before(realm.realm().addresses().realm).await;
        let (player, mut lobby, mut friend) = met(&realm, &proxy).await;
        friend.lobby.say("Before").await.unwrap();
        assert_eq!(lobby.line(DEADLINE).await.unwrap().text, "Before");
        proxy.set(fault);
        // It may find out while it speaks, or when nothing comes back.
        let _ = lobby.send(proto::Ping { token: 1 }).await;
        while lobby.next_within(DEADLINE).await.is_ok() {}
        friend.lobby.say("While away").await.unwrap();
        friend.lobby.say("Still away").await.unwrap();
        friend.lobby.line(DEADLINE).await.unwrap();
        come_back(&player, lobby, &["While away", "Still away"]).await;
        realm.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_connections_end_by_silence_and_their_sessions_go_on() {
    for fault in [Fault::BothSilent, Fault::ClientSilent] {
        let realm = TestRealm::start_with(|config| {
            config.net.silence_max_ms = 1_500;
            config.session.heartbeat_ms = 1_000;
        })
        .await;
        let proxy = FaultProxy::before(realm.realm().addresses().realm).await;
        let (player, lobby, mut friend) = met(&realm, &proxy).await;
        let online = realm.realm().sessions().figures().online;
        proxy.set(fault);
        friend.lobby.say("Are you there?").await.unwrap();
        eventually("noticing the silence", async || {
            // The friend gives its own signs of life.
            let _ = friend.lobby.send(proto::Ping { token: 1 }).await;
            (realm.realm().sessions().figures().online < online).then_some(())
        })
        .await;
        come_back(&player, lobby, &["Are you there?"]).await;
        realm.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_survives_the_networks_of_its_players() {
    let realm = TestRealm::start().await;
    let proxy = FaultProxy::before(realm.realm().addresses().game).await;
    let mut host = realm.hero("Maren", Door::Frames).await;
    let mut lost = realm.hero("Loss", Door::Frames).await;
    let (_, mut host_game) = host.open_game("Cellar").await;
    let mut entity = None;
    // Slow, then deaf, then half open, then cut: each time the same character comes back on a new connection.
    for fault in [Fault::Delay(Duration::from_millis(100)), Fault::ServerSilent, Fault::BothSilent, Fault::Cut] {
        proxy.set(Fault::None);
        let mut game = eventually("coming back", async || {
            let wish = proto::GameJoin { name: "Cellar".into(), ..Default::default() };
            // While the old connection still seems alive, there is no second one.
            let mut ticket = lost.lobby.join_game(wish).await.ok()?;
            ticket.port = proxy.port().into();
            GameConnection::enter(&lost.player.endpoint, &ticket).await.ok()
        })
        .await;
        let seen = snapshot(&mut game).await.own.entity;
        assert_eq!(*entity.get_or_insert(seen), seen, "it is the same character");
        proxy.set(fault);
        let before = snapshot(&mut host_game).await.tick;
        for _ in 0..20 {
            // What is still on its way may come, or the connection may be lost.
            let _ = game.walk(1, 0).await;
            let now = snapshot(&mut host_game).await;
            own(&now);
        }
        let after = snapshot(&mut host_game).await.tick;
        assert!(after >= before + 20, "the neighbour plays on: {before} to {after}");
        if matches!(fault, Fault::Delay(_)) {
            let first = snapshot(&mut game).await.tick;
            assert!(snapshot(&mut game).await.tick > first, "a slow network is no fault");
        }
    }
    host.lobby.leave_game().await.unwrap();
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_may_drip_as_long_as_it_is_done_in_time() {
    let realm = TestRealm::start_with(|config| config.net.handshake_deadline_ms = 2_000).await;
    let player = realm.player("Maren").await;
    let proxy = FaultProxy::before(realm.realm().addresses().realm).await;
    // A hello of some 1,500 bytes takes far longer than the deadline, whatever the machine does.
    proxy.set(Fault::Drip(Duration::from_millis(20)));
    let refused = Lobby::connect(&through(&player, &proxy), Door::Frames).await.err().expect("too slow a hello");
    assert!(matches!(refused, ClientError::Connect { .. }), "{refused}");
    proxy.set(Fault::None);
    let mut lobby = Lobby::connect(&through(&player, &proxy), Door::Frames).await.unwrap();
    lobby.login(Login::Token(player.token.clone())).await.unwrap();
    // After it, bytes may come one by one: a frame is whole when it is whole.
    proxy.set(Fault::Drip(Duration::from_millis(1)));
    lobby.ping().await.unwrap();
    realm.stop().await;
}
