//! What items need without being asked: what lies on grounds of games that are gone goes back, and what belonged to characters that are gone
//! ends in the ledger.

use std::{sync::Arc, time::Duration};

use tokio::task::AbortHandle;

use super::{Doer, Items, ItemsError, Operation, Purse, store};
use crate::{
    storage::Connection,
    types::{CharacterId, GameId},
};

/// How often grounds are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// All items are looked through for those of nobody with every so many of those looks, and with the first: once a day.
const LOOKS_PER_SEARCH: u32 = 1_440;
/// Characters whose belongings end in one write.
const CHARACTERS_PER_WRITE_MAX: i64 = 20;

/// Looks as long as somebody holds it.
#[derive(Debug)]
pub(in crate::items) struct Upkeep(AbortHandle);

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Upkeep {
    pub(in crate::items) fn start(items: &Items) -> Arc<Self> {
        let items = items.clone();
        // Taken at once: games of this process have higher keys.
        let started: GameId = items.storage.ids().next(items.storage.now_ms());
        let task = tokio::spawn(async move {
            let mut times = tokio::time::interval(LOOK_EVERY);
            times.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            let mut looks = 0u32;
            loop {
                times.tick().await;
                let done = items.tidy_up(started, looks.is_multiple_of(LOOKS_PER_SEARCH)).await;
                // A search that failed is tried again with the next look.
                if done.is_ok() {
                    looks = looks.wrapping_add(1);
                }
                if let Err(error) = done {
                    tracing::warn!(%error, "items of games and characters that are gone could not be looked after; tried again in a minute");
                }
            }
        });
        Arc::new(Self(task.abort_handle()))
    }
}

impl Items {
    /// Once; `started` is a key from before the first game of this process.
    pub(in crate::items) async fn tidy_up(&self, started: GameId, search: bool) -> Result<(), ItemsError> {
        let lies = store::lost::any(self.storage.reader(), &self.realm).await?;
        let returned = if lies { self.return_lost(started).await? } else { 0 };
        if returned > 0 {
            tracing::info!(returned, "items on grounds of games that are gone went back to whoever had them");
        }
        let ended = if search { self.end_of_the_gone().await? } else { 0 };
        if ended > 0 {
            tracing::info!(ended, "what belonged to characters that are gone ended");
        }
        Ok(())
    }

    /// What belonged to characters that are gone for good ends; answers with how many characters those were.
    pub(in crate::items) async fn end_of_the_gone(&self) -> Result<u64, ItemsError> {
        let (mut all, mut after) = (0, 0);
        loop {
            let gone = store::lost::gone(self.storage.reader(), &self.realm, after, CHARACTERS_PER_WRITE_MAX).await?;
            let Some(last) = gone.last() else { return Ok(all) };
            after = last.to_sql();
            all += gone.len() as u64;
            let items = self.clone();
            self.storage
                .write::<(), ItemsError, _>(move |connection| {
                    Box::pin(async move {
                        let mut operation = items.begin("end-of-character", Doer::Realm);
                        for character in gone {
                            items.end_of(&mut operation, connection, character).await?;
                        }
                        operation.finish(connection).await
                    })
                })
                .await?;
        }
    }

    /// Everything that a character has ends.
    async fn end_of(
        &self,
        operation: &mut Operation,
        connection: &mut Connection,
        character: CharacterId,
    ) -> Result<(), ItemsError> {
        for owned in store::belongings(connection, &self.realm, character).await? {
            operation.end(connection, &owned, "its owner is gone").await?;
        }
        let purse = Purse::Character(character);
        let gold = store::purses::gold(connection, &self.realm, purse).await?;
        if gold > 0 {
            operation.pay(connection, purse, Purse::Mint, gold).await?;
        }
        Ok(store::purses::close(connection, &self.realm, purse).await?)
    }
}
