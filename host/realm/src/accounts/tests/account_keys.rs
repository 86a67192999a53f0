//! Account keys.

use super::*;

async fn keys_are_bound_once_and_needed_where_they_are_required(home: Home) {
    let clock = FakeClock::new();
    let config = Config { require_key: true, ..Config::default() };
    let open = Realm::start(&home, &clock, &Config::default()).await;
    open.register("Early").await;
    let early = open.login("Early").await;
    let keys = open.accounts.make_keys(4, "spring", None).await.unwrap();
    assert_eq!(open.accounts.import_keys(&[keys[0].clone(), "no key".to_owned()], "", None).await.unwrap(), (0, 1));
    open.accounts.register_with(name("Guest"), PASSWORD, &keys[3], PEER).await.expect("a key may be given anywhere");
    open.storage.close().await;

    let realm = Realm::start(&home, &clock, &config).await;
    let register = async |who: &str, key: &str| realm.accounts.register_with(name(who), PASSWORD, key, PEER).await;
    for key in ["", "no key", "ABCDE-FGHJK-LMNPQ-RSTUV-WXYZ2", keys[3].as_str()] {
        let refused = register("Wanderer", key).await.unwrap_err();
        assert_eq!(Refusal::from(refused).code, Code::InvalidCdkey, "{key}");
    }
    let typed = keys[0].to_lowercase();
    let (one, two) = tokio::join!(register("One", &keys[0]), register("Two", &typed));
    assert!(one.is_ok() != two.is_ok(), "a key is one account's: {one:?} {two:?}");
    let (winner, loser) = if one.is_ok() { ("One", "Two") } else { ("Two", "One") };
    assert_eq!(realm.accounts.find(&name(loser)).await.unwrap(), None, "and no account is left without one");
    let found = realm.accounts.find_key(&keys[0]).await.unwrap().unwrap();
    assert_eq!((found.account, found.note.as_str()), (realm.accounts.find(&name(winner)).await.unwrap(), "spring"));

    // Accounts from before bring a key at their next log-in.
    assert!(realm.accounts.authenticate(&early.access).is_ok());
    let refused = realm.accounts.login("Early", PASSWORD, PEER).await.unwrap_err();
    assert_eq!(Refusal::from(refused).code, Code::InvalidCdkey);
    let stranger = realm.accounts.login("Early", "not the password", PEER).await;
    assert!(matches!(stranger, Err(AccountsError::InvalidCredentials)), "a stranger learns nothing of it");
    let with = |key: &str| Proof { account_key: key.to_owned(), ..Proof::default() };
    let taken = realm.accounts.login_with("Early", PASSWORD, &with(&keys[0]), PEER).await;
    assert!(matches!(taken, Err(AccountsError::KeyInvalid(_))));
    realm.accounts.login_with("Early", PASSWORD, &with(&keys[1]), PEER).await.unwrap();
    let tokens = realm.login("Early").await;

    assert!(realm.accounts.revoke_key(&keys[1], None).await.unwrap());
    assert!(!realm.accounts.revoke_key(&keys[1], None).await.unwrap(), "once");
    assert!(!realm.accounts.revoke_key("no key", None).await.unwrap());
    assert!(realm.accounts.authenticate(&tokens.access).is_err(), "its sessions end");
    assert!(matches!(realm.accounts.login("Early", PASSWORD, PEER).await, Err(AccountsError::KeyInvalid(_))));
    let revoked = realm.accounts.login_with("Early", PASSWORD, &with(&keys[1]), PEER).await;
    assert!(matches!(revoked, Err(AccountsError::KeyInvalid(_))));
    realm.accounts.login_with("Early", PASSWORD, &with(&keys[2]), PEER).await.unwrap();
    assert_eq!(realm.accounts.keys(None, 100).await.unwrap().len(), 4);
    // A page at a time, also among keys that were made at one moment.
    let (mut before, mut hints) = (None, Vec::new());
    loop {
        let page = realm.accounts.keys(before, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.number);
        hints.extend(page.iter().map(|key| key.hint.clone()));
    }
    let made: Vec<String> = keys.iter().rev().map(|key| key[key.len() - 4..].to_owned()).collect();
    assert_eq!(hints, made);
    realm.storage.close().await;
}

/// Begins a log-in that waits for the writer behind what is queued already.
async fn login_behind(realm: &Realm, key: &str) -> tokio::task::JoinHandle<Result<Tokens, AccountsError>> {
    let (accounts, before) = (realm.accounts.clone(), queued(&realm.storage));
    let proof = Proof { account_key: key.to_owned(), ..Proof::default() };
    let login = tokio::spawn(async move { accounts.login_with("Wanderer", PASSWORD, &proof, PEER).await });
    while queued(&realm.storage) == before {
        tokio::task::yield_now().await;
    }
    login
}

async fn a_key_that_is_revoked_while_a_log_in_is_on_its_way_lets_nobody_in(home: Home) {
    let clock = FakeClock::new();
    let config = Config { require_key: true, ..Config::default() };
    let realm = Realm::start(&home, &clock, &config).await;
    let keys = realm.accounts.make_keys(1, "", None).await.unwrap();
    realm.accounts.register_with(name("Wanderer"), PASSWORD, &keys[0], PEER).await.unwrap();
    let gate = hold(&realm.storage).await;
    let (accounts, key) = (realm.accounts.clone(), keys[0].clone());
    let revoke = tokio::spawn(async move { accounts.revoke_key(&key, None).await });
    while queued(&realm.storage) == 0 {
        tokio::task::yield_now().await;
    }
    let login = login_behind(&realm, "").await;
    gate.send(()).unwrap();
    assert!(revoke.await.unwrap().unwrap());
    let refused = login.await.unwrap().unwrap_err();
    assert_eq!(Refusal::from(refused).code, Code::InvalidCdkey);
    realm.storage.close().await;
}

async fn a_log_in_that_fails_uses_no_key_up(home: Home) {
    let clock = FakeClock::new();
    let open = Realm::start(&home, &clock, &Config::default()).await;
    open.register("Wanderer").await;
    let (tokens, keys) = (open.login("Wanderer").await, open.accounts.make_keys(1, "", None).await.unwrap());
    open.storage.close().await;
    let realm = Realm::start(&home, &clock, &Config { require_key: true, ..Config::default() }).await;
    let gate = hold(&realm.storage).await;
    let (storage, account) = (realm.storage.clone(), tokens.identity.account);
    let change = tokio::spawn(async move {
        let change = storage.write::<_, StorageError, _>(move |connection| {
            Box::pin(store::own::change_password(connection, account, 0, "another hash", 1))
        });
        change.await
    });
    while queued(&realm.storage) == 0 {
        tokio::task::yield_now().await;
    }
    let login = login_behind(&realm, &keys[0]).await;
    gate.send(()).unwrap();
    assert!(change.await.unwrap().unwrap());
    assert!(matches!(login.await.unwrap(), Err(AccountsError::InvalidCredentials)));
    let found = realm.accounts.find_key(&keys[0]).await.unwrap().unwrap();
    assert_eq!(found.account, None, "the key is free still");
    realm.storage.close().await;
}

each_database! {
    a_key_that_is_revoked_while_a_log_in_is_on_its_way_lets_nobody_in,
    a_log_in_that_fails_uses_no_key_up,
    keys_are_bound_once_and_needed_where_they_are_required,
}
