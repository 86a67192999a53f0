//! A realm that is stopped by a signal and started again: everybody comes back to what they left, and no line of chat is lost or doubled.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use realm_client::{ClientError, ComeBack, Door, Endpoint, Lobby, Login, Lost, ServerMessage, proto};
use rustix::process::Signal;
use tokio::sync::{Barrier, Semaphore, watch};

use crate::harness::{
    DEADLINE, eventually,
    program::{Site, Up},
    refused,
};
use crate::load::{machine::resident_bytes, seed::seed};

/// Clients of the test; a long run has ten times as many.
const CLIENTS: usize = 200;
/// Members of one channel.
const MEMBERS: usize = 50;
/// Of these, so many speak.
const SPEAKERS: usize = 5;
/// Time between two lines of a speaker.
const PAUSE: Duration = Duration::from_millis(1_000);
/// Clients that come at the same time in the beginning.
const ARRIVALS: usize = 50;
/// Until all of them have come.
const ARRIVAL_DEADLINE: Duration = Duration::from_secs(240);
/// What a restart may take for 99 of 100 clients, from the moment in which the realm is up again.
const RESUMED_WITHIN: Duration = Duration::from_secs(10);
const DOORS: [Door; 3] = [Door::Frames, Door::WebSocketJson, Door::WebSocketBinary];

fn long() -> bool {
    std::env::var_os("REALM_TEST_LONG").is_some_and(|value| value == "1")
}

/// Three ports that are the same at every start, from below the range out of which the system serves.
struct Ports([u16; 3]);

impl Ports {
    fn free() -> Self {
        let first = 20_000 + u16::try_from(std::process::id() % 9_000).expect("a small number");
        let mut free = (first..32_000).filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
        Self([(); 3].map(|()| free.next().expect("a free port")))
    }

    fn up(&self, site: &Site) -> Up {
        let mut command: Command = site.realm(&["up", "--data", "realm-data"]);
        for (key, port) in ["HTTPS", "REALM", "GAME"].iter().zip(self.0) {
            command.env(format!("REALM__NET__{key}"), format!("127.0.0.1:{port}"));
        }
        for key in ["MAX", "BURST", "PER_MINUTE"] {
            command.env(format!("REALM__NET__CONNECTIONS_PER_ADDRESS_{key}"), "100000");
        }
        command.env("REALM__TELEMETRY__LOG", "warn");
        Up::start(&mut command)
    }
}

/// What a client saw of its channel.
#[derive(Debug, Default)]
struct Seen {
    /// How often each line came.
    lines: BTreeMap<String, u32>,
    /// The last line of each speaker, to see that they come in order.
    newest: BTreeMap<String, u64>,
    /// The channel's own numbers of the lines since the restart.
    numbers: Vec<u64>,
    disorder: Vec<String>,
}

impl Seen {
    fn note(&mut self, line: &proto::ChatMessage) {
        *self.lines.entry(format!("{} {}", line.account, line.text)).or_default() += 1;
        let number = line.text.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        let newest = self.newest.entry(line.account.clone()).or_default();
        if number <= *newest {
            self.disorder.push(format!("{} after {newest}: {}", line.account, line.text));
        }
        *newest = number;
        self.numbers.push(line.line);
    }
}

/// How far the run is; clients follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Talk,
    /// Everybody is back: say the last line.
    LastLines,
    Over,
}

/// One client from its first log-in to the end.
struct Client {
    come_back: ComeBack,
    channel: String,
    speaks: bool,
    said: u64,
    /// Lines that everybody has said.
    lines: watch::Sender<usize>,
    seen: Seen,
}

/// What a client did at the restart.
struct Back {
    /// What the goodbye asked for.
    asked_ms: u64,
    at: Instant,
    resync: bool,
    same_session: bool,
}

impl Client {
    async fn arrive(&mut self) -> Lobby {
        let mut lobby = self.come_back.after(&Lost::default(), |_| {}).await.unwrap();
        lobby.join_channel(&self.channel).await.unwrap();
        lobby
    }

