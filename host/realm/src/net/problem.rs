//! HTTP refusals of the door itself, as `application/problem+json` (RFC 9457).

use axum::body::Body;
use hyper::{
    Response, StatusCode,
    header::{CONNECTION, CONTENT_TYPE, HeaderValue},
};

use crate::types::Code;

/// A refusal that ends the connection: what follows on it may not be what the client believes.
pub(super) fn problem(code: Code, message: &str) -> Response<Body> {
    let status = StatusCode::from_u16(code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    problem_with(status, code, message)
}

/// The same with a more exact status than the code's own.
pub(super) fn problem_with(status: StatusCode, code: Code, message: &str) -> Response<Body> {
    let body = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": message,
        "code": code.as_str(),
    });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
