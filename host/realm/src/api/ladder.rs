//! `/ladder`: the best characters, for everybody.

use axum::{Json, extract::State};
use realm_world::Class;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Features, Problem,
    extract::{PathPart, QueryOf},
    paging,
    problem::Refused,
};
use crate::{
    ladder::{Entry, Ladder, Position},
    types::{CharacterId, Code, Refusal},
};

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new().routes(routes!(overall)).routes(routes!(by_class)).routes(routes!(around))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct LadderQuery {
    /// How many places, at most 100; 50 when absent.
    limit: Option<u32>,
    /// Key or name of the realm, as `GET /realms` lists them; absent for the first.
    realm: Option<String>,
    /// `next_cursor` of the page before; absent for the best.
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct AroundQuery {
    /// How many places, at most 100; 50 when absent.
    limit: Option<u32>,
    /// Key or name of the realm, as `GET /realms` lists them; absent for that of the character.
    realm: Option<String>,
}

/// A place in the ladder.
#[derive(Serialize, ToSchema)]
pub(super) struct EntryView {
    /// From 1.
    rank: u64,
    /// Key of the character, as a decimal string.
    character: String,
    name: String,
    class: &'static str,
    level: u32,
    experience: u64,
    hardcore: bool,
    dead: bool,
    /// Higher is better; a decimal string.
    score: String,
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        Self {
            rank: entry.rank,
            character: entry.character.to_string(),
            name: entry.name,
            class: entry.class.name(),
            level: entry.level,
            experience: entry.experience,
            hardcore: entry.hardcore,
            dead: entry.dead,
            score: entry.score.to_string(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct LadderView {
    entries: Vec<EntryView>,
    /// For the page after this one; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

async fn top(features: &Features, class: Option<Class>, query: &LadderQuery) -> Result<Json<LadderView>, Refused> {
    let limit = query.limit.unwrap_or(50).clamp(1, Ladder::ENTRIES_MAX);
    let behind = query.cursor.as_deref().map(|cursor| cursor.parse::<Position>().map_err(|_| paging::unknown()));
    let home = features.shown_home(query.realm.as_deref())?;
    let (entries, last) = home.ladder()?.page(class, behind.transpose()?, limit).await?;
    let next = last.filter(|_| u32::try_from(entries.len()).is_ok_and(|count| count >= limit));
    let next_cursor = next.map(|position| position.to_string());
    Ok(Json(LadderView { entries: entries.into_iter().map(EntryView::from).collect(), next_cursor }))
}

/// The best characters of all classes.
#[utoipa::path(get, path = "/ladder", tag = "ladder", params(LadderQuery),
    responses((status = 200, body = LadderView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn overall(
    State(features): State<Features>,
    QueryOf(query): QueryOf<LadderQuery>,
) -> Result<Json<LadderView>, Refused> {
    top(&features, None, &query).await
}

/// The best characters of one class.
#[utoipa::path(get, path = "/ladder/{class}", tag = "ladder", params(("class" = String, Path, description = "Name of the class"), LadderQuery),
    responses((status = 200, body = LadderView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn by_class(
    State(features): State<Features>,
    PathPart(class): PathPart<String>,
    QueryOf(query): QueryOf<LadderQuery>,
) -> Result<Json<LadderView>, Refused> {
    let class = Class::from_name(&class).ok_or_else(|| {
        let names = Class::ALL.map(Class::name).join(", ");
        Refused(Refusal::new(
            Code::CharacterClassUnknown,
            format!("There is no class \"{class}\"; choose one of {names}."),
        ))
    })?;
    top(&features, Some(class), &query).await
}

/// A character with as many before as behind it; empty when it has no place. The numbers of the places may be off by as many as changed places within the last minute.
#[utoipa::path(get, path = "/ladder/around/{character}", tag = "ladder",
    params(("character" = String, Path, description = "Key of the character"), AroundQuery),
    responses((status = 200, body = LadderView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn around(
    State(features): State<Features>,
    PathPart(character): PathPart<CharacterId>,
    QueryOf(query): QueryOf<AroundQuery>,
) -> Result<Json<LadderView>, Refused> {
    let limit = query.limit.unwrap_or(50).clamp(1, Ladder::ENTRIES_MAX);
    let home = match (&query.realm, features.realms.of_character(character).await) {
        (None, Ok(home)) => std::sync::Arc::clone(home),
        // Of a character that is not there the answer is empty, in whichever realm.
        (named, _) => features.shown_home(named.as_deref())?,
    };
    let entries = home.ladder()?.around(character, (limit - 1) / 2).await?;
    Ok(Json(LadderView { entries: entries.into_iter().map(EntryView::from).collect(), next_cursor: None }))
}
