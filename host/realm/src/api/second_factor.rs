//! `/account/second-factor`: setting one up, and taking it away.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Features, Problem,
    extract::{Body, Peer, Speaker},
    problem::Refused,
};

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new()
        .routes(routes!(begin))
        .routes(routes!(confirm))
        .routes(routes!(remove))
        .routes(routes!(renew_recovery_codes))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BeginRequest {
    password: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct EnrolmentView {
    /// To be typed into an authenticator, in base32.
    secret: String,
    /// The same as an address (`otpauth://…`), to be shown as a picture.
    address: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfirmRequest {
    /// What the authenticator shows.
    code: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct RecoveryCodesView {
    /// Each is taken once in the place of a code; shown this once.
    recovery_codes: Vec<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProvenRequest {
    password: String,
    /// The code of the authenticator, or a recovery code.
    second_factor: String,
}

/// Begins to set a second factor up: tells an authenticator its secret.
#[utoipa::path(post, path = "/account/second-factor", tag = "account", security(("access_token" = [])), request_body = BeginRequest,
    responses((status = 200, body = EnrolmentView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn begin(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    Peer(peer): Peer,
    Body(body): Body<BeginRequest>,
) -> Result<Json<EnrolmentView>, Refused> {
    let enrolment = features.accounts.begin_second_factor(&speaker, &body.password, peer).await?;
    Ok(Json(EnrolmentView { secret: enrolment.secret, address: enrolment.address }))
}

/// Sets the second factor up, when the code is right: from now on every log-in by password asks for one.
#[utoipa::path(post, path = "/account/second-factor/confirm", tag = "account", security(("access_token" = [])), request_body = ConfirmRequest,
    responses((status = 200, body = RecoveryCodesView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn confirm(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    Body(body): Body<ConfirmRequest>,
) -> Result<Json<RecoveryCodesView>, Refused> {
    let recovery_codes = features.accounts.confirm_second_factor(&speaker, &body.code).await?;
    Ok(Json(RecoveryCodesView { recovery_codes }))
}

/// Removes the second factor and its recovery codes.
#[utoipa::path(post, path = "/account/second-factor/remove", tag = "account", security(("access_token" = [])), request_body = ProvenRequest,
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn remove(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    Peer(peer): Peer,
    Body(body): Body<ProvenRequest>,
) -> Result<StatusCode, Refused> {
    features.accounts.remove_second_factor(&speaker, &body.password, &body.second_factor, peer).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes new recovery codes; the old ones are void.
#[utoipa::path(post, path = "/account/second-factor/recovery-codes", tag = "account", security(("access_token" = [])), request_body = ProvenRequest,
    responses((status = 200, body = RecoveryCodesView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn renew_recovery_codes(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    Peer(peer): Peer,
    Body(body): Body<ProvenRequest>,
) -> Result<Json<RecoveryCodesView>, Refused> {
    let renewed = features.accounts.renew_recovery_codes(&speaker, &body.password, &body.second_factor, peer).await;
    Ok(Json(RecoveryCodesView { recovery_codes: renewed? }))
}
