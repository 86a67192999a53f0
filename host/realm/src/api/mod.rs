//! REST under `/api/v1`, one file per noun: authenticate, call the feature's verb, answer.
//!
//! Knows no socket, no SQL, no wasmtime. Refusals are RFC 9457 `application/problem+json`.

mod account;
mod account_keys;
mod admin;
mod admin_ladder;
mod again;
mod audit;
mod auth;
mod character_sheet;
mod characters;
mod chat;
mod explorer;
mod extract;
mod games;
mod gate;
mod goods;
mod home;
mod items;
mod ladder;
mod mail;
mod market;
mod owner;
mod paging;
mod plugins;
mod problem;
mod realms;
mod sanctions;
mod second_factor;
mod staff;
mod staff_characters;
mod staff_items;
mod staff_mail;
mod vendors;

use std::sync::{Arc, atomic::AtomicBool};

use axum::{Json, Router, http::header, response::IntoResponse, routing::get};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{Http, HttpAuthScheme, SecurityScheme},
};
use utoipa_axum::router::OpenApiRouter;

use crate::{accounts::Accounts, admin::Admin, games::Games, realms::Realms, rules::Rules, session::Sessions};

pub use gate::Gate;
pub use problem::Problem;

/// The features that REST speaks to.
#[derive(Clone)]
pub struct Features {
    /// The realms, with their characters, channels, games and ladders.
    pub realms: Realms,
    /// Accounts.
    pub accounts: Accounts,
    /// The games of all realms.
    pub games: Games,
    /// Plugins.
    pub rules: Rules,
    /// The operator's verbs.
    pub admin: Admin,
    /// Connected players.
    pub sessions: Sessions,
    /// True from the moment in which the realm stops.
    pub stopping: Arc<AtomicBool>,
    /// How much is answered to whom.
    pub gate: Gate,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Realm",
        description = "Accounts, characters, games, chat and ladder of a realm. Chat and games themselves travel over /ws and the frame ports: see docs/protocol.md.",
        license(name = "MIT OR Apache-2.0")
    ),
    modifiers(&BearerToken),
    // Named by a part of an address alone.
    components(schemas(crate::rules::Act)),
    tags(
        (name = "auth", description = "Register, log in, tokens"),
        (name = "account", description = "The account that speaks: profile, password, sessions, second factor, its data"),
        (name = "characters", description = "The characters of an account"),
        (name = "mail", description = "Letters between characters, and what they carry"),
        (name = "market", description = "What players offer each other for gold"),
        (name = "games", description = "Games and tickets to them"),
        (name = "chat", description = "Channels"),
        (name = "ladder", description = "Rankings"),
        (name = "realm", description = "The realm itself"),
        (name = "admin", description = "What staff see and do; each verb names its permission as x-permission, or one for each kind of sanction"),
    )
)]
struct Description;

struct BearerToken;

impl Modify for BearerToken {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        description.components.get_or_insert_default().add_security_scheme("access_token", scheme);
    }
}

fn routes() -> OpenApiRouter<Features> {
    let nouns = OpenApiRouter::new()
        .merge(auth::routes())
        .merge(account::routes())
        .merge(second_factor::routes())
        .merge(characters::routes())
        .merge(character_sheet::routes())
        .merge(items::routes())
        .merge(games::routes())
        .merge(chat::routes())
        .merge(mail::routes())
        .merge(market::routes())
        .merge(ladder::routes())
        .merge(realms::routes())
        .merge(plugins::routes())
        .merge(admin::routes())
        .merge(admin_ladder::routes())
        .merge(staff::routes())
        .merge(staff_characters::routes())
        .merge(staff_items::routes())
        .merge(vendors::routes())
        .merge(staff_mail::routes())
        .merge(audit::routes())
        .merge(sanctions::routes())
        .merge(account_keys::routes())
        .merge(owner::routes());
    OpenApiRouter::with_openapi(Description::openapi()).nest("/api/v1", nouns)
}

/// The OpenAPI description as JSON text, as it stands in `docs/openapi.json`.
#[must_use]
pub fn openapi_json() -> String {
    let (_, description) = routes().split_for_parts();
    let mut text = description.to_pretty_json().expect("a description is plain JSON");
    text.push('\n');
    text
}

/// Everything that HTTPS answers, `/ws` excepted.
pub fn router(features: Features, body_bytes_max: usize) -> Router {
    let (router, description) = routes().split_for_parts();
    let home = problem::home_page(&features.realms);
    router
        .route("/.well-known/jwks.json", get(auth::jwks))
        .route("/api/v1/openapi.json", get(move || async move { Json(description) }))
        .route(
            "/",
            get(move || async move { ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], home).into_response() }),
        )
        .merge(explorer::routes())
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(axum::extract::DefaultBodyLimit::max(body_bytes_max))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&features.stopping), problem::refuse_when_stopping))
        .layer(axum::middleware::from_fn_with_state(features.clone(), gate::admit))
        .with_state(features)
}
