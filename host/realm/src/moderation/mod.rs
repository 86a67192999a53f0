//! Sanctions against accounts and networks: a ban or a mute, with a reason, an end and a number; and flags, which only bring an account
//! to attention.
//!
//! Does not know chat, games or tokens: whoever bans also ends the account's sessions.

mod mutes;
mod networks;
mod sanction;
mod store;

use std::{
    net::IpAddr,
    sync::{Arc, Weak},
    time::Duration,
};

use serde_json::{Value, json};

pub use self::{
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

/// How often other nodes' bans of networks are looked for.
const REFRESH_EVERY: Duration = Duration::from_secs(2);
/// Sanctions that are listed at once.
const LISTED_MAX: i64 = 1_000;

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
    storage: Storage,
    mutes: Arc<Mutes>,
    networks: Arc<NetworkBans>,
}

impl Moderation {
    /// Over the realm's database.
    #[must_use]
    pub fn new(storage: Storage) -> Self {
        Self { storage, mutes: Arc::default(), networks: Arc::default() }
    }

    /// The ban that is in force against an account now, the longest if there are several.
    pub async fn ban_in_force(&self, account: AccountId) -> Result<Option<Ban>, StorageError> {
        store::longest_ban(self.storage.reader(), account, self.storage.now_ms()).await
    }

    /// Bans an account; answers with the ban as it is stored, with its number. `by` is who decided: a staff account's name, or the name
    /// of a rule. A ban says nothing to the account's sessions; end them with `Accounts::end_sessions`.
    pub async fn ban(&self, account: AccountId, ban: Ban, by: &str) -> Result<Ban, StorageError> {
        let order =
            Order { kind: Kind::Ban, target: Target::Account(account), reason: ban.reason, until_ms: ban.until_ms };
        Ok(self.store(order, by, None).await?.ban())
    }

