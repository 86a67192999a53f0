//! Who is there: the accounts online and the characters in games, as plugins may know of them.
//!
//! Sessions and games write, plugins read, on tick threads too: a reader never waits for a writer.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use arc_swap::ArcSwap;

use crate::types::{AccountId, AccountName, CharacterId, CharacterName, GameId};

/// Parts of the roll: a writer copies only its own, a sixty-fourth of all who are there.
const SHARDS: usize = 64;

/// A character in a game.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Playing {
    /// Its key.
    pub character: CharacterId,
    /// Its name.
    pub name: String,
    /// Name of its class.
    pub class: &'static str,
    /// 1 to 99.
    pub level: u32,
    /// Dies for good.
    pub hardcore: bool,
    /// The game.
    pub game: GameId,
    /// Name of the game.
    pub game_name: String,
}

/// An account that is online or in a game.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Its name.
    pub name: String,
    /// It has a session.
    pub online: bool,
    /// It is a moderator's or an owner's.
    pub staff: bool,
    /// What it plays.
    pub playing: Option<Playing>,
}

/// A map, replaced and never changed.
type Shard<K, T> = ArcSwap<HashMap<K, T>>;

struct Tables {
    accounts: Vec<Shard<u64, Arc<Present>>>,
    /// Accounts by their names, folded.
    names: Vec<Shard<String, AccountId>>,
    /// Who plays a character, by its name, folded.
    players: Vec<Shard<String, AccountId>>,
    online: AtomicU32,
}

/// Everybody who is there; cheap to clone. Bounded by the sessions and seats of the realm.
#[derive(Clone)]
pub struct Roll {
    tables: Arc<Tables>,
}

impl Default for Roll {
    fn default() -> Self {
        let accounts = (0..SHARDS).map(|_| ArcSwap::default()).collect();
        let names = || (0..SHARDS).map(|_| ArcSwap::default()).collect();
        Self { tables: Arc::new(Tables { accounts, names: names(), players: names(), online: AtomicU32::new(0) }) }
    }
}

/// The last bits of a key are its counter.
fn shard(key: u64) -> usize {
    usize::try_from(key % SHARDS as u64).unwrap_or(0)
}

/// Some names fold alike; which part they are in need not be spread any better.
fn shard_of_name(folded: &str) -> usize {
    folded.bytes().fold(0, |sum: usize, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte))) % SHARDS
}

/// `account` is asked again when another writer was faster.
fn put(shards: &[Shard<String, AccountId>], folded: &str, account: impl Fn() -> Option<AccountId>) {
    shards[shard_of_name(folded)].rcu(|old| {
        let mut map = HashMap::clone(old);
        match account() {
            Some(account) => map.insert(folded.to_owned(), account),
            None => map.remove(folded),
        };
        map
    });
}

fn found(shards: &[Shard<String, AccountId>], folded: &str) -> Option<AccountId> {
    shards[shard_of_name(folded)].load().get(folded).copied()
}

impl Roll {
    /// How many accounts are online.
    #[must_use]
    pub fn online(&self) -> u32 {
        self.tables.online.load(Ordering::Relaxed)
    }

    /// An account that is there.
    #[must_use]
    pub fn account(&self, account: AccountId) -> Option<Arc<Present>> {
        self.tables.accounts[shard(account.raw())].load().get(&account.raw()).cloned()
    }

    /// The key of an account that is there, by its name as anybody may write it.
    #[must_use]
    pub fn account_named(&self, name: &str) -> Option<AccountId> {
        found(&self.tables.names, AccountName::new(name).ok()?.folded())
    }

    /// A character in a game, by its name as anybody may write it, and the account that plays it. Of two of one name, in two realms, it is
    /// the one that came later.
    #[must_use]
    pub fn character_named(&self, name: &str) -> Option<(AccountId, Playing)> {
        let name = CharacterName::new(name).ok()?;
        let account = found(&self.tables.players, name.folded())?;
        let playing = self.account(account)?.playing.clone()?;
        let still = CharacterName::new(playing.name.as_str()).is_ok_and(|playing| playing == name);
        still.then_some((account, playing))
    }

    /// Changes an account's entry; one without a session and a game goes. Only its session and its game write it, each its own
    /// part, so a change that meets another is made again.
    fn change(&self, account: AccountId, change: impl Fn(&mut Present)) {
        self.tables.accounts[shard(account.raw())].rcu(|old| {
            let mut map = HashMap::clone(old);
            let mut present = map.get(&account.raw()).map_or_else(
                || Present { name: String::new(), online: false, staff: false, playing: None },
                |present| Present::clone(present),
            );
            change(&mut present);
            if present.online || present.playing.is_some() {
                map.insert(account.raw(), Arc::new(present));
            } else {
                map.remove(&account.raw());
            }
            map
        });
    }

