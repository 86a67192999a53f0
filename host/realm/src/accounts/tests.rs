use std::{
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::Arc,
};

use super::{Accounts, AccountsError, Config, Role, Tokens};
use crate::{
    moderation::{Ban, Moderation},
    storage::{
        Storage,
        testing::{FakeClock, open},
    },
    types::{AccountName, Code, Refusal},
};

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const PASSWORD: &str = "four lanterns by the sea";
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

struct Realm {
    storage: Storage,
    moderation: Moderation,
    accounts: Accounts,
}

impl Realm {
    async fn start(folder: &Path, clock: &Arc<FakeClock>, config: &Config) -> Self {
        let storage = open(folder, clock).await;
        let moderation = Moderation::new(storage.clone());
        let accounts = Accounts::start(config, folder, "main", storage.clone(), moderation.clone()).await.unwrap();
        Self { storage, moderation, accounts }
    }

    async fn register(&self, text: &str) {
        self.accounts.register(name(text), PASSWORD, PEER).await.unwrap();
    }

    async fn login(&self, text: &str) -> Tokens {
        self.accounts.login(text, PASSWORD, PEER).await.unwrap()
    }
}

fn name(text: &str) -> AccountName {
    AccountName::new(text).unwrap()
}

#[tokio::test]
async fn accounts_and_sessions_outlive_a_restart() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), FakeClock::new());
    let realm = Realm::start(folder.path(), &clock, &Config::default()).await;
    realm.register("Wanderer").await;
    let tokens = realm.login("wanderer").await;
    assert_eq!(tokens.access_seconds, 600);
    assert_eq!(tokens.identity.name.as_str(), "Wanderer");
    assert_eq!(realm.accounts.authenticate(&tokens.access).unwrap(), tokens.identity);
    realm.storage.close().await;

    let realm = Realm::start(folder.path(), &clock, &Config::default()).await;
    assert_eq!(realm.accounts.authenticate(&tokens.access).unwrap(), tokens.identity);
    assert_eq!(realm.accounts.find(&name("WANDERER")).await.unwrap(), Some(tokens.identity.account));
    assert_eq!(realm.accounts.find(&name("Nobody")).await.unwrap(), None);
    let taken = realm.accounts.register(name("wanderer"), PASSWORD, PEER).await;
    assert!(matches!(taken, Err(AccountsError::Taken)));
    let refreshed = realm.accounts.refresh(&tokens.refresh).await.unwrap();
    assert_eq!(refreshed.identity, tokens.identity);
    clock.advance_ms(10 * MINUTE_MS);
    assert!(matches!(realm.accounts.authenticate(&tokens.access), Err(AccountsError::TokenInvalid)));
    realm.storage.close().await;
}

#[tokio::test]
async fn two_registrations_of_one_name_at_once_give_one_account() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), FakeClock::new());
    let realm = Realm::start(folder.path(), &clock, &Config::default()).await;
    let (first, second) = tokio::join!(
        realm.accounts.register(name("Twin"), PASSWORD, PEER),
        realm.accounts.register(name("tWIN"), PASSWORD, PEER),
    );
    assert!(first.is_ok() != second.is_ok());
    assert!(matches!(first.and(second), Err(AccountsError::Taken)));
    realm.storage.close().await;
}

#[tokio::test]
async fn closed_registration_and_weak_passwords_are_refused() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), FakeClock::new());
    let config = Config { registration_open: false, ..Config::default() };
    let realm = Realm::start(folder.path(), &clock, &config).await;
    let closed = realm.accounts.register(name("Late"), PASSWORD, PEER).await.unwrap_err();
    assert_eq!(Refusal::from(closed).code, Code::Forbidden);
    realm.storage.close().await;
    let realm = Realm::start(folder.path(), &clock, &Config::default()).await;
    let weak = realm.accounts.register(name("Late"), "password1", PEER).await.unwrap_err();
    assert_eq!(Refusal::from(weak).code, Code::InvalidPassword);
    realm.storage.close().await;
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_get_one_answer() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), FakeClock::new());
    let realm = Realm::start(folder.path(), &clock, &Config::default()).await;
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

#[tokio::test]
async fn wrong_passwords_lock_the_account_for_that_address_only() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), FakeClock::new());
    let config = Config { wrong_passwords_max: 2, ..Config::default() };
    let realm = Realm::start(folder.path(), &clock, &config).await;
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

