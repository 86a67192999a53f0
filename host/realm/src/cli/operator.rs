//! How verbs ask a running realm as its operator.

use realm_client::{Method, Rest};
use serde_json::Value;

use super::Place;
use crate::admin::OperatorToken;

/// Asks the realm over this data folder for `/api/v1/admin` and `path`, with the operator's token that lies there.
pub(super) async fn ask(place: &Place, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
    let endpoint = place.endpoint()?;
    let file = OperatorToken::file(&place.data);
    let token = std::fs::read_to_string(&file)
        .map_err(|error| anyhow::anyhow!("{}: {error}; run this as the user that runs the realm", file.display()))?;
    let mut rest = Rest::new(&super::client_endpoint(&endpoint)?);
    rest.set_access_token(Some(token));
    Ok(rest.request(method, &format!("/api/v1/admin{path}"), body).await?.success()?.json)
}

/// Says how the page after this one is asked for, when there is one.
pub(super) fn more(page: &Value) {
    if let Some(cursor) = page["next_cursor"].as_str() {
        println!("More: --cursor {cursor}");
    }
}

/// A text as one part of an address.
pub(super) fn part(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn any_text_becomes_one_part_of_an_address() {
        assert_eq!(super::part("Maren-7"), "Maren-7");
        assert_eq!(super::part("a/b c?é"), "a%2Fb%20c%3F%C3%A9");
    }
}
