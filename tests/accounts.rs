//! Accounts: register, log in, tokens, the owner.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use realm::types::{Clock, SystemClock};
use realm_client::{ClientError, Door, Lobby, Login, Rest};

use crate::harness::{PASSWORD, TestRealm, refused};

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;

/// A clock that stands still until a test turns it.
struct Hands(AtomicI64);

impl Hands {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(SystemClock.now_ms())))
    }

    fn turn(&self, milliseconds: i64) {
        self.0.fetch_add(milliseconds, Ordering::SeqCst);
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

/// Reads until the realm ends the connection; the code of its goodbye.
async fn goodbye(lobby: &mut Lobby) -> String {
    loop {
        match lobby.next().await {
            Ok(_) => {}
            Err(ClientError::Closed(Some(goodbye))) => return goodbye.code,
            Err(error) => panic!("the realm should say goodbye, and not so: {error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_account_logs_in_and_its_token_says_who_it_is() {
    let realm = TestRealm::start().await;
    let mut player = realm.player("Maren").await;
    let account = player.rest.validate().await.unwrap();
    assert_eq!((account.name.as_str(), account.role.as_str()), ("Maren", "player"));
    player.rest.logout().await.unwrap();
    player.rest.set_access_token(Some(player.token.clone()));
    assert_eq!(refused(player.rest.validate().await), answer(401, "TOKEN_INVALID"));
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_name_get_one_answer() {
    let realm = TestRealm::start().await;
    let player = realm.player("Maren").await;
    let mut rest = Rest::new(&realm.endpoint());
    let wrong = rest.login("Maren", "five lanterns by the sea").await.unwrap_err().to_string();
    let unknown = rest.login("Nobody", PASSWORD).await.unwrap_err().to_string();
    assert_eq!(wrong, unknown);
    assert!(wrong.starts_with("INVALID_CREDENTIALS"), "{wrong}");

    for (door, account, password) in [
        (Door::Frames, "Maren", "five lanterns by the sea"),
        (Door::WebSocketJson, "Nobody", PASSWORD),
        (Door::WebSocketBinary, "no name at all", PASSWORD),
    ] {
        let mut lobby = Lobby::connect(&player.endpoint, door).await.unwrap();
        let login = Login::Password { account: account.to_owned(), password: password.to_owned() };
        assert_eq!(refused(lobby.login(login).await), answer(0, "INVALID_CREDENTIALS"), "{door:?}");
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_taken_or_looks_taken_is_refused_and_the_first_account_stays() {
    let realm = TestRealm::start().await;
    realm.player("Lillian").await;
    let mut rest = Rest::new(&realm.endpoint());
    for same in ["Lillian", "lillian", "LILLIAN", "Li11ian", "Ｌillian"] {
        let result = rest.register(same, "another good password").await;
        assert_eq!(refused(result), answer(409, "ACCOUNT_TAKEN"), "{same}");
    }
    assert_eq!(rest.login("lillian", PASSWORD).await.unwrap().account.name, "Lillian", "case does not count");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_register_one_name_at_once_one_wins() {
    let realm = TestRealm::start().await;
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let mut rest = Rest::new(&realm.endpoint());
        tries.spawn(async move { rest.register("Maren", PASSWORD).await });
    }
    let (won, lost): (Vec<_>, Vec<_>) = tries.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    for result in lost {
        assert_eq!(refused(result), answer(409, "ACCOUNT_TAKEN"));
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn illegal_names_and_weak_passwords_are_refused_with_their_codes() {
    let realm = TestRealm::start().await;
    let mut rest = Rest::new(&realm.endpoint());
    for name in ["", "M", "seventeen-letters", "7bells", "two words", "semi;colon", "Mаren", "<b>", "nul\0"] {
        assert_eq!(refused(rest.register(name, PASSWORD).await), answer(422, "INVALID_USERNAME"), "{name:?}");
    }
    let long = "long ".repeat(30);
    for password in ["", "seven77", "password", "Password123!", "aaaaaaaaaaaa", "87654321", "Maren123", &long] {
        assert_eq!(refused(rest.register("Maren", password).await), answer(422, "INVALID_PASSWORD"), "{password:?}");
    }
    assert_eq!(refused(rest.login("Maren", PASSWORD).await).1, "INVALID_CREDENTIALS", "none of them made an account");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_can_be_closed() {
    let realm = TestRealm::start_with(|config| config.accounts.registration_open = false).await;
    let mut rest = Rest::new(&realm.endpoint());
    assert_eq!(refused(rest.register("Maren", PASSWORD).await), answer(403, "FORBIDDEN"));
    let token = realm.realm().owner_token().expect("a new realm has an owner token");
    rest.create_owner(token, "Keeper", PASSWORD).await.expect("the owner is made all the same");
    rest.login("Keeper", PASSWORD).await.unwrap();
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_traded_once_and_its_theft_ends_the_session() {
    let clock = Hands::new();
    let realm = TestRealm::start().await.restart_with_clock(clock.clone()).await;
    let mut player = realm.player("Maren").await;
    let first = player.rest.refresh_token().unwrap().to_owned();
    let mut lobby = player.lobby(Door::Frames).await;

    clock.turn(11 * MINUTE_MS);
    assert_eq!(refused(player.rest.validate().await), answer(401, "TOKEN_INVALID"), "access tokens live ten minutes");
    let second = player.rest.refresh().await.unwrap();
    assert_ne!(second.refresh_token, first);
    assert_eq!(player.rest.validate().await.unwrap().name, "Maren");
    assert!(lobby.ping().await.is_ok(), "a connection lives through a refresh");

    clock.turn(11 * SECOND_MS);
    let mut thief = Rest::new(&realm.endpoint());
    assert_eq!(refused(thief.refresh_with(&first).await), answer(401, "REFRESH_INVALID"));
    assert_eq!(refused(player.rest.validate().await), answer(401, "TOKEN_INVALID"));
    assert_eq!(refused(player.rest.refresh().await), answer(401, "REFRESH_INVALID"));
    assert_eq!(goodbye(&mut lobby).await, "LOGGED_OUT", "the session's connections end with it");
    assert_eq!(refused(thief.refresh_with("no token").await), answer(401, "REFRESH_INVALID"));
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_out_over_rest_closes_the_session_s_lobby_and_no_other() {
    let realm = TestRealm::start().await;
    let other = realm.player("Tomas").await;
    let mut bystander = other.lobby(Door::Frames).await;
    for door in [Door::Frames, Door::WebSocketJson, Door::WebSocketBinary] {
        let mut player = realm.player(&format!("Maren-{}", door as u8)).await;
        let mut lobby = player.lobby(door).await;
        lobby.ping().await.unwrap();
        player.rest.logout().await.unwrap();
        assert_eq!(goodbye(&mut lobby).await, "LOGGED_OUT", "{door:?}");
        let mut again = Lobby::connect(&player.endpoint, door).await.unwrap();
        assert_eq!(refused(again.login(Login::Token(player.token)).await), answer(0, "TOKEN_INVALID"), "{door:?}");
    }
    bystander.ping().await.expect("somebody else's connection stays");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_survive_a_restart() {
    let realm = TestRealm::start().await;
    let player = realm.player("Maren").await;
    let refresh = player.rest.refresh_token().unwrap().to_owned();
    let realm = realm.restart().await;
    let mut rest = Rest::new(&realm.endpoint());
    rest.set_access_token(Some(player.token));
    assert_eq!(rest.validate().await.unwrap().name, "Maren");
    rest.refresh_with(&refresh).await.unwrap();
    assert_eq!(rest.validate().await.unwrap().name, "Maren");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_s_token_works_once_and_makes_an_owner() {
    let realm = TestRealm::start().await;
    let token = realm.realm().owner_token().expect("a new realm has an owner token").to_owned();
    let mut rest = Rest::new(&realm.endpoint());
    let forged = "0".repeat(token.len());
    let result = rest.create_owner(&forged, "Keeper", PASSWORD).await;
    assert_eq!(refused(result), answer(403, "OWNER_TOKEN_INVALID"));
    let result = rest.create_owner(&token, "Keeper", "password").await;
    assert_eq!(refused(result), answer(422, "INVALID_PASSWORD"));

    rest.create_owner(&token, "Keeper", PASSWORD).await.expect("a refused password does not use the token up");
    let result = rest.create_owner(&token, "Second", PASSWORD).await;
    assert_eq!(refused(result), answer(403, "OWNER_TOKEN_INVALID"));
    assert_eq!(rest.login("Keeper", PASSWORD).await.unwrap().account.role, "owner");
    assert!(rest.plugins().await.is_ok(), "the owner sees the plugins");

    let mut player = realm.player("Maren").await;
    assert_eq!(refused(player.rest.plugins().await), answer(403, "FORBIDDEN"), "a player does not");
    let realm = realm.restart().await;
    assert_eq!(realm.realm().owner_token(), None, "there is an owner, so there is no token");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_lock_the_account_for_a_minute() {
    let clock = Hands::new();
    let realm = TestRealm::start_with(|config| config.accounts.wrong_passwords_max = 3).await;
    let realm = realm.restart_with_clock(clock.clone()).await;
    realm.player("Maren").await;
    realm.player("Tomas").await;
    let mut rest = Rest::new(&realm.endpoint());
    for _ in 0..3 {
        let result = rest.login("Maren", "five lanterns by the sea").await;
        assert_eq!(refused(result), answer(401, "INVALID_CREDENTIALS"));
    }
    match rest.login("Maren", PASSWORD).await.unwrap_err() {
        ClientError::Refused { status: 429, code, retry_after_ms, .. } => {
            assert_eq!(code, "ACCOUNT_LOCKED");
            assert!((1..=60_000).contains(&retry_after_ms), "{retry_after_ms}");
        }
        other => panic!("{other}"),
    }
    rest.login("Tomas", PASSWORD).await.expect("nobody else is locked");
    clock.turn(61 * SECOND_MS);
    rest.login("Maren", PASSWORD).await.expect("after a minute it is over");
    realm.stop().await;
}
