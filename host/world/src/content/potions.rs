//! What monsters leave behind for now: potions, `potions.toml`.

use super::{ContentError, ContentProblem, Named, creatures::AMOUNT_MAX, read::File};

/// Most rows: their numbers are one byte in snapshots, and 0 is an empty place of a belt.
const POTION_ROWS_MAX: usize = 100;

/// A potion: what it restores at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PotionRow {
    pub(crate) life: i32,
    /// Of the full life.
    pub(crate) life_percent: i32,
    pub(crate) mana: i32,
    /// Of the full mana.
    pub(crate) mana_percent: i32,
    /// Monsters from this level on leave it.
    pub(crate) level: u32,
    pub(crate) frequency: u32,
}

/// `potions.toml`, in the order of the file.
pub(super) fn potions(file: &File) -> Result<Vec<Named<PotionRow>>, ContentError> {
    let mut top = file.top();
    let mut rows: Vec<Named<PotionRow>> = Vec::new();
    for mut entry in top.entries("potion", 1..=POTION_ROWS_MAX)? {
        let name = entry.text("name")?;
        if rows.iter().any(|other| other.name == name) {
            return Err(entry.error("name", ContentProblem::Twice));
        }
        let row = PotionRow {
            life: entry.integer("life", 0..=AMOUNT_MAX)?,
            life_percent: entry.integer("life_percent", 0..=100)?,
            mana: entry.integer("mana", 0..=AMOUNT_MAX)?,
            mana_percent: entry.integer("mana_percent", 0..=100)?,
            level: entry.integer("level", 1..=crate::LEVEL_MAX)?,
            frequency: entry.integer("frequency", 1..=1_000)?,
        };
        rows.push(Named { name: name.to_owned(), row });
        entry.finish()?;
    }
    // Whatever a monster's level, there is a potion for it.
    if rows.iter().all(|named| named.row.level > 1) {
        return Err(top.error("potion", ContentProblem::NoEntryWith("level = 1")));
    }
    top.finish()?;
    Ok(rows)
}
