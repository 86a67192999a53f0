//! `/mail`: letters of the account's characters, and what lies in them.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Features, Problem,
    again::{IfMatchMaybe, RequestKey, Scope, answer, tag},
    extract::{Body, PathPart, QueryOf, Speaker},
    goods::GoodsView,
    home::RealmQuery,
    paging::Page,
    problem::Refused,
};
use crate::{
    mail::{Done, Draft, Letter, Taken, Writer},
    once::{Answered, Kept},
    types::{CharacterId, Code, ItemId, LetterId, Refusal, rfc3339},
};

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new()
        .routes(routes!(list, send))
        .routes(routes!(get, delete))
        .routes(routes!(read))
        .routes(routes!(take))
        .routes(routes!(send_back))
}

/// Whose letters.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct MailboxQuery {
    /// Key of the character.
    character: String,
    /// How many letters, at most 200; 50 when absent.
    limit: Option<u32>,
    /// `next_cursor` of the page before; absent for the newest.
    cursor: Option<String>,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LetterRequest {
    /// Key of the character that writes.
    character: String,
    /// Name of the character that it goes to.
    to: String,
    /// At most 256 characters in one line; may be left out when something is in it.
    #[serde(default)]
    text: String,
    /// Keys of items in the inventory, the stash or the cube.
    #[serde(default)]
    items: Vec<String>,
    /// Gold.
    #[serde(default)]
    gold: i64,
}

/// Who acts.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ActorRequest {
    /// Key of the character.
    pub(super) character: String,
}

/// A letter.
#[derive(Serialize, ToSchema)]
pub(super) struct LetterView {
    /// Key, as a decimal string.
    id: String,
    /// Key of the character in whose mailbox it lies.
    character: String,
    /// `player`, `staff`, `sold`, `bought`, `unsold` or `returned`.
    kind: &'static str,
    /// Name of the character that wrote it or sent it back; empty for the realm and its staff.
    sender: String,
    text: String,
    /// What the realm writes of: the base of an item; empty in letters of persons.
    about: String,
    /// RFC 3339.
    sent: String,
    /// RFC 3339: then a player's letter goes back with what is in it, and an empty one is deleted; absent when it stays until it is emptied.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    /// RFC 3339; absent until it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<String>,
    gold: i64,
    items: Vec<GoodsView>,
}

