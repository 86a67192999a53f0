//! SQL of an account's end: what is its owner's is deleted or replaced, in every table, in one transaction.
//!
//! This is the one store that knows the tables of other features, because what is forgotten in one of them is not erased.
//! `accounts/data_tests.rs` walks the schema and asks of every column what becomes of it.

use sqlx::{AnyConnection, Row as _};

use super::session_ids;
use crate::{
    storage::StorageError,
    types::{AccountId, AccountName, CharacterName, SessionId},
};

/// Whose data, and what stands in its place.
pub(in crate::accounts) struct Erasure {
    pub(in crate::accounts) account: AccountId,
    /// The name as it was.
    pub(in crate::accounts) name: AccountName,
    pub(in crate::accounts) pseudonym: AccountName,
    /// A hash that no password has.
    pub(in crate::accounts) password: String,
    pub(in crate::accounts) now_ms: i64,
}

/// Erases it; answers with the sessions that end by it. `next_name` makes names that nobody has.
pub(in crate::accounts) async fn erase(
    connection: &mut AnyConnection,
    erasure: &Erasure,
    next_name: impl Fn() -> CharacterName,
) -> Result<Vec<SessionId>, StorageError> {
    let Erasure { account, name, pseudonym, password, now_ms } = erasure;
    let id = account.to_sql();
    sqlx::query(
        "UPDATE accounts SET name = $2, folded = $3, password = $4, password_version = password_version + 1,
         password_changed_ms = NULL, login_last_ms = NULL, role = 'player', permissions = '', erased_ms = $5, version = version + 1
         WHERE id = $1",
    )
    .bind(id)
    .bind(pseudonym.as_str())
    .bind(pseudonym.folded())
    .bind(password.as_str())
    .bind(*now_ms)
    .execute(&mut *connection)
    .await?;
    // Refresh tokens and kept sessions go with them.
    let ended = sqlx::query("DELETE FROM token_sessions WHERE account = $1 RETURNING id")
        .bind(id)
        .fetch_all(&mut *connection)
        .await?;
    for statement in [
        "DELETE FROM known_networks WHERE account = $1",
        "DELETE FROM recovery_codes WHERE account = $1",
        "DELETE FROM second_factors WHERE account = $1",
        // What was written about somebody says who it was; that there was a sanction stays.
        "UPDATE sanctions SET reason = '' WHERE account = $1",
        "UPDATE account_keys SET note = '' WHERE account = $1",
        // What is in a letter is somebody's, and stays; what was written to them or by them goes. Their offers are over, and are taken down
        // with the next that are.
        "UPDATE letters SET text = '', version = version + 1 WHERE owner IN (SELECT id FROM characters WHERE account = $1)",
        "UPDATE letters SET text = '', version = version + 1 WHERE sender IN (SELECT id FROM characters WHERE account = $1)",
        "UPDATE offers SET ends_ms = 0 WHERE (realm, seller) IN (SELECT realm, id FROM characters WHERE account = $1)",
        "DELETE FROM ladder_scores WHERE character_id IN (SELECT id FROM characters WHERE account = $1)",
    ] {
        sqlx::query(statement).bind(id).execute(&mut *connection).await?;
    }
    // Of answers that are given again, those to its own requests, and the one to its registration.
    sqlx::query("DELETE FROM kept_answers WHERE scope = $1 OR body = $2")
        .bind(format!("account:{account}"))
        .bind(format!("{{\"id\":\"{account}\",\"name\":\"{name}\"}}"))
        .execute(&mut *connection)
        .await?;
    let characters = sqlx::query("SELECT id FROM characters WHERE account = $1 ORDER BY id")
        .bind(id)
        .fetch_all(&mut *connection)
        .await?;
    for row in &characters {
        let (character, pseudonym) = (row.try_get::<i64, _>(0)?, next_name());
        sqlx::query(
            "UPDATE characters SET name = $2, folded = $3, title = '', key_bindings = '{}', deleted_ms = COALESCE(deleted_ms, $4), version = version + 1
             WHERE id = $1",
        )
        .bind(character)
        .bind(pseudonym.as_str())
        .bind(pseudonym.folded())
        .bind(*now_ms)
        .execute(&mut *connection)
        .await?;
        sqlx::query("UPDATE ladder_standings SET name = $2 WHERE character_id = $1")
            .bind(character)
            .bind(pseudonym.as_str())
            .execute(&mut *connection)
            .await?;
    }
    session_ids(&ended)
}
