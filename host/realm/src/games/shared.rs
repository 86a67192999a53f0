//! What the lobby's verbs, the saver and the caretakers share: the directory and the doors to the tick threads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc};

use crate::{
    hooks::RulesInPlay,
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
    /// Told when the list of games has changed.
    pub(super) list_changed: Notify,
}

impl Shared {
    pub(super) fn new(
        directory: Directory,
        threads: Vec<mpsc::Sender<Command>>,
        loads: Arc<Loads>,
        in_play: Vec<RulesInPlay>,
    ) -> Self {
        Self { directory: Mutex::new(directory), threads, loads, in_play, list_changed: Notify::new() }
    }

    /// Names and versions of the rules that the games of a tick thread are played under.
    pub(super) fn rules_of(&self, thread: usize) -> Vec<String> {
        self.in_play.get(thread).map(RulesInPlay::labels).unwrap_or_default()
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
        self.list_changed.notify_one();
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
