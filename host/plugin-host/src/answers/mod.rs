//! What an answer must look like to be believed: the limits that the interfaces in `wit/` state.

mod commands;
mod effects;
mod judgements;
mod ranks;

pub(crate) use commands::{check_commands, check_refusal};
pub(crate) use effects::check_effects;
pub use judgements::FormedMatch;
pub(crate) use judgements::{check_admission, check_findings, check_verdict, formed, ordered};
pub use ranks::SeasonAward;
pub(crate) use ranks::{awarded, check_eligibility, check_rank};

use crate::error::CallError;

/// Longest line of chat, in characters.
const CHAT_CHARACTERS_MAX: usize = 256;
/// Longest sentence for a player, in characters.
const SENTENCE_CHARACTERS_MAX: usize = 200;
/// Largest state of an instance.
const STATE_BYTES_MAX: usize = 64 << 10;

fn nonsense<T>(text: String) -> Result<T, CallError> {
    Err(CallError::Nonsense(text))
}

/// Checks text that a player will see.
fn check_text(what: &str, text: &str, characters_max: usize) -> Result<(), CallError> {
    let length = text.chars().count();
    if text.trim().is_empty() || length > characters_max {
        return nonsense(format!("{what} must have 1 to {characters_max} characters, this has {length}"));
    }
    let forbidden = |c: char| c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    if text.chars().any(forbidden) {
        return nonsense(format!("{what} holds a control character"));
    }
    Ok(())
}

fn check_sentence(what: &str, text: &str) -> Result<(), CallError> {
    check_text(what, text, SENTENCE_CHARACTERS_MAX)
}

fn check_count(what: &str, count: usize, count_max: usize) -> Result<(), CallError> {
    if count > count_max {
        return nonsense(format!("at most {count_max} {what} are read, these are {count}"));
    }
    Ok(())
}

/// Checks a state that is handed from one version to the next.
pub(crate) fn check_state(state: &[u8]) -> Result<(), CallError> {
    if state.len() > STATE_BYTES_MAX {
        return nonsense(format!("a state has at most {STATE_BYTES_MAX} bytes, this has {}", state.len()));
    }
    Ok(())
}
