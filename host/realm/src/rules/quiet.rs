//! Which files have been quiet for long enough to be looked at.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// What was seen of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// It is being written.
    Writing,
    /// Its writer has closed it, or it was moved here whole.
    Finished,
    /// Something else about it changed.
    Touched,
    /// It was deleted or moved away; an editor that saves by renaming brings it back at once.
    Gone,
}

impl Sign {
    fn quiet(self) -> Duration {
        match self {
            Self::Writing => Duration::from_secs(1),
            Self::Finished | Self::Touched => Duration::from_millis(150),
            Self::Gone => Duration::from_millis(500),
        }
    }
}

/// Files that something happened to, with the moment from which they may be looked at.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    due: BTreeMap<String, (Instant, Sign)>,
}

impl Quiet {
    /// Notes a sign of a file.
    pub(super) fn note(&mut self, file: &str, sign: Sign, now: Instant) {
        let sign = match (sign, self.due.get(file)) {
            // Touching neither finishes nor ends the writing of a file.
            (Sign::Touched, Some((_, before))) => *before,
            _ => sign,
        };
        self.due.insert(file.to_owned(), (now + sign.quiet(), sign));
    }

    /// True when the file waits to be looked at.
    pub(super) fn waits(&self, file: &str) -> bool {
        self.due.contains_key(file)
    }

    /// When the next file is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.values().map(|(due, _)| *due).min()
    }

    /// Takes the files that are due.
    pub(super) fn take(&mut self, now: Instant) -> Vec<String> {
        self.due.extract_if(.., |_, (due, _)| *due <= now).map(|(file, _)| file).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn a_copied_file_is_due_soon_after_its_writer_closed_it() {
        let (mut quiet, start) = (Quiet::default(), Instant::now());
        for ms in [0, 100, 900] {
            quiet.note("a.wasm", Sign::Writing, at(start, ms));
            assert!(quiet.take(at(start, ms + 99)).is_empty());
        }
        quiet.note("a.wasm", Sign::Finished, at(start, 1_000));
        quiet.note("a.wasm", Sign::Touched, at(start, 1_010));
        assert_eq!(quiet.next(), Some(at(start, 1_160)));
        assert_eq!(quiet.take(at(start, 1_160)), ["a.wasm"]);
        assert!(quiet.next().is_none() && !quiet.waits("a.wasm"));
    }

    #[test]
    fn a_save_by_renaming_is_no_deletion() {
        let (mut quiet, start) = (Quiet::default(), Instant::now());
        quiet.note("a.wasm", Sign::Gone, start);
        quiet.note("a.wasm", Sign::Finished, at(start, 5));
        quiet.note("b.wasm", Sign::Gone, start);
        assert_eq!(quiet.take(at(start, 200)), ["a.wasm"]);
        assert_eq!(quiet.take(at(start, 500)), ["b.wasm"]);
    }
}
