//! The password: hashed anew, changed.

use super::*;

async fn a_password_is_hashed_anew_when_more_is_asked_for(home: Home) {
    let clock = FakeClock::new();
    let realm = Realm::start(&home, &clock, &Config::default()).await;
    realm.register("Wanderer").await;
    let before = realm.hash_of("Wanderer").await;
    assert!(before.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{before}");
    let tokens = realm.login("Wanderer").await;
    assert_eq!(realm.hash_of("Wanderer").await, before, "as long as nothing is asked for");
    realm.storage.close().await;
    let config = Config { password_passes: 3, password_memory_kib: 20_480, ..Config::default() };
    let realm = Realm::start(&home, &clock, &config).await;
    assert!(realm.accounts.login("Wanderer", "not the password", PEER).await.is_err());
    assert_eq!(realm.hash_of("Wanderer").await, before, "only the password itself can be hashed");
    realm.login("Wanderer").await;
    let after = realm.hash_of("Wanderer").await;
    assert!(after.starts_with("$argon2id$v=19$m=20480,t=3,p=1$"), "{after}");
    realm.login("Wanderer").await;
    assert_eq!(realm.hash_of("Wanderer").await, after, "once");
    assert!(realm.accounts.authenticate(&tokens.access).is_ok(), "nothing has changed for its sessions");
    realm.storage.close().await;
    // Less is asked for again: what cost more stays.
    let realm = Realm::start(&home, &clock, &Config::default()).await;
    realm.login("Wanderer").await;
    assert_eq!(realm.hash_of("Wanderer").await, after);
    realm.storage.close().await;
}

async fn a_new_password_ends_every_other_session(home: Home) {
    let clock = FakeClock::new();
    let realm = Realm::start(&home, &clock, &Config::default()).await;
    realm.register("Wanderer").await;
    realm.register("Stranger").await;
    let (here, there, stranger) =
        (realm.login("Wanderer").await, realm.login("Wanderer").await, realm.login("Stranger").await);
    let who = here.identity.clone();
    let waiting = tokio::spawn({
        let (accounts, session) = (realm.accounts.clone(), there.identity.session);
        async move { accounts.session_ended(session).await }
    });
    const NEW: &str = "five lanterns by the lake";
    let wrong = realm.accounts.change_password(&who, "not the password", NEW, PEER).await;
    assert!(matches!(wrong, Err(AccountsError::PasswordWrong)));
    for weak in ["password1", "Wanderer77", "short"] {
        let weak = realm.accounts.change_password(&who, PASSWORD, weak, PEER).await;
        assert!(matches!(weak, Err(AccountsError::InvalidPassword(_))));
    }
    assert!(realm.accounts.authenticate(&there.access).is_ok(), "nothing has changed yet");
    clock.advance_ms(1_000);
    realm.accounts.change_password(&who, PASSWORD, NEW, PEER).await.unwrap();
    waiting.await.unwrap();
    assert!(
        realm.accounts.authenticate(&there.access).is_err() && realm.accounts.refresh(&there.refresh).await.is_err()
    );
    assert!(realm.accounts.authenticate(&here.access).is_ok() && realm.accounts.authenticate(&stranger.access).is_ok());
    assert!(matches!(realm.accounts.login("Wanderer", PASSWORD, PEER).await, Err(AccountsError::InvalidCredentials)));
    realm.accounts.login("Wanderer", NEW, PEER).await.unwrap();
    let profile = realm.accounts.profile(&who).await.unwrap();
    assert_eq!((profile.name.as_str(), profile.role), ("Wanderer", Role::Player));
    assert_eq!(profile.password_changed_ms, Some(profile.created_ms + 1_000));
    assert_eq!(profile.login_last_ms, Some(profile.created_ms + 1_000));
    realm.storage.close().await;
    let realm = Realm::start(&home, &clock, &Config::default()).await;
    assert!(realm.accounts.authenticate(&there.access).is_err() && realm.accounts.authenticate(&here.access).is_ok());
    realm.storage.close().await;
}

async fn a_log_in_that_was_checked_before_the_password_changed_opens_nothing(home: Home) {
    let clock = FakeClock::new();
    let realm = Realm::start(&home, &clock, &Config::default()).await;
    realm.register("Wanderer").await;
    let tokens = realm.login("Wanderer").await;
    let gate = hold(&realm.storage).await;
    let change = tokio::spawn({
        let (accounts, who) = (realm.accounts.clone(), tokens.identity.clone());
        async move { accounts.change_password(&who, PASSWORD, "five lanterns by the lake", PEER).await }
    });
    while queued(&realm.storage) < 1 {
        tokio::task::yield_now().await;
    }
    let late = tokio::spawn({
        let accounts = realm.accounts.clone();
        async move { accounts.login("Wanderer", PASSWORD, PEER).await }
    });
    while queued(&realm.storage) < 2 {
        tokio::task::yield_now().await;
    }
    gate.send(()).unwrap();
    change.await.unwrap().unwrap();
    assert!(matches!(late.await.unwrap(), Err(AccountsError::InvalidCredentials)));
    assert_eq!(realm.accounts.sessions_of(&tokens.identity).await.unwrap().len(), 1);
    realm.storage.close().await;
}

each_database! {
    a_password_is_hashed_anew_when_more_is_asked_for,
    a_new_password_ends_every_other_session,
    a_log_in_that_was_checked_before_the_password_changed_opens_nothing,
}
