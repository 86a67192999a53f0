//! SQL of items on grounds of games that are over or gone.

use std::sync::Arc;

use sqlx::{AnyConnection, Row as _};

use super::owned;
use crate::{
    items::Owned,
    storage::{self, Readers, StorageError},
    types::{CharacterId, GameId},
};

/// Which items are to go back.
#[derive(Debug, Clone)]
pub(in crate::items) enum Lost {
    /// Those of one game.
    OfGame { realm: Arc<str>, game: GameId },
    /// Those of games before a key of this node's, and of nodes of which none runs.
    OfOthers { realm: Arc<str>, started: GameId, node: u16 },
}

const OF_GAME: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM items WHERE place = 'ground' AND realm = $1 AND holder = $2 ORDER BY id LIMIT $3"
);

/// A key is its moment, ten bits of node and twelve of a counter.
const OF_OTHERS: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM items WHERE place = 'ground' AND realm = $1 AND (
     ($5 = 0 AND holder < $2) OR ((holder / 4096) % 1024 = $3 AND holder < $2)
     OR ((holder / 4096) % 1024 <> $3 AND NOT EXISTS (SELECT 1 FROM lease_holders
         WHERE lease_holders.node = (items.holder / 4096) % 1024 AND lease_holders.until_ms > $4)))
     ORDER BY id LIMIT $6"
);

/// At most so many of them, the oldest first.
pub(in crate::items) async fn lost(
    connection: &mut AnyConnection,
    which: &Lost,
    now_ms: i64,
    rows_max: i64,
) -> Result<Vec<Owned>, StorageError> {
    let query = match which {
        Lost::OfGame { realm, game } => sqlx::query(OF_GAME).bind(realm.to_string()).bind(game.to_sql()).bind(rows_max),
        Lost::OfOthers { realm, started, node } => {
            let shared = i64::from(storage::is_shared(connection));
            let query = sqlx::query(OF_OTHERS).bind(realm.to_string()).bind(started.to_sql()).bind(i64::from(*node));
            query.bind(now_ms).bind(shared).bind(rows_max)
        }
    };
    query.fetch_all(connection).await?.iter().map(owned).collect()
}

/// Does anything lie on the ground of a game?
pub(in crate::items) async fn any(readers: &Readers, realm: &str) -> Result<bool, StorageError> {
    let row = sqlx::query("SELECT id FROM items WHERE place = 'ground' AND realm = $1 LIMIT 1").bind(realm);
    Ok(row.fetch_optional(readers).await?.is_some())
}

/// Characters after one that are gone for good and have something still, in the order of their keys.
pub(in crate::items) async fn gone(
    readers: &Readers,
    realm: &str,
    after: i64,
    rows_max: i64,
) -> Result<Vec<CharacterId>, StorageError> {
    let rows = sqlx::query(
        "SELECT holder FROM items WHERE realm = $1 AND holder > $3 AND place IN ('worn', 'inventory', 'stash', 'cube', 'returned')
         AND NOT EXISTS (SELECT 1 FROM characters WHERE characters.id = items.holder)
         UNION SELECT holder FROM purses WHERE realm = $1 AND holder > $3 AND kind = 'character'
         AND NOT EXISTS (SELECT 1 FROM characters WHERE characters.id = purses.holder)
         ORDER BY 1 LIMIT $2",
    )
    .bind(realm)
    .bind(rows_max)
    .bind(after)
    .fetch_all(readers)
    .await?;
    rows.iter().map(|row| Ok(CharacterId::from_sql(row.try_get(0)?))).collect()
}
