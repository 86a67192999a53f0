//! SQL of offers.

pub(super) mod search;

use std::collections::BTreeMap;

use realm_world::items::{Kind, Property};
use sqlx::{AnyConnection, Row as _, any::AnyRow};

use super::Offer;
use crate::{
    items::{OWNED_COLUMNS, Owned, owned_columns, owned_of},
    storage::{Readers, StorageError},
    types::{AccountId, CharacterId, OfferId},
};

/// Something that is offered now.
pub(super) struct NewOffer<'a> {
    pub(super) id: OfferId,
    pub(super) seller: CharacterId,
    pub(super) hardcore: bool,
    pub(super) item: &'a Owned,
    pub(super) kind: Kind,
    pub(super) price: i64,
    pub(super) listed_ms: i64,
    pub(super) ends_ms: i64,
}

pub(super) async fn insert(
    connection: &mut AnyConnection,
    realm: &str,
    new: &NewOffer<'_>,
    properties: &BTreeMap<Property, i64>,
) -> Result<(), StorageError> {
    let NewOffer { id, seller, hardcore, item, kind, price, listed_ms, ends_ms } = new;
    sqlx::query(
        "INSERT INTO offers (id, realm, seller, item, base, kind, quality, level, price, listed_ms, ends_ms, hardcore)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(id.to_sql())
    .bind(realm)
    .bind(seller.to_sql())
    .bind(item.key.to_sql())
    .bind(item.item.base.as_str())
    .bind(kind.name())
    .bind(item.item.quality.name())
    .bind(i64::from(item.item.level))
    .bind(*price)
    .bind(*listed_ms)
    .bind(*ends_ms)
    .bind(i64::from(*hardcore))
    .execute(&mut *connection)
    .await?;
    for (property, value) in properties {
        sqlx::query("INSERT INTO offer_properties (offer, property, value, realm, price) VALUES ($1, $2, $3, $4, $5)")
            .bind(id.to_sql())
            .bind(property.name())
            .bind(*value)
            .bind(realm)
            .bind(*price)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

pub(super) async fn delete(connection: &mut AnyConnection, id: OfferId) -> Result<(), StorageError> {
    for statement in ["DELETE FROM offer_properties WHERE offer = $1", "DELETE FROM offers WHERE id = $1"] {
        sqlx::query(statement).bind(id.to_sql()).execute(&mut *connection).await?;
    }
    Ok(())
}

/// One character after the other, each by its index: a join may be turned round, and walk the whole market.
const COUNT: &str = "SELECT COALESCE(CAST(SUM((SELECT CAST(COUNT(*) AS BIGINT) FROM offers o WHERE o.realm = c.realm AND o.seller = c.id))
     AS BIGINT), 0) FROM characters c WHERE c.account = $1 AND c.realm = $2";

/// How many offers an account has here.
pub(super) async fn count(
    connection: &mut AnyConnection,
    realm: &str,
    account: AccountId,
) -> Result<i64, StorageError> {
    let row = sqlx::query(COUNT).bind(account.to_sql()).bind(realm).fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}

/// Who sells or buys.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) account: AccountId,
    pub(super) name: String,
    pub(super) hardcore: bool,
}

/// Whose a character is, and which; `None` when it is gone.
pub(super) async fn person(connection: &mut AnyConnection, id: CharacterId) -> Result<Option<Person>, StorageError> {
    let found = sqlx::query("SELECT account, name, hardcore FROM characters WHERE id = $1").bind(id.to_sql());
    let Some(row) = found.fetch_optional(connection).await? else { return Ok(None) };
    let (account, hardcore) = (AccountId::from_sql(row.try_get(0)?), row.try_get::<i64, _>(2)? != 0);
    Ok(Some(Person { account, name: row.try_get(1)?, hardcore }))
}

macro_rules! offers {
    ($which:literal) => {
        concat!(
            "SELECT ",
            owned_columns!(),
            ", o.id, o.seller, o.price, o.listed_ms, o.ends_ms, COALESCE(c.name, ''), o.hardcore FROM offers o CROSS JOIN items i
             LEFT JOIN characters c ON c.id = o.seller WHERE i.id = o.item AND ",
            $which
        )
    };
}

fn offer(row: &AnyRow) -> Result<Offer, StorageError> {
    let at = OWNED_COLUMNS;
    Ok(Offer {
        id: OfferId::from_sql(row.try_get(at)?),
        seller: CharacterId::from_sql(row.try_get(at + 1)?),
        price: row.try_get(at + 2)?,
        listed_ms: row.try_get(at + 3)?,
        ends_ms: row.try_get(at + 4)?,
        seller_name: row.try_get(at + 5)?,
        hardcore: row.try_get::<i64, _>(at + 6)? != 0,
        item: owned_of(row)?,
    })
}

const ONE: &str = offers!("o.id = $1 AND o.realm = $2");

/// An offer, in the writer's transaction.
pub(super) async fn find(
    connection: &mut AnyConnection,
    realm: &str,
    id: OfferId,
) -> Result<Option<Offer>, StorageError> {
    let row = sqlx::query(ONE).bind(id.to_sql()).bind(realm).fetch_optional(connection).await?;
    row.as_ref().map(offer).transpose()
}

/// The same for who only looks.
pub(super) async fn look(readers: &Readers, realm: &str, id: OfferId) -> Result<Option<Offer>, StorageError> {
    let row = sqlx::query(ONE).bind(id.to_sql()).bind(realm).fetch_optional(readers).await?;
    row.as_ref().map(offer).transpose()
}

const OF_SELLER: &str = offers!("o.realm = $1 AND o.seller = $2 AND -o.id > $3 ORDER BY -o.id LIMIT $4");

/// The offers of an account, the newest first; one character after the other, too.
pub(super) async fn of_account(
    readers: &Readers,
    realm: &str,
    account: AccountId,
    before: Option<OfferId>,
    entries: u32,
) -> Result<Vec<Offer>, StorageError> {
    let found = sqlx::query("SELECT id FROM characters WHERE account = $1 AND realm = $2");
    let sellers = found.bind(account.to_sql()).bind(realm).fetch_all(readers).await?;
    let mut offers = Vec::new();
    for seller in sellers {
        let rows = sqlx::query(OF_SELLER)
            .bind(realm)
            .bind(seller.try_get::<i64, _>(0)?)
            .bind(-before.map_or(i64::MAX, OfferId::to_sql))
            .bind(i64::from(entries))
            .fetch_all(readers)
            .await?;
        offers.extend(rows.iter().map(offer).collect::<Result<Vec<_>, _>>()?);
    }
    offers.sort_by_key(|offer| std::cmp::Reverse(offer.id));
    offers.truncate(entries as usize);
    Ok(offers)
}

const DUE: &str = "SELECT id FROM offers WHERE realm = $1 AND ends_ms <= $2 ORDER BY ends_ms LIMIT $3";

/// Offers that are over, those first that have been for the longest time.
pub(super) async fn due(
    readers: &Readers,
    realm: &str,
    now_ms: i64,
    offers_max: u32,
) -> Result<Vec<OfferId>, StorageError> {
    let due = sqlx::query(DUE).bind(realm).bind(now_ms).bind(i64::from(offers_max));
    let rows = due.fetch_all(readers).await?;
    rows.iter().map(|row| Ok(OfferId::from_sql(row.try_get(0)?))).collect()
}
