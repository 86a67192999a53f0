//! `bench doors`: ten thousand clients that do nothing, handshakes as fast as they come, and how soon a realm is up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use realm_protocol::proto;

use super::{
    Options,
    chorus::{Chorus, Voice, mute},
    histogram::Histogram,
    machine::{Cores, files_max, on_core, pause},
    pipe::{Pipe, loopback},
    report::{Goal, Report},
    seed::Person,
    server::{Prepared, Server, Setup},
    tell,
};

const HEARTBEAT: Duration = Duration::from_secs(30);
/// Connections that open at the same time.
const HANDS: usize = 8;
/// Files that the server and the generator need beside their connections.
const FILES_SPARE: usize = 200;
/// The beginning of a TLS record that is never finished.
const HALF_A_HELLO: &[u8] = &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01];

/// How much of everything.
struct Sizes {
    idle: usize,
    heartbeat: Duration,
    watched: Duration,
    handshakes: Duration,
    stuck: usize,
    honest: usize,
    starts: usize,
}

impl Sizes {
    fn of(options: &Options) -> Self {
        let most = usize::try_from(files_max()).unwrap_or(usize::MAX).saturating_sub(FILES_SPARE);
        if options.quick {
            let (watched, handshakes) = (Duration::from_secs(1), Duration::from_millis(500));
            return Self {
                idle: 40,
                heartbeat: Duration::from_secs(1),
                watched,
                handshakes,
                stuck: 40,
                honest: 5,
                starts: 1,
            };
        }
        Self {
            idle: 10_000.min(most),
            heartbeat: HEARTBEAT,
            watched: HEARTBEAT,
            handshakes: Duration::from_secs(5),
            stuck: 5_000.min(most),
            honest: 200,
            starts: 5,
        }
    }
}

/// Measures everything, run after run.
pub fn measure(options: &Options) -> Vec<Report> {
    let cores = options.pinned.then(Cores::find).flatten();
    let sizes = Sizes::of(options);
    let mut report = Report::new("Doors");
    for run in 1..=options.runs {
        tell(&format!("run {run} of {}", options.runs));
        idle(&sizes, cores, &mut report);
        handshakes(&sizes, &mut report);
        starts(&sizes, &mut report);
    }
    vec![report]
}

fn idle(sizes: &Sizes, cores: Option<Cores>, report: &mut Report) {
    tell(&format!("  {} idle clients", sizes.idle));
    let prepared = Prepared::new(Setup {
        people: sizes.idle,
        settings: vec![
            ("NET__CONNECTIONS_MAX", "20000".to_owned()),
            ("SESSION__PLAYERS_MAX", sizes.idle.to_string()),
            ("NET__SILENCE_MAX_MS", "75000".to_owned()),
            ("SESSION__HEARTBEAT_MS", sizes.heartbeat.as_millis().to_string()),
        ],
        // Coming in is not what is measured here: it may use every core.
        core: cores.map(|cores| cores.server),
    });
    let server = prepared.up();
    let empty = server.resident_bytes();
    let begin = Instant::now();
    let load_core = cores.map(|cores| cores.load);
    let voices = on_core(load_core, || everybody(&server, &prepared.people));
    report.add(
        "log-ins over WebSocket, by token",
        "a second",
        None,
        voices.len() as f64 / begin.elapsed().as_secs_f64(),
    );
    let chorus = Chorus::start(voices, sizes.heartbeat, Arc::new(|_, _| proto::Ping { token: 7 }.into()), load_core);
    // What coming in cost is over.
    pause(sizes.watched / 10);
    let (before, begin) = (server.usage(), Instant::now());
    pause(sizes.watched);
    let cpu = server.usage().total_since(&before).as_secs_f64() / begin.elapsed().as_secs_f64();
    let memory = server.resident_bytes();
    let name = |what: &str| format!("{} idle WebSocket clients: {what}", sizes.idle);
    report.add(&name("memory of the server"), "MB", Some(Goal::AtMost(400.0)), memory as f64 / 1e6);
    report.add(&name("memory of one"), "KB", None, memory.saturating_sub(empty) as f64 / 1e3 / sizes.idle as f64);
    report.add(&name("CPU of the server"), "% of a core", Some(Goal::AtMost(10.0)), cpu * 100.0);
    report.add(&name("lost"), "", Some(Goal::AtMost(0.0)), chorus.closed() as f64);
    if sizes.idle < 10_000 && sizes.watched == HEARTBEAT {
        report.note(&name("memory of the server"), "the limit of open files allows no more; raise `ulimit -n`");
    }
    drop(chorus);
    server.end();
}