    /// Talks and listens until the connection ends or the part is over.
    async fn talk(&mut self, lobby: &mut Lobby, part: &mut watch::Receiver<Part>, until: Part) -> bool {
        let mut clock = tokio::time::interval(PAUSE);
        loop {
            tokio::select! {
                _ = clock.tick(), if self.speaks => {
                    self.said += 1;
                    // A realm that is stopping may have closed; reading tells.
                    let _ = lobby.say(&format!("line {}", self.said)).await;
                    self.lines.send_modify(|count| *count += 1);
                }
                () = reached(part, until) => return true,
                message = lobby.next() => match message {
                    Ok(ServerMessage::ChatMessage(line)) => self.seen.note(&line),
                    Ok(_) | Err(ClientError::Deadline { .. }) => {}
                    Err(ClientError::Closed(_)) => return false,
                    Err(error) => panic!("{error}"),
                },
            }
        }
    }

    async fn return_after(&mut self, lobby: Lobby) -> (Lobby, Back) {
        let lost = lobby.lost();
        let goodbye = lost.goodbye.clone().expect("a goodbye");
        assert_eq!(goodbye.code, "REALM_STOPPING");
        drop(lobby);
        let lobby = self.come_back.after(&lost, |_| {}).await.unwrap();
        let session = lobby.session().expect("a session");
        let back = Back {
            asked_ms: goodbye.reconnect_after_ms,
            at: Instant::now(),
            resync: session.resync,
            same_session: session.resume_token == lost.resume_token,
        };
        self.seen.numbers.clear();
        (lobby, back)
    }

