//! Whether a blow lands, and how hard.

use crate::{content::Melee, dice::Dice};

/// No blow is certain to land or to miss: the chance stays within these, in a hundred.
const CHANCE_MIN: i64 = 5;
const CHANCE_MAX: i64 = 95;

/// The life that a blow takes if there is so much; 0 for a miss.
///
/// The chance to hit grows with the striker's share of the sum of attack rating and defence, and with its share of the sum of levels.
pub(super) fn blow(striker: &Melee, striker_level: u32, struck: &Melee, struck_level: u32, dice: &mut Dice) -> i32 {
    let chance = chance_percent(striker.attack_rating, striker_level, struck.defence, struck_level);
    // Damage is thrown even for a miss, so that every blow takes the same number of throws.
    let hits = dice.percent(chance);
    let damage = dice.between(striker.damage_min, striker.damage_max);
    if hits { damage.max(0) } else { 0 }
}

fn chance_percent(attack_rating: i32, striker_level: u32, defence: i32, struck_level: u32) -> i32 {
    let (rating, level) = (i64::from(attack_rating.max(1)), i64::from(striker_level.max(1)));
    let (ratings, levels) = (rating + i64::from(defence.max(0)), level + i64::from(struck_level.max(1)));
    let chance = 200 * rating * level / (ratings * levels);
    i32::try_from(chance.clamp(CHANCE_MIN, CHANCE_MAX)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::chance_percent;

    #[test]
    fn chances_grow_with_rating_and_level_and_are_never_certain() {
        assert_eq!(chance_percent(100, 1, 100, 1), 50);
        assert_eq!(chance_percent(100, 3, 100, 1), 75);
        assert_eq!(chance_percent(1, 1, i32::MAX, 99), 5);
        assert_eq!(chance_percent(i32::MAX, 99, 0, 1), 95);
        assert_eq!(chance_percent(i32::MIN, 0, i32::MIN, 0), 95);
    }
}
