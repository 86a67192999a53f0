//! `/account`: what people see and change of their own account.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Features, Problem,
    extract::{Body, PathPart, Peer, Speaker},
    problem::Refused,
};
use crate::{
    accounts::{OwnSession, Profile, Role},
    types::{SessionId, in_task, rfc3339},
};

/// How long a game may take to let somebody go who has his account erased.
const LEAVE_DEADLINE: Duration = Duration::from_secs(5);

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new()
        .routes(routes!(profile))
        .routes(routes!(change_password))
        .routes(routes!(sessions, revoke_others))
        .routes(routes!(revoke))
        .routes(routes!(export))
        .routes(routes!(erase))
}

/// The account that speaks.
#[derive(Serialize, ToSchema)]
pub(super) struct ProfileView {
    /// Key, as a decimal string.
    id: String,
    /// The name as it was registered.
    name: String,
    role: Role,
    /// What this session may do: staff without a second factor are players where one is required.
    role_in_force: Role,
    /// RFC 3339.
    created: String,
    /// The last log-in by password; RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    login_last: Option<String>,
    /// RFC 3339; absent when it is the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    password_changed: Option<String>,
    /// A second factor is set up.
    second_factor: bool,
    /// Recovery codes that are left.
    recovery_codes: u32,
}

/// A session of the account.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionView {
    /// Key, as a decimal string.
    id: String,
    /// RFC 3339.
    created: String,
    /// When it was last used; RFC 3339.
    active: String,
    /// When it ends in any case; RFC 3339.
    expires: String,
    /// From where it was opened; empty when that is not known.
    address: String,
    /// It is the one that asks.
    current: bool,
}

impl From<OwnSession> for SessionView {
    fn from(session: OwnSession) -> Self {
        Self {
            id: session.id.to_string(),
            created: rfc3339(session.created_ms),
            active: rfc3339(session.active_ms),
            expires: rfc3339(session.expires_ms),
            address: session.address,
            current: session.current,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct SessionsView {
    /// The newest first, at most 32.
    sessions: Vec<SessionView>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordRequest {
    /// The password as it is.
    old_password: String,
    /// 8 to 128 characters.
    new_password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EraseRequest {
    password: String,
    /// The code of the authenticator or a recovery code, when there is a second factor.
    #[serde(default)]
    second_factor: String,
}

/// The account that speaks.
#[utoipa::path(get, path = "/account", tag = "account", security(("access_token" = [])),
    responses((status = 200, body = ProfileView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn profile(State(features): State<Features>, Speaker(speaker): Speaker) -> Result<Json<ProfileView>, Refused> {
    let profile: Profile = features.accounts.profile(&speaker).await?;
    Ok(Json(ProfileView {
        id: speaker.account.to_string(),
        name: profile.name.to_string(),
        role: profile.role,
        role_in_force: speaker.role,
        created: rfc3339(profile.created_ms),
        login_last: profile.login_last_ms.map(rfc3339),
        password_changed: profile.password_changed_ms.map(rfc3339),
        second_factor: profile.second_factor,
        recovery_codes: profile.recovery_codes,
    }))
}

/// Changes the password, and ends every other session with the connections on it.
#[utoipa::path(post, path = "/account/password", tag = "account", security(("access_token" = [])), request_body = PasswordRequest,
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn change_password(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    Peer(peer): Peer,
    Body(body): Body<PasswordRequest>,
) -> Result<StatusCode, Refused> {
    features.accounts.change_password(&speaker, &body.old_password, &body.new_password, peer).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The sessions of the account.
#[utoipa::path(get, path = "/account/sessions", tag = "account", security(("access_token" = [])),
    responses((status = 200, body = SessionsView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn sessions(State(features): State<Features>, Speaker(speaker): Speaker) -> Result<Json<SessionsView>, Refused> {
    let sessions = features.accounts.sessions_of(&speaker).await?.into_iter().map(SessionView::from).collect();
    Ok(Json(SessionsView { sessions }))
}

/// Ends every session of the account but the one that asks.
#[utoipa::path(delete, path = "/account/sessions", tag = "account", security(("access_token" = [])),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn revoke_others(State(features): State<Features>, Speaker(speaker): Speaker) -> Result<StatusCode, Refused> {
    features.accounts.revoke_other_sessions(&speaker).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends one session of the account, with the connections on it.
#[utoipa::path(delete, path = "/account/sessions/{id}", tag = "account", security(("access_token" = [])), params(("id" = String, Path, description = "Key of the session")),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn revoke(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<SessionId>,
) -> Result<StatusCode, Refused> {
    features.accounts.revoke_session(&speaker, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Everything that the realm keeps about the account, as lists of rows by name; secrets left out.
#[utoipa::path(get, path = "/account/export", tag = "account", security(("access_token" = [])),
    responses((status = 200, body = std::collections::BTreeMap<String, serde_json::Value>), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn export(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
) -> Result<Json<serde_json::Map<String, serde_json::Value>>, Refused> {
    Ok(Json(features.accounts.export(&speaker).await?))
}

/// Erases the account, its characters and everything that says whose they were. This cannot be taken back.
#[utoipa::path(post, path = "/account/erase", tag = "account", security(("access_token" = [])), request_body = EraseRequest,
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn erase(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    Peer(peer): Peer,
    Body(body): Body<EraseRequest>,
) -> Result<StatusCode, Refused> {
    let erasable = features.accounts.prove_erasure(&speaker, &body.password, &body.second_factor, peer).await?;
    // What is proved is carried out, also when whoever asked has gone meanwhile.
    in_task(async move {
        // Its character is saved and given back before its name goes. Who is in no game is refused, which is as good.
        let _ = tokio::time::timeout(LEAVE_DEADLINE, features.games.leave(speaker.account)).await;
        features.accounts.erase(erasable).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
