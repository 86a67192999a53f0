//! SQL of characters and their leases.

pub(super) mod holders;

use realm_world::{Attributes, Class, Sheet};
use sqlx::{AnyConnection, Row as _, any::AnyRow};

use super::Character;
use crate::{
    storage::{Readers, StorageError},
    types::{AccountId, CharacterId, CharacterName},
};

/// The columns of [`character`], in its order.
macro_rules! columns {
    () => {
        "id, account, name, class, level, experience, strength, dexterity, vitality, energy, hardcore, dead, \
         created_ms, played_last_ms, play_time_ms, version"
    };
}

pub(super) mod details;
pub(super) mod saves;

fn character(row: &AnyRow) -> Result<Character, StorageError> {
    let damaged = |what: &str| StorageError::Statement(format!("a stored character has an illegal {what}"));
    let small = |index: usize| -> Result<u32, StorageError> {
        u32::try_from(row.try_get::<i64, _>(index)?).map_err(|_| damaged("number"))
    };
    Ok(Character {
        id: CharacterId::from_sql(row.try_get(0)?),
        account: AccountId::from_sql(row.try_get(1)?),
        name: CharacterName::new(row.try_get::<String, _>(2)?).map_err(|_| damaged("name"))?,
        sheet: Sheet {
            class: Class::from_name(&row.try_get::<String, _>(3)?).ok_or_else(|| damaged("class"))?,
            level: small(4)?,
            experience: u64::try_from(row.try_get::<i64, _>(5)?).map_err(|_| damaged("number"))?,
            attributes: Attributes {
                strength: small(6)?,
                dexterity: small(7)?,
                vitality: small(8)?,
                energy: small(9)?,
            },
            hardcore: row.try_get::<i64, _>(10)? != 0,
            dead: row.try_get::<i64, _>(11)? != 0,
        },
        created_ms: row.try_get(12)?,
        played_last_ms: row.try_get(13)?,
        play_time_ms: row.try_get(14)?,
        version: row.try_get(15)?,
    })
}

pub(super) async fn list(readers: &Readers, realm: &str, account: AccountId) -> Result<Vec<Character>, StorageError> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM characters WHERE account = $1 AND realm = $2 AND deleted_ms IS NULL ORDER BY list_place, id"
    ))
    .bind(account.to_sql())
    .bind(realm)
    .fetch_all(readers)
    .await?;
    rows.iter().map(character).collect()
}

pub(super) async fn get(
    readers: &Readers,
    realm: &str,
    account: AccountId,
    id: CharacterId,
) -> Result<Option<Character>, StorageError> {
    let row = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM characters WHERE id = $1 AND account = $2 AND realm = $3 AND deleted_ms IS NULL"
    ))
    .bind(id.to_sql())
    .bind(account.to_sql())
    .bind(realm)
    .fetch_optional(readers)
    .await?;
    row.as_ref().map(character).transpose()
}

/// How many characters an account has.
pub(super) struct Count {
    /// Those that it can play.
    pub(super) living: i64,
    /// Deleted ones that can be restored.
    pub(super) restorable: i64,
}

/// Raises the version of the account's roster, so that two who count at once cannot both go on, and counts.
pub(super) async fn count_for_new(
    connection: &mut AnyConnection,
    realm: &str,
    account: AccountId,
) -> Result<Count, StorageError> {
    sqlx::query(
        "INSERT INTO character_rosters (account, realm, version) VALUES ($1, $2, 1)
         ON CONFLICT (account, realm) DO UPDATE SET version = character_rosters.version + 1",
    )
    .bind(account.to_sql())
    .bind(realm)
    .execute(&mut *connection)
    .await?;
    let row = sqlx::query(
        "SELECT CAST(COUNT(*) AS BIGINT), CAST(COUNT(deleted_ms) AS BIGINT) FROM characters
         WHERE account = $1 AND realm = $2",
    )
    .bind(account.to_sql())
    .bind(realm)
    .fetch_one(connection)
    .await?;
    let (all, restorable): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    Ok(Count { living: all - restorable, restorable })
}

pub(super) async fn insert(connection: &mut AnyConnection, realm: &str, new: &Character) -> Result<(), StorageError> {
    let sheet = &new.sheet;
    sqlx::query(
        "INSERT INTO characters (id, realm, account, name, folded, class, level, experience, strength, dexterity,
         vitality, energy, hardcore, dead, created_ms, play_time_ms, version, lease_epoch, leased)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 0, 0)",
    )
    .bind(new.id.to_sql())
    .bind(realm)
    .bind(new.account.to_sql())
    .bind(new.name.as_str())
    .bind(new.name.folded())
    .bind(sheet.class.name())
    .bind(i64::from(sheet.level))
    .bind(i64::try_from(sheet.experience).unwrap_or(i64::MAX))
    .bind(i64::from(sheet.attributes.strength))
    .bind(i64::from(sheet.attributes.dexterity))
    .bind(i64::from(sheet.attributes.vitality))
    .bind(i64::from(sheet.attributes.energy))
    .bind(i64::from(sheet.hardcore))
    .bind(i64::from(sheet.dead))
    .bind(new.created_ms)
    .bind(new.play_time_ms)
    .bind(new.version)
    .execute(connection)
    .await?;
    Ok(())
}

