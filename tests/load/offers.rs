//! `bench items`: how soon the market is searched, in both databases.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use realm::{
    hooks::Hooks,
    items::Items,
    mail::{self, Mail, News},
    market::{self, Market, Order, Wanted},
    moderation::Moderation,
    storage::{Config, Connection, Storage, StorageError, WriteFuture},
    types::SystemClock,
};
use realm_world::{
    Content,
    items::{Property, Quality},
};

use super::{
    Options,
    histogram::Histogram,
    report::{Goal, Report},
    tell,
};

/// Offers on the market; of a smoke run.
const OFFERS: i64 = 1_000_000;
const OFFERS_QUICK: i64 = 3_000;
/// Offers that are put into the database at once.
const PIECE: i64 = 20_000;
/// Characters that sell.
const SELLERS: i64 = 20_000;
/// Offers of a page.
const PAGE: u32 = 50;
/// Pages of one search that are asked for one after the other.
const PAGES: usize = 3;
/// What a search may take at most.
const LONGEST_MS: f64 = 20.0;

/// Measures a market that was put into each database beforehand.
pub fn measure(options: &Options, runtime: &tokio::runtime::Runtime) -> Report {
    let count = if options.quick { OFFERS_QUICK } else { OFFERS };
    let mut report = Report::new(&format!("A market of {count} offers, pages of {PAGE}"));
    for over_server in [false, true] {
        let name = if over_server { "PostgreSQL" } else { "SQLite" };
        tell(&format!("a market of {count} offers in {name}"));
        runtime.block_on(over(options, over_server.then(realm_postgres::durable_database), name, count, &mut report));
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
    storage.write::<_, StorageError, _>(prepare).await.expect("sellers, and what they sell");
    for begin in (0..count).step_by(usize::try_from(PIECE).expect("a small number")) {
        let end = (begin + PIECE).min(count);
        storage.write::<_, StorageError, _>(move |connection| fill(connection, begin, end)).await.expect("offers");
    }
    let items = Items::new("main", storage.clone(), Content::builtin(), Hooks::without_plugins());
    let (moderation, (news, _told)) = (Moderation::new(storage.clone()), News::channel());
    let hooks = Hooks::without_plugins();
    let mail = Mail::new(mail::Config::default(), "main", storage.clone(), items.clone(), hooks, moderation, news);
    let market = Market::new(market::Config::default(), "main", storage.clone(), items, mail);
    // What was written is on the disk: no search waits for a million offers that go there.
    rustix::fs::sync();
    // SQLite knows nothing of its tables unless somebody asks it to look; a server looks by itself within a minute.
    match &server {
        Some(server) => server.vacuum(),
        None => {
            search(options, &market, &format!("{name}, before ANALYZE"), report).await;
            let looked = storage.write::<_, StorageError, _>(|connection| Box::pin(look_at_tables(connection)));
            looked.await.expect("figures");
        }
    }
    search(options, &market, name, report).await;
    storage.close().await;
}

/// Numbers that look thrown, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(limit).expect("a small number")).expect("a small number")
    }
}

