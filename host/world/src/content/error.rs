//! What can be wrong with a content pack.

use std::{io, path::PathBuf};

/// Why a content pack cannot be used. The text names file, entry and key, and says what would be right.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// A file of the pack is missing or cannot be read.
    #[error("{}: cannot be read: {source}; a content pack is a folder with {}", path.display(), super::FILES.join(", "))]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is larger than any content file needs to be.
    #[error("{file}: larger than {bytes_max} bytes")]
    TooLarge {
        /// Which file.
        file: &'static str,
        /// The limit.
        bytes_max: u64,
    },
    /// A file is not TOML.
    #[error("{file}, line {line}: {problem}")]
    Syntax {
        /// Which file.
        file: &'static str,
        /// From 1.
        line: usize,
        /// What the parser says.
        problem: String,
    },
    /// A value is missing or wrong.
    #[error("{file}, {entry}, {key}: {problem}")]
    Value {
        /// Which file.
        file: &'static str,
        /// Which entry: kind and name, or kind and number from 1 where it has no name.
        entry: String,
        /// Which key of the entry.
        key: String,
        /// What is wrong.
        problem: ContentProblem,
    },
}

/// What is wrong with a value of a content pack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentProblem {
    /// The key is needed.
    #[error("is missing")]
    Missing,
    /// There is no such key; the second is the nearest one.
    #[error("is not a key here; the nearest is `{0}`")]
    Unknown(String),
    /// The value has another type.
    #[error("must be {0}")]
    Type(&'static str),
    /// The number is too small or too large.
    #[error("is {value}, must be from {min} to {max}")]
    Range {
        /// The number.
        value: i64,
        /// The smallest allowed.
        min: i64,
        /// The largest allowed.
        max: i64,
    },
    /// A list or text is too short or too long.
    #[error("has length {length}, must have from {min} to {max}")]
    Length {
        /// Its length.
        length: usize,
        /// The smallest allowed.
        min: usize,
        /// The largest allowed.
        max: usize,
    },
    /// Only certain words are allowed.
    #[error("is \"{value}\", must be one of {allowed}")]
    Choice {
        /// The word.
        value: String,
        /// What it may be.
        allowed: String,
    },
    /// One of the entries must have this.
    #[error("needs an entry with `{0}`")]
    NoEntryWith(&'static str),
    /// The entry stands there twice.
    #[error("stands there twice")]
    Twice,
    /// The value does not fit another one.
    #[error("is {value}, must be at least {least} because of `{because}`")]
    BelowOther {
        /// The value.
        value: i64,
        /// The smallest allowed.
        least: i64,
        /// The key that asks for it.
        because: &'static str,
    },
    /// It names an entry that does not exist.
    #[error(
        "is \"{value}\", which {file} does not have; write the key of an entry there, the nearest is \"{nearest}\""
    )]
    NoSuchEntry {
        /// What is named.
        value: Box<str>,
        /// Where it should stand.
        file: &'static str,
        /// The nearest one that stands there.
        nearest: Box<str>,
    },
    /// The entry stands there already.
    #[error("stands there already, in entry {0} of this file; write another one")]
    Again(usize),
    /// Entries are missing.
    #[error("has none for {0}; write one")]
    NoneFor(String),
    /// Another entry says the same.
    #[error("are those of \"{0}\"; change one of them")]
    SameAs(String),
    /// The value does not fit another one; the text says what to write.
    #[error("{0}")]
    Unfit(&'static str),
}
