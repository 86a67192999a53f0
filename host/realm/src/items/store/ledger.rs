//! SQL of the ledger: it is read and appended to, and nothing else.

use std::sync::LazyLock;

use realm_world::items::Certificate;
use sqlx::{
    Any, AnyConnection, Row as _,
    any::{AnyArguments, AnyRow},
    query::Query,
};

use crate::{
    items::{Side, ledger::LedgerLine},
    storage::{Readers, StorageError},
    types::{CharacterId, ItemId},
};

/// The columns of [`line`], in its order.
macro_rules! line_columns {
    () => {
        "number, at_ms, realm, operation, act, actor, goods, item, amount, from_place, from_holder, from_cell, \
         to_place, to_holder, to_cell, note, birth_game, birth_tick, birth_ordinal, hash"
    };
}

pub(super) use line_columns;

/// How many columns these are.
const COLUMNS: usize = 20;
/// How many lines one statement carries; a few texts, so that they stay prepared.
const SIZES: [usize; 4] = [16, 4, 2, 1];

static STATEMENTS: LazyLock<[String; 4]> = LazyLock::new(|| SIZES.map(insertion));

fn insertion(lines: usize) -> String {
    let row = |number: usize| {
        let parameters = (1..=COLUMNS).map(|place| format!("${}", number * COLUMNS + place));
        format!("({})", parameters.collect::<Vec<_>>().join(", "))
    };
    let rows: Vec<String> = (0..lines).map(row).collect();
    format!(concat!("INSERT INTO ledger (", line_columns!(), ") VALUES {}"), rows.join(", "))
}

pub(in crate::items) fn line(row: &AnyRow) -> Result<LedgerLine, StorageError> {
    let side = |place: usize| -> Result<Side, StorageError> {
        Ok(Side { place: row.try_get(place)?, holder: row.try_get(place + 1)?, cell: row.try_get(place + 2)? })
    };
    let birth: (Option<i64>, Option<i64>, Option<i64>) = (row.try_get(16)?, row.try_get(17)?, row.try_get(18)?);
    Ok(LedgerLine {
        number: row.try_get(0)?,
        at_ms: row.try_get(1)?,
        realm: row.try_get(2)?,
        operation: row.try_get(3)?,
        act: row.try_get(4)?,
        actor: row.try_get(5)?,
        goods: row.try_get(6)?,
        item: row.try_get(7)?,
        amount: row.try_get(8)?,
        from: side(9)?,
        to: side(12)?,
        note: row.try_get(15)?,
        birth: match birth {
            (Some(game), Some(tick), Some(ordinal)) => Some((game, tick, ordinal)),
            _ => None,
        },
        hash: row.try_get(19)?,
    })
}

/// Number and hash of the line that was written last.
pub(in crate::items) async fn head(connection: &mut AnyConnection) -> Result<Option<(i64, String)>, StorageError> {
    let row = sqlx::query("SELECT number, hash FROM ledger_head WHERE chain = 1").fetch_optional(connection).await?;
    row.map(|row| Ok::<_, StorageError>((row.try_get(0)?, row.try_get(1)?))).transpose()
}

/// True when there is no line at all.
pub(in crate::items) async fn is_empty(connection: &mut AnyConnection) -> Result<bool, StorageError> {
    Ok(sqlx::query("SELECT number FROM ledger LIMIT 1").fetch_optional(connection).await?.is_none())
}

pub(in crate::items) async fn append(connection: &mut AnyConnection, lines: &[LedgerLine]) -> Result<(), StorageError> {
    let mut rest = lines;
    while !rest.is_empty() {
        let place = SIZES.iter().position(|size| *size <= rest.len()).expect("the last size is one");
        let (piece, others) = rest.split_at(SIZES[place]);
        let query = piece.iter().fold(sqlx::query(STATEMENTS[place].as_str()), bind);
        query.execute(&mut *connection).await?;
        rest = others;
    }
    Ok(())
}

fn bind<'q>(query: Query<'q, Any, AnyArguments>, line: &'q LedgerLine) -> Query<'q, Any, AnyArguments> {
    let (game, tick, ordinal) = match line.birth {
        Some((game, tick, ordinal)) => (Some(game), Some(tick), Some(ordinal)),
        None => (None, None, None),
    };
    query
        .bind(line.number)
        .bind(line.at_ms)
        .bind(line.realm.as_str())
        .bind(line.operation)
        .bind(line.act.as_str())
        .bind(line.actor.as_str())
        .bind(line.goods.as_str())
        .bind(line.item)
        .bind(line.amount)
        .bind(line.from.place.as_str())
        .bind(line.from.holder)
        .bind(line.from.cell.as_str())
        .bind(line.to.place.as_str())
        .bind(line.to.holder)
        .bind(line.to.cell.as_str())
        .bind(line.note.as_str())
        .bind(game)
        .bind(tick)
        .bind(ordinal)
        .bind(line.hash.as_str())
}

