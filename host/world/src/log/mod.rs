//! The log of a game: seed, inputs as applied and verdicts as applied, from which the game repeats byte for byte.
//!
//! A log is a header and records, one after the other; nothing in it needs what comes later, so that a log whose end is missing
//! repeats as far as it goes. [`LogWriter`] makes it while the game runs, [`Replay`] steps a new world by it.
//!
//! What costs least is what players do most: a move that is the same as the tick before takes no byte. The writer keeps, for each
//! slot, the *held* move; ticks in which every held move is made again and nothing else happens are only counted. The bytes:
//!
//! | first byte | what follows |
//! |---|---|
//! | 0 | *quiet*: a byte with the number of such ticks, 1 to 25 |
//! | 1 | *listed*: one tick whose inputs stand one after the other, as a list; no move is held afterwards |
//! | 2 | *refused*: a verdict on a wish of the coming tick |
//! | 3 | *rule*: who judges from the coming tick on; nobody when no plugin could answer |
//! | 4 | *character*: who comes in with the coming tick |
//! | 5 | *check*: the low 32 bits of the state's hash after the last tick, every 25 ticks |
//! | 6 | *end*: the whole hash, and why the log ends |
//! | 16 to 255 | so many quiet ticks beyond 16, then one *changed* tick: its changes, each a byte with slot (bits 0 to 2), kind (bits 3 to 6) and whether it is the last (bit 7) |
//!
//! Numbers, lists and texts are as [postcard](https://docs.rs/postcard) writes them.

mod read;
mod replay;
mod write;

use serde::{Deserialize, Serialize};

pub use read::{Entry, LogReader};
pub use replay::{Moment, Replay};
pub use write::LogWriter;

use crate::{Difficulty, Input, PLAYERS_MAX, PlayerSlot};

/// Ticks between two checks of the state's hash.
pub const CHECK_TICKS: u32 = 25;
/// Most inputs of one tick in a log.
pub const INPUTS_MAX: usize = 4_096;
/// Longest text in a log, in bytes: what was found, who judged, why it ended.
pub const TEXT_BYTES_MAX: usize = 512;

/// What a log begins with.
const MAGIC: &[u8] = b"REALMLOG";
/// Version of the bytes. A log of another version is not read.
const FORMAT: u8 = 2;

const QUIET: u8 = 0;
const LISTED: u8 = 1;
const REFUSED: u8 = 2;
const RULE: u8 = 3;
const CHARACTER: u8 = 4;
const CHECK: u8 = 5;
const END: u8 = 6;
/// From here on: this many quiet ticks less, then a changed one.
const CHANGED: u8 = 16;

/// Slots fit into three bits of a change.
const _: () = assert!(PLAYERS_MAX <= 8);
/// The last change of a tick.
const LAST_CHANGE: u8 = 0x80;

/// How one slot's part of a tick differs from its held move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// The held move is left out this once.
    Pause,
    /// No move is held from now on.
    Stop,
    /// Another move is made and held; it follows.
    Turn,
    /// An act after the move; the input follows.
    ActAfter,
    /// An act before the move; the input follows.
    ActBefore,
}

impl Change {
    const ALL: [Change; 5] = [Change::Pause, Change::Stop, Change::Turn, Change::ActAfter, Change::ActBefore];
}

/// A wished step.
type Way = (i32, i32);

/// What a game began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The game's key.
    pub game: u64,
    /// When it began, in milliseconds since 1970; for the reader alone.
    pub started_ms: i64,
    /// Version of the server; for the reader alone.
    pub version: String,
    /// Hash of the content pack.
    pub content: u64,
    /// How hard.
    pub difficulty: Difficulty,
    /// The seed.
    pub seed: u64,
}

/// A rule's verdict on one wish of a tick. A wish without one was found faultless, or nobody judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The wish.
    pub input: Input,
    /// True when it was not carried out; then it is not among the tick's inputs.
    pub refused: bool,
    /// Before which of the tick's inputs it stood, when it was refused; its own place otherwise.
    pub place: u32,
    /// What was found, in a word.
    pub violation: String,
}

/// Who comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newcomer {
    /// Where.
    pub slot: PlayerSlot,
    /// The character's key.
    pub character: u64,
}

/// The end of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// Hash of the state after the last tick.
    pub hash: u64,
    /// Why the log ends, in a sentence.
    pub reason: String,
}

/// Why a log cannot be read, or read on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// It does not begin as logs do.
    #[error("this is no log of a game")]
    Foreign,
    /// It is of another version.
    #[error("this log is of format {found}, and only format {FORMAT} can be read")]
    Format {
        /// The version found.
        found: u8,
    },
    /// The game was made of another content pack.
    #[error("this game was made of the content pack {wanted:016x}, and this one is {found:016x}")]
    Content {
        /// Hash of the pack of the log.
        wanted: u64,
        /// Hash of the pack at hand.
        found: u64,
    },
    /// Its end is missing.
    #[error("the log breaks off after byte {at}")]
    Truncated {
        /// Bytes that were read.
        at: usize,
    },
    /// Its bytes make no sense.
    #[error("the log is damaged at byte {at}: {problem}")]
    Damaged {
        /// Where.
        at: usize,
        /// What is wrong.
        problem: &'static str,
    },
}
