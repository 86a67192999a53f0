//! How both databases go about the statements of the market: along the index that is meant, and over a bounded number of rows, of a market that is
//! empty and of one of many offers.

use sqlx::{AssertSqlSafe, Connection as _, Row as _};

use super::*;
use crate::{
    market::store::{COUNT, DUE, OF_SELLER},
    storage::{
        Storage,
        testing::{FakeClock, Home, open},
    },
};

/// Offers of the market, and those that are put into the database at once.
const OFFERS: i64 = 200_000;
const PIECE: i64 = 4_000;
/// Rows that any part of a plan may go over: what is rare is looked at as a whole, up to two thousand entries, and one more.
const ROWS_MAX: f64 = 2_100.0;

/// A statement, the index that it goes along, and what it is asked.
struct Case {
    text: &'static str,
    index: &'static str,
    values: Vec<Value>,
}

#[derive(Debug, Clone, Copy)]
enum Value {
    Word(&'static str),
    Number(i64),
}
use Value::{Number, Word};

impl Value {
    fn kind(self) -> &'static str {
        if matches!(self, Word(_)) { "text" } else { "bigint" }
    }

    fn literal(self) -> String {
        match self {
            Word(word) => format!("'{word}'"),
            Number(number) => number.to_string(),
        }
    }
}

/// All that the market asks, once from the first offer and once from the midst of the list.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let walks = [
        (ALL, ["offers_by_price", "offers_by_age"]),
        (KIND, ["offers_by_kind_and_price", "offers_by_kind_and_age"]),
        (QUALITY, ["offers_by_quality_and_price", "offers_by_quality_and_age"]),
        (BOTH, ["offers_by_both_and_price", "offers_by_both_and_age"]),
        (BASE, ["offers_by_base_and_price", "offers_by_base_and_age"]),
        (SELLER, ["offers_by_seller_and_price", "offers_by_seller_and_age"]),
        (FEW, ["offer_properties_by_value", "offer_properties_by_value"]),
        (PROPERTY, ["offer_properties_by_price", "offer_properties_by_age"]),
    ];
    for (place, (texts, indexes)) in walks.into_iter().enumerate() {
        for (order, (text, index)) in texts.into_iter().zip(indexes).enumerate() {
            for midst in [false, true] {
                let (price, offer) = match (order, midst) {
                    (0, false) => (0, 0),
                    (0, true) => (700, OFFERS / 2),
                    (_, false) => (0, -i64::MAX),
                    (_, true) => (0, -OFFERS / 2),
                };
                let word = |walks: &[usize], word| Word(if walks.contains(&place) { word } else { "" });
                let (few, seller) = (place == 6, place == 5);
                let mut values = vec![Word("main"), word(&[1, 3], "kind-3"), word(&[4], "base-7")];
                values.extend([word(&[2, 3], "magic"), Number(price), Number(offer), Number(1_000_000)]);
                // Few levels: most of what is looked at does not fit.
                values.extend([Number(40), Number(42), Number(if seller { 15 } else { 0 })]);
                values.extend([word(&[6, 7], "property-5"), Number(if few { 60 } else { 2 })]);
                values.extend([word(&[7], "property-11"), Number(3), Word(""), Number(0), Number(5), Number(50)]);
                values.push(Number(if order == 0 { -1 } else { 0 }));
                cases.push(Case { text, index, values });
            }
        }
    }
    let ends = [
        (END_OF_ALL, ["offers_by_price", "offers_by_age"], vec![]),
        (END_OF_KIND, ["offers_by_kind_and_price", "offers_by_kind_and_age"], vec!["kind-3"]),
        (END_OF_QUALITY, ["offers_by_quality_and_price", "offers_by_quality_and_age"], vec!["magic"]),
        (END_OF_BOTH, ["offers_by_both_and_price", "offers_by_both_and_age"], vec!["kind-3", "magic"]),
        (END_OF_BASE, ["offers_by_base_and_price", "offers_by_base_and_age"], vec!["base-7"]),
        (END_OF_PROPERTY, ["offer_properties_by_price", "offer_properties_by_age"], vec!["property-5"]),
    ];
    for (texts, indexes, words) in ends {
        for ((text, index), sign) in texts.into_iter().zip(indexes).zip([1, -1]) {
            let mut values = vec![Word("main"), Number(700), Number(sign * OFFERS / 2)];
            values.extend(words.iter().copied().map(Word));
            cases.push(Case { text, index, values });
        }
    }
    let (main, seller) = (Word("main"), Number(15));
    cases.push(Case { text: COUNT, index: "offers_by_seller_and_", values: vec![Number(1), main] });
    let values = vec![main, seller, Number(-i64::MAX), Number(50)];
    cases.push(Case { text: OF_SELLER, index: "offers_by_seller_and_age", values });
    let values = vec![main, Word("property-5"), Number(60)];
    cases.push(Case { text: COUNT_OF_FEW, index: "offer_properties_by_value", values });
    cases.push(Case { text: DUE, index: "offers_by_end", values: vec![main, Number(5), Number(32)] });
    cases
}

