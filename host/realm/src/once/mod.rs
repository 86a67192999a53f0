//! Requests that may be sent again: of those that carry one Idempotency-Key, one has an effect, and all get its answer.
//!
//! The answer is kept in the transaction of the effect, for 24 hours. A request that was refused is not kept: it changed nothing, and may
//! be tried again under the same key. Knows nothing of what is asked.

mod store;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sha2::{Digest as _, Sha256};

use crate::{
    storage::{Connection, Storage, StorageError, WriteFuture},
    types::{
        Code, Refusal,
        faults::{self, Bug},
    },
};

/// How long an answer is kept.
const KEPT_MS: i64 = 86_400_000;
/// Answers that are kept for one account, one network, or the operator. A further request under a new key is refused and changes nothing.
const KEPT_PER_SCOPE_MAX: i64 = 10_000;
/// How often answers that are older are removed.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);
/// Answers that are removed in one write.
const SWEPT_PER_WRITE_MAX: u16 = 500;
/// Longest key, in characters.
const KEY_CHARACTERS_MAX: usize = 128;

/// Why a request under a key is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefused {
    /// The key was used with another request.
    #[error("the Idempotency-Key was used with another request")]
    Reused,
    /// As many answers are kept for whoever asks as there may be. None is forgotten for it before its time: what was promised of a key holds.
    #[error("too many answers are kept")]
    Full {
        /// When the oldest of them is forgotten.
        retry_after_ms: u64,
    },
}

impl From<KeyRefused> for Refusal {
    fn from(refused: KeyRefused) -> Self {
        match refused {
            KeyRefused::Reused => {
                let sentence = "This Idempotency-Key was used with another request; make a new one for each act.";
                Refusal::new(Code::IdempotencyKeyReused, sentence)
            }
            KeyRefused::Full { retry_after_ms } => {
                let seconds = retry_after_ms.div_ceil(1_000);
                let sentence = format!(
                    "{KEPT_PER_SCOPE_MAX} answers to requests with an Idempotency-Key are kept for you, each for 24 hours; try again in \
                     {seconds} seconds, or send this request without a key."
                );
                Refusal::retry(Code::RateLimited, sentence, retry_after_ms)
            }
        }
    }
}

/// An answer as it is given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The body.
    pub body: String,
    /// The entity tag; empty for none.
    pub tag: String,
}

/// What came of a request.
#[derive(Debug)]
pub enum Answered<T> {
    /// It was done now.
    Now(T),
    /// It had been done before: this was answered then.
    Before(Kept),
}

/// A request that may come again: who asks under which key, what exactly, and how its answer is written.
#[derive(Debug)]
pub struct Once<T> {
    scope: String,
    key: String,
    request: String,
    answer: fn(&T) -> Kept,
    /// Its scope has no other key, and needs no limit.
    is_alone: bool,
}

impl<T> Once<T> {
    /// `realm` is the key of the realm that is asked, `scope` tells whose key it is, `request` are the parts that make the request what it is; secrets are none of them.
    ///
    /// # Errors
    /// When the key is empty, too long, or has other characters than visible ones.
    pub fn new(
        realm: &str,
        scope: String,
        key: &str,
        request: &[&[u8]],
        answer: fn(&T) -> Kept,
    ) -> Result<Self, Refusal> {
        check_key(key)?;
        Ok(Self { scope, key: in_realm(realm, key), request: digest(request), answer, is_alone: false })
    }

    /// The same with a scope that has this one key and no other: nobody has to count what is kept for it.
    #[must_use]
    pub fn alone(self) -> Self {
        Self { is_alone: true, ..self }
    }

    /// What was answered to the request before, if it came before; without waiting for the writer.
    ///
    /// # Errors
    /// When the key was used with another request, or the database does not answer.
    pub async fn before<E: From<StorageError> + From<KeyRefused>>(&self, storage: &Storage) -> Result<Option<Kept>, E> {
        let since_ms = storage.now_ms() - KEPT_MS;
        let found = store::look(storage.reader(), &self.scope, &self.key, since_ms).await?;
        Ok(self.fitting(found)?)
    }

    fn fitting(&self, found: Option<(String, Kept)>) -> Result<Option<Kept>, KeyRefused> {
        match found {
            None => Ok(None),
            Some((request, kept)) if request == self.request => Ok(Some(kept)),
            Some(_) => Err(KeyRefused::Reused),
        }
    }
}

