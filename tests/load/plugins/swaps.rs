//! Good and bad files, one after the other, while games tick and somebody talks.

use std::{
    fs,
    time::{Duration, Instant, SystemTime},
};

use realm_protocol::{ServerMessage, proto};
use serde_json::Value;

use super::{
    super::{
        Options,
        chorus::Voice,
        crowd::Crowd,
        games::Measured,
        machine::{Cores, on_core, pause},
        pipe::loopback,
        report::{Goal, Report},
        rooms::{ROOM, Rooms},
        server::{Prepared, Server, Setup},
        tell,
    },
    DEADLINE, Operator, put, quantile,
};
use crate::{
    harness::built_plugins,
    rules::components::{Fixture, empty_list, endless, pass, replacing, trap, with_section},
};

/// Games that tick meanwhile, with one player each.
const GAMES: usize = 100;
const SWAPS: u32 = 1_000;
/// Swaps after which the realm has all it needs.
const SETTLED_SWAPS: u32 = 100;
/// New plugins whose way into the realm is timed.
const NEWCOMERS: u32 = 20;
/// Ticks until what joining cost is over.
const SETTLE: Duration = Duration::from_secs(2);
const WINDOW: Duration = Duration::from_secs(20);
/// A line of chat is said so often.
const SAY_EVERY: Duration = Duration::from_millis(50);

/// What is put into the folder: the file, its bytes, and what a filter that comes to work says.
pub fn file(number: u32) -> (&'static str, Vec<u8>, Option<String>) {
    let version = format!("9.{number}.0");
    let whole = replacing("chat-filter", &version, &format!("rule {number}"));
    match number % 5 {
        // A rule of the ticks, which all threads take over with what they have to hand over.
        1 => {
            let rule = Fixture::new("anti-cheat", &version).init(&pass()).check_actions(&empty_list());
            ("anti-cheat.wasm", rule.build(), None)
        }
        2 => ("chat-filter.wasm", whole[..whole.len() / 2].to_vec(), None),
        3 => ("chat-filter.wasm", Fixture::new("chat-filter", &version).init(&trap()).filter(&endless()).build(), None),
        _ => ("chat-filter.wasm", whole, Some(format!("rule {number}"))),
    }
}

/// Has the realm made up its mind about a file?
pub fn decided_about(number: u32, plugin: &Value) -> bool {
    let problem = plugin["problem"].as_str();
    match number % 5 {
        2 => problem.is_some_and(|problem| problem.starts_with("read: ")),
        3 => problem.is_some_and(|problem| problem.starts_with("start: ")),
        _ => plugin["version"] == format!("9.{number}.0").as_str() && problem.is_none(),
    }
}

pub(super) fn measure(options: &Options, report: &mut Report) {
    let (games, swaps, newcomers) = if options.quick { (2, 5, 1) } else { (GAMES, SWAPS, NEWCOMERS) };
    let [settle, window] = if options.quick { [Duration::from_millis(300); 2] } else { [SETTLE, WINDOW] };
    let cores = options.pinned.then(Cores::find).flatten();
    let prepared = Prepared::new(Setup {
        people: games * ROOM + 1,
        settings: vec![
            ("GAMES__GAMES_MAX", "1000".to_owned()),
            ("SESSION__CHAT_BURST", "10000".to_owned()),
            ("SESSION__CHAT_PER_MINUTE", "60000".to_owned()),
        ],
        core: cores.map(|cores| cores.server),
    });
    let server = prepared.up();
    let load_core = cores.map(|cores| cores.load);
    on_core(load_core, || {
        let crowd = Crowd::start(load_core);
        let (players, speaker) = prepared.people.split_at(games * ROOM);
        let mut rooms = Rooms::prepare(&server, &crowd, players);
        rooms.open_to(games);
        pause(settle);
        let mut operator = Operator::of(&server, &prepared.site.data());
        arrivals(&prepared, &mut operator, newcomers, report);
        tell(&format!("  {games} games, nothing is replaced"));
        let quiet = Measured::take(&server, &crowd, window, None);
        tell(&format!("  {games} games, {swaps} files"));
        let mut talk = Talk::begin(&server, &speaker[0].token);
        let skipped = "realm_ticks_skipped_total";
        let before = server.metrics();
        crowd.look();
        let mut settled = server.resident_bytes();
        for number in 0..swaps {
            let (name, bytes, says) = file(number);
            put(&prepared.site.data(), name, &bytes);
            talk.until(says, || decided_about(number, &operator.plugin(name.trim_end_matches(".wasm"))));
            if number + 1 == SETTLED_SWAPS.min(swaps) {
                settled = server.resident_bytes();
            }
        }
        let (after, seen) = (server.metrics(), crowd.look());
        let late = |part| after.quantile_ms(&before, "realm_tick_lateness_seconds", part);
        let grown = server.resident_bytes().saturating_sub(settled) as f64 / settled as f64 * 100.0;
        report.add("files put into the folder", "", None, f64::from(swaps));
        report.add("lines said meanwhile", "", None, f64::from(talk.lines));
        report.add("lines lost or answered twice", "", Some(Goal::AtMost(0.0)), f64::from(talk.faults));
        report.add("ticks left out", "", Some(Goal::AtMost(0.0)), after.growth(&before, skipped));
        report.add("clients lost", "", Some(Goal::AtMost(0.0)), seen.ended.len() as f64);
        report.add("lateness p99, nothing replaced, at most", "ms", None, quiet.lateness_p99_ms());
        report.add("lateness p99, at most", "ms", None, late(0.99));
        let added = (late(0.99) - quiet.lateness_p99_ms()).max(0.0);
        report.add("added lateness p99", "ms", Some(Goal::AtMost(5.0)), added);
        report.add("interval p99, nothing replaced", "ms", None, quiet.window.intervals.quantile_ms(0.99));
        report.add("interval p99", "ms", None, seen.intervals.quantile_ms(0.99));
        report.add("growth after the first hundred", "%", Some(Goal::AtMost(5.0)), grown);
    });
    server.end();
}

