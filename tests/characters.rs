//! Characters: create, list, select, delete, over every door.

use realm_client::{Door, Lobby, Rest};

use crate::harness::{PASSWORD, Player, TestRealm, pilot, refused};

const CLASSES: [&str; 7] = ["Amazon", "Sorceress", "Necromancer", "Paladin", "Barbarian", "Druid", "Assassin"];
const DOORS: [Door; 3] = [Door::Frames, Door::WebSocketJson, Door::WebSocketBinary];

async fn names(lobby: &mut Lobby) -> Vec<String> {
    let list = lobby.characters().await.expect("the list of characters");
    list.characters.into_iter().map(|character| character.name).collect()
}

/// As many letters as one account asks for characters here; no two of them look alike to the realm, as I and l do.
const LETTERS: &str = "ABCDEFGHJKMNOPQRSTUVWXYZ";

#[tokio::test(flavor = "multi_thread")]
async fn create_list_select_and_delete_work_the_same_over_every_door() {
    let realm = TestRealm::start().await;
    for door in DOORS {
        let player = realm.player(&format!("Maren-{door:?}").replace("WebSocket", "")).await;
        let mut lobby = player.lobby(door).await;
        assert_eq!(names(&mut lobby).await, Vec::<String>::new(), "{door:?}");

        let (one, two) = (format!("Ash{door:?}"), format!("Birch{door:?}"));
        let (one, two) = (&one.replace("WebSocket", ""), &two.replace("WebSocket", ""));
        let ash = lobby.create_character(one, "Sorceress", false).await.unwrap();
        let birch = lobby.create_character(two, "Paladin", true).await.unwrap();
        assert_eq!((ash.class.as_str(), ash.level, ash.experience, ash.hardcore), ("Sorceress", 1, 0, false));
        assert!(birch.hardcore && !birch.dead && birch.created_ms > 0);
        let list = lobby.characters().await.unwrap();
        assert_eq!(list.characters, [ash.clone(), birch.clone()], "{door:?}: oldest first");
        assert_eq!(list.characters_max, 18);

        assert_eq!(lobby.select_character(birch.id).await.unwrap(), birch);
        lobby.delete_character(ash.id).await.unwrap();
        assert_eq!(names(&mut lobby).await, std::slice::from_ref(two), "{door:?}");
        for gone in [ash.id, 1, 0, u64::MAX] {
            assert_eq!(refused(lobby.select_character(gone).await).1, "CHARACTER_UNKNOWN", "{door:?}");
            assert_eq!(refused(lobby.delete_character(gone).await).1, "CHARACTER_UNKNOWN", "{door:?}");
        }
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_creates_lists_shows_and_deletes() {
    let realm = TestRealm::start().await;
    let mut rest = realm.player("Maren").await.rest;
    for (number, class) in CLASSES.into_iter().enumerate() {
        let made = rest.create_character(&format!("Hero-{}", class), class, number == 0).await.unwrap();
        assert_eq!((made.class.as_str(), made.level, made.hardcore), (class, 1, number == 0));
        assert!(made.created.ends_with('Z') && made.played_last.is_none(), "{made:?}");
        assert_eq!(rest.character(made.id).await.unwrap(), made);
    }
    let list = rest.characters().await.unwrap();
    let classes: Vec<_> = list.characters.iter().map(|character| character.class.as_str()).collect();
    assert_eq!((classes.as_slice(), list.characters_max), (CLASSES.as_slice(), 18));
    let first = list.characters[0].id;
    rest.delete_character(first).await.unwrap();
    assert_eq!(refused(rest.character(first).await), (404, "CHARACTER_UNKNOWN".to_owned()));
    assert_eq!(refused(rest.delete_character(first).await), (404, "CHARACTER_UNKNOWN".to_owned()));
    assert_eq!(rest.characters().await.unwrap().characters.len(), 6);
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_character_of_somebody_else_is_no_character() {
    let realm = TestRealm::start().await;
    let mut maren = realm.player("Maren").await;
    let mut tomas = realm.player("Tomas").await;
    let ash = maren.rest.create_character("Ash", "Druid", false).await.unwrap();
    assert_eq!(refused(tomas.rest.character(ash.id).await).1, "CHARACTER_UNKNOWN");
    assert_eq!(refused(tomas.rest.delete_character(ash.id).await).1, "CHARACTER_UNKNOWN");
    let mut lobby = tomas.lobby(Door::Frames).await;
    assert_eq!(refused(lobby.select_character(ash.id).await).1, "CHARACTER_UNKNOWN");
    assert_eq!(refused(lobby.delete_character(ash.id).await).1, "CHARACTER_UNKNOWN");
    assert_eq!(maren.rest.character(ash.id).await.unwrap(), ash, "and it is still there");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn taken_and_illegal_names_and_unknown_classes_are_refused_at_every_door() {
    let realm = TestRealm::start().await;
    let mut first = realm.player("Tomas").await;
    first.rest.create_character("Lillian", "Druid", false).await.unwrap();
    let mut rest = realm.player("Maren").await.rest;
    let cases = [
        ("Lillian", "Druid", 409, "CHARACTER_NAME_TAKEN"),
        ("LILLIAN", "Druid", 409, "CHARACTER_NAME_TAKEN"),
        ("Li11ian", "Amazon", 409, "CHARACTER_NAME_TAKEN"),
        ("", "Druid", 422, "CHARACTER_NAME_INVALID"),
        ("A", "Druid", 422, "CHARACTER_NAME_INVALID"),
        ("seventeen-letters", "Druid", 422, "CHARACTER_NAME_INVALID"),
        ("7bells", "Druid", 422, "CHARACTER_NAME_INVALID"),
        ("two words", "Druid", 422, "CHARACTER_NAME_INVALID"),
        ("Mаren", "Druid", 422, "CHARACTER_NAME_INVALID"),
        ("Ash", "Baker", 422, "CHARACTER_CLASS_UNKNOWN"),
        ("Ash", "", 422, "CHARACTER_CLASS_UNKNOWN"),
    ];
    for (name, class, status, code) in cases {
        let result = rest.create_character(name, class, false).await;
        assert_eq!(refused(result), (status, code.to_owned()), "{name:?} the {class:?}");
    }
    for door in DOORS {
        let player = realm.player(&format!("M{door:?}").replace("WebSocket", "")).await;
        let mut lobby = player.lobby(door).await;
        for (name, class, _, code) in cases {
            let result = lobby.create_character(name, class, false).await;
            assert_eq!(refused(result), (0, code.to_owned()), "{door:?}: {name:?} the {class:?}");
        }
        assert_eq!(names(&mut lobby).await, Vec::<String>::new());
    }
    assert!(rest.characters().await.unwrap().characters.is_empty());
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_character_s_name_stays_taken_as_long_as_it_can_be_restored() {
    let realm = TestRealm::start().await;
    let mut maren = realm.player("Maren").await;
    let ash = maren.rest.create_character("Ash", "Druid", false).await.unwrap();
    maren.rest.delete_character(ash.id).await.unwrap();
    let mut tomas = realm.player("Tomas").await;
    assert_eq!(refused(tomas.rest.create_character("Ash", "Druid", false).await).1, "CHARACTER_NAME_TAKEN");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eighteen_is_the_limit_however_many_are_created_at_once() {
    let realm = TestRealm::start().await;
    let player = realm.player("Maren").await;
    let mut creates = tokio::task::JoinSet::new();
    for letter in LETTERS.chars() {
        let mut rest = Rest::new(&player.endpoint);
        rest.set_access_token(Some(player.token.clone()));
        let name = format!("Hero-{letter}{letter}");
        creates.spawn(async move { rest.create_character(&name, "Amazon", false).await });
    }
    let (made, not_made): (Vec<_>, Vec<_>) = creates.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), not_made.len()), (18, 6));
    for result in not_made {
        assert_eq!(refused(result), (409, "CHARACTER_LIMIT".to_owned()));
    }
    let Player { mut rest, .. } = player;
    let listed = rest.characters().await.unwrap().characters;
    assert_eq!(listed.len(), 18);

    rest.delete_character(listed[0].id).await.unwrap();
    rest.create_character("Room-again", "Amazon", false).await.expect("a deleted one makes room");
    assert_eq!(refused(rest.create_character("One-too-many", "Amazon", false).await).1, "CHARACTER_LIMIT");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn characters_survive_a_restart_to_the_last_field() {
    let realm = TestRealm::start().await;
    let mut player = realm.player("Maren").await;
    let ash = player.rest.create_character("Ash", "Necromancer", true).await.unwrap();
    let gone = player.rest.create_character("Gone", "Amazon", false).await.unwrap();
    player.rest.delete_character(gone.id).await.unwrap();
    let realm = realm.restart().await;
    let mut rest = Rest::new(&realm.endpoint());
    rest.login("Maren", PASSWORD).await.unwrap();
    assert_eq!(rest.characters().await.unwrap().characters, [ash]);
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_character_in_a_game_is_not_deleted_until_it_has_left() {
    let realm = TestRealm::start().await;
    let mut hero = realm.hero("Maren", Door::Frames).await;
    let id = hero.character.id;
    let (_ticket, _game) = hero.open_game("Crypt").await;
    assert_eq!(refused(hero.lobby.delete_character(id).await), (0, "CHARACTER_BUSY".to_owned()));
    assert_eq!(refused(hero.player.rest.delete_character(id).await), (409, "CHARACTER_BUSY".to_owned()));
    hero.lobby.leave_game().await.unwrap();
    hero.lobby.delete_character(id).await.expect("it has left");
    assert_eq!(names(&mut hero.lobby).await, Vec::<String>::new());
    let again = realm_client::proto::GameCreate { name: "Tower".to_owned(), ..Default::default() };
    assert_eq!(refused(hero.lobby.create_game(again).await).1, "CHARACTER_NOT_SELECTED");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_realm_of_another_name_or_key_keeps_its_characters_and_its_ladder() {
    // A server may hold other realms: there a new key is a new realm, and only a file of one's own is taken along.
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite://{}", folder.path().join("realm.sqlite").display());
    let realm = TestRealm::start_with(|config| config.storage.url = file).await;
    let mut hero = realm.hero("Maren", Door::Frames).await;
    let (_, mut game) = hero.open_game("Cellar").await;
    pilot::fight_for_experience(&mut game).await;
    hero.lobby.leave_game().await.unwrap();
    let ladder = hero.player.rest.ladder(None).await.unwrap();
    assert_eq!(ladder["entries"][0]["name"], "Maren-hero", "{ladder}");
    let token = hero.player.token;

    let realm = realm.restart_with(|config| config.realm[0].name = "Nightfall".to_owned()).await;
    let mut rest = Rest::new(&realm.endpoint());
    rest.set_access_token(Some(token.clone()));
    assert_eq!(rest.realms().await.unwrap()["realms"][0]["name"], "Nightfall");
    assert_eq!(rest.characters().await.expect("and the token stays").characters[0].name, "Maren-hero");
    assert_eq!(rest.ladder(None).await.unwrap(), ladder);

    let realm = realm.restart_with(|config| config.realm[0].key = "nightfall".to_owned()).await;
    let mut rest = Rest::new(&realm.endpoint());
    rest.login("Maren", PASSWORD).await.unwrap();
    assert_eq!(rest.characters().await.unwrap().characters[0].name, "Maren-hero");
    assert_eq!(rest.ladder(None).await.unwrap(), ladder);
    realm.stop().await;
}
