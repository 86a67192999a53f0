//! SQL of sanctions.

use ipnet::IpNet;
use sqlx::{AnyConnection, Row as _, any::AnyRow};

use super::{Ban, Decider, Kind, Mute, NetworkBan, Order, Sanction, Target};
use crate::{
    storage::{Readers, StorageError},
    types::AccountId,
};

/// The columns of [`sanction`], in its order.
macro_rules! columns {
    () => {
        "number, kind, account, network, reason, decided_by, created_ms, until_ms, lifted_by, lifted_ms"
    };
}

fn sanction(row: &AnyRow) -> Result<Sanction, StorageError> {
    let damaged = || StorageError::Statement("a stored sanction has no target or kind that is known".to_owned());
    let account = row.try_get::<Option<i64>, _>(2)?.map(|account| Target::Account(AccountId::from_sql(account)));
    let target = match account {
        Some(account) => account,
        None => Target::Network(network(row, 3)?),
    };
    Ok(Sanction {
        number: row.try_get(0)?,
        kind: Kind::from_str(&row.try_get::<String, _>(1)?).ok_or_else(damaged)?,
        target,
        reason: row.try_get(4)?,
        decided_by: decider(&row.try_get::<String, _>(5)?)?,
        created_ms: row.try_get(6)?,
        until_ms: row.try_get(7)?,
        lifted_by: row.try_get::<Option<String>, _>(8)?.as_deref().map(decider).transpose()?,
        lifted_ms: row.try_get(9)?,
    })
}

fn decider(text: &str) -> Result<Decider, StorageError> {
    let damaged =
        || StorageError::Statement(format!("a stored sanction was decided by nobody that is known: \"{text}\""));
    Decider::from_text(text).ok_or_else(damaged)
}

fn network(row: &AnyRow, index: usize) -> Result<IpNet, StorageError> {
    let text = row.try_get::<Option<String>, _>(index)?.unwrap_or_default();
    text.parse().map_err(|_| StorageError::Statement(format!("a stored sanction is against no network: \"{text}\"")))
}

/// The longest ban of the account that has not ended at `now_ms`.
pub(super) async fn longest_ban(
    readers: &Readers,
    account: AccountId,
    now_ms: i64,
) -> Result<Option<Ban>, StorageError> {
    let row = sqlx::query(
        "SELECT number, reason, until_ms FROM sanctions
         WHERE account = $1 AND kind = 'ban' AND lifted_ms IS NULL AND (until_ms IS NULL OR until_ms > $2)
         ORDER BY CASE WHEN until_ms IS NULL THEN 0 ELSE 1 END, until_ms DESC, number DESC
         LIMIT 1",
    )
    .bind(account.to_sql())
    .bind(now_ms)
    .fetch_optional(readers)
    .await?;
    row.map(|row| Ok(Ban { number: row.try_get(0)?, reason: row.try_get(1)?, until_ms: row.try_get(2)? })).transpose()
}

/// Stores a sanction and gives it the next number.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    id: i64,
    order: Order,
    decided_by: Decider,
    now_ms: i64,
) -> Result<Sanction, StorageError> {
    let row = sqlx::query("SELECT CAST(COALESCE(MAX(number), 0) AS BIGINT) FROM sanctions")
        .fetch_one(&mut *connection)
        .await?;
    // Writes come one at a time, over all nodes.
    let (number, changed) = (row.try_get::<i64, _>(0)? + 1, next_change(connection).await?);
    let Order { kind, target, reason, until_ms } = order;
    let (account, network) = match &target {
        Target::Account(account) => (Some(account.to_sql()), None),
        Target::Network(network) => (None, Some(network.trunc().to_string())),
    };
    sqlx::query(
        "INSERT INTO sanctions (id, number, kind, account, network, reason, decided_by, created_ms, until_ms, changed)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(id)
    .bind(number)
    .bind(kind.as_str())
    .bind(account)
    .bind(network)
    .bind(reason.as_str())
    .bind(decided_by.to_string())
    .bind(now_ms)
    .bind(until_ms)
    .bind(changed)
    .execute(connection)
    .await?;
    Ok(Sanction {
        number,
        kind,
        target,
        reason,
        decided_by,
        created_ms: now_ms,
        until_ms,
        lifted_by: None,
        lifted_ms: None,
    })
}

/// The number of the next change. Writes come one at a time, over all nodes.
async fn next_change(connection: &mut AnyConnection) -> Result<i64, StorageError> {
    let row =
        sqlx::query("SELECT CAST(COALESCE(MAX(changed), 0) AS BIGINT) FROM sanctions").fetch_one(connection).await?;
    Ok(row.try_get::<i64, _>(0)? + 1)
}

/// The number of the last change.
pub(super) async fn change_last(readers: &Readers) -> Result<i64, StorageError> {
    let row = sqlx::query("SELECT CAST(COALESCE(MAX(changed), 0) AS BIGINT) FROM sanctions").fetch_one(readers).await?;
    Ok(row.try_get(0)?)
}

/// Sanctions that were spoken or lifted after a change, in the order of their changes, each with the number of its last one; those that
/// cannot be read, too.
pub(super) async fn changed_since(
    readers: &Readers,
    change: i64,
    limit: i64,
) -> Result<Vec<(i64, Result<Sanction, StorageError>)>, StorageError> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        ", changed FROM sanctions WHERE changed > $1 ORDER BY changed LIMIT $2"
    ))
    .bind(change)
    .bind(limit)
    .fetch_all(readers)
    .await?;
    rows.iter().map(|row| Ok((row.try_get(10)?, sanction(row)))).collect()
}

