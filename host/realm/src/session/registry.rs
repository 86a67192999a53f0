//! Which session an account has: one at most; how many there may be, and who waits for a place. Kept by `Sessions` alone, behind a
//! lock that is never held across an await.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, timeout_at},
};

use super::{
    Config,
    arrival::Arrival,
    queue::{Number, Queue, Ticket},
    resume::ResumeDigest,
};
use crate::types::{AccountId, CloseReason, Code, EventStream, Refusal};

/// A full realm is worth another try after this time …
const FULL_RETRY_MS: u64 = 20_000;
/// … and up to so much more, so that not all come at once.
const FULL_RETRY_SPREAD_MS: u64 = 20_001;

/// How others reach a session's task; cheap to clone.
#[derive(Clone)]
pub(super) struct Handle {
    /// Distinguishes the sessions of one account.
    pub(super) serial: u64,
    /// Key of the realm it is in.
    pub(super) realm: Arc<str>,
    pub(super) resume: ResumeDigest,
    pub(super) events: EventStream,
    /// Boxed, because a channel takes room for 32 of what it holds at once.
    pub(super) arrivals: mpsc::Sender<Box<Arrival>>,
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

/// Who wants a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Newcomer {
    pub(super) account: AccountId,
    /// Moderators and owners have places of their own and never wait.
    pub(super) staff: bool,
    /// The place in the queue from which they were called.
    pub(super) called: Option<Number>,
}

/// What a wish for a session led to.
pub(super) enum Opened {
    /// The session is there; the older one of the same account is the caller's to end.
    Session(Option<Handle>),
    /// The realm is full: wait with this.
    Queued(Ticket),
}

/// The sessions by account.
pub(super) struct Registry {
    sessions: HashMap<AccountId, Handle>,
    players_max: usize,
    staff_reserve: usize,
    queue: Queue,
    /// Rises whenever the queue moves on.
    queue_moves: watch::Sender<u64>,
    refused: u64,
    stopping: bool,
}

impl Registry {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            sessions: HashMap::new(),
            players_max: config.players_max,
            staff_reserve: config.staff_reserve,
            queue: Queue::new(config.queue_max),
            queue_moves: watch::Sender::new(0),
            refused: 0,
            stopping: false,
        }
    }

    /// The account's session, if `token` is its resume token and it has not ended.
    pub(super) fn resumable(&self, account: AccountId, token: &str) -> Option<Handle> {
        let handle = self.sessions.get(&account)?;
        let live = !self.stopping && handle.events.closed().is_none();
        (live && handle.resume.matches(token)).then(|| handle.clone())
    }

    /// Registers a new session, or lets its owner wait when the realm is full. Who has a session already needs no place.
    ///
    /// # Errors
    /// When the realm stops, or is full and the queue as well.
    pub(super) fn open(&mut self, newcomer: Newcomer, handle: Handle) -> Result<Opened, Refusal> {
        let Newcomer { account, staff, called } = newcomer;
        let kept = called.is_some_and(|number| self.queue.come(number));
        if self.stopping {
            return Err(Refusal::retry(Code::RealmStopping, "The realm is stopping; come back soon.", 5_000));
        }
        if !kept && !self.sessions.contains_key(&account) {
            let taken = self.sessions.len() + self.queue.kept();
            let has_place = if staff {
                taken < self.players_max.saturating_add(self.staff_reserve)
            } else {
                taken < self.players_max && self.queue.waiting() == 0
            };
            if !has_place {
                let ticket = if staff { None } else { self.queue.stand(account, replaced) };
                return ticket.map(Opened::Queued).ok_or_else(|| self.full());
            }
        }
        Ok(Opened::Session(self.sessions.insert(account, handle)))
    }

    /// The answer to who finds no place, or has waited for one too long.
    pub(super) fn full(&mut self) -> Refusal {
        self.refused += 1;
        // A stride without a common factor with the spread.
        let spread_ms = self.refused.wrapping_mul(1_237) % FULL_RETRY_SPREAD_MS;
        Refusal::retry(Code::RealmFull, "The realm is full; try again in a while.", FULL_RETRY_MS + spread_ms)
    }

    /// Somebody waits no longer.
    pub(super) fn leave_queue(&mut self, number: Number) {
        if self.queue.leave(number) {
            self.move_queue();
        }
    }

    /// The place of a number in the queue, from 1, and how many wait.
    pub(super) fn queue_position(&self, number: Number) -> Option<(usize, usize)> {
        self.queue.position(number)
    }

    /// How many wait.
    pub(super) fn queued(&self) -> usize {
        self.queue.waiting()
    }

    /// Tells when the queue has moved on.
    pub(super) fn queue_moves(&self) -> watch::Receiver<u64> {
        self.queue_moves.subscribe()
    }

    /// Calls as many as there are places.
    fn move_queue(&mut self) {
        while self.sessions.len() + self.queue.kept() < self.players_max && self.queue.call() {}
        self.queue_moves.send_modify(|moves| *moves += 1);
    }

    /// Registers a session of the last run of the realm, if its account has none yet.
    pub(super) fn restore(&mut self, account: AccountId, handle: Handle) {
        self.sessions.entry(account).or_insert(handle);
    }

    /// Forgets a session that has ended. False when a newer one has taken its place.
    pub(super) fn close(&mut self, account: AccountId, serial: u64) -> bool {
        let current = self.sessions.get(&account).is_some_and(|handle| handle.serial == serial);
        if current {
            self.sessions.remove(&account);
            if self.queue.waiting() > 0 {
                self.move_queue();
            }
        }
        current
    }

    /// The account's session.
    pub(super) fn get(&self, account: AccountId) -> Option<Handle> {
        self.sessions.get(&account).cloned()
    }

    /// All sessions.
    pub(super) fn all(&self) -> Vec<(AccountId, Handle)> {
        self.sessions.iter().map(|(account, handle)| (*account, handle.clone())).collect()
    }

    /// Lets no more sessions in, sends away who waits for one, and gives those there are.
    pub(super) fn stop(&mut self) -> Vec<Handle> {
        self.stopping = true;
        let (waiting, mut index) = (self.queue.waiting(), 0);
        self.queue.clear(|| {
            index += 1;
            stopping(index - 1, waiting)
        });
        self.sessions.values().cloned().collect()
    }
}

