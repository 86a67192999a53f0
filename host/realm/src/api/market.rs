//! `/market`: what players offer each other for gold.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use realm_world::items::{ITEM_LEVEL_MAX, Kind, Property, Quality};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Features, Problem,
    again::{RequestKey, Scope, answer},
    extract::{Body, PathPart, QueryOf, Speaker},
    goods::GoodsView,
    home::RealmQuery,
    mail::{ActorRequest, key},
    paging::{self, Page},
    problem::Refused,
};
use crate::{
    mail::Done,
    market::{Bought, ENTRIES_MAX, Found, Goods, Listed, Offer, Order, PRICE_MAX, Position, Wanted},
    once::Kept,
    types::{CharacterId, Code, ItemId, LetterId, OfferId, Refusal, rfc3339},
};

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new()
        .routes(routes!(rules))
        .routes(routes!(search, list))
        .routes(routes!(own))
        .routes(routes!(get, withdraw))
        .routes(routes!(buy))
}

/// Which offers are wanted; what is left out is not asked for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchQuery {
    /// Key or name of the realm, as `GET /realms` lists them; absent for the first.
    realm: Option<String>,
    /// Key of a base, for example `kindling-axe`.
    base: Option<String>,
    /// A sort of item, for example `axe`.
    kind: Option<String>,
    /// `normal`, `magic`, `rare`, `set`, `unique` or `crafted`.
    quality: Option<String>,
    /// The lowest level of the item.
    level_min: Option<u32>,
    /// The highest level of the item.
    level_max: Option<u32>,
    /// The lowest price.
    price_min: Option<i64>,
    /// The highest price.
    price_max: Option<i64>,
    /// Name of the character that sells.
    seller: Option<String>,
    /// `true` for what hardcore characters sell, who deal among themselves alone; `false` for what others do. Absent for all.
    hardcore: Option<bool>,
    /// What it has to give and how much of it at least, for example `life:20,strength:5`; at most three.
    properties: Option<String>,
    /// `price` for the cheapest first, or `newest`; absent is `price`.
    order: Option<String>,
    /// How many offers, at most 100; 50 when absent.
    limit: Option<u32>,
    /// `next_cursor` of the page before; absent for the first.
    cursor: Option<String>,
}

/// A page of the account's own offers.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnQuery {
    /// Key or name of the realm, as `GET /realms` lists them; absent for the first.
    realm: Option<String>,
    /// How many offers, at most 100; 50 when absent.
    limit: Option<u32>,
    /// `next_cursor` of the page before; absent for the newest.
    cursor: Option<String>,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfferRequest {
    /// Key of the character that offers.
    character: String,
    /// Key of an item in its inventory, its stash or its cube.
    item: String,
    /// Gold.
    price: i64,
    /// For how many hours; what `GET /market` tells at most.
    hours: u32,
}

/// What the market of a realm asks for.
#[derive(Serialize, ToSchema)]
pub(super) struct RulesView {
    /// Most offers of one account.
    offers_max: u32,
    /// Longest time of an offer, in hours.
    hours_max: u32,
    /// Highest price.
    price_max: i64,
    /// Percent of the price that offering costs, and at least this much gold.
    listing_fee_percent: u32,
    listing_fee_min: u32,
    /// Percent of the price that is kept of a sale, and at least this much gold.
    sales_fee_percent: u32,
    sales_fee_min: u32,
}

/// An offer.
#[derive(Serialize, ToSchema)]
pub(super) struct OfferView {
    /// Key, as a decimal string.
    id: String,
    /// Name of the character that sells.
    seller: String,
    /// Whether that is a hardcore character: such alone buy it.
    hardcore: bool,
    /// Gold.
    price: i64,
    /// RFC 3339.
    listed: String,
    /// RFC 3339.
    ends: String,
    item: GoodsView,
}

