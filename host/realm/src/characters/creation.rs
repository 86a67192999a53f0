//! A new character, within what an account may have.

use std::sync::Arc;

use realm_world::{Class, Sheet};

use super::{Character, Characters, CharactersError, Details, ROWS_PER_CHARACTER, store};
use crate::{
    once::{self, Answered, Once},
    storage::{Connection, Storage, StorageError},
    types::{
        AccountId, CharacterName,
        faults::{Point, point},
    },
};

impl Characters {
    /// Makes a character; resolves when it is stored. Asked again under one key it answers what it answered then.
    ///
    /// # Errors
    /// When the name or the class is illegal, the name is taken, the account is full, the realm has hardcore characters alone, or the anti-cheat rule refuses the character.
    pub async fn create_once(
        &self,
        account: AccountId,
        name: &str,
        class: &str,
        hardcore: bool,
        once: Option<Once<Details>>,
    ) -> Result<Answered<Details>, CharactersError> {
        if let Some(once) = &once
            && let Some(kept) = once.before::<CharactersError>(&self.storage).await?
        {
            return Ok(Answered::Before(kept));
        }
        let name = CharacterName::new(name)?;
        let class = Class::from_name(class).ok_or_else(|| CharactersError::ClassUnknown(class.to_owned()))?;
        if self.hardcore_only && !hardcore {
            return Err(CharactersError::HardcoreOnly);
        }
        let now_ms = self.storage.now_ms();
        let new = Character {
            id: self.storage.ids().next(now_ms),
            account,
            name,
            sheet: Sheet::newborn(class, hardcore),
            created_ms: now_ms,
            played_last_ms: None,
            play_time_ms: 0,
            version: 1,
        };
        self.judge(new.id, &new.sheet, 0, "created").await?;
        let made = insert_once(&self.storage, &self.realm, self.characters_max, new, once).await?;
        if let Answered::Now(Details { character: new, .. }) = &made {
            tracing::info!(%account, character = %new.id, class = class.name(), "character made");
        }
        Ok(made)
    }
}

/// Stores a new character if the account may have one more.
async fn insert_once(
    storage: &Storage,
    realm: &Arc<str>,
    characters_max: u32,
    new: Character,
    once: Option<Once<Details>>,
) -> Result<Answered<Details>, CharactersError> {
    let realm = Arc::clone(realm);
    once::write(storage, once, move |connection| {
        Box::pin(async move {
            insert_if_room(connection, &realm, characters_max, &new).await?;
            Ok(Details::newborn(new, realm))
        })
    })
    .await
}

/// Stores a new character in the writer's transaction if the account may have one more.
pub(super) async fn insert_if_room(
    connection: &mut Connection,
    realm: &str,
    characters_max: u32,
    new: &Character,
) -> Result<(), CharactersError> {
    let count = store::count_for_new(connection, realm, new.account).await?;
    if count.living >= i64::from(characters_max) {
        return Err(CharactersError::Limit(characters_max));
    }
    if count.living + count.restorable >= i64::from(ROWS_PER_CHARACTER * characters_max) {
        return Err(CharactersError::LimitDeleted);
    }
    point(Point::BetweenStatements);
    match store::insert(connection, realm, new).await {
        Err(StorageError::Conflict) => Err(CharactersError::NameTaken),
        stored => Ok(stored?),
    }
}
