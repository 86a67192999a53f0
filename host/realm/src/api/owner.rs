//! `/owner`: the owner's account, made once with the token from the banner.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Features, Problem,
    auth::account_name,
    extract::{Body, Peer},
    problem::Refused,
};

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new().routes(routes!(create))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnerRequest {
    /// The one-time token that the realm printed when it started.
    token: String,
    name: String,
    /// 8 to 128 characters.
    password: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct OwnerView {
    /// Key, as a decimal string.
    id: String,
    name: String,
}

/// Makes the owner's account. Works once.
#[utoipa::path(post, path = "/owner", tag = "realm", request_body = OwnerRequest,
    responses((status = 201, body = OwnerView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn create(
    State(features): State<Features>,
    Peer(peer): Peer,
    Body(body): Body<OwnerRequest>,
) -> Result<(StatusCode, Json<OwnerView>), Refused> {
    let name = account_name(&body.name)?;
    let id = features.accounts.create_owner(&body.token, name.clone(), &body.password, peer).await?;
    Ok((StatusCode::CREATED, Json(OwnerView { id: id.to_string(), name: name.to_string() })))
}
