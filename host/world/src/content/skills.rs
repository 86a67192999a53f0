//! The skills of the classes, and what blows and skills leave behind: `skills.toml`.

use super::{
    ContentError, ContentProblem, Named,
    creatures::{AMOUNT_MAX, ATTACK_TICKS_MAX, SIGHT_MAX, STEP_MAX},
    read::{Entry, File},
};
use crate::{Class, LEVEL_MAX, SKILLS_PER_CLASS};

/// Longest time until a skill may be used again, and that anything lasts, in ticks.
const TICKS_MAX: u32 = 7_500;
/// Fastest missile, in sub-tiles a tick; less than a tile, so that none passes through a wall.
const MISSILE_STEP_MAX: i32 = 24;
/// Most missiles of one use of a skill.
const MISSILES_MAX: i32 = 5;
/// Most companions of one skill.
pub(crate) const COMPANIONS_MAX: i32 = 3;
/// The highest percentage by which something slows, hastens, strengthens or wards.
const EFFECT_PERCENT_MAX: i32 = 90;
/// The highest percentage of haste: a client that learns late of its end must not be taken for a cheat.
const HASTE_PERCENT_MAX: i32 = 25;

/// What can last on somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EffectKind {
    /// Takes life at each pulse.
    Poison,
    /// Takes life at each pulse.
    Burn,
    /// Shortens steps by so many percent.
    Slow,
    /// Adds so many percent to damage.
    Might,
    /// Takes so many percent off the damage that is suffered.
    Ward,
    /// Lengthens steps by so many percent.
    Haste,
    /// Gives life at each pulse.
    Mend,
}

impl EffectKind {
    /// In the order of their bits in snapshots.
    pub(crate) const ALL: [EffectKind; 7] =
        [Self::Poison, Self::Burn, Self::Slow, Self::Might, Self::Ward, Self::Haste, Self::Mend];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Poison => "poison",
            Self::Burn => "burn",
            Self::Slow => "slow",
            Self::Might => "might",
            Self::Ward => "ward",
            Self::Haste => "haste",
            Self::Mend => "mend",
        }
    }

    /// Whether friends are given it; the others are for enemies.
    pub(crate) fn is_helpful(self) -> bool {
        matches!(self, Self::Might | Self::Ward | Self::Haste | Self::Mend)
    }

    fn amount_max(self) -> i32 {
        match self {
            Self::Poison | Self::Burn | Self::Mend => AMOUNT_MAX,
            Self::Slow | Self::Might | Self::Ward => EFFECT_PERCENT_MAX,
            Self::Haste => HASTE_PERCENT_MAX,
        }
    }
}

/// Something that lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EffectRow {
    pub(crate) kind: EffectKind,
    pub(crate) ticks: u32,
    /// Life at each pulse, or percent.
    pub(crate) amount: i32,
}

/// Damage of a skill, growing with the level of the character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Damage {
    pub(crate) min: i32,
    pub(crate) max: i32,
    /// For each level after the first.
    pub(crate) growth_percent: i32,
}

/// What a skill does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SkillKind {
    /// A blow at one enemy, added to the weapon's.
    Melee { reach: i32, damage: Damage },
    /// Flies until it meets an enemy or a wall.
    Projectile { reach: i32, missile_step: i32, missiles: i32, damage: Damage },
    /// Everybody within `radius` of a place at most `reach` away.
    Area { reach: i32, radius: i32, damage: Damage },
    /// Everybody within `radius`, again and again for so many ticks.
    Aura { radius: i32, ticks: u32, damage: Damage },
    /// Companions that fight for so many ticks.
    Summon { count: i32, ticks: u32, life: i32, step: i32, attack_ticks: u32, damage: Damage },
    /// At once to a place at most `reach` away, as far as no wall stands in the way.
    Movement { reach: i32 },
}

impl SkillKind {
    /// The word in content files and messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Melee { .. } => "melee",
            Self::Projectile { .. } => "projectile",
            Self::Area { .. } => "area",
            Self::Aura { .. } => "aura",
            Self::Summon { .. } => "summon",
            Self::Movement { .. } => "movement",
        }
    }

    /// How far away its target may be; 0 when it needs none.
    pub(crate) fn reach(self) -> i32 {
        match self {
            Self::Melee { reach, .. }
            | Self::Projectile { reach, .. }
            | Self::Area { reach, .. }
            | Self::Movement { reach } => reach,
            Self::Aura { .. } | Self::Summon { .. } => 0,
        }
    }
}

/// A skill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SkillRow {
    /// From this level on a character knows it.
    pub(crate) level: u32,
    pub(crate) mana: i32,
    pub(crate) cooldown_ticks: u32,
    pub(crate) kind: SkillKind,
    pub(crate) effect: Option<EffectRow>,
}

