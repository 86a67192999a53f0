//! What plugins say to the operator: limited in length and rate, escaped, handed to the caller's sink.

use std::{
    fmt::{self, Write as _},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

pub use crate::bindings::log::Level;
use crate::limits::PluginLimits;

/// Most bytes of one line, before escaping.
pub(crate) const LINE_BYTES_MAX: usize = 1_024;
/// What stands before a line in the realm's log, about: time, level, name.
const HEAD_BYTES: u32 = 200;

/// Takes the lines of plugins.
pub trait LogSink: Send + Sync + 'static {
    /// One line of a plugin: at most 1,024 bytes before escaping, no control characters.
    fn write(&self, plugin: &str, level: Level, line: &str);
}

/// Lets every line fall.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLog;

impl LogSink for NoLog {
    fn write(&self, _plugin: &str, _level: Level, _line: &str) {}
}

/// The log of one plugin; all its instances share it.
pub(crate) struct PluginLog {
    plugin: String,
    permitted: bool,
    sink: Arc<dyn LogSink>,
    lines_max: u32,
    bytes_max: u32,
    all: Arc<LogBudget>,
    window: Mutex<Window>,
    /// Mirrors the window's count so that calls without any suppressed line take no lock.
    suppressed: AtomicU32,
    warned: AtomicBool,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    lines: u32,
    bytes: u32,
}

impl Window {
    fn new(began: Instant) -> Self {
        Self { began, lines: 0, bytes: 0 }
    }

    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.began) >= Duration::from_secs(1)
    }

    /// Room for `bytes` more, below both limits?
    fn take(&mut self, bytes: u32, lines_max: u32, bytes_max: u32) -> bool {
        let sum = self.bytes.saturating_add(bytes);
        let fits = self.lines < lines_max && sum <= bytes_max;
        if fits {
            (self.lines, self.bytes) = (self.lines + 1, sum);
        }
        fits
    }
}

/// What all plugins of a host together may write: many plugins that each keep to their own rate could fill a disk.
#[derive(Debug)]
pub(crate) struct LogBudget {
    bytes_max: u32,
    window: Mutex<Window>,
}

impl LogBudget {
    pub(crate) fn new(bytes_per_second_max: u32) -> Self {
        Self { bytes_max: bytes_per_second_max, window: Mutex::new(Window::new(Instant::now())) }
    }

    fn take(&self, bytes: u32, now: Instant) -> bool {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.is_over(now) {
            *window = Window::new(now);
        }
        window.take(bytes.saturating_add(HEAD_BYTES), u32::MAX, self.bytes_max)
    }
}

impl fmt::Debug for PluginLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PluginLog").field("plugin", &self.plugin).finish_non_exhaustive()
    }
}

impl PluginLog {
    pub(crate) fn new(
        plugin: &str,
        permitted: bool,
        sink: Arc<dyn LogSink>,
        limits: &PluginLimits,
        all: Arc<LogBudget>,
    ) -> Self {
        Self {
            plugin: plugin.to_owned(),
            permitted,
            sink,
            lines_max: limits.log_lines_per_second_max,
            bytes_max: limits.log_bytes_per_second_max,
            all,
            window: Mutex::new(Window::new(Instant::now())),
            suppressed: AtomicU32::new(0),
            warned: AtomicBool::new(false),
        }
    }

    /// A plugin writes a line. Returns the line as it was shown, or as it would have been.
    pub(crate) fn write(&self, level: Level, line: &str, now: Instant) -> String {
        let line = presentable(line);
        if !self.permitted {
            if !self.warned.swap(true, Ordering::Relaxed) {
                self.sink.write(
                    &self.plugin,
                    Level::Warn,
                    "writes to the log without the permission `log`; its lines are dropped. Add \"log\" to the permissions of its manifest.",
                );
            }
            return line;
        }
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        self.turn(&mut window, now);
        let bytes = u32::try_from(line.len()).unwrap_or(u32::MAX);
        if window.take(bytes, self.lines_max, self.bytes_max) && self.all.take(bytes, now) {
            self.sink.write(&self.plugin, level, &line);
        } else {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
        }
        line
    }

    /// Tells how many lines were left out, when their second is over; called after each call of the plugin.
    pub(crate) fn settle(&self, now: Instant) {
        if self.suppressed.load(Ordering::Relaxed) > 0 {
            let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
            self.turn(&mut window, now);
        }
    }

