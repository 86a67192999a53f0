//! `/admin/characters`: what staff see of characters of others, and do to them.

use axum::{extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Features, Problem,
    admin::Staff,
    again::{RequestKey, Scope, answer, tag},
    auth::account_name,
    characters::CharacterView,
    extract::{Body, PathPart},
    problem::Refused,
};
use crate::{
    accounts::{AccountsError, Permission},
    characters::Details,
    once::{Answered, Kept},
    types::{CharacterId, rfc3339},
};

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new().routes(routes!(get)).routes(routes!(rename)).routes(routes!(transfer))
}

/// A character as staff see it.
#[derive(Serialize, ToSchema)]
pub(super) struct StaffCharacterView {
    /// Key of its account, as a decimal string.
    account: String,
    character: CharacterView,
    /// RFC 3339; absent while it lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<String>,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RenameRequest {
    /// 2 to 16 letters of one script, digits, `-` and `_`, beginning with a letter.
    name: String,
    /// For the audit log.
    #[serde(default)]
    reason: String,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TransferRequest {
    /// Name of the account that is to have it.
    account: String,
    /// For the audit log.
    #[serde(default)]
    reason: String,
}

fn shown(details: &Details) -> Kept {
    let view = StaffCharacterView {
        account: details.character.account.to_string(),
        character: CharacterView::from(details),
        deleted: details.deleted_ms.map(rfc3339),
    };
    Kept { body: serde_json::to_string(&view).unwrap_or_default(), tag: tag(details.character.version) }
}

/// Any character of the realm, deleted ones too.
#[utoipa::path(get, path = "/admin/characters/{id}", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!("characters.read"))),
    params(("id" = String, Path, description = "Key of the character")),
    responses((status = 200, body = StaffCharacterView, headers(("ETag" = String, description = "Version of the character"))),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn get(
    State(features): State<Features>,
    Staff(actor): Staff,
    PathPart(id): PathPart<CharacterId>,
) -> Result<Response, Refused> {
    actor.ask(Permission::CharactersRead)?;
    let details = features.characters.any_details(id).await?;
    Ok(answer(StatusCode::OK, Answered::Now(details), shown))
}

/// Gives a character another name. Not while it is in a game.
#[utoipa::path(post, path = "/admin/characters/{id}/rename", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!("characters.rename"))),
    params(("id" = String, Path, description = "Key of the character"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again for 24 hours: 1 to 128 visible characters")),
    request_body = RenameRequest,
    responses((status = 200, body = StaffCharacterView, headers(("ETag" = String, description = "Version of the character"))),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn rename(
    State(features): State<Features>,
    Staff(actor): Staff,
    PathPart(id): PathPart<CharacterId>,
    key: RequestKey,
    Body(body): Body<RenameRequest>,
) -> Result<Response, Refused> {
    let by = features.admin.allow(&actor, Permission::CharactersRename, &body.reason)?;
    let once = key.once(Scope::from(&actor), &body, shown)?;
    Ok(answer(StatusCode::OK, features.characters.rename(by, id, &body.name, once).await?, shown))
}

/// Gives a character to another account. Not while it is in a game.
#[utoipa::path(post, path = "/admin/characters/{id}/transfer", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!("characters.transfer"))),
    params(("id" = String, Path, description = "Key of the character"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again for 24 hours: 1 to 128 visible characters")),
    request_body = TransferRequest,
    responses((status = 200, body = StaffCharacterView, headers(("ETag" = String, description = "Version of the character"))),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn transfer(
    State(features): State<Features>,
    Staff(actor): Staff,
    PathPart(id): PathPart<CharacterId>,
    key: RequestKey,
    Body(body): Body<TransferRequest>,
) -> Result<Response, Refused> {
    let by = features.admin.allow(&actor, Permission::CharactersTransfer, &body.reason)?;
    let once = key.once(Scope::from(&actor), &body, shown)?;
    // Who was named may have another name by now, or be gone; what was answered then stays the answer.
    if let Some(once) = &once
        && let Some(kept) = features.characters.answered_before(once).await?
    {
        return Ok(answer(StatusCode::OK, Answered::Before(kept), shown));
    }
    let to = features.accounts.find(&account_name(&body.account)?).await?.ok_or(AccountsError::AccountUnknown)?;
    Ok(answer(StatusCode::OK, features.characters.transfer(by, id, to, once).await?, shown))
}
