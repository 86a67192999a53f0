//! Whether there is room on the disk that holds the database file: a disk that is full is told before the next write fails.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

/// Less than this counts as a full disk: what one group of writes, the log beside the file and its index may take.
const ROOM_MIN_BYTES: u64 = 1 << 20;
/// Nothing is known, or there are no limits.
const PLENTY: u64 = u64::MAX;

/// Free space, as it was looked at last.
#[derive(Debug)]
pub(super) struct Room {
    /// The folder of the file; a server looks after its own disk.
    folder: Option<PathBuf>,
    free_bytes: AtomicU64,
}

impl Room {
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, free_bytes: AtomicU64::new(PLENTY) }
    }

    /// Asks the system. One that does not say counts as roomy: a write will tell.
    pub(super) fn look(&self) {
        let Some(folder) = &self.folder else { return };
        let free = rustix::fs::statvfs(folder).map_or(PLENTY, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        self.free_bytes.store(free, Ordering::Relaxed);
    }

    /// How little room is left, when it is too little.
    pub(super) fn short_bytes(&self) -> Option<u64> {
        let free_bytes = self.free_bytes.load(Ordering::Relaxed);
        (free_bytes < ROOM_MIN_BYTES).then_some(free_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_room_a_server_and_a_folder_that_is_gone_are_not_short_of_it() {
        let folder = tempfile::tempdir().unwrap();
        for place in [Some(folder.path().to_owned()), Some("/no/such/folder".into()), None] {
            let room = Room::new(place);
            room.look();
            assert_eq!(room.short_bytes(), None);
        }
        let room = Room::new(None);
        room.free_bytes.store(4_096, Ordering::Relaxed);
        assert_eq!(room.short_bytes(), Some(4_096));
    }
}
