//! What monsters leave: `treasure.toml`.

use std::collections::BTreeMap;

use super::Known;
use crate::{
    Difficulty,
    content::{ContentError, ContentProblem, MonsterRow, Named, read::Entry, read::File},
    items::Kind,
};

/// Most classes.
const CLASSES_MAX: usize = 1_000;
/// Most things of one class to choose from.
const CHOICES_MAX: usize = 100;
/// Most throws of one class.
const PICKS_MAX: u32 = 8;
/// How deep classes may lie in classes.
pub(crate) const DEPTH_MAX: u32 = 8;
/// Most things that one death leaves.
pub const LOOT_MAX: u32 = 16;
/// The most gold of one heap.
const GOLD_MAX: u32 = 1_000_000;

/// One thing that a throw may give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Something of this base.
    Base(usize),
    /// Something of these kinds, of a base that fits the level.
    Kinds(Vec<Kind>),
    /// What another class gives, by its place.
    Class(usize),
    /// Gold: at least and at most.
    Gold(u32, u32),
}

/// What may be left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TreasureClass {
    pub(crate) key: String,
    /// How many throws.
    pub(crate) picks: u32,
    /// How often a throw gives nothing, relative to the choices.
    pub(crate) nothing: u32,
    /// How often, and what.
    pub(crate) choices: Vec<(u32, Choice)>,
}

/// `treasure.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Treasure {
    /// How far below an item's level its base may be, where a class names only kinds.
    pub(crate) level_span: u32,
    pub(crate) classes: Vec<TreasureClass>,
    pub(crate) places: BTreeMap<String, usize>,
    /// The classes of each monster, in the order of `monsters.toml` and of [`Difficulty`].
    pub(crate) monsters: Vec<[usize; 3]>,
}

/// `treasure.toml`; `monsters` are those of the pack.
pub(super) fn treasure(
    file: &File,
    bases: &Known<'_>,
    monsters: &[Named<MonsterRow>],
) -> Result<Treasure, ContentError> {
    let mut top = file.top();
    let level_span = top.integer("level_span", 1..=crate::LEVEL_MAX)?;
    let mut classes: Vec<TreasureClass> = Vec::new();
    let mut places = BTreeMap::new();
    // Most that comes of each class, and how deep it is.
    let mut reach: Vec<(u32, u32)> = Vec::new();
    for mut entry in top.entries("class", 1..=CLASSES_MAX)? {
        let key = entry.key("key")?.to_owned();
        let picks: u32 = entry.integer("picks", 1..=PICKS_MAX)?;
        let nothing = entry.integer("nothing", 0..=1_000_000)?;
        let mut choices = Vec::new();
        let (mut most, mut depth) = (1, 0);
        for mut row in entry.entries("drop", 1..=CHOICES_MAX)? {
            let weight = row.integer("weight", 1..=1_000_000)?;
            let choice = choice(&mut row, bases, &places)?;
            if let Choice::Class(place) = choice {
                let (of_class, class_depth) = reach[place];
                most = most.max(of_class);
                depth = depth.max(class_depth + 1);
                if depth > DEPTH_MAX {
                    let problem = ContentProblem::Range { value: depth.into(), min: 0, max: DEPTH_MAX.into() };
                    return Err(row.error("class (how deep classes lie in each other)", problem));
                }
            }
            row.finish()?;
            choices.push((weight, choice));
        }
        let most = most.saturating_mul(picks);
        if most > LOOT_MAX {
            let problem = ContentProblem::Range { value: most.into(), min: 0, max: LOOT_MAX.into() };
            return Err(entry.error("picks (times those of the classes in it)", problem));
        }
        if places.insert(key.clone(), classes.len()).is_some() {
            return Err(entry.error("key", ContentProblem::Twice));
        }
        entry.finish()?;
        reach.push((most, depth));
        classes.push(TreasureClass { key, picks, nothing, choices });
    }
    let monsters = of_monsters(&mut top, monsters, &places)?;
    top.finish()?;
    Ok(Treasure { level_span, classes, places, monsters })
}

/// A class names only classes that stand above it: so none contains itself.
fn choice(row: &mut Entry<'_>, bases: &Known<'_>, places: &BTreeMap<String, usize>) -> Result<Choice, ContentError> {
    if row.has("item") {
        return Ok(Choice::Base(bases.read(row, "item")?.0));
    }
    if row.has("class") {
        return Ok(Choice::Class(class(row, "class", places)?));
    }
    if row.has("gold_min") {
        let gold_min = row.integer("gold_min", 1..=GOLD_MAX)?;
        return Ok(Choice::Gold(gold_min, row.integer("gold_max", gold_min..=GOLD_MAX)?));
    }
    if !row.has("kind") {
        return Err(row.error("item, class, kind or gold_min", ContentProblem::Missing));
    }
    let word = row.text("kind")?;
    let kinds = super::kinds_of(row, "kind", word)?;
    if !bases.rows.iter().any(|base| kinds.contains(&base.kind) && base.frequency > 0) {
        let problem = ContentProblem::Unfit("names a kind of which no item has a frequency; give one in items.toml");
        return Err(row.error("kind", problem));
    }
    Ok(Choice::Kinds(kinds))
}

fn class(entry: &mut Entry<'_>, key: &'static str, places: &BTreeMap<String, usize>) -> Result<usize, ContentError> {
    let word = entry.key(key)?;
    places.get(word).copied().ok_or_else(|| {
        let names = places.keys().map(String::as_str);
        entry.error(key, super::no_such(word, "treasure.toml (above this entry)", names))
    })
}

fn of_monsters(
    top: &mut Entry<'_>,
    monsters: &[Named<MonsterRow>],
    places: &BTreeMap<String, usize>,
) -> Result<Vec<[usize; 3]>, ContentError> {
    const ALL: [(&str, Difficulty); 3] =
        [("normal", Difficulty::Normal), ("nightmare", Difficulty::Nightmare), ("hell", Difficulty::Hell)];
    let mut rows = vec![None; monsters.len()];
    for mut entry in top.entries("monster", 1..=monsters.len())? {
        let name = entry.text("name")?;
        let Some(place) = monsters.iter().position(|monster| monster.name == name) else {
            let names = monsters.iter().map(|monster| monster.name.as_str());
            return Err(entry.error("name", super::no_such(name, "monsters.toml", names)));
        };
        if rows[place].is_some() {
            return Err(entry.error("name", ContentProblem::Twice));
        }
        let mut classes = [0; ALL.len()];
        for (key, difficulty) in ALL {
            classes[difficulty as usize] = class(&mut entry, key, places)?;
        }
        rows[place] = Some(classes);
        entry.finish()?;
    }
    if let Some(missing) = rows.iter().position(Option::is_none) {
        return Err(top.error("monster", ContentProblem::NoneFor(format!("\"{}\"", monsters[missing].name))));
    }
    Ok(rows.into_iter().flatten().collect())
}
