//! What it takes to wear an item.

use super::{Catalogue, Item, ItemProblem, Needs, Roll};
use crate::Sheet;

impl Catalogue {
    /// What it takes to wear an item: what its base asks for, and the highest level that its affixes, its gems and itself as a unique or a
    /// piece of a set ask for.
    ///
    /// # Errors
    /// [`ItemProblem::Unknown`] when the pack does not know its base.
    pub fn needs_of(&self, item: &Item) -> Result<Needs, ItemProblem> {
        let mut needs = self.base_of(item)?.needs;
        let affixes = item.rolls.iter().filter_map(|roll| match roll {
            Roll::Affix { key, .. } => self.affix(key).map(|affix| affix.needs_level),
            Roll::Own { .. } => None,
        });
        let special = self.special_of(item).map(|special| special.needs_level);
        let gems = item.gems.iter().filter_map(|gem| self.base(gem)).map(|gem| gem.needs.level);
        needs.level = affixes.chain(special).chain(gems).fold(needs.level, u32::max);
        Ok(needs)
    }

    /// Whether a character can wear an item at all. Its own level and points count and nothing that it wears: so no item holds another up,
    /// the order of putting on does not matter, and taking off is always possible.
    ///
    /// # Errors
    /// [`ItemProblem::OtherClass`] and [`ItemProblem::NeedsMore`].
    pub fn check_needs(&self, sheet: &Sheet, item: &Item) -> Result<(), ItemProblem> {
        if let Some(class) = self.base_of(item)?.class.filter(|class| *class != sheet.class) {
            return Err(ItemProblem::OtherClass { class });
        }
        let needs = self.needs_of(item)?;
        let asked = [
            ("level", needs.level, sheet.level),
            ("strength", needs.strength, sheet.attributes.strength),
            ("dexterity", needs.dexterity, sheet.attributes.dexterity),
        ];
        match asked.into_iter().find(|(_, needed, has)| has < needed) {
            Some((what, needed, has)) => Err(ItemProblem::NeedsMore { what, needed, has }),
            None => Ok(()),
        }
    }
}
