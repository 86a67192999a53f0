//! `/admin/ladder`: the end of a season; and `/ladder-seasons`: what the seasons ended in, for everybody.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Features, Problem,
    admin::Staff,
    again::{RequestKey, Scope, answer},
    extract::{Body, PathPart, QueryOf},
    home::RealmQuery,
    problem::Refused,
};
use crate::{
    accounts::Permission,
    audit::By,
    ladder::{Ended, Season, Standing},
    once::Kept,
    types::rfc3339,
};

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new().routes(routes!(end)).routes(routes!(seasons)).routes(routes!(standings))
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SeasonEndRequest {
    /// Name of the season that begins, at most 32 characters; empty is its number.
    #[serde(default)]
    next: String,
    /// Key or name of the realm; empty for the first.
    #[serde(default)]
    realm: String,
}

/// A season of the ladder.
#[derive(Serialize, ToSchema)]
pub(super) struct SeasonView {
    /// 1 for the first.
    number: u32,
    name: String,
    /// RFC 3339; absent for the season that the realm began with.
    #[serde(skip_serializing_if = "Option::is_none")]
    began: Option<String>,
    /// RFC 3339; absent while it is running.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<String>,
}

impl From<Season> for SeasonView {
    fn from(season: Season) -> Self {
        let Season { number, name, began_ms, ended_ms } = season;
        Self { number, name, began: (began_ms > 0).then(|| rfc3339(began_ms)), ended: ended_ms.map(rfc3339) }
    }
}

/// A place in which a season ended.
#[derive(Serialize, ToSchema)]
pub(super) struct StandingView {
    /// From 1.
    rank: u32,
    /// Key of the character, as a decimal string.
    character: String,
    /// Its name at that time.
    name: String,
    class: String,
    level: u32,
    /// A decimal string.
    score: String,
    /// What the ladder rule gave it; empty is nothing.
    title: String,
}

impl From<Standing> for StandingView {
    fn from(standing: Standing) -> Self {
        let Standing { rank, character, name, class, level, score, title } = standing;
        Self { rank, character: character.to_string(), name, class, level, score: score.to_string(), title }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct SeasonStandingsView {
    season: SeasonView,
    /// The best first, at most 100.
    standings: Vec<StandingView>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct SeasonsView {
    /// The season that is running.
    running: SeasonView,
    /// Those that have ended, the last first, at most 100.
    ended: Vec<SeasonView>,
}

fn ended(ended: &Ended) -> Kept {
    let (season, standings) = ended.clone();
    let standings = standings.into_iter().map(StandingView::from).collect();
    let view = SeasonStandingsView { season: season.into(), standings };
    Kept { body: serde_json::to_string(&view).unwrap_or_default(), tag: String::new() }
}

/// Ends the season of one realm: its best 100 are kept with what the ladder rule gives them, and everybody begins anew.
#[utoipa::path(post, path = "/admin/ladder/season-end", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!("ladder.season_end"))), request_body = SeasonEndRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again for 24 hours: 1 to 128 visible characters")),
    responses((status = 200, body = SeasonStandingsView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn end(
    State(features): State<Features>,
    Staff(actor): Staff,
    key: RequestKey,
    Body(body): Body<SeasonEndRequest>,
) -> Result<Response, Refused> {
    let by = features.admin.allow(&actor, Permission::LadderSeasonEnd, "")?;
    let once = key.once(Scope::from(&actor), &body, ended)?;
    let home = features.shown_home(Some(&body.realm))?;
    let by = By { realm: home.key().into(), ..by };
    Ok(answer(StatusCode::OK, home.ladder()?.end_season(by, &body.next, once).await?, ended))
}

/// The season of one realm that is running, and those that have ended.
#[utoipa::path(get, path = "/ladder-seasons", tag = "ladder", params(RealmQuery),
    responses((status = 200, body = SeasonsView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn seasons(
    State(features): State<Features>,
    QueryOf(query): QueryOf<RealmQuery>,
) -> Result<Json<SeasonsView>, Refused> {
    let home = features.shown_home(query.realm.as_deref())?;
    let running = home.ladder()?.season().await?.into();
    let ended = home.ladder.seasons().await?.into_iter().map(SeasonView::from).collect();
    Ok(Json(SeasonsView { running, ended }))
}

#[derive(Serialize, ToSchema)]
pub(super) struct StandingsView {
    /// The best first; empty when no such season has ended.
    standings: Vec<StandingView>,
}

/// The places in which a season of one realm ended.
#[utoipa::path(get, path = "/ladder-seasons/{number}", tag = "ladder", params(("number" = u32, Path, description = "Number of the season"), RealmQuery),
    responses((status = 200, body = StandingsView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn standings(
    State(features): State<Features>,
    PathPart(number): PathPart<u32>,
    QueryOf(query): QueryOf<RealmQuery>,
) -> Result<Json<StandingsView>, Refused> {
    let standings = features
        .shown_home(query.realm.as_deref())?
        .ladder()?
        .standings(number)
        .await?
        .into_iter()
        .map(StandingView::from)
        .collect();
    Ok(Json(StandingsView { standings }))
}
