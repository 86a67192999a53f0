//! Whoever guesses at passwords, and whoever is not to suffer from it.

use super::*;

async fn a_wrong_password_and_an_unknown_name_get_one_answer(home: Home) {
    let clock = FakeClock::new();
    let realm = Realm::start(&home, &clock, &Config::default()).await;
    realm.register("Wanderer").await;
    let mut answers = Vec::new();
    for (who, password) in [("Wanderer", "not the password"), ("Nobody", PASSWORD), ("!", PASSWORD), ("Nobody", "")] {
        answers.push(Refusal::from(realm.accounts.login(who, password, PEER).await.unwrap_err()));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.code == Code::InvalidCredentials));
    let long = realm.accounts.login("Wanderer", &"x".repeat(1_000_000), PEER).await;
    assert!(matches!(long, Err(AccountsError::InvalidCredentials)));
    realm.storage.close().await;
}

async fn wrong_passwords_lock_the_account_for_that_address_only(home: Home) {
    let clock = FakeClock::new();
    let config = Config { wrong_passwords_max: 2, ..Config::default() };
    let realm = Realm::start(&home, &clock, &config).await;
    realm.register("Wanderer").await;
    for _ in 0..2 {
        let wrong = realm.accounts.login("Wanderer", "not the password", PEER).await;
        assert!(matches!(wrong, Err(AccountsError::InvalidCredentials)));
    }
    let locked = realm.accounts.login("Wanderer", PASSWORD, PEER).await.unwrap_err();
    assert!(matches!(locked, AccountsError::Locked { retry_after_ms: 60_000 }));
    let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
    realm.accounts.login("Wanderer", PASSWORD, elsewhere).await.unwrap();
    clock.advance_ms(MINUTE_MS);
    realm.login("Wanderer").await;
    realm.storage.close().await;
}

async fn one_network_tries_so_often_and_is_refused_before_anything_is_looked_up(home: Home) {
    let clock = FakeClock::new();
    let config = Config { login_burst: 3, login_per_minute: 1, ..Config::default() };
    let realm = Realm::start(&home, &clock, &config).await;
    realm.accounts.register(name("Wanderer"), PASSWORD, elsewhere(1)).await.unwrap();
    for who in ["Ada", "Bo", "!"] {
        let wrong = realm.accounts.login(who, "not the password", PEER).await;
        assert!(matches!(wrong, Err(AccountsError::InvalidCredentials)));
    }
    realm.accounts.login("Wanderer", PASSWORD, elsewhere(1)).await.expect("others are not concerned");
    realm.storage.close().await;
    let answers = [
        realm.accounts.login("Cy", PASSWORD, PEER).await.err(),
        realm.accounts.register(name("Cy"), PASSWORD, PEER).await.err(),
        realm.accounts.create_owner("a token", name("Cy"), PASSWORD, PEER).await.err(),
    ];
    for refused in answers {
        let refusal = Refusal::from(refused.unwrap());
        assert_eq!(refusal.code, Code::RateLimited);
        assert!(refusal.retry_after_ms.is_some_and(|wait_ms| (1..=60_000).contains(&wait_ms)), "{refusal:?}");
    }
    let asked = realm.accounts.login("Cy", PASSWORD, elsewhere(2)).await;
    assert!(matches!(asked, Err(AccountsError::Storage(_))), "whoever is not refused does ask the closed database");
}

async fn one_network_makes_so_many_accounts_an_hour_and_names_that_are_taken_cost_nothing(home: Home) {
    let clock = FakeClock::new();
    let config = Config { registrations_per_hour: 2, ..Config::default() };
    let realm = Realm::start(&home, &clock, &config).await;
    realm.register("Ada").await;
    for _ in 0..5 {
        let taken = realm.accounts.register(name("ADA"), PASSWORD, PEER).await;
        assert!(matches!(taken, Err(AccountsError::Taken)));
    }
    realm.register("Bo").await;
    let refused = realm.accounts.register(name("Cy"), PASSWORD, PEER).await.unwrap_err();
    assert!(
        matches!(refused, AccountsError::TooMany { retry_after_ms } if retry_after_ms > 25 * 60_000),
        "{refused:?}"
    );
    realm.accounts.register(name("Cy"), PASSWORD, elsewhere(1)).await.unwrap();
    realm.login("Ada").await;
    realm.storage.close().await;
}

