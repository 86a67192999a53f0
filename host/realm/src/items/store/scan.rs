//! SQL of looks at all items.

use realm_world::items::{Certificate, Item};
use sqlx::{AnyConnection, Row as _, any::AnyRow};

use super::{damaged, owned};
use crate::{
    items::{
        Place, Side,
        scan::Row,
        verify::{Standing, Told},
    },
    storage::StorageError,
};

/// Items after one, in the order of their keys, as far as the ledger speaks of them: as their columns tell it, and as their bodies do.
pub(in crate::items) async fn standings(
    connection: &mut AnyConnection,
    after: i64,
    rows_max: i64,
) -> Result<Vec<Told>, StorageError> {
    let rows = sqlx::query(
        "SELECT id, base, pieces, place, holder, page, x, y, body, quality, level, birth_game, birth_tick, birth_ordinal
         FROM items WHERE id > $1 ORDER BY id LIMIT $2",
    )
    .bind(after)
    .bind(rows_max)
    .fetch_all(connection)
    .await?;
    let told = |row: &AnyRow| -> Result<Told, StorageError> {
        let place = Place::of_row(row.try_get(3)?, row.try_get(4)?, row.try_get(5)?, row.try_get(6)?, row.try_get(7)?);
        let at = Side::from(&place.ok_or_else(|| damaged("place"))?);
        let body: Item = serde_json::from_str(row.try_get(8)?).map_err(|_| damaged("body"))?;
        let columns = Standing { goods: row.try_get(1)?, pieces: row.try_get(2)?, at: at.clone() };
        let of_body = Standing { goods: body.base.clone(), pieces: body.count.into(), at };
        let quality: &str = row.try_get(9)?;
        let columns_agree = quality == body.quality.name() && row.try_get::<i64, _>(10)? == i64::from(body.level);
        let birth = (row.try_get(11)?, row.try_get(12)?, row.try_get(13)?);
        Ok(Told { item: row.try_get(0)?, standings: [columns, of_body], columns_agree, body, birth })
    };
    rows.iter().map(told).collect()
}

/// Items after one and up to another, in the order of their keys, with their births.
pub(in crate::items) async fn rows(
    connection: &mut AnyConnection,
    after: i64,
    until: i64,
    rows_max: i64,
) -> Result<Vec<Row>, StorageError> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        ", pieces, birth_game, birth_tick, birth_ordinal,
         COALESCE((SELECT CASE WHEN l.item = items.id THEN 1 ELSE 0 END FROM ledger l WHERE l.birth_game = items.birth_game
         AND l.birth_tick = items.birth_tick AND l.birth_ordinal = items.birth_ordinal AND l.birth_game IS NOT NULL), 0)
         FROM items WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3"
    ))
    .bind(after)
    .bind(until)
    .bind(rows_max)
    .fetch_all(connection)
    .await?;
    let row = |row: &AnyRow| -> Result<Row, StorageError> {
        let number = |index: usize| -> Result<u32, StorageError> {
            u32::try_from(row.try_get::<i64, _>(index)?).map_err(|_| damaged("birth"))
        };
        let game: i64 = row.try_get(12)?;
        let birth = Certificate::new(game.cast_unsigned(), number(13)?, number(14)?, 0, Vec::new());
        let is_born = row.try_get::<i64, _>(15)? != 0;
        Ok(Row { owned: owned(row)?, pieces: row.try_get(11)?, birth, is_born })
    };
    rows.iter().map(row).collect()
}

/// How many pieces there are of each base by the ledger: those that came from nothing less those that went to it.
pub(in crate::items) async fn totals(connection: &mut AnyConnection) -> Result<Vec<(String, i64)>, StorageError> {
    let rows = sqlx::query(
        "SELECT goods, CAST(SUM(CASE WHEN from_place = 'nothing' THEN amount ELSE 0 END
         - CASE WHEN to_place = 'nothing' THEN amount ELSE 0 END) AS BIGINT)
         FROM ledger WHERE item <> 0 GROUP BY goods",
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}
