//! Characters: create, list, save, delete; leases.
//!
//! Does not know items. A character is written only under the lease that was taken for it, with its version.

mod creation;
mod deletion;
mod details;
mod editing;
mod error;
mod holder;
mod judging;
mod lease;
mod staff;
mod store;
mod upkeep;

use std::sync::Arc;

use realm_world::Sheet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use details::{Details, Profile, Versions};
pub use editing::Points;
pub use error::CharactersError;
pub use lease::Lease;
pub use staff::Destination;

pub(crate) use judging::words as findings_in_words;

use holder::{Holders, Terms};
use upkeep::Upkeep;

use crate::{
    hooks::{Hooks, anti_cheat},
    once::Answered,
    storage::{Connection, Storage, StorageError},
    types::{AccountId, CharacterId, CharacterName},
};

/// `[characters]`: what an account may have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Most characters of one account in each realm. As many again may be deleted and not yet gone for good: a deleted character can be
    /// restored for 30 days, and keeps its name. More than 50 do not fit into one message that lists them.
    #[schemars(range(min = 1, max = 50))]
    pub characters_max: u32,
    /// Over PostgreSQL, how long the right to write a character lasts when its node does not renew it, in milliseconds: so long after the
    /// death of a node others may take its characters over. Where several nodes share a realm (`[realm] shared`), a node that could not
    /// renew for two thirds of it takes its characters out of their games by itself. Below 12 seconds a node that freezes in the middle of
    /// a write, which holds the others up for at most 4, may cost them theirs.
    #[schemars(range(min = 3_000, max = 600_000))]
    pub lease_ms: u32,
    /// How often a node renews this right for all its characters together, in milliseconds; at most a third of `lease_ms`.
    #[schemars(range(min = 100, max = 60_000))]
    pub lease_renew_ms: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { characters_max: 18, lease_ms: 15_000, lease_renew_ms: 5_000 }
    }
}

impl Config {
    /// Checks what a range cannot express.
    ///
    /// # Errors
    /// When leases are renewed too seldom; the text says how often they have to be.
    pub fn check(&self) -> Result<(), String> {
        if self.lease_renew_ms <= self.lease_ms / 3 {
            return Ok(());
        }
        Err(format!(
            "[characters] lease_renew_ms = {}: it must be at most a third of lease_ms ({}), so that one renewal may fail; write {} or less",
            self.lease_renew_ms,
            self.lease_ms,
            self.lease_ms / 3
        ))
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

/// Where a character stands in its game.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Number of the level of the world.
    pub zone: u8,
    /// In sub-tiles.
    pub x: i32,
    /// In sub-tiles.
    pub y: i32,
}

/// Rows that an account may have for each character that it may play: itself, and a deleted one that can be restored.
const ROWS_PER_CHARACTER: u32 = 2;

/// The characters of one realm; cheap to clone. All of a process hold their leases together.
///
/// A name belongs to one character of its realm, and not of the server: characters of two realms never meet, in no game, channel or ladder;
/// whoever is written to is named by the account, whose name the whole server knows; and realms that stand side by side in one database, each
/// served by a process of its own, could not keep each other's names free anyway.
#[derive(Clone)]
pub struct Characters {
    storage: Storage,
    hooks: Hooks,
    realm: Arc<str>,
    hardcore_only: bool,
    characters_max: u32,
    holders: Arc<Holders>,
    _upkeep: Arc<Upkeep>,
}

impl Characters {
    /// Over the realm's database; `realms` are the keys and names of all that this process serves, and has claimed. These are the characters
    /// of the first, and [`Self::beside`] are those of the others. What was left in games by a former process over the same data folder is freed, and what
    /// nodes left whose time is over; characters whose time for restoring is over are removed, now and then once a day. A database file in
    /// which the only realm stands under another key, or under its name, is taken over. Of realms that nobody names any more the
    /// characters stay where they are, and the log says so.
    ///
    /// # Errors
    /// When the database does not answer.
    ///
    /// # Panics
    /// Without a realm.
    pub async fn start(
        config: &Config,
        realms: &[(&str, &str)],
        storage: Storage,
        hooks: Hooks,
    ) -> Result<Self, StorageError> {
        let realm: Arc<str> = realms.first().expect("a configuration has at least one realm").0.into();
        upkeep::adopt(&storage, realms).await?;
        let terms = Terms::of(config, storage.shares_realm());
        let holders = Arc::new(Holders::start(storage.clone(), terms).await?);
        tokio::spawn(holder::keep(Arc::downgrade(&holders)));
        let upkeep = Arc::new(Upkeep::new(storage.clone(), Arc::clone(&realm)));
        tokio::spawn(upkeep::purge_regularly(Arc::downgrade(&upkeep)));
        let characters_max = config.characters_max;
        Ok(Self { storage, hooks, realm, hardcore_only: false, characters_max, holders, _upkeep: upkeep })
    }

