//! Connections that nobody can hurt: clients that do not read, do not speak, or speak without end.

use std::{
    io::Read as _,
    net::TcpStream,
    time::{Duration, Instant},
};

use realm_client::proto;
use realm_protocol::ServerMessage;

use crate::{
    harness::DEADLINE,
    load::{
        chorus::{Voice, mute},
        crowd::Crowd,
        histogram::Histogram,
        machine::{files_max, pause},
        pipe::{Pipe, connect_with, loopback},
        player::Player as Walker,
        rooms::{ROOM, Rooms},
        server::{Prepared, Server, Setup},
    },
};

const MEGABYTE: u64 = 1_000_000;
/// Buffer of a client that does not read: the smaller, the sooner the server sees that nobody reads.
const SMALL_BUFFER_BYTES: usize = 4_096;
const CHAT_MESSAGE: u8 = 0x22;
/// The longest line there is: 256 characters of four bytes.
const LONG_LINE: &str = "𐍈";

/// Asked for with `cargo xtask test --long`.
fn long() -> bool {
    std::env::var_os("REALM_TEST_LONG").is_some()
}

/// So many, or as many as the limit of open files allows beside everything else that runs.
fn as_many_as(count: usize) -> usize {
    let most = usize::try_from(files_max()).unwrap_or(usize::MAX) / 3;
    count.min(most)
}

/// Asks again and again until it is so; fails after a deadline.
fn wait_until(what: &str, longest: Duration, mut ask: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !ask() {
        assert!(begin.elapsed() < longest, "{what} did not happen within {longest:?}");
        pause(Duration::from_millis(20));
    }
}

/// A connection to the lobby in a channel, with a small buffer.
fn in_channel(server: &Server, number: usize, token: &str, receive_bytes: Option<usize>) -> Voice {
    let socket = connect_with(server.realm, loopback(number), receive_bytes).unwrap();
    let pipe = Pipe::over(&server.frames_config, socket).unwrap();
    let mut voice = Voice::over(pipe, false, token).unwrap();
    voice.say(&proto::JoinChannel { channel: "Wall".into() }.into()).unwrap();
    loop {
        let (identifier, payload) = voice.next_frame().unwrap();
        if let Ok(ServerMessage::ChannelUsers(_)) = ServerMessage::decode(identifier, &payload) {
            return voice;
        }
    }
}

#[test]
fn five_hundred_who_stop_reading_cost_little_and_harm_nobody() {
    const LINES: usize = 300;
    let slow_count = as_many_as(500);
    let prepared = Prepared::new(Setup {
        people: slow_count + 2 + 2 * ROOM,
        settings: vec![
            ("CHAT__MEMBERS_MAX", "1000".into()),
            ("SESSION__CHAT_BURST", "10000".into()),
            ("SESSION__CHAT_PER_MINUTE", "60000".into()),
        ],
        core: None,
    });
    // It would take the lines for a flood, which they are.
    std::fs::remove_file(prepared.site.data().join("plugins/chat-filter.wasm")).unwrap();
    let server = prepared.up();
    let (slow_people, others) = prepared.people.split_at(slow_count);
    let (talkers, players) = others.split_at(2);
    let crowd = Crowd::start(None);
    let mut rooms = Rooms::prepare(&server, &crowd, players);
    rooms.open_to(2);
    rooms.fill();

    let mut talker = in_channel(&server, 60_000, &talkers[0].token, None);
    let mut listener = in_channel(&server, 60_001, &talkers[1].token, None);
    let slow: Vec<Voice> = slow_people
        .iter()
        .enumerate()
        .map(|(number, person)| in_channel(&server, number, &person.token, Some(SMALL_BUFFER_BYTES)))
        .collect();
    let (before, calm) = (server.resident_bytes(), server.metrics());
    crowd.look();

    // The talker says far more than the buffers of those who do not read can hold, at the pace at which the others read.
    let text = LONG_LINE.repeat(256);
    let mut most = before;
    let mut heard = 0;
    for number in 0..LINES {
        talker.say(&proto::ChatSend { text: format!("{number} {}", &text[..LONG_LINE.len() * 250]) }.into()).unwrap();
        for voice in [&mut listener, &mut talker] {
            loop {
                let (identifier, payload) = voice.next_frame().expect("whoever reads is not closed");
                if let Ok(ServerMessage::ChatMessage(line)) = ServerMessage::decode(identifier, &payload) {
                    assert!(line.text.starts_with(&format!("{number} ")), "no line is left out: {number}");
                    heard += 1;
                    break;
                }
            }
        }
        most = most.max(server.resident_bytes());
    }
    assert_eq!(heard, 2 * LINES);
    let grown = most.saturating_sub(before) / MEGABYTE;
    println!("{slow_count} slow readers: {grown} MB more than {} MB", before / MEGABYTE);
    assert!(grown <= 64, "{grown} MB more");
    let window = crowd.look();
    assert!(window.ended.is_empty(), "{:?}", window.ended);
    assert!(window.rates[0] > 5.0, "snapshots go on: {:?}", window.rates);

    let online = calm.value("realm_players_online");
    wait_until("closing those who never read", DEADLINE * 3, || {
        server.metrics().value("realm_players_online") <= online - slow_count as f64
    });
    drop(slow);
    drop(crowd);
    assert_eq!(server.end(), Some(0));
}

