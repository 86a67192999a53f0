//! HTTP refusals of the door itself, as `application/problem+json` (RFC 9457), and what every answer carries.

use axum::body::Body;
use hyper::{
    Response, StatusCode,
    header::{
        CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY, RETRY_AFTER,
        STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    },
};

use crate::types::Code;

/// A refusal that ends the connection: what follows on it may not be what the client believes.
pub(super) fn problem(code: Code, message: &str) -> Response<Body> {
    document(status_of(code), code, message, None)
}

/// The same with a more exact status than the code's own.
pub(super) fn problem_with(status: StatusCode, code: Code, message: &str) -> Response<Body> {
    document(status, code, message, None)
}

/// The same for what may pass after so many seconds.
pub(super) fn problem_for(code: Code, message: &str, retry_after_s: u64) -> Response<Body> {
    document(status_of(code), code, message, Some(retry_after_s))
}

fn status_of(code: Code) -> StatusCode {
    StatusCode::from_u16(code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn document(status: StatusCode, code: Code, message: &str, retry_after_s: Option<u64>) -> Response<Body> {
    let title = Code::ALL.iter().find(|(known, ..)| *known == code).map_or("", |(_, _, meaning)| meaning.trim());
    let mut body = serde_json::json!({
        "type": format!("urn:realm:error:{}", code.as_str()),
        "title": title,
        "status": status.as_u16(),
        "detail": message,
        "code": code.as_str(),
    });
    if let Some(seconds) = retry_after_s {
        body["retry_after_ms"] = (seconds * 1_000).into();
    }
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    if let Some(seconds) = retry_after_s {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Adds the headers that every answer carries, the door's own refusals included: nothing is cached, nothing is sniffed, nothing is
/// framed, unless the answer itself says otherwise.
pub(super) fn secure(mut response: Response<Body>) -> Response<Body> {
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
        (REFERRER_POLICY, "no-referrer"),
        (STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    ] {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
