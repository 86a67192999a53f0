//! Who people are, from outside: passwords and sessions, second factors, sanctions, account keys, and what is kept about somebody.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use realm::types::{Clock, SystemClock};
use realm_client::{ClientError, Door, Endpoint, GameConnection, Lobby, Login, Method, Rest, ServerMessage};
use rustix::process::Signal;
use serde_json::{Value, json};
use sha1::Sha1;
use tokio::{
    io::{AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::harness::{
    DEADLINE, PASSWORD, TestRealm, eventually,
    program::{Site, Up},
    raw, refused,
};

const NEW_PASSWORD: &str = "five lanterns by the lake";
const DOORS: [Door; 3] = [Door::Frames, Door::WebSocketJson, Door::WebSocketBinary];

/// A clock that stands still until a test turns it.
struct Hands(AtomicI64);

impl Hands {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(SystemClock.now_ms())))
    }

    fn turn_minutes(&self, minutes: i64) {
        self.0.fetch_add(minutes * 60_000, Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

fn answer(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// A request below `/api/v1`, and its answer when it is a success.
async fn ask(rest: &mut Rest, method: Method, path: &str, body: Option<Value>) -> Result<Value, ClientError> {
    let answer = rest.request(method, &format!("/api/v1{path}"), body.as_ref()).await.expect("an answer");
    answer.success().map(|answer| answer.json)
}

/// A client that speaks as the operator does: with the token in the data folder.
fn operator(data: &Path, endpoint: &Endpoint) -> Rest {
    let token = fs::read_to_string(data.join("operator.token")).expect("a token in the data folder");
    let mut rest = Rest::new(endpoint);
    rest.set_access_token(Some(token));
    rest
}

/// Reads until the realm ends the connection; its code and sentence.
async fn goodbye(lobby: &mut Lobby) -> (String, String) {
    loop {
        match lobby.next().await {
            Ok(_) => {}
            Err(ClientError::Closed(Some(goodbye))) => return (goodbye.code, goodbye.message),
            Err(error) => panic!("the realm should say goodbye, and not so: {error}"),
        }
    }
}

/// Waits until a game connection is over.
async fn game_over(mut game: GameConnection) {
    while game.next().await.is_ok() {}
}

/// The bytes of a secret in base32.
fn bytes_of(base32: &str) -> Vec<u8> {
    let value = |letter: u8| u32::from(if letter.is_ascii_digit() { letter - b'2' + 26 } else { letter - b'A' });
    let (mut held, mut bits, mut bytes) = (0_u32, 0, Vec::new());
    for letter in base32.bytes() {
        held = held << 5 | value(letter);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).unwrap());
        }
        held &= (1 << bits) - 1;
    }
    bytes
}

