//! The JSON text of messages on `/ws` with `realm.v1.json`.
//!
//! Every text is one object, the envelope: `{"type":"chat:message","data":{…}}`; from the server also `"event"`, the number of
//! the event in its session, where the message is one that a client can miss. Unknown members are ignored.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::message::{ClientMessage, Encoded, MessageError, ServerMessage, shortened};

/// Most levels of objects and lists in a text.
pub const DEPTH_MAX: usize = 32;

/// What surrounds the data of a message.
#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    json_type: String,
    #[serde(default)]
    data: Option<Map<String, Value>>,
    #[serde(default)]
    event: Option<u64>,
}

/// Reads what a client says. The caller limits the size of the text.
///
/// # Errors
/// When the text is no envelope, nests too deeply, or holds no message from a client.
pub fn parse_client(text: &str) -> Result<ClientMessage, MessageError> {
    let envelope = parse_envelope(text)?;
    ClientMessage::from_json(&envelope.json_type, Value::Object(envelope.data.unwrap_or_default()))
}

/// Reads what the server says; the event number is in the message afterwards, see [`ServerMessage::event`].
///
/// # Errors
/// When the text is no envelope, nests too deeply, or holds no message from the server.
pub fn parse_server(text: &str) -> Result<ServerMessage, MessageError> {
    let envelope = parse_envelope(text)?;
    let mut message = ServerMessage::from_json(&envelope.json_type, Value::Object(envelope.data.unwrap_or_default()))?;
    if let Some(event) = envelope.event {
        message.set_event(event);
    }
    Ok(message)
}

/// The text of a client's message.
#[must_use]
pub fn client_text(message: &ClientMessage) -> String {
    envelope_text(None, message.json_type(), &message.to_json().to_string())
}

/// The text of a server's message for one receiver.
#[must_use]
pub fn server_text(encoded: &Encoded, event: Option<u64>) -> String {
    // The field is text by construction; anything else could only be shown as such.
    envelope_text(event, encoded.json_type, &String::from_utf8_lossy(&encoded.json_data))
}

fn envelope_text(event: Option<u64>, json_type: &str, data: &str) -> String {
    // Types are constants of the message tables and need no escaping.
    match event {
        Some(event) => format!(r#"{{"event":{event},"type":"{json_type}","data":{data}}}"#),
        None => format!(r#"{{"type":"{json_type}","data":{data}}}"#),
    }
}

fn parse_envelope(text: &str) -> Result<Envelope, MessageError> {
    if depth(text) > DEPTH_MAX {
        return Err(MessageError::Envelope(format!("it nests more than {DEPTH_MAX} levels deep")));
    }
    // serde would also take the members of the envelope as a list.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(MessageError::Envelope("it is no object".to_owned()));
    }
    serde_json::from_str(text).map_err(|error| MessageError::Envelope(shortened(&error.to_string())))
}

/// Levels of objects and lists, without parsing: brackets inside strings do not count.
fn depth(text: &str) -> usize {
    let (mut level, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                level += 1;
                deepest = deepest.max(level);
            }
            b'}' | b']' if !in_string => level = level.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Entity keys as decimal strings.
pub mod key {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes a key as a decimal string.
    pub fn serialize<S: Serializer>(key: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(key)
    }

    /// Reads a key from a decimal string.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Lists of entity keys as lists of decimal strings.
pub mod keys {
    use serde::{Deserialize, Deserializer, Serializer, de::Error, ser::SerializeSeq as _};

    /// Writes each key as a decimal string.
    pub fn serialize<S: Serializer>(keys: &[u64], serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(keys.len()))?;
        for key in keys {
            list.serialize_element(&key.to_string())?;
        }
        list.end()
    }

    /// Reads each key from a decimal string.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto;

    #[test]
    fn data_may_be_left_out() {
        assert_eq!(parse_client(r#"{"type":"logout"}"#), Ok(proto::Logout {}.into()));
        assert_eq!(parse_client(r#"{"type":"logout","data":null,"more":1}"#), Ok(proto::Logout {}.into()));
    }

    #[test]
    fn the_event_number_stands_in_the_envelope() {
        let message = ServerMessage::from(proto::ChannelLeft { channel: "Town".to_owned(), event: 0 });
        let text = server_text(&Encoded::from(&message), Some(5));
        assert_eq!(text, r#"{"event":5,"type":"chat:channel_left","data":{"channel":"Town"}}"#);
        assert_eq!(parse_server(&text).unwrap().event(), Some(5));
    }

    #[test]
    fn keys_are_strings() {
        let message = ClientMessage::from(proto::CharSelect { character_id: u64::MAX });
        let text = client_text(&message);
        assert_eq!(text, r#"{"type":"character:select","data":{"character_id":"18446744073709551615"}}"#);
        assert_eq!(parse_client(&text), Ok(message));
        assert!(matches!(
            parse_client(r#"{"type":"character:select","data":{"character_id":5}}"#),
            Err(MessageError::Malformed("CHAR_SELECT", _))
        ));
    }

    #[test]
    fn wrong_texts_are_named() {
        assert!(matches!(parse_client("{"), Err(MessageError::Envelope(_))));
        assert!(matches!(parse_client(r#"["logout",{}]"#), Err(MessageError::Envelope(_))));
        assert!(matches!(parse_client(r#"{"type":"logout","data":[]}"#), Err(MessageError::Envelope(_))));
        assert!(matches!(parse_client(r#"{"data":{}}"#), Err(MessageError::Envelope(_))));
        assert_eq!(parse_client(r#"{"type":"ready"}"#), Err(MessageError::UnknownType("ready".to_owned())));
    }

    #[test]
    fn depth_is_limited_and_brackets_in_strings_do_not_count() {
        let nested = |levels: usize| format!(r#"{{"type":"logout","x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
        assert!(parse_client(&nested(DEPTH_MAX - 1)).is_ok());
        assert!(matches!(parse_client(&nested(DEPTH_MAX)), Err(MessageError::Envelope(_))));
        let brackets = format!(r#"{{"type":"logout","x":"\"{}"}}"#, "[".repeat(100));
        assert!(parse_client(&brackets).is_ok());
    }
}
