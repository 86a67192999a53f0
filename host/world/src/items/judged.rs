//! What an anti-cheat rule is shown of an item.

use super::{Catalogue, Item, ItemProblem, Kind, Line, Property, Quality, Roll};

/// An item as a rule is shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// What sort of thing it is. Its name is the word that rules know as the type: a signet is a `ring` like any other.
    pub kind: Kind,
    /// How good it is.
    pub quality: Quality,
    /// Every property that was thrown for it.
    pub properties: Vec<JudgedProperty>,
}

/// One property of an item, with the range that the pack allows for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JudgedProperty {
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
    /// Its kind, its quality, and every property that was thrown for it with its range, in the order of the item. An affix that the pack does not know is shown
    /// as life, outside its range.
    ///
    /// # Errors
    /// [`ItemProblem::Unknown`] when the pack does not know the item's base.
    pub fn judged(&self, item: &Item) -> Result<Judged, ItemProblem> {
        let kind = self.base_of(item)?.kind;
        let special = self.special_of(item).map(|special| special.lines.as_slice());
        let recipe = self.recipe_of(item).map(|recipe| recipe.lines.as_slice());
        let own = special.or(recipe).unwrap_or_default();
        let properties = item.rolls.iter().enumerate().map(|(place, roll)| match roll {
            Roll::Affix { key, value } => match self.affix(key) {
                Some(affix) => shown(&affix.line, *value),
                None => JudgedProperty { property: Property::Life, value: *value, allowed: NOTHING },
            },
            Roll::Own { property, value } => match own.get(place).filter(|line| line.property == *property) {
                Some(line) => shown(line, *value),
                None => JudgedProperty { property: *property, value: *value, allowed: NOTHING },
            },
        });
        Ok(Judged { kind, quality: item.quality, properties: properties.collect() })
    }
}

fn shown(line: &Line, value: i32) -> JudgedProperty {
    JudgedProperty { property: line.property, value, allowed: (line.min, line.max) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{
        dice::Dice,
        items::{Property, Quality, Roll, testing, testing::any_item},
    };

    #[test]
    fn a_signet_is_a_ring() {
        let items = testing::content().items();
        let signet = items.make("signet", Quality::Unique, 60, &mut Dice::new(1, 1)).unwrap();
        let judged = items.judged(&signet).unwrap();
        assert_eq!((judged.kind.name(), judged.quality), ("ring", Quality::Unique));
    }

    proptest! {
        /// What was made is shown within its ranges, and what was tampered with outside them.
        #[test]
        fn what_was_made_is_within_its_ranges_and_what_was_changed_is_not(item in any_item(), which: prop::sample::Index) {
            let items = testing::content().items();
            let judged = items.judged(&item).unwrap().properties;
            prop_assert_eq!(judged.len(), item.rolls.len());
            let within = |one: &super::JudgedProperty| (one.allowed.0..=one.allowed.1).contains(&one.value);
            prop_assert!(judged.iter().all(within));
            if judged.is_empty() {
                return Ok(());
            }
            let place = which.index(judged.len());
            let mut better = item.clone();
            match &mut better.rolls[place] {
                Roll::Affix { value, .. } | Roll::Own { value, .. } => *value = judged[place].allowed.1 + 1,
            }
            prop_assert!(!within(&items.judged(&better).unwrap().properties[place]));
            let mut foreign = item;
            foreign.rolls[place] = Roll::Affix { key: "gone".to_owned(), value: 1 };
            prop_assert!(!within(&items.judged(&foreign).unwrap().properties[place]));
            foreign.rolls[place] = Roll::Own { property: Property::Experience, value: 100 };
            prop_assert!(!within(&items.judged(&foreign).unwrap().properties[place]));
        }
    }
}
