use super::{Ban, Decider, Kind, Moderation, Mute, Order, SanctionError, Target};
use crate::{
    storage::testing::{FakeClock, Home, account, each_database, open},
    types::Clock as _,
};

fn plugin(name: &str) -> Decider {
    Decider::Plugin(name.to_owned())
}

async fn the_longest_ban_is_in_force_until_it_ends(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    let (cheat, honest) = (account(&storage).await, account(&storage).await);
    let moderation = Moderation::new(storage.clone());
    let ban = |reason: &str, minutes: Option<i64>| {
        Ban::new(reason, minutes.map(|minutes| storage.now_ms() + minutes * 60_000))
    };
    assert_eq!(moderation.ban_in_force(cheat).await.unwrap(), None);
    moderation.ban(cheat, ban("speed", Some(10)), plugin("anti-cheat")).await.unwrap();
    moderation.ban(cheat, ban("swearing", Some(5)), Decider::Operator).await.unwrap();
    assert_eq!(moderation.ban_in_force(cheat).await.unwrap().unwrap().reason, "speed");
    assert_eq!(moderation.ban_in_force(honest).await.unwrap(), None);

    clock.advance_ms(10 * 60_000);
    assert_eq!(moderation.ban_in_force(cheat).await.unwrap(), None);
    moderation.ban(cheat, ban("for good", None), Decider::Operator).await.unwrap();
    moderation.ban(cheat, ban(&"long ".repeat(200), Some(1)), Decider::Operator).await.unwrap();
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
    moderation.mute(loud, long.clone(), plugin("rule")).await.unwrap();
    moderation.mute(loud, short, plugin("rule")).await.unwrap();
    moderation.flag(quiet, "look here", plugin("rule")).await.unwrap();
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
    let keeper = Decider::Account(account(&storage).await);
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
        numbers.push(moderation.sanction(order, Decider::Operator, None).await.unwrap().number);
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
    assert_eq!(moderation.lift(2, keeper.clone(), None).await.unwrap().unwrap().lifted_by, Some(keeper.clone()));
    assert_eq!(moderation.mute_in_force(loud).unwrap().number, 3);
    assert_eq!(moderation.lift(2, keeper.clone(), None).await.unwrap(), None, "once");
    assert_eq!(moderation.lift(77, keeper.clone(), None).await.unwrap(), None);
    clock.advance_ms(10 * MINUTE_MS - 1);
    assert!(moderation.ban_in_force(loud).await.unwrap().is_some() && banned(&moderation, "192.0.2.7").is_some());
    clock.advance_ms(1);
    assert!(moderation.ban_in_force(loud).await.unwrap().is_none() && banned(&moderation, "192.0.2.7").is_none());
    assert_eq!(moderation.lift(4, keeper.clone(), None).await.unwrap(), None, "it has ended by itself");
    moderation.lift(5, keeper.clone(), None).await.unwrap().unwrap();
    assert_eq!(banned(&moderation, "2001:db8:1:7::9"), None);
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    while banned(&other, "2001:db8:1:7::9").is_some() {
        assert!(tokio::time::Instant::now() < deadline, "the other node hears of it");
        tokio::task::yield_now().await;
    }

    let listed = |sanctions: Vec<super::Sanction>| sanctions.iter().map(|one| one.number).collect::<Vec<_>>();
    assert_eq!(listed(moderation.list(None, None, 100).await.unwrap()), [5, 4, 3, 2, 1]);
    assert_eq!(listed(moderation.list(None, None, 2).await.unwrap()), [5, 4]);
    assert_eq!(listed(moderation.list(None, Some(4), 2).await.unwrap()), [3, 2]);
    let against = Target::Account(loud);
    assert_eq!(listed(moderation.list(Some(&against), None, 100).await.unwrap()), [3, 2, 1]);
    assert_eq!(listed(moderation.list(Some(&against), Some(3), 1).await.unwrap()), [2]);
    let against = network("2001:db8:1::/48");
    assert_eq!(listed(moderation.list(Some(&against), None, 100).await.unwrap()), [5]);
    assert_eq!(listed(moderation.list(Some(&against), Some(5), 100).await.unwrap()), [0_i64; 0]);
    storage.close().await;
}

/// Waits for what another node takes up by itself.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), waiting).await.unwrap_or_else(|_| panic!("{what}"));
}

