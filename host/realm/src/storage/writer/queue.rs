//! What waits for the writer: two lanes, of which the urgent one is always empty before the other is looked at.
//!
//! An operation is *queued* until the writer starts it or its caller gives up, whichever comes first; once started, its caller waits for
//! the commit.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{
        mpsc::{self, error::TryRecvError},
        oneshot,
    },
    time::{Instant, timeout, timeout_at},
};

use super::job::Job;
use crate::storage::StorageError;

/// Operations that may wait in the ordinary lane.
pub(in crate::storage) const QUEUE_MAX: usize = 1_024;
/// Operations that may wait in the urgent lane: few ask, and each waits for its answer before it asks again.
pub(in crate::storage) const URGENT_MAX: usize = 16;
/// How long a caller waits for its operation to be started.
const START_WAIT: Duration = Duration::from_secs(10);
/// How long a caller waits for the commit of an operation that was started.
const COMMIT_WAIT: Duration = Duration::from_secs(30);

const QUEUED: u8 = 0;
const STARTED: u8 = 1;
const ABANDONED: u8 = 2;

/// What the writer is sent.
pub(in crate::storage) enum Message {
    Write(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

/// Which way an operation comes to the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) enum Lane {
    /// Passes everything that waits; has a transaction without the others.
    Urgent,
    Ordinary,
}

/// The callers' end of both lanes.
#[derive(Clone)]
pub(in crate::storage) struct Queue {
    urgent: mpsc::Sender<Message>,
    ordinary: mpsc::Sender<Message>,
}

/// The writer's end of both lanes.
pub(in crate::storage) struct Intake {
    urgent: mpsc::Receiver<Message>,
    ordinary: mpsc::Receiver<Message>,
}

/// Two empty lanes.
pub(in crate::storage) fn lanes() -> (Queue, Intake) {
    let (urgent, urgent_end) = mpsc::channel(URGENT_MAX);
    let (ordinary, ordinary_end) = mpsc::channel(QUEUE_MAX);
    (Queue { urgent, ordinary }, Intake { urgent: urgent_end, ordinary: ordinary_end })
}

impl Queue {
    pub(in crate::storage) fn is_closed(&self) -> bool {
        self.ordinary.is_closed()
    }

    /// Waits for room in a lane; false when the writer takes nothing any more.
    pub(in crate::storage) async fn send(&self, lane: Lane, message: Message) -> bool {
        let sender = match lane {
            Lane::Urgent => &self.urgent,
            Lane::Ordinary => &self.ordinary,
        };
        sender.send(message).await.is_ok()
    }

    /// How many wait in a lane.
    #[cfg(test)]
    pub(in crate::storage) fn waiting(&self, lane: Lane) -> usize {
        match lane {
            Lane::Urgent => URGENT_MAX - self.urgent.capacity(),
            Lane::Ordinary => QUEUE_MAX - self.ordinary.capacity(),
        }
    }
}

impl Intake {
    /// Waits for the next message; `None` when nobody can send one any more.
    pub(in crate::storage) async fn next(&mut self) -> Option<(Lane, Message)> {
        tokio::select! {
            biased;
            Some(message) = self.urgent.recv() => Some((Lane::Urgent, message)),
            message = self.ordinary.recv() => message.map(|message| (Lane::Ordinary, message)),
        }
    }

    /// The next message of those that are there.
    pub(super) fn try_next(&mut self) -> Result<(Lane, Message), TryRecvError> {
        if let Ok(message) = self.urgent.try_recv() {
            return Ok((Lane::Urgent, message));
        }
        self.ordinary.try_recv().map(|message| (Lane::Ordinary, message))
    }

    /// The next message of one lane, if it is there.
    pub(super) fn try_next_of(&mut self, lane: Lane) -> Option<Message> {
        match lane {
            Lane::Urgent => self.urgent.try_recv().ok(),
            Lane::Ordinary => self.ordinary.try_recv().ok(),
        }
    }

    /// What is queued is still received; nothing new comes in.
    pub(super) fn close(&mut self) {
        self.urgent.close();
        self.ordinary.close();
    }
}

/// The writer's end of one caller: whether it still waits, and where it is answered.
pub(super) struct Caller<T, E> {
    state: Arc<AtomicU8>,
    reply: oneshot::Sender<Result<T, E>>,
}

/// The caller's own end.
pub(super) struct Waiting<T, E> {
    state: Arc<AtomicU8>,
    answer: oneshot::Receiver<Result<T, E>>,
}

pub(super) fn caller<T, E>() -> (Caller<T, E>, Waiting<T, E>) {
    let (reply, answer) = oneshot::channel();
    let state = Arc::new(AtomicU8::new(QUEUED));
    (Caller { state: Arc::clone(&state), reply }, Waiting { state, answer })
}

impl<T, E> Caller<T, E> {
    /// True when its operation is started, from now on or already; false when it has given up.
    pub(super) fn claim(&self) -> bool {
        let claimed = self.state.compare_exchange(QUEUED, STARTED, Ordering::AcqRel, Ordering::Acquire);
        claimed.is_ok() || claimed == Err(STARTED)
    }

    pub(super) fn answer(self, answer: Result<T, E>) {
        // A caller that is gone needs no answer.
        let _ = self.reply.send(answer);
    }
}

impl<T, E: From<StorageError>> Waiting<T, E> {
    /// Queues the job and waits for its commit.
    pub(super) async fn queue(mut self, queue: &Queue, lane: Lane, job: Box<dyn Job>) -> Result<T, E> {
        let start_by = Instant::now() + START_WAIT;
        match timeout_at(start_by, queue.send(lane, Message::Write(job))).await {
            Ok(true) => {}
            Ok(false) => return Err(stopping().into()),
            Err(_) => return Err(StorageError::Unavailable("too many writes wait".to_owned()).into()),
        }
        if let Ok(answered) = timeout_at(start_by, &mut self.answer).await {
            return answered.unwrap_or_else(|_| Err(unanswered(&self.state).into()));
        }
        if self.state.compare_exchange(QUEUED, ABANDONED, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            return Err(StorageError::Unavailable("the write was not begun in time".to_owned()).into());
        }
        match timeout(COMMIT_WAIT, self.answer).await {
            Ok(answered) => answered.unwrap_or_else(|_| Err(StorageError::Unconfirmed.into())),
            Err(_) => Err(StorageError::Unconfirmed.into()),
        }
    }
}

/// The writer ended without a word: what it had started may be stored.
fn unanswered(state: &AtomicU8) -> StorageError {
    if state.load(Ordering::Acquire) == STARTED { StorageError::Unconfirmed } else { stopping() }
}

fn stopping() -> StorageError {
    StorageError::Unavailable("the realm is stopping".to_owned())
}
