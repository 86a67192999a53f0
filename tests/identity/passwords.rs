//! Passwords, sessions, and the time that a log-in takes.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_every_other_session_at_every_door_and_in_the_game() {
    let realm = TestRealm::start().await;
    for door in DOORS {
        let name = format!("Maren-{}", door as u8);
        let mut hero = realm.hero(&name, door).await;
        let (_, game) = hero.open_game(&name).await;
        let mut here = Rest::new(&realm.endpoint());
        here.login(&name, PASSWORD).await.unwrap();
        let body = json!({"old_password": PASSWORD, "new_password": NEW_PASSWORD});
        let wrong = json!({"old_password": "not the password", "new_password": NEW_PASSWORD});
        let refusal = ask(&mut here, Method::POST, "/account/password", Some(wrong)).await;
        assert_eq!(refused(refusal), answer(401, "INVALID_CREDENTIALS"));
        hero.lobby.ping().await.expect("nothing has changed yet");
        ask(&mut here, Method::POST, "/account/password", Some(body)).await.unwrap();
        // What REST says has changed with the answer; the sockets close by themselves.
        assert_eq!(refused(hero.player.rest.validate().await), answer(401, "TOKEN_INVALID"), "{door:?}");
        assert_eq!(refused(hero.player.rest.refresh().await), answer(401, "REFRESH_INVALID"), "{door:?}");
        assert_eq!(goodbye(&mut hero.lobby).await.0, "LOGGED_OUT", "{door:?}");
        game_over(game).await;
        assert_eq!(here.validate().await.unwrap().name, name);
        assert_eq!(refused(here.login(&name, PASSWORD).await).1, "INVALID_CREDENTIALS");
        here.login(&name, NEW_PASSWORD).await.unwrap();
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_their_account_and_end_its_sessions() {
    let realm = TestRealm::start().await;
    let mut here = realm.player("Maren").await;
    let profile = ask(&mut here.rest, Method::GET, "/account", None).await.unwrap();
    assert_eq!((&profile["name"], &profile["role"]), (&json!("Maren"), &json!("player")), "{profile}");
    assert_eq!((&profile["second_factor"], &profile["password_changed"]), (&json!(false), &Value::Null), "{profile}");
    let time = |key: &str| {
        let text = profile[key].as_str().expect("a time");
        time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).expect("a time of RFC 3339")
    };
    assert!(time("created") <= time("login_last"), "{profile}");

    let mut there = Rest::new(&realm.endpoint());
    let token = there.login("Maren", PASSWORD).await.unwrap().access_token;
    let mut third = Rest::new(&realm.endpoint());
    third.login("Maren", PASSWORD).await.unwrap();
    let mut lobby = Lobby::connect(&here.endpoint, Door::WebSocketJson).await.unwrap();
    lobby.login(Login::Token(token)).await.unwrap();
    let sessions = ask(&mut there, Method::GET, "/account/sessions", None).await.unwrap();
    let sessions = sessions["sessions"].as_array().unwrap().clone();
    let current: Vec<bool> = sessions.iter().map(|session| session["current"] == true).collect();
    assert_eq!(current, [false, true, false], "{sessions:?}");
    assert!(sessions.iter().all(|session| session["address"] == "127.0.0.1"), "{sessions:?}");

    let path = format!("/account/sessions/{}", sessions[1]["id"].as_str().unwrap());
    let mut stranger = realm.player("Tomas").await.rest;
    assert_eq!(refused(ask(&mut stranger, Method::DELETE, &path, None).await), answer(404, "NOT_FOUND"));
    ask(&mut here.rest, Method::DELETE, &path, None).await.unwrap();
    assert_eq!(refused(there.validate().await), answer(401, "TOKEN_INVALID"));
    assert_eq!(goodbye(&mut lobby).await.0, "LOGGED_OUT");
    assert_eq!(refused(ask(&mut here.rest, Method::DELETE, &path, None).await), answer(404, "NOT_FOUND"));
    ask(&mut here.rest, Method::DELETE, "/account/sessions", None).await.unwrap();
    assert_eq!(refused(third.validate().await), answer(401, "TOKEN_INVALID"));
    assert_eq!(here.rest.validate().await.unwrap().name, "Maren");
    for path in ["/account", "/account/sessions", "/account/export"] {
        let mut nobody = Rest::new(&realm.endpoint());
        assert_eq!(refused(ask(&mut nobody, Method::GET, path, None).await), answer(401, "TOKEN_INVALID"), "{path}");
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_checks_tokens_by_himself_finds_the_key() {
    let realm = TestRealm::start().await;
    let mut player = realm.player("Maren").await;
    let kid = jsonwebtoken::decode_header(&player.token).unwrap().kid.unwrap();
    for path in ["/.well-known/jwks.json", "/api/v1/auth/jwks"] {
        let keys = player.rest.request(Method::GET, path, None).await.unwrap().success().unwrap().json;
        let key = &keys["keys"][0];
        assert_eq!(
            (&key["kid"], &key["crv"], &key["alg"]),
            (&json!(kid), &json!("Ed25519"), &json!("EdDSA")),
            "{keys}"
        );
        let key: jsonwebtoken::jwk::Jwk = serde_json::from_value(key.clone()).expect("a key as the RFC describes it");
        let key = jsonwebtoken::DecodingKey::from_jwk(&key).unwrap();
        let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::EdDSA);
        validation.set_audience(&["realm"]);
        let claims = jsonwebtoken::decode::<Value>(&player.token, &key, &validation).expect("the key fits").claims;
        assert_eq!(claims["sub"], player.rest.validate().await.unwrap().id.to_string());
    }
    realm.stop().await;
}

/// The largest distance between two distributions (Kolmogorov and Smirnov).
fn distance(one: &mut [f64], other: &mut [f64]) -> f64 {
    one.sort_by(f64::total_cmp);
    other.sort_by(f64::total_cmp);
    let share = |all: &[f64], below: f64| all.partition_point(|value| *value <= below) as f64 / all.len() as f64;
    one.iter().chain(other.iter()).map(|at| (share(one, *at) - share(other, *at)).abs()).fold(0.0, f64::max)
}

/// A name that exists and one that does not get one answer; with `REALM_TEST_LONG` over 2,000 log-ins of each, and in one time: that
/// needs a machine that does nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_name_costs_what_a_known_one_costs() {
    Box::pin(compare_names(None)).await;
}

