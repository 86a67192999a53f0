//! A stored log against a world that is stepped by it.

use std::{path::Path, sync::Arc};

use realm_world::{
    Content,
    log::{Header, LogError, Moment, Replay},
};

use super::reading::{LogFileError, read_log};

/// Changes of the rule that are remembered.
const RULES_MAX: usize = 64;
/// Characters that are remembered.
const CHARACTERS_MAX: usize = 1_024;

/// What came of repeating a game.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// What it began with.
    pub header: Header,
    /// Ticks that it had.
    pub ticks: u32,
    /// Keys of the characters that came in, each once.
    pub characters: Vec<u64>,
    /// Most players at the same time.
    pub players_max: usize,
    /// Inputs that were applied.
    pub inputs: u64,
    /// What the rules found.
    pub findings: u64,
    /// Wishes that the rules refused.
    pub refused: u64,
    /// From which tick on who judged; `None` when no plugin could answer.
    pub rules: Vec<(u32, Option<String>)>,
    /// Hashes that were compared.
    pub hashes: u32,
    /// Tick of the first hash that is not the log's.
    pub first_difference: Option<u32>,
    /// Why the log ends; `None` when it breaks off.
    pub ending: Option<String>,
}

/// Repeats the game of a stored log and compares every hash.
///
/// # Errors
/// When the file cannot be read, is no log, is damaged, or its game was made of another content pack.
pub(in super::super) fn verify(path: &Path, content: Arc<Content>) -> Result<Verification, LogFileError> {
    let log = read_log(path)?;
    let mut replay = Replay::new(&log, content).map_err(|error| LogFileError::of_log(path, error))?;
    let mut found = Verification {
        header: replay.header().clone(),
        ticks: 0,
        characters: Vec::new(),
        players_max: 0,
        inputs: 0,
        findings: 0,
        refused: 0,
        rules: Vec::new(),
        hashes: 0,
        first_difference: None,
        ending: None,
    };
    loop {
        match replay.advance() {
            Ok(Some(moment)) => found.note(moment, &replay),
            Ok(None) | Err(LogError::Truncated { .. }) => return Ok(found),
            Err(error) => return Err(LogFileError::of_log(path, error)),
        }
    }
}

impl Verification {
    fn note(&mut self, moment: Moment, replay: &Replay<'_>) {
        let tick = replay.world().tick();
        match moment {
            Moment::Tick => {
                self.ticks = tick;
                self.inputs += replay.inputs().len() as u64;
                let players = (0u8..).take(realm_world::PLAYERS_MAX).map(realm_world::PlayerSlot);
                let players = players.filter(|slot| replay.world().entity_of(*slot).is_some()).count();
                self.players_max = self.players_max.max(players);
            }
            Moment::Verdict(verdict) => {
                self.findings += 1;
                self.refused += u64::from(verdict.refused);
            }
            Moment::Rule(label) => {
                if self.rules.len() < RULES_MAX {
                    self.rules.push((tick + 1, label));
                }
            }
            Moment::Newcomer(newcomer) => {
                if self.characters.len() < CHARACTERS_MAX && !self.characters.contains(&newcomer.character) {
                    self.characters.push(newcomer.character);
                }
            }
            Moment::Checked { same } => self.compared(tick, same),
            Moment::End { same, ending } => {
                self.compared(tick, same);
                self.ending = Some(ending.reason);
            }
        }
    }

    fn compared(&mut self, tick: u32, same: bool) {
        self.hashes += 1;
        if !same {
            self.first_difference.get_or_insert(tick);
        }
    }
}