    /// The characters of another realm of the same process.
    #[must_use]
    pub fn beside(&self, realm: &str) -> Self {
        let realm: Arc<str> = realm.into();
        let upkeep = Arc::new(Upkeep::new(self.storage.clone(), Arc::clone(&realm)));
        tokio::spawn(upkeep::purge_regularly(Arc::downgrade(&upkeep)));
        Self { realm, _upkeep: upkeep, ..self.clone() }
    }

    /// The same, where new characters have to be hardcore.
    #[must_use]
    pub fn hardcore_only(self, hardcore_only: bool) -> Self {
        Self { hardcore_only, ..self }
    }

    /// The key of the realm.
    #[must_use]
    pub fn realm(&self) -> &Arc<str> {
        &self.realm
    }

    /// The key of the realm that a character is in, whichever realm that is.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn realm_of(&self, id: CharacterId) -> Result<Option<String>, CharactersError> {
        Ok(store::realms::of(self.storage.reader(), id).await?)
    }

    /// Changes whenever this node had to end as a holder of leases: those that it held then are held no more ([`Lease::has_ended`]), and
    /// their characters have to leave their games.
    #[must_use]
    pub fn lease_ends(&self) -> tokio::sync::watch::Receiver<u64> {
        self.holders.ends()
    }

    /// Gives back what is still held. Nothing can be saved afterwards.
    pub async fn stop(&self) {
        self.holders.stop().await;
    }

    /// How many characters an account may have.
    #[must_use]
    pub fn characters_max(&self) -> u32 {
        self.characters_max
    }

    /// The account's characters, oldest first.
    pub async fn list(&self, account: AccountId) -> Result<Vec<Character>, CharactersError> {
        Ok(store::list(self.storage.reader(), &self.realm, account).await?)
    }

    /// One of the account's characters.
    ///
    /// # Errors
    /// [`CharactersError::Unknown`] when the account has none of this key.
    pub async fn get(&self, account: AccountId, character: CharacterId) -> Result<Character, CharactersError> {
        let found = store::get(self.storage.reader(), &self.realm, account, character).await?;
        found.ok_or(CharactersError::Unknown)
    }

    /// Makes a character; resolves when it is stored.
    ///
    /// # Errors
    /// When the name or the class is illegal, the name is taken, the account is full, or the anti-cheat rule refuses the character.
    pub async fn create(
        &self,
        account: AccountId,
        name: &str,
        class: &str,
        hardcore: bool,
    ) -> Result<Character, CharactersError> {
        match self.create_once(account, name, class, hardcore, None).await? {
            Answered::Now(details) => Ok(details.character),
            Answered::Before(_) => unreachable!("without a key nothing was done before"),
        }
    }

    /// Deletes a character; it can be restored for 30 days, and its name stays taken as long.
    ///
    /// # Errors
    /// When the account has none of this key, or the character is in a game.
    pub async fn delete(&self, account: AccountId, character: CharacterId) -> Result<(), CharactersError> {
        let (realm, now_ms) = (Arc::clone(&self.realm), self.storage.now_ms());
        self.storage
            .write(move |connection| {
                Box::pin(async move {
                    if store::delete(connection, &realm, account, character, now_ms).await? {
                        return Ok(());
                    }
                    Err(unknown_or_busy(connection, &realm, account, character).await?)
                })
            })
            .await?;
        tracing::info!(%account, %character, "character deleted");
        Ok(())
    }

