//! `/characters`: the characters of the account that speaks.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Features, Problem,
    again::{IfMatch, RequestKey, Scope, answer, tag},
    extract::{Body, PathPart, QueryOf, Speaker},
    home::RealmQuery,
    problem::Refused,
};
use crate::{
    characters::{Details, Profile},
    once::Kept,
    types::{CharacterId, rfc3339},
};

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, put, delete))
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateRequest {
    /// 2 to 16 letters of one script, digits, `-` and `_`, beginning with a letter.
    name: String,
    /// Amazon, Sorceress, Necromancer, Paladin, Barbarian, Druid or Assassin.
    class: String,
    /// Dies for good.
    #[serde(default)]
    hardcore: bool,
}

/// What a player may change; what is left out is empty.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileRequest {
    /// Shown beside the name: at most 32 plain characters.
    #[serde(default)]
    title: String,
    /// Its place in the list, the lowest first: 0 to 999.
    #[serde(default)]
    order: u32,
    /// Keys by what they do: at most 64, each of 1 to 32 plain characters.
    #[serde(default)]
    key_bindings: BTreeMap<String, String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct AttributesView {
    strength: u32,
    dexterity: u32,
    vitality: u32,
    energy: u32,
}

impl From<realm_world::Attributes> for AttributesView {
    fn from(attributes: realm_world::Attributes) -> Self {
        let realm_world::Attributes { strength, dexterity, vitality, energy } = attributes;
        Self { strength, dexterity, vitality, energy }
    }
}

/// A character.
#[derive(Serialize, ToSchema)]
pub(super) struct CharacterView {
    /// Key, as a decimal string.
    id: String,
    /// Key of its realm.
    realm: String,
    name: String,
    class: &'static str,
    level: u32,
    experience: u64,
    attributes: AttributesView,
    hardcore: bool,
    dead: bool,
    /// RFC 3339.
    created: String,
    /// RFC 3339; absent when never played.
    #[serde(skip_serializing_if = "Option::is_none")]
    played_last: Option<String>,
    /// Time spent in games, in milliseconds.
    play_time_ms: i64,
    /// What the player calls it beside its name; empty for nothing.
    title: String,
    /// Its place in the list, the lowest first.
    order: u32,
    /// Keys by what they do.
    key_bindings: BTreeMap<String, String>,
}

impl From<&Details> for CharacterView {
    fn from(details: &Details) -> Self {
        let Details { character, profile, .. } = details;
        let sheet = &character.sheet;
        Self {
            id: character.id.to_string(),
            realm: details.realm.to_string(),
            name: character.name.to_string(),
            class: sheet.class.name(),
            level: sheet.level,
            experience: sheet.experience,
            attributes: sheet.attributes.into(),
            hardcore: sheet.hardcore,
            dead: sheet.dead,
            created: rfc3339(character.created_ms),
            played_last: character.played_last_ms.map(rfc3339),
            play_time_ms: character.play_time_ms,
            title: profile.title.clone(),
            order: profile.order,
            key_bindings: profile.key_bindings.clone(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct CharactersView {
    characters: Vec<CharacterView>,
    /// How many the account may have in this realm.
    characters_max: u32,
}

/// A character as it is answered, with its version as entity tag.
pub(super) fn shown(details: &Details) -> Kept {
    let body = serde_json::to_string(&CharacterView::from(details)).unwrap_or_default();
    Kept { body, tag: tag(details.character.version) }
}

/// A body with the version of the character as entity tag.
pub(super) fn tagged<T: Serialize>(details: &Details, body: T) -> Response {
    ([(header::ETAG, tag(details.character.version))], Json(body)).into_response()
}

/// The account's characters in one realm, in the order that it chose, then the oldest first.
#[utoipa::path(get, path = "/characters", tag = "characters", security(("access_token" = [])), params(RealmQuery),
    responses((status = 200, body = CharactersView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    QueryOf(query): QueryOf<RealmQuery>,
) -> Result<Json<CharactersView>, Refused> {
    let home = features.home(&speaker, query.realm.as_deref())?;
    let characters = home.characters.list_details(speaker.account).await?;
    Ok(Json(CharactersView {
        characters: characters.iter().map(CharacterView::from).collect(),
        characters_max: home.characters.characters_max(),
    }))
}

/// Makes a character in one realm.
#[utoipa::path(post, path = "/characters", tag = "characters", security(("access_token" = [])), request_body = CreateRequest,
    params(RealmQuery, ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again for 24 hours: 1 to 128 visible characters")),
    responses((status = 201, body = CharacterView, headers(("ETag" = String, description = "Version of the character"))),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn create(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    QueryOf(query): QueryOf<RealmQuery>,
    key: RequestKey,
    Body(body): Body<CreateRequest>,
) -> Result<Response, Refused> {
    let home = features.home(&speaker, query.realm.as_deref())?;
    let once = key.once(Scope::Account(speaker.account), &body, shown)?;
    let CreateRequest { name, class, hardcore } = &body;
    let made = home.characters.create_once(speaker.account, name, class, *hardcore, once).await?;
    Ok(answer(StatusCode::CREATED, made, shown))
}

/// One of the account's characters.
#[utoipa::path(get, path = "/characters/{id}", tag = "characters", security(("access_token" = [])), params(("id" = String, Path, description = "Key of the character")),
    responses((status = 200, body = CharacterView, headers(("ETag" = String, description = "Version of the character"))),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn get(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<CharacterId>,
) -> Result<Response, Refused> {
    let home = features.home_of(&speaker, id).await?;
    let details = home.characters.details(speaker.account, id).await?;
    Ok(tagged(&details, CharacterView::from(&details)))
}

/// Changes what a player may change: title, order, keys. Not while the character is in a game.
#[utoipa::path(put, path = "/characters/{id}", tag = "characters", security(("access_token" = [])), request_body = ProfileRequest,
    params(("id" = String, Path, description = "Key of the character"), ("If-Match" = String, Header, description = "The ETag that was read")),
    responses((status = 200, body = CharacterView, headers(("ETag" = String, description = "Version of the character"))),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn put(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<CharacterId>,
    IfMatch(versions): IfMatch,
    Body(body): Body<ProfileRequest>,
) -> Result<Response, Refused> {
    let ProfileRequest { title, order, key_bindings } = body;
    let profile = Profile { title, order, key_bindings };
    let home = features.home_of(&speaker, id).await?;
    let details = home.characters.set_profile(speaker.account, id, versions, profile).await?;
    Ok(tagged(&details, CharacterView::from(&details)))
}

/// Deletes a character; it can be restored for 30 days. Not while it is in a game.
#[utoipa::path(delete, path = "/characters/{id}", tag = "characters", security(("access_token" = [])),
    params(("id" = String, Path, description = "Key of the character"), ("If-Match" = String, Header, description = "The ETag that was read"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again for 24 hours: 1 to 128 visible characters")),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn delete(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<CharacterId>,
    IfMatch(versions): IfMatch,
    key: RequestKey,
) -> Result<Response, Refused> {
    let nothing = |_: &()| Kept { body: String::new(), tag: String::new() };
    let once = key.once(Scope::Account(speaker.account), &(), nothing)?;
    let home = features.home_of(&speaker, id).await?;
    let deleted = home.characters.delete_once(speaker.account, id, versions, once).await?;
    Ok(answer(StatusCode::NO_CONTENT, deleted, nothing))
}
