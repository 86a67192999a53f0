//! Answers of `ladder`.

use serde::{Deserialize, Serialize};

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

/// What a character carries away from a season, as the realm knows it: a plugin names it by its place in the standings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeasonAward {
    /// Key of the character.
    pub character: u64,
    /// Shown beside its name, 1 to 32 characters.
    pub title: String,
}

/// The awards by the keys of their characters.
pub(crate) fn awarded(awards: Vec<Award>, standings: &[Standing]) -> Result<Vec<SeasonAward>, CallError> {
    check_count("awards", awards.len(), standings.len())?;
    let mut left: Vec<Option<u64>> = standings.iter().map(|standing| Some(standing.character.id)).collect();
    let mut given = Vec::with_capacity(awards.len());
    for Award { standing, title } in awards {
        let character = usize::try_from(standing).ok().and_then(|place| left.get_mut(place)?.take());
        let Some(character) = character else {
            return nonsense(format!("the award for place {standing} is its second, or there is no such place"));
        };
        check_text("a title", &title, TITLE_CHARACTERS_MAX)?;
        given.push(SeasonAward { character, title });
    }
    Ok(given)
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
        let award = |standing, title: &str| Award { standing, title: title.to_owned() };
        let given = |character, title: &str| SeasonAward { character, title: title.to_owned() };
        let standings = [standing(41), standing(42)];
        assert_eq!(
            awarded(vec![award(1, "Second"), award(0, "Champion")], &standings),
            Ok(vec![given(42, "Second"), given(41, "Champion")])
        );
        assert!(awarded(vec![award(1, "Champion"), award(1, "Second")], &standings).is_err());
        assert!(awarded(vec![award(2, "Champion")], &standings).is_err());
        assert!(awarded(vec![award(1, &"x".repeat(33))], &standings).is_err());
        assert!(check_eligibility(&Eligibility::NotEligible(String::new())).is_err());
    }
}
