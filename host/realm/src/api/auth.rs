//! `/auth`: register, log in, tokens.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Features, Problem,
    again::{RequestKey, Scope, answer},
    extract::{Body, Peer, Speaker},
    problem::Refused,
};
use crate::{
    accounts::{Identity, Proof, PublicKey, Registered, Role, Tokens},
    once::Kept,
    types::{AccountName, Code, Network, Refusal},
};

pub(super) fn routes() -> OpenApiRouter<Features> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(login))
        .routes(routes!(refresh))
        .routes(routes!(logout))
        .routes(routes!(validate))
        .routes(routes!(jwks))
}

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RegisterRequest {
    /// 2 to 16 letters of one script, digits, `-` and `_`, beginning with a letter.
    name: String,
    /// 8 to 128 characters.
    password: String,
    /// The key of an invitation or a licence; some realms ask for one.
    #[serde(default)]
    account_key: String,
}

/// Account name and password, and what else the account asks for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    name: String,
    password: String,
    /// The code of the authenticator or a recovery code, when the account has a second factor.
    #[serde(default)]
    second_factor: String,
    /// A key that becomes the account's, where one is asked for and it has none.
    #[serde(default)]
    account_key: String,
}

/// A key by which access tokens can be checked (RFC 8037).
#[derive(Serialize, ToSchema)]
pub(super) struct JwkView {
    /// Always `OKP`.
    kty: &'static str,
    /// Always `Ed25519`.
    crv: &'static str,
    /// Always `EdDSA`.
    alg: &'static str,
    /// Always `sig`.
    #[serde(rename = "use")]
    purpose: &'static str,
    /// Named in the header of tokens.
    kid: String,
    /// The key, in base64url.
    x: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct JwksView {
    /// The one that signs first; then those whose last tokens have not ended.
    keys: Vec<JwkView>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshRequest {
    /// The refresh token of the last log-in or refresh; it is used up by this call.
    refresh_token: String,
}

/// An account.
#[derive(Serialize, ToSchema)]
pub(super) struct AccountView {
    /// Key, as a decimal string.
    id: String,
    /// The name as it was registered.
    name: String,
    role: Role,
}

impl From<&Identity> for AccountView {
    fn from(identity: &Identity) -> Self {
        Self { id: identity.account.to_string(), name: identity.name.to_string(), role: identity.role }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct RegisteredView {
    /// Key, as a decimal string.
    id: String,
    name: String,
}

/// Tokens of a session.
#[derive(Serialize, ToSchema)]
pub(super) struct TokensView {
    /// For the header `Authorization: Bearer …` and for the first message of a connection.
    access_token: String,
    /// Life of the access token, in seconds.
    access_expires_seconds: u32,
    /// For `POST /auth/refresh`; used once.
    refresh_token: String,
    account: AccountView,
}

impl From<Tokens> for TokensView {
    fn from(tokens: Tokens) -> Self {
        Self {
            account: AccountView::from(&tokens.identity),
            access_token: tokens.access,
            access_expires_seconds: tokens.access_seconds,
            refresh_token: tokens.refresh,
        }
    }
}

pub(super) fn account_name(name: &str) -> Result<AccountName, Refused> {
    AccountName::new(name)
        .map_err(|error| Refused(Refusal::new(Code::InvalidUsername, format!("The name is not allowed: {error}."))))
}

fn registered(new: &Registered) -> Kept {
    let view = RegisteredView { id: new.id.to_string(), name: new.name.to_string() };
    Kept { body: serde_json::to_string(&view).unwrap_or_default(), tag: String::new() }
}

/// Makes an account.
#[utoipa::path(post, path = "/auth/register", tag = "auth", request_body = RegisterRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again for 24 hours, from the same network: 1 to 128 visible characters")),
    responses((status = 201, body = RegisteredView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn register(
    State(features): State<Features>,
    Peer(peer): Peer,
    key: RequestKey,
    Body(body): Body<RegisterRequest>,
) -> Result<Response, Refused> {
    let name = account_name(&body.name)?;
    // The password is no part of what is kept.
    let once = key.once(Scope::Network(Network::of(peer)), &(&body.name, &body.account_key), registered)?;
    let made = features.accounts.register_once(name, &body.password, &body.account_key, peer, once).await?;
    Ok(answer(StatusCode::CREATED, made, registered))
}

/// Opens a session.
#[utoipa::path(post, path = "/auth/login", tag = "auth", request_body = Credentials,
    responses((status = 200, body = TokensView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn login(
    State(features): State<Features>,
    Peer(peer): Peer,
    Body(body): Body<Credentials>,
) -> Result<Json<TokensView>, Refused> {
    let Credentials { name, password, second_factor, account_key } = body;
    let proof = Proof { second_factor, account_key };
    let tokens = features.accounts.login_with(&name, &password, &proof, peer).await?;
    Ok(Json(tokens.into()))
}

/// Trades a refresh token for new tokens.
#[utoipa::path(post, path = "/auth/refresh", tag = "auth", request_body = RefreshRequest,
    responses((status = 200, body = TokensView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn refresh(
    State(features): State<Features>,
    Body(body): Body<RefreshRequest>,
) -> Result<Json<TokensView>, Refused> {
    Ok(Json(features.accounts.refresh(&body.refresh_token).await?.into()))
}

/// Ends the session of the access token, and the connections on it.
#[utoipa::path(post, path = "/auth/logout", tag = "auth", security(("access_token" = [])),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn logout(State(features): State<Features>, Speaker(speaker): Speaker) -> Result<StatusCode, Refused> {
    features.accounts.logout(speaker.session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who the access token belongs to.
#[utoipa::path(get, path = "/auth/validate", tag = "auth", security(("access_token" = [])),
    responses((status = 200, body = AccountView), (status = "default", body = Problem, content_type = "application/problem+json")))]
async fn validate(Speaker(speaker): Speaker) -> Json<AccountView> {
    Json(AccountView::from(&speaker))
}

/// The public keys of access tokens (RFC 7517), for programs that check them by themselves; also at `/.well-known/jwks.json`. They
/// cannot know whether a token's session has ended: `GET /auth/validate` does.
#[utoipa::path(get, path = "/auth/jwks", tag = "auth",
    responses((status = 200, body = JwksView), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn jwks(State(features): State<Features>) -> Json<JwksView> {
    let view =
        |PublicKey { kid, x }: PublicKey| JwkView { kty: "OKP", crv: "Ed25519", alg: "EdDSA", purpose: "sig", kid, x };
    Json(JwksView { keys: features.accounts.public_keys().into_iter().map(view).collect() })
}
