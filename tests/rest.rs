//! What REST looks like from outside: problems, headers, the description of itself.

use std::path::Path;

use realm_client::{Door, Lobby, Login, Method, Response, Rest};
use serde_json::{Value, json};

use crate::harness::{PASSWORD, TestRealm, refused};

/// Headers that every answer carries.
const SECURITY_HEADERS: [(&str, &str); 5] = [
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "default-src 'none'"),
    ("referrer-policy", "no-referrer"),
    ("strict-transport-security", "max-age="),
];

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers.get(name).map_or("", |value| value.to_str().expect("a header is text"))
}

fn secure(response: &Response) {
    for (name, wanted) in SECURITY_HEADERS {
        let found = header(response, name);
        assert!(found.starts_with(wanted), "{name}: {found:?} in an answer with status {}", response.status);
    }
}

/// Asserts that an answer is a problem document of this kind, and gives its sentence.
fn problem(response: &Response, status: u16, code: &str) -> String {
    let text = String::from_utf8_lossy(&response.body);
    assert_eq!((response.status, response.json["code"].as_str()), (status, Some(code)), "{text}");
    assert_eq!(header(response, "content-type"), "application/problem+json", "{text}");
    assert_eq!(response.json["type"], format!("urn:realm:error:{code}"), "{text}");
    assert_eq!(response.json["status"], status, "{text}");
    assert!(response.json["title"].as_str().is_some_and(|title| !title.is_empty()), "{text}");
    let detail = response.json["detail"].as_str().expect("a sentence");
    assert!(detail.ends_with('.') && detail.contains(' '), "{text}");
    secure(response);
    detail.to_owned()
}