    /// Takes up the mutes and the bans of networks that the database holds. Called once at each start.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn load(&self) -> Result<(), StorageError> {
        let stored = store::mutes(self.storage.reader(), self.storage.now_ms(), Mutes::STORED_MAX).await?;
        for (account, mute) in stored {
            self.mutes.add(account, mute, self.storage.now_ms());
        }
        self.refresh_networks().await?;
        tokio::spawn(follow_networks(self.storage.clone(), Arc::downgrade(&self.networks)));
        Ok(())
    }

    /// The mute that is in force against an account now. Answers from memory.
    #[must_use]
    pub fn mute_in_force(&self, account: AccountId) -> Option<Mute> {
        self.mutes.in_force(account, self.storage.now_ms())
    }

    /// The ban that is in force against an address now. Answers from memory: every connection asks.
    #[must_use]
    pub fn network_ban(&self, address: IpAddr) -> Option<NetworkBan> {
        self.networks.in_force(address, self.storage.now_ms())
    }

    /// Mutes an account; a mute that lasts longer stays. `by` is who decided.
    ///
    /// # Errors
    /// When it could not be stored; it is in force all the same, until the next start.
    pub async fn mute(&self, account: AccountId, mute: Mute, by: &str) -> Result<(), StorageError> {
        self.mutes.add(account, mute.clone(), self.storage.now_ms());
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
    pub async fn flag(&self, account: AccountId, reason: &str, by: &str) -> Result<(), StorageError> {
        let order =
            Order { kind: Kind::Flag, target: Target::Account(account), reason: reason.to_owned(), until_ms: None };
        self.store(order, by, None).await.map(drop)
    }

    /// The one verb of staff: any kind of sanction against an account or a network, in force from now on. `staff` writes its line into the
    /// audit log.
    ///
    /// # Errors
    /// When the target is none for this kind, or the table of banned networks is full; those of the database.
    pub async fn sanction(&self, order: Order, by: &str, staff: Option<By>) -> Result<Sanction, SanctionError> {
        order.check().map_err(SanctionError::Target)?;
        if matches!(order.target, Target::Network(_)) {
            let banned = store::networks_banned(self.storage.reader(), self.storage.now_ms()).await?;
            if banned >= NetworkBans::HELD_MAX {
                return Err(SanctionError::Full);
            }
        }
        let sanction = self.store(order, by, staff).await?;
        match (&sanction.target, sanction.kind) {
            (Target::Network(_), _) => self.refresh_networks().await?,
            (Target::Account(account), Kind::Mute) => {
                self.mutes.add(*account, sanction.mute(), self.storage.now_ms());
            }
            (Target::Account(_), Kind::Ban | Kind::Flag) => {}
        }
        Ok(sanction)
    }

    /// Takes a sanction back, from now on. `None` when there is none of this number in force.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lift(&self, number: i64, by: &str, staff: Option<By>) -> Result<Option<Sanction>, StorageError> {
        let (now_ms, lifted_by) = (self.storage.now_ms(), by.to_owned());
        let lifted = self
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
        tracing::info!(number, by, "sanction lifted");
        match (&sanction.target, sanction.kind) {
            (Target::Network(_), _) => self.refresh_networks().await?,
            (Target::Account(account), Kind::Mute) => {
                // A shorter one may be left.
                self.mutes.forget(*account);
                if let Some(mute) = store::longest_mute(self.storage.reader(), *account, now_ms).await? {
                    self.mutes.add(*account, mute, now_ms);
                }
            }
            (Target::Account(_), Kind::Ban | Kind::Flag) => {}
        }
        Ok(Some(sanction))
    }

    /// The time by which sanctions end.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.storage.now_ms()
    }

    /// Sanctions, the newest first, at most 1,000: against one target, or all.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(&self, target: Option<&Target>) -> Result<Vec<Sanction>, StorageError> {
        store::list(self.storage.reader(), target, LISTED_MAX).await
    }

    /// The sanction of a number, also one that has ended.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn find(&self, number: i64) -> Result<Option<Sanction>, StorageError> {
        store::find(self.storage.reader(), number).await
    }

    async fn refresh_networks(&self) -> Result<(), StorageError> {
        refresh(&self.storage, &self.networks).await
    }

    async fn store(&self, mut order: Order, by: &str, staff: Option<By>) -> Result<Sanction, StorageError> {
        order.tidy();
        let now_ms = self.storage.now_ms();
        let id: Id<Row> = self.storage.ids().next(now_ms);
        let (id, decided_by) = (id.to_sql(), by.to_owned());
        let sanction = self
            .storage
            .write::<_, StorageError, _>(move |connection| {
                Box::pin(async move {
                    let sanction = store::insert(connection, id, order, decided_by, now_ms).await?;
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
        let Sanction { number, kind, target, until_ms, .. } = &sanction;
        // Not the reason: it may say more about somebody than a log should keep.
        tracing::info!(number, kind = kind.as_str(), %target, by, until_ms, "sanction");
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

async fn refresh(storage: &Storage, networks: &NetworkBans) -> Result<(), StorageError> {
    let now_ms = storage.now_ms();
    let mark = store::network_mark(storage.reader()).await?;
    let bans = store::network_bans(storage.reader(), now_ms, NetworkBans::HELD_MAX).await?;
    networks.replace(mark, bans);
    Ok(())
}

/// Takes up what other nodes decided, as long as somebody holds the table.
async fn follow_networks(storage: Storage, networks: Weak<NetworkBans>) {
    let mut times = tokio::time::interval(REFRESH_EVERY);
    times.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        times.tick().await;
        let Some(networks) = networks.upgrade() else { return };
        let looked = async {
            if store::network_mark(storage.reader()).await? != networks.mark() {
                refresh(&storage, &networks).await?;
            }
            Ok::<_, StorageError>(())
        };
        if let Err(error) = looked.await {
            tracing::debug!(%error, "banned networks could not be looked for; those that are known stay banned");
        }
    }
}

#[cfg(test)]
mod tests;
