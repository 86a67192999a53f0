//! Lost connections, cut anywhere by a proxy: whoever resumes gets what was missed, once and in order, or is told clearly that it is lost.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use realm_client::{ClientError, Door, Endpoint, Lobby, Login, ServerMessage, proto};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::harness::{DEADLINE, Player, TestRealm};

/// Lines of chat in all; a long run has ten times as many.
const LINES: u64 = 3_000;
/// Events that the realm keeps for a lost connection.
const EVENTS_KEPT: u64 = 64;
/// Lines that are said at most before a listener that is there has heard them.
const AHEAD_MAX: u64 = EVENTS_KEPT / 4;
/// A listener that has not come yet.
const ABSENT: u64 = u64::MAX - 1;
const DOORS: [Door; 3] = [Door::Frames, Door::WebSocketJson, Door::WebSocketBinary];

/// Small, and the same for the same seed.
struct Dice(u64);

impl Dice {
    fn up_to(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// Passes connections on until so many bytes have come from the realm, and then cuts them, in the middle of whatever it is.
struct Scissors {
    address: SocketAddr,
    /// For the next connection.
    bytes_left: Arc<AtomicU64>,
}

impl Scissors {
    async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, bytes_left) = (listener.local_addr().unwrap(), Arc::new(AtomicU64::new(u64::MAX)));
        let left = Arc::clone(&bytes_left);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(realm) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
                tokio::spawn(pass_on(client, realm, left.load(Ordering::Relaxed)));
            }
        });
        Self { address, bytes_left }
    }
}

async fn pass_on(client: TcpStream, realm: TcpStream, mut bytes_left: u64) {
    let ((mut from_client, mut to_client), (mut from_realm, mut to_realm)) = (client.into_split(), realm.into_split());
    let down = async {
        let mut bytes = [0; 4_096];
        while bytes_left > 0 {
            let room = usize::try_from(bytes_left).unwrap_or(usize::MAX).min(bytes.len());
            match from_realm.read(&mut bytes[..room]).await {
                Ok(count) if count > 0 => {
                    bytes_left -= count as u64;
                    if to_client.write_all(&bytes[..count]).await.is_err() {
                        return;
                    }
                }
                _ => return,
            }
        }
    };
    tokio::select! {
        () = down => {}
        _ = tokio::io::copy(&mut from_client, &mut to_realm) => {}
    }
}

/// What a listener has gone through.
#[derive(Debug, Default)]
struct Story {
    lines: u64,
    cuts: u64,
    resumed: u64,
    resyncs: u64,
    /// Lines that a resync was said for.
    lost: u64,
    /// The last line that came.
    last: u64,
}

