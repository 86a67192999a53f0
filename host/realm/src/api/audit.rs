//! `/admin/audit`: what staff did.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Features, Problem, admin::Staff, extract::QueryOf, paging::Page, problem::Refused};
use crate::{
    accounts::Permission,
    audit::{Line, Wanted},
    types::{Code, Refusal, rfc3339},
};

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditQuery {
    /// How many lines, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before; absent for the newest lines.
    cursor: Option<String>,
    /// Only lines of this actor: `operator`, or `account:` and a key.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    actor: String,
    /// Only lines of this act, for example `characters.rename`.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    act: String,
    /// Only lines about this target, for example `character:` and a key.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    target: String,
}

/// A line of the audit log.
#[derive(Serialize, ToSchema)]
pub(super) struct AuditLineView {
    /// A decimal string; 1 for the first line.
    number: String,
    /// RFC 3339.
    at: String,
    /// Key of the realm in which it was done.
    realm: String,
    /// `operator`, or `account:` and a key.
    actor: String,
    /// The name of that account now; absent for the operator, and when the account is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor_name: Option<String>,
    /// What was done, for example `characters.rename`.
    act: String,
    /// To whom or what, for example `character:` and a key.
    target: String,
    /// The name of the target now, when it is an account that there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    target_name: Option<String>,
    /// Why; empty when nothing was said.
    reason: String,
    /// What was so before, as JSON in text; empty where that makes no sense.
    before: String,
    /// What is so since, as JSON in text; empty where that makes no sense.
    after: String,
    /// SHA-256 over the line and the hash of the line before it, in hexadecimal.
    hash: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct AuditView {
    /// The newest first.
    lines: Vec<AuditLineView>,
    /// For the page after this one; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// What staff did, the newest first.
#[utoipa::path(get, path = "/admin/audit", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!("audit.read"))), params(AuditQuery),
    responses((status = 200, body = AuditView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(features): State<Features>,
    Staff(actor): Staff,
    QueryOf(query): QueryOf<AuditQuery>,
) -> Result<Json<AuditView>, Refused> {
    actor.ask(Permission::AuditRead)?;
    let page = Page::asked(query.limit, query.cursor.as_deref())?;
    let wanted = Wanted { actor: query.actor, act: query.act, target: query.target };
    if [&wanted.actor, &wanted.act, &wanted.target].into_iter().any(|text| text.contains('\0')) {
        let sentence = "An actor, an act or a target holds no zero character; leave it out.";
        return Err(Refused(Refusal::new(Code::RequestInvalid, sentence)));
    }
    let audit = features.admin.audit();
    let lines = audit.page(&wanted, page.before, page.entries).await?;
    let names = audit.names(&lines).await?;
    let next_cursor = page.next(lines.len(), lines.last().map(|last| last.number));
    let name = |account: Option<_>| account.and_then(|account| names.get(&account).cloned());
    let view = |line: Line| {
        let (actor_name, target_name) = (name(line.actor_account()), name(line.target_account()));
        let Line { number, at_ms, realm, actor, act, target, reason, before, after, hash } = line;
        let (number, at) = (number.to_string(), rfc3339(at_ms));
        AuditLineView { number, at, realm, actor, actor_name, act, target, target_name, reason, before, after, hash }
    };
    Ok(Json(AuditView { lines: lines.into_iter().map(view).collect(), next_cursor }))
}
