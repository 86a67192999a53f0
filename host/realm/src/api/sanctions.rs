//! `/admin/sanctions`: bans, mutes and flags, against accounts, addresses and networks.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Features, Problem,
    admin::Staff,
    extract::{Body, PathPart, QueryOf},
    problem::Refused,
};
use crate::{
    accounts::Permission,
    admin::SanctionWish,
    moderation::{Kind, Sanction, Target},
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
    /// Who decided: a staff account's name, or the name of a rule.
    decided_by: String,
    /// RFC 3339.
    created: String,
    /// RFC 3339; absent when it lasts for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    /// Who took it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    lifted_by: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    lifted: Option<String>,
    in_force: bool,
}

#[derive(Serialize, ToSchema)]
pub(super) struct SanctionsView {
    /// The newest first, at most 1,000.
    sanctions: Vec<SanctionView>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct SanctionsQuery {
    /// An account's name, an address or a network; absent for all.
    target: Option<String>,
}

async fn view(features: &Features, sanction: Sanction) -> Result<SanctionView, Refused> {
    let target = features.admin.target_name(&sanction.target).await?;
    let in_force = sanction.in_force(features.admin.now_ms());
    let Sanction { number, kind, reason, decided_by, created_ms, until_ms, lifted_by, lifted_ms, .. } = sanction;
    Ok(SanctionView {
        number,
        kind,
        target,
        reason,
        decided_by,
        created: rfc3339(created_ms),
        until: until_ms.map(rfc3339),
        lifted_by,
        lifted: lifted_ms.map(rfc3339),
        in_force,
    })
}

/// Speaks a sanction. Whoever is banned is disconnected when this answers. A mute needs `players.mute`, a flag `players.read` instead.
#[utoipa::path(post, path = "/admin/sanctions", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!("players.ban"))), request_body = SanctionRequest,
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
        match (&sanction.target, kind) {
            (Target::Account(account), Kind::Ban) => features.sessions.shut_out(*account, sanction.clone().ban()).await,
            (Target::Network(network), Kind::Ban) => {
                let network = *network;
                let banned = move |address: std::net::IpAddr| network.contains(&address.to_canonical());
                let ended = features.accounts.end_sessions_from(banned).await?;
                tracing::info!(%network, ended, "sessions from a banned network have ended");
            }
            _ => {}
        }
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
    let mut sanctions = Vec::new();
    for sanction in features.admin.sanctions(query.target.as_deref()).await? {
        sanctions.push(view(&features, sanction).await?);
    }
    Ok(Json(SanctionsView { sanctions }))
}

/// Takes a sanction back.
#[utoipa::path(delete, path = "/admin/sanctions/{number}", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!("players.ban"))), params(("number" = i64, Path, description = "Number of the sanction")),
    responses((status = 200, body = SanctionView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn lift(
    State(features): State<Features>,
    Staff(actor): Staff,
    PathPart(number): PathPart<i64>,
) -> Result<Json<SanctionView>, Refused> {
    let lifted = features.admin.lift(&actor, number).await?;
    Ok(Json(view(&features, lifted).await?))
}
