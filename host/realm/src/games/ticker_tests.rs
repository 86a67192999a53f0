//! A real tick thread with real worlds, and clients whose connections are queues in memory.

use realm_protocol::{ServerMessage, proto};
use realm_world::{Class, Content, Difficulty, Sheet, World};

use crate::{
    hooks::Hooks,
    types::{AccountId, CharacterId, Code},
};

use super::{
    super::{
        outfits::Brought,
        saver::SaverMessage,
        seat::Presence,
        testing::{Client, PLAYER_STATE, place},
    },
    *,
};

struct Thread {
    commands: mpsc::Sender<Command>,
    saves: mpsc::Receiver<SaverMessage>,
    counters: Arc<Counters>,
    handle: std::thread::JoinHandle<()>,
}

const GAME: u64 = 77;

impl Thread {
    fn start(reconnect_ticks: u32) -> Self {
        let (commands, receiver) = mpsc::channel(64);
        let (saver, saves) = mpsc::channel(64);
        let (referee, _) = mpsc::channel(64);
        let counters = Arc::new(Counters::default());
        let patience = Patience { reconnect_ticks, autosave_ticks: 100_000 };
        let lane = Hooks::without_plugins().tick_lane();
        let ticker = Ticker::new(Place {
            thread: 0,
            commands: receiver,
            lane,
            reports: Reports::new(saver, referee),
            counters: Arc::clone(&counters),
            loads: Arc::new(Loads::new(1)),
            desk: None,
            patience,
        });
        let handle = std::thread::spawn(move || ticker.run());
        let world = Box::new(World::new(Content::builtin(), Difficulty::Normal, 1));
        let thread = Self { commands, saves, counters, handle };
        thread.command(Command::Start { game: GameId::from_raw(GAME), world, header: None, keeper: None });
        thread
    }

    fn command(&self, command: Command) {
        assert!(self.commands.try_send(command).is_ok(), "there is room for a command");
    }

    fn enter(&self, raw: u64, sheet: Option<Sheet>, client: &Client) -> Arc<Presence> {
        let presence = Arc::<Presence>::default();
        let player = EnteringPlayer {
            account: AccountId::from_raw(raw),
            character: CharacterId::from_raw(raw),
            slot: u8::try_from(raw).unwrap(),
            sheet,
            brought: Brought::default(),
            presence: Arc::clone(&presence),
            link: Box::new(client.link.clone()),
        };
        self.command(Command::Enter { game: GameId::from_raw(GAME), player });
        presence
    }

    fn last_save(&mut self) -> Progress {
        loop {
            match self.saves.blocking_recv() {
                Some(SaverMessage::Progress(progress)) if progress.last => return progress,
                Some(_) => {}
                None => panic!("the thread ended without a last save"),
            }
        }
    }

    fn stop(self) -> mpsc::Receiver<SaverMessage> {
        let message = "bye".to_owned();
        self.command(Command::Stop {
            reason: CloseReason { code: Code::RealmStopping, message, reconnect_after_ms: 0 },
        });
        self.handle.join().unwrap();
        self.saves
    }
}

fn newborn() -> Option<Sheet> {
    Some(Sheet::newborn(Class::Paladin, false))
}

#[test]
fn a_player_enters_sees_moves_and_leaves_saved() {
    let mut thread = Thread::start(1_000);
    let mut client = Client::new();
    let presence = thread.enter(1, newborn(), &client);
    let entered = client.entered();
    assert_eq!(entered.game_id, GAME);
    assert_eq!(entered.walls.len() * 8, (entered.map_width * entered.map_height) as usize);
    let first = client.until(|_| true);
    assert_eq!(u32::from(first.own.entity), entered.entity);
    let start = place(&first);
    client.until(|now| now.tick > first.tick + 3);
    let step_max = i32::try_from(entered.step_max).unwrap();
    // Ten times the legal step, to each side until one is free: at most one legal step is made.
    let directions = [(10, 0), (0, 10), (-10, 0), (0, -10)];
    let moved = directions.into_iter().any(|(dx, dy)| {
        client.step(dx * step_max, dy * step_max);
        let input = client.input;
        place(&client.until(|now| now.input >= input)) != start
    });
    let now = place(client.history.back().unwrap());
    let way = i32::from(now.0.abs_diff(start.0)).max(i32::from(now.1.abs_diff(start.1)));
    assert!(moved && way <= step_max, "moved {way} of {step_max}");
    assert!(presence.is_there());
    client.send(proto::GameLeave {});
    let saved = thread.last_save();
    assert_eq!((saved.character.raw(), saved.sheet.is_some()), (1, true));
    assert!(saved.play_ticks > 0);
    assert_eq!(client.closed_with(), "GAME_LEFT");
    assert!(thread.counters.ticks.load(Ordering::Relaxed) > 0);
    thread.stop();
}

