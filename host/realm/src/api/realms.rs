//! `/realms`: what can be chosen at log-in, for everybody.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Features;
use crate::realms::Home;

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A realm: what belongs to it alone are characters, channels, games and the ladder; an account is in all of them.
#[derive(Serialize, ToSchema)]
pub(super) struct RealmView {
    /// What stays when the name changes; log-ins and the parameter `realm` take either.
    key: String,
    name: String,
    description: String,
    /// Only staff are let in.
    closed: bool,
    /// New characters are hardcore.
    hardcore_only: bool,
    /// It has a ladder.
    ladder: bool,
    /// The hardest games that are opened: normal, nightmare or hell.
    difficulty_max: &'static str,
    /// Connected players.
    online: usize,
    /// Log-ins that wait because the server is full.
    queued: usize,
    /// Open games.
    games: usize,
    /// Version of the server.
    version: &'static str,
}

#[derive(Serialize, ToSchema)]
pub(super) struct RealmsView {
    /// In the order of the configuration; clients that name none get the first, listed or hidden.
    realms: Vec<RealmView>,
}

/// The realms of this server; hidden ones are left out.
#[utoipa::path(get, path = "/realms", tag = "realm", responses((status = 200, body = RealmsView)))]
async fn list(State(features): State<Features>) -> Json<RealmsView> {
    let players = features.sessions.figures();
    let view = |home: &Home| RealmView {
        key: home.key().to_owned(),
        name: home.settings.name.clone(),
        description: home.settings.description.clone(),
        closed: home.settings.closed,
        hardcore_only: home.settings.hardcore_only,
        ladder: home.settings.ladder,
        difficulty_max: home.settings.difficulty_max.name(),
        online: features.sessions.online_in(home.key()),
        queued: players.queued,
        games: home.games.open(),
        version: env!("CARGO_PKG_VERSION"),
    };
    let shown = features.realms.all().iter().filter(|home| !home.settings.hidden);
    Json(RealmsView { realms: shown.map(|home| view(home)).collect() })
}
