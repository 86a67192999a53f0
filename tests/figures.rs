//! `cargo xtask bench` measures what it says: its inputs take the usual way through rules, world and snapshots.

#[allow(dead_code, reason = "the benchmark uses the rest")]
#[path = "bench/inputs.rs"]
mod inputs;

use anti_cheat::rule::{Rule as AntiCheat, Settings as AntiCheatSettings};
use chat_filter::rule::{Rule as ChatFilter, Settings as ChatFilterSettings};
use realm_plugin::chat_filter::Verdict;
use realm_protocol::{
    Snapshot,
    snapshot::{self, OwnState, encode},
};
use realm_world::{Event, InputKind};

use crate::load::{
    Options, doors, games, holdings,
    player::{RING, head},
    plugins, saves,
};
use inputs::{
    FIGHT_TICKS, Fight, LINE_BYTES, Lines, content_with_monsters, native_actions, native_lines, set_tick, texts,
};

#[test]
fn no_line_of_chat_is_a_flood() {
    assert!(texts().iter().all(|text| text.len() == LINE_BYTES));
    let mut rule = ChatFilter::new(&ChatFilterSettings::default());
    let (mut lines, mut prepared) = (Lines::default(), native_lines());
    for _ in 0..5_000 {
        let said = lines.next();
        let line = &mut prepared[said.text];
        (line.account, line.now_ms) = (said.account, said.now_ms);
        assert_eq!(rule.filter(line), Verdict::Pass);
    }
}

#[test]
fn no_act_is_a_cheat() {
    for count in [8, 64] {
        let (mut rule, mut actions) = (AntiCheat::new(AntiCheatSettings::default()), native_actions(count));
        for tick in 1..500 {
            set_tick(&mut actions.numbers, actions.numbers_per_action, tick);
            assert!(rule.check_actions(&actions).is_empty());
        }
    }
}

#[test]
fn the_fight_is_one() {
    let fight = Fight::record(content_with_monsters(40));
    let blows = fight.events.iter().filter(|event| matches!(event, Event::Damage { .. })).count();
    let moved = fight.seen.windows(2).filter(|pair| pair[0].entities != pair[1].entities).count();
    let refused = |event: &&Event| matches!(event, Event::Refused { input_kind: InputKind::Move, .. });
    assert!(blows > FIGHT_TICKS / 6, "{blows} blows in {FIGHT_TICKS} ticks");
    assert!(moved > FIGHT_TICKS * 3 / 4, "something moved in {moved} of {FIGHT_TICKS} ticks");
    assert_eq!(fight.events.iter().filter(refused).count(), 0, "nobody walks while dead");
    assert!(fight.monsters_seen >= 12, "{} monsters are in sight", fight.monsters_seen);
}

#[test]
fn without_monsters_nobody_is_hurt() {
    let walk = Fight::record(content_with_monsters(0));
    assert_eq!(walk.events, []);
    assert_eq!(walk.monsters_seen, 0);
}

#[test]
fn the_deltas_of_the_fight_can_be_read() {
    let fight = Fight::record(content_with_monsters(40));
    for (baseline, current) in fight.seen.iter().zip(fight.seen.iter().skip(3)) {
        let mut bytes = Vec::new();
        snapshot::encode(Some(baseline), current, &mut bytes);
        assert_eq!(snapshot::decode(&bytes, Some(baseline)).as_ref(), Ok(current));
    }
}

/// What a client is sent for a snapshot beside its body: a frame's 13 bytes and a TLS record's 22.
const OVERHEAD_BYTES: usize = 13 + 22;
/// How many ticks older than a snapshot its baseline is: a round trip of a tenth of a second.
const BASELINE_TICKS: usize = 3;

/// Bytes that a client is sent in a second of these snapshots, on average.
fn bytes_a_second(seen: &[Snapshot]) -> usize {
    let bodies = seen.iter().zip(seen.iter().skip(BASELINE_TICKS)).map(|(baseline, current)| {
        let mut bytes = Vec::new();
        snapshot::encode(Some(baseline), current, &mut bytes);
        bytes.len() + OVERHEAD_BYTES
    });
    25 * bodies.sum::<usize>() / (seen.len() - BASELINE_TICKS)
}

#[test]
fn snapshots_stay_within_what_a_client_is_promised() {
    let players = Fight::record(content_with_monsters(0));
    let fight = Fight::record(content_with_monsters(40));
    let entities = |seen: &[Snapshot]| seen.iter().map(|one| one.entities.len()).sum::<usize>() / seen.len();
    let (alone, all) = (bytes_a_second(&players.seen), bytes_a_second(&fight.seen));
    println!("{alone} bytes a second with {} entities in sight, no monsters", entities(&players.seen));
    println!("{all} bytes a second with {} entities in sight, 40 monsters", entities(&fight.seen));
    assert!(alone <= 3_000, "{alone} bytes a second with 8 players");
    assert!(all <= 8_000, "{all} bytes a second with 8 players and 40 monsters");
}

