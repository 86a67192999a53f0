//! `/characters/{id}/…`: what a character can and has done, and the points that it spends; and `/deleted-characters`.

use std::collections::BTreeMap;

use axum::{Json, extract::State, http::StatusCode, response::Response};
use realm_world::{Attributes, Difficulty};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Features, Problem,
    again::{IfMatch, RequestKey, Scope, answer},
    characters::{AttributesView, CharacterView, shown, tagged},
    extract::{Body, PathPart, QueryOf, Speaker},
    home::RealmQuery,
    problem::Refused,
};
use crate::{
    characters::{Characters, Points},
    types::{CharacterId, rfc3339},
};

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new()
        .routes(routes!(stats))
        .routes(routes!(skills))
        .routes(routes!(quests))
        .routes(routes!(spend))
        .routes(routes!(restore))
        .routes(routes!(deleted))
}

/// What a character can.
#[derive(Serialize, ToSchema)]
pub(super) struct StatsView {
    level: u32,
    experience: u64,
    /// Experience at which the next level begins; absent at the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    experience_next: Option<u64>,
    attributes: AttributesView,
    /// Points that may still be spent on attributes.
    attribute_points_free: u64,
    /// Points that may still be spent on skills.
    skill_points_free: u64,
    hardcore: bool,
    dead: bool,
    /// Time spent in games, in milliseconds.
    play_time_ms: i64,
}

/// A skill of the character's class.
#[derive(Serialize, ToSchema)]
pub(super) struct SkillView {
    name: String,
    /// `melee`, `projectile`, `area`, `aura`, `summon` or `movement`.
    kind: String,
    /// From this level on a character knows it.
    level_required: u32,
    /// The character knows it.
    known: bool,
    /// Points that were spent on it.
    points: u32,
    /// What a use costs.
    mana: i32,
}

#[derive(Serialize, ToSchema)]
pub(super) struct SkillsView {
    /// In the order of their numbers in messages.
    skills: Vec<SkillView>,
    /// Points that may still be spent.
    skill_points_free: u64,
}

/// A quest and how far it has come.
#[derive(Serialize, ToSchema)]
pub(super) struct QuestView {
    name: String,
    done: bool,
}

