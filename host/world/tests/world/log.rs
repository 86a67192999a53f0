//! A game repeats byte for byte from its log, whatever happened in it; damaged bytes are refused and never break the reader.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, wherever it stands")]
#![allow(clippy::print_stdout, reason = "figures of a test are for whoever reads its output")]
use std::sync::{Arc, LazyLock};

use realm_world::{
    Class, Content, Difficulty, Event, Input, PLAYERS_MAX, PlayerSlot, Sheet, World, Zone,
    items::{ItemHandle, Look, Property, Quality},
    log::{CHECK_TICKS, Ending, Entry, Header, LogError, LogReader, LogWriter, Moment, Newcomer, Replay, Verdict},
};

static CONTENT: LazyLock<Arc<Content>> =
    LazyLock::new(|| crate::stage::content_with(&[crate::stage::BELOW, ("world.toml", "rooms", "0")]));

/// Ten times as much with the switch for long campaigns.
fn scaled(games: u64) -> u64 {
    if std::env::var_os("REALM_TEST_LONG").is_some() { games * 50 } else { games }
}

/// Throws of the tests' own, from a seed.
struct Throws(u64);

impl Throws {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) % sides
    }

    fn small(&mut self, sides: u64) -> i32 {
        i32::try_from(self.below(sides)).unwrap() - i32::try_from(sides / 2).unwrap()
    }
}

fn header(seed: u64) -> Header {
    let difficulty = [Difficulty::Normal, Difficulty::Nightmare, Difficulty::Hell][usize::try_from(seed % 3).unwrap()];
    Header { game: seed, started_ms: 1, version: "test".into(), content: CONTENT.hash(), difficulty, seed }
}

/// Players who come, walk, stand, strike and leave as they please; now and then something no client can send.
struct Crowd {
    throws: Throws,
    ways: [Option<(i32, i32)>; PLAYERS_MAX],
}

impl Crowd {
    fn new(seed: u64) -> Self {
        Self { throws: Throws(seed ^ 0x9e37_79b9_7f4a_7c15), ways: [None; PLAYERS_MAX] }
    }

    fn inputs(&mut self, tick: u32) -> Vec<Input> {
        let mut inputs = Vec::new();
        let throws = &mut self.throws;
        for (slot, way) in (0u8..).map(PlayerSlot).zip(&mut self.ways) {
            if tick == 0 || throws.below(400) == 0 {
                let class = Class::ALL[usize::try_from(throws.below(7)).unwrap()];
                inputs.push(Input::Join { slot, sheet: Sheet::newborn(class, throws.below(4) == 0) });
            }
            match throws.below(40) {
                0 => *way = None,
                1..4 => *way = Some((throws.small(20), throws.small(20))),
                _ => {}
            }
            let before = throws.below(2) == 0;
            let act = match throws.below(60) {
                0..6 => Some(Input::Attack { slot, target: u16::try_from(throws.below(70)).unwrap() }),
                6 => Some(Input::Interact { slot, target: u16::try_from(throws.below(5)).unwrap() }),
                7 => Some(Input::Respawn { slot }),
                9..13 => {
                    let target = u16::try_from(throws.below(70)).unwrap();
                    let skill = u8::try_from(throws.below(4)).unwrap();
                    Some(Input::Skill { slot, skill, target, x: throws.small(4_000), y: throws.small(4_000) })
                }
                13 => Some(Input::PickUp {
                    slot,
                    target: u16::try_from(throws.below(200)).unwrap(),
                    drink: throws.below(2) == 0,
                }),
                14 => Some(Input::Drink { slot, place: u8::try_from(throws.below(9)).unwrap() }),
                8 if throws.below(20) == 0 => Some(Input::Leave { slot }),
                _ => None,
            };
            let step = way.filter(|_| throws.below(30) > 0).map(|(dx, dy)| Input::Move { slot, dx, dy });
            let (first, second) = if before { (act, step) } else { (step, act) };
            inputs.extend(first.into_iter().chain(second));
        }
        if throws.below(8) == 0 {
            inputs.extend(about_items(throws));
        }
        if throws.below(50) == 0 {
            // Neither in order nor a slot that there is.
            inputs.push(Input::Move { slot: PlayerSlot(0), dx: i32::MIN, dy: i32::MAX });
            inputs.push(Input::Respawn { slot: PlayerSlot(200) });
        }
        inputs
    }
}

