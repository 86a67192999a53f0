//! Argon2id on a bounded number of threads of their own, so that log-ins never take the time of the games.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    time::Duration,
};

use argon2::password_hash;
use tokio::sync::oneshot;

use super::{
    AccountsError, Config,
    argon::{Computer, Cost},
    pace::Pace,
    places::{Place, Places},
    secret,
};
use crate::{
    storage::StorageError,
    types::{Network, Urgency, spawn_thread},
};

/// How long a caller waits for its answer.
const ANSWER_WAIT: Duration = Duration::from_secs(20);

enum Work {
    Hash { place: Place, password: String, reply: oneshot::Sender<password_hash::Result<String>> },
    Verify { place: Place, password: String, phc: Arc<str>, reply: oneshot::Sender<password_hash::Result<bool>> },
}

/// The threads and the queue before them. The threads end when this is dropped.
pub(super) struct Hashing {
    places: Arc<Places>,
    /// As long as there are places.
    queue: SyncSender<Work>,
    /// A hash that no password has: an unknown name costs the same as a known one.
    dummy: Arc<str>,
    cost: Cost,
}

impl Hashing {
    pub(super) fn start(config: &Config) -> Result<Self, StorageError> {
        let threads = config.password_threads.max(1);
        let places_max = config.password_queue_max + threads;
        let places = Places::new(places_max, config.password_queue_per_network_max.max(1));
        let (queue, work) = sync_channel(places_max);
        let work = Arc::new(Mutex::new(work));
        let cost = Cost { memory_kib: config.password_memory_kib, passes: config.password_passes };
        // The first of all tells how long one takes.
        let pace = Arc::<Pace>::default();
        let dummy = Computer::new(cost, Arc::clone(&pace)).hash(&secret::new_refresh());
        let dummy = dummy.map_err(|error| failed(&error))?;
        for number in 0..threads {
            let (work, computer) = (Arc::clone(&work), Computer::new(cost, Arc::clone(&pace)));
            spawn_thread(format!("passwords-{number}"), Urgency::Background, move || compute_all(&work, computer))
                .map_err(|problem| {
                    StorageError::Folder(format!("no thread for passwords could be started: {problem}"))
                })?;
        }
        Ok(Self { places, queue, dummy: dummy.into(), cost })
    }

    /// Was this hash made for less than is asked for now?
    pub(super) fn is_outdated(&self, phc: &str) -> bool {
        self.cost.exceeds(phc)
    }

    /// A hash that no password has.
    pub(super) fn of_nobody(&self) -> String {
        self.dummy.to_string()
    }

    /// A place in the queue, to be taken before anything is looked up for it.
    pub(super) fn place(&self, network: Network) -> Result<Place, AccountsError> {
        self.places.take(network).ok_or(AccountsError::Busy)
    }

    /// The PHC string of a password.
    pub(super) async fn hash(&self, place: Place, password: String) -> Result<String, AccountsError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Work::Hash { place, password, reply }, answer).await
    }

    /// Is this the password? `None` for an account that does not exist costs the same and is never true.
    pub(super) async fn verify(
        &self,
        place: Place,
        password: String,
        phc: Option<String>,
    ) -> Result<bool, AccountsError> {
        let known = phc.is_some();
        let phc = phc.map_or_else(|| Arc::clone(&self.dummy), Arc::from);
        let (reply, answer) = oneshot::channel();
        let matches = self.ask(Work::Verify { place, password, phc, reply }, answer).await?;
        Ok(matches && known)
    }

    async fn ask<T>(
        &self,
        work: Work,
        answer: oneshot::Receiver<password_hash::Result<T>>,
    ) -> Result<T, AccountsError> {
        match self.queue.try_send(work) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => return Err(AccountsError::Busy),
        }
        match tokio::time::timeout(ANSWER_WAIT, answer).await {
            Ok(Ok(Ok(value))) => Ok(value),
            Ok(Ok(Err(error))) => Err(failed(&error).into()),
            Ok(Err(_)) | Err(_) => Err(AccountsError::Busy),
        }
    }
}

fn failed(error: &password_hash::Error) -> StorageError {
    StorageError::Statement(format!("a password could not be hashed: {error}"))
}

fn compute_all(work: &Mutex<Receiver<Work>>, mut computer: Computer) {
    loop {
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        // A caller that has gone costs nothing more, and needs no answer. The place is free before the caller goes on.
        match next {
            Ok(Work::Hash { place, password, reply }) if !reply.is_closed() => {
                let hashed = computer.hash(&password);
                drop(place);
                let _ = reply.send(hashed);
            }
            Ok(Work::Verify { place, password, phc, reply }) if !reply.is_closed() => {
                let verdict = computer.verify(&password, &phc);
                drop(place);
                let _ = reply.send(verdict);
            }
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn network(last: u8) -> Network {
        Network::of([192, 0, 2, last].into())
    }

    #[tokio::test]
    async fn hashes_carry_exactly_the_decided_parameters() {
        let hashing = Hashing::start(&Config::default()).unwrap();
        let place = || hashing.place(network(1)).unwrap();
        let phc = hashing.hash(place(), "ninety-nine levels".to_owned()).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(hashing.verify(place(), "ninety-nine levels".to_owned(), Some(phc.clone())).await.unwrap());
        assert!(!hashing.verify(place(), "ninety-nine level".to_owned(), Some(phc)).await.unwrap());
        assert!(!hashing.verify(place(), "ninety-nine levels".to_owned(), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_full_queue_is_told_at_once_and_one_network_never_fills_it() {
        let (queue, work) = sync_channel(3);
        let cost = Cost { memory_kib: 19_456, passes: 2 };
        let hashing = Hashing { places: Places::new(3, 2), queue, dummy: "".into(), cost };
        let mut waiting = Vec::new();
        for number in [1, 1, 2] {
            let mut hash = Box::pin(hashing.hash(hashing.place(network(number)).unwrap(), "a password".to_owned()));
            assert!((&mut hash).now_or_never().is_none(), "waits in the queue");
            waiting.push(hash);
            let next = hashing.place(network(1));
            assert_eq!(next.is_ok(), waiting.len() < 2, "a network has two places of three");
        }
        assert!(matches!(hashing.place(network(3)), Err(AccountsError::Busy)), "the queue is full");
        // Whoever goes away still has work in the queue: the place is free when it has been passed over.
        drop(waiting);
        assert!(matches!(hashing.place(network(3)), Err(AccountsError::Busy)));
        drop(work.recv().unwrap());
        let place = hashing.place(network(1)).unwrap();
        drop(work);
        assert!(matches!(hashing.hash(place, "a password".to_owned()).await, Err(AccountsError::Busy)));
    }
}
