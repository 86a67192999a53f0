//! Requests that may be sent again (`Idempotency-Key`), and versions of what is changed (`ETag`, `If-Match`).

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};

use super::{Features, problem::Refused};
use crate::{
    admin::Actor,
    characters::Versions,
    games::Repeat,
    once::{self, Answered, Kept, Once},
    types::{AccountId, Code, Network, Refusal},
};

/// The header of a request that may be sent again.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Entity tags that are read of one If-Match.
const TAGS_MAX: usize = 16;

/// Whose keys are meant: two who use the same one are not concerned with each other.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scope {
    Operator,
    Account(AccountId),
    Network(Network),
}

impl From<&Actor> for Scope {
    fn from(actor: &Actor) -> Self {
        match actor {
            Actor::Operator => Self::Operator,
            Actor::Account(identity) => Self::Account(identity.account),
        }
    }
}

impl Scope {
    fn text(self) -> String {
        match self {
            Self::Operator => "operator".to_owned(),
            Self::Account(account) => format!("account:{account}"),
            Self::Network(network) => format!("network:{network}"),
        }
    }
}

/// The Idempotency-Key of a request, if it has one, and what the request is.
pub(super) struct RequestKey {
    /// Realms over one database share accounts, and each has keys of its own.
    realm: String,
    key: Option<HeaderValue>,
    method: String,
    path: String,
}

impl FromRequestParts<Features> for RequestKey {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, features: &Features) -> Result<Self, Refused> {
        let mut keys = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let key = keys.next().cloned();
        if keys.next().is_some() {
            let sentence = "A request has one Idempotency-Key at most; send one.";
            return Err(Refused(Refusal::new(Code::IdempotencyKeyInvalid, sentence)));
        }
        // The realm that is meant stands behind the question mark.
        let path = parts.uri.path_and_query().map_or_else(|| parts.uri.path(), |whole| whole.as_str()).to_owned();
        Ok(Self { realm: features.realms.first().key().to_owned(), key, method: parts.method.to_string(), path })
    }
}

impl RequestKey {
    /// What makes the request what it is: method, address, and its body as it was understood; without secrets.
    pub(super) fn once<T>(
        &self,
        scope: Scope,
        body: &impl serde::Serialize,
        answer: fn(&T) -> Kept,
    ) -> Result<Option<Once<T>>, Refused> {
        let Some(key) = &self.key else { return Ok(None) };
        // What is not visible text is refused as a key below.
        let key = key.to_str().unwrap_or_default();
        let body = serde_json::to_vec(body).unwrap_or_default();
        let request: [&[u8]; 3] = [self.method.as_bytes(), self.path.as_bytes(), &body];
        Ok(Some(Once::new(&self.realm, scope.text(), key, &request, answer)?))
    }
}

impl RequestKey {
    /// The same for what is not kept in the database, but where its effect is.
    pub(super) fn repeat(&self, body: &impl serde::Serialize) -> Result<Option<Repeat>, Refused> {
        let Some(key) = &self.key else { return Ok(None) };
        let key = key.to_str().unwrap_or_default();
        once::check_key(key)?;
        let body = serde_json::to_vec(body).unwrap_or_default();
        let request = once::digest(&[self.method.as_bytes(), self.path.as_bytes(), &body]);
        Ok(Some(Repeat { key: key.to_owned(), request }))
    }
}

/// The answer of a request, now or again: the same bytes.
pub(super) fn answer<T>(status: StatusCode, answered: Answered<T>, show: fn(&T) -> Kept) -> Response {
    let Kept { body, tag } = match answered {
        Answered::Now(done) => show(&done),
        Answered::Before(kept) => kept,
    };
    if body.is_empty() {
        return status.into_response();
    }
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(tag) = HeaderValue::from_str(&tag)
        && !tag.is_empty()
    {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// The entity tag of a version.
pub(super) fn tag(version: i64) -> String {
    format!("\"{version}\"")
}

/// The versions that a change means, from the If-Match header, which must be there.
pub(super) struct IfMatch(pub(super) Versions);

impl FromRequestParts<Features> for IfMatch {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Features) -> Result<Self, Refused> {
        versions(&parts.headers).map(Self).ok_or_else(|| {
            let sentence = "Send If-Match with the ETag that you have read, so that nobody's change is lost.";
            Refused(Refusal::new(Code::VersionMissing, sentence))
        })
    }
}

/// The same where the header may be left out: then any version is meant.
pub(super) struct IfMatchMaybe(pub(super) Versions);

impl FromRequestParts<Features> for IfMatchMaybe {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Features) -> Result<Self, Refused> {
        Ok(Self(versions(&parts.headers).unwrap_or(Versions::Any)))
    }
}

/// A tag that is none of ours, or a weak one, matches nothing.
fn versions(headers: &HeaderMap) -> Option<Versions> {
    let mut lines = headers.get_all(header::IF_MATCH).iter().peekable();
    lines.peek()?;
    let tags: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).collect();
    let mut tags = tags.into_iter().map(str::trim);
    if tags.clone().any(|tag| tag == "*") {
        return Some(Versions::Any);
    }
    let version = |tag: &str| tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok();
    Some(Versions::Of(tags.by_ref().take(TAGS_MAX).filter_map(version).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Option<Versions> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::IF_MATCH, HeaderValue::from_str(line).unwrap());
        }
        versions(&headers)
    }

    #[test]
    fn if_match_names_versions_or_any() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["\"7\""]), Some(Versions::Of(vec![7])));
        assert_eq!(of(&["\"7\", \"8\"", "\"9\""]), Some(Versions::Of(vec![7, 8, 9])));
        assert_eq!(of(&["*"]), Some(Versions::Any));
        for nothing in ["7", "W/\"7\"", "\"seven\"", "\"", ""] {
            assert_eq!(of(&[nothing]), Some(Versions::Of(Vec::new())), "{nothing:?}");
        }
        assert!(Versions::Any.hold(3) && !Versions::Of(vec![1, 2]).hold(3) && Versions::Of(vec![1, 3]).hold(3));
        assert_eq!(tag(7), "\"7\"");
    }
}
