//! Second factors, and whoever guesses at their codes.

use super::*;

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
    assert!(matches!(login(&code(0)).await, Err(AccountsError::CodesLocked { .. })));
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

/// A code that is none of those that are right now.
fn wrong_code(secret: &[u8], now_ms: i64) -> String {
    let right: Vec<String> = (-2..=2).map(|steps| totp::shown(secret, now_ms + steps * 30_000)).collect();
    (0..).map(|number| format!("{number:06}")).find(|code| !right.contains(code)).unwrap()
}

/// Who logs in with a code, from where.
async fn login_with_code(realm: &Realm, who: &str, code: &str, peer: IpAddr) -> Result<Tokens, Code> {
    let proof = Proof { second_factor: code.to_owned(), ..Proof::default() };
    let tokens = realm.accounts.login_with(who, PASSWORD, &proof, peer).await;
    tokens.map_err(|error| Refusal::from(error).code)
}

async fn strangers_who_know_the_password_find_no_code_and_lock_nobody_out(home: Home) {
    let clock = FakeClock::new();
    let realm = Realm::start(&home, &clock, &Config::default()).await;
    realm.register("Wanderer").await;
    let who = realm.login("Wanderer").await.identity;
    let secret = realm.second_factor(&who).await;
    clock.advance_ms(MINUTE_MS);
    let code = |steps: i64| totp::shown(&secret, clock_now(&clock) + steps * 30_000);
    let recovery = realm.accounts.renew_recovery_codes(&who, PASSWORD, &code(-1), PEER).await.unwrap();
    // Somebody who knows the password guesses from ever new networks.
    let guess = async |from: std::ops::Range<u8>| {
        let mut looked_at = 0;
        for last in from {
            let wrong = wrong_code(&secret, clock_now(&clock));
            match login_with_code(&realm, "Wanderer", &wrong, elsewhere(last)).await.unwrap_err() {
                Code::SecondFactorRequired => looked_at += 1,
                refused => assert_eq!(refused, Code::AccountLocked),
            }
        }
        looked_at
    };
    assert_eq!(guess(0..30).await, 10);
    let lucky = login_with_code(&realm, "Wanderer", &code(0), elsewhere(30)).await;
    assert_eq!(lucky.unwrap_err(), Code::AccountLocked, "also with the right code, which is not used up by it");
    // Its owner comes in from where he is known, and from elsewhere with a recovery code; neither helps the guesser.
    login_with_code(&realm, "Wanderer", &code(0), PEER).await.expect("a network that is known");
    login_with_code(&realm, "Wanderer", &recovery[0], elsewhere(100)).await.expect("nobody guesses a recovery code");
    assert_eq!(guess(31..40).await, 0);
    clock.advance_ms(MINUTE_MS);
    realm.accounts.renew_recovery_codes(&who, PASSWORD, &code(0), elsewhere(1)).await.expect("with a session");
    // Ten more after an hour, after two hours, after four.
    for (hours, from) in [(1, 40), (2, 60), (4, 80)] {
        clock.advance_ms(hours * HOUR_MS - 2 * MINUTE_MS);
        assert_eq!(guess(from..from + 1).await, 0, "{hours}");
        clock.advance_ms(2 * MINUTE_MS);
        assert_eq!(guess(from + 1..from + 18).await, 10, "{hours}");
    }
    realm.storage.close().await;
}

async fn a_guesser_beside_the_owner_leaves_him_the_recovery_codes_and_every_other_place(home: Home) {
    let clock = FakeClock::new();
    let realm = Realm::start(&home, &clock, &Config::default()).await;
    realm.register("Wanderer").await;
    let who = realm.login("Wanderer").await.identity;
    let secret = realm.second_factor(&who).await;
    clock.advance_ms(MINUTE_MS);
    let code = |steps: i64| totp::shown(&secret, clock_now(&clock) + steps * 30_000);
    let recovery = realm.accounts.renew_recovery_codes(&who, PASSWORD, &code(-1), PEER).await.unwrap();
    for _ in 0..5 {
        let wrong = wrong_code(&secret, clock_now(&clock));
        assert_eq!(login_with_code(&realm, "Wanderer", &wrong, PEER).await.unwrap_err(), Code::SecondFactorRequired);
    }
    assert_eq!(login_with_code(&realm, "Wanderer", &code(0), PEER).await.unwrap_err(), Code::AccountLocked);
    let void = login_with_code(&realm, "Wanderer", "abcd-efgh-ijkl-mnop", PEER).await;
    assert_eq!(void.unwrap_err(), Code::SecondFactorRequired, "a recovery code is looked at, and this is none");
    login_with_code(&realm, "Wanderer", &recovery[0], PEER).await.expect("whatever is locked");
    login_with_code(&realm, "Wanderer", &code(0), elsewhere(1)).await.expect("elsewhere");
    // In a session the code is counted by session: strangers at the door are not concerned with it, nor is another session.
    clock.advance_ms(MINUTE_MS);
    realm.accounts.renew_recovery_codes(&who, PASSWORD, &code(0), PEER).await.unwrap();
    for _ in 0..5 {
        let wrong = wrong_code(&secret, clock_now(&clock));
        let refused = realm.accounts.renew_recovery_codes(&who, PASSWORD, &wrong, elsewhere(7)).await;
        assert!(matches!(refused, Err(AccountsError::SecondFactorWrong)));
    }
    clock.advance_ms(MINUTE_MS);
    let from_elsewhere = realm.accounts.renew_recovery_codes(&who, PASSWORD, &code(0), elsewhere(8)).await;
    assert!(matches!(from_elsewhere, Err(AccountsError::CodesLocked { .. })), "many networks are no more tries");
    login_with_code(&realm, "Wanderer", &code(0), elsewhere(9)).await.expect("at a door");
    realm.storage.close().await;
}

async fn a_network_that_guesses_at_codes_of_many_accounts_is_refused_as_a_stranger(home: Home) {
    let clock = FakeClock::new();
    let config = Config { wrong_passwords_per_network_max: 3, ..Config::default() };
    let realm = Realm::start(&home, &clock, &config).await;
    let mut secrets = Vec::new();
    for who in ["One", "Two"] {
        realm.register(who).await;
        let identity = realm.login(who).await.identity;
        secrets.push(realm.second_factor(&identity).await);
    }
    clock.advance_ms(MINUTE_MS);
    for (who, secret) in [("One", &secrets[0]), ("Two", &secrets[1]), ("One", &secrets[0])] {
        let wrong = wrong_code(secret, clock_now(&clock));
        let refused = login_with_code(&realm, who, &wrong, elsewhere(1)).await;
        assert_eq!(refused.unwrap_err(), Code::SecondFactorRequired, "{who}");
    }
    let code = totp::shown(&secrets[1], clock_now(&clock));
    assert_eq!(login_with_code(&realm, "Two", &code, elsewhere(1)).await.unwrap_err(), Code::RateLimited);
    login_with_code(&realm, "Two", &code, PEER).await.expect("from where it is known");
    realm.storage.close().await;
}

each_database! {
    strangers_who_know_the_password_find_no_code_and_lock_nobody_out,
    a_guesser_beside_the_owner_leaves_him_the_recovery_codes_and_every_other_place,
    a_network_that_guesses_at_codes_of_many_accounts_is_refused_as_a_stranger,
    a_second_factor_is_asked_for_and_each_code_is_taken_once,
    one_code_at_many_doors_at_once_opens_one,
    staff_without_a_second_factor_are_players_where_one_is_required,
}
