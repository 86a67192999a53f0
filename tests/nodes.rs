//! Two nodes that share a realm over one PostgreSQL: a node that stands still, or is killed, loses its characters to the other, and can
//! never overwrite what the other made of them. Mistakes made on purpose show that these tests would see them.

use std::time::{Duration, Instant};

use realm::types::faults::Bug;
use realm_client::{ClientError, Endpoint, GameConnection, GameUpdate, Rest, proto};
use rustix::process::Signal;
use sqlx::{Connection as _, PgConnection, Row as _};

use crate::{
    harness::{
        DEADLINE, PASSWORD, eventually,
        fault_proxy::{Fault, FaultProxy},
        program::{Site, Up},
    },
    load::metrics::Metrics,
};

/// Characters that one stop of a node lets lapse together.
const HEROES: usize = 10;
/// Short leases, so that a lapse does not take long, and long enough for a machine that stumbles.
const LEASE_MS: u32 = 3_000;
const RENEW_MS: u32 = 500;

fn long() -> bool {
    std::env::var_os("REALM_TEST_LONG").is_some()
}

/// A node: a process over a data folder of its own.
struct Node {
    site: Site,
    up: Up,
}

impl Node {
    fn start(database: &realm_postgres::Database, number: usize, faults: &[(&str, String)]) -> Self {
        Self::over(Site::empty(), database.url(), number, faults)
    }

    /// Starts over a folder that a former process may have left.
    fn over(site: Site, url: String, number: usize, faults: &[(&str, String)]) -> Self {
        let mut command = site.realm(&["up", "--data", "realm-data"]);
        let settings = [
            ("STORAGE__URL", url),
            ("NODE__ID", number.to_string()),
            ("REALM__SHARED", "true".to_owned()),
            ("CHARACTERS__LEASE_MS", LEASE_MS.to_string()),
            ("CHARACTERS__LEASE_RENEW_MS", RENEW_MS.to_string()),
            ("GAMES__AUTOSAVE_SECONDS", "1".to_owned()),
            ("GAMES__LOGS", "false".to_owned()),
            ("NET__SILENCE_MAX_MS", "600000".to_owned()),
            // It is asked again and again until something is so.
            ("SESSION__REQUEST_BURST", "10000".to_owned()),
            ("SESSION__REQUEST_PER_MINUTE", "60000".to_owned()),
            ("TELEMETRY__LOG", "error".to_owned()),
        ];
        for (key, value) in settings {
            command.env(format!("REALM__{key}"), value);
        }
        for (key, value) in faults {
            command.env(key, value);
        }
        let up = Up::start(&mut command);
        Self { site, up }
    }

    fn endpoint(&self) -> Endpoint {
        self.site.endpoint()
    }

    async fn metrics(&self) -> Metrics {
        let address = self.up.banner().split("http://").nth(1).and_then(|rest| rest.split('/').next());
        let address = address.and_then(|address| address.parse().ok()).expect("the banner names the metrics");
        tokio::task::spawn_blocking(move || Metrics::scrape(address)).await.expect("the scrape ends")
    }

    /// Stands still, as a machine does that is paused.
    fn pause(&self) {
        self.up.signal(Signal::STOP);
    }

    fn go_on(&self) {
        self.up.signal(Signal::CONT);
    }
}

/// An account with a character, logged in at both nodes.
struct Hero {
    name: String,
    character: u64,
    rests: [Rest; 2],
}

impl Hero {
    async fn new(nodes: [&Node; 2], name: &str) -> Self {
        let mut rests = nodes.map(|node| Rest::new(&node.endpoint()));
        rests[0].register(name, PASSWORD).await.expect("registering");
        for rest in &mut rests {
            rest.login(name, PASSWORD).await.expect("logging in");
        }
        let character = rests[0].create_character(&format!("{name}-hero"), "Druid", false).await.expect("a character");
        Self { name: name.to_owned(), character: character.id, rests }
    }

