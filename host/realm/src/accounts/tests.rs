use std::{
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use super::{Accounts, AccountsError, Config, Identity, Proof, Role, Tokens, store, totp};
use crate::{
    moderation::{Ban, Moderation},
    storage::{
        Storage, StorageError,
        testing::{self, FakeClock, Fault, Home, each_database, hold, open, queued, unreliable},
    },
    types::{AccountName, Code, Refusal, SessionId},
};

pub(super) const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
pub(super) const PASSWORD: &str = "four lanterns by the sea";
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

pub(super) struct Realm {
    pub(super) storage: Storage,
    pub(super) moderation: Moderation,
    pub(super) accounts: Accounts,
}

impl Realm {
    pub(super) async fn start(home: &Home, clock: &Arc<FakeClock>, config: &Config) -> Self {
        Self::start_over(open(home, clock).await, home.path(), config).await
    }

    async fn start_over(storage: Storage, folder: &Path, config: &Config) -> Self {
        let moderation = Moderation::new(storage.clone());
        let accounts = Accounts::start(config, folder, "main", storage.clone(), moderation.clone()).await.unwrap();
        Self { storage, moderation, accounts }
    }

    pub(super) async fn register(&self, text: &str) {
        self.accounts.register(name(text), PASSWORD, PEER).await.unwrap();
    }

    pub(super) async fn login(&self, text: &str) -> Tokens {
        self.accounts.login(text, PASSWORD, PEER).await.unwrap()
    }

    /// What is stored of the second factor.
    async fn factor(&self, who: &Identity) -> store::factors::Factor {
        let account = who.account;
        self.storage
            .write::<_, StorageError, _>(move |connection| {
                Box::pin(async move { Ok(store::factors::find(connection, account).await?.expect("a second factor")) })
            })
            .await
            .unwrap()
    }

    /// Sets a second factor up; its secret.
    pub(super) async fn second_factor(&self, who: &Identity) -> Vec<u8> {
        self.accounts.begin_second_factor(who, PASSWORD, PEER).await.unwrap();
        let secret = self.factor(who).await.secret;
        let code = totp::shown(&secret, self.storage.now_ms());
        assert_eq!(self.accounts.confirm_second_factor(who, &code).await.unwrap().len(), 10);
        secret
    }

    /// The hash of an account's password as it is stored.
    async fn hash_of(&self, text: &str) -> String {
        store::find_account(self.storage.reader(), &name(text)).await.unwrap().unwrap().password
    }
}

pub(super) fn name(text: &str) -> AccountName {
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
    let ban = Ban::new("moving too fast.", Some(until_ms));
    realm.moderation.ban(tokens.identity.account, ban, "anti-cheat").await.unwrap();
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
                    let expires_ms = begun_ms + 30 * 24 * HOUR_MS;
                    super::store::insert_session(connection, (session, false), owner, None, begun_ms, expires_ms)
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

async fn sessions_are_listed_and_revoked_by_their_owner_alone(home: Home) {
    let clock = FakeClock::new();
    let realm = Realm::start(&home, &clock, &Config::default()).await;
    realm.register("Wanderer").await;
    realm.register("Stranger").await;
    let first = realm.login("Wanderer").await;
    clock.advance_ms(MINUTE_MS);
    let (second, third) = (
        realm.accounts.login("Wanderer", PASSWORD, "2001:db8::7".parse().unwrap()).await.unwrap(),
        realm.login("Wanderer").await,
    );
    let stranger = realm.login("Stranger").await;
    let who = third.identity.clone();
    clock.advance_ms(MINUTE_MS);
    realm.accounts.authenticate(&first.access).unwrap();
    let listed = realm.accounts.sessions_of(&who).await.unwrap();
    let ids: Vec<SessionId> = listed.iter().map(|session| session.id).collect();
    assert_eq!(ids, [third.identity.session, second.identity.session, first.identity.session]);
    assert_eq!(listed.iter().map(|session| session.current).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(listed[1].address, "2001:db8::7");
    assert_eq!(listed[2].active_ms - listed[2].created_ms, 2 * MINUTE_MS, "activity counts before it is stored");

    let foreign = realm.accounts.revoke_session(&who, stranger.identity.session).await;
    assert!(matches!(foreign, Err(AccountsError::SessionUnknown)));
    assert!(realm.accounts.authenticate(&stranger.access).is_ok());
    realm.accounts.revoke_session(&who, first.identity.session).await.unwrap();
    assert!(realm.accounts.authenticate(&first.access).is_err() && realm.accounts.authenticate(&second.access).is_ok());
    let again = realm.accounts.revoke_session(&who, first.identity.session).await;
    assert!(matches!(again, Err(AccountsError::SessionUnknown)));
    realm.accounts.revoke_other_sessions(&who).await.unwrap();
    assert!(realm.accounts.authenticate(&second.access).is_err() && realm.accounts.authenticate(&third.access).is_ok());
    assert!(realm.accounts.authenticate(&stranger.access).is_ok());
    assert_eq!(realm.accounts.sessions_of(&who).await.unwrap().len(), 1);
    realm.storage.close().await;
}

async fn revoked_sessions_are_over_also_when_the_database_did_not_confirm(home: Home) {
    let clock = FakeClock::new();
    let (storage, faults) = unreliable(&open(&home, &clock).await);
    let realm = Realm::start_over(storage, home.path(), &Config::default()).await;
    realm.register("Wanderer").await;
    realm.register("Stranger").await;
    let (here, there, stranger) =
        (realm.login("Wanderer").await, realm.login("Wanderer").await, realm.login("Stranger").await);
    faults.set(Fault::AllLost);
    let late = realm.accounts.revoke_session(&here.identity, stranger.identity.session).await;
    assert!(matches!(late, Err(AccountsError::Storage(StorageError::Unconfirmed))), "{late:?}");
    assert!(realm.accounts.authenticate(&stranger.access).is_ok(), "nobody ends a stranger's session");
    let late = realm.accounts.revoke_other_sessions(&here.identity).await;
    assert!(matches!(late, Err(AccountsError::Storage(StorageError::Unconfirmed))), "{late:?}");
    assert!(realm.accounts.authenticate(&there.access).is_err());
    assert!(realm.accounts.authenticate(&here.access).is_ok() && realm.accounts.authenticate(&stranger.access).is_ok());
    faults.set(Fault::None);
    realm.storage.close().await;
}

async fn a_second_factor_is_asked_for_and_each_code_is_taken_once(home: Home) {
    const STEP_MS: i64 = 30_000;
    let clock = FakeClock::new();
    let realm = Realm::start(&home, &clock, &Config::default()).await;
    realm.register("Wanderer").await;
    let who = realm.login("Wanderer").await.identity;
    let login = async |code: &str| {
        let proof = Proof { second_factor: code.to_owned(), ..Proof::default() };
        realm.accounts.login_with("Wanderer", PASSWORD, &proof, PEER).await
    };
    let nothing = realm.accounts.confirm_second_factor(&who, "123456").await;
    assert!(matches!(nothing, Err(AccountsError::SecondFactorState(_))));
    let enrolment = realm.accounts.begin_second_factor(&who, PASSWORD, PEER).await.unwrap();
    assert!(enrolment.address.contains(&enrolment.secret));
    login("").await.expect("nothing asks for it before it is confirmed");
    let secret = realm.factor(&who).await.secret;
    assert_eq!(totp::base32(&secret), enrolment.secret);
    let code = |steps: i64| totp::shown(&secret, clock_now(&clock) + steps * STEP_MS);
    let recovery = realm.accounts.confirm_second_factor(&who, &code(0)).await.unwrap();
    assert_eq!(realm.accounts.profile(&who).await.unwrap().recovery_codes, 10);
    let again = realm.accounts.begin_second_factor(&who, PASSWORD, PEER).await;
    assert!(matches!(again, Err(AccountsError::SecondFactorState(_))));

    assert!(matches!(login("").await, Err(AccountsError::SecondFactorRequired)));
    assert!(matches!(login(&code(0)).await, Err(AccountsError::SecondFactorWrong)), "used to confirm");
    let stranger = realm.accounts.login("Wanderer", "not the password", PEER).await;
    assert!(matches!(stranger, Err(AccountsError::InvalidCredentials)), "a stranger learns nothing of it");
    login(&code(1)).await.expect("a clock that is a little ahead");
    assert!(matches!(login(&code(1)).await, Err(AccountsError::SecondFactorWrong)), "once");
    assert!(matches!(login(&code(0)).await, Err(AccountsError::SecondFactorWrong)), "and none before it");
    clock.advance_ms(10 * MINUTE_MS);
    login(&code(0)).await.unwrap();
    assert!(matches!(login(&code(2)).await, Err(AccountsError::SecondFactorWrong)), "too far ahead");
    login(&format!(" {} ", recovery[0].to_uppercase().replace('-', " "))).await.expect("however it is typed");
    assert!(matches!(login(&recovery[0]).await, Err(AccountsError::SecondFactorWrong)), "once");
    assert_eq!(realm.accounts.profile(&who).await.unwrap().recovery_codes, 9);

    // Five wrong ones, and the right one has to wait. The database knows recovery codes only as hashes.
    clock.advance_ms(10 * MINUTE_MS);
    for _ in 0..5 {
        assert!(matches!(login("000000x").await, Err(AccountsError::SecondFactorWrong)));
    }
    assert!(matches!(login(&code(0)).await, Err(AccountsError::Locked { .. })));
    clock.advance_ms(5 * MINUTE_MS);
    let renewed = realm.accounts.renew_recovery_codes(&who, PASSWORD, &code(0), PEER).await.unwrap();
    assert!(matches!(login(&recovery[1]).await, Err(AccountsError::SecondFactorWrong)), "void");
    realm.accounts.remove_second_factor(&who, PASSWORD, &renewed[3], PEER).await.unwrap();
    login("").await.expect("nothing asks for it any more");
    realm.storage.close().await;
}

fn clock_now(clock: &FakeClock) -> i64 {
    crate::types::Clock::now_ms(clock)
}

async fn one_code_at_many_doors_at_once_opens_one(home: Home) {
    let clock = FakeClock::new();
    let config = Config { login_burst: 100, ..Config::default() };
    let realm = Realm::start(&home, &clock, &config).await;
    realm.register("Wanderer").await;
    let who = realm.login("Wanderer").await.identity;
    let secret = realm.second_factor(&who).await;
    clock.advance_ms(MINUTE_MS);
    let proof = Proof { second_factor: totp::shown(&secret, realm.storage.now_ms()), ..Proof::default() };
    let login = || realm.accounts.login_with("Wanderer", PASSWORD, &proof, PEER);
    let (one, two, three, four) = tokio::join!(login(), login(), login(), login());
    assert_eq!([one, two, three, four].iter().filter(|login| login.is_ok()).count(), 1);
    realm.storage.close().await;
}

async fn staff_without_a_second_factor_are_players_where_one_is_required(home: Home) {
    let clock = FakeClock::new();
    let config = Config { second_factor_required_for_staff: true, ..Config::default() };
    let realm = Realm::start(&home, &clock, &config).await;
    let token = realm.accounts.owner_token().await.unwrap().unwrap();
    realm.accounts.create_owner(&token, name("Keeper"), PASSWORD, PEER).await.unwrap();
    let bare = realm.login("Keeper").await;
    assert_eq!(bare.identity.role, Role::Player);
    assert_eq!(realm.accounts.profile(&bare.identity).await.unwrap().role, Role::Owner);
    let secret = realm.second_factor(&bare.identity).await;
    assert_eq!(realm.accounts.authenticate(&bare.access).unwrap().role, Role::Player, "until it logs in with it");
    clock.advance_ms(MINUTE_MS);
    let proof = |now_ms| Proof { second_factor: totp::shown(&secret, now_ms), ..Proof::default() };
    let proven = realm.accounts.login_with("Keeper", PASSWORD, &proof(realm.storage.now_ms()), PEER).await.unwrap();
    assert_eq!(proven.identity.role, Role::Owner);
    realm.storage.close().await;
    let realm = Realm::start(&home, &clock, &config).await;
    assert_eq!(realm.accounts.authenticate(&proven.access).unwrap().role, Role::Owner);
    assert_eq!(realm.accounts.authenticate(&bare.access).unwrap().role, Role::Player, "a start proves nothing");
    clock.advance_ms(MINUTE_MS);
    let code = totp::shown(&secret, realm.storage.now_ms());
    realm.accounts.remove_second_factor(&proven.identity, PASSWORD, &code, PEER).await.unwrap();
    assert!(realm.accounts.authenticate(&proven.access).is_err(), "what was opened with it ends with it");
    realm.storage.close().await;
}

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
    assert_eq!(realm.accounts.keys().await.unwrap().len(), 4);
    realm.storage.close().await;
}

#[tokio::test]
async fn ends_reach_the_other_node_over_one_server() {
    let (home, elsewhere, clock) = (Home::postgresql(), Home::sqlite(), FakeClock::new());
    let here = Realm::start(&home, &clock, &Config::default()).await;
    let clock_there: Arc<dyn crate::types::Clock> = Arc::clone(&clock) as _;
    let storage = Storage::open(&home.config(), elsewhere.path(), 1, clock_there).await.unwrap();
    let there = Realm::start_over(storage, elsewhere.path(), &Config::default()).await;
    here.register("Wanderer").await;
    let mut own = here.login("Wanderer").await;
    for way in 0..5 {
        let (one, two) = (there.login("Wanderer").await, there.login("Wanderer").await);
        let (who, account) = (own.identity.clone(), own.identity.account);
        match way {
            0 => here.accounts.revoke_session(&who, one.identity.session).await.unwrap(),
            1 => here.accounts.revoke_other_sessions(&who).await.unwrap(),
            2 => here.accounts.change_password(&who, PASSWORD, PASSWORD, PEER).await.unwrap(),
            3 => here.accounts.logout(one.identity.session).await.unwrap(),
            _ => here.accounts.end_sessions(account).await.unwrap(),
        }
        until_ended(&there.accounts, &one).await;
        if [0, 3].contains(&way) {
            assert!(there.accounts.authenticate(&two.access).is_ok(), "and no other: {way}");
        } else {
            until_ended(&there.accounts, &two).await;
        }
        if way < 4 {
            assert!(here.accounts.authenticate(&own.access).is_ok(), "{way}");
        } else {
            assert!(here.accounts.authenticate(&own.access).is_err());
        }
    }
    own = here.login("Wanderer").await;
    clock.advance_ms(21 * MINUTE_MS);
    here.accounts.inner.tidy().await.unwrap();
    assert!(store::ends::since(here.storage.reader(), 0, 100).await.unwrap().is_empty(), "forgotten in time");
    let next = here.accounts.refresh(&own.refresh).await.unwrap();
    assert!(here.accounts.authenticate(&next.access).is_ok());
    there.storage.close().await;
    here.storage.close().await;
}

async fn keys_rotate_while_sessions_go_on(home: Home) {
    let clock = FakeClock::new();
    let config = Config { signing_key_days: 2, session_idle_hours: 100, ..Config::default() };
    let realm = Realm::start(&home, &clock, &config).await;
    realm.register("Wanderer").await;
    let first = realm.accounts.public_keys();
    clock.advance_ms(48 * HOUR_MS - MINUTE_MS);
    let tokens = realm.login("Wanderer").await;
    realm.accounts.inner.tidy().await.unwrap();
    assert_eq!(realm.accounts.public_keys(), first);
    clock.advance_ms(MINUTE_MS);
    realm.accounts.inner.tidy().await.unwrap();
    let both = realm.accounts.public_keys();
    assert_eq!((both.len(), &both[1]), (2, &first[0]));
    assert!(realm.accounts.authenticate(&tokens.access).is_ok(), "signed by the old key");
    let next = realm.accounts.refresh(&tokens.refresh).await.unwrap();
    assert!(realm.accounts.authenticate(&next.access).is_ok(), "signed by the new one");
    realm.storage.close().await;
    let realm = Realm::start(&home, &clock, &config).await;
    assert!(realm.accounts.authenticate(&tokens.access).is_ok() && realm.accounts.authenticate(&next.access).is_ok());
    clock.advance_ms(11 * MINUTE_MS);
    assert_eq!(realm.accounts.public_keys(), both[..1]);
    realm.storage.close().await;
}

each_database! {
    guessers_everywhere_do_not_lock_out_whoever_is_known,
    a_password_is_hashed_anew_when_more_is_asked_for,
    a_new_password_ends_every_other_session,
    a_log_in_that_was_checked_before_the_password_changed_opens_nothing,
    sessions_are_listed_and_revoked_by_their_owner_alone,
    revoked_sessions_are_over_also_when_the_database_did_not_confirm,
    a_second_factor_is_asked_for_and_each_code_is_taken_once,
    one_code_at_many_doors_at_once_opens_one,
    staff_without_a_second_factor_are_players_where_one_is_required,
    keys_are_bound_once_and_needed_where_they_are_required,
    keys_rotate_while_sessions_go_on,
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