    /// Says and hears the last lines of the channel.
    async fn finish(&mut self, lobby: &mut Lobby, speakers: usize) {
        if self.speaks {
            lobby.say("the last line 1000000").await.unwrap();
        }
        // Some of them may have come while it still talked.
        while self.seen.lines.keys().filter(|line| line.contains("the last")).count() < speakers {
            match lobby.next().await {
                Ok(ServerMessage::ChatMessage(line)) => self.seen.note(&line),
                Ok(ServerMessage::Error(error)) => panic!("{}: {}", error.code, error.message),
                Ok(_) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Resolves when the run has come so far.
async fn reached(part: &mut watch::Receiver<Part>, until: Part) {
    part.wait_for(|part| *part >= until).await.map(|_| ()).expect("the test goes on");
}

struct Report {
    channel: String,
    seen: Seen,
    back: Back,
}

async fn live(
    mut client: Client,
    (few, here): (Arc<Semaphore>, Arc<Barrier>),
    mut part: watch::Receiver<Part>,
    back: watch::Sender<usize>,
) -> Report {
    // The first arrival is not what is measured; it only has to succeed.
    let one_of_few = few.acquire().await.expect("nobody closes it");
    let mut lobby = client.arrive().await;
    drop(one_of_few);
    here.wait().await;
    assert!(!client.talk(&mut lobby, &mut part, Part::Over).await, "the realm stops");
    let (mut lobby, came) = client.return_after(lobby).await;
    back.send_modify(|count| *count += 1);
    assert!(client.talk(&mut lobby, &mut part, Part::LastLines).await, "the realm stays");
    client.finish(&mut lobby, SPEAKERS).await;
    reached(&mut part, Part::Over).await;
    Report { channel: client.channel, seen: client.seen, back: came }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_comes_back_after_a_restart_and_no_line_is_lost_or_doubled() {
    let clients = if long() { 10 * CLIENTS } else { CLIENTS };
    let (site, ports) = (Site::new(), Ports::free());
    site.run(&["migrate", "--data", "realm-data"]).success();
    let data = site.data();
    let people = tokio::task::spawn_blocking(move || seed(&data, clients)).await.unwrap();
    let up = ports.up(&site);
    let endpoint = Endpoint { deadline: Duration::from_secs(60), ..site.endpoint() };
    let (few, here) = (Arc::new(Semaphore::new(ARRIVALS)), Arc::new(Barrier::new(clients + 1)));
    let (part, back, said) = (watch::Sender::new(Part::Talk), watch::Sender::new(0), watch::Sender::new(0));
    let lives: Vec<_> = people
        .into_iter()
        .enumerate()
        .map(|(index, person)| {
            let door = DOORS[index % DOORS.len()];
            let come_back = ComeBack {
                endpoint: endpoint.clone(),
                door,
                login: Login::Token(person.token),
                patience: Duration::from_secs(90),
            };
            let (channel, speaks) = (format!("Hall {}", index / MEMBERS), index % MEMBERS < SPEAKERS);
            let client = Client { come_back, channel, speaks, said: 0, lines: said.clone(), seen: Seen::default() };
            tokio::spawn(live(client, (Arc::clone(&few), Arc::clone(&here)), part.subscribe(), back.clone()))
        })
        .collect();
    let empty_bytes = resident_bytes(up.process());
    tokio::time::timeout(ARRIVAL_DEADLINE, here.wait()).await.expect("everybody has come");
    let memory_bytes = resident_bytes(up.process()).saturating_sub(empty_bytes);
    println!("with everybody in: {} KB a client", memory_bytes / 1_024 / clients as u64);
    // Some lines are said before the end, however short the time.
    let mut lines = said.subscribe();
    let speakers = clients / MEMBERS * SPEAKERS;
    lines.wait_for(|count| *count >= 2 * speakers).await.unwrap();

    let signal = Instant::now();
    let (code, last_words) = tokio::task::spawn_blocking(move || up.end(Signal::TERM)).await.unwrap();
    let ended = signal.elapsed();
    assert_eq!(code, Some(0), "{last_words}");
    assert!(ended < Duration::from_secs(30), "it ends within half a minute: {ended:?}");
    let (site, up) = tokio::task::spawn_blocking(move || {
        let up = ports.up(&site);
        (site, up)
    })
    .await
    .unwrap();
    let started = Instant::now();
    let all_back = async { back.subscribe().wait_for(|count| *count == clients).await.map(|_| ()) };
    tokio::time::timeout(Duration::from_secs(120), all_back).await.expect("everybody is back").unwrap();
    let before = *lines.borrow();
    lines.wait_for(|count| *count >= before + 2 * speakers).await.unwrap();
    part.send_replace(Part::LastLines);
    part.send_replace(Part::Over);
    let mut reports = Vec::new();
    for life in lives {
        reports.push(tokio::time::timeout(Duration::from_secs(120), life).await.expect("its end").unwrap());
    }
    drop((up, site));
    figures(&reports, signal, ended, started);
    check(&reports, clients);
}

/// Prints what the restart took.
fn figures(reports: &[Report], signal: Instant, ended: Duration, started: Instant) {
    let mut since_start: Vec<_> =
        reports.iter().map(|report| report.back.at.saturating_duration_since(started)).collect();
    let mut since_signal: Vec<_> = reports.iter().map(|report| report.back.at - signal).collect();
    since_start.sort();
    since_signal.sort();
    let clients = reports.len();
    let at = |times: &[Duration], percent: usize| times[(clients * percent).div_ceil(100) - 1].as_secs_f64();
    let in_time = since_start.iter().filter(|time| **time <= RESUMED_WITHIN).count();
    println!(
        "restart with {clients} clients: ended {:.2} s after the signal, up again at {:.2} s; resumed within 10 s of that: {:.2} %; \
         half after {:.2} s, 99 of 100 after {:.2} s, all after {:.2} s; counted from the signal, 99 of 100 after {:.2} s",
        ended.as_secs_f64(),
        (started - signal).as_secs_f64(),
        in_time as f64 * 100.0 / clients as f64,
        at(&since_start, 50),
        at(&since_start, 99),
        at(&since_start, 100),
        at(&since_signal, 99),
    );
    if long() {
        assert!(in_time * 100 >= clients * 99, "99 of 100 are back within {RESUMED_WITHIN:?}");
    }
}

fn check(reports: &[Report], clients: usize) {
    assert!(reports.iter().all(|report| report.back.resync), "after a restart everybody is told to ask anew");
    let same = reports.iter().filter(|report| report.back.same_session).count();
    assert_eq!(same, clients, "every session goes on");
    let asked: std::collections::BTreeSet<_> = reports.iter().map(|report| report.back.asked_ms).collect();
    assert_eq!(asked.len(), clients, "no two are asked back at the same moment");
    let mut channels: BTreeMap<&str, Vec<&Report>> = BTreeMap::new();
    reports.iter().for_each(|report| channels.entry(&report.channel).or_default().push(report));
    let mut lines = 0;
    for (channel, members) in channels {
        let first = members[0];
        lines += first.seen.lines.len();
        assert!(first.seen.lines.len() > SPEAKERS, "{channel}: {:?}", first.seen.lines);
        for member in &members {
            assert_eq!(member.seen.lines, first.seen.lines, "{channel}: everybody saw the same");
            assert!(member.seen.lines.values().all(|times| *times == 1), "{channel}: no line came twice");
            assert!(member.seen.disorder.is_empty(), "{channel}: {:?}", member.seen.disorder);
            let numbers = &member.seen.numbers;
            assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{channel}: no gap in {numbers:?}");
            assert_eq!(numbers[0], 1, "{channel}: from the first line after the restart");
        }
    }
    println!("{lines} lines of chat, each seen once by every member");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_session_has_its_channel_and_its_character_and_waits_no_longer_than_a_lost_one() {
    let realm = crate::harness::TestRealm::start().await;
    let mut hero = realm.hero("Maren", Door::Frames).await;
    hero.lobby.join_channel("Market").await.unwrap();
    let goodbye = async { while !matches!(hero.lobby.next().await.unwrap(), ServerMessage::Goodbye(_)) {} };
    let ((), realm) = tokio::join!(goodbye, realm.restart());
    let lost = hero.lobby.lost();
    let endpoint = realm.endpoint();
    let login = Login::Token(hero.player.token.clone());
    let come_back = ComeBack { endpoint, door: Door::WebSocketJson, login: login.clone(), patience: DEADLINE };
    let mut lobby = come_back.after(&lost, |_| {}).await.unwrap();
    let session = lobby.session().unwrap();
    assert!(session.resync && session.resume_token == lost.resume_token);
    // It is in its channel already, and entering that shows it and its character there.
    lobby.say("back again").await.unwrap();
    assert_eq!(lobby.line(DEADLINE).await.unwrap().text, "back again");
    let market = lobby.join_channel("Market").await.unwrap();
    assert_eq!((market.users.len(), market.users[0].character.as_str()), (1, "Maren-hero"));
    assert!(market.event > lost.event, "events go on where they were");
    let game = proto::GameCreate { name: "Den of dusk".into(), ..Default::default() };
    lobby.create_game(game).await.unwrap();
    // From then on it is a session like any other.
    let lost = lobby.lost();
    drop(lobby);
    let lobby = come_back.after(&lost, |_| {}).await.unwrap();
    assert!(!lobby.session().unwrap().resync);
    // A log-out ends it for good, also over a restart.
    let mut lobby = lobby;
    lobby.logout().await.unwrap();
    let realm = realm.restart().await;
    let come_back = ComeBack { endpoint: realm.endpoint(), ..come_back };
    let error = come_back.after(&Lost { goodbye: None, ..lost }, |_| {}).await.err().unwrap();
    assert_eq!(error.code(), Some("TOKEN_INVALID"));
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_realm_that_stops_says_so_over_http_and_to_health_checks() {
    let realm = crate::harness::TestRealm::start().await;
    let hero = realm.hero("Maren", Door::Frames).await;
    let mut rest = hero.player.rest;
    let health = realm.realm().telemetry_address().unwrap();
    assert!(ready(health).await.starts_with("HTTP/1.1 200"));
    let endpoint = realm.endpoint();
    // One connection of REST is open and kept.
    rest.validate().await.unwrap();
    // The lobby is not read, so its connection stays for some time.
    let lobby = hero.lobby;
    let stopping = tokio::spawn(realm.stop());
    let asked = eventually("the refusal of a realm that stops", async || rest.validate().await.err()).await;
    match refused::<()>(Err(asked)) {
        (503, code) => assert_eq!(code, "REALM_STOPPING"),
        other => panic!("{other:?}"),
    }
    assert!(!ready(health).await.starts_with("HTTP/1.1 200"), "a balancer sends nobody here any more");
    let newcomer = Lobby::connect(&Endpoint { deadline: DEADLINE, ..endpoint }, Door::Frames).await;
    assert!(newcomer.is_err(), "nobody is let in any more");
    drop(lobby);
    stopping.await.unwrap();
}

/// What `/readyz` answers; nothing when nobody is there.
async fn ready(address: std::net::SocketAddr) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let Ok(mut stream) = tokio::net::TcpStream::connect(address).await else { return String::new() };
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: realm\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
