//! The chain: a line's hash covers the line and the hash before it. Lines in, verdict out.

use std::{fmt, str::FromStr};

use sha2::{Digest as _, Sha256};

use super::Line;

/// What stands before the first line.
pub const FIRST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A line of a chain.
pub trait Chained {
    /// 1 for the first.
    fn number(&self) -> i64;
    /// The hash that it has.
    fn hash(&self) -> &str;
    /// The hash that it has to have after a line of this hash.
    fn hash_after(&self, before: &str) -> String;
}

/// The hash of all parts of a line. Every part goes in with its length, so that no text can pass for another.
pub fn hash_of<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    }
    let hash = digest.finalize();
    let mut text = String::with_capacity(2 * hash.len());
    for byte in hash {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(digit.into(), 16).expect("four bits are one digit"));
        }
    }
    text
}

/// The hash of a line after another.
pub(super) fn hash(before: &str, line: &Line) -> String {
    let (number, at_ms) = (line.number.to_string(), line.at_ms.to_string());
    let texts = [&line.realm, &line.actor, &line.act, &line.target, &line.reason, &line.before, &line.after];
    hash_of([before, &number, &at_ms].into_iter().chain(texts.map(String::as_str)))
}

impl Chained for Line {
    fn number(&self) -> i64 {
        self.number
    }

    fn hash(&self) -> &str {
        &self.hash
    }

    fn hash_after(&self, before: &str) -> String {
        hash(before, self)
    }
}

/// What a log that is whole ends in; written as `LINES:HASH`. Whoever notes it down outside the database can tell later that nothing up to
/// there was cut off or rewritten, also when the whole log was, with everything that is kept beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound {
    /// How many lines there are.
    pub lines: i64,
    /// Hash of the last one.
    pub hash: String,
}

impl fmt::Display for Sound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.lines, self.hash)
    }
}

/// A text that notes no end of a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "write the number of a line, a colon and its hash of 64 hexadecimal digits, as `realm audit verify` prints them"
)]
pub struct NoNote;

impl FromStr for Sound {
    type Err = NoNote;

    fn from_str(text: &str) -> Result<Self, NoNote> {
        let (lines, hash) = text.trim().split_once(':').ok_or(NoNote)?;
        let (lines, hash) = (lines.parse().map_err(|_| NoNote)?, hash.to_ascii_lowercase());
        // Of an empty log nothing can be compared.
        let fits = lines > 0 && hash.len() == FIRST.len() && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        if fits { Ok(Self { lines, hash }) } else { Err(NoNote) }
    }
}

/// Where a log is broken first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Something in the line is not as it was written, or it stands in another's place.
    #[error("line {0} is not as it was written: something in it was changed, or it was put into another's place")]
    Changed(i64),
    /// Lines are gone.
    #[error("{} missing", lines(*first, *last))]
    Missing {
        /// The first that is gone.
        first: i64,
        /// The last that is gone.
        last: i64,
    },
    /// Lines were added by something else than the realm.
    #[error("line {0} was not written by the realm: it stands before the first or after the last")]
    Foreign(i64),
    /// The last line is not the one that the realm wrote last.
    #[error("line {0} is not the last one that the realm wrote: its hash is another than the one kept beside the log")]
    Replaced(i64),
    /// The log is whole in itself, and another one than that of which an end was noted down.
    #[error("line {0} is not the one that was noted down: the log was replaced, or written anew from some line on")]
    Another(i64),
    /// The log ends before the line that was noted down.
    #[error(
        "the log ends with line {last}, and line {noted} was noted down: its end was cut off, or it was replaced by an older one"
    )]
    CutOff {
        /// Its last line.
        last: i64,
        /// The line that was noted down.
        noted: i64,
    },
    /// What the realm noted of its last line is gone.
    #[error(
        "the note of the last line is gone (table audit_head, or ledger_head): lines after line {0} may be missing"
    )]
    Headless(i64),
}

fn lines(first: i64, last: i64) -> String {
    if first == last { format!("line {first} is") } else { format!("lines {first} to {last} are") }
}

/// A walk over the lines in the order of their numbers.
#[derive(Debug)]
pub struct Walk<'a> {
    number: i64,
    hash: String,
    /// An end that was noted down before, outside the database.
    noted: Option<&'a Sound>,
}

impl<'a> Walk<'a> {
    /// From the first line. `noted` is an end that was noted down before.
    #[must_use]
    pub fn new(noted: Option<&'a Sound>) -> Self {
        Self { number: 0, hash: FIRST.to_owned(), noted }
    }

    /// Looks at the next line.
    ///
    /// # Errors
    /// When the chain is broken there.
    pub fn step(&mut self, line: &impl Chained) -> Result<(), Broken> {
        let (number, expected) = (line.number(), self.number + 1);
        if number < expected {
            return Err(Broken::Foreign(number));
        }
        if number > expected {
            return Err(Broken::Missing { first: expected, last: number - 1 });
        }
        if line.hash_after(&self.hash) != line.hash() {
            return Err(Broken::Changed(number));
        }
        if self.noted.is_some_and(|noted| noted.lines == number && noted.hash != line.hash()) {
            return Err(Broken::Another(number));
        }
        self.number = number;
        line.hash().clone_into(&mut self.hash);
        Ok(())
    }

    /// `head` is what the realm noted of the last line it wrote.
    ///
    /// # Errors
    /// When lines are missing at the end, or there are some too many.
    pub fn end(self, head: Option<(i64, String)>) -> Result<Sound, Broken> {
        if let Some(noted) = self.noted.filter(|noted| noted.lines > self.number) {
            return Err(Broken::CutOff { last: self.number, noted: noted.lines });
        }
        let (number, hash) = match head {
            Some(head) => head,
            None if self.number == 0 => (0, FIRST.to_owned()),
            None => return Err(Broken::Headless(self.number)),
        };
        if self.number < number {
            return Err(Broken::Missing { first: self.number + 1, last: number });
        }
        if self.number > number {
            return Err(Broken::Foreign(number + 1));
        }
        if self.hash != hash {
            return Err(Broken::Replaced(number));
        }
        Ok(Sound { lines: self.number, hash: self.hash })
    }
}
