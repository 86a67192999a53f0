//! Logs of games: what the tick threads write down, the thread that stores it, and the reading of what was stored.
//!
//! A game's [`Pen`] encodes each tick into a buffer of its own; a full buffer goes through a bounded queue to the writer, a thread of low
//! priority, and comes back empty. While a game runs its log lies as it is in `GAME.log.part`; when the game has ended it is
//! compressed to `GAME.log`. What the log says is in `realm_world::log`.

mod again;
mod folder;
mod pen;
mod reading;
mod verify;
mod writer;

use std::{
    path::Path,
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use crate::types::{GameId, Urgency, spawn_thread};

pub(super) use again::ask_again;
pub use again::{Again, Difference};
pub(super) use pen::{Desk, Pen};
pub use reading::{LogFileError, read_log};
pub use verify::Verification;
pub(super) use verify::verify;

use folder::{Folder, Limits};
use writer::Writer;

/// Folder of logs inside the data folder.
pub const FOLDER: &str = "games";
/// Buffers that wait for the writer.
const CHUNKS_MAX: usize = 1_024;
/// Empty buffers that wait for a tick thread.
const SPARES_MAX: usize = 64;
/// Longest log of one game before it is compressed; then it ends with a note.
const LOG_BYTES_MAX: usize = 64 << 20;

/// What the writer is told.
enum Message {
    /// A piece of a game's log; its buffer goes back to the tick thread of this number.
    Chunk { game: GameId, bytes: Vec<u8>, last: bool, desk: usize },
    /// No tick thread writes any more.
    Stop,
}

/// The writer of logs, from outside.
pub(super) struct Logs {
    queue: SyncSender<Message>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Logs {
    /// Starts the writer over a data folder, and gives a desk for each tick thread.
    ///
    /// # Errors
    /// When the folder cannot be made, or the system gives no thread.
    pub(super) fn start(data: &Path, days: u32, bytes_max: u64, threads: usize) -> std::io::Result<(Self, Vec<Desk>)> {
        let limits = Limits { age_max: Duration::from_secs(u64::from(days) * 86_400), bytes_max };
        let folder = Folder::open(&data.join(FOLDER), limits)?;
        let (queue, messages) = sync_channel(CHUNKS_MAX);
        let (mut desks, mut returns) = (Vec::new(), Vec::new());
        for number in 0..threads {
            let (back, spares): (_, Receiver<Vec<u8>>) = sync_channel(SPARES_MAX);
            desks.push(Desk::new(number, queue.clone(), spares));
            returns.push(back);
        }
        let writer = Writer::new(folder, returns);
        let thread = spawn_thread("game-logs".to_owned(), Urgency::Background, move || writer.run(&messages))?;
        Ok((Self { queue, thread: Mutex::new(Some(thread)) }, desks))
    }

    /// Ends the writer when everything that waits is stored. Blocks.
    pub(super) fn stop(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && self.queue.send(Message::Stop).is_ok()
            && thread.join().is_err()
        {
            tracing::error!("the writer of game logs had ended by a fault");
        }
    }
}

#[cfg(test)]
mod tests;