/// Told to a connection whose account came again.
pub(super) fn replaced() -> CloseReason {
    CloseReason {
        code: Code::SessionReplaced,
        message: "Your account logged in elsewhere; only one connection at a time is possible.".to_owned(),
        reconnect_after_ms: 0,
    }
}

/// Told to the client with this number among so many when the realm stops.
pub(super) fn stopping(index: usize, clients: usize) -> CloseReason {
    CloseReason {
        code: Code::RealmStopping,
        message: "The realm is stopping; come back soon.".to_owned(),
        reconnect_after_ms: u64::try_from(reconnect_after(index, clients).as_millis()).unwrap_or(u64::MAX),
    }
}

/// When the client with this number among so many shall come back to a realm that restarts: after a second, then one after the other,
/// so that not all come at once.
fn reconnect_after(index: usize, clients: usize) -> Duration {
    const FIRST_MS: u64 = 1_000;
    const PER_CLIENT_MS: u64 = 2;
    /// Few clients are spread over this time.
    const SPREAD_MIN_MS: u64 = 1_000;
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let spread_ms = number(clients).saturating_mul(PER_CLIENT_MS).max(SPREAD_MIN_MS);
    let step_ms = spread_ms.saturating_mul(number(index)) / number(clients).max(1);
    Duration::from_millis(FIRST_MS.saturating_add(step_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        session::{queue::Call, resume::ResumeToken},
        types::RingLimits,
    };

    fn account(key: u64) -> AccountId {
        AccountId::from_raw(key)
    }

    fn session(serial: u64) -> (Handle, ResumeToken, mpsc::Receiver<Box<Arrival>>) {
        let token = ResumeToken::fresh();
        let (arrivals, receiver) = mpsc::channel(1);
        let handle = Handle {
            serial,
            realm: "main".into(),
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

    fn newcomer(key: u64) -> Newcomer {
        Newcomer { account: account(key), staff: false, called: None }
    }

    /// The serial of the session that was replaced, or why there is none yet.
    fn open(registry: &mut Registry, key: u64, handle: Handle) -> Result<Option<u64>, Code> {
        match registry.open(newcomer(key), handle) {
            Ok(Opened::Session(replaced)) => Ok(replaced.map(|older| older.serial)),
            Ok(Opened::Queued(ticket)) => {
                // Nobody looks for it again, but its place is taken.
                std::mem::forget(ticket);
                Err(Code::RealmFull)
            }
            Err(refusal) => Err(refusal.code),
        }
    }

    #[test]
    fn a_new_session_replaces_the_older_of_the_same_account_only() {
        let mut registry = Registry::new(&Config::default());
        let ((first, ..), (second, ..), (other, ..)) = (session(1), session(2), session(3));
        assert_eq!(open(&mut registry, 1, first), Ok(None));
        assert_eq!(open(&mut registry, 2, other), Ok(None));
        assert_eq!(open(&mut registry, 1, second), Ok(Some(1)));
        assert!(!registry.close(account(1), 1), "the older one's end does not touch the newer");
        assert!(registry.close(account(1), 2));
        assert!(registry.get(account(1)).is_none());
        assert!(registry.get(account(2)).is_some());
    }

    #[test]
    fn only_the_right_token_of_the_same_account_resumes() {
        let mut registry = Registry::new(&Config::default());
        let ((handle, token, _mailbox), (other, other_token, _other_mailbox)) = (session(1), session(2));
        open(&mut registry, 1, handle.clone()).unwrap();
        open(&mut registry, 2, other).unwrap();
        assert_eq!(registry.resumable(account(1), token.as_str()).unwrap().serial, 1);
        assert!(registry.resumable(account(1), other_token.as_str()).is_none());
        assert!(registry.resumable(account(2), token.as_str()).is_none(), "a token is of use to its account alone");
        assert!(registry.resumable(account(1), "").is_none());
        handle.end(reason(Code::LoggedOut));
        assert!(registry.resumable(account(1), token.as_str()).is_none(), "what has ended does not come back");
    }

    fn small(players_max: usize, staff_reserve: usize, queue_max: usize) -> Registry {
        Registry::new(&Config { players_max, staff_reserve, queue_max, ..Config::default() })
    }

    #[test]
    fn a_full_realm_refuses_newcomers_but_not_those_who_come_again() {
        let mut registry = small(1, 0, 0);
        open(&mut registry, 1, session(1).0).unwrap();
        assert_eq!(open(&mut registry, 2, session(2).0), Err(Code::RealmFull));
        assert_eq!(open(&mut registry, 1, session(3).0), Ok(Some(1)));
        let waits: std::collections::HashSet<_> = (0..1_000).map(|_| registry.full().retry_after_ms.unwrap()).collect();
        assert!(waits.len() == 1_000 && waits.iter().all(|wait| (20_000..=40_000).contains(wait)));
    }

    #[test]
    fn staff_has_places_of_its_own_and_never_waits() {
        let mut registry = small(1, 1, 8);
        let staff = |key| Newcomer { account: account(key), staff: true, called: None };
        open(&mut registry, 1, session(1).0).unwrap();
        assert_eq!(open(&mut registry, 2, session(2).0), Err(Code::RealmFull), "it waits");
        assert!(matches!(registry.open(staff(3), session(3).0), Ok(Opened::Session(None))));
        assert_eq!(registry.open(staff(4), session(4).0).err().map(|refusal| refusal.code), Some(Code::RealmFull));
    }

    #[test]
    fn a_place_that_becomes_free_goes_to_the_first_who_waits_and_to_nobody_else() {
        let mut registry = small(1, 0, 8);
        open(&mut registry, 1, session(1).0).unwrap();
        let Ok(Opened::Queued(mut first)) = registry.open(newcomer(2), session(2).0) else { panic!("no queue") };
        let Ok(Opened::Queued(second)) = registry.open(newcomer(3), session(3).0) else { panic!("no queue") };
        assert!(registry.close(account(1), 1));
        assert_eq!(first.call.try_recv(), Ok(Call::Come));
        assert_eq!(open(&mut registry, 4, session(4).0), Err(Code::RealmFull), "the place is kept");
        let called = Newcomer { called: Some(first.number), ..newcomer(2) };
        assert!(matches!(registry.open(called, session(5).0), Ok(Opened::Session(None))));
        assert_eq!(registry.queue_position(second.number), Some((1, 2)));
        // Who was called and does not come makes room for the next.
        assert!(registry.close(account(2), 5));
        registry.leave_queue(second.number);
        assert_eq!((registry.queued(), registry.queue.kept()), (0, 1), "the fourth was called");
    }

    #[test]
    fn a_stopping_realm_lets_nobody_in_and_nobody_back() {
        let mut registry = Registry::new(&Config::default());
        let (handle, token, _mailbox) = session(1);
        open(&mut registry, 1, handle).unwrap();
        assert_eq!(registry.stop().len(), 1);
        assert_eq!(open(&mut registry, 2, session(2).0), Err(Code::RealmStopping));
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
    fn clients_come_back_one_after_the_other() {
        for (clients, last_ms) in [(1, 1_000), (10, 1_900), (2_000, 4_998), (20_000, 40_998)] {
            let waits: Vec<_> = (0..clients).map(|index| reconnect_after(index, clients)).collect();
            assert!(waits.is_sorted() && waits[0] == Duration::from_secs(1));
            assert_eq!(waits[clients - 1].as_millis(), last_ms);
            assert_eq!(waits.iter().collect::<std::collections::HashSet<_>>().len(), clients);
        }
    }
}
