//! `/api/v1/explorer`: the description of REST as a page in which one reads and tries every call. Its own, without foreign code: three
//! files that are part of the program.

use axum::{
    Router,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
    routing::get,
};

use super::Features;

/// Nothing but the page's own files, and calls to this realm.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes() -> Router<Features> {
    Router::new()
        .route("/api/v1/explorer", get(async || file("text/html; charset=utf-8", include_str!("page.html"))))
        .route("/api/v1/explorer/page.css", get(async || file("text/css; charset=utf-8", include_str!("page.css"))))
        .route(
            "/api/v1/explorer/page.js",
            get(async || file("text/javascript; charset=utf-8", include_str!("page.js"))),
        )
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let policy = HeaderValue::from_static(POLICY);
    ([(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CONTENT_SECURITY_POLICY, policy)], text)
        .into_response()
}
