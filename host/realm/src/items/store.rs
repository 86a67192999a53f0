//! SQL of items: what characters have, and single items.

pub(super) mod history;
pub(super) mod ledger;
pub(super) mod purses;

use realm_world::{
    Attributes, Class, Sheet,
    items::{Certificate, Item, Size},
};
use sqlx::{AnyConnection, Row as _, any::AnyRow};

use super::{Belongings, Hold, Holder, ItemsError, Owned, Place};
use crate::{
    storage::{Readers, StorageError},
    types::{AccountId, CharacterId, ItemId},
};

/// The columns of [`owned`], in its order.
macro_rules! columns {
    () => {
        "id, place, holder, page, x, y, width, height, last_holder, body, version"
    };
}

/// The same columns of `items i`, the first ones of a statement of another room that joins it; and how many they are.
macro_rules! owned_columns {
    () => {
        "i.id, i.place, i.holder, i.page, i.x, i.y, i.width, i.height, i.last_holder, i.body, i.version"
    };
}
pub(crate) use owned_columns;
pub(crate) const OWNED_COLUMNS: usize = 11;

pub(super) mod lost;
pub(super) mod scan;

pub(super) use lost::{Lost, lost};

pub(super) fn damaged(what: &str) -> StorageError {
    StorageError::Statement(format!("a stored item has an illegal {what}"))
}

/// An item as it is written.
pub(super) fn body(item: &Item) -> Result<String, StorageError> {
    serde_json::to_string(item).map_err(|error| StorageError::Statement(error.to_string()))
}

/// The item of a row that begins with these columns.
pub(crate) fn owned(row: &AnyRow) -> Result<Owned, StorageError> {
    let size = |index: usize| -> Result<u8, StorageError> {
        u8::try_from(row.try_get::<i64, _>(index)?).map_err(|_| damaged("size"))
    };
    let place: &str = row.try_get(1)?;
    let at = Place::of_row(place, row.try_get(2)?, row.try_get(3)?, row.try_get(4)?, row.try_get(5)?);
    let last_holder: i64 = row.try_get(8)?;
    Ok(Owned {
        key: ItemId::from_sql(row.try_get(0)?),
        item: serde_json::from_str(row.try_get(9)?).map_err(|_| damaged("body"))?,
        at: at.ok_or_else(|| damaged("place"))?,
        size: Size { width: size(6)?, height: size(7)? },
        version: row.try_get(10)?,
        last_holder: (last_holder != 0).then(|| CharacterId::from_sql(last_holder)),
    })
}

const BELONGINGS: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM items WHERE holder = $1 AND realm = $2
     AND place IN ('worn', 'inventory', 'stash', 'cube', 'returned')"
);

/// What a character has, in the writer's transaction.
pub(super) async fn belongings(
    connection: &mut AnyConnection,
    realm: &str,
    character: CharacterId,
) -> Result<Vec<Owned>, StorageError> {
    let rows = sqlx::query(BELONGINGS).bind(character.to_sql()).bind(realm).fetch_all(connection).await?;
    rows.iter().map(owned).collect()
}

/// The same as everybody sees it.
pub(super) async fn look(readers: &Readers, realm: &str, character: CharacterId) -> Result<Belongings, StorageError> {
    // The version first: what is read afterwards is at least as new.
    let row = sqlx::query(
        "SELECT items_version, COALESCE((SELECT gold FROM purses WHERE kind = 'character' AND holder = $1 AND realm = $2), 0)
         FROM characters WHERE id = $1 AND realm = $2",
    );
    let row = row.bind(character.to_sql()).bind(realm).fetch_optional(readers).await?;
    let (version, gold) = match row {
        Some(row) => (row.try_get(0)?, row.try_get(1)?),
        None => return Ok(Belongings { items: Vec::new(), gold: 0, version: 0, touched: Vec::new() }),
    };
    let rows = sqlx::query(BELONGINGS).bind(character.to_sql()).bind(realm).fetch_all(readers).await?;
    let mut items: Vec<Owned> = rows.iter().map(owned).collect::<Result<_, _>>()?;
    items.sort_by_key(|owned| owned.at);
    Ok(Belongings { items, gold, version, touched: Vec::new() })
}

/// One item, wherever it is.
pub(super) async fn find(
    connection: &mut AnyConnection,
    realm: &str,
    item: ItemId,
) -> Result<Option<Owned>, StorageError> {
    let row = sqlx::query(concat!("SELECT ", columns!(), " FROM items WHERE id = $1 AND realm = $2"))
        .bind(item.to_sql())
        .bind(realm)
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(owned).transpose()
}