/// `effect`, `effect_ticks` and `effect_amount`; nothing when there is no `effect`.
pub(super) fn effect(entry: &mut Entry<'_>) -> Result<Option<EffectRow>, ContentError> {
    if !entry.has("effect") {
        return Ok(None);
    }
    let word = entry.text("effect")?;
    let Some(kind) = EffectKind::ALL.into_iter().find(|kind| kind.name() == word) else {
        let allowed = EffectKind::ALL.map(EffectKind::name).join(", ");
        return Err(entry.error("effect", ContentProblem::Choice { value: word.to_owned(), allowed }));
    };
    Ok(Some(EffectRow {
        kind,
        ticks: entry.integer("effect_ticks", 1..=TICKS_MAX)?,
        amount: entry.integer("effect_amount", 1..=kind.amount_max())?,
    }))
}

fn damage(entry: &mut Entry<'_>) -> Result<Damage, ContentError> {
    let (min, max) = entry.pair("damage_min", "damage_max", 0..=AMOUNT_MAX)?;
    Ok(Damage { min, max, growth_percent: entry.integer("growth_percent", 0..=100)? })
}

fn kind(entry: &mut Entry<'_>) -> Result<SkillKind, ContentError> {
    let word = entry.text("kind")?;
    Ok(match word {
        "melee" => SkillKind::Melee { reach: entry.integer("reach", 1..=256)?, damage: damage(entry)? },
        "projectile" => SkillKind::Projectile {
            reach: entry.integer("reach", 1..=SIGHT_MAX)?,
            missile_step: entry.integer("missile_step", 1..=MISSILE_STEP_MAX)?,
            missiles: entry.integer("missiles", 1..=MISSILES_MAX)?,
            damage: damage(entry)?,
        },
        "area" => SkillKind::Area {
            reach: entry.integer("reach", 0..=SIGHT_MAX)?,
            radius: entry.integer("radius", 1..=512)?,
            damage: damage(entry)?,
        },
        "aura" => SkillKind::Aura {
            radius: entry.integer("radius", 1..=512)?,
            ticks: entry.integer("ticks", 1..=TICKS_MAX)?,
            damage: damage(entry)?,
        },
        "summon" => SkillKind::Summon {
            count: entry.integer("count", 1..=COMPANIONS_MAX)?,
            ticks: entry.integer("ticks", 1..=TICKS_MAX)?,
            life: entry.integer("life", 1..=AMOUNT_MAX)?,
            step: entry.integer("step", 1..=STEP_MAX)?,
            attack_ticks: entry.integer("attack_ticks", 1..=ATTACK_TICKS_MAX)?,
            damage: damage(entry)?,
        },
        "movement" => SkillKind::Movement { reach: entry.integer("reach", 32..=SIGHT_MAX)? },
        other => {
            let allowed = "melee, projectile, area, aura, summon, movement".to_owned();
            return Err(entry.error("kind", ContentProblem::Choice { value: other.to_owned(), allowed }));
        }
    })
}

/// `skills.toml`: three skills of each class, in the order of [`Class::ALL`] and, within a class, of the file.
pub(super) fn skills(file: &File) -> Result<Vec<Named<SkillRow>>, ContentError> {
    const COUNT: usize = Class::ALL.len() * SKILLS_PER_CLASS;
    let mut top = file.top();
    let mut of_classes: [Vec<Named<SkillRow>>; Class::ALL.len()] = Default::default();
    for mut entry in top.entries("skill", COUNT..=COUNT)? {
        let name = entry.text("name")?.to_owned();
        if of_classes.iter().flatten().any(|other| other.name == name) {
            return Err(entry.error("name", ContentProblem::Twice));
        }
        let word = entry.text("class")?;
        let Some(place) = Class::ALL.iter().position(|class| class.name() == word) else {
            let allowed = Class::ALL.map(Class::name).join(", ");
            return Err(entry.error("class", ContentProblem::Choice { value: word.to_owned(), allowed }));
        };
        let skills = &mut of_classes[place];
        if skills.len() == SKILLS_PER_CLASS {
            let problem =
                ContentProblem::Length { length: SKILLS_PER_CLASS + 1, min: SKILLS_PER_CLASS, max: SKILLS_PER_CLASS };
            return Err(entry.error("class", problem));
        }
        // A newcomer can do something: the first skill of a class is there from the first level.
        let level_max = if skills.is_empty() { 1 } else { LEVEL_MAX };
        let row = SkillRow {
            level: entry.integer("level", 1..=level_max)?,
            mana: entry.integer("mana", 0..=AMOUNT_MAX)?,
            cooldown_ticks: entry.integer("cooldown_ticks", 0..=TICKS_MAX)?,
            kind: kind(&mut entry)?,
            effect: effect(&mut entry)?,
        };
        entry.finish()?;
        skills.push(Named { name, row });
    }
    top.finish()?;
    Ok(of_classes.into_iter().flatten().collect())
}
