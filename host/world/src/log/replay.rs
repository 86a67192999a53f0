//! A game again, from its log alone.

use std::sync::Arc;

use super::{Ending, Entry, Header, LogError, LogReader, Newcomer, Verdict};
use crate::{Content, Event, Input, World};

/// What came next in a repeated game.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// The world made a tick.
    Tick,
    /// A verdict on a wish of the coming tick.
    Verdict(Verdict),
    /// Who judges from the coming tick on.
    Rule(Option<String>),
    /// Who comes in with the coming tick.
    Newcomer(Newcomer),
    /// The state was compared with the log's.
    Checked {
        /// It is what it was.
        same: bool,
    },
    /// The log is at its end.
    End {
        /// The state is what it was.
        same: bool,
        /// As the log says.
        ending: Ending,
    },
}

/// Repeats a game.
#[derive(Debug)]
pub struct Replay<'log> {
    header: Header,
    reader: LogReader<'log>,
    world: World,
    inputs: Vec<Input>,
    events: Vec<Event>,
}

impl<'log> Replay<'log> {
    /// A world at tick 0, as the log's was.
    ///
    /// # Errors
    /// When this is no log that can be read, or its game was made of another content pack.
    pub fn new(log: &'log [u8], content: Arc<Content>) -> Result<Self, LogError> {
        let (header, reader) = LogReader::new(log)?;
        if header.content != content.hash() {
            return Err(LogError::Content { wanted: header.content, found: content.hash() });
        }
        let world = World::new(content, header.difficulty, header.seed);
        Ok(Self { header, reader, world, inputs: Vec::new(), events: Vec::new() })
    }

    /// What the game began with.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The world as it is now.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The inputs of the last tick.
    #[must_use]
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// What happened in the last tick.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Goes on by one record; `None` after the end.
    ///
    /// # Errors
    /// When the log breaks off or is damaged here; the world stands where it stood before.
    pub fn advance(&mut self) -> Result<Option<Moment>, LogError> {
        let Some(entry) = self.reader.next(&mut self.inputs)? else { return Ok(None) };
        Ok(Some(match entry {
            Entry::Tick => {
                self.events.clear();
                self.world.step(&self.inputs, &mut self.events);
                Moment::Tick
            }
            Entry::Verdict(verdict) => Moment::Verdict(verdict),
            Entry::Rule(rule) => Moment::Rule(rule),
            Entry::Newcomer(newcomer) => Moment::Newcomer(newcomer),
            Entry::Check(check) => {
                let [low @ .., _, _, _, _] = self.world.state_hash().to_le_bytes();
                Moment::Checked { same: u32::from_le_bytes(low) == check }
            }
            Entry::End(ending) => Moment::End { same: self.world.state_hash() == ending.hash, ending },
        }))
    }
}
