//! A connected player: one state machine for frames and WebSocket.
//!
//! Knows every feature, but no socket, no SQL, no wasmtime.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{accounts::Accounts, characters::Characters, chat::Chat, games::Games, types::Connection};

/// `[session]`: how much a connected player may do, and for how long a lost connection can come back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How often clients are asked to send a sign of life, in milliseconds.
    pub heartbeat_ms: u32,
    /// How long a session waits for its lost connection to come back, in seconds.
    pub resume_seconds: u32,
    /// Events kept for a connection that comes back.
    pub resume_events_max: usize,
    /// Chat lines and whispers: so many at once …
    pub chat_burst: u32,
    /// … and then so many a minute.
    pub chat_per_minute: u32,
    /// Other requests: so many at once …
    pub request_burst: u32,
    /// … and then so many a minute.
    pub request_per_minute: u32,
    /// Oldest client version that may log in, for example "1.2.0"; empty lets every version in.
    pub client_version_min: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            heartbeat_ms: 20_000,
            resume_seconds: 60,
            resume_events_max: 256,
            chat_burst: 5,
            chat_per_minute: 60,
            request_burst: 30,
            request_per_minute: 600,
            client_version_min: String::new(),
        }
    }
}

/// The features a session speaks to.
#[derive(Clone)]
pub struct Features {
    /// Name of the realm.
    pub realm: String,
    /// Accounts.
    pub accounts: Accounts,
    /// Characters.
    pub characters: Characters,
    /// Chat.
    pub chat: Chat,
    /// Games.
    pub games: Games,
    /// Silence after which `net/` closes a connection, told to the client.
    pub silence_max_ms: u32,
}

/// Figures for the banner, `/metrics` and the bots' summary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SessionFigures {
    /// Connected players.
    pub online: usize,
    /// Chat lines and whispers taken from clients since the start.
    pub lines: u64,
    /// Requests refused since the start.
    pub refusals: u64,
}

/// The sessions of the realm; cheap to clone.
#[derive(Clone)]
pub struct Sessions {}

impl Sessions {
    /// No sessions yet.
    #[must_use]
    pub fn new(config: Config, features: Features) -> Self {
        let _ = (config, features);
        unimplemented!()
    }

    /// Serves one connection from its first message to its end.
    pub async fn serve(&self, connection: Connection) {
        let _ = connection;
        unimplemented!()
    }

    /// Where events for an account go, when it is connected or may still resume.
    #[must_use]
    pub fn events_of(&self, account: crate::types::AccountId) -> Option<crate::types::EventStream> {
        let _ = account;
        unimplemented!()
    }

    /// Figures since the start.
    pub fn figures(&self) -> SessionFigures {
        unimplemented!()
    }

    /// Tells every client that the realm stops and ends the sessions.
    pub async fn stop(&self) {
        unimplemented!()
    }
}
