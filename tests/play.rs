//! Playing: what players see and do in a game, and what remains of it.

use std::time::Duration;

use realm_client::{Door, EntityKind, GameConnection, GameUpdate, Rest, ServerMessage, proto, proto::game_event::Kind};

use crate::harness::{
    DEADLINE, Hero, PASSWORD, TestRealm, code, eventually, join, named,
    pilot::{self, Hunt, Hunter, distance_squared, own, place, snapshot, ticks_between},
};

/// The first event in a game that `pick` takes.
async fn event<T>(game: &mut GameConnection, pick: impl Fn(&Kind) -> Option<T>) -> T {
    let picked = |update: &GameUpdate| match update {
        GameUpdate::Events(events) => events.events.iter().filter_map(|event| event.kind.as_ref()).find_map(&pick),
        _ => None,
    };
    game.wait_for(DEADLINE, picked).await.expect("something happens in the game")
}

/// The code with which a connection ends.
async fn end_of(game: &mut GameConnection) -> String {
    code(game.wait_for(DEADLINE, |_| None::<()>).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn entering_tells_the_map_and_every_tick_brings_a_snapshot() {
    let realm = TestRealm::start().await;
    let mut hero = realm.hero("Maren", Door::Frames).await;
    let (ticket, mut game) = hero.open_game("Cellar").await;
    let entered = game.entered().clone();
    assert_eq!(entered.game_id, ticket.game.unwrap().id);
    assert_eq!((entered.map_width, entered.map_height, entered.tile_sub_tiles), (40, 40, 32));
    assert_eq!(entered.walls.len(), 40 * 40 / 8);
    assert_eq!((entered.zone, entered.zone_name.as_str(), entered.skills.len()), (pilot::TOWN, "Emberford", 3));
    assert!(entered.step_max > 0 && entered.vision >= 320);
    for tile in 0..40 {
        assert!(game.is_wall(tile, 0) && game.is_wall(tile, 39) && game.is_wall(0, tile) && game.is_wall(39, tile));
    }
    let mut before = snapshot(&mut game).await;
    assert!(before.tick >= entered.tick);
    for _ in 0..50 {
        let now = snapshot(&mut game).await;
        ticks_between(before.tick, now.tick);
        assert_eq!(u32::from(now.own.entity), entered.entity);
        assert!(now.own.life > 0 && now.own.life <= now.own.life_max);
        let me = own(&now);
        assert_eq!((me.kind, me.level, me.life_percent), (EntityKind::Player, 1, 100));
        assert!(!game.is_wall(u32::from(me.x) / 32, u32::from(me.y) / 32));
        before = now;
    }
    assert!(before.entities.iter().any(|entity| entity.kind == EntityKind::Npc), "somebody lives in the town");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walker_goes_one_legal_step_a_tick_and_through_no_wall() {
    let folder = tempfile::tempdir().unwrap();
    pilot::content(folder.path(), &[("world.toml", "count", "0")]);
    let content = folder.path().display().to_string();
    let realm = TestRealm::start_with(|config| config.games.content = content).await;
    let mut hero = realm.hero("Maren", Door::Frames).await;
    let (_, mut game) = hero.open_game("Cellar").await;
    let step_max = i32::try_from(game.entered().step_max).unwrap();
    let mut before = snapshot(&mut game).await;
    let mut longest = 0;
    let mut walls_met = 0;
    let diagonal = step_max * 7 / 10;
    for (dx, dy) in [(step_max, 0), (diagonal, diagonal), (0, -step_max), (-step_max, 0), (-diagonal, diagonal)] {
        let mut resting = 0;
        for _ in 0..400 {
            game.walk(dx, dy).await.unwrap();
            let now = snapshot(&mut game).await;
            let (from, to) = (place(own(&before)), place(own(&now)));
            let squared = distance_squared(from, to);
            let ticks = i64::from(ticks_between(before.tick, now.tick));
            assert!(squared <= (i64::from(step_max) * ticks).pow(2), "from {from:?} to {to:?} in {ticks} ticks");
            let me = own(&now);
            assert!(!game.is_wall(u32::from(me.x) / 32, u32::from(me.y) / 32), "{to:?} is inside a wall");
            longest = longest.max(squared);
            resting = if from == to && now.input > 0 { resting + 1 } else { 0 };
            before = now;
            if resting == 5 {
                walls_met += 1;
                break;
            }
        }
    }
    assert!(longest >= i64::from((step_max - 1) * (step_max - 1)), "it walked");
    assert!(walls_met >= 2, "the way was long enough to meet walls");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_players_see_each_other_where_they_are() {
    let realm = TestRealm::start().await;
    let mut first = realm.hero("Maren", Door::Frames).await;
    let mut second = realm.hero("Tilo", Door::WebSocketJson).await;
    let (_, mut first_game) = first.open_game("Cellar").await;
    let (_, mut second_game) = second.join_game("Cellar").await;
    let mut seen = snapshot(&mut first_game).await;
    let mut compared = 0;
    for _ in 0..40 {
        second_game.walk(0, 4).await.unwrap();
        let there = snapshot(&mut second_game).await;
        while seen.tick < there.tick {
            seen = snapshot(&mut first_game).await;
        }
        if seen.tick == there.tick {
            let other = seen.entities.iter().find(|entity| entity.id == there.own.entity).expect("it stands near");
            assert_eq!(other, own(&there));
            assert!(there.entities.iter().any(|entity| entity == own(&seen)));
            compared += 1;
        }
    }
    assert!(compared >= 30, "{compared}");
    second.lobby.leave_game().await.unwrap();
    let gone = second_game.entered().entity;
    eventually("the one who left is out of sight", async || {
        let now = snapshot(&mut first_game).await;
        now.entities.iter().all(|entity| u32::from(entity.id) != gone).then_some(())
    })
    .await;
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn experience_is_stored_on_leaving_and_the_ladder_shows_it() {
    let realm = TestRealm::start().await;
    let mut hero = realm.hero("Maren", Door::WebSocketJson).await;
    let mut idle = realm.hero("Tilo", Door::Frames).await;
    let (_, mut game) = hero.open_game("Cellar").await;
    let (_, _idle_game) = idle.join_game("Cellar").await;
    pilot::fight_for_experience(&mut game).await;
    hero.lobby.leave_game().await.unwrap();
    let mut last_seen = game.snapshot().unwrap().own.experience;
    let rest_of_it = game.wait_for(DEADLINE, |update| {
        if let GameUpdate::Snapshot(snapshot) = update {
            last_seen = snapshot.own.experience;
        }
        None::<()>
    });
    assert_eq!(code(rest_of_it.await), "GAME_LEFT");
    let stored = hero.player.rest.character(hero.character.id).await.unwrap();
    assert_eq!(stored.experience, last_seen);
    assert!(stored.play_time_ms > 0 && stored.played_last.is_some());

    idle.lobby.leave_game().await.unwrap();
    for class in [None, Some("barbarian")] {
        let ladder = hero.player.rest.ladder(class).await.unwrap();
        let first = &ladder["entries"][0];
        assert_eq!(first["name"], hero.character.name.as_str(), "{ladder}");
        assert_eq!((&first["rank"], &first["experience"]), (&1.into(), &last_seen.into()));
        assert_eq!(first["class"], "Barbarian");
    }
    let sorceresses = hero.player.rest.ladder(Some("sorceress")).await.unwrap();
    assert_eq!(sorceresses["entries"], serde_json::json!([]));
    assert_eq!(code(hero.player.rest.ladder(Some("juggler")).await), "CHARACTER_CLASS_UNKNOWN");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_the_connection_comes_back_into_the_running_game() {
    let realm = TestRealm::start().await;
    let mut hero = realm.hero("Maren", Door::Frames).await;
    let (_, mut game) = hero.open_game("Cellar").await;
    let entity = game.entered().entity;
    let (x, y) = place(own(&*snapshot(&mut game).await));
    let far = (x + 64, y);
    for _ in 0..10 {
        let now = snapshot(&mut game).await;
        let (dx, dy) = pilot::step_round_walls(&game, place(own(&now)), far);
        game.walk(dx, dy).await.unwrap();
    }
    let input = game.input();
    let before = eventually("the last step is made", async || {
        let now = snapshot(&mut game).await;
        (now.input == input).then_some(now)
    })
    .await;
    drop(game);

    // The realm may not have noticed yet that the connection is gone.
    let ticket = eventually("the way back", async || hero.lobby.join_game(join("Cellar", "")).await.ok()).await;
    let mut again = GameConnection::enter(&realm.endpoint(), &ticket).await.unwrap();
    assert_eq!(again.entered().entity, entity);
    let after = snapshot(&mut again).await;
    assert_eq!(place(own(&after)), place(own(&before)), "it stood where it was left");
    assert!(after.tick > before.tick);
    again.walk(0, 1).await.unwrap();
    eventually("inputs count from the start again", async || {
        (snapshot(&mut again).await.input == again.input()).then_some(())
    })
    .await;
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_goes_over_the_lobbys_own_connection() {
    let realm = TestRealm::start().await;
    let mut hero = realm.hero("Maren", Door::WebSocketBinary).await;
    let ticket = hero.lobby.create_game(named("Cellar")).await.unwrap();
    let Hero { lobby, player, .. } = hero;
    let mut game = GameConnection::enter_over(lobby.into_connection(), &ticket.ticket).await.unwrap();
    let before = snapshot(&mut game).await;
    ticks_between(before.tick, snapshot(&mut game).await.tick);

    // The lobby goes on beside it.
    game.connection().send(&proto::JoinChannel { channel: "Town".into() }.into()).await.unwrap();
    let users = game.wait_for(DEADLINE, |update| match update {
        GameUpdate::Message(ServerMessage::ChannelUsers(users)) => Some(users.users.len()),
        _ => None,
    });
    assert_eq!(users.await.unwrap(), 1);
    snapshot(&mut game).await;

    game.connection().send(&proto::GameLeave {}.into()).await.unwrap();
    let game_left = game.wait_for(DEADLINE, |update| match update {
        GameUpdate::Message(ServerMessage::GameLeft(left)) => Some(left.game_id),
        _ => None,
    });
    assert_eq!(game_left.await.unwrap(), ticket.game.unwrap().id);
    game.connection().send(&proto::ChatSend { text: "back in town".into() }.into()).await.unwrap();
    let said = game.wait_for(DEADLINE, |update| match update {
        GameUpdate::Message(ServerMessage::ChatMessage(line)) => Some((line.account.clone(), line.text.clone())),
        _ => None,
    });
    assert_eq!(said.await.unwrap(), (player.name, "back in town".to_owned()));
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_realm_that_stops_during_a_game_keeps_the_character() {
    let realm = TestRealm::start().await;
    let mut hero = realm.hero("Maren", Door::Frames).await;
    let (_, mut game) = hero.open_game("Cellar").await;
    pilot::fight_for_experience(&mut game).await;
    let watching = tokio::spawn(async move {
        let end = end_of(&mut game).await;
        (end, game.snapshot().unwrap().own.experience)
    });
    let realm = realm.restart().await;
    let (end, last_seen) = watching.await.unwrap();
    assert_eq!(end, "REALM_STOPPING");

    let mut rest = Rest::new(&realm.endpoint());
    rest.login("Maren", PASSWORD).await.unwrap();
    let stored = rest.character(hero.character.id).await.unwrap();
    assert_eq!(stored.experience, last_seen);
    // And it is free to play on.
    let ticket = rest.create_game(hero.character.id, &named("Cellar")).await.unwrap();
    let mut game = GameConnection::enter(&realm.endpoint(), &ticket).await.unwrap();
    assert_eq!(snapshot(&mut game).await.own.experience, last_seen);
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acts_that_cannot_be_are_refused_by_code() {
    let folder = tempfile::tempdir().unwrap();
    pilot::content(folder.path(), &[("world.toml", "count", "0")]);
    let content = folder.path().display().to_string();
    let realm = TestRealm::start_with(|config| config.games.content = content).await;
    let mut hero = realm.hero("Maren", Door::Frames).await;
    let (_, mut game) = hero.open_game("Cellar").await;
    let now = snapshot(&mut game).await;
    let healer = *now.entities.iter().find(|one| one.kind == EntityKind::Npc && one.appearance == 0).expect("a healer");

    let input = game.drop_item(7).await.unwrap();
    assert_eq!(pilot::refusal(&mut game, input).await, "ITEM_NOT_CARRIED");
    let input = game.attack(60_000).await.unwrap();
    assert_eq!(pilot::refusal(&mut game, input).await, "TARGET_UNKNOWN");
    let input = game.attack(healer.id).await.unwrap();
    assert_eq!(pilot::refusal(&mut game, input).await, "TARGET_UNKNOWN");
    let input = game.respawn().await.unwrap();
    assert_eq!(pilot::refusal(&mut game, input).await, "ACTOR_ALIVE");
    let input = game.interact(healer.id).await.unwrap();
    assert_eq!(pilot::refusal(&mut game, input).await, "TARGET_TOO_FAR");

    // Nearer, the same word is welcome.
    for _ in 0..200 {
        let now = snapshot(&mut game).await;
        let (here, there) = (place(own(&now)), place(&healer));
        if distance_squared(here, there) <= 60 * 60 {
            break;
        }
        let (dx, dy) = pilot::step_round_walls(&game, here, there);
        game.walk(dx, dy).await.unwrap();
    }
    game.interact(healer.id).await.unwrap();
    let healed = event(&mut game, |kind| match kind {
        Kind::Healed(healed) => Some(healed.entity),
        _ => None,
    });
    assert_eq!(healed.await, u32::from(now.own.entity));
    assert_eq!(realm.realm().games().figures().findings, 0, "a mistake is no cheat");
    realm.stop().await;
}

/// Monsters whose first blow kills.
pub(crate) fn deadly(folder: &std::path::Path) -> String {
    let changes = ["damage_min", "damage_max", "attack_rating"].map(|key| ("monsters.toml", key, "9000"));
    pilot::content(folder, &changes);
    folder.display().to_string()
}

/// Walks up to a monster and waits for the end.
pub(crate) async fn die(game: &mut GameConnection) {
    let mut hunter = Hunter::default();
    let dying = async {
        loop {
            let now = snapshot(game).await;
            if now.own.life == 0 {
                return;
            }
            if game.entered().zone == pilot::TOWN {
                pilot::take_stairs(game).await;
                continue;
            }
            let (dx, dy) = match hunter.hunt(game, &now) {
                Hunt::Step(way) => way,
                // Its reach may be the shorter one.
                Hunt::Near(monster) => {
                    let monster = now.entities.iter().find(|entity| entity.id == monster).unwrap();
                    pilot::step(game, place(own(&now)), place(monster))
                }
            };
            game.walk(dx, dy).await.unwrap();
        }
    };
    tokio::time::timeout(DEADLINE * 3, dying).await.expect("monsters kill");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dead_do_nothing_but_come_back_to_life_in_the_town() {
    let folder = tempfile::tempdir().unwrap();
    let content = deadly(folder.path());
    let realm = TestRealm::start_with(|config| config.games.content = content).await;
    let mut hero = realm.hero("Maren", Door::Frames).await;
    let (_, mut game) = hero.open_game("Cellar").await;
    let start = place(own(&*snapshot(&mut game).await));
    die(&mut game).await;
    let input = game.respawn().await.unwrap();
    let back = eventually("it lives again", async || {
        let now = snapshot(&mut game).await;
        (now.input == input).then_some(now)
    })
    .await;
    assert_eq!(back.own.life, back.own.life_max);
    assert_eq!(place(own(&back)), start);
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hardcore_character_dies_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let content = deadly(folder.path());
    let realm = TestRealm::start_with(|config| config.games.content = content).await;
    let player = realm.player("Maren").await;
    let mut lobby = player.lobby(Door::Frames).await;
    let character = lobby.create_character("Brief", "Paladin", true).await.unwrap();
    lobby.select_character(character.id).await.unwrap();
    let mut hero = Hero { player, lobby, character };
    let (_, mut game) = hero.open_game("Cellar").await;
    die(&mut game).await;
    let input = game.respawn().await.unwrap();
    assert_eq!(pilot::refusal(&mut game, input).await, "ACTOR_DEAD");
    hero.lobby.leave_game().await.unwrap();
    assert!(hero.player.rest.character(hero.character.id).await.unwrap().dead);
    assert_eq!(code(hero.lobby.create_game(named("Again")).await), "CHARACTER_DEAD");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stays_away_too_long_leaves_the_game() {
    let realm = TestRealm::start_with(|config| config.games.reconnect_seconds = 1).await;
    let mut hero = realm.hero("Maren", Door::Frames).await;
    let (ticket, game) = hero.open_game("Cellar").await;
    let id = ticket.game.unwrap().id;
    drop(game);
    let rest = &mut hero.player.rest;
    eventually("the empty game vanishes", async || (code(rest.game(id).await) == "GAME_UNKNOWN").then_some(())).await;
    tokio::time::timeout(Duration::from_secs(20), hero.open_game("Cellar")).await.expect("the character is free again");
    realm.stop().await;
}
