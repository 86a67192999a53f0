//! Sockets: listeners, TLS, connection limits, HTTP and WebSocket upgrade, reading and writing of frames.
//!
//! Knows no feature: `lib.rs` hands it what to do with a connection.

mod admission;
mod arrival;
mod certificate;
mod close_code;
mod config;
mod conversation;
mod doors;
mod frames;
mod game_door;
mod guarded_io;
mod head_guard;
mod https;
mod listeners;
mod open_files;
mod overload;
mod problem;
mod proxy;
mod queue_link;
mod renewal;
mod self_signed;
mod stage;
mod tls;
mod tls_link;
mod tls_pump;
mod upgrade;
mod waiting_room;
mod websocket;
mod wire;

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use crate::types::{Connection, Link, LinkFrame};

pub use close_code::close_code;
pub use config::{Config, TlsConfig};
pub use doors::Doors;
pub use listeners::Listeners;
pub use renewal::Renewal;
pub use tls::Tls;

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
    /// What somebody from this address is told instead of being let in; `None` lets him in. Asked for every connection and every
    /// request over HTTP, so it answers from memory.
    pub banned: Arc<dyn Fn(IpAddr) -> Option<String> + Send + Sync>,
    /// Answers HTTP requests, `/ws` excepted.
    pub http: axum::Router,
    /// Serves a connection of port 6112 or `/ws` until it ends.
    pub connection: Arc<dyn Fn(Connection) -> HandlerFuture + Send + Sync>,
    /// Takes a game connection with its first frame.
    pub game: Arc<dyn Fn(LinkFrame, Box<dyn Link>) + Send + Sync>,
}

#[cfg(test)]
mod tests;
