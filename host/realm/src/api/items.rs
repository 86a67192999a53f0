//! `/characters/{id}/inventory` and `/characters/{id}/items`: what a character has, and what its player does with it.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use realm_world::items::{Catalogue, Cell, Item, Slot};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Features, Problem,
    again::{RequestKey, Scope, answer, tag},
    extract::{Body, PathPart, Speaker},
    problem::Refused,
};
use crate::{
    items::{Act, Bag, Belongings, Owned, Spot},
    once::Kept,
    types::{CharacterId, Code, ItemId, Refusal},
};

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new().routes(routes!(inventory)).routes(routes!(act))
}

/// Where on a character an item is, or is to be.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SpotView {
    /// `worn`, `inventory`, `stash`, `cube` or `returned`: what came back and waits for room.
    place: String,
    /// Where it is worn: `main-hand`, `off-hand`, `head`, `body`, `hands`, `feet`, `waist`, `neck`, `right-finger` or `left-finger`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    slot: Option<String>,
    /// Page of the stash, 0 to 3; 0 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page: Option<u8>,
    /// Column of its upper left cell, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    x: Option<u8>,
    /// Row of its upper left cell, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    y: Option<u8>,
}

impl From<Spot> for SpotView {
    fn from(spot: Spot) -> Self {
        match spot {
            Spot::Worn(slot) => {
                Self { place: "worn".to_owned(), slot: Some(slot.name().to_owned()), ..Self::default() }
            }
            Spot::In(bag, Cell { x, y }) => {
                let page = matches!(bag, Bag::Stash { .. }).then(|| bag.page());
                Self { place: bag.name().to_owned(), slot: None, page, x: Some(x), y: Some(y) }
            }
            Spot::Returned(_) => Self { place: "returned".to_owned(), ..Self::default() },
        }
    }
}

impl SpotView {
    /// The place that is meant.
    fn spot(&self) -> Result<Spot, Refusal> {
        if self.place == "worn" {
            return Ok(Spot::Worn(slot(self.slot.as_deref().unwrap_or_default())?));
        }
        let (bag, cell) = self.cell()?;
        Ok(Spot::In(bag, cell))
    }

    /// The cell that is meant.
    fn cell(&self) -> Result<(Bag, Cell), Refusal> {
        let invalid = |sentence: &str| Refusal::new(Code::RequestInvalid, sentence);
        let bag = match self.place.as_str() {
            "inventory" => Bag::Inventory,
            "stash" => Bag::Stash { page: self.page.unwrap_or_default() },
            "cube" => Bag::Cube,
            _ => {
                return Err(invalid(
                    "A place to lay something is worn, inventory, stash or cube, and worn only for what is put on.",
                ));
            }
        };
        let (Some(x), Some(y)) = (self.x, self.y) else {
            return Err(invalid("A place in a box needs x and y, counted from 0."));
        };
        Ok((bag, Cell { x, y }))
    }
}

fn slot(name: &str) -> Result<Slot, Refusal> {
    Slot::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Slot::ALL.iter().map(|slot| slot.name()).collect();
        Refusal::new(Code::RequestInvalid, format!("There is no such slot; write one of {}.", names.join(", ")))
    })
}

/// One property of an item.
#[derive(Serialize, ToSchema)]
pub(super) struct PropertyView {
    /// For example `life`.
    property: &'static str,
    value: i32,
}

/// An item.
#[derive(Serialize, ToSchema)]
pub(super) struct ItemView {
    /// Key, as a decimal string.
    id: String,
    /// Key of its base in the content pack.
    base: String,
    /// What players read; the base's name until it is identified.
    name: String,
    /// For example `ring`; empty when the content pack does not know the base any more.
    kind: &'static str,
    /// `normal`, `magic`, `rare`, `set`, `unique` or `crafted`.
    quality: &'static str,
    /// 1 to 99.
    level: u32,
    /// How many lie on the stack.
    count: u32,
    identified: bool,
    /// Beside those of the base; empty until it is identified.
    properties: Vec<PropertyView>,
    sockets: u32,
    /// Keys of the bases of the gems in them.
    gems: Vec<String>,
    /// What is left of it; 0 for what never wears.
    durability: u32,
    /// Cells across.
    width: u8,
    /// Cells down.
    height: u8,
    at: SpotView,
}

/// An item as its owner sees it; `None` for what no character has.
fn item_view(catalogue: &Catalogue, owned: &Owned) -> Option<ItemView> {
    let Item { base, quality, level, sockets, gems, identified, count, durability, .. } = owned.item.clone();
    let judged = if identified { catalogue.judged(&owned.item).ok() } else { None };
    let properties = judged.map(|judged| judged.properties).unwrap_or_default();
    let view =
        |one: &realm_world::items::JudgedProperty| PropertyView { property: one.property.name(), value: one.value };
    Some(ItemView {
        id: owned.key.to_string(),
        name: catalogue.shown_name(&owned.item).unwrap_or_else(|_| base.clone()),
        kind: catalogue.kind_of(&owned.item).map_or("", realm_world::items::Kind::name),
        base,
        quality: quality.name(),
        level,
        count,
        identified,
        properties: properties.iter().map(view).collect(),
        sockets,
        gems,
        durability,
        width: owned.size.width,
        height: owned.size.height,
        at: owned.at.spot()?.into(),
    })
}

