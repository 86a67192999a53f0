//! The wire of the realm: bytes to frame to message, and back.
//!
//! Pure: no socket, no clock, no allocation beyond what a message holds. The server, the client library,
//! the fuzzers and the bots share it. `docs/protocol.md` is the description for people.

#[cfg(test)]
mod documentation;
pub mod frame;
pub mod json;
pub mod message;
pub mod snapshot;

/// The messages as Rust types, generated from `sdk/proto/*.proto`.
#[allow(missing_docs, reason = "generated; the meaning of each field stands in the .proto files")]
#[allow(clippy::all, unreachable_pub, reason = "generated code")]
pub mod proto {
    include!(concat!(env!("OUT_DIR"), "/realm.v1.rs"));
}

pub use frame::{Decoder, Encoder, Frame, FrameError};
pub use message::{ClientMessage, Encoded, MessageError, ServerMessage, event_suffix};
pub use snapshot::Snapshot;
