//! What the content pack says about items.

use std::collections::BTreeMap;

use super::{Affix, Base, Item, ItemProblem, Kind, Qualities, Quality, Recipe, Set, Special};
use crate::content::items::{Specials, Treasure};

/// What the content pack says about items. Rows keep the order of their files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    pub(crate) bases: Vec<Base>,
    pub(crate) base_places: BTreeMap<String, usize>,
    pub(crate) affixes: Vec<Affix>,
    pub(crate) affix_places: BTreeMap<String, usize>,
    pub(crate) qualities: Qualities,
    pub(crate) specials: Specials,
    pub(crate) recipes: Vec<Recipe>,
    pub(crate) treasure: Treasure,
}

impl Catalogue {
    /// What items are made from.
    #[must_use]
    pub fn bases(&self) -> &[Base] {
        &self.bases
    }

    /// The base with this key.
    #[must_use]
    pub fn base(&self, key: &str) -> Option<&Base> {
        self.base_places.get(key).map(|place| &self.bases[*place])
    }

    /// The place of a base among all, as snapshots name it; `None` when the pack has none with this key.
    #[must_use]
    pub fn base_number(&self, key: &str) -> Option<u16> {
        self.base_places.get(key).and_then(|place| u16::try_from(*place).ok())
    }

    /// The base of an item.
    ///
    /// # Errors
    /// [`ItemProblem::Unknown`] when the pack has none with this key.
    pub fn base_of(&self, item: &Item) -> Result<&Base, ItemProblem> {
        self.base(&item.base).ok_or_else(|| ItemProblem::Unknown { what: "item", key: item.base.clone() })
    }

    /// All affixes.
    #[must_use]
    pub fn affixes(&self) -> &[Affix] {
        &self.affixes
    }

    /// The affix with this key.
    #[must_use]
    pub fn affix(&self, key: &str) -> Option<&Affix> {
        self.affix_places.get(key).map(|place| &self.affixes[*place])
    }

    /// All uniques and pieces of sets.
    #[must_use]
    pub fn specials(&self) -> &[Special] {
        &self.specials.rows
    }

    /// The unique or the set's piece with this key.
    #[must_use]
    pub fn special(&self, key: &str) -> Option<&Special> {
        self.specials.places.get(key).map(|place| &self.specials.rows[*place])
    }

    /// All sets.
    #[must_use]
    pub fn sets(&self) -> &[Set] {
        &self.specials.sets
    }

    /// All recipes.
    #[must_use]
    pub fn recipes(&self) -> &[Recipe] {
        &self.recipes
    }

    /// The recipe with this key.
    #[must_use]
    pub fn recipe(&self, key: &str) -> Option<&Recipe> {
        self.recipes.iter().find(|recipe| recipe.key == key)
    }

    /// The unique or the set's piece that an item is; `None` for items of other qualities.
    #[must_use]
    pub fn special_of(&self, item: &Item) -> Option<&Special> {
        self.special(&item.origin).filter(|special| special.quality == item.quality)
    }

    /// The recipe that made an item crafted; `None` for items of other qualities.
    #[must_use]
    pub fn recipe_of(&self, item: &Item) -> Option<&Recipe> {
        self.recipe(&item.origin).filter(|_| item.quality == Quality::Crafted)
    }

    /// The rules of the qualities.
    #[must_use]
    pub fn qualities(&self) -> &Qualities {
        &self.qualities
    }

    /// What sort of thing an item is; `None` when the pack does not know its base.
    #[must_use]
    pub fn kind_of(&self, item: &Item) -> Option<Kind> {
        self.base(&item.base).map(|base| base.kind)
    }
}
