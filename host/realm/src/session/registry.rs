//! Which session an account has: one at most. Kept by `Sessions` alone, behind a lock that is never held across an await.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, timeout_at},
};

use super::{arrival::Arrival, resume::ResumeDigest};
use crate::types::{AccountId, CloseReason, Code, EventStream, Refusal};

/// Sessions at once, connected or waiting for their connection to come back.
const SESSIONS_MAX: usize = 20_000;

/// When a full realm is worth another try.
const FULL_RETRY_MS: u64 = 30_000;

/// How others reach a session's task; cheap to clone.
#[derive(Clone)]
pub(super) struct Handle {
    /// Distinguishes the sessions of one account.
    pub(super) serial: u64,
    pub(super) resume: ResumeDigest,
    pub(super) events: EventStream,
    pub(super) arrivals: mpsc::Sender<Arrival>,
    pub(super) wake: Arc<Notify>,
}

impl Handle {
    /// Ends the session: its client is told at once, its task cleans up when its current request is done.
    pub(super) fn end(&self, reason: CloseReason) {
        self.events.close(reason);
        self.wake.notify_one();
    }

    /// Waits until the session's task has ended, but no longer than until `deadline`. True when it has.
    pub(super) async fn ended_before(&self, deadline: Instant) -> bool {
        timeout_at(deadline, self.arrivals.closed()).await.is_ok()
    }
}

/// The sessions by account.
pub(super) struct Registry {
    sessions: HashMap<AccountId, Handle>,
    sessions_max: usize,
    stopping: bool,
}

impl Registry {
    pub(super) fn new() -> Self {
        Self { sessions: HashMap::new(), sessions_max: SESSIONS_MAX, stopping: false }
    }

    /// The account's session, if `token` is its resume token and it has not ended.
    pub(super) fn resumable(&self, account: AccountId, token: &str) -> Option<Handle> {
        let handle = self.sessions.get(&account)?;
        let live = !self.stopping && handle.events.closed().is_none();
        (live && handle.resume.matches(token)).then(|| handle.clone())
    }

    /// Registers a new session and gives back the one it replaces, which the caller ends.
    ///
    /// # Errors
    /// When the realm stops or is full.
    pub(super) fn open(&mut self, account: AccountId, handle: Handle) -> Result<Option<Handle>, Refusal> {
        if self.stopping {
            return Err(Refusal::retry(Code::RealmStopping, "The realm is stopping; come back soon.", 5_000));
        }
        if self.sessions.len() >= self.sessions_max && !self.sessions.contains_key(&account) {
            return Err(Refusal::retry(Code::RealmFull, "The realm is full; try again in a while.", FULL_RETRY_MS));
        }
        Ok(self.sessions.insert(account, handle))
    }

    /// Forgets a session that has ended. False when a newer one has taken its place.
    pub(super) fn close(&mut self, account: AccountId, serial: u64) -> bool {
        let current = self.sessions.get(&account).is_some_and(|handle| handle.serial == serial);
        if current {
            self.sessions.remove(&account);
        }
        current
    }

    /// The account's session.
    pub(super) fn get(&self, account: AccountId) -> Option<Handle> {
        self.sessions.get(&account).cloned()
    }

    /// Lets no more sessions in and gives those there are.
    pub(super) fn stop(&mut self) -> Vec<Handle> {
        self.stopping = true;
        self.sessions.values().cloned().collect()
    }
}

