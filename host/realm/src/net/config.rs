//! `[net]` and `[tls]`: the keys of the doors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::proxy::Networks;

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
    /// Host name or address to which clients are told to come back when the realm stops, for a realm that moves; empty is the one they
    /// came by.
    pub come_back_host: String,
    /// Networks of load balancers that put a PROXY header (version 1 or 2) before TLS, like `10.0.0.0/8` or `192.0.2.7`. The address in
    /// it then counts for limits, bans and logs. From everybody else such a header is not TLS, and the connection is closed.
    pub proxy_networks: Vec<String>,
    /// Most connections at once, over all doors, counted from the end of their handshake.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections_max: usize,
    /// Most connections at once from one address (IPv6: from one /64), from their first byte on.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections_per_address_max: usize,
    /// New connections that one address may open at once after a quiet time. Generous enough for a school or a LAN party behind one
    /// address that comes back after a restart, everybody with lobby and game.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections_per_address_burst: u32,
    /// New connections a minute that one address may open in the long run; with the burst at most 2,912 in ten minutes.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections_per_address_per_minute: u32,
    /// Addresses whose new connections are counted one by one, about 100 bytes each; beyond them all share one allowance.
    #[schemars(range(min = 16, max = 1_000_000))]
    pub limiter_addresses_max: usize,
    /// Beyond `connections_max` so many more at once are told that the realm is full; the rest is closed without a word.
    #[schemars(range(min = 0, max = 10_000))]
    pub turned_away_max: usize,
    /// Most connections at once that have not said their whole TLS ClientHello. When there are more, the one that has been silent
    /// longest is closed, so that silent ones never keep anybody out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub arrivals_max: usize,
    /// Most TLS handshakes at once after their ClientHello. When there are more, the oldest is given up.
    #[schemars(range(min = 1, max = 100_000))]
    pub handshakes_max: usize,
    /// Most connections at once whose client has not logged in yet, or speaks HTTP. When there are more, the one that has been quiet
    /// longest is closed, so that nobody fills the realm by connecting and saying nothing. It should be smaller than
    /// `connections_max`.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub strangers_max: usize,
    /// From the first byte to the finished handshake it takes at most this long, in milliseconds.
    #[schemars(range(min = 100, max = 60_000))]
    pub handshake_deadline_ms: u64,
    /// A connection logs in within this time, in milliseconds.
    #[schemars(range(min = 100, max = 600_000))]
    pub login_deadline_ms: u64,
    /// Messages of a client before it is logged in.
    #[schemars(range(min = 1, max = 1_000))]
    pub login_messages_max: u32,
    /// Bytes of a client's messages before it is logged in.
    #[schemars(range(min = 1_024, max = 65_536))]
    pub login_bytes_max: usize,
    /// Silence after which a connection is closed, in milliseconds.
    #[schemars(range(min = 1_000, max = 3_600_000))]
    pub silence_max_ms: u64,
    /// Messages that may wait for a client.
    #[schemars(range(min = 16, max = 100_000))]
    pub outbox_messages_max: usize,
    /// Bytes that may wait for a client.
    #[schemars(range(min = 16_384, max = 16_777_216))]
    pub outbox_bytes_max: usize,
    /// The head of an HTTP request takes at most this long from its first byte, and the first one from the handshake, in milliseconds.
    #[schemars(range(min = 100, max = 600_000))]
    pub http_head_deadline_ms: u64,
    /// An HTTP request is read with its body and answered within this time, in milliseconds.
    #[schemars(range(min = 100, max = 600_000))]
    pub http_request_deadline_ms: u64,
    /// An HTTP connection without a request is kept for this long, in milliseconds.
    #[schemars(range(min = 100, max = 3_600_000))]
    pub http_idle_max_ms: u64,
    /// Largest body of an HTTP request, in bytes.
    #[schemars(range(min = 1_024, max = 16_777_216))]
    pub body_bytes_max: usize,
    /// Buffer for reading of each WebSocket, in bytes.
    #[schemars(range(min = 1_024, max = 1_048_576))]
    pub websocket_read_buffer_bytes: usize,
    /// Bytes that may wait in the buffer for writing of each WebSocket.
    #[schemars(range(min = 32_768, max = 16_777_216))]
    pub websocket_write_buffer_bytes_max: usize,
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
            come_back_host: String::new(),
            proxy_networks: Vec::new(),
            connections_max: 10_000,
            connections_per_address_max: 256,
            connections_per_address_burst: 512,
            connections_per_address_per_minute: 240,
            limiter_addresses_max: 65_536,
            turned_away_max: 64,
            arrivals_max: 8_192,
            handshakes_max: 1_024,
            strangers_max: 4_096,
            handshake_deadline_ms: 5_000,
            login_deadline_ms: 10_000,
            login_messages_max: 8,
            login_bytes_max: 4_096,
            silence_max_ms: 45_000,
            outbox_messages_max: 256,
            outbox_bytes_max: 131_072,
            http_head_deadline_ms: 10_000,
            http_request_deadline_ms: 30_000,
            http_idle_max_ms: 60_000,
            body_bytes_max: 65_536,
            websocket_read_buffer_bytes: 1_024,
            websocket_write_buffer_bytes_max: 131_072,
            origins: Vec::new(),
        }
    }
}

impl Config {
    /// Looks at what no range can say.
    ///
    /// # Errors
    /// When a network of `proxy_networks` is none; the text says how to write one.
    pub fn check(&self) -> Result<(), String> {
        Networks::parse(&self.proxy_networks).map(|_| ())
    }
}

/// `[tls]`: the certificate of all doors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// PEM file with the certificate chain; empty is a self-signed one in the data folder. It is watched while the realm runs.
    pub certificate: String,
    /// PEM file with the private key.
    pub key: String,
    /// Names and addresses of a self-signed certificate, beside `localhost`, `127.0.0.1` and `::1`.
    pub names: Vec<String>,
    /// Also TLS 1.2 with AEAD suites, for old clients.
    pub tls12: bool,
}
