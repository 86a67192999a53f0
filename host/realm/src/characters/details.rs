//! A character with everything that is stored of it, and the one way in which it is changed outside games.

use std::{collections::BTreeMap, sync::Arc};

use super::{Character, Characters, CharactersError, store};
use crate::{
    storage::{Connection, StorageError},
    types::{AccountId, CharacterId},
};

/// What the player chose for a character.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// Shown beside the name; empty for none.
    pub title: String,
    /// Its place in the account's list, the lowest first.
    pub order: u32,
    /// Keys by what they do.
    pub key_bindings: BTreeMap<String, String>,
}

impl Profile {
    /// Longest title, in characters.
    pub const TITLE_CHARACTERS_MAX: usize = 32;
    /// The last place in a list.
    pub const ORDER_MAX: u32 = 999;
    /// Most keys.
    pub const KEY_BINDINGS_MAX: usize = 64;
    /// Longest name of an act, and of a key, in characters.
    pub const KEY_CHARACTERS_MAX: usize = 32;

    /// Refuses what is too long, too much, or no plain text.
    ///
    /// # Errors
    /// [`CharactersError::Profile`] with a sentence.
    pub fn check(&self) -> Result<(), CharactersError> {
        let plain = |text: &str, max: usize| text.chars().count() <= max && !text.chars().any(char::is_control);
        let refused = |sentence: String| Err(CharactersError::Profile(sentence));
        if !plain(&self.title, Self::TITLE_CHARACTERS_MAX) || self.title.trim() != self.title {
            let max = Self::TITLE_CHARACTERS_MAX;
            return refused(format!("A title has at most {max} plain characters, and no space at its ends."));
        }
        if self.order > Self::ORDER_MAX {
            return refused(format!("The order is a number from 0 to {}.", Self::ORDER_MAX));
        }
        if self.key_bindings.len() > Self::KEY_BINDINGS_MAX {
            return refused(format!("There are at most {} key bindings.", Self::KEY_BINDINGS_MAX));
        }
        let fits = |text: &String| !text.is_empty() && plain(text, Self::KEY_CHARACTERS_MAX);
        if !self.key_bindings.iter().all(|(act, key)| fits(act) && fits(key)) {
            let max = Self::KEY_CHARACTERS_MAX;
            return refused(format!("Acts and keys of key bindings have 1 to {max} plain characters."));
        }
        Ok(())
    }
}

/// A character with everything that is stored of it.
#[derive(Debug, Clone)]
pub struct Details {
    /// What every list shows.
    pub character: Character,
    /// Key of its realm.
    pub realm: Arc<str>,
    /// What the player chose.
    pub profile: Profile,
    /// Levels of skills by name; those without points are not in it.
    pub skills: BTreeMap<String, u32>,
    /// When it was deleted, in milliseconds since 1970; `None` while it lives.
    pub deleted_ms: Option<i64>,
}

impl Details {
    /// Of a character that was just made.
    #[must_use]
    pub(super) fn newborn(character: Character, realm: Arc<str>) -> Self {
        Self { character, realm, profile: Profile::default(), skills: BTreeMap::new(), deleted_ms: None }
    }

    /// Points that were spent on skills.
    #[must_use]
    pub fn skill_levels(&self) -> u32 {
        self.skills.values().fold(0, |sum, points| sum.saturating_add(*points))
    }

    /// Points for skills that may still be spent.
    #[must_use]
    pub fn skill_points_free(&self) -> u64 {
        self.character.sheet.skill_points().saturating_sub(self.skill_levels().into())
    }
}

/// Which versions of a character a request means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Versions {
    /// Whichever it has.
    Any,
    /// One of these.
    Of(Vec<i64>),
}

impl Versions {
    /// Is this version meant?
    #[must_use]
    pub fn hold(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::Of(versions) => versions.contains(&version),
        }
    }
}

impl Characters {
    /// The account's characters with all their details, in the order that the player chose, then the oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_details(&self, account: AccountId) -> Result<Vec<Details>, CharactersError> {
        Ok(store::details::list(self.storage.reader(), &self.realm, account).await?)
    }

    /// One of the account's characters with all its details.
    ///
    /// # Errors
    /// [`CharactersError::Unknown`] when the account has none of this key.
    pub async fn details(&self, account: AccountId, id: CharacterId) -> Result<Details, CharactersError> {
        let found = self.any_details(id).await?;
        if found.character.account != account || found.deleted_ms.is_some() {
            return Err(CharactersError::Unknown);
        }
        Ok(found)
    }

    /// Any character of the realm, deleted ones too.
    ///
    /// # Errors
    /// [`CharactersError::Unknown`] when there is none of this key.
    pub async fn any_details(&self, id: CharacterId) -> Result<Details, CharactersError> {
        let found = store::details::look(self.storage.reader(), &self.realm, id).await?;
        found.ok_or(CharactersError::Unknown)
    }
}

/// A character that is to be changed now, in the writer's transaction: it is this account's (or anybody's), lives, is in no game, and
/// has the version that is meant. What is read here stays so until the commit.
pub(super) async fn for_change(
    connection: &mut Connection,
    realm: &str,
    account: Option<AccountId>,
    id: CharacterId,
    versions: &Versions,
) -> Result<Details, CharactersError> {
    let (details, leased) = store::details::find(connection, realm, id).await?.ok_or(CharactersError::Unknown)?;
    let theirs = account.is_none_or(|account| details.character.account == account);
    if !theirs || details.deleted_ms.is_some() {
        return Err(CharactersError::Unknown);
    }
    if leased {
        return Err(CharactersError::Busy);
    }
    if !versions.hold(details.character.version) {
        return Err(CharactersError::Stale);
    }
    Ok(details)
}

/// Stores a character that [`for_change`] gave; its version rises.
pub(super) async fn store_change(connection: &mut Connection, changed: &mut Details) -> Result<(), CharactersError> {
    match store::details::change(connection, changed).await {
        Ok(true) => {
            changed.character.version += 1;
            Ok(())
        }
        Ok(false) => Err(CharactersError::Stale),
        Err(StorageError::Conflict) => Err(CharactersError::NameTaken),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
#[path = "details_tests.rs"]
mod tests;
