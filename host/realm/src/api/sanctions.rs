//! `/admin/sanctions`: bans, mutes and flags, against accounts, addresses and networks.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Features, Problem,
    admin::Staff,
    extract::{Body, PathPart, QueryOf},
    paging::Page,
    problem::Refused,
};
use crate::{
    accounts::Permission,
    admin::SanctionWish,
    moderation::{Kind, Sanction},
    types::{in_task, rfc3339},
};

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new().routes(routes!(list, speak)).routes(routes!(lift))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SanctionRequest {
    kind: Kind,
    /// An account's name, an address, or a network such as `192.0.2.0/24`.
    target: String,
    /// What the player is told; at most 500 characters.
    reason: String,
    /// How long it lasts, in seconds; absent for good. A mute has an end.
    #[serde(default)]
    seconds: Option<u64>,
}

/// A sanction.
#[derive(Serialize, ToSchema)]
pub(super) struct SanctionView {
    /// By which people speak of it.
    number: i64,
    kind: Kind,
    /// An account's name, or a network.
    target: String,
    reason: String,
    /// Who decided: `operator`, `account:` and a key, `plugin:` and a name, or `rule:` and the name of a rule of the realm itself.
    decided_by: String,
    /// The name of that account now; absent for others, and when the account is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by_name: Option<String>,
    /// RFC 3339.
    created: String,
    /// RFC 3339; absent when it lasts for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    /// Who took it back, written as in `decided_by`.
    #[serde(skip_serializing_if = "Option::is_none")]
    lifted_by: Option<String>,
    /// The name of that account now, if it is one that there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    lifted_by_name: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    lifted: Option<String>,
    in_force: bool,
}

#[derive(Serialize, ToSchema)]
pub(super) struct SanctionsView {
    /// The newest first.
    sanctions: Vec<SanctionView>,
    /// For the page after this one; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct SanctionsQuery {
    /// How many, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before; absent for the newest.
    cursor: Option<String>,
    /// An account's name, an address or a network; absent for all.
    target: Option<String>,
}

async fn view(features: &Features, sanction: Sanction) -> Result<SanctionView, Refused> {
    let target = features.admin.target_name(&sanction.target).await?;
    let in_force = sanction.in_force(features.admin.now_ms());
    let decided_by_name = features.admin.decider_name(&sanction.decided_by).await?;
    let lifted_by_name = match &sanction.lifted_by {
        Some(decider) => features.admin.decider_name(decider).await?,
        None => None,
    };
    let Sanction { number, kind, reason, decided_by, created_ms, until_ms, lifted_by, lifted_ms, .. } = sanction;
    Ok(SanctionView {
        number,
        kind,
        target,
        reason,
        decided_by: decided_by.to_string(),
        decided_by_name,
        created: rfc3339(created_ms),
        until: until_ms.map(rfc3339),
        lifted_by: lifted_by.map(|decider| decider.to_string()),
        lifted_by_name,
        lifted: lifted_ms.map(rfc3339),
        in_force,
    })
}

/// Speaks a sanction. Whoever is banned is disconnected when this answers. Each kind asks for its own permission.
#[utoipa::path(post, path = "/admin/sanctions", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!({"ban": "players.ban", "mute": "players.mute", "flag": "players.read"}))), request_body = SanctionRequest,
    responses((status = 201, body = SanctionView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn speak(
    State(features): State<Features>,
    Staff(actor): Staff,
    Body(body): Body<SanctionRequest>,
) -> Result<(StatusCode, Json<SanctionView>), Refused> {
    let SanctionRequest { kind, target, reason, seconds } = body;
    // What is stored is carried out, also when whoever asked has gone meanwhile.
    in_task(async move {
        let sanction = features.admin.sanction(&actor, SanctionWish { kind, target, reason, seconds }).await?;
        features.sessions.carry_out(&sanction).await?;
        Ok((StatusCode::CREATED, Json(view(&features, sanction).await?)))
    })
    .await
}

/// Sanctions, also those that have ended.
#[utoipa::path(get, path = "/admin/sanctions", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!("players.read"))), params(SanctionsQuery),
    responses((status = 200, body = SanctionsView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(features): State<Features>,
    Staff(actor): Staff,
    QueryOf(query): QueryOf<SanctionsQuery>,
) -> Result<Json<SanctionsView>, Refused> {
    actor.ask(Permission::PlayersRead)?;
    let page = Page::asked(query.limit, query.cursor.as_deref())?;
    let mut sanctions = Vec::new();
    for sanction in features.admin.sanctions(query.target.as_deref(), page.before, page.entries).await? {
        sanctions.push(view(&features, sanction).await?);
    }
    let next_cursor = page.next(sanctions.len(), sanctions.last().map(|last| last.number));
    Ok(Json(SanctionsView { sanctions, next_cursor }))
}

/// Takes a sanction back. Each kind asks for its own permission, and `players.read` is enough to be told that there is none.
#[utoipa::path(delete, path = "/admin/sanctions/{number}", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!({"ban": "players.ban", "mute": "players.mute", "flag": "players.read"}))), params(("number" = i64, Path, description = "Number of the sanction")),
    responses((status = 200, body = SanctionView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn lift(
    State(features): State<Features>,
    Staff(actor): Staff,
    PathPart(number): PathPart<i64>,
) -> Result<Json<SanctionView>, Refused> {
    let lifted = features.admin.lift(&actor, number).await?;
    Ok(Json(view(&features, lifted).await?))
}