impl From<&Letter> for LetterView {
    fn from(letter: &Letter) -> Self {
        Self {
            id: letter.id.to_string(),
            character: letter.owner.to_string(),
            kind: letter.kind.name(),
            sender: letter.sender_name.clone(),
            text: letter.text.clone(),
            about: letter.about.clone(),
            sent: rfc3339(letter.sent_ms),
            expires: letter.ends().map(rfc3339),
            read: letter.read_ms.map(rfc3339),
            gold: letter.gold,
            items: letter.items.iter().map(GoodsView::from).collect(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct LettersView {
    letters: Vec<LetterView>,
    /// For the page after this one; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// How many letters of players the mailbox takes.
    letters_max: u32,
}

/// What was taken out of a letter.
#[derive(Serialize, ToSchema)]
pub(super) struct TakenView {
    /// The letter as it is now; absent when it was without words, and is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    letter: Option<LetterView>,
    /// What the character has in its purse now.
    gold: i64,
    /// Version of what the character has.
    items_version: i64,
}

/// A key as clients write it.
pub(super) fn key<T>(written: &str, what: &str) -> Result<crate::types::Id<T>, Refused> {
    let wrong = |_| {
        let sentence = format!("\"{what}\" is the key of one, a decimal number in quotes.");
        Refused(Refusal::new(Code::RequestInvalid, sentence))
    };
    written.parse().map_err(wrong)
}

pub(super) fn shown(letter: &Letter) -> Kept {
    let body = serde_json::to_string(&LetterView::from(letter)).unwrap_or_default();
    Kept { body, tag: tag(letter.version) }
}

pub(super) fn sent(done: &Done<Letter>) -> Kept {
    shown(&done.what)
}

fn taken(taken: &Taken) -> Kept {
    let Taken { letter, belongings } = taken;
    let view = TakenView {
        letter: letter.as_ref().map(LetterView::from),
        gold: belongings.gold,
        items_version: belongings.version,
    };
    let tag = letter.as_ref().map(|letter| tag(letter.version)).unwrap_or_default();
    Kept { body: serde_json::to_string(&view).unwrap_or_default(), tag }
}

/// The letters of one of the account's characters with what is in them, the newest first.
#[utoipa::path(get, path = "/mail", tag = "mail", security(("access_token" = [])), params(MailboxQuery),
    responses((status = 200, body = LettersView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    QueryOf(query): QueryOf<MailboxQuery>,
) -> Result<Json<LettersView>, Refused> {
    let page = Page::asked(query.limit, query.cursor.as_deref())?;
    let character: CharacterId = key(&query.character, "character")?;
    let home = features.home_of(&speaker, character).await?;
    let before = page.before.map(LetterId::from_sql);
    let letters = home.mail.letters(speaker.account, character, before, page.entries).await?;
    let next_cursor = page.next(letters.len(), letters.last().map(|letter| letter.id.to_sql()));
    let letters_max = home.mail.config().letters_max;
    Ok(Json(LettersView { letters: letters.iter().map(LetterView::from).collect(), next_cursor, letters_max }))
}

/// Sends a letter with what is in it to another character of the realm.
#[utoipa::path(post, path = "/mail", tag = "mail", security(("access_token" = [])), request_body = LetterRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again for 24 hours: 1 to 128 visible characters")),
    responses((status = 201, body = LetterView, headers(("ETag" = String, description = "Version of the letter"))),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn send(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    key_of_request: RequestKey,
    Body(body): Body<LetterRequest>,
) -> Result<Response, Refused> {
    let once = key_of_request.once(Scope::Account(speaker.account), &body, sent)?;
    let character: CharacterId = key(&body.character, "character")?;
    let home = features.home_of(&speaker, character).await?;
    let items: Result<Vec<ItemId>, Refused> = body.items.iter().map(|item| key(item, "items")).collect();
    let draft = Draft { to: body.to, text: body.text, items: items?, gold: body.gold };
    let writer = Writer { holder: home.games.holder(speaker.account, character), account_name: speaker.name.clone() };
    Ok(answer(StatusCode::CREATED, home.mail.send(&writer, draft, once).await?, sent))
}

/// One letter.
#[utoipa::path(get, path = "/mail/{id}", tag = "mail", security(("access_token" = [])),
    params(("id" = String, Path, description = "Key of the letter"), RealmQuery),
    responses((status = 200, body = LetterView, headers(("ETag" = String, description = "Version of the letter"))),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn get(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<LetterId>,
    QueryOf(query): QueryOf<RealmQuery>,
) -> Result<Response, Refused> {
    let home = features.home(&speaker, query.realm.as_deref())?;
    let letter = home.mail.letter(speaker.account, id).await?;
    Ok(answer(StatusCode::OK, Answered::Now(letter), shown))
}

/// Notes that a letter was read.
#[utoipa::path(post, path = "/mail/{id}/read", tag = "mail", security(("access_token" = [])),
    params(("id" = String, Path, description = "Key of the letter"), RealmQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again for 24 hours: 1 to 128 visible characters")),
    responses((status = 200, body = LetterView, headers(("ETag" = String, description = "Version of the letter"))),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn read(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<LetterId>,
    QueryOf(query): QueryOf<RealmQuery>,
    key: RequestKey,
) -> Result<Response, Refused> {
    let once = key.once(Scope::Account(speaker.account), &(), shown)?;
    let home = features.home(&speaker, query.realm.as_deref())?;
    Ok(answer(StatusCode::OK, home.mail.mark_read(speaker.account, id, once).await?, shown))
}

/// Takes all that is in a letter: items into the inventory, gold into the purse. When the inventory has no room for all of it, nothing is taken.
#[utoipa::path(post, path = "/mail/{id}/take", tag = "mail", security(("access_token" = [])), request_body = ActorRequest,
    params(("id" = String, Path, description = "Key of the letter"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again for 24 hours: 1 to 128 visible characters")),
    responses((status = 200, body = TakenView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn take(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<LetterId>,
    IfMatchMaybe(versions): IfMatchMaybe,
    key_of_request: RequestKey,
    Body(body): Body<ActorRequest>,
) -> Result<Response, Refused> {
    let once = key_of_request.once(Scope::Account(speaker.account), &body, taken)?;
    let character: CharacterId = key(&body.character, "character")?;
    let home = features.home_of(&speaker, character).await?;
    let done = home.mail.take(home.games.holder(speaker.account, character), id, versions, once).await?;
    Ok(answer(StatusCode::OK, done, taken))
}

/// Sends a player's letter back with what is in it.
#[utoipa::path(post, path = "/mail/{id}/return", tag = "mail", security(("access_token" = [])),
    params(("id" = String, Path, description = "Key of the letter"), RealmQuery,
        ("If-Match" = Option<String>, Header, description = "The ETag that was read"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again for 24 hours: 1 to 128 visible characters")),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn send_back(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<LetterId>,
    QueryOf(query): QueryOf<RealmQuery>,
    IfMatchMaybe(versions): IfMatchMaybe,
    key: RequestKey,
) -> Result<Response, Refused> {
    let nothing = |_: &Done<()>| Kept { body: String::new(), tag: String::new() };
    let once = key.once(Scope::Account(speaker.account), &(), nothing)?;
    let home = features.home(&speaker, query.realm.as_deref())?;
    let done = home.mail.send_back(speaker.account, id, versions, once).await?;
    Ok(answer(StatusCode::NO_CONTENT, done, nothing))
}

/// Deletes a letter in which there is nothing.
#[utoipa::path(delete, path = "/mail/{id}", tag = "mail", security(("access_token" = [])),
    params(("id" = String, Path, description = "Key of the letter"), RealmQuery,
        ("If-Match" = Option<String>, Header, description = "The ETag that was read"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again for 24 hours: 1 to 128 visible characters")),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn delete(
    State(features): State<Features>,
    Speaker(speaker): Speaker,
    PathPart(id): PathPart<LetterId>,
    QueryOf(query): QueryOf<RealmQuery>,
    IfMatchMaybe(versions): IfMatchMaybe,
    key: RequestKey,
) -> Result<Response, Refused> {
    let nothing = |(): &()| Kept { body: String::new(), tag: String::new() };
    let once = key.once(Scope::Account(speaker.account), &(), nothing)?;
    let home = features.home(&speaker, query.realm.as_deref())?;
    let done = home.mail.delete(speaker.account, id, versions, once).await?;
    Ok(answer(StatusCode::NO_CONTENT, done, nothing).into_response())
}
