//! `bench storage`: how soon a big ladder is read, in both databases.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use realm::{
    hooks::Hooks,
    ladder::Ladder,
    storage::{Config, Connection, Storage, StorageError, WriteFuture},
    types::{CharacterId, SystemClock},
};

use super::{
    Options,
    histogram::Histogram,
    report::{Goal, Report},
    tell,
};

/// Characters of the ladder; of a smoke run.
const CHARACTERS: i64 = 1_000_000;
const CHARACTERS_QUICK: i64 = 2_000;
/// Characters that are put into the database at once.
const PIECE: i64 = 50_000;
/// Places that are asked for.
const PLACES: u32 = 50;

/// Measures a ladder that was put into each database beforehand.
pub fn measure(options: &Options, runtime: &tokio::runtime::Runtime) -> Report {
    let count = if options.quick { CHARACTERS_QUICK } else { CHARACTERS };
    let mut report = Report::new(&format!("A ladder of {count} characters"));
    for over_server in [false, true] {
        let name = if over_server { "PostgreSQL" } else { "SQLite" };
        tell(&format!("a ladder of {count} characters in {name}"));
        runtime.block_on(over(options, over_server.then(realm_postgres::database), name, count, &mut report));
    }
    report
}

async fn over(
    options: &Options,
    server: Option<realm_postgres::Database>,
    name: &str,
    count: i64,
    report: &mut Report,
) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on a disk");
    let config = Config { url: server.as_ref().map(realm_postgres::Database::url).unwrap_or_default() };
    let storage = Storage::open(&config, folder.path(), 0, Arc::new(SystemClock)).await.expect("an empty database");
    for begin in (0..count).step_by(usize::try_from(PIECE).expect("a small number")) {
        let end = (begin + PIECE).min(count);
        storage.write::<_, StorageError, _>(move |connection| fill(connection, begin, end)).await.expect("a ladder");
    }
    if server.is_some() {
        // A server looks at its tables by itself within a minute of so many changes; here nobody waits for that.
        let looked = storage.write::<_, StorageError, _>(|connection| Box::pin(look_at_tables(connection))).await;
        looked.expect("figures of the tables");
    }
    let ladder = Ladder::new("main", storage.clone(), Hooks::without_plugins());
    for _ in 0..options.runs {
        let time = Duration::from_millis(if options.quick { 100 } else { 5_000 });
        let (mut waits, begin) = (Histogram::default(), Instant::now());
        loop {
            let asked = Instant::now();
            let best = ladder.top(None, PLACES).await.expect("a ladder");
            waits.record(asked.elapsed());
            assert_eq!((best.len(), best[0].rank), (50, 1));
            if begin.elapsed() >= time {
                break;
            }
        }
        add(report, &format!("{name}: top {PLACES}"), &waits);
        // The marks are made once a minute, and not counted.
        let first = ladder.around(CharacterId::from_raw(10), PLACES / 2).await.expect("a ladder");
        assert!(first.len() > 25);
        let (mut waits, begin, mut character) = (Histogram::default(), Instant::now(), 1);
        loop {
            character = (character * 48_271) % 2_147_483_647;
            let asked = Instant::now();
            let id = CharacterId::from_raw(10 + character % count.unsigned_abs());
            let seen = ladder.around(id, PLACES / 2).await.expect("a ladder");
            waits.record(asked.elapsed());
            assert!(seen.iter().any(|entry| entry.character == id));
            if begin.elapsed() >= time {
                break;
            }
        }
        add(report, &format!("{name}: around a character"), &waits);
    }
    storage.close().await;
}

fn add(report: &mut Report, what: &str, waits: &Histogram) {
    report.add(&format!("{what}, median"), "ms", Some(Goal::AtMost(2.0)), waits.quantile_ms(0.5));
    report.add(&format!("{what}, p99"), "ms", None, waits.quantile_ms(0.99));
}

async fn look_at_tables(connection: &mut Connection) -> Result<(), StorageError> {
    sqlx::query("ANALYZE").execute(connection).await?;
    Ok(())
}

/// Characters with scores, spread as those of players are: no two neighbours in the ladder are neighbours in the table.
fn fill(connection: &mut Connection, begin: i64, end: i64) -> WriteFuture<'_, Result<(), StorageError>> {
    Box::pin(async move {
        if begin == 0 {
            let account = "INSERT INTO accounts (id, name, folded, password, role, created_ms, version)
                VALUES (1, 'Climber', 'climber', '-', 'player', 0, 1)";
            sqlx::query(account).execute(&mut *connection).await?;
        }
        for statement in [
            "WITH RECURSIVE numbers (n) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < $2)
             INSERT INTO characters (id, realm, account, name, folded, class, level, experience, strength, dexterity,
             vitality, energy, hardcore, dead, created_ms, play_time_ms, version, lease_epoch, leased)
             SELECT n + 10, 'main', 1, 'Climber', CAST(n AS TEXT), 'Druid', 1 + n % 99, n, 20, 20, 20, 20, 0, 0, 0, 0, 1, 0, 0
             FROM numbers",
            "WITH RECURSIVE numbers (n) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < $2)
             INSERT INTO ladder_scores (character_id, realm, class, score, level, experience, dead, scored_ms,
             character_version, tie_break)
             SELECT n + 10, 'main', 'Druid', (n * 7919) % 1000003 * 100, 1 + n % 99, n, 0, n, 1, 0 FROM numbers",
        ] {
            sqlx::query(statement).bind(begin).bind(end).execute(&mut *connection).await?;
        }
        Ok(())
    })
}
