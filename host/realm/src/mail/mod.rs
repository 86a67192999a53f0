//! Letters: between characters of a realm, from its staff, and from the realm itself.
//!
//! A letter is a place: items and gold lie in it as they lie in an inventory, under keys of their own, and go into it and out of it in one
//! transaction with the letter. Nothing in a letter is ever destroyed: what nobody took goes back to its sender, and what came back, or comes
//! from the realm, stays until it is taken. Knows nothing of games and of the market.

mod config;
mod error;
mod expiring;
mod letter;
mod news;
mod owed;
mod reading;
mod sending;
mod staff;
mod store;
mod taking;

use std::sync::Arc;

pub use config::Config;
pub use error::MailError;
pub use expiring::sweep_regularly;
pub use letter::{Letter, LetterKind};
pub(crate) use news::Arrival;
pub use news::{Done, News, Told};
pub(crate) use owed::Owed;
pub use sending::{Draft, Writer};
pub use staff::{Gift, StaffDraft};
pub use taking::Taken;

use crate::{
    hooks::Hooks,
    items::Items,
    moderation::Moderation,
    once::{Answered, Kept, Once},
    storage::Storage,
};

/// The mailboxes of one realm; cheap to clone.
#[derive(Clone)]
pub struct Mail {
    storage: Storage,
    realm: Arc<str>,
    items: Items,
    hooks: Hooks,
    moderation: Moderation,
    config: Config,
    news: News,
}

impl Mail {
    /// Over the realm's items.
    #[must_use]
    pub fn new(
        config: Config,
        realm: &str,
        storage: Storage,
        items: Items,
        hooks: Hooks,
        moderation: Moderation,
        news: News,
    ) -> Self {
        Self { storage, realm: realm.into(), items, hooks, moderation, config, news }
    }

    /// What letters may carry.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where events go.
    pub(crate) fn news(&self) -> &News {
        &self.news
    }

    /// What was answered to a request before, if it came before; asked before anything is judged.
    async fn before<T>(&self, once: Option<&Once<T>>) -> Result<Option<Kept>, MailError> {
        match once {
            Some(once) => once.before(&self.storage).await,
            None => Ok(None),
        }
    }

    /// Tells of what has been done now; of what was done before everybody has been told.
    fn told<T>(&self, done: Answered<Done<T>>) -> Answered<Done<T>> {
        if let Answered::Now(done) = &done {
            self.news.tell(done.told.iter().cloned());
        }
        done
    }
}

#[cfg(test)]
mod tests;