/// Refuses what is no key.
///
/// # Errors
/// When it is empty, too long, or has other characters than visible ones.
pub fn check_key(key: &str) -> Result<(), Refusal> {
    if (1..=KEY_CHARACTERS_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    let sentence = format!("An Idempotency-Key is 1 to {KEY_CHARACTERS_MAX} visible characters, for example a UUID.");
    Err(Refusal::new(Code::IdempotencyKeyInvalid, sentence))
}

/// The parts that make a request what it is, in short.
#[must_use]
pub fn digest(request: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    for part in request {
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a request came to that cannot be carried out now: the answer of the same request, if that did it meanwhile, or the problem.
///
/// # Errors
/// The problem, and as [`Once::before`].
pub async fn done_meanwhile<T, E>(storage: &Storage, once: Option<&Once<T>>, problem: E) -> Result<Answered<T>, E>
where
    E: From<StorageError> + From<KeyRefused>,
{
    match once {
        Some(once) => once.before::<E>(storage).await?.map(Answered::Before).ok_or(problem),
        None => Err(problem),
    }
}

/// A realm is called otherwise: its requests that are sent again find their answers under its new key.
///
/// # Errors
/// Those of the database.
pub(crate) async fn follow(connection: &mut Connection, from: &str, to: &str) -> Result<(), StorageError> {
    store::rename(connection, &in_realm(from, ""), &in_realm(to, "")).await
}

/// A key as it is kept.
fn in_realm(realm: &str, key: &str) -> String {
    format!("{realm}/{key}")
}

/// Runs an operation in the writer's next transaction, unless the request had its effect before. The answer is kept with the effect.
///
/// # Errors
/// The operation's own, those of [`Storage::write`], and [`KeyRefused`].
pub async fn write<T, E, F>(storage: &Storage, once: Option<Once<T>>, operation: F) -> Result<Answered<T>, E>
where
    F: for<'c> FnOnce(&'c mut Connection) -> WriteFuture<'c, Result<T, E>> + Send + 'static,
    T: Send + Sync + 'static,
    E: From<StorageError> + From<KeyRefused> + Send + 'static,
{
    if faults::has(Bug::KeyAfterEffect) {
        return write_apart(storage, once, operation).await;
    }
    let now_ms = storage.now_ms();
    storage
        .write(move |connection| {
            Box::pin(async move {
                let Some(once) = once else { return Ok(Answered::Now(operation(connection).await?)) };
                let found = store::find(connection, &once.scope, &once.key, now_ms - KEPT_MS).await?;
                if let Some(kept) = once.fitting(found)? {
                    return Ok(Answered::Before(kept));
                }
                let since_ms = now_ms - KEPT_MS;
                if !once.is_alone
                    && let Some(oldest_ms) =
                        store::oldest_of(connection, &once.scope, since_ms, KEPT_PER_SCOPE_MAX).await?
                {
                    let retry_after_ms = u64::try_from(oldest_ms - since_ms).unwrap_or(0).max(1);
                    return Err(KeyRefused::Full { retry_after_ms }.into());
                }
                let done = operation(connection).await?;
                let answer = (once.answer)(&done);
                store::keep(connection, &once.scope, &once.key, &once.request, &answer, now_ms).await?;
                Ok(Answered::Now(done))
            })
        })
        .await
}

/// The mistake that tests make on purpose: what happens between the effect and its key is lost.
async fn write_apart<T, E, F>(storage: &Storage, once: Option<Once<T>>, operation: F) -> Result<Answered<T>, E>
where
    F: for<'c> FnOnce(&'c mut Connection) -> WriteFuture<'c, Result<T, E>> + Send + 'static,
    T: Send + Sync + 'static,
    E: From<StorageError> + From<KeyRefused> + Send + 'static,
{
    let Some(once) = once else { return Ok(Answered::Now(storage.write(operation).await?)) };
    if let Some(kept) = once.before::<E>(storage).await? {
        return Ok(Answered::Before(kept));
    }
    let done = storage.write(operation).await?;
    let (answer, now_ms) = ((once.answer)(&done), storage.now_ms());
    let Once { scope, key, request, .. } = once;
    storage
        .write::<_, StorageError, _>(move |connection| {
            Box::pin(async move { store::keep(connection, &scope, &key, &request, &answer, now_ms).await })
        })
        .await?;
    Ok(Answered::Now(done))
}

/// Removes answers that are old enough, now and once an hour, until the realm stops.
pub fn sweep_regularly(storage: &Storage, stopping: &Arc<AtomicBool>) {
    let (storage, stopping) = (storage.clone(), Arc::downgrade(stopping));
    tokio::spawn(async move {
        let mut times = tokio::time::interval(SWEEP_EVERY);
        times.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            times.tick().await;
            if stopping.upgrade().is_none_or(|stopping| stopping.load(Ordering::Relaxed)) {
                return;
            }
            if let Err(error) = sweep(&storage).await {
                tracing::warn!(%error, "old answers could not be removed; tried again in an hour");
            }
        }
    });
}

async fn sweep(storage: &Storage) -> Result<(), StorageError> {
    loop {
        let before_ms = storage.now_ms() - KEPT_MS;
        let swept = storage
            .write::<_, StorageError, _>(move |connection| {
                Box::pin(store::sweep(connection, before_ms, i64::from(SWEPT_PER_WRITE_MAX)))
            })
            .await?;
        if swept < u64::from(SWEPT_PER_WRITE_MAX) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests;
