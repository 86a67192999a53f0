use std::{
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use super::{Accounts, AccountsError, Config, Role, Tokens};
use crate::{
    moderation::{Ban, Moderation},
    storage::{
        Storage, StorageError,
        testing::{self, FakeClock, Fault, Home, each_database, hold, open, queued, unreliable},
    },
    types::{AccountName, Code, Refusal, SessionId},
};

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const PASSWORD: &str = "four lanterns by the sea";
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// A test that waits longer has found a fault.
const DEADLINE: Duration = Duration::from_secs(20);

fn elsewhere(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(198, 51, 100, last))
}

/// Waits until a token session has ended.
async fn until_ended(accounts: &Accounts, tokens: &Tokens) {
    let ended = async {
        while accounts.authenticate(&tokens.access).is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, ended).await.expect("the session ends");
}

/// Begins a verb and drops it when its write waits, as a client does that goes away; then lets the write be stored.
async fn cut_off<T: Send + 'static>(storage: &Storage, verb: impl Future<Output = T> + Send + 'static) {
    let gate = hold(storage).await;
    let verb = tokio::spawn(verb);
    while queued(storage) == 0 {
        tokio::task::yield_now().await;
    }
    verb.abort();
    assert!(verb.await.is_err_and(|error| error.is_cancelled()));
    gate.send(()).unwrap();
}

struct Realm {
    storage: Storage,
    moderation: Moderation,
    accounts: Accounts,
}

impl Realm {
    async fn start(home: &Home, clock: &Arc<FakeClock>, config: &Config) -> Self {
        Self::start_over(open(home, clock).await, home.path(), config).await
    }

