//! The single writer: takes what is queued and commits it, many operations in one transaction.
//!
//! `queue` is the way in, with an urgent lane; `job` an operation from its call to its answer, `change` many of one kind as one; `group` one
//! transaction; `session` the connection; `claims` what it claims at a server; `keys` the ceiling of keys. Here is when what is done.

mod change;
mod claims;
mod group;
mod job;
mod keys;
mod queue;
mod session;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc::error::TryRecvError, oneshot, watch},
    time::{Instant, MissedTickBehavior},
};

pub(super) use change::submit as submit_change;
pub use change::{Change, Changed};
pub(super) use claims::{CLAIM_WAIT, claim, claim_realm};
pub(super) use job::submit;
pub(super) use keys::Keys;
pub(super) use queue::{Intake, Lane, Message, Queue, lanes};
pub(super) use session::Session;

#[cfg(test)]
pub(super) use claims::try_claim_realm;
#[cfg(test)]
pub(super) use job::{Answer, Job, Next};
#[cfg(test)]
pub(super) use queue::QUEUE_MAX;

use super::{FolderLock, StorageError, pace::Pace, room::Room};
use crate::types::faults::{self, Point};
use group::Group;

/// How often keys and room on the disk are looked after, and a server asked whether it is there, when nothing is written.
const UPKEEP_EVERY: Duration = Duration::from_millis(700);

/// Owns the one connection that writes.
pub(super) struct Writer {
    pub(super) session: Session,
    pub(super) keys: Keys,
    pub(super) intake: Intake,
    /// What the last transaction said.
    pub(super) health: watch::Sender<Result<(), String>>,
    pub(super) pace: Arc<Pace>,
    pub(super) room: Arc<Room>,
    /// When a database that failed is tried again; until then nothing is taken in.
    pub(super) retry_at: Option<Instant>,
    pub(super) locks: Vec<FolderLock>,
}

impl Writer {
    pub(super) async fn run(mut self) {
        let mut upkeep = tokio::time::interval_at(Instant::now() + UPKEEP_EVERY, UPKEEP_EVERY);
        upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut closing = None;
        loop {
            let first = if let Some(retry_at) = self.retry_at {
                tokio::time::sleep_until(retry_at).await;
                match self.intake.try_next() {
                    Ok(first) => Some(first),
                    Err(TryRecvError::Empty) => None,
                    Err(TryRecvError::Disconnected) => break,
                }
            } else {
                tokio::select! {
                    biased;
                    first = self.intake.next() => match first {
                        Some(first) => Some(first),
                        None => break,
                    },
                    _ = upkeep.tick() => None,
                }
            };
            let mut group = Group::default();
            if let Some((lane, message)) = first {
                self.accept(message, &mut group, &mut closing);
                // Who is urgent does not wait for what others have to write.
                while !group.is_full() {
                    let Some(message) = self.intake.try_next_of(lane) else { break };
                    self.accept(message, &mut group, &mut closing);
                }
            }
            self.room.look();
            self.commit(group, &mut closing).await;
        }
        self.finish().await;
        drop(self.locks);
        if let Some(closed) = closing {
            let _ = closed.send(());
        }
    }

    fn accept(&mut self, message: Message, group: &mut Group, closing: &mut Option<oneshot::Sender<()>>) {
        match message {
            Message::Write(job) => group.push(job),
            Message::Close(closed) => {
                self.intake.close();
                *closing = Some(closed);
            }
        }
    }

    /// One transaction and its answers.
    async fn commit(&mut self, mut group: Group, closing: &mut Option<oneshot::Sender<()>>) {
        let began = Instant::now();
        // After a failure the ceiling of keys is written as a trial.
        let trial = self.health.borrow().is_err();
        self.pace.begin();
        let result = group.commit(&mut self.session, &mut self.keys, trial).await;
        self.pace.end();
        let result = result.map_err(|error| self.told_apart(error));
        self.retry_at = result.is_err().then(|| began + Pace::pause());
        self.note_health(&result);
        if let Err(error) = &result {
            let unreachable = self.session.is_lost();
            self.session.give_up().await;
            // Nobody waits for longer than one try of a database that is not there, or fails again: also not those in the other lane.
            if unreachable || trial {
                self.refuse_queued(closing, error);
            }
        }
        group.answer(&result);
        faults::point(Point::AfterAcknowledgement);
        if let Err(error) = &result {
            group.refuse(error);
        }
    }

    /// A file that cannot be opened or written on a disk without room is no fault of the device.
    fn told_apart(&self, error: StorageError) -> StorageError {
        self.room.look();
        match error {
            StorageError::Unavailable(_) if self.room.short_bytes().is_some() => StorageError::Full,
            error => error,
        }
    }

    fn refuse_queued(&mut self, closing: &mut Option<oneshot::Sender<()>>, error: &StorageError) {
        let mut queued = Group::default();
        for _ in 0..queue::URGENT_MAX + queue::QUEUE_MAX {
            let Ok((_, message)) = self.intake.try_next() else { break };
            self.accept(message, &mut queued, closing);
        }
        queued.refuse(error);
    }

    /// Logs when the database begins to fail and when it is back, not each failure between.
    fn note_health(&self, result: &Result<(), StorageError>) {
        self.health.send_if_modified(|health| match (&*health, result) {
            (Ok(()), Err(error)) => {
                tracing::error!(%error, "a group of writes failed; tried again every second");
                *health = Err(error.to_string());
                true
            }
            (Err(_), Ok(())) => {
                tracing::info!("the database takes writes again");
                *health = Ok(());
                true
            }
            _ => false,
        });
    }

    /// Leaves no key unused for nothing, and no write-ahead log behind.
    async fn finish(&mut self) {
        if self.session.is_lost() {
            return;
        }
        let (wait, exact) = (self.session.wait(), self.keys.exact());
        let stored = within(wait, self.keys.store(self.session.connection(), exact)).await.and_then(|stored| stored);
        if let Err(error) = stored {
            tracing::warn!(%error, "the ceiling of keys was not stored at the end; keys skip a few minutes");
        }
        if let Err(error) = self.session.close().await {
            tracing::warn!(%error, "the database was not closed cleanly");
        }
    }
}

/// Waits for the database, as long as may be.
async fn within<T>(wait: Option<Duration>, work: impl Future<Output = T>) -> Result<T, StorageError> {
    match wait {
        None => Ok(work.await),
        Some(wait) => tokio::time::timeout(wait, work)
            .await
            .map_err(|_| StorageError::Unavailable("it did not answer in time".to_owned())),
    }
}