/// A grid of items.
#[derive(Serialize, ToSchema)]
pub(super) struct GridView {
    columns: u8,
    rows: u8,
    /// How many of them there are, each with places of its own.
    pages: u8,
    /// What lies in it.
    items: Vec<ItemView>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct InventoryView {
    /// What is worn.
    equipment: Vec<ItemView>,
    inventory: GridView,
    stash: GridView,
    cube: GridView,
    /// What came back and waits for room; it can be moved from here.
    returned: Vec<ItemView>,
    gold: i64,
}

/// What the player does; keys of items are decimal strings.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "act", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum ItemAct {
    /// Lays an item somewhere else, puts it on or takes it off, as the place says.
    Move {
        /// Which.
        #[schema(value_type = String)]
        item: ItemId,
        /// Where to.
        to: SpotView,
    },
    /// Puts an item on.
    Equip {
        /// Which.
        #[schema(value_type = String)]
        item: ItemId,
        /// Where; absent for the first slot of its kind that is free.
        #[serde(default)]
        slot: Option<String>,
    },
    /// Takes off what is worn.
    Unequip {
        /// Which.
        #[schema(value_type = String)]
        item: ItemId,
        /// Where to; absent for the first place in the inventory.
        #[serde(default)]
        to: Option<SpotView>,
    },
    /// Takes some off a stack.
    Split {
        /// The stack.
        #[schema(value_type = String)]
        item: ItemId,
        /// How many.
        count: u32,
        /// Where to; absent for the first place in the inventory.
        #[serde(default)]
        to: Option<SpotView>,
    },
    /// Lays as many as there is room for from one stack on another.
    Merge {
        /// From this one.
        #[schema(value_type = String)]
        item: ItemId,
        /// To this one.
        #[schema(value_type = String)]
        onto: ItemId,
    },
    /// Sets a gem into the next free socket; the gem is used up.
    Socket {
        /// The gem.
        #[schema(value_type = String)]
        gem: ItemId,
        /// What has the socket.
        #[schema(value_type = String)]
        into: ItemId,
    },
    /// Reads a scroll over an item to find out what it is; one scroll is used up.
    Identify {
        /// The scroll.
        #[schema(value_type = String)]
        scroll: ItemId,
        /// The item.
        #[schema(value_type = String)]
        item: ItemId,
    },
    /// Combines all that lies in the cube by a recipe.
    Combine {},
    /// Destroys an item, or some of a stack, for good.
    Destroy {
        /// Which.
        #[schema(value_type = String)]
        item: ItemId,
        /// How many; absent for all.
        #[serde(default)]
        count: Option<u32>,
    },
    /// Uses a scroll; one is used up. One that tells what an item is needs `on`; one that leads home works in a game alone, which takes the
    /// character to the town.
    Use {
        /// The scroll.
        #[schema(value_type = String)]
        item: ItemId,
        /// Over which item.
        #[serde(default)]
        #[schema(value_type = Option<String>)]
        on: Option<ItemId>,
    },
    /// Buys from a vendor what it sells (`GET /vendors`). In a game one has to stand before the vendor, and deals by the game's connection.
    Buy {
        /// Key of the base in the content pack.
        base: String,
        /// How many: 1 to a stack, 1 of what does not stack; 1 when absent.
        #[serde(default = "one")]
        count: u32,
        /// Where to, in the inventory; absent for stacks there and the first free place.
        #[serde(default)]
        to: Option<SpotView>,
    },
    /// Sells an item, or some of a stack, to a vendor; in a game by its connection.
    Sell {
        /// Which.
        #[schema(value_type = String)]
        item: ItemId,
        /// How many; absent for all.
        #[serde(default)]
        count: Option<u32>,
    },
    /// Has a vendor repair an item; in a game by its connection.
    Repair {
        /// Which.
        #[schema(value_type = String)]
        item: ItemId,
    },
}

fn one() -> u32 {
    1
}

