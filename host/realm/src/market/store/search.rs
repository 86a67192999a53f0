//! SQL of the search. Every statement goes one step along an index in the order of the list: it looks at [`STEP`] entries of it, and keeps what
//! fits; so its cost is bounded by what it looks at, whatever is asked for and however many offers there are.
//!
//! The walk stands in a query of its own with a limit, which neither database opens up. What all of its entries have in common is said to be equal to
//! something, and the order is that of the columns behind it in one index: PostgreSQL ends a walk where such values end, but not where a row as a
//! whole is greater than another. Of two indexes of one order both databases take the one with more of these columns. The order by age is that of
//! `-id`: of `id` itself there is an index of the whole market, along which PostgreSQL would rather walk, since its neighbours are neighbours in the
//! table, too.

use sqlx::{AnyConnection, Row as _};

use super::offer;
use crate::{
    items::owned_columns,
    market::{
        Offer,
        position::{Order, Position},
        search::{Terms, Way},
    },
    storage::{Readers, StorageError},
    types::CharacterId,
};

// $1 realm, $2 kind, $3 base, $4 quality (empty: any), $5 and $6 price and key behind which the walk begins, or in the order of age the
// least price and the key with its sign turned, $7 the highest price, $8 and $9 levels, $10 seller (0: any), $11 to $16 properties and
// their least values (empty: none), $17 the time, $18 how many,
// $19 whether of hardcore characters (below 0: any).
macro_rules! fitting {
    () => {
        "($2 = '' OR d.kind = $2) AND ($3 = '' OR d.base = $3) AND ($4 = '' OR d.quality = $4)
         AND d.price >= $5 AND d.price <= $7 AND d.level >= $8 AND d.level <= $9 AND ($10 = 0 OR d.seller = $10)
         AND d.ends_ms > $17 AND ($19 < 0 OR d.hardcore = $19)
         AND ($13 = '' OR (SELECT p.value FROM offer_properties p WHERE p.offer = d.id AND p.property = $13) >= $14)
         AND ($15 = '' OR (SELECT p.value FROM offer_properties p WHERE p.offer = d.id AND p.property = $15) >= $16)"
    };
}

/// The first property, where the walk itself has not seen to it.
macro_rules! fitting_first {
    () => {
        " AND ($11 = '' OR (SELECT p.value FROM offer_properties p WHERE p.offer = d.id AND p.property = $11) >= $12)"
    };
}

