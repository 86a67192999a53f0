//! Sanctions against accounts and networks: a ban or a mute, with a reason, an end and a number; and flags, which only bring an account
//! to attention.
//!
//! Does not know chat, games or tokens: whoever bans also ends the account's sessions.

mod decider;
mod following;
mod mutes;
mod networks;
mod sanction;
mod store;

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use serde_json::{Value, json};
use tokio::sync::broadcast;

pub use self::{
    decider::Decider,
    mutes::Mute,
    networks::NetworkBan,
    sanction::{Ban, Kind, Order, Sanction, Target},
};

use self::{mutes::Mutes, networks::NetworkBans};
use crate::{
    audit::{self, By, Deed},
    storage::{Storage, StorageError},
    types::{AccountId, Code, Id, Refusal},
};

/// Most sanctions of one page.
pub const PAGE_SANCTIONS_MAX: u32 = 200;
/// Sanctions that wait to be carried out on this node; whoever is slower misses the oldest.
const HEARD_MAX: usize = 1_024;

/// A sanction, as its key names it.
enum Row {}

/// Why a sanction was refused.
#[derive(Debug, thiserror::Error)]
pub enum SanctionError {
    /// The target is none for this kind of sanction; the text says why.
    #[error("{0}")]
    Target(&'static str),
    /// There are as many banned networks as the doors look up.
    #[error("too many networks are banned")]
    Full,
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<SanctionError> for Refusal {
    fn from(error: SanctionError) -> Self {
        match error {
            SanctionError::Target(sentence) => Refusal::new(Code::SanctionInvalid, sentence),
            SanctionError::Full => Refusal::new(
                Code::SanctionInvalid,
                "There are 10,000 banned networks already; lift some, or ban a larger network in the place of many.",
            ),
            SanctionError::Storage(error) => error.into(),
        }
    }
}

/// Sanctions; cheap to clone.
#[derive(Clone)]
pub struct Moderation {
    shared: Arc<Shared>,
}

struct Shared {
    storage: Storage,
    mutes: Mutes,
    networks: NetworkBans,
    /// The last change that was taken up.
    heard_last: AtomicI64,
    heard: broadcast::Sender<Sanction>,
}

impl Moderation {
    /// Over the realm's database.
    #[must_use]
    pub fn new(storage: Storage) -> Self {
        let (mutes, networks) = (Mutes::default(), NetworkBans::default());
        let (heard_last, heard) = (AtomicI64::new(0), broadcast::Sender::new(HEARD_MAX));
        Self { shared: Arc::new(Shared { storage, mutes, networks, heard_last, heard }) }
    }

    /// Sanctions that are spoken or lifted from now on, on any node, this one too: each within two seconds.
    #[must_use]
    pub fn heard(&self) -> broadcast::Receiver<Sanction> {
        self.shared.heard.subscribe()
    }

    /// The ban that is in force against an account now, the longest if there are several.
    pub async fn ban_in_force(&self, account: AccountId) -> Result<Option<Ban>, StorageError> {
        store::longest_ban(self.shared.storage.reader(), account, self.shared.storage.now_ms()).await
    }

    /// Bans an account; answers with the ban as it is stored, with its number. `by` is who decided.
    /// A ban says nothing to the account's sessions; end them with `Accounts::end_sessions`.
    pub async fn ban(&self, account: AccountId, ban: Ban, by: Decider) -> Result<Ban, StorageError> {
        let order =
            Order { kind: Kind::Ban, target: Target::Account(account), reason: ban.reason, until_ms: ban.until_ms };
        Ok(self.store(order, by, None).await?.ban())
    }

    /// Takes up the mutes and the bans of networks that the database holds, and follows what other nodes decide from then on. Called once at
    /// each start.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn load(&self) -> Result<(), StorageError> {
        let Shared { storage, mutes, .. } = &*self.shared;
        // Before what it counts: a change that comes meanwhile is taken up twice, and not missed.
        let last = store::change_last(storage.reader()).await?;
        for (account, mute) in store::mutes(storage.reader(), storage.now_ms(), Mutes::STORED_MAX).await? {
            mutes.add(account, mute, storage.now_ms());
        }
        self.shared.refresh_networks().await?;
        self.shared.heard_until(last);
        tokio::spawn(following::follow(Arc::downgrade(&self.shared)));
        Ok(())
    }

    /// The mute that is in force against an account now. Answers from memory.
    #[must_use]
    pub fn mute_in_force(&self, account: AccountId) -> Option<Mute> {
        self.shared.mutes.in_force(account, self.shared.storage.now_ms())
    }

    /// The ban that is in force against an address now. Answers from memory: every connection asks.
    #[must_use]
    pub fn network_ban(&self, address: IpAddr) -> Option<NetworkBan> {
        self.shared.networks.in_force(address, self.shared.storage.now_ms())
    }

    /// Mutes an account; a mute that lasts longer stays. `by` is who decided.
    ///
    /// # Errors
    /// When it could not be stored; it is in force all the same, until the next start.
    pub async fn mute(&self, account: AccountId, mute: Mute, by: Decider) -> Result<(), StorageError> {
        self.shared.mutes.add(account, mute.clone(), self.shared.storage.now_ms());
        let order = Order {
            kind: Kind::Mute,
            target: Target::Account(account),
            reason: mute.reason,
            until_ms: Some(mute.until_ms),
        };
        self.store(order, by, None).await.map(drop)
    }

    /// Notes that the moderators shall look at an account. `by` is who says so.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn flag(&self, account: AccountId, reason: &str, by: Decider) -> Result<(), StorageError> {
        let order =
            Order { kind: Kind::Flag, target: Target::Account(account), reason: reason.to_owned(), until_ms: None };
        self.store(order, by, None).await.map(drop)
    }

