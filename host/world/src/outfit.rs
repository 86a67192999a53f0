//! What a character brings into a game beside its sheet.

use crate::{
    Content, Input, PlayerSlot, SKILLS_PER_CLASS, Sheet,
    items::{Bonuses, Property, Worn},
};

/// What a character brings into a game beside its sheet: its skills, and what it wears, as bonuses. The game knows no items that are worn;
/// whoever stores them says what follows from them, at the entrance and whenever that changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outfit {
    skills: [u32; SKILLS_PER_CLASS],
    bonuses: Bonuses,
}

impl Outfit {
    /// Of the levels of the skills and of what is worn by this character.
    #[must_use]
    pub fn new(content: &Content, sheet: &Sheet, skills: [u32; SKILLS_PER_CLASS], worn: &Worn) -> Self {
        Self { skills, bonuses: content.items().bonuses(sheet, worn) }
    }

    /// The inputs that tell a game of it, in their order, at most [`Property::COUNT`] and one.
    pub fn inputs(&self, slot: PlayerSlot) -> impl Iterator<Item = Input> {
        let given = Property::ALL.iter().map(|property| (*property, self.bonuses.get(*property)));
        let given = given.filter(|(_, value)| *value != 0);
        let bonuses = given.map(move |(property, value)| Input::Bonus { slot, property, value });
        let wear = Input::Wear { slot, weapon: self.bonuses.weapon(), skills: self.skills };
        bonuses.chain(std::iter::once(wear))
    }
}
