use super::{Ban, Kind, Moderation, Mute, Order, SanctionError, Target};
use crate::storage::testing::{FakeClock, Home, account, each_database, open};

async fn the_longest_ban_is_in_force_until_it_ends(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    let (cheat, honest) = (account(&storage).await, account(&storage).await);
    let moderation = Moderation::new(storage.clone());
    let ban = |reason: &str, minutes: Option<i64>| {
        Ban::new(reason, minutes.map(|minutes| storage.now_ms() + minutes * 60_000))
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
        Ban { number: 3, reason: "for good".to_owned(), until_ms: None }
    );
    storage.close().await;
}

async fn the_longer_mute_is_in_force_and_outlives_a_start(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    let (loud, quiet) = (account(&storage).await, account(&storage).await);
    let moderation = Moderation::new(storage.clone());
    let mute = |minutes: i64| Mute::new("shouting", storage.now_ms() + minutes * 60_000);
    let (long, short) = (mute(10), mute(5));
    moderation.mute(loud, long.clone(), "rule").await.unwrap();
    moderation.mute(loud, short, "rule").await.unwrap();
    moderation.flag(quiet, "look here", "rule").await.unwrap();
    assert_eq!(moderation.mute_in_force(loud), Some(long.clone()));
    assert_eq!(moderation.mute_in_force(quiet), None);

    let later = Moderation::new(storage.clone());
    assert_eq!(later.mute_in_force(loud), None);
    later.load().await.unwrap();
    assert_eq!(later.mute_in_force(loud), Some(Mute { number: 1, ..long }));
    assert_eq!(later.ban_in_force(loud).await.unwrap(), None, "a mute is no ban");
    clock.advance_ms(10 * 60_000);
    assert_eq!(later.mute_in_force(loud), None);
    storage.close().await;
}

async fn one_verb_sanctions_accounts_addresses_and_networks_until_they_end_or_are_lifted(home: Home) {
    const MINUTE_MS: i64 = 60_000;
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    let loud = account(&storage).await;
    let moderation = Moderation::new(storage.clone());
    moderation.load().await.unwrap();
    let begun_ms = storage.now_ms();
    let network = |text: &str| Target::Network(text.parse().unwrap());
    let order = |kind, target, minutes: Option<i64>| Order {
        kind,
        target,
        reason: "Spam.".to_owned(),
        until_ms: minutes.map(|minutes| begun_ms + minutes * MINUTE_MS),
    };
    let mut numbers = Vec::new();
    for order in [
        order(Kind::Ban, Target::Account(loud), Some(10)),
        order(Kind::Mute, Target::Account(loud), Some(20)),
        order(Kind::Mute, Target::Account(loud), Some(5)),
        order(Kind::Ban, network("192.0.2.7/32"), Some(10)),
        order(Kind::Ban, network("2001:db8:1::/48"), None),
    ] {
        numbers.push(moderation.sanction(order, "Owner", None).await.unwrap().number);
    }
    assert_eq!(numbers, [1, 2, 3, 4, 5], "people can say them to each other");
    let banned = |moderation: &Moderation, address: &str| {
        moderation.network_ban(address.parse().unwrap()).map(|ban| ban.sentence())
    };
    assert_eq!(
        moderation.ban_in_force(loud).await.unwrap().unwrap().sentence(),
        "This account is banned until 2026-11-18T11:16:40Z: Spam (sanction 1)."
    );
    assert_eq!(
        moderation.mute_in_force(loud).unwrap().sentence(),
        "You may not talk until 2026-11-18T11:26:40Z: Spam (sanction 2)."
    );
    assert_eq!(
        banned(&moderation, "192.0.2.7").unwrap(),
        "Your address is banned until 2026-11-18T11:16:40Z: Spam (sanction 4)."
    );
    assert_eq!(banned(&moderation, "2001:db8:1:7::9").unwrap(), "Your address is banned for good: Spam (sanction 5).");
    assert_eq!((banned(&moderation, "192.0.2.8"), banned(&moderation, "2001:db8:2::1")), (None, None));
    // Another node takes it up, and a start does.
    let other = Moderation::new(storage.clone());
    other.load().await.unwrap();
    assert!(banned(&other, "192.0.2.7").is_some());

    // Of two mutes the longer is lifted, and the shorter is left.
    assert_eq!(moderation.lift(2, "Keeper", None).await.unwrap().unwrap().lifted_by.as_deref(), Some("Keeper"));
    assert_eq!(moderation.mute_in_force(loud).unwrap().number, 3);
    assert_eq!(moderation.lift(2, "Keeper", None).await.unwrap(), None, "once");
    assert_eq!(moderation.lift(77, "Keeper", None).await.unwrap(), None);
    clock.advance_ms(10 * MINUTE_MS - 1);
    assert!(moderation.ban_in_force(loud).await.unwrap().is_some() && banned(&moderation, "192.0.2.7").is_some());
    clock.advance_ms(1);
    assert!(moderation.ban_in_force(loud).await.unwrap().is_none() && banned(&moderation, "192.0.2.7").is_none());
    assert_eq!(moderation.lift(4, "Keeper", None).await.unwrap(), None, "it has ended by itself");
    moderation.lift(5, "Keeper", None).await.unwrap().unwrap();
    assert_eq!(banned(&moderation, "2001:db8:1:7::9"), None);
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    while banned(&other, "2001:db8:1:7::9").is_some() {
        assert!(tokio::time::Instant::now() < deadline, "the other node hears of it");
        tokio::task::yield_now().await;
    }

    let listed = |sanctions: Vec<super::Sanction>| sanctions.iter().map(|one| one.number).collect::<Vec<_>>();
    assert_eq!(listed(moderation.list(None).await.unwrap()), [5, 4, 3, 2, 1]);
    assert_eq!(listed(moderation.list(Some(&Target::Account(loud))).await.unwrap()), [3, 2, 1]);
    assert_eq!(listed(moderation.list(Some(&network("2001:db8:1::/48"))).await.unwrap()), [5]);
    storage.close().await;
}

async fn orders_that_would_do_harm_are_refused(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    let loud = account(&storage).await;
    let moderation = Moderation::new(storage.clone());
    let network = |text: &str| Target::Network(text.parse().unwrap());
    for (kind, target) in [
        (Kind::Ban, network("0.0.0.0/0")),
        (Kind::Ban, network("::/0")),
        (Kind::Ban, network("127.0.0.0/8")),
        (Kind::Ban, network("127.0.0.1/32")),
        (Kind::Ban, network("::1/128")),
        (Kind::Mute, network("192.0.2.7/32")),
        (Kind::Flag, network("192.0.2.7/32")),
        (Kind::Mute, Target::Account(loud)),
    ] {
        let order = Order { kind, target: target.clone(), reason: "Spam.".to_owned(), until_ms: None };
        let refused = moderation.sanction(order, "Owner", None).await;
        assert!(matches!(refused, Err(SanctionError::Target(_))), "{kind:?} {target}: {refused:?}");
    }
    storage.close().await;
}

each_database! {
    one_verb_sanctions_accounts_addresses_and_networks_until_they_end_or_are_lifted,
    orders_that_would_do_harm_are_refused,
    the_longest_ban_is_in_force_until_it_ends,
    the_longer_mute_is_in_force_and_outlives_a_start,
}
