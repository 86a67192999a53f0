//! Nobody who plays fairly is ever suspected: simulated time, real games, the real anti-cheat component, and networks whose packets come
//! up to 150 ms late, of which every twentieth is lost and sent again, and which now and then stand still for a second.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Instant,
};

use realm_protocol::{
    ClientMessage, ServerMessage, Snapshot, proto,
    snapshot::{self, Action, EntityKind},
};
use realm_world::{Class, Difficulty, Sheet, World};

use crate::{
    rules::{self, Rules},
    types::{Arrivals, Delivery, Link, LinkClosed, LinkFrame, Offer},
};

use super::testing::{PLAYER_STATE, Table, hall};

const PLAYERS: u8 = 8;
const TICK_US: u64 = 40_000;
/// Simulated together: the ordinary run, and the long one.
const PLAYER_MINUTES: u64 = 400;
const PLAYER_MINUTES_LONG: u64 = 10_000;
/// The way takes at least this long, and up to so much longer.
const DELAY_US: u64 = 30_000;
const JITTER_US: u64 = 150_000;
/// Of a hundred packets so many are lost. TCP sends them again after its shortest time-out, and all that follows waits.
const LOST_PERCENT: u64 = 5;
const RETRANSMISSION_US: u64 = 200_000;
/// Of a thousand packets so many find a network that stands still for a moment, and come together with all that follow.
const STALLED_PERMILLE: u64 = 2;
const STALL_US: u64 = 1_200_000;
/// Snapshots kept to decode the next ones.
const HISTORY: usize = 40;
/// No first skill of a class costs more.
const SKILL_MANA: u16 = 4;
/// From here every class hits.
const REACH: i32 = 40;

/// Throws that are the same in every run.
struct Throws(u64);

impl Throws {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) % sides
    }
}

/// One direction: in order, each thing with the time at which it arrives.
struct Way<T> {
    throws: Throws,
    last_us: u64,
    under_way: VecDeque<(u64, T)>,
}

impl<T> Way<T> {
    fn new(seed: u64) -> Self {
        Self { throws: Throws(seed), last_us: 0, under_way: VecDeque::new() }
    }

    fn send(&mut self, now_us: u64, thing: T) {
        let lost = if self.throws.below(100) < LOST_PERCENT { RETRANSMISSION_US } else { 0 };
        let stalled = if self.throws.below(1_000) < STALLED_PERMILLE { STALL_US } else { 0 };
        self.last_us = self.last_us.max(now_us + DELAY_US + self.throws.below(JITTER_US) + lost + stalled);
        self.under_way.push_back((self.last_us, thing));
    }

    fn arrived(&mut self, now_us: u64) -> Option<T> {
        self.under_way.pop_front_if(|(at, _)| *at <= now_us).map(|(_, thing)| thing)
    }
}

/// A connection over a bad network.
#[derive(Clone)]
struct Wire(Arc<Mutex<Ends>>);

struct Ends {
    now_us: u64,
    to_game: Way<LinkFrame>,
    to_client: Way<(u8, Vec<u8>)>,
    closed: Option<String>,
}

impl Link for Wire {
    fn take(&mut self, arrivals: &mut Arrivals, frames_max: usize, _: Instant) -> Result<(), LinkClosed> {
        let mut ends = self.0.lock().unwrap();
        let now_us = ends.now_us;
        while arrivals.len() < frames_max
            && let Some(frame) = ends.to_game.arrived(now_us)
        {
            arrivals.push(frame.identifier, frame.sequence, &frame.payload);
        }
        Ok(())
    }

