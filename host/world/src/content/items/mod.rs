//! The items of a content pack.

mod affixes;
mod bases;
mod lines;
mod qualities;
mod recipes;
mod specials;
mod treasure;

pub use affixes::{Affix, Side};
pub(super) use bases::BASES_MAX;
pub use bases::{Base, Gift, Needs, Setting, Use};
pub use lines::Line;
pub(crate) use qualities::CHANCE_OF;
pub use qualities::{Prices, Qualities, QualityRow};
pub(crate) use recipes::INPUTS_MAX;
pub use recipes::{Deed, Ingredient, Recipe};
pub(crate) use specials::Specials;
pub use specials::{Set, Special};
pub use treasure::LOOT_MAX;
pub(crate) use treasure::{Choice, DEPTH_MAX, Treasure};

use std::collections::BTreeMap;

use super::{ContentError, ContentProblem, MonsterRow, Named, read::Entry, read::File};
use crate::items::{Catalogue, Group, Kind};

/// The files, in the order in which [`catalogue`] takes them.
pub(super) const FILES: [&str; 7] =
    ["items.toml", "affixes.toml", "qualities.toml", "uniques.toml", "sets.toml", "recipes.toml", "treasure.toml"];

/// The bases, for those who name them.
struct Known<'bases> {
    rows: &'bases [Base],
    places: &'bases BTreeMap<String, usize>,
}

impl Known<'_> {
    /// The base that a key of an entry names.
    fn read(&self, entry: &mut Entry<'_>, key: &'static str) -> Result<(usize, Kind), ContentError> {
        let word = entry.key(key)?;
        match self.places.get(word) {
            Some(place) => Ok((*place, self.kind(*place))),
            None => Err(entry.error(key, no_such(word, "items.toml", self.places.keys().map(String::as_str)))),
        }
    }

    fn kind(&self, place: usize) -> Kind {
        self.rows[place].kind
    }

    fn stack(&self, place: usize) -> u32 {
        self.rows[place].stack
    }
}

/// The kinds that a list of kinds and groups means, in the order of [`Kind::ALL`].
fn kinds(entry: &mut Entry<'_>, key: &'static str) -> Result<Vec<Kind>, ContentError> {
    let mut kinds = Vec::new();
    for word in entry.texts(key, 1..=Kind::ALL.len() + Group::ALL.len())? {
        kinds.extend(kinds_of(entry, key, word)?);
    }
    kinds.sort_unstable();
    kinds.dedup();
    Ok(kinds)
}

/// The kinds that a word means: itself, or those of a group.
fn kinds_of(entry: &Entry<'_>, key: &str, word: &str) -> Result<Vec<Kind>, ContentError> {
    let (kind, group) = (Kind::from_name(word), Group::from_name(word));
    let meant = |one: &Kind| kind == Some(*one) || group.is_some_and(|group| group.has(*one));
    let kinds: Vec<Kind> = Kind::ALL.iter().copied().filter(meant).collect();
    if kinds.is_empty() {
        let names = Group::ALL.iter().map(|group| group.name()).chain(Kind::ALL.iter().map(|kind| kind.name()));
        let allowed = names.collect::<Vec<_>>().join(", ");
        return Err(entry.error(key, ContentProblem::Choice { value: word.to_owned(), allowed }));
    }
    Ok(kinds)
}

pub(super) fn no_such<'a>(word: &str, file: &'static str, names: impl Iterator<Item = &'a str>) -> ContentProblem {
    let nearest = names.min_by_key(|name| strsim::damerau_levenshtein(name, word)).unwrap_or_default();
    ContentProblem::NoSuchEntry { value: word.into(), file, nearest: nearest.into() }
}

/// Everything about items; `files` in the order of [`FILES`].
pub(super) fn catalogue(
    files: &[File; FILES.len()],
    monsters: &[Named<MonsterRow>],
) -> Result<Catalogue, ContentError> {
    let [items, affixes, qualities, uniques, sets, recipes, treasure] = files;
    let (bases, base_places) = bases::bases(items)?;
    let known = Known { rows: &bases, places: &base_places };
    let (affixes, affix_places) = affixes::affixes(affixes)?;
    let qualities = qualities::qualities(qualities)?;
    let mut specials = Specials::default();
    specials.read_uniques(uniques, &known)?;
    specials.read_sets(sets, &known)?;
    let recipes = recipes::recipes(recipes, &known, &affixes, &specials)?;
    let treasure = treasure::treasure(treasure, &known, monsters)?;
    Ok(Catalogue { bases, base_places, affixes, affix_places, qualities, specials, recipes, treasure })
}

#[cfg(test)]
mod tests;