    /// Enters a game of its own on a node.
    async fn play(
        &mut self,
        node: usize,
        endpoint: &Endpoint,
    ) -> Result<(proto::GameTicket, GameConnection), ClientError> {
        let game = proto::GameCreate { name: format!("Of-{}", self.name), ..Default::default() };
        let ticket = self.rests[node].create_game(self.character, &game).await?;
        let game = GameConnection::enter(endpoint, &ticket).await?;
        Ok((ticket, game))
    }

    /// The same as soon as it is possible; how long it took.
    async fn play_when_free(&mut self, node: usize, endpoint: &Endpoint) -> (proto::GameTicket, GameConnection) {
        eventually("the character is free", async || match self.play(node, endpoint).await {
            Ok(played) => Some(played),
            Err(error) => {
                let code = error.code().unwrap_or_default();
                assert!(["CHARACTER_BUSY", "STORAGE_UNAVAILABLE", "GAME_JOINED_ALREADY"].contains(&code), "{error}");
                None
            }
        })
        .await
    }
}

async fn heroes(nodes: [&Node; 2], count: usize) -> Vec<Hero> {
    let mut heroes = Vec::new();
    for number in 0..count {
        let letter = |number: usize| char::from(b'a' + u8::try_from(number % 26).expect("a letter"));
        heroes.push(Hero::new(nodes, &format!("Hero{}{}", letter(number / 26), letter(number))).await);
    }
    heroes
}

/// What is stored of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stored {
    version: i64,
    play_time_ms: i64,
    epoch: i64,
}

async fn stored(database: &realm_postgres::Database, character: u64) -> Stored {
    let mut connection = PgConnection::connect(&database.url()).await.expect("the database answers");
    let row = sqlx::query("SELECT version, play_time_ms, lease_epoch FROM characters WHERE id = $1")
        .bind(i64::try_from(character).expect("a key has 63 bits"))
        .fetch_one(&mut connection)
        .await
        .expect("it is stored");
    Stored { version: row.get(0), play_time_ms: row.get(1), epoch: row.get(2) }
}

/// Reads a game's connection until the game closes it; with which code.
async fn closed_with(mut game: GameConnection) -> String {
    loop {
        match game.next().await {
            Ok(GameUpdate::Message(realm_client::ServerMessage::Error(error))) => return error.code,
            Ok(_) | Err(ClientError::Deadline { .. }) => {}
            Err(error) => return error.code().unwrap_or("no code").to_owned(),
        }
    }
}

async fn stale_saves(node: &Node) -> f64 {
    node.metrics().await.value("realm_character_stale_saves_total")
}

/// How many characters are not as the node that took them over left them.
async fn overwritten(database: &realm_postgres::Database, heroes: &[Hero], taken: &[Stored]) -> usize {
    let mut overwritten = 0;
    for (hero, taken) in heroes.iter().zip(taken) {
        overwritten += usize::from(stored(database, hero.character).await != *taken);
    }
    overwritten
}

/// Lets a node stand still while the other takes its characters over and plays them, and lets it go on until it has given them all up; how
/// many it has overwritten.
async fn lapse(database: &realm_postgres::Database, [first, second]: [&Node; 2], heroes: &mut [Hero]) -> usize {
    let mut games = tokio::task::JoinSet::new();
    for hero in heroes.iter_mut() {
        let (_, mut game) = hero.play_when_free(0, &first.endpoint()).await;
        let snapshot = |update: &GameUpdate| matches!(update, GameUpdate::Snapshot(_)).then_some(());
        game.wait_for(DEADLINE, snapshot).await.expect("the game runs");
        games.spawn(closed_with(game));
    }
    first.pause();
    let mut taken = Vec::new();
    for hero in heroes.iter_mut() {
        let (ticket, game) = hero.play_when_free(1, &second.endpoint()).await;
        let id = ticket.game.expect("a ticket names its game").id;
        // Its departure is saved.
        hero.rests[1].leave_game(id).await.expect("leaving");
        drop(game);
        taken.push(stored(database, hero.character).await);
    }
    first.go_on();
    eventually("the stale node has given everything up", async || {
        while let Some(closed) = games.try_join_next() {
            let code = closed.expect("reading goes on to the end");
            assert!(["STORAGE_UNAVAILABLE", "CHARACTER_BUSY"].contains(&code.as_str()), "{code} says why");
        }
        (games.is_empty() || overwritten(database, heroes, &taken).await > 0).then_some(())
    })
    .await;
    overwritten(database, heroes, &taken).await
}