/// Two nodes over one database: what is spoken and lifted on one is in force on the other, whatever their clocks say.
async fn what_one_node_decides_another_takes_up(home: Home) {
    let (clock, clock_there) = (FakeClock::new(), FakeClock::new());
    clock_there.put_forward_ms(-60_000);
    let storage = open(&home, &clock).await;
    let node = home.node(&storage, &clock_there).await;
    let (loud, cheat) = (account(&storage).await, account(&storage).await);
    let (here, there) = (Moderation::new(storage.clone()), Moderation::new(node.storage.clone()));
    for node in [&here, &there] {
        node.load().await.unwrap();
    }
    let mut heard = there.heard();
    let order = |kind, target, minutes: i64| Order {
        kind,
        target,
        reason: "Spam.".to_owned(),
        until_ms: Some(clock.now_ms() + minutes * 60_000),
    };
    let speak = async |by: &Moderation, order| by.sanction(order, Decider::Operator, None).await.unwrap().number;
    let long = speak(&here, order(Kind::Mute, Target::Account(loud), 20)).await;
    let short = speak(&here, order(Kind::Mute, Target::Account(loud), 10)).await;
    until("the longer mute", || there.mute_in_force(loud).is_some_and(|mute| mute.number == long)).await;
    // Lifted on a node whose clock is behind: it is heard all the same.
    there.lift(long, Decider::Operator, None).await.unwrap().unwrap();
    until("the shorter one is left", || here.mute_in_force(loud).is_some_and(|mute| mute.number == short)).await;
    here.lift(short, Decider::Operator, None).await.unwrap().unwrap();
    until("none is left", || there.mute_in_force(loud).is_none()).await;
    // A rule's mute, and a network whose ban was lifted by a clock that is behind that of another lift.
    there.mute(loud, Mute::new("shouting", clock.now_ms() + 60_000), plugin("crier")).await.unwrap();
    until("a rule's mute", || here.mute_in_force(loud).is_some()).await;
    let address = |text: &str| text.parse::<std::net::IpAddr>().unwrap();
    let network = |text: &str| Target::Network(text.parse().unwrap());
    let (one, two) = (
        speak(&here, order(Kind::Ban, network("192.0.2.0/24"), 10)).await,
        speak(&here, order(Kind::Ban, network("203.0.113.7/32"), 10)).await,
    );
    until("both networks", || {
        ["192.0.2.7", "203.0.113.7"].into_iter().all(|text| there.network_ban(address(text)).is_some())
    })
    .await;
    here.lift(one, Decider::Operator, None).await.unwrap().unwrap();
    there.lift(two, Decider::Operator, None).await.unwrap().unwrap();
    for (node, name) in [(&here, "here"), (&there, "there")] {
        until(name, || ["192.0.2.7", "203.0.113.7"].into_iter().all(|text| node.network_ban(address(text)).is_none()))
            .await;
    }
    // Whoever has to send somebody away hears of each as it is now.
    let ban = speak(&here, order(Kind::Ban, Target::Account(cheat), 10)).await;
    let told = async {
        loop {
            let sanction = heard.recv().await.unwrap();
            if sanction.number == ban {
                return sanction;
            }
        }
    };
    let told = tokio::time::timeout(std::time::Duration::from_secs(30), told).await.expect("the ban is heard of");
    assert!(told.in_force(clock.now_ms()) && told.target == Target::Account(cheat));
    node.storage.close().await;
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
        let refused = moderation.sanction(order, Decider::Operator, None).await;
        assert!(matches!(refused, Err(SanctionError::Target(_))), "{kind:?} {target}: {refused:?}");
    }
    storage.close().await;
}

/// The migration that told deciders with their kind looks for lines of the audit log in this form.
#[test]
fn the_state_of_a_sanction_is_written_as_the_migration_looks_for_it() {
    let sanction = super::Sanction {
        number: 3,
        kind: Kind::Mute,
        target: Target::Network("192.0.2.0/24".parse().unwrap()),
        reason: String::new(),
        decided_by: Decider::Operator,
        created_ms: 0,
        until_ms: None,
        lifted_by: None,
        lifted_ms: None,
    };
    let forms =
        ["{\"number\":3,\"kind\":\"mute\",\"until_ms\":null}", "{\"kind\":\"mute\",\"number\":3,\"until_ms\":null}"];
    assert!(forms.contains(&super::shown(&sanction).to_string().as_str()), "{}", super::shown(&sanction));
}

each_database! {
    what_one_node_decides_another_takes_up,
    one_verb_sanctions_accounts_addresses_and_networks_until_they_end_or_are_lifted,
    orders_that_would_do_harm_are_refused,
    the_longest_ban_is_in_force_until_it_ends,
    the_longer_mute_is_in_force_and_outlives_a_start,
}