/// Most items of one glance.
pub(crate) const GLANCE_MAX: usize = 4;

/// The first of some items, each with its version as somebody has seen it, that has another by now or is gone; at most [`GLANCE_MAX`] are looked at.
pub(crate) async fn first_changed(
    connection: &mut AnyConnection,
    seen: &[(ItemId, i64)],
) -> Result<Option<usize>, StorageError> {
    let Some((first, _)) = seen.first() else { return Ok(None) };
    // One text for any number of them: the first stands for those that there are not.
    let mut query = sqlx::query("SELECT id, version FROM items WHERE id IN ($1, $2, $3, $4)");
    for place in 0..GLANCE_MAX {
        query = query.bind(seen.get(place).map_or(first, |(item, _)| item).to_sql());
    }
    let rows = query.fetch_all(connection).await?;
    let mut now = Vec::with_capacity(rows.len());
    for row in &rows {
        now.push((ItemId::from_sql(row.try_get(0)?), row.try_get(1)?));
    }
    Ok(seen.iter().take(GLANCE_MAX).position(|one| !now.contains(one)))
}

/// The columns of [`entered`], in its order.
macro_rules! sheet_columns {
    () => {
        "items_version, class, level, experience, strength, dexterity, vitality, energy, hardcore, dead, account, \
         COALESCE((SELECT purses.gold FROM purses WHERE purses.kind = 'character' AND purses.holder = characters.id \
         AND purses.realm = characters.realm), 0), characters.realm"
    };
}

/// What an operation finds of a character that it enters.
pub(super) struct Entered {
    pub(super) version: i64,
    pub(super) sheet: Sheet,
    pub(super) account: AccountId,
    pub(super) gold: i64,
    pub(super) realm: String,
}

fn entered(row: &AnyRow) -> Result<Entered, StorageError> {
    let small = |index: usize| -> Result<u32, StorageError> {
        u32::try_from(row.try_get::<i64, _>(index)?).map_err(|_| damaged("holder"))
    };
    let sheet = Sheet {
        class: Class::from_name(row.try_get(1)?).ok_or_else(|| damaged("holder"))?,
        level: small(2)?,
        experience: u64::try_from(row.try_get::<i64, _>(3)?).map_err(|_| damaged("holder"))?,
        attributes: Attributes { strength: small(4)?, dexterity: small(5)?, vitality: small(6)?, energy: small(7)? },
        hardcore: row.try_get::<i64, _>(8)? != 0,
        dead: row.try_get::<i64, _>(9)? != 0,
    };
    let account = AccountId::from_sql(row.try_get(10)?);
    Ok(Entered { version: row.try_get(0)?, sheet, account, gold: row.try_get(11)?, realm: row.try_get(12)? })
}

/// No lease has this epoch.
const EPOCH_NONE: i64 = -1;

/// Raises the version of a character's belongings when the holder has the right to them; what the character is.
pub(super) async fn enter(
    connection: &mut AnyConnection,
    realm: &str,
    holder: &Holder,
) -> Result<Option<Entered>, StorageError> {
    let epoch = match holder.hold {
        Hold::Free => EPOCH_NONE,
        Hold::Leased(epoch) => epoch,
    };
    let row = sqlx::query(concat!(
        "UPDATE characters SET items_version = items_version + 1
         WHERE id = $1 AND account = $2 AND realm = $3 AND deleted_ms IS NULL
         AND ((leased = 0 AND $4 = -1) OR (leased <> 0 AND lease_epoch = $4))
         RETURNING ",
        sheet_columns!()
    ))
    .bind(holder.character.to_sql())
    .bind(holder.account.to_sql())
    .bind(realm)
    .bind(epoch)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(entered).transpose()
}

/// The same for what is given to a character by the realm, whoever plays it.
pub(super) async fn reach(
    connection: &mut AnyConnection,
    character: CharacterId,
) -> Result<Option<Entered>, StorageError> {
    let row = sqlx::query(concat!(
        "UPDATE characters SET items_version = items_version + 1 WHERE id = $1 RETURNING ",
        sheet_columns!()
    ))
    .bind(character.to_sql())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(entered).transpose()
}

/// An item goes with its owner into the realm that this one is in.
pub(super) async fn rehome(connection: &mut AnyConnection, item: ItemId, realm: &str) -> Result<(), StorageError> {
    let rehome = sqlx::query("UPDATE items SET realm = $1 WHERE id = $2").bind(realm).bind(item.to_sql());
    rehome.execute(connection).await?;
    Ok(())
}

