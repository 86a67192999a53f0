//! What is made of what: `recipes.toml`.

use super::{Affix, Base, Known, Specials, lines};
use crate::{
    content::{ContentError, ContentProblem, read::Entry, read::File},
    items::{Kind, Line, Property, Quality, words::words},
};

/// Most rows.
const RECIPES_MAX: usize = 500;
/// Most rows of inputs of one recipe.
const INPUT_ROWS_MAX: usize = 8;
/// Most things that one recipe takes, each of a stack counted.
pub(crate) const INPUTS_MAX: u32 = 16;

words! {
    /// What a recipe does.
    pub enum Deed {
        /// Makes something new of a base; all inputs are used up.
        Make = "make",
        /// Throws the affixes of its first input anew.
        Reroll = "reroll",
        /// Gives its first input sockets.
        Sockets = "sockets",
        /// Empties the sockets of its first input; the gems are lost.
        Empty = "empty",
        /// Repairs its first input.
        Repair = "repair",
        /// Makes its first input a crafted item with the recipe's lines.
        Craft = "craft",
    }
}

/// What a recipe takes: so many that fit all that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingredient {
    /// How many.
    pub count: u32,
    /// Of this base, by its place.
    pub base: Option<usize>,
    /// Of one of these kinds; empty for any.
    pub kinds: Vec<Kind>,
    /// Of this quality.
    pub quality: Option<Quality>,
}

/// A recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// What it is called in what is stored.
    pub key: String,
    /// What players read.
    pub name: String,
    /// What it takes: exactly this, and nothing beside it. The first is what all deeds but [`Deed::Make`] change.
    pub inputs: Vec<Ingredient>,
    /// What it does.
    pub deed: Deed,
    /// For [`Deed::Make`]: the base, by its place, the quality and how many.
    pub makes: Option<(usize, Quality, u32)>,
    /// For [`Deed::Sockets`]: how many at most.
    pub sockets: u32,
    /// For [`Deed::Craft`]: what it gives.
    pub lines: Vec<Line>,
}

/// `recipes.toml`, in the order of the file.
pub(super) fn recipes(
    file: &File,
    bases: &Known<'_>,
    affixes: &[Affix],
    specials: &Specials,
) -> Result<Vec<Recipe>, ContentError> {
    let mut top = file.top();
    let mut rows: Vec<Recipe> = Vec::new();
    for mut entry in top.entries("recipe", 0..=RECIPES_MAX)? {
        let row = recipe(&mut entry, bases, affixes)?;
        // Crafted items name their recipe where others name their unique or set's piece.
        if specials.places.contains_key(&row.key) {
            return Err(
                entry.error("key", ContentProblem::Unfit("is that of a unique or a set's piece; write another one"))
            );
        }
        if rows.iter().any(|other| other.key == row.key) {
            return Err(entry.error("key", ContentProblem::Twice));
        }
        // Exactly the same inputs would leave open which of the two is meant.
        if let Some(other) = rows.iter().find(|other| other.inputs == row.inputs) {
            return Err(entry.error("inputs", ContentProblem::SameAs(other.key.clone())));
        }
        entry.finish()?;
        rows.push(row);
    }
    top.finish()?;
    Ok(rows)
}

fn recipe(entry: &mut Entry<'_>, bases: &Known<'_>, affixes: &[Affix]) -> Result<Recipe, ContentError> {
    let deed = entry.word("deed", Deed::ALL, Deed::name)?;
    let mut inputs = Vec::new();
    for mut input in entry.entries("inputs", 1..=INPUT_ROWS_MAX)? {
        inputs.push(ingredient(&mut input, bases)?);
        input.finish()?;
    }
    let count: u32 = inputs.iter().map(|input| input.count).sum();
    if count > INPUTS_MAX {
        let problem = ContentProblem::Range { value: count.into(), min: 1, max: INPUTS_MAX.into() };
        return Err(entry.error("inputs", problem));
    }
    let mut lines = Vec::new();
    if deed != Deed::Make {
        let kinds = subject(entry, deed, &inputs, bases)?;
        if deed == Deed::Craft {
            lines = lines::lines(entry)?;
            let skills = affixes.iter().filter(|affix| affix.line.property == Property::AllSkills);
            let of_rings = skills.filter(|affix| affix.kinds.contains(&Kind::Ring)).map(|affix| affix.line.max).max();
            lines::spare_rings(entry, "lines", &kinds, &lines, of_rings.unwrap_or_default())?;
        }
    }
    let makes = match deed {
        Deed::Make => Some(product(entry, bases)?),
        _ => None,
    };
    Ok(Recipe {
        key: entry.key("key")?.to_owned(),
        name: entry.text("name")?.to_owned(),
        inputs,
        deed,
        makes,
        sockets: if deed == Deed::Sockets { entry.integer("sockets", 1..=6)? } else { 0 },
        lines,
    })
}