pub(in crate::items) async fn note_head(
    connection: &mut AnyConnection,
    number: i64,
    hash: &str,
) -> Result<(), StorageError> {
    sqlx::query(
        "INSERT INTO ledger_head (chain, number, hash) VALUES (1, $1, $2)
         ON CONFLICT (chain) DO UPDATE SET number = $1, hash = $2",
    )
    .bind(number)
    .bind(hash)
    .execute(connection)
    .await?;
    Ok(())
}

/// What was born before under a certificate.
pub(in crate::items) struct Born {
    pub(in crate::items) item: ItemId,
    /// Who got it.
    pub(in crate::items) holder: CharacterId,
}

const BORN: &str = "SELECT item, to_holder FROM ledger
     WHERE birth_game = $1 AND birth_tick = $2 AND birth_ordinal = $3 AND birth_game IS NOT NULL";

fn born_of(row: Option<AnyRow>) -> Result<Option<Born>, StorageError> {
    let born = |row: AnyRow| -> Result<Born, StorageError> {
        Ok(Born { item: ItemId::from_sql(row.try_get(0)?), holder: CharacterId::from_sql(row.try_get(1)?) })
    };
    row.map(born).transpose()
}

/// The birth of a certificate, if there was one.
pub(in crate::items) async fn born(
    connection: &mut AnyConnection,
    birth: &Certificate,
) -> Result<Option<Born>, StorageError> {
    let query = sqlx::query(BORN).bind(birth.game.cast_signed()).bind(i64::from(birth.tick));
    born_of(query.bind(i64::from(birth.ordinal)).fetch_optional(connection).await?)
}

/// The same as everybody sees it.
pub(in crate::items) async fn look_born(readers: &Readers, birth: &Certificate) -> Result<Option<Born>, StorageError> {
    let query = sqlx::query(BORN).bind(birth.game.cast_signed()).bind(i64::from(birth.tick));
    born_of(query.bind(i64::from(birth.ordinal)).fetch_optional(readers).await?)
}

/// The number of the first line that is not older than a moment: looked for by halves, since lines stand in the order of their times.
pub(in crate::items) async fn first_since(connection: &mut AnyConnection, since_ms: i64) -> Result<i64, StorageError> {
    let (mut low, mut high) = (1, head(connection).await?.map_or(0, |(number, _)| number) + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let row = sqlx::query("SELECT at_ms FROM ledger WHERE number >= $1 ORDER BY number LIMIT 1").bind(middle);
        let at_ms: Option<i64> = row.fetch_optional(&mut *connection).await?.map(|row| row.try_get(0)).transpose()?;
        if at_ms.is_none_or(|at_ms| at_ms >= since_ms) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

/// The stack onto which an item went last.
pub(in crate::items) async fn went_onto(
    connection: &mut AnyConnection,
    item: ItemId,
) -> Result<Option<ItemId>, StorageError> {
    let row = sqlx::query(
        "SELECT to_holder FROM ledger WHERE item = $1 AND item <> 0 AND to_place = 'stack' ORDER BY number DESC LIMIT 1",
    );
    let row = row.bind(item.to_sql()).fetch_optional(connection).await?;
    row.map(|row| Ok(ItemId::from_sql(row.try_get(0)?))).transpose()
}

/// Lines after one, in their order.
pub(in crate::items) async fn following(
    connection: &mut AnyConnection,
    after: i64,
    lines_max: i64,
) -> Result<Vec<LedgerLine>, StorageError> {
    let query = concat!("SELECT ", line_columns!(), " FROM ledger WHERE number > $1 ORDER BY number LIMIT $2");
    let rows = sqlx::query(query).bind(after).bind(lines_max).fetch_all(connection).await?;
    rows.iter().map(line).collect()
}

/// Lines about an item before one, the newest first.
pub(in crate::items) async fn of_item(
    readers: &Readers,
    item: ItemId,
    before: i64,
    lines_max: i64,
) -> Result<Vec<LedgerLine>, StorageError> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        line_columns!(),
        " FROM ledger WHERE item = $1 AND item <> 0 AND number < $2 ORDER BY number DESC LIMIT $3"
    ))
    .bind(item.to_sql())
    .bind(before)
    .bind(lines_max)
    .fetch_all(readers)
    .await?;
    rows.iter().map(line).collect()
}
