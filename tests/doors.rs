//! The doors: what is no frame, no request, no WebSocket, and who may come in.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

use std::net::SocketAddr;

use realm_client::{Arrival, ClientError, Connection, Door, Lobby, Login, Method, Rest, ServerMessage, proto};
use realm_protocol::Encoder;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::harness::{
    DEADLINE, PASSWORD, Player, TestRealm, eventually,
    raw::{http, loopback, read_to_end, tls},
};

const BINARY_DOORS: [Door; 2] = [Door::Frames, Door::WebSocketBinary];

/// A proper frame, to be broken by a test.
fn frame(identifier: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Encoder::new().encode(identifier, 0, &[payload], &mut bytes).unwrap();
    bytes
}

/// The last ERROR and the GOODBYE of a connection that ends, and its close frame.
async fn ended(connection: &mut Connection) -> (Option<proto::Error>, String, Option<(u16, String)>) {
    let mut refusal = None;
    loop {
        match connection.next(DEADLINE).await {
            Ok(Arrival::Message(ServerMessage::Error(error))) => {
                assert!(refusal.is_none(), "one refusal is enough: {error:?} after {refusal:?}");
                refusal = Some(error);
            }
            Ok(_) => {}
            Err(ClientError::Closed(goodbye)) => {
                return (refusal, goodbye.expect("a goodbye").code, connection.close_frame());
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Sends bytes at a door and checks how the connection ends.
async fn breaks(connection: &mut Connection, bytes: &[u8], code: &str, close_code: u16, what: &str) {
    connection.send_bytes(bytes).await.unwrap();
    let (refusal, goodbye, frame) = ended(connection).await;
    assert_eq!((refusal.map(|refusal| refusal.code).as_deref(), goodbye.as_str()), (Some(code), code), "{what}");
    if let Some(frame) = frame {
        assert_eq!(frame, (close_code, code.to_owned()), "{what}");
    }
}

async fn logged_in(player: &Player, door: Door) -> Connection {
    player.lobby(door).await.into_connection()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_frame_ends_the_connection_with_one_clear_word() {
    let realm = TestRealm::start().await;
    let player = realm.player("Maren").await;
    let ping = frame(0x04, &[0x08, 0x07]);
    let mut wrong_checksum = ping.clone();
    *wrong_checksum.last_mut().unwrap() ^= 1;
    let gap = {
        let (mut encoder, mut bytes) = (Encoder::new(), Vec::new());
        encoder.encode(0x04, 0, &[], &mut bytes).unwrap();
        bytes.clear();
        encoder.encode(0x04, 0, &[], &mut bytes).unwrap();
        bytes
    };
    let mut large = ping.clone();
    large[1..3].copy_from_slice(&4_097_u16.to_le_bytes());
    let mut small = ping.clone();
    small[1..3].copy_from_slice(&12_u16.to_le_bytes());
    for door in BINARY_DOORS {
        for (bytes, code, close_code, what) in [
            (&wrong_checksum, "FRAME_INVALID", 4020, "a wrong checksum"),
            (&gap, "FRAME_INVALID", 4020, "a gap in the sequence"),
            (&small, "FRAME_INVALID", 4020, "a size below the smallest"),
            (&large, "FRAME_TOO_LARGE", 4021, "a size above what is allowed before log-in"),
        ] {
            let mut connection = Connection::open(&realm.endpoint(), door).await.unwrap();
            breaks(&mut connection, bytes, code, close_code, &format!("{what} at {door:?}")).await;
        }
        // After log-in larger frames may come, but not any.
        let mut connection = logged_in(&player, door).await;
        let sequence = connection.send_frame(0x22, &[0; 10_000]).await.unwrap();
        match connection.next(DEADLINE).await.unwrap() {
            Arrival::Message(ServerMessage::Error(error)) => {
                assert_eq!((error.code.as_str(), error.sequence), ("MESSAGE_INVALID", sequence));
            }
            other => panic!("{other:?}"),
        }
        let mut larger = ping.clone();
        larger[1..3].copy_from_slice(&16_385_u16.to_le_bytes());
        breaks(&mut connection, &larger, "FRAME_TOO_LARGE", 4021, &format!("16,385 bytes at {door:?}")).await;
    }
    // Half a frame in a WebSocket message, and text where frames are spoken.
    let mut connection = Connection::open(&realm.endpoint(), Door::WebSocketBinary).await.unwrap();
    breaks(&mut connection, &ping[..9], "FRAME_INVALID", 4020, "half a frame").await;
    let mut connection = Connection::open(&realm.endpoint(), Door::WebSocketBinary).await.unwrap();
    connection.send_text("{}").await.unwrap();
    assert_eq!(ended(&mut connection).await.1, "FRAME_INVALID");
    // JSON has the same limits.
    for (bytes, logged) in [(4_097, false), (16_385, true)] {
        let mut connection = match logged {
            true => logged_in(&player, Door::WebSocketJson).await,
            false => Connection::open(&realm.endpoint(), Door::WebSocketJson).await.unwrap(),
        };
        connection.send_text(&"x".repeat(bytes)).await.unwrap();
        let (refusal, goodbye, frame) = ended(&mut connection).await;
        assert_eq!((refusal.unwrap().code.as_str(), goodbye.as_str()), ("FRAME_TOO_LARGE", "FRAME_TOO_LARGE"));
        assert_eq!(frame, Some((4021, "FRAME_TOO_LARGE".to_owned())), "{bytes}");
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_understood_is_refused_and_the_connection_goes_on() {
    let realm = TestRealm::start().await;
    let player = realm.player("Maren").await;
    for door in BINARY_DOORS {
        let mut connection = logged_in(&player, door).await;
        let not_utf8 = [0x0A, 2, 0xFF, 0xFE];
        for (identifier, payload, what) in [
            (0xEE, &[][..], "an unknown identifier"),
            (0x02, &[], "a message of the server"),
            (0x22, &[0xFF; 40], "garbage"),
            (0x22, &[0x0A, 100, b'x'], "a text that ends too early"),
            (0x22, &not_utf8, "a text that is none"),
            (0x12, &[0x0A], "half a field"),
        ] {
            let sequence = connection.send_frame(identifier, payload).await.unwrap();
            match connection.next(DEADLINE).await.unwrap() {
                Arrival::Message(ServerMessage::Error(error)) => {
                    assert_eq!((error.code.as_str(), error.sequence), ("MESSAGE_INVALID", sequence), "{what}");
                    assert!(error.message.contains("docs/protocol.md"), "{}", error.message);
                }
                other => panic!("{what}: {other:?}"),
            }
        }
        connection.send(&proto::Ping { token: 5 }.into()).await.unwrap();
        let pong = Arrival::Message(ServerMessage::Pong(proto::Pong { token: 5 }));
        assert_eq!(connection.next(DEADLINE).await.unwrap(), pong, "{door:?}");
    }
    let mut connection = logged_in(&player, Door::WebSocketJson).await;
    let deep = format!(r#"{{"type":"ping","data":{}{}}}"#, "[".repeat(2_000), "]".repeat(2_000));
    for text in ["", "no JSON", "[]", r#"{"type":"dance"}"#, r#"{"type":"ping","data":{"token":"x"}}"#, &deep] {
        let sequence = connection.send_text(text).await.unwrap();
        match connection.next(DEADLINE).await.unwrap() {
            Arrival::Message(ServerMessage::Error(error)) => {
                assert_eq!((error.code.as_str(), error.sequence), ("MESSAGE_INVALID", sequence), "{text:.40}");
            }
            other => panic!("{text:.40}: {other:?}"),
        }
    }
    // Before log-in the same is the end.
    let mut connection = Connection::open(&realm.endpoint(), Door::WebSocketJson).await.unwrap();
    connection.send_text("no JSON").await.unwrap();
    assert_eq!(ended(&mut connection).await.2, Some((4022, "MESSAGE_INVALID".to_owned())));
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_game_door_takes_nothing_but_a_ticket() {
    let realm = TestRealm::start().await;
    let nowhere = proto::GameTicket::default();
    let mut torn = frame(0x45, &[]);
    *torn.last_mut().unwrap() ^= 1;
    for (bytes, code) in [
        (frame(0x45, &[0x0A, 3, b'n', b'o', b'!']), "TICKET_INVALID"),
        (frame(0x45, &[]), "TICKET_INVALID"),
        (frame(0x41, &[]), "MESSAGE_INVALID"),
        (frame(0x45, &[0xFF; 9]), "MESSAGE_INVALID"),
        (torn, "FRAME_INVALID"),
    ] {
        let mut connection = Connection::open_game(&realm.endpoint(), &nowhere).await.unwrap();
        connection.send_bytes(&bytes).await.unwrap();
        let (_, goodbye, _) = ended(&mut connection).await;
        assert_eq!(goodbye, code);
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_without_tls_are_closed_unanswered() {
    let realm = TestRealm::start().await;
    let addresses = realm.realm().addresses();
    for address in [addresses.https, addresses.realm, addresses.game] {
        for bytes in [&b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..], &frame(0x04, &[]), &[0; 64]] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(bytes).await.unwrap();
            assert_eq!(read_to_end(&mut stream).await, b"", "{address}");
        }
    }
    realm.stop().await;
}

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_needs_a_known_sub_protocol_and_no_foreign_origin() {
    let realm = TestRealm::start_with(|config| config.net.origins = vec!["https://play.example".into()]).await;
    let json = "Sec-WebSocket-Protocol: realm.v1.json\r\n";
    for (headers, status, code) in [
        (String::new(), "400", "SUBPROTOCOL_UNKNOWN"),
        ("Sec-WebSocket-Protocol: realm.v9.json\r\n".to_owned(), "400", "SUBPROTOCOL_UNKNOWN"),
        (format!("{json}Origin: https://evil.example\r\n"), "403", "ORIGIN_REFUSED"),
        (format!("{json}Origin: null\r\n"), "403", "ORIGIN_REFUSED"),
    ] {
        let answer = http(&realm, &format!("{UPGRADE}{headers}\r\n")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{headers}: {answer}");
        assert!(answer.contains("application/problem+json") && answer.contains(code), "{headers}: {answer}");
    }
    let answer = http(&realm, &format!("{UPGRADE}{json}\r\n").replace("/ws", "/ws?access_token=x")).await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("takes no query"), "{answer}");
    let answer = http(&realm, "GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    // No origin, one's own, and a listed one are let in.
    for origin in ["", "Origin: https://localhost\r\n", "Origin: https://play.example\r\n"] {
        let mut stream = tls(&realm, realm.realm().addresses().https, b"http/1.1").await;
        stream.write_all(format!("{UPGRADE}{json}{origin}\r\n").as_bytes()).await.unwrap();
        let mut answer = vec![0; 12];
        timeout(DEADLINE, stream.read_exact(&mut answer)).await.unwrap().unwrap();
        assert_eq!(answer, b"HTTP/1.1 101", "{origin}");
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_can_be_read_in_two_ways_are_refused_once() {
    let realm = TestRealm::start().await;
    let post = "POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\n";
    // What follows a refused head must not be taken for a request.
    let smuggled = "GET /api/v1/realms HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (head, status) in [
        (format!("{post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), "400"),
        (format!("{post}Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), "400"),
        (format!("{post}Content-Length: +5\r\n\r\n"), "400"),
        (format!("{post}Transfer-Encoding: chunked\r\n\r\n"), "411"),
        ("GET /api/v1/realms HTTP/1.1\nHost: localhost\n\n".to_owned(), "400"),
        (format!("{post}A: b\n\r\n"), "400"),
        (format!("{post}A: b\r\n folded\r\n\r\n"), "400"),
        (format!("{post}Host: other\r\n\r\n"), "400"),
        ("GET /api/v1/realms HTTP/1.1\r\n\r\n".to_owned(), "400"),
        (format!("{post}A: {}\r\n\r\n", "b".repeat(17_000)), "431"),
    ] {
        let answer = http(&realm, &format!("{head}{smuggled}")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{head:.90}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{head:.90}: {answer}");
        assert!(answer.contains("REQUEST_INVALID") && answer.contains("problem+json"), "{answer}");
    }
    // Two good requests on one connection get two answers.
    let last = smuggled.replace("Host", "Connection: close\r\nHost");
    assert_eq!(http(&realm, &format!("{smuggled}{last}")).await.matches("HTTP/1.1 200").count(), 2);
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_so_many_connections_and_gets_them_back() {
    let realm = TestRealm::start_with(|config| config.net.connections_per_address_max = 3).await;
    let endpoint = realm.endpoint();
    let mut connections = Vec::new();
    for door in [Door::Frames, Door::WebSocketJson, Door::WebSocketBinary] {
        connections.push(Connection::open(&endpoint, door).await.unwrap());
    }
    for door in [Door::Frames, Door::WebSocketJson] {
        assert!(Connection::open(&endpoint, door).await.is_err(), "{door:?} let a fourth in");
    }
    assert!(Connection::open_game(&endpoint, &proto::GameTicket::default()).await.is_err());
    // Those who are in stay in.
    for connection in &mut connections {
        connection.send(&proto::Ping { token: 3 }.into()).await.unwrap();
        let pong = Arrival::Message(ServerMessage::Pong(proto::Pong { token: 3 }));
        assert_eq!(connection.next(DEADLINE).await.unwrap(), pong);
    }
    drop(connections);
    eventually("a free place", async || Connection::open(&endpoint, Door::Frames).await.ok()).await;
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_realm_tells_clients_so_and_lets_them_in_when_somebody_goes() {
    let realm = TestRealm::start_with(|config| config.net.connections_max = 1).await;
    let endpoint = realm.endpoint();
    let seated = Connection::open(&endpoint, Door::Frames).await.unwrap();
    let password = || Login::Password { account: "Maren".into(), password: PASSWORD.into() };
    let told = |error: ClientError, door: &str| match error {
        ClientError::Refused { code, message, retry_after_ms, .. } => {
            assert_eq!(code, "REALM_FULL", "{door}");
            assert!((15_000..=30_000).contains(&retry_after_ms) && message.contains("come again"), "{door}: {message}");
        }
        other => panic!("{door}: {other}"),
    };
    let mut lobby = Lobby::connect(&endpoint, Door::Frames).await.unwrap();
    told(lobby.login(password()).await.unwrap_err(), "frames");
    for door in [Door::WebSocketJson, Door::WebSocketBinary] {
        let error = Connection::open(&endpoint, door).await.err().expect("no place is free");
        assert_eq!(error.code(), Some("REALM_FULL"), "{door:?}: {error}");
    }
    told(Rest::new(&endpoint).register("Maren", PASSWORD).await.unwrap_err(), "REST");
    drop(seated);
    eventually("a free place", async || Rest::new(&endpoint).register("Maren", PASSWORD).await.ok()).await;
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_health_answer_on_loopback_alone() {
    let realm = TestRealm::start().await;
    let mut lobby = realm.player("Maren").await.lobby(Door::Frames).await;
    let _ = lobby.leave_channel().await;
    assert!(realm.realm().telemetry_address().unwrap().ip().is_loopback());
    for (path, expected) in [("/healthz", "ok"), ("/readyz", "ready")] {
        let answer = loopback(&realm, path).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.trim_end().ends_with(expected), "{answer}");
    }
    let metrics = loopback(&realm, "/metrics").await;
    assert!(metrics.starts_with("HTTP/1.1 200 "), "{metrics:.80}");
    for figure in ["realm_players_online", "realm_refusals_total{code=\"CHANNEL_NONE\"}"] {
        assert!(metrics.contains(figure), "{figure} is missing");
    }
    assert!(loopback(&realm, "/api/v1/realms").await.starts_with("HTTP/1.1 404 "));
    let mut rest = Rest::new(&realm.endpoint());
    for path in ["/metrics", "/healthz", "/readyz"] {
        let answer = rest.request(Method::GET, path, None).await.unwrap();
        assert_eq!((answer.status, &answer.json["code"]), (404, &"NOT_FOUND".into()), "{path}");
    }
    realm.stop().await;
}

/// Bytes that nobody planned, the same in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn blob(&mut self) -> Vec<u8> {
        let length = usize::try_from(self.next() % 600).unwrap() + 1;
        let mut bytes: Vec<u8> = (0..length).map(|_| self.next().to_le_bytes()[0]).collect();
        // Some begin like something that is known.
        let beginning: &[u8] = match self.next() % 6 {
            0 => &[0x16, 3, 1, 2, 0, 1],
            1 => b"GET /ws HTTP/1.1\r\n",
            2 => &[0x01, 0x2C, 0, 0, 0, 0, 0],
            3 => &[0x45, 0x20, 0, 0, 0, 0, 0],
            _ => &[],
        };
        bytes.splice(..beginning.len().min(length), beginning.iter().copied());
        bytes
    }
}

/// Throws blobs at a door, inside TLS and outside. Whatever the realm answers, it closes or takes it.
async fn throw(realm: &TestRealm, address: SocketAddr, protocol: &[u8], seed: u64) {
    const BLOBS: u32 = 200;
    let mut noise = Noise(seed);
    for index in 0..BLOBS {
        let blob = noise.blob();
        let (mut inside, mut outside);
        let stream: &mut (dyn Duplex + Unpin + Send) = if index % 4 == 0 {
            outside = TcpStream::connect(address).await.unwrap();
            &mut outside
        } else {
            inside = tls(realm, address, protocol).await;
            &mut inside
        };
        // The realm may have closed already.
        if stream.write_all(&blob).await.is_ok() && stream.shutdown().await.is_ok() {
            read_to_end(stream).await;
        }
    }
}

trait Duplex: tokio::io::AsyncRead + tokio::io::AsyncWrite {}
impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite> Duplex for T {}

#[tokio::test(flavor = "multi_thread")]
async fn noise_at_the_doors_disturbs_nobody_who_talks() {
    let realm = TestRealm::start_with(|config| {
        config.session.chat_burst = 10_000;
        config.session.chat_per_minute = 60_000;
        config.plugins.configuration.insert("chat-filter".into(), serde_json::json!({"lines_max": 0}));
    })
    .await;
    let mut ann = realm.player("Ann").await.lobby(Door::Frames).await;
    let mut bob = realm.player("Bob").await.lobby(Door::WebSocketJson).await;
    ann.join_channel("Market").await.unwrap();
    bob.join_channel("Market").await.unwrap();
    let addresses = realm.realm().addresses();
    let noise = async {
        tokio::join!(
            throw(&realm, addresses.https, b"http/1.1", 1),
            throw(&realm, addresses.realm, b"realm/1", 2),
            throw(&realm, addresses.game, b"realm/1", 3),
        );
    };
    let (stop, mut stopped) = tokio::sync::oneshot::channel();
    let noise = async {
        Box::pin(noise).await;
        stop.send(()).unwrap();
    };
    let talk = async {
        let mut said = 0_u64;
        while stopped.try_recv().is_err() {
            said += 1;
            let text = format!("line number {said}");
            ann.say(&text).await.unwrap();
            for lobby in [&mut ann, &mut bob] {
                let line = lobby.line(DEADLINE).await.expect("the line comes in the midst of noise");
                assert_eq!((line.text.as_str(), line.line), (text.as_str(), said));
            }
        }
        said
    };
    let ((), said) = tokio::join!(noise, talk);
    assert!(said > 0);
    // And newcomers come in as ever.
    let mut late = Lobby::connect(&realm.endpoint(), Door::WebSocketBinary).await.unwrap();
    let late_player = realm.player("Cem").await;
    late.login(Login::Token(late_player.token)).await.unwrap();
    assert_eq!(late.join_channel("Market").await.unwrap().users.len(), 3);
    realm.stop().await;
}