/// What whoever stores items tells a game, in any order, sensible or not.
fn about_items(throws: &mut Throws) -> Vec<Input> {
    let slot = PlayerSlot(u8::try_from(throws.below(8)).unwrap());
    let handle = ItemHandle(throws.below(10));
    match throws.below(8) {
        0 => {
            let property = Property::ALL[usize::try_from(throws.below(Property::COUNT as u64)).unwrap()];
            let weapon = (throws.below(2) == 0).then_some((12, 40));
            let skills = [1, 2, 3].map(|level| u32::try_from(throws.below(level * 4)).unwrap());
            vec![Input::Bonus { slot, property, value: throws.small(60) }, Input::Wear { slot, weapon, skills }]
        }
        1 => vec![Input::Confirm { handle }],
        2 => vec![Input::GiveBack { handle }],
        3 => vec![Input::Drop { slot, item: handle.0 }],
        _ => {
            let look = match throws.below(2) {
                0 => Look::gold(throws.below(1_000)),
                _ => Look::Item { base: u16::try_from(throws.below(120)).unwrap(), quality: Quality::Rare },
            };
            let layer = u16::try_from(throws.below(3) * 45).unwrap();
            let [x, y] = [(); 2].map(|()| i32::try_from(throws.below(2_048)).unwrap());
            vec![Input::Lay { handle, look, layer, zone: Zone::Dungeon, x, y }]
        }
    }
}

/// A game that is played and logged; with the world at its end and everything that happened.
fn played(seed: u64, ticks: u32) -> (Vec<u8>, World, Vec<Vec<Event>>) {
    played_under(&header(seed), seed, ticks)
}

/// The same, with a header of the caller's.
fn played_under(header: &Header, seed: u64, ticks: u32) -> (Vec<u8>, World, Vec<Vec<Event>>) {
    let mut world = World::new(Arc::clone(&CONTENT), header.difficulty, seed);
    let mut writer = LogWriter::new(header, 0);
    let (mut crowd, mut happened) = (Crowd::new(seed), Vec::new());
    for tick in 0..ticks {
        let inputs = crowd.inputs(tick);
        let mut events = Vec::new();
        world.step(&inputs, &mut events);
        writer.tick(&inputs);
        if world.tick().is_multiple_of(CHECK_TICKS) {
            writer.check(world.state_hash());
        }
        happened.push(events);
    }
    writer.end(&Ending { hash: world.state_hash(), reason: "over".into() });
    (std::mem::take(writer.bytes()), world, happened)
}

#[test]
fn thousands_of_games_repeat_byte_for_byte_from_their_logs() {
    for seed in 0..scaled(2_000) {
        let ticks = 30 + u32::try_from(seed % 90).unwrap();
        let (log, world, happened) = played(seed, ticks);
        let mut replay = Replay::new(&log, Arc::clone(&CONTENT)).unwrap();
        let (mut tick, mut checks, mut ended) = (0, 0, false);
        while let Some(moment) = replay.advance().unwrap() {
            match moment {
                Moment::Tick => {
                    assert_eq!(replay.events(), happened[tick], "game {seed}, tick {tick}");
                    tick += 1;
                }
                Moment::Checked { same } => {
                    assert!(same, "game {seed}, tick {tick}");
                    checks += 1;
                }
                Moment::End { same, .. } => ended = same,
                other => panic!("nobody wrote {other:?}"),
            }
        }
        assert!(ended && tick == happened.len() && checks == ticks / CHECK_TICKS, "game {seed}");
        assert_eq!(replay.world().state_hash(), world.state_hash());
    }
}

#[test]
fn every_record_is_read_as_it_was_written() {
    let mut writer = LogWriter::new(&header(3), 0);
    let slot = PlayerSlot(1);
    let newcomer = Newcomer { slot, character: u64::MAX };
    let input = Input::Attack { slot, target: 9 };
    let verdict = Verdict { input, refused: true, place: 2, violation: "acts too soon".into() };
    writer.newcomer(newcomer);
    writer.rule(Some("anti-cheat 1.0.0"));
    (0..60).for_each(|_| writer.tick(&[]));
    writer.verdict(&verdict);
    writer.rule(None);
    writer.verdict(&Verdict { violation: "ü".repeat(2_000), ..verdict.clone() });
    writer.tick(&[input]);
    writer.check(0x1234_5678_9abc_def0);
    writer.end(&Ending { hash: 7, reason: "over".into() });
    let log = std::mem::take(writer.bytes());
    let (read_header, mut reader) = LogReader::new(&log).unwrap();
    assert_eq!(read_header, header(3));
    let mut inputs = Vec::new();
    let mut entries = Vec::new();
    while let Some(entry) = reader.next(&mut inputs).unwrap() {
        entries.push(entry);
    }
    let ticks = std::iter::repeat_n(Entry::Tick, 60);
    let shortened = Verdict { violation: "ü".repeat(256), ..verdict.clone() };
    let expected: Vec<Entry> = [Entry::Newcomer(newcomer), Entry::Rule(Some("anti-cheat 1.0.0".into()))]
        .into_iter()
        .chain(ticks)
        .chain([Entry::Verdict(verdict), Entry::Rule(None), Entry::Verdict(shortened), Entry::Tick])
        .chain([Entry::Check(0x9abc_def0), Entry::End(Ending { hash: 7, reason: "over".into() })])
        .collect();
    assert_eq!(entries, expected);
    assert_eq!(inputs, [input]);
}

