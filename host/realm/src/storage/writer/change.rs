//! Changes of one kind, each of its own caller, that are carried out in few statements when they come together.
//!
//! What a save costs in a group is mostly the way to the database and back, once for its savepoint and once for its statement. Changes that
//! come right behind one another share both. A statement that fails is undone, and its changes are tried one by one: none fails for another.

use std::{any::Any, time::Duration};

use sqlx::AnyConnection;

use super::{
    job::{Answer, BoxFuture, Job, Next, guarded},
    queue::{Caller, Lane, Queue, caller},
};
use crate::storage::{StorageError, WriteFuture};

/// Changes that are carried out together.
const CHANGES_MAX: usize = 64;

/// What each change comes to, in the order of the changes.
pub type Changed<C> = Vec<Result<<C as Change>::Answer, <C as Change>::Error>>;

/// A change of one thing, of which many may be carried out at once.
pub trait Change: Send + Sync + Sized + 'static {
    /// What its caller is told.
    type Answer: Send + 'static;
    /// Why it is not carried out.
    type Error: From<StorageError> + Send + 'static;

    /// The key of what it changes. Two changes of one thing are never carried out together: they keep their order.
    fn key(&self) -> i64;

    /// Carries some out, each for itself; gives an outcome for each. Nothing is written of one whose outcome is an error.
    ///
    /// # Errors
    /// When a statement fails: then nothing of any of them remains.
    fn carry_out<'c>(
        connection: &'c mut AnyConnection,
        changes: &'c [&'c Self],
    ) -> WriteFuture<'c, Result<Changed<Self>, StorageError>>;
}

struct Member<C: Change> {
    change: C,
    caller: Caller<C::Answer, C::Error>,
}

/// Those that are carried out together; there is always one.
struct Changes<C: Change>(Vec<Member<C>>);

struct Outcomes<C: Change> {
    members: Vec<Member<C>>,
    results: Result<Changed<C>, StorageError>,
}

impl<C: Change> Job for Changes<C> {
    fn claim(&mut self) -> bool {
        self.0.retain(|member| member.caller.claim());
        !self.0.is_empty()
    }

    fn take_in(&mut self, next: Box<dyn Job>) -> Option<Box<dyn Job>> {
        let is_kin = (&*next as &dyn Any).downcast_ref::<Self>().is_some_and(|next| {
            self.0.len() + next.0.len() <= CHANGES_MAX
                && next.0.iter().all(|new| self.0.iter().all(|member| member.change.key() != new.change.key()))
        });
        if !is_kin {
            return Some(next);
        }
        let next: Box<dyn Any> = next;
        self.0.extend(next.downcast::<Self>().expect("it was looked at").0);
        None
    }

    fn run<'c>(
        self: Box<Self>,
        connection: &'c mut AnyConnection,
        wait: Option<Duration>,
    ) -> BoxFuture<'c, Box<dyn Answer>> {
        Box::pin(async move {
            let members = self.0;
            let results = {
                let changes: Vec<&C> = members.iter().map(|member| &member.change).collect();
                guarded(wait, async { C::carry_out(connection, &changes).await }).await
            };
            let results = results.and_then(|results| results).and_then(|results| {
                let short = || StorageError::Statement("changes without an outcome".to_owned());
                if results.len() == members.len() { Ok(results) } else { Err(short()) }
            });
            Box::new(Outcomes { members, results }) as Box<dyn Answer>
        })
    }

    fn refuse(self: Box<Self>, error: StorageError) {
        for member in self.0 {
            member.caller.answer(Err(error.clone().into()));
        }
    }
}

impl<C: Change> Answer for Outcomes<C> {
    fn succeeded(&self) -> bool {
        self.results.is_ok()
    }

    fn after_rolling_back(self: Box<Self>) -> Next {
        match &self.results {
            // A full disk is full for each. With everything else one of them may be to blame, a row that somebody else holds, too: the
            // database is there, it has just rolled back.
            Err(error) if !matches!(error, StorageError::Full) && self.members.len() > 1 => {
                let alone = |member| Box::new(Changes(vec![member])) as Box<dyn Job>;
                Next::Parts(self.members.into_iter().map(alone).collect())
            }
            _ => Next::Answer(self),
        }
    }

    fn deliver(self: Box<Self>, commit: Result<(), StorageError>) {
        match commit.and(self.results) {
            Ok(results) => {
                self.members.into_iter().zip(results).for_each(|(member, result)| member.caller.answer(result))
            }
            Err(error) => {
                self.members.into_iter().for_each(|member| member.caller.answer(Err(error.clone().into())));
            }
        }
    }
}

/// Queues a change and waits for its commit.
pub(in crate::storage) async fn submit<C: Change>(queue: &Queue, change: C) -> Result<C::Answer, C::Error> {
    let (caller, waiting) = caller();
    waiting.queue(queue, Lane::Ordinary, Box::new(Changes(vec![Member { change, caller }]))).await
}
