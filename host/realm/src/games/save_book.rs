//! What is still to be saved: for each character in a game its lease and the newest sheet. Pure.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use realm_world::Sheet;

use crate::{
    characters::{Lease, Place},
    types::{AccountId, CharacterId, Refusal},
};

/// The first wait after a failed save; it doubles with each further one.
const BACKOFF_FIRST: Duration = Duration::from_millis(250);
/// The longest such wait.
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// Failures after which who waits for a departure is told that it is not saved yet (after about four seconds).
pub(super) const FAILURES_TOLD: u32 = 4;

/// What a game made of a character since the last report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) character: CharacterId,
    /// `None` when there is nothing new to write.
    pub(super) sheet: Option<Sheet>,
    /// Where it stands; `None` when that is not known.
    pub(super) place: Option<Place>,
    /// Ticks played since the last report.
    pub(super) play_ticks: u64,
    /// The character has left its game: after this the lease is given back.
    pub(super) last: bool,
}

impl Progress {
    /// Takes a newer report in: the newest sheet wins, no tick is lost.
    pub(super) fn merge(&mut self, newer: &Progress) {
        self.sheet = newer.sheet.or(self.sheet);
        self.place = newer.place.or(self.place);
        self.play_ticks += newer.play_ticks;
        self.last |= newer.last;
    }
}

/// One save to carry out now.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) account: AccountId,
    pub(super) lease: Lease,
    pub(super) progress: Progress,
}

/// What came of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// The game goes on.
    Kept,
    /// Saved and given back: the seat is free.
    Departed,
    /// Failed so often that who waits must be told; the realm keeps trying.
    Late,
    /// Failed; another try follows.
    Retried,
}

struct Entry {
    account: AccountId,
    /// `None` while a job has it, and when it is lost.
    lease: Option<Lease>,
    progress: Progress,
    failures: u32,
    not_before: Option<Instant>,
    /// Why the character is held no more; its game has not said its last word about it.
    lost: Option<Refusal>,
}

/// What came of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Noted {
    /// It is kept for the next save.
    Kept,
    /// The last word about a character that is held no more: its seat is free, and why nothing was saved.
    Gone(AccountId, Refusal),
    /// Nobody holds this character's lease.
    Unknown,
}

impl Entry {
    fn is_due(&self, now: Instant) -> bool {
        let wanted = self.progress.sheet.is_some() || self.progress.last;
        wanted && self.lease.is_some() && self.not_before.is_none_or(|moment| moment <= now)
    }
}

fn nothing(character: CharacterId) -> Progress {
    Progress { character, sheet: None, place: None, play_ticks: 0, last: false }
}

/// Every character whose lease the realm holds for a game; bounded by the seats.
#[derive(Default)]
pub(super) struct SaveBook {
    entries: HashMap<CharacterId, Entry>,
}

impl SaveBook {
    /// Keeps a lease for the time of a game.
    pub(super) fn hold(&mut self, account: AccountId, lease: Lease) {
        let progress = nothing(lease.character);
        let entry = Entry { account, lease: Some(lease), progress, failures: 0, not_before: None, lost: None };
        self.entries.insert(progress.character, entry);
    }

    /// Takes a report in.
    pub(super) fn note(&mut self, progress: &Progress) -> Noted {
        let Some(entry) = self.entries.get_mut(&progress.character) else { return Noted::Unknown };
        entry.progress.merge(progress);
        match &entry.lost {
            Some(why) if entry.progress.last => {
                let gone = Noted::Gone(entry.account, why.clone());
                self.entries.remove(&progress.character);
                gone
            }
            _ => Noted::Kept,
        }
    }

    /// A save that is due, if there is one. At most one job at a time has a character.
    pub(super) fn start(&mut self, now: Instant) -> Option<Job> {
        let entry = self.entries.values_mut().find(|entry| entry.is_due(now))?;
        let lease = entry.lease.take()?;
        let progress = std::mem::replace(&mut entry.progress, nothing(lease.character));
        Some(Job { account: entry.account, lease, progress })
    }

    /// Takes a job back that went well.
    pub(super) fn succeeded(&mut self, job: Job) -> Settled {
        if job.progress.last {
            self.entries.remove(&job.progress.character);
            return Settled::Departed;
        }
        if let Some(entry) = self.entries.get_mut(&job.progress.character) {
            (entry.lease, entry.failures, entry.not_before) = (Some(job.lease), 0, None);
        }
        Settled::Kept
    }

    /// Takes a job back that failed, for another try; what it could not write is merged with what came meanwhile.
    pub(super) fn failed(&mut self, job: Job, now: Instant) -> Settled {
        let Some(entry) = self.entries.get_mut(&job.progress.character) else { return Settled::Retried };
        let meanwhile = std::mem::replace(&mut entry.progress, job.progress);
        entry.progress.merge(&meanwhile);
        entry.lease = Some(job.lease);
        let wait = BACKOFF_FIRST.saturating_mul(1 << entry.failures.min(8)).min(BACKOFF_MAX);
        entry.not_before = Some(now + wait);
        entry.failures = entry.failures.saturating_add(1);
        if entry.progress.last && entry.failures == FAILURES_TOLD { Settled::Late } else { Settled::Retried }
    }

