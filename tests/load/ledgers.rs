//! `bench items`: a ledger of ten million lines and a million items in each database, and the verbs with which an operator looks at them: the
//! history of an item, asked of a running realm, and the looks at the whole ledger and at all items.

use std::{
    fmt::Write as _,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use realm::{
    audit::{Chained as _, FIRST},
    items::{LedgerLine, Side},
    storage::{Config, Connection, Storage, StorageError, WriteFuture},
    types::SystemClock,
};
use realm_world::{Content, items::Item};
use sqlx::AssertSqlSafe;

use super::{
    Options,
    histogram::Histogram,
    machine::{Cores, on_core},
    report::{Goal, Report},
    tell,
};
use crate::harness::program::{Site, Up};

/// Items that there are, each with the line of its birth; of a smoke run.
const ITEMS: i64 = 1_000_000;
const ITEMS_QUICK: i64 = 3_000;
/// Lines of the whole ledger; of a smoke run.
const LINES: i64 = 10_000_000;
const LINES_QUICK: i64 = 20_000;
/// Rows that are written in one transaction, and in one statement.
const PIECE: i64 = 20_000;
const ROWS_PER_STATEMENT: i64 = 500;
/// Key of the first item, and of the first character: each has four hundred items, as many as there is room for in its stash.
const ITEM_FIRST: i64 = 10_000;
const HOLDER_FIRST: i64 = 5_000;
/// Histories that are asked for.
const HISTORIES: i64 = 40;
/// Every so many lines there is one about the first item: what everybody has had in his hands has a long history.
const BUSY_EVERY: i64 = 1_000;

/// Measures in each database.
pub fn measure(options: &Options, runtime: &tokio::runtime::Runtime) -> Report {
    let (items, lines) = if options.quick { (ITEMS_QUICK, LINES_QUICK) } else { (ITEMS, LINES) };
    let mut report = Report::new(&format!("A ledger of {lines} lines, and {items} items, by the verbs of an operator"));
    for over_server in [false, true] {
        let name = if over_server { "PostgreSQL" } else { "SQLite" };
        tell(&format!("a ledger of {lines} lines in {name}"));
        let stage = Stage::new(options, over_server.then(realm_postgres::durable_database));
        runtime.block_on(stage.over(|storage| async move { chained(&storage, items).await }));
        for _ in 0..options.runs {
            stage.look(items, name, &mut report);
        }
        tell("more lines");
        runtime.block_on(stage.over(|storage| async move { lengthen(&storage, items, lines).await }));
        stage.trace(options.runs, items, name, &mut report);
    }
    report
}

/// A folder in which an operator works, and the database of its realm.
struct Stage {
    site: Site,
    server: Option<realm_postgres::Database>,
    core: Option<usize>,
}

impl Stage {
    fn new(options: &Options, server: Option<realm_postgres::Database>) -> Self {
        let core = if options.pinned { Cores::find().map(|cores| cores.server) } else { None };
        let stage = Self { site: Site::new(), server, core };
        stage.run(&["migrate", "--data", "realm-data"]);
        stage
    }

    fn url(&self) -> String {
        self.server.as_ref().map(realm_postgres::Database::url).unwrap_or_default()
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = self.site.realm(arguments);
        command.env("REALM__STORAGE__URL", self.url()).env("REALM__TELEMETRY__LOG", "warn");
        command
    }

    /// A verb on a core of its own; what it printed, and how long it took from its start to its end.
    fn run(&self, arguments: &[&str]) -> (String, Duration) {
        let begin = Instant::now();
        let ended = on_core(self.core, || crate::harness::program::run(&mut self.command(arguments), ""));
        (ended.success(), begin.elapsed())
    }

    /// Fills the database while no realm runs over it.
    async fn over<F: Future<Output = ()>>(&self, fill: impl FnOnce(Storage) -> F) {
        let config = Config { url: self.url() };
        let opened = Storage::open(&config, Path::new(&self.site.data()), 0, Arc::new(SystemClock)).await;
        let storage = opened.expect("a migrated database");
        fill(storage.clone()).await;
        storage.close().await;
    }

    /// The looks at everything.
    fn look(&self, items: i64, name: &str, report: &mut Report) {
        let rate = |took: Duration| as_number(items) / took.as_secs_f64();
        let (said, took) = self.run(&["ledger", "verify", "--data", "realm-data"]);
        assert!(said.contains(&format!("{items} lines")), "{said}");
        report.add(&format!("{name}: `realm ledger verify`, lines and items"), "a second", None, rate(took));
        let (said, took) = self.run(&["item", "scan", "--data", "realm-data"]);
        assert!(said.contains(&format!("{items} items are in order")), "{said}");
        let goal = Some(Goal::AtLeast(1_000_000.0));
        report.add(&format!("{name}: `realm item scan`, items"), "a minute", goal, rate(took) * 60.0);
    }

    /// Histories of items from all over the ledger, and of the one that has the longest.
    fn trace(&self, runs: usize, items: i64, name: &str, report: &mut Report) {
        let realm = on_core(self.core, || Up::start(&mut self.command(&["up", "--data", "realm-data"])));
        for _ in 0..runs {
            let (mut all, mut slowest) = (Histogram::default(), Duration::ZERO);
            for number in 0..HISTORIES {
                let item = (ITEM_FIRST + number * (items - 1) / (HISTORIES - 1)).to_string();
                let (said, took) = self.run(&["item", "trace", &item, "--data", "realm-data"]);
                assert!(said.contains("ring: inventory"), "{said}");
                assert!(number == 0 || said.contains("born"), "{said}");
                all.record(took);
                slowest = slowest.max(took);
            }
            let verb = format!("{name}: `realm item trace`");
            report.add(&format!("{verb}, the verb from start to end, p50"), "ms", None, all.quantile_ms(0.5));
            let slowest_ms = slowest.as_secs_f64() * 1_000.0;
            report.add(&format!("{verb}, the slowest"), "ms", Some(Goal::AtMost(1_000.0)), slowest_ms);
        }
        realm.end(rustix::process::Signal::TERM);
    }
}

fn as_number(count: i64) -> f64 {
    f64::from(i32::try_from(count).expect("some millions"))
}

/// Items that lie in stashes, with a whole and valid ledger of their births.
async fn chained(storage: &Storage, items: i64) {
    let content = Content::builtin();
    let ring = content.items().plain("ring", 1).expect("the pack has rings");
    let mut hash = FIRST.to_owned();
    for first in (0..items).step_by(usize::try_from(PIECE).expect("a small number")) {
        let mut statements = Vec::new();
        let last = (first + PIECE).min(items);
        for begin in (first..last).step_by(usize::try_from(ROWS_PER_STATEMENT).expect("a small number")) {
            let numbers = begin..(begin + ROWS_PER_STATEMENT).min(last);
            statements.extend(births(numbers, &ring, &mut hash));
        }
        let noted = format!(
            "INSERT INTO ledger_head (chain, number, hash) VALUES (1, {last}, '{hash}')
             ON CONFLICT (chain) DO UPDATE SET number = {last}, hash = '{hash}'"
        );
        statements.push(noted);
        storage.write::<_, StorageError, _>(move |connection| all(connection, statements)).await.expect("items");
    }
    storage.write(|connection| all(connection, vec!["ANALYZE".to_owned()])).await.expect("figures of the tables");
}

/// The rows of items, and the lines of their births.
fn births(numbers: std::ops::Range<i64>, ring: &Item, hash: &mut String) -> [String; 2] {
    let mut items =
        "INSERT INTO items (id, realm, place, holder, page, x, y, width, height, last_holder, base, quality, level,
        pieces, body, version, birth_game, birth_tick, birth_ordinal, birth_content, birth_rules, created_ms) VALUES "
            .to_owned();
    let mut lines =
        "INSERT INTO ledger (number, at_ms, realm, operation, act, actor, goods, item, amount, from_place, from_holder,
        from_cell, to_place, to_holder, to_cell, note, birth_game, birth_tick, birth_ordinal, hash) VALUES "
            .to_owned();
    for n in numbers.clone() {
        let separator = if n == numbers.start { "" } else { ", " };
        let (item, holder) = (ITEM_FIRST + n, HOLDER_FIRST + n / 400);
        let (page, x, y) = (n % 400 / 100, n % 10, n / 10 % 10);
        let (tick, ordinal) = (n / 1_000, n % 1_000);
        let ring = Item { level: 1 + u32::try_from(n % 90).expect("a small number"), ..ring.clone() };
        let body = serde_json::to_string(&ring).expect("an item is plain JSON");
        let quality = ring.quality.name();
        let _ = write!(
            items,
            "{separator}({item}, 'main', 'stash', {holder}, {page}, {x}, {y}, 1, 1, {holder}, 'ring', '{quality}', {},
             1, '{body}', 1, 7, {tick}, {ordinal}, '', '', 0)",
            ring.level
        );
        let side = |place: &str, holder, cell| Side { place: place.to_owned(), holder, cell };
        let mut line = LedgerLine {
            number: n + 1,
            at_ms: n,
            realm: "main".to_owned(),
            operation: n + 1,
            act: "find".to_owned(),
            actor: "account:1".to_owned(),
            goods: "ring".to_owned(),
            item,
            amount: 1,
            from: side("nothing", 0, String::new()),
            to: side("stash", holder, format!("{page}:{x},{y}")),
            note: body,
            birth: Some((7, tick, ordinal)),
            hash: String::new(),
        };
        line.hash = line.hash_after(hash);
        hash.clone_from(&line.hash);
        let LedgerLine { number, at_ms, operation, note, to, hash, .. } = line;
        let _ = write!(
            lines,
            "{separator}({number}, {at_ms}, 'main', {operation}, 'find', 'account:1', 'ring', {item}, 1, 'nothing', 0, '',
             'stash', {holder}, '{}', '{note}', 7, {tick}, {ordinal}, '{hash}')",
            to.cell
        );
    }
    [items, lines]
}

