//! SQL of characters with everything that is stored of them.

use std::collections::BTreeMap;

use serde::{Serialize, de::DeserializeOwned};
use sqlx::{AnyConnection, Row as _, any::AnyRow};

use super::character;
use crate::{
    characters::{Details, Profile},
    storage::{Readers, StorageError},
    types::{AccountId, CharacterId},
};

/// The columns of [`details`] behind those of a character, in its order.
macro_rules! all_columns {
    () => {
        concat!(columns!(), ", title, list_place, key_bindings, skill_levels, deleted_ms, leased, realm")
    };
}

fn damaged(what: &str) -> StorageError {
    StorageError::Statement(format!("a stored character has an illegal {what}"))
}

fn read<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, StorageError> {
    serde_json::from_str(text).map_err(|_| damaged(what))
}

fn text<T: Serialize>(map: &BTreeMap<String, T>) -> Result<String, StorageError> {
    serde_json::to_string(map).map_err(|error| StorageError::Statement(error.to_string()))
}

fn details(row: &AnyRow) -> Result<Details, StorageError> {
    Ok(Details {
        character: character(row)?,
        profile: Profile {
            title: row.try_get(16)?,
            order: u32::try_from(row.try_get::<i64, _>(17)?).map_err(|_| damaged("place"))?,
            key_bindings: read(row.try_get(18)?, "set of keys")?,
        },
        skills: read(row.try_get(19)?, "set of skills")?,
        deleted_ms: row.try_get(20)?,
        realm: row.try_get::<String, _>(22)?.into(),
    })
}

pub(in crate::characters) async fn list(
    readers: &Readers,
    realm: &str,
    account: AccountId,
) -> Result<Vec<Details>, StorageError> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        all_columns!(),
        " FROM characters WHERE account = $1 AND realm = $2 AND deleted_ms IS NULL ORDER BY list_place, id"
    ))
    .bind(account.to_sql())
    .bind(realm)
    .fetch_all(readers)
    .await?;
    rows.iter().map(details).collect()
}

/// Those that were deleted after a moment, the last deleted first.
pub(in crate::characters) async fn restorable(
    readers: &Readers,
    realm: &str,
    account: AccountId,
    since_ms: i64,
) -> Result<Vec<Details>, StorageError> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        all_columns!(),
        " FROM characters WHERE account = $1 AND realm = $2 AND deleted_ms > $3 ORDER BY deleted_ms DESC, id DESC"
    ))
    .bind(account.to_sql())
    .bind(realm)
    .bind(since_ms)
    .fetch_all(readers)
    .await?;
    rows.iter().map(details).collect()
}

const FIND: &str = concat!("SELECT ", all_columns!(), " FROM characters WHERE id = $1 AND realm = $2");

/// Any character of the realm, deleted ones too.
pub(in crate::characters) async fn look(
    readers: &Readers,
    realm: &str,
    id: CharacterId,
) -> Result<Option<Details>, StorageError> {
    let row = sqlx::query(FIND).bind(id.to_sql()).bind(realm).fetch_optional(readers).await?;
    row.as_ref().map(details).transpose()
}

/// The same in the writer's transaction, and whether somebody holds its lease.
pub(in crate::characters) async fn find(
    connection: &mut AnyConnection,
    realm: &str,
    id: CharacterId,
) -> Result<Option<(Details, bool)>, StorageError> {
    let row = sqlx::query(FIND).bind(id.to_sql()).bind(realm).fetch_optional(connection).await?;
    row.as_ref().map(|row| Ok((details(row)?, row.try_get::<i64, _>(21)? != 0))).transpose()
}

/// Writes what may be changed outside games over the version that was read; false when that is not the newest, or somebody holds the
/// lease.
pub(in crate::characters) async fn change(
    connection: &mut AnyConnection,
    changed: &Details,
) -> Result<bool, StorageError> {
    let Details { character, profile, skills, .. } = changed;
    let attributes = character.sheet.attributes;
    let done = sqlx::query(
        "UPDATE characters SET account = $3, name = $4, folded = $5, strength = $6, dexterity = $7, vitality = $8,
         energy = $9, title = $10, list_place = $11, key_bindings = $12, skill_levels = $13, version = version + 1
         WHERE id = $1 AND version = $2 AND leased = 0",
    )
    .bind(character.id.to_sql())
    .bind(character.version)
    .bind(character.account.to_sql())
    .bind(character.name.as_str())
    .bind(character.name.folded())
    .bind(i64::from(attributes.strength))
    .bind(i64::from(attributes.dexterity))
    .bind(i64::from(attributes.vitality))
    .bind(i64::from(attributes.energy))
    .bind(profile.title.as_str())
    .bind(i64::from(profile.order))
    .bind(text(&profile.key_bindings)?)
    .bind(text(skills)?)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Brings a deleted character back.
pub(in crate::characters) async fn restore(
    connection: &mut AnyConnection,
    id: CharacterId,
) -> Result<(), StorageError> {
    sqlx::query("UPDATE characters SET deleted_ms = NULL, version = version + 1 WHERE id = $1")
        .bind(id.to_sql())
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes a character into another realm, with its score, and with what it has; what it has laid down in a game comes after it when that ends.
///
/// # Errors
/// `Conflict` when its name is taken there.
pub(in crate::characters) async fn move_to(
    connection: &mut AnyConnection,
    id: CharacterId,
    realm: &str,
) -> Result<(), StorageError> {
    for statement in [
        // What it offers, and what lies in its mailbox: both are looked for in the realm that it is in.
        "UPDATE offer_properties SET realm = $2 WHERE offer IN (SELECT id FROM offers WHERE seller = $1
             AND realm = (SELECT realm FROM characters WHERE id = $1))",
        "UPDATE items SET realm = $2 WHERE place = 'offer' AND holder IN (SELECT id FROM offers WHERE seller = $1
             AND realm = (SELECT realm FROM characters WHERE id = $1))",
        "UPDATE offers SET realm = $2 WHERE seller = $1 AND realm = (SELECT realm FROM characters WHERE id = $1)",
        "UPDATE items SET realm = $2 WHERE place = 'letter' AND holder IN (SELECT id FROM letters WHERE owner = $1)",
        "UPDATE purses SET realm = $2 WHERE kind = 'letter' AND holder IN (SELECT id FROM letters WHERE owner = $1)",
        "UPDATE letters SET realm = $2 WHERE owner = $1",
        "UPDATE characters SET realm = $2 WHERE id = $1",
        // In the same transaction: nobody sees a place in the ladder of a realm that the character is not in.
        "UPDATE ladder_scores SET realm = $2 WHERE character_id = $1",
        "UPDATE items SET realm = $2 WHERE holder = $1 AND place IN ('worn', 'inventory', 'stash', 'cube', 'returned')",
        "UPDATE purses SET realm = $2 WHERE kind = 'character' AND holder = $1",
    ] {
        sqlx::query(statement).bind(id.to_sql()).bind(realm).execute(&mut *connection).await?;
    }
    Ok(())
}
