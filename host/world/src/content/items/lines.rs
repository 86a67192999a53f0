//! Properties with a range, as affixes, uniques, sets and recipes give them.

use crate::{
    content::{ContentError, read::Entry},
    items::Property,
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
