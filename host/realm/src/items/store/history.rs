//! SQL of what went between characters.

use sqlx::{AnyConnection, Row as _};

use super::ledger::{line, line_columns};
use crate::{
    items::LedgerLine,
    storage::StorageError,
    types::{AccountId, CharacterId, ItemId, LetterId},
};

/// Lines from a number on that say that something went from an account's characters to somebody else, or the other way: the newest first.
pub(in crate::items) async fn of_account(
    connection: &mut AnyConnection,
    realm: &str,
    account: AccountId,
    first: i64,
    lines_max: i64,
) -> Result<Vec<LedgerLine>, StorageError> {
    let query = concat!(
        "SELECT ",
        line_columns!(),
        " FROM ledger WHERE number IN (
             SELECT l.number FROM ledger l JOIN characters c ON c.id = l.from_holder
             WHERE c.account = $1 AND c.realm = $2 AND l.from_holder <> 0 AND l.number >= $3
             AND l.to_holder <> l.from_holder AND l.to_holder <> 0 AND l.from_place <> 'stack' AND l.to_place <> 'stack'
             UNION SELECT l.number FROM ledger l JOIN characters c ON c.id = l.to_holder
             WHERE c.account = $1 AND c.realm = $2 AND l.to_holder <> 0 AND l.number >= $3
             AND l.to_holder <> l.from_holder AND l.from_holder <> 0 AND l.from_place <> 'stack' AND l.to_place <> 'stack')
         ORDER BY number DESC LIMIT $4"
    );
    let rows =
        sqlx::query(query).bind(account.to_sql()).bind(realm).bind(first).bind(lines_max).fetch_all(connection).await?;
    rows.iter().map(line).collect()
}

/// Who gave an item away last before a line.
pub(in crate::items) async fn giver(
    connection: &mut AnyConnection,
    item: ItemId,
    before: i64,
) -> Result<Option<CharacterId>, StorageError> {
    let row = sqlx::query(
        "SELECT from_holder FROM ledger WHERE item = $1 AND item <> 0 AND number < $2
         AND from_place IN ('worn', 'inventory', 'stash', 'cube', 'returned') ORDER BY number DESC LIMIT 1",
    );
    let row = row.bind(item.to_sql()).bind(before).fetch_optional(connection).await?;
    row.map(|row| Ok(CharacterId::from_sql(row.try_get(0)?))).transpose()
}

/// Does somebody play a character?
pub(in crate::items) async fn is_playing(
    connection: &mut AnyConnection,
    character: CharacterId,
) -> Result<bool, StorageError> {
    let row = sqlx::query("SELECT leased FROM characters WHERE id = $1").bind(character.to_sql());
    let row = row.fetch_optional(connection).await?;
    Ok(row.is_some_and(|row| row.try_get::<i64, _>(0).is_ok_and(|leased| leased != 0)))
}

/// Lines from a number on that say where an item went, the oldest first; pieces that went from stack to stack are not in it.
pub(in crate::items) async fn steps(
    connection: &mut AnyConnection,
    item: ItemId,
    first: i64,
    lines_max: i64,
) -> Result<Vec<LedgerLine>, StorageError> {
    let query = concat!(
        "SELECT ",
        line_columns!(),
        " FROM ledger WHERE item = $1 AND item <> 0 AND number >= $2 AND from_holder <> to_holder
         AND from_place <> 'stack' AND to_place <> 'stack' ORDER BY number LIMIT $3"
    );
    let rows = sqlx::query(query).bind(item.to_sql()).bind(first).bind(lines_max).fetch_all(connection).await?;
    rows.iter().map(line).collect()
}

/// Lines of an act.
pub(in crate::items) async fn of_operation(
    connection: &mut AnyConnection,
    operation: i64,
    lines_max: i64,
) -> Result<Vec<LedgerLine>, StorageError> {
    let query = concat!("SELECT ", line_columns!(), " FROM ledger WHERE operation = $1 ORDER BY number LIMIT $2");
    let rows = sqlx::query(query).bind(operation).bind(lines_max).fetch_all(connection).await?;
    rows.iter().map(line).collect()
}

