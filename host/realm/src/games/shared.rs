//! What the lobby's verbs, the saver and the caretakers share: the directory and the doors to the tick threads.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, mpsc, watch};

use crate::{
    hooks::{Happening, Happenings, RulesInPlay},
    types::{AccountId, CloseReason},
};

use super::{
    command::Command,
    directory::{Departed, Directory},
    load::Loads,
};

/// Commands that wait for one tick thread.
pub(super) const COMMANDS_MAX: usize = 1_024;

/// Shared by the asynchronous side of games. The directory's lock is never held across an await; the locks of event streams
/// are taken under it, never the other way round.
pub(super) struct Shared {
    directory: Mutex<Directory>,
    pub(super) threads: Vec<mpsc::Sender<Command>>,
    pub(super) loads: Arc<Loads>,
    /// What the games of each tick thread are played under.
    pub(super) in_play: Vec<RulesInPlay>,
    /// Where it is told who leaves.
    happenings: Happenings,
    /// Told when the list of games of a realm has changed.
    pub(super) list_changed: Notify,
    /// Keepers at work.
    pub(super) keepers: watch::Sender<usize>,
    /// Which realms that were; bounded by the realms.
    changed: Mutex<BTreeSet<Arc<str>>>,
}

impl Shared {
    pub(super) fn new(
        directory: Directory,
        threads: Vec<mpsc::Sender<Command>>,
        loads: Arc<Loads>,
        in_play: Vec<RulesInPlay>,
        happenings: Happenings,
    ) -> Self {
        let (directory, changed, list_changed) = (Mutex::new(directory), Mutex::default(), Notify::new());
        let keepers = watch::Sender::new(0);
        Self { directory, threads, loads, in_play, happenings, list_changed, keepers, changed }
    }

    /// The list of games of a realm has changed.
    pub(super) fn list_has_changed(&self, realm: &Arc<str>) {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(realm));
        self.list_changed.notify_one();
    }

    /// The realms whose lists have changed since this was asked last.
    pub(super) fn take_changed(&self) -> BTreeSet<Arc<str>> {
        std::mem::take(&mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Names and versions of the rules that the games of a tick thread are played under.
    pub(super) fn rules_of(&self, thread: usize) -> Vec<String> {
        self.in_play.get(thread).map(RulesInPlay::labels).unwrap_or_default()
    }

    /// Tells plugins of something that happened to an account.
    pub(super) fn tell(&self, account: AccountId, happening: Happening) {
        self.happenings.tell(account, happening);
    }

    /// The directory, for a moment.
    pub(super) fn directory(&self) -> MutexGuard<'_, Directory> {
        // Verbs of the directory check before they change anything, so that a panic leaves a whole state.
        self.directory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a command; waits while the thread's queue is full. A thread that is gone has stopped, and needs none.
    pub(super) async fn command(&self, thread: usize, command: Command) {
        if let Some(sender) = self.threads.get(thread)
            && sender.send(command).await.is_err()
        {
            tracing::debug!(thread, "a command came after the tick thread had stopped");
        }
    }

    /// Gives an account's seat up, and ends the game if it was the last.
    pub(super) async fn departed(&self, account: AccountId, outcome: &Departed) {
        let departure = self.directory().depart(account, outcome);
        let Some(departure) = departure else { return };
        // Who never came in is not on the roll as playing, and of them nothing is told.
        self.happenings.tell(account, Happening::Leave);
        self.happenings.roll().leave(account);
        self.list_has_changed(&departure.realm);
        if departure.ended {
            self.command(departure.thread, Command::End { game: departure.game }).await;
        }
    }

    /// Has the tick thread take an account's character out of its game; the rest follows when it is saved.
    pub(super) async fn expel(&self, account: AccountId, reason: &CloseReason) {
        let whereabouts = self.directory().whereabouts(account);
        if let Some((game, thread)) = whereabouts {
            self.command(thread, Command::Leave { game, account, reason: reason.clone() }).await;
        }
    }
}
