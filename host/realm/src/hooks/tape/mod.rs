//! Recordings of calls to plugins: every question with what the host answered meanwhile and the verdict, in bounded files.
//!
//! A file begins with [`MAGIC`]; then follows each call as its length (four bytes, little end first) and its body (postcard).

mod again;
mod writer;

use std::{cell::RefCell, path::PathBuf};

use realm_plugin_host::bindings::{anti_cheat, chat_filter, ladder, matchmaking};
use serde::{Deserialize, Serialize};

pub use again::{CallAgain, TapeError, TapeReport, replay_calls};
pub(crate) use writer::Recorder;

/// Folder of recordings inside the data folder.
pub(crate) const FOLDER: &str = "plugin-recordings";
/// Ending of a recording.
const ENDING: &str = "calls";
/// The first bytes of a recording.
const MAGIC: &[u8; 8] = b"RLMCALL2";
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
    CheckActions(anti_cheat::Actions),
    Score(ladder::Character),
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
}

/// What the host answered a plugin in the middle of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum HostAnswer {
    NowMs(u64),
    Random(Vec<u8>),
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

thread_local! {
    /// What the host has answered in the call that this thread is in; `None` when nothing is recorded.
    static HOST_ANSWERS: RefCell<Option<Vec<HostAnswer>>> = const { RefCell::new(None) };
}

/// Most answers of the host that are kept of one call.
const HOST_ANSWERS_MAX: usize = 256;

/// The host has answered a plugin.
pub(super) fn host_answered(answer: impl FnOnce() -> HostAnswer) {
    HOST_ANSWERS.with_borrow_mut(|answers| {
        if let Some(answers) = answers.as_mut().filter(|answers| answers.len() < HOST_ANSWERS_MAX) {
            answers.push(answer());
        }
    });
}

/// From now on this thread keeps what the host answers.
fn listen() {
    HOST_ANSWERS.set(Some(Vec::new()));
}

/// What the host has answered since [`listen`].
fn heard() -> Vec<HostAnswer> {
    HOST_ANSWERS.take().unwrap_or_default()
}

#[cfg(test)]
mod tests;
