//! Games over the connection of the session.

use super::*;

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
