//! The thread that stores logs: it appends what comes, and compresses what has ended.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Write as _},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender},
    time::{Duration, Instant},
};

use crate::types::GameId;

use super::{Message, folder::Folder};

/// Between two looks for logs that are too old.
const CLEAN_EVERY: Duration = Duration::from_secs(3_600);
/// Between two warnings that logs cannot be stored.
const WARNING_EVERY: Duration = Duration::from_secs(60);

/// The state of the writer's thread.
pub(super) struct Writer {
    folder: Folder,
    /// To each tick thread, its empty buffers.
    returns: Vec<SyncSender<Vec<u8>>>,
    /// Of games that run; `None` when the file could not be written and the rest of the log is thrown away.
    files: HashMap<GameId, Option<File>>,
    warned: Option<Instant>,
}

impl Writer {
    pub(super) fn new(folder: Folder, returns: Vec<SyncSender<Vec<u8>>>) -> Self {
        Self { folder, returns, files: HashMap::new(), warned: None }
    }

    /// Works until it is told to stop or nobody can write any more.
    pub(super) fn run(mut self, messages: &Receiver<Message>) {
        self.folder.finish_leftovers();
        self.folder.clean();
        loop {
            match messages.recv_timeout(CLEAN_EVERY) {
                Ok(Message::Chunk { game, bytes, last, desk }) => {
                    self.append(game, &bytes);
                    if last {
                        self.finish(game);
                    }
                    if let Some(back) = self.returns.get(desk) {
                        // A thread that has enough empty buffers needs no more.
                        let _ = back.try_send(bytes);
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.folder.clean(),
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let unfinished: Vec<GameId> = self.files.keys().copied().collect();
        unfinished.into_iter().for_each(|game| self.finish(game));
    }

    fn append(&mut self, game: GameId, bytes: &[u8]) {
        if !self.files.contains_key(&game) {
            let opened = self.folder.append(game);
            let file = self.checked(opened);
            self.files.insert(game, file);
        }
        let Some(Some(file)) = self.files.get_mut(&game) else { return };
        let written = file.write_all(bytes);
        if self.checked(written).is_none() {
            self.files.insert(game, None);
        }
    }

    fn finish(&mut self, game: GameId) {
        // Nothing was written, or the disk refused it: what is there stays as it is and is tried again at the next start.
        if let Some(Some(_)) = self.files.remove(&game) {
            let finished = self.folder.finish(game);
            self.checked(finished);
            self.folder.clean();
        }
    }

    /// Says now and then that the disk does not take logs.
    fn checked<T>(&mut self, result: io::Result<T>) -> Option<T> {
        result
            .inspect_err(|error| {
                if self.warned.is_none_or(|warned| warned.elapsed() >= WARNING_EVERY) {
                    self.warned = Some(Instant::now());
                    tracing::warn!(%error, "logs of games cannot be stored; make room in the data folder, or set [games] logs = false");
                }
            })
            .ok()
    }
}
