//! Who holds leases: this process, and for how long.
//!
//! A lease lives as long as its holder: each process lists itself as one, and renews all its leases at once by putting off its own end. Over
//! a server whoever finds it lapsed frees everything that it held, in one transaction, with higher epochs. Where several nodes serve a realm,
//! a holder that could not renew stops itself at two thirds of its time. A node alone goes on: nobody may serve its realm beside it, and
//! if somebody came all the same while it was cut off, it finds that out at its first renewal, and its saves are refused until then. The time is
//! the server's; a holder measures its own by a clock that nobody can set. A file is one process's alone: there nothing lapses while the
//! process lives, and the lock on its folder proves that what ran before is dead.

use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, watch};

use super::{Config, store};
use crate::{
    storage::{self, Connection, Storage, StorageError},
    types::{
        CharacterId,
        faults::{self, Bug},
        kind,
    },
};

/// No lease is longer; the upper end of `[characters] lease_ms`.
pub(super) const LEASE_MS_MAX: i64 = 600_000;
/// After a renewal that failed the next is tried after this long, or a tenth of the time between two, whichever is shorter.
const RETRY: Duration = Duration::from_millis(500);

/// Between two looks for leases that were dropped, over a file.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How long it may take to give everything back when the realm stops.
const FAREWELL_WAIT: Duration = Duration::from_secs(2);

/// A time that has passed, and one that never comes.
const ENDED: i64 = i64::MIN;
const ENDLESS: i64 = i64::MAX;

/// How long leases last over a server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) lease_ms: i64,
    pub(super) renew: Duration,
    /// Others serve the realm, too, and may take over when the time is over: then a holder that could not renew stops itself before.
    pub(super) shared: bool,
}

impl Terms {
    pub(super) fn of(config: &Config, shared: bool) -> Self {
        Self { lease_ms: config.lease_ms.into(), renew: Duration::from_millis(config.lease_renew_ms.into()), shared }
    }

    /// When a holder stops itself that has renewed last when this time was asked for.
    fn end_ms(self, asked_ms: i64) -> i64 {
        if self.shared { asked_ms + self.lease_ms * 2 / 3 } else { ENDLESS }
    }
}

/// A process as a holder of leases, from its listing to its end. After the end it is never one again: a new one is listed.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) id: i64,
    /// By the steady clock; from then on nothing is written any more.
    until_ms: AtomicI64,
    /// Leases that were dropped without being given back: character and epoch. Bounded by what is held.
    dropped: Mutex<Vec<(CharacterId, i64)>>,
    /// Told of each of them, and of the end.
    changed: Notify,
}

impl Holder {
    pub(super) fn endless(id: i64) -> Self {
        Self::until(id, ENDLESS)
    }

    fn until(id: i64, until_ms: i64) -> Self {
        Self { id, until_ms: AtomicI64::new(until_ms), dropped: Mutex::default(), changed: Notify::new() }
    }

    /// May something be written under its leases at this moment?
    pub(super) fn is_alive(&self, steady_ms: i64) -> bool {
        faults::has(Bug::HolderNeverStops) || steady_ms < self.until_ms.load(Ordering::Acquire)
    }

    /// True from its end on, which comes when it could not renew, or was found lapsed.
    pub(super) fn has_ended(&self) -> bool {
        self.until_ms.load(Ordering::Acquire) == ENDED
    }

    pub(super) fn end(&self) {
        self.until_ms.store(ENDED, Ordering::Release);
        self.changed.notify_one();
    }

    /// Puts its end off, unless that has come.
    fn put_off(&self, until_ms: i64) {
        let later = |before: i64| (before != ENDED).then_some(before.max(until_ms));
        // An end that has come stays.
        let _ = self.until_ms.fetch_update(Ordering::AcqRel, Ordering::Acquire, later);
    }

    /// Somebody dropped a lease.
    pub(super) fn drop_lease(&self, character: CharacterId, epoch: i64) {
        self.dropped.lock().unwrap_or_else(PoisonError::into_inner).push((character, epoch));
        self.changed.notify_one();
    }