/// The lines of an explanation.
async fn lines(storage: &Storage, statements: Vec<String>) -> Vec<String> {
    let column = if statements[0].starts_with("EXPLAIN QUERY PLAN") { 3 } else { 0 };
    let explained = storage.write::<_, StorageError, _>(move |connection| {
        Box::pin(async move {
            let mut rows = Vec::new();
            for statement in statements {
                let explains = statement.starts_with("EXPLAIN");
                let found = sqlx::raw_sql(AssertSqlSafe(statement)).fetch_all(&mut *connection).await?;
                if explains {
                    rows = found;
                }
            }
            let lines: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get(column)).collect();
            Ok(lines?)
        })
    });
    explained.await.unwrap()
}

/// What is wrong with a file's plan: only what a walk has looked at is gone through.
async fn wrong_of_file(storage: &Storage, case: &Case) -> Option<String> {
    let plan = lines(storage, vec![format!("EXPLAIN QUERY PLAN {}", case.text)]).await;
    let goes = plan.iter().any(|line| line.contains(&format!("INDEX {}", case.index)));
    let tables = ["offers", "offer_properties", "items", "characters", "o", "i", "c", "p"];
    let whole = plan.iter().any(|line| tables.iter().any(|table| line.trim() == format!("SCAN {table}")));
    (!goes || whole).then(|| format!("{}:\n{}\n{}", case.index, plan.join("\n"), case.text))
}

/// A server's plan, of these values and as it is asked again and again: it was carried out, and says how many rows each step has gone over.
async fn wrong_of_server(storage: &Storage, case: &Case) -> Vec<String> {
    let mut wrong = Vec::new();
    let list =
        |each: &dyn Fn(Value) -> String| case.values.iter().map(|value| each(*value)).collect::<Vec<_>>().join(", ");
    let (kinds, literals) = (list(&|value| value.kind().to_owned()), list(&Value::literal));
    for mode in ["force_custom_plan", "auto"] {
        let prepare =
            [format!("SET LOCAL plan_cache_mode = {mode}"), format!("PREPARE asked ({kinds}) AS {}", case.text)];
        // From the sixth time on it may take one plan for all values, and does when that seems no dearer.
        let asked = std::iter::repeat_n(format!("EXECUTE asked ({literals})"), 6);
        let explain = [
            format!("EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) EXECUTE asked ({literals})"),
            "DEALLOCATE asked".to_owned(),
        ];
        let plan = lines(storage, prepare.into_iter().chain(asked).chain(explain).collect()).await;
        let whole = |line: &&String| {
            let tables = ["offers", "offer_properties", "items", "characters"];
            tables.iter().any(|table| line.contains(&format!("Seq Scan on {table} "))) || rows(line) > ROWS_MAX
        };
        if !plan.iter().any(|line| line.contains(case.index)) || plan.iter().any(|line| whole(&line)) {
            wrong.push(format!("{mode}, {}, {literals}:\n{}\n{}", case.index, plan.join("\n"), case.text));
        }
    }
    wrong
}

