//! Writes characters: takes what the tick threads report and saves it, some at once, so that they share commits.
//!
//! It alone holds the leases of characters in games. A tick thread never waits for it.

use std::{
    sync::{Arc, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use crate::{
    characters::{Characters, CharactersError, Lease},
    ladder::Ladder,
    types::{
        AccountId, Refusal,
        faults::{self, Bug},
    },
};

use super::{
    TICK,
    figures::Counters,
    listing, refusals,
    save_book::{Job, Progress, SaveBook, Settled},
    shared::Shared,
};

/// Reports that wait for the saver.
pub(super) const REPORTS_MAX: usize = 1_024;
/// Characters that are saved at the same time.
const SAVES_AT_ONCE_MAX: usize = 64;
/// A sleep for when nothing is to be tried again.
const FOREVER: Duration = Duration::from_secs(3_600);

/// What the saver is told.
#[derive(Debug)]
pub(super) enum SaverMessage {
    /// Keep this lease until the character has left its game.
    Hold { account: AccountId, lease: Lease },
    /// What a game made of a character.
    Progress(Progress),
    /// Write everything and give every lease back, then answer.
    Stop { done: oneshot::Sender<()> },
}

enum JobEnd {
    Done,
    Failed(CharactersError),
    /// The character is held no more, or somebody else has it: nothing of it was written, nothing can be.
    Lost(CharactersError),
}

/// The saver's parts.
pub(super) struct Saver {
    pub(super) characters: Characters,
    pub(super) ladder: Ladder,
    pub(super) shared: Weak<Shared>,
    pub(super) counters: Arc<Counters>,
}

impl Saver {
    /// Serves until it is stopped and has written everything, or nobody can send to it any more.
    pub(super) async fn run(self, mut messages: mpsc::Receiver<SaverMessage>) {
        let saver = Arc::new(self);
        let mut book = SaveBook::default();
        let mut running: JoinSet<(Job, JobEnd)> = JoinSet::new();
        let mut stopping: Option<oneshot::Sender<()>> = None;
        let mut open = true;
        let mut ends = saver.characters.lease_ends();
        loop {
            while running.len() < SAVES_AT_ONCE_MAX {
                let Some(job) = book.start(Instant::now()) else { break };
                running.spawn(Arc::clone(&saver).carry_out(job));
            }
            if book.is_empty() && running.is_empty() && (stopping.is_some() || !open) {
                break;
            }
            let retry = book.next_try().unwrap_or_else(|| Instant::now() + FOREVER);
            tokio::select! {
                message = messages.recv(), if open => match message {
                    Some(SaverMessage::Hold { account, lease }) => {
                        let has_ended = lease.has_ended();
                        book.hold(account, lease);
                        if has_ended {
                            saver.lose_ended(&mut book).await;
                        }
                    }
                    Some(SaverMessage::Progress(progress)) => {
                        if !book.note(&progress) {
                            tracing::warn!(character = %progress.character, "a game reported a character that nobody holds");
                        }
                    }
                    Some(SaverMessage::Stop { done }) => {
                        book.finish_all();
                        stopping = Some(done);
                    }
                    None => {
                        book.finish_all();
                        open = false;
                    }
                },
                Some(ended) = running.join_next(), if !running.is_empty() => match ended {
                    Ok((job, end)) => saver.settle(&mut book, job, end).await,
                    Err(error) => tracing::error!(%error, "a save broke off; what was not saved of its character is lost"),
                },
                // Such as cannot change any more have all been seen.
                Ok(()) = ends.changed(), if !faults::has(Bug::HolderNeverStops) => saver.lose_ended(&mut book).await,
                () = tokio::time::sleep_until(retry.into()), if running.len() < SAVES_AT_ONCE_MAX => {}
            }
        }
        if let Some(done) = stopping {
            // Who stopped waiting needs no answer.
            let _ = done.send(());
        }
    }

    async fn carry_out(self: Arc<Self>, mut job: Job) -> (Job, JobEnd) {
        if let Some(sheet) = job.progress.sheet {
            let tick_ms = i64::try_from(TICK.as_millis()).unwrap_or(i64::MAX);
            let play_time_ms = i64::try_from(job.progress.play_ticks).unwrap_or(i64::MAX).saturating_mul(tick_ms);
            match self.characters.save(&mut job.lease, &sheet, job.progress.place, play_time_ms).await {
                Ok(character) => {
                    (job.progress.sheet, job.progress.place, job.progress.play_ticks) = (None, None, 0);
                    self.counters.saves.fetch_add(1, Ordering::Relaxed);
                    if let Some(shared) = self.shared.upgrade() {
                        shared.directory().saved(job.account, sheet);
                    }
                    if let Err(error) = self.ladder.record(&character).await {
                        tracing::warn!(character = %character.id, %error, "the ladder did not take a score; the old one stays");
                    }
                }
                Err(error @ CharactersError::Storage(_)) => return (job, JobEnd::Failed(error)),
                Err(error @ CharactersError::Lapsed) => return (job, JobEnd::Lost(error)),
                Err(error) => {
                    // If only the version was another one, the lease is still to be given back; if not, this does nothing.
                    let _ = self.characters.release(&job.lease).await;
                    return (job, JobEnd::Lost(error));
                }
            }
        }
        if job.progress.last {
            match self.characters.release(&job.lease).await {
                Ok(()) => {}
                Err(error @ CharactersError::Storage(_)) => return (job, JobEnd::Failed(error)),
                Err(error) => return (job, JobEnd::Lost(error)),
            }
        }
        (job, JobEnd::Done)
    }

    async fn settle(&self, book: &mut SaveBook, job: Job, end: JobEnd) {
        let (account, character, was_last) = (job.account, job.progress.character, job.progress.last);
        let has_ended = job.lease.has_ended();
        let (settled, outcome) = match end {
            JobEnd::Done => (book.succeeded(job), Ok(())),
            JobEnd::Failed(error) => {
                tracing::warn!(%character, %error, "a character could not be saved; it is tried again");
                (book.failed(job, Instant::now()), Err(refusals::not_saved_in_time()))
            }
            JobEnd::Lost(error) => {
                tracing::error!(%character, %error, "a character in a game is held no more; nothing more of it is written");
                book.forget(character);
                return self.lose(account, was_last, error.into()).await;
            }
        };
        if matches!(settled, Settled::Departed | Settled::Late)
            && let Some(shared) = self.shared.upgrade()
        {
            shared.departed(account, &outcome).await;
        }
        if has_ended && !faults::has(Bug::HolderNeverStops) {
            self.lose_ended(book).await;
        }
    }

    /// Takes out of their games whose leases this node holds no more.
    async fn lose_ended(&self, book: &mut SaveBook) {
        for (account, progress) in book.take_ended() {
            self.lose(account, progress.last, CharactersError::Lapsed.into()).await;
        }
    }

    /// A character is held no more: its player leaves the game, and whoever waits for its departure is told why it is not saved.
    async fn lose(&self, account: AccountId, was_last: bool, refusal: Refusal) {
        metrics::counter!("realm_characters_lost_total").increment(1);
        let Some(shared) = self.shared.upgrade() else { return };
        if !was_last {
            shared.expel(account, &listing::reason(refusal.code, &refusal.message, 0)).await;
        }
        shared.departed(account, &Err(refusal)).await;
    }
}
