//! What this process claims at a server for as long as it lives: its number as a node, and the key of its realm.

use std::{sync::Arc, time::Duration};

use sqlx::AnyConnection;
use tokio::time::Instant;

use crate::storage::{RealmClaim, Storage, StorageError, place, postgresql};

/// How long a session that was cut off may linger at a server and keep what it has claimed from the next start.
pub(in crate::storage) const CLAIM_WAIT: Duration = Duration::from_secs(15);
const CLAIM_EVERY: Duration = Duration::from_millis(700);

/// Claims a node's number at a server; answers with the number of the session. A file has no sessions.
pub(in crate::storage) async fn claim(connection: &mut AnyConnection, node: u16) -> Result<Option<i64>, StorageError> {
    if !place::is_server(connection) {
        return Ok(None);
    }
    let give_up_at = Instant::now() + CLAIM_WAIT;
    loop {
        match postgresql::claim(connection, node, None).await {
            Err(StorageError::NodeInUse(_)) if Instant::now() < give_up_at => tokio::time::sleep(CLAIM_EVERY).await,
            claimed => return claimed.map(Some),
        }
    }
}

/// Claims a realm's key through the writer, whose session keeps it; waits for a session that was cut off as [`claim`] does.
pub(in crate::storage) async fn claim_realm(storage: &Storage, claim: RealmClaim) -> Result<(), StorageError> {
    let give_up_at = Instant::now() + CLAIM_WAIT;
    loop {
        match try_claim_realm(storage, claim.clone()).await {
            Err(StorageError::RealmInUse(_)) if Instant::now() < give_up_at => tokio::time::sleep(CLAIM_EVERY).await,
            claimed => return claimed,
        }
    }
}

pub(in crate::storage) async fn try_claim_realm(storage: &Storage, claim: RealmClaim) -> Result<(), StorageError> {
    let claimed = Arc::clone(&storage.realm);
    let claiming = storage.write::<_, StorageError, _>(move |connection| {
        Box::pin(async move {
            if claimed.get() == Some(&claim) {
                return Ok(());
            }
            if place::is_server(connection) {
                postgresql::claim_realm(connection, &claim.realm, claim.shared).await?;
            }
            // A session holds what it has claimed, whatever becomes of the transaction.
            claimed.get_or_init(|| claim);
            Ok(())
        })
    });
    claiming.await
}
