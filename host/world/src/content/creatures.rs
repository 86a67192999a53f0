//! Classes, monsters and those who live in the town.

use super::{
    ContentError, ContentProblem, EffectKind, EffectRow, Percentages, PotionRow,
    items::{self, BASES_MAX},
    read::{Entry, File},
    skills,
};
use crate::{Class, items::Catalogue, map::TILES_MAX};

/// The longest step of anybody in one tick, in sub-tiles; less than a tile, so that nobody passes through a wall.
pub(crate) const STEP_MAX: i32 = 16;
/// The longest reach, in sub-tiles.
const REACH_MAX: i32 = 256;
/// The farthest sight, in sub-tiles.
pub(super) const SIGHT_MAX: i32 = 2_048;
/// The longest time between two blows.
pub(super) const ATTACK_TICKS_MAX: u32 = 250;
/// Bounds of life, damage and ratings in the pack.
pub(super) const AMOUNT_MAX: i32 = 100_000;
/// Most rows of monsters: their numbers, and those of their missiles after the players', are one byte in snapshots.
const MONSTER_ROWS_MAX: usize = 200;
/// Said of what a vendor cannot sell.
const NO_PRICE: &str = "is not traded with vendors; give it a price in items.toml, or take it from the list";
/// Most who live in the town.
pub(super) const NPCS_MAX: usize = 16;

/// How somebody strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Melee {
    pub(crate) reach: i32,
    pub(crate) attack_ticks: u32,
    pub(crate) damage_min: i32,
    pub(crate) damage_max: i32,
    pub(crate) attack_rating: i32,
    pub(crate) defence: i32,
}

/// A class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClassRow {
    pub(crate) life: i32,
    pub(crate) life_per_level: i32,
    pub(crate) life_per_vitality: i32,
    pub(crate) mana: i32,
    pub(crate) mana_per_level: i32,
    pub(crate) mana_per_energy: i32,
    pub(crate) step: i32,
    pub(crate) melee: Melee,
}

/// A kind of monster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MonsterRow {
    pub(crate) level: u32,
    pub(crate) life: i32,
    pub(crate) step: i32,
    pub(crate) sight: i32,
    pub(crate) melee: Melee,
    pub(crate) experience: u32,
    pub(crate) frequency: u32,
    /// At least so many tiles from the entrance.
    pub(crate) distance: i32,
    /// Tiles; 0 stands.
    pub(crate) patrol: i32,
    pub(crate) group_min: i32,
    pub(crate) group_max: i32,
    /// 0 strikes by hand.
    pub(crate) missile_step: i32,
    pub(crate) keep: i32,
    pub(crate) flee_percent: i32,
    pub(crate) effect: Option<EffectRow>,
}

/// What one who lives in the town does for players.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Restores life and mana.
    Healer,
    /// Gives a potion into the belt, at most one in so many ticks to each player.
    Vendor {
        /// By its place in the content pack.
        potion: u8,
        ration_ticks: u32,
    },
}

/// One who lives in the town.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NpcRow {
    pub(crate) role: Role,
    /// What a vendor sells: places of bases, in the order of the file.
    pub(crate) sells: Vec<usize>,
    /// Tiles from the middle of the entrance.
    pub(crate) tile_x: i32,
    /// Tiles from the middle of the entrance.
    pub(crate) tile_y: i32,
    pub(crate) reach: i32,
}

/// A row and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named<Row> {
    pub(crate) name: String,
    pub(crate) row: Row,
}

fn melee(entry: &mut super::read::Entry<'_>, reach_max: i32) -> Result<Melee, ContentError> {
    let (damage_min, damage_max) = entry.pair("damage_min", "damage_max", 0..=AMOUNT_MAX)?;
    Ok(Melee {
        reach: entry.integer("reach", 1..=reach_max)?,
        attack_ticks: entry.integer("attack_ticks", 1..=ATTACK_TICKS_MAX)?,
        damage_min,
        damage_max,
        attack_rating: entry.integer("attack_rating", 1..=AMOUNT_MAX)?,
        defence: entry.integer("defence", 0..=AMOUNT_MAX)?,
    })
}

