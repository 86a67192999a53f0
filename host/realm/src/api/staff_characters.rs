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
    audit::By,
    characters::{Destination, Details},
    once::{Answered, Kept},
    types::{CharacterId, Code, Refusal, rfc3339},
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
    /// Name of the account that is to have it; empty for the one that has it.
    #[serde(default)]
    account: String,
    /// Key or name of the realm that it is to be in; empty for the one that it is in.
    #[serde(default)]
    realm: String,
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

/// Any character of any realm, deleted ones too.
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
    let details = features.realms.of_character(id).await?.characters.any_details(id).await?;
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
    let home = features.realms.of_character(id).await?;
    let by = By { realm: home.key().into(), ..by };
    Ok(answer(StatusCode::OK, home.characters.rename(by, id, &body.name, once).await?, shown))
}

/// Gives a character to another account, or takes it into another realm, with its place in the ladder. Not while it is in a game.
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
    if body.account.is_empty() && body.realm.is_empty() {
        let sentence = "Name the account that is to have the character, or the realm that it is to be in.";
        return Err(Refused(Refusal::new(Code::RequestInvalid, sentence)));
    }
    let once = key.once(Scope::from(&actor), &body, shown)?;
    // Who was named may have another name by now, or be gone; what was answered then stays the answer.
    if let Some(once) = &once
        && let Some(kept) = features.realms.first().characters.answered_before(once).await?
    {
        return Ok(answer(StatusCode::OK, Answered::Before(kept), shown));
    }
    let account = match body.account.as_str() {
        "" => None,
        name => Some(features.accounts.find(&account_name(name)?).await?.ok_or(AccountsError::AccountUnknown)?),
    };
    let home = features.realms.of_character(id).await?;
    let target = if body.realm.is_empty() { home } else { features.realms.named(&body.realm)? };
    let by = By { realm: home.key().into(), ..by };
    let to = Destination { account, realm: &target.characters };
    Ok(answer(StatusCode::OK, home.characters.transfer(by, id, to, once).await?, shown))
}