/// From the moment at which a file that nobody has seen is whole until it decides.
fn arrivals(prepared: &Prepared, operator: &mut Operator, newcomers: u32, report: &mut Report) {
    let small = fs::read(built_plugins().join("hello.wasm")).expect("a built plugin");
    let mut took: Vec<Duration> = Vec::new();
    for number in 0..newcomers {
        // A section of its own makes it another plugin to whoever keeps compiled code.
        let chance = format!("{number} {:?}", SystemTime::now());
        let bytes = with_section(small.clone(), "newcomer", chance.as_bytes());
        let hash = realm_plugin_host::sha256_hex(&bytes);
        put(&prepared.site.data(), "hello.wasm", &bytes);
        took.push(operator.until("hello", |plugin| plugin["sha256"] == hash.as_str() && plugin["state"] == "at-work"));
    }
    let worst = took.iter().copied().max().unwrap_or_default();
    let median = quantile(&mut took, 0.5);
    report.add(
        "from a new Rust plugin's close to deciding",
        "ms",
        Some(Goal::AtMost(500.0)),
        median.as_secs_f64() * 1e3,
    );
    report.add("the same, worst", "ms", None, worst.as_secs_f64() * 1e3);
    fs::remove_file(prepared.site.data().join("plugins/hello.wasm")).expect("it was put there");
    operator.until("hello", |plugin| plugin["code"] == "PLUGIN_UNKNOWN");
}

/// Somebody who says one line after the other, each of which must be answered once.
struct Talk {
    voice: Voice,
    at_work: Option<String>,
    last: Option<u64>,
    lines: u32,
    faults: u32,
}

impl Talk {
    fn begin(server: &Server, token: &str) -> Self {
        let voice = Voice::log_in(&server.frames_config, server.realm, loopback(9_001), false, token);
        let mut voice = voice.expect("logging in");
        voice.say(&proto::JoinChannel { channel: "Town Square".to_owned() }.into()).expect("the realm reads");
        Self { voice, at_work: None, last: None, lines: 0, faults: 0 }
    }

    /// Talks until the realm has decided; then a filter that has come to work `says` the lines.
    fn until(&mut self, says: Option<String>, mut decided: impl FnMut() -> bool) {
        let begin = Instant::now();
        while !decided() {
            assert!(begin.elapsed() < DEADLINE, "the realm does not decide about a file");
            // The rule of the real filter against floods holds until the first file is at work.
            if self.at_work.is_some() {
                self.line(says.as_deref());
            }
            pause(SAY_EVERY);
        }
        self.at_work = says.or(self.at_work.take());
    }

    fn line(&mut self, says: Option<&str>) {
        let said = format!("line number {}", self.lines);
        self.lines += 1;
        self.voice.say(&proto::ChatSend { text: said }.into()).expect("the realm reads");
        let heard = loop {
            let (identifier, payload) = self.voice.next_frame().expect("the realm answers");
            match ServerMessage::decode(identifier, &payload) {
                Ok(ServerMessage::ChatMessage(message)) => break message,
                Ok(_) => {}
                Err(error) => panic!("{error}"),
            }
        };
        let next = self.last.replace(heard.line).is_none_or(|before| before + 1 == heard.line);
        let known = self.at_work.as_deref() == Some(&heard.text) || says == Some(&heard.text);
        self.faults += u32::from(!next || !known);
    }
}