/// `classes.toml`: the seven classes, in the order of [`Class::ALL`] whatever their order in the file.
pub(super) fn classes(file: &File) -> Result<[ClassRow; Class::ALL.len()], ContentError> {
    let mut top = file.top();
    let mut rows = [None; Class::ALL.len()];
    for mut entry in top.entries("class", Class::ALL.len()..=Class::ALL.len())? {
        let name = entry.text("name")?;
        let Some(place) = Class::ALL.iter().position(|class| class.name() == name) else {
            let allowed = Class::ALL.map(Class::name).join(", ");
            return Err(entry.error("name", ContentProblem::Choice { value: name.to_owned(), allowed }));
        };
        if rows[place].is_some() {
            return Err(entry.error("name", ContentProblem::Twice));
        }
        rows[place] = Some(ClassRow {
            life: entry.integer("life", 1..=AMOUNT_MAX)?,
            life_per_level: entry.integer("life_per_level", 0..=1_000)?,
            life_per_vitality: entry.integer("life_per_vitality", 0..=1_000)?,
            mana: entry.integer("mana", 0..=AMOUNT_MAX)?,
            mana_per_level: entry.integer("mana_per_level", 0..=1_000)?,
            mana_per_energy: entry.integer("mana_per_energy", 0..=1_000)?,
            step: entry.integer("step", 1..=STEP_MAX)?,
            melee: melee(&mut entry, REACH_MAX)?,
        });
        entry.finish()?;
    }
    top.finish()?;
    Ok(rows.map(|row| row.expect("seven different names of seven classes leave none out")))
}

/// `monsters.toml`, in the order of the file.
pub(super) fn monsters(file: &File) -> Result<Vec<Named<MonsterRow>>, ContentError> {
    let mut top = file.top();
    let mut rows: Vec<Named<MonsterRow>> = Vec::new();
    for mut entry in top.entries("monster", 1..=MONSTER_ROWS_MAX)? {
        let name = entry.text("name")?;
        if rows.iter().any(|other| other.name == name) {
            return Err(entry.error("name", ContentProblem::Twice));
        }
        let (group_min, group_max) = entry.pair("group_min", "group_max", 1..=8)?;
        let row = MonsterRow {
            level: entry.integer("level", 1..=crate::LEVEL_MAX)?,
            life: entry.integer("life", 1..=AMOUNT_MAX)?,
            step: entry.integer("step", 0..=STEP_MAX)?,
            sight: entry.integer("sight", 0..=SIGHT_MAX)?,
            melee: melee(&mut entry, SIGHT_MAX)?,
            experience: entry.integer("experience", 0..=1_000_000)?,
            frequency: entry.integer("frequency", 1..=1_000)?,
            distance: entry.integer("distance", 0..=TILES_MAX)?,
            patrol: entry.integer("patrol", 0..=16)?,
            group_min,
            group_max,
            missile_step: entry.integer("missile_step", 0..=24)?,
            keep: entry.integer("keep", 0..=SIGHT_MAX)?,
            flee_percent: entry.integer("flee_percent", 0..=90)?,
            effect: skills::effect(&mut entry)?,
        };
        if let Some(effect) = row.effect.filter(|effect| effect.kind.is_helpful()) {
            let problem = ContentProblem::Choice {
                value: effect.kind.name().to_owned(),
                allowed: "poison, burn, slow".to_owned(),
            };
            return Err(entry.error("effect", problem));
        }
        rows.push(Named { name: name.to_owned(), row });
        entry.finish()?;
    }
    // Some monster has to fit every place.
    if rows.iter().all(|named| named.row.distance > 0) {
        return Err(top.error("monster", ContentProblem::NoEntryWith("distance = 0")));
    }
    top.finish()?;
    Ok(rows)
}

