//! The items of a content pack.

mod affixes;
mod bases;
mod lines;
mod qualities;
mod recipes;
mod specials;
mod treasure;

pub use affixes::{Affix, Side};
pub use bases::{Base, Gift, Needs, Setting};
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
use crate::items::{Catalogue, Kind};

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

fn no_such<'a>(word: &str, file: &'static str, names: impl Iterator<Item = &'a str>) -> ContentProblem {
    let nearest = names.min_by_key(|name| strsim::damerau_levenshtein(name, word)).unwrap_or_default().to_owned();
    ContentProblem::NoSuchEntry { value: word.to_owned(), file, nearest }
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
    let recipes = recipes::recipes(recipes, &known)?;
    let treasure = treasure::treasure(treasure, &known, monsters)?;
    Ok(Catalogue { bases, base_places, affixes, affix_places, qualities, specials, recipes, treasure })
}
