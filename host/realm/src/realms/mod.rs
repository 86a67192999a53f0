//! Realms: which there are on this server, what belongs to each alone, and who is let in.
//!
//! Accounts, their sessions, sanctions, plugins, whispers and the tick threads are the server's. Characters, channels, games, the search for
//! a match and the ladder are a realm's: here each of them is reached through the realm that it belongs to. Does not know sessions.

mod config;
mod whereabouts;

use std::sync::Arc;

pub use config::{RealmConfig, RealmConfigs};

use crate::{
    characters::{Characters, CharactersError},
    chat::Chat,
    games::RealmGames,
    items::Items,
    ladder::Ladder,
    mail::Mail,
    market::Market,
    trade::Trades,
    types::{CharacterId, Code, Refusal},
};

/// A realm, and what belongs to it alone.
pub struct Home {
    /// What the operator wrote about it.
    pub settings: RealmConfig,
    /// Its characters.
    pub characters: Characters,
    /// What its characters own.
    pub items: Items,
    /// Its mailboxes.
    pub mail: Mail,
    /// Its market.
    pub market: Market,
    /// Its channels.
    pub chat: Chat,
    /// Its games.
    pub games: RealmGames,
    /// Its ladder.
    pub ladder: Ladder,
    /// What its players trade with each other.
    pub trades: Trades,
}

impl Home {
    /// The key, which stays what it is when the name changes.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.settings.key
    }

    /// Lets somebody in.
    ///
    /// # Errors
    /// When it is closed and they are no staff.
    pub fn admit(&self, staff: bool) -> Result<(), Refusal> {
        if staff || !self.settings.closed {
            return Ok(());
        }
        let problem = format!(
            "The realm {} is closed; come back later, or choose another: GET /api/v1/realms lists them.",
            self.settings.name
        );
        Err(Refusal::new(Code::RealmClosed, problem))
    }

    /// Its ladder, for who wants to read it.
    ///
    /// # Errors
    /// When it has none.
    pub fn ladder(&self) -> Result<&Ladder, Refusal> {
        if self.settings.ladder {
            return Ok(&self.ladder);
        }
        let problem = format!("The realm {} has no ladder; GET /api/v1/realms tells which have.", self.settings.name);
        Err(Refusal::new(Code::LadderNone, problem))
    }
}

/// The realms of the server; cheap to clone.
#[derive(Clone)]
pub struct Realms {
    homes: Arc<[Arc<Home>]>,
}

impl Realms {
    /// These realms, at least one; the first is that of clients that name none.
    #[must_use]
    pub fn new(homes: Vec<Home>) -> Self {
        assert!(!homes.is_empty(), "a configuration has at least one realm");
        Self { homes: homes.into_iter().map(Arc::new).collect() }
    }

    /// All of them, in the order of the configuration.
    #[must_use]
    pub fn all(&self) -> &[Arc<Home>] {
        &self.homes
    }

    /// The realm of clients that name none.
    #[must_use]
    pub fn first(&self) -> &Arc<Home> {
        &self.homes[0]
    }

    /// The realm of this name or key; the first when none is named.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(&self, written: &str) -> Result<&Arc<Home>, Refusal> {
        if written.is_empty() {
            return Ok(self.first());
        }
        let found = self.homes.iter().find(|home| home.settings.is_called(written));
        found.ok_or_else(|| {
            let problem = "There is no such realm here; GET /api/v1/realms lists those that there are, and who names none gets the first.";
            Refusal::new(Code::RealmUnknown, problem)
        })
    }

    /// The realm of this key.
    #[must_use]
    pub fn of_key(&self, key: &str) -> Option<&Arc<Home>> {
        self.homes.iter().find(|home| home.key() == key)
    }

    /// The realm that a character is in.
    ///
    /// # Errors
    /// When there is no such character, or it is in a realm that this server does not have (any more).
    pub async fn of_character(&self, id: CharacterId) -> Result<&Arc<Home>, Refusal> {
        let key = self.first().characters.realm_of(id).await?;
        let home = key.as_deref().and_then(|key| self.of_key(key));
        home.ok_or_else(|| CharactersError::Unknown.into())
    }
}
