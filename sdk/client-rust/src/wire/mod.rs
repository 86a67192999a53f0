//! The three ways in which messages travel, behind one face.

mod frames;
mod websocket;

use bytes::Bytes;
use realm_protocol::{ClientMessage, Frame, ServerMessage, json};
use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) use frames::FrameWire;
pub(crate) use websocket::WebSocketWire;

use crate::ClientError;

/// How to enter the lobby.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// Frames on the realm port.
    Frames,
    /// JSON texts on `/ws`.
    WebSocketJson,
    /// Frames on `/ws`; games can be played over the same connection.
    WebSocketBinary,
}

/// A stream of bytes in both directions.
pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}
pub(crate) type AnyStream = Box<dyn ByteStream>;

/// What came.
pub(crate) enum Received {
    Frame(Frame),
    Text(String),
}

impl Received {
    /// The message, or the body of a snapshot.
    pub(crate) fn read(self) -> Result<Arrived, ClientError> {
        match self {
            Self::Text(text) => Ok(Arrived::Message(json::parse_server(&text)?)),
            Self::Frame(frame) if frame.identifier == PLAYER_STATE => Ok(Arrived::Snapshot(frame.payload)),
            Self::Frame(frame) => Ok(Arrived::Message(ServerMessage::decode(frame.identifier, &frame.payload)?)),
        }
    }
}

/// What came, read.
pub(crate) enum Arrived {
    Message(ServerMessage),
    Snapshot(Bytes),
}

const PLAYER_STATE: u8 = 0x40;

/// Messages out and in. Sending only queues; [`Wire::flush`] writes. Both waiting methods may be cancelled without loss.
pub(crate) enum Wire {
    Frames(FrameWire),
    WebSocket(Box<WebSocketWire>),
}

impl Wire {
    /// Queues a message and returns its sequence.
    pub(crate) fn queue(&mut self, message: &ClientMessage, timestamp_ms: u32) -> Result<u32, ClientError> {
        match self {
            Self::WebSocket(wire) if wire.is_json() => wire.queue_text(json::client_text(message)),
            _ => self.queue_frame(message.identifier(), &message.to_payload(), timestamp_ms),
        }
    }

    /// Queues a frame with any payload.
    pub(crate) fn queue_frame(
        &mut self,
        identifier: u8,
        payload: &[u8],
        timestamp_ms: u32,
    ) -> Result<u32, ClientError> {
        match self {
            Self::Frames(wire) => wire.queue_frame(identifier, payload, timestamp_ms),
            Self::WebSocket(wire) => wire.queue_frame(identifier, payload, timestamp_ms),
        }
    }

    /// Queues bytes as they are: into the stream, or as one binary WebSocket message.
    pub(crate) fn queue_bytes(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        match self {
            Self::Frames(wire) => wire.queue_bytes(bytes),
            Self::WebSocket(wire) => wire.queue_bytes(bytes),
        }
    }

    /// Queues a text message as it is; only a WebSocket has them.
    pub(crate) fn queue_text(&mut self, text: &str) -> Result<u32, ClientError> {
        match self {
            Self::Frames(_) => Err(ClientError::Unexpected("there are no texts on a connection of frames".to_owned())),
            Self::WebSocket(wire) => wire.queue_text(text.to_owned()),
        }
    }

    /// Writes what is queued.
    pub(crate) async fn flush(&mut self) -> Result<(), ClientError> {
        match self {
            Self::Frames(wire) => wire.flush().await,
            Self::WebSocket(wire) => wire.flush().await,
        }
    }

    /// Waits for the next frame or text; `None` when the connection has ended.
    pub(crate) async fn receive(&mut self) -> Result<Option<Received>, ClientError> {
        match self {
            Self::Frames(wire) => wire.receive().await,
            Self::WebSocket(wire) => wire.receive().await,
        }
    }

    /// Says that nothing more will be sent.
    pub(crate) async fn shut(&mut self) -> Result<(), ClientError> {
        match self {
            Self::Frames(wire) => wire.shut().await,
            Self::WebSocket(wire) => wire.shut().await,
        }
    }

    /// The close code and reason of a WebSocket that the server closed.
    pub(crate) fn close_frame(&self) -> Option<(u16, String)> {
        match self {
            Self::Frames(_) => None,
            Self::WebSocket(wire) => wire.close_frame(),
        }
    }
}

/// Most bytes that wait to be written.
const OUTGOING_BYTES_MAX: usize = 256 * 1024;

fn outgoing_full() -> ClientError {
    ClientError::Unexpected(format!("more than {OUTGOING_BYTES_MAX} bytes wait to be written; the realm does not read"))
}
