//! Argon2id on a bounded number of threads of their own, so that log-ins never take the time of the games.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    time::Duration,
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{self, PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use tokio::sync::oneshot;

use super::{AccountsError, secret};
use crate::{
    storage::StorageError,
    types::{Urgency, spawn_thread},
};

/// Memory of one computation.
const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// How long a caller waits for its answer.
const ANSWER_WAIT: Duration = Duration::from_secs(20);

enum Work {
    Hash { password: String, reply: oneshot::Sender<password_hash::Result<String>> },
    Verify { password: String, phc: Arc<str>, reply: oneshot::Sender<password_hash::Result<bool>> },
}

/// The threads and the queue before them. The threads end when this is dropped.
pub(super) struct Hashing {
    queue: SyncSender<Work>,
    /// A hash that no password has: an unknown name costs the same as a known one.
    dummy: Arc<str>,
}

impl Hashing {
    pub(super) fn start(threads: usize, queue_max: usize) -> Result<Self, StorageError> {
        let (queue, work) = sync_channel(queue_max.max(1));
        let work = Arc::new(Mutex::new(work));
        for number in 0..threads.max(1) {
            let work = Arc::clone(&work);
            spawn_thread(format!("passwords-{number}"), Urgency::Background, move || compute_all(&work)).map_err(
                |problem| StorageError::Folder(format!("no thread for passwords could be started: {problem}")),
            )?;
        }
        let dummy = hash(&secret::new_refresh()).map_err(|error| failed(&error))?;
        Ok(Self { queue, dummy: dummy.into() })
    }

    /// The PHC string of a password.
    pub(super) async fn hash(&self, password: String) -> Result<String, AccountsError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Work::Hash { password, reply }, answer).await
    }

    /// Is this the password? `None` for an account that does not exist costs the same and is never true.
    pub(super) async fn verify(&self, password: String, phc: Option<String>) -> Result<bool, AccountsError> {
        let known = phc.is_some();
        let phc = phc.map_or_else(|| Arc::clone(&self.dummy), Arc::from);
        let (reply, answer) = oneshot::channel();
        let matches = self.ask(Work::Verify { password, phc, reply }, answer).await?;
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

fn compute_all(work: &Mutex<Receiver<Work>>) {
    loop {
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        // A caller that has gone costs nothing more, and needs no answer.
        match next {
            Ok(Work::Hash { password, reply }) if !reply.is_closed() => {
                let _ = reply.send(hash(&password));
            }
            Ok(Work::Verify { password, phc, reply }) if !reply.is_closed() => {
                let _ = reply.send(verify(&password, &phc));
            }
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

fn argon2() -> Argon2<'static> {
    let parameters = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are legal");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
}

fn hash(password: &str) -> password_hash::Result<String> {
    let phc: PasswordHash = argon2().hash_password(password.as_bytes())?;
    Ok(phc.to_string())
}

fn verify(password: &str, phc: &str) -> password_hash::Result<bool> {
    let phc = PasswordHash::new(phc).map_err(|_| password_hash::Error::EncodingInvalid)?;
    match argon2().verify_password(password.as_bytes(), &phc) {
        Ok(()) => Ok(true),
        Err(password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn hashes_carry_exactly_the_decided_parameters() {
        let hashing = Hashing::start(1, 4).unwrap();
        let phc = hashing.hash("ninety-nine levels".to_owned()).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(hashing.verify("ninety-nine levels".to_owned(), Some(phc.clone())).await.unwrap());
        assert!(!hashing.verify("ninety-nine level".to_owned(), Some(phc)).await.unwrap());
        assert!(!hashing.verify("ninety-nine levels".to_owned(), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_full_queue_is_told_at_once() {
        let (queue, work) = sync_channel(1);
        let hashing = Hashing { queue, dummy: "".into() };
        assert!(hashing.hash("first password".to_owned()).now_or_never().is_none(), "waits in the queue");
        assert!(matches!(hashing.hash("second password".to_owned()).await, Err(AccountsError::Busy)));
        drop(work);
        assert!(matches!(hashing.hash("third password".to_owned()).await, Err(AccountsError::Busy)));
    }
}
