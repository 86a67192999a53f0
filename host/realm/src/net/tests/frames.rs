//! The realm's door.

use realm_protocol::{ServerMessage, proto};

use super::{client::FrameClient, config, house};

#[tokio::test]
async fn frames_go_both_ways_and_events_are_numbered() {
    let house = house(config()).await;
    let mut client = FrameClient::logged_in(&house).await;
    for number in 1..=3 {
        client.send(proto::ChatSend { text: "hello".into() }).await;
        let ServerMessage::ChatMessage(line) = client.receive().await else { panic!("no line") };
        assert_eq!((line.text.as_str(), line.event), ("hello", number));
    }
    client.send(proto::Logout {}).await;
    assert_eq!(client.goodbye().await, "LOGGED_OUT");
}

#[tokio::test]
async fn many_frames_in_one_write_are_answered_in_order() {
    let house = house(config()).await;
    let mut client = FrameClient::logged_in(&house).await;
    let mut bytes = bytes::BytesMut::new();
    for token in 0..100 {
        let ping = realm_protocol::ClientMessage::from(proto::Ping { token });
        bytes.unsplit(client.frame(ping.identifier(), &ping.to_payload()));
    }
    client.write(&bytes).await;
    for token in 0..100 {
        assert_eq!(client.receive().await, proto::Pong { token }.into());
    }
}

#[tokio::test]
async fn a_wrong_checksum_is_refused_and_ends_the_connection() {
    let house = house(config()).await;
    let mut client = FrameClient::logged_in(&house).await;
    let mut bytes = client.frame(0x22, b"");
    bytes[12] ^= 1;
    client.write(&bytes).await;
    let error = client.error().await;
    assert_eq!((error.code.as_str(), error.sequence), ("FRAME_INVALID", 1));
    assert_eq!(client.goodbye().await, "FRAME_INVALID");
}

#[tokio::test]
async fn a_gap_in_the_sequence_is_refused() {
    let house = house(config()).await;
    let mut client = FrameClient::logged_in(&house).await;
    let _lost = client.frame(0x04, b"");
    let bytes = client.frame(0x04, b"");
    client.write(&bytes).await;
    assert!(client.error().await.message.contains("frame 2 came where frame 1 was due"));
    assert_eq!(client.goodbye().await, "FRAME_INVALID");
}

#[tokio::test]
async fn the_size_limit_rises_with_the_log_in() {
    let house = house(config()).await;
    let mut early = FrameClient::connect(&house, house.addresses.realm).await;
    let bytes = early.frame(0x22, &[0; 5_000]);
    early.write(&bytes).await;
    assert_eq!(early.error().await.code, "FRAME_TOO_LARGE");
    assert_eq!(early.goodbye().await, "FRAME_TOO_LARGE");

    let mut client = FrameClient::logged_in(&house).await;
    client.send(proto::ChatSend { text: "a".repeat(10_000) }).await;
    assert!(matches!(client.receive().await, ServerMessage::ChatMessage(line) if line.text.len() == 10_000));
    let mut header = client.frame(0x22, b"");
    header[1..3].copy_from_slice(&20_000_u16.to_le_bytes());
    client.write(&header).await;
    assert_eq!(client.error().await.code, "FRAME_TOO_LARGE");
    assert_eq!(client.goodbye().await, "FRAME_TOO_LARGE");
}

#[tokio::test]
async fn an_unknown_or_malformed_message_does_not_end_the_connection() {
    let house = house(config()).await;
    let mut client = FrameClient::logged_in(&house).await;
    let mut bytes = client.frame(0x99, b"");
    bytes.unsplit(client.frame(0x22, b"\xff\xff"));
    client.write(&bytes).await;
    let (unknown, malformed) = (client.error().await, client.error().await);
    assert_eq!((unknown.code.as_str(), unknown.sequence), ("MESSAGE_INVALID", 1));
    assert!(unknown.message.contains("0x99"), "{}", unknown.message);
    assert!(malformed.message.contains("CHAT_MESSAGE") && malformed.sequence == 2, "{}", malformed.message);
    client.send(proto::Ping { token: 7 }).await;
    assert_eq!(client.receive().await, proto::Pong { token: 7 }.into());
}

#[tokio::test]
async fn whoever_does_not_log_in_or_falls_silent_is_closed() {
    let hasty = house(super::Config { login_deadline_ms: 100, ..config() }).await;
    let mut idle = FrameClient::connect(&hasty, hasty.addresses.realm).await;
    assert_eq!(idle.goodbye().await, "NOT_LOGGED_IN");
    let chatty = house(super::Config { silence_max_ms: 100, ..config() }).await;
    let mut silent = FrameClient::logged_in(&chatty).await;
    assert_eq!(silent.goodbye().await, "SILENCE");
}
