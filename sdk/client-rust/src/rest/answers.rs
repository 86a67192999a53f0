//! What REST answers, where it is not a message of the protocol.

use realm_protocol::{json::key, proto};
use serde::{Deserialize, Serialize};

/// An account as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Key of the account.
    #[serde(with = "key")]
    pub id: u64,
    /// Name as it was registered.
    pub name: String,
    /// `player`, `moderator` or `owner`.
    #[serde(default)]
    pub role: String,
}

/// What a log-in gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Proves who speaks, for a short time.
    pub access_token: String,
    /// Life of the access token, in seconds.
    pub access_expires_seconds: u64,
    /// Gives new tokens, once.
    pub refresh_token: String,
    /// Who logged in.
    pub account: Account,
}

/// A game and who is in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GameDetails {
    /// The game.
    pub game: proto::Game,
    /// Its players.
    #[serde(default)]
    pub players: Vec<proto::GamePlayer>,
}