impl From<&Offer> for OfferView {
    fn from(offer: &Offer) -> Self {
        Self {
            id: offer.id.to_string(),
            seller: offer.seller_name.clone(),
            hardcore: offer.hardcore,
            price: offer.price,
            listed: rfc3339(offer.listed_ms),
            ends: rfc3339(offer.ends_ms),
            item: GoodsView::from(&offer.item),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct OffersView {
    /// May be fewer than were asked for, or none, and still not the last page: each looks at a bounded number of offers.
    offers: Vec<OfferView>,
    /// For the page after this one; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ListedView {
    offer: OfferView,
    /// What it has cost to offer it.
    fee: i64,
    /// What the character has left in its purse.
    gold: i64,
    /// Version of what the character has.
    items_version: i64,
}

#[derive(Serialize, ToSchema)]
pub(super) struct BoughtView {
    /// Key of the offer.
    offer: String,
    /// Key of the item, or of the stack onto which it was laid.
    item: String,
    price: i64,
    /// Key of the letter that it is in, when the inventory had no room.
    #[serde(skip_serializing_if = "Option::is_none")]
    letter: Option<String>,
    /// What the character has left in its purse.
    gold: i64,
    /// Version of what the character has.
    items_version: i64,
}

#[derive(Serialize, ToSchema)]
pub(super) struct WithdrawnView {
    /// Key of the letter in which the item comes back.
    letter: String,
}

fn kept(view: &impl Serialize) -> Kept {
    Kept { body: serde_json::to_string(view).unwrap_or_default(), tag: String::new() }
}

fn listed(listed: &Listed) -> Kept {
    let Listed { offer, fee, belongings } = listed;
    let (gold, items_version) = (belongings.gold, belongings.version);
    kept(&ListedView { offer: OfferView::from(offer), fee: *fee, gold, items_version })
}

fn bought(done: &Done<Bought>) -> Kept {
    let Bought { offer, item, price, letter, belongings } = &done.what;
    kept(&BoughtView {
        offer: offer.to_string(),
        item: item.to_string(),
        price: *price,
        letter: letter.map(|letter| letter.to_string()),
        gold: belongings.gold,
        items_version: belongings.version,
    })
}

fn withdrawn(done: &Done<LetterId>) -> Kept {
    kept(&WithdrawnView { letter: done.what.to_string() })
}

fn refused(sentence: String) -> Refused {
    Refused(Refusal::new(Code::RequestInvalid, sentence))
}

/// One of a list of words.
fn word<T>(written: Option<&str>, of: &str, from: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Refused> {
    let unknown = || refused(format!("There is no such {of}; docs/market.md names them."));
    written.map(|word| from(word).ok_or_else(unknown)).transpose()
}

fn properties(written: &str) -> Result<Vec<(Property, i32)>, Refused> {
    let one = |text: &str| {
        let (name, least) = text.split_once(':')?;
        Some((Property::from_name(name.trim())?, least.trim().parse().ok()?))
    };
    let wrong =
        || refused("Write properties as name:least, with commas between, for example life:20,strength:5.".to_owned());
    written.split(',').filter(|text| !text.trim().is_empty()).map(|text| one(text).ok_or_else(wrong)).collect()
}

fn wanted(query: &SearchQuery) -> Result<Wanted, Refused> {
    Ok(Wanted {
        base: query.base.clone().unwrap_or_default(),
        kind: word(query.kind.as_deref(), "kind of item", Kind::from_name)?,
        quality: word(query.quality.as_deref(), "quality", Quality::from_name)?,
        level_min: query.level_min.unwrap_or(0),
        level_max: query.level_max.unwrap_or(ITEM_LEVEL_MAX),
        price_min: query.price_min.unwrap_or(0),
        price_max: query.price_max.unwrap_or(PRICE_MAX),
        seller: query.seller.clone().unwrap_or_default(),
        hardcore: query.hardcore,
        properties: properties(query.properties.as_deref().unwrap_or_default())?,
        order: word(query.order.as_deref(), "order", Order::from_name)?.unwrap_or_default(),
    })
}

/// What may be offered for how long, and what it costs.
#[utoipa::path(get, path = "/market", tag = "market", security(("access_token" = [])), params(RealmQuery),
    responses((status = 200, body = RulesView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn rules(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    QueryOf(query): QueryOf<RealmQuery>,
) -> Result<Json<RulesView>, Refused> {
    let home = features.home(&speaker, query.realm.as_deref())?;
    let config = home.market.config();
    Ok(Json(RulesView {
        offers_max: config.offers_max,
        hours_max: config.hours_max,
        price_max: PRICE_MAX,
        listing_fee_percent: config.listing_fee_percent,
        listing_fee_min: config.listing_fee_min,
        sales_fee_percent: config.sales_fee_percent,
        sales_fee_min: config.sales_fee_min,
    }))
}

/// Searches the open offers.
#[utoipa::path(get, path = "/market/offers", tag = "market", security(("access_token" = [])), params(SearchQuery),
    responses((status = 200, body = OffersView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn search(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    QueryOf(query): QueryOf<SearchQuery>,
) -> Result<Json<OffersView>, Refused> {
    let home = features.home(&speaker, query.realm.as_deref())?;
    let behind = query.cursor.as_deref().map(|cursor| cursor.parse::<Position>().map_err(|_| paging::unknown()));
    let entries = Page::asked(query.limit, None)?.entries;
    let Found { offers, next } = home.market.search(&wanted(&query)?, behind.transpose()?, entries).await?;
    let next_cursor = next.map(|position| position.to_string());
    Ok(Json(OffersView { offers: offers.iter().map(OfferView::from).collect(), next_cursor }))
}

/// The account's own offers in one realm, the newest first.
#[utoipa::path(get, path = "/market/own", tag = "market", security(("access_token" = [])), params(OwnQuery),
    responses((status = 200, body = OffersView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn own(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    QueryOf(query): QueryOf<OwnQuery>,
) -> Result<Json<OffersView>, Refused> {
    let mut page = Page::asked(query.limit, query.cursor.as_deref())?;
    page.entries = page.entries.min(ENTRIES_MAX);
    let home = features.home(&speaker, query.realm.as_deref())?;
    let before = page.before.map(OfferId::from_sql);
    let offers = home.market.of_account(speaker.account, before, page.entries).await?;
    let next_cursor = page.next(offers.len(), offers.last().map(|offer| offer.id.to_sql()));
    Ok(Json(OffersView { offers: offers.iter().map(OfferView::from).collect(), next_cursor }))
}

/// Offers an item. It leaves the character at once, with the fee.
#[utoipa::path(post, path = "/market/offers", tag = "market", security(("access_token" = [])), request_body = OfferRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again for 24 hours: 1 to 128 visible characters")),
    responses((status = 201, body = ListedView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    key_of_request: RequestKey,
    Body(body): Body<OfferRequest>,
) -> Result<Response, Refused> {
    let once = key_of_request.once(Scope::Account(speaker.account), &body, listed)?;
    let character: CharacterId = key(&body.character, "character")?;
    let item: ItemId = key(&body.item, "item")?;
    let home = features.home_of(&speaker, character).await?;
    let goods = Goods { item, price: body.price, hours: body.hours };
    let done = home.market.list(home.games.holder(speaker.account, character), goods, once).await?;
    Ok(answer(StatusCode::CREATED, done, listed))
}

/// One open offer.
#[utoipa::path(get, path = "/market/offers/{id}", tag = "market", security(("access_token" = [])),
    params(("id" = String, Path, description = "Key of the offer"), RealmQuery),
    responses((status = 200, body = OfferView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn get(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<OfferId>,
    QueryOf(query): QueryOf<RealmQuery>,
) -> Result<Json<OfferView>, Refused> {
    let home = features.home(&speaker, query.realm.as_deref())?;
    Ok(Json(OfferView::from(&home.market.offer(id).await?)))
}

/// Withdraws an offer of the account; the item comes back by mail.
#[utoipa::path(delete, path = "/market/offers/{id}", tag = "market", security(("access_token" = [])),
    params(("id" = String, Path, description = "Key of the offer"), RealmQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again for 24 hours: 1 to 128 visible characters")),
    responses((status = 200, body = WithdrawnView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn withdraw(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<OfferId>,
    QueryOf(query): QueryOf<RealmQuery>,
    key: RequestKey,
) -> Result<Response, Refused> {
    let once = key.once(Scope::Account(speaker.account), &(), withdrawn)?;
    let home = features.home(&speaker, query.realm.as_deref())?;
    Ok(answer(StatusCode::OK, home.market.withdraw(speaker.account, id, once).await?, withdrawn))
}

/// Buys what is offered. Gold and item change hands at once; the item comes by mail when the inventory has no room.
#[utoipa::path(post, path = "/market/offers/{id}/buy", tag = "market", security(("access_token" = [])), request_body = ActorRequest,
    params(("id" = String, Path, description = "Key of the offer"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again for 24 hours: 1 to 128 visible characters")),
    responses((status = 200, body = BoughtView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn buy(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<OfferId>,
    key_of_request: RequestKey,
    Body(body): Body<ActorRequest>,
) -> Result<Response, Refused> {
    let once = key_of_request.once(Scope::Account(speaker.account), &body, bought)?;
    let character: CharacterId = key(&body.character, "character")?;
    let home = features.home_of(&speaker, character).await?;
    Ok(answer(StatusCode::OK, home.market.buy(home.games.holder(speaker.account, character), id, once).await?, bought))
}