#[test]
fn a_flood_of_moves_goes_no_further_than_its_ticks_allow() {
    let thread = Thread::start(1_000);
    let mut client = Client::new();
    thread.enter(1, newborn(), &client);
    let entered = client.entered();
    let first = client.until(|_| true);
    for _ in 0..400 {
        client.step(3, 0);
    }
    let (input, step_max) = (client.input, entered.step_max);
    let last = client.until(|now| now.input >= input);
    let way = u32::from(place(&last).0.abs_diff(place(&first).0));
    assert!(way <= step_max * (last.tick - first.tick), "{way} in {} ticks", last.tick - first.tick);
    thread.stop();
}

#[test]
fn refusals_and_nonsense_are_answered_and_the_game_goes_on() {
    let thread = Thread::start(1_000);
    let mut client = Client::new();
    thread.enter(1, newborn(), &client);
    client.entered();
    client.send(proto::ItemDrop { input: 1, acknowledged_tick: 0, item_id: 5 });
    client.send(proto::PlayerAttack { input: 2, acknowledged_tick: 0, target: 60_000 });
    client.until(|now| now.input >= 2);
    let next = client.history.back().unwrap().tick + 1;
    client.until(|now| now.tick > next);
    let refused = |event: &proto::GameEvent| match &event.kind {
        Some(proto::game_event::Kind::Refused(refused)) => Some((refused.input, refused.code.clone())),
        _ => None,
    };
    let refusals: Vec<(u32, String)> = client.events.iter().filter_map(refused).collect();
    assert_eq!(refusals, [(1, "ITEM_NOT_CARRIED".to_owned()), (2, "TARGET_UNKNOWN".to_owned())]);
    client.send(proto::JoinChannel { channel: "lobby".into() });
    client.send(proto::Ping { token: 9 });
    let mut answers = Vec::new();
    while answers.len() < 2 {
        answers.extend(client.message());
    }
    assert!(matches!(&answers[0], ServerMessage::Error(error) if error.code == "MESSAGE_INVALID"));
    assert!(matches!(&answers[1], ServerMessage::Pong(proto::Pong { token: 9 })));
    thread.stop();
}

#[test]
fn a_client_that_acknowledges_nothing_gets_no_queue_of_snapshots() {
    let thread = Thread::start(1_000);
    let (mut silent, mut lively) = (Client::new(), Client::new());
    silent.acknowledges = false;
    thread.enter(1, newborn(), &silent);
    thread.enter(2, newborn(), &lively);
    silent.entered();
    lively.entered();
    let first = lively.until(|_| true).tick;
    lively.until(|now| now.tick > first + 40);
    let snapshots = silent.link.waiting(PLAYER_STATE);
    assert!((12..=14).contains(&snapshots), "{snapshots} snapshots for one who has acknowledged none");
    silent.until(|now| now.tick > first + 8);
    silent.acknowledges = true;
    let newest = silent.history.back().unwrap().tick;
    silent.send(proto::SnapshotAcknowledge { acknowledged_tick: newest });
    silent.until(|now| now.tick > first + 40);
    thread.stop();
}

#[test]
fn a_lost_connection_may_come_back_and_a_new_link_replaces_the_old() {
    let mut thread = Thread::start(8);
    let mut first = Client::new();
    thread.enter(1, newborn(), &first);
    let entity = first.entered().entity;
    let mut second = Client::new();
    thread.enter(1, None, &second);
    assert_eq!(second.entered().entity, entity, "the character never left the world");
    assert_eq!(first.closed_with(), "SESSION_REPLACED");
    second.until(|_| true);
    second.link.cut();
    assert_eq!(thread.last_save().character.raw(), 1, "nobody came back in time");
    let third = Client::new();
    thread.enter(1, None, &third);
    assert_eq!(third.closed_with(), "GAME_NOT_JOINED");
    thread.stop();
}

#[test]
fn a_stop_closes_every_link_and_saves_everybody() {
    let thread = Thread::start(1_000);
    let mut clients = [Client::new(), Client::new(), Client::new()];
    for (raw, client) in (1..).zip(&mut clients) {
        thread.enter(raw, newborn(), client);
        client.entered();
    }
    let mut saves = thread.stop();
    let mut last = 0;
    while let Ok(SaverMessage::Progress(progress)) = saves.try_recv() {
        last += u32::from(progress.last && progress.sheet.is_some());
    }
    assert_eq!(last, 3);
    assert!(clients.iter().all(|client| client.closed_with() == "REALM_STOPPING"));
}
