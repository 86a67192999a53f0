//! `bench storage`: characters saved durably, many in one commit and each in its own, and how long one waits for its answer.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use realm::{
    storage::{Config, Storage, StorageError},
    types::SystemClock,
};
use tokio::{task::JoinSet, time::MissedTickBehavior};

use super::{
    Options,
    histogram::Histogram,
    report::{Goal, Report},
    tell,
};

/// Characters that are saved, and that wait for their saves at the same time.
const CHARACTERS: i64 = 512;
/// The rate at which answers are timed: as many saves a second as a full realm makes.
const PACE_PER_SECOND: u64 = 1_000;
/// Saves that begin together at that pace, as those of one tick do.
const BURST: u64 = 40;

/// Measures SQLite on the disk that holds the build.
pub fn measure(options: &Options) -> Vec<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let mut report = Report::new("Durable saves of characters, SQLite, synchronous=FULL");
    for run in 1..=options.runs {
        tell(&format!("run {run} of {}", options.runs));
        let time = Duration::from_millis(if options.quick { 300 } else { 10_000 });
        runtime.block_on(once(time, &mut report));
    }
    vec![report]
}

async fn once(time: Duration, report: &mut Report) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on a disk");
    let storage = open(folder.path()).await;
    // In turns, so that both find the same disk.
    let (mut single, mut grouped, turns) = (0.0, 0.0, 4_u32);
    for _ in 0..turns {
        single += rate(&storage, 1, time / turns).await;
        grouped += rate(&storage, CHARACTERS, time / turns).await;
    }
    let (single, grouped) = (single / f64::from(turns), grouped / f64::from(turns));
    report.add("one commit per save", "a second", None, single);
    report.add("group commit", "a second", None, grouped);
    report.add("group commit to single", "times", Some(Goal::AtLeast(10.0)), grouped / single);
    let (waits, done) = paced(&storage, time).await;
    report.add("answer p50 at 1,000 saves a second", "ms", None, waits.quantile_ms(0.5));
    report.add("answer p99 at 1,000 saves a second", "ms", Some(Goal::AtMost(250.0)), waits.quantile_ms(0.99));
    report.add("saves at that pace", "a second", Some(Goal::AtLeast(990.0)), done);
    storage.close().await;
}

async fn open(folder: &Path) -> Storage {
    let storage = Storage::open(&Config::default(), folder, 0, Arc::new(SystemClock)).await.expect("an empty database");
    let fill = storage.write::<_, StorageError, _>(|connection| {
        Box::pin(async move {
            let account = "INSERT INTO accounts (id, name, folded, password, role, created_ms, version)
                VALUES (1, 'Saver', 'saver', '-', 'player', 0, 1)";
            sqlx::query(account).execute(&mut *connection).await?;
            for id in 0..CHARACTERS {
                sqlx::query(
                    "INSERT INTO characters (id, realm, account, name, folded, class, level, experience, strength,
                     dexterity, vitality, energy, hardcore, dead, created_ms, play_time_ms, version, lease_epoch, leased)
                     VALUES ($1, 'main', 1, $2, $2, 'Druid', 1, 0, 20, 20, 20, 20, 0, 0, 0, 0, 1, 1, 1)",
                )
                .bind(id)
                .bind(format!("hero {id}"))
                .execute(&mut *connection)
                .await?;
            }
            Ok(())
        })
    });
    fill.await.expect("characters to save");
    storage
}

/// The save of a character in a game, under its lease and over its version.
async fn save(storage: &Storage, id: i64, number: i64) {
    let saved = storage.write::<_, StorageError, _>(move |connection| {
        Box::pin(async move {
            let row = sqlx::query(
                "UPDATE characters SET level = $4, experience = $5, strength = $4, dexterity = $4, vitality = $4,
                 energy = $4, dead = 0, played_last_ms = $5, play_time_ms = $5, version = version + 1
                 WHERE id = $1 AND lease_epoch = $2 AND version >= $3 AND leased = 1 RETURNING version",
            )
            .bind(id)
            .bind(1_i64)
            .bind(1_i64)
            .bind(number % 99 + 1)
            .bind(number)
            .fetch_optional(connection)
            .await?;
            Ok(row.is_some())
        })
    });
    assert!(saved.await.expect("the disk takes it"), "the lease holds");
}

/// Saves a second by so many who each wait for the answer before they save again.
async fn rate(storage: &Storage, savers: i64, time: Duration) -> f64 {
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for id in 0..savers {
        let storage = storage.clone();
        tasks.spawn(async move {
            let mut number = 0;
            while begin.elapsed() < time {
                save(&storage, id, number).await;
                number += 1;
            }
            number
        });
    }
    let saves: i64 = tasks.join_all().await.into_iter().sum();
    // Fewer than 2^52.
    #[allow(clippy::cast_precision_loss, reason = "a count of seconds' work")]
    let saves = saves as f64;
    saves / begin.elapsed().as_secs_f64()
}

/// Saves at a steady pace, and how long each waited; with the saves a second that were answered.
async fn paced(storage: &Storage, time: Duration) -> (Histogram, f64) {
    let waits = Arc::new(Mutex::new(Histogram::default()));
    let mut ticks = tokio::time::interval(Duration::from_millis(BURST * 1_000 / PACE_PER_SECOND));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let bursts = u64::try_from(time.as_millis()).unwrap_or(u64::MAX) * PACE_PER_SECOND / 1_000 / BURST;
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for burst in 0..bursts {
        ticks.tick().await;
        for place in 0..BURST {
            let (storage, waits) = (storage.clone(), Arc::clone(&waits));
            let number = i64::try_from(burst * BURST + place).expect("a small number");
            tasks.spawn(async move {
                let asked = Instant::now();
                save(&storage, number % CHARACTERS, number).await;
                waits.lock().expect("nobody panics with it").record(asked.elapsed());
            });
        }
    }
    tasks.join_all().await;
    let done = f64::from(u32::try_from(bursts * BURST).expect("a small number")) / begin.elapsed().as_secs_f64();
    let waits = Arc::try_unwrap(waits).expect("all have ended").into_inner().expect("nobody panicked");
    (waits, done)
}
