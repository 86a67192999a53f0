//! The place and its rules: `world.toml`, and the experience of the levels: `levels.toml`.

use super::{ContentError, ContentProblem, creatures::NPCS_MAX, read::File};
use crate::{
    Difficulty, ENTITIES_MAX, LEVEL_MAX, PLAYERS_MAX,
    map::{MapPlan, TILES_MAX},
};

/// Most monsters of a game.
const MONSTERS_MAX: u32 = 200;
const _: () = assert!(MONSTERS_MAX as usize + NPCS_MAX + PLAYERS_MAX <= ENTITIES_MAX);
/// The longest distance in the rules, in sub-tiles: across the largest map.
const DISTANCE_MAX: i32 = TILES_MAX * 32;
/// The highest percentage of a difficulty.
const PERCENT_MAX: i32 = 10_000;
/// The most experience of a level.
const EXPERIENCE_MAX: i64 = 1_000_000_000_000;

/// `world.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) map: MapPlan,
    pub(crate) monsters_count: u32,
    pub(crate) respawn_ticks: u32,
    pub(crate) corpse_ticks: u32,
    /// Tiles.
    pub(crate) entrance_distance: i32,
    pub(crate) leash: i32,
    pub(crate) vision: i32,
    pub(crate) share_distance: i32,
    pub(crate) share_bonus_percent: u32,
    /// In the order of [`Difficulty`].
    pub(crate) difficulties: [Percentages; 3],
}

/// How a difficulty scales monsters, and what death costs in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Percentages {
    pub(crate) life: i32,
    pub(crate) damage: i32,
    /// Of attack rating and defence.
    pub(crate) rating: i32,
    pub(crate) experience: i32,
    pub(crate) level_added: u32,
    /// Of the experience between a player's level and the next.
    pub(crate) death_loss: u32,
}

impl Rules {
    pub(crate) fn percentages(&self, difficulty: Difficulty) -> &Percentages {
        match difficulty {
            Difficulty::Normal => &self.difficulties[0],
            Difficulty::Nightmare => &self.difficulties[1],
            Difficulty::Hell => &self.difficulties[2],
        }
    }
}

/// `world.toml`.
pub(super) fn rules(file: &File) -> Result<Rules, ContentError> {
    let mut top = file.top();

    let mut map = top.section("map")?;
    let plan = MapPlan {
        width: map.integer("width", 24..=TILES_MAX)?,
        height: map.integer("height", 24..=TILES_MAX)?,
        entrance: map.integer("entrance", 6..=16)?,
        ruins: map.integer("ruins", 0..=1_000)?,
        blocks: map.integer("blocks", 0..=10_000)?,
    };
    map.finish()?;

    let mut monsters = top.section("monsters")?;
    let monsters_count = monsters.integer("count", 0..=MONSTERS_MAX)?;
    let respawn_ticks = monsters.integer("respawn_ticks", 1..=90_000)?;
    let corpse_ticks = monsters.integer("corpse_ticks", 0..=90_000)?;
    let entrance_distance = monsters.integer("entrance_distance", 1..=TILES_MAX)?;
    let leash = monsters.integer("leash", 0..=DISTANCE_MAX)?;
    monsters.finish()?;

    let mut players = top.section("players")?;
    let vision = players.integer("vision", 1..=DISTANCE_MAX)?;
    let share_distance = players.integer("share_distance", 0..=DISTANCE_MAX)?;
    let share_bonus_percent = players.integer("share_bonus_percent", 0..=1_000)?;
    players.finish()?;

    let difficulties = difficulties(&mut top)?;
    top.finish()?;
    Ok(Rules {
        map: plan,
        monsters_count,
        respawn_ticks,
        corpse_ticks,
        entrance_distance,
        leash,
        vision,
        share_distance,
        share_bonus_percent,
        difficulties,
    })
}

fn difficulties(top: &mut super::read::Entry<'_>) -> Result<[Percentages; 3], ContentError> {
    const ALL: [Difficulty; 3] = [Difficulty::Normal, Difficulty::Nightmare, Difficulty::Hell];
    let mut rows = [None; ALL.len()];
    for mut entry in top.entries("difficulty", ALL.len()..=ALL.len())? {
        let name = entry.text("name")?;
        let Some(place) = ALL.iter().position(|difficulty| difficulty.name() == name) else {
            let allowed = ALL.map(Difficulty::name).join(", ");
            return Err(entry.error("name", ContentProblem::Choice { value: name.to_owned(), allowed }));
        };
        if rows[place].is_some() {
            return Err(entry.error("name", ContentProblem::Twice));
        }
        rows[place] = Some(Percentages {
            life: entry.integer("life_percent", 1..=PERCENT_MAX)?,
            damage: entry.integer("damage_percent", 0..=PERCENT_MAX)?,
            rating: entry.integer("rating_percent", 1..=PERCENT_MAX)?,
            experience: entry.integer("experience_percent", 0..=PERCENT_MAX)?,
            level_added: entry.integer("level_added", 0..=LEVEL_MAX)?,
            death_loss: entry.integer("death_loss_percent", 0..=100)?,
        });
        entry.finish()?;
    }
    Ok(rows.map(|row| row.expect("three different names of three difficulties leave none out")))
}

/// The experience at which each level begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Levels(Vec<u64>);

impl Levels {
    /// The experience at which a level begins; that of the nearest level for one that does not exist.
    pub(crate) fn begin(&self, level: u32) -> u64 {
        let place = usize::try_from(level.clamp(1, LEVEL_MAX) - 1).unwrap_or_default();
        self.0.get(place).copied().unwrap_or_default()
    }
}

/// `levels.toml`.
pub(super) fn levels(file: &File) -> Result<Levels, ContentError> {
    let mut top = file.top();
    let list = top.integers("experience", usize::try_from(LEVEL_MAX).unwrap_or_default())?;
    let mut levels = Vec::with_capacity(list.len());
    let mut least = 0;
    for (level, value) in (1..).zip(list) {
        let max = if level == 1 { 0 } else { EXPERIENCE_MAX };
        if !(least..=max).contains(&value) {
            let problem = ContentProblem::Range { value, min: least, max };
            return Err(top.error(&format!("experience of level {level}"), problem));
        }
        least = value + 1;
        levels.push(u64::try_from(value).unwrap_or_default());
    }
    top.finish()?;
    Ok(Levels(levels))
}