    fn offer(&mut self, identifier: u8, payload: &[u8], _: Delivery, _: Instant) -> Result<Offer, LinkClosed> {
        let mut ends = self.0.lock().unwrap();
        let now_us = ends.now_us;
        ends.to_client.send(now_us, (identifier, payload.to_vec()));
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

    fn close(&mut self, code: &str, _: &str) {
        self.0.lock().unwrap().closed = Some(code.to_owned());
    }
}

/// Plays by the rules, as well as its late knowledge allows: walks at full speed, hunts, strikes whenever it may, comes back from death.
struct Honest {
    wire: Wire,
    throws: Throws,
    /// Its own clock: a little too fast or too slow.
    period_us: u64,
    due_us: u64,
    step_max: i32,
    sequence: u32,
    input: u32,
    /// Input of the last blow; the next one waits until this was answered, unless the client is impatient.
    blow: u32,
    /// Strikes on as long as its picture of the world allows it, without waiting for answers.
    impatient: bool,
    way: (i32, i32),
    history: VecDeque<Snapshot>,
    acts: u64,
    blows: u64,
    skills: u64,
}

impl Honest {
    fn new(number: u64) -> Self {
        let ends = Ends { now_us: 0, to_game: Way::new(number), to_client: Way::new(!number), closed: None };
        Self {
            wire: Wire(Arc::new(Mutex::new(ends))),
            throws: Throws(number * 77 + 1),
            period_us: TICK_US - 4 + number,
            due_us: number * 5_000,
            step_max: 0,
            sequence: 0,
            input: 0,
            blow: 0,
            impatient: number % 2 == 1,
            way: (1, 0),
            history: VecDeque::new(),
            acts: 0,
            blows: 0,
            skills: 0,
        }
    }

    fn send(&mut self, at_us: u64, message: impl Into<ClientMessage>) {
        let message = message.into();
        let frame =
            LinkFrame { identifier: message.identifier(), sequence: self.sequence, payload: message.to_payload() };
        self.sequence += 1;
        self.acts += 1;
        self.wire.0.lock().unwrap().to_game.send(at_us, frame);
    }

    /// Everything up to this moment, in its order: what arrives is read, and what is due is sent.
    fn live_until(&mut self, now_us: u64) {
        while self.due_us <= now_us {
            self.read(self.due_us);
            self.act(self.due_us);
            self.due_us += self.period_us;
        }
        let mut ends = self.wire.0.lock().unwrap();
        ends.now_us = now_us;
        assert_eq!(ends.closed, None, "nobody honest is put out");
    }

    fn read(&mut self, now_us: u64) {
        loop {
            let arrived = self.wire.0.lock().unwrap().to_client.arrived(now_us);
            let Some((identifier, payload)) = arrived else { return };
            if identifier != PLAYER_STATE {
                if let Ok(ServerMessage::GameEntered(entered)) = ServerMessage::decode(identifier, &payload) {
                    self.step_max = i32::try_from(entered.step_max).unwrap();
                }
                continue;
            }
            let baseline = snapshot::baseline_tick(&payload).unwrap();
            let baseline = baseline.map(|tick| self.history.iter().find(|old| old.tick == tick).expect("acknowledged"));
            let current = snapshot::decode(&payload, baseline).unwrap();
            if self.history.len() == HISTORY {
                self.history.pop_front();
            }
            self.history.push_back(current);
        }
    }

    fn act(&mut self, now_us: u64) {
        let Some(now) = self.history.back() else { return };
        let acknowledged_tick = now.tick;
        if now.own.life == 0 {
            // It waits for an answer before it asks again.
            if now.input >= self.blow {
                self.input += 1;
                self.blow = self.input;
                self.send(now_us, proto::Respawn { input: self.input, acknowledged_tick });
            } else {
                self.send(now_us, proto::SnapshotAcknowledge { acknowledged_tick });
            }
            return;
        }
        let own = now.own_entity().map_or((0, 0), |own| (i32::from(own.x), i32::from(own.y)));
        let nearest = now
            .entities
            .iter()
            .filter(|entity| entity.kind == EntityKind::Monster && entity.action != Action::Dead)
            .map(|entity| (entity.id, (i32::from(entity.x) - own.0, i32::from(entity.y) - own.1)))
            .min_by_key(|(_, (x, y))| x * x + y * y);
        let may_strike = now.own.cooldown_ticks == 0 && (self.impatient || now.input >= self.blow);
        match nearest {
            Some((target, (x, y))) if x * x + y * y <= REACH * REACH && may_strike => {
                self.input += 1;
                (self.blow, self.blows) = (self.input, self.blows + 1);
                let (input, target) = (self.input, target.into());
                // Each third time its first skill, as soon as its own picture of the world allows that.
                if self.blows % 3 == 2 && now.own.skill_ticks[0] == 0 && now.own.mana >= SKILL_MANA {
                    self.skills += 1;
                    self.send(now_us, proto::SkillUse { input, acknowledged_tick, skill: 0, target, x: 0, y: 0 });
                } else {
                    self.send(now_us, proto::PlayerAttack { input, acknowledged_tick, target });
                }
                return;
            }
            // Now and then it goes where it likes, because the straight way may end at a wall.
            Some((_, way)) if self.throws.below(4) > 0 => self.way = way,
            _ if self.throws.below(40) == 0 => {
                let mut wish = || i32::try_from(self.throws.below(201)).unwrap() - 100;
                self.way = (wish(), wish());
            }
            _ => {}
        }
        self.input += 1;
        let (dx, dy) = self.full_step();
        self.send(now_us, proto::PlayerMove { input: self.input, acknowledged_tick, dx, dy });
    }

