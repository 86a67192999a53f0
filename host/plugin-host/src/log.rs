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

/// Most bytes of one line.
pub(crate) const LINE_BYTES_MAX: usize = 1_024;
/// Most lines of one plugin in one second.
pub(crate) const LINES_PER_SECOND_MAX: u32 = 20;

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
    window: Mutex<Window>,
    /// Mirrors the window's count so that calls without any suppressed line take no lock.
    suppressed: AtomicU32,
    warned: AtomicBool,
}

struct Window {
    began: Instant,
    lines: u32,
}

impl fmt::Debug for PluginLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PluginLog").field("plugin", &self.plugin).finish_non_exhaustive()
    }
}

impl PluginLog {
    pub(crate) fn new(plugin: &str, permitted: bool, sink: Arc<dyn LogSink>) -> Self {
        Self {
            plugin: plugin.to_owned(),
            permitted,
            sink,
            window: Mutex::new(Window { began: Instant::now(), lines: 0 }),
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
        if window.lines < LINES_PER_SECOND_MAX {
            window.lines += 1;
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
        if now.saturating_duration_since(window.began) < Duration::from_secs(1) {
            return;
        }
        *window = Window { began: now, lines: 0 };
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

    #[test]
    fn lines_are_cut_and_escaped() {
        assert_eq!(presentable("a\nb\u{1b}[31mc\u{202E}d"), "a\\nb\\u{1b}[31mc\\u{202e}d");
        assert_eq!(presentable(&"é".repeat(600)).len(), 1_024);
        assert_eq!(presentable(&format!("x{}", "é".repeat(600))).len(), 1_023);
    }

    #[test]
    fn a_flood_becomes_twenty_lines_and_a_count() {
        let kept = Arc::new(Kept::default());
        let log = PluginLog::new("noisy", true, Arc::clone(&kept) as Arc<dyn LogSink>);
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
        let log = PluginLog::new("sly", false, Arc::clone(&kept) as Arc<dyn LogSink>);
        for _ in 0..100 {
            log.write(Level::Error, "secret", Instant::now());
        }
        assert_eq!(lines(&kept).len(), 1);
        assert!(lines(&kept)[0].contains("permission `log`"));
    }
}