/// All people over WebSocket, several coming in at a time.
fn everybody(server: &Server, people: &[Person]) -> Vec<Voice> {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let hands: Vec<_> = (0..HANDS)
            .map(|_| {
                scope.spawn(|| {
                    let mut voices = Vec::new();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(person) = people.get(number) else { return voices };
                        let voice =
                            Voice::log_in(&server.https_config, server.https, loopback(number), true, &person.token);
                        voices.push(voice.expect("whoever has a session is let in"));
                    }
                })
            })
            .collect();
        hands.into_iter().flat_map(|hand| hand.join().expect("coming in does not break off")).collect()
    })
}

/// Full handshakes on both cores, then honest ones among thousands of sockets that are stuck.
fn handshakes(sizes: &Sizes, report: &mut Report) {
    tell("  handshakes");
    let settings = vec![("NET__CONNECTIONS_MAX", "20000".to_owned())];
    let prepared = Prepared::new(Setup { people: 0, settings, core: None });
    let server = prepared.up();
    let (stop, made, failed, number) =
        (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0), AtomicUsize::new(0));
    let begin = Instant::now();
    thread::scope(|scope| {
        for _ in 0..HANDS {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let from = loopback(number.fetch_add(1, Ordering::Relaxed));
                    let whole = Pipe::open(&server.frames_config, server.realm, from)
                        .and_then(|mut pipe| pipe.wait_for_ticket());
                    if whole.is_ok() { &made } else { &failed }.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        pause(sizes.handshakes);
        stop.store(true, Ordering::Relaxed);
    });
    let made_a_second = made.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64();
    report.add("full TLS 1.3 handshakes", "a second", Some(Goal::AtLeast(800.0)), made_a_second);
    report.add("handshakes that failed", "", Some(Goal::AtMost(0.0)), failed.load(Ordering::Relaxed) as f64);

    tell(&format!("  {} stuck sockets", sizes.stuck));
    let before = server.resident_bytes();
    let stuck: Vec<_> = (0..sizes.stuck)
        .map(|number| {
            let first = if number % 2 == 0 { HALF_A_HELLO } else { &[] };
            mute(server.realm, loopback(10_000 + number), first).expect("connecting")
        })
        .collect();
    let mut honest = Histogram::default();
    for number in 0..sizes.honest {
        let begin = Instant::now();
        let whole = Pipe::open(&server.frames_config, server.realm, loopback(40_000 + number));
        if whole.and_then(|mut pipe| pipe.wait_for_ticket()).is_ok() {
            honest.record(begin.elapsed());
        } else {
            honest.record(Duration::from_secs(1));
        }
    }
    let name = |what: &str| format!("among {} stuck sockets: {what}", sizes.stuck);
    report.add(&name("an honest connect, p99"), "ms", Some(Goal::AtMost(100.0)), honest.quantile_ms(0.99));
    let grown = server.resident_bytes().saturating_sub(before) as f64 / 1e6;
    report.add(&name("more memory"), "MB", Some(Goal::AtMost(100.0)), grown);
    drop(stuck);
    server.end();
}

/// From the start of the process to the last line of the banner, with plugins that are compiled already.
fn starts(sizes: &Sizes, report: &mut Report) {
    tell("  starts");
    let prepared = Prepared::new(Setup::default());
    // The first one makes certificate, keys and compiled plugins.
    prepared.up().end();
    for _ in 0..sizes.starts {
        let server = prepared.up();
        let name = "start with four cached plugins, to the banner";
        report.add(name, "ms", Some(Goal::AtMost(300.0)), server.banner_after.as_secs_f64() * 1e3);
        server.end();
    }
}