impl ItemAct {
    fn act(&self) -> Result<Act, Refusal> {
        let cell = |to: &Option<SpotView>| to.as_ref().map(SpotView::cell).transpose();
        Ok(match self {
            Self::Move { item, to } => Act::Move { item: *item, to: to.spot()? },
            Self::Equip { item, slot: name } => {
                Act::Equip { item: *item, slot: name.as_deref().map(slot).transpose()? }
            }
            Self::Unequip { item, to } => Act::Unequip { item: *item, to: cell(to)? },
            Self::Split { item, count, to } => Act::Split { item: *item, count: *count, to: cell(to)? },
            Self::Merge { item, onto } => Act::Merge { item: *item, onto: *onto },
            Self::Socket { gem, into } => Act::Socket { gem: *gem, into: *into },
            Self::Identify { scroll, item } => Act::Identify { scroll: *scroll, item: *item },
            Self::Combine {} => Act::Combine,
            Self::Destroy { item, count } => Act::Destroy { item: *item, count: *count },
            Self::Use { item, on } => Act::Use { item: *item, on: *on },
            Self::Buy { base, count, to } => {
                Act::Buy { base: base.clone(), count: *count, to: cell(to)?, vendor: None }
            }
            Self::Sell { item, count } => Act::Sell { item: *item, count: *count },
            Self::Repair { item } => Act::Repair { item: *item },
        })
    }
}

/// What an act has changed; the rest is as it was.
#[derive(Serialize, Deserialize, ToSchema)]
pub(super) struct ActedView {
    /// Items that are now elsewhere, another, or new: each by its key and where it is. Read the inventory for what they are.
    items: Vec<ActedItemView>,
    /// Keys of items that are no more.
    gone: Vec<String>,
    gold: i64,
}

#[derive(Serialize, Deserialize, ToSchema)]
pub(super) struct ActedItemView {
    /// Key, as a decimal string.
    id: String,
    /// How many lie on the stack.
    count: u32,
    at: SpotView,
}

fn acted(belongings: &Belongings) -> Kept {
    let found = |key: &ItemId| belongings.get(*key);
    let item = |owned: &Owned| {
        let at = owned.at.spot()?.into();
        Some(ActedItemView { id: owned.key.to_string(), count: owned.item.count, at })
    };
    let view = ActedView {
        items: belongings.touched.iter().filter_map(found).filter_map(item).collect(),
        gone: belongings.touched.iter().filter(|key| found(key).is_none()).map(ToString::to_string).collect(),
        gold: belongings.gold,
    };
    Kept { body: serde_json::to_string(&view).unwrap_or_default(), tag: tag(belongings.version) }
}

/// What the character wears and carries, and what it keeps in the stash and the cube.
#[utoipa::path(get, path = "/characters/{id}/inventory", tag = "characters", security(("access_token" = [])), params(("id" = String, Path, description = "Key of the character")),
    responses((status = 200, body = InventoryView, headers(("ETag" = String, description = "Version of what the character has"))),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn inventory(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<CharacterId>,
) -> Result<Response, Refused> {
    let home = features.home_of(&speaker, id).await?;
    home.characters.details(speaker.account, id).await?;
    let belongings = home.items.of(id).await?;
    let catalogue = home.items.catalogue();
    let views = |fits: &dyn Fn(Spot) -> bool| -> Vec<ItemView> {
        let items = belongings.items.iter().filter(|owned| owned.at.spot().is_some_and(fits));
        items.filter_map(|owned| item_view(catalogue, owned)).collect()
    };
    let grid = |bag: Bag, pages: u8, fits: &dyn Fn(Spot) -> bool| {
        let (columns, rows) = bag.size().map_or((0, 0), |size| (size.width, size.height));
        GridView { columns, rows, pages, items: views(fits) }
    };
    let pages = u8::try_from(Bag::stash().count()).unwrap_or(u8::MAX);
    let view = InventoryView {
        equipment: views(&|spot| matches!(spot, Spot::Worn(_))),
        inventory: grid(Bag::Inventory, 1, &|spot| matches!(spot, Spot::In(Bag::Inventory, _))),
        stash: grid(Bag::Stash { page: 0 }, pages, &|spot| matches!(spot, Spot::In(Bag::Stash { .. }, _))),
        cube: grid(Bag::Cube, 1, &|spot| matches!(spot, Spot::In(Bag::Cube, _))),
        returned: views(&|spot| matches!(spot, Spot::Returned(_))),
        gold: belongings.gold,
    };
    let headers = [(axum::http::header::ETAG, tag(belongings.version))];
    Ok(axum::response::IntoResponse::into_response((headers, Json(view))))
}

/// Does something with the items of a character. What it puts on or takes off while it is in a game counts there from the next ticks on.
#[utoipa::path(post, path = "/characters/{id}/items", tag = "characters", security(("access_token" = [])), request_body = ItemAct,
    params(("id" = String, Path, description = "Key of the character"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again for 24 hours: 1 to 128 visible characters")),
    responses((status = 200, body = ActedView, headers(("ETag" = String, description = "Version of what the character has"))),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn act(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<CharacterId>,
    key: RequestKey,
    Body(body): Body<ItemAct>,
) -> Result<Response, Refused> {
    let act = body.act()?;
    let once = key.once(Scope::Account(speaker.account), &body, acted)?;
    let home = features.home_of(&speaker, id).await?;
    Ok(answer(StatusCode::OK, home.games.act(speaker.account, id, act, once).await?, acted))
}