/// `npcs.toml`, in the order of the file. `entrance` is the side of the town's entrance, in tiles: nobody may stand outside it.
pub(super) fn npcs(
    file: &File,
    entrance: i32,
    potions: &[Named<PotionRow>],
    items: &Catalogue,
) -> Result<Vec<Named<NpcRow>>, ContentError> {
    let mut top = file.top();
    let farthest = (entrance - 1) / 2;
    let mut rows: Vec<Named<NpcRow>> = Vec::new();
    for mut entry in top.entries("npc", 1..=NPCS_MAX)? {
        let name = entry.text("name")?;
        if rows.iter().any(|other| other.name == name) {
            return Err(entry.error("name", ContentProblem::Twice));
        }
        let role = match entry.text("role")? {
            "healer" => Role::Healer,
            "vendor" => {
                let wanted = entry.text("potion")?;
                let Some(potion) = potions.iter().position(|potion| potion.name == wanted) else {
                    let allowed = potions.iter().map(|potion| potion.name.as_str()).collect::<Vec<_>>().join(", ");
                    return Err(entry.error("potion", ContentProblem::Choice { value: wanted.to_owned(), allowed }));
                };
                let potion = u8::try_from(potion).unwrap_or_default();
                Role::Vendor { potion, ration_ticks: entry.integer("ration_ticks", 1..=90_000)? }
            }
            other => {
                let problem = ContentProblem::Choice { value: other.to_owned(), allowed: "healer, vendor".to_owned() };
                return Err(entry.error("role", problem));
            }
        };
        let sells = match role {
            Role::Vendor { .. } if entry.has("sells") => wares(&mut entry, items)?,
            Role::Vendor { .. } | Role::Healer => Vec::new(),
        };
        let row = NpcRow {
            role,
            sells,
            tile_x: entry.integer("tile_x", -farthest..=farthest)?,
            tile_y: entry.integer("tile_y", -farthest..=farthest)?,
            reach: entry.integer("reach", 1..=REACH_MAX)?,
        };
        rows.push(Named { name: name.to_owned(), row });
        entry.finish()?;
    }
    top.finish()?;
    Ok(rows)
}

/// What a vendor sells.
fn wares(entry: &mut Entry<'_>, items: &Catalogue) -> Result<Vec<usize>, ContentError> {
    const KEY: &str = "sells";
    let mut wares = Vec::new();
    for (number, word) in (1..).zip(entry.keys(KEY, 1..=BASES_MAX)?) {
        let place = format!("{KEY} {number}");
        let Some(ware) = items.base_places.get(word).copied() else {
            let known = items.base_places.keys().map(String::as_str);
            return Err(entry.error(&place, items::no_such(word, "items.toml", known)));
        };
        if items.bases[ware].price == 0 {
            return Err(entry.error(&place, ContentProblem::Unfit(NO_PRICE)));
        }
        if wares.contains(&ware) {
            return Err(entry.error(&place, ContentProblem::Twice));
        }
        wares.push(ware);
    }
    Ok(wares)
}

impl MonsterRow {
    /// The monster in a game of this difficulty.
    pub(crate) fn scaled(&self, percentages: &Percentages) -> MonsterRow {
        let scale =
            |value: i32, percent: i32| i32::try_from(i64::from(value) * i64::from(percent) / 100).unwrap_or(i32::MAX);
        let experience = u64::from(self.experience) * u64::from(percentages.experience.unsigned_abs()) / 100;
        MonsterRow {
            level: (self.level + percentages.level_added).min(crate::LEVEL_MAX),
            life: scale(self.life, percentages.life).max(1),
            melee: Melee {
                damage_min: scale(self.melee.damage_min, percentages.damage),
                damage_max: scale(self.melee.damage_max, percentages.damage),
                attack_rating: scale(self.melee.attack_rating, percentages.rating).max(1),
                defence: scale(self.melee.defence, percentages.rating),
                ..self.melee
            },
            experience: u32::try_from(experience).unwrap_or(u32::MAX),
            effect: self.effect.map(|effect| match effect.kind {
                EffectKind::Poison | EffectKind::Burn => {
                    EffectRow { amount: scale(effect.amount, percentages.damage), ..effect }
                }
                _ => effect,
            }),
            ..*self
        }
    }
}
