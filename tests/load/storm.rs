//! Everything at once beside running games: log-ins as fast as they are answered, chat from all sides, plugins that are replaced.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use realm_protocol::proto;
use serde_json::json;

use super::{
    Options,
    chorus::{Chorus, Voice},
    crowd::Crowd,
    games::Measured,
    machine::pause,
    pipe::loopback,
    report::{Goal, Report},
    seed::{Person, word},
    server::{Prepared, Server},
    tell,
};

/// People who talk.
pub const CHATTERS: usize = 48;
/// Each says a line so often: as much as the filter lets pass.
const CHAT_EVERY: Duration = Duration::from_millis(1_500);
/// Accounts that log in again and again.
const GUESTS: usize = 8;
/// Connections by which they do.
const HANDS: usize = 4;
const PASSWORD: &str = "six lanterns in the storm";
const LENGTH: Duration = Duration::from_secs(12);
/// A plugin is replaced so often.
const SWAP_EVERY: Duration = Duration::from_secs(2);

/// Measures the lateness of ticks in the storm.
pub fn measure(
    options: &Options,
    prepared: &Prepared,
    server: &Server,
    crowd: &Crowd,
    chatters: &[Person],
    rooms: usize,
    report: &mut Report,
) {
    tell(&format!("  a storm over {rooms} rooms"));
    let chatters = if options.quick { &chatters[..4] } else { chatters };
    let chorus = chorus(server, chatters);
    let guests: Vec<String> =
        (0..if options.quick { 1 } else { GUESTS }).map(|n| format!("Guest-{}", word(n))).collect();
    for (number, name) in guests.iter().enumerate() {
        // One address may not make many accounts.
        server.rest(1_000 + 300 * number).success(
            "POST",
            "/auth/register",
            "",
            Some(&json!({"name": name, "password": PASSWORD})),
        );
    }
    let (stop, logins, swaps) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let measured = thread::scope(|scope| {
        for hand in 0..HANDS {
            let (stop, logins, guests) = (&stop, &logins, &guests);
            scope.spawn(move || {
                let mut rest = server.rest(101 + hand);
                while !stop.load(Ordering::Relaxed) {
                    let body = json!({"name": guests[hand % guests.len()], "password": PASSWORD});
                    // Whoever is told to come back later does so at once: it is a storm.
                    if let Ok((200, _)) = rest.ask("POST", "/auth/login", "", Some(&body)) {
                        logins.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let (stop, swaps) = (&stop, &swaps);
        let plugins = prepared.site.data().join("plugins");
        scope.spawn(move || {
            let every = if options.quick { Duration::from_millis(200) } else { SWAP_EVERY };
            for name in ["anti-cheat.wasm", "chat-filter.wasm"].into_iter().cycle() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                replace(&plugins.join(name), swaps.fetch_add(1, Ordering::Relaxed));
                pause(every);
            }
        });
        let measured = Measured::take(server, crowd, if options.quick { Duration::from_secs(1) } else { LENGTH }, None);
        stop.store(true, Ordering::Relaxed);
        measured
    });
    let seconds = measured.window.length.as_secs_f64();
    report.title =
        format!("{rooms} rooms of eight players, a log-in storm, a flood of chat and plugins that are replaced");
    report.add("lateness p99, at most", "ms", Some(Goal::AtMost(2.0)), measured.lateness_p99_ms());
    report.add("slowest client", "Hz", Some(Goal::AtLeast(24.95)), measured.rate_min());
    report.add("interval p99", "ms", Some(Goal::AtMost(45.0)), measured.window.intervals.quantile_ms(0.99));
    report.add("log-ins", "a second", None, logins.load(Ordering::Relaxed) as f64 / seconds);
    report.add("chat to clients", "KB/s", None, chorus.heard_bytes() as f64 / 1e3 / seconds);
    report.add("chatters thrown out", "", Some(Goal::AtMost(0.0)), chorus.closed() as f64);
    report.add("plugins replaced", "", None, swaps.load(Ordering::Relaxed) as f64);
    report.add("the generator's core, players alone", "%", None, measured.window.load() * 100.0);
}

fn chorus(server: &Server, people: &[Person]) -> Chorus {
    let voices = people.iter().enumerate().map(|(number, person)| {
        let from = loopback(5_000 + number);
        let mut voice =
            Voice::log_in(&server.frames_config, server.realm, from, false, &person.token).expect("logging in");
        voice.say(&proto::JoinChannel { channel: "Storm".to_owned() }.into()).expect("the realm reads");
        voice
    });
    // Nobody says the same twice: the filter would take that for a flood.
    let line = |index, turn: u64| {
        let text =
            format!("Anybody for the crypt? Ask {} at {}.", word(index), word(usize::try_from(turn).unwrap_or(0)));
        proto::ChatSend { text }.into()
    };
    Chorus::start(voices.collect(), CHAT_EVERY, Arc::new(line), None)
}

/// The same rule in a file of another content: a custom section at its end, which changes nothing but the hash.
fn replace(file: &Path, number: u64) {
    let mut bytes = fs::read(file).expect("an installed plugin");
    bytes.extend_from_slice(&[0, 14, 5, b's', b't', b'o', b'r', b'm']);
    bytes.extend_from_slice(&number.to_le_bytes());
    let unfinished = file.with_extension("new");
    fs::write(&unfinished, &bytes).expect("room for a plugin");
    fs::rename(&unfinished, file).expect("a file is renamed");
}
