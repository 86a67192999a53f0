//! `bench games`: rooms of eight on a server with one core, more and more of them.

use std::{path::Path, time::Duration};

use super::{
    Options,
    awake::Awake,
    crowd::{Crowd, Window},
    floor,
    machine::{Cores, Usage, core_time, on_core, pause},
    metrics::Metrics,
    report::{Goal, Report},
    rooms::{ROOM, Rooms},
    server::{Prepared, Server, Setup},
    storm, tell,
};
use crate::harness::pilot;

/// Sides of the place where everybody is: a little more than a player sees in each direction.
const HALL_TILES: &str = "44";
/// A generator that takes more of its core than this measures itself.
const SATURATED: f64 = 0.9;
/// Ticks until every ring of snapshots is full, and what joining cost is over.
const SETTLE: Duration = Duration::from_secs(2);
const WINDOW: Duration = Duration::from_secs(7);

/// What the rooms hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    PlayersOnly,
    Monsters,
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Self::PlayersOnly => "players only",
            Self::Monsters => "with 40 monsters",
        }
    }

    fn rooms(self, options: &Options) -> Vec<usize> {
        match (self, options.rooms) {
            (Self::PlayersOnly, Some(rooms)) => vec![rooms],
            (Self::Monsters, Some(_)) => Vec::new(),
            _ if options.quick => vec![1, 2],
            (Self::PlayersOnly, None) => vec![10, 50, 100, 175, 250],
            (Self::Monsters, None) => vec![10, 50, 100, 150],
        }
    }

    fn cpu_ms(self) -> f64 {
        match self {
            Self::PlayersOnly => 2.2,
            Self::Monsters => 3.5,
        }
    }

    /// The world's step, and eight snapshots.
    fn tick_us(self) -> (f64, f64) {
        match self {
            Self::PlayersOnly => (5.0, 12.0),
            Self::Monsters => (20.0, 30.0),
        }
    }

    fn kilobytes(self) -> f64 {
        match self {
            Self::PlayersOnly => 3.0,
            Self::Monsters => 8.0,
        }
    }

    /// Writes the content pack: one hall, small enough that most of what lives in it is in everybody's sight, and players begin there.
    fn content(self, folder: &Path) {
        let count = if self == Self::PlayersOnly { "0" } else { "40" };
        let keys =
            [("count", count), ("width", HALL_TILES), ("height", HALL_TILES), ("begin", "\"dungeon\""), ("rooms", "0")];
        pilot::content(folder, &keys.map(|(key, value)| ("world.toml", key, value)));
    }
}

/// Measures everything, run after run.
pub fn measure(options: &Options) -> Vec<Report> {
    let cores = options.pinned.then(Cores::find).flatten();
    let mut reports =
        vec![Report::new("Rooms of eight, players only"), Report::new("Rooms of eight, with 40 monsters each")];
    let mut storms = Report::new("Half load, a log-in storm, a flood of chat and plugins that are replaced");
    for run in 1..=options.runs {
        tell(&format!("run {run} of {}", options.runs));
        for (place, report) in [Place::PlayersOnly, Place::Monsters].into_iter().zip(&mut reports) {
            one_place(options, cores, place, report, &mut storms);
        }
    }
    for (place, report) in [Place::PlayersOnly, Place::Monsters].into_iter().zip(&mut reports) {
        flatness(place, report);
    }
    reports.push(storms);
    reports
}