/// What players look for, in words and with values from all over the market.
fn wanted(numbers: &mut Numbers) -> (&'static str, Wanted) {
    let content = Content::builtin();
    let base = &content.items().bases()[numbers.below(content.items().bases().len())];
    let (kind, base) = (Some(base.kind), base.key.clone());
    let quality = Some(Quality::ALL[numbers.below(Quality::ALL.len())]);
    let property = |numbers: &mut Numbers, most: usize| {
        let property = Property::ALL[numbers.below(Property::ALL.len())];
        (property, i32::try_from(1 + numbers.below(most)).expect("a small number"))
    };
    let level = u32::try_from(1 + numbers.below(90)).expect("a small number");
    let price = i64::try_from(1 + numbers.below(60_000)).expect("a small number");
    let order = if numbers.below(2) == 0 { Order::Price } else { Order::Newest };
    let any = Wanted { order, ..Wanted::default() };
    match numbers.below(12) {
        0 => ("everything", any),
        1 => ("a base", Wanted { base, ..any }),
        2 => ("a kind and levels", Wanted { kind, level_min: level, level_max: level + 9, ..any }),
        3 => ("a quality and prices", Wanted { quality, price_min: price, price_max: price * 2, ..any }),
        4 => ("kind and quality", Wanted { kind, quality, ..any }),
        5 => ("base and quality, few levels", Wanted { base, quality, level_min: level, level_max: level, ..any }),
        6 => ("a property", Wanted { properties: vec![property(numbers, 60)], ..any }),
        7 => ("a rare property", Wanted { properties: vec![(property(numbers, 1).0, 60)], ..any }),
        8 => ("two properties", Wanted { properties: vec![property(numbers, 60), property(numbers, 60)], ..any }),
        9 => ("kind and property", Wanted { kind, properties: vec![property(numbers, 60)], ..any }),
        10 => ("a seller", Wanted { seller: format!("seller-{}", numbers.below(20_000)), ..any }),
        _ => (
            "what nobody has",
            Wanted {
                kind,
                quality: Some(Quality::Crafted),
                level_min: 99,
                properties: vec![property(numbers, 9), property(numbers, 9), property(numbers, 9)],
                ..any
            },
        ),
    }
}

async fn search(options: &Options, market: &Market, name: &str, report: &mut Report) {
    for run in 0..options.runs {
        let time = Duration::from_millis(if options.quick { 200 } else { 20_000 });
        let mut numbers = Numbers(u64::try_from(run).expect("a small number") + 1);
        let (mut all, begin) = (Histogram::default(), Instant::now());
        let mut each: std::collections::BTreeMap<&'static str, Histogram> = std::collections::BTreeMap::new();
        while begin.elapsed() < time {
            let (what, wanted) = wanted(&mut numbers);
            let mut behind = None;
            for _ in 0..PAGES {
                let asked = Instant::now();
                let found = market.search(&wanted, behind, PAGE).await.expect("a page");
                all.record(asked.elapsed());
                each.entry(what).or_default().record(asked.elapsed());
                behind = found.next;
                if behind.is_none() {
                    break;
                }
            }
        }
        report.add(&format!("{name}: any search, median"), "ms", None, all.quantile_ms(0.5));
        report.add(&format!("{name}: any search, p99"), "ms", Some(Goal::AtMost(LONGEST_MS)), all.quantile_ms(0.99));
        for (what, waits) in each {
            report.add(&format!("{name}: {what}, p99"), "ms", None, waits.quantile_ms(0.99));
        }
    }
}

async fn look_at_tables(connection: &mut Connection) -> Result<(), StorageError> {
    sqlx::query("ANALYZE").execute(connection).await?;
    Ok(())
}

/// Who sells, and lists of what is sold.
fn prepare(connection: &mut Connection) -> WriteFuture<'_, Result<(), StorageError>> {
    Box::pin(async move {
        for statement in [
            "CREATE TABLE bench_bases (n BIGINT NOT NULL PRIMARY KEY, base TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL)",
            "CREATE TABLE bench_properties (n BIGINT NOT NULL PRIMARY KEY, property TEXT NOT NULL)",
            "INSERT INTO accounts (id, name, folded, password, role, created_ms, version)
             VALUES (1, 'Seller', 'seller', '-', 'player', 0, 1)",
        ] {
            sqlx::query(statement).execute(&mut *connection).await?;
        }
        sqlx::query(
            "WITH RECURSIVE numbers (n) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < $1)
             INSERT INTO characters (id, realm, account, name, folded, class, level, experience, strength, dexterity,
             vitality, energy, hardcore, dead, created_ms, play_time_ms, version, lease_epoch, leased)
             SELECT n + 10, 'main', 1, 'Seller', 'seller-' || CAST(n AS TEXT), 'Druid', 1, 0, 20, 20, 20, 20, 0, 0, 0, 0, 1, 0, 0
             FROM numbers",
        )
        .bind(SELLERS)
        .execute(&mut *connection)
        .await?;
        let content = Content::builtin();
        for (n, base) in (0_i64..).zip(content.items().bases()) {
            let plain = content.items().plain(&base.key, 50).expect("a base of the pack");
            let body = serde_json::to_string(&plain).expect("an item is plain JSON");
            sqlx::query("INSERT INTO bench_bases (n, base, kind, body) VALUES ($1, $2, $3, $4)")
                .bind(n)
                .bind(base.key.as_str())
                .bind(base.kind.name())
                .bind(body)
                .execute(&mut *connection)
                .await?;
        }
        for (n, property) in (0_i64..).zip(Property::ALL) {
            sqlx::query("INSERT INTO bench_properties (n, property) VALUES ($1, $2)")
                .bind(n)
                .bind(property.name())
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    })
}

