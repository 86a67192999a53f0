//! Whether a request to `/ws` may become a WebSocket.

use axum::body::Body;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode, Uri,
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

/// Names that carry secrets, wherever they stand in a query.
const SECRETS: [&str; 9] = [
    "access_token",
    "apikey",
    "api_key",
    "authorization",
    "password",
    "refresh_token",
    "resume_token",
    "ticket",
    "token",
];

/// The name of a secret in the query of an address. Whoever reads logs and histories reads addresses.
pub(super) fn secret_in(address: &Uri) -> Option<&'static str> {
    let names = address.query()?.split(['&', ';']).map(|pair| pair.split('=').next().unwrap_or_default());
    let plain: Vec<String> = names.map(|name| percent_decoded(name).to_ascii_lowercase()).collect();
    SECRETS.into_iter().find(|secret| plain.iter().any(|name| name == secret))
}

/// The sentence for whoever wrote one there.
pub(super) fn no_secrets(name: &str) -> String {
    format!(
        "An address is no place for a secret, and \"{name}\" is one: logs keep addresses. Send tokens as Authorization: Bearer and \
         passwords in the body, and consider what you sent as known."
    )
}

/// `%74oken` is `token`.
fn percent_decoded(name: &str) -> String {
    let bytes = name.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let code = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match code.filter(|_| *byte == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) => {
                out.push(decoded);
                at += 3;
            }
            None => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
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
    let mut sent = headers.get_all(ORIGIN).into_iter();
    let Some(origin) = sent.next() else { return Ok(()) };
    let origin = plain_origin(origin.to_str().unwrap_or_default());
    let own =
        headers.get(HOST).and_then(|host| host.to_str().ok()).map(|host| plain_origin(&format!("https://{host}")));
    let listed = || origins.iter().any(|listed| plain_origin(listed.trim_end_matches('/')) == origin);
    if sent.next().is_none() && (own.is_some_and(|own| own == origin) || listed()) {
        return Ok(());
    }
    Err((
        Code::OriginRefused,
        "Web pages of this origin may not connect; the operator can add it to [net] origins.".to_owned(),
    ))
}

/// Case and the port that goes without saying make no difference.
fn plain_origin(origin: &str) -> String {
    let lower = origin.to_ascii_lowercase();
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
    fn secrets_in_an_address_are_found_however_they_are_written() {
        let found = |address: &str| secret_in(&address.parse().unwrap());
        for (address, name) in [
            ("/ws?token=a", "token"),
            ("/ws?a=b&Access_Token=c", "access_token"),
            ("/api/v1/games?limit=1;password=c", "password"),
            ("/ws?%74oken=a", "token"),
            ("/ws?t%6fken", "token"),
        ] {
            assert_eq!(found(address), Some(name), "{address}");
        }
        for harmless in ["/ws", "/token", "/api/v1/games?tokens=1&class=Druid", "/?%", "/?%zz=1"] {
            assert_eq!(found(harmless), None, "{harmless}");
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