    fn turn(&self, window: &mut Window, now: Instant) {
        if !window.is_over(now) {
            return;
        }
        *window = Window::new(now);
        let suppressed = self.suppressed.swap(0, Ordering::Relaxed);
        if suppressed > 0 {
            self.sink.write(&self.plugin, Level::Warn, &format!("suppressed {suppressed} lines"));
        }
    }
}

impl Drop for PluginLog {
    fn drop(&mut self) {
        let suppressed = self.suppressed.load(Ordering::Relaxed);
        if suppressed > 0 {
            self.sink.write(&self.plugin, Level::Warn, &format!("suppressed {suppressed} lines"));
        }
    }
}

/// Cuts a line to its limit and escapes what could forge another line or colour a terminal.
fn presentable(line: &str) -> String {
    let mut end = line.len().min(LINE_BYTES_MAX);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    let mut shown = String::with_capacity(end);
    for character in line[..end].chars() {
        let unseen = matches!(character, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
        if character.is_control() || unseen {
            let _ = write!(shown, "{}", character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Kept(Mutex<Vec<String>>);

    impl LogSink for Kept {
        fn write(&self, plugin: &str, _level: Level, line: &str) {
            self.0.lock().unwrap().push(format!("{plugin}: {line}"));
        }
    }

    fn lines(kept: &Arc<Kept>) -> Vec<String> {
        kept.0.lock().unwrap().clone()
    }

    fn log(plugin: &str, permitted: bool, kept: &Arc<Kept>) -> PluginLog {
        let all = Arc::new(LogBudget::new(24_000));
        PluginLog::new(plugin, permitted, Arc::clone(kept) as Arc<dyn LogSink>, &PluginLimits::default(), all)
    }

    #[test]
    fn long_lines_are_held_back_by_their_bytes() {
        let kept = Arc::new(Kept::default());
        let log = log("wordy", true, &kept);
        let start = Instant::now();
        for _ in 0..20 {
            log.write(Level::Info, &"\u{7}".repeat(1_024), start);
        }
        // An escape makes five bytes of one: a line of 5,120 fits into 8,192 bytes once.
        assert_eq!(lines(&kept).len(), 1);
    }

    #[test]
    fn all_plugins_together_keep_below_one_rate() {
        let kept = Arc::new(Kept::default());
        let all = Arc::new(LogBudget::new(24_000));
        let start = Instant::now();
        for number in 0..50 {
            let sink = Arc::clone(&kept) as Arc<dyn LogSink>;
            let name = format!("plugin-{number}");
            let log = PluginLog::new(&name, true, sink, &PluginLimits::default(), Arc::clone(&all));
            for _ in 0..7 {
                log.write(Level::Info, &"x".repeat(1_000), start);
            }
            // Its own count of what was left out is one line of a few bytes.
        }
        let bytes: usize = lines(&kept).iter().filter(|line| line.contains("xxx")).map(String::len).sum();
        assert!((15_000..24_000).contains(&bytes), "{bytes}");
    }

    #[test]
    fn lines_are_cut_and_escaped() {
        assert_eq!(presentable("a\nb\u{1b}[31mc\u{202E}d"), "a\\nb\\u{1b}[31mc\\u{202e}d");
        assert_eq!(presentable(&"é".repeat(600)).len(), 1_024);
        assert_eq!(presentable(&format!("x{}", "é".repeat(600))).len(), 1_023);
    }

    #[test]
    fn a_flood_becomes_twenty_lines_and_a_count() {
        let kept = Arc::new(Kept::default());
        let log = log("noisy", true, &kept);
        let start = Instant::now();
        for number in 0..500 {
            log.write(Level::Info, &number.to_string(), start);
        }
        assert_eq!(lines(&kept).len(), 20);
        log.settle(start + Duration::from_millis(900));
        assert_eq!(lines(&kept).len(), 20);
        log.settle(start + Duration::from_secs(3));
        assert_eq!(lines(&kept).last().unwrap(), "noisy: suppressed 480 lines");
        log.write(Level::Info, "again", start + Duration::from_secs(3));
        assert_eq!(lines(&kept).len(), 22);
    }

    #[test]
    fn without_the_permission_one_warning_is_all() {
        let kept = Arc::new(Kept::default());
        let log = log("sly", false, &kept);
        for _ in 0..100 {
            log.write(Level::Error, "secret", Instant::now());
        }
        assert_eq!(lines(&kept).len(), 1);
        assert!(lines(&kept)[0].contains("permission `log`"));
    }
}