async fn one_network_cannot_lock_everybody_out(home: Home) {
    let clock = FakeClock::new();
    let realm = Realm::start(&home, &clock, &Config::default()).await;
    realm.accounts.register(name("Victim"), PASSWORD, elsewhere(1)).await.unwrap();
    let flood: Vec<_> = (0..100)
        .map(|number| {
            let accounts = realm.accounts.clone();
            tokio::spawn(async move {
                let mut answers = Vec::new();
                for round in 0..20 {
                    let who = format!("Nm-{number}-{round}");
                    answers.push(accounts.login(&who, "not the password", PEER).await.unwrap_err());
                }
                answers
            })
        })
        .collect();
    for _ in 0..5 {
        realm.accounts.login("Victim", PASSWORD, elsewhere(1)).await.expect("a place is left for others");
    }
    let mut computed = 0;
    for task in flood {
        for answer in task.await.unwrap() {
            match answer {
                AccountsError::InvalidCredentials => computed += 1,
                AccountsError::Busy | AccountsError::TooMany { .. } => {}
                other => panic!("{other}"),
            }
        }
    }
    let config = Config::default();
    assert!(computed <= config.login_burst + 60 * config.login_per_minute, "{computed}");
    realm.storage.close().await;
}

async fn guessers_everywhere_do_not_lock_out_whoever_is_known(home: Home) {
    let clock = FakeClock::new();
    let realm = Realm::start(&home, &clock, &Config::default()).await;
    realm.register("Wanderer").await;
    realm.login("Wanderer").await;
    let mut tried = Vec::new();
    for last in 1..=12 {
        for who in ["Wanderer", "Nobody"] {
            let answer = realm.accounts.login(who, "not the password", elsewhere(last)).await.unwrap_err();
            tried.push((last, who, Refusal::from(answer)));
        }
    }
    // Ten tries an hour for strangers, and the answers do not tell whether there is such an account.
    for (last, who, refusal) in &tried {
        let expected = if *last <= 10 { Code::InvalidCredentials } else { Code::AccountLocked };
        assert_eq!(refusal.code, expected, "{who} from {last}");
    }
    let of = |name: &str| {
        tried.iter().filter(|(_, who, _)| *who == name).map(|(.., refusal)| refusal.clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("Wanderer"), of("Nobody"));
    realm.login("Wanderer").await;
    let stranger = realm.accounts.login("Wanderer", PASSWORD, elsewhere(100)).await;
    assert!(matches!(stranger, Err(AccountsError::Locked { .. })), "also with the right password");
    // The networks that are known are a few, and forgotten in a month.
    clock.advance_ms(HOUR_MS);
    for last in 20..28 {
        realm.accounts.login("Wanderer", PASSWORD, elsewhere(last)).await.unwrap();
        clock.advance_ms(1);
    }
    let knows = async |address: IpAddr| {
        let (readers, network) = (realm.storage.reader(), crate::types::Network::of(address).to_string());
        store::own::knows_network(readers, name("Wanderer").folded(), &network, 0).await.unwrap()
    };
    assert!(!knows(PEER).await && knows(elsewhere(20)).await && knows(elsewhere(27)).await);
    clock.advance_ms(30 * 24 * HOUR_MS);
    realm.accounts.inner.tidy().await.unwrap();
    assert!(!knows(elsewhere(27)).await);
    realm.storage.close().await;
}

each_database! {
    a_wrong_password_and_an_unknown_name_get_one_answer,
    wrong_passwords_lock_the_account_for_that_address_only,
    one_network_tries_so_often_and_is_refused_before_anything_is_looked_up,
    one_network_makes_so_many_accounts_an_hour_and_names_that_are_taken_cost_nothing,
    guessers_everywhere_do_not_lock_out_whoever_is_known,
}
each_database! { threads:
    one_network_cannot_lock_everybody_out,
}
