//! The places around a character, and their numbers.
//!
//! Neighbours are found by the index. The number of a place is counted from the nearest *mark*, every 25th place of the whole ladder, because
//! counting all of a million takes a database tens of milliseconds. Marks are kept in memory and made anew when they are asked for and
//! older than a minute: so a number may be off by as many as changed places since. A mark that has not moved is among the neighbours.

use std::sync::{Arc, Mutex, PoisonError};

use super::{
    Entry, Ladder,
    store::around::{self, Standpoint},
};
use crate::{
    storage::StorageError,
    types::{CharacterId, in_task},
};

/// Places from one mark to the next.
const MARK_EVERY: u32 = 25;
/// Marks are made anew after this time.
const MARKS_MS: i64 = 60_000;

/// Marks of one ladder, and when they were made, by the steady clock.
#[derive(Default)]
pub(super) struct Marks {
    made: Mutex<Option<(i64, Arc<Vec<Standpoint>>)>>,
    /// One makes them for all who wait.
    making: tokio::sync::Mutex<()>,
}

impl Marks {
    fn last(&self) -> Option<Arc<Vec<Standpoint>>> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.as_ref().map(|(_, marks)| Arc::clone(marks))
    }

    fn fresh(&self, now_ms: i64) -> Option<Arc<Vec<Standpoint>>> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.as_ref().filter(|(made_ms, _)| now_ms - made_ms < MARKS_MS).map(|(_, marks)| Arc::clone(marks))
    }
}

impl Ladder {
    /// A character with those around it, best first: at most `each_side` before and as many behind it. Empty when it has no place.
    /// The numbers may be off by as many as changed places within the last minute.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn around(&self, character: CharacterId, each_side: u32) -> Result<Vec<Entry>, StorageError> {
        let (readers, each_side) = (self.storage.reader(), each_side.min(Self::ENTRIES_MAX / 2));
        let Some((own, standpoint)) = around::own(readers, &self.realm, character).await? else {
            return Ok(Vec::new());
        };
        // At once: to a server over a network the ways are what takes time.
        let (marks, mut better, worse) = tokio::try_join!(
            self.marks(),
            around::better(readers, &self.realm, standpoint, each_side.max(MARK_EVERY)),
            around::worse(readers, &self.realm, standpoint, each_side),
        )?;
        let place = self.place(&marks, standpoint, &better).await?;
        better.truncate(usize::try_from(each_side).unwrap_or(usize::MAX));
        let before = better.len() as u64;
        let mut entries: Vec<Entry> = better.into_iter().map(|(entry, _)| entry).collect();
        entries.reverse();
        entries.push(own);
        for entry in worse {
            // Somebody who fell behind between the two looks is shown once.
            if entries.iter().all(|seen| seen.character != entry.character) {
                entries.push(entry);
            }
        }
        // Whoever has so many before it has no lower number, whatever the marks say.
        let first = place.saturating_sub(before).max(1);
        entries.iter_mut().zip(first..).for_each(|(entry, rank)| entry.rank = rank);
        Ok(entries)
    }

    /// The number of a place, of which those right before are known.
    async fn place(
        &self,
        marks: &[Standpoint],
        standpoint: Standpoint,
        better: &[(Entry, Standpoint)],
    ) -> Result<u64, StorageError> {
        let passed = marks.partition_point(|mark| mark.is_before(standpoint));
        let mark = passed.checked_sub(1).map(|last| marks[last]);
        let mark_place = passed as u64 * u64::from(MARK_EVERY);
        let distance = match mark {
            Some(mark) => better.iter().position(|(_, other)| *other == mark).map(|between| between + 1),
            None if better.len() < MARK_EVERY as usize => Some(better.len() + 1),
            None => None,
        };
        if let Some(distance) = distance {
            return Ok(mark_place + distance as u64);
        }
        let counted = around::count(self.storage.reader(), &self.realm, mark, standpoint).await?;
        // The mark itself is counted, and stands at the end of its stretch.
        Ok((mark_place - u64::from(passed > 0)).saturating_add(counted.unsigned_abs()).saturating_add(1))
    }

    async fn marks(&self) -> Result<Arc<Vec<Standpoint>>, StorageError> {
        if let Some(marks) = self.marks.fresh(self.storage.steady_ms()) {
            return Ok(marks);
        }
        // In a task of its own: whoever goes away does not throw away what others wait for.
        let ladder = self.clone();
        in_task(async move { Ok(ladder.make_marks().await) }).await
    }

    /// Makes the marks anew, unless somebody is at it and there are old ones. When they cannot be made, the old ones, or none, have to do
    /// until the next time: counting takes longer then, and comes to the same.
    async fn make_marks(&self) -> Arc<Vec<Standpoint>> {
        let former = self.marks.last();
        let _making = match (self.marks.making.try_lock(), &former) {
            (Ok(making), _) => making,
            (Err(_), Some(former)) => return Arc::clone(former),
            (Err(_), None) => self.marks.making.lock().await,
        };
        let now_ms = self.storage.steady_ms();
        if let Some(marks) = self.marks.fresh(now_ms) {
            return marks;
        }
        let marks = match around::marks(self.storage.reader(), &self.realm, i64::from(MARK_EVERY)).await {
            Ok(marks) => Arc::new(marks),
            Err(error) => {
                tracing::warn!(%error, "the marks of the ladder could not be made; tried again in a minute");
                former.unwrap_or_default()
            }
        };
        *self.marks.made.lock().unwrap_or_else(PoisonError::into_inner) = Some((now_ms, Arc::clone(&marks)));
        marks
    }
}
