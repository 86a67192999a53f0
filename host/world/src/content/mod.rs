//! The pack that a game is made of, read once and checked whole.

mod creatures;
mod error;
pub(crate) mod items;
mod potions;
mod read;
mod rules;
mod skills;

pub use error::{ContentError, ContentProblem};

pub(crate) use creatures::{ClassRow, Melee, MonsterRow, Named, NpcRow, Role, STEP_MAX};
pub(crate) use potions::PotionRow;
pub(crate) use read::NAME_LENGTH_MAX;
pub use rules::Wear;
pub(crate) use rules::{Levels, Percentages, Rules};
pub(crate) use skills::{COMPANIONS_MAX, Damage, EffectKind, EffectRow, SkillKind, SkillRow};

use std::{fs, io::Read, path::Path, sync::Arc};

use crate::{
    Class, SKILLS_PER_CLASS, Zone,
    hash::StableHash,
    items::{Base, Catalogue},
};
use read::File;

/// The files of a pack.
const FILES: [&str; 14] = [
    "classes.toml",
    "monsters.toml",
    "npcs.toml",
    "world.toml",
    "levels.toml",
    "skills.toml",
    "potions.toml",
    items::FILES[0],
    items::FILES[1],
    items::FILES[2],
    items::FILES[3],
    items::FILES[4],
    items::FILES[5],
    items::FILES[6],
];
/// Most bytes of one file.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// How deep tables may lie in tables when a pack is hashed; the format needs 7.
const DEPTH_MAX: u32 = 10;

/// Everything that is written down about a game's world; immutable, shared by all games.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub(crate) classes: [ClassRow; Class::ALL.len()],
    pub(crate) monsters: Vec<Named<MonsterRow>>,
    pub(crate) npcs: Vec<Named<NpcRow>>,
    pub(crate) rules: Rules,
    pub(crate) levels: Levels,
    /// Three of each class, in the order of [`Class::ALL`].
    pub(crate) skills: Vec<Named<SkillRow>>,
    pub(crate) potions: Vec<Named<PotionRow>>,
    pub(crate) items: Catalogue,
    hash: u64,
}

/// What a client should know of a skill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SkillInfo<'content> {
    /// Its name.
    pub name: &'content str,
    /// `melee`, `projectile`, `area`, `aura`, `summon` or `movement`.
    pub kind: &'static str,
    /// From this level on a character knows it.
    pub level: u32,
    /// What a use costs.
    pub mana: i32,
    /// Until it may be used again, in ticks.
    pub cooldown_ticks: u32,
    /// How far away its target may be, in sub-tiles; 0 when it needs none.
    pub reach: i32,
}

/// One who buys, sells and repairs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vendor<'content> {
    /// Its number in snapshots.
    pub appearance: u8,
    /// Its name.
    pub name: &'content str,
    /// What it sells: plain ones, of the level of the base, without end.
    pub wares: Vec<&'content Base>,
}

impl Vendor<'_> {
    /// Whether it sells this, by the key of its base.
    #[must_use]
    pub fn sells(&self, base: &str) -> bool {
        self.wares.iter().any(|ware| ware.key == base)
    }
}

impl Content {
    /// The pack that comes with the realm.
    #[must_use]
    pub fn builtin() -> Arc<Content> {
        let texts = [
            include_str!("../../content/classes.toml"),
            include_str!("../../content/monsters.toml"),
            include_str!("../../content/npcs.toml"),
            include_str!("../../content/world.toml"),
            include_str!("../../content/levels.toml"),
            include_str!("../../content/skills.toml"),
            include_str!("../../content/potions.toml"),
            include_str!("../../content/items.toml"),
            include_str!("../../content/affixes.toml"),
            include_str!("../../content/qualities.toml"),
            include_str!("../../content/uniques.toml"),
            include_str!("../../content/sets.toml"),
            include_str!("../../content/recipes.toml"),
            include_str!("../../content/treasure.toml"),
        ];
        Arc::new(Self::from_texts(texts).expect("a test reads the built-in pack"))
    }

    /// Reads a pack from a folder that holds `classes.toml`, `monsters.toml`, `npcs.toml`, `world.toml`, `levels.toml`, `skills.toml`,
    /// `potions.toml`, `items.toml`, `affixes.toml`, `qualities.toml`, `uniques.toml`, `sets.toml`, `recipes.toml` and `treasure.toml`.
    ///
    /// # Errors
    /// When a file is missing, larger than 1 MiB, not TOML, or when a value is wrong; the text names file, entry and key.
    pub fn load(folder: &Path) -> Result<Arc<Content>, ContentError> {
        let mut texts: [String; FILES.len()] = Default::default();
        for (text, file) in texts.iter_mut().zip(FILES) {
            let path = folder.join(file);
            let read = fs::File::open(&path).and_then(|open| open.take(FILE_BYTES_MAX + 1).read_to_string(text));
            let bytes = read.map_err(|source| ContentError::Unreadable { path, source })?;
            if bytes as u64 > FILE_BYTES_MAX {
                return Err(ContentError::TooLarge { file, bytes_max: FILE_BYTES_MAX });
            }
        }
        Self::from_texts(texts.each_ref().map(String::as_str)).map(Arc::new)
    }

