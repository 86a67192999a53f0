//! Writes characters: takes what the tick threads report and saves it, some at once, so that they share commits.
//!
//! It alone holds the leases of characters in games. A tick thread never waits for it.

use std::{
    collections::HashMap,
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
        AccountId, CharacterId, Refusal,
        faults::{self, Bug},
    },
};

use super::{
    TICK,
    command::Command,
    directory::{Departed, Leaving},
    figures::Counters,
    ground::Ground,
    listing, refusals,
    save_book::{Job, Noted, Progress, SaveBook, Settled},
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
    /// The realms, at least one.
    pub(super) grounds: Vec<Arc<Ground>>,
    pub(super) shared: Weak<Shared>,
    pub(super) counters: Arc<Counters>,
}

impl Saver {
    /// Serves until it is stopped and has written everything, or nobody can send to it any more.
    pub(super) async fn run(self, mut messages: mpsc::Receiver<SaverMessage>) {
        let saver = Arc::new(self);
        let mut book = SaveBook::default();
        let mut running: JoinSet<(Job, JobEnd)> = JoinSet::new();
        // What each task is told to save, for one that breaks off: the character, and whether it has left its game.
        let mut saving: HashMap<tokio::task::Id, (CharacterId, bool)> = HashMap::new();
        let mut stopping: Option<oneshot::Sender<()>> = None;
        let mut open = true;
        let mut ends = saver.characters().lease_ends();
        loop {
            while running.len() < SAVES_AT_ONCE_MAX {
                let Some(job) = book.start(Instant::now()) else { break };
                let (character, last) = (job.progress.character, job.progress.last);
                saving.insert(running.spawn(Arc::clone(&saver).carry_out(job)).id(), (character, last));
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
                    Some(SaverMessage::Progress(progress)) => match book.note(&progress) {
                        Noted::Kept => {}
                        Noted::Gone(account, why) => saver.departed(account, progress.character, &Err(why)).await,
                        Noted::Unknown => {
                            tracing::warn!(character = %progress.character, "a game reported a character that nobody holds");
                        }
                    },
                    Some(SaverMessage::Stop { done }) => {
                        book.finish_all();
                        stopping = Some(done);
                    }
                    None => {
                        book.finish_all();
                        open = false;
                    }
                },
                Some(ended) = running.join_next_with_id(), if !running.is_empty() => match ended {
                    Ok((task, (job, end))) => {
                        saving.remove(&task);
                        saver.settle(&mut book, job, end).await;
                    }
                    Err(error) => {
                        tracing::error!(%error, "a save broke off; what was not saved of its character is lost");
                        if let Some((character, last)) = saving.remove(&error.id()) {
                            book.note(&Progress { character, sheet: None, place: None, play_ticks: 0, last });
                            saver.lose(&mut book, character, refusals::fault()).await;
                        }
                    }
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

    /// A lease says itself what it is for, and all realms of the process hold theirs together.
    fn characters(&self) -> &Characters {
        &self.grounds.first().expect("there is at least one realm").characters
    }

    fn ladder_of(&self, lease: &Lease) -> Option<&Ladder> {
        self.grounds.iter().find(|ground| ground.realm == lease.realm)?.ladder.as_ref()
    }

    async fn carry_out(self: Arc<Self>, mut job: Job) -> (Job, JobEnd) {
        if let Some(sheet) = job.progress.sheet {
            let tick_ms = i64::try_from(TICK.as_millis()).unwrap_or(i64::MAX);
            let play_time_ms = i64::try_from(job.progress.play_ticks).unwrap_or(i64::MAX).saturating_mul(tick_ms);
            match self.characters().save(&mut job.lease, &sheet, job.progress.place, play_time_ms).await {
                Ok(character) => {
                    (job.progress.sheet, job.progress.place, job.progress.play_ticks) = (None, None, 0);
                    self.counters.saves.fetch_add(1, Ordering::Relaxed);
                    if let Some(shared) = self.shared.upgrade() {
                        shared.directory().saved(job.account, sheet);
                    }
                    if let Some(ladder) = self.ladder_of(&job.lease)
                        && let Err(error) = ladder.record(&character).await
                    {
                        tracing::warn!(character = %character.id, %error, "the ladder did not take a score; the old one stays");
                    }
                }
                Err(error @ CharactersError::Storage(_)) => return (job, JobEnd::Failed(error)),
                Err(error @ CharactersError::Lapsed) => return (job, JobEnd::Lost(error)),
                Err(error) => {
                    // If only the version was another one, the lease is still to be given back; if not, this does nothing.
                    let _ = self.characters().release(&job.lease).await;
                    return (job, JobEnd::Lost(error));
                }
            }
        }
        if job.progress.last {
            match self.characters().release(&job.lease).await {
                Ok(()) => {}
                Err(error @ CharactersError::Storage(_)) => return (job, JobEnd::Failed(error)),
                Err(error) => return (job, JobEnd::Lost(error)),
            }
        }
        (job, JobEnd::Done)
    }

    async fn settle(&self, book: &mut SaveBook, job: Job, end: JobEnd) {
        let (account, character) = (job.account, job.progress.character);
        let has_ended = job.lease.has_ended();
        let (settled, outcome) = match end {
            JobEnd::Done => (book.succeeded(job), Ok(())),
            JobEnd::Failed(error) => {
                tracing::warn!(%character, %error, "a character could not be saved; it is tried again");
                (book.failed(job, Instant::now()), Err(refusals::not_saved_in_time()))
            }
            JobEnd::Lost(error) => {
                tracing::error!(%character, %error, "a character in a game is held no more; nothing more of it is written");
                // What it had to say goes with it.
                book.note(&job.progress);
                return self.lose(book, character, error.into()).await;
            }
        };
        if matches!(settled, Settled::Departed | Settled::Late) {
            self.departed(account, character, &outcome).await;
        }
        if has_ended && !faults::has(Bug::HolderNeverStops) {
            self.lose_ended(book).await;
        }
    }

    /// Takes out of their games whose leases this node holds no more.
    async fn lose_ended(&self, book: &mut SaveBook) {
        for character in book.ended() {
            self.lose(book, character, CharactersError::Lapsed.into()).await;
        }
    }

    /// A character is held no more: its player leaves the game. Its seat is free when the game has said its last word about it; then
    /// whoever waits for the departure is told why it is not saved.
    async fn lose(&self, book: &mut SaveBook, character: CharacterId, why: Refusal) {
        let Some((account, has_left)) = book.lose(character, why.clone()) else { return };
        metrics::counter!("realm_characters_lost_total").increment(1);
        let Some(shared) = self.shared.upgrade() else { return book.forget(character) };
        let leaving = {
            let mut directory = shared.directory();
            let is_seated = directory.seat(account).is_some_and(|seat| seat.character == character);
            if has_left || !is_seated { None } else { directory.leave(account).ok() }
        };
        match leaving {
            Some((game, Leaving::Playing { thread }, _)) => {
                let reason = listing::reason(why.code, &why.message, 0);
                shared.command(thread, Command::Leave { game, account, reason }).await;
            }
            // Somebody has told its game, or gives the lease back: the last word is on its way.
            Some((_, Leaving::Already, _)) => {}
            Some((_, Leaving::Ticketed { .. }, _)) | None => {
                book.forget(character);
                self.departed(account, character, &Err(why)).await;
            }
        }
    }

    /// Gives the seat of a character up. Who was told to come back later may sit in another game by now, with another character.
    async fn departed(&self, account: AccountId, character: CharacterId, outcome: &Departed) {
        let Some(shared) = self.shared.upgrade() else { return };
        let is_seated = shared.directory().seat(account).is_some_and(|seat| seat.character == character);
        if is_seated {
            shared.departed(account, outcome).await;
        }
    }
}
