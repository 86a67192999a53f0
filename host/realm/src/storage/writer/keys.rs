//! The ceiling of keys: stored above every key that this node may have made, so that none is made twice after a fall.

use std::sync::Arc;

use sqlx::{AnyConnection, Row as _};

use crate::{
    storage::StorageError,
    types::{Clock, IdSource},
};

/// How far ahead of use the ceiling is stored.
const KEYS_AHEAD_MS: u64 = 5 * 60 * 1_000;
/// Keys of one millisecond, over all nodes.
const KEYS_PER_MS: u64 = 1 << 22;

/// This node's source of keys, and the ceiling that is stored for it.
pub(in crate::storage) struct Keys {
    ids: Arc<IdSource>,
    clock: Arc<dyn Clock>,
    node: u16,
    ceiling: u64,
}

impl Keys {
    /// A source above all keys that this node may have made; its ceiling is stored before the first one is made.
    pub(in crate::storage) async fn start(
        connection: &mut AnyConnection,
        node: u16,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StorageError> {
        let ids = Arc::new(IdSource::new(node, load(connection, node).await?));
        let mut keys = Self { ids, clock, node, ceiling: 0 };
        keys.ceiling = keys.ahead();
        keys.store(connection, keys.ceiling).await?;
        Ok(keys)
    }

    pub(in crate::storage) fn ids(&self) -> &Arc<IdSource> {
        &self.ids
    }

    /// True when a key may have been made that is not below the stored ceiling, or soon will be.
    pub(super) fn run_short(&self) -> bool {
        self.exact() + KEYS_AHEAD_MS / 2 * KEYS_PER_MS > self.ceiling
    }

    /// The ceiling that is to be stored now.
    pub(super) fn ahead(&self) -> u64 {
        self.exact() + KEYS_AHEAD_MS * KEYS_PER_MS
    }

    /// The lowest number above every key that has been made.
    pub(super) fn exact(&self) -> u64 {
        self.ids.ceiling(self.clock.now_ms())
    }

    /// A ceiling is committed.
    pub(super) fn stored(&mut self, ceiling: u64) {
        self.ceiling = ceiling;
    }

    pub(super) async fn store(&self, connection: &mut AnyConnection, ceiling: u64) -> Result<(), StorageError> {
        sqlx::query(
            "INSERT INTO nodes (node, key_ceiling) VALUES ($1, $2)
             ON CONFLICT (node) DO UPDATE SET key_ceiling = excluded.key_ceiling",
        )
        .bind(i64::from(self.node))
        .bind(i64::try_from(ceiling).unwrap_or(i64::MAX))
        .execute(connection)
        .await?;
        Ok(())
    }
}

async fn load(connection: &mut AnyConnection, node: u16) -> Result<u64, StorageError> {
    let row = sqlx::query("SELECT key_ceiling FROM nodes WHERE node = $1")
        .bind(i64::from(node))
        .fetch_optional(connection)
        .await?;
    Ok(match row {
        Some(row) => row.try_get::<i64, _>(0)?.unsigned_abs(),
        None => 0,
    })
}
