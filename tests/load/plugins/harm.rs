//! All plugins that mean harm in one realm: what those who play there notice.

use std::{
    thread,
    time::{Duration, Instant},
};

use realm_protocol::proto;

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
        server::{Prepared, Setup},
        tell,
    },
    Operator, put,
};
use crate::hostile::guests;

/// Rooms of eight who walk about, so that each tick asks every rule.
const ROOMS: usize = 3;
const SETTLE: Duration = Duration::from_secs(2);
const WINDOW: Duration = Duration::from_secs(30);
/// A line of chat is said so often, and put before each filter.
const SAY_EVERY: Duration = Duration::from_millis(200);

pub(super) fn measure(options: &Options, report: &mut Report) {
    let rooms_count = if options.quick { 1 } else { ROOMS };
    let [settle, window] =
        if options.quick { [Duration::from_millis(300), Duration::from_secs(2)] } else { [SETTLE, WINDOW] };
    let cores = options.pinned.then(Cores::find).flatten();
    let prepared = Prepared::new(Setup {
        people: rooms_count * ROOM + 1,
        settings: vec![("TELEMETRY__LOG", "info".to_owned())],
        core: cores.map(|cores| cores.server),
    });
    let server = prepared.up();
    let load_core = cores.map(|cores| cores.load);
    let seconds = on_core(load_core, || {
        let crowd = Crowd::start(load_core);
        let (players, speaker) = prepared.people.split_at(rooms_count * ROOM);
        let mut rooms = Rooms::prepare(&server, &crowd, players);
        rooms.open_to(rooms_count);
        rooms.fill();
        pause(settle);
        let before = server.resident_bytes();
        let mut operator = Operator::of(&server, &prepared.site.data());
        let begin = Instant::now();
        let guests = guests::all();
        tell(&format!("  {} plugins that mean harm in {rooms_count} rooms", guests.len()));
        for guest in &guests {
            put(&prepared.site.data(), &format!("{}.wasm", guest.name), &guest.bytes);
        }
        for guest in &guests {
            operator.until(guest.name, |plugin| plugin["calls"].as_u64().is_some_and(|calls| calls > 0));
        }
        let mut voice = Voice::log_in(&server.frames_config, server.realm, loopback(9_002), false, &speaker[0].token)
            .expect("logging in");
        voice.say(&proto::JoinChannel { channel: "Town Square".to_owned() }.into()).expect("the realm reads");
        let measured = thread::scope(|scope| {
            let measuring = scope.spawn(|| Measured::take(&server, &crowd, window, None));
            while !measuring.is_finished() {
                // Nobody listens to the answers: some lines are refused.
                voice.say(&proto::ChatSend { text: "good morning".to_owned() }.into()).expect("the realm reads");
                pause(SAY_EVERY);
            }
            measuring.join().expect("measuring ends")
        });
        let seconds = begin.elapsed().as_secs_f64();
        let grown = server.resident_bytes().saturating_sub(before) as f64 / 1e6 / guests.len() as f64;
        report.add("plugins at work", "", None, guests.len() as f64);
        report.add("lateness of ticks p99, at most", "ms", Some(Goal::AtMost(40.0)), measured.lateness_p99_ms());
        report.add("interval p99 at a client", "ms", None, measured.window.intervals.quantile_ms(0.99));
        report.add("slowest client", "Hz", None, measured.rate_min());
        report.add("clients lost", "", Some(Goal::AtMost(0.0)), measured.window.ended.len() as f64);
        report.add("growth of the process by plugin", "MB", Some(Goal::AtMost(32.0)), grown);
        seconds
    });
    let log = server.end_with_log();
    report.add("log", "KB/s", Some(Goal::AtMost(30.0)), log.len() as f64 / 1e3 / seconds);
}