/// Takes a sanction back that has not ended; nothing when there is none.
pub(super) async fn lift(
    connection: &mut AnyConnection,
    number: i64,
    lifted_by: &Decider,
    now_ms: i64,
) -> Result<Option<Sanction>, StorageError> {
    let changed = next_change(connection).await?;
    let row = sqlx::query(concat!(
        "UPDATE sanctions SET lifted_by = $2, lifted_ms = $3, changed = $4
         WHERE number = $1 AND lifted_ms IS NULL AND (until_ms IS NULL OR until_ms > $3) RETURNING ",
        columns!()
    ))
    .bind(number)
    .bind(lifted_by.to_string())
    .bind(now_ms)
    .bind(changed)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(sanction).transpose()
}

pub(super) async fn find(readers: &Readers, number: i64) -> Result<Option<Sanction>, StorageError> {
    let row = sqlx::query(concat!("SELECT ", columns!(), " FROM sanctions WHERE number = $1"))
        .bind(number)
        .fetch_optional(readers)
        .await?;
    row.as_ref().map(sanction).transpose()
}

/// How many networks are banned at `now_ms`.
pub(super) async fn networks_banned(readers: &Readers, now_ms: i64) -> Result<i64, StorageError> {
    let row = sqlx::query(
        "SELECT CAST(COUNT(DISTINCT network) AS BIGINT) FROM sanctions
         WHERE network IS NOT NULL AND kind = 'ban' AND lifted_ms IS NULL AND (until_ms IS NULL OR until_ms > $1)",
    )
    .bind(now_ms)
    .fetch_one(readers)
    .await?;
    Ok(row.try_get(0)?)
}

/// Those before a number, the newest first.
pub(super) async fn list(
    readers: &Readers,
    target: Option<&Target>,
    before: i64,
    limit: i64,
) -> Result<Vec<Sanction>, StorageError> {
    let rows = match target {
        None => {
            sqlx::query(concat!(
                "SELECT ",
                columns!(),
                " FROM sanctions WHERE number < $1 ORDER BY number DESC LIMIT $2"
            ))
            .bind(before)
            .bind(limit)
            .fetch_all(readers)
            .await?
        }
        Some(Target::Account(account)) => {
            sqlx::query(concat!(
                "SELECT ",
                columns!(),
                " FROM sanctions WHERE account = $1 AND number < $2 ORDER BY number DESC LIMIT $3"
            ))
            .bind(account.to_sql())
            .bind(before)
            .bind(limit)
            .fetch_all(readers)
            .await?
        }
        Some(Target::Network(network)) => {
            sqlx::query(concat!(
                "SELECT ",
                columns!(),
                " FROM sanctions WHERE network = $1 AND number < $2 ORDER BY number DESC LIMIT $3"
            ))
            .bind(network.trunc().to_string())
            .bind(before)
            .bind(limit)
            .fetch_all(readers)
            .await?
        }
    };
    rows.iter().map(sanction).collect()
}

/// The mutes that have not ended at `now_ms`, at most `limit`, the longest first.
pub(super) async fn mutes(readers: &Readers, now_ms: i64, limit: i64) -> Result<Vec<(AccountId, Mute)>, StorageError> {
    let rows = sqlx::query(
        "SELECT account, number, reason, until_ms FROM sanctions
         WHERE kind = 'mute' AND lifted_ms IS NULL AND until_ms > $1 AND account IS NOT NULL
         ORDER BY until_ms DESC, id LIMIT $2",
    )
    .bind(now_ms)
    .bind(limit)
    .fetch_all(readers)
    .await?;
    rows.iter().map(|row| Ok((AccountId::from_sql(row.try_get(0)?), mute(row)?))).collect()
}

/// The longest mute of the account that has not ended at `now_ms`.
pub(super) async fn longest_mute(
    readers: &Readers,
    account: AccountId,
    now_ms: i64,
) -> Result<Option<Mute>, StorageError> {
    let row = sqlx::query(
        "SELECT account, number, reason, until_ms FROM sanctions
         WHERE account = $1 AND kind = 'mute' AND lifted_ms IS NULL AND until_ms > $2 ORDER BY until_ms DESC LIMIT 1",
    )
    .bind(account.to_sql())
    .bind(now_ms)
    .fetch_optional(readers)
    .await?;
    row.as_ref().map(mute).transpose()
}

fn mute(row: &AnyRow) -> Result<Mute, StorageError> {
    Ok(Mute { number: row.try_get(1)?, reason: row.try_get(2)?, until_ms: row.try_get(3)? })
}

/// The bans of networks that have not ended at `now_ms`, at most `limit`, those that were spoken last.
pub(super) async fn network_bans(
    readers: &Readers,
    now_ms: i64,
    limit: i64,
) -> Result<Vec<(IpNet, NetworkBan)>, StorageError> {
    let rows = sqlx::query(
        "SELECT network, number, reason, until_ms FROM sanctions
         WHERE network IS NOT NULL AND kind = 'ban' AND lifted_ms IS NULL AND (until_ms IS NULL OR until_ms > $1)
         ORDER BY number DESC LIMIT $2",
    )
    .bind(now_ms)
    .bind(limit)
    .fetch_all(readers)
    .await?;
    let ban = |row: &AnyRow| {
        let ban = NetworkBan { number: row.try_get(1)?, reason: row.try_get(2)?, until_ms: row.try_get(3)? };
        Ok((network(row, 0)?, ban))
    };
    rows.iter().map(ban).collect()
}
