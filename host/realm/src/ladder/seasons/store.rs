//! SQL of seasons.

use realm_plugin_host::bindings::ladder;
use sqlx::{AnyConnection, Row as _, any::AnyRow};

use super::{Season, Standing};
use crate::{
    storage::{Readers, StorageError},
    types::CharacterId,
};

/// Most seasons in a list.
const SEASONS_MAX: i64 = 100;

fn damaged() -> StorageError {
    StorageError::Statement("a stored season or standing is damaged".to_owned())
}

fn season(row: &AnyRow) -> Result<Season, StorageError> {
    Ok(Season {
        number: u32::try_from(row.try_get::<i64, _>(0)?).map_err(|_| damaged())?,
        name: row.try_get(1)?,
        began_ms: row.try_get(2)?,
        ended_ms: row.try_get(3)?,
    })
}

pub(super) async fn running(readers: &Readers, realm: &str) -> Result<Option<Season>, StorageError> {
    let row = sqlx::query(
        "SELECT number, name, began_ms, ended_ms FROM ladder_seasons WHERE realm = $1 AND ended_ms IS NULL
         ORDER BY number DESC LIMIT 1",
    )
    .bind(realm)
    .fetch_optional(readers)
    .await?;
    row.as_ref().map(season).transpose()
}

pub(super) async fn ended(readers: &Readers, realm: &str) -> Result<Vec<Season>, StorageError> {
    let rows = sqlx::query(
        "SELECT number, name, began_ms, ended_ms FROM ladder_seasons WHERE realm = $1 AND ended_ms IS NOT NULL
         ORDER BY number DESC LIMIT $2",
    )
    .bind(realm)
    .bind(SEASONS_MAX)
    .fetch_all(readers)
    .await?;
    rows.iter().map(season).collect()
}

/// The best of the ladder, as they would stand if the season ended now, with what the rule is told of each.
pub(super) async fn best(
    readers: &Readers,
    realm: &str,
    limit: u32,
) -> Result<Vec<(Standing, ladder::Character)>, StorageError> {
    let rows = sqlx::query(
        "SELECT s.character_id, c.name, s.class, s.level, s.score, s.experience, c.hardcore, s.dead, c.play_time_ms
         FROM ladder_scores s CROSS JOIN characters c
         WHERE c.id = s.character_id AND c.realm = s.realm AND s.realm = $1 AND c.deleted_ms IS NULL
         ORDER BY s.score DESC, s.tie_break DESC, s.scored_ms, s.character_id LIMIT $2",
    )
    .bind(realm)
    .bind(i64::from(limit))
    .fetch_all(readers)
    .await?;
    let number = |row: &AnyRow, column: usize| u64::try_from(row.try_get::<i64, _>(column)?).map_err(|_| damaged());
    rows.iter()
        .zip(1..)
        .map(|(row, rank)| {
            let character = CharacterId::from_sql(row.try_get(0)?);
            let class: String = row.try_get(2)?;
            let level = u32::try_from(number(row, 3)?).map_err(|_| damaged())?;
            let standing = Standing {
                rank,
                character,
                name: row.try_get(1)?,
                class: class.clone(),
                level,
                score: number(row, 4)?,
                title: String::new(),
            };
            let asked = ladder::Character {
                id: character.raw(),
                class,
                level,
                experience: number(row, 5)?,
                hardcore: row.try_get::<i64, _>(6)? != 0,
                dead: row.try_get::<i64, _>(7)? != 0,
                play_time_ms: number(row, 8)?,
            };
            Ok((standing, asked))
        })
        .collect()
}

pub(super) async fn standings(readers: &Readers, realm: &str, season: u32) -> Result<Vec<Standing>, StorageError> {
    let rows = sqlx::query(
        "SELECT place, character_id, name, class, level, score, title FROM ladder_standings
         WHERE realm = $1 AND season = $2 ORDER BY place",
    )
    .bind(realm)
    .bind(i64::from(season))
    .fetch_all(readers)
    .await?;
    let small = |row: &AnyRow, column: usize| u32::try_from(row.try_get::<i64, _>(column)?).map_err(|_| damaged());
    rows.iter()
        .map(|row| {
            Ok(Standing {
                rank: small(row, 0)?,
                character: CharacterId::from_sql(row.try_get(1)?),
                name: row.try_get(2)?,
                class: row.try_get(3)?,
                level: small(row, 4)?,
                score: u64::try_from(row.try_get::<i64, _>(5)?).map_err(|_| damaged())?,
                title: row.try_get(6)?,
            })
        })
        .collect()
}

/// Ends a season and begins the next, in one transaction; false when the season has ended already.
pub(super) async fn turn(
    connection: &mut AnyConnection,
    realm: &str,
    ended: &Season,
    standings: &[Standing],
    next: &Season,
) -> Result<bool, StorageError> {
    let done = sqlx::query(
        "INSERT INTO ladder_seasons (realm, number, name, began_ms, ended_ms) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (realm, number) DO UPDATE SET ended_ms = excluded.ended_ms
         WHERE ladder_seasons.ended_ms IS NULL",
    )
    .bind(realm)
    .bind(i64::from(ended.number))
    .bind(&ended.name)
    .bind(ended.began_ms)
    .bind(ended.ended_ms)
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    for place in standings {
        sqlx::query(
            "INSERT INTO ladder_standings (realm, season, place, character_id, name, class, level, score, title)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(realm)
        .bind(i64::from(ended.number))
        .bind(i64::from(place.rank))
        .bind(place.character.to_sql())
        .bind(&place.name)
        .bind(&place.class)
        .bind(i64::from(place.level))
        .bind(i64::try_from(place.score).unwrap_or(i64::MAX))
        .bind(&place.title)
        .execute(&mut *connection)
        .await?;
    }
    sqlx::query("DELETE FROM ladder_scores WHERE realm = $1").bind(realm).execute(&mut *connection).await?;
    sqlx::query("INSERT INTO ladder_seasons (realm, number, name, began_ms) VALUES ($1, $2, $3, $4)")
        .bind(realm)
        .bind(i64::from(next.number))
        .bind(&next.name)
        .bind(next.began_ms)
        .execute(&mut *connection)
        .await?;
    Ok(true)
}
