//! The world over real connections: the town and the dungeon, skills, potions, those who live in the town.

use realm_client::{
    Door, EntityKind, EntityState, GameConnection, GameUpdate, ServerMessage, Snapshot, proto::game_event::Kind,
};

use crate::harness::{
    DEADLINE, Hero, TestRealm, eventually,
    pilot::{self, Hunt, Hunter, distance_squared, own, place, snapshot},
};

/// A realm with these changes to the content pack.
async fn realm_with(folder: &std::path::Path, changes: &[(&str, &str, &str)]) -> TestRealm {
    pilot::content(folder, changes);
    let content = folder.display().to_string();
    TestRealm::start_with(|config| {
        config.games.content = content;
        (config.games.findings_kick, config.games.findings_ban) = (0, 0);
    })
    .await
}

/// A hero of this class.
async fn hero(realm: &TestRealm, account: &str, class: &str) -> Hero {
    let player = realm.player(account).await;
    let mut lobby = player.lobby(Door::Frames).await;
    let character = lobby.create_character(&format!("{account}ia"), class, false).await.expect("a character");
    lobby.select_character(character.id).await.expect("it can be selected");
    Hero { player, lobby, character }
}

/// The first entity in sight of this kind and appearance.
fn find(snapshot: &Snapshot, kind: EntityKind, appearance: Option<u8>) -> Option<EntityState> {
    let fits = |one: &&EntityState| one.kind == kind && appearance.is_none_or(|wanted| one.appearance == wanted);
    snapshot.entities.iter().find(fits).copied()
}

/// Walks up to a place, round walls.
async fn walk_to(game: &mut GameConnection, target: (i32, i32)) {
    for _ in 0..1_000 {
        let now = snapshot(game).await;
        let here = place(own(&now));
        if distance_squared(here, target) <= 30 * 30 {
            return;
        }
        let (dx, dy) = pilot::step_round_walls(game, here, target);
        game.walk(dx, dy).await.expect("the realm reads");
    }
    panic!("the way to {target:?} does not end");
}

