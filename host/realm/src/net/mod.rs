//! Sockets: listeners, TLS, connection limits, HTTP and WebSocket upgrade, reading and writing of frames.
//!
//! Knows no feature: `lib.rs` hands it what to do with a connection.

mod admission;
mod close_code;
mod conversation;
mod doors;
mod frames;
mod game_door;
mod guarded_io;
mod head_guard;
mod https;
mod listeners;
mod problem;
mod queue_link;
mod self_signed;
mod stage;
mod tls;
mod tls_link;
mod tls_pump;
mod upgrade;
mod websocket;
mod wire;

use std::{future::Future, net::SocketAddr, pin::Pin, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::types::{Connection, Link, LinkFrame};

pub use close_code::close_code;
pub use doors::Doors;
pub use listeners::Listeners;
pub use tls::Tls;

/// `[net]`: the three doors and their limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address of HTTPS: REST, WebSocket and portal. Port 0 takes a free one.
    pub https: String,
    /// Address of the realm's frames.
    pub realm: String,
    /// Address of game sessions.
    pub game: String,
    /// Host name or address that clients are told for games; empty is the one they came by.
    pub public_host: String,
    /// Most connections at once, over all doors.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections_max: usize,
    /// Most connections at once from one address.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections_per_address_max: usize,
    /// Most TLS handshakes at once.
    #[schemars(range(min = 1, max = 100_000))]
    pub handshakes_max: usize,
    /// A handshake takes at most this long, in milliseconds.
    #[schemars(range(min = 100, max = 60_000))]
    pub handshake_deadline_ms: u64,
    /// A connection logs in within this time, in milliseconds.
    #[schemars(range(min = 100, max = 600_000))]
    pub login_deadline_ms: u64,
    /// Silence after which a connection is closed, in milliseconds.
    #[schemars(range(min = 1_000, max = 3_600_000))]
    pub silence_max_ms: u64,
    /// Messages that may wait for a client.
    #[schemars(range(min = 16, max = 100_000))]
    pub outbox_messages_max: usize,
    /// Bytes that may wait for a client.
    #[schemars(range(min = 16_384, max = 16_777_216))]
    pub outbox_bytes_max: usize,
    /// Largest body of an HTTP request, in bytes.
    #[schemars(range(min = 1_024, max = 16_777_216))]
    pub body_bytes_max: usize,
    /// Origins of web pages that may open a WebSocket, besides the realm's own.
    pub origins: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            https: "127.0.0.1:8443".to_owned(),
            realm: "127.0.0.1:6112".to_owned(),
            game: "127.0.0.1:4000".to_owned(),
            public_host: String::new(),
            connections_max: 10_000,
            connections_per_address_max: 256,
            handshakes_max: 256,
            handshake_deadline_ms: 5_000,
            login_deadline_ms: 10_000,
            silence_max_ms: 45_000,
            outbox_messages_max: 256,
            outbox_bytes_max: 131_072,
            body_bytes_max: 65_536,
            origins: Vec::new(),
        }
    }
}

/// `[tls]`: the certificate of all doors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// PEM file with the certificate chain; empty is a self-signed one in the data folder.
    pub certificate: String,
    /// PEM file with the private key.
    pub key: String,
    /// Names and addresses of a self-signed certificate, beside `localhost`, `127.0.0.1` and `::1`.
    pub names: Vec<String>,
    /// Also TLS 1.2 with AEAD suites, for old clients.
    pub tls12: bool,
}

/// Why the doors cannot open.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// An address cannot be listened on.
    #[error("[net] {key} = \"{address}\": {problem}")]
    Bind {
        /// The key in `realm.toml`.
        key: &'static str,
        /// Its value.
        address: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The certificate or its key cannot be used.
    #[error("{0}")]
    Certificate(String),
}

/// The bound addresses.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// HTTPS.
    pub https: SocketAddr,
    /// Realm frames.
    pub realm: SocketAddr,
    /// Game sessions.
    pub game: SocketAddr,
}

/// A future of a handler.
pub type HandlerFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What to do with what comes in.
#[derive(Clone)]
pub struct Handlers {
    /// Answers HTTP requests, `/ws` excepted.
    pub http: axum::Router,
    /// Serves a connection of port 6112 or `/ws` until it ends.
    pub connection: Arc<dyn Fn(Connection) -> HandlerFuture + Send + Sync>,
    /// Takes a game connection with its first frame.
    pub game: Arc<dyn Fn(LinkFrame, Box<dyn Link>) + Send + Sync>,
}

#[cfg(test)]
mod tests;
