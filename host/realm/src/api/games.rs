//! `/games`: the list, and tickets to games.

use axum::{Json, extract::State, http::StatusCode};
use realm_protocol::proto;
use realm_world::Difficulty;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Features, Problem,
    again::RequestKey,
    extract::{Body, PathPart, QueryOf, Speaker},
    problem::Refused,
};
use crate::{
    accounts::{Identity, Permission},
    admin::Actor,
    audit::By,
    games::{GameReference, GameSettings, Player},
    types::{CharacterId, Code, GameId, GameName, Refusal, in_task, rfc3339},
};

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, close))
        .routes(routes!(join))
        .routes(routes!(quick))
        .routes(routes!(leave))
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateRequest {
    /// Key of the character that plays.
    #[schema(value_type = String)]
    character: CharacterId,
    /// 2 to 32 letters, digits, spaces, `-` and `_`, beginning with a letter.
    name: String,
    /// Empty: anybody may join.
    #[serde(default)]
    password: String,
    /// normal, nightmare or hell.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    difficulty: Difficulty,
    /// 1 to 8.
    #[serde(default = "players_max_default")]
    players_max: u32,
}

fn players_max_default() -> u32 {
    crate::games::Games::PLAYERS_MAX
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JoinRequest {
    /// Key of the character that plays.
    #[schema(value_type = String)]
    character: CharacterId,
    #[serde(default)]
    password: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// Key of the character that looks for a game; the matchmaking rule orders the list for it.
    #[param(value_type = Option<String>)]
    character: Option<CharacterId>,
    /// normal, nightmare or hell; absent for all.
    #[param(value_type = Option<String>)]
    difficulty: Option<Difficulty>,
    /// Key or name of the realm, as `GET /realms` lists them; absent for that of the character, or the first.
    realm: Option<String>,
}

/// A game.
#[derive(Serialize, ToSchema)]
pub(super) struct GameView {
    /// Key, as a decimal string.
    id: String,
    name: String,
    difficulty: String,
    players: u32,
    players_max: u32,
    password_required: bool,
    /// Level of the character that created it.
    creator_level: u32,
    /// Account name of the host.
    host: String,
    /// RFC 3339.
    created: String,
}

impl From<proto::Game> for GameView {
    fn from(game: proto::Game) -> Self {
        Self {
            id: game.id.to_string(),
            name: game.name,
            difficulty: game.difficulty,
            players: game.players,
            players_max: game.players_max,
            password_required: game.password_required,
            creator_level: game.creator_level,
            host: game.host,
            created: rfc3339(i64::try_from(game.created_ms).unwrap_or(i64::MAX)),
        }
    }
}

/// A player as others see it.
#[derive(Serialize, ToSchema)]
pub(super) struct PlayerView {
    account: String,
    character: String,
    class: String,
    level: u32,
}

impl From<proto::GamePlayer> for PlayerView {
    fn from(player: proto::GamePlayer) -> Self {
        Self { account: player.account, character: player.character, class: player.class, level: player.level }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct GamesView {
    /// At most 50 games that are not full, best first.
    games: Vec<GameView>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct GameDetailView {
    game: GameView,
    players: Vec<PlayerView>,
    /// Names and versions of the rules that the game is played under, for example `anti-cheat 0.1.0`.
    rules: Vec<String>,
}

/// A seat in a game: where to connect and what to present there.
#[derive(Serialize, ToSchema)]
pub(super) struct TicketView {
    game: GameView,
    /// Host name or address of the game door; empty is the one of this request.
    address: String,
    port: u32,
    /// For GAME_ENTER; valid once.
    ticket: String,
    /// Lifetime of the ticket, in milliseconds.
    valid_ms: u32,
    players: Vec<PlayerView>,
}

impl From<proto::GameTicket> for TicketView {
    fn from(ticket: proto::GameTicket) -> Self {
        Self {
            game: ticket.game.unwrap_or_default().into(),
            address: ticket.address,
            port: ticket.port,
            ticket: ticket.ticket,
            valid_ms: ticket.valid_ms,
            players: ticket.players.into_iter().map(PlayerView::from).collect(),
        }
    }
}

fn player(features: &Features, speaker: &Identity) -> Player {
    Player {
        account: speaker.account,
        account_name: speaker.name.clone(),
        staff: speaker.may(Permission::GamesClose),
        events: features.sessions.events_of(speaker.account),
    }
}

/// Games of one realm that are not full.
#[utoipa::path(get, path = "/games", tag = "games", security(("access_token" = [])), params(ListQuery),
    responses((status = 200, body = GamesView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    QueryOf(query): QueryOf<ListQuery>,
) -> Result<Json<GamesView>, Refused> {
    let home = match (&query.realm, query.character) {
        (None, Some(character)) => features.home_of(&speaker, character).await?,
        (named, _) => features.home(&speaker, named.as_deref())?,
    };
    let games = home.games.list(speaker.account, query.character, query.difficulty).await?;
    Ok(Json(GamesView { games: games.into_iter().map(GameView::from).collect() }))
}

/// Creates a game in the realm of the character, and takes a seat in it. Asked again under one key it answers with the same game, as long as
/// the account has its seat there.
#[utoipa::path(post, path = "/games", tag = "games", security(("access_token" = [])), request_body = CreateRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again for 24 hours: 1 to 128 visible characters")),
    responses((status = 201, body = TicketView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn create(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    key: RequestKey,
    Body(body): Body<CreateRequest>,
) -> Result<(StatusCode, Json<TicketView>), Refused> {
    let repeat = key.repeat(&body)?;
    let name = GameName::new(body.name)
        .map_err(|error| Refused(Refusal::new(Code::GameNameInvalid, format!("The name is not allowed: {error}."))))?;
    let settings = GameSettings {
        name,
        password: Some(body.password).filter(|password| !password.is_empty()),
        difficulty: body.difficulty,
        players_max: body.players_max,
    };
    let home = features.home_of(&speaker, body.character).await?;
    let (who, character) = (player(&features, &speaker), body.character);
    let ticket = match repeat {
        Some(repeat) => home.games.create_once(who, character, settings, repeat).await?,
        None => home.games.create(who, character, settings).await?,
    };
    Ok((StatusCode::CREATED, Json(ticket.into())))
}

/// One game and who is in it.
#[utoipa::path(get, path = "/games/{id}", tag = "games", security(("access_token" = [])), params(("id" = String, Path, description = "Key of the game")),
    responses((status = 200, body = GameDetailView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn get(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<GameId>,
) -> Result<Json<GameDetailView>, Refused> {
    let (game, players) = features.home_of_game(&speaker, id)?.games.get(id).await?;
    let rules = features.games.rules_of(id)?;
    let players = players.into_iter().map(PlayerView::from).collect();
    Ok(Json(GameDetailView { game: game.into(), players, rules }))
}

/// Closes a game: its host or staff only.
#[utoipa::path(delete, path = "/games/{id}", tag = "games", security(("access_token" = [])), params(("id" = String, Path, description = "Key of the game")),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn close(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<GameId>,
) -> Result<StatusCode, Refused> {
    let mut who = player(&features, &speaker);
    let home = features.home_of_game(&speaker, id)?;
    let (game, _) = home.games.get(id).await?;
    // Without a line nobody closes as staff, also when the game has another host a moment later.
    who.staff &= game.host != speaker.name.as_str();
    if !who.staff {
        features.games.close(&who, id).await?;
        return Ok(StatusCode::NO_CONTENT);
    }
    let by = features.admin.allow(&Actor::Account(speaker), Permission::GamesClose, "")?;
    let by = By { realm: home.key().into(), ..by };
    // What is noted is done, or noted as refused, also when whoever asked has gone meanwhile.
    in_task(async move {
        let before = json!({"name": game.name, "players": game.players});
        let deed = |after: Value| by.does("games.close", "game", id).changing(before.clone(), after);
        features.admin.note(deed(Value::Null)).await?;
        let closed = features.games.close(&who, id).await;
        if let Err(refusal) = &closed {
            features.admin.note(deed(json!({"refused": refusal.message}))).await?;
        }
        closed?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Takes a seat in a game.
#[utoipa::path(post, path = "/games/{id}/join", tag = "games", security(("access_token" = [])), request_body = JoinRequest, params(("id" = String, Path, description = "Key of the game")),
    responses((status = 200, body = TicketView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn join(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<GameId>,
    Body(body): Body<JoinRequest>,
) -> Result<Json<TicketView>, Refused> {
    let who = player(&features, &speaker);
    let home = features.home_of(&speaker, body.character).await?;
    let ticket = home.games.join(who, body.character, GameReference::Id(id), &body.password).await?;
    Ok(Json(ticket.into()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct QuickRequest {
    /// Key of the character that plays.
    #[schema(value_type = String)]
    character: CharacterId,
    /// normal, nightmare or hell.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    difficulty: Difficulty,
}

/// Waits for others who want to play, at most twenty seconds, and takes a seat in a game with them. Who ends the request waits no more.
#[utoipa::path(post, path = "/games/quick", tag = "games", security(("access_token" = [])), request_body = QuickRequest,
    responses((status = 200, body = TicketView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn quick(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    Body(body): Body<QuickRequest>,
) -> Result<Json<TicketView>, Refused> {
    let home = features.home_of(&speaker, body.character).await?;
    let ticket = home.games.quick(player(&features, &speaker), body.character, body.difficulty).await?;
    Ok(Json(ticket.into()))
}

/// Leaves the game; answers when the character is saved.
#[utoipa::path(post, path = "/games/{id}/leave", tag = "games", security(("access_token" = [])), params(("id" = String, Path, description = "Key of the game")),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn leave(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<GameId>,
) -> Result<StatusCode, Refused> {
    if features.games.current(speaker.account) != Some(id) {
        return Err(Refused(Refusal::new(
            Code::GameNotJoined,
            "This account is not in that game; there is nothing to leave.",
        )));
    }
    features.games.leave(speaker.account).await?;
    Ok(StatusCode::NO_CONTENT)
}
