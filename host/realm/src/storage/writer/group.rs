//! One transaction: begin, each operation in its savepoint, the ceiling of keys, commit.

use std::{collections::VecDeque, time::Duration};

use super::{
    job::{Answer, Job, Next},
    keys::Keys,
    session::Session,
    within,
};
use crate::{
    storage::StorageError,
    types::faults::{self, Bug, Point},
};

/// Operations in one transaction; those that are carried out together count as one.
const OPERATIONS_MAX: usize = 64;
/// Long enough for the news of what was acknowledged too early to get out, as with a slow disk.
const HASTY_PAUSE: Duration = Duration::from_millis(30);

/// What goes into one transaction.
#[derive(Default)]
pub(super) struct Group {
    waiting: VecDeque<Box<dyn Job>>,
    /// Outcomes that wait for the commit.
    answers: Vec<Box<dyn Answer>>,
}

impl Group {
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= OPERATIONS_MAX
    }

    /// Puts an operation behind the others, or into the last of them.
    pub(super) fn push(&mut self, job: Box<dyn Job>) {
        let rest = match self.waiting.back_mut() {
            Some(last) => last.take_in(job),
            None => Some(job),
        };
        self.waiting.extend(rest);
    }

    /// Carries everything out and commits it. Without operations it looks after the keys, and otherwise whether the database is there; a
    /// `trial` writes in any case.
    pub(super) async fn commit(
        &mut self,
        session: &mut Session,
        keys: &mut Keys,
        trial: bool,
    ) -> Result<(), StorageError> {
        if self.waiting.is_empty() && !trial && !keys.run_short() {
            return session.ping().await;
        }
        faults::point(Point::BeforeBegin);
        session.begin().await?;
        faults::point(Point::AfterBegin);
        let end = self.carry_out(session).await?;
        let ceiling = (trial || keys.run_short()).then(|| keys.ahead());
        if let Some(ceiling) = ceiling {
            let wait = session.wait();
            within(wait, keys.store(session.connection(), ceiling)).await??;
        }
        faults::point(Point::BeforeCommit);
        session.commit(end).await?;
        faults::point(Point::AfterCommit);
        if let Some(ceiling) = ceiling {
            keys.stored(ceiling);
        }
        Ok(())
    }

    /// Each operation in its savepoint; gives the statements that end the transaction.
    async fn carry_out(&mut self, session: &mut Session) -> Result<&'static str, StorageError> {
        // The savepoint of the last operation; what comes after it releases it.
        let mut savepoint = "SAVEPOINT operation";
        let mut end = "COMMIT";
        while let Some(mut job) = self.waiting.pop_front() {
            if !job.claim() {
                continue;
            }
            if let Err(error) = session.execute(savepoint).await {
                job.refuse(error.clone());
                return Err(error);
            }
            let wait = session.wait();
            let answer = job.run(session.connection(), wait).await;
            savepoint = "RELEASE SAVEPOINT operation; SAVEPOINT operation";
            // Of a transaction that has failed, PostgreSQL takes COMMIT for ROLLBACK and says that all is well; a release it refuses.
            end = "RELEASE SAVEPOINT operation; COMMIT";
            faults::point(Point::BetweenStatements);
            if answer.succeeded() && faults::has(Bug::AcknowledgeBeforeCommit) {
                answer.deliver(Ok(()));
                tokio::time::sleep(HASTY_PAUSE).await;
            } else if answer.succeeded() {
                self.answers.push(answer);
            } else if let Err(error) = session.execute("ROLLBACK TO SAVEPOINT operation").await {
                // A full disk, a fault of the device or a lost server may undo the whole transaction: this caller is told its own error.
                answer.deliver(Ok(()));
                return Err(StorageError::Unavailable(format!("the database gave the transaction up: {error}")));
            } else {
                match answer.after_rolling_back() {
                    Next::Answer(answer) => self.answers.push(answer),
                    Next::Parts(parts) => parts.into_iter().rev().for_each(|part| self.waiting.push_front(part)),
                }
            }
        }
        Ok(end)
    }

    /// Tells everybody who was carried out what came of the commit.
    pub(super) fn answer(&mut self, result: &Result<(), StorageError>) {
        for answer in self.answers.drain(..) {
            answer.deliver(result.clone());
        }
    }

    /// Tells those who were not carried out why.
    pub(super) fn refuse(self, error: &StorageError) {
        for job in self.waiting {
            job.refuse(error.clone());
        }
    }
}
