//! `/admin/roles` and `/admin/staff`: who may do what.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Features, Problem,
    admin::Staff,
    auth::account_name,
    extract::{Body, PathPart, QueryOf},
    paging::Page,
    problem::Refused,
};
use crate::{
    accounts::{Permission, Permissions, Role, StaffMember},
    types::{AccountId, Code, Refusal},
};

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new().routes(routes!(roles)).routes(routes!(list)).routes(routes!(grant))
}

/// A role, and what whoever has it may do.
#[derive(Serialize, ToSchema)]
pub(super) struct RoleView {
    role: Role,
    /// Names of permissions, for example `players.ban`.
    permissions: Vec<&'static str>,
}

/// One thing that staff may do.
#[derive(Serialize, ToSchema)]
pub(super) struct PermissionView {
    /// For example `players.ban`.
    name: &'static str,
    meaning: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct RolesView {
    /// From the least to the most.
    roles: Vec<RoleView>,
    /// Every permission that there is.
    permissions: Vec<PermissionView>,
}

/// A member of staff.
#[derive(Serialize, ToSchema)]
pub(super) struct StaffView {
    /// Key of the account, as a decimal string.
    account: String,
    name: String,
    role: Role,
    /// What the account may do beyond its role.
    extra: Vec<&'static str>,
    /// Everything that the account may do.
    permissions: Vec<&'static str>,
}

impl From<StaffMember> for StaffView {
    fn from(member: StaffMember) -> Self {
        let StaffMember { account, name, role, extra } = member;
        let permissions = role.permissions().and(extra).names();
        Self { account: account.to_string(), name: name.to_string(), role, extra: extra.names(), permissions }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct StaffListView {
    /// In the order in which their accounts were made.
    staff: Vec<StaffView>,
    /// For the page after this one; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct StaffQuery {
    /// How many, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before; absent for the first.
    cursor: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantRequest {
    /// `player` takes every role away; the owner's role cannot be given.
    role: Role,
    /// What the account may do beyond the role.
    #[serde(default)]
    permissions: Vec<String>,
    /// For the audit log.
    #[serde(default)]
    reason: String,
}

/// The roles that there are, and the permissions that each has.
#[utoipa::path(get, path = "/admin/roles", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!("roles.read"))),
    responses((status = 200, body = RolesView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn roles(Staff(actor): Staff) -> Result<Json<RolesView>, Refused> {
    actor.ask(Permission::RolesRead)?;
    let role = |role: Role| RoleView { role, permissions: role.permissions().names() };
    let permission = |(_, name, meaning): &(Permission, &'static str, &'static str)| PermissionView {
        name,
        meaning: meaning.trim().to_owned(),
    };
    let permissions = Permission::ALL.iter().map(permission).collect();
    Ok(Json(RolesView { roles: Role::ALL.into_iter().map(role).collect(), permissions }))
}

/// Everybody who is more than a player.
#[utoipa::path(get, path = "/admin/staff", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!("roles.read"))), params(StaffQuery),
    responses((status = 200, body = StaffListView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(features): State<Features>,
    Staff(actor): Staff,
    QueryOf(query): QueryOf<StaffQuery>,
) -> Result<Json<StaffListView>, Refused> {
    actor.ask(Permission::RolesRead)?;
    let page = Page::asked(query.limit, query.cursor.as_deref())?;
    let staff = features.accounts.staff(page.before.map(AccountId::from_sql), page.entries).await?;
    let next_cursor = page.next(staff.len(), staff.last().map(|last| last.account.to_sql()));
    Ok(Json(StaffListView { staff: staff.into_iter().map(StaffView::from).collect(), next_cursor }))
}

/// Gives an account a role, and permissions beyond it, in place of what it had. Its sessions end.
#[utoipa::path(put, path = "/admin/staff/{name}", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!("roles.grant"))),
    params(("name" = String, Path, description = "Name of the account")), request_body = GrantRequest,
    responses((status = 200, body = StaffView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn grant(
    State(features): State<Features>,
    Staff(actor): Staff,
    PathPart(name): PathPart<String>,
    Body(body): Body<GrantRequest>,
) -> Result<Json<StaffView>, Refused> {
    let by = features.admin.allow(&actor, Permission::RolesGrant, &body.reason)?;
    let name = account_name(&name)?;
    let extra = body.permissions.iter().map(|name| permission(name)).collect::<Result<Permissions, Refused>>()?;
    Ok(Json(features.accounts.grant(by, actor.permissions(), name, body.role, extra).await?.into()))
}

fn permission(name: &str) -> Result<Permission, Refused> {
    Permission::from_name(name).ok_or_else(|| {
        let shown: String = name.chars().take(64).collect();
        let names: Vec<&str> = Permission::ALL.iter().map(|(_, name, _)| *name).collect();
        let sentence = format!("There is no permission \"{shown}\"; choose of {}.", names.join(", "));
        Refused(Refusal::new(Code::RequestInvalid, sentence))
    })
}
