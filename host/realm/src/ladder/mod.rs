//! The ladder: characters in the order of their scores.
//!
//! Does not know games. The score is what the ladder plugin says.

use realm_world::Class;

use crate::{
    characters::Character,
    hooks::Hooks,
    storage::{Storage, StorageError},
    types::CharacterId,
};

/// A place in the ladder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From 1.
    pub rank: u64,
    /// The character.
    pub character: CharacterId,
    /// Its name.
    pub name: String,
    /// Its class.
    pub class: Class,
    /// Its level when it was scored.
    pub level: u32,
    /// Its experience when it was scored.
    pub experience: u64,
    /// Dies for good.
    pub hardcore: bool,
    /// Is dead.
    pub dead: bool,
    /// Higher is better.
    pub score: u64,
}

/// The ladder; cheap to clone.
#[derive(Clone)]
pub struct Ladder {}

impl Ladder {
    /// Most places a list shows.
    pub const ENTRIES_MAX: u32 = 100;

    /// Over the realm's database.
    #[must_use]
    pub fn new(realm: &str, storage: Storage, hooks: Hooks) -> Self {
        let _ = (realm, storage, hooks);
        unimplemented!()
    }

    /// Scores a character that was just saved; when no plugin can say, the old score stays.
    pub async fn record(&self, character: &Character) -> Result<(), StorageError> {
        let _ = character;
        unimplemented!()
    }

    /// The best characters, of one class or of all. `limit` is cut to [`Self::ENTRIES_MAX`].
    pub async fn top(&self, class: Option<Class>, limit: u32) -> Result<Vec<Entry>, StorageError> {
        let _ = (class, limit);
        unimplemented!()
    }
}
