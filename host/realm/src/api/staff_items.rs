//! `/admin/items`: what staff see of the history of items, and undo.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Features, Problem,
    admin::Staff,
    again::{RequestKey, Scope, answer},
    auth::account_name,
    extract::{Body, PathPart, QueryOf},
    paging::Page,
    problem::Refused,
};
use crate::{
    accounts::{AccountsError, Permission},
    audit::By,
    items::{LedgerLine, RolledBack},
    once::Kept,
    types::{ItemId, rfc3339},
};

/// The longest time that is rolled back at once, in minutes.
const MINUTES_MAX: u32 = 43_200;

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new().routes(routes!(trace)).routes(routes!(roll_back))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct TraceQuery {
    /// How many lines, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before; absent for the newest lines.
    cursor: Option<String>,
}

/// A place in the ledger.
#[derive(Serialize, ToSchema)]
pub(super) struct SideView {
    /// `worn`, `inventory`, `stash`, `cube`, `returned`, `ground`, `offer` or `letter`; `nothing` for births and ends; `stack` for pieces that went
    /// from one stack to another; `purse:` and a kind for gold.
    place: String,
    /// Key of the character, game, offer or letter, or of the other stack; absent for nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<String>,
    /// Where there; empty where there is nothing to tell.
    cell: String,
}

/// A line of the ledger.
#[derive(Serialize, ToSchema)]
pub(super) struct LedgerLineView {
    /// A decimal string; 1 for the first line.
    number: String,
    /// RFC 3339.
    at: String,
    /// Key of the realm.
    realm: String,
    /// Key of the act; its lines have it in common.
    operation: String,
    /// What was done, for example `trade`.
    act: String,
    /// `account:` and a key, `operator`, or `realm`.
    actor: String,
    /// Key of the item's base, or `gold`.
    goods: String,
    /// Key of the item, as a decimal string.
    item: String,
    amount: i64,
    from: SideView,
    to: SideView,
    /// The item as it was born, became, or was in the end; empty where there is nothing to tell.
    note: String,
    /// The birth of which it tells: game, tick, and which of that tick's; absent for others.
    #[serde(skip_serializing_if = "Option::is_none")]
    birth: Option<String>,
    /// SHA-256 over the line and the hash of the line before it, in hexadecimal.
    hash: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct TraceView {
    /// The newest first.
    lines: Vec<LedgerLineView>,
    /// For the page after this one; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

fn line_view(line: LedgerLine) -> LedgerLineView {
    let side = |side: crate::items::Side| SideView {
        place: side.place,
        holder: (side.holder != 0).then(|| side.holder.to_string()),
        cell: side.cell,
    };
    LedgerLineView {
        number: line.number.to_string(),
        at: rfc3339(line.at_ms),
        realm: line.realm,
        operation: line.operation.to_string(),
        act: line.act,
        actor: line.actor,
        goods: line.goods,
        item: line.item.to_string(),
        amount: line.amount,
        from: side(line.from),
        to: side(line.to),
        note: line.note,
        birth: line.birth.map(|(game, tick, ordinal)| format!("{game}/{tick}/{ordinal}")),
        hash: line.hash,
    }
}

/// Everything that happened to an item of any realm, the newest first; also to one that is no more.
#[utoipa::path(get, path = "/admin/items/{id}/history", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!("items.read"))),
    params(("id" = String, Path, description = "Key of the item"), TraceQuery),
    responses((status = 200, body = TraceView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn trace(
    State(features): State<Features>,
    Staff(actor): Staff,
    PathPart(id): PathPart<ItemId>,
    QueryOf(query): QueryOf<TraceQuery>,
) -> Result<Json<TraceView>, Refused> {
    actor.ask(Permission::ItemsRead)?;
    let page = Page::asked(query.limit, query.cursor.as_deref())?;
    let lines = features.realms.first().items.trace(id, page.before, page.entries).await?;
    let next_cursor = page.next(lines.len(), lines.last().map(|last| last.number));
    Ok(Json(TraceView { lines: lines.into_iter().map(line_view).collect(), next_cursor }))
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RollBackRequest {
    /// Name of the account.
    account: String,
    /// How far back, in minutes, 1 to 43,200.
    minutes: u32,
    /// Key or name of the realm; empty for the first.
    #[serde(default)]
    realm: String,
    /// For the audit log.
    #[serde(default)]
    reason: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ReturnedItemView {
    /// Key of the item.
    item: String,
    /// Key of the character that has it again.
    to: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ReturnedGoldView {
    /// Key of the character that had it.
    from: String,
    /// Key of the character that has it again.
    to: String,
    gold: i64,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ReturnedFeeView {
    /// Key of the character that gets it back.
    to: String,
    gold: i64,
}

#[derive(Serialize, ToSchema)]
pub(super) struct RolledBackView {
    /// Keys of the acts (trades, purchases) that were undone as a whole.
    deals: Vec<String>,
    items: Vec<ReturnedItemView>,
    gold: Vec<ReturnedGoldView>,
    /// Fees of sales that were undone; they are minted again.
    fees: Vec<ReturnedFeeView>,
    /// What has moved on, and where to, and deals that cannot be undone as a whole; a sentence each.
    stays: Vec<String>,
}

fn rolled_back(done: &RolledBack) -> Kept {
    let view = RolledBackView {
        deals: done.deals.iter().map(i64::to_string).collect(),
        items: done
            .items
            .iter()
            .map(|(item, to)| ReturnedItemView { item: item.to_string(), to: to.to_string() })
            .collect(),
        gold: done
            .gold
            .iter()
            .map(|(from, to, gold)| ReturnedGoldView { from: from.to_string(), to: to.to_string(), gold: *gold })
            .collect(),
        fees: done.fees.iter().map(|(to, gold)| ReturnedFeeView { to: to.to_string(), gold: *gold }).collect(),
        stays: done.stays.clone(),
    };
    Kept { body: serde_json::to_string(&view).unwrap_or_default(), tag: String::new() }
}

/// Undoes what went between an account's characters and those of others in the last minutes, as far as it has not moved on since. Where something was
/// given for something, all of it goes back or nothing.
#[utoipa::path(post, path = "/admin/items/roll-back", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!("items.rollback"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again for 24 hours: 1 to 128 visible characters")),
    request_body = RollBackRequest,
    responses((status = 200, body = RolledBackView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn roll_back(
    State(features): State<Features>,
    Staff(actor): Staff,
    key: RequestKey,
    Body(body): Body<RollBackRequest>,
) -> Result<Response, Refused> {
    let by = features.admin.allow(&actor, Permission::ItemsRollback, &body.reason)?;
    let once = key.once(Scope::from(&actor), &body, rolled_back)?;
    let home = features.realms.named(&body.realm)?;
    let account = features.accounts.find(&account_name(&body.account)?).await?.ok_or(AccountsError::AccountUnknown)?;
    let by = By { realm: home.key().into(), ..by };
    let minutes = i64::from(body.minutes.clamp(1, MINUTES_MAX));
    let since_ms = home.items.now_ms() - minutes * 60_000;
    Ok(answer(StatusCode::OK, home.items.roll_back(by, account, since_ms, once).await?, rolled_back))
}
