//! SQL of accounts, token sessions, refresh tokens and the owner token.

pub(super) mod ends;
pub(super) mod erasing;
pub(super) mod exporting;
pub(super) mod factors;
pub(super) mod kept;
pub(super) mod keys;
pub(super) mod own;
pub(super) mod staff;

use std::net::IpAddr;

use sqlx::{AnyConnection, Row as _, any::AnyRow};

use super::{Identity, Permissions, Role};
use crate::{
    storage::{Readers, StorageError},
    types::{AccountId, AccountName, SessionId},
};

pub(super) struct Account {
    pub(super) id: AccountId,
    pub(super) name: AccountName,
    pub(super) password: String,
    /// Rises with each change of the password by its owner.
    pub(super) password_version: i64,
    pub(super) role: Role,
    pub(super) extra: Permissions,
    /// A second factor is set up.
    pub(super) second_factor: bool,
}

pub(super) struct NewAccount {
    pub(super) id: AccountId,
    pub(super) name: AccountName,
    pub(super) password: String,
    pub(super) role: Role,
    pub(super) now_ms: i64,
}

pub(super) struct StoredSession {
    pub(super) identity: Identity,
    /// It was opened with a second factor.
    pub(super) proven: bool,
    pub(super) address: Option<IpAddr>,
    pub(super) active_ms: i64,
    pub(super) expires_ms: i64,
}

pub(super) struct StoredRefresh {
    pub(super) session: SessionId,
    pub(super) account: AccountId,
    pub(super) active_ms: i64,
    pub(super) expires_ms: i64,
    pub(super) rotation: i64,
    pub(super) used_ms: Option<i64>,
}

fn role_from(text: &str) -> Result<Role, StorageError> {
    Role::from_name(text).ok_or_else(|| StorageError::Statement(format!("there is no role \"{text}\"")))
}

fn name_from(text: String) -> Result<AccountName, StorageError> {
    AccountName::new(text)
        .map_err(|error| StorageError::Statement(format!("a stored account name is illegal: {error}")))
}

pub(super) async fn insert_account(connection: &mut AnyConnection, new: &NewAccount) -> Result<(), StorageError> {
    sqlx::query(
        "INSERT INTO accounts (id, name, folded, password, role, created_ms, version)
         VALUES ($1, $2, $3, $4, $5, $6, 1)",
    )
    .bind(new.id.to_sql())
    .bind(new.name.as_str())
    .bind(new.name.folded())
    .bind(new.password.as_str())
    .bind(new.role.as_str())
    .bind(new.now_ms)
    .execute(connection)
    .await?;
    Ok(())
}

/// The columns of [`account`], in its order.
macro_rules! account_columns {
    () => {
        "SELECT a.id, a.name, a.password, a.role, a.password_version,
         CAST(CASE WHEN f.confirmed_ms IS NULL THEN 0 ELSE 1 END AS BIGINT), a.permissions
         FROM accounts a LEFT JOIN second_factors f ON f.account = a.id "
    };
}

fn account(row: &AnyRow) -> Result<Account, StorageError> {
    Ok(Account {
        id: AccountId::from_sql(row.try_get(0)?),
        name: name_from(row.try_get(1)?)?,
        password: row.try_get(2)?,
        role: role_from(row.try_get(3)?)?,
        password_version: row.try_get(4)?,
        second_factor: row.try_get::<i64, _>(5)? != 0,
        extra: Permissions::stored(row.try_get(6)?),
    })
}

pub(super) async fn find_account(readers: &Readers, name: &AccountName) -> Result<Option<Account>, StorageError> {
    let row = sqlx::query(concat!(account_columns!(), "WHERE a.folded = $1"))
        .bind(name.folded())
        .fetch_optional(readers)
        .await?;
    row.as_ref().map(account).transpose()
}

pub(super) async fn account_of(readers: &Readers, id: AccountId) -> Result<Option<Account>, StorageError> {
    let row =
        sqlx::query(concat!(account_columns!(), "WHERE a.id = $1")).bind(id.to_sql()).fetch_optional(readers).await?;
    row.as_ref().map(account).transpose()
}

