//! `bench storage`: characters saved durably as games save them, many in one commit and each in its own, and how long one waits for its
//! answer.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use realm::{
    characters::{self, Characters, Lease, Place},
    hooks::Hooks,
    storage::{Config, Storage, StorageError},
    types::{AccountId, CharacterId, CharacterName, SystemClock},
};
use realm_world::Sheet;
use tokio::{task::JoinSet, time::MissedTickBehavior};

use super::{
    Options,
    histogram::Histogram,
    ladders, logins,
    report::{Goal, Report},
    seed::word,
    tell,
};

/// Characters that are saved, and that wait for their saves at the same time.
const CHARACTERS: usize = 512;
/// The rate at which answers are timed: as many saves a second as a full realm makes.
const PACE_PER_SECOND: u64 = 1_000;
/// Saves that begin together at that pace, as those of one tick do.
const BURST: u64 = 40;

/// Measures SQLite on the disk that holds the build, log-ins of the whole program, and a big ladder in both databases.
pub fn measure(options: &Options) -> Vec<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let mut report = Report::new("Durable saves of characters, SQLite, synchronous=FULL");
    for run in 1..=options.runs {
        tell(&format!("run {run} of {}", options.runs));
        let time = Duration::from_millis(if options.quick { 300 } else { 10_000 });
        runtime.block_on(once(time, &mut report));
    }
    vec![report, logins::measure(options), ladders::measure(options, &runtime)]
}

async fn once(time: Duration, report: &mut Report) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on a disk");
    let players = Players::new(folder.path()).await;
    // In turns, so that both find the same disk.
    let (mut single, mut grouped, turns) = (0.0, 0.0, 4_u32);
    for _ in 0..turns {
        single += rate(&players, 1, time / turns).await;
        grouped += rate(&players, CHARACTERS, time / turns).await;
    }
    let (single, grouped) = (single / f64::from(turns), grouped / f64::from(turns));
    report.add("one commit per save", "a second", None, single);
    report.add("group commit", "a second", None, grouped);
    report.add("group commit to single", "times", Some(Goal::AtLeast(10.0)), grouped / single);
    let (waits, done) = paced(&players, time).await;
    report.add("answer p50 at 1,000 saves a second", "ms", None, waits.quantile_ms(0.5));
    report.add("answer p99 at 1,000 saves a second", "ms", Some(Goal::AtMost(250.0)), waits.quantile_ms(0.99));
    report.add("saves at that pace", "a second", Some(Goal::AtLeast(990.0)), done);
    players.storage.close().await;
}

/// A character in a game: its lease, and what it has become.
struct Player {
    lease: Lease,
    sheet: Sheet,
}

/// Characters in games.
struct Players {
    storage: Storage,
    characters: Characters,
    players: Vec<Arc<tokio::sync::Mutex<Player>>>,
}

impl Players {
    async fn new(folder: &Path) -> Self {
        let storage = Storage::open(&Config::default(), folder, 0, Arc::new(SystemClock)).await.expect("a database");
        storage.write(fill).await.expect("characters to save");
        let config = characters::Config::default();
        let characters = Characters::start(&config, &[("main", "")], storage.clone(), Hooks::without_plugins());
        let characters = characters.await.expect("characters");
        let mut players = Vec::new();
        for id in 1..=CHARACTERS as u64 {
            let taken = characters.take(AccountId::from_raw(1), CharacterId::from_raw(id)).await;
            let (character, lease) = taken.expect("nobody plays it");
            players.push(Arc::new(tokio::sync::Mutex::new(Player { lease, sheet: character.sheet })));
        }
        Self { storage, characters, players }
    }
}

fn fill(connection: &mut realm::storage::Connection) -> realm::storage::WriteFuture<'_, Result<(), StorageError>> {
    Box::pin(async move {
        let account = "INSERT INTO accounts (id, name, folded, password, role, created_ms, version)
            VALUES (1, 'Saver', 'saver', '-', 'player', 0, 1)";
        sqlx::query(account).execute(&mut *connection).await?;
        for number in 0..CHARACTERS {
            let name = CharacterName::new(format!("Hero-{}", word(number))).expect("a legal name");
            sqlx::query(
                "INSERT INTO characters (id, realm, account, name, folded, class, level, experience, strength,
                 dexterity, vitality, energy, hardcore, dead, created_ms, play_time_ms, version, lease_epoch, leased)
                 VALUES ($1, 'main', 1, $2, $3, 'Druid', 1, 0, 20, 20, 20, 20, 0, 0, 0, 0, 1, 0, 0)",
            )
            .bind(i64::try_from(number + 1).expect("a small number"))
            .bind(name.as_str())
            .bind(name.folded())
            .execute(&mut *connection)
            .await?;
        }
        Ok(())
    })
}

/// Saves what a second of play made of a character: it has learnt something, and gone somewhere.
async fn save(characters: &Characters, player: &tokio::sync::Mutex<Player>) {
    let mut player = player.lock().await;
    let Player { lease, sheet } = &mut *player;
    sheet.experience += 7;
    let x = i32::try_from(sheet.experience % 10_000).expect("a small number");
    let place = Place { zone: 1, x, y: -x };
    characters.save(lease, sheet, Some(place), 1_000).await.expect("the disk takes it, and the lease holds");
}

/// Saves a second by so many who each wait for the answer before they save again.
async fn rate(players: &Players, savers: usize, time: Duration) -> f64 {
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for player in players.players.iter().take(savers).map(Arc::clone) {
        let characters = players.characters.clone();
        tasks.spawn(async move {
            let mut saves = 0_u32;
            loop {
                save(&characters, &player).await;
                saves += 1;
                if begin.elapsed() >= time {
                    return saves;
                }
            }
        });
    }
    let saves: u32 = tasks.join_all().await.into_iter().sum();
    f64::from(saves) / begin.elapsed().as_secs_f64()
}

/// Saves at a steady pace, and how long each waited; with the saves a second that were answered.
async fn paced(players: &Players, time: Duration) -> (Histogram, f64) {
    let waits = Arc::new(Mutex::new(Histogram::default()));
    let mut ticks = tokio::time::interval(Duration::from_millis(BURST * 1_000 / PACE_PER_SECOND));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let bursts = u64::try_from(time.as_millis()).unwrap_or(u64::MAX) * PACE_PER_SECOND / 1_000 / BURST;
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for burst in 0..bursts {
        ticks.tick().await;
        for place in 0..BURST {
            let number = usize::try_from(burst * BURST + place).expect("a small number");
            let (characters, player) = (players.characters.clone(), Arc::clone(&players.players[number % CHARACTERS]));
            let waits = Arc::clone(&waits);
            tasks.spawn(async move {
                let asked = Instant::now();
                save(&characters, &player).await;
                waits.lock().expect("nobody panics with it").record(asked.elapsed());
            });
        }
    }
    tasks.join_all().await;
    let done = f64::from(u32::try_from(bursts * BURST).expect("a small number")) / begin.elapsed().as_secs_f64();
    let waits = Arc::try_unwrap(waits).expect("all have ended").into_inner().expect("nobody panicked");
    (waits, done)
}