macro_rules! found {
    ([$($walk:literal)+], $first:expr, $order:literal, $shown:literal) => {
        concat!(
            "SELECT ",
            owned_columns!(),
            ", e.id, e.seller, e.price, e.listed_ms, e.ends_ms, COALESCE((SELECT c.name FROM characters c WHERE c.id = e.seller), ''),
             e.hardcore FROM (SELECT d.id, d.seller, d.item, d.price, d.listed_ms, d.ends_ms, d.hardcore FROM (",
            $($walk,)+
            ") d WHERE ",
            fitting!(),
            $first,
            " ORDER BY ",
            $order,
            " LIMIT $18) e CROSS JOIN items i WHERE i.id = e.item ORDER BY ",
            $shown
        )
    };
}

/// By price or by age, over the entries of an index of `offers` that have these values in common.
macro_rules! of_offers {
    ($same:literal, $entries:literal) => {
        [
            found!(
                ["SELECT id, seller, item, base, kind, quality, level, price, listed_ms, ends_ms, hardcore FROM offers
                  WHERE realm = $1" $same " AND (price, id) > ($5, $6) ORDER BY price, id LIMIT " $entries],
                fitting_first!(),
                "d.price, d.id",
                "e.price, e.id"
            ),
            found!(
                ["SELECT id, seller, item, base, kind, quality, level, price, listed_ms, ends_ms, hardcore FROM offers
                  WHERE realm = $1" $same " AND -id > $6 ORDER BY -id LIMIT " $entries],
                fitting_first!(),
                "d.id DESC",
                "e.id DESC"
            ),
        ]
    };
}

/// The same over entries of `offer_properties`, with the offer of each. `CROSS JOIN` names the order to SQLite; to PostgreSQL it is a join like any
/// other.
macro_rules! of_properties {
    ($by_price:literal, $by_age:literal) => {
        [
            found!(
                ["SELECT o.id, o.seller, o.item, o.base, o.kind, o.quality, o.level, o.price, o.listed_ms, o.ends_ms, o.hardcore FROM ("
                 $by_price ") q CROSS JOIN offers o WHERE o.id = q.offer AND q.value >= $12 AND (o.price, o.id) > ($5, $6)"],
                "",
                "d.price, d.id",
                "e.price, e.id"
            ),
            found!(
                ["SELECT o.id, o.seller, o.item, o.base, o.kind, o.quality, o.level, o.price, o.listed_ms, o.ends_ms, o.hardcore FROM ("
                 $by_age ") q CROSS JOIN offers o WHERE o.id = q.offer AND q.value >= $12 AND -o.id > $6"],
                "",
                "d.id DESC",
                "e.id DESC"
            ),
        ]
    };
}

const ALL: [&str; 2] = of_offers!("", "200");
const KIND: [&str; 2] = of_offers!(" AND kind = $2", "200");
const QUALITY: [&str; 2] = of_offers!(" AND quality = $4", "200");
const BOTH: [&str; 2] = of_offers!(" AND kind = $2 AND quality = $4", "200");
const BASE: [&str; 2] = of_offers!(" AND base = $3", "200");
// All of them at once, because a seller has few.
const SELLER: [&str; 2] = of_offers!(" AND seller = $10", "1000");
// All of them at once: in the order of the values there is no way on from where a step has ended.
const FEW: [&str; 2] = of_properties!(
    "SELECT offer, value FROM offer_properties WHERE realm = $1 AND property = $11 AND value >= $12 ORDER BY value DESC LIMIT 2000",
    "SELECT offer, value FROM offer_properties WHERE realm = $1 AND property = $11 AND value >= $12 ORDER BY value DESC LIMIT 2000"
);
const PROPERTY: [&str; 2] = of_properties!(
    "SELECT offer, value FROM offer_properties WHERE realm = $1 AND property = $11
     AND (price, offer) > ($5, $6) ORDER BY price, offer LIMIT 200",
    "SELECT offer, value FROM offer_properties WHERE realm = $1 AND property = $11
     AND -offer > $6 ORDER BY -offer LIMIT 200"
);

/// Entries of an index that one step looks at; the limits of the statements above.
pub(in crate::market) const STEP: usize = 200;

/// Offers that fit, of those that one step looks at.
pub(in crate::market) async fn found(
    connection: &mut AnyConnection,
    terms: &Terms,
    way: Way,
    behind: &Position,
    entries: u32,
) -> Result<Vec<Offer>, StorageError> {
    let texts = match way {
        Way::All => ALL,
        Way::Kind => KIND,
        Way::Quality => QUALITY,
        Way::Both => BOTH,
        Way::Base => BASE,
        Way::Seller => SELLER,
        Way::Few => FEW,
        Way::Property => PROPERTY,
    };
    let (text, price, key) = match behind.order {
        Order::Price => (texts[0], behind.price, behind.offer),
        Order::Newest => (texts[1], terms.price_min, -behind.offer),
    };
    let mut query = sqlx::query(text)
        .bind(terms.realm.as_str())
        .bind(terms.kind.as_str())
        .bind(terms.base.as_str())
        .bind(terms.quality.as_str())
        .bind(price)
        .bind(key)
        .bind(terms.price_max)
        .bind(terms.level_min)
        .bind(terms.level_max)
        .bind(terms.seller);
    for (property, least) in &terms.properties {
        query = query.bind(property.as_str()).bind(*least);
    }
    let rows = query.bind(terms.now_ms).bind(i64::from(entries)).bind(terms.hardcore).fetch_all(connection).await?;
    rows.iter().map(offer).collect()
}

// Behind how many entries a step has ended; the numbers are those of the limits above, less one. No index has `listed_ms`: to a server whose
// tables were vacuumed, going through the whole index of prices, which alone has everything else, seems cheaper than 200 rows of the right one.
macro_rules! ends_of_offers {
    ($same:literal) => {
        [
            concat!(
                "SELECT price, id FROM offers WHERE realm = $1",
                $same,
                " AND (price, id) > ($2, $3) ORDER BY price, id LIMIT 1 OFFSET 199"
            ),
            concat!(
                "SELECT $2, id, listed_ms FROM offers WHERE realm = $1",
                $same,
                " AND -id > $3 ORDER BY -id LIMIT 1 OFFSET 199"
            ),
        ]
    };
}

const END_OF_ALL: [&str; 2] = ends_of_offers!("");
const END_OF_KIND: [&str; 2] = ends_of_offers!(" AND kind = $4");
const END_OF_QUALITY: [&str; 2] = ends_of_offers!(" AND quality = $4");
const END_OF_BASE: [&str; 2] = ends_of_offers!(" AND base = $4");
const END_OF_BOTH: [&str; 2] = ends_of_offers!(" AND kind = $4 AND quality = $5");
const END_OF_PROPERTY: [&str; 2] = [
    "SELECT price, offer FROM offer_properties WHERE realm = $1 AND property = $4
     AND (price, offer) > ($2, $3) ORDER BY price, offer LIMIT 1 OFFSET 199",
    "SELECT $2, offer FROM offer_properties WHERE realm = $1 AND property = $4
     AND -offer > $3 ORDER BY -offer LIMIT 1 OFFSET 199",
];

/// The last entry that a step has looked at, when there may be more behind it.
pub(in crate::market) async fn end_of_walk(
    connection: &mut AnyConnection,
    terms: &Terms,
    way: Way,
    behind: &Position,
) -> Result<Option<Position>, StorageError> {
    let property = terms.properties[0].0.as_str();
    let (texts, values): (_, Vec<&str>) = match way {
        Way::All => (END_OF_ALL, vec![]),
        Way::Kind => (END_OF_KIND, vec![&terms.kind]),
        Way::Quality => (END_OF_QUALITY, vec![&terms.quality]),
        Way::Base => (END_OF_BASE, vec![&terms.base]),
        Way::Both => (END_OF_BOTH, vec![&terms.kind, &terms.quality]),
        Way::Property => (END_OF_PROPERTY, vec![property]),
        // All of them were looked at.
        Way::Seller | Way::Few => return Ok(None),
    };
    let (text, key) = match behind.order {
        Order::Price => (texts[0], behind.offer),
        Order::Newest => (texts[1], -behind.offer),
    };
    let mut query = sqlx::query(text).bind(terms.realm.as_str()).bind(behind.price).bind(key);
    for value in values {
        query = query.bind(value.to_owned());
    }
    let row = query.fetch_optional(connection).await?;
    row.map(|row| Ok(Position::behind(behind.order, row.try_get(0)?, row.try_get(1)?))).transpose()
}

const COUNT_OF_FEW: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT value FROM offer_properties
     WHERE realm = $1 AND property = $2 AND value >= $3 ORDER BY value DESC LIMIT 1001) few";

/// Have at most so many offers this much of a property that all of them can be looked at?
pub(in crate::market) async fn are_few(
    readers: &Readers,
    realm: &str,
    property: &str,
    least: i64,
) -> Result<bool, StorageError> {
    let row = sqlx::query(COUNT_OF_FEW).bind(realm).bind(property).bind(least).fetch_one(readers).await?;
    Ok(row.try_get::<i64, _>(0)? <= 1_000)
}

/// The character of a name, in a realm.
pub(in crate::market) async fn seller(
    readers: &Readers,
    realm: &str,
    folded: &str,
) -> Result<Option<CharacterId>, StorageError> {
    let found = sqlx::query("SELECT id FROM characters WHERE realm = $1 AND folded = $2").bind(realm).bind(folded);
    let row = found.fetch_optional(readers).await?;
    Ok(row.map(|row| row.try_get(0).map(CharacterId::from_sql)).transpose()?)
}

#[cfg(test)]
#[path = "plans_tests.rs"]
mod plans_tests;
