//! `bench items`: items moved durably by many who wait each for the answer, in groups and one commit each; and a full character read.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use realm::{
    hooks::Hooks,
    items::{Act, Bag, Holder, Items, Spot},
    once::Answered,
    storage::{Config, Connection, Storage, StorageError, WriteFuture},
    types::{AccountId, CharacterId, CharacterName, ItemId, SystemClock},
};
use realm_world::{
    Content,
    items::{Cell, Certificate, Item},
};
use tokio::task::JoinSet;

use super::{
    Options,
    histogram::Histogram,
    ledgers, offers,
    report::{Goal, Report},
    seed::word,
    tell, trades,
};

/// Characters whose players move something at the same time.
const CHARACTERS: usize = 256;
/// Rings that each of them has beside the one that is moved.
const RINGS: u8 = 30;
/// Items of a character that has as many as there is room for.
const FULL: u32 = 400;

/// Measures moves in SQLite on the disk that holds the build, and in both databases trades, the market, and a long ledger: what waits for the disk
/// first, as long as it has not a million rows to write behind.
pub fn measure(options: &Options) -> Vec<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let tables = [moves, trades::measure, offers::measure, ledgers::measure];
    let wanted = tables.iter().zip(1..).filter(|(_, number)| options.table.is_none_or(|table| table == *number));
    wanted.map(|(measure, _)| measure(options, &runtime)).collect()
}

fn moves(options: &Options, runtime: &tokio::runtime::Runtime) -> Report {
    let mut report = Report::new("Items, SQLite, synchronous=FULL");
    for run in 1..=options.runs {
        tell(&format!("run {run} of {}", options.runs));
        runtime.block_on(once(options.quick, &mut report));
    }
    report
}

async fn once(quick: bool, report: &mut Report) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on a disk");
    let (time, characters) =
        if quick { (Duration::from_millis(400), 8) } else { (Duration::from_secs(10), CHARACTERS) };
    let stage = Stage::new(folder.path(), characters).await;
    // In turns, so that both find the same disk.
    let (mut single, mut grouped, turns) = (0.0, 0.0, 4_u32);
    for turn in 0..turns {
        single += stage.rate(1, turn, time / turns).await;
        grouped += stage.rate(characters, turn, time / turns).await;
    }
    let (single, grouped) = (single / f64::from(turns), grouped / f64::from(turns));
    report.add("moves, one commit each", "a second", None, single);
    report.add("moves, group commit", "a second", None, grouped);
    report.add("group commit to single", "times", None, grouped / single);
    let reads = stage.read_full(if quick { 5 } else { 200 }).await;
    report.add("a full character (400 items) read, p50", "ms", Some(Goal::AtMost(3.0)), reads.quantile_ms(0.5));
    report.add("a full character (400 items) read, p99", "ms", None, reads.quantile_ms(0.99));
    stage.storage.close().await;
}

/// A database with characters that have something.
struct Stage {
    storage: Storage,
    items: Items,
    /// Each with the ring that it moves.
    owners: Vec<(Holder, ItemId)>,
    full: Holder,
}

impl Stage {
    async fn new(folder: &Path, characters: usize) -> Self {
        let storage = Storage::open(&Config::default(), folder, 0, Arc::new(SystemClock)).await.expect("a database");
        storage.write(move |connection| fill(connection, characters + 1)).await.expect("characters");
        let items = Items::new("main", storage.clone(), Content::builtin(), Hooks::without_plugins());
        let holder = |number: u64| Holder::resting(AccountId::from_raw(1), CharacterId::from_raw(number));
        let mut tasks = JoinSet::new();
        for number in 1..=characters as u64 {
            let (items, holder) = (items.clone(), holder(number));
            tasks.spawn(async move {
                let mut last = ItemId::from_raw(0);
                for ring in 0..RINGS {
                    last = find(&items, holder, u32::from(ring)).await;
                }
                (holder, last)
            });
        }
        let owners = tasks.join_all().await;
        let full = holder(characters as u64 + 1);
        for number in 0..FULL {
            // What is found is laid aside, page by page.
            let ring = find(&items, full, number).await;
            let (page, place) = (number / 100, number % 100);
            let small = |number: u32| u8::try_from(number).expect("a small number");
            let cell = Cell { x: small(place % 10), y: small(place / 10) };
            let to = Spot::In(Bag::Stash { page: small(page) }, cell);
            act(&items, full, Act::Move { item: ring, to }).await;
        }
        Self { storage, items, owners, full }
    }

    /// Moves a second by so many who each wait for the answer before they move again.
    async fn rate(&self, movers: usize, turn: u32, time: Duration) -> f64 {
        let begin = Instant::now();
        let mut tasks = JoinSet::new();
        for (holder, ring) in self.owners.iter().take(movers).copied() {
            let items = self.items.clone();
            tasks.spawn(async move {
                let mut moves = 0_u32;
                loop {
                    let x = u8::try_from((moves + turn) % 2).expect("a small number");
                    let to = Spot::In(Bag::Cube, Cell { x, y: 3 });
                    act(&items, holder, Act::Move { item: ring, to }).await;
                    moves += 1;
                    if begin.elapsed() >= time {
                        return moves;
                    }
                }
            });
        }
        let moves: u32 = tasks.join_all().await.into_iter().sum();
        f64::from(moves) / begin.elapsed().as_secs_f64()
    }

    async fn read_full(&self, times: usize) -> Histogram {
        let mut reads = Histogram::default();
        for _ in 0..times {
            let begin = Instant::now();
            let belongings = self.items.of(self.full.character).await.expect("the database answers");
            reads.record(begin.elapsed());
            assert_eq!(belongings.items.len(), FULL as usize);
        }
        reads
    }
}

async fn act(items: &Items, holder: Holder, act: Act) {
    let done = items.act(holder, act, None).await.expect("there is room");
    assert!(matches!(done, Answered::Now(_)));
}

async fn find(items: &Items, holder: Holder, number: u32) -> ItemId {
    let ring = Item { level: 1 + number % 90, ..items.catalogue().plain("ring", 1).expect("the pack has rings") };
    let birth = Certificate::new(holder.character.raw(), 1, number, 7, Vec::new());
    items.born_on_pick_up(holder, ring, birth).await.expect("there is room").item
}

fn fill(connection: &mut Connection, characters: usize) -> WriteFuture<'_, Result<(), StorageError>> {
    Box::pin(async move {
        let account = "INSERT INTO accounts (id, name, folded, password, role, created_ms, version)
            VALUES (1, 'Owner', 'owner', '-', 'player', 0, 1)";
        sqlx::query(account).execute(&mut *connection).await?;
        for number in 0..characters {
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
