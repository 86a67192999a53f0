//! `/characters`: the characters of the account that speaks.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Features, Problem,
    extract::{Body, PathPart, Speaker},
    problem::Refused,
};
use crate::{
    characters::Character,
    types::{CharacterId, rfc3339},
};

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, delete))
}

#[derive(Deserialize, ToSchema)]
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

#[derive(Serialize, ToSchema)]
pub(super) struct AttributesView {
    strength: u32,
    dexterity: u32,
    vitality: u32,
    energy: u32,
}

/// A character.
#[derive(Serialize, ToSchema)]
pub(super) struct CharacterView {
    /// Key, as a decimal string.
    id: String,
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
}

impl From<&Character> for CharacterView {
    fn from(character: &Character) -> Self {
        let sheet = &character.sheet;
        let attributes = sheet.attributes;
        Self {
            id: character.id.to_string(),
            name: character.name.to_string(),
            class: sheet.class.name(),
            level: sheet.level,
            experience: sheet.experience,
            attributes: AttributesView {
                strength: attributes.strength,
                dexterity: attributes.dexterity,
                vitality: attributes.vitality,
                energy: attributes.energy,
            },
            hardcore: sheet.hardcore,
            dead: sheet.dead,
            created: rfc3339(character.created_ms),
            played_last: character.played_last_ms.map(rfc3339),
            play_time_ms: character.play_time_ms,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct CharactersView {
    characters: Vec<CharacterView>,
    /// How many the account may have.
    characters_max: u32,
}

/// The account's characters, oldest first.
#[utoipa::path(get, path = "/characters", tag = "characters", security(("access_token" = [])),
    responses((status = 200, body = CharactersView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn list(State(features): State<Features>, Speaker(speaker): Speaker) -> Result<Json<CharactersView>, Refused> {
    let characters = features.characters.list(speaker.account).await?;
    Ok(Json(CharactersView {
        characters: characters.iter().map(CharacterView::from).collect(),
        characters_max: features.characters.characters_max(),
    }))
}

/// Makes a character.
#[utoipa::path(post, path = "/characters", tag = "characters", security(("access_token" = [])), request_body = CreateRequest,
    responses((status = 201, body = CharacterView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn create(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    Body(body): Body<CreateRequest>,
) -> Result<(StatusCode, Json<CharacterView>), Refused> {
    let character = features.characters.create(speaker.account, &body.name, &body.class, body.hardcore).await?;
    Ok((StatusCode::CREATED, Json(CharacterView::from(&character))))
}

/// One of the account's characters.
#[utoipa::path(get, path = "/characters/{id}", tag = "characters", security(("access_token" = [])), params(("id" = String, Path, description = "Key of the character")),
    responses((status = 200, body = CharacterView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn get(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<CharacterId>,
) -> Result<Json<CharacterView>, Refused> {
    let character = features.characters.get(speaker.account, id).await?;
    Ok(Json(CharacterView::from(&character)))
}

/// Deletes a character; it can be restored for 30 days.
#[utoipa::path(delete, path = "/characters/{id}", tag = "characters", security(("access_token" = [])), params(("id" = String, Path, description = "Key of the character")),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn delete(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<CharacterId>,
) -> Result<StatusCode, Refused> {
    features.characters.delete(speaker.account, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
