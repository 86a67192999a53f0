//! SQL of the places around a character.

use sqlx::{Any, Row as _, any::AnyArguments, any::AnyRow, query::Query};

use super::entry;
use crate::{
    ladder::Entry,
    storage::{Readers, StorageError},
    types::CharacterId,
};

/// Where a score stands among the others: what the ladder is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ladder) struct Standpoint {
    score: i64,
    tie_break: i64,
    scored_ms: i64,
    character: i64,
}

impl Standpoint {
    /// Does it come before another in the ladder?
    pub(in crate::ladder) fn is_before(self, other: Self) -> bool {
        let order = |one: Self| (-one.score, -one.tie_break, one.scored_ms, one.character);
        order(self) < order(other)
    }

    fn of(row: &AnyRow, first: usize) -> Result<Self, StorageError> {
        Ok(Self {
            score: row.try_get(first)?,
            tie_break: row.try_get(first + 1)?,
            scored_ms: row.try_get(first + 2)?,
            character: row.try_get(first + 3)?,
        })
    }
}

/// What every query here looks at: scores of characters that live in a realm ($1).
macro_rules! scores {
    ($($part:expr),+) => {
        concat!(
            "SELECT s.character_id, c.name, s.class, s.level, s.experience, c.hardcore, s.dead, s.score,
             s.score, s.tie_break, s.scored_ms, s.character_id
             FROM ladder_scores s CROSS JOIN characters c
             WHERE c.id = s.character_id AND c.realm = s.realm AND s.realm = $1 AND c.deleted_ms IS NULL",
            $($part),+
        )
    };
}

/// Before a standpoint ($2 to $5). The condition on the score alone is one that an index can begin with: among equals all are looked at.
macro_rules! before {
    () => {
        " AND s.character_id <> $5 AND s.score >= $2 AND (s.score > $2 OR s.tie_break > $3 OR (s.tie_break = $3
          AND (s.scored_ms < $4 OR (s.scored_ms = $4 AND s.character_id < $5))))"
    };
}

/// A character's own place, without its number, and its standpoint; `None` when it has no score.
pub(in crate::ladder) async fn own(
    readers: &Readers,
    realm: &str,
    character: CharacterId,
) -> Result<Option<(Entry, Standpoint)>, StorageError> {
    let query = sqlx::query(scores!(" AND s.character_id = $2")).bind(realm).bind(character.to_sql());
    let row = query.fetch_optional(readers).await?;
    row.map(|row| Ok((entry(&row, 0)?, Standpoint::of(&row, 8)?))).transpose()
}

/// Those right before a standpoint, the nearest first, without their numbers.
pub(in crate::ladder) async fn better(
    readers: &Readers,
    realm: &str,
    than: Standpoint,
    limit: u32,
) -> Result<Vec<(Entry, Standpoint)>, StorageError> {
    let query = sqlx::query(scores!(
        before!(),
        " ORDER BY s.score, s.tie_break, s.scored_ms DESC, s.character_id DESC LIMIT $6"
    ));
    let rows = bind(query.bind(realm), than).bind(i64::from(limit)).fetch_all(readers).await?;
    rows.iter().map(|row| Ok((entry(row, 0)?, Standpoint::of(row, 8)?))).collect()
}

/// Those right behind a standpoint, the nearest first, without their numbers.
pub(in crate::ladder) async fn worse(
    readers: &Readers,
    realm: &str,
    than: Standpoint,
    limit: u32,
) -> Result<Vec<Entry>, StorageError> {
    let query = sqlx::query(scores!(
        " AND s.character_id <> $5 AND s.score <= $2 AND (s.score < $2 OR s.tie_break < $3 OR (s.tie_break = $3
          AND (s.scored_ms > $4 OR (s.scored_ms = $4 AND s.character_id > $5))))
         ORDER BY s.score DESC, s.tie_break DESC, s.scored_ms, s.character_id LIMIT $6"
    ));
    let rows = bind(query.bind(realm), than).bind(i64::from(limit)).fetch_all(readers).await?;
    rows.iter().map(|row| entry(row, 0)).collect()
}

/// How many stand before a standpoint, and not before another, from which on is counted.
pub(in crate::ladder) async fn count(
    readers: &Readers,
    realm: &str,
    from: Option<Standpoint>,
    before: Standpoint,
) -> Result<i64, StorageError> {
    let row = match from {
        None => {
            let query = sqlx::query(concat!(
                "SELECT CAST(COUNT(*) AS BIGINT) FROM ladder_scores s CROSS JOIN characters c
                 WHERE c.id = s.character_id AND c.realm = s.realm AND s.realm = $1 AND c.deleted_ms IS NULL",
                before!()
            ));
            bind(query.bind(realm), before).fetch_one(readers).await?
        }
        Some(from) => {
            let query = sqlx::query(concat!(
                "SELECT CAST(COUNT(*) AS BIGINT) FROM ladder_scores s CROSS JOIN characters c
                 WHERE c.id = s.character_id AND c.realm = s.realm AND s.realm = $1 AND c.deleted_ms IS NULL",
                before!(),
                " AND s.score <= $6 AND (s.score < $6 OR s.tie_break < $7 OR (s.tie_break = $7
                  AND (s.scored_ms > $8 OR (s.scored_ms = $8 AND s.character_id >= $9))))"
            ));
            bind(bind(query.bind(realm), before), from).fetch_one(readers).await?
        }
    };
    Ok(row.try_get(0)?)
}

/// Every so many places one, from the best on.
pub(in crate::ladder) async fn marks(
    readers: &Readers,
    realm: &str,
    every: i64,
) -> Result<Vec<Standpoint>, StorageError> {
    let rows = sqlx::query(
        "SELECT ranked.score, ranked.tie_break, ranked.scored_ms, ranked.character_id FROM
         (SELECT s.score, s.tie_break, s.scored_ms, s.character_id,
          ROW_NUMBER() OVER (ORDER BY s.score DESC, s.tie_break DESC, s.scored_ms, s.character_id) AS place
          FROM ladder_scores s CROSS JOIN characters c
          WHERE c.id = s.character_id AND c.realm = s.realm AND s.realm = $1 AND c.deleted_ms IS NULL) AS ranked
         WHERE ranked.place % $2 = 0 ORDER BY ranked.place",
    )
    .bind(realm)
    .bind(every)
    .fetch_all(readers)
    .await?;
    rows.iter().map(|row| Standpoint::of(row, 0)).collect()
}

fn bind<'q>(query: Query<'q, Any, AnyArguments>, standpoint: Standpoint) -> Query<'q, Any, AnyArguments> {
    query.bind(standpoint.score).bind(standpoint.tie_break).bind(standpoint.scored_ms).bind(standpoint.character)
}