    /// As far as is allowed in the wished direction.
    fn full_step(&self) -> (i32, i32) {
        let (x, y) = self.way;
        let length = (x * x + y * y).isqrt() + 1;
        (x * self.step_max / length, y * self.step_max / length)
    }
}

/// Where `cargo xtask plugins` left the component.
fn component() -> PathBuf {
    let built = std::env::var_os("REALM_PLUGINS_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins"), PathBuf::from);
    let file = built.join("anti-cheat.wasm");
    assert!(
        file.is_file(),
        "{} is missing: run `cargo xtask plugins`, or the tests with `cargo xtask test`",
        file.display()
    );
    file
}

#[test]
fn nobody_honest_is_suspected() {
    let minutes = if std::env::var_os("REALM_TEST_LONG").is_some() { PLAYER_MINUTES_LONG } else { PLAYER_MINUTES };
    let data = tempfile::tempdir().unwrap();
    std::fs::create_dir(data.path().join("plugins")).unwrap();
    std::fs::copy(component(), data.path().join("plugins/anti-cheat.wasm")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (rules, hooks) = runtime.block_on(Rules::start(&rules::Config::default(), data.path())).unwrap();
    assert!(rules.status().iter().all(|plugin| plugin.problem.is_none()), "{:?}", rules.status());

    let mut table = Table::new(World::new(hall(), Difficulty::Normal, 3), None);
    table.lane = hooks.tick_lane();
    let mut players: Vec<Honest> = (0..u64::from(PLAYERS)).map(Honest::new).collect();
    for (slot, player) in (0..).zip(&players) {
        let sheet = Sheet { level: 12, ..Sheet::newborn(Class::ALL[usize::from(slot) % Class::ALL.len()], false) };
        table.seat(slot, Some(sheet), player.wire.clone());
    }
    let ticks = minutes * 60 * 25 / u64::from(PLAYERS);
    for tick in 1..=ticks {
        players.iter_mut().for_each(|player| player.live_until(tick * TICK_US));
        table.lane.pick_up();
        table.lane.begin_tick();
        table.tick(1);
        assert_eq!(table.findings, 0, "somebody honest is suspected at tick {tick}");
        while table.saves.try_recv().is_ok() {}
    }
    let sum = |count: fn(&Honest) -> u64| players.iter().map(count).sum::<u64>();
    let (acts, blows, skills) = (sum(|one| one.acts), sum(|one| one.blows), sum(|one| one.skills));
    println!("{minutes} player-minutes, {acts} acts, {blows} of them blows, {skills} of those with a skill");
    assert!(acts > ticks * u64::from(PLAYERS) * 9 / 10, "everybody acted all the time: {acts}");
    assert!(blows > minutes, "there were fights: {blows}");
    assert!(skills > minutes / 4, "and skills: {skills}");

    // The rule was awake: the first who cheats is found at once.
    let cheat = &mut players[0];
    let mut now_us = ticks * TICK_US;
    for _ in 0..50 {
        now_us += TICK_US;
        cheat.input += 1;
        let step = cheat.step_max * 10;
        cheat.send(now_us, proto::PlayerMove { input: cheat.input, acknowledged_tick: 0, dx: step, dy: 0 });
        cheat.wire.0.lock().unwrap().now_us = now_us;
        table.lane.begin_tick();
        table.tick(1);
    }
    assert!(table.findings > 0);
}
