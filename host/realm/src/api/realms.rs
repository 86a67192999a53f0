//! `/realms`: what can be chosen at log-in, for everybody.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Features;

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Serialize, ToSchema)]
pub(super) struct RealmView {
    name: String,
    description: String,
    /// Connected players.
    online: usize,
    /// Log-ins that wait because the realm is full.
    queued: usize,
    /// Open games.
    games: usize,
    /// Version of the server.
    version: &'static str,
}

#[derive(Serialize, ToSchema)]
pub(super) struct RealmsView {
    realms: Vec<RealmView>,
}

/// The realms of this server.
#[utoipa::path(get, path = "/realms", tag = "realm", responses((status = 200, body = RealmsView)))]
async fn list(State(features): State<Features>) -> Json<RealmsView> {
    let players = features.sessions.figures();
    let realm = RealmView {
        name: features.realm.name.clone(),
        description: features.realm.description.clone(),
        online: players.online,
        queued: players.queued,
        games: features.games.figures().games,
        version: env!("CARGO_PKG_VERSION"),
    };
    Json(RealmsView { realms: vec![realm] })
}