#[test]
fn another_world_than_the_logs_is_noticed_at_the_next_check() {
    let (log, ..) = played_under(&Header { seed: 6, ..header(5) }, 5, 60);
    let mut replay = Replay::new(&log, Arc::clone(&CONTENT)).unwrap();
    let mut differences = 0;
    while let Some(moment) = replay.advance().unwrap() {
        differences += u32::from(matches!(moment, Moment::Checked { same: false } | Moment::End { same: false, .. }));
    }
    assert_eq!(differences, 3);
}

#[test]
fn foreign_short_and_damaged_logs_are_refused_and_end() {
    let (log, ..) = played(8, 40);
    let refusal = |bytes: &[u8]| LogReader::new(bytes).map(|_| ()).unwrap_err();
    assert_eq!(refusal(b"PK\x03\x04"), LogError::Foreign);
    assert_eq!(refusal(b"REALMLOG\x09"), LogError::Format { found: 9 });
    assert_eq!(refusal(&log[..9]), LogError::Truncated { at: 9 });
    let read = |bytes: &[u8]| {
        let (mut inputs, mut entries) = (Vec::new(), 0_u32);
        let Ok((_, mut reader)) = LogReader::new(bytes) else { return (0, None) };
        loop {
            match reader.next(&mut inputs) {
                Ok(Some(_)) => entries += 1,
                Ok(None) => return (entries, None),
                Err(error) => return (entries, Some(error)),
            }
        }
    };
    let (whole, _) = read(&log);
    for length in 40..log.len() {
        let (entries, error) = read(&log[..length]);
        assert!(entries < whole && matches!(error, Some(LogError::Truncated { .. })), "{length}: {error:?}");
    }
    let mut throws = Throws(1);
    for _ in 0..scaled(20_000) {
        let mut damaged = log.clone();
        for _ in 0..=throws.below(4) {
            let at = usize::try_from(throws.below(damaged.len() as u64)).unwrap();
            damaged[at] = throws.below(256).to_le_bytes()[0];
        }
        let (entries, _) = read(&damaged);
        assert!(entries < 100_000, "the work is bounded by the bytes");
    }
}

#[test]
fn a_log_of_another_pack_names_both() {
    let mut header = header(1);
    header.content ^= 1;
    let log = std::mem::take(LogWriter::new(&header, 0).bytes());
    let refused = Replay::new(&log, Arc::clone(&CONTENT)).unwrap_err();
    assert_eq!(refused, LogError::Content { wanted: header.content, found: CONTENT.hash() });
}

/// Bytes before compression: a human walks with a few turns a second, stands now and then, strikes about twice a second.
#[test]
fn a_player_minute_at_a_humans_pace_is_small() {
    let (mut throws, mut writer) = (Throws(3), LogWriter::new(&header(1), 0));
    let mut ways = [None; PLAYERS_MAX];
    let before = writer.bytes().len();
    for tick in 1..=1_500u32 {
        let mut inputs = Vec::new();
        for (slot, way) in (0u8..).map(PlayerSlot).zip(&mut ways) {
            match throws.below(100) {
                0..10 => *way = Some((throws.small(14), throws.small(14))),
                10..12 => *way = None,
                _ => {}
            }
            inputs.extend(way.map(|(dx, dy)| Input::Move { slot, dx, dy }));
            if throws.below(100) < 8 {
                inputs.push(Input::Attack { slot, target: u16::try_from(throws.below(60)).unwrap() });
            }
        }
        writer.tick(&inputs);
        if tick % CHECK_TICKS == 0 {
            writer.check(u64::from(tick).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        }
    }
    let bytes = (writer.bytes().len() - before) / PLAYERS_MAX;
    println!("{bytes} bytes a player-minute before compression");
    assert!(bytes < 2_000, "{bytes} bytes a player-minute");
}
