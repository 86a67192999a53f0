//! What the host keeps beside one instance.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    log::{LINE_BYTES_MAX, Level},
    memory::Growth,
    meter::Meter,
    plugin::Compiled,
};

/// The data of an instance's store.
pub(crate) struct State {
    pub(crate) growth: Growth,
    pub(crate) meter: Meter,
    pub(crate) compiled: Arc<Compiled>,
    /// The last error line of this call: a plugin's panic text, if its SDK writes one.
    pub(crate) last_words: Option<String>,
    /// The time that this call was told, if it asked.
    pub(crate) call_ms: Option<u64>,
    /// The latest time that the instance was told.
    pub(crate) latest_ms: u64,
    /// What was printed since the last end of a line.
    printed: String,
    /// Names of figures that this instance has used.
    pub(crate) figures: BTreeSet<String>,
}

/// The clock of a call under these limits.
fn meter(compiled: &Compiled, deadline: Duration) -> Meter {
    Meter::start(deadline, compiled.host.limits.wall(deadline))
}

impl State {
    pub(crate) fn new(compiled: &Arc<Compiled>) -> Self {
        Self {
            growth: Growth::new(&compiled.limits, compiled.memory_bytes_max()),
            meter: meter(compiled, compiled.limits.init_deadline()),
            compiled: Arc::clone(compiled),
            last_words: None,
            call_ms: None,
            latest_ms: 0,
            printed: String::new(),
            figures: BTreeSet::new(),
        }
    }

    /// A call with this deadline begins: forgets what belonged to the one before.
    pub(crate) fn begin(&mut self, deadline: Duration) {
        self.meter = meter(&self.compiled, deadline);
        self.last_words = None;
        self.call_ms = None;
    }

    /// The plugin writes a line.
    pub(crate) fn log(&mut self, level: Level, line: &str) {
        let shown = self.compiled.log.write(level, line, Instant::now());
        if level == Level::Error {
            self.last_words = Some(shown);
        }
    }

    /// The plugin prints, by way of WASI: whole lines go to its log, and what stands without an end waits for it.
    pub(crate) fn print(&mut self, level: Level, bytes: &[u8]) {
        for part in String::from_utf8_lossy(bytes).split_inclusive('\n') {
            self.printed.push_str(part);
            if part.ends_with('\n') || self.printed.len() >= LINE_BYTES_MAX {
                let line = std::mem::take(&mut self.printed);
                let line = line.trim_end();
                if !line.is_empty() {
                    self.log(level, line);
                }
            }
        }
    }

    /// The time of this call: read once, and never before what the instance was told earlier.
    pub(crate) fn now_ms(&mut self) -> u64 {
        let Self { compiled, call_ms, latest_ms, .. } = self;
        *call_ms.get_or_insert_with(|| {
            *latest_ms = compiled.services.now_ms(&compiled.manifest.name).max(*latest_ms);
            *latest_ms
        })
    }
}