fn one_place(options: &Options, cores: Option<Cores>, place: Place, report: &mut Report, storms: &mut Report) {
    let steps = &place.rooms(options);
    let Some(rooms_max) = steps.last().copied() else { return };
    let settle = if options.quick { Duration::from_millis(300) } else { SETTLE };
    let window = if options.quick { Duration::from_secs(1) } else { WINDOW };
    if place == Place::PlayersOnly {
        let _awake = Awake::keep(cores);
        for count in steps {
            let sockets = floor::cpu_ms(cores, *count, settle, window);
            report.add(&format!("{count} rooms: the sockets alone"), "ms", None, sockets);
        }
    }
    let content = tempfile::tempdir().expect("a temporary folder");
    place.content(content.path());
    let prepared = Prepared::new(Setup {
        people: rooms_max * ROOM + storm::CHATTERS,
        settings: vec![
            ("GAMES__CONTENT", content.path().display().to_string()),
            ("GAMES__GAMES_MAX", "1000".to_owned()),
            ("NET__CONNECTIONS_MAX", "20000".to_owned()),
        ],
        core: cores.map(|cores| cores.server),
    });
    let server = prepared.up();
    let load_core = cores.map(|cores| cores.load);
    on_core(load_core, || {
        let crowd = Crowd::start(load_core);
        let (players, chatters) = prepared.people.split_at(rooms_max * ROOM);
        let mut rooms = Rooms::prepare(&server, &crowd, players);
        for count in steps {
            tell(&format!("  {count} rooms, {}", place.name()));
            let (before, opened) = (server.resident_bytes(), count - rooms.open());
            rooms.open_to(*count);
            pause(settle);
            let hosts = server.resident_bytes();
            rooms.fill();
            pause(settle);
            let full = server.resident_bytes();
            if *count == rooms_max {
                let player = full.saturating_sub(hosts) as f64 / (opened * (ROOM - 1)) as f64;
                let game = hosts.saturating_sub(before) as f64 / opened as f64 - player;
                report.add("memory of a connected player", "KB", Some(Goal::AtMost(40.0)), player / 1e3);
                report.add(
                    "memory of a game without its players",
                    "KB",
                    Some(Goal::AtMost(150.0)),
                    game.max(0.0) / 1e3,
                );
            }
            // Only while something is measured: where the system below counts what all cores and its own disk threads use together, cores that never
            // sleep keep the disk from its turn, and the rooms would never be set up.
            let awake = Awake::keep(cores);
            let settled = if awake.is_some() { settle } else { Duration::ZERO };
            pause(settled);
            let measured = Measured::take(&server, &crowd, window, awake.as_ref());
            measured.tell(place, *count, report);
            if awake.is_some() {
                drop(awake);
                pause(settle);
                let (cpu, _) = Measured::take(&server, &crowd, window, None).cpu_ms(*count);
                report.add(&format!("{count} rooms: CPU, the cores free to sleep"), "ms", None, cpu);
            }
            // The storm comes at half of what is measured here.
            let half = steps.iter().copied().find(|step| step * 2 >= rooms_max);
            if half == Some(*count) && place == Place::PlayersOnly && options.rooms.is_none() {
                storm::measure(options, &prepared, &server, &crowd, chatters, *count, storms);
                // What the storm has stirred up settles.
                pause(settle);
                let _ = crowd.look();
            }
        }
    });
    server.end();
}

/// What one window of time showed.
pub struct Measured {
    pub window: Window,
    usage: (Usage, Usage),
    metrics: (Metrics, Metrics),
    /// What everybody spent on the server's core; zero when it has none of its own.
    core: Duration,
}

impl Measured {
    pub fn take(server: &Server, crowd: &Crowd, length: Duration, awake: Option<&Awake>) -> Self {
        crowd.look();
        let before = (server.usage(), server.metrics());
        let counted = || awake.map_or(Duration::ZERO, Awake::on_server);
        let spent = || server.core().map_or(Duration::ZERO, core_time).saturating_sub(counted());
        let core_before = spent();
        pause(length);
        let core = spent().saturating_sub(core_before);
        let after = (server.usage(), server.metrics());
        Self { window: crowd.look(), usage: (before.0, after.0), metrics: (before.1, after.1), core }
    }

    /// Milliseconds of CPU a room and second: of the whole server, and of its tick threads.
    fn cpu_ms(&self, rooms: usize) -> (f64, f64) {
        let each = |time: Duration| time.as_secs_f64() * 1e3 / rooms as f64 / self.window.length.as_secs_f64();
        let kinds = self.usage.1.since(&self.usage.0);
        let tick = kinds.iter().find(|(kind, _)| kind == "tick").map_or(Duration::ZERO, |(_, time)| *time);
        (each(self.usage.1.total_since(&self.usage.0)), each(tick))
    }

