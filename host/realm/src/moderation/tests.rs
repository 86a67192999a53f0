use super::{Ban, Moderation};
use crate::storage::testing::{FakeClock, account, open};

#[tokio::test]
async fn the_longest_ban_is_in_force_until_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let clock = FakeClock::new();
    let storage = open(folder.path(), &clock).await;
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
