//! The search: which offers are wanted, by which index they are looked for, and where the next page begins.

use std::sync::Arc;

use realm_world::items::{ITEM_LEVEL_MAX, Kind, Property, Quality};

use super::{
    Market, MarketError, Offer, PRICE_MAX,
    position::{Order, Position},
    store,
};
use crate::{
    storage::{Connection, Storage, StorageError},
    types::CharacterName,
};

/// Most properties that one search asks for.
pub const PROPERTIES_MAX: usize = 3;
/// Most offers of a page.
pub const ENTRIES_MAX: u32 = 100;
/// Entries of an index that are looked at for one page; of properties, of which each offer has several, twice as many.
const LOOKED_AT_MAX: usize = 1_000;
/// After so long a search takes no further step, and gives the page with what was found: the next one goes on from there.
const LONGEST_MS: i64 = 8;

/// Which offers are wanted; what is empty is not asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Key of a base.
    pub base: String,
    /// A sort of item.
    pub kind: Option<Kind>,
    /// How good it is.
    pub quality: Option<Quality>,
    /// The lowest level of the item.
    pub level_min: u32,
    /// The highest.
    pub level_max: u32,
    /// The lowest price.
    pub price_min: i64,
    /// The highest.
    pub price_max: i64,
    /// Name of the character that sells; empty for everybody.
    pub seller: String,
    /// Whether a hardcore character sells it; `None` for all.
    pub hardcore: Option<bool>,
    /// What it has to give, and how much of it at least; at most [`PROPERTIES_MAX`].
    pub properties: Vec<(Property, i32)>,
    /// In which order.
    pub order: Order,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            base: String::new(),
            kind: None,
            quality: None,
            level_min: 0,
            level_max: ITEM_LEVEL_MAX,
            price_min: 0,
            price_max: PRICE_MAX,
            seller: String::new(),
            hardcore: None,
            properties: Vec::new(),
            order: Order::Price,
        }
    }
}

/// A page of what was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The offers, in the order that was asked for.
    pub offers: Vec<Offer>,
    /// Where the search goes on. There may be more even when this page has few offers, or none: each page looks at a bounded number.
    pub next: Option<Position>,
}

/// What is asked of the database.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    pub(super) realm: String,
    pub(super) kind: String,
    pub(super) base: String,
    pub(super) quality: String,
    pub(super) price_min: i64,
    pub(super) price_max: i64,
    pub(super) level_min: i64,
    pub(super) level_max: i64,
    /// 0 for everybody.
    pub(super) seller: i64,
    /// Below 0 for all.
    pub(super) hardcore: i64,
    /// An empty name asks for nothing.
    pub(super) properties: [(String, i64); PROPERTIES_MAX],
    pub(super) now_ms: i64,
}

/// By which index offers are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    All,
    Kind,
    Quality,
    /// Kind and quality.
    Both,
    Base,
    Seller,
    /// All that have so much of the first property: they are few.
    Few,
    /// All that have the first property.
    Property,
}

impl Terms {
    /// The narrowest of the ways that there are, when no property makes it narrower.
    fn way(&self) -> Way {
        if self.seller != 0 {
            Way::Seller
        } else if !self.base.is_empty() {
            Way::Base
        } else if !self.kind.is_empty() && !self.quality.is_empty() {
            Way::Both
        } else if !self.kind.is_empty() {
            Way::Kind
        } else if !self.properties[0].0.is_empty() {
            Way::Property
        } else if !self.quality.is_empty() {
            Way::Quality
        } else {
            Way::All
        }
    }
}

/// The way of one page.
struct Walk {
    storage: Storage,
    terms: Terms,
    way: Way,
    behind: Position,
    entries: u32,
    /// When the search began.
    begun_ms: i64,
}

