//! What a WebSocket brings: the library's framing under the server's limits, then texts and frames.

use std::io::{self, Cursor, Read, Write};

use bytes::BytesMut;
use realm_protocol::{ClientMessage, Decoder, frame::SIZE_MAX_AFTER_LOGIN, json};
use tungstenite::{
    Message, WebSocket,
    protocol::{Role, WebSocketConfig},
};

/// Reads from the input and forgets what is written.
struct Peer<'a>(Cursor<&'a [u8]>);

impl Read for Peer<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Peer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lowest bit: the bytes are a text already.
pub(crate) fn fuzz(options: u8, data: &[u8]) {
    if options & 1 == 1 {
        if let Ok(text) = std::str::from_utf8(data) {
            read_text(text);
        }
        return;
    }
    // As `host/realm/src/net/websocket.rs` does.
    let limits = WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(8 * 1024)
        .max_write_buffer_size(128 * 1024)
        .max_message_size(Some(SIZE_MAX_AFTER_LOGIN))
        .max_frame_size(Some(SIZE_MAX_AFTER_LOGIN));
    let mut socket = WebSocket::from_raw_socket(Peer(Cursor::new(data)), Role::Server, Some(limits));
    let mut decoder = Decoder::new(SIZE_MAX_AFTER_LOGIN);
    while let Ok(message) = socket.read() {
        assert!(message.len() <= SIZE_MAX_AFTER_LOGIN);
        match message {
            Message::Text(text) => read_text(&text),
            Message::Binary(bytes) => {
                let mut buffer = BytesMut::from(&bytes[..]);
                if let Ok(Some(frame)) = decoder.decode(&mut buffer) {
                    // Whether it is a message is for the decoder of messages.
                    let _ = ClientMessage::decode(frame.identifier, &frame.payload);
                }
            }
            _ => {}
        }
    }
}

fn read_text(text: &str) {
    if let Ok(message) = json::parse_client(text) {
        crate::message::client(&message);
    }
}