    async fn start_over(storage: Storage, folder: &Path, config: &Config) -> Self {
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

async fn accounts_and_sessions_outlive_a_restart(home: Home) {
    let clock = FakeClock::new();
    let realm = Realm::start(&home, &clock, &Config::default()).await;
    realm.register("Wanderer").await;
    let tokens = realm.login("wanderer").await;
    assert_eq!(tokens.access_seconds, 600);
    assert_eq!(tokens.identity.name.as_str(), "Wanderer");
    assert_eq!(realm.accounts.authenticate(&tokens.access).unwrap(), tokens.identity);
    realm.storage.close().await;

    let realm = Realm::start(&home, &clock, &Config::default()).await;
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

async fn a_refresh_token_is_used_once_with_a_grace_and_its_reuse_ends_the_session(home: Home) {
    let clock = FakeClock::new();
    let realm = Realm::start(&home, &clock, &Config::default()).await;
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

async fn ends_reach_whoever_waits_and_stay_ended_after_a_restart(home: Home) {
    let clock = FakeClock::new();
    let realm = Realm::start(&home, &clock, &Config::default()).await;
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
    let realm = Realm::start(&home, &clock, &Config::default()).await;
    for tokens in [&one, &two, &three] {
        assert!(realm.accounts.authenticate(&tokens.access).is_err());
        assert!(realm.accounts.refresh(&tokens.refresh).await.is_err());
    }
    realm.storage.close().await;
}

async fn a_banned_account_is_told_why_and_until_when_and_keeps_nothing(home: Home) {
    let clock = FakeClock::new();
    let realm = Realm::start(&home, &clock, &Config::default()).await;
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

async fn sessions_end_after_idle_hours_and_in_any_case_after_days(home: Home) {
    let clock = FakeClock::new();
    let config = Config { access_token_minutes: 60 * 24 * 31, ..Config::default() };
    let realm = Realm::start(&home, &clock, &config).await;
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
    let realm_again = Realm::start(&home, &clock, &config).await;
    assert!(realm_again.accounts.authenticate(&busy.access).is_ok());
    clock.advance_ms(24 * HOUR_MS);
    assert!(realm_again.accounts.authenticate(&busy.access).is_err(), "30 days are the end");
    assert!(realm_again.accounts.refresh(&busy.refresh).await.is_err());
    waiting.abort();
    realm_again.storage.close().await;
}

async fn the_oldest_session_makes_room(home: Home) {
    let clock = FakeClock::new();
    let realm = Realm::start(&home, &clock, &Config::default()).await;
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
    for _ in 1..super::SESSIONS_PER_ACCOUNT_MAX {
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

async fn an_end_that_the_database_did_not_confirm_counts_at_once(home: Home) {
    let clock = FakeClock::new();
    let (storage, faults) = unreliable(&open(&home, &clock).await);
    let realm = Realm::start_over(storage, home.path(), &Config::default()).await;
    realm.register("Wanderer").await;
    realm.register("Stranger").await;
    let (one, two, stranger) =
        (realm.login("Wanderer").await, realm.login("Wanderer").await, realm.login("Stranger").await);
    faults.set(Fault::AllLost);
    let late = realm.accounts.logout(one.identity.session).await;
    assert!(matches!(late, Err(AccountsError::Storage(StorageError::Unconfirmed))), "{late:?}");
    assert!(realm.accounts.authenticate(&one.access).is_err());
    assert!(realm.accounts.authenticate(&two.access).is_ok());
    faults.set(Fault::AnswerLost);
    let late = realm.accounts.end_sessions(two.identity.account).await;
    assert!(matches!(late, Err(AccountsError::Storage(StorageError::Unconfirmed))), "{late:?}");
    assert!(realm.accounts.authenticate(&two.access).is_err());
    assert!(realm.accounts.authenticate(&stranger.access).is_ok());
    faults.set(Fault::None);
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

async fn the_activity_of_more_sessions_than_one_write_takes_is_stored_in_one_sweep(home: Home) {
    const SESSIONS: usize = 1_200;
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    let owner = testing::account(&storage).await;
    let (begun_ms, sessions) = (storage.now_ms(), (0..SESSIONS).map(|_| storage.ids().next(storage.now_ms())));
    let sessions: Vec<SessionId> = sessions.collect();
    let rows = sessions.clone();
    storage
        .write::<_, StorageError, _>(move |connection| {
            Box::pin(async move {
                for session in rows {
                    super::store::insert_session(connection, session, owner, begun_ms, begun_ms + 30 * 24 * HOUR_MS)
                        .await?;
                }
                Ok(())
            })
        })
        .await
        .unwrap();
    let realm = Realm::start_over(storage, home.path(), &Config::default()).await;
    clock.advance_ms(11 * MINUTE_MS);
    let (idle, active) = sessions.split_at(2);
    for session in active {
        realm.accounts.inner.sessions.get(*session).unwrap().touch(realm.storage.now_ms());
    }
    realm.accounts.inner.sweep().await.unwrap();
    let stored = super::store::sessions(realm.storage.reader()).await.unwrap();
    let fresh = stored.iter().filter(|session| session.active_ms == begun_ms + 11 * MINUTE_MS).count();
    assert_eq!((stored.len(), fresh), (SESSIONS, active.len()));

    // All run out at once: one sweep ends them all.
    clock.advance_ms(24 * HOUR_MS);
    realm.accounts.inner.sweep().await.unwrap();
    assert_eq!(super::store::sessions(realm.storage.reader()).await.unwrap().len(), 0);
    assert!(realm.accounts.inner.sessions.get(idle[0]).is_none());
    realm.storage.close().await;
}

async fn activity_that_could_not_be_stored_is_stored_by_the_next_sweep(home: Home) {
    let clock = FakeClock::new();
    let (storage, faults) = unreliable(&open(&home, &clock).await);
    let realm = Realm::start_over(storage, home.path(), &Config::default()).await;
    realm.register("Wanderer").await;
    let tokens = realm.login("Wanderer").await;
    clock.advance_ms(11 * MINUTE_MS);
    realm.accounts.inner.sessions.get(tokens.identity.session).unwrap().touch(realm.storage.now_ms());
    faults.set(Fault::AllLost);
    assert!(realm.accounts.inner.sweep().await.is_err());
    faults.set(Fault::None);
    realm.accounts.inner.sweep().await.unwrap();
    let stored = super::store::sessions(realm.storage.reader()).await.unwrap();
    assert_eq!(stored[0].active_ms, realm.storage.now_ms());
    realm.storage.close().await;
}

each_database! {
    accounts_and_sessions_outlive_a_restart,
    two_registrations_of_one_name_at_once_give_one_account,
    closed_registration_and_weak_passwords_are_refused,
    a_wrong_password_and_an_unknown_name_get_one_answer,
    wrong_passwords_lock_the_account_for_that_address_only,
    a_refresh_token_is_used_once_with_a_grace_and_its_reuse_ends_the_session,
    ends_reach_whoever_waits_and_stay_ended_after_a_restart,
    a_banned_account_is_told_why_and_until_when_and_keeps_nothing,
    sessions_end_after_idle_hours_and_in_any_case_after_days,
    the_oldest_session_makes_room,
    the_owner_token_works_once_and_only_the_newest,
    a_client_that_goes_away_does_not_break_a_verb_off,
    an_end_that_the_database_did_not_confirm_counts_at_once,
    one_network_tries_so_often_and_is_refused_before_anything_is_looked_up,
    one_network_makes_so_many_accounts_an_hour_and_names_that_are_taken_cost_nothing,
    the_activity_of_more_sessions_than_one_write_takes_is_stored_in_one_sweep,
    activity_that_could_not_be_stored_is_stored_by_the_next_sweep,
}
each_database! { threads:
    one_network_cannot_lock_everybody_out,
}
