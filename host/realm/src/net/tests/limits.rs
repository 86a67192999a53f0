//! What holds before anybody has said a word.

use std::{io, net::SocketAddr};

use realm_protocol::proto;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{PATIENCE, client::FrameClient, client::connect, config, house};

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
    house.doors.shared.admission.empty().await;
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
