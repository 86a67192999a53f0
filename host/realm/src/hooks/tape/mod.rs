//! Recording calls to plugins: every question with what the host answered meanwhile and the verdict, in bounded files of the format
//! of `realm_plugin_host::tape`.

mod writer;

use std::{cell::RefCell, path::PathBuf};

use realm_plugin_host::tape::HostAnswer;

pub(crate) use writer::Recorder;

/// Folder of recordings inside the data folder.
pub(crate) const FOLDER: &str = "plugin-recordings";
/// Ending of a recording.
const ENDING: &str = "calls";

/// Where recordings go, and how large they may become.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    /// The folder.
    pub(crate) folder: PathBuf,
    /// Most bytes of all its files together.
    pub(crate) bytes_max: u64,
}

thread_local! {
    /// What the host has answered in the call that this thread is in; `None` when nothing is recorded.
    static HOST_ANSWERS: RefCell<Option<Vec<HostAnswer>>> = const { RefCell::new(None) };
}

/// Most answers of the host that are kept of one call.
const HOST_ANSWERS_MAX: usize = 256;

/// The host has answered a plugin; gives the answer on.
pub(super) fn host_answered<T>(answer: T, kept: impl FnOnce(&T) -> HostAnswer) -> T {
    HOST_ANSWERS.with_borrow_mut(|answers| {
        if let Some(answers) = answers.as_mut().filter(|answers| answers.len() < HOST_ANSWERS_MAX) {
            answers.push(kept(&answer));
        }
    });
    answer
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
