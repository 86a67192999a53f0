//! Games in the lobby: creating, listing, joining and leaving them; seats, tickets, hosts.

use std::collections::BTreeSet;

use realm_client::{Door, GameConnection, Lobby, Rest, ServerMessage, proto};

use crate::harness::{DEADLINE, PASSWORD, TestRealm, code, eventually, join, named, pilot::snapshot};

const DOORS: [Door; 3] = [Door::Frames, Door::WebSocketJson, Door::WebSocketBinary];

/// The next message of the lobby that `pick` takes.
async fn told<T>(lobby: &mut Lobby, pick: impl FnMut(&ServerMessage) -> Option<T>) -> T {
    lobby.wait_for(DEADLINE, pick).await.expect("the lobby is told")
}

/// Who took a seat next.
async fn joined(lobby: &mut Lobby) -> proto::GamePlayer {
    told(lobby, |message| match message {
        ServerMessage::GamePlayerJoined(joined) => joined.player.clone(),
        _ => None,
    })
    .await
}

/// Who gave up a seat next.
async fn left(lobby: &mut Lobby) -> proto::GamePlayer {
    told(lobby, |message| match message {
        ServerMessage::GamePlayerLeft(left) => left.player.clone(),
        _ => None,
    })
    .await
}

/// The code with which a connection ends.
async fn end_of(game: &mut GameConnection) -> String {
    code(game.wait_for(DEADLINE, |_| None::<()>).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn games_are_created_listed_joined_and_left_through_every_door() {
    let realm = TestRealm::start().await;
    for (number, door) in DOORS.into_iter().enumerate() {
        let mut host = realm.hero(&format!("Host{number}"), door).await;
        let mut guest = realm.hero(&format!("Guest{number}"), door).await;
        let ticket = host.lobby.create_game(named("Den of Dusk")).await.unwrap();
        let game = ticket.game.unwrap();
        assert_eq!((game.name.as_str(), game.difficulty.as_str()), ("Den of Dusk", "normal"));
        assert_eq!((game.players, game.players_max, game.creator_level), (1, 8, 1));
        assert_eq!(game.host, host.player.name);
        assert_eq!(ticket.port, u32::from(realm.realm().addresses().game.port()));
        assert!(!ticket.ticket.is_empty() && ticket.valid_ms > 0);

        let listed = guest.lobby.games("").await.unwrap();
        assert_eq!(listed, vec![game.clone()]);
        assert_eq!(guest.lobby.games("hell").await.unwrap(), vec![]);

        let seat = guest.lobby.join_game(join("den of dusk", "")).await.unwrap();
        assert_eq!(seat.game.unwrap().id, game.id);
        let players: BTreeSet<_> = seat.players.iter().map(|player| player.account.as_str()).collect();
        assert_eq!(players, [host.player.name.as_str(), guest.player.name.as_str()].into());
        let newcomer = joined(&mut host.lobby).await;
        assert_eq!((newcomer.account, newcomer.character), (guest.player.name.clone(), guest.character.name.clone()));
        assert_eq!((newcomer.class.as_str(), newcomer.level), ("Barbarian", 1));

        assert_eq!(guest.lobby.leave_game().await.unwrap().game_id, game.id);
        assert_eq!(left(&mut host.lobby).await.account, guest.player.name);
        assert_eq!(code(guest.lobby.leave_game().await), "GAME_NOT_JOINED");
        host.lobby.leave_game().await.unwrap();
        assert_eq!(host.lobby.games("").await.unwrap(), vec![], "an empty game vanishes");
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_creates_lists_shows_joins_leaves_and_closes_games() {
    let realm = TestRealm::start().await;
    let mut host = realm.hero("Maren", Door::Frames).await;
    let mut guest = realm.hero("Tilo", Door::WebSocketJson).await;
    let (host_character, guest_character) = (host.character.id, guest.character.id);
    let settings = proto::GameCreate { password: "oak".into(), players_max: 2, ..named("Quiet Cellar") };
    let ticket = host.player.rest.create_game(host_character, &settings).await.unwrap();
    let id = ticket.game.unwrap().id;
    let listed = guest.player.rest.games(Some(guest_character), Some("normal")).await.unwrap();
    assert_eq!(listed.iter().map(|game| (game.id, game.password_required)).collect::<Vec<_>>(), [(id, true)]);

    assert_eq!(code(guest.player.rest.join_game(id, guest_character, "elm").await), "GAME_PASSWORD_WRONG");
    let seat = guest.player.rest.join_game(id, guest_character, "oak").await.unwrap();
    let mut inside = GameConnection::enter(&realm.endpoint(), &seat).await.unwrap();
    snapshot(&mut inside).await;
    assert_eq!(guest.player.rest.game(id).await.unwrap().players.len(), 2);
    // A full game is in nobody's list, but everybody may look at it.
    assert_eq!(guest.player.rest.games(None, None).await.unwrap(), vec![]);

    guest.player.rest.leave_game(id).await.unwrap();
    assert_eq!(end_of(&mut inside).await, "GAME_LEFT");
    assert_eq!(host.player.rest.game(id).await.unwrap().players.len(), 1);
    assert_eq!(code(guest.player.rest.close_game(id).await), "GAME_NOT_HOST");
    host.player.rest.close_game(id).await.unwrap();
    assert_eq!(code(host.player.rest.game(id).await), "GAME_UNKNOWN");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_that_cannot_be_had_is_refused_by_code() {
    let realm = TestRealm::start().await;
    let mut host = realm.hero("Maren", Door::Frames).await;
    let mut guest = realm.hero("Tilo", Door::WebSocketJson).await;
    let mut late = realm.hero("Runa", Door::Frames).await;
    let without_character = realm.player("Bare").await;
    let mut bare = without_character.lobby(Door::Frames).await;

    let settings = proto::GameCreate { password: "oak".into(), players_max: 2, ..named("Cellar") };
    host.lobby.create_game(settings).await.unwrap();
    assert_eq!(code(guest.lobby.create_game(named("CELLAR")).await), "GAME_NAME_TAKEN");
    assert_eq!(code(guest.lobby.create_game(named("7")).await), "GAME_NAME_INVALID");
    let too_many = proto::GameCreate { players_max: 9, ..named("Crowd") };
    assert_eq!(code(guest.lobby.create_game(too_many).await), "GAME_SETTINGS_INVALID");
    let unheard_of = proto::GameCreate { difficulty: "easy".into(), ..named("Meadow") };
    assert_eq!(code(guest.lobby.create_game(unheard_of).await), "GAME_SETTINGS_INVALID");
    assert_eq!(code(bare.create_game(named("Bare hall")).await), "CHARACTER_NOT_SELECTED");
    assert_eq!(code(bare.join_game(join("Cellar", "oak")).await), "CHARACTER_NOT_SELECTED");

    assert_eq!(code(guest.lobby.join_game(join("Attic", "")).await), "GAME_UNKNOWN");
    assert_eq!(code(guest.lobby.join_game(join("Cellar", "")).await), "GAME_PASSWORD_REQUIRED");
    assert_eq!(code(guest.lobby.join_game(join("Cellar", "elm")).await), "GAME_PASSWORD_WRONG");
    guest.lobby.join_game(join("Cellar", "oak")).await.unwrap();
    assert_eq!(code(guest.lobby.create_game(named("Second")).await), "GAME_JOINED_ALREADY");
    assert_eq!(code(late.lobby.join_game(join("Cellar", "oak")).await), "GAME_FULL");

    // The matchmaking rule has the last word, and its sentence arrives.
    let hell = proto::GameCreate { difficulty: "hell".into(), ..named("Furnace") };
    let refused = late.lobby.create_game(hell).await.unwrap_err();
    assert_eq!(refused.code(), Some("GAME_REFUSED"));
    assert!(refused.to_string().contains("from level 40"), "{refused}");
    assert_eq!(late.lobby.games("hell").await.unwrap(), vec![], "nothing of it remains");
    late.lobby.create_game(named("Furnace")).await.unwrap();
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_character_in_a_game_can_do_nothing_else() {
    let realm = TestRealm::start().await;
    let mut hero = realm.hero("Maren", Door::Frames).await;
    let (_, mut game) = hero.open_game("Cellar").await;
    snapshot(&mut game).await;
    assert_eq!(code(hero.player.rest.delete_character(hero.character.id).await), "CHARACTER_BUSY");
    hero.lobby.leave_game().await.unwrap();
    assert_eq!(end_of(&mut game).await, "GAME_LEFT");
    hero.player.rest.delete_character(hero.character.id).await.unwrap();
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_passes_on_and_only_host_or_staff_close_a_game() {
    let realm = TestRealm::start().await;
    let token = realm.realm().owner_token().expect("a new realm has no owner").to_owned();
    let mut owner = Rest::new(&realm.endpoint());
    owner.create_owner(&token, "Warden", PASSWORD).await.unwrap();
    owner.login("Warden", PASSWORD).await.unwrap();

    let mut first = realm.hero("Maren", Door::Frames).await;
    let mut second = realm.hero("Tilo", Door::WebSocketJson).await;
    let (ticket, _first_game) = first.open_game("Cellar").await;
    let id = ticket.game.unwrap().id;
    let (_, mut second_game) = second.join_game("Cellar").await;
    assert_eq!(code(second.player.rest.close_game(id).await), "GAME_NOT_HOST");

    first.lobby.leave_game().await.unwrap();
    let new_host = told(&mut second.lobby, |message| match message {
        ServerMessage::GameHostChanged(changed) => Some(changed.host.clone()),
        _ => None,
    });
    assert_eq!(new_host.await, "Tilo");
    assert_eq!(second.player.rest.game(id).await.unwrap().game.host, "Tilo");

    assert_eq!(code(first.player.rest.close_game(id).await), "GAME_NOT_HOST");
    owner.close_game(id).await.unwrap();
    assert_eq!(end_of(&mut second_game).await, "GAME_CLOSED");
    assert_eq!(second.lobby.games("").await.unwrap(), vec![]);
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_looks_on_is_told_that_the_list_has_changed() {
    let realm = TestRealm::start().await;
    for (number, door) in DOORS.into_iter().enumerate() {
        let mut host = realm.hero(&format!("Host{number}"), door).await;
        let mut other = realm.hero(&format!("Other{number}"), door).await;
        let open = |wanted: u32| {
            move |message: &ServerMessage| match message {
                ServerMessage::GameListUpdated(updated) if updated.games == wanted => Some(()),
                _ => None,
            }
        };
        host.lobby.create_game(named("Cellar")).await.unwrap();
        told(&mut other.lobby, open(1)).await;
        host.lobby.leave_game().await.unwrap();
        told(&mut other.lobby, open(0)).await;
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_lets_in_once_and_only_in_time() {
    let realm = TestRealm::start_with(|config| config.games.ticket_seconds = 1).await;
    let mut hero = realm.hero("Maren", Door::Frames).await;
    let endpoint = realm.endpoint();
    let forged = proto::GameTicket { ticket: "no such ticket".into(), ..Default::default() };
    assert_eq!(code(GameConnection::enter(&endpoint, &forged).await), "TICKET_INVALID");

    let (used, mut game) = hero.open_game("Cellar").await;
    assert_eq!(code(GameConnection::enter(&endpoint, &used).await), "TICKET_INVALID");
    snapshot(&mut game).await;
    hero.lobby.leave_game().await.unwrap();

    let late = hero.lobby.create_game(named("Attic")).await.unwrap();
    assert_eq!(late.valid_ms, 1_000);
    let id = late.game.clone().unwrap().id;
    let rest = &mut hero.player.rest;
    eventually("the seat is free again", async || (code(rest.game(id).await) == "GAME_UNKNOWN").then_some(())).await;
    assert_eq!(code(GameConnection::enter(&endpoint, &late).await), "TICKET_INVALID");
    // Nothing of it is in the way of the next game.
    hero.open_game("Attic").await;
    realm.stop().await;
}
