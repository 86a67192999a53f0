//! The live token sessions, in memory: what every request is checked against.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicI64, Ordering},
    },
};

use tokio::sync::watch;

use super::Identity;
use crate::types::{AccountId, SessionId};

/// A session's activity is stored at the latest when it is this much newer than what is stored.
const ACTIVITY_STORED_EVERY_MS: i64 = 10 * 60_000;

/// One session.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) identity: Identity,
    pub(super) expires_ms: i64,
    active_ms: AtomicI64,
    stored_ms: AtomicI64,
    /// From where it was used last, as far as that is known.
    address: Mutex<Option<IpAddr>>,
    ended: watch::Sender<bool>,
}

impl Live {
    pub(super) fn new(identity: Identity, address: Option<IpAddr>, active_ms: i64, expires_ms: i64) -> Self {
        Self {
            identity,
            address: Mutex::new(address),
            expires_ms,
            active_ms: AtomicI64::new(active_ms),
            stored_ms: AtomicI64::new(active_ms),
            ended: watch::Sender::new(false),
        }
    }

    pub(super) fn touch(&self, now_ms: i64) {
        self.active_ms.fetch_max(now_ms, Ordering::Relaxed);
    }

    /// Notes from where it is used.
    pub(super) fn used_from(&self, address: IpAddr) {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
    }

    fn address(&self) -> Option<IpAddr> {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn active_ms(&self) -> i64 {
        self.active_ms.load(Ordering::Relaxed)
    }

    fn stored_ms(&self) -> i64 {
        self.stored_ms.load(Ordering::Relaxed)
    }

    /// Notes that an activity has been stored.
    pub(super) fn stored(&self, active_ms: i64) {
        self.stored_ms.fetch_max(active_ms, Ordering::Relaxed);
    }

    pub(super) fn expired(&self, now_ms: i64, idle_ms: i64) -> bool {
        now_ms >= self.expires_ms || now_ms - self.active_ms() >= idle_ms
    }

    /// True while somebody waits for its end: a connection is open on it, which counts as activity.
    pub(super) fn in_use(&self) -> bool {
        self.ended.receiver_count() > 0
    }
}

/// What a sweep found; bounded by the sessions that there are.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    pub(super) expired: Vec<SessionId>,
    /// Sessions whose activity is to be stored.
    pub(super) active: Vec<Arc<Live>>,
}

/// Bounded: an account has at most `SESSIONS_PER_ACCOUNT_MAX`, and all together [`Self::SESSIONS_MAX`].
#[derive(Debug, Default)]
pub(super) struct Sessions(RwLock<HashMap<SessionId, Arc<Live>>>);

impl Sessions {
    /// Sessions of all accounts together; beyond, log-ins are told to come back later.
    pub(super) const SESSIONS_MAX: usize = 1_000_000;

    pub(super) fn insert(&self, live: Live) {
        self.write().insert(live.identity.session, Arc::new(live));
    }

    pub(super) fn get(&self, session: SessionId) -> Option<Arc<Live>> {
        self.read().get(&session).cloned()
    }

    pub(super) fn is_full(&self) -> bool {
        self.read().len() >= Self::SESSIONS_MAX
    }

    /// Takes sessions out and tells whoever waits for their end.
    pub(super) fn end(&self, sessions: &[SessionId]) {
        let mut all = self.write();
        for session in sessions {
            if let Some(live) = all.remove(session) {
                live.ended.send_replace(true);
            }
        }
    }

    /// Takes every session of an account out and tells whoever waits for their end.
    pub(super) fn end_of(&self, account: AccountId) {
        for (_, live) in self.write().extract_if(|_, live| live.identity.account == account) {
            live.ended.send_replace(true);
        }
    }

    /// The sessions of an account but one are taken out, and whoever waits for their end is told.
    pub(super) fn end_others(&self, account: AccountId, kept: SessionId) {
        let other = |live: &Live| live.identity.account == account && live.identity.session != kept;
        for (_, live) in self.write().extract_if(|_, live| other(live)) {
            live.ended.send_replace(true);
        }
    }

    /// The sessions that were used last from addresses of which this is true.
    pub(super) fn used_from(&self, is_meant: impl Fn(IpAddr) -> bool) -> Vec<SessionId> {
        let meant = |live: &&Arc<Live>| live.address().is_some_and(&is_meant);
        self.read().values().filter(meant).map(|live| live.identity.session).collect()
    }

    pub(super) fn watch_end(&self, session: SessionId) -> Option<watch::Receiver<bool>> {
        self.read().get(&session).map(|live| live.ended.subscribe())
    }

    /// Notes the activity of sessions in use, and lists what something is to be done about; those whose activity was stored
    /// longest ago come first.
    pub(super) fn sweep(&self, now_ms: i64, idle_ms: i64) -> Sweep {
        let mut sweep = Sweep::default();
        for live in self.read().values() {
            if live.in_use() {
                live.touch(now_ms);
            }
            if live.expired(now_ms, idle_ms) {
                sweep.expired.push(live.identity.session);
            } else if live.active_ms() - live.stored_ms() >= ACTIVITY_STORED_EVERY_MS {
                sweep.active.push(Arc::clone(live));
            }
        }
        sweep.active.sort_unstable_by_key(|live| live.stored_ms());
        sweep
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<SessionId, Arc<Live>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<SessionId, Arc<Live>>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