#[test]
fn the_load_reads_tick_and_life_as_the_decoder_does() {
    let snapshot = |tick, life, input| Snapshot {
        tick,
        input,
        own: OwnState { entity: 7, life, life_max: 50, ..OwnState::default() },
        entities: Vec::new(),
    };
    let (mut lives, mut bytes) = ([9; RING], Vec::new());
    let full = snapshot(100, 33, 70_000);
    encode(None, &full, &mut bytes);
    assert_eq!(head(&bytes, &lives), Some((100, 33)));
    lives[100 % RING] = 33;
    for (life, input) in [(33, 70_000), (33, 70_003), (0, 70_003), (12, 70_900)] {
        bytes.clear();
        encode(Some(&full), &snapshot(104, life, input), &mut bytes);
        assert_eq!(head(&bytes, &lives), Some((104, life)), "{life} {input}");
    }
}

/// A smoke run: everything that `cargo xtask bench games` does, once and in small.
#[test]
fn the_bench_of_games_measures() {
    let reports = games::measure(&Options::quick());
    for report in &reports[..2] {
        println!("{}", report.text());
        for rooms in [1, 2] {
            let value = |what: &str| report.value(&format!("{rooms} rooms: {what}")).expect(what);
            assert!(value("slowest client") > 5.0, "every client is sent snapshots");
            assert!(value("CPU a room and second") > 0.0);
            assert!(value("to a client, frames") > 0.1);
            assert!(value("a tick: step") > 0.0 && value("lateness p99, at most") > 0.0, "the metrics tell of ticks");
        }
        assert!(!report.text().contains("clients lost"), "{}", report.text());
    }
    println!("{}", reports[2].text());
    assert!(reports[2].value("plugins replaced").expect("they were") >= 1.0);
    assert!(reports[2].value("slowest client").expect("they played on") > 1.0);
    assert!(reports[2].value("chat to clients").expect("they talked") > 0.0);
}

/// The same for `cargo xtask bench doors`.
#[test]
fn the_bench_of_doors_measures() {
    let report = doors::measure(&Options::quick()).remove(0);
    println!("{}", report.text());
    let value = |what: &str| report.value(what).expect(what);
    assert!(value("40 idle WebSocket clients: lost") < 1.0);
    assert!(value("handshakes that failed") < 1.0);
    assert!(value("full TLS 1.3 handshakes") >= 2.0);
    assert!(value("start with four cached plugins, to the banner") > 1.0);
}

/// The same for `cargo xtask bench items`.
#[test]
fn the_bench_of_items_measures() {
    let reports = holdings::measure(&Options::quick());
    let [report, trades, market, ledgers] = &reports[..] else { panic!("four tables") };
    println!("{}{}{}{}", report.text(), trades.text(), market.text(), ledgers.text());
    for name in ["SQLite, before ANALYZE: any search, p99", "SQLite: any search, p99", "PostgreSQL: any search, p99"] {
        assert!(market.value(name).is_some_and(|value| value > 0.0), "{name}:\n{}", market.text());
    }
    assert!(report.figures.iter().all(|figure| figure.runs.iter().all(|value| *value > 0.0)), "{}", report.text());
    assert!(report.value("moves, group commit").is_some() && report.figures.len() >= 5);
    for name in ["SQLite", "PostgreSQL"] {
        let answer = format!("{name}: from the last confirmation to the answer, p99");
        assert!(trades.value(&answer).is_some_and(|value| value > 0.0), "{answer}:\n{}", trades.text());
        for figure in ["`realm item scan`, items", "`realm item trace`, the slowest"] {
            let figure = format!("{name}: {figure}");
            assert!(ledgers.value(&figure).is_some_and(|value| value > 0.0), "{figure}:\n{}", ledgers.text());
        }
    }
}

/// The same for `cargo xtask bench storage`.
#[test]
fn the_bench_of_storage_measures() {
    let reports = saves::measure(&Options::quick());
    for report in &reports {
        println!("{}", report.text());
        assert!(report.figures.iter().all(|figure| figure.runs.iter().all(|value| *value > 0.0)), "{}", report.text());
    }
    let [saves, logins, ladders] = &reports[..] else { panic!("three tables") };
    for (report, name) in [
        (saves, "group commit to single"),
        (saves, "answer p99 at 1,000 saves a second"),
        (logins, "log-ins to Argon2 alone"),
        (ladders, "SQLite: top 50, median"),
        (ladders, "PostgreSQL: top 50, median"),
    ] {
        assert!(report.value(name).is_some(), "{name}:\n{}", report.text());
    }
}

/// The same for `cargo xtask bench plugins`, but for its calls, which the other bench measures as well.
#[test]
fn the_bench_of_plugins_measures() {
    let reports = plugins::measure(&Options::quick());
    for report in &reports {
        println!("{}", report.text());
    }
    let [alone, swaps, harm] = &reports[..] else { panic!("three tables") };
    assert!(alone.value("an endless loop, beyond its deadline").expect("it was stopped") > 0.0);
    assert!(swaps.value("lines said meanwhile").expect("somebody talked") >= 1.0);
    assert!(swaps.value("from a new Rust plugin's close to deciding").expect("it came to work") > 1.0);
    for (report, what) in [(swaps, "lines lost or answered twice"), (swaps, "clients lost"), (harm, "clients lost")] {
        assert!(report.value(what).expect(what) < 1.0, "{what}");
    }
    assert!(harm.value("plugins at work").expect("they were") >= 8.0 && harm.value("log").expect("it has one") > 0.0);
}
