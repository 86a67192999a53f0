//! What an item is called.

use super::{Catalogue, Item, ItemProblem, Kind, Quality, Roll, Side};
use crate::dice::Dice;

impl Catalogue {
    /// A name for a rare or crafted item of this kind: two words, thrown.
    pub(super) fn throw_name(&self, kind: Kind, dice: &mut Dice) -> String {
        let pick = |words: &[String], dice: &mut Dice| {
            let place = dice.below(u32::try_from(words.len()).unwrap_or(u32::MAX));
            words.get(place as usize).cloned().unwrap_or_default()
        };
        let first = pick(&self.qualities.first_words, dice);
        let second = self.qualities.second_words.iter().find(|words| words.kinds.contains(&kind));
        let second = second.map(|words| pick(&words.words, dice)).unwrap_or_default();
        format!("{first} {second}")
    }

    /// What players read: nothing of what is not identified, the affixes of a magic item around its base, the own name of all others.
    ///
    /// # Errors
    /// [`ItemProblem::Unknown`] when the pack does not know the item's base.
    pub fn shown_name(&self, item: &Item) -> Result<String, ItemProblem> {
        let base = self.base_of(item)?;
        if !item.identified {
            return Ok(base.name.clone());
        }
        let affix = |side: Side| {
            let affixes = item.rolls.iter().filter_map(|roll| match roll {
                Roll::Affix { key, .. } => self.affix(key),
                Roll::Own { .. } => None,
            });
            affixes.into_iter().find(|affix| affix.side == side).map(|affix| affix.name.as_str())
        };
        Ok(match item.quality {
            Quality::Normal => base.name.clone(),
            Quality::Magic => {
                let parts = [affix(Side::Prefix), Some(base.name.as_str()), affix(Side::Suffix)];
                parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
            }
            Quality::Rare | Quality::Crafted => item.name.clone(),
            Quality::Set | Quality::Unique => {
                self.special_of(item).map_or_else(|| base.name.clone(), |special| special.name.clone())
            }
        })
    }
}