    /// Takes the right to write a character. The anti-cheat rule sees the character first.
    ///
    /// # Errors
    /// When the account has none of this key, the character is in a game already, a hardcore character is dead, or the rule
    /// refuses it.
    pub async fn take(
        &self,
        account: AccountId,
        character: CharacterId,
    ) -> Result<(Character, Lease), CharactersError> {
        // First without a lease: who is refused leaves no trace.
        let before = self.details(account, character).await?;
        self.admit(&before).await?;
        let (taken, mut lease) =
            Lease::take_as(self.holders.current(), &self.storage, &self.realm, account, character).await?;
        lease.skill_levels = before.skill_levels();
        if taken.version != before.character.version {
            // It was changed in between: what is judged is what is loaded. Nobody else changes it as long as the lease is held.
            let loaded = self.details(account, character).await?;
            if let Err(refused) = self.admit(&loaded).await {
                // A lease that cannot be given back now is given back with the next renewal.
                let _ = self.release(&lease).await;
                return Err(refused);
            }
            lease.skill_levels = loaded.skill_levels();
        }
        Ok((taken, lease))
    }

    /// May a character as it is stored come into a game?
    async fn admit(&self, stored: &Details) -> Result<(), CharactersError> {
        let Character { id, sheet, .. } = &stored.character;
        if sheet.hardcore && sheet.dead {
            return Err(CharactersError::Dead);
        }
        self.judge(*id, sheet, stored.skill_levels(), "taken into a game").await
    }

    /// Stores what a game made of the character, as far as it has changed; resolves after COMMIT. `play_time_ms` is what has been played since the last save.
    /// The anti-cheat rule sees the sheet first; what it finds is logged, and the character is stored all the same: a game's outcome
    /// is the realm's own word, which no rule may lose.
    ///
    /// # Errors
    /// [`CharactersError::Fenced`] when the lease is not this holder's any more, [`CharactersError::Lapsed`] when this node could not renew
    /// it in time; the lease stays as it is and nothing is written.
    /// A save that the database did not confirm in time may be repeated with what is newest, and with the whole time since the last
    /// one that was confirmed.
    pub async fn save(
        &self,
        lease: &mut Lease,
        sheet: &Sheet,
        place: Option<Place>,
        play_time_ms: i64,
    ) -> Result<Character, CharactersError> {
        self.findings(lease.character, sheet, lease.skill_levels, "stored").await;
        let saved = lease.save_at(&self.storage, sheet, place, play_time_ms).await;
        if matches!(saved, Err(CharactersError::Fenced)) {
            metrics::counter!("realm_character_stale_saves_total").increment(1);
            tracing::error!(character = %lease.character, epoch = lease.epoch, version = lease.version, "a stale save was refused");
        }
        saved
    }

    /// Gives the right back; may be repeated when the database did not confirm it.
    ///
    /// # Errors
    /// [`CharactersError::Fenced`] when it was not this holder's any more.
    pub async fn release(&self, lease: &Lease) -> Result<(), CharactersError> {
        lease.release(&self.storage).await
    }

    /// Refuses a character that the anti-cheat rule refuses.
    async fn judge(
        &self,
        character: CharacterId,
        sheet: &Sheet,
        skill_levels: u32,
        when: &str,
    ) -> Result<(), CharactersError> {
        let findings = self.findings(character, sheet, skill_levels, when).await;
        let mut refused = findings.iter().filter(|finding| finding.refuse).peekable();
        if refused.peek().is_some() {
            return Err(CharactersError::Refused(judging::words(refused)));
        }
        Ok(())
    }

    /// Asks the anti-cheat rule about a character and logs what it finds.
    async fn findings(
        &self,
        character: CharacterId,
        sheet: &Sheet,
        skill_levels: u32,
        when: &str,
    ) -> Vec<anti_cheat::Finding> {
        let findings = self.hooks.check_character(judging::sheet(character, sheet, skill_levels)).await;
        if !findings.is_empty() {
            metrics::counter!("realm_character_findings_total").increment(1);
            tracing::warn!(%character, when, findings = judging::words(&findings), "the anti-cheat rule found something");
        }
        findings
    }
}

/// Why there was no free character of this key.
async fn unknown_or_busy(
    connection: &mut Connection,
    realm: &str,
    account: AccountId,
    id: CharacterId,
) -> Result<CharactersError, StorageError> {
    let exists = store::exists(connection, realm, account, id).await?;
    Ok(if exists { CharactersError::Busy } else { CharactersError::Unknown })
}

#[cfg(test)]
mod tests;
