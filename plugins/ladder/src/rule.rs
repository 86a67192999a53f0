//! How a character is scored.

use realm_plugin::ladder::{Character, Eligibility};
use serde::Deserialize;

/// Bits of the score below the level. Experience beyond them counts as their largest value.
const EXPERIENCE_BITS: u32 = 48;
/// Levels beyond it count as this one, so that a score stays below `i64::MAX`.
const LEVEL_MAX: u64 = (1 << 15) - 1;

/// The rule has no settings; a key that the operator writes all the same is an error.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {}

/// A character of level 1 without experience does not take part.
#[must_use]
pub fn eligible(character: &Character) -> Eligibility {
    if character.level <= 1 && character.experience == 0 {
        return Eligibility::NotEligible("Gain some experience to stand on the ladder.".into());
    }
    Eligibility::Eligible
}

/// Level first, then experience; a hardcore character that has died keeps the score it died with.
#[must_use]
pub fn score(character: &Character) -> u64 {
    let level = u64::from(character.level).min(LEVEL_MAX);
    let experience = character.experience.min((1 << EXPERIENCE_BITS) - 1);
    (level << EXPERIENCE_BITS) | experience
}

#[cfg(test)]
mod tests {
    use super::*;

    fn character(level: u32, experience: u64) -> Character {
        Character { id: 1, class: "Druid".into(), level, experience, hardcore: false, dead: false, play_time_ms: 0 }
    }

    #[test]
    fn a_higher_level_beats_any_experience() {
        assert!(score(&character(3, 0)) > score(&character(2, u64::MAX)));
        assert!(score(&character(2, 11)) > score(&character(2, 10)));
    }

    #[test]
    fn a_character_that_did_nothing_does_not_take_part() {
        assert!(matches!(eligible(&character(1, 0)), Eligibility::NotEligible(_)));
        assert!(matches!(eligible(&character(0, 0)), Eligibility::NotEligible(_)));
        assert_eq!(eligible(&character(1, 1)), Eligibility::Eligible);
        assert_eq!(eligible(&character(2, 0)), Eligibility::Eligible);
    }

    #[test]
    fn a_dead_hardcore_character_keeps_its_score() {
        let alive = Character { hardcore: true, ..character(40, 9_000) };
        let dead = Character { dead: true, ..alive.clone() };
        assert_eq!(score(&dead), score(&alive));
    }

    #[test]
    fn no_character_scores_more_than_the_ladder_can_hold() {
        let score = score(&character(u32::MAX, u64::MAX));
        assert!(i64::try_from(score).is_ok());
    }
}