async fn get(rest: &mut Rest, path: &str) -> Response {
    rest.request(Method::GET, path, None).await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_addresses_and_methods_are_problems() {
    let realm = TestRealm::start().await;
    let mut rest = Rest::new(&realm.endpoint());
    for path in ["/api/v1/treasure", "/api/v2/realms", "/index.php", "/api/v1/ladder/Amazon/best"] {
        let detail = problem(&get(&mut rest, path).await, 404, "NOT_FOUND");
        assert!(detail.contains(path), "{detail}");
    }
    for (method, path) in [
        (Method::DELETE, "/api/v1/realms"),
        (Method::GET, "/api/v1/auth/login"),
        (Method::PUT, "/api/v1/characters"),
        (Method::POST, "/"),
    ] {
        let answer = rest.request(method.clone(), path, None).await.unwrap();
        let detail = problem(&answer, 405, "METHOD_NOT_ALLOWED");
        assert!(detail.contains(path) && detail.contains(method.as_str()), "{detail}");
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_do_not_fit_are_problems() {
    let realm = TestRealm::start().await;
    let mut rest = Rest::new(&realm.endpoint());
    let register = "/api/v1/auth/register";
    for body in [
        "",
        "{",
        "null",
        "[]",
        "\"Maren\"",
        r#"{"name": "Maren"}"#,
        r#"{"name": 7, "password": "four lanterns by the sea"}"#,
        r#"{"name": "Maren", "password": "four lanterns by the sea", "role": "owner"}"#,
        "{\"name\": \"Maren\", \"password\": \"\u{0}\"}",
    ] {
        let sent = body.as_bytes().to_vec().into();
        let answer = rest.request_bytes(Method::POST, register, Some("application/json"), sent).await.unwrap();
        problem(&answer, 400, "REQUEST_INVALID");
    }
    let deep = "[".repeat(20_000).into();
    let answer = rest.request_bytes(Method::POST, register, Some("application/json"), deep).await.unwrap();
    problem(&answer, 400, "REQUEST_INVALID");
    let not_text = vec![b'"', 0xFF, 0xFE, b'"'].into();
    let answer = rest.request_bytes(Method::POST, register, Some("application/json"), not_text).await.unwrap();
    problem(&answer, 400, "REQUEST_INVALID");

    let good = json!({"name": "Maren", "password": PASSWORD}).to_string();
    for content_type in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
        let sent = good.clone().into();
        let answer = rest.request_bytes(Method::POST, register, content_type, sent).await.unwrap();
        let detail = problem(&answer, 400, "REQUEST_INVALID");
        assert!(detail.contains("Content-Type: application/json"), "{detail}");
    }
    let answer = rest.request_bytes(Method::POST, register, Some("application/json"), good.into()).await.unwrap();
    assert_eq!(answer.status, 201, "after all of this, the name is still free");
    secure(&answer);
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused_and_the_next_request_works() {
    let realm = TestRealm::start_with(|config| config.net.body_bytes_max = 2_048).await;
    let mut rest = Rest::new(&realm.endpoint());
    let large = json!({"name": "Maren", "password": "x".repeat(4_096)});
    let answer = rest.request(Method::POST, "/api/v1/auth/register", Some(&large)).await.unwrap();
    let detail = problem(&answer, 413, "FRAME_TOO_LARGE");
    assert!(detail.contains("2048"), "{detail}");
    rest.register("Maren", PASSWORD).await.unwrap();
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_valid_token_nothing_of_an_account_is_told() {
    let realm = TestRealm::start().await;
    let player = realm.player("Maren").await;
    let [head, claims, signature]: [&str; 3] = player.token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let backwards: String = signature.chars().rev().collect();
    let unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let other_realm = TestRealm::start().await;
    let foreign = other_realm.player("Maren").await.token;
    other_realm.stop().await;
    let forged = [
        None,
        Some(String::new()),
        Some("token".to_owned()),
        Some(format!("{head}.{claims}.{backwards}")),
        Some(format!("{head}.{claims}.")),
        Some(format!("{unsigned}.{claims}.")),
        Some(foreign),
    ];
    let mut rest = Rest::new(&player.endpoint);
    for token in forged {
        rest.set_access_token(token.clone());
        for (method, path) in [
            (Method::GET, "/api/v1/auth/validate"),
            (Method::POST, "/api/v1/auth/logout"),
            (Method::GET, "/api/v1/characters"),
            (Method::DELETE, "/api/v1/characters/1"),
            (Method::POST, "/api/v1/games/1/leave"),
            (Method::GET, "/api/v1/plugins"),
        ] {
            let answer = rest.request(method, path, None).await.unwrap();
            problem(&answer, 401, "TOKEN_INVALID");
            assert_eq!(header(&answer, "www-authenticate"), "Bearer", "{path} with {token:?}");
        }
    }
    rest.set_access_token(Some(player.token));
    assert_eq!(rest.validate().await.unwrap().name, "Maren");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_classes_and_queries_that_do_not_fit_are_problems() {
    let realm = TestRealm::start().await;
    let mut rest = realm.player("Maren").await.rest;
    problem(&get(&mut rest, "/api/v1/ladder/Baker").await, 422, "CHARACTER_CLASS_UNKNOWN");
    problem(&get(&mut rest, "/api/v1/characters/first").await, 400, "REQUEST_INVALID");
    problem(&get(&mut rest, "/api/v1/characters/99999999999999999999").await, 400, "REQUEST_INVALID");
    problem(&get(&mut rest, "/api/v1/characters/7").await, 404, "CHARACTER_UNKNOWN");
    problem(&get(&mut rest, "/api/v1/games/7").await, 404, "GAME_UNKNOWN");
    problem(&get(&mut rest, "/api/v1/ladder?limit=many").await, 400, "REQUEST_INVALID");
    problem(&get(&mut rest, "/api/v1/ladder?limt=5").await, 400, "REQUEST_INVALID");
    for class in ["Amazon", "Sorceress", "Necromancer", "Paladin", "Barbarian", "Druid", "Assassin"] {
        let answer = get(&mut rest, &format!("/api/v1/ladder/{class}")).await;
        assert_eq!((answer.status, &answer.json["entries"]), (200, &json!([])), "{class}");
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_that_is_served_is_the_one_in_the_tree() {
    let realm = TestRealm::start().await;
    let mut rest = Rest::new(&realm.endpoint());
    let answer = get(&mut rest, "/api/v1/openapi.json").await;
    assert_eq!((answer.status, header(&answer, "content-type")), (200, "application/json"));
    secure(&answer);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let in_tree: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert!(answer.json == in_tree, "docs/openapi.json is another one: run `cargo xtask docs`");

    let paths = in_tree["paths"].as_object().unwrap();
    assert!(paths.contains_key("/api/v1/auth/register") && paths.contains_key("/api/v1/ladder/{class}"));
    for (path, verbs) in paths {
        for verb in verbs.as_object().unwrap().keys() {
            let path = path.replace("{class}", "Druid").replace("{id}", "1");
            let method = Method::from_bytes(verb.to_uppercase().as_bytes()).unwrap();
            let answer = rest.request(method, &path, None).await.unwrap();
            let code = answer.json["code"].as_str().unwrap_or_default();
            assert!(!["NOT_FOUND", "METHOD_NOT_ALLOWED", "INTERNAL"].contains(&code), "{verb} {path}: {code}");
        }
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_sees_what_this_is_and_a_name_cannot_write_the_page() {
    let realm = TestRealm::start_with(|config| config.realm[0].name = "<script>alert(1)</script>".to_owned()).await;
    let mut rest = Rest::new(&realm.endpoint());
    let answer = get(&mut rest, "/").await;
    assert_eq!((answer.status, header(&answer, "content-type")), (200, "text/html; charset=utf-8"));
    secure(&answer);
    let page = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script>"), "{page}");
    let links: Vec<_> = page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(links.contains(&"/api/v1/openapi.json"), "{links:?}");
    for link in links {
        assert_eq!(get(&mut rest, link).await.status, 200, "{link}");
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_the_interface_is_the_realms_own_and_asks_nobody_else() {
    let realm = TestRealm::start().await;
    let mut rest = Rest::new(&realm.endpoint());
    let mut seen = Vec::new();
    for (path, kind) in [("", "text/html"), ("/page.css", "text/css"), ("/page.js", "text/javascript")] {
        let answer = get(&mut rest, &format!("/api/v1/explorer{path}")).await;
        assert_eq!((answer.status, header(&answer, "content-type")), (200, format!("{kind}; charset=utf-8").as_str()));
        secure(&answer);
        let policy = header(&answer, "content-security-policy");
        assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe"), "{policy}");
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        for foreign in ["http:", "https:", "//cdn", "innerHTML", "eval("] {
            assert!(!text.contains(foreign), "{path} has {foreign}");
        }
        seen.push(text);
    }
    for address in seen[0].split(['"', '\'']).filter(|text| text.starts_with("/api/")) {
        assert_eq!(get(&mut rest, address).await.status, 200, "{address}");
    }
    // What the script looks for is on the page.
    for id in seen[2].split("find(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(seen[0].contains(&format!("id=\"{id}\"")), "the page has no {id}");
    }
    assert!(seen[1].contains("prefers-color-scheme: dark") && seen[1].contains(":focus-visible"));
    realm.stop().await;
}

/// Asserts that an answer says "too many", and when to come back.
fn too_many(response: &Response) {
    problem(response, 429, "RATE_LIMITED");
    let wait_seconds: u64 = header(response, "retry-after").parse().expect("a number of seconds");
    let wait_ms = response.json["retry_after_ms"].as_u64().expect("a number of milliseconds");
    assert!((1..=60).contains(&wait_seconds) && wait_seconds == wait_ms.div_ceil(1_000), "{wait_seconds} {wait_ms}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_asks_so_often_and_others_are_not_concerned() {
    let realm = TestRealm::start_with(|config| {
        config.session.request_burst = 3;
        config.session.request_per_minute = 1;
    })
    .await;
    let (mut maren, mut tilo) = (realm.player("Maren").await.rest, realm.player("Tilo").await.rest);
    for path in ["/api/v1/auth/validate", "/api/v1/characters", "/api/v1/ladder"] {
        assert_eq!(get(&mut maren, path).await.status, 200, "{path}");
    }
    for path in ["/api/v1/auth/validate", "/api/v1/games", "/api/v1/ladder", "/api/v1/nothing"] {
        too_many(&get(&mut maren, path).await);
    }
    let character = json!({"name": "Ash", "class": "Druid"});
    too_many(&maren.request(Method::POST, "/api/v1/characters", Some(&character)).await.unwrap());
    assert_eq!(get(&mut tilo, "/api/v1/auth/validate").await.status, 200);
    // A second session of the account has no allowance of its own.
    let mut again = Rest::new(&realm.endpoint());
    again.login("Maren", PASSWORD).await.unwrap();
    too_many(&get(&mut again, "/api/v1/auth/validate").await);
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_asks_so_often_without_an_account_and_a_token_that_proves_nothing_is_none() {
    let realm = TestRealm::start_with(|config| {
        config.accounts.anonymous_burst = 6;
        config.accounts.anonymous_per_minute = 1;
    })
    .await;
    // Registering and logging in are two of the six.
    let mut maren = realm.player("Maren").await.rest;
    let mut nobody = Rest::new(&realm.endpoint());
    for path in ["/", "/api/v1/openapi.json", "/api/v1/realms"] {
        assert_eq!(get(&mut nobody, path).await.status, 200, "{path}");
    }
    nobody.set_access_token(Some("no token at all".to_owned()));
    problem(&get(&mut nobody, "/api/v1/characters").await, 401, "TOKEN_INVALID");
    for path in ["/api/v1/characters", "/api/v1/ladder", "/", "/api/v1/nothing"] {
        too_many(&get(&mut nobody, path).await);
    }
    nobody.set_access_token(None);
    let refresh = json!({"refresh_token": "x"});
    too_many(&nobody.request(Method::POST, "/api/v1/auth/refresh", Some(&refresh)).await.unwrap());
    assert_eq!(get(&mut maren, "/api/v1/ladder").await.status, 200, "who is logged in is counted apart");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_logs_in_so_often_over_whichever_door() {
    let realm = TestRealm::start_with(|config| {
        config.accounts.login_burst = 4;
        config.accounts.login_per_minute = 1;
    })
    .await;
    let maren = realm.player("Maren").await;
    let mut rest = Rest::new(&realm.endpoint());
    for name in ["Ada", "Bo"] {
        let credentials = json!({"name": name, "password": "not the password"});
        let answer = rest.request(Method::POST, "/api/v1/auth/login", Some(&credentials)).await.unwrap();
        problem(&answer, 401, "INVALID_CREDENTIALS");
    }
    let credentials = json!({"name": "Maren", "password": PASSWORD});
    for verb in ["login", "register"] {
        let answer = rest.request(Method::POST, &format!("/api/v1/auth/{verb}"), Some(&credentials)).await.unwrap();
        too_many(&answer);
    }
    let owner = json!({"token": realm.realm().owner_token().unwrap(), "name": "Keeper", "password": PASSWORD});
    too_many(&rest.request(Method::POST, "/api/v1/owner", Some(&owner)).await.unwrap());
    let mut lobby = Lobby::connect(&realm.endpoint(), Door::Frames).await.unwrap();
    let login = Login::Password { account: "Maren".to_owned(), password: PASSWORD.to_owned() };
    assert_eq!(refused(lobby.login(login).await), (0, "RATE_LIMITED".to_owned()));
    // A token costs no password's computation.
    maren.lobby(Door::Frames).await;
    realm.stop().await;
}
