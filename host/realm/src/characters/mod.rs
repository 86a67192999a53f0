//! Characters: create, list, save, delete; leases.
//!
//! Does not know items. A character is written only under the lease that was taken for it, with its version.

use realm_world::{Class, Sheet};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    hooks::Hooks,
    storage::{Storage, StorageError},
    types::{AccountId, CharacterId, CharacterName, NameError, Refusal},
};

/// `[characters]`: what an account may have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Most characters of one account in this realm.
    pub characters_max: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { characters_max: 18 }
    }
}

/// A character as it is stored.
#[derive(Debug, Clone)]
pub struct Character {
    /// Its key.
    pub id: CharacterId,
    /// Whose it is.
    pub account: AccountId,
    /// Its name.
    pub name: CharacterName,
    /// What a game needs to know.
    pub sheet: Sheet,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    /// Milliseconds since 1970; `None` when never played.
    pub played_last_ms: Option<i64>,
    /// Time spent in games, in milliseconds.
    pub play_time_ms: i64,
    /// Rises with each write.
    pub version: i64,
}

/// The right to write one character, until it is released or taken over.
#[derive(Debug)]
pub struct Lease {
    /// The character.
    pub character: CharacterId,
    /// Rises with each lease; a stale holder is refused by it.
    pub epoch: i64,
    /// The version that the next save replaces.
    pub version: i64,
}

/// Why a character verb was refused.
#[derive(Debug, thiserror::Error)]
pub enum CharactersError {
    /// The name breaks a rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The name is taken.
    #[error("a character of this name exists")]
    NameTaken,
    /// No such class.
    #[error("there is no class \"{0}\"; choose Amazon, Sorceress, Necromancer, Paladin, Barbarian, Druid or Assassin")]
    ClassUnknown(String),
    /// As many as allowed.
    #[error("this account has as many characters as it may have ({0}); delete one first")]
    Limit(u32),
    /// Not this account's, or deleted.
    #[error("this account has no such character")]
    Unknown,
    /// It is in a game.
    #[error("the character is in a game; leave it first")]
    Busy,
    /// The lease is no longer this holder's: nothing was written.
    #[error("the character was taken over elsewhere")]
    Fenced,
    /// A rule of the realm refuses the character.
    #[error("a rule of this realm refuses the character: {0}")]
    Refused(String),
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<CharactersError> for Refusal {
    fn from(error: CharactersError) -> Self {
        let _ = error;
        unimplemented!()
    }
}

/// The characters of the realm; cheap to clone.
#[derive(Clone)]
pub struct Characters {}

impl Characters {
    /// Over the realm's database. Leases left over by a crash of this process are released.
    pub async fn start(config: &Config, realm: &str, storage: Storage, hooks: Hooks) -> Result<Self, StorageError> {
        let _ = (config, realm, storage, hooks);
        unimplemented!()
    }

    /// How many characters an account may have.
    pub fn characters_max(&self) -> u32 {
        unimplemented!()
    }

    /// The account's characters, oldest first.
    pub async fn list(&self, account: AccountId) -> Result<Vec<Character>, CharactersError> {
        let _ = account;
        unimplemented!()
    }

    /// One of the account's characters.
    pub async fn get(&self, account: AccountId, character: CharacterId) -> Result<Character, CharactersError> {
        let _ = (account, character);
        unimplemented!()
    }

    /// Makes a character; resolves when it is stored.
    pub async fn create(
        &self,
        account: AccountId,
        name: &str,
        class: &str,
        hardcore: bool,
    ) -> Result<Character, CharactersError> {
        let _ = (account, name, class, hardcore, Class::ALL);
        unimplemented!()
    }

    /// Deletes a character; it can be restored for 30 days, and its name stays taken as long.
    pub async fn delete(&self, account: AccountId, character: CharacterId) -> Result<(), CharactersError> {
        let _ = (account, character);
        unimplemented!()
    }

    /// Takes the right to write a character.
    pub async fn take(
        &self,
        account: AccountId,
        character: CharacterId,
    ) -> Result<(Character, Lease), CharactersError> {
        let _ = (account, character);
        unimplemented!()
    }

    /// Stores what a game made of the character; resolves after COMMIT. `play_time_ms` is what has been played since the last save.
    /// The anti-cheat rule sees the sheet first; what it finds is returned.
    pub async fn save(
        &self,
        lease: &mut Lease,
        sheet: &Sheet,
        play_time_ms: i64,
    ) -> Result<Character, CharactersError> {
        let _ = (lease, sheet, play_time_ms);
        unimplemented!()
    }

    /// Gives the right back.
    pub async fn release(&self, lease: Lease) -> Result<(), CharactersError> {
        let _ = lease.epoch;
        unimplemented!()
    }
}
