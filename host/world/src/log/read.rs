//! Bytes to the records of a game.

use serde::de::DeserializeOwned;

use super::{
    CHANGED, CHARACTER, CHECK, Change, END, Ending, FORMAT, Header, INPUTS_MAX, LAST_CHANGE, LISTED, LogError, MAGIC,
    Newcomer, QUIET, REFUSED, RULE, TEXT_BYTES_MAX, Verdict, Way,
};
use crate::{Input, PLAYERS_MAX, PlayerSlot, log::CHECK_TICKS};

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A tick; its inputs are where the caller wished them.
    Tick,
    /// A verdict on a wish of the coming tick.
    Verdict(Verdict),
    /// Who judges from the coming tick on.
    Rule(Option<String>),
    /// Who comes in with the coming tick.
    Newcomer(Newcomer),
    /// Low 32 bits of the state's hash after the last tick.
    Check(u32),
    /// The end.
    End(Ending),
}

/// Reads a log record by record. Whatever the bytes are, each record takes a bounded amount of work and memory.
#[derive(Debug)]
pub struct LogReader<'log> {
    log: &'log [u8],
    at: usize,
    held: [Option<Way>; PLAYERS_MAX],
    /// Quiet ticks that are not handed out yet.
    quiet: u8,
    /// A changed tick comes after them.
    changed: bool,
    ended: bool,
}

impl<'log> LogReader<'log> {
    /// Reads the beginning.
    ///
    /// # Errors
    /// When this is no log, of another version, or its header is damaged.
    pub fn new(log: &'log [u8]) -> Result<(Header, Self), LogError> {
        let rest = log.strip_prefix(MAGIC).ok_or(LogError::Foreign)?;
        let format = *rest.first().ok_or(LogError::Truncated { at: log.len() })?;
        if format != FORMAT {
            return Err(LogError::Format { found: format });
        }
        let held = [None; PLAYERS_MAX];
        let mut this = Self { log, at: MAGIC.len() + 1, held, quiet: 0, changed: false, ended: false };
        let header: Header = this.get()?;
        if header.version.len() > TEXT_BYTES_MAX {
            return Err(this.damaged("the version is too long"));
        }
        Ok((header, this))
    }

    /// The next record; the inputs of a tick are written over `inputs`. `None` after the end.
    ///
    /// # Errors
    /// When the log breaks off or is damaged here.
    pub fn next(&mut self, inputs: &mut Vec<Input>) -> Result<Option<Entry>, LogError> {
        if self.quiet > 0 {
            self.quiet -= 1;
            self.hold(inputs);
            return Ok(Some(Entry::Tick));
        }
        if std::mem::take(&mut self.changed) {
            self.read_changed(inputs)?;
            return Ok(Some(Entry::Tick));
        }
        if self.ended {
            return Ok(None);
        }
        let entry = match self.byte()? {
            QUIET => {
                self.quiet = self.byte()?;
                if self.quiet == 0 || u32::from(self.quiet) > CHECK_TICKS {
                    return Err(self.damaged("there are never so many quiet ticks"));
                }
                return self.next(inputs);
            }
            LISTED => {
                self.read_listed(inputs)?;
                Entry::Tick
            }
            REFUSED => {
                let (input, refused, place) = self.get()?;
                Entry::Verdict(Verdict { input, refused, place, violation: self.text()? })
            }
            RULE => Entry::Rule(if self.get()? { Some(self.text()?) } else { None }),
            CHARACTER => Entry::Newcomer(self.get()?),
            CHECK => {
                let bytes = self.log.get(self.at..self.at + 4).and_then(|bytes| bytes.try_into().ok());
                let bytes: [u8; 4] = bytes.ok_or(LogError::Truncated { at: self.log.len() })?;
                self.at += 4;
                Entry::Check(u32::from_le_bytes(bytes))
            }
            END => {
                let hash = self.get()?;
                self.ended = true;
                Entry::End(Ending { hash, reason: self.text()? })
            }
            first if first >= CHANGED => {
                self.quiet = first - CHANGED;
                self.changed = true;
                if u32::from(self.quiet) > CHECK_TICKS {
                    return Err(self.damaged("there are never so many quiet ticks"));
                }
                return self.next(inputs);
            }
            _ => return Err(self.damaged("there is no such record")),
        };
        Ok(Some(entry))
    }

