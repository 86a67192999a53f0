//! What the host keeps beside one instance.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use crate::{log::Level, memory::Growth, meter::Meter, plugin::Compiled};

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
    /// Names of figures that this instance has used.
    pub(crate) figures: BTreeSet<String>,
}

impl State {
    pub(crate) fn new(compiled: &Arc<Compiled>) -> Self {
        Self {
            growth: Growth::new(&compiled.limits, compiled.memory_bytes_max()),
            meter: Meter::start(compiled.limits.init_deadline()),
            compiled: Arc::clone(compiled),
            last_words: None,
            call_ms: None,
            latest_ms: 0,
            figures: BTreeSet::new(),
        }
    }

    /// Forgets what belonged to the call before.
    pub(crate) fn begin(&mut self, meter: Meter) {
        self.meter = meter;
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

    /// The time of this call: read once, and never before what the instance was told earlier.
    pub(crate) fn now_ms(&mut self) -> u64 {
        let Self { compiled, call_ms, latest_ms, .. } = self;
        *call_ms.get_or_insert_with(|| {
            *latest_ms = compiled.services.now_ms(&compiled.manifest.name).max(*latest_ms);
            *latest_ms
        })
    }
}
