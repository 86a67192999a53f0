//! The thread that writes recordings, and the bounded way to it.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write as _},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use realm_plugin_host::tape::{MAGIC, RecordedCall, write_call};

use super::{Answer, ENDING, HostAnswer, Question, Recording};
use crate::types::{Urgency, spawn_thread};

/// Calls that wait to be written; what comes beyond is left out and counted.
const CALLS_MAX: usize = 8_192;
/// What was recorded reaches its file within this time.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// The bytes of a recording are spread over so many files, so that the oldest part can go.
const FILES: u64 = 4;

/// Records calls; cheap to clone. A lane never waits for it.
#[derive(Clone)]
pub(crate) struct Recorder {
    calls: SyncSender<RecordedCall>,
    lanes: Arc<AtomicU32>,
}

impl Recorder {
    /// Starts the thread that writes; it ends with the last recorder.
    pub(crate) fn start(recording: Recording) -> io::Result<Self> {
        fs::create_dir_all(&recording.folder)?;
        let (calls, waiting) = sync_channel(CALLS_MAX);
        spawn_thread("plugin-tape".to_owned(), Urgency::Background, move || {
            if let Err(error) = write(&recording, &waiting) {
                let folder = recording.folder.display();
                tracing::error!(
                    "{folder}: {error}; calls to plugins are not recorded any more; start the realm again when there is room"
                );
            }
        })?;
        Ok(Self { calls, lanes: Arc::default() })
    }

    /// A number for a new lane.
    pub(in crate::hooks) fn lane(&self) -> u32 {
        self.lanes.fetch_add(1, Relaxed)
    }

    /// A call has ended; `host` is what the host answered meanwhile.
    pub(in crate::hooks) fn keep(
        &self,
        lane: u32,
        (plugin, version): (&str, &str),
        question: Question,
        host: Vec<HostAnswer>,
        answer: Option<Answer>,
    ) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let (plugin, version) = (plugin.to_owned(), version.to_owned());
        if self.calls.try_send(RecordedCall { at_ms, lane, plugin, version, question, host, answer }).is_err() {
            metrics::counter!("realm_plugin_unrecorded_total").increment(1);
        }
    }
}

/// Writes until nobody can record any more.
fn write(recording: &Recording, calls: &Receiver<RecordedCall>) -> io::Result<()> {
    let mut tape = Tape::open(recording)?;
    loop {
        match calls.recv_timeout(FLUSH_EVERY) {
            Ok(call) => tape.write(&call)?,
            Err(RecvTimeoutError::Timeout) => tape.file.flush()?,
            Err(RecvTimeoutError::Disconnected) => return tape.file.flush(),
        }
    }
}

struct Tape {
    folder: PathBuf,
    file: BufWriter<File>,
    bytes: u64,
    file_bytes_max: u64,
    /// One call, before it is known whether it fits.
    body: Vec<u8>,
}

impl Tape {
    fn open(recording: &Recording) -> io::Result<Self> {
        let folder = recording.folder.clone();
        let file_bytes_max = recording.bytes_max / FILES;
        let file = next(&folder)?;
        Ok(Self { folder, file, bytes: MAGIC.len() as u64, file_bytes_max, body: Vec::new() })
    }

    fn write(&mut self, call: &RecordedCall) -> io::Result<()> {
        self.body.clear();
        let length = write_call(&mut self.body, call)? as u64;
        if length == 0 {
            metrics::counter!("realm_plugin_unrecorded_total").increment(1);
            return Ok(());
        }
        if self.bytes + length > self.file_bytes_max {
            self.file.flush()?;
            self.file = next(&self.folder)?;
            self.bytes = MAGIC.len() as u64;
        }
        self.bytes += length;
        self.file.write_all(&self.body)
    }
}

/// A new file after the last one; of the older ones only as many stay as there is room for.
fn next(folder: &PathBuf) -> io::Result<BufWriter<File>> {
    let mut numbers: Vec<u64> = fs::read_dir(folder)?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(ENDING)?.strip_suffix('.')?.parse().ok())
        .collect();
    numbers.sort_unstable();
    let number = numbers.last().map_or(1, |last| last + 1);
    let gone = numbers.len().saturating_sub(usize::try_from(FILES - 1).unwrap_or(0));
    for number in &numbers[..gone] {
        fs::remove_file(folder.join(format!("{number}.{ENDING}")))?;
    }
    let mut file = BufWriter::new(File::create_new(folder.join(format!("{number}.{ENDING}")))?);
    file.write_all(MAGIC)?;
    Ok(file)
}