/// Offers, spread as those of players are: no two neighbours of an index are neighbours in the table.
fn fill(connection: &mut Connection, begin: i64, end: i64) -> WriteFuture<'_, Result<(), StorageError>> {
    Box::pin(async move {
        let bases = i64::try_from(Content::builtin().items().bases().len()).expect("a small number");
        let properties = i64::try_from(Property::ALL.len()).expect("a small number");
        const NUMBERS: &str = "WITH RECURSIVE numbers (n) AS
            (SELECT CAST($1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < $2) ";
        const PRICE: &str = "1 + (n * 7919 % 1009) * (n * 104729 % 127)";
        let statements = [
            "INSERT INTO items (id, realm, place, holder, page, x, y, width, height, last_holder, base, quality, level, pieces,
             body, version, birth_game, birth_tick, birth_ordinal, birth_content, birth_rules, created_ms)
             SELECT numbers.n + 10, 'main', 'offer', numbers.n + 10, 0, 0, 0, 1, 1, 10, b.base, 'normal', 50, 1, b.body, 1, 1, 0,
             numbers.n, '', '', 0 FROM numbers JOIN bench_bases b ON b.n = numbers.n * 15485863 % $3"
                .to_owned(),
            format!(
                "INSERT INTO offers (id, realm, seller, item, base, kind, quality, level, price, listed_ms, ends_ms)
                 SELECT n + 10, 'main', 10 + n * 31 % 20000, n + 10, base, kind,
                 CASE WHEN q < 30 THEN 'normal' WHEN q < 70 THEN 'magic' WHEN q < 90 THEN 'rare' WHEN q < 95 THEN 'set'
                 WHEN q < 99 THEN 'unique' ELSE 'crafted' END, 1 + n * 6133 % 99, {PRICE}, 0, 9000000000000000
                 FROM (SELECT numbers.n, numbers.n * 2749 % 100 AS q, b.base, b.kind FROM numbers
                 JOIN bench_bases b ON b.n = numbers.n * 15485863 % $3) one"
            ),
        ];
        for statement in statements {
            let text = sqlx::AssertSqlSafe(format!("{NUMBERS}{statement}"));
            sqlx::query(text).bind(begin).bind(end).bind(bases).execute(&mut *connection).await?;
        }
        // One property for three offers of four, a second for half of them, a third for a quarter.
        for (factor, rarer) in [(27_644_437_i64, 1_i64), (1_299_709, 2), (611_953, 3)] {
            let text = sqlx::AssertSqlSafe(format!(
                "{NUMBERS} INSERT INTO offer_properties (offer, property, value, realm, price)
                 SELECT one.n + 10, p.property, 1 + one.n * $4 % 60, 'main', one.price FROM
                 (SELECT n, {PRICE} AS price, n * $4 % 1000003 % $3 AS p FROM numbers WHERE n % 4 >= $5) one
                 JOIN bench_properties p ON p.n = one.p WHERE one.n >= 0 ON CONFLICT DO NOTHING"
            ));
            let query = sqlx::query(text).bind(begin).bind(end).bind(properties).bind(factor).bind(rarer);
            query.execute(&mut *connection).await?;
        }
        Ok(())
    })
}