    /// Lets an account be found by its name as long as it is there.
    fn name(&self, account: AccountId, name: &str) {
        if let Ok(name) = AccountName::new(name) {
            put(&self.tables.names, name.folded(), || self.account(account).map(|_| account));
        }
    }

    /// A session has begun.
    pub fn log_in(&self, account: AccountId, name: &str, staff: bool) {
        self.change(account, |present| {
            name.clone_into(&mut present.name);
            (present.online, present.staff) = (true, staff);
        });
        self.name(account, name);
        self.tables.online.fetch_add(1, Ordering::Relaxed);
    }

    /// A session has ended; another of the account may have begun before (`still_online`).
    pub fn log_out(&self, account: AccountId, still_online: bool) {
        let name = self.account(account).map(|present| present.name.clone());
        self.change(account, |present| present.online = still_online);
        self.name(account, &name.unwrap_or_default());
        self.tables.online.fetch_sub(1, Ordering::Relaxed);
    }

    /// A character has entered a game.
    pub fn enter(&self, account: AccountId, account_name: &str, playing: &Playing) {
        self.change(account, |present| {
            account_name.clone_into(&mut present.name);
            present.playing = Some(playing.clone());
        });
        self.name(account, account_name);
        if let Ok(name) = CharacterName::new(playing.name.as_str()) {
            put(&self.tables.players, name.folded(), || Some(account));
        }
    }

    /// A character in a game has reached a level.
    pub fn level_up(&self, account: AccountId, level: u32) {
        self.change(account, |present| {
            if let Some(playing) = &mut present.playing {
                playing.level = level;
            }
        });
    }

    /// The account's character has left its game.
    pub fn leave(&self, account: AccountId) {
        let Some(present) = self.account(account) else { return };
        if let Some(name) = present.playing.as_ref().and_then(|playing| CharacterName::new(playing.name.as_str()).ok())
        {
            // In another realm somebody else may play a character of this name.
            put(&self.tables.players, name.folded(), || {
                found(&self.tables.players, name.folded()).filter(|player| *player != account)
            });
        }
        self.change(account, |present| present.playing = None);
        self.name(account, &present.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_and_goes_is_known_meanwhile() {
        let roll = Roll::default();
        let (ann, hero) = (AccountId::from_raw(7), CharacterId::from_raw(70));
        let playing = Playing {
            character: hero,
            name: "Ann-hero".to_owned(),
            class: "Druid",
            level: 3,
            hardcore: false,
            game: GameId::from_raw(1),
            game_name: "Cellar".to_owned(),
        };
        roll.log_in(ann, "Ann", false);
        roll.enter(ann, "Ann", &playing);
        roll.level_up(ann, 4);
        assert_eq!(roll.online(), 1);
        assert_eq!(roll.character_named("ANN-hero"), Some((ann, Playing { level: 4, ..playing })));
        assert_eq!((roll.account_named("ann"), roll.account_named("Bob")), (Some(ann), None));
        // The session goes first, the game keeps its seat.
        roll.log_out(ann, false);
        assert!(!roll.account(ann).unwrap().online);
        roll.leave(ann);
        assert_eq!((roll.account(ann), roll.character_named("Ann-hero"), roll.online()), (None, None, 0));
        assert_eq!(roll.account_named("Ann"), None);
    }

    #[test]
    fn one_name_in_two_realms_is_found_as_long_as_its_later_bearer_plays() {
        let roll = Roll::default();
        let (ann, bob) = (AccountId::from_raw(7), AccountId::from_raw(8));
        let playing = |character| Playing {
            character: CharacterId::from_raw(character),
            name: "Lantern".to_owned(),
            class: "Druid",
            level: 3,
            hardcore: false,
            game: GameId::from_raw(1),
            game_name: "Cellar".to_owned(),
        };
        roll.enter(ann, "Ann", &playing(70));
        roll.enter(bob, "Bob", &playing(80));
        assert_eq!(roll.character_named("lantern").map(|(account, _)| account), Some(bob));
        roll.leave(ann);
        assert_eq!(roll.character_named("lantern").map(|(account, _)| account), Some(bob));
        roll.leave(bob);
        assert_eq!(roll.character_named("lantern"), None);
    }

    #[test]
    fn writers_on_many_threads_lose_nothing() {
        let roll = Roll::default();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let roll = &roll;
                scope.spawn(move || {
                    for number in 0..500 {
                        roll.log_in(AccountId::from_raw(thread * 500 + number), "somebody", false);
                    }
                });
            }
        });
        assert_eq!(roll.online(), 2_000);
        assert!((0..2_000).all(|key| roll.account(AccountId::from_raw(key)).is_some()));
    }
}