/// Is the character the account's, as everybody sees it?
pub(super) async fn is_of(readers: &Readers, realm: &str, holder: &Holder) -> Result<bool, StorageError> {
    let row =
        sqlx::query("SELECT id FROM characters WHERE id = $1 AND account = $2 AND realm = $3 AND deleted_ms IS NULL")
            .bind(holder.character.to_sql())
            .bind(holder.account.to_sql())
            .bind(realm)
            .fetch_optional(readers)
            .await?;
    Ok(row.is_some())
}

/// Why a holder has no right to a character's belongings.
pub(super) async fn why_not(
    connection: &mut AnyConnection,
    realm: &str,
    holder: &Holder,
) -> Result<ItemsError, StorageError> {
    let row = sqlx::query(
        "SELECT leased FROM characters WHERE id = $1 AND account = $2 AND realm = $3 AND deleted_ms IS NULL",
    );
    let row = row.bind(holder.character.to_sql()).bind(holder.account.to_sql()).bind(realm);
    Ok(match (row.fetch_optional(connection).await?, holder.hold) {
        (None, _) => ItemsError::CharacterUnknown,
        (Some(_), Hold::Free) => ItemsError::Busy,
        (Some(_), Hold::Leased(_)) => ItemsError::Fenced,
    })
}

pub(super) async fn insert(
    connection: &mut AnyConnection,
    realm: &str,
    new: &Owned,
    birth: &Certificate,
    now_ms: i64,
) -> Result<(), StorageError> {
    let place = new.at.row();
    sqlx::query(
        "INSERT INTO items (id, realm, place, holder, page, x, y, width, height, last_holder, base, quality, level, pieces,
         body, version, birth_game, birth_tick, birth_ordinal, birth_content, birth_rules, created_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)",
    )
    .bind(new.key.to_sql())
    .bind(realm)
    .bind(place.place)
    .bind(place.holder)
    .bind(place.page)
    .bind(place.x)
    .bind(place.y)
    .bind(i64::from(new.size.width))
    .bind(i64::from(new.size.height))
    .bind(new.last_holder.map_or(0, CharacterId::to_sql))
    .bind(new.item.base.as_str())
    .bind(new.item.quality.name())
    .bind(i64::from(new.item.level))
    .bind(i64::from(new.item.count))
    .bind(body(&new.item)?)
    .bind(new.version)
    .bind(birth.game.cast_signed())
    .bind(i64::from(birth.tick))
    .bind(i64::from(birth.ordinal))
    .bind(format!("{:016x}", birth.content))
    .bind(birth.rules.join(", "))
    .bind(now_ms)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes the place of an item over the version and the place that were read; false when they are others now.
pub(super) async fn relocate(
    connection: &mut AnyConnection,
    before: &Owned,
    after: &Owned,
) -> Result<bool, StorageError> {
    let (from, to) = (before.at.row(), after.at.row());
    let done = sqlx::query(
        "UPDATE items SET place = $1, holder = $2, page = $3, x = $4, y = $5, last_holder = $6, version = $7
         WHERE id = $8 AND version = $9 AND place = $10 AND holder = $11",
    )
    .bind(to.place)
    .bind(to.holder)
    .bind(to.page)
    .bind(to.x)
    .bind(to.y)
    .bind(after.last_holder.map_or(0, CharacterId::to_sql))
    .bind(after.version)
    .bind(before.key.to_sql())
    .bind(before.version)
    .bind(from.place)
    .bind(from.holder)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes what an item has become over the version that was read; false when it is another now.
pub(super) async fn rewrite(
    connection: &mut AnyConnection,
    before: &Owned,
    after: &Owned,
) -> Result<bool, StorageError> {
    let done = sqlx::query(
        "UPDATE items SET quality = $1, level = $2, pieces = $3, body = $4, version = $5 WHERE id = $6 AND version = $7",
    )
    .bind(after.item.quality.name())
    .bind(i64::from(after.item.level))
    .bind(i64::from(after.item.count))
    .bind(body(&after.item)?)
    .bind(after.version)
    .bind(before.key.to_sql())
    .bind(before.version)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes an item of the version that was read; false when it is another now.
pub(super) async fn remove(connection: &mut AnyConnection, owned: &Owned) -> Result<bool, StorageError> {
    let done = sqlx::query("DELETE FROM items WHERE id = $1 AND version = $2")
        .bind(owned.key.to_sql())
        .bind(owned.version)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}
