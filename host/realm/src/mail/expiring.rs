//! Letters that have lain long enough: what is in them goes back, or stays for who may take it. Nothing is destroyed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{Letter, Mail, MailError, Told, store};
use crate::{
    items::{Doer, Operation, Purse},
    storage::Connection,
    types::LetterId,
};

/// How often letters that have lain long enough are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Letters that are looked at in one write.
const LETTERS_PER_WRITE_MAX: u32 = 32;

impl Mail {
    /// Looks at all letters that have lain long enough: empty ones are deleted, what is in a player's letter goes back to who sent it, and every other
    /// one in which there is something stays. Answers with how many there were.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn expire(&self) -> Result<u64, MailError> {
        let mut looked_at = 0;
        loop {
            let now_ms = self.storage.now_ms();
            let due = store::due(self.storage.reader(), &self.realm, now_ms, LETTERS_PER_WRITE_MAX).await?;
            if due.is_empty() {
                return Ok(looked_at);
            }
            looked_at += due.len() as u64;
            let mail = self.clone();
            let told = self
                .storage
                .write::<_, MailError, _>(move |connection| {
                    Box::pin(async move {
                        let mut told = Vec::new();
                        for id in due {
                            told.extend(mail.expire_one(connection, id, now_ms).await?);
                        }
                        Ok(told)
                    })
                })
                .await?;
            self.news.tell(told);
        }
    }

    async fn expire_one(
        &self,
        connection: &mut Connection,
        id: LetterId,
        now_ms: i64,
    ) -> Result<Option<Told>, MailError> {
        // It may have been emptied or sent back since.
        let found = store::find(connection, &self.realm, id).await?;
        let Some(letter) = found.filter(|letter| letter.expires_ms.is_some_and(|end_ms| end_ms <= now_ms)) else {
            return Ok(None);
        };
        if letter.is_empty() {
            store::delete(connection, id).await?;
            return Ok(None);
        }
        let mut operation = self.items.begin("mail.expire", Doer::Realm);
        let told = self.go_back(connection, &mut operation, &letter).await?;
        if told.is_none() {
            if store::home_of(connection, letter.owner).await?.is_some() {
                store::keep(connection, id, self.config.expires_ms(now_ms)).await?;
            } else {
                end(connection, &mut operation, &letter).await?;
            }
        }
        operation.finish(connection).await?;
        Ok(told)
    }
}

/// What lies in a letter of somebody who was deleted for good, and goes back to nobody, ends as what he carried did.
async fn end(connection: &mut Connection, operation: &mut Operation, letter: &Letter) -> Result<(), MailError> {
    for owned in &letter.items {
        operation.end(connection, owned, "its owner is gone").await?;
    }
    if letter.gold > 0 {
        let (from, what_for) = (Purse::Letter(letter.id), "its owner is gone");
        operation.pay_for(connection, from, Purse::Mint, letter.gold, what_for).await?;
    }
    Ok(store::delete(connection, letter.id).await?)
}

/// Looks for letters that have lain long enough, now and every minute, until the realm stops.
pub fn sweep_regularly(mail: &Mail, stopping: &Arc<AtomicBool>) {
    let (mail, stopping) = (mail.clone(), Arc::downgrade(stopping));
    tokio::spawn(async move {
        let mut times = tokio::time::interval(SWEEP_EVERY);
        times.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            times.tick().await;
            if stopping.upgrade().is_none_or(|stopping| stopping.load(Ordering::Relaxed)) {
                return;
            }
            if let Err(error) = mail.expire().await {
                tracing::warn!(%error, "old letters could not be looked at; tried again in a minute");
            }
        }
    });
}
