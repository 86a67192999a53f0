//! Second factors at every door.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_asked_for_at_every_door() {
    let clock = Hands::new();
    let realm = TestRealm::start().await.restart_with_clock(clock.clone()).await;
    let mut rest = realm.player("Maren").await.rest;
    let begun =
        ask(&mut rest, Method::POST, "/account/second-factor", Some(json!({"password": PASSWORD}))).await.unwrap();
    let secret = begun["secret"].as_str().unwrap().to_owned();
    assert!(begun["address"].as_str().unwrap().starts_with("otpauth://totp/"), "{begun}");
    let shown = || code(&secret, clock.now_ms());
    let confirm = async |rest: &mut Rest, code: &str| {
        ask(rest, Method::POST, "/account/second-factor/confirm", Some(json!({"code": code}))).await
    };
    assert_eq!(refused(confirm(&mut rest, "12345").await), answer(401, "SECOND_FACTOR_REQUIRED"));
    let codes = confirm(&mut rest, &shown()).await.unwrap();
    let recovery: Vec<&str> = codes["recovery_codes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(recovery.len(), 10);
    assert_eq!(ask(&mut rest, Method::GET, "/account", None).await.unwrap()["recovery_codes"], 10);

    let mut newcomer = Rest::new(&realm.endpoint());
    assert_eq!(refused(newcomer.login("Maren", PASSWORD).await), answer(401, "SECOND_FACTOR_REQUIRED"));
    assert_eq!(refused(newcomer.login("Maren", "not the password").await), answer(401, "INVALID_CREDENTIALS"));
    let with = |code: &str| json!({"name": "Maren", "password": PASSWORD, "second_factor": code});
    clock.turn_minutes(1);
    let used = shown();
    ask(&mut newcomer, Method::POST, "/auth/login", Some(with(&used))).await.unwrap();
    let again = ask(&mut newcomer, Method::POST, "/auth/login", Some(with(&used))).await;
    assert_eq!(refused(again), answer(401, "SECOND_FACTOR_REQUIRED"), "a code is taken once");
    ask(&mut newcomer, Method::POST, "/auth/login", Some(with(recovery[0]))).await.unwrap();
    let (account, password) = ("Maren".to_owned(), PASSWORD.to_owned());
    for door in DOORS {
        let mut lobby = Lobby::connect(&realm.endpoint(), door).await.unwrap();
        let bare = Login::Password { account: account.clone(), password: password.clone() };
        assert_eq!(refused(lobby.login(bare).await), answer(0, "SECOND_FACTOR_REQUIRED"), "{door:?}");
        clock.turn_minutes(1);
        let proven = Login::PasswordAndCode { account: account.clone(), password: password.clone(), code: shown() };
        let mut lobby = Lobby::connect(&realm.endpoint(), door).await.unwrap();
        lobby.login(proven.clone()).await.unwrap();
        let mut lobby = Lobby::connect(&realm.endpoint(), door).await.unwrap();
        assert_eq!(refused(lobby.login(proven).await), answer(0, "SECOND_FACTOR_REQUIRED"), "{door:?}: used");
    }
    // It goes as it came: with the password and a code.
    let proof = |code: &str| Some(json!({"password": PASSWORD, "second_factor": code}));
    let fresh =
        ask(&mut rest, Method::POST, "/account/second-factor/recovery-codes", proof(recovery[1])).await.unwrap();
    let fresh = fresh["recovery_codes"][0].as_str().unwrap();
    let void = ask(&mut rest, Method::POST, "/account/second-factor/remove", proof(recovery[2])).await;
    assert_eq!(refused(void), answer(401, "SECOND_FACTOR_REQUIRED"), "new codes void the old");
    ask(&mut rest, Method::POST, "/account/second-factor/remove", proof(fresh)).await.unwrap();
    newcomer.login("Maren", PASSWORD).await.unwrap();
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_may_be_asked_for_a_second_factor() {
    let clock = Hands::new();
    let realm = TestRealm::start_with(|config| config.accounts.second_factor_required_for_staff = true).await;
    let realm = realm.restart_with_clock(clock.clone()).await;
    let token = realm.realm().owner_token().unwrap().to_owned();
    let mut owner = Rest::new(&realm.endpoint());
    owner.create_owner(&token, "Keeper", PASSWORD).await.unwrap();
    owner.login("Keeper", PASSWORD).await.unwrap();
    assert_eq!(refused(ask(&mut owner, Method::GET, "/admin/sanctions", None).await), answer(403, "FORBIDDEN"));
    let profile = ask(&mut owner, Method::GET, "/account", None).await.unwrap();
    assert_eq!((&profile["role"], &profile["role_in_force"]), (&json!("owner"), &json!("player")));
    let begun =
        ask(&mut owner, Method::POST, "/account/second-factor", Some(json!({"password": PASSWORD}))).await.unwrap();
    let secret = begun["secret"].as_str().unwrap();
    let body = json!({"code": code(secret, clock.now_ms())});
    ask(&mut owner, Method::POST, "/account/second-factor/confirm", Some(body)).await.unwrap();
    clock.turn_minutes(1);
    let body = json!({"name": "Keeper", "password": PASSWORD, "second_factor": code(secret, clock.now_ms())});
    let tokens = ask(&mut owner, Method::POST, "/auth/login", Some(body)).await.unwrap();
    owner.set_access_token(tokens["access_token"].as_str().map(str::to_owned));
    ask(&mut owner, Method::GET, "/admin/sanctions", None).await.expect("who has proven the second factor is staff");
    realm.stop().await;
}