    /// Every held move again.
    fn hold(&self, inputs: &mut Vec<Input>) {
        inputs.clear();
        let moves = (0u8..).zip(&self.held).filter_map(|(slot, held)| held.map(|(dx, dy)| (PlayerSlot(slot), dx, dy)));
        inputs.extend(moves.map(|(slot, dx, dy)| Input::Move { slot, dx, dy }));
    }

    fn read_listed(&mut self, inputs: &mut Vec<Input>) -> Result<(), LogError> {
        inputs.clear();
        let count: u32 = self.get()?;
        if usize::try_from(count).is_ok_and(|count| count > INPUTS_MAX) {
            return Err(self.damaged("a tick never has so many inputs"));
        }
        for _ in 0..count {
            let input = self.get()?;
            inputs.push(input);
        }
        self.held = [None; PLAYERS_MAX];
        Ok(())
    }

    fn read_changed(&mut self, inputs: &mut Vec<Input>) -> Result<(), LogError> {
        inputs.clear();
        let mut place = 0;
        // Changes come by rising slot, and within a slot in the order of its inputs.
        let mut moved = false;
        loop {
            let byte = self.byte()?;
            let slot = usize::from(byte & 7);
            let Some(change) = Change::ALL.get(usize::from((byte & !LAST_CHANGE) >> 3)) else {
                return Err(self.damaged("there is no such change"));
            };
            if slot < place || inputs.len() > INPUTS_MAX {
                return Err(self.damaged("the changes of a tick are out of order"));
            }
            while place < slot {
                if !std::mem::take(&mut moved) {
                    self.push_held(place, inputs);
                }
                place += 1;
            }
            match change {
                Change::Pause => moved = true,
                Change::Stop => (self.held[slot], moved) = (None, true),
                Change::Turn => {
                    self.held[slot] = Some(self.get()?);
                    self.push_held(slot, inputs);
                    moved = true;
                }
                Change::ActBefore => inputs.push(self.get()?),
                Change::ActAfter => {
                    if !std::mem::replace(&mut moved, true) {
                        self.push_held(slot, inputs);
                    }
                    inputs.push(self.get()?);
                }
            }
            if byte & LAST_CHANGE != 0 {
                break;
            }
        }
        while place < PLAYERS_MAX {
            if !std::mem::take(&mut moved) {
                self.push_held(place, inputs);
            }
            place += 1;
        }
        Ok(())
    }

    fn push_held(&self, place: usize, inputs: &mut Vec<Input>) {
        if let (Some((dx, dy)), Ok(slot)) = (self.held[place], u8::try_from(place)) {
            inputs.push(Input::Move { slot: PlayerSlot(slot), dx, dy });
        }
    }

    fn byte(&mut self) -> Result<u8, LogError> {
        let byte = *self.log.get(self.at).ok_or(LogError::Truncated { at: self.log.len() })?;
        self.at += 1;
        Ok(byte)
    }

    fn text(&mut self) -> Result<String, LogError> {
        let text: String = self.get()?;
        if text.len() > TEXT_BYTES_MAX {
            return Err(self.damaged("a text is too long"));
        }
        Ok(text)
    }

    fn get<T: DeserializeOwned>(&mut self) -> Result<T, LogError> {
        match postcard::take_from_bytes(&self.log[self.at..]) {
            Ok((value, rest)) => {
                self.at = self.log.len() - rest.len();
                Ok(value)
            }
            Err(postcard::Error::DeserializeUnexpectedEnd) => Err(LogError::Truncated { at: self.log.len() }),
            Err(_) => Err(self.damaged("a value cannot be")),
        }
    }

    fn damaged(&self, problem: &'static str) -> LogError {
        LogError::Damaged { at: self.at, problem }
    }
}