/// Lines that nobody has chained: a history does not look at their hashes.
async fn lengthen(storage: &Storage, items: i64, lines: i64) {
    for first in (items..lines).step_by(usize::try_from(5 * PIECE).expect("a small number")) {
        let last = (first + 5 * PIECE).min(lines);
        let statement = format!(
            "INSERT INTO ledger (number, at_ms, realm, operation, act, actor, goods, item, amount, from_place, from_holder,
             from_cell, to_place, to_holder, to_cell, note, hash)
             WITH RECURSIVE numbers (n) AS (SELECT CAST({first} AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {last})
             SELECT n + 1, n, 'main', n / 2, 'move', 'account:1', 'ring',
             {ITEM_FIRST} + CASE WHEN n % {BUSY_EVERY} = 0 THEN 0 ELSE n % {items} END, 1,
             'inventory', {HOLDER_FIRST} + n % {items} / 400, '0,0', 'stash', {HOLDER_FIRST} + n % {items} / 400, '0:1,0', '',
             'not chained to the line before it; as long as a hash would be here' FROM numbers"
        );
        storage.write::<_, StorageError, _>(move |connection| all(connection, vec![statement])).await.expect("lines");
    }
    storage.write(|connection| all(connection, vec!["ANALYZE".to_owned()])).await.expect("figures of the tables");
}

fn all(connection: &mut Connection, statements: Vec<String>) -> WriteFuture<'_, Result<(), StorageError>> {
    Box::pin(async move {
        for statement in statements {
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *connection).await?;
        }
        Ok(())
    })
}
