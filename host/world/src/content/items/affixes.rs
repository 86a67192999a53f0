//! What magic, rare and crafted items can have: `affixes.toml`.

use std::collections::BTreeMap;

use super::{bases::PRICE_MAX, lines};
use crate::{
    content::{ContentError, ContentProblem, read::File},
    items::{Kind, Line, Property, words::words},
};

/// Most rows.
const AFFIXES_MAX: usize = 4_000;

words! {
    /// Where an affix stands in an item's name. An item has at most so many of each as its quality allows.
    pub enum Side {
        /// Before it.
        Prefix = "prefix",
        /// Behind it.
        Suffix = "suffix",
    }
}

/// One property that magic, rare and crafted items can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affix {
    /// What it is called in what is stored.
    pub key: String,
    /// What players read.
    pub name: String,
    /// Where it stands.
    pub side: Side,
    /// An item has at most one affix of a group.
    pub group: String,
    /// The level of an item from which on it can have this.
    pub level: u32,
    /// The level of an item up to which it can have this.
    pub level_max: u32,
    /// The level that a character needs.
    pub needs_level: u32,
    /// How often it is thrown, relative to the others that are possible; 0 for one that only items of old have.
    pub frequency: u32,
    /// Kinds that can have it, the groups resolved, in the order of [`Kind::ALL`].
    pub kinds: Vec<Kind>,
    /// What it gives.
    pub line: Line,
    /// What it adds to the price.
    pub price: u32,
}

/// `affixes.toml`, in the order of the file, and where each key stands.
pub(super) fn affixes(file: &File) -> Result<(Vec<Affix>, BTreeMap<String, usize>), ContentError> {
    let mut top = file.top();
    let mut rows = Vec::new();
    let mut places = BTreeMap::new();
    for mut entry in top.entries("affix", 1..=AFFIXES_MAX)? {
        let level = entry.integer("level", 1..=crate::LEVEL_MAX)?;
        let level_max = entry.integer_or("level_max", 1..=crate::LEVEL_MAX, crate::LEVEL_MAX)?;
        if level_max < level {
            let (value, least) = (level_max.into(), level.into());
            return Err(entry.error("level_max", ContentProblem::BelowOther { value, least, because: "level" }));
        }
        let kinds = super::kinds(&mut entry, "kinds")?;
        if kinds.iter().any(|kind| !kind.is_worn()) {
            let problem = ContentProblem::Unfit("names a kind that is not worn; only what is worn has affixes");
            return Err(entry.error("kinds", problem));
        }
        let row = Affix {
            key: entry.key("key")?.to_owned(),
            name: entry.text("name")?.to_owned(),
            side: entry.word("side", Side::ALL, Side::name)?,
            group: entry.key("group")?.to_owned(),
            level,
            level_max,
            needs_level: entry.integer_or("needs_level", 1..=crate::LEVEL_MAX, 1)?,
            frequency: entry.integer("frequency", 0..=1_000)?,
            kinds,
            line: lines::line(&mut entry)?,
            price: entry.integer("price", 0..=PRICE_MAX)?,
        };
        // Those of one group never come together.
        let others = rows.iter().filter(|other: &&Affix| other.group != row.group);
        let others =
            others.filter(|other| other.kinds.contains(&Kind::Ring) && other.line.property == Property::AllSkills);
        let beside = others.map(|other| other.line.max).max().unwrap_or_default();
        lines::spare_rings(&entry, "max", &row.kinds, &[row.line], beside)?;
        if let Some(other) = places.insert(row.key.clone(), rows.len()) {
            return Err(entry.error("key", ContentProblem::Again(other + 1)));
        }
        entry.finish()?;
        rows.push(row);
    }
    top.finish()?;
    Ok((rows, places))
}
