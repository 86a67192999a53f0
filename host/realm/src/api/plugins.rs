//! `/plugins`: which rules are at work, for staff.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Features, Problem, admin::Staff, problem::Refused};
use crate::{accounts::Permission, rules::PluginStatus};

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A plugin as staff see it.
#[derive(Serialize, ToSchema)]
pub(super) struct PluginView {
    /// Name from the manifest, or the file's name when the manifest cannot be read.
    name: String,
    /// Version at work; empty when none is.
    version: String,
    /// Names of the hooks it answers.
    hooks: Vec<String>,
    /// File in the plugin folder.
    file: String,
    /// SHA-256 of the file at work, in hexadecimal.
    sha256: String,
    /// How long it took from reading the file to deciding, in milliseconds.
    load_ms: f64,
    size_bytes: u64,
    /// Why the newest file is not at work; absent when it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl From<PluginStatus> for PluginView {
    fn from(status: PluginStatus) -> Self {
        let PluginStatus { name, version, hooks, file, sha256, load_ms, size_bytes, problem, .. } = status;
        Self { name, version, hooks, file, sha256, load_ms, size_bytes, problem }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct PluginsView {
    plugins: Vec<PluginView>,
}

/// Every installed plugin, which version is at work and why the newest file is not, if it is not.
#[utoipa::path(get, path = "/plugins", tag = "realm", security(("access_token" = [])), extensions(("x-permission" = json!("plugins.read"))),
    responses((status = 200, body = PluginsView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn list(State(features): State<Features>, Staff(actor): Staff) -> Result<Json<PluginsView>, Refused> {
    actor.ask(Permission::PluginsRead)?;
    Ok(Json(PluginsView { plugins: features.rules.status().into_iter().map(PluginView::from).collect() }))
}