/// Whose a character is; of one that is gone nobody's.
pub(in crate::items) async fn account_of(
    connection: &mut AnyConnection,
    character: CharacterId,
) -> Result<Option<AccountId>, StorageError> {
    let row = sqlx::query("SELECT account FROM characters WHERE id = $1").bind(character.to_sql());
    let row = row.fetch_optional(connection).await?;
    row.map(|row| Ok(AccountId::from_sql(row.try_get(0)?))).transpose()
}

/// An account's characters, deleted ones too.
pub(in crate::items) async fn characters(
    connection: &mut AnyConnection,
    realm: &str,
    account: AccountId,
) -> Result<Vec<CharacterId>, StorageError> {
    let rows = sqlx::query("SELECT id FROM characters WHERE account = $1 AND realm = $2 ORDER BY id");
    let rows = rows.bind(account.to_sql()).bind(realm).fetch_all(connection).await?;
    rows.iter().map(|row| Ok(CharacterId::from_sql(row.try_get(0)?))).collect()
}

/// The act in which an item left an offer.
pub(in crate::items) async fn out_of_offer(
    connection: &mut AnyConnection,
    item: ItemId,
    offer: i64,
) -> Result<Option<i64>, StorageError> {
    let row = sqlx::query(
        "SELECT operation FROM ledger WHERE item = $1 AND item <> 0 AND from_place = 'offer' AND from_holder = $2
         ORDER BY number DESC LIMIT 1",
    );
    let row = row.bind(item.to_sql()).bind(offer).fetch_optional(connection).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// The act in which an item came into a letter before a line, and the place that it came from.
pub(in crate::items) async fn into_letter(
    connection: &mut AnyConnection,
    item: ItemId,
    letter: i64,
    before: i64,
) -> Result<Option<(i64, String)>, StorageError> {
    let row = sqlx::query(
        "SELECT operation, from_place FROM ledger WHERE item = $1 AND item <> 0 AND number < $2 AND to_place = 'letter'
         AND to_holder = $3 ORDER BY number DESC LIMIT 1",
    );
    let row = row.bind(item.to_sql()).bind(before).bind(letter).fetch_optional(connection).await?;
    row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose()
}

/// Was a gem set into an item after a line?
pub(in crate::items) async fn has_new_gems(
    connection: &mut AnyConnection,
    item: ItemId,
    after: i64,
) -> Result<bool, StorageError> {
    let row = sqlx::query(
        "SELECT number FROM ledger WHERE item = $1 AND item <> 0 AND number > $2 AND act = 'socket' LIMIT 1",
    );
    Ok(row.bind(item.to_sql()).bind(after).fetch_optional(connection).await?.is_some())
}

/// The act in which gold was put into a letter.
pub(in crate::items) async fn paid_into_letter(
    connection: &mut AnyConnection,
    letter: i64,
) -> Result<Option<i64>, StorageError> {
    let row = sqlx::query(
        "SELECT operation FROM ledger WHERE to_holder = $1 AND to_holder <> 0 AND item = 0 AND to_place = 'purse:letter'
         ORDER BY number LIMIT 1",
    );
    let row = row.bind(letter).fetch_optional(connection).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Who has taken the gold out of a letter.
pub(in crate::items) async fn took_gold_of_letter(
    connection: &mut AnyConnection,
    letter: LetterId,
) -> Result<Option<CharacterId>, StorageError> {
    let row = sqlx::query(
        "SELECT to_holder FROM ledger WHERE from_holder = $1 AND from_holder <> 0 AND item = 0
         AND from_place = 'purse:letter' AND to_place = 'purse:character' ORDER BY number DESC LIMIT 1",
    );
    let row = row.bind(letter.to_sql()).fetch_optional(connection).await?;
    row.map(|row| Ok(CharacterId::from_sql(row.try_get(0)?))).transpose()
}
