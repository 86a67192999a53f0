//! Ticks of a whole game, without a thread or a clock: what they allocate, and how they catch up.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use bytes::Bytes;
use realm_protocol::{ClientMessage, proto};
use realm_world::{
    Class, Content, Difficulty, Input, PlayerSlot, Sheet, World,
    items::{ItemHandle, Look, Quality},
    log::Header,
};

use crate::types::{Arrivals, Delivery, Link, LinkClosed, LinkFrame, Offer};

use super::{
    keeper::Errand,
    log::Logs,
    testing::{Client, FakeLink, PLAYER_STATE, Table, hall, place},
};

const PLAYERS: u8 = 8;

/// A connection that costs nothing: it was told beforehand what arrives, and keeps nothing of what is sent but its size.
struct Script {
    frames: VecDeque<LinkFrame>,
    sent: Arc<std::sync::atomic::AtomicUsize>,
}

impl Script {
    /// One act a tick: steps in a circle, now and then a blow; the snapshot of the tick before the last is acknowledged.
    fn new(slot: u8, ticks: u32) -> Self {
        let round = [(6, 0), (4, 4), (0, 6), (-4, 4), (-6, 0), (-4, -4), (0, -6), (4, -4)];
        let frame = |tick: u32| {
            let (dx, dy) = round[((tick / 40 + u32::from(slot)) % 8) as usize];
            let acknowledged_tick = tick.saturating_sub(2);
            let message: ClientMessage = if tick % 11 == 3 {
                proto::PlayerAttack { input: tick, acknowledged_tick, target: 4 + tick % 45 }.into()
            } else {
                proto::PlayerMove { input: tick, acknowledged_tick, dx, dy }.into()
            };
            let payload: &'static [u8] = message.to_payload().to_vec().leak();
            LinkFrame { identifier: message.identifier(), sequence: tick, payload: Bytes::from_static(payload) }
        };
        Self { frames: (1..=ticks).map(frame).collect(), sent: Arc::default() }
    }
}

impl Link for Script {
    fn take(&mut self, arrivals: &mut Arrivals, _: usize, _: Instant) -> Result<(), LinkClosed> {
        if let Some(frame) = self.frames.pop_front() {
            arrivals.push(frame.identifier, frame.sequence, &frame.payload);
        }
        Ok(())
    }

    fn offer(&mut self, _: u8, payload: &[u8], _: Delivery, _: Instant) -> Result<Offer, LinkClosed> {
        self.sent.fetch_add(payload.len(), std::sync::atomic::Ordering::Relaxed);
        Ok(Offer::Taken)
    }

    fn seal(&mut self) -> Result<(), LinkClosed> {
        Ok(())
    }

    fn flush(&mut self) -> Result<(), LinkClosed> {
        Ok(())
    }

    fn waiting_bytes(&self) -> usize {
        0
    }

    fn close(&mut self, code: &str, message: &str) {
        panic!("nobody is to be thrown out: {code} {message}");
    }
}

fn sheet(slot: u8) -> Sheet {
    let mut sheet = Sheet::newborn(Class::ALL[usize::from(slot % 7)], false);
    // Strong enough to live on among monsters.
    sheet.attributes.vitality = 100_000;
    sheet
}

#[test]
fn in_the_steady_state_a_tick_of_a_whole_game_allocates_nothing() {
    const WARM_TICKS: u32 = 1_000;
    const TICKS: u32 = 3_000;
    let folder = tempfile::tempdir().unwrap();
    let (logs, mut desks) = Logs::start(folder.path(), 1, 1 << 30, 1).unwrap();
    let content = hall();
    let header = Header {
        game: 7,
        started_ms: 0,
        version: "test".into(),
        content: content.hash(),
        difficulty: Difficulty::Normal,
        seed: 9,
    };
    let world = World::new(content, Difficulty::Normal, 9);
    let mut table = Table::new(world, Some((&header, desks.pop().unwrap())));
    table.patience.autosave_ticks = u32::MAX;
    let sent: Vec<_> = (0..PLAYERS)
        .map(|slot| {
            let script = Script::new(slot, WARM_TICKS + TICKS);
            let sent = Arc::clone(&script.sent);
            table.seat(slot, Some(sheet(slot)), script);
            sent
        })
        .collect();
    // Things come to lie there and vanish, as many as there is room for.
    let lay = |table: &mut Table, tick: u32| {
        if tick.is_multiple_of(5) {
            let facts = table.game.world().facts(PlayerSlot(0)).unwrap();
            let (zone, x, y) = (facts.zone, facts.x, facts.y);
            let look = Look::Item { base: 40, quality: Quality::Unique };
            table.hear(Some(Input::Lay { handle: ItemHandle(tick.into()), look, layer: 0, zone, x, y }), None);
        }
    };
    for tick in 1..=WARM_TICKS {
        if tick > 1 {
            lay(&mut table, tick);
        }
        table.tick(1);
    }
    let sum = || sent.iter().map(|sent| sent.load(std::sync::atomic::Ordering::Relaxed)).sum::<usize>();
    let before = sum();
    // A refusal is explained in words, which costs an allocation; beside those hardly a tick may have one: somebody who
    // reaches a level and is saved, a piece of the log whose empty buffer is not back yet.
    let (mut explained, mut others, mut handed_over) = (0, 0, 0);
    for tick in WARM_TICKS + 1..=WARM_TICKS + TICKS {
        lay(&mut table, tick);
        while let Ok(errand) = table.errands.try_recv() {
            handed_over += u32::from(matches!(errand, Errand::Forget { .. }));
        }
        let counted = allocation_counter::measure(|| table.tick(1));
        *(if tick % 11 == 3 { &mut explained } else { &mut others }) += u32::from(counted.count_total > 0);
    }
    let bytes = (sum() - before) / usize::from(PLAYERS);
    println!("{others} of {TICKS} ticks allocated, and {explained} with refusals; {bytes} bytes to each player");
    assert!(bytes > 10_000, "the players were told something");
    assert!(handed_over > 50, "what lay there too long is told: {handed_over}");
    assert!(table.game.world().tick() == WARM_TICKS + TICKS);
    assert!(others <= TICKS / 500, "{others} of {TICKS} ticks allocated");
    logs.stop();
}

