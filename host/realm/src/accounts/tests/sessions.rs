//! Token sessions: how they go on, and how they end.

use super::*;

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
    for _ in 0..crate::accounts::SESSIONS_PER_ACCOUNT_MAX - 1 {
        realm.login("Wanderer").await;
    }
    assert!(realm.accounts.authenticate(&oldest.access).is_err());
    assert!(realm.accounts.authenticate(&second.access).is_ok());
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
    accounts_and_sessions_outlive_a_restart,
    a_refresh_token_is_used_once_with_a_grace_and_its_reuse_ends_the_session,
    ends_reach_whoever_waits_and_stay_ended_after_a_restart,
    sessions_end_after_idle_hours_and_in_any_case_after_days,
    the_oldest_session_makes_room,
    an_end_that_the_database_did_not_confirm_counts_at_once,
    the_activity_of_more_sessions_than_one_write_takes_is_stored_in_one_sweep,
    activity_that_could_not_be_stored_is_stored_by_the_next_sweep,
    sessions_are_listed_and_revoked_by_their_owner_alone,
    revoked_sessions_are_over_also_when_the_database_did_not_confirm,
    keys_rotate_while_sessions_go_on,
}