/// How many rows a line of a plan has gone over.
fn rows(line: &str) -> f64 {
    let after = |word: &str| {
        let rest = line.split_once(word).map(|(_, rest)| rest)?;
        let number: String = rest.chars().take_while(|one| one.is_ascii_digit() || *one == '.').collect();
        number.parse::<f64>().ok()
    };
    let actual = line.split_once("(actual ").map(|(_, actual)| actual).and_then(|_| after("(actual rows="));
    let all = actual.unwrap_or_default() * after(" loops=").unwrap_or(1.0);
    all.max(after("Rows Removed by Filter: ").unwrap_or_default())
}

#[tokio::test]
async fn every_walk_goes_along_the_index_that_is_meant() {
    let home = Home::sqlite();
    let storage = open(&home, &FakeClock::new()).await;
    let mut wrong = Vec::new();
    for case in cases() {
        wrong.extend(wrong_of_file(&storage, &case).await);
    }
    fill(&storage).await;
    analyze(&storage).await;
    for case in cases() {
        wrong.extend(wrong_of_file(&storage, &case).await);
    }
    assert!(wrong.is_empty(), "{} plans:\n{}", wrong.len(), wrong.join("\n\n"));
    storage.close().await;
}

#[tokio::test]
async fn a_server_goes_along_the_index_that_is_meant() {
    let home = Home::postgresql();
    let storage = open(&home, &FakeClock::new()).await;
    fill(&storage).await;
    let mut wrong = Vec::new();
    // A server does both by itself, within a minute of so many changes.
    analyze(&storage).await;
    for case in cases() {
        wrong.extend(wrong_of_server(&storage, &case).await);
    }
    vacuum(&home).await;
    for case in cases() {
        wrong.extend(wrong_of_server(&storage, &case).await);
    }
    assert!(wrong.is_empty(), "{} plans:\n{}", wrong.len(), wrong.join("\n\n"));
    storage.close().await;
}

/// Pages of tables and indexes that a walk over nothing may look at; an index of the whole market has more than a thousand.
const PAGES_OF_NOTHING_MAX: u64 = 40;

