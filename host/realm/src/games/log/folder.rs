//! The folder of logs: names, compression, and what is kept for how long.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, Write as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use crate::types::GameId;

/// Ending of a finished log.
const FINISHED: &str = "log";
/// Ending of the log of a game that runs, behind [`FINISHED`].
const RUNNING: &str = "part";
/// How hard is compressed; there is time.
const LEVEL: i32 = 9;

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) age_max: Duration,
    pub(super) bytes_max: u64,
}

/// A finished log.
struct Finished {
    path: PathBuf,
    bytes: u64,
    age: Duration,
}

/// The folder.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    path: PathBuf,
    limits: Limits,
}

impl Folder {
    pub(super) fn open(path: &Path, limits: Limits) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        Ok(Self { path: path.to_owned(), limits })
    }

    fn running(&self, game: GameId) -> PathBuf {
        self.path.join(format!("{}.{FINISHED}.{RUNNING}", game.raw()))
    }

    /// The file that the log of a running game is appended to.
    pub(super) fn append(&self, game: GameId) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).open(self.running(game))
    }

    /// Compresses the log of a game that has ended.
    pub(super) fn finish(&self, game: GameId) -> io::Result<()> {
        compress(&self.running(game))
    }

    /// Compresses what a realm that was killed has left.
    pub(super) fn finish_leftovers(&self) {
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|kind| kind == RUNNING)
                && let Err(error) = compress(&path)
            {
                tracing::warn!(file = %path.display(), %error, "a log of a game could not be finished; it stays as it is");
            }
        }
    }

    /// Removes the oldest logs that are beyond the limits.
    pub(super) fn clean(&self) {
        let mut logs: Vec<Finished> = fs::read_dir(&self.path)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|kind| kind == FINISHED))
            .filter_map(|entry| {
                let metadata = entry.metadata().ok()?;
                let age = SystemTime::now().duration_since(metadata.modified().ok()?).unwrap_or_default();
                Some(Finished { path: entry.path(), bytes: metadata.len(), age })
            })
            .collect();
        logs.sort_by(|one, other| one.age.cmp(&other.age).then_with(|| other.path.cmp(&one.path)));
        let mut kept_bytes = 0_u64;
        for log in logs {
            kept_bytes = kept_bytes.saturating_add(log.bytes);
            if (kept_bytes > self.limits.bytes_max || log.age > self.limits.age_max)
                && let Err(error) = fs::remove_file(&log.path)
            {
                tracing::warn!(file = %log.path.display(), %error, "an old log of a game could not be removed");
            }
        }
    }
}

/// `X.log.part` to `X.log`. The new file is whole before it has its name, and the old one goes last.
fn compress(running: &Path) -> io::Result<()> {
    let finished = running.with_extension("");
    let unfinished = running.with_extension("new");
    let mut encoder = zstd::Encoder::new(File::create(&unfinished)?, LEVEL)?;
    encoder.include_checksum(true)?;
    io::copy(&mut BufReader::new(File::open(running)?), &mut encoder)?;
    let mut file = encoder.finish()?;
    file.flush()?;
    fs::rename(&unfinished, &finished)?;
    fs::remove_file(running)
}