#[tokio::test]
async fn a_refresh_token_is_used_once_with_a_grace_and_its_reuse_ends_the_session() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), FakeClock::new());
    let realm = Realm::start(folder.path(), &clock, &Config::default()).await;
    realm.register("Wanderer").await;
    let first = realm.login("Wanderer").await;
    let lost = realm.accounts.refresh(&first.refresh).await.unwrap();
    assert_ne!(lost.refresh, first.refresh);
    clock.advance_ms(10_000);
    let second = realm.accounts.refresh(&first.refresh).await.expect("ten seconds are grace for a lost answer");
    let third = realm.accounts.refresh(&second.refresh).await.unwrap();
    assert!(realm.accounts.authenticate(&third.access).is_ok());

    clock.advance_ms(10_001);
    let reused = realm.accounts.refresh(&second.refresh).await;
    assert!(matches!(reused, Err(AccountsError::RefreshInvalid)));
    assert!(matches!(realm.accounts.authenticate(&third.access), Err(AccountsError::TokenInvalid)));
    assert!(matches!(realm.accounts.refresh(&third.refresh).await, Err(AccountsError::RefreshInvalid)));
    for nonsense in ["", "x", &"A".repeat(43), &"é".repeat(43)] {
        assert!(matches!(realm.accounts.refresh(nonsense).await, Err(AccountsError::RefreshInvalid)));
    }

    // What a lost answer held counts as used: whoever uses it later ends the session as well.
    let first = realm.login("Wanderer").await;
    let lost = realm.accounts.refresh(&first.refresh).await.unwrap();
    let second = realm.accounts.refresh(&first.refresh).await.unwrap();
    clock.advance_ms(10_001);
    assert!(realm.accounts.refresh(&lost.refresh).await.is_err());
    assert!(realm.accounts.authenticate(&second.access).is_err());
    realm.storage.close().await;
}

#[tokio::test]
async fn ends_reach_whoever_waits_and_stay_ended_after_a_restart() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), FakeClock::new());
    let realm = Realm::start(folder.path(), &clock, &Config::default()).await;
    realm.register("Wanderer").await;
    let (one, two, three) =
        (realm.login("Wanderer").await, realm.login("Wanderer").await, realm.login("Wanderer").await);
    let wait = |tokens: &Tokens| {
        let (accounts, session) = (realm.accounts.clone(), tokens.identity.session);
        tokio::spawn(async move { accounts.session_ended(session).await })
    };
    let (first, second) = (wait(&one), wait(&two));
    realm.accounts.logout(one.identity.session).await.unwrap();
    first.await.unwrap();
    assert!(realm.accounts.authenticate(&one.access).is_err());
    assert!(realm.accounts.authenticate(&two.access).is_ok());
    realm.accounts.end_sessions(two.identity.account).await.unwrap();
    second.await.unwrap();
    assert!(realm.accounts.authenticate(&three.access).is_err());
    realm.accounts.session_ended(three.identity.session).await;
    realm.storage.close().await;
    let realm = Realm::start(folder.path(), &clock, &Config::default()).await;
    for tokens in [&one, &two, &three] {
        assert!(realm.accounts.authenticate(&tokens.access).is_err());
        assert!(realm.accounts.refresh(&tokens.refresh).await.is_err());
    }
    realm.storage.close().await;
}

#[tokio::test]
async fn a_banned_account_is_told_why_and_until_when_and_keeps_nothing() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), FakeClock::new());
    let realm = Realm::start(folder.path(), &clock, &Config::default()).await;
    realm.register("Cheat").await;
    let tokens = realm.login("Cheat").await;
    let until_ms = realm.storage.now_ms() + HOUR_MS;
    let ban = Ban { reason: "moving too fast.".to_owned(), until_ms: Some(until_ms) };
    realm.moderation.ban(tokens.identity.account, ban, "anti-cheat").await.unwrap();
    let refused = Refusal::from(realm.accounts.refresh(&tokens.refresh).await.unwrap_err());
    assert_eq!(refused.code, Code::AccountBanned);
    assert_eq!(refused.message, "This account is banned until 2026-11-18T12:06:40Z: moving too fast.");
    assert!(realm.accounts.authenticate(&tokens.access).is_err(), "the ban ended the session");
    let login = realm.accounts.login("Cheat", PASSWORD, PEER).await;
    assert!(matches!(login, Err(AccountsError::Banned(_))));
    let stranger = realm.accounts.login("Cheat", "not the password", PEER).await;
    assert!(matches!(stranger, Err(AccountsError::InvalidCredentials)), "a stranger learns nothing of the ban");
    clock.advance_ms(HOUR_MS);
    realm.login("Cheat").await;
    realm.storage.close().await;
}

