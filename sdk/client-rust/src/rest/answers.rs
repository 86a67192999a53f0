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

/// The four attributes of a character.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// Melee damage.
    pub strength: u32,
    /// Hitting and not being hit.
    pub dexterity: u32,
    /// Life.
    pub vitality: u32,
    /// Mana.
    pub energy: u32,
}

/// A character as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Character {
    /// Key of the character.
    #[serde(with = "key")]
    pub id: u64,
    /// Key of its realm.
    #[serde(default)]
    pub realm: String,
    /// Its name.
    pub name: String,
    /// One of the seven classes.
    pub class: String,
    /// 1 to 99.
    pub level: u32,
    /// Experience in all.
    pub experience: u64,
    /// Its attributes.
    #[serde(default)]
    pub attributes: Attributes,
    /// Dies for good.
    pub hardcore: bool,
    /// Is dead now.
    pub dead: bool,
    /// When it was made; RFC 3339.
    #[serde(default)]
    pub created: String,
    /// When it was last played; RFC 3339.
    #[serde(default)]
    pub played_last: Option<String>,
    /// Time spent in games, in milliseconds.
    #[serde(default)]
    pub play_time_ms: u64,
}

/// The characters of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Characters {
    /// Oldest first.
    pub characters: Vec<Character>,
    /// How many the account may have.
    #[serde(default)]
    pub characters_max: u32,
}

/// An account that was just made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// Key of the account.
    #[serde(with = "key")]
    pub id: u64,
    /// Name as it was registered.
    pub name: String,
}
