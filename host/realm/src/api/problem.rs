//! Refusals as `application/problem+json`, and the page at `/`.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    realms::{Home, Realms},
    types::{Code, Refusal},
};

/// RFC 9457: why a request was refused.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// Names the kind of problem: `urn:realm:error:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:realm:error:INVALID_CREDENTIALS")]
    kind: String,
    /// The meaning of the code.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// One sentence that says what to do.
    detail: String,
    /// The stable code; clients may match on it. docs/protocol.md lists all.
    #[schema(example = "INVALID_CREDENTIALS")]
    code: &'static str,
    /// When trying again makes sense, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

/// "Too many requests".
const TOO_MANY: u16 = 429;
/// When to come back, where nobody knows better.
const RETRY_DEFAULT_MS: u64 = 1_000;

/// A refusal on its way out.
#[derive(Debug)]
pub(super) struct Refused(pub(super) Refusal);

impl<E: Into<Refusal>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Refusal { code, message, retry_after_ms } = self.0;
        metrics::counter!("realm_refusals_total", "code" => code.as_str()).increment(1);
        tracing::debug!(code = code.as_str(), message, "request refused");
        let title = Code::ALL.iter().find(|(known, ..)| *known == code).map_or("", |(_, _, meaning)| meaning.trim());
        let status = code.http_status();
        // Whoever asks too much is always told when to come back.
        let retry_after_ms = retry_after_ms.or((status == TOO_MANY).then_some(RETRY_DEFAULT_MS));
        let problem = Problem {
            kind: format!("urn:realm:error:{}", code.as_str()),
            title,
            status,
            detail: message,
            code: code.as_str(),
            retry_after_ms,
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(milliseconds) = retry_after_ms {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(milliseconds.div_ceil(1_000).max(1)));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// When a realm that stops is worth another try.
const STOPPING_RETRY_MS: u64 = 5_000;

/// Answers every request with 503 once the realm stops.
pub(super) async fn refuse_when_stopping(
    State(stopping): State<Arc<AtomicBool>>,
    request: Request,
    next: Next,
) -> Response {
    if !stopping.load(Ordering::Relaxed) {
        return next.run(request).await;
    }
    let sentence = "The realm is stopping; send the request again in a while.";
    let mut response = Refused(Refusal::retry(Code::RealmStopping, sentence, STOPPING_RETRY_MS)).into_response();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

pub(super) async fn not_found(request: Request) -> Refused {
    Refused(Refusal::new(
        Code::NotFound,
        format!("There is nothing at {}; /api/v1/openapi.json lists what there is.", request.uri().path()),
    ))
}

pub(super) async fn method_not_allowed(request: Request) -> Refused {
    Refused(Refusal::new(
        Code::MethodNotAllowed,
        format!(
            "{} does not take {}; /api/v1/openapi.json lists what it takes.",
            request.uri().path(),
            request.method()
        ),
    ))
}

/// The page that a browser sees at `/`: what this is and where its doors are.
pub(super) fn home_page(realms: &Realms) -> String {
    let escape =
        |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let settings = |home: &Arc<Home>| (escape(&home.settings.name), escape(&home.settings.description));
    let mut shown = realms.all().iter().filter(|home| !home.settings.hidden).map(settings);
    let (name, description) = shown.next().unwrap_or_else(|| ("A realm".to_owned(), String::new()));
    let others: String = shown.map(|(name, description)| format!("<h2>{name}</h2>\n<p>{description}</p>\n")).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{name}</title>\n\
         <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem;color:#e8e2d6;background:#17130f}}\
         h1,h2{{color:#e0a458;margin-bottom:0}}a{{color:#e0a458}}code{{background:#2a231b;padding:.1rem .3rem;border-radius:.2rem}}</style>\n\
         <h1>{name}</h1>\n<p>{description}</p>\n{others}\
         <p>This is a realm server. Game clients speak to it over <code>/api/v1</code>, <code>/ws</code> and the frame ports.</p>\n\
         <ul>\n<li><a href=\"/api/v1/explorer\">The REST interface</a>, to read and to try; as <a href=\"/api/v1/openapi.json\">OpenAPI</a></li>\n\
         <li><a href=\"/api/v1/realms\">Who is online</a></li>\n<li><a href=\"/api/v1/ladder\">The ladder</a></li>\n</ul>\n</html>\n",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_too_many_says_when_to_come_back() {
        let mut seen = 0;
        for (code, status, _) in Code::ALL {
            let response = Refused(Refusal::new(*code, "No.")).into_response();
            assert_eq!(response.status().as_u16(), *status, "{code:?}");
            let retry = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            assert_eq!(retry, (*status == TOO_MANY).then_some("1"), "{code:?}");
            seen += u32::from(retry.is_some());
            let given = Refused(Refusal::retry(*code, "No.", 61_001)).into_response();
            assert_eq!(given.headers()[header::RETRY_AFTER], "62", "{code:?}");
        }
        assert!(seen >= 2, "there are codes for too many");
    }
}