/// What an authenticator shows.
fn code(secret: &str, now_ms: i64) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(&bytes_of(secret)).unwrap();
    mac.update(&(now_ms / 30_000).to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest[19] & 0xf);
    let word = u32::from_be_bytes(digest[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}

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

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_account_is_sent_away_from_everywhere_and_told_why() {
    let clock = Hands::new();
    let realm = TestRealm::start().await.restart_with_clock(clock.clone()).await;
    let mut staff = operator(realm.data(), &realm.endpoint());
    for (number, door) in DOORS.into_iter().enumerate() {
        let name = format!("Maren-{}", door as u8);
        let mut hero = realm.hero(&name, door).await;
        let (_, game) = hero.open_game(&name).await;
        let order = json!({"kind": "ban", "target": name, "reason": "Selling gold.", "seconds": 3_600});
        let spoken = ask(&mut staff, Method::POST, "/admin/sanctions", Some(order)).await.unwrap();
        assert_eq!((&spoken["number"], &spoken["in_force"]), (&json!(number + 1), &json!(true)), "{spoken}");
        assert_eq!((&spoken["target"], &spoken["decided_by"]), (&json!(name), &json!("the operator")), "{spoken}");
        let (code, sentence) = goodbye(&mut hero.lobby).await;
        assert_eq!(code, "ACCOUNT_BANNED", "{door:?}");
        for part in ["Selling gold", &format!("sanction {}", number + 1), spoken["until"].as_str().unwrap()] {
            assert!(sentence.contains(part), "{part} is missing: {sentence}");
        }
        game_over(game).await;
        assert_eq!(refused(hero.player.rest.validate().await), answer(401, "TOKEN_INVALID"));
        assert_eq!(refused(hero.player.rest.refresh().await).0, 401);
        match hero.player.rest.login(&name, PASSWORD).await.unwrap_err() {
            ClientError::Refused { status: 403, code, message, .. } => {
                assert_eq!((code.as_str(), message), ("ACCOUNT_BANNED", sentence));
            }
            other => panic!("{other}"),
        }
        let mut lobby = Lobby::connect(&realm.endpoint(), door).await.unwrap();
        let login = Login::Password { account: name.clone(), password: PASSWORD.to_owned() };
        assert_eq!(refused(lobby.login(login).await), answer(0, "ACCOUNT_BANNED"), "{door:?}");
    }
    // One is lifted, the others end by themselves.
    ask(&mut staff, Method::DELETE, "/admin/sanctions/1", None).await.unwrap();
    assert_eq!(refused(ask(&mut staff, Method::DELETE, "/admin/sanctions/1", None).await), answer(404, "NOT_FOUND"));
    let mut rest = Rest::new(&realm.endpoint());
    rest.login(&format!("Maren-{}", DOORS[0] as u8), PASSWORD).await.unwrap();
    let other = format!("Maren-{}", DOORS[1] as u8);
    assert_eq!(refused(rest.login(&other, PASSWORD).await).1, "ACCOUNT_BANNED");
    clock.turn_minutes(60);
    rest.login(&other, PASSWORD).await.expect("an hour is over");
    let listed = ask(&mut staff, Method::GET, "/admin/sanctions", None).await.unwrap();
    let listed = listed["sanctions"].as_array().unwrap();
    assert_eq!(listed.iter().filter(|one| one["in_force"] == true).count(), 0, "{listed:?}");
    assert_eq!(listed.iter().map(|one| one["number"].as_i64().unwrap()).collect::<Vec<_>>(), [3, 2, 1]);
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_sanction_players_and_players_nobody() {
    let realm = TestRealm::start().await;
    let token = realm.realm().owner_token().unwrap().to_owned();
    let mut owner = Rest::new(&realm.endpoint());
    owner.create_owner(&token, "Keeper", PASSWORD).await.unwrap();
    owner.login("Keeper", PASSWORD).await.unwrap();
    let mut player = realm.player("Maren").await.rest;
    let order = |kind: &str, target: &str| Some(json!({"kind": kind, "target": target, "reason": "Because."}));
    for (method, path, body) in [
        (Method::POST, "/admin/sanctions", order("ban", "Keeper")),
        (Method::GET, "/admin/sanctions", None),
        (Method::DELETE, "/admin/sanctions/1", None),
        (Method::GET, "/admin/account-keys", None),
        (Method::POST, "/admin/account-keys", Some(json!({"make": 1}))),
        (Method::POST, "/admin/account-keys/check", Some(json!({"key": "x"}))),
        (Method::POST, "/admin/account-keys/revoke", Some(json!({"key": "x"}))),
    ] {
        let refusal = ask(&mut player, method.clone(), path, body.clone()).await;
        assert_eq!(refused(refusal), answer(403, "FORBIDDEN"), "{method} {path}");
        let mut nobody = Rest::new(&realm.endpoint());
        assert_eq!(refused(ask(&mut nobody, method, path, body).await), answer(401, "TOKEN_INVALID"), "{path}");
    }
    let mut staff = operator(realm.data(), &realm.endpoint());
    for (kind, target, status, code) in [
        ("ban", "Keeper", 403, "FORBIDDEN"),
        ("ban", "Nobody", 422, "SANCTION_INVALID"),
        ("ban", "0.0.0.0/0", 422, "SANCTION_INVALID"),
        ("ban", "127.0.0.1", 422, "SANCTION_INVALID"),
        ("mute", "192.0.2.7", 422, "SANCTION_INVALID"),
        ("mute", "Maren", 422, "SANCTION_INVALID"),
    ] {
        let refusal = ask(&mut staff, Method::POST, "/admin/sanctions", order(kind, target)).await;
        assert_eq!(refused(refusal), answer(status, code), "{kind} {target}");
    }
    let flagged = ask(&mut owner, Method::POST, "/admin/sanctions", order("flag", "maren")).await.unwrap();
    assert_eq!((&flagged["target"], &flagged["decided_by"]), (&json!("Maren"), &json!("Keeper")), "{flagged}");
    player.validate().await.expect("a flag is for staff alone");
    let found = ask(&mut owner, Method::GET, "/admin/sanctions?target=Maren", None).await.unwrap();
    assert_eq!(found["sanctions"].as_array().unwrap().len(), 1);
    let export = ask(&mut player, Method::GET, "/account/export", None).await.unwrap();
    assert_eq!(export["sanctions"], json!([]), "nor is it told in an export");
    // IPv4 in the dress of IPv6 is IPv4.
    let dressed = ask(&mut staff, Method::POST, "/admin/sanctions", order("ban", "::ffff:203.0.113.0/120")).await;
    assert_eq!(dressed.unwrap()["target"], "203.0.113.0/24");
    // A moderator does not free himself of what those above him decided.
    let promoted = Some(json!({"role": "moderator", "permissions": [], "reason": "Knows the place."}));
    ask(&mut owner, Method::PUT, "/admin/staff/Maren", promoted).await.unwrap();
    let muted = json!({"kind": "mute", "target": "Maren", "reason": "Too loud.", "seconds": 3_600});
    let number = ask(&mut owner, Method::POST, "/admin/sanctions", Some(muted)).await.unwrap()["number"].clone();
    player.login("Maren", PASSWORD).await.unwrap();
    let lift = format!("/admin/sanctions/{number}");
    assert_eq!(refused(ask(&mut player, Method::DELETE, &lift, None).await), answer(403, "FORBIDDEN"));
    ask(&mut owner, Method::DELETE, &lift, None).await.unwrap();
    realm.stop().await;
}

/// A door before the realm's doors that says for everybody who comes through it that he comes from `address`.
async fn from_address(realm: &TestRealm, address: &'static str) -> Endpoint {
    let through = async |door: SocketAddr| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(door).await?;
                    server.write_all(format!("PROXY TCP4 {address} 192.0.2.1 4711 443\r\n").as_bytes()).await?;
                    copy_bidirectional(&mut client, &mut server).await
                });
            }
        });
        port
    };
    let (addresses, mut endpoint) = (realm.realm().addresses(), realm.endpoint());
    endpoint.https_port = through(addresses.https).await;
    endpoint.realm_port = through(addresses.realm).await;
    endpoint.game_port = through(addresses.game).await;
    endpoint
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_network_is_shut_out_at_every_door_and_others_are_not() {
    let clock = Hands::new();
    let realm = TestRealm::start_with(|config| config.net.proxy_networks = vec!["127.0.0.0/8".to_owned()]).await;
    let realm = realm.restart_with_clock(clock.clone()).await;
    let (spammer, neighbour) = (from_address(&realm, "198.51.100.7").await, from_address(&realm, "198.51.101.7").await);
    let mut staff = operator(realm.data(), &realm.endpoint());
    let mut connected = Vec::new();
    for (name, endpoint) in [("Spammer", &spammer), ("Neighbour", &neighbour)] {
        let mut rest = Rest::new(endpoint);
        rest.register(name, PASSWORD).await.unwrap();
        let token = rest.login(name, PASSWORD).await.unwrap().access_token;
        let mut lobby = Lobby::connect(endpoint, Door::WebSocketJson).await.unwrap();
        lobby.login(Login::Token(token)).await.unwrap();
        connected.push((rest, lobby));
    }
    let order = json!({"kind": "ban", "target": "198.51.100.9/24", "reason": "Spam.", "seconds": 3_600});
    let spoken = ask(&mut staff, Method::POST, "/admin/sanctions", Some(order)).await.unwrap();
    assert_eq!(spoken["target"], "198.51.100.0/24");
    let (mut rest, mut lobby) = connected.remove(0);
    assert_eq!(goodbye(&mut lobby).await.0, "LOGGED_OUT", "sessions from there end");
    // A connection that was open is told, and so is every new one.
    match rest.validate().await.unwrap_err() {
        ClientError::Refused { status: 403, code, message, .. } => {
            assert_eq!(code, "ADDRESS_BANNED");
            let until = spoken["until"].as_str().unwrap();
            assert!(message.contains("Spam (sanction 1)") && message.contains(until), "{message}");
        }
        other => panic!("{other}"),
    }
    assert_eq!(refused(Rest::new(&spammer).realms().await), answer(403, "ADDRESS_BANNED"));
    for door in [Door::WebSocketJson, Door::WebSocketBinary] {
        let refusal = Lobby::connect(&spammer, door).await.map(drop);
        assert_eq!(refused(refusal), answer(403, "ADDRESS_BANNED"), "{door:?}");
    }
    let mut frames = Lobby::connect(&spammer, Door::Frames).await.unwrap();
    let login = Login::Password { account: "Spammer".to_owned(), password: PASSWORD.to_owned() };
    assert_eq!(refused(frames.login(login).await), answer(0, "ADDRESS_BANNED"));

    let (mut rest, mut lobby) = connected.remove(0);
    assert_eq!(rest.validate().await.unwrap().name, "Neighbour");
    lobby.ping().await.expect("somebody else's connection stays");
    Rest::new(&neighbour).login("Spammer", PASSWORD).await.expect("a network is banned, and no account");
    clock.turn_minutes(60);
    Rest::new(&spammer).login("Spammer", PASSWORD).await.expect("an hour is over");
    assert!(
        raw::loopback(&realm, "/metrics").await.contains("reason=\"banned\""),
        "operators see how many were sent away"
    );
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn account_keys_are_asked_for_where_the_operator_wants_them() {
    let realm = TestRealm::start_with(|config| config.accounts.require_key = true).await;
    let mut staff = operator(realm.data(), &realm.endpoint());
    let made = json!({"make": 2, "note": "beta"});
    let made = ask(&mut staff, Method::POST, "/admin/account-keys", Some(made)).await.unwrap();
    let key = |number: usize| made["made"][number].as_str().unwrap().to_owned();
    let mut rest = Rest::new(&realm.endpoint());
    assert_eq!(refused(rest.register("Maren", PASSWORD).await), answer(403, "INVALID_CDKEY"));
    let register = |name: &str, key: &str| Some(json!({"name": name, "password": PASSWORD, "account_key": key}));
    let mut tried = async |name: &str, key: &str| {
        ask(&mut rest, Method::POST, "/auth/register", register(name, key)).await.map(drop)
    };
    assert_eq!(refused(tried("Maren", "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA").await), answer(403, "INVALID_CDKEY"));
    tried("Maren", &key(0)).await.unwrap();
    assert_eq!(refused(tried("Tomas", &key(0)).await), answer(403, "INVALID_CDKEY"), "a key is one account's");
    let mut maren = Rest::new(&realm.endpoint());
    maren.login("Maren", PASSWORD).await.unwrap();
    let of = |key: &str| Some(json!({"key": key}));
    let found = ask(&mut staff, Method::POST, "/admin/account-keys/check", of(&key(0))).await.unwrap();
    assert_eq!((&found["state"], &found["note"]), (&json!("bound"), &json!("beta")), "{found}");
    let unknown = ask(&mut staff, Method::POST, "/admin/account-keys/check", of("AAAAA")).await;
    assert_eq!(refused(unknown), answer(403, "INVALID_CDKEY"));
    let revoked = ask(&mut staff, Method::POST, "/admin/account-keys/revoke", of(&key(0))).await.unwrap();
    assert_eq!(revoked["state"], "revoked");
    assert_eq!(refused(maren.validate().await), answer(401, "TOKEN_INVALID"), "its sessions end");
    assert_eq!(refused(maren.login("Maren", PASSWORD).await), answer(403, "INVALID_CDKEY"));
    let body = json!({"name": "Maren", "password": PASSWORD, "account_key": key(1)});
    ask(&mut maren, Method::POST, "/auth/login", Some(body)).await.expect("with another key");
    maren.login("Maren", PASSWORD).await.expect("which is Maren's from now on");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_s_verbs_say_what_they_did_and_what_to_do_instead() {
    let site = Site::new();
    let up = patient(&site);
    let at = ["--data", "realm-data"];
    let run = |arguments: &[&str]| site.run(&[arguments, &at].concat());
    let endpoint = site.endpoint();
    let mut rest = Rest::new(&endpoint);
    rest.register("Maren", PASSWORD).await.unwrap();
    let token = rest.login("Maren", PASSWORD).await.unwrap().access_token;
    let mut lobby = Lobby::connect(&endpoint, Door::Frames).await.unwrap();
    lobby.login(Login::Token(token)).await.unwrap();
    lobby.join_channel("Cave").await.unwrap();
    let said = run(&["sanction", "mute", "maren", "--reason", "Shouting.", "--for", "2h"]).success();
    assert!(said.contains("1  mute Maren until 20") && said.contains("by the operator: Shouting."), "{said}");
    lobby.say("can you hear me").await.unwrap();
    let refusal = loop {
        if let ServerMessage::Error(error) = lobby.next().await.unwrap() {
            break error;
        }
    };
    assert_eq!(refusal.code, "MUTED");
    assert!(refusal.message.contains("Shouting (sanction 1)"), "{refusal:?}");
    assert!(run(&["sanction", "lift", "1"]).success().contains(", lifted 20"));
    lobby.say("and now").await.unwrap();
    assert_eq!(lobby.line(DEADLINE).await.expect("a lifted mute holds nobody").text, "and now");
    assert!(run(&["sanction", "lift", "1"]).refusal().contains("No sanction 1 is in force"));
    assert!(run(&["sanction", "ban", "Nobody", "--reason", "Because."]).refusal().contains("no account \"Nobody\""));
    assert!(run(&["sanction", "mute", "Maren", "--reason", "Because."]).refusal().contains("how long"));
    assert!(run(&["sanction", "ban", "Maren", "--reason", "Because.", "--for", "soon"]).refusal().contains("12h"));
    run(&["sanction", "ban", "2001:db8::/48", "--reason", "Spam."]).success();
    let listed = run(&["sanction", "list"]).success();
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let of_one: Value = serde_json::from_str(&run(&["sanction", "list", "2001:db8::/48", "--json"]).success()).unwrap();
    assert_eq!(of_one["sanctions"][0]["target"], "2001:db8::/48", "{of_one}");
    run(&["sanction", "ban", "Maren", "--reason", "Because."]).success();
    assert_eq!(goodbye(&mut lobby).await.0, "ACCOUNT_BANNED");

    let made = run(&["key", "make", "2", "--note", "spring"]).success();
    let made: Vec<&str> = made.lines().collect();
    fs::write(site.folder().join("keys.txt"), format!("{}\nABCDE-12345-FGHIJ-67890\n\nno key\n", made[0])).unwrap();
    let imported = run(&["key", "import", "keys.txt"]).success();
    assert_eq!(imported.trim(), "1 keys imported; 1 lines are no keys, the rest were there.");
    assert!(run(&["key", "check", "abcde12345fghij67890"]).success().contains("…7890  free"));
    assert!(run(&["key", "revoke", made[1]]).success().contains("revoked"));
    assert!(run(&["key", "check", made[1]]).success().contains("spring"));
    assert!(run(&["key", "check", "no key"]).refusal().contains("INVALID_CDKEY"));
    assert_eq!(run(&["key", "list"]).success().lines().count(), 3);
    assert_eq!(up.end(Signal::TERM).0, Some(0));
    assert!(run(&["sanction", "list"]).refusal().contains("no realm runs"));
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
    let long = std::env::var_os("REALM_TEST_LONG").is_some();
    let realm = TestRealm::start_with(|config| {
        config.accounts.wrong_passwords_max = 1_000;
        config.accounts.wrong_passwords_per_account_max = 100_000;
        config.accounts.wrong_passwords_per_network_max = 1_000_000;
    })
    .await;
    let mut rest = Rest::new(&realm.endpoint());
    // So many accounts that no name comes to its limit.
    let names: Vec<String> = (0..if long { 20 } else { 2 }).map(|number| format!("Maren-{number}")).collect();
    for name in &names {
        rest.register(name, PASSWORD).await.unwrap();
    }
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

/// A realm of the real program. While its verbs run, a lobby of the test is not read, however long they take.
fn patient(site: &Site) -> Up {
    Up::start(site.realm(&["up", "--data", "realm-data"]).env("REALM__NET__SILENCE_MAX_MS", "600000"))
}

/// Every file of a folder that holds a text, whatever its case.
fn holding(folder: &Path, text: &str, found: &mut Vec<String>) {
    // What goes while it is looked at holds nothing.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            holding(&path, text, found);
        } else if let Ok(bytes) = fs::read(&path) {
            let bytes = bytes.to_ascii_lowercase();
            if bytes.windows(text.len()).any(|window| window == text.to_ascii_lowercase().as_bytes()) {
                found.push(path.display().to_string());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_account_leaves_no_trace_in_database_and_log() {
    let site = Site::new();
    let up = patient(&site);
    let endpoint = site.endpoint();
    let mut rest = Rest::new(&endpoint);
    rest.register("Wilhelmina", PASSWORD).await.unwrap();
    let token = rest.login("Wilhelmina", PASSWORD).await.unwrap().access_token;
    let mut lobby = Lobby::connect(&endpoint, Door::WebSocketJson).await.unwrap();
    lobby.login(Login::Token(token)).await.unwrap();
    let character = lobby.create_character("Rosalinde", "Druid", false).await.unwrap();
    lobby.select_character(character.id).await.unwrap();
    lobby.join_channel("Kunigunde").await.unwrap();
    lobby.say("a word of Philippa").await.unwrap();
    let wrong = Rest::new(&endpoint).login("Wilhelmina", "not the password").await;
    assert_eq!(refused(wrong).1, "INVALID_CREDENTIALS");
    let export = ask(&mut rest, Method::GET, "/account/export", None).await.unwrap();
    assert_eq!(
        (&export["account"][0]["name"], &export["characters"][0]["name"]),
        (&json!("Wilhelmina"), &json!("Rosalinde"))
    );
    assert_eq!(export["sessions"][0]["address"], "127.0.0.1", "{export}");
    ask(&mut rest, Method::POST, "/account/erase", Some(json!({"password": PASSWORD}))).await.unwrap();
    assert_eq!(goodbye(&mut lobby).await.0, "LOGGED_OUT");
    assert_eq!(refused(rest.validate().await), answer(401, "TOKEN_INVALID"));
    assert_eq!(refused(rest.login("Wilhelmina", PASSWORD).await).1, "INVALID_CREDENTIALS");
    let own = ["Wilhelmina", "Rosalinde", "Kunigunde", "Philippa"];
    eventually("nothing of it being left in the files of the running realm", async || {
        let mut found = Vec::new();
        own.iter().for_each(|own| holding(&site.data(), own, &mut found));
        found.is_empty().then_some(())
    })
    .await;
    rest.register("Wilhelmina", PASSWORD).await.expect("the name is free again");
    ask_to_erase_again(&endpoint).await;
    let (code, log) = up.end(Signal::TERM);
    assert_eq!(code, Some(0));
    for own in own {
        assert!(!log.to_lowercase().contains(&own.to_lowercase()), "{own} stands in the log:\n{log}");
    }
    let mut found = Vec::new();
    own.iter().for_each(|own| holding(&site.data(), own, &mut found));
    assert!(found.is_empty(), "{found:?}");
}

/// Whoever has the name next is erased as well.
async fn ask_to_erase_again(endpoint: &Endpoint) {
    let mut rest = Rest::new(endpoint);
    rest.login("Wilhelmina", PASSWORD).await.unwrap();
    ask(&mut rest, Method::POST, "/account/erase", Some(json!({"password": PASSWORD}))).await.unwrap();
}
