//! `[mail]`: what a letter may carry, and how many there may be.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const DAY_MS: i64 = 86_400_000;

/// `[mail]`: what a letter may carry, and how many there may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Letters in the mailbox of one character; a further one of a player is refused. What the realm itself owes (gold of what was sold, what
    /// comes back) is always delivered.
    #[schemars(range(min = 1, max = 10_000))]
    pub letters_max: u32,
    /// Letters of one account in the mailbox of one character, so that nobody fills it for others.
    #[schemars(range(min = 1, max = 10_000))]
    pub letters_from_one_max: u32,
    /// Most items in one letter.
    #[schemars(range(min = 1, max = 16))]
    pub items_max: u32,
    /// How long a letter lies, in days. Then what is in it goes back to who sent it; a letter that came back keeps what is in it.
    #[schemars(range(min = 1, max = 365))]
    pub keep_days: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { letters_max: 100, letters_from_one_max: 10, items_max: 8, keep_days: 30 }
    }
}

impl Config {
    /// When a letter of now has lain long enough.
    pub(super) fn expires_ms(&self, now_ms: i64) -> i64 {
        now_ms.saturating_add(i64::from(self.keep_days) * DAY_MS)
    }
}
