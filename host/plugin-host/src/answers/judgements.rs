//! Answers of `chat-filter`, `anti-cheat` and `matchmaking`.

use std::collections::HashSet;

use super::{CHAT_CHARACTERS_MAX, check_count, check_sentence, check_text, nonsense};
use crate::{
    bindings::{anti_cheat, chat_filter, matchmaking},
    error::CallError,
};

/// Longest word for a violation of the plugin's own, in characters.
const WORD_CHARACTERS_MAX: usize = 64;
/// Most findings in one answer.
const FINDINGS_MAX: usize = 1_024;
/// Most keys in one ordered list.
const ORDER_MAX: usize = 200;
/// Most players of one match.
const MATCH_TICKETS_MAX: usize = 8;

pub(crate) fn check_verdict(verdict: &chat_filter::Verdict) -> Result<(), CallError> {
    match verdict {
        chat_filter::Verdict::Pass => Ok(()),
        chat_filter::Verdict::Replace(text) => check_text("the replacement", text, CHAT_CHARACTERS_MAX),
        chat_filter::Verdict::Block(sentence) => check_sentence("the sentence", sentence),
    }
}

pub(crate) fn check_admission(admission: &matchmaking::Admission) -> Result<(), CallError> {
    match admission {
        matchmaking::Admission::Admit => Ok(()),
        matchmaking::Admission::Refuse(sentence) => check_sentence("the sentence", sentence),
    }
}

pub(crate) fn check_order(keys: &[u64]) -> Result<(), CallError> {
    if keys.len() > ORDER_MAX {
        return nonsense(format!("a list of games has at most {ORDER_MAX} keys, this has {}", keys.len()));
    }
    Ok(())
}

pub(crate) fn check_matches(matches: &[matchmaking::Match], tickets: &[matchmaking::Ticket]) -> Result<(), CallError> {
    let mut left: HashSet<u64> = tickets.iter().map(|ticket| ticket.id).collect();
    for formed in matches {
        let count = formed.tickets.len();
        if !(1..=MATCH_TICKETS_MAX).contains(&count) {
            return nonsense(format!("a match has 1 to {MATCH_TICKETS_MAX} tickets, this has {count}"));
        }
        if let Some(twice) = formed.tickets.iter().find(|id| !left.remove(id)) {
            return nonsense(format!("the ticket {twice} is in two matches, or was not in the list"));
        }
    }
    Ok(())
}

/// `indices` is the number of things in the batch: every index must be below it.
pub(crate) fn check_findings(findings: &[anti_cheat::Finding], indices: usize) -> Result<(), CallError> {
    check_count("findings", findings.len(), FINDINGS_MAX)?;
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
    }

    #[test]
    fn a_ticket_is_in_one_match() {
        use matchmaking::{Difficulty, Match, Player, Ticket};
        let player = Player { account: 1, character: 2, class: "Druid".to_owned(), level: 9, hardcore: false };
        let ticket = |id| Ticket { id, player: player.clone(), difficulty: Difficulty::Normal, waited_ms: 5 };
        let tickets: Vec<Ticket> = (1..=9).map(ticket).collect();
        let formed = |tickets: &[u64]| Match { tickets: tickets.to_vec(), difficulty: Difficulty::Normal };
        assert!(check_matches(&[formed(&[1, 2]), formed(&[3])], &tickets).is_ok());
        assert!(check_matches(&[formed(&[1, 2]), formed(&[2])], &tickets).is_err());
        assert!(check_matches(&[formed(&[10])], &tickets).is_err());
        assert!(check_matches(&[formed(&[])], &tickets).is_err());
        assert!(check_matches(&[formed(&[1, 2, 3, 4, 5, 6, 7, 8, 9])], &tickets).is_err());
    }
}