/// Listens to the last line, through a connection that is cut again and again.
async fn listen(
    player: Player,
    door: Door,
    seed: u64,
    mut said: watch::Receiver<u64>,
    last: u64,
    (place, allowed): (usize, watch::Sender<[u64; 3]>),
) -> Story {
    let port = if door == Door::Frames { player.endpoint.realm_port } else { player.endpoint.https_port };
    let scissors = Scissors::before(port).await;
    let mut endpoint: Endpoint = player.endpoint.clone();
    (endpoint.realm_port, endpoint.https_port) = (scissors.address.port(), scissors.address.port());
    let (mut dice, mut story) = (Dice(seed), Story::default());
    let login = || Login::Token(player.token.clone());
    let mut lobby = Lobby::connect(&endpoint, door).await.unwrap();
    lobby.login(login()).await.unwrap();
    lobby.join_channel("Square").await.unwrap();
    allowed.send_modify(|allowed| allowed[place] = AHEAD_MAX);
    let token = lobby.session().unwrap().resume_token.clone();
    // The first connection ends here; the story begins with what the client has seen by then.
    let (mut event, mut line, mut resynced) = (lobby.event(), 0, true);
    drop(lobby);
    while line < last {
        // Stays away every fourth time for longer than lines are kept, and nothing is said while it comes back.
        // It is cut after up to 12 KB: within TLS, within a frame, anywhere.
        let third = EVENTS_KEPT / 3;
        let away = if story.cuts % 4 == 3 { EVENTS_KEPT + 1 + dice.up_to(third) } else { dice.up_to(2 * third) };
        let until = (line + away).min(last);
        allowed.send_modify(|allowed| allowed[place] = allowed[place].max(until));
        said.wait_for(|said| *said >= until).await.unwrap();
        scissors.bytes_left.store(500 + dice.up_to(12_000), Ordering::Relaxed);
        let Ok(mut lobby) = Lobby::connect(&endpoint, door).await else { continue };
        let Ok(session) = lobby.resume(login(), &token, event).await.cloned() else { continue };
        assert_eq!(session.resume_token, token, "the session goes on");
        story.resumed += u64::from(!session.resync);
        story.resyncs += u64::from(session.resync);
        resynced |= session.resync;
        if session.resync {
            allowed.send_modify(|allowed| allowed[place] = *said.borrow() + AHEAD_MAX);
        }
        while line < last {
            match lobby.next_within(DEADLINE).await {
                Ok(ServerMessage::ChatMessage(chat)) => {
                    if resynced {
                        assert!(chat.event > event && chat.line > line, "after a resync everything is new: {chat:?}");
                        story.lost += chat.line - line - 1;
                    } else {
                        assert_eq!((chat.event, chat.line), (event + 1, line + 1), "{door:?}, seed {seed}: {story:?}");
                    }
                    (event, line, resynced) = (chat.event, chat.line, false);
                    allowed.send_modify(|allowed| allowed[place] = allowed[place].max(line + AHEAD_MAX));
                    story.lines += 1;
                }
                Ok(message) => match message.event() {
                    None => {}
                    Some(number) => {
                        assert!(
                            number == event + 1 || resynced && number > event,
                            "{number} after {event}: {message:?}"
                        );
                        event = number;
                    }
                },
                Err(ClientError::Deadline { .. }) => panic!("{door:?}, seed {seed}: nothing comes after {line}"),
                Err(_) => break,
            }
        }
        assert_eq!(lobby.event(), event, "the library counts as the test does");
        story.cuts += 1;
    }
    allowed.send_modify(|allowed| allowed[place] = u64::MAX);
    story.last = line;
    story
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_anywhere_everything_comes_once_and_in_order_or_a_resync_is_said() {
    let lines = if std::env::var_os("REALM_TEST_LONG").is_some_and(|value| value == "1") { 10 * LINES } else { LINES };
    let no_rules = tempfile::tempdir().unwrap();
    let realm = TestRealm::start_with(|config| {
        config.plugins.dir = no_rules.path().display().to_string();
        (config.session.chat_burst, config.session.chat_per_minute) = (10_000, 60_000);
        config.session.resume_events_max = usize::try_from(EVENTS_KEPT).unwrap();
        config.net.connections_per_address_burst = 100_000;
    })
    .await;
    let mut speaker = realm.player("Odd").await.lobby(Door::Frames).await;
    // Up to which line each listener lets the speaker talk: who is away decides how much it misses.
    let (said, allowed) = (watch::Sender::new(0), watch::Sender::new([ABSENT; 3]));
    let seed = u64::from(std::process::id()) << 8 | 1;
    println!("seed {seed}");
    let mut listeners = Vec::new();
    for (place, (door, name)) in DOORS.into_iter().zip(["Maren", "Sten", "Ragna"]).enumerate() {
        let player = realm.player(name).await;
        let (seed, ears) = (seed * (place as u64 + 1), (place, allowed.clone()));
        listeners.push(tokio::spawn(listen(player, door, seed, said.subscribe(), lines, ears)));
    }
    let mut allowed = allowed.subscribe();
    allowed.wait_for(|allowed| !allowed.contains(&ABSENT)).await.unwrap();
    speaker.join_channel("Square").await.unwrap();
    let listened = async {
        let mut stories = Vec::new();
        for listener in listeners {
            stories.push(listener.await.unwrap());
        }
        stories
    };
    // Whoever was told to resync after the last line waits for one more.
    let mut listened = tokio::spawn(listened);
    for number in 1.. {
        if number > lines
            && tokio::time::timeout(Duration::from_millis(20), &mut listened).await.is_ok_and(|stories| {
                check(&stories.unwrap());
                true
            })
        {
            break;
        }
        if number <= lines {
            allowed.wait_for(|allowed| allowed.iter().all(|line| number <= *line)).await.unwrap();
        }
        let text = format!("line {number} {}", "x".repeat(usize::try_from(number % 200).unwrap()));
        let line = speaker
            .ask(proto::ChatSend { text }, |message| match message {
                ServerMessage::ChatMessage(line) if line.line == number => Some(line.line),
                _ => None,
            })
            .await
            .unwrap();
        said.send_replace(line.min(lines));
    }
    realm.stop().await;
}

fn check(stories: &[Story]) {
    for (story, door) in stories.iter().zip(DOORS) {
        println!("{door:?}: {story:?}");
        assert_eq!(story.lines + story.lost, story.last, "every line has come or was said to be lost");
        assert!(story.cuts > 10 && story.resumed > 5 && story.resyncs > 0, "{story:?}");
    }
}
