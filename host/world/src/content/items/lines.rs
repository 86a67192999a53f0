//! Properties with a range, as affixes, uniques, sets and recipes give them.

use crate::{
    content::{ContentError, ContentProblem, read::Entry},
    items::{Kind, Property},
};

/// Most lines of a unique, a set's piece or a recipe.
pub(super) const LINES_MAX: usize = 8;

/// A property and the range of what is thrown for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// What.
    pub property: Property,
    /// At least.
    pub min: i32,
    /// At most.
    pub max: i32,
}

/// `property`, `min` and `max` of an entry.
pub(super) fn line(entry: &mut Entry<'_>) -> Result<Line, ContentError> {
    let property = entry.word("property", Property::ALL, Property::name)?;
    let (least, most) = property.line_bounds();
    let (min, max) = entry.pair("min", "max", least..=most)?;
    Ok(Line { property, min, max })
}

/// The list `lines` of an entry.
pub(super) fn lines(entry: &mut Entry<'_>) -> Result<Vec<Line>, ContentError> {
    let mut lines = Vec::new();
    for mut row in entry.entries("lines", 1..=LINES_MAX)? {
        lines.push(line(&mut row)?);
        row.finish()?;
    }
    Ok(lines)
}

/// A word of the host's own rules, and of the anti-cheat rule that comes with it: no ring gives two levels to every skill. `kinds` are those
/// that can have the lines, and `beside` is what they have of it otherwise.
pub(super) fn spare_rings(
    entry: &Entry<'_>,
    key: &str,
    kinds: &[Kind],
    lines: &[Line],
    beside: i32,
) -> Result<(), ContentError> {
    let given = lines.iter().filter(|line| line.property == Property::AllSkills).map(|line| line.max);
    let given: i32 = given.sum();
    if given > 0 && given + beside > 1 && kinds.contains(&Kind::Ring) {
        let problem =
            ContentProblem::Unfit("give a ring more than 1 to all-skills; write 1, and only once, or leave rings out");
        return Err(entry.error(key, problem));
    }
    Ok(())
}
