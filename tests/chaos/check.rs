//! What must be so after each kill, read from the database itself while nobody runs over it.

use std::{collections::BTreeMap, process::Stdio};

use realm::types::faults::Point;
use sqlx::{AnyConnection, Connection as _, Executor as _, Row as _};

use crate::{
    books,
    bot::{Asked, Bot},
    ledger::Fact,
    look,
    server::{Fault, Program},
    traders,
};

/// The writes of characters, in their order.
const NOTES_IN_FILE: &str =
    "CREATE TABLE chaos_writes (number INTEGER PRIMARY KEY, character_id BIGINT NOT NULL, before BIGINT NOT NULL,
        now BIGINT NOT NULL);
    CREATE TRIGGER chaos_note AFTER UPDATE OF version, level, experience, play_time_ms, deleted_ms, x, y ON characters
    BEGIN INSERT INTO chaos_writes (character_id, before, now) VALUES (NEW.id, OLD.version, NEW.version); END";
const NOTES_ON_SERVER: &str = "CREATE TABLE chaos_writes (number BIGSERIAL PRIMARY KEY, character_id BIGINT NOT NULL, before BIGINT NOT NULL,
        now BIGINT NOT NULL);
    CREATE FUNCTION chaos_write() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO chaos_writes (character_id, before, now) VALUES (NEW.id, OLD.version, NEW.version); RETURN NULL; END';
    CREATE TRIGGER chaos_note AFTER UPDATE OF version, level, experience, play_time_ms, deleted_ms, x, y ON characters
    FOR EACH ROW EXECUTE FUNCTION chaos_write()";
const NOTES_BY_CHARACTER: &str = "CREATE INDEX chaos_writes_by_character ON chaos_writes (character_id, number)";

/// Has the database itself note every write of a character, in the transaction that makes it.
pub(crate) async fn watch(mut connection: AnyConnection) {
    let noting = if look::is_file(&connection) { NOTES_IN_FILE } else { NOTES_ON_SERVER };
    for statements in [noting, NOTES_BY_CHARACTER] {
        sqlx::raw_sql(statements).execute(&mut connection).await.expect("a note can be made");
    }
    connection.close().await.expect("it is closed");
}

/// Is what the database says of itself whole? A server looks after that by itself.
async fn whole(connection: &mut AnyConnection, broken: &mut Vec<String>) {
    if !look::is_file(connection) {
        return;
    }
    let integrity: String =
        sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut *connection).await.expect("a check");
    if integrity != "ok" {
        broken.push(format!("the file is damaged: {integrity}"));
    }
    let dangling = connection.fetch_all("PRAGMA foreign_key_check").await.expect("a check");
    if !dangling.is_empty() {
        broken.push(format!("{} rows refer to nothing", dangling.len()));
    }
}

struct Row {
    id: i64,
    version: i64,
    experience: i64,
    play_time_ms: i64,
    deleted: bool,
    place: (i64, i64, i64),
}

/// By character: its writes, and how many of them did not make one version the next. Counted by the database, as there are many.
async fn writes(connection: &mut AnyConnection) -> BTreeMap<i64, (i64, i64)> {
    let query = "SELECT character_id, CAST(COUNT(*) AS BIGINT),
         CAST(SUM(CASE WHEN before = place AND now = place + 1 THEN 0 ELSE 1 END) AS BIGINT)
         FROM (SELECT character_id, before, now, ROW_NUMBER() OVER (PARTITION BY character_id ORDER BY number) AS place
             FROM chaos_writes) AS writes GROUP BY character_id";
    let rows = sqlx::query(query).fetch_all(connection).await.expect("notes");
    rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect()
}

