//! Recordings of calls to plugins: every question with what the host answered meanwhile and the verdict, in bounded files.
//!
//! A file begins with [`MAGIC`]; then follows each call as its length (four bytes, little end first) and its body (postcard).

mod again;
mod answers;
mod told;
mod writer;

use std::path::PathBuf;

use realm_plugin_host::bindings::{anti_cheat, chat_filter, commands, effects, events, ladder, matchmaking};
use serde::{Deserialize, Serialize};

pub use again::{CallAgain, TapeError, TapeReport, replay_calls};
pub(super) use answers::{HostAnswer, heard, host_answered, listen};
pub(super) use told::{Told, in_shade, shaded};
pub(crate) use writer::Recorder;

/// Folder of recordings inside the data folder.
pub(crate) const FOLDER: &str = "plugin-recordings";
/// Ending of a recording.
const ENDING: &str = "calls";
/// The first bytes of a recording.
const MAGIC: &[u8; 8] = b"RLMCALL1";
/// Longest body of one call; a list of 200 games has a tenth of it.
const CALL_BYTES_MAX: usize = 256 << 10;

/// Where recordings go, and how large they may become.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    /// The folder.
    pub(crate) folder: PathBuf,
    /// Most bytes of all its files together.
    pub(crate) bytes_max: u64,
}

/// What a plugin was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Question {
    Filter(chat_filter::Line),
    Admit(matchmaking::Player, matchmaking::Game),
    Order(matchmaking::Player, Vec<matchmaking::Game>),
    CheckCharacter(anti_cheat::Sheet),
    CheckActions(u32, Vec<anti_cheat::Action>),
    Score(ladder::Character),
    CheckItem(anti_cheat::Item, anti_cheat::ItemOccasion),
    Form(Vec<matchmaking::Ticket>, u64),
    SeasonEnd(ladder::Season, Vec<ladder::Standing>),
    ListCommands,
    Run(commands::Caller, String, Vec<String>),
    Interests,
    Handle(Vec<events::Event>),
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Answer {
    Verdict(chat_filter::Verdict),
    Admission(matchmaking::Admission),
    Keys(Vec<u64>),
    Findings(Vec<anti_cheat::Finding>),
    Score(Option<u64>),
    /// No answer; the policy held.
    None,
    Matches(Vec<matchmaking::Match>),
    Awards(Vec<ladder::Award>),
    Commands(Vec<commands::Command>),
    Ran(Result<Vec<effects::Effect>, commands::CommandError>),
    /// A bit for each kind of event, in the order of `wit/events.wit`.
    Kinds(u8),
    Effects(Vec<effects::Effect>),
}

/// One call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Call {
    /// Milliseconds since 1970.
    at_ms: u64,
    /// Tells the threads apart: each has an instance of its own.
    lane: u32,
    plugin: String,
    version: String,
    question: Question,
    host: Vec<HostAnswer>,
    answer: Answer,
}

#[cfg(test)]
mod tests;
