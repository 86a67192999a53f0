//! What holds before anybody has said a word.

use std::{io, net::SocketAddr, sync::Arc};

use realm_protocol::{ServerMessage, proto};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::client::TlsStream;

use super::{
    Config, House, PATIENCE,
    client::{FrameClient, connect, connect_over, hello},
    config, house, house_with,
};

/// What a client without TLS is told before it is closed.
async fn told(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    match timeout(PATIENCE, socket.read_to_end(&mut answer)).await.unwrap() {
        Err(error) if error.kind() != io::ErrorKind::ConnectionReset => panic!("{error}"),
        _ => answer,
    }
}

#[tokio::test]
async fn plain_bytes_are_closed_unanswered() {
    let house = house(config()).await;
    let addresses = house.addresses;
    for address in [addresses.https, addresses.realm, addresses.game] {
        assert_eq!(told(address, b"GET / HTTP/1.0\r\n\r\n").await, b"");
    }
}

#[tokio::test]
async fn a_handshake_has_a_deadline_and_no_permit_before_its_hello() {
    let house = house(super::Config { handshake_deadline_ms: 3_000, handshakes_max: 1, ..config() }).await;
    let mut slow = TcpStream::connect(house.addresses.realm).await.unwrap();
    slow.write_all(&[0x16, 3, 1]).await.unwrap();
    // Gets its turn while the other one dawdles.
    FrameClient::logged_in(&house).await;
    let mut answer = Vec::new();
    timeout(PATIENCE, slow.read_to_end(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer, b"");
}

#[tokio::test]
async fn doors_of_frames_speak_their_own_protocol() {
    let house = house(config()).await;
    for address in [house.addresses.realm, house.addresses.game] {
        assert!(connect(&house, address, &[b"http/1.1"]).await.is_err());
        assert!(connect(&house, address, &[]).await.is_ok(), "a client that offers nothing is let in");
    }
}

#[tokio::test]
async fn connections_of_one_address_are_limited_and_places_given_back() {
    let house = house(super::Config { connections_per_address_max: 1, ..config() }).await;
    let mut first = FrameClient::logged_in(&house).await;
    assert_eq!(house.doors.connections(), 1);
    assert!(connect(&house, house.addresses.realm, &[]).await.is_err());
    first.send(proto::Logout {}).await;
    assert_eq!(first.goodbye().await, "LOGGED_OUT");
    drop(first);
    house.doors.shared.arrivals.admission.empty().await;
    FrameClient::logged_in(&house).await;
}

#[tokio::test]
async fn closing_says_goodbye_to_everybody() {
    let house = house(config()).await;
    let address = house.addresses.realm;
    let mut client = FrameClient::logged_in(&house).await;
    let closing = tokio::spawn(house.doors.close(60_000));
    assert_eq!(client.goodbye().await, "REALM_STOPPING");
    drop(client);
    timeout(PATIENCE, closing).await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

/// Resolves when the door has closed the connection without a word.
async fn closed(mut socket: TcpStream) {
    let mut answer = Vec::new();
    // A reset is an end too.
    let _ = timeout(PATIENCE, socket.read_to_end(&mut answer)).await.unwrap();
    assert_eq!(answer, b"");
}

/// So many connections that have sent these bytes and then nothing more.
async fn stuck(house: &House, count: usize, bytes: &[u8]) -> Vec<TcpStream> {
    let mut sockets = Vec::new();
    for _ in 0..count {
        let mut socket = TcpStream::connect(house.addresses.realm).await.unwrap();
        socket.write_all(bytes).await.unwrap();
        sockets.push(socket);
    }
    sockets
}

#[tokio::test]
async fn the_silent_make_room_for_those_who_speak() {
    // A deadline that nobody waits for: only the room's size sends anybody away.
    let narrow = Config { arrivals_max: 4, handshakes_max: 2, handshake_deadline_ms: 60_000, ..config() };
    let house = house(Config { connections_max: 1, turned_away_max: 0, ..narrow }).await;
    let hello = hello(&house);
    let mut silent = stuck(&house, 12, b"").await;
    silent.extend(stuck(&house, 12, &hello[..hello.len() / 2]).await);
    let shaking = stuck(&house, 12, &hello).await;
    // All of them together hold not one of the places, of which there is one.
    let client = FrameClient::logged_in(&house).await;
    assert_eq!(house.doors.connections(), 1);
    for socket in silent.drain(..20) {
        closed(socket).await;
    }
    let arrivals = &house.doors.shared.arrivals;
    assert!(arrivals.waiting() <= 6, "{} wait", arrivals.waiting());
    drop((client, silent, shaking));
}

#[tokio::test]
async fn strangers_make_room_for_each_other_and_never_fill_the_realm() {
    // No deadline of theirs passes while the test runs: only the room's size sends anybody away.
    let quiet = Config { login_deadline_ms: 600_000, http_idle_max_ms: 600_000, silence_max_ms: 600_000, ..config() };
    let house = house(Config { strangers_max: 3, connections_max: 30, ..quiet }).await;
    let mut known = FrameClient::logged_in(&house).await;
    let mut asking = connect(&house, house.addresses.https, &[b"http/1.1"]).await.unwrap();
    let mut quiet_http = connect(&house, house.addresses.https, &[b"http/1.1"]).await.unwrap();
    ask(&mut quiet_http).await;
    let mut quiet_frames = FrameClient::connect(&house, house.addresses.realm).await;
    seats_taken(&house, 3).await;
    // Whoever asks is not the one that has been quiet longest.
    ask(&mut asking).await;
    let quiet_game = FrameClient::connect(&house, house.addresses.game).await;
    assert_eq!(end_of(quiet_http).await, b"");
    let mut last = connect(&house, house.addresses.https, &[b"http/1.1"]).await.unwrap();
    assert_eq!(quiet_frames.goodbye().await, "REALM_FULL");
    ask(&mut asking).await;
    ask(&mut last).await;
    // However many more come, those who log in find a place, and those who have stay.
    let mut others = Vec::new();
    for _ in 0..60 {
        others.push(FrameClient::connect(&house, house.addresses.realm).await);
        others.push(FrameClient::logged_in(&house).await);
        others.pop().unwrap().send(proto::Logout {}).await;
    }
    assert_eq!(end_of(quiet_game.stream).await, b"");
    known.send(proto::Ping { token: 3 }).await;
    assert_eq!(known.receive().await, proto::Pong { token: 3 }.into());
}

/// One request and its answer; the connection stays.
async fn ask(stream: &mut TlsStream<TcpStream>) {
    stream.write_all(b"GET /peer HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let (mut answer, mut bytes) = (Vec::new(), [0; 1_024]);
    while !answer.ends_with(b"127.0.0.1") {
        let count = timeout(PATIENCE, stream.read(&mut bytes)).await.unwrap().unwrap();
        assert!(count > 0, "the connection was closed");
        answer.extend_from_slice(&bytes[..count]);
    }
}

/// What comes until the connection ends.
async fn end_of(mut stream: TlsStream<TcpStream>) -> Vec<u8> {
    let mut answer = Vec::new();
    // A reset is an end too.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
    answer
}

/// Waits until so many strangers sit in their room: a handshake is over for the client before it is for the door.
async fn seats_taken(house: &House, count: usize) {
    let taken = async {
        while house.doors.shared.arrivals.strangers() < count {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, taken).await.unwrap();
}

#[tokio::test]
async fn a_full_realm_says_so_at_every_door_and_to_so_many() {
    let house = house(Config { connections_max: 1, turned_away_max: 1, ..config() }).await;
    let seated = FrameClient::logged_in(&house).await;
    let mut client = FrameClient::connect(&house, house.addresses.realm).await;
    let ServerMessage::AuthFailure(failure) = client.receive().await else { panic!("no AUTH_FAILURE") };
    assert_eq!(failure.code, "REALM_FULL");
    assert!((15_000..=30_000).contains(&failure.retry_after_ms), "{failure:?}");
    assert_eq!(client.goodbye().await, "REALM_FULL");
    drop(client);

    let mut client = turned_away(&house, house.addresses.game).await;
    assert_eq!(client.error().await.code, "REALM_FULL");
    assert_eq!(client.goodbye().await, "REALM_FULL");
    drop(client);

    // One is being told; nobody else is.
    let waiting = turned_away(&house, house.addresses.realm).await;
    closed_by_force(&house).await;
    drop(waiting);
    drop(seated);
    house.doors.shared.arrivals.admission.empty().await;
    FrameClient::logged_in(&house).await;
}

#[tokio::test]
async fn a_banned_address_is_told_so_at_both_doors_of_frames_and_takes_no_place() {
    let house = house_with(config(), |_| Some("Your address is banned for good: spam (sanction 7).".to_owned())).await;
    let mut client = FrameClient::connect(&house, house.addresses.realm).await;
    let ServerMessage::AuthFailure(failure) = client.receive().await else { panic!("no AUTH_FAILURE") };
    assert_eq!((failure.code.as_str(), failure.retry_after_ms), ("ADDRESS_BANNED", 0));
    assert!(failure.message.ends_with("(sanction 7)."), "{failure:?}");
    assert_eq!(client.goodbye().await, "ADDRESS_BANNED");
    drop(client);
    let mut client = turned_away(&house, house.addresses.game).await;
    assert_eq!(client.error().await.code, "ADDRESS_BANNED");
    assert_eq!(client.goodbye().await, "ADDRESS_BANNED");
    assert_eq!(house.doors.connections(), 0, "no place is taken");
}

/// A connection that is told that the realm is full; somebody else may still be there being told.
async fn turned_away(house: &House, address: SocketAddr) -> FrameClient {
    loop {
        if let Ok(stream) = connect(house, address, &[b"realm/1"]).await {
            let mut client = FrameClient::over(stream);
            if client.can_read().await {
                return client;
            }
        }
    }
}

/// Connects until the door closes the connection instead of saying a word: whoever is being told meanwhile stays.
async fn closed_by_force(house: &House) {
    let mut told = Vec::new();
    while let Ok(stream) = connect(house, house.addresses.realm, &[b"realm/1"]).await {
        let mut client = FrameClient::over(stream);
        if !client.can_read().await {
            return;
        }
        told.push(client);
    }
}

#[tokio::test]
async fn before_log_in_only_so_much_is_listened_to() {
    let house = house(Config { login_messages_max: 3, ..config() }).await;
    let mut client = FrameClient::connect(&house, house.addresses.realm).await;
    for _ in 0..3 {
        client.send(proto::Ping { token: 1 }).await;
        assert_eq!(client.receive().await, proto::Pong { token: 1 }.into());
    }
    client.send(proto::Ping { token: 1 }).await;
    assert_eq!(client.error().await.code, "NOT_LOGGED_IN");
    assert_eq!(client.goodbye().await, "NOT_LOGGED_IN");
    // The log-in itself may be the last of them, and after it nothing is counted.
    let mut client = FrameClient::logged_in(&house).await;
    for _ in 0..10 {
        client.send(proto::Ping { token: 2 }).await;
        assert_eq!(client.receive().await, proto::Pong { token: 2 }.into());
    }
}

#[tokio::test]
async fn bytes_before_log_in_are_counted_over_all_messages() {
    let house = house(Config { login_bytes_max: 2_000, ..config() }).await;
    let mut client = FrameClient::connect(&house, house.addresses.realm).await;
    let long = proto::ChatSend { text: "x".repeat(1_500) };
    client.send(long.clone()).await;
    // The small session of these tests echoes it.
    assert!(matches!(client.receive().await, ServerMessage::ChatMessage(_)));
    client.send(long).await;
    assert_eq!(client.error().await.code, "NOT_LOGGED_IN");
    assert_eq!(client.goodbye().await, "NOT_LOGGED_IN");
}

#[tokio::test]
async fn one_address_opens_only_so_many_connections_a_minute() {
    let rates = Config { connections_per_address_burst: 2, connections_per_address_per_minute: 1, ..config() };
    let house = house(rates).await;
    for _ in 0..2 {
        drop(FrameClient::logged_in(&house).await);
    }
    closed(TcpStream::connect(house.addresses.realm).await.unwrap()).await;
    assert!(connect(&house, house.addresses.https, &[]).await.is_err());
}

/// What `/peer` says to a request that comes with these bytes before TLS.
async fn peer_seen(house: &House, header: &[u8]) -> io::Result<String> {
    let mut socket = TcpStream::connect(house.addresses.https).await?;
    socket.write_all(header).await?;
    let mut stream = connect_over(house, socket, &[b"http/1.1"]).await?;
    stream.write_all(b"GET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap()?;
    Ok(answer.rsplit("\r\n").next().unwrap_or_default().to_owned())
}

const SECOND: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

#[tokio::test]
async fn a_listed_balancer_names_the_client_and_nobody_else_does() {
    let house_of = |network: &str| Config { proxy_networks: vec![network.to_owned()], ..config() };
    let listed = house(house_of("127.0.0.0/8")).await;
    let first = b"PROXY TCP4 192.0.2.44 192.0.2.1 4711 8443\r\n";
    let of_six = [SECOND, &[0x21, 0x21, 0, 36], &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9], &[0; 20]];
    let own_visit = [SECOND, &[0x20, 0, 0, 0]].concat();
    for (header, seen) in [
        (&first[..], "192.0.2.44"),
        (b"PROXY TCP6 ::ffff:192.0.2.44 ::1 4711 8443\r\n", "192.0.2.44"),
        (&of_six.concat(), "2001:db8::9"),
        (&own_visit, "127.0.0.1"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        // A check of the balancer's, or the realm's own verbs beside it.
        (b"", "127.0.0.1"),
    ] {
        assert_eq!(peer_seen(&listed, header).await.unwrap(), seen, "{header:?}");
    }
    for (header, what) in [
        (&[SECOND, &[0x21, 0x11, 0xFF, 0xFF]].concat()[..], "65,535 bytes of notes"),
        (&[b'P'; 200], "a line without an end"),
        (b"PROXY TCP4 192.0.2.444 192.0.2.1 4711 8443\r\n", "an address that is none"),
        (b"GET / HTTP/1.1\r\n\r\n", "plain HTTP"),
    ] {
        assert!(peer_seen(&listed, header).await.is_err(), "{what}");
    }
    let foreign = house(house_of("192.0.2.0/24")).await;
    assert!(peer_seen(&foreign, first).await.is_err(), "whoever is not listed speaks for nobody");
    assert_eq!(peer_seen(&foreign, b"").await.unwrap(), "127.0.0.1");
}

#[tokio::test]
async fn limits_hold_for_the_client_behind_the_balancer() {
    let house =
        house(Config { proxy_networks: vec!["127.0.0.1".to_owned()], connections_per_address_max: 1, ..config() })
            .await;
    let house = Arc::new(house);
    let come = async |last: u8| {
        let mut socket = TcpStream::connect(house.addresses.realm).await.unwrap();
        socket.write_all(format!("PROXY TCP4 192.0.2.{last} 192.0.2.1 4711 6112\r\n").as_bytes()).await.unwrap();
        connect_over(&house, socket, &[b"realm/1"]).await
    };
    let _first = come(1).await.unwrap();
    assert!(come(1).await.is_err(), "a second from the same client");
    let _other = come(2).await.unwrap();
}
