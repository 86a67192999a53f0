//! A running game to bytes.

use serde::Serialize;

use super::{
    CHANGED, CHARACTER, CHECK, CHECK_TICKS, Change, END, Ending, FORMAT, Header, LAST_CHANGE, LISTED, MAGIC, Newcomer,
    QUIET, REFUSED, RULE, TEXT_BYTES_MAX, Verdict, Way,
};
use crate::{Input, PLAYERS_MAX};

/// Most quiet ticks that are counted in one record; a check comes as often.
const QUIET_MAX: u8 = 25;
const _: () = assert!(QUIET_MAX as u32 == CHECK_TICKS && QUIET_MAX < u8::MAX - CHANGED);

/// Writes the log of one game. Allocates nothing while what it has written is taken out in time.
#[derive(Debug)]
pub struct LogWriter {
    held: [Option<Way>; PLAYERS_MAX],
    /// The last tick left the held move out.
    paused: [bool; PLAYERS_MAX],
    quiet: u8,
    bytes: Vec<u8>,
}

/// What one slot did in a tick, as far as a changed tick can say it.
#[derive(Clone, Copy, Default)]
struct Part<'inputs> {
    before: Option<&'inputs Input>,
    way: Option<Way>,
    after: Option<&'inputs Input>,
}

impl LogWriter {
    /// Begins a log; there is room for `capacity_bytes` before the first bytes have to be taken out.
    #[must_use]
    pub fn new(header: &Header, capacity_bytes: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity_bytes);
        bytes.extend_from_slice(MAGIC);
        bytes.push(FORMAT);
        let mut this = Self { held: [None; PLAYERS_MAX], paused: [false; PLAYERS_MAX], quiet: 0, bytes };
        this.put(header);
        this
    }

    /// What was written and not taken out. The caller may empty it or put another buffer in its place.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// A verdict on a wish of the coming tick. The text is cut at [`TEXT_BYTES_MAX`].
    pub fn verdict(&mut self, verdict: &Verdict) {
        self.record(REFUSED);
        self.put(&(verdict.input, verdict.refused, verdict.place, cut(&verdict.violation)));
    }

    /// From the coming tick on this rule judges; `None` when nobody could answer.
    pub fn rule(&mut self, label: Option<&str>) {
        self.record(RULE);
        self.put(&label.map(cut));
    }

    /// Somebody comes in with the coming tick.
    pub fn newcomer(&mut self, newcomer: Newcomer) {
        self.record(CHARACTER);
        self.put(&newcomer);
    }

    /// One tick with the inputs that were applied, in their order.
    pub fn tick(&mut self, inputs: &[Input]) {
        match parts(inputs) {
            Some(parts) => self.changed(&parts),
            None => {
                self.record(LISTED);
                self.put(&inputs);
                self.held = [None; PLAYERS_MAX];
                self.paused = [false; PLAYERS_MAX];
            }
        }
        if self.quiet == QUIET_MAX {
            self.end_quiet();
        }
    }

    /// The state's hash after the last tick; called whenever the tick's number is a multiple of [`CHECK_TICKS`].
    pub fn check(&mut self, hash: u64) {
        self.record(CHECK);
        self.bytes.extend_from_slice(&hash.to_le_bytes()[..4]);
    }

    /// Ends the log.
    pub fn end(&mut self, ending: &Ending) {
        self.record(END);
        self.put(&(ending.hash, cut(&ending.reason)));
    }

    fn changed(&mut self, parts: &[Part<'_>; PLAYERS_MAX]) {
        let begin = self.bytes.len();
        // The last change so far; it gets its mark when there is no further one.
        let mut last = None;
        for ((place, part), slot) in parts.iter().enumerate().zip(0u8..) {
            if let Some(act) = part.before {
                self.change(begin, &mut last, slot, Change::ActBefore);
                self.put(act);
            }
            match (self.held[place], part.way) {
                (None, None) => {}
                (Some(held), Some(way)) if held == way => self.paused[place] = false,
                (Some(_), None) if self.paused[place] => {
                    self.change(begin, &mut last, slot, Change::Stop);
                    (self.held[place], self.paused[place]) = (None, false);
                }
                (Some(_), None) => {
                    self.change(begin, &mut last, slot, Change::Pause);
                    self.paused[place] = true;
                }
                (_, Some(way)) => {
                    self.change(begin, &mut last, slot, Change::Turn);
                    self.put(&way);
                    (self.held[place], self.paused[place]) = (Some(way), false);
                }
            }
            if let Some(act) = part.after {
                self.change(begin, &mut last, slot, Change::ActAfter);
                self.put(act);
            }
        }
        match last {
            Some(last) => self.bytes[last] |= LAST_CHANGE,
            None => self.quiet += 1,
        }
    }

    /// Begins a change; the first of a tick brings the quiet ticks before it along.
    fn change(&mut self, begin: usize, last: &mut Option<usize>, slot: u8, change: Change) {
        if self.bytes.len() == begin {
            self.bytes.push(CHANGED + self.quiet);
            self.quiet = 0;
        }
        *last = Some(self.bytes.len());
        self.bytes.push(slot | (change as u8) << 3);
    }

    fn record(&mut self, first: u8) {
        self.end_quiet();
        self.bytes.push(first);
    }

    fn end_quiet(&mut self) {
        if self.quiet > 0 {
            self.bytes.extend_from_slice(&[QUIET, self.quiet]);
            self.quiet = 0;
        }
    }

    fn put<T: Serialize + ?Sized>(&mut self, value: &T) {
        let bytes = std::mem::take(&mut self.bytes);
        self.bytes = postcard::to_extend(value, bytes).expect("numbers, lists and texts in memory can be written");
    }
}

/// The tick slot by slot; `None` when its inputs are of another shape or in another order.
fn parts(inputs: &[Input]) -> Option<[Part<'_>; PLAYERS_MAX]> {
    let mut parts = [Part::default(); PLAYERS_MAX];
    let mut newest = 0;
    for input in inputs {
        let slot = usize::from(input.slot().0);
        let part = parts.get_mut(slot)?;
        if slot < newest {
            return None;
        }
        newest = slot;
        match (input, &part) {
            (Input::Move { dx, dy, .. }, Part { way: None, after: None, .. }) => part.way = Some((*dx, *dy)),
            (Input::Move { .. }, _) => return None,
            (_, Part { way: Some(_), after: None, .. }) => part.after = Some(input),
            (_, Part { way: None, before: None, after: None }) => part.before = Some(input),
            _ => return None,
        }
    }
    Some(parts)
}

/// At most [`TEXT_BYTES_MAX`] bytes of a text.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}