#[tokio::test]
async fn a_server_ends_a_walk_where_its_values_end() {
    let home = Home::postgresql();
    let storage = open(&home, &FakeClock::new()).await;
    fill(&storage).await;
    vacuum(&home).await;
    let mut wrong = Vec::new();
    for (text, kind, quality, seller) in [
        (BOTH, "kind-3", "crafted", 0),
        (QUALITY, "", "crafted", 0),
        (KIND, "kind-99", "", 0),
        (SELLER, "", "", 1_000_000),
    ] {
        for (text, behind) in text.into_iter().zip([0, -i64::MAX]) {
            let mut values = vec![Word("main"), Word(kind), Word(""), Word(quality), Number(0), Number(behind)];
            values.extend([Number(1_000_000), Number(0), Number(99), Number(seller), Word(""), Number(0), Word("")]);
            values.extend([Number(0), Word(""), Number(0), Number(5), Number(50), Number(-1)]);
            let kinds: Vec<_> = values.iter().map(|value| value.kind()).collect();
            let literals: Vec<_> = values.iter().map(|value| value.literal()).collect();
            let (kinds, literals) = (kinds.join(", "), literals.join(", "));
            let asked = format!("EXECUTE asked ({literals})");
            let mut statements = vec![format!("PREPARE asked ({kinds}) AS {text}")];
            // Once before, so that what is known of the tables is known.
            statements.extend([asked.clone(), format!("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {asked}")]);
            statements.push("DEALLOCATE asked".to_owned());
            let plan = lines(&storage, statements).await;
            let pages = plan.iter().find_map(|line| line.split_once("Buffers: shared ")).expect("pages are counted").1;
            let count = |part: &str| part.split_once('=').and_then(|(_, count)| count.parse::<u64>().ok());
            if pages.split(' ').filter_map(count).sum::<u64>() > PAGES_OF_NOTHING_MAX {
                wrong.push(plan.join("\n"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} plans:\n{}", wrong.len(), wrong.join("\n\n"));
    storage.close().await;
}

async fn analyze(storage: &Storage) {
    lines(storage, vec!["ANALYZE".to_owned()]).await;
}

/// Which no transaction can: a server then knows which pages need no look at whether their rows are still there.
async fn vacuum(home: &Home) {
    let mut connection = sqlx::AnyConnection::connect(&home.config().url).await.unwrap();
    sqlx::raw_sql("VACUUM ANALYZE").execute(&mut connection).await.unwrap();
}

/// Offers, spread as those of players are.
async fn fill(storage: &Storage) {
    let sellers = "WITH RECURSIVE numbers (n) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < 4999)
         INSERT INTO characters (id, realm, account, name, folded, class, level, experience, strength, dexterity,
         vitality, energy, hardcore, dead, created_ms, play_time_ms, version, lease_epoch, leased)
         SELECT n + 10, 'main', 1 + n / 5, 'Seller', 'seller-' || CAST(n AS TEXT), 'Druid', 1, 0, 20, 20, 20, 20, 0, 0, 0, 0, 1, 0, 0
         FROM numbers";
    let accounts =
        "WITH RECURSIVE numbers (n) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < 999)
         INSERT INTO accounts (id, name, folded, password, role, created_ms, version)
         SELECT n + 1, 'Seller', 'seller-' || CAST(n AS TEXT), '-', 'player', 0, 1 FROM numbers";
    lines(storage, vec![accounts.to_owned(), sellers.to_owned()]).await;
    const PRICE: &str = "1 + (n * 7919 % 1009) * (n * 104729 % 127)";
    for begin in (0..OFFERS).step_by(usize::try_from(PIECE).unwrap()) {
        let numbers = format!(
            "WITH RECURSIVE numbers (n) AS (SELECT CAST({begin} AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {})",
            begin + PIECE
        );
        let property = |factor: i64, rarer: i64| {
            format!(
                "{numbers} INSERT INTO offer_properties (offer, property, value, realm, price)
                 SELECT n + 10, 'property-' || CAST(n * {factor} % 1000003 % 40 AS TEXT), 1 + n * {factor} % 60, 'main', {PRICE}
                 FROM numbers WHERE n % 4 >= {rarer} ON CONFLICT DO NOTHING"
            )
        };
        let statements = vec![
            format!(
                "{numbers} INSERT INTO items (id, realm, place, holder, page, x, y, width, height, last_holder, base, quality, level,
                 pieces, body, version, birth_game, birth_tick, birth_ordinal, birth_content, birth_rules, created_ms)
                 SELECT n + 10, 'main', 'offer', n + 10, 0, 0, 0, 1, 1, 10, 'base-7', 'normal', 50, 1, '', 1, 1, 0, n, '', '', 0 FROM numbers"
            ),
            format!(
                "{numbers} INSERT INTO offers (id, realm, seller, item, base, kind, quality, level, price, listed_ms, ends_ms)
                 SELECT n + 10, 'main', 10 + n * 31 % 5000, n + 10, 'base-' || CAST(n * 15485863 % 120 AS TEXT),
                 'kind-' || CAST(n * 15485863 % 12 AS TEXT), CASE WHEN n * 2749 % 100 < 30 THEN 'normal' WHEN n * 2749 % 100 < 70
                 THEN 'magic' WHEN n * 2749 % 100 < 90 THEN 'rare' ELSE 'unique' END, 1 + n * 6133 % 99, {PRICE}, 0,
                 9000000000000000 + n FROM numbers"
            ),
            property(27_644_437, 1),
            property(1_299_709, 2),
        ];
        lines(storage, statements).await;
    }
}
