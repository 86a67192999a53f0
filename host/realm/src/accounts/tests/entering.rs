//! Registering, becoming the owner, coming in and being refused.

use super::*;

async fn two_registrations_of_one_name_at_once_give_one_account(home: Home) {
    let clock = FakeClock::new();
    let realm = Realm::start(&home, &clock, &Config::default()).await;
    let (first, second) = tokio::join!(
        realm.accounts.register(name("Twin"), PASSWORD, PEER),
        realm.accounts.register(name("tWIN"), PASSWORD, PEER),
    );
    assert!(first.is_ok() != second.is_ok());
    assert!(matches!(first.and(second), Err(AccountsError::Taken)));
    realm.storage.close().await;
}

async fn closed_registration_and_weak_passwords_are_refused(home: Home) {
    let clock = FakeClock::new();
    let config = Config { registration_open: false, ..Config::default() };
    let realm = Realm::start(&home, &clock, &config).await;
    let closed = realm.accounts.register(name("Late"), PASSWORD, PEER).await.unwrap_err();
    assert_eq!(Refusal::from(closed).code, Code::Forbidden);
    realm.storage.close().await;
    let realm = Realm::start(&home, &clock, &Config::default()).await;
    let weak = realm.accounts.register(name("Late"), "password1", PEER).await.unwrap_err();
    assert_eq!(Refusal::from(weak).code, Code::InvalidPassword);
    realm.storage.close().await;
}

async fn a_banned_account_is_told_why_and_until_when_and_keeps_nothing(home: Home) {
    let clock = FakeClock::new();
    let realm = Realm::start(&home, &clock, &Config::default()).await;
    realm.register("Cheat").await;
    let tokens = realm.login("Cheat").await;
    let until_ms = realm.storage.now_ms() + HOUR_MS;
    let ban = Ban::new("moving too fast.", Some(until_ms));
    realm.moderation.ban(tokens.identity.account, ban, Decider::Plugin("anti-cheat".to_owned())).await.unwrap();
    let refused = Refusal::from(realm.accounts.refresh(&tokens.refresh).await.unwrap_err());
    assert_eq!(refused.code, Code::AccountBanned);
    assert_eq!(refused.message, "This account is banned until 2026-11-18T12:06:40Z: moving too fast (sanction 1).");
    assert!(realm.accounts.authenticate(&tokens.access).is_err(), "the ban ended the session");
    let login = realm.accounts.login("Cheat", PASSWORD, PEER).await;
    assert!(matches!(login, Err(AccountsError::Banned(_))));
    let stranger = realm.accounts.login("Cheat", "not the password", PEER).await;
    assert!(matches!(stranger, Err(AccountsError::InvalidCredentials)), "a stranger learns nothing of the ban");
    clock.advance_ms(HOUR_MS);
    realm.login("Cheat").await;
    realm.storage.close().await;
}

async fn the_owner_token_works_once_and_only_the_newest(home: Home) {
    let clock = FakeClock::new();
    let realm = Realm::start(&home, &clock, &Config::default()).await;
    let old = realm.accounts.owner_token().await.unwrap().unwrap();
    let token = realm.accounts.owner_token().await.unwrap().unwrap();
    let refused = realm.accounts.create_owner(&old, name("Keeper"), PASSWORD, PEER).await;
    assert!(matches!(refused, Err(AccountsError::OwnerTokenInvalid)));
    let weak = realm.accounts.create_owner(&token, name("Keeper"), "12345678", PEER).await;
    assert!(matches!(weak, Err(AccountsError::InvalidPassword(_))));
    realm.register("Keeper").await;
    let taken = realm.accounts.create_owner(&token, name("Keeper"), PASSWORD, PEER).await;
    assert!(matches!(taken, Err(AccountsError::Taken)), "and the token stays");
    let typed = format!(" {}\n", token.to_uppercase());
    let owner = realm.accounts.create_owner(&typed, name("Owner"), PASSWORD, PEER).await.unwrap();
    let again = realm.accounts.create_owner(&token, name("Second"), PASSWORD, PEER).await;
    assert!(matches!(again, Err(AccountsError::OwnerTokenInvalid)));
    assert_eq!(realm.accounts.owner_token().await.unwrap(), None);
    let tokens = realm.login("Owner").await;
    assert_eq!((tokens.identity.account, tokens.identity.role), (owner, Role::Owner));
    realm.storage.close().await;
}

async fn a_client_that_goes_away_does_not_break_a_verb_off(home: Home) {
    let clock = FakeClock::new();
    let realm = Realm::start(&home, &clock, &Config::default()).await;
    realm.register("Wanderer").await;

    let tokens = realm.login("Wanderer").await;
    let (accounts, session) = (realm.accounts.clone(), tokens.identity.session);
    cut_off(&realm.storage, async move { accounts.logout(session).await }).await;
    until_ended(&realm.accounts, &tokens).await;

    let tokens = realm.login("Wanderer").await;
    let next = realm.accounts.refresh(&tokens.refresh).await.unwrap();
    clock.advance_ms(10_001);
    let (accounts, used) = (realm.accounts.clone(), tokens.refresh);
    cut_off(&realm.storage, async move { accounts.refresh(&used).await }).await;
    until_ended(&realm.accounts, &next).await;

    let oldest = realm.login("Wanderer").await;
    for _ in 1..crate::accounts::SESSIONS_PER_ACCOUNT_MAX {
        realm.login("Wanderer").await;
    }
    assert!(realm.accounts.authenticate(&oldest.access).is_ok());
    let accounts = realm.accounts.clone();
    cut_off(&realm.storage, async move { accounts.login("Wanderer", PASSWORD, elsewhere(1)).await }).await;
    until_ended(&realm.accounts, &oldest).await;

    let tokens = realm.accounts.login("Wanderer", PASSWORD, elsewhere(1)).await.unwrap();
    let (accounts, account) = (realm.accounts.clone(), tokens.identity.account);
    cut_off(&realm.storage, async move { accounts.end_sessions(account).await }).await;
    until_ended(&realm.accounts, &tokens).await;
    realm.storage.close().await;
}

each_database! {
    two_registrations_of_one_name_at_once_give_one_account,
    closed_registration_and_weak_passwords_are_refused,
    a_banned_account_is_told_why_and_until_when_and_keeps_nothing,
    the_owner_token_works_once_and_only_the_newest,
    a_client_that_goes_away_does_not_break_a_verb_off,
}