/// Everything that is broken.
pub(crate) async fn all(mut connection: AnyConnection, bots: &mut [Bot]) -> Vec<String> {
    let mut broken = Vec::new();
    whole(&mut connection, &mut broken).await;
    let rows = sqlx::query(
        "SELECT accounts.name, characters.name, characters.id, characters.version, experience, play_time_ms,
         CAST(CASE WHEN deleted_ms IS NULL THEN 0 ELSE 1 END AS BIGINT), zone, x, y FROM characters JOIN accounts ON accounts.id = characters.account",
    );
    let rows = rows.fetch_all(&mut connection).await.expect("characters");
    let mut stored: BTreeMap<(String, String), Vec<Row>> = BTreeMap::new();
    for row in rows.into_iter().filter(|row| !row.get::<String, _>(0).starts_with(traders::NAME)) {
        let character = Row {
            id: row.get(2),
            version: row.get(3),
            experience: row.get(4),
            play_time_ms: row.get(5),
            deleted: row.get::<i64, _>(6) != 0,
            place: (row.get(7), row.get(8), row.get(9)),
        };
        stored.entry((row.get(0), row.get(1))).or_default().push(character);
    }
    let mut writes = writes(&mut connection).await;
    for account in bots.iter_mut().flat_map(|bot| &mut bot.accounts) {
        for known in &mut account.characters {
            let found = stored.remove(&(account.name.clone(), known.name.clone())).unwrap_or_default();
            let what = &known.name;
            if found.len() > 1 || !known.exists.allows(!found.is_empty()) {
                broken.push(format!("{what} should be there ({:?}), and is {} times", known.exists, found.len()));
            }
            let Some(row) = found.first() else {
                known.exists = Fact::No;
                continue;
            };
            if known.id.is_some_and(|id| i64::try_from(id) != Ok(row.id)) {
                broken.push(format!("{what} has another key than was said"));
            }
            if !known.deleted.allows(row.deleted) {
                broken.push(format!("{what} should be deleted ({:?}), and is ({})", known.deleted, row.deleted));
            }
            if row.version < 1 + known.acknowledged {
                let lost = 1 + known.acknowledged - row.version;
                broken.push(format!("{what}: {lost} of {} acknowledged operations are lost", known.acknowledged));
            }
            if row.experience < known.experience || row.play_time_ms < known.play_time_ms {
                broken.push(format!("{what} has lost experience or time that were acknowledged"));
            }
            if known.place.is_some_and(|place| place != row.place) {
                broken.push(format!(
                    "{what} stood at {:?} when it was saved, and is stored at {:?}",
                    known.place, row.place
                ));
            }
            let (count, astray) = writes.remove(&row.id).unwrap_or_default();
            if astray > 0 || row.version != 1 + count {
                broken.push(format!(
                    "{what} has version {} after {count} writes, of which {astray} are out of order",
                    row.version
                ));
            }
            (known.id, known.exists, known.deleted) = (u64::try_from(row.id).ok(), Fact::Yes, Fact::of(row.deleted));
            (known.experience, known.play_time_ms) = (row.experience, row.play_time_ms);
        }
    }
    for (account, name) in stored.into_keys() {
        broken.push(format!("{name} of {account} was never asked for"));
    }
    let holders = sqlx::query(
        "SELECT (SELECT CAST(COUNT(*) AS BIGINT) FROM lease_holders),
         (SELECT CAST(COUNT(*) AS BIGINT) FROM characters WHERE leased <> 0 AND leased NOT IN (SELECT id FROM lease_holders))",
    );
    let holders = holders.fetch_one(&mut connection).await.expect("holders");
    let (listed, orphans): (i64, i64) = (holders.get(0), holders.get(1));
    if listed > 1 || orphans > 0 {
        broken.push(format!("{listed} holders of leases are listed, and {orphans} characters are held by others"));
    }
    broken.extend(books::all(&mut connection, bots).await);
    let_a_day_go_by(&mut connection, bots).await;
    // What it holds open would keep the next realm out.
    connection.close().await.expect("it is closed");
    broken
}

/// Answers that the realm keeps for staff until a day seems to have gone by: it keeps no more than 10,000.
const KEPT_FOR_STAFF_MAX: i64 = 8_000;

/// Forgets what the realm would forget after a day, when it keeps much for the one member of staff there is, but no answer that has not come.
async fn let_a_day_go_by(connection: &mut AnyConnection, bots: &[Bot]) {
    let kept = "SELECT CAST(COUNT(*) AS BIGINT) FROM kept_answers WHERE scope = 'operator'";
    let is_waited_for = |asked: &Asked| asked.is_by_staff();
    let mut pending = bots.iter().flat_map(|bot| &bot.accounts).filter_map(|account| account.goods.pending.as_ref());
    if look::number(connection, kept).await < KEPT_FOR_STAFF_MAX || pending.any(is_waited_for) {
        return;
    }
    connection.execute("DELETE FROM kept_answers WHERE scope = 'operator'").await.expect("it can be written");
}

/// The server has at least so many migrations, each of which comes to the first two points once.
const MIGRATIONS: u64 = 13;

/// Kills migrations so often at each of their fail points: what is left is the old schema or the new one, and the next start makes it whole.
pub(crate) fn kill_migrations(program: &Program, times: u64) {
    for number in 0..times {
        // 1, 6, 11, 4, …: all of them in turn.
        let nth = 1 + number * 5 % MIGRATIONS;
        for (point, nth) in
            [(Point::BeforeMigration, nth), (Point::BetweenMigrations, nth), (Point::AfterMigrations, 1)]
        {
            let empty = program.another();
            let status = |verb, fault: Option<Fault>| {
                let done = empty.command(verb, Program::DATA, fault.as_ref()).stdout(Stdio::null()).status();
                done.expect("the program starts")
            };
            let killed = status("migrate", Some(Fault { point, nth }));
            assert!(killed.code().is_none(), "{} did not come", point.name());
            for verb in ["migrate", "verify"] {
                assert!(status(verb, None).success(), "{verb} after a kill at {}", point.name());
            }
        }
    }
}
