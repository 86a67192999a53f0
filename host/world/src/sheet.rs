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
}