#[test]
fn whoever_reads_too_slowly_learns_why_the_connection_ends() {
    /// Said in all: 6 MB, more than a kernel keeps for one connection.
    const ROUNDS: usize = 300;
    let prepared = Prepared::new(Setup {
        people: 3,
        settings: vec![
            ("NET__OUTBOX_BYTES_MAX", "16384".into()),
            ("SESSION__CHAT_BURST", "10000".into()),
            ("SESSION__CHAT_PER_MINUTE", "60000".into()),
        ],
        core: None,
    });
    std::fs::remove_file(prepared.site.data().join("plugins/chat-filter.wasm")).unwrap();
    let server = prepared.up();
    let (talker, slow) = prepared.people.split_first().unwrap();
    let mut talker = in_channel(&server, 60_000, &talker.token, None);
    let small = Some(SMALL_BUFFER_BYTES);
    let mut slow: Vec<Voice> =
        slow.iter().enumerate().map(|(n, one)| in_channel(&server, n, &one.token, small)).collect();
    let text = LONG_LINE.repeat(250);
    // They read a fifth of what is said, so that whatever the kernel keeps for them is full at last, and then the outbox.
    for _ in 0..ROUNDS {
        for _ in 0..20 {
            talker.say(&proto::ChatSend { text: text.clone() }.into()).unwrap();
            while !matches!(talker.next_frame(), Ok((CHAT_MESSAGE, _))) {}
        }
        for voice in &mut slow {
            // One that is closed has nothing to read any more.
            let _ = voice.pipe.read(&mut voice.inbox);
        }
    }
    for mut voice in slow {
        assert_eq!(voice.goodbye().as_deref(), Some("SLOW_CONSUMER"));
    }
    assert_eq!(server.end(), Some(0));
}

#[test]
fn players_who_stop_reading_are_closed_with_a_reason_and_their_room_plays_on() {
    let prepared = Prepared::new(Setup { people: ROOM, ..Setup::default() });
    let server = prepared.up();
    let crowd = Crowd::start(None);
    let mut rooms = Rooms::prepare(&server, &crowd, &prepared.people);
    rooms.open_to(1);
    let (mut rest, mut seen) = (server.rest(0), Histogram::default());
    let mut slow: Vec<Walker> = (1..ROOM)
        .map(|number| {
            let socket = connect_with(server.game, loopback(number), Some(SMALL_BUFFER_BYTES)).unwrap();
            let pipe = Pipe::over(&server.frames_config, socket).unwrap();
            Walker::enter(pipe, &rooms.ticket(&mut rest, number), 1).unwrap()
        })
        .collect();
    // The one who reads tells how time passes: after twelve snapshots the others are behind, and 250 later they are closed.
    let mut snapshots = 0.0;
    wait_until("so many snapshots for the one who reads", DEADLINE * 3, || {
        let window = crowd.look();
        assert!(window.ended.is_empty(), "{:?}", window.ended);
        snapshots += window.rates[0] * window.length.as_secs_f64();
        snapshots > 280.0
    });
    for walker in &mut slow {
        wait_until("closing a player who does not read", DEADLINE, || {
            walker.read(Instant::now(), &mut seen);
            walker.ended.is_some()
        });
        let why = walker.ended.as_deref().unwrap();
        assert!(why.starts_with("SLOW_CONSUMER: "), "{why}");
    }
    drop(crowd);
    assert_eq!(server.end(), Some(0));
}

/// In the ordinary run fewer; all of them with `--long`.
#[test]
fn thousands_of_silent_sockets_keep_nobody_out() {
    let count = as_many_as(if long() { 5_000 } else { 2_000 });
    // The first bytes of a record that never ends, the first of a handshake that goes no further, and nothing at all.
    let beginnings: [&[u8]; 3] = [&[], &[0x16], &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03]];
    let prepared = Prepared::new(Setup { people: 20, ..Setup::default() });
    let server = prepared.up();
    let before = server.resident_bytes();
    let doors = [server.realm, server.game, server.https];
    let mut stuck: Vec<TcpStream> = (0..count)
        .map(|number| mute(doors[number % 3], loopback(1_000 + number), beginnings[number / 3 % 3]).unwrap())
        .collect();
    for (number, person) in prepared.people.iter().enumerate() {
        let (door, websocket, config) = match number % 2 {
            0 => (server.realm, false, &server.frames_config),
            _ => (server.https, true, &server.https_config),
        };
        let begin = Instant::now();
        let voice = Voice::log_in(config, door, loopback(number), websocket, &person.token);
        voice.unwrap_or_else(|error| panic!("{number} is kept out after {:?}: {error}", begin.elapsed()));
    }
    let grown = server.resident_bytes().saturating_sub(before) / MEGABYTE;
    println!("{count} silent sockets: {grown} MB more than {} MB", before / MEGABYTE);
    assert!(grown <= 100, "{grown} MB more");
    // They are closed at the deadline of the handshake, without a word.
    for socket in stuck.iter_mut().rev().take(30) {
        let mut answer = Vec::new();
        // A reset is an end too.
        let _ = socket.read_to_end(&mut answer);
        assert!(answer.is_empty(), "{answer:?}");
    }
    drop(stuck);
    assert_eq!(server.end(), Some(0));
}