/// Waits until the newest snapshot is as wished.
async fn until(game: &mut GameConnection, wished: impl Fn(&Snapshot) -> bool) {
    let seen = |update: &GameUpdate| match update {
        GameUpdate::Snapshot(snapshot) => wished(snapshot).then_some(()),
        _ => None,
    };
    game.wait_for(DEADLINE, seen).await.expect("what was waited for is seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sorceress_is_given_a_potion_goes_down_kills_with_a_skill_and_takes_what_falls() {
    let folder = tempfile::tempdir().unwrap();
    let changes = [
        ("monsters.toml", "life", "3"),
        ("monsters.toml", "damage_min", "0"),
        ("monsters.toml", "damage_max", "0"),
        ("monsters.toml", "effect_amount", "1"),
        ("world.toml", "chance_percent", "100"),
    ];
    let realm = realm_with(folder.path(), &changes).await;
    let mut hero = hero(&realm, "Selma", "Sorceress").await;
    let (_, mut game) = hero.open_game("Cellar").await;
    let entered = game.entered().clone();
    assert_eq!(
        entered.skills.iter().map(|skill| skill.name.as_str()).collect::<Vec<_>>(),
        ["Ember Lance", "Rime Ring", "Lantern Step"]
    );
    assert_eq!((entered.skills[0].kind.as_str(), entered.belt_slots), ("projectile", 4));
    assert_eq!(snapshot(&mut game).await.own.zone, 0);

    // The vendor, who lives beside the healer.
    let vendor = find(&*snapshot(&mut game).await, EntityKind::Npc, Some(1)).expect("a vendor");
    walk_to(&mut game, place(&vendor)).await;
    game.interact(vendor.id).await.unwrap();
    until(&mut game, |now| now.own.belt == [1, 0, 0, 0, 0, 0, 0, 0]).await;
    let input = game.interact(vendor.id).await.unwrap();
    assert_eq!(pilot::refusal(&mut game, input).await, "RATION_TOO_SOON");

    // Down the stairs: another map comes before the first snapshot from there.
    let below = pilot::take_stairs(&mut game).await;
    assert_eq!((below.own.zone, game.entered().zone, game.entered().zone_name.as_str()), (1, 1, "Sunken Halls"));
    assert_eq!((game.entered().map_width, game.entered().entity), (64, entered.entity));
    assert!(find(&below, EntityKind::Npc, None).is_none() && find(&below, EntityKind::Object, Some(0)).is_some());
    let input = game.use_skill_at(1, 0, 0).await.unwrap();
    assert_eq!(pilot::refusal(&mut game, input).await, "SKILL_UNKNOWN");

    // A monster in sight is struck by a missile from afar.
    let (killed, mut hunter) = (kill_with_a_skill(&mut game).await, Hunter::default());
    let item = eventually("something lies where it died", async || {
        let now = snapshot(&mut game).await;
        match find(&now, EntityKind::Item, None) {
            Some(item) => Some(item),
            None => {
                if let Hunt::Step((dx, dy)) = hunter.hunt(&game, &now) {
                    game.walk(dx, dy).await.expect("the realm reads");
                }
                None
            }
        }
    })
    .await;
    assert!(killed > 0);
    walk_to(&mut game, place(&item)).await;
    game.pick_up(item.id, false).await.unwrap();
    until(&mut game, |now| now.own.belt[1] == item.appearance + 1).await;
    let input = game.pick_up(item.id, true).await.unwrap();
    assert_eq!(pilot::refusal(&mut game, input).await, "TARGET_UNKNOWN");
    game.use_potion(0).await.unwrap();
    until(&mut game, |now| now.own.belt[0] == 0 && now.own.belt[1] != 0).await;
    let input = game.use_potion(0).await.unwrap();
    assert_eq!(pilot::refusal(&mut game, input).await, "POTION_UNKNOWN");

    // Up again, where nothing of it is seen.
    pilot::take_stairs(&mut game).await;
    let town = snapshot(&mut game).await;
    assert!(town.entities.iter().all(|one| one.kind != EntityKind::Monster));
    assert_eq!(realm.realm().games().figures().findings, 0, "whoever plays honestly is no cheat");
    realm.stop().await;
}

/// Looks for monsters and uses the first skill on whoever is in sight, until one of them is dead; gives its number.
async fn kill_with_a_skill(game: &mut GameConnection) -> u32 {
    let mut hunter = Hunter::default();
    let (mut used, mut seen_flying) = (false, false);
    let own_entity = game.entered().entity;
    let hunting = async {
        loop {
            let update = game.next().await.expect("the game goes on");
            match update {
                GameUpdate::Events(events) => {
                    for kind in events.events.iter().filter_map(|event| event.kind.as_ref()) {
                        match kind {
                            Kind::SkillUsed(skill) if skill.entity == own_entity => used = true,
                            Kind::Died(died) if died.killer == own_entity && used && seen_flying => return died.entity,
                            _ => {}
                        }
                    }
                }
                GameUpdate::Snapshot(now) => {
                    seen_flying |= find(&now, EntityKind::Missile, Some(3)).is_some();
                    let alive = |one: &&EntityState| one.kind == EntityKind::Monster && one.life_percent > 0;
                    let target = now.entities.iter().find(alive).map(|one| one.id);
                    let ready = now.own.cooldown_ticks == 0 && now.own.skill_ticks[0] == 0 && now.own.mana >= 4;
                    match (target, hunter.hunt(game, &now)) {
                        (Some(target), _) if ready => drop(game.use_skill_on(0, target).await.expect("it is read")),
                        (_, Hunt::Step((dx, dy))) => drop(game.walk(dx, dy).await.expect("it is read")),
                        _ => {}
                    }
                }
                GameUpdate::Message(_) => {}
            }
        }
    };
    tokio::time::timeout(DEADLINE * 15, hunting).await.expect("somebody is met and killed")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_uses_skills_too_soon_or_without_mana_gains_nothing_and_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let realm = realm_with(folder.path(), &[("world.toml", "count", "0")]).await;
    let mut hero = hero(&realm, "Hasty", "Amazon").await;
    let (_, mut game) = hero.open_game("Cellar").await;
    let first = snapshot(&mut game).await;
    let (x, y) = place(own(&first));
    let (mut used, mut refused_by_rule, mut newest) = (0, 0, first.tick);
    while newest < first.tick + 200 {
        match game.next().await.unwrap() {
            GameUpdate::Snapshot(now) => {
                newest = now.tick;
                game.use_skill_at(0, x + 100, y).await.unwrap();
            }
            GameUpdate::Events(events) => {
                for kind in events.events.into_iter().filter_map(|event| event.kind) {
                    match kind {
                        Kind::SkillUsed(_) => used += 1,
                        Kind::Refused(refused) => refused_by_rule += u32::from(refused.code == "ACT_REFUSED_BY_RULE"),
                        _ => {}
                    }
                }
            }
            GameUpdate::Message(message) => assert!(!matches!(message, ServerMessage::Goodbye(_)), "{message:?}"),
        }
    }
    // One in 20 ticks at most, and 18 points of mana are 6 uses; a little comes back.
    assert!((5..=9).contains(&used), "{used} uses in 200 ticks");
    assert!(refused_by_rule >= 20, "{refused_by_rule} refused by the rule");
    assert!(realm.realm().games().figures().findings >= 20);
    realm.stop().await;
}
