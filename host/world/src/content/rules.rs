//! The place and its rules: `world.toml`, and the experience of the levels: `levels.toml`.

use super::{ContentError, ContentProblem, creatures::NPCS_MAX, read::File};
use crate::{
    BELT_MAX, Difficulty, ENTITIES_MAX, LEVEL_MAX, PLAYERS_MAX, Zone,
    items::LYING_MAX,
    map::{DungeonPlan, TILES_MAX, TownPlan},
    world::{COMPANIONS_ALL_MAX, DROPS_MAX, MISSILES_MAX},
};

/// Most monsters of a game.
const MONSTERS_MAX: u32 = 200;
const STAIRS: usize = Zone::ALL.len();
const _: () = assert!(
    MONSTERS_MAX as usize + NPCS_MAX + PLAYERS_MAX + STAIRS + MISSILES_MAX + DROPS_MAX + COMPANIONS_ALL_MAX + LYING_MAX
        <= ENTITIES_MAX
);
/// The longest distance in the rules, in sub-tiles: across the largest map.
const DISTANCE_MAX: i32 = TILES_MAX * 32;
/// The highest percentage of a difficulty.
const PERCENT_MAX: i32 = 10_000;
/// The most blows that cost a point of durability.
const BLOWS_MAX: u32 = 1_000_000;
/// The most experience of a level.
const EXPERIENCE_MAX: i64 = 1_000_000_000_000;

/// `world.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rules {
    /// In the order of [`Zone`].
    pub(crate) zone_names: [String; 2],
    pub(crate) town: TownPlan,
    pub(crate) dungeon: DungeonPlan,
    pub(crate) monsters_count: u32,
    pub(crate) respawn_ticks: u32,
    pub(crate) corpse_ticks: u32,
    /// Tiles.
    pub(crate) entrance_distance: i32,
    pub(crate) leash: i32,
    pub(crate) vision: i32,
    pub(crate) share_distance: i32,
    pub(crate) share_bonus_percent: u32,
    /// Where characters come in and come back to life.
    pub(crate) begin: Zone,
    pub(crate) belt_slots: usize,
    /// In which the whole mana comes back.
    pub(crate) mana_ticks: i32,
    /// From the use of a skill to the next act.
    pub(crate) cast_ticks: u32,
    pub(crate) drop_chance_percent: i32,
    pub(crate) drop_ticks: u32,
    pub(crate) wear: Wear,
    /// In the order of [`Difficulty`].
    pub(crate) difficulties: [Percentages; 3],
}

/// How fast equipment wears out in fights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wear {
    /// So many blows that land cost the weapon a point of its durability; 0 never.
    pub blows_dealt: u32,
    /// So many blows that are suffered cost each piece of armour and the shield a point; 0 never.
    pub blows_suffered: u32,
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

    let mut town = top.section("town")?;
    let town_name = town.text("name")?.to_owned();
    let town_plan = TownPlan {
        width: town.integer("width", 24..=TILES_MAX)?,
        height: town.integer("height", 24..=TILES_MAX)?,
        entrance: town.integer("entrance", 6..=16)?,
        ruins: town.integer("ruins", 0..=1_000)?,
        blocks: town.integer("blocks", 0..=10_000)?,
        stairs_distance: town.integer("stairs_distance", 3..=16)?,
    };
    town.finish()?;

    let mut dungeon = top.section("dungeon")?;
    let dungeon_name = dungeon.text("name")?.to_owned();
    let (room_min, room_max) = dungeon.pair("room_min", "room_max", 3..=16)?;
    let dungeon_plan = DungeonPlan {
        width: dungeon.integer("width", 24..=TILES_MAX)?,
        height: dungeon.integer("height", 24..=TILES_MAX)?,
        entrance: dungeon.integer("entrance", 6..=16)?,
        rooms: dungeon.integer("rooms", 0..=500)?,
        room_min,
        room_max,
        loops: dungeon.integer("loops", 0..=100)?,
        pillars: dungeon.integer("pillars", 0..=5_000)?,
    };
    dungeon.finish()?;

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
    let begin = match players.text("begin")? {
        "town" => Zone::Town,
        "dungeon" => Zone::Dungeon,
        other => {
            let problem = ContentProblem::Choice { value: other.to_owned(), allowed: "town, dungeon".to_owned() };
            return Err(players.error("begin", problem));
        }
    };
    let belt_slots = players.integer("belt_slots", 4..=BELT_MAX as i64)?;
    let mana_ticks = players.integer("mana_ticks", 1..=90_000)?;
    let cast_ticks = players.integer("cast_ticks", 1..=250)?;
    players.finish()?;

    let mut drops = top.section("drops")?;
    let drop_chance_percent = drops.integer("chance_percent", 0..=100)?;
    let drop_ticks = drops.integer("ticks", 1..=90_000)?;
    drops.finish()?;

    let mut wear = Wear::default();
    if top.has("wear") {
        let mut section = top.section("wear")?;
        wear.blows_dealt = section.integer("blows_dealt", 0..=BLOWS_MAX)?;
        wear.blows_suffered = section.integer("blows_suffered", 0..=BLOWS_MAX)?;
        section.finish()?;
    }

    let difficulties = difficulties(&mut top)?;
    top.finish()?;
    Ok(Rules {
        zone_names: [town_name, dungeon_name],
        town: town_plan,
        dungeon: dungeon_plan,
        monsters_count,
        respawn_ticks,
        corpse_ticks,
        entrance_distance,
        leash,
        vision,
        share_distance,
        share_bonus_percent,
        begin,
        belt_slots: usize::try_from(belt_slots).unwrap_or(BELT_MAX),
        mana_ticks,
        cast_ticks,
        drop_chance_percent,
        drop_ticks,
        wear,
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