    /// A number for the meaning of the pack: comments and the order of keys do not count.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The name of a kind of monster by its number in snapshots.
    #[must_use]
    pub fn monster_name(&self, appearance: u8) -> Option<&str> {
        self.monsters.get(usize::from(appearance)).map(|monster| monster.name.as_str())
    }

    /// The name of one who lives in the town by its number in snapshots.
    #[must_use]
    pub fn npc_name(&self, appearance: u8) -> Option<&str> {
        self.npcs.get(usize::from(appearance)).map(|npc| npc.name.as_str())
    }

    /// The vendors of the town, in the order of the pack.
    pub fn vendors(&self) -> impl Iterator<Item = Vendor<'_>> {
        let vendors = (0u8..).zip(&self.npcs).filter(|(_, npc)| matches!(npc.row.role, Role::Vendor { .. }));
        vendors.map(|(appearance, npc)| Vendor {
            appearance,
            name: &npc.name,
            wares: npc.row.sells.iter().map(|place| &self.items.bases[*place]).collect(),
        })
    }

    /// The name of a potion by its number in snapshots.
    #[must_use]
    pub fn potion_name(&self, appearance: u8) -> Option<&str> {
        self.potions.get(usize::from(appearance)).map(|potion| potion.name.as_str())
    }

    /// The name of a level of the world.
    #[must_use]
    pub fn zone_name(&self, zone: Zone) -> &str {
        &self.rules.zone_names[zone as usize]
    }

    /// Everything about items.
    #[must_use]
    pub fn items(&self) -> &Catalogue {
        &self.items
    }

    /// How fast equipment wears out in fights.
    #[must_use]
    pub fn wear(&self) -> Wear {
        self.rules.wear
    }

    /// How many potions a belt holds.
    #[must_use]
    pub fn belt_slots(&self) -> usize {
        self.rules.belt_slots
    }

    /// The skills of a class, in the order of their numbers.
    pub fn skills(&self, class: Class) -> impl Iterator<Item = SkillInfo<'_>> {
        let first = class_index(class) * SKILLS_PER_CLASS;
        self.skills.iter().skip(first).take(SKILLS_PER_CLASS).map(|skill| SkillInfo {
            name: &skill.name,
            kind: skill.row.kind.name(),
            level: skill.row.level,
            mana: skill.row.mana,
            cooldown_ticks: skill.row.cooldown_ticks,
            reach: skill.row.kind.reach(),
        })
    }

    /// The experience at which a level begins, 1 to 99; that of the nearest level for any other.
    #[must_use]
    pub fn experience_of_level(&self, level: u32) -> u64 {
        self.levels.begin(level)
    }

    /// The row of a class.
    pub(crate) fn class(&self, class: Class) -> &ClassRow {
        &self.classes[class_index(class)]
    }

    /// Texts in the order of [`FILES`].
    fn from_texts(texts: [&str; FILES.len()]) -> Result<Content, ContentError> {
        let mut hash = StableHash::new();
        let mut parse = |place: usize| {
            let file = File::parse(FILES[place], texts[place])?;
            hash.text(FILES[place]);
            hash_table(&mut hash, file.table(), DEPTH_MAX);
            Ok::<_, ContentError>(file)
        };
        let (classes, monsters, npcs, rules, levels) = (parse(0)?, parse(1)?, parse(2)?, parse(3)?, parse(4)?);
        let (skills, potions) = (parse(5)?, parse(6)?);
        let items = [parse(7)?, parse(8)?, parse(9)?, parse(10)?, parse(11)?, parse(12)?, parse(13)?];
        let (rules, potions) = (rules::rules(&rules)?, potions::potions(&potions)?);
        let monsters = creatures::monsters(&monsters)?;
        let items = items::catalogue(&items, &monsters)?;
        Ok(Content {
            classes: creatures::classes(&classes)?,
            monsters,
            npcs: creatures::npcs(&npcs, rules.town.entrance, &potions, &items)?,
            rules,
            levels: rules::levels(&levels)?,
            skills: skills::skills(&skills)?,
            potions,
            items,
            hash: hash.finish(),
        })
    }
}

/// Where a class stands in [`Class::ALL`].
pub(crate) fn class_index(class: Class) -> usize {
    Class::ALL.iter().position(|other| *other == class).expect("every class is in the list of all")
}

fn hash_table(hash: &mut StableHash, table: &toml::Table, depth_left: u32) {
    let mut keys: Vec<&String> = table.keys().collect();
    keys.sort_unstable();
    hash.u64(keys.len() as u64);
    for key in keys {
        hash.text(key);
        hash_value(hash, &table[key], depth_left);
    }
}

fn hash_value(hash: &mut StableHash, value: &toml::Value, depth_left: u32) {
    let Some(depth_left) = depth_left.checked_sub(1) else { return };
    match value {
        toml::Value::Table(table) => {
            hash.u8(0);
            hash_table(hash, table, depth_left);
        }
        toml::Value::Array(list) => {
            hash.u8(1);
            hash.u64(list.len() as u64);
            for value in list {
                hash_value(hash, value, depth_left);
            }
        }
        toml::Value::Integer(number) => {
            hash.u8(2);
            hash.bytes(&number.to_le_bytes());
        }
        other => {
            hash.u8(3);
            hash.text(other.as_str().unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests;
