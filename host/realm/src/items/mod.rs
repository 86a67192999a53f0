//! What is owned: items with one key and one place each, gold in purses, and the ledger of every move of either.
//!
//! The truth is the database. A verb is one transaction of the writer, in a game and outside by the same code: it checks who may write (nobody
//! plays the character, or the caller does, under its lease), the places, what the items need, and writes rows and lines of the ledger together.
//! What items are and what may be done with them are pure functions of `realm_world::items`. A game is told what follows: it knows no rows.
//!
//! Other rooms (trade, market, mail) move items by `operation::Operation` within their own transactions. Does not know them, nor sessions.

mod act;
mod buying;
mod combine;
mod dealing;
mod doing;
mod error;
mod ground;
mod holder;
mod judging;
mod ledger;
mod lives;
mod locks;
#[cfg(test)]
mod model_tests;
pub(crate) mod operation;
mod owned;
mod place;
mod purse;
mod rollback;
mod scan;
mod store;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod trace;
mod upkeep;
#[cfg(test)]
mod vendor_tests;
mod verify;
mod wearing;
#[cfg(test)]
mod workbench_tests;

use std::sync::{Arc, LazyLock};

use realm_world::{Content, items::Catalogue};

pub use act::Act;
pub use dealing::Dealt;
pub use error::ItemsError;
pub use ground::Taken;
pub use holder::{Hold, Holder};
pub use ledger::LedgerLine;
pub use locks::Lock;
pub use owned::{Belongings, Owned};
pub use place::{Bag, Place, Side, Spot};
pub use purse::{GOLD_MAX, Purse};
pub use rollback::RolledBack;
pub use scan::{Odd, Scan, ScanError, scan};
pub use trace::TRACE_LINES_MAX;
pub use verify::{LedgerBroken, verify};
pub(crate) use {
    judging::Occasion,
    operation::{Doer, Operation},
    owned::Hands,
    store::{GLANCE_MAX, OWNED_COLUMNS, first_changed, owned as owned_of, owned_columns},
};

use crate::{
    audit::Who,
    hooks::Hooks,
    once::{self, Answered, Once},
    storage::{Storage, StorageError},
    types::{
        AccountId, CharacterId, IdSource, ItemId,
        faults::{self, Bug},
    },
};
use doing::Planned;
use lives::Lives;
use locks::Locks;

/// The items and the gold of one realm; cheap to clone.
#[derive(Clone)]
pub struct Items {
    storage: Storage,
    realm: Arc<str>,
    content: Arc<Content>,
    hooks: Hooks,
    locks: Arc<Locks>,
    lives: Arc<Lives>,
    /// Ends with the last that holds it.
    upkeep: Option<Arc<upkeep::Upkeep>>,
}

impl std::fmt::Debug for Items {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Items").field("realm", &self.realm).finish_non_exhaustive()
    }
}

impl Items {
    /// Those of the realm of this key. What lies on grounds of games that are gone goes back to whoever had it, and what belonged to characters that
    /// are gone ends, now and then from time to time, as long as the realm runs. Called inside a tokio runtime.
    #[must_use]
    pub fn start(realm: &str, storage: Storage, content: Arc<Content>, hooks: Hooks) -> Self {
        let mut items = Self::new(realm, storage, content, hooks);
        items.upkeep = Some(upkeep::Upkeep::start(&items));
        items
    }

    /// The same without upkeep.
    #[must_use]
    pub fn new(realm: &str, storage: Storage, content: Arc<Content>, hooks: Hooks) -> Self {
        Self {
            storage,
            realm: realm.into(),
            content,
            hooks,
            locks: Arc::default(),
            lives: Arc::default(),
            upkeep: None,
        }
    }

    /// What the content pack says about items.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        self.content.items()
    }

    /// The content pack.
    #[must_use]
    pub fn content(&self) -> &Arc<Content> {
        &self.content
    }

    /// The key of an item that comes into being.
    pub(in crate::items) fn new_key(&self, now_ms: i64) -> ItemId {
        if faults::has(Bug::KeysBeginAnew) {
            static ANEW: LazyLock<IdSource> = LazyLock::new(|| IdSource::new(0, 0));
            return ANEW.next(0);
        }
        self.storage.ids().next(now_ms)
    }

    /// The time, in milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.storage.now_ms()
    }

    /// Is this a living character of this account, in this realm?
    pub(crate) async fn is_of(&self, account: AccountId, character: CharacterId) -> Result<bool, StorageError> {
        store::is_of(self.storage.reader(), &self.realm, &Holder::resting(account, character)).await
    }

    /// What a character has; of one that does not exist, nothing.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn of(&self, character: CharacterId) -> Result<Belongings, ItemsError> {
        Ok(store::look(self.storage.reader(), &self.realm, character).await?)
    }

    /// Does something with a character's items; resolves when it is stored. Asked again under one key it answers what it answered then. Who plays
    /// deals with vendors where they stand ([`Self::deal`]), and not by this.
    ///
    /// # Errors
    /// Why not; then nothing has changed.
    pub async fn act(
        &self,
        holder: Holder,
        act: Act,
        once: Option<Once<Belongings>>,
    ) -> Result<Answered<Belongings>, ItemsError> {
        if !act.needs_vendor() || holder.hold == Hold::Free {
            return self.carry_out(holder, act, once).await;
        }
        // What was done before it came into the game is answered as then.
        let before = match &once {
            Some(once) => once.before::<ItemsError>(&self.storage).await?,
            None => None,
        };
        before.map(Answered::Before).ok_or(ItemsError::VendorNotHere)
    }

    async fn carry_out(
        &self,
        holder: Holder,
        act: Act,
        once: Option<Once<Belongings>>,
    ) -> Result<Answered<Belongings>, ItemsError> {
        if let Some(once) = &once
            && let Some(kept) = once.before::<ItemsError>(&self.storage).await?
        {
            return Ok(Answered::Before(kept));
        }
        // What asks plugins comes before the transaction, which waits for nothing but the database.
        let planned = match self.plan(&holder, &act).await {
            Ok(planned) => planned,
            Err(problem) => return once::done_meanwhile(&self.storage, once.as_ref(), problem).await,
        };
        let items = self.clone();
        once::write(&self.storage, once, move |connection| {
            Box::pin(async move {
                let mut operation = items.begin(act.name(), Doer::Person(Who::Account(holder.account)));
                let mut hands = operation.enter(connection, &holder).await?;
                doing::carry_out(&items, &mut operation, connection, &mut hands, act, planned).await?;
                operation.finish(connection).await?;
                Ok(hands.belongings())
            })
        })
        .await
    }

    /// What has to be known before the transaction: what dice and rules say.
    async fn plan(&self, holder: &Holder, act: &Act) -> Result<Option<Planned>, ItemsError> {
        Ok(match act {
            Act::Combine => Some(Planned::Combination(self.plan_combination(holder).await?)),
            Act::Buy { base, count, vendor, .. } => {
                Some(Planned::Purchase(self.plan_purchase(holder, base, *count, vendor.as_deref()).await?))
            }
            _ => None,
        })
    }

    /// Keeps items for a trade that offers them: until the lock is dropped, every other verb that would move or change one of them answers
    /// [`ItemsError::InTrade`].
    ///
    /// # Errors
    /// [`ItemsError::InTrade`] when one of them is locked already; then none is locked by this.
    pub fn lock(&self, items: &[ItemId]) -> Result<Lock, ItemsError> {
        self.locks.lock(items)
    }
}
