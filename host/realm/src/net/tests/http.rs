//! The HTTPS door.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use super::{House, PATIENCE, client::connect, config, house};

/// Everything that comes back until the connection closes.
async fn exchange(house: &House, request: &str) -> String {
    let mut stream = connect(house, house.addresses.https, &[b"http/1.1"]).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn requests_reach_the_router_with_their_peer() {
    let house = house(config()).await;
    let two = "GET /peer HTTP/1.1\r\nHost: x\r\n\r\nGET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = exchange(&house, two).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
    assert!(answer.ends_with("127.0.0.1"), "{answer}");

    let body = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloGET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = exchange(&house, body).await;
    assert!(answer.contains("hello") && answer.ends_with("127.0.0.1"), "{answer}");
}

#[tokio::test]
async fn ambiguous_heads_are_refused_before_the_router() {
    let house = house(config()).await;
    for (head, status) in [
        ("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
        ("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        ("GET /peer HTTP/1.1\nHost: x\n\n", 400),
        ("GET /peer HTTP/1.1\r\n\r\n", 400),
        (&format!("GET /peer HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "a".repeat(17_000)), 431),
        (&format!("GET /peer HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(70)), 431),
    ] {
        let answer = exchange(&house, head).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{head:.60}: {answer}");
    }
    let answer = exchange(&house, "GET /peer HTTP/1.1\nHost: x\n\n").await;
    assert!(answer.contains("application/problem+json") && answer.contains("\"code\":\"REQUEST_INVALID\""), "{answer}");
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused() {
    let house = house(super::Config { body_bytes_max: 100, ..config() }).await;
    let head = "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ";
    assert!(exchange(&house, &format!("{head}100\r\n\r\n{}", "a".repeat(100))).await.starts_with("HTTP/1.1 200"));
    let answer = exchange(&house, &format!("{head}101\r\n\r\n{}", "a".repeat(101))).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("FRAME_TOO_LARGE"), "{answer}");
}

#[tokio::test]
async fn other_protocols_are_not_spoken() {
    let house = house(config()).await;
    let answer = exchange(&house, "GET /peer HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    assert!(connect(&house, house.addresses.https, &[b"h2"]).await.is_err(), "h2 is refused by ALPN");
    assert!(connect(&house, house.addresses.https, &[b"h2", b"http/1.1"]).await.is_ok());
}

#[tokio::test]
async fn quiet_connections_do_not_hold_up_the_closing() {
    let house = house(config()).await;
    let mut stream = connect(&house, house.addresses.https, &[]).await.unwrap();
    stream.write_all(b"GET /peer HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut start = [0; 12];
    timeout(PATIENCE, stream.read_exact(&mut start)).await.unwrap().unwrap();
    timeout(PATIENCE, house.doors.close(60_000)).await.unwrap();
}

/// True when the door closes this connection without an answer.
async fn closed_unanswered(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> bool {
    let mut answer = Vec::new();
    // A reset is an end too.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
    answer.is_empty()
}

#[tokio::test]
async fn a_head_that_does_not_come_and_a_quiet_connection_are_closed() {
    let hasty = house(super::Config { http_head_deadline_ms: 200, ..config() }).await;
    for begun in [&b""[..], b"GET /peer HT"] {
        let mut stream = connect(&hasty, hasty.addresses.https, &[]).await.unwrap();
        stream.write_all(begun).await.unwrap();
        assert!(closed_unanswered(&mut stream).await);
    }
    // Between requests a connection has more patience, and for the next head again less.
    let request = b"GET /peer HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut stream = connect(&hasty, hasty.addresses.https, &[]).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = [0; 12];
    timeout(PATIENCE, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    stream.write_all(&request[..9]).await.unwrap();
    let mut rest = String::new();
    let _ = timeout(PATIENCE, stream.read_to_string(&mut rest)).await.unwrap();
    assert_eq!(rest.matches("HTTP/1.1").count(), 0, "{rest}");

    let brief = house(super::Config { http_idle_max_ms: 200, ..config() }).await;
    let mut stream = connect(&brief, brief.addresses.https, &[]).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    let _ = timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap();
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1, "{answer}");
    // As long as the client waits for us, it is not quiet.
    let answer = exchange(&brief, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("at last"), "{answer}");
}

#[tokio::test]
async fn a_body_that_does_not_come_ends_with_an_answer() {
    let hasty = house(super::Config { http_request_deadline_ms: 200, ..config() }).await;
    let answer = exchange(&hasty, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhalf").await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"code\":\"SILENCE\""), "{answer}");
}

#[tokio::test]
async fn a_full_realm_answers_503_and_when_to_come_back() {
    let house = house(super::Config { connections_max: 1, ..config() }).await;
    let seated = connect(&house, house.addresses.https, &[]).await.unwrap();
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: realm.v1.json\r\n";
    for request in ["GET /peer HTTP/1.1\r\nHost: x\r\n\r\n", &format!("GET /ws HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n")] {
        let answer = exchange(&house, request).await;
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("\"code\":\"REALM_FULL\""), "{answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
        let seconds = answer.lines().find_map(|line| line.strip_prefix("retry-after: ")).expect("Retry-After");
        assert!((15..=30).contains(&seconds.parse::<u32>().unwrap()), "{seconds}");
    }
    drop(seated);
}
