//! Answers of `chat-filter`, `anti-cheat` and `matchmaking`.

use serde::{Deserialize, Serialize};

use super::{CHAT_CHARACTERS_MAX, check_count, check_sentence, check_text, nonsense};
use crate::{
    bindings::{anti_cheat, chat_filter, matchmaking},
    error::CallError,
};

/// Longest word for a violation of the plugin's own, in characters.
const WORD_CHARACTERS_MAX: usize = 64;
/// Most findings in one answer.
const FINDINGS_MAX: usize = 1_024;
/// Most places in one ordered list.
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

/// Players who shall play together, as the realm knows them: a plugin names them by their places in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormedMatch {
    /// Keys of their tickets, 1 to 8, each in one match only.
    pub tickets: Vec<u64>,
    /// The difficulty of their game.
    pub difficulty: matchmaking::Difficulty,
}

/// The keys of the games at these places; places beyond the list, and those that come again, are left out.
pub(crate) fn ordered(places: &[u32], games: &[matchmaking::Game]) -> Result<Vec<u64>, CallError> {
    check_count("places of games", places.len(), ORDER_MAX)?;
    let mut left: Vec<Option<u64>> = games.iter().map(|game| Some(game.id)).collect();
    let mut take = |place: &u32| left.get_mut(usize::try_from(*place).ok()?)?.take();
    Ok(places.iter().filter_map(&mut take).collect())
}

/// The matches by the keys of their tickets.
pub(crate) fn formed(
    matches: &[matchmaking::Match],
    tickets: &[matchmaking::Ticket],
) -> Result<Vec<FormedMatch>, CallError> {
    let mut left: Vec<Option<u64>> = tickets.iter().map(|ticket| Some(ticket.id)).collect();
    let mut formed = Vec::with_capacity(matches.len().min(tickets.len()));
    for together in matches {
        let count = together.tickets.len();
        if !(1..=MATCH_TICKETS_MAX).contains(&count) {
            return nonsense(format!("a match has 1 to {MATCH_TICKETS_MAX} tickets, this has {count}"));
        }
        let mut keys = Vec::with_capacity(count);
        for place in &together.tickets {
            let key = usize::try_from(*place).ok().and_then(|place| left.get_mut(place)?.take());
            let Some(key) = key else {
                return nonsense(format!("the ticket at place {place} is in two matches, or was not in the list"));
            };
            keys.push(key);
        }
        formed.push(FormedMatch { tickets: keys, difficulty: together.difficulty });
    }
    Ok(formed)
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
    }

    #[test]
    fn games_are_ordered_by_their_places() {
        use matchmaking::{Difficulty, Game};
        let game = |id| Game {
            id,
            difficulty: Difficulty::Normal,
            players: 1,
            players_max: 8,
            creator_level: 1,
            hardcore: false,
            password_required: false,
            created_ms: 1,
        };
        let games: Vec<Game> = [41, 42, 43].map(game).to_vec();
        assert_eq!(ordered(&[2, 0], &games), Ok(vec![43, 41]));
        assert_eq!(ordered(&[1, 1, 3, u32::MAX, 2], &games), Ok(vec![42, 43]), "each once, and none that is not there");
        assert!(ordered(&[7; 200], &games).is_ok() && ordered(&[7; 201], &games).is_err());
    }

    #[test]
    fn a_ticket_is_in_one_match() {
        use matchmaking::{Difficulty, Match, Player, Ticket};
        let player = Player { account: 1, character: 2, class: "Druid".to_owned(), level: 9, hardcore: false };
        let ticket = |id| Ticket { id, player: player.clone(), difficulty: Difficulty::Normal, waited_ms: 5 };
        let tickets: Vec<Ticket> = (41..=49).map(ticket).collect();
        let of = |tickets: &[u32]| Match { tickets: tickets.to_vec(), difficulty: Difficulty::Normal };
        let keys = |tickets: &[u64]| FormedMatch { tickets: tickets.to_vec(), difficulty: Difficulty::Normal };
        assert_eq!(formed(&[of(&[1, 0]), of(&[2])], &tickets), Ok(vec![keys(&[42, 41]), keys(&[43])]));
        assert!(formed(&[of(&[1, 2]), of(&[2])], &tickets).is_err());
        assert!(formed(&[of(&[9])], &tickets).is_err());
        assert!(formed(&[of(&[])], &tickets).is_err());
        assert!(formed(&[of(&[0, 1, 2, 3, 4, 5, 6, 7, 8])], &tickets).is_err());
    }
}
