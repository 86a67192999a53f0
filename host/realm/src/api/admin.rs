//! `/admin/plugins`: the operator's verbs about plugins; and who staff are, for everything under `/admin`.

use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::{StatusCode, request::Parts},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Features, Problem,
    extract::{Body, PathPart, QueryOf, Speaker},
    problem::Refused,
};
use crate::{
    accounts::{Permission, Permissions},
    admin::{Actor, PluginReport},
    hooks::{FunctionFigures, PluginLine},
    rules::{Act, KeptVersion, PluginState, PluginStatus, RolledBack},
    types::{Code, Refusal, rfc3339},
};

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(inspect))
        .routes(routes!(logs))
        .routes(routes!(act))
        .routes(routes!(shadow))
}

/// Who uses a verb of staff. That they may use this one, the verb asks itself.
pub(super) struct Staff(pub(super) Actor);

/// Left by `gate` in a request that carries the operator's token.
#[derive(Clone, Copy)]
pub(super) struct ByOperator;

impl FromRequestParts<Features> for Staff {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, features: &Features) -> Result<Self, Refused> {
        if parts.extensions.get::<ByOperator>().is_some() {
            return Ok(Self(Actor::Operator));
        }
        let Speaker(speaker) = Speaker::from_request_parts(parts, features).await?;
        if speaker.permissions() == Permissions::default() {
            let sentence = "Only staff may see this; ask the realm's owner.";
            return Err(Refused(Refusal::new(Code::Forbidden, sentence)));
        }
        Ok(Self(Actor::Account(speaker)))
    }
}

/// One function of a plugin.
#[derive(Serialize, ToSchema)]
pub(super) struct FunctionView {
    /// Name of the function, for example `check-actions`.
    function: String,
    /// Calls that were made.
    calls: u64,
    /// Mean CPU time of a call, in microseconds.
    mean_us: f64,
    /// Calls without an answer.
    failures: u64,
    /// Of those, by a trap.
    traps: u64,
    /// By a deadline.
    deadlines_missed: u64,
    /// For want of memory.
    memory_refused: u64,
    /// By an answer against the contract.
    nonsense: u64,
    /// Because no instance was alive.
    away: u64,
}

impl From<FunctionFigures> for FunctionView {
    fn from(figures: FunctionFigures) -> Self {
        let FunctionFigures { function, calls, mean_us, failures, .. } = figures;
        let FunctionFigures { traps, deadlines_missed, memory_refused, nonsense, away, .. } = figures;
        let function = function.to_owned();
        Self { function, calls, mean_us, failures, traps, deadlines_missed, memory_refused, nonsense, away }
    }
}

/// A version whose bytes are kept.
#[derive(Serialize, ToSchema)]
pub(super) struct KeptView {
    version: String,
    /// SHA-256 of the file, in hexadecimal.
    sha256: String,
    /// One can go back to it.
    good: bool,
}

/// The file in the folder is passed over for an earlier version.
#[derive(Serialize, ToSchema)]
pub(super) struct RolledBackView {
    from_version: String,
    to_version: String,
    /// Why, in words.
    why: String,
}

/// A plugin as the operator sees it.
#[derive(Serialize, ToSchema)]
pub(super) struct PluginDetailView {
    /// Name from the manifest, or the file's name when the manifest cannot be read.
    name: String,
    state: PluginState,
    /// Version at work; empty when none is.
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// `fast` or `slow`.
    class: String,
    /// Names of the hooks it answers.
    hooks: Vec<String>,
    /// Its place in the order of asking, from 1; absent when it is not at work.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<u32>,
    /// What its manifest asks for.
    permissions_asked: Vec<String>,
    /// What realm.toml lets it have.
    permissions_granted: Vec<String>,
    /// The limits that it lives under, as `[plugins.overrides.NAME.limits]` names them.
    #[schema(value_type = std::collections::BTreeMap<String, Option<u64>>)]
    limits: serde_json::Value,
    /// File in the plugin folder.
    file: String,
    /// SHA-256 of what is at work, in hexadecimal.
    sha256: String,
    size_bytes: u64,
    /// How long it took from reading the file to deciding, in milliseconds.
    load_ms: f64,
    /// Why the newest file is not at work; absent when it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// It is new: when it keeps failing, the last good version takes its place.
    on_trial: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    rolled_back: Option<RolledBackView>,
    /// Versions that are kept, the one that came to work last at the end.
    kept: Vec<KeptView>,
    /// Calls since it came to work.
    calls: u64,
    /// Calls without an answer.
    failures: u64,
    functions: Vec<FunctionView>,
    /// The present pause of the circuit breaker, in milliseconds; 0 when it is closed.
    breaker_pause_ms: u64,
    /// Instances that died and were replaced.
    instances_replaced: u64,
    /// Linear memory of its largest instance so far.
    memory_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure: Option<String>,
    /// Of a shadow: how many answers were those of the version at work.
    shadow_alike: u64,
    /// Of a shadow: how many were not.
    shadow_different: u64,
    /// Of a shadow: the last that was not, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow_last_difference: Option<String>,
    /// Open games that are played under this version; 0 for what decides outside games.
    games: usize,
}