#[derive(Serialize, ToSchema)]
pub(super) struct DifficultyQuestsView {
    /// `normal`, `nightmare` or `hell`.
    difficulty: &'static str,
    quests: Vec<QuestView>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct QuestsView {
    /// The easiest first.
    difficulties: Vec<DifficultyQuestsView>,
}

/// Points to spend; what is left out is 0.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SpendRequest {
    #[serde(default)]
    strength: u32,
    #[serde(default)]
    dexterity: u32,
    #[serde(default)]
    vitality: u32,
    #[serde(default)]
    energy: u32,
    /// Points by names of skills.
    #[serde(default)]
    skills: BTreeMap<String, u32>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct DeletedCharacterView {
    character: CharacterView,
    /// RFC 3339.
    deleted: String,
    /// Until then it can be restored; RFC 3339.
    restorable_until: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct DeletedCharactersView {
    /// The last deleted first.
    characters: Vec<DeletedCharacterView>,
}

/// Level, experience, attributes, points that are free, play time.
#[utoipa::path(get, path = "/characters/{id}/stats", tag = "characters", security(("access_token" = [])), params(("id" = String, Path, description = "Key of the character")),
    responses((status = 200, body = StatsView, headers(("ETag" = String, description = "Version of the character"))),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn stats(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<CharacterId>,
) -> Result<Response, Refused> {
    let home = features.home_of(&speaker, id).await?;
    let details = home.characters.details(speaker.account, id).await?;
    let sheet = &details.character.sheet;
    let next = (sheet.level < realm_world::LEVEL_MAX).then_some(sheet.level.saturating_add(1));
    let view = StatsView {
        level: sheet.level,
        experience: sheet.experience,
        experience_next: next.map(|level| features.games.content().experience_of_level(level)),
        attributes: sheet.attributes.into(),
        attribute_points_free: sheet.attribute_points_free(),
        skill_points_free: details.skill_points_free(),
        hardcore: sheet.hardcore,
        dead: sheet.dead,
        play_time_ms: details.character.play_time_ms,
    };
    Ok(tagged(&details, view))
}

/// The skills of the character's class, which of them it knows, and the points spent on each.
#[utoipa::path(get, path = "/characters/{id}/skills", tag = "characters", security(("access_token" = [])), params(("id" = String, Path, description = "Key of the character")),
    responses((status = 200, body = SkillsView, headers(("ETag" = String, description = "Version of the character"))),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn skills(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<CharacterId>,
) -> Result<Response, Refused> {
    let home = features.home_of(&speaker, id).await?;
    let details = home.characters.details(speaker.account, id).await?;
    let (content, sheet) = (features.games.content(), &details.character.sheet);
    let skills = content.skills(sheet.class).map(|skill| SkillView {
        name: skill.name.to_owned(),
        kind: skill.kind.to_owned(),
        level_required: skill.level,
        known: sheet.level >= skill.level,
        points: details.skills.get(skill.name).copied().unwrap_or_default(),
        mana: skill.mana,
    });
    let view = SkillsView { skills: skills.collect(), skill_points_free: details.skill_points_free() };
    Ok(tagged(&details, view))
}

/// The character's quests in each difficulty: none as yet.
#[utoipa::path(get, path = "/characters/{id}/quests", tag = "characters", security(("access_token" = [])), params(("id" = String, Path, description = "Key of the character")),
    responses((status = 200, body = QuestsView, headers(("ETag" = String, description = "Version of the character"))),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn quests(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<CharacterId>,
) -> Result<Response, Refused> {
    let home = features.home_of(&speaker, id).await?;
    let details = home.characters.details(speaker.account, id).await?;
    let none = |difficulty: Difficulty| DifficultyQuestsView { difficulty: difficulty.name(), quests: Vec::new() };
    let difficulties = [Difficulty::Normal, Difficulty::Nightmare, Difficulty::Hell].map(none).into();
    Ok(tagged(&details, QuestsView { difficulties }))
}

/// Spends points on attributes and skills, all or nothing: 5 for attributes and 1 for skills with each level after the first. Not while
/// the character is in a game.
#[utoipa::path(post, path = "/characters/{id}/spend", tag = "characters", security(("access_token" = [])), request_body = SpendRequest,
    params(("id" = String, Path, description = "Key of the character"), ("If-Match" = String, Header, description = "The ETag that was read"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again for 24 hours: 1 to 128 visible characters")),
    responses((status = 200, body = CharacterView, headers(("ETag" = String, description = "Version of the character"))),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn spend(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<CharacterId>,
    IfMatch(versions): IfMatch,
    key: RequestKey,
    Body(body): Body<SpendRequest>,
) -> Result<Response, Refused> {
    let once = key.once(Scope::Account(speaker.account), &body, shown)?;
    let SpendRequest { strength, dexterity, vitality, energy, skills } = body;
    let points = Points { attributes: Attributes { strength, dexterity, vitality, energy }, skills };
    let content = features.games.content();
    let home = features.home_of(&speaker, id).await?;
    let spent = home.characters.spend(speaker.account, id, versions, &points, &content, once).await?;
    Ok(answer(StatusCode::OK, spent, shown))
}

/// Brings a deleted character back.
#[utoipa::path(post, path = "/characters/{id}/restore", tag = "characters", security(("access_token" = [])),
    params(("id" = String, Path, description = "Key of the character"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again for 24 hours: 1 to 128 visible characters")),
    responses((status = 200, body = CharacterView, headers(("ETag" = String, description = "Version of the character"))),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn restore(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<CharacterId>,
    key: RequestKey,
) -> Result<Response, Refused> {
    let once = key.once(Scope::Account(speaker.account), &(), shown)?;
    let home = features.home_of(&speaker, id).await?;
    let restored = home.characters.restore_once(speaker.account, id, once).await?;
    Ok(answer(StatusCode::OK, restored, shown))
}

/// The account's deleted characters of one realm that can be restored.
#[utoipa::path(get, path = "/deleted-characters", tag = "characters", security(("access_token" = [])), params(RealmQuery),
    responses((status = 200, body = DeletedCharactersView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn deleted(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    QueryOf(query): QueryOf<RealmQuery>,
) -> Result<Json<DeletedCharactersView>, Refused> {
    let home = features.home(&speaker, query.realm.as_deref())?;
    let found = home.characters.restorable(speaker.account).await?;
    let view = |details: &crate::characters::Details| {
        let deleted_ms = details.deleted_ms.unwrap_or_default();
        DeletedCharacterView {
            character: CharacterView::from(details),
            deleted: rfc3339(deleted_ms),
            restorable_until: rfc3339(Characters::restorable_until_ms(deleted_ms)),
        }
    };
    Ok(Json(DeletedCharactersView { characters: found.iter().map(view).collect() }))
}
