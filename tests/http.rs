//! What HTTP says in two ways is refused once; pages of others, tokens in addresses and cookies open nothing.

use realm_client::Door;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use crate::harness::{
    DEADLINE, TestRealm,
    raw::{http, tls},
};

const POST: &str = "POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\n";
const GET: &str = "GET /api/v1/realms HTTP/1.1\r\n";
const HOST: &str = "Host: localhost\r\n";

/// Heads that two programs could read in two ways, or that are no HTTP: what they are, their bytes, the status of the one answer.
fn vectors() -> Vec<(&'static str, String, u16)> {
    let post = |headers: &str| format!("{POST}{headers}\r\n");
    let get = |headers: &str| format!("{GET}{HOST}{headers}\r\n");
    let first = |line: &str| format!("{line}\r\n{HOST}\r\n");
    vec![
        // The length of the body.
        ("both lengths", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400),
        ("both lengths, chunks first", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400),
        ("two lengths", post("Content-Length: 5\r\nContent-Length: 6\r\n"), 400),
        ("the same length twice", post("Content-Length: 5\r\nContent-Length: 5\r\n"), 400),
        ("two lengths with different case", post("Content-Length: 5\r\ncontent-length: 0\r\n"), 400),
        ("a list of lengths", post("Content-Length: 5, 5\r\n"), 400),
        ("a list of different lengths", post("Content-Length: 0,5\r\n"), 400),
        ("a positive sign", post("Content-Length: +5\r\n"), 400),
        ("a negative length", post("Content-Length: -1\r\n"), 400),
        ("a hexadecimal length", post("Content-Length: 0x5\r\n"), 400),
        ("a length with an exponent", post("Content-Length: 5e1\r\n"), 400),
        ("a length with a point", post("Content-Length: 5.0\r\n"), 400),
        ("a length with a space in it", post("Content-Length: 1 0\r\n"), 400),
        ("an empty length", post("Content-Length:\r\n"), 400),
        ("a length in words", post("Content-Length: five\r\n"), 400),
        ("a length in other digits", post("Content-Length: \u{665}\r\n"), 400),
        ("a length in quotes", post("Content-Length: \"5\"\r\n"), 400),
        ("a length beyond 64 bits", post("Content-Length: 18446744073709551616\r\n"), 400),
        ("a length with underscores", post("Content-Length: 1_0\r\n"), 400),
        // Chunks.
        ("chunks", post("Transfer-Encoding: chunked\r\n"), 411),
        ("chunks in capitals", post("TRANSFER-ENCODING: CHUNKED\r\n"), 411),
        ("chunks that are not the last coding", post("Transfer-Encoding: chunked, identity\r\n"), 411),
        ("chunks twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 411),
        ("chunks after a tab", post("Transfer-Encoding:\tchunked\r\n"), 411),
        ("chunks that are none", post("Transfer-Encoding: xchunked\r\n"), 411),
        ("no coding", post("Transfer-Encoding: identity\r\n"), 411),
        ("an empty coding", post("Transfer-Encoding:\r\n"), 411),
        ("chunks of an old version", format!("POST / HTTP/1.0\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n"), 411),
        // The ends of lines.
        ("bare line feeds", "GET /api/v1/realms HTTP/1.1\nHost: localhost\n\n".into(), 400),
        ("one bare line feed", get("A: b\n"), 400),
        ("a bare line feed in a value", get("A: b\nTransfer-Encoding: chunked\r\n"), 400),
        ("a bare carriage return", get("A: b\rc\r\n"), 400),
        ("a bare carriage return for an end", get("A: b\rContent-Length: 5\r\n"), 400),
        ("two carriage returns", get("A: b\r\r\n"), 400),
        ("an empty line before all", format!("\r\n{}", get("")), 400),
        ("a line feed before all", format!("\n{}", get("")), 400),
        // Names and values.
        ("a folded header", get("A: b\r\n folded\r\n"), 400),
        ("a header folded by a tab", get("A: b\r\n\tfolded\r\n"), 400),
        ("a folded first header", format!("{GET} {HOST}\r\n"), 400),
        ("a space before the colon", post("Content-Length : 5\r\n"), 400),
        ("a tab before the colon", post("Transfer-Encoding\t: chunked\r\n"), 400),
        ("a space in a name", get("A b: c\r\n"), 400),
        ("no colon", get("nothing of interest\r\n"), 400),
        ("no name", get(": b\r\n"), 400),
        ("a NUL in a value", get("A: b\0c\r\n"), 400),
        ("a NUL in a name", get("A\0: b\r\n"), 400),
        ("an escape in a value", get("A: \u{1b}[2J\r\n"), 400),
        ("a name in another script", get("Cont\u{435}nt-Length: 5\r\n"), 400),
        ("brackets in a name", get("A[0]: b\r\n"), 400),
        ("a name in quotes", get("\"A\": b\r\n"), 400),
        // Host.
        ("no host", format!("{GET}\r\n"), 400),
        ("two hosts", get("Host: other\r\n"), 400),
        ("the same host twice", get(HOST), 400),
        // The first line.
        ("two spaces", first("GET  /api/v1/realms HTTP/1.1"), 400),
        ("a tab for a space", first("GET\t/api/v1/realms\tHTTP/1.1"), 400),
        ("a space in the path", first("GET /api/v1 /realms HTTP/1.1"), 400),
        ("no version", first("GET /api/v1/realms"), 400),
        ("no path", first("GET HTTP/1.1"), 400),
        ("no method", first(" /api/v1/realms HTTP/1.1"), 400),
        ("a method that is none", first("G(T / HTTP/1.1"), 400),
        ("a NUL in the path", first("GET /\0 HTTP/1.1"), 400),
        ("a path in another script", first("GET /\u{e9} HTTP/1.1"), 400),
        ("a fragment", first("GET /#top HTTP/1.1"), 400),
        ("a small version", first("GET / http/1.1"), 400),
        ("another protocol", first("GET / RTSP/1.0"), 400),
        ("a version of tomorrow", first("GET / HTTP/1.2"), 505),
        ("a version of the past", first("GET / HTTP/0.9"), 505),
        ("the beginning of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), 505),
        ("a tunnel", "CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n".into(), 405),
        // Too much.
        ("a very long header", get(&format!("A: {}\r\n", "b".repeat(17_000))), 431),
        ("a very long path", first(&format!("GET /{} HTTP/1.1", "b".repeat(17_000))), 431),
        ("65 headers", get(&"A: b\r\n".repeat(64)), 431),
        ("a thousand headers", get(&"A: b\r\n".repeat(1_000)), 431),
        ("ten thousand short headers", get(&"A:\r\n".repeat(10_000)), 431),
        ("a body that is announced as too large", post("Content-Length: 99999999\r\n"), 413),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_read_in_two_ways_gets_one_answer_and_the_end() {
    let realm = TestRealm::start().await;
    // What follows a refused head must not be taken for a request.
    let smuggled = format!("{GET}{HOST}\r\n");
    let vectors = vectors();
    assert!(vectors.len() >= 50);
    for (what, head, status) in vectors {
        let answer = http(&realm, format!("{head}{smuggled}")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {answer:.300}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{what}: {answer}");
        assert!(
            answer.contains("application/problem+json") && answer.contains("connection: close"),
            "{what}: {answer}"
        );
    }
    let last = format!("{GET}Connection: close\r\n{HOST}\r\n");
    assert_eq!(http(&realm, format!("{smuggled}{last}")).await.matches("HTTP/1.1 200").count(), 2);
    realm.stop().await;
}

/// Asks for a WebSocket with these headers and gives the status of the answer.
async fn upgrade(realm: &TestRealm, path: &str, headers: &str) -> (u16, String) {
    let mut stream = tls(realm, realm.realm().addresses().https, b"http/1.1").await;
    let request = format!(
        "GET {path} HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: realm.v1.json\r\n{headers}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let reading = async {
        while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "an answer is due");
        }
    };
    timeout(DEADLINE, reading).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_pages_of_the_realm_and_of_the_list_open_a_websocket() {
    let listed = ["https://play.example", "https://Other.Example:444/", "app://game"];
    let realm = TestRealm::start_with(|config| config.net.origins = listed.map(str::to_owned).into()).await;
    // The realm's own pages: the origin is the host.
    for (host, origin, welcome) in [
        ("realm.example", None, true),
        ("realm.example", Some("https://realm.example"), true),
        ("realm.example", Some("https://realm.example:443"), true),
        ("realm.example:443", Some("https://realm.example"), true),
        ("realm.example", Some("HTTPS://REALM.EXAMPLE"), true),
        ("realm.example:8443", Some("https://realm.example:8443"), true),
        ("127.0.0.1:8443", Some("https://127.0.0.1:8443"), true),
        ("[::1]:8443", Some("https://[::1]:8443"), true),
        // Listed ones, case and slash of the list aside.
        ("realm.example", Some("https://play.example"), true),
        ("realm.example", Some("https://PLAY.example:443"), true),
        ("realm.example", Some("https://other.example:444"), true),
        ("realm.example", Some("app://game"), true),
        // Everybody else.
        ("realm.example", Some("https://evil.example"), false),
        ("realm.example", Some("null"), false),
        ("realm.example", Some(""), false),
        ("realm.example", Some("*"), false),
        ("realm.example", Some("http://realm.example"), false),
        ("realm.example", Some("http://play.example"), false),
        ("realm.example", Some("wss://realm.example"), false),
        ("realm.example", Some("https://realm.example:8443"), false),
        ("realm.example:8443", Some("https://realm.example"), false),
        ("realm.example:8443", Some("https://realm.example:8444"), false),
        ("realm.example", Some("https://play.example:8443"), false),
        ("realm.example", Some("https://other.example"), false),
        ("realm.example", Some("https://realm.example.evil.example"), false),
        ("realm.example", Some("https://evilrealm.example"), false),
        ("realm.example", Some("https://sub.realm.example"), false),
        ("realm.example", Some("https://play.example.evil.example"), false),
        ("realm.example", Some("https://evil.example/https://play.example"), false),
        ("realm.example", Some("https://play.example@evil.example"), false),
        ("realm.example", Some("https://evil.example#https://realm.example"), false),
        ("realm.example", Some("https://realm.example,https://evil.example"), false),
        ("realm.example", Some("https://realm.example https://evil.example"), false),
        ("realm.example", Some("https://realm.example/"), false),
        ("realm.example", Some("https://realm.example."), false),
        ("realm.example", Some("realm.example"), false),
        ("realm.example", Some("//realm.example"), false),
        ("realm.example", Some("https://"), false),
        ("realm.example", Some("file://"), false),
        ("realm.example", Some("app://game.evil"), false),
        ("realm.example", Some("https://realm.example\r\nOrigin: https://evil.example"), false),
        ("realm.example", Some("https://evil.example\r\nOrigin: https://realm.example"), false),
    ] {
        let origin_line = origin.map(|origin| format!("Origin: {origin}\r\n")).unwrap_or_default();
        let (status, answer) = upgrade(&realm, "/ws", &format!("Host: {host}\r\n{origin_line}")).await;
        assert_eq!(status, if welcome { 101 } else { 403 }, "{origin:?} at {host}: {answer}");
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_an_address_is_refused_with_a_sentence() {
    let realm = TestRealm::start().await;
    let token = realm.player("Maren").await.token;
    for name in ["access_token", "token", "Token", "%74oken", "refresh_token", "password", "ticket", "authorization"] {
        for path in ["/ws", "/api/v1/realms", "/api/v1/characters", "/nowhere"] {
            let request = format!("GET {path}?limit=1&{name}={token} HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n");
            let answer = http(&realm, request).await;
            assert!(
                answer.starts_with("HTTP/1.1 400 ") && answer.contains("REQUEST_INVALID"),
                "{path} {name}: {answer}"
            );
            let sentence = if path == "/ws" {
                "takes no query; the access token goes into the first message"
            } else {
                "no place for a secret"
            };
            assert!(answer.contains(sentence), "{path} {name}: {answer}");
            assert!(!answer.contains(&token), "the answer does not repeat it");
        }
    }
    let (status, answer) = upgrade(&realm, "/ws?x=1", HOST).await;
    assert_eq!(status, 400, "{answer}");
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_open_nothing_and_none_are_given() {
    let realm = TestRealm::start().await;
    let player = realm.player("Maren").await;
    let cookies = format!("Cookie: token={0}; access_token={0}; session={0}\r\n", player.token);
    let close = "Connection: close\r\n";
    let answer = http(&realm, format!("GET /api/v1/characters HTTP/1.1\r\n{HOST}{close}{cookies}\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    let body = r#"{"name":"Maren","password":"four lanterns by the sea"}"#;
    let login = format!("{POST}{close}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let answer = http(&realm, login).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(!answer.to_lowercase().contains("set-cookie"), "{answer}");
    // On the socket a cookie is no log-in either.
    let (status, answer) = upgrade(&realm, "/ws", &format!("{HOST}{cookies}")).await;
    assert!(status == 101 && !answer.to_lowercase().contains("set-cookie"), "{answer}");
    let mut stream = tls(&realm, realm.realm().addresses().https, b"http/1.1").await;
    let text = br#"{"type":"game:list"}"#;
    let masked_with_nothing = [&[0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0][..], text].concat();
    let request = format!(
        "GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: realm.v1.json\r\n{HOST}{cookies}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.write_all(&masked_with_nothing).await.unwrap();
    let answer = String::from_utf8_lossy(&crate::harness::raw::read_to_end(&mut stream).await).into_owned();
    assert!(answer.contains("NOT_LOGGED_IN"), "{answer}");
    assert!(!answer.contains("\"ready\""), "{answer}");
    // With the token where it belongs, the same player comes in.
    player.lobby(Door::WebSocketJson).await;
    realm.stop().await;
}