/// Also while the hashes of known names are those of before the costs were raised.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_name_costs_what_a_known_one_costs_whose_password_was_hashed_for_less() {
    Box::pin(compare_names(Some((20_480, 3)))).await;
}

/// Registers names, raises the costs to so much memory in KiB and so many passes, if any, and compares.
async fn compare_names(raised: Option<(u32, u32)>) {
    let long = std::env::var_os("REALM_TEST_LONG").is_some();
    let mut realm = TestRealm::start_with(|config| {
        config.accounts.wrong_passwords_max = 1_000;
        config.accounts.wrong_passwords_per_account_max = 100_000;
        config.accounts.wrong_passwords_per_network_max = 1_000_000;
        config.accounts.login_burst = 1_000_000;
    })
    .await;
    // So many accounts that no name comes to its limit.
    let names: Vec<String> = (0..if long { 20 } else { 2 }).map(|number| format!("Maren-{number}")).collect();
    for name in &names {
        Rest::new(&realm.endpoint()).register(name, PASSWORD).await.unwrap();
    }
    if let Some((memory_kib, passes)) = raised {
        realm = realm
            .restart_with(|config| {
                config.accounts.password_memory_kib = memory_kib;
                config.accounts.password_passes = passes;
            })
            .await;
    }
    let mut rest = Rest::new(&realm.endpoint());
    let (mut times, mut answers) = ([Vec::new(), Vec::new()], std::collections::HashSet::new());
    for round in 0..if long { 2_000 } else { 10 } {
        let known = &names[round % names.len()];
        // In turn first and second, so that what comes first has no advantage.
        let unknown = known.replace("Maren", "Tomas");
        for place in [round % 2, 1 - round % 2] {
            let begin = std::time::Instant::now();
            let name = if place == 0 { known } else { &unknown };
            let answer = rest.login(name, "five lanterns by the sea").await.unwrap_err().to_string();
            times[place].push(begin.elapsed().as_secs_f64() * 1_000.0);
            answers.insert(answer);
        }
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    let [known, unknown] = &mut times;
    let (distance, count) = (distance(known, unknown), known.len() as f64);
    let median = |times: &[f64]| times[times.len() / 2];
    let apart = (median(known) - median(unknown)).abs();
    println!("known {:.2} ms, unknown {:.2} ms, distance {distance:.4}", median(known), median(unknown));
    if long {
        // Beyond this distance chance explains it in one of a hundred cases.
        let by_chance = 1.628 * (2.0 / count).sqrt();
        assert!(apart <= 1.0 && distance <= by_chance, "medians {apart} ms apart, distance {distance} of {by_chance}");
    }
    realm.stop().await;
}
