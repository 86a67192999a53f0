//! Answers of `ladder`.

use std::collections::HashSet;

use super::{check_count, check_sentence, check_text, nonsense};
use crate::{
    bindings::ladder::{Award, Eligibility, Standing},
    error::CallError,
};

/// Longest title, in characters.
const TITLE_CHARACTERS_MAX: usize = 32;

pub(crate) fn check_eligibility(eligibility: &Eligibility) -> Result<(), CallError> {
    match eligibility {
        Eligibility::Eligible => Ok(()),
        Eligibility::NotEligible(sentence) => check_sentence("the reason", sentence),
    }
}

/// A score or tie-break must fit into the database's integer.
pub(crate) fn check_rank(what: &str, value: u64) -> Result<(), CallError> {
    if i64::try_from(value).is_err() {
        return nonsense(format!("the {what} {value} is above {}", i64::MAX));
    }
    Ok(())
}

pub(crate) fn check_awards(awards: &[Award], standings: &[Standing]) -> Result<(), CallError> {
    check_count("awards", awards.len(), standings.len())?;
    let mut left: HashSet<u64> = standings.iter().map(|standing| standing.character.id).collect();
    for award in awards {
        if !left.remove(&award.character) {
            return nonsense(format!("the award for {} is its second, or it is not in the standings", award.character));
        }
        check_text("a title", &award.title, TITLE_CHARACTERS_MAX)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::ladder::Character;

    fn standing(id: u64) -> Standing {
        let class = "Druid".to_owned();
        let character = Character { id, class, level: 9, experience: 1, hardcore: false, dead: false, play_time_ms: 1 };
        Standing { rank: 1, character, score: 5 }
    }

    #[test]
    fn numbers_fit_into_the_database() {
        assert!(check_rank("score", i64::MAX.unsigned_abs()).is_ok());
        assert!(check_rank("score", 1 << 63).is_err_and(|error| error.to_string().contains("score")));
    }

    #[test]
    fn awards_go_to_the_standings_and_once() {
        let award = |character, title: &str| Award { character, title: title.to_owned() };
        let standings = [standing(1), standing(2)];
        assert!(check_awards(&[award(1, "Champion"), award(2, "Second")], &standings).is_ok());
        assert!(check_awards(&[award(1, "Champion"), award(1, "Second")], &standings).is_err());
        assert!(check_awards(&[award(3, "Champion")], &standings).is_err());
        assert!(check_awards(&[award(1, &"x".repeat(33))], &standings).is_err());
        assert!(check_eligibility(&Eligibility::NotEligible(String::new())).is_err());
    }
}
