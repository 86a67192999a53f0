//! A stored log back to its bytes.

use std::{fs::File, io::Read as _, path::Path};

use realm_world::log::LogError;

use super::LOG_BYTES_MAX;

/// What a compressed log begins with.
const COMPRESSED: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
/// A log may be a little longer than where it ended itself.
const READ_BYTES_MAX: u64 = LOG_BYTES_MAX as u64 + (1 << 20);

/// Why a stored log cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum LogFileError {
    /// The file cannot be read.
    #[error("{file} cannot be read: {problem}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system says.
        problem: String,
    },
    /// Its compression is broken.
    #[error("{file} is damaged: it cannot be decompressed ({problem}); take it from a backup")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong.
        problem: String,
    },
    /// The log itself.
    #[error("{file}: {problem}; {remedy}")]
    Log {
        /// The file.
        file: String,
        /// What is wrong.
        problem: LogError,
        /// What to do.
        remedy: &'static str,
    },
}

impl LogFileError {
    pub(super) fn of_log(path: &Path, problem: LogError) -> Self {
        let remedy = match problem {
            LogError::Foreign => "name a file of the folder games/ in the data folder",
            LogError::Format { .. } => "replay it with the version of realm that wrote it",
            LogError::Content { .. } => {
                "name the pack that the game was made of with --content, or use the version of realm that wrote it"
            }
            LogError::Truncated { .. } | LogError::Damaged { .. } => "take it from a backup",
        };
        Self::Log { file: path.display().to_string(), problem, remedy }
    }
}

/// The bytes of a stored log, as `realm_world::log` reads them: of a game that has ended, or of one that still runs.
///
/// # Errors
/// When the file cannot be read or is damaged.
pub fn read_log(path: &Path) -> Result<Vec<u8>, LogFileError> {
    let unreadable = |error: std::io::Error| LogFileError::Unreadable {
        file: path.display().to_string(),
        problem: error.to_string(),
    };
    let mut stored = Vec::new();
    File::open(path).and_then(|file| file.take(READ_BYTES_MAX).read_to_end(&mut stored)).map_err(unreadable)?;
    if !stored.starts_with(&COMPRESSED) {
        return Ok(stored);
    }
    let damaged =
        |error: std::io::Error| LogFileError::Damaged { file: path.display().to_string(), problem: error.to_string() };
    let mut log = Vec::new();
    let decoder = zstd::Decoder::with_buffer(stored.as_slice()).map_err(damaged)?;
    decoder.take(READ_BYTES_MAX).read_to_end(&mut log).map_err(damaged)?;
    Ok(log)
}
