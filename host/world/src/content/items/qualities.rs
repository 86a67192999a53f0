//! The rules of the qualities, of names and of prices: `qualities.toml`.

use crate::{
    content::{ContentError, ContentProblem, read::Entry, read::File},
    items::{Kind, Quality},
};

/// Chances are so many of this.
pub(crate) const CHANCE_OF: u32 = 100_000;
/// Most words of one list of names.
const WORDS_MAX: usize = 200;
/// Most affixes of one side.
const SIDE_MAX: u32 = 3;

/// The rules of a quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QualityRow {
    /// How often of 100,000 it comes, at level 1 and without magic find. The others are thrown first.
    pub chance: u32,
    /// Added for each level of the item after the first.
    pub chance_per_level: u32,
    /// Magic find never helps more than this many percent: the more there is, the less each point does.
    pub find_max: u32,
    /// Affixes: at least.
    pub affixes_min: u32,
    /// Affixes: at most.
    pub affixes_max: u32,
    /// Prefixes at most; suffixes as well.
    pub side_max: u32,
    /// How many of a hundred have sockets when they are made, where the base allows it.
    pub socket_percent: i32,
    /// What the base's price is worth in it, in percent.
    pub price_percent: u32,
}

/// Prices of vendors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prices {
    /// What a vendor asks, in percent of the worth.
    pub ask_percent: u32,
    /// What a vendor gives, in percent of the worth; never more than is asked.
    pub give_percent: u32,
    /// The most that a vendor gives for one item.
    pub give_max: u32,
    /// What a whole repair costs, in percent of the worth; at least what a vendor gives.
    pub repair_percent: u32,
}

/// Second words of rare names, for some kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecondWords {
    pub(crate) kinds: Vec<Kind>,
    pub(crate) words: Vec<String>,
}

/// `qualities.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qualities {
    /// In the order of [`Quality::ALL`].
    pub(crate) rows: Vec<QualityRow>,
    /// Vendors.
    pub(crate) prices: Prices,
    pub(crate) first_words: Vec<String>,
    pub(crate) second_words: Vec<SecondWords>,
}

impl Qualities {
    /// The rules of a quality.
    #[must_use]
    pub fn row(&self, quality: Quality) -> &QualityRow {
        &self.rows[quality as usize]
    }
}

/// `qualities.toml`.
pub(super) fn qualities(file: &File) -> Result<Qualities, ContentError> {
    let mut top = file.top();
    let mut rows = vec![None; Quality::ALL.len()];
    for mut entry in top.entries("quality", Quality::ALL.len()..=Quality::ALL.len())? {
        let quality = entry.word("name", Quality::ALL, Quality::name)?;
        let place = &mut rows[quality as usize];
        if place.is_some() {
            return Err(entry.error("name", ContentProblem::Twice));
        }
        *place = Some(row(&mut entry, quality)?);
        entry.finish()?;
    }
    let prices = prices(&mut top)?;
    let (first_words, second_words) = names(&mut top)?;
    top.finish()?;
    let rows = rows.into_iter().map(|row| row.expect("six different names of six qualities leave none out")).collect();
    Ok(Qualities { rows, prices, first_words, second_words })
}

fn row(entry: &mut Entry<'_>, quality: Quality) -> Result<QualityRow, ContentError> {
    // Normal is what is left over, and crafted comes by recipes alone: neither is thrown for.
    let is_thrown = !matches!(quality, Quality::Normal | Quality::Crafted);
    let (chance, chance_per_level, find_max) = if is_thrown {
        let chance = entry.integer("chance", 0..=CHANCE_OF)?;
        (chance, entry.integer("chance_per_level", 0..=1_000)?, entry.integer("find_max", 0..=10_000)?)
    } else {
        (0, 0, 0)
    };
    let (least, most) = match quality {
        Quality::Magic => (1, 2),
        Quality::Rare => (3, 6),
        Quality::Crafted => (0, 4),
        Quality::Normal | Quality::Set | Quality::Unique => (0, 0),
    };
    let (affixes_min, affixes_max, side_max) = if most > 0 {
        let affixes_min: u32 = entry.integer("affixes_min", least..=most)?;
        let affixes_max = entry.integer("affixes_max", affixes_min..=most)?;
        // Both sides together have room for them all. Magic items have one of each.
        let side_max = match quality {
            Quality::Magic => 1,
            _ => entry.integer("side_max", affixes_max.div_ceil(2)..=SIDE_MAX)?,
        };
        (affixes_min, affixes_max, side_max)
    } else {
        (0, 0, 0)
    };
    Ok(QualityRow {
        chance,
        chance_per_level,
        find_max,
        affixes_min,
        affixes_max,
        side_max,
        socket_percent: entry.integer("socket_percent", 0..=100)?,
        price_percent: entry.integer("price_percent", 1..=10_000)?,
    })
}

fn prices(top: &mut Entry<'_>) -> Result<Prices, ContentError> {
    let mut section = top.section("prices")?;
    let give_percent = section.integer("give_percent", 0..=1_000)?;
    let ask_percent = section.integer("ask_percent", 1..=10_000)?;
    let give_max = section.integer("give_max", 0..=1_000_000_000)?;
    let repair_percent = section.integer("repair_percent", 0..=1_000)?;
    // Else gold could be made by buying and selling, or by repairing and selling.
    for (key, value) in [("ask_percent", ask_percent), ("repair_percent", repair_percent)] {
        if value < give_percent {
            let (value, least) = (value.into(), give_percent.into());
            return Err(section.error(key, ContentProblem::BelowOther { value, least, because: "give_percent" }));
        }
    }
    section.finish()?;
    Ok(Prices { ask_percent, give_percent, give_max, repair_percent })
}

fn names(top: &mut Entry<'_>) -> Result<(Vec<String>, Vec<SecondWords>), ContentError> {
    let mut section = top.section("names")?;
    let owned = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let first = owned(section.texts("first", 1..=WORDS_MAX)?);
    let mut second: Vec<SecondWords> = Vec::new();
    for mut entry in section.entries("second", 1..=Kind::ALL.len())? {
        let mut kinds = Vec::new();
        for word in entry.texts("kinds", 1..=Kind::ALL.len())? {
            let Some(kind) = Kind::from_name(word) else {
                let allowed = Kind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
                return Err(entry.error("kinds", ContentProblem::Choice { value: word.to_owned(), allowed }));
            };
            if kinds.contains(&kind) || second.iter().any(|other| other.kinds.contains(&kind)) {
                return Err(entry.error("kinds", ContentProblem::Twice));
            }
            kinds.push(kind);
        }
        second.push(SecondWords { kinds, words: owned(entry.texts("words", 1..=WORDS_MAX)?) });
        entry.finish()?;
    }
    let named = |kind: &Kind| second.iter().any(|words| words.kinds.contains(kind));
    if let Some(kind) = Kind::ALL.iter().find(|kind| kind.is_worn() && !named(kind)) {
        return Err(section.error("second", ContentProblem::NoneFor(format!("the kind {}", kind.name()))));
    }
    section.finish()?;
    Ok((first, second))
}