/// Frames, lines and log-ins without end, all at once, while others play and talk.
#[test]
fn floods_are_refused_and_neighbours_play_and_talk() {
    const FLOODERS: usize = 6;
    let prepared = Prepared::new(Setup { people: 2 * FLOODERS + 2 + ROOM, ..Setup::default() });
    let server = prepared.up();
    let (flooders, others) = prepared.people.split_at(2 * FLOODERS);
    let (talkers, players) = others.split_at(2);
    let crowd = Crowd::start(None);
    let mut rooms = Rooms::prepare(&server, &crowd, players);
    rooms.open_to(1);
    rooms.fill();
    let mut talker = in_channel(&server, 60_000, &talkers[0].token, None);
    let mut listener = in_channel(&server, 60_001, &talkers[1].token, None);
    let before = server.resident_bytes();
    crowd.look();
    std::thread::scope(|scope| {
        let server = &server;
        for (number, person) in flooders.iter().enumerate() {
            scope.spawn(move || {
                let mut voice = in_channel(server, number, &person.token, None);
                if number % 2 == 0 {
                    let line = proto::ChatSend { text: "Buy my sword".into() }.into();
                    assert_eq!(flood(&mut voice, &line, usize::MAX).as_deref(), Some("RATE_LIMITED"));
                } else {
                    flood(&mut voice, &proto::GameListRequest::default().into(), 100);
                }
            });
        }
        for hand in 0..4 {
            scope.spawn(move || {
                let mut rest = server.rest(200 + hand);
                let body = serde_json::json!({"name": "Nobody", "password": "one lantern too few"});
                for _ in 0..25 {
                    let (status, answer) = rest.ask("POST", "/auth/login", "", Some(&body)).unwrap();
                    assert!([401, 403, 429, 503].contains(&status), "{status} {answer}");
                }
            });
        }
        for number in 0..3 {
            let text = format!("Line {number}, calmly");
            listener.say(&proto::Ping { token: number }.into()).unwrap();
            talker.say(&proto::ChatSend { text: text.clone() }.into()).unwrap();
            loop {
                let (identifier, payload) = listener.next_frame().expect("a neighbour is not harmed");
                match ServerMessage::decode(identifier, &payload) {
                    Ok(ServerMessage::ChatMessage(line)) if line.text == text => break,
                    _ => {}
                }
            }
        }
    });
    let window = crowd.look();
    assert!(window.ended.is_empty() && window.rates[0] > 5.0, "{window:?}");
    let grown = server.resident_bytes().saturating_sub(before) / MEGABYTE;
    println!("a flood: {grown} MB more than {} MB", before / MEGABYTE);
    // A computation of a password takes 19 MiB, of which the allocator keeps some; a hundred of them were asked for.
    assert!(grown <= 256, "{grown} MB more");
    drop(crowd);
    assert_eq!(server.end(), Some(0));
}

/// Says the same without end, whatever comes, until so much was refused or the server has enough of it: the code of its goodbye.
fn flood(voice: &mut Voice, message: &realm_protocol::ClientMessage, refused_enough: usize) -> Option<String> {
    voice.pipe.stop_waiting().unwrap();
    let (begin, mut refused) = (Instant::now(), 0);
    while begin.elapsed() < DEADLINE * 2 {
        // A server that is fed up takes no more, and has said why.
        let _ = voice.pipe.flush();
        for _ in 0..200 {
            if voice.pipe.has_written() {
                let _ = voice.say(message);
            }
        }
        let open = voice.pipe.read(&mut voice.inbox).unwrap_or(false);
        while let Some((identifier, payload)) = voice.take_frame() {
            match ServerMessage::decode(identifier, &payload) {
                Ok(ServerMessage::Goodbye(said)) => return Some(said.code),
                Ok(ServerMessage::Error(error)) if error.code == "RATE_LIMITED" => refused += 1,
                _ => {}
            }
        }
        if !open || refused >= refused_enough {
            return None;
        }
    }
    panic!("a flood is not refused: {refused} refusals");
}
