//! The game door.

use std::{thread, time::Instant};

use realm_protocol::{ClientMessage, ServerMessage, proto};

use super::{PATIENCE, client::FrameClient, config, house};
use crate::types::{Arrivals, Delivery, Link, Offer};

/// What a tick thread does with a link, without the pace.
fn echo(mut link: Box<dyn Link>) -> String {
    let started = Instant::now();
    let mut arrivals = Arrivals::default();
    while started.elapsed() < PATIENCE {
        let now = Instant::now();
        arrivals.clear();
        if let Err(closed) = link.take(&mut arrivals, 3, now) {
            return closed.to_string();
        }
        for frame in arrivals.iter() {
            link.offer(0x40, frame.payload, Delivery::Reliable, now).unwrap();
        }
        if let Err(closed) = link.flush() {
            return closed.to_string();
        }
        thread::yield_now();
    }
    "not closed".to_owned()
}

async fn enter(house: &super::House) -> FrameClient {
    let mut client = FrameClient::connect(house, house.addresses.game).await;
    let mut bytes = client.frame(0x45, &ClientMessage::from(proto::GameEnter { ticket: "t".into() }).to_payload());
    // Already here when the connection changes hands.
    bytes.unsplit(client.frame(0x41, b"first"));
    client.write(&bytes).await;
    client
}

#[tokio::test]
async fn a_link_is_driven_by_a_thread_of_its_game() {
    let mut house = house(config()).await;
    let mut client = enter(&house).await;
    let (first, link) = house.game().await;
    assert_eq!((first.identifier, first.sequence), (0x45, 0));
    let game = thread::spawn(move || echo(link));
    assert_eq!(client.receive_frame().await.unwrap().payload, "first");
    for size in [0, 1, 4_000, 16_000] {
        let payload = vec![7; size];
        let bytes = client.frame(0x41, &payload);
        client.write(&bytes).await;
        assert_eq!(client.receive_frame().await.unwrap().payload, payload);
    }
    tokio::io::AsyncWriteExt::shutdown(&mut client.stream).await.unwrap();
    assert!(client.receive_frame().await.is_none());
    assert_eq!(game.join().unwrap(), "the client has closed the connection");
    house.doors.shared.arrivals.admission.empty().await;
}

#[tokio::test]
async fn a_broken_frame_closes_the_link_with_a_goodbye() {
    let mut house = house(config()).await;
    let mut client = enter(&house).await;
    let (_, link) = house.game().await;
    let game = thread::spawn(move || echo(link));
    client.receive_frame().await.unwrap();
    let _lost = client.frame(0x41, b"");
    let bytes = client.frame(0x41, b"");
    client.write(&bytes).await;
    assert_eq!(client.goodbye().await, "FRAME_INVALID");
    assert!(game.join().unwrap().contains("where frame 2 was due"));
}

#[tokio::test]
async fn a_slow_client_misses_snapshots_and_is_closed_before_it_misses_anything_else() {
    let mut house = house(config()).await;
    let mut client = enter(&house).await;
    let (_, mut link) = house.game().await;
    let (mut sent, now) = (0_u32, Instant::now());
    loop {
        if link.offer(0x40, &[0; 8_000], Delivery::Skippable, now).unwrap() == Offer::Skipped {
            break;
        }
        link.flush().unwrap();
        sent += 1;
    }
    assert!(link.waiting_bytes() > 0);
    while link.offer(0x49, &[1; 8_000], Delivery::Reliable, now).is_ok() {
        sent += 1;
    }
    assert!(link.take(&mut Arrivals::default(), 1, now).is_err() && link.waiting_bytes() == 0);
    for _ in 0..sent {
        assert_eq!(client.receive_frame().await.unwrap().payload.len(), 8_000);
    }
    assert_eq!(client.goodbye().await, "SLOW_CONSUMER");
}

#[tokio::test]
async fn a_game_says_goodbye() {
    let mut house = house(config()).await;
    let mut client = enter(&house).await;
    let (_, mut link) = house.game().await;
    link.close("TICKET_INVALID", "Ask for another ticket.");
    let ServerMessage::Goodbye(goodbye) = client.receive().await else { panic!("no GOODBYE") };
    assert_eq!((goodbye.code.as_str(), goodbye.message.as_str()), ("TICKET_INVALID", "Ask for another ticket."));
    assert!(client.receive_frame().await.is_none());
}

#[tokio::test]
async fn no_ticket_in_time_or_no_frame_at_all_is_refused() {
    let hasty = house(super::Config { login_deadline_ms: 100, ..config() }).await;
    let mut idle = FrameClient::connect(&hasty, hasty.addresses.game).await;
    assert_eq!(idle.goodbye().await, "NOT_LOGGED_IN");
    let house = house(config()).await;
    let mut wild = FrameClient::connect(&house, house.addresses.game).await;
    wild.write(&[0xFF; 64]).await;
    assert_eq!(wild.goodbye().await, "FRAME_TOO_LARGE");
}

#[tokio::test]
async fn a_silent_link_is_closed_and_links_are_cut_with_the_doors() {
    let mut silent_house = house(super::Config { silence_max_ms: 50, ..config() }).await;
    let mut client = enter(&silent_house).await;
    let (_, link) = silent_house.game().await;
    let game = thread::spawn(move || echo(link));
    client.receive_frame().await.unwrap();
    assert_eq!(client.goodbye().await, "SILENCE");
    assert!(game.join().unwrap().contains("Nothing was heard"));

    let mut house = house(config()).await;
    let _client = enter(&house).await;
    let (_, link) = house.game().await;
    let game = thread::spawn(move || echo(link));
    house.doors.close(1).await;
    assert_eq!(game.join().unwrap(), "the link is closed");
}
