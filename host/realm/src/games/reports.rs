//! What a tick thread has to say to the asynchronous side. It never waits: what finds no place stays for the next round,
//! merged by character and account, so that it cannot grow beyond the thread's players.

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use crate::types::{AccountId, CharacterId};

use super::{referee::Suspicion, save_book::Progress, saver::SaverMessage};

/// Reports on their way.
pub(super) struct Reports {
    saves: BTreeMap<CharacterId, Progress>,
    suspicions: BTreeMap<AccountId, Suspicion>,
    saver: mpsc::Sender<SaverMessage>,
    referee: mpsc::Sender<Suspicion>,
}

impl Reports {
    pub(super) fn new(saver: mpsc::Sender<SaverMessage>, referee: mpsc::Sender<Suspicion>) -> Self {
        Self { saves: BTreeMap::new(), suspicions: BTreeMap::new(), saver, referee }
    }

    /// A character is to be saved.
    pub(super) fn save(&mut self, progress: Progress) {
        self.saves.entry(progress.character).and_modify(|older| older.merge(&progress)).or_insert(progress);
    }

    /// The anti-cheat rule found something.
    pub(super) fn suspect(&mut self, suspicion: Suspicion) {
        match self.suspicions.get_mut(&suspicion.account) {
            Some(older) => older.findings = older.findings.saturating_add(suspicion.findings),
            None => {
                self.suspicions.insert(suspicion.account, suspicion);
            }
        }
    }

    /// Sends what can be sent now. True when nothing is left.
    pub(super) fn flush(&mut self) -> bool {
        use mpsc::error::TrySendError::{Closed, Full};
        while let Some((character, progress)) = self.saves.pop_first() {
            match self.saver.try_send(SaverMessage::Progress(progress)) {
                Ok(()) => {}
                Err(Full(_)) => {
                    self.saves.insert(character, progress);
                    break;
                }
                Err(Closed(_)) => {
                    tracing::error!(%character, "the saver has ended before the games; a character is not saved");
                }
            }
        }
        while let Some((account, suspicion)) = self.suspicions.pop_first() {
            match self.referee.try_send(suspicion) {
                Ok(()) => {}
                Err(Full(suspicion)) => {
                    self.suspicions.insert(account, suspicion);
                    break;
                }
                Err(Closed(_)) => tracing::debug!(%account, "a finding came while the realm was stopping"),
            }
        }
        self.saves.is_empty() && self.suspicions.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_channel_keeps_the_newest_for_the_next_round() {
        let (saver, mut saves) = mpsc::channel(1);
        let (referee, _suspicions) = mpsc::channel(1);
        let mut reports = Reports::new(saver, referee);
        let progress = |character, last| Progress {
            character: CharacterId::from_raw(character),
            sheet: None,
            place: None,
            play_ticks: 1,
            last,
        };
        for report in [progress(1, false), progress(2, false), progress(2, true), progress(1, false)] {
            reports.save(report);
        }
        assert!(!reports.flush(), "there is room for one");
        assert!(matches!(saves.try_recv(), Ok(SaverMessage::Progress(Progress { play_ticks: 2, last: false, .. }))));
        assert!(reports.flush());
        assert!(matches!(saves.try_recv(), Ok(SaverMessage::Progress(Progress { play_ticks: 2, last: true, .. }))));
    }
}