    /// Lateness of ticks: the limit under which 99 of 100 lie.
    pub fn lateness_p99_ms(&self) -> f64 {
        self.metrics.1.quantile_ms(&self.metrics.0, "realm_tick_lateness_seconds", 0.99)
    }

    pub fn rate_min(&self) -> f64 {
        self.window.rates.first().copied().unwrap_or_default()
    }

    /// How much of the server's core others took.
    fn others(&self) -> f64 {
        let others = self.core.saturating_sub(self.usage.1.total_since(&self.usage.0));
        others.as_secs_f64() / self.window.length.as_secs_f64()
    }

    fn tell(&self, place: Place, rooms: usize, report: &mut Report) {
        let saturated = self.window.load() > SATURATED;
        let (cpu, tick) = self.cpu_ms(rooms);
        let goal = |goal| (!saturated).then_some(goal);
        let rate_median = self.window.rates.get(self.window.rates.len() / 2).copied().unwrap_or_default();
        let phase = |name: &str| {
            self.metrics.1.mean_us(&self.metrics.0, "realm_tick_phase_seconds", &format!("phase=\"{name}\""))
        };
        let (step_us, snapshots_us) = place.tick_us();
        let rows: [(&str, &'static str, Option<Goal>, f64); 18] = [
            ("CPU a room and second", "ms", goal(Goal::AtMost(place.cpu_ms())), cpu),
            ("of it tick threads", "ms", None, tick),
            ("slowest client", "Hz", goal(Goal::AtLeast(24.95)), self.rate_min()),
            ("median client", "Hz", None, rate_median),
            ("interval p50", "ms", None, self.window.intervals.quantile_ms(0.5)),
            ("interval p99", "ms", goal(Goal::AtMost(45.0)), self.window.intervals.quantile_ms(0.99)),
            ("to a client, frames", "KB/s", goal(Goal::AtMost(place.kilobytes())), self.window.frame_bytes / 1e3),
            ("to a client, with TLS", "KB/s", None, self.window.wire_bytes / 1e3),
            ("lateness p99, at most", "ms", None, self.lateness_p99_ms()),
            ("a tick: taking inputs", "µs", None, phase("take")),
            ("a tick: the host's checks", "µs", None, phase("checks")),
            ("a tick: anti-cheat", "µs", goal(Goal::AtMost(2.5)), phase("anti-cheat")),
            ("a tick: step", "µs", goal(Goal::AtMost(step_us)), phase("step")),
            ("a tick: eight snapshots", "µs", goal(Goal::AtMost(snapshots_us)), phase("snapshots")),
            ("a tick: events", "µs", None, phase("events")),
            ("a tick: writing", "µs", None, phase("write")),
            ("the generator's core", "%", None, self.window.load() * 100.0),
            ("others on the server's core", "%", None, self.others() * 100.0),
        ];
        for (what, unit, goal, value) in rows {
            let name = format!("{rooms} rooms: {what}");
            report.add(&name, unit, goal, value);
            if saturated {
                report.note(&name, "generator saturated");
            }
            if !self.window.ended.is_empty() {
                report.note(&name, &format!("{} clients lost: {}", self.window.ended.len(), self.window.ended[0]));
            }
        }
    }
}

/// How much more a room costs at the dearest of the larger counts than at the cheapest.
fn flatness(place: Place, report: &mut Report) {
    let whole = Options { quick: false, rooms: None, ..Options::quick() };
    let counts: Vec<usize> = place.rooms(&whole).into_iter().filter(|count| *count >= 50).collect();
    let costs = counts.iter().filter_map(|count| report.value(&format!("{count} rooms: CPU a room and second")));
    let (low, high) = costs.fold((f64::INFINITY, 0.0_f64), |(low, high), cost| (low.min(cost), high.max(cost)));
    if low.is_finite() && low > 0.0 {
        let most = counts.last().copied().unwrap_or_default();
        let name = format!("dearest over cheapest, 50 to {most} rooms");
        report.add(&name, "", Some(Goal::AtMost(1.2)), high / low);
    }
}
