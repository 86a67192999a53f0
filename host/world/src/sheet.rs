//! A character as a game takes it in and gives it back.

use serde::{Deserialize, Serialize};

/// The seven classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Class {
    /// Ranged weapons and passive skills.
    Amazon,
    /// Elemental spells.
    Sorceress,
    /// The dead and curses.
    Necromancer,
    /// Auras and shields.
    Paladin,
    /// Brute strength and war cries.
    Barbarian,
    /// Shapes and the elements.
    Druid,
    /// Traps and martial arts.
    Assassin,
}

impl Class {
    /// Every class, in the order of the documentation.
    pub const ALL: [Class; 7] = [
        Class::Amazon,
        Class::Sorceress,
        Class::Necromancer,
        Class::Paladin,
        Class::Barbarian,
        Class::Druid,
        Class::Assassin,
    ];

    /// The name in every API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Class::Amazon => "Amazon",
            Class::Sorceress => "Sorceress",
            Class::Necromancer => "Necromancer",
            Class::Paladin => "Paladin",
            Class::Barbarian => "Barbarian",
            Class::Druid => "Druid",
            Class::Assassin => "Assassin",
        }
    }

    /// The class of this name; case does not count.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Class> {
        Class::ALL.into_iter().find(|class| class.name().eq_ignore_ascii_case(name))
    }
}

/// How hard a game is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Difficulty {
    /// The first.
    #[default]
    Normal,
    /// The second.
    Nightmare,
    /// The third.
    Hell,
}

impl Difficulty {
    /// The name in every API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Difficulty::Normal => "normal",
            Difficulty::Nightmare => "nightmare",
            Difficulty::Hell => "hell",
        }
    }

    /// The difficulty of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Difficulty> {
        [Difficulty::Normal, Difficulty::Nightmare, Difficulty::Hell]
            .into_iter()
            .find(|difficulty| difficulty.name() == name)
    }
}

/// The four attributes; 20 each at birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// Melee damage.
    pub strength: u32,
    /// Hitting and not being hit.
    pub dexterity: u32,
    /// Life.
    pub vitality: u32,
    /// Mana.
    pub energy: u32,
}

impl Default for Attributes {
    fn default() -> Self {
        Self { strength: 20, dexterity: 20, vitality: 20, energy: 20 }
    }
}

impl Attributes {
    /// All four together.
    #[must_use]
    pub fn sum(self) -> u64 {
        [self.strength, self.dexterity, self.vitality, self.energy].into_iter().map(u64::from).sum()
    }
}

/// Points for attributes that each level after the first gives.
pub const ATTRIBUTE_POINTS_PER_LEVEL: u32 = 5;

/// What a game needs to know of a character, and what it gives back when the character is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sheet {
    /// The class.
    pub class: Class,
    /// 1 to 99.
    pub level: u32,
    /// Experience in all, not since the last level.
    pub experience: u64,
    /// The attributes.
    pub attributes: Attributes,
    /// Dies for good.
    pub hardcore: bool,
    /// Is dead now.
    pub dead: bool,
}

impl Sheet {
    /// A newborn character.
    #[must_use]
    pub fn newborn(class: Class, hardcore: bool) -> Self {
        Self { class, level: 1, experience: 0, attributes: Attributes::default(), hardcore, dead: false }
    }

    /// Points that may still be spent on attributes: those of its levels, less what was spent.
    #[must_use]
    pub fn attribute_points_free(&self) -> u64 {
        let given = u64::from(ATTRIBUTE_POINTS_PER_LEVEL) * u64::from(self.level.saturating_sub(1));
        (Attributes::default().sum() + given).saturating_sub(self.attributes.sum())
    }

    /// Points for skills that its levels give in all: one for each after the first.
    #[must_use]
    pub fn skill_points(&self) -> u64 {
        u64::from(self.level.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_come_with_levels_and_are_spent_once() {
        let mut sheet = Sheet::newborn(Class::Druid, false);
        assert_eq!((sheet.attribute_points_free(), sheet.skill_points()), (0, 0));
        sheet.level = 4;
        assert_eq!((sheet.attribute_points_free(), sheet.skill_points()), (15, 3));
        sheet.attributes.vitality += 15;
        assert_eq!((sheet.attributes.sum(), sheet.attribute_points_free()), (95, 0));
        sheet.attributes.energy = u32::MAX;
        assert_eq!(sheet.attribute_points_free(), 0);
    }
}
