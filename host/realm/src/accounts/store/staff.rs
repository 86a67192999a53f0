//! SQL of roles and permissions.

use sqlx::{AnyConnection, Row as _, any::AnyRow};

use super::{name_from, role_from};
use crate::{
    accounts::{Permissions, Role, StaffMember},
    storage::{Readers, StorageError},
    types::{AccountId, AccountName},
};

fn member(row: &AnyRow) -> Result<StaffMember, StorageError> {
    Ok(StaffMember {
        account: AccountId::from_sql(row.try_get(0)?),
        name: name_from(row.try_get(1)?)?,
        role: role_from(row.try_get(2)?)?,
        extra: Permissions::stored(row.try_get(3)?),
    })
}

/// Those whose keys come behind one, in the order of keys.
pub(in crate::accounts) async fn list(
    readers: &Readers,
    behind: i64,
    rows_max: i64,
) -> Result<Vec<StaffMember>, StorageError> {
    let rows = sqlx::query(
        "SELECT id, name, role, permissions FROM accounts WHERE (role <> 'player' OR permissions <> '')
         AND id > $1 ORDER BY id LIMIT $2",
    )
    .bind(behind)
    .bind(rows_max)
    .fetch_all(readers)
    .await?;
    rows.iter().map(member).collect()
}

pub(in crate::accounts) async fn find(
    connection: &mut AnyConnection,
    name: &AccountName,
) -> Result<Option<StaffMember>, StorageError> {
    let row = sqlx::query("SELECT id, name, role, permissions FROM accounts WHERE folded = $1")
        .bind(name.folded())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(member).transpose()
}

pub(in crate::accounts) async fn set(
    connection: &mut AnyConnection,
    account: AccountId,
    role: Role,
    extra: Permissions,
) -> Result<(), StorageError> {
    sqlx::query("UPDATE accounts SET role = $2, permissions = $3, version = version + 1 WHERE id = $1")
        .bind(account.to_sql())
        .bind(role.as_str())
        .bind(extra.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// True when the account has this role and these permissions.
pub(in crate::accounts) async fn is_so(
    connection: &mut AnyConnection,
    account: AccountId,
    role: Role,
    extra: Permissions,
) -> Result<bool, StorageError> {
    let row = sqlx::query("SELECT role, permissions FROM accounts WHERE id = $1")
        .bind(account.to_sql())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(false) };
    Ok(role_from(row.try_get(0)?)? == role && Permissions::stored(row.try_get(1)?) == extra)
}
