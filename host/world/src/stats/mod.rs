//! What a character is: the one place where class, level, points, skills and what is worn become numbers to fight with.

use crate::{
    Attributes, Content, SKILLS_PER_CLASS, Sheet,
    content::{ClassRow, Melee, STEP_MAX, class_index},
    items::{Bonuses, Property, Worn},
};

/// Attribute points at birth.
const ATTRIBUTE_AT_BIRTH: i64 = 20;
/// The most of anything that is counted here.
const AMOUNT_MAX: i64 = 10_000_000;
/// What a point of dexterity adds to the attack rating.
const RATING_PER_DEXTERITY: i64 = 3;
/// The shortest time between two blows that items can bring about.
const ATTACK_TICKS_MIN: i64 = 5;

/// What a character is. It follows from its sheet, its skills and what it wears, and from nothing else: the order in which anything was put
/// on does not matter, and what is taken off leaves nothing behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// The attributes, with what is worn.
    pub attributes: Attributes,
    /// Life when it is full, at least 1.
    pub life_max: i32,
    /// Mana when it is full, at least 1.
    pub mana_max: i32,
    /// Least damage of a blow.
    pub damage_min: i32,
    /// Most damage of a blow; never below the least.
    pub damage_max: i32,
    /// From one blow to the next.
    pub attack_ticks: u32,
    /// How far a blow lands, in sub-tiles.
    pub reach: i32,
    /// Hitting, at least 1.
    pub attack_rating: i32,
    /// Not being hit.
    pub defence: i32,
    /// The longest step in one tick, in sub-tiles, at least 1.
    pub step: i32,
    /// Levels of the class's skills. Items add to those that have one.
    pub skills: [u32; SKILLS_PER_CLASS],
    /// Everything else that items give.
    bonuses: Bonuses,
}

impl Stats {
    /// So much of a property that items give, within what a character can have of it: resistances, magic find and all that is no number above.
    #[must_use]
    pub fn bonus(&self, property: Property) -> i32 {
        self.bonuses.get(property)
    }

    pub(crate) fn of(class: &ClassRow, sheet: &Sheet, skills: [u32; SKILLS_PER_CLASS], bonuses: Bonuses) -> Stats {
        let bonus = |property: Property| i64::from(bonuses.get(property));
        let attributes = attributes(sheet.attributes, &bonus);
        let points = |points: u32| i64::from(points);
        let levels = i64::from(sheet.level) - 1;
        let pool = |at_birth: i32, per_level: i32, per_point: i32, of: u32, added: Property, percent: Property| {
            let grown = i64::from(per_level) * levels + i64::from(per_point) * (points(of) - ATTRIBUTE_AT_BIRTH);
            let whole = (i64::from(at_birth) + grown + bonus(added)) * (100 + bonus(percent)) / 100;
            i32::try_from(whole.clamp(1, AMOUNT_MAX)).unwrap_or(1)
        };
        let damage = |by_class: i32, added: Property| {
            let percent = 100 + points(attributes.strength) + bonus(Property::DamagePercent);
            (i64::from(by_class) + bonus(added)).max(0) * percent.max(0) / 100
        };
        let rated = |amount: i64, percent: Property| amount.max(0) * (100 + bonus(percent)) / 100;
        let melee = &class.melee;
        let (attack_ticks, reach) = bonuses.weapon().unwrap_or((melee.attack_ticks, melee.reach));
        let damage_min = bounded(damage(melee.damage_min, Property::DamageMin));
        let dexterity = points(attributes.dexterity);
        let rating = i64::from(melee.attack_rating) + RATING_PER_DEXTERITY * dexterity + bonus(Property::AttackRating);
        let defence = i64::from(melee.defence) + dexterity + bonus(Property::Defence);
        let step = i64::from(class.step) * (100 + bonus(Property::WalkSpeed)) / 100;
        Stats {
            attributes,
            life_max: pool(
                class.life,
                class.life_per_level,
                class.life_per_vitality,
                attributes.vitality,
                Property::Life,
                Property::LifePercent,
            ),
            mana_max: pool(
                class.mana,
                class.mana_per_level,
                class.mana_per_energy,
                attributes.energy,
                Property::Mana,
                Property::ManaPercent,
            ),
            damage_min,
            damage_max: bounded(damage(melee.damage_max, Property::DamageMax)).max(damage_min),
            attack_ticks: faster(attack_ticks, bonus(Property::AttackSpeed)),
            reach,
            attack_rating: bounded(rated(rating, Property::AttackRatingPercent)).max(1),
            defence: bounded(rated(defence, Property::DefencePercent)),
            // The step of the class is never more than this, with or without items.
            step: i32::try_from(step.clamp(1, STEP_MAX.into())).unwrap_or(1),
            skills: trained(skills, &bonus),
            bonuses,
        }
    }

    /// What items give.
    pub(crate) fn bonuses(&self) -> &Bonuses {
        &self.bonuses
    }

    /// How it strikes.
    pub(crate) fn melee(&self) -> Melee {
        Melee {
            reach: self.reach,
            attack_ticks: self.attack_ticks,
            damage_min: self.damage_min,
            damage_max: self.damage_max,
            attack_rating: self.attack_rating,
            defence: self.defence,
        }
    }
}

impl Content {
    /// What a character is, of what its sheet says, the levels of its skills, and what it wears.
    #[must_use]
    pub fn stats(&self, sheet: &Sheet, skills: [u32; SKILLS_PER_CLASS], worn: &Worn) -> Stats {
        Stats::of(&self.classes[class_index(sheet.class)], sheet, skills, self.items.bonuses(sheet, worn))
    }
}

fn attributes(points: Attributes, bonus: &impl Fn(Property) -> i64) -> Attributes {
    let with = |points: u32, property: Property| {
        let sum = i64::from(points) + bonus(property) + bonus(Property::AllAttributes);
        u32::try_from(sum.max(0)).unwrap_or(u32::MAX)
    };
    Attributes {
        strength: with(points.strength, Property::Strength),
        dexterity: with(points.dexterity, Property::Dexterity),
        vitality: with(points.vitality, Property::Vitality),
        energy: with(points.energy, Property::Energy),
    }
}

fn trained(skills: [u32; SKILLS_PER_CLASS], bonus: &impl Fn(Property) -> i64) -> [u32; SKILLS_PER_CLASS] {
    let own = [Property::FirstSkill, Property::SecondSkill, Property::ThirdSkill];
    let mut trained = skills;
    for (level, property) in trained.iter_mut().zip(own) {
        // What a character has not learnt, items do not teach.
        if *level > 0 {
            let added = bonus(property) + bonus(Property::AllSkills);
            *level = level.saturating_add(u32::try_from(added).unwrap_or_default());
        }
    }
    trained
}

/// Ticks between blows that follow each other so many percent faster; slower for less than nothing.
fn faster(ticks: u32, percent: i64) -> u32 {
    let ticks = i64::from(ticks);
    let faster = ticks * 100 / (100 + percent).max(1);
    u32::try_from(faster.max(ATTACK_TICKS_MIN.min(ticks))).unwrap_or(u32::MAX)
}

/// Attributes are any number in a sheet; what they give is not.
fn bounded(value: i64) -> i32 {
    i32::try_from(value.clamp(0, AMOUNT_MAX)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
