//! `/vendors`: who sells what, for everybody.

use axum::{Json, extract::State};
use realm_world::items::{Base, Catalogue};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Features;

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new().routes(routes!(list))
}

/// What a vendor sells: plain ones, as many as anybody pays for.
#[derive(Serialize, ToSchema)]
pub(super) struct WareView {
    /// Key in the content pack, as acts and deals name it.
    base: String,
    /// What players read.
    name: String,
    /// For example `sword`.
    kind: &'static str,
    /// 1 to 99.
    level: u32,
    /// Cells across.
    width: u8,
    /// Cells down.
    height: u8,
    /// Most of one purchase, which is most on one stack.
    count_max: u32,
    /// What one costs, in gold.
    price: i64,
}

/// One who buys, sells and repairs.
#[derive(Serialize, ToSchema)]
pub(super) struct VendorView {
    name: String,
    /// Its number in snapshots of games.
    appearance: u8,
    /// In the order of the content pack.
    wares: Vec<WareView>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct VendorsView {
    vendors: Vec<VendorView>,
}

fn ware(catalogue: &Catalogue, base: &Base) -> Option<WareView> {
    let price = catalogue.ask(&catalogue.plain(&base.key, base.level).ok()?).ok()?;
    Some(WareView {
        base: base.key.clone(),
        name: base.name.clone(),
        kind: base.kind.name(),
        level: base.level,
        width: base.size.width,
        height: base.size.height,
        count_max: base.stack,
        price,
    })
}

/// The vendors of the town, what they sell, and for how much. All buy and repair what has a price.
#[utoipa::path(get, path = "/vendors", tag = "realm", responses((status = 200, body = VendorsView)))]
async fn list(State(features): State<Features>) -> Json<VendorsView> {
    let content = features.games.content();
    let view = |vendor: realm_world::Vendor<'_>| VendorView {
        name: vendor.name.to_owned(),
        appearance: vendor.appearance,
        wares: vendor.wares.iter().filter_map(|base| ware(content.items(), base)).collect(),
    };
    Json(VendorsView { vendors: content.vendors().map(view).collect() })
}