    fn take_dropped(&self) -> Vec<(CharacterId, i64)> {
        std::mem::take(&mut *self.dropped.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// This process as a holder, one after the other.
pub(super) struct Holders {
    storage: Storage,
    /// `None` over a file.
    terms: Option<Terms>,
    current: watch::Sender<Arc<Holder>>,
    /// How many have ended.
    ends: watch::Sender<u64>,
    /// The realm is stopping: there is no next one.
    stopped: AtomicBool,
}

impl Holders {
    /// Frees what a former process over the same data folder left, and what has lapsed; lists this one.
    pub(super) async fn start(storage: Storage, terms: Terms) -> Result<Self, StorageError> {
        let asked_ms = storage.steady_ms();
        let (id, own) = (new_id(&storage), storage.clone());
        let (freed, on_server) = storage
            .write::<_, StorageError, _>(move |connection| {
                Box::pin(async move {
                    let on_server = storage::is_shared(connection);
                    let folder = on_server.then(|| own.folder_key());
                    store::holders::strike_folder(connection, folder).await?;
                    let freed = list(&own, connection, id, on_server.then_some(terms)).await?;
                    Ok((freed, on_server))
                })
            })
            .await?;
        if freed > 0 {
            tracing::info!(freed, "characters left in games were freed");
        }
        let terms = on_server.then_some(terms);
        let until_ms = terms.map_or(ENDLESS, |terms| terms.end_ms(asked_ms));
        let current = watch::Sender::new(Arc::new(Holder::until(id, until_ms)));
        Ok(Self { storage, terms, current, ends: watch::Sender::new(0), stopped: AtomicBool::new(false) })
    }

    pub(super) fn current(&self) -> Arc<Holder> {
        Arc::clone(&self.current.borrow())
    }

    /// Changes whenever a holder has ended: what was held is held no more.
    pub(super) fn ends(&self) -> watch::Receiver<u64> {
        self.ends.subscribe()
    }

    /// Renews, or lists a new holder when the former has ended. Answers with whether it went well.
    pub(super) async fn renew(&self) -> bool {
        let holder = self.current();
        let ended = holder.has_ended() || !holder.is_alive(self.storage.steady_ms());
        let outcome = if ended { self.replace(&holder).await } else { self.put_off(&holder).await };
        if let Err(error) = &outcome {
            tracing::debug!(%error, "leases could not be renewed; tried again");
        }
        outcome.is_ok()
    }

    async fn put_off(&self, holder: &Arc<Holder>) -> Result<(), StorageError> {
        let (asked_ms, dropped, terms) = (self.storage.steady_ms(), holder.take_dropped(), self.terms);
        if terms.is_none() && dropped.is_empty() {
            return Ok(());
        }
        let (own, given_back, storage) = (Arc::clone(holder), dropped.clone(), self.storage.clone());
        let renewal = self.storage.write_urgently::<_, StorageError, _>(move |connection| {
            Box::pin(async move {
                for (character, epoch) in given_back {
                    store::release(connection, character, epoch).await?;
                }
                // Nobody waits for it any more: others need not wait for its end.
                let Some(terms) = terms.filter(|_| !own.has_ended()) else { return Ok(true) };
                let now_ms = storage.shared_now_ms(connection).await?;
                free_lapsed(connection, own.id, now_ms).await?;
                store::holders::renew(connection, own.id, now_ms + terms.lease_ms).await
            })
        });
        match self.before_its_end(holder, renewal).await {
            Some(Ok(true)) => {
                if let Some(terms) = terms {
                    holder.put_off(terms.end_ms(asked_ms));
                }
                Ok(())
            }
            Some(Ok(false)) => {
                self.end(holder, "others found its time over and took its characters");
                Ok(())
            }
            Some(Err(error)) => {
                dropped.into_iter().for_each(|(character, epoch)| holder.drop_lease(character, epoch));
                Err(error)
            }
            None => {
                self.end(holder, "the database did not take its renewal in time");
                Ok(())
            }
        }
    }

    /// Waits for a renewal until the holder has to stop itself.
    async fn before_its_end<T>(&self, holder: &Holder, renewal: impl Future<Output = T>) -> Option<T> {
        let end = async {
            loop {
                let left_ms = holder.until_ms.load(Ordering::Acquire).saturating_sub(self.storage.steady_ms());
                let Ok(left_ms @ 1..) = u64::try_from(left_ms) else { return };
                tokio::time::sleep(Duration::from_millis(left_ms.min(LEASE_MS_MAX.unsigned_abs()))).await;
            }
        };
        tokio::select! {
            biased;
            done = renewal => Some(done),
            () = end => None,
        }
    }

    fn end(&self, holder: &Holder, why: &str) {
        holder.end();
        metrics::counter!("realm_lease_holders_ended_total").increment(1);
        tracing::error!(
            why,
            "this node holds no leases any more: its characters leave their games as they were last saved"
        );
        self.ends.send_modify(|ends| *ends += 1);
    }

    /// Lists a new holder. What the former held is free from then on: nothing more is written under it.
    async fn replace(&self, former: &Arc<Holder>) -> Result<(), StorageError> {
        if self.stopped.load(Ordering::Acquire) {
            return Ok(());
        }
        if !former.has_ended() {
            self.end(former, "it could not renew them in time");
        }
        let asked_ms = self.storage.steady_ms();
        let (former, id, terms, storage) = (former.id, new_id(&self.storage), self.terms, self.storage.clone());
        self.storage
            .write::<_, StorageError, _>(move |connection| {
                Box::pin(async move {
                    store::holders::strike(connection, former).await?;
                    list(&storage, connection, id, terms).await
                })
            })
            .await?;
        let until_ms = terms.map_or(ENDLESS, |terms| terms.end_ms(asked_ms));
        self.current.send_replace(Arc::new(Holder::until(id, until_ms)));
        tracing::info!("this node takes leases again");
        Ok(())
    }

    /// Gives everything back: nothing is written any more.
    pub(super) async fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        let holder = self.current();
        holder.end();
        let id = holder.id;
        let struck = self.storage.write::<_, StorageError, _>(move |connection| {
            Box::pin(async move {
                store::holders::strike(connection, id).await?;
                store::holders::free_unheld(connection).await
            })
        });
        match tokio::time::timeout(FAREWELL_WAIT, struck).await {
            Ok(Ok(0)) => {}
            Ok(Ok(freed)) => tracing::warn!(freed, "characters were given back without their last save"),
            Ok(Err(error)) => tracing::warn!(%error, "leases were not given back; they lapse by themselves"),
            Err(_) => tracing::warn!("leases were not given back in time; they lapse by themselves"),
        }
    }
}

fn new_id(storage: &Storage) -> i64 {
    storage.ids().next::<kind::LeaseHolder>(storage.now_ms()).to_sql()
}

/// Frees what nobody holds and lists a holder; answers with how many characters were freed.
async fn list(
    storage: &Storage,
    connection: &mut Connection,
    id: i64,
    terms: Option<Terms>,
) -> Result<u64, StorageError> {
    let until_ms = match terms {
        Some(terms) => {
            let now_ms = storage.shared_now_ms(connection).await?;
            store::holders::strike_lapsed(connection, id, now_ms, now_ms + LEASE_MS_MAX).await?;
            now_ms + terms.lease_ms
        }
        None => ENDLESS,
    };
    let freed = store::holders::free_unheld(connection).await?;
    store::holders::register(connection, id, storage.node(), storage.folder_key(), until_ms).await?;
    Ok(freed)
}

/// Frees what others hold whose time is over; true when there were such.
pub(super) async fn free_lapsed(connection: &mut Connection, own: i64, now_ms: i64) -> Result<bool, StorageError> {
    if store::holders::strike_lapsed(connection, own, now_ms, now_ms + LEASE_MS_MAX).await? == 0 {
        return Ok(false);
    }
    let freed = store::holders::free_unheld(connection).await?;
    metrics::counter!("realm_lease_takeovers_total").increment(freed);
    tracing::warn!(freed, "a node did not renew its leases; its characters are free");
    Ok(true)
}

/// Renews again and again, as long as anybody needs it.
pub(super) async fn keep(holders: Weak<Holders>) {
    loop {
        let Some(strong) = holders.upgrade().filter(|holders| !holders.stopped.load(Ordering::Acquire)) else { return };
        let went_well = strong.renew().await;
        let (holder, renew) = (strong.current(), strong.terms.map_or(LOOK_EVERY, |terms| terms.renew));
        drop(strong);
        let rest = if went_well && !holder.has_ended() { renew } else { RETRY.min(renew / 10) };
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = holder.changed.notified(), if went_well => {}
        }
    }
}