/// When the client with this number shall come back to a realm that restarts: 1 to 5 seconds, so that not all come at once.
pub(super) fn reconnect_after(index: usize) -> Duration {
    const FIRST_MS: u64 = 1_000;
    const SPREAD_MS: u64 = 4_001;
    // A stride without a common factor with the spread visits every moment before it repeats one.
    const STRIDE_MS: u64 = 1_237;
    let step = u64::try_from(index).unwrap_or(0).wrapping_mul(STRIDE_MS) % SPREAD_MS;
    Duration::from_millis(FIRST_MS + step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{session::resume::ResumeToken, types::RingLimits};

    fn account(key: u64) -> AccountId {
        AccountId::from_raw(key)
    }

    fn session(serial: u64) -> (Handle, ResumeToken, mpsc::Receiver<Arrival>) {
        let token = ResumeToken::fresh();
        let (arrivals, receiver) = mpsc::channel(1);
        let handle = Handle {
            serial,
            resume: token.digest(),
            events: EventStream::new(RingLimits { events_max: 8, bytes_max: 1_000 }),
            arrivals,
            wake: Arc::new(Notify::new()),
        };
        (handle, token, receiver)
    }

    fn reason(code: Code) -> CloseReason {
        CloseReason { code, message: String::new(), reconnect_after_ms: 0 }
    }

    #[test]
    fn a_new_session_replaces_the_older_of_the_same_account_only() {
        let mut registry = Registry::new();
        let ((first, ..), (second, ..), (other, ..)) = (session(1), session(2), session(3));
        assert!(registry.open(account(1), first).unwrap().is_none());
        assert!(registry.open(account(2), other).unwrap().is_none());
        assert_eq!(registry.open(account(1), second).unwrap().unwrap().serial, 1);
        assert!(!registry.close(account(1), 1), "the older one's end does not touch the newer");
        assert!(registry.close(account(1), 2));
        assert!(registry.get(account(1)).is_none());
        assert!(registry.get(account(2)).is_some());
    }

    #[test]
    fn only_the_right_token_of_the_same_account_resumes() {
        let mut registry = Registry::new();
        let ((handle, token, _mailbox), (other, other_token, _other_mailbox)) = (session(1), session(2));
        registry.open(account(1), handle.clone()).unwrap();
        registry.open(account(2), other).unwrap();
        assert_eq!(registry.resumable(account(1), token.as_str()).unwrap().serial, 1);
        assert!(registry.resumable(account(1), other_token.as_str()).is_none());
        assert!(registry.resumable(account(2), token.as_str()).is_none(), "a token is of use to its account alone");
        assert!(registry.resumable(account(1), "").is_none());
        handle.end(reason(Code::LoggedOut));
        assert!(registry.resumable(account(1), token.as_str()).is_none(), "what has ended does not come back");
    }

    #[test]
    fn a_full_realm_refuses_newcomers_but_not_those_who_come_again() {
        let mut registry = Registry { sessions_max: 1, ..Registry::new() };
        registry.open(account(1), session(1).0).unwrap();
        let refusal = registry.open(account(2), session(2).0).err().unwrap();
        assert_eq!((refusal.code, refusal.retry_after_ms), (Code::RealmFull, Some(FULL_RETRY_MS)));
        assert_eq!(registry.open(account(1), session(3).0).unwrap().unwrap().serial, 1);
    }

    #[test]
    fn a_stopping_realm_lets_nobody_in_and_nobody_back() {
        let mut registry = Registry::new();
        let (handle, token, _mailbox) = session(1);
        registry.open(account(1), handle).unwrap();
        assert_eq!(registry.stop().len(), 1);
        assert_eq!(registry.open(account(2), session(2).0).err().unwrap().code, Code::RealmStopping);
        assert!(registry.resumable(account(1), token.as_str()).is_none());
    }

    #[tokio::test]
    async fn waiting_for_the_end_of_a_session_has_a_deadline() {
        let (handle, _, mailbox) = session(1);
        assert!(!handle.ended_before(Instant::now()).await);
        drop(mailbox);
        assert!(handle.ended_before(Instant::now() + Duration::from_secs(60)).await);
    }

    #[test]
    fn clients_come_back_spread_over_one_to_five_seconds() {
        let waits: std::collections::HashSet<_> = (0..4_001).map(reconnect_after).collect();
        assert_eq!(waits.len(), 4_001);
        assert!(waits.iter().all(|wait| (1_000..=5_000).contains(&wait.as_millis())));
    }
}
