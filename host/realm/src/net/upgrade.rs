//! Whether a request to `/ws` may become a WebSocket.

use axum::body::Body;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    header::{
        CONNECTION, HOST, HeaderName, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
        SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
    },
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::types::{Code, Encoding};

const PROTOCOL_JSON: &str = "realm.v1.json";
const PROTOCOL_BINARY: &str = "realm.v1.bin";

type Refused = (Code, String);

/// The answer that switches to the WebSocket with the chosen encoding, or why not.
pub(super) fn accept<B>(request: &Request<B>, origins: &[String]) -> Result<(Response<Body>, Encoding), Refused> {
    let key = handshake_key(request)?;
    check_origin(request.headers(), origins)?;
    let protocol = choose_protocol(request.headers())?;
    let name = match protocol {
        Encoding::Json => PROTOCOL_JSON,
        Encoding::Binary => PROTOCOL_BINARY,
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, key);
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name));
    Ok((response, protocol))
}

fn handshake_key<B>(request: &Request<B>) -> Result<HeaderValue, Refused> {
    let refused = |message: &str| (Code::RequestInvalid, message.to_owned());
    let headers = request.headers();
    if request.uri().query().is_some() {
        // Whoever reads logs would read tokens.
        return Err(refused("/ws takes no query; the access token goes into the first message, \"hello\"."));
    }
    if request.method() != Method::GET
        || !has_word(headers, &UPGRADE, "websocket")
        || !has_word(headers, &CONNECTION, "upgrade")
    {
        return Err(refused("This is a WebSocket; ask for it with GET, Connection: Upgrade and Upgrade: websocket."));
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(refused("The WebSocket version must be 13; send Sec-WebSocket-Version: 13."));
    }
    headers
        .get(SEC_WEBSOCKET_KEY)
        .filter(|key| key.len() == 24)
        .and_then(|key| HeaderValue::try_from(derive_accept_key(key.as_bytes())).ok())
        .ok_or_else(|| refused("Sec-WebSocket-Key is missing or malformed; send 16 random bytes in base64."))
}

/// Only browsers send an origin, and browsers send it always: no foreign page shall act with a visitor's realm.
fn check_origin(headers: &HeaderMap, origins: &[String]) -> Result<(), Refused> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin = plain_origin(origin.to_str().unwrap_or_default());
    let own =
        headers.get(HOST).and_then(|host| host.to_str().ok()).map(|host| plain_origin(&format!("https://{host}")));
    if own.is_some_and(|own| own == origin) || origins.iter().any(|listed| plain_origin(listed) == origin) {
        return Ok(());
    }
    Err((
        Code::OriginRefused,
        "Web pages of this origin may not connect; the operator can add it to [net] origins.".to_owned(),
    ))
}

fn plain_origin(origin: &str) -> String {
    let lower = origin.trim_end_matches('/').to_ascii_lowercase();
    match lower.strip_prefix("https://").and_then(|host| host.strip_suffix(":443")) {
        Some(host) => format!("https://{host}"),
        None => lower,
    }
}

fn choose_protocol(headers: &HeaderMap) -> Result<Encoding, Refused> {
    words(headers, &SEC_WEBSOCKET_PROTOCOL)
        .find_map(|offered| match offered {
            PROTOCOL_JSON => Some(Encoding::Json),
            PROTOCOL_BINARY => Some(Encoding::Binary),
            _ => None,
        })
        .ok_or_else(|| {
            let message =
                format!("Offer the sub-protocol {PROTOCOL_JSON} or {PROTOCOL_BINARY} in Sec-WebSocket-Protocol.");
            (Code::SubprotocolUnknown, message)
        })
}

fn words<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(',')).map(str::trim)
}

fn has_word(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    words(headers, name).any(|word| word.eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn own_listed_and_no_origins_pass() {
        let listed = ["https://play.example/".to_owned()];
        let allowed = |host, origin| check_origin(&headers(&[(HOST, host), (ORIGIN, origin)]), &listed).is_ok();
        assert!(check_origin(&headers(&[(HOST, "realm.example")]), &[]).is_ok());
        assert!(allowed("realm.example:8443", "https://Realm.example:8443"));
        assert!(allowed("realm.example", "https://realm.example:443"));
        assert!(allowed("realm.example", "https://play.example"));
        for foreign in ["https://evil.example", "http://realm.example", "null", "https://play.example.evil.example"] {
            assert!(!allowed("realm.example", foreign), "{foreign}");
        }
    }

    #[test]
    fn the_first_known_sub_protocol_is_chosen() {
        let offered = |value| choose_protocol(&headers(&[(SEC_WEBSOCKET_PROTOCOL, value)]));
        assert_eq!(offered("chat, realm.v1.bin, realm.v1.json").unwrap(), Encoding::Binary);
        assert_eq!(offered("realm.v1.json").unwrap(), Encoding::Json);
        assert_eq!(offered("realm.v2").unwrap_err().0, Code::SubprotocolUnknown);
        assert_eq!(choose_protocol(&HeaderMap::new()).unwrap_err().0, Code::SubprotocolUnknown);
    }
}