/// What a recipe changes is one thing, and one that can be changed so; which kinds it may be.
fn subject(entry: &Entry<'_>, deed: Deed, inputs: &[Ingredient], bases: &Known<'_>) -> Result<Vec<Kind>, ContentError> {
    let first = &inputs[0];
    let refuse = |text| Err(entry.error("inputs", ContentProblem::Unfit(text)));
    if first.count != 1 {
        return refuse("change the first of them, so that its count must be 1");
    }
    let kinds = first.base.map_or_else(|| first.kinds.clone(), |base| vec![bases.kind(base)]);
    if kinds.iter().any(|kind| !kind.is_worn()) {
        return refuse("change the first of them, which must be something that is worn; write its item or kinds");
    }
    let meant = |place: usize, base: &Base| first.base.map_or(kinds.contains(&base.kind), |only| only == place);
    let any =
        |can: fn(&Base) -> bool| bases.rows.iter().enumerate().any(|(place, base)| meant(place, base) && can(base));
    match (deed, first.quality) {
        (Deed::Reroll | Deed::Craft, Some(Quality::Magic | Quality::Rare)) => Ok(kinds),
        (Deed::Reroll | Deed::Craft, _) => refuse("must say of the first of them that its quality is magic or rare"),
        (Deed::Sockets, quality) if quality != Some(Quality::Normal) => {
            refuse("must say of the first of them that its quality is normal")
        }
        (Deed::Sockets | Deed::Empty, _) if !any(|base| base.sockets > 0) => {
            refuse("change the first of them, and nothing of that has sockets; write something that has")
        }
        (Deed::Repair, _) if !any(|base| base.durability > 0) => {
            refuse("change the first of them, and nothing of that ever wears; write something that does")
        }
        _ => Ok(kinds),
    }
}

fn product(entry: &mut Entry<'_>, bases: &Known<'_>) -> Result<(usize, Quality, u32), ContentError> {
    let (base, kind) = bases.read(entry, "makes")?;
    let qualities = [Quality::Normal, Quality::Magic, Quality::Rare];
    let quality =
        if entry.has("quality") { entry.word("quality", &qualities, Quality::name)? } else { Quality::Normal };
    if quality != Quality::Normal && !kind.is_worn() {
        return Err(entry.error("quality", ContentProblem::Unfit("must be normal for what is not worn")));
    }
    let count = entry.integer_or("count", 1..=bases.stack(base), 1)?;
    Ok((base, quality, count))
}

fn ingredient(entry: &mut Entry<'_>, bases: &Known<'_>) -> Result<Ingredient, ContentError> {
    let base = if entry.has("item") { Some(bases.read(entry, "item")?.0) } else { None };
    let kinds = if entry.has("kinds") { super::kinds(entry, "kinds")? } else { Vec::new() };
    if base.is_none() && kinds.is_empty() {
        return Err(entry.error("item", ContentProblem::Missing));
    }
    if base.is_some() && !kinds.is_empty() {
        return Err(
            entry.error("kinds", ContentProblem::Unfit("stands beside `item`, which says it already; leave one out"))
        );
    }
    let quality = if entry.has("quality") { Some(entry.word("quality", Quality::ALL, Quality::name)?) } else { None };
    let worn = base.map_or_else(|| kinds.iter().any(|kind| kind.is_worn()), |base| bases.kind(base).is_worn());
    if quality.is_some_and(|quality| quality != Quality::Normal) && !worn {
        return Err(entry.error("quality", ContentProblem::Unfit("must be normal for what is not worn; leave it out")));
    }
    Ok(Ingredient { count: entry.integer_or("count", 1..=INPUTS_MAX, 1)?, base, kinds, quality })
}