    /// The one verb of staff: any kind of sanction against an account or a network, in force from now on. `staff` writes its line into the
    /// audit log.
    ///
    /// # Errors
    /// When the target is none for this kind, or the table of banned networks is full; those of the database.
    pub async fn sanction(&self, order: Order, by: Decider, staff: Option<By>) -> Result<Sanction, SanctionError> {
        order.check().map_err(SanctionError::Target)?;
        if matches!(order.target, Target::Network(_)) {
            let banned = store::networks_banned(self.shared.storage.reader(), self.shared.storage.now_ms()).await?;
            if banned >= NetworkBans::HELD_MAX {
                return Err(SanctionError::Full);
            }
        }
        let sanction = self.store(order, by, staff).await?;
        match &sanction.target {
            Target::Network(_) => self.shared.refresh_networks().await?,
            Target::Account(_) => self.shared.take_up(&sanction).await?,
        }
        Ok(sanction)
    }

    /// Takes a sanction back, from now on. `None` when there is none of this number in force.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lift(&self, number: i64, by: Decider, staff: Option<By>) -> Result<Option<Sanction>, StorageError> {
        let (now_ms, lifted_by) = (self.shared.storage.now_ms(), by.clone());
        let lifted = self
            .shared
            .storage
            .write::<_, StorageError, _>(move |connection| {
                Box::pin(async move {
                    let lifted = store::lift(connection, number, &lifted_by, now_ms).await?;
                    if let (Some(lifted), Some(staff)) = (&lifted, staff) {
                        let deed = told(&staff, "sanctions.lift", lifted).changing(shown(lifted), Value::Null);
                        audit::write(connection, &deed, now_ms).await?;
                    }
                    Ok(lifted)
                })
            })
            .await?;
        let Some(sanction) = lifted else { return Ok(None) };
        tracing::info!(number, %by, "sanction lifted");
        match &sanction.target {
            Target::Network(_) => self.shared.refresh_networks().await?,
            Target::Account(_) => self.shared.take_up(&sanction).await?,
        }
        Ok(Some(sanction))
    }

    /// The time by which sanctions end.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.shared.storage.now_ms()
    }

    /// Sanctions, the newest first: against one target, or all. `before` is the number of the last one of the page before, `None` for the
    /// first page; `count` is cut to [`PAGE_SANCTIONS_MAX`].
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(
        &self,
        target: Option<&Target>,
        before: Option<i64>,
        count: u32,
    ) -> Result<Vec<Sanction>, StorageError> {
        let (before, count) = (before.unwrap_or(i64::MAX), count.clamp(1, PAGE_SANCTIONS_MAX));
        store::list(self.shared.storage.reader(), target, before, i64::from(count)).await
    }

    /// The sanction of a number, also one that has ended.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn find(&self, number: i64) -> Result<Option<Sanction>, StorageError> {
        store::find(self.shared.storage.reader(), number).await
    }

    async fn store(&self, mut order: Order, by: Decider, staff: Option<By>) -> Result<Sanction, StorageError> {
        order.tidy();
        let now_ms = self.shared.storage.now_ms();
        let id: Id<Row> = self.shared.storage.ids().next(now_ms);
        let id = id.to_sql();
        let sanction = self
            .shared
            .storage
            .write::<_, StorageError, _>(move |connection| {
                Box::pin(async move {
                    let sanction = store::insert(connection, id, order, by, now_ms).await?;
                    if let Some(staff) = staff {
                        let act = match sanction.kind {
                            Kind::Ban => "players.ban",
                            Kind::Mute => "players.mute",
                            Kind::Flag => "players.flag",
                        };
                        let deed = told(&staff, act, &sanction).changing(Value::Null, shown(&sanction));
                        audit::write(connection, &deed, now_ms).await?;
                    }
                    Ok(sanction)
                })
            })
            .await?;
        let Sanction { number, kind, target, until_ms, decided_by, .. } = &sanction;
        // Not the reason: it may say more about somebody than a log should keep.
        tracing::info!(number, kind = kind.as_str(), %target, by = %decided_by, until_ms, "sanction");
        Ok(sanction)
    }
}

/// The line of the audit log about a sanction.
fn told(staff: &By, act: &'static str, sanction: &Sanction) -> Deed {
    match &sanction.target {
        Target::Account(account) => staff.does(act, "account", account),
        Target::Network(network) => staff.does(act, "network", network),
    }
}

fn shown(sanction: &Sanction) -> Value {
    json!({"number": sanction.number, "kind": sanction.kind, "until_ms": sanction.until_ms})
}

impl Shared {
    fn heard_last(&self) -> i64 {
        self.heard_last.load(Ordering::SeqCst)
    }

    fn heard_until(&self, change: i64) {
        self.heard_last.fetch_max(change, Ordering::SeqCst);
    }

    async fn refresh_networks(&self) -> Result<(), StorageError> {
        let bans = store::network_bans(self.storage.reader(), self.storage.now_ms(), NetworkBans::HELD_MAX).await?;
        self.networks.replace(bans);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
