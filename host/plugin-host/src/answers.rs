//! What an answer must look like to be believed: the limits that the interfaces in `wit/` state.

use crate::{
    bindings::{anti_cheat, chat_filter, matchmaking},
    error::CallError,
};

/// Longest line of chat, in characters.
const CHAT_CHARACTERS_MAX: usize = 256;
/// Longest sentence for a player, in characters.
const SENTENCE_CHARACTERS_MAX: usize = 200;
/// Longest word for a violation of the plugin's own, in characters.
const WORD_CHARACTERS_MAX: usize = 64;
/// Most findings in one answer.
const FINDINGS_MAX: usize = 1_024;
/// Most keys in one ordered list.
const ORDER_MAX: usize = 200;

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

pub(crate) fn check_verdict(verdict: &chat_filter::Verdict) -> Result<(), CallError> {
    match verdict {
        chat_filter::Verdict::Pass => Ok(()),
        chat_filter::Verdict::Replace(text) => check_text("the replacement", text, CHAT_CHARACTERS_MAX),
        chat_filter::Verdict::Block(sentence) => check_text("the sentence", sentence, SENTENCE_CHARACTERS_MAX),
    }
}

pub(crate) fn check_admission(admission: &matchmaking::Admission) -> Result<(), CallError> {
    match admission {
        matchmaking::Admission::Admit => Ok(()),
        matchmaking::Admission::Refuse(sentence) => check_text("the sentence", sentence, SENTENCE_CHARACTERS_MAX),
    }
}

pub(crate) fn check_order(keys: &[u64]) -> Result<(), CallError> {
    if keys.len() > ORDER_MAX {
        return nonsense(format!("a list of games has at most {ORDER_MAX} keys, this has {}", keys.len()));
    }
    Ok(())
}

pub(crate) fn check_score(score: Option<u64>) -> Result<(), CallError> {
    match score {
        Some(score) if i64::try_from(score).is_err() => nonsense(format!("the score {score} is above {}", i64::MAX)),
        _ => Ok(()),
    }
}

/// `indices` is the number of things in the batch: every index must be below it.
pub(crate) fn check_findings(findings: &[anti_cheat::Finding], indices: usize) -> Result<(), CallError> {
    if findings.len() > FINDINGS_MAX {
        return nonsense(format!("at most {FINDINGS_MAX} findings are read, these are {}", findings.len()));
    }
    for finding in findings {
        if usize::try_from(finding.index).unwrap_or(usize::MAX) >= indices {
            return nonsense(format!("finding with index {} in a batch of {indices}", finding.index));
        }
        if let anti_cheat::Violation::Other(word) = &finding.violation {
            check_text("the word of a violation", word, WORD_CHARACTERS_MAX)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_held_to_their_limits() {
        use chat_filter::Verdict::{Block, Pass, Replace};
        assert!(check_verdict(&Pass).is_ok());
        assert!(check_verdict(&Replace("é".repeat(256))).is_ok());
        assert!(check_verdict(&Replace("é".repeat(257))).is_err());
        assert!(check_verdict(&Replace("  ".to_owned())).is_err());
        assert!(check_verdict(&Replace("a\nb".to_owned())).is_err());
        assert!(check_verdict(&Block("b".repeat(200))).is_ok());
        assert!(check_verdict(&Block("b".repeat(201))).is_err());
        assert!(check_admission(&matchmaking::Admission::Refuse(String::new())).is_err());
    }

    #[test]
    fn numbers_are_held_to_their_limits() {
        use anti_cheat::{Finding, Violation};
        let finding = |index, violation| Finding { index, violation, refuse: false };
        assert!(check_findings(&[finding(1, Violation::Speed)], 2).is_ok());
        assert!(check_findings(&[finding(2, Violation::Speed)], 2).is_err());
        assert!(check_findings(&[finding(0, Violation::Other("x".repeat(65)))], 2).is_err());
        assert!(check_findings(&vec![finding(0, Violation::Mana); 1_025], 2).is_err());
        assert!(check_order(&[7; 200]).is_ok() && check_order(&[7; 201]).is_err());
        assert!(check_score(Some(i64::MAX.unsigned_abs())).is_ok() && check_score(Some(1 << 63)).is_err());
    }
}