fn bugs(names: &[Bug]) -> (&'static str, String) {
    ("REALM_FAULT_BUGS", names.iter().map(|bug| bug.name()).collect::<Vec<_>>().join(","))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stood_still_while_another_took_over_overwrites_nothing() {
    let rounds = if long() { 100 } else { 5 };
    let database = realm_postgres::database();
    // One node stops itself by its own clock; the other's does not tell it, and what it writes has to be refused.
    for (share, never_stops) in [(rounds - rounds / 2, false), (rounds / 2, true)] {
        let faults = if never_stops { vec![bugs(&[Bug::HolderNeverStops])] } else { Vec::new() };
        let first = Node::start(&database, 0, &faults);
        let second = Node::start(&database, 1, &[]);
        let mut heroes = Vec::new();
        for number in 0..HEROES {
            let letter = char::from(b'a' + u8::try_from(number).expect("a letter"));
            let family = if never_stops { "Stale" } else { "Hero" };
            heroes.push(Hero::new([&first, &second], &format!("{family}{letter}")).await);
        }
        for _ in 0..share {
            assert_eq!(lapse(&database, [&first, &second], &mut heroes).await, 0, "stale writes");
        }
        let refused = stale_saves(&first).await;
        println!("{} lapsed leases, 0 stale writes accepted, {refused} refused", share * HEROES);
        assert!(!never_stops || refused > 0.0, "stale saves were tried");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_without_version_and_epoch_is_seen() {
    let database = realm_postgres::database();
    let first = Node::start(&database, 0, &[bugs(&[Bug::HolderNeverStops, Bug::SaveWithoutVersion])]);
    let second = Node::start(&database, 1, &[]);
    let mut heroes = heroes([&first, &second], 2).await;
    assert!(lapse(&database, [&first, &second], &mut heroes).await > 0, "the mistake has to be seen");
}

/// Longer than any lease, or until a mistake has to have shown itself.
fn watched(bug: Option<Bug>) -> Duration {
    if bug.is_some() { DEADLINE } else { Duration::from_millis(LEASE_MS.into()) * 2 }
}

/// Plays on the first node; true when the second refuses the character all the while.
async fn is_held_while_played(
    database: &realm_postgres::Database,
    nodes: [&Node; 2],
    disconnect: bool,
    longest: Duration,
) -> bool {
    let mut hero = Hero::new(nodes, "Maren").await;
    // Where nodes take each other for dead, nobody plays for long.
    let Ok((_, mut game)) = hero.play(0, &nodes[0].endpoint()).await else { return false };
    let snapshot = |update: &GameUpdate| matches!(update, GameUpdate::Snapshot(_)).then_some(());
    if game.wait_for(DEADLINE, snapshot).await.is_err() {
        return false;
    }
    let epoch = stored(database, hero.character).await.epoch;
    let reading = (!disconnect).then(|| tokio::spawn(closed_with(game)));
    let until = Instant::now() + longest;
    while Instant::now() < until {
        let Err(error) = hero.play(1, &nodes[1].endpoint()).await else { return false };
        if error.code() != Some("CHARACTER_BUSY") {
            return false;
        }
    }
    // All the while it was one and the same lease, and the game goes on.
    let goes_on = reading.is_none_or(|reading| !reading.is_finished());
    goes_on && stored(database, hero.character).await.epoch == epoch
}

#[tokio::test(flavor = "multi_thread")]
async fn a_character_has_one_holder_while_its_connection_is_lost_and_a_lease_that_goes_back_then_is_seen() {
    for (bug, held) in [(None, true), (Some(Bug::ReleaseOnDisconnect), false)] {
        let database = realm_postgres::database();
        let faults: Vec<_> = bug.map(|bug| bugs(&[bug])).into_iter().collect();
        let nodes = [Node::start(&database, 0, &faults), Node::start(&database, 1, &[])];
        let is_held = is_held_while_played(&database, [&nodes[0], &nodes[1]], true, watched(bug)).await;
        assert_eq!(is_held, held, "{bug:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_an_hour_ahead_takes_nothing_over_and_leases_by_such_a_clock_are_seen() {
    let ahead = ("REALM_FAULT_CLOCK_MS", "3600000".to_owned());
    for (bug, held) in [(None, true), (Some(Bug::LeaseByWallClock), false)] {
        let database = realm_postgres::database();
        let faults: Vec<_> = bug.map(|bug| bugs(&[bug])).into_iter().collect();
        let second = [&faults[..], std::slice::from_ref(&ahead)].concat();
        let nodes = [Node::start(&database, 0, &faults), Node::start(&database, 1, &second)];
        let is_held = is_held_while_played(&database, [&nodes[0], &nodes[1]], false, watched(bug)).await;
        assert_eq!(is_held, held, "{bug:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_nodes_characters_are_playable_on_the_other_when_their_lease_is_over() {
    let database = realm_postgres::database();
    let (first, second) = (Node::start(&database, 0, &[]), Node::start(&database, 1, &[]));
    let mut hero = Hero::new([&first, &second], "Maren").await;
    let _playing = hero.play(0, &first.endpoint()).await.expect("playing");
    first.up.end(Signal::KILL);
    let killed = Instant::now();
    hero.play_when_free(1, &second.endpoint()).await;
    println!("playable on the other node {:?} after the kill, with leases of {LEASE_MS} ms", killed.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_that_is_started_again_over_its_folder_waits_for_no_lease() {
    let database = realm_postgres::database();
    let lease = Duration::from_secs(600);
    let patient = [("REALM__CHARACTERS__LEASE_MS", lease.as_millis().to_string())];
    let node = Node::start(&database, 0, &patient);
    let mut hero = Hero::new([&node, &node], "Maren").await;
    let _playing = hero.play(0, &node.endpoint()).await.expect("playing");
    let Node { site, up } = node;
    up.end(Signal::KILL);
    let killed = Instant::now();
    let again = Node::over(site, database.url(), 0, &patient);
    hero.rests[0] = Rest::new(&again.endpoint());
    hero.rests[0].login(&hero.name, PASSWORD).await.expect("logging in");
    hero.play(0, &again.endpoint()).await.expect("the lock on the folder proves that its holder is dead");
    assert!(killed.elapsed() < lease, "not because its time was over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_cut_off_from_the_database_gives_its_characters_up_and_comes_back_by_itself() {
    let database = realm_postgres::database();
    let url = database.url();
    let server = url.split('@').nth(1).and_then(|rest| rest.split('/').next()).expect("an address");
    let proxy = FaultProxy::before(server.parse().expect("an address")).await;
    let through = url.replace(server, &format!("127.0.0.1:{}", proxy.port()));
    let (first, second) = (Node::over(Site::empty(), through, 0, &[]), Node::start(&database, 1, &[]));
    let mut heroes = heroes([&first, &second], 2).await;
    for (hero, fault) in heroes.iter_mut().zip([Fault::BothSilent, Fault::Cut]) {
        let (_, game) = hero.play_when_free(0, &first.endpoint()).await;
        let reading = tokio::spawn(closed_with(game));
        proxy.set(fault);
        let code = tokio::time::timeout(DEADLINE, reading).await.expect("it leaves its game").expect("reading goes on");
        assert_eq!(code, "STORAGE_UNAVAILABLE", "{fault:?}");
        let (ticket, game) = hero.play_when_free(1, &second.endpoint()).await;
        hero.rests[1].leave_game(ticket.game.expect("a ticket names its game").id).await.expect("leaving");
        drop(game);
        proxy.set(Fault::None);
        // Its own restart is nobody's work.
        hero.play_when_free(0, &first.endpoint()).await;
        assert!(stale_saves(&first).await < 1.0, "it has stopped itself, and tries nothing");
    }
}
