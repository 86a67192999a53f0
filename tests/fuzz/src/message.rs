//! Messages of both directions in both encodings.

use std::fmt::Debug;

use realm_protocol::{ClientMessage, ServerMessage, json};

pub(crate) fn fuzz(options: u8, data: &[u8]) {
    let [identifier, payload @ ..] = data else { return };
    if options & 1 == 0 {
        if let Ok(message) = ClientMessage::decode(*identifier, payload) {
            client(&message);
        }
    } else if let Ok(message) = ServerMessage::decode(*identifier, payload) {
        again(&message, ServerMessage::decode(message.identifier(), &message.to_payload()));
        // In JSON the number of the event stands beside the message.
        let mut read = ServerMessage::from_json(message.json_type(), message.to_json());
        if let (Ok(read), Some(event)) = (&mut read, message.event()) {
            read.set_event(event);
        }
        again(&message, read);
    }
}

/// A client's message is the same after each of its encodings.
pub(crate) fn client(message: &ClientMessage) {
    again(message, ClientMessage::decode(message.identifier(), &message.to_payload()));
    again(message, json::parse_client(&json::client_text(message)));
}

fn again<M: PartialEq + Debug, E: Debug>(message: &M, read: Result<M, E>) {
    assert_eq!(read.as_ref().ok(), Some(message), "{read:?}");
}