impl From<PluginReport> for PluginDetailView {
    fn from(report: PluginReport) -> Self {
        let PluginReport { status, games } = report;
        let (calls, failures) = (status.observed.calls(), status.observed.failures());
        let PluginStatus { name, state, version, description, class, hooks, order, file, sha256, .. } = status;
        let kept = |kept: KeptVersion| KeptView { version: kept.version, sha256: kept.sha256, good: kept.good };
        let back = |back: RolledBack| {
            let RolledBack { from_version, to_version, why, .. } = back;
            RolledBackView { from_version, to_version, why }
        };
        Self {
            name,
            state,
            version,
            description,
            class: class.to_owned(),
            hooks,
            order,
            permissions_asked: status.permissions_asked,
            permissions_granted: status.permissions_granted,
            limits: serde_json::to_value(&status.limits).unwrap_or_default(),
            file,
            sha256,
            size_bytes: status.size_bytes,
            load_ms: status.load_ms,
            problem: status.problem,
            on_trial: status.on_trial,
            rolled_back: status.rolled_back.map(back),
            kept: status.kept.into_iter().map(kept).collect(),
            calls,
            failures,
            functions: status.observed.functions.into_iter().map(FunctionView::from).collect(),
            breaker_pause_ms: status.observed.breaker_pause_ms,
            memory_bytes: status.observed.memory_bytes,
            instances_replaced: status.observed.instances_replaced,
            last_failure: status.observed.last_failure,
            shadow_alike: status.observed.alike,
            shadow_different: status.observed.different,
            shadow_last_difference: status.observed.last_difference,
            games,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct PluginDetailsView {
    /// By name.
    plugins: Vec<PluginDetailView>,
}

/// One line of a plugin, or about it.
#[derive(Serialize, ToSchema)]
pub(super) struct LineView {
    /// RFC 3339.
    at: String,
    /// `debug`, `info`, `warn` or `error`.
    level: String,
    /// `plugin` when the plugin wrote it, `realm` when the realm tells something about it.
    from: String,
    text: String,
}

impl From<PluginLine> for LineView {
    fn from(line: PluginLine) -> Self {
        let PluginLine { at_ms, level, from, text } = line;
        Self { at: rfc3339(at_ms), level: level.to_owned(), from: from.to_owned(), text }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct LinesView {
    /// Oldest first.
    lines: Vec<LineView>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct LinesQuery {
    /// How many, at most 200.
    #[serde(default = "lines_default")]
    lines: usize,
}

fn lines_default() -> usize {
    50
}

/// Every installed plugin with its state, its order, its permissions and what it has done.
#[utoipa::path(get, path = "/admin/plugins", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!("plugins.read"))),
    responses((status = 200, body = PluginDetailsView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn list(State(features): State<Features>, Staff(actor): Staff) -> Result<Json<PluginDetailsView>, Refused> {
    actor.ask(Permission::PluginsRead)?;
    let plugins = features.admin.plugins().into_iter().map(PluginDetailView::from).collect();
    Ok(Json(PluginDetailsView { plugins }))
}

/// One plugin.
#[utoipa::path(get, path = "/admin/plugins/{name}", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!("plugins.read"))), params(("name" = String, Path, description = "Name from the manifest")),
    responses((status = 200, body = PluginDetailView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn inspect(
    State(features): State<Features>,
    Staff(actor): Staff,
    PathPart(name): PathPart<String>,
) -> Result<Json<PluginDetailView>, Refused> {
    actor.ask(Permission::PluginsRead)?;
    Ok(Json(features.admin.plugin(&name)?.into()))
}

/// The last lines of a plugin and about it.
#[utoipa::path(get, path = "/admin/plugins/{name}/logs", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!("plugins.read"))), params(("name" = String, Path, description = "Name from the manifest"), LinesQuery),
    responses((status = 200, body = LinesView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn logs(
    State(features): State<Features>,
    Staff(actor): Staff,
    PathPart(name): PathPart<String>,
    QueryOf(query): QueryOf<LinesQuery>,
) -> Result<Json<LinesView>, Refused> {
    actor.ask(Permission::PluginsRead)?;
    let lines = features.admin.plugin_lines(&name, query.lines)?;
    Ok(Json(LinesView { lines: lines.into_iter().map(LineView::from).collect() }))
}

/// Does something to a plugin; answers when it is done, with what has become of the plugin.
#[utoipa::path(post, path = "/admin/plugins/{name}/{act}", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!("plugins.reload"))), params(("name" = String, Path, description = "Name from the manifest"), ("act" = Act, Path, description = "What to do")),
    responses((status = 200, body = PluginDetailView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn act(
    State(features): State<Features>,
    Staff(actor): Staff,
    PathPart((name, act)): PathPart<(String, Act)>,
) -> Result<Json<PluginDetailView>, Refused> {
    Ok(Json(features.admin.act(&actor, &name, act).await?.into()))
}

/// A file that is about to be put into the plugin folder.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ShadowRequest {
    /// Its name there.
    file: String,
    /// SHA-256 of what it holds, in hexadecimal.
    sha256: String,
}

/// Notes that a file is about to be put into the plugin folder as a shadow; `realm plugin shadow` does so before it copies one.
#[utoipa::path(post, path = "/admin/plugin-shadows", tag = "admin", security(("access_token" = [])), extensions(("x-permission" = json!("plugins.reload"))), request_body = ShadowRequest,
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn shadow(
    State(features): State<Features>,
    Staff(actor): Staff,
    Body(body): Body<ShadowRequest>,
) -> Result<StatusCode, Refused> {
    let is_hash = body.sha256.len() == 64 && body.sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hash || !(1..=128).contains(&body.file.len()) || body.file.contains('\0') {
        let sentence = "Send the file's name of 1 to 128 bytes, and the 64 hexadecimal digits of its SHA-256.";
        return Err(Refused(Refusal::new(Code::RequestInvalid, sentence)));
    }
    features.admin.note_file(&actor, &body.file, &body.sha256).await?;
    Ok(StatusCode::NO_CONTENT)
}
