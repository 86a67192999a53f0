//! Recordings of calls to plugins: every question, what the host answered meanwhile, and the verdict. Written by a realm, asked
//! again of another version by `realm plugin replay` and by an author's tests.
//!
//! A file begins with [`MAGIC`]; then follows each call as its length (four bytes, little end first) and its body (postcard).

mod again;
mod answers;
mod file;
mod question;

pub use again::{CallAgain, CallTime, Report, Unexpected, ask_again};
pub use answers::{AsRecorded, HostAnswer};
pub use file::{CALL_BYTES_MAX, MAGIC, Reader, TapeError, write_call};
pub use question::{Answer, Question, Rank};

use serde::{Deserialize, Serialize};

/// One call of a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedCall {
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// Tells the threads apart: each has an instance of its own.
    pub lane: u32,
    /// Name of the plugin.
    pub plugin: String,
    /// Its version then.
    pub version: String,
    /// What it was asked.
    pub question: Question,
    /// What it was answered while it thought, in order.
    pub host: Vec<HostAnswer>,
    /// What came of it; `None` when the plugin failed and its policy held.
    pub answer: Option<Answer>,
}