pub(super) async fn has_owner(connection: &mut AnyConnection) -> Result<bool, StorageError> {
    let row = sqlx::query("SELECT id FROM accounts WHERE role = 'owner' LIMIT 1").fetch_optional(connection).await?;
    Ok(row.is_some())
}

/// Notes a log-in by a password of this version; false when it has been changed since it was checked.
pub(super) async fn set_last_login(
    connection: &mut AnyConnection,
    account: AccountId,
    password_version: i64,
    now_ms: i64,
) -> Result<bool, StorageError> {
    let done = sqlx::query(
        "UPDATE accounts SET login_last_ms = $3, version = version + 1 WHERE id = $1 AND password_version = $2",
    )
    .bind(account.to_sql())
    .bind(password_version)
    .bind(now_ms)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn insert_session(
    connection: &mut AnyConnection,
    (session, proven): (SessionId, bool),
    account: AccountId,
    address: Option<IpAddr>,
    now_ms: i64,
    expires_ms: i64,
) -> Result<(), StorageError> {
    sqlx::query(
        "INSERT INTO token_sessions (id, account, created_ms, active_ms, expires_ms, rotation, address, proven)
         VALUES ($1, $2, $3, $3, $4, 0, $5, $6)",
    )
    .bind(session.to_sql())
    .bind(account.to_sql())
    .bind(now_ms)
    .bind(expires_ms)
    .bind(address.map(|address| address.to_string()).unwrap_or_default())
    .bind(i64::from(proven))
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes all but the newest `keep` sessions of an account.
pub(super) async fn delete_oldest_sessions(
    connection: &mut AnyConnection,
    account: AccountId,
    keep: i64,
) -> Result<Vec<SessionId>, StorageError> {
    let rows = sqlx::query(
        "DELETE FROM token_sessions WHERE account = $1 AND id NOT IN
         (SELECT id FROM token_sessions WHERE account = $1 ORDER BY id DESC LIMIT $2)
         RETURNING id",
    )
    .bind(account.to_sql())
    .bind(keep)
    .fetch_all(connection)
    .await?;
    session_ids(&rows)
}

pub(super) async fn delete_sessions_of(
    connection: &mut AnyConnection,
    account: AccountId,
) -> Result<Vec<SessionId>, StorageError> {
    let rows = sqlx::query("DELETE FROM token_sessions WHERE account = $1 RETURNING id")
        .bind(account.to_sql())
        .fetch_all(connection)
        .await?;
    session_ids(&rows)
}

fn session_ids(rows: &[AnyRow]) -> Result<Vec<SessionId>, StorageError> {
    rows.iter().map(|row| Ok(SessionId::from_sql(row.try_get(0)?))).collect()
}

pub(super) async fn delete_session(connection: &mut AnyConnection, session: SessionId) -> Result<(), StorageError> {
    sqlx::query("DELETE FROM token_sessions WHERE id = $1").bind(session.to_sql()).execute(connection).await?;
    Ok(())
}

pub(super) async fn delete_expired_sessions(
    connection: &mut AnyConnection,
    now_ms: i64,
    idle_since_ms: i64,
) -> Result<(), StorageError> {
    sqlx::query("DELETE FROM token_sessions WHERE expires_ms <= $1 OR active_ms <= $2")
        .bind(now_ms)
        .bind(idle_since_ms)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn set_active(
    connection: &mut AnyConnection,
    session: SessionId,
    active_ms: i64,
) -> Result<(), StorageError> {
    sqlx::query("UPDATE token_sessions SET active_ms = $2 WHERE id = $1 AND active_ms < $2")
        .bind(session.to_sql())
        .bind(active_ms)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn sessions(readers: &Readers) -> Result<Vec<StoredSession>, StorageError> {
    let rows = sqlx::query(
        "SELECT s.id, s.account, a.name, a.role, s.active_ms, s.expires_ms, s.address,
         s.proven, a.permissions FROM token_sessions s JOIN accounts a ON a.id = s.account",
    )
    .fetch_all(readers)
    .await?;
    let session = |row: &AnyRow| {
        Ok(StoredSession {
            identity: Identity {
                session: SessionId::from_sql(row.try_get(0)?),
                account: AccountId::from_sql(row.try_get(1)?),
                name: name_from(row.try_get(2)?)?,
                role: role_from(row.try_get(3)?)?,
                extra: Permissions::stored(row.try_get(8)?),
            },
            proven: row.try_get::<i64, _>(7)? != 0,
            address: row.try_get::<String, _>(6)?.parse().ok(),
            active_ms: row.try_get(4)?,
            expires_ms: row.try_get(5)?,
        })
    };
    rows.iter().map(session).collect()
}

pub(super) async fn insert_refresh(
    connection: &mut AnyConnection,
    hash: &str,
    session: SessionId,
    rotation: i64,
) -> Result<(), StorageError> {
    sqlx::query("INSERT INTO refresh_tokens (hash, token_session, rotation) VALUES ($1, $2, $3)")
        .bind(hash)
        .bind(session.to_sql())
        .bind(rotation)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn find_refresh(
    connection: &mut AnyConnection,
    hash: &str,
) -> Result<Option<StoredRefresh>, StorageError> {
    let row = sqlx::query(
        "SELECT s.id, s.account, s.active_ms, s.expires_ms, s.rotation, r.used_ms
         FROM refresh_tokens r JOIN token_sessions s ON s.id = r.token_session WHERE r.hash = $1",
    )
    .bind(hash)
    .fetch_optional(connection)
    .await?;
    let refresh = |row: AnyRow| {
        Ok(StoredRefresh {
            session: SessionId::from_sql(row.try_get(0)?),
            account: AccountId::from_sql(row.try_get(1)?),
            active_ms: row.try_get(2)?,
            expires_ms: row.try_get(3)?,
            rotation: row.try_get(4)?,
            used_ms: row.try_get(5)?,
        })
    };
    row.map(refresh).transpose()
}

/// Marks every unused token of a session as used now.
pub(super) async fn use_refresh_tokens(
    connection: &mut AnyConnection,
    session: SessionId,
    now_ms: i64,
) -> Result<(), StorageError> {
    sqlx::query("UPDATE refresh_tokens SET used_ms = $2 WHERE token_session = $1 AND used_ms IS NULL")
        .bind(session.to_sql())
        .bind(now_ms)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn set_rotation(
    connection: &mut AnyConnection,
    session: SessionId,
    rotation: i64,
    now_ms: i64,
) -> Result<(), StorageError> {
    sqlx::query("UPDATE token_sessions SET rotation = $2, active_ms = $3 WHERE id = $1")
        .bind(session.to_sql())
        .bind(rotation)
        .bind(now_ms)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn forget_refresh_tokens(
    connection: &mut AnyConnection,
    session: SessionId,
    rotation_max: i64,
) -> Result<(), StorageError> {
    sqlx::query("DELETE FROM refresh_tokens WHERE token_session = $1 AND rotation <= $2")
        .bind(session.to_sql())
        .bind(rotation_max)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn replace_owner_token(
    connection: &mut AnyConnection,
    hash: Option<&str>,
    now_ms: i64,
) -> Result<(), StorageError> {
    sqlx::query("DELETE FROM owner_tokens").execute(&mut *connection).await?;
    if let Some(hash) = hash {
        sqlx::query("INSERT INTO owner_tokens (hash, created_ms) VALUES ($1, $2)")
            .bind(hash)
            .bind(now_ms)
            .execute(connection)
            .await?;
    }
    Ok(())
}

pub(super) async fn owner_token_exists(readers: &Readers, hash: &str) -> Result<bool, StorageError> {
    let row = sqlx::query("SELECT hash FROM owner_tokens WHERE hash = $1").bind(hash).fetch_optional(readers).await?;
    Ok(row.is_some())
}

/// Takes the owner token out; false when it is not there.
pub(super) async fn take_owner_token(connection: &mut AnyConnection, hash: &str) -> Result<bool, StorageError> {
    let done = sqlx::query("DELETE FROM owner_tokens WHERE hash = $1").bind(hash).execute(connection).await?;
    Ok(done.rows_affected() == 1)
}
