//! What the tests of games share: connections that are queues in memory, and a client that plays over one.

use std::{
    collections::VecDeque,
    fs,
    path::Path,
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use realm_protocol::{ClientMessage, ServerMessage, Snapshot, proto, snapshot};
use realm_world::{Content, Input, Sheet, World, log::Header};
use tokio::sync::mpsc;

use crate::{
    hooks::{Hooks, TickLane},
    types::{AccountId, Arrivals, CharacterId, Delivery, GameId, Link, LinkClosed, LinkFrame, Offer},
};

use super::{
    command::EnteringPlayer,
    errands::Wish,
    figures::Meters,
    game::Game,
    keeper::{ERRANDS_MAX, Errand, Finder, Word},
    log::Desk,
    outfits::Brought,
    referee::Suspicion,
    reports::Reports,
    saver::SaverMessage,
    seat::Presence,
    stage::{Patience, Scratch, Stage, TickTools},
};

/// A test that waits longer has found a fault.
const DEADLINE: Duration = Duration::from_secs(20);
/// Identifier of a snapshot.
pub(super) const PLAYER_STATE: u8 = 0x40;

#[derive(Default)]
struct Pipe {
    to_game: VecDeque<LinkFrame>,
    to_client: VecDeque<(u8, Vec<u8>)>,
    closed: Option<String>,
    cut: bool,
}

/// A connection whose two ends are queues in memory.
#[derive(Clone, Default)]
pub(super) struct FakeLink(Arc<(Mutex<Pipe>, Condvar)>);

impl FakeLink {
    /// The network breaks.
    pub(super) fn cut(&self) {
        self.0.0.lock().unwrap().cut = true;
    }

    /// The game has closed it.
    pub(super) fn closed(&self) -> bool {
        self.0.0.lock().unwrap().closed.is_some()
    }

    /// What the client has not read: identifiers and payloads.
    pub(super) fn read_all(&self) -> Vec<(u8, Vec<u8>)> {
        self.0.0.lock().unwrap().to_client.drain(..).collect()
    }

    /// Frames of this kind that the client has not read.
    pub(super) fn waiting(&self, identifier: u8) -> usize {
        self.0.0.lock().unwrap().to_client.iter().filter(|frame| frame.0 == identifier).count()
    }
}

impl Link for FakeLink {
    fn take(&mut self, arrivals: &mut Arrivals, frames_max: usize, _: Instant) -> Result<(), LinkClosed> {
        let mut pipe = self.0.0.lock().unwrap();
        if pipe.cut {
            return Err(LinkClosed("cut".into()));
        }
        let count = frames_max.min(pipe.to_game.len());
        pipe.to_game.drain(..count).for_each(|frame| arrivals.push(frame.identifier, frame.sequence, &frame.payload));
        Ok(())
    }

    fn offer(&mut self, identifier: u8, payload: &[u8], _: Delivery, _: Instant) -> Result<Offer, LinkClosed> {
        self.0.0.lock().unwrap().to_client.push_back((identifier, payload.to_vec()));
        self.0.1.notify_all();
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
        self.0.0.lock().unwrap().closed = Some(code.to_owned());
        self.0.1.notify_all();
    }
}

/// A client: decodes snapshots against what it has, as a real one does.
pub(super) struct Client {
    pub(super) link: FakeLink,
    sequence: u32,
    pub(super) input: u32,
    pub(super) history: VecDeque<Snapshot>,
    pub(super) events: Vec<proto::GameEvent>,
    pub(super) acknowledges: bool,
}

impl Client {
    pub(super) fn new() -> Self {
        Self {
            link: FakeLink::default(),
            sequence: 0,
            input: 0,
            history: VecDeque::new(),
            events: Vec::new(),
            acknowledges: true,
        }
    }

    pub(super) fn send(&mut self, message: impl Into<ClientMessage>) {
        let message = message.into();
        let frame =
            LinkFrame { identifier: message.identifier(), sequence: self.sequence, payload: message.to_payload() };
        self.sequence += 1;
        self.link.0.0.lock().unwrap().to_game.push_back(frame);
    }

    pub(super) fn step(&mut self, dx: i32, dy: i32) {
        self.input += 1;
        let acknowledged_tick = self.history.back().map_or(0, |newest| newest.tick);
        self.send(proto::PlayerMove { input: self.input, acknowledged_tick, dx, dy });
    }

    fn frame(&mut self) -> (u8, Vec<u8>) {
        let (pipe, arrived) = &*self.link.0;
        let waiting = |pipe: &mut Pipe| pipe.to_client.is_empty();
        let (mut pipe, result) = arrived.wait_timeout_while(pipe.lock().unwrap(), DEADLINE, waiting).unwrap();
        assert!(!result.timed_out(), "nothing came from the game");
        pipe.to_client.pop_front().unwrap()
    }

    pub(super) fn message(&mut self) -> Option<ServerMessage> {
        let (identifier, payload) = self.frame();
        self.read(identifier, &payload)
    }

    /// Reads everything that has come, without waiting.
    pub(super) fn read_all(&mut self) -> Vec<ServerMessage> {
        let frames = self.link.read_all();
        frames.iter().filter_map(|(identifier, payload)| self.read(*identifier, payload)).collect()
    }

    /// Takes one frame in; a snapshot goes to the history.
    pub(super) fn read(&mut self, identifier: u8, payload: &[u8]) -> Option<ServerMessage> {
        if identifier != PLAYER_STATE {
            let message = ServerMessage::decode(identifier, payload).unwrap();
            if let ServerMessage::GameEvents(events) = &message {
                self.events.extend(events.events.clone());
            }
            return Some(message);
        }
        let baseline = snapshot::baseline_tick(payload).unwrap();
        let baseline = baseline.map(|tick| self.history.iter().find(|old| old.tick == tick).expect("acknowledged"));
        let current = snapshot::decode(payload, baseline).unwrap();
        assert!(self.history.back().is_none_or(|before| before.tick < current.tick), "ticks rise");
        if self.acknowledges {
            self.send(proto::SnapshotAcknowledge { acknowledged_tick: current.tick });
        }
        self.history.push_back(current);
        None
    }

    pub(super) fn entered(&mut self) -> proto::GameEntered {
        match self.message() {
            Some(ServerMessage::GameEntered(entered)) => entered,
            other => panic!("GAME_ENTERED comes first, not {other:?}"),
        }
    }

    /// Reads until the newest snapshot is as wished.
    pub(super) fn until(&mut self, wished: impl Fn(&Snapshot) -> bool) -> Snapshot {
        let deadline = Instant::now() + DEADLINE;
        loop {
            assert!(Instant::now() < deadline, "what was waited for did not come");
            if self.message().is_none()
                && let Some(newest) = self.history.back()
                && wished(newest)
            {
                return newest.clone();
            }
        }
    }

    pub(super) fn closed_with(&self) -> String {
        let (pipe, arrived) = &*self.link.0;
        let open = |pipe: &mut Pipe| pipe.closed.is_none();
        let (pipe, _) = arrived.wait_timeout_while(pipe.lock().unwrap(), DEADLINE, open).unwrap();
        pipe.closed.clone().expect("the link was closed")
    }
}

/// Where the client's own character stands.
pub(super) fn place(snapshot: &Snapshot) -> (u16, u16) {
    snapshot.own_entity().map(|own| (own.x, own.y)).expect("one sees oneself")
}

/// A game without a thread: it ticks when it is told to.
pub(super) struct Table {
    pub(super) game: Game,
    pub(super) lane: TickLane,
    pub(super) desk: Option<Desk>,
    pub(super) saves: mpsc::Receiver<SaverMessage>,
    /// What the game has its keeper do.
    pub(super) errands: mpsc::Receiver<Errand>,
    _suspicions: mpsc::Receiver<Suspicion>,
    pub(super) patience: Patience,
    /// Of the anti-cheat rule, in all ticks.
    pub(super) findings: u64,
    reports: Reports,
    meters: Meters,
    scratch: Scratch,
}

impl Table {
    pub(super) fn new(world: World, log: Option<(&Header, Desk)>) -> Self {
        let (saver, saves) = mpsc::channel(1_024);
        let (referee, suspicions) = mpsc::channel(1_024);
        let (keeper, errands) = mpsc::channel(ERRANDS_MAX);
        let (header, desk) = log.unzip();
        Self {
            game: Game::new(GameId::from_raw(7), world, header, Some(keeper)),
            errands,
            lane: Hooks::without_plugins().tick_lane(),
            desk,
            saves,
            _suspicions: suspicions,
            patience: Patience { reconnect_ticks: 750, autosave_ticks: 750 },
            findings: 0,
            reports: Reports::new(saver, referee),
            meters: Meters::new(),
            scratch: Scratch::default(),
        }
    }

    /// A player takes the seat of this number; `None` comes back to it.
    pub(super) fn seat(&mut self, slot: u8, sheet: Option<Sheet>, link: impl Link + 'static) -> Arc<Presence> {
        let presence = Arc::<Presence>::default();
        let raw = u64::from(slot) + 1;
        self.game.enter(EnteringPlayer {
            account: AccountId::from_raw(raw),
            character: CharacterId::from_raw(raw),
            slot,
            sheet,
            brought: Brought::default(),
            presence: Arc::clone(&presence),
            link: Box::new(link),
        });
        presence
    }

    /// What came of an errand.
    pub(super) fn hear(&mut self, input: Option<Input>, news: Option<(u64, proto::game_event::Kind)>) {
        let news = news.map(|(raw, kind)| {
            let (account, character) = (AccountId::from_raw(raw), CharacterId::from_raw(raw));
            let wish = match kind {
                proto::game_event::Kind::ItemLaid(_) => Wish::Lay,
                proto::game_event::Kind::ItemDealt(_) => Wish::Deal,
                _ => Wish::Take,
            };
            let finder = Finder { account, character, epoch: 0, sheet: None, line: 0, wish };
            (finder, proto::GameEvent { kind: Some(kind) })
        });
        self.game.hear(Word { input, news });
    }

    /// So many steps at once.
    pub(super) fn tick(&mut self, steps: u32) {
        self.findings += self.game_tick(steps);
    }

    fn game_tick(&mut self, steps: u32) -> u64 {
        self.scratch.bodies.clear();
        let mut tools = TickTools {
            scratch: &mut self.scratch,
            lane: &mut self.lane,
            reports: &mut self.reports,
            desk: self.desk.as_ref(),
            patience: self.patience,
        };
        self.game.begin_tick(steps);
        tools.scratch.judge.open();
        for stage in Stage::ALL {
            self.game.run(stage, &mut tools);
            if stage == Stage::Collect {
                tools.scratch.judge.ask(tools.lane);
            }
        }
        let findings = self.game.end_tick(&self.meters);
        self.reports.flush();
        findings
    }
}

/// The built-in pack with players who begin in the dungeon, one hall in which everybody meets monsters soon.
pub(super) fn hall() -> Arc<Content> {
    let builtin = Path::new(env!("CARGO_MANIFEST_DIR")).join("../world/content");
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(builtin).unwrap() {
        let file = entry.unwrap().path();
        let text = fs::read_to_string(&file).unwrap();
        let text =
            text.replace("\nbegin = \"town\"\n", "\nbegin = \"dungeon\"\n").replace("\nrooms = 40\n", "\nrooms = 0\n");
        fs::write(folder.path().join(file.file_name().unwrap()), text).unwrap();
    }
    Content::load(folder.path()).unwrap()
}
