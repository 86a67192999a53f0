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
