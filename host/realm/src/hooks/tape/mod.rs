//! Recording calls to plugins: every question with what the host answered meanwhile and the verdict, in bounded files of the format
//! of `realm_plugin_host::tape`; and what a shadow is told.

mod answers;
mod told;
mod writer;

use std::path::PathBuf;

pub(super) use realm_plugin_host::tape::{Answer, HostAnswer, Question};

pub(super) use answers::{heard, host_answered, listen};
pub(super) use told::{Told, in_shade, shaded, shaded_if};
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

#[cfg(test)]
mod tests;
