//! An operation from its call to its answer, which is held back until the commit.

use std::{any::Any, panic::AssertUnwindSafe, pin::Pin, time::Duration};

use futures_util::FutureExt as _;
use sqlx::AnyConnection;

use super::{
    queue::{Caller, Lane, Queue, caller},
    within,
};
use crate::storage::{StorageError, WriteFuture};

pub(in crate::storage) type BoxFuture<'c, T> = Pin<Box<dyn Future<Output = T> + Send + 'c>>;

/// An operation that waits, or several that are carried out as one.
pub(in crate::storage) trait Job: Any + Send {
    /// True when the operation shall be carried out; false when its caller has given up. May be asked again.
    fn claim(&mut self) -> bool;
    /// Takes in one that may be carried out with it, right behind it; gives back any other.
    fn take_in(&mut self, next: Box<dyn Job>) -> Option<Box<dyn Job>> {
        Some(next)
    }
    /// Carries it out, within a time if there is one.
    fn run<'c>(
        self: Box<Self>,
        connection: &'c mut AnyConnection,
        wait: Option<Duration>,
    ) -> BoxFuture<'c, Box<dyn Answer>>;
    fn refuse(self: Box<Self>, error: StorageError);
}

/// The outcome of an operation.
pub(in crate::storage) trait Answer: Send {
    /// False when nothing of it may remain.
    fn succeeded(&self) -> bool;
    /// What becomes of one that did not succeed, when nothing of it remains.
    fn after_rolling_back(self: Box<Self>) -> Next;
    fn deliver(self: Box<Self>, commit: Result<(), StorageError>);
}

/// How it goes on with what was rolled back.
pub(in crate::storage) enum Next {
    /// It is answered with the others of its group.
    Answer(Box<dyn Answer>),
    /// It is tried in parts, each in a savepoint of its own.
    Parts(Vec<Box<dyn Job>>),
}

struct Operation<F, T, E> {
    operation: F,
    caller: Caller<T, E>,
}

struct Outcome<T, E> {
    result: Result<T, E>,
    caller: Caller<T, E>,
}

impl<F, T, E> Job for Operation<F, T, E>
where
    F: for<'c> FnOnce(&'c mut AnyConnection) -> WriteFuture<'c, Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<StorageError> + Send + 'static,
{
    fn claim(&mut self) -> bool {
        self.caller.claim()
    }

    fn run<'c>(
        self: Box<Self>,
        connection: &'c mut AnyConnection,
        wait: Option<Duration>,
    ) -> BoxFuture<'c, Box<dyn Answer>> {
        Box::pin(async move {
            let Self { operation, caller } = *self;
            let result = guarded(wait, async move { operation(connection).await }).await;
            let result = result.unwrap_or_else(|error| Err(E::from(error)));
            Box::new(Outcome { result, caller }) as Box<dyn Answer>
        })
    }

    fn refuse(self: Box<Self>, error: StorageError) {
        self.caller.answer(Err(E::from(error)));
    }
}

impl<T: Send + 'static, E: From<StorageError> + Send + 'static> Answer for Outcome<T, E> {
    fn succeeded(&self) -> bool {
        self.result.is_ok()
    }

    fn after_rolling_back(self: Box<Self>) -> Next {
        Next::Answer(self)
    }

    fn deliver(self: Box<Self>, commit: Result<(), StorageError>) {
        self.caller.answer(commit.map_err(E::from).and(self.result));
    }
}

/// Waits for work over the database as long as may be. A panic in it must not take the writer, and with it the realm, down.
pub(super) async fn guarded<T>(wait: Option<Duration>, work: impl Future<Output = T>) -> Result<T, StorageError> {
    within(wait, AssertUnwindSafe(work).catch_unwind()).await?.map_err(|panic| {
        let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        StorageError::Statement(format!("an operation panicked: {}", text.unwrap_or("no message")))
    })
}

/// Queues an operation and waits for its commit.
pub(in crate::storage) async fn submit<T, E, F>(queue: &Queue, lane: Lane, operation: F) -> Result<T, E>
where
    F: for<'c> FnOnce(&'c mut AnyConnection) -> WriteFuture<'c, Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<StorageError> + Send + 'static,
{
    let (caller, waiting) = caller();
    waiting.queue(queue, lane, Box::new(Operation { operation, caller })).await
}
