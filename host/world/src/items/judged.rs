//! What an anti-cheat rule is shown of an item.

use super::{Catalogue, Item, ItemProblem, Line, Property, Roll};

/// One property of an item, with the range that the pack allows for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// What it gives.
    pub property: Property,
    /// What was thrown.
    pub value: i32,
    /// The range of what may be thrown. What the pack does not know has an empty one, 1 to 0, so that every value is outside it.
    pub allowed: (i32, i32),
}

/// No value is within it.
const NOTHING: (i32, i32) = (1, 0);

impl Catalogue {
    /// Every property that was thrown for an item, with its range, in the order of the item. An affix that the pack does not know is shown
    /// as life, outside its range.
    ///
    /// # Errors
    /// [`ItemProblem::Unknown`] when the pack does not know the item's base.
    pub fn judged(&self, item: &Item) -> Result<Vec<Judged>, ItemProblem> {
        self.base_of(item)?;
        let special = self.special(&item.origin).map(|special| special.lines.as_slice());
        let recipe = self.recipe(&item.origin).map(|recipe| recipe.lines.as_slice());
        let own = special.or(recipe).unwrap_or_default();
        let judged = item.rolls.iter().enumerate().map(|(place, roll)| match roll {
            Roll::Affix { key, value } => match self.affix(key) {
                Some(affix) => shown(&affix.line, *value),
                None => Judged { property: Property::Life, value: *value, allowed: NOTHING },
            },
            Roll::Own { property, value } => match own.get(place).filter(|line| line.property == *property) {
                Some(line) => shown(line, *value),
                None => Judged { property: *property, value: *value, allowed: NOTHING },
            },
        });
        Ok(judged.collect())
    }
}

fn shown(line: &Line, value: i32) -> Judged {
    Judged { property: line.property, value, allowed: (line.min, line.max) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::items::{Property, Roll, testing, testing::any_item};

    proptest! {
        /// What was made is shown within its ranges, and what was tampered with outside them.
        #[test]
        fn what_was_made_is_within_its_ranges_and_what_was_changed_is_not(item in any_item(), which: prop::sample::Index) {
            let items = testing::content().items();
            let judged = items.judged(&item).unwrap();
            prop_assert_eq!(judged.len(), item.rolls.len());
            let within = |one: &super::Judged| (one.allowed.0..=one.allowed.1).contains(&one.value);
            prop_assert!(judged.iter().all(within));
            if judged.is_empty() {
                return Ok(());
            }
            let place = which.index(judged.len());
            let mut better = item.clone();
            match &mut better.rolls[place] {
                Roll::Affix { value, .. } | Roll::Own { value, .. } => *value = judged[place].allowed.1 + 1,
            }
            prop_assert!(!within(&items.judged(&better).unwrap()[place]));
            let mut foreign = item.clone();
            foreign.rolls[place] = Roll::Affix { key: "gone".to_owned(), value: 1 };
            prop_assert!(!within(&items.judged(&foreign).unwrap()[place]));
            foreign.rolls[place] = Roll::Own { property: Property::Experience, value: 100 };
            prop_assert!(!within(&items.judged(&foreign).unwrap()[place]));
        }
    }
}