#[tokio::test]
async fn sessions_end_after_idle_hours_and_in_any_case_after_days() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), FakeClock::new());
    let config = Config { access_token_minutes: 60 * 24 * 31, ..Config::default() };
    let realm = Realm::start(folder.path(), &clock, &config).await;
    realm.register("Wanderer").await;
    let (idle, busy, held) =
        (realm.login("Wanderer").await, realm.login("Wanderer").await, realm.login("Wanderer").await);
    let waiting = tokio::spawn({
        let (accounts, session) = (realm.accounts.clone(), held.identity.session);
        async move { accounts.session_ended(session).await }
    });
    while realm.accounts.inner.sessions.get(held.identity.session).is_none_or(|live| !live.in_use()) {
        tokio::task::yield_now().await;
    }
    for day in 0..29 {
        for _ in 0..3 {
            clock.advance_ms(8 * HOUR_MS);
            assert!(realm.accounts.authenticate(&busy.access).is_ok(), "day {day}");
            realm.accounts.inner.sweep().await.unwrap();
        }
        assert!(realm.accounts.authenticate(&idle.access).is_err(), "day {day}");
    }
    assert!(realm.accounts.refresh(&idle.refresh).await.is_err());
    assert!(realm.accounts.authenticate(&held.access).is_ok(), "an open connection is activity");
    // The activity was stored: a restart does not take it for idleness.
    realm.storage.close().await;
    let realm_again = Realm::start(folder.path(), &clock, &config).await;
    assert!(realm_again.accounts.authenticate(&busy.access).is_ok());
    clock.advance_ms(24 * HOUR_MS);
    assert!(realm_again.accounts.authenticate(&busy.access).is_err(), "30 days are the end");
    assert!(realm_again.accounts.refresh(&busy.refresh).await.is_err());
    waiting.abort();
    realm_again.storage.close().await;
}

#[tokio::test]
async fn the_oldest_session_makes_room() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), FakeClock::new());
    let realm = Realm::start(folder.path(), &clock, &Config::default()).await;
    realm.register("Wanderer").await;
    let oldest = realm.login("Wanderer").await;
    let second = realm.login("Wanderer").await;
    for _ in 0..super::SESSIONS_PER_ACCOUNT_MAX - 1 {
        realm.login("Wanderer").await;
    }
    assert!(realm.accounts.authenticate(&oldest.access).is_err());
    assert!(realm.accounts.authenticate(&second.access).is_ok());
    realm.storage.close().await;
}

#[tokio::test]
async fn the_owner_token_works_once_and_only_the_newest() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), FakeClock::new());
    let realm = Realm::start(folder.path(), &clock, &Config::default()).await;
    let old = realm.accounts.owner_token().await.unwrap().unwrap();
    let token = realm.accounts.owner_token().await.unwrap().unwrap();
    let refused = realm.accounts.create_owner(&old, name("Keeper"), PASSWORD).await;
    assert!(matches!(refused, Err(AccountsError::OwnerTokenInvalid)));
    let weak = realm.accounts.create_owner(&token, name("Keeper"), "12345678").await;
    assert!(matches!(weak, Err(AccountsError::InvalidPassword(_))));
    realm.register("Keeper").await;
    let taken = realm.accounts.create_owner(&token, name("Keeper"), PASSWORD).await;
    assert!(matches!(taken, Err(AccountsError::Taken)), "and the token stays");
    let typed = format!(" {}\n", token.to_uppercase());
    let owner = realm.accounts.create_owner(&typed, name("Owner"), PASSWORD).await.unwrap();
    let again = realm.accounts.create_owner(&token, name("Second"), PASSWORD).await;
    assert!(matches!(again, Err(AccountsError::OwnerTokenInvalid)));
    assert_eq!(realm.accounts.owner_token().await.unwrap(), None);
    let tokens = realm.login("Owner").await;
    assert_eq!((tokens.identity.account, tokens.identity.role), (owner, Role::Owner));
    realm.storage.close().await;
}
