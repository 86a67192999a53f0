//! Uniques and sets: `uniques.toml` and `sets.toml`.

use std::collections::{BTreeMap, BTreeSet};

use super::{Known, bases::PRICE_MAX, lines};
use crate::{
    content::{ContentError, ContentProblem, read::Entry, read::File},
    items::{Gift, Line, Property, Quality, Slot, hands_agree},
};

/// Most uniques, and most sets.
const SPECIALS_MAX: usize = 1_000;
/// Fewest and most pieces of a set: there is room for ten on a character.
const PIECES: std::ops::RangeInclusive<usize> = 2..=10;

/// A unique, or a piece of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Special {
    /// What it is called in what is stored.
    pub key: String,
    /// What players read.
    pub name: String,
    /// [`Quality::Unique`] or [`Quality::Set`].
    pub quality: Quality,
    /// Its base, by its place.
    pub base: usize,
    /// The level of an item from which on it falls.
    pub level: u32,
    /// The level that a character needs.
    pub needs_level: u32,
    /// How often it falls, relative to the others of its base and quality; 0 for one that falls no more.
    pub frequency: u32,
    /// What it gives.
    pub lines: Vec<Line>,
    /// What it adds to the price.
    pub price: u32,
    /// Its set, by its place; `None` for a unique.
    pub set: Option<usize>,
}

/// What a set gives beside its pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// What it is called.
    pub key: String,
    /// What players read.
    pub name: String,
    /// Keys of its pieces.
    pub pieces: Vec<String>,
    /// From so many different pieces on, this.
    pub partial: Vec<(usize, Gift)>,
    /// With all of them, this as well.
    pub full: Vec<Gift>,
}

/// All uniques and pieces of sets, and where each key stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Specials {
    pub(crate) rows: Vec<Special>,
    pub(crate) places: BTreeMap<String, usize>,
    pub(crate) sets: Vec<Set>,
}

impl Specials {
    /// `uniques.toml`.
    pub(super) fn read_uniques(&mut self, file: &File, bases: &Known<'_>) -> Result<(), ContentError> {
        let mut top = file.top();
        for mut entry in top.entries("unique", 1..=SPECIALS_MAX)? {
            let row = special(&mut entry, Quality::Unique, None, bases)?;
            self.add(&entry, row)?;
            entry.finish()?;
        }
        top.finish()
    }

    /// `sets.toml`.
    pub(super) fn read_sets(&mut self, file: &File, bases: &Known<'_>) -> Result<(), ContentError> {
        let mut top = file.top();
        for mut entry in top.entries("set", 1..=SPECIALS_MAX)? {
            let key = entry.key("key")?.to_owned();
            if self.sets.iter().any(|set| set.key == key) {
                return Err(entry.error("key", ContentProblem::Twice));
            }
            let mut pieces = Vec::new();
            for mut piece in entry.entries("piece", PIECES)? {
                let row = special(&mut piece, Quality::Set, Some(self.sets.len()), bases)?;
                pieces.push(row.key.clone());
                self.add(&piece, row)?;
                piece.finish()?;
            }
            if !self.can_be_worn_together(&pieces, bases) {
                let problem =
                    ContentProblem::Unfit("cannot be worn together: two for one place, or of two classes; change one");
                return Err(entry.error("piece", problem));
            }
            let mut partial = Vec::new();
            for mut bonus in entry.entries("partial", 1..=lines::LINES_MAX)? {
                let least: u32 = bonus.integer("pieces", 2..=u32::try_from(pieces.len()).unwrap_or(u32::MAX))?;
                partial.push((usize::try_from(least).unwrap_or(usize::MAX), gift(&mut bonus)?));
                bonus.finish()?;
            }
            let mut full = Vec::new();
            for mut bonus in entry.entries("full", 1..=lines::LINES_MAX)? {
                full.push(gift(&mut bonus)?);
                bonus.finish()?;
            }
            self.sets.push(Set { key, name: entry.text("name")?.to_owned(), pieces, partial, full });
            entry.finish()?;
        }
        top.finish()
    }

    /// Whether one character can wear all of these at the same time.
    fn can_be_worn_together(&self, pieces: &[String], bases: &Known<'_>) -> bool {
        let rows = || pieces.iter().map(|piece| &bases.rows[self.rows[self.places[piece]].base]);
        let classes: BTreeSet<_> = rows().filter_map(|base| base.class).collect();
        let room = |slots: &[Slot]| rows().filter(|base| base.kind.slots() == slots).count() <= slots.len();
        let (main, off) = ([Slot::MainHand], [Slot::OffHand]);
        let of = |slots: &[Slot]| rows().find(|base| base.kind.slots() == slots);
        classes.len() <= 1 && rows().all(|base| room(base.kind.slots())) && hands_agree(of(&main), of(&off)).is_ok()
    }

    fn add(&mut self, entry: &Entry<'_>, row: Special) -> Result<(), ContentError> {
        if self.places.insert(row.key.clone(), self.rows.len()).is_some() {
            return Err(entry.error("key", ContentProblem::Twice));
        }
        self.rows.push(row);
        Ok(())
    }
}

fn special(
    entry: &mut Entry<'_>,
    quality: Quality,
    set: Option<usize>,
    bases: &Known<'_>,
) -> Result<Special, ContentError> {
    let (base, kind) = bases.read(entry, "base")?;
    if !kind.is_worn() {
        let problem = ContentProblem::Unfit("names an item that is not worn; write the key of one that is");
        return Err(entry.error("base", problem));
    }
    let lines = lines::lines(entry)?;
    lines::spare_rings(entry, "lines", &[kind], &lines, 0)?;
    Ok(Special {
        key: entry.key("key")?.to_owned(),
        name: entry.text("name")?.to_owned(),
        quality,
        base,
        level: entry.integer("level", 1..=crate::LEVEL_MAX)?,
        needs_level: entry.integer_or("needs_level", 1..=crate::LEVEL_MAX, 1)?,
        frequency: entry.integer("frequency", 0..=1_000)?,
        lines,
        price: entry.integer("price", 0..=PRICE_MAX)?,
        set,
    })
}

fn gift(entry: &mut Entry<'_>) -> Result<Gift, ContentError> {
    let property = entry.word("property", Property::ALL, Property::name)?;
    let (least, most) = property.line_bounds();
    Ok(Gift { property, value: entry.integer("value", least..=most)? })
}
