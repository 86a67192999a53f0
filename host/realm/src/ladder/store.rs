//! SQL of the ladder.

pub(super) mod around;

use realm_world::Class;
use sqlx::{AnyConnection, Row as _, any::AnyRow};

use super::{Entry, Position};
use crate::{
    storage::{Readers, StorageError},
    types::CharacterId,
};

pub(super) struct Score {
    pub(super) character: CharacterId,
    pub(super) class: Class,
    pub(super) score: i64,
    pub(super) tie_break: i64,
    pub(super) level: u32,
    pub(super) experience: u64,
    pub(super) dead: bool,
    pub(super) scored_ms: i64,
    /// Version of the character that was scored; an older one never replaces a newer.
    pub(super) version: i64,
}

/// Puts scores where their characters are; answers with how many stood elsewhere.
pub(super) async fn follow_characters(connection: &mut AnyConnection, realm: &str) -> Result<u64, StorageError> {
    let done = sqlx::query(
        "UPDATE ladder_scores SET realm = $1
         WHERE realm <> $1 AND character_id IN (SELECT id FROM characters WHERE realm = $1)",
    )
    .bind(realm)
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Stores a score. A score that stays the same keeps its time, and with it its place among equals.
pub(super) async fn upsert(connection: &mut AnyConnection, realm: &str, new: &Score) -> Result<(), StorageError> {
    sqlx::query(
        "INSERT INTO ladder_scores
         (character_id, realm, class, score, level, experience, dead, scored_ms, character_version, tie_break)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (character_id) DO UPDATE SET
         scored_ms = CASE WHEN ladder_scores.score = excluded.score THEN ladder_scores.scored_ms
             ELSE excluded.scored_ms END,
         realm = excluded.realm, score = excluded.score, level = excluded.level, experience = excluded.experience, dead = excluded.dead,
         character_version = excluded.character_version, tie_break = excluded.tie_break
         WHERE excluded.character_version >= ladder_scores.character_version",
    )
    .bind(new.character.to_sql())
    .bind(realm)
    .bind(new.class.name())
    .bind(new.score)
    .bind(i64::from(new.level))
    .bind(i64::try_from(new.experience).unwrap_or(i64::MAX))
    .bind(i64::from(new.dead))
    .bind(new.scored_ms)
    .bind(new.version)
    .bind(new.tie_break)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn remove(
    connection: &mut AnyConnection,
    character: CharacterId,
    version: i64,
) -> Result<(), StorageError> {
    sqlx::query("DELETE FROM ladder_scores WHERE character_id = $1 AND character_version <= $2")
        .bind(character.to_sql())
        .bind(version)
        .execute(connection)
        .await?;
    Ok(())
}

// `CROSS JOIN` names the order to SQLite: scores first, in the order of their index, then the character of each. Left to choose, it reads all
// characters of the realm once somebody ran `ANALYZE`. To PostgreSQL it is a join like any other.
macro_rules! top {
    ($condition:literal, $limit:literal) => {
        concat!(
            "SELECT s.character_id, c.name, s.class, s.level, s.experience, c.hardcore, s.dead, s.score,
             s.tie_break, s.scored_ms FROM ladder_scores s CROSS JOIN characters c
             WHERE c.id = s.character_id AND c.realm = s.realm AND s.realm = $1 ",
            $condition,
            " AND c.deleted_ms IS NULL
             ORDER BY s.score DESC, s.tie_break DESC, s.scored_ms, s.character_id LIMIT ",
            $limit
        )
    };
}

pub(super) async fn top(
    readers: &Readers,
    realm: &str,
    class: Option<Class>,
    limit: u32,
) -> Result<Vec<Entry>, StorageError> {
    let rows = match class {
        None => sqlx::query(top!("", "$2")).bind(realm).bind(i64::from(limit)).fetch_all(readers).await?,
        Some(class) => {
            sqlx::query(top!("AND s.class = $2", "$3"))
                .bind(realm)
                .bind(class.name())
                .bind(i64::from(limit))
                .fetch_all(readers)
                .await?
        }
    };
    rows.iter().zip(1..).map(|(row, rank)| entry(row, rank)).collect()
}

/// What stands behind a position, beside the conditions of [`top`].
macro_rules! behind {
    ($class:literal, $score:literal, $tie_break:literal, $scored_ms:literal, $character:literal, $limit:literal) => {
        concat!(
            "SELECT s.character_id, c.name, s.class, s.level, s.experience, c.hardcore, s.dead, s.score,
             s.tie_break, s.scored_ms FROM ladder_scores s CROSS JOIN characters c
             WHERE c.id = s.character_id AND c.realm = s.realm AND s.realm = $1 ",
            $class,
            " AND c.deleted_ms IS NULL AND s.score <= ",
            $score,
            " AND (s.score < ",
            $score,
            " OR s.tie_break < ",
            $tie_break,
            " OR (s.tie_break = ",
            $tie_break,
            " AND (s.scored_ms > ",
            $scored_ms,
            " OR (s.scored_ms = ",
            $scored_ms,
            " AND s.character_id > ",
            $character,
            "))))
             ORDER BY s.score DESC, s.tie_break DESC, s.scored_ms, s.character_id LIMIT ",
            $limit
        )
    };
}

pub(super) async fn behind(
    readers: &Readers,
    realm: &str,
    class: Option<Class>,
    position: &Position,
    limit: u32,
) -> Result<Vec<(Entry, Position)>, StorageError> {
    let query = match class {
        None => sqlx::query(behind!("", "$2", "$3", "$4", "$5", "$6")).bind(realm),
        Some(class) => {
            sqlx::query(behind!("AND s.class = $2", "$3", "$4", "$5", "$6", "$7")).bind(realm).bind(class.name())
        }
    };
    let rows = query
        .bind(position.score)
        .bind(position.tie_break)
        .bind(position.scored_ms)
        .bind(position.character.to_sql())
        .bind(i64::from(limit))
        .fetch_all(readers)
        .await?;
    rows.iter()
        .zip(position.rank + 1..)
        .map(|(row, rank)| Ok((entry(row, rank)?, self::position(row, rank)?)))
        .collect()
}

/// The position behind the entry of a row of [`top`] or [`behind`].
fn position(row: &AnyRow, rank: u64) -> Result<Position, StorageError> {
    let (score, tie_break, scored_ms) = (row.try_get(7)?, row.try_get(8)?, row.try_get(9)?);
    Ok(Position { rank, score, tie_break, scored_ms, character: CharacterId::from_sql(row.try_get(0)?) })
}

fn entry(row: &AnyRow, rank: u64) -> Result<Entry, StorageError> {
    let damaged = |what: &str| StorageError::Statement(format!("a stored score has an illegal {what}"));
    Ok(Entry {
        rank,
        character: CharacterId::from_sql(row.try_get(0)?),
        name: row.try_get(1)?,
        class: Class::from_name(&row.try_get::<String, _>(2)?).ok_or_else(|| damaged("class"))?,
        level: u32::try_from(row.try_get::<i64, _>(3)?).map_err(|_| damaged("level"))?,
        experience: u64::try_from(row.try_get::<i64, _>(4)?).map_err(|_| damaged("experience"))?,
        hardcore: row.try_get::<i64, _>(5)? != 0,
        dead: row.try_get::<i64, _>(6)? != 0,
        score: u64::try_from(row.try_get::<i64, _>(7)?).map_err(|_| damaged("score"))?,
    })
}
