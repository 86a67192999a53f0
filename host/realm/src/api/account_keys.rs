//! `/admin/account-keys`: invitations and licences.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Features, Problem,
    admin::Staff,
    extract::{Body, QueryOf},
    paging::Page,
    problem::Refused,
};
use crate::{
    accounts::{AccountKey, KeyState, Permission},
    types::{Code, Refusal, rfc3339},
};

/// Keys that are made or imported at once.
const KEYS_AT_ONCE_MAX: usize = 1_000;

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(check)).routes(routes!(revoke))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct KeysRequest {
    /// Makes so many, at most 1,000 …
    #[serde(default)]
    make: usize,
    /// … or takes these, at most 1,000: 16 to 64 letters and digits each; hyphens, blanks and case do not count.
    #[serde(default)]
    import: Vec<String>,
    /// What they are for, at most 100 characters.
    #[serde(default)]
    note: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct KeysAddedView {
    /// The keys that were made; shown this once.
    made: Vec<String>,
    /// How many were imported and not known before.
    imported: u64,
    /// How many of those to be imported are no keys.
    illegal: u64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyRequest {
    key: String,
}

/// An account key.
#[derive(Serialize, ToSchema)]
pub(super) struct KeyView {
    /// Counts up from 1 as keys are made and imported.
    number: i64,
    /// Its last characters; the key itself is not kept.
    hint: String,
    note: String,
    /// `free`, `bound` or `revoked`.
    state: &'static str,
    /// RFC 3339.
    created: String,
    /// Key of the account that it is or was, as a decimal string.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    bound: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<String>,
}

impl From<AccountKey> for KeyView {
    fn from(key: AccountKey) -> Self {
        let state = match key.state() {
            KeyState::Free => "free",
            KeyState::Bound => "bound",
            KeyState::Revoked => "revoked",
        };
        Self {
            number: key.number,
            hint: key.hint,
            note: key.note,
            state,
            created: rfc3339(key.created_ms),
            account: key.account.map(|account| account.to_string()),
            bound: key.bound_ms.map(rfc3339),
            revoked: key.revoked_ms.map(rfc3339),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct KeysView {
    /// The newest first.
    keys: Vec<KeyView>,
    /// For the page after this one; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct KeysQuery {
    /// How many, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before; absent for the newest.
    cursor: Option<String>,
}

/// The account keys.
#[utoipa::path(get, path = "/admin/account-keys", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!("keys.manage"))), params(KeysQuery),
    responses((status = 200, body = KeysView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(features): State<Features>,
    Staff(actor): Staff,
    QueryOf(query): QueryOf<KeysQuery>,
) -> Result<Json<KeysView>, Refused> {
    actor.ask(Permission::KeysManage)?;
    let page = Page::asked(query.limit, query.cursor.as_deref())?;
    let keys = features.accounts.keys(page.before, page.entries as usize).await?;
    let next_cursor = page.next(keys.len(), keys.last().map(|last| last.number));
    Ok(Json(KeysView { keys: keys.into_iter().map(KeyView::from).collect(), next_cursor }))
}

/// Makes account keys, or imports some.
#[utoipa::path(post, path = "/admin/account-keys", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!("keys.manage"))), request_body = KeysRequest,
    responses((status = 201, body = KeysAddedView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn add(
    State(features): State<Features>,
    Staff(actor): Staff,
    Body(body): Body<KeysRequest>,
) -> Result<(StatusCode, Json<KeysAddedView>), Refused> {
    let by = features.admin.allow(&actor, Permission::KeysManage, "")?;
    if body.make > KEYS_AT_ONCE_MAX || body.import.len() > KEYS_AT_ONCE_MAX {
        let sentence = "At most 1,000 keys are made or imported at once; ask several times.";
        return Err(Refused(Refusal::new(Code::RequestInvalid, sentence)));
    }
    let made = if body.make > 0 {
        features.accounts.make_keys(body.make, &body.note, Some(by.clone())).await?
    } else {
        Vec::new()
    };
    let (imported, illegal) = features.accounts.import_keys(&body.import, &body.note, Some(by)).await?;
    tracing::info!(made = made.len(), imported, "{actor} added account keys");
    Ok((StatusCode::CREATED, Json(KeysAddedView { made, imported, illegal })))
}

/// What is known of a key.
#[utoipa::path(post, path = "/admin/account-keys/check", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!("keys.manage"))), request_body = KeyRequest,
    responses((status = 200, body = KeyView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn check(
    State(features): State<Features>,
    Staff(actor): Staff,
    Body(body): Body<KeyRequest>,
) -> Result<Json<KeyView>, Refused> {
    let by = features.admin.allow(&actor, Permission::KeysManage, "")?;
    let key = features.accounts.find_key(&body.key).await?.ok_or_else(unknown)?;
    features.admin.note(by.does("keys.check", "key", &key.hint)).await?;
    Ok(Json(key.into()))
}

/// Makes a key worthless. Where keys are required its account needs another one to come back.
#[utoipa::path(post, path = "/admin/account-keys/revoke", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!("keys.manage"))), request_body = KeyRequest,
    responses((status = 200, body = KeyView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn revoke(
    State(features): State<Features>,
    Staff(actor): Staff,
    Body(body): Body<KeyRequest>,
) -> Result<Json<KeyView>, Refused> {
    let by = features.admin.allow(&actor, Permission::KeysManage, "")?;
    let revoked = features.accounts.revoke_key(&body.key, Some(by)).await?;
    let key = features.accounts.find_key(&body.key).await?.ok_or_else(unknown)?;
    if revoked {
        tracing::info!(hint = key.hint, "{actor} revoked an account key");
    }
    Ok(Json(key.into()))
}

fn unknown() -> Refused {
    Refused(Refusal::new(Code::InvalidCdkey, "No such account key was made or imported; check it."))
}