    /// Characters whose lease is held no more. Those that a job has are found when it comes back.
    pub(super) fn ended(&self) -> Vec<CharacterId> {
        let ended = |entry: &Entry| entry.lease.as_ref().is_some_and(Lease::has_ended);
        self.entries.iter().filter(|(_, entry)| ended(entry)).map(|(character, _)| *character).collect()
    }

    /// Nothing more of a character is written. Its entry stays until the game has said its last word about it, so that this cannot be taken
    /// for a word about a later lease; whose it is, and whether that word has come.
    pub(super) fn lose(&mut self, character: CharacterId, why: Refusal) -> Option<(AccountId, bool)> {
        let entry = self.entries.get_mut(&character)?;
        (entry.lease, entry.lost) = (None, Some(why));
        Some((entry.account, entry.progress.last))
    }

    /// Forgets a character of which no word will come any more.
    pub(super) fn forget(&mut self, character: CharacterId) {
        self.entries.remove(&character);
    }

    /// Nobody plays any more: everything that is held is written and given back.
    pub(super) fn finish_all(&mut self) {
        self.entries.retain(|_, entry| entry.lost.is_none());
        self.entries.values_mut().for_each(|entry| entry.progress.last = true);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// When the next waiting save may be tried again.
    pub(super) fn next_try(&self) -> Option<Instant> {
        self.entries.values().filter(|entry| entry.lease.is_some()).filter_map(|entry| entry.not_before).min()
    }
}

#[cfg(test)]
mod tests {
    use realm_world::Class;

    use super::*;
    use crate::types::Code;

    fn book() -> (SaveBook, CharacterId, Instant) {
        let (mut book, character) = (SaveBook::default(), CharacterId::from_raw(5));
        book.hold(AccountId::from_raw(1), Lease::new(character, 1, 1, 0));
        (book, character, Instant::now())
    }

    fn progress(character: CharacterId, level: u32, last: bool) -> Progress {
        let sheet = Sheet { level, ..Sheet::newborn(Class::Druid, false) };
        Progress { character, sheet: Some(sheet), place: None, play_ticks: 10, last }
    }

    #[test]
    fn the_newest_sheet_is_written_with_all_the_time() {
        let (mut book, character, now) = book();
        assert!(book.start(now).is_none(), "nothing to write yet");
        assert_eq!(book.note(&progress(character, 2, false)), Noted::Kept);
        assert_eq!(book.note(&progress(character, 3, false)), Noted::Kept);
        let job = book.start(now).unwrap();
        assert_eq!((job.progress.sheet.unwrap().level, job.progress.play_ticks), (3, 20));
        assert_eq!(book.note(&progress(character, 4, true)), Noted::Kept);
        assert!(book.start(now).is_none(), "one job at a time");
        assert_eq!(book.succeeded(job), Settled::Kept);
        let job = book.start(now).unwrap();
        assert!(job.progress.last);
        assert_eq!(book.succeeded(job), Settled::Departed);
        assert!(book.is_empty());
        assert_eq!(book.note(&progress(character, 5, false)), Noted::Unknown);
    }

    #[test]
    fn a_lost_character_stays_in_the_book_until_its_game_has_said_its_last_word_and_is_never_written() {
        let (mut book, character, now) = book();
        let why = Refusal::new(Code::StorageUnavailable, "No.");
        book.note(&progress(character, 2, false));
        let account = AccountId::from_raw(1);
        assert_eq!(book.lose(character, why.clone()), Some((account, false)));
        assert_eq!(book.note(&progress(character, 3, false)), Noted::Kept);
        assert!(book.start(now).is_none() && book.next_try().is_none(), "nothing of it is written");
        assert_eq!(book.note(&progress(character, 4, true)), Noted::Gone(account, why.clone()));
        // From now on there may be another lease, and no word of the old game is left.
        book.hold(account, Lease::new(character, 2, 1, 0));
        assert!(book.start(now).is_none());
        // While a job has it, its last word may come before the loss is known.
        book.note(&progress(character, 5, false));
        let job = book.start(now).unwrap();
        book.note(&progress(character, 6, true));
        drop(job);
        assert_eq!(book.lose(character, why.clone()), Some((account, true)));
        book.forget(character);
        assert_eq!(book.lose(character, why), None);
    }

    #[test]
    fn a_failed_save_is_tried_again_and_loses_nothing() {
        let (mut book, character, mut now) = book();
        book.note(&progress(character, 2, true));
        for failure in 1..=FAILURES_TOLD {
            let job = book.start(now).unwrap();
            book.note(&Progress { sheet: None, ..progress(character, 0, false) });
            let settled = book.failed(job, now);
            assert_eq!(settled == Settled::Late, failure == FAILURES_TOLD);
            assert!(book.start(now).is_none(), "it waits first");
            now = book.next_try().unwrap();
        }
        let job = book.start(now).unwrap();
        assert_eq!((job.progress.sheet.unwrap().level, job.progress.play_ticks), (2, 50));
    }
}
