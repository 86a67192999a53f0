//! Players who cheat: they gain nothing, are found and, after enough findings, banned; others are not touched.

use std::sync::Arc;

use realm_client::{ClientError, Door, GameConnection, Login, Rest, Snapshot};

use crate::harness::{
    DEADLINE, PASSWORD, TestRealm,
    pilot::{self, distance_squared, own, place, snapshot},
};

/// A realm without monsters, where every way is a player's own.
async fn peaceful(folder: &std::path::Path, findings_ban: u32) -> TestRealm {
    pilot::content(folder, &[("world.toml", "count", "0")]);
    let content = folder.display().to_string();
    TestRealm::start_with(|config| {
        config.games.content = content;
        config.games.findings_ban = findings_ban;
        config.games.findings_kick = 0;
    })
    .await
}

/// Wishes one step a tick, and checks that no tick brings further than the legal one; ends with the connection or after `ticks`.
async fn walk(game: &mut GameConnection, ticks: usize, step: i32) -> Result<(Arc<Snapshot>, usize), ClientError> {
    let step_max = i64::from(game.entered().step_max);
    let mut before = snapshot(game).await;
    let mut moved = 0;
    for tick in 0..ticks {
        // There and back again, so that no wall stands in the way for long.
        let way = if tick / 20 % 2 == 0 { step } else { -step };
        game.walk(way, 0).await?;
        let now = game
            .wait_for(DEADLINE, |update| match update {
                realm_client::GameUpdate::Snapshot(snapshot) => Some(Arc::clone(snapshot)),
                _ => None,
            })
            .await?;
        let squared = distance_squared(place(own(&before)), place(own(&now)));
        let ticks = i64::from(now.tick - before.tick);
        assert!(squared <= (step_max * ticks).pow(2), "{squared} in {ticks} ticks");
        moved += usize::from(squared > 0);
        before = now;
    }
    Ok((before, moved))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_moves_five_times_too_fast_gains_nothing_and_is_banned_alone() {
    let folder = tempfile::tempdir().unwrap();
    let realm = peaceful(folder.path(), 10).await;
    let mut cheat = realm.hero("Swift", Door::Frames).await;
    let mut honest = realm.hero("Maren", Door::WebSocketJson).await;
    let (_, mut cheat_game) = cheat.open_game("Cellar").await;
    let (_, mut honest_game) = honest.join_game("Cellar").await;
    let step_max = i32::try_from(cheat_game.entered().step_max).unwrap();
    let honest_walk = tokio::spawn(async move {
        let walked = walk(&mut honest_game, 100, step_max).await;
        (walked, honest_game)
    });

    let end = walk(&mut cheat_game, 2_000, step_max * 5).await.unwrap_err();
    assert_eq!(end.code(), Some("ACCOUNT_BANNED"), "{end}");
    assert!(realm.realm().games().figures().findings >= 10);
    // The lobby is closed too.
    let lobby_end = cheat.lobby.wait_for(DEADLINE, |_| None::<()>).await.unwrap_err();
    assert_eq!(lobby_end.code(), Some("ACCOUNT_BANNED"), "{lobby_end}");

    let mut rest = Rest::new(&realm.endpoint());
    let refused = rest.login("Swift", PASSWORD).await.unwrap_err();
    assert_eq!(refused.code(), Some("ACCOUNT_BANNED"));
    let sentence = refused.to_string();
    assert!(sentence.contains("anti-cheat"), "the reason: {sentence}");
    assert!(sentence.contains("until 20"), "the end: {sentence}");
    let mut frames = realm_client::Lobby::connect(&realm.endpoint(), Door::Frames).await.unwrap();
    let login = Login::Password { account: "Swift".into(), password: PASSWORD.into() };
    assert_eq!(frames.login(login).await.unwrap_err().code(), Some("ACCOUNT_BANNED"));
    let old_token = cheat.player.rest.characters().await.unwrap_err();
    assert!(matches!(old_token.code(), Some("TOKEN_INVALID" | "ACCOUNT_BANNED")), "{old_token}");

    let (walked, mut honest_game) = honest_walk.await.unwrap();
    let (_, moved) = walked.expect("an honest player is left alone");
    assert!(moved >= 40, "{moved}");
    snapshot(&mut honest_game).await;
    assert_eq!(honest.player.rest.validate().await.unwrap().name, "Maren");
    honest.lobby.leave_game().await.unwrap();
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_put_out_of_the_game_first_and_ban_who_comes_back_to_cheat_on() {
    let folder = tempfile::tempdir().unwrap();
    pilot::content(folder.path(), &[("world.toml", "count", "0")]);
    let content = folder.path().display().to_string();
    let realm = TestRealm::start_with(|config| {
        config.games.content = content;
        (config.games.findings_flag, config.games.findings_kick, config.games.findings_ban) = (2, 4, 40);
        config.games.findings_forgotten_per_minute = 1;
    })
    .await;
    let mut cheat = realm.hero("Swift", Door::Frames).await;
    let (_, mut game) = cheat.open_game("Cellar").await;
    let step = i32::try_from(game.entered().step_max).unwrap() * 5;
    let end = walk(&mut game, 2_000, step).await.unwrap_err();
    assert_eq!(end.code(), Some("GAME_KICKED"), "{end}");
    let goodbye = game.goodbye().expect("it is told why").message.clone();
    assert!(goodbye.contains("anti-cheat") && goodbye.contains("saved"), "{goodbye}");
    // The lobby goes on; the game ended with its last player.
    let create = || realm_client::proto::GameCreate { name: "Second".into(), ..Default::default() };
    let ticket =
        crate::harness::eventually("the character is free", async || cheat.lobby.create_game(create()).await.ok())
            .await;
    let mut game = GameConnection::enter(&realm.endpoint(), &ticket).await.unwrap();
    let end = walk(&mut game, 2_000, step).await.unwrap_err();
    assert_eq!(end.code(), Some("ACCOUNT_BANNED"), "{end}");
    let metrics = crate::load::metrics::Metrics::scrape(realm.realm().telemetry_address().unwrap());
    for measure in ["flag", "kick", "ban"] {
        let name = format!("realm_cheat_measures_total{{measure=\"{measure}\"}}");
        assert!(metrics.value(&name) >= 1.0, "{name}");
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_findings_ban_0_nobody_is_banned_and_still_nothing_gained() {
    let folder = tempfile::tempdir().unwrap();
    let realm = peaceful(folder.path(), 0).await;
    let mut cheat = realm.hero("Swift", Door::Frames).await;
    let (_, mut game) = cheat.open_game("Cellar").await;
    let step = i32::try_from(game.entered().step_max).unwrap() * 5;
    let (_, moved) = walk(&mut game, 60, step).await.expect("nobody is thrown out");
    assert_eq!(moved, 0, "a step that the rule refuses is not made");
    assert!(realm.realm().games().figures().findings >= 20);
    cheat.lobby.leave_game().await.unwrap();
    assert_eq!(cheat.player.rest.validate().await.unwrap().name, "Swift");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_legal_steps_in_one_tick_are_one_legal_step() {
    let folder = tempfile::tempdir().unwrap();
    let realm = peaceful(folder.path(), 0).await;
    let mut cheat = realm.hero("Swift", Door::Frames).await;
    let (_, mut game) = cheat.open_game("Cellar").await;
    let step = i32::try_from(game.entered().step_max).unwrap();
    let start = snapshot(&mut game).await;
    let mut end = Arc::clone(&start);
    for _ in 0..40 {
        for _ in 0..5 {
            game.walk(step, 0).await.unwrap();
        }
        end = snapshot(&mut game).await;
    }
    let ticks = i64::from(end.tick - start.tick);
    let way = distance_squared(place(own(&start)), place(own(&end)));
    assert!(way > 0 && way <= (i64::from(step) * ticks).pow(2), "{way} in {ticks} ticks");
    realm.stop().await;
}

/// Factors of the legal speed, by which cheats are tried: per cent.
const SPEEDS_PERCENT: [i32; 3] = [110, 200, 1_000];

/// The way that a cheat makes within so many ticks, and how many of them there were. Every tick it sends so many steps of this length.
async fn gallop(game: &mut GameConnection, step: i32, steps_of_tick: impl Fn(i32) -> i32) -> (i64, i64) {
    const TICKS: i32 = 60;
    let start = snapshot(game).await;
    let (mut before, mut way) = (Arc::clone(&start), 0);
    for tick in 0..TICKS {
        // There and back again, so that no wall stands in the way for long.
        let step = if tick / 15 % 2 == 0 { step } else { -step };
        for _ in 0..steps_of_tick(tick) {
            game.walk(step, 0).await.unwrap();
        }
        let now = snapshot(game).await;
        way += distance_squared(place(own(&before)), place(own(&now))).isqrt();
        before = now;
    }
    (way, i64::from(before.tick - start.tick))
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_speed_of_a_bot_it_gains_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let realm = peaceful(folder.path(), 1_000_000).await;
    let mut cheat = realm.hero("Swift", Door::Frames).await;
    let (_, mut game) = cheat.open_game("Cellar").await;
    let legal = i32::try_from(game.entered().step_max).unwrap();
    for percent in SPEEDS_PERCENT {
        // Longer steps, one a tick; a part of a sub-tile counts as a whole one.
        let (way, ticks) = gallop(&mut game, (legal * percent + 99) / 100, |_| 1).await;
        assert!(way <= i64::from(legal) * (ticks + 1), "{percent} % by longer steps: {way} in {ticks} ticks");
        // Legal steps, but more of them than there are ticks.
        let more = |tick: i32| (tick + 1) * percent / 100 - tick * percent / 100;
        let (way, ticks) = gallop(&mut game, legal, more).await;
        assert!(way <= i64::from(legal) * (ticks + 1), "{percent} % by more steps: {way} in {ticks} ticks");
        println!("{percent} % of the legal speed: {way} sub-tiles in {ticks} ticks of {legal}");
    }
    // The same clock lets an honest one go as far as it may.
    let (way, ticks) = gallop(&mut game, legal, |_| 1).await;
    assert!(way > i64::from(legal) * ticks / 2, "{way} in {ticks} ticks");
    realm.stop().await;
}
