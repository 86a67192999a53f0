//! The ladder: characters in the order of their scores.
//!
//! Does not know games. The score is what the ladder plugin says.

mod around;
mod position;
mod seasons;
mod store;

use std::sync::Arc;

use realm_plugin_host::bindings::ladder;
use realm_world::Class;

use crate::{
    characters::Character,
    hooks::{HookUnavailable, Hooks, Rank},
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

pub use self::position::{NoPosition, Position};
pub use self::seasons::{Ended, SEASON_NAME_CHARACTERS_MAX, Season, Standing};

/// The ladder of one realm; cheap to clone.
#[derive(Clone)]
pub struct Ladder {
    storage: Storage,
    hooks: Hooks,
    realm: Arc<str>,
    marks: Arc<around::Marks>,
}

impl Ladder {
    /// Most places a list shows.
    pub const ENTRIES_MAX: u32 = 100;

    /// Over the realm's database.
    #[must_use]
    pub fn new(realm: &str, storage: Storage, hooks: Hooks) -> Self {
        Self { storage, hooks, realm: realm.into(), marks: Arc::default() }
    }

    /// Takes in the scores of characters that stood under another key of the realm. Called once at each start.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn follow_characters(&self) -> Result<(), StorageError> {
        let realm = Arc::clone(&self.realm);
        let moved = self
            .storage
            .write::<_, StorageError, _>(move |connection| {
                Box::pin(async move { store::follow_characters(connection, &realm).await })
            })
            .await?;
        if moved > 0 {
            tracing::info!(moved, "scores stood under another key of the realm; taken over");
        }
        Ok(())
    }

    /// Scores a character that was just saved; when no plugin can say, the old score stays. A character that the plugin leaves
    /// out loses its place.
    pub async fn record(&self, character: &Character) -> Result<(), StorageError> {
        let asked = ladder::Character {
            id: character.id.raw(),
            class: character.sheet.class.name().to_owned(),
            level: character.sheet.level,
            experience: character.sheet.experience,
            hardcore: character.sheet.hardcore,
            dead: character.sheet.dead,
            play_time_ms: character.play_time_ms.unsigned_abs(),
        };
        match self.hooks.score(asked).await {
            Ok(rank) => store_score(&self.storage, &self.realm, character, rank).await,
            Err(HookUnavailable) => Ok(()),
        }
    }

    /// The best characters, of one class or of all; among equals, as the rule breaks the tie, then who came first. `limit` is cut to [`Self::ENTRIES_MAX`].
    /// Deleted characters are left out; whether the dead take part is the plugin's decision.
    pub async fn top(&self, class: Option<Class>, limit: u32) -> Result<Vec<Entry>, StorageError> {
        store::top(self.storage.reader(), &self.realm, class, limit.min(Self::ENTRIES_MAX)).await
    }

    /// The characters behind a position, or the best, in the same order; with the position behind the last of them, if there is one. Their
    /// ranks go on from it. `limit` is cut to [`Self::ENTRIES_MAX`].
    ///
    /// # Errors
    /// Those of the database.
    pub async fn page(
        &self,
        class: Option<Class>,
        behind: Option<Position>,
        limit: u32,
    ) -> Result<(Vec<Entry>, Option<Position>), StorageError> {
        let behind = behind.unwrap_or_else(Position::start);
        let limit = limit.min(Self::ENTRIES_MAX);
        let rows = store::behind(self.storage.reader(), &self.realm, class, &behind, limit).await?;
        // Of the row itself: a score that changes now moves no page.
        let last = rows.last().map(|(_, position)| *position);
        Ok((rows.into_iter().map(|(entry, _)| entry).collect(), last))
    }
}

async fn store_score(
    storage: &Storage,
    realm: &Arc<str>,
    character: &Character,
    rank: Option<Rank>,
) -> Result<(), StorageError> {
    let (realm, id, version) = (Arc::clone(realm), character.id, character.version);
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let score = rank.map(|rank| store::Score {
        character: id,
        class: character.sheet.class,
        score: number(rank.score),
        tie_break: number(rank.tie_break),
        level: character.sheet.level,
        experience: character.sheet.experience,
        dead: character.sheet.dead,
        scored_ms: storage.now_ms(),
        version,
    });
    storage
        .write(move |connection| {
            Box::pin(async move {
                match score {
                    Some(score) => store::upsert(connection, &realm, &score).await,
                    None => store::remove(connection, id, version).await,
                }
            })
        })
        .await
}

#[cfg(test)]
mod tests;
