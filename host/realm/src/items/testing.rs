//! Items and gold for tests, of this room and of those that build on it.

use std::sync::Arc;

use realm_world::{
    Content,
    items::{Cell, Certificate, Item},
};

use super::{Bag, Doer, Items, ItemsError, LedgerBroken, Place, Purse, Spot, verify};
use crate::{
    audit::Sound,
    hooks::Hooks,
    storage::{Storage, StorageError},
    types::{CharacterId, ItemId},
};

/// The items of the realm `main`, of the built-in pack, without rules.
pub(crate) fn items(storage: &Storage) -> Items {
    Items::new("main", storage.clone(), Content::builtin(), Hooks::without_plugins())
}

/// A cell of the inventory.
pub(crate) fn inventory(x: u8, y: u8) -> Spot {
    Spot::In(Bag::Inventory, Cell { x, y })
}

/// An item comes into being on a character, whoever plays it.
pub(crate) async fn give(items: &Items, character: CharacterId, item: Item, spot: Spot) -> Result<ItemId, ItemsError> {
    let own = items.clone();
    items
        .storage
        .write(move |connection| {
            Box::pin(async move {
                let mut operation = own.begin("gift", Doer::Realm);
                operation.reach(connection, character).await?.ok_or(ItemsError::CharacterUnknown)?;
                let birth = operation.certificate(Vec::new());
                let owned = operation.create(connection, item, Place::Character(character, spot), birth).await?;
                operation.finish(connection).await?;
                Ok(owned.key)
            })
        })
        .await
}

/// Plain ones of a base: so many of them on one stack.
pub(crate) fn plain(items: &Items, base: &str, count: u32) -> Item {
    Item { count, ..items.catalogue().plain(base, 1).unwrap() }
}

/// Gold comes into being in a character's purse.
pub(crate) async fn endow(items: &Items, character: CharacterId, gold: i64) -> Result<(), ItemsError> {
    pay(items, Purse::Mint, Purse::Character(character), gold).await
}

/// Gold goes from one purse to another.
pub(crate) async fn pay(items: &Items, from: Purse, to: Purse, gold: i64) -> Result<(), ItemsError> {
    let own = items.clone();
    items
        .storage
        .write(move |connection| {
            Box::pin(async move {
                let mut operation = own.begin("gift", Doer::Realm);
                operation.pay(connection, from, to, gold).await?;
                operation.finish(connection).await
            })
        })
        .await
}

/// Whether the ledger is whole and says what is so.
pub(crate) async fn verified(storage: &Storage) -> Result<Sound, LedgerBroken> {
    let verdict = storage.write::<_, StorageError, _>(|connection| Box::pin(verify(connection, None))).await;
    verdict.expect("the database answers")
}

/// Somebody plays a character, under this epoch; under 0 nobody does.
pub(crate) async fn lease(storage: &Storage, character: CharacterId, epoch: i64) {
    let statement = "UPDATE characters SET leased = CASE WHEN $1 = 0 THEN 0 ELSE 1 END, lease_epoch = $1 WHERE id = $2";
    change(storage, statement, epoch, character.to_sql()).await;
}

/// Does something to the database past every verb.
pub(crate) async fn change(storage: &Storage, statement: &'static str, one: i64, two: i64) {
    storage
        .write::<_, StorageError, _>(move |connection| {
            Box::pin(async move {
                sqlx::query(statement).bind(one).bind(two).execute(connection).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
}

/// A birth in a game.
pub(crate) fn birth(game: u64, ordinal: u32) -> Certificate {
    Certificate::new(game, 9, ordinal, Arc::clone(&Content::builtin()).hash(), Vec::new())
}