/// Marks a character as deleted unless it is leased; false when it did not.
pub(super) async fn delete(
    connection: &mut AnyConnection,
    realm: &str,
    account: AccountId,
    id: CharacterId,
    now_ms: i64,
) -> Result<bool, StorageError> {
    let done = sqlx::query(
        "UPDATE characters SET deleted_ms = $4, version = version + 1
         WHERE id = $1 AND account = $2 AND realm = $3 AND deleted_ms IS NULL AND leased = 0",
    )
    .bind(id.to_sql())
    .bind(account.to_sql())
    .bind(realm)
    .bind(now_ms)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// True when the account has the character, leased or not.
pub(super) async fn exists(
    connection: &mut AnyConnection,
    realm: &str,
    account: AccountId,
    id: CharacterId,
) -> Result<bool, StorageError> {
    let row =
        sqlx::query("SELECT id FROM characters WHERE id = $1 AND account = $2 AND realm = $3 AND deleted_ms IS NULL")
            .bind(id.to_sql())
            .bind(account.to_sql())
            .bind(realm)
            .fetch_optional(connection)
            .await?;
    Ok(row.is_some())
}

/// Takes the lease of a character that nobody holds, for a holder that is listed; `None` when there is none to take. The epoch rises to
/// `epoch`, a number that is never used again: one that was taken in a transaction that came to nothing is nobody's.
pub(super) async fn take(
    connection: &mut AnyConnection,
    (holder, epoch): (i64, i64),
    realm: &str,
    account: AccountId,
    id: CharacterId,
) -> Result<Option<(Character, i64)>, StorageError> {
    let row = sqlx::query(concat!(
        "UPDATE characters SET leased = $4, lease_epoch = CASE WHEN lease_epoch < $5 THEN $5 ELSE lease_epoch + 1 END
         WHERE id = $1 AND account = $2 AND realm = $3 AND deleted_ms IS NULL AND leased = 0
         AND EXISTS (SELECT 1 FROM lease_holders WHERE lease_holders.id = $4)
         RETURNING ",
        columns!(),
        ", lease_epoch"
    ))
    .bind(id.to_sql())
    .bind(account.to_sql())
    .bind(realm)
    .bind(holder)
    .bind(epoch)
    .fetch_optional(connection)
    .await?;
    row.map(|row| Ok((character(&row)?, row.try_get(16)?))).transpose()
}

/// Gives the lease back, also when it has been given back before; false when somebody else has taken one since.
pub(super) async fn release(connection: &mut AnyConnection, id: CharacterId, epoch: i64) -> Result<bool, StorageError> {
    let done = sqlx::query("UPDATE characters SET leased = 0 WHERE id = $1 AND lease_epoch = $2")
        .bind(id.to_sql())
        .bind(epoch)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes at most `rows_max` characters that were deleted before a moment.
pub(super) async fn purge_deleted(
    connection: &mut AnyConnection,
    realm: &str,
    deleted_before_ms: i64,
    rows_max: i64,
) -> Result<u64, StorageError> {
    let done = sqlx::query(
        "DELETE FROM characters WHERE id IN
         (SELECT id FROM characters WHERE realm = $1 AND deleted_ms < $2 ORDER BY id LIMIT $3)",
    )
    .bind(realm)
    .bind(deleted_before_ms)
    .bind(rows_max)
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// The realms that have characters.
pub(super) async fn realms(connection: &mut AnyConnection) -> Result<Vec<String>, StorageError> {
    let rows = sqlx::query("SELECT DISTINCT realm FROM characters ORDER BY realm").fetch_all(connection).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Calls a realm otherwise; there must be nothing under the new key.
pub(super) async fn rename_realm(connection: &mut AnyConnection, from: &str, to: &str) -> Result<(), StorageError> {
    for statement in [
        "DELETE FROM character_rosters WHERE realm = $2 AND $1 <> $2",
        "UPDATE character_rosters SET realm = $2 WHERE realm = $1",
        "UPDATE characters SET realm = $2 WHERE realm = $1",
    ] {
        sqlx::query(statement).bind(from).bind(to).execute(&mut *connection).await?;
    }
    Ok(())
}