impl Walk {
    /// Looks at one step after the other until the page is full, or it is time to give what was found.
    async fn go(self, connection: &mut Connection) -> Result<Found, StorageError> {
        let Self { storage, terms, way, mut behind, entries, begun_ms } = self;
        let steps = LOOKED_AT_MAX / store::search::STEP * if way == Way::Property { 2 } else { 1 };
        let mut found = Vec::new();
        for _ in 0..steps {
            let wanting = entries - u32::try_from(found.len()).expect("no more than are wanted");
            found.extend(store::search::found(connection, &terms, way, &behind, wanting).await?);
            if let Some(last) = found.last().filter(|_| found.len() >= entries as usize) {
                let next = Some(Position::behind(behind.order, last.price, last.id.to_sql()));
                return Ok(Found { offers: found, next });
            }
            let end = store::search::end_of_walk(connection, &terms, way, &behind).await?;
            let Some(end) = end.filter(|end| end.order == Order::Newest || end.price <= terms.price_max) else {
                return Ok(Found { offers: found, next: None });
            };
            behind = end;
            if storage.steady_ms() - begun_ms >= LONGEST_MS {
                break;
            }
        }
        Ok(Found { offers: found, next: Some(behind) })
    }
}

impl Market {
    /// Offers that fit, behind a position or from the first. `entries` is cut to [`ENTRIES_MAX`].
    ///
    /// # Errors
    /// When more properties are asked for than one search takes, the position is one of another order, and those of the database.
    pub async fn search(&self, wanted: &Wanted, behind: Option<Position>, entries: u32) -> Result<Found, MarketError> {
        let nothing = Found { offers: Vec::new(), next: None };
        let (readers, begun_ms) = (self.storage.reader(), self.storage.steady_ms());
        let Some(mut terms) = self.terms(wanted).await? else { return Ok(nothing) };
        let entries = entries.clamp(1, ENTRIES_MAX);
        let start = Position::start(wanted.order, terms.price_min);
        let behind = behind.unwrap_or(start);
        if !behind.is_of(wanted.order) {
            return Err(MarketError::OtherOrder);
        }
        // Nobody gets before the least price by a word of his own.
        let behind = if behind.order == Order::Price && behind.price < start.price { start } else { behind };
        let mut way = terms.way();
        if way != Way::Seller {
            for place in 0..PROPERTIES_MAX {
                let (property, least) = &terms.properties[place];
                if !property.is_empty() && store::search::are_few(readers, &terms.realm, property, *least).await? {
                    terms.properties.swap(0, place);
                    way = Way::Few;
                    break;
                }
            }
        }
        let walk = Walk { storage: self.storage.clone(), terms, way, behind, entries, begun_ms };
        Ok(readers.at_one_moment(move |connection| Box::pin(walk.go(connection))).await?)
    }

    /// What the database is asked; `None` when nobody of the seller's name is there.
    async fn terms(&self, wanted: &Wanted) -> Result<Option<Terms>, MarketError> {
        if wanted.properties.len() > PROPERTIES_MAX {
            return Err(MarketError::TooManyProperties);
        }
        let seller = if wanted.seller.is_empty() {
            0
        } else {
            let Ok(name) = CharacterName::new(&wanted.seller) else { return Ok(None) };
            let found = store::search::seller(self.storage.reader(), &self.realm, name.folded()).await?;
            let Some(seller) = found else { return Ok(None) };
            seller.to_sql()
        };
        let mut properties: [(String, i64); PROPERTIES_MAX] = Default::default();
        for (place, (property, least)) in properties.iter_mut().zip(&wanted.properties) {
            *place = (property.name().to_owned(), i64::from(*least));
        }
        Ok(Some(Terms {
            realm: Arc::clone(&self.realm).to_string(),
            kind: wanted.kind.map_or("", Kind::name).to_owned(),
            base: wanted.base.clone(),
            quality: wanted.quality.map_or("", Quality::name).to_owned(),
            price_min: wanted.price_min.clamp(0, PRICE_MAX),
            price_max: wanted.price_max.clamp(0, PRICE_MAX),
            level_min: i64::from(wanted.level_min),
            level_max: i64::from(wanted.level_max),
            seller,
            hardcore: wanted.hardcore.map_or(-1, i64::from),
            properties,
            now_ms: self.storage.now_ms(),
        }))
    }
}