#[test]
fn a_late_game_catches_up_with_one_reading_and_one_writing() {
    let mut table = Table::new(World::new(Content::builtin(), Difficulty::Normal, 3), None);
    let mut client = Client::new();
    table.seat(0, Some(sheet(0)), client.link.clone());
    table.tick(1);
    client.read_all();
    let start = client.history.back().unwrap().clone();
    // Five moves and a refused act have piled up.
    (0..5).for_each(|_| client.step(0, 5));
    client.input += 1;
    client.send(proto::PlayerAttack { input: client.input, acknowledged_tick: 1, target: 60_000 });
    table.tick(5);
    let frames = client.link.read_all();
    let snapshots: Vec<_> = frames.iter().filter(|(identifier, _)| *identifier == PLAYER_STATE).collect();
    assert_eq!(snapshots.len(), 1, "one snapshot for five steps");
    for (identifier, payload) in &frames {
        client.read(*identifier, payload);
    }
    let now = client.history.back().unwrap();
    assert_eq!((now.tick, now.input), (start.tick + 5, 6));
    let way = i32::from(place(now).1.abs_diff(place(&start).1)) + i32::from(place(now).0.abs_diff(place(&start).0));
    assert!(way > 5, "more than one of the steps was made: {way}");
    assert_eq!(client.events.len(), 1, "{:?}", client.events);
    assert!(format!("{:?}", client.events[0]).contains("TARGET_UNKNOWN"), "the refusal finds its wisher");
}

#[test]
fn who_does_not_keep_up_gets_no_queue_and_is_closed_after_ten_seconds() {
    let mut table = Table::new(World::new(Content::builtin(), Difficulty::Normal, 3), None);
    let (silent, mut lively) = (FakeLink::default(), Client::new());
    table.seat(0, Some(sheet(0)), silent.clone());
    table.seat(1, Some(sheet(1)), lively.link.clone());
    let mut snapshots = 0;
    let mut closed = None;
    for tick in 1..=400 {
        table.tick(1);
        lively.read_all();
        snapshots += silent.read_all().iter().filter(|(identifier, _)| *identifier == PLAYER_STATE).count();
        if closed.is_none() && silent.closed() {
            closed = Some(tick);
        }
    }
    assert_eq!(snapshots, 13, "twelve ticks behind and no more");
    assert!(matches!(closed, Some(260..=266)), "{closed:?}");
    assert_eq!(lively.history.back().unwrap().tick, 400, "the other is not touched");
}

#[test]
fn who_is_away_is_waited_for_and_then_saved_with_what_was_reached() {
    let mut table = Table::new(World::new(Content::builtin(), Difficulty::Normal, 3), None);
    table.patience.reconnect_ticks = 100;
    let (first, second) = (Client::new(), Client::new());
    let presence = table.seat(0, Some(sheet(0)), first.link.clone());
    table.tick(1);
    first.link.cut();
    (0..99).for_each(|_| table.tick(1));
    assert!(!presence.is_there(), "the seat is kept, but nobody sits in it");
    table.seat(0, None, second.link.clone());
    table.tick(1);
    assert!(table.saves.try_recv().is_err(), "nobody has left");
    second.link.cut();
    (0..101).for_each(|_| table.tick(1));
    let super::saver::SaverMessage::Progress(progress) = table.saves.try_recv().unwrap() else {
        panic!("a departure is a save");
    };
    assert!(progress.last && progress.sheet == Some(sheet(0)) && progress.play_ticks > 190, "{progress:?}");
}

#[test]
fn experience_and_place_are_reported_at_every_interval_and_when_the_character_leaves() {
    let mut table = Table::new(World::new(hall(), Difficulty::Normal, 9), None);
    table.patience.autosave_ticks = 10;
    let mut client = Client::new();
    table.seat(0, Some(sheet(0)), client.link.clone());
    let mut places = Vec::new();
    for _ in 0..3 {
        for _ in 0..10 {
            client.step(6, 0);
            table.tick(1);
            client.read_all();
        }
        let super::saver::SaverMessage::Progress(progress) = table.saves.try_recv().unwrap() else {
            panic!("ten ticks are over");
        };
        let (x, y) = place(client.history.back().unwrap());
        let stored = progress.place.map(|place| (place.x, place.y));
        assert_eq!(stored, Some((i32::from(x), i32::from(y))));
        assert!(progress.sheet.is_some() && progress.play_ticks == 10 && !progress.last, "{progress:?}");
        assert!(table.saves.try_recv().is_err(), "once in ten ticks");
        places.extend(stored);
    }
    assert!(places[0] != places[2], "it has walked: {places:?}");
    client.send(proto::GameLeave {});
    table.tick(1);
    let super::saver::SaverMessage::Progress(progress) = table.saves.try_recv().unwrap() else {
        panic!("a departure is a save");
    };
    assert!(progress.last && progress.place.is_some(), "{progress:?}");
}
