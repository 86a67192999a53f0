use super::{Ban, Moderation, Mute};
use crate::storage::testing::{FakeClock, Home, account, each_database, open};

async fn the_longest_ban_is_in_force_until_it_ends(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    let (cheat, honest) = (account(&storage).await, account(&storage).await);
    let moderation = Moderation::new(storage.clone());
    let ban = |reason: &str, minutes: Option<i64>| Ban {
        reason: reason.to_owned(),
        until_ms: minutes.map(|minutes| storage.now_ms() + minutes * 60_000),
    };
    assert_eq!(moderation.ban_in_force(cheat).await.unwrap(), None);
    moderation.ban(cheat, ban("speed", Some(10)), "anti-cheat").await.unwrap();
    moderation.ban(cheat, ban("swearing", Some(5)), "Owner").await.unwrap();
    assert_eq!(moderation.ban_in_force(cheat).await.unwrap().unwrap().reason, "speed");
    assert_eq!(moderation.ban_in_force(honest).await.unwrap(), None);

    clock.advance_ms(10 * 60_000);
    assert_eq!(moderation.ban_in_force(cheat).await.unwrap(), None);
    moderation.ban(cheat, ban("for good", None), "Owner").await.unwrap();
    moderation.ban(cheat, ban(&"long ".repeat(200), Some(1)), "Owner").await.unwrap();
    assert_eq!(
        moderation.ban_in_force(cheat).await.unwrap().unwrap(),
        Ban { reason: "for good".to_owned(), until_ms: None }
    );
    storage.close().await;
}

async fn the_longer_mute_is_in_force_and_outlives_a_start(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    let (loud, quiet) = (account(&storage).await, account(&storage).await);
    let moderation = Moderation::new(storage.clone());
    let mute = |minutes: i64| Mute { reason: "shouting".to_owned(), until_ms: storage.now_ms() + minutes * 60_000 };
    let (long, short) = (mute(10), mute(5));
    moderation.mute(loud, long.clone(), "rule").await.unwrap();
    moderation.mute(loud, short, "rule").await.unwrap();
    moderation.flag(quiet, "look here", "rule").await.unwrap();
    assert_eq!(moderation.mute_in_force(loud), Some(long.clone()));
    assert_eq!(moderation.mute_in_force(quiet), None);

    let later = Moderation::new(storage.clone());
    assert_eq!(later.mute_in_force(loud), None);
    later.load_mutes().await.unwrap();
    assert_eq!(later.mute_in_force(loud), Some(long));
    assert_eq!(later.ban_in_force(loud).await.unwrap(), None, "a mute is no ban");
    clock.advance_ms(10 * 60_000);
    assert_eq!(later.mute_in_force(loud), None);
    storage.close().await;
}

each_database! {
    the_longest_ban_is_in_force_until_it_ends,
    the_longer_mute_is_in_force_and_outlives_a_start,
}
