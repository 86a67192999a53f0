//! `/chat`: the channels that exist. Chat itself travels over `/ws` and port 6112.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Features, Problem,
    extract::{QueryOf, Speaker},
    home::RealmQuery,
    problem::Refused,
};

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new().routes(routes!(channels))
}

#[derive(Serialize, ToSchema)]
pub(super) struct ChannelView {
    name: String,
    /// How many are in it.
    members: usize,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ChannelsView {
    /// Largest first, at most 200.
    channels: Vec<ChannelView>,
}

/// The channels that exist in one realm.
#[utoipa::path(get, path = "/chat/channels", tag = "chat", security(("access_token" = [])), params(RealmQuery),
    responses((status = 200, body = ChannelsView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn channels(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    QueryOf(query): QueryOf<RealmQuery>,
) -> Result<Json<ChannelsView>, Refused> {
    let channels = features.home(&speaker, query.realm.as_deref())?.chat.channels().await;
    let view = |channel: crate::chat::ChannelSummary| ChannelView { name: channel.name, members: channel.members };
    Ok(Json(ChannelsView { channels: channels.into_iter().map(view).collect() }))
}
