//! What the host may know of a player to judge what it wishes.

use super::World;
use crate::{EntityId, PlayerSlot, SKILLS_PER_CLASS, Zone, content::class_index};

/// The host's facts about a player, for the checks that come before a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Who it is.
    pub entity: EntityId,
    /// Where it is.
    pub zone: Zone,
    /// Position in sub-tiles.
    pub x: i32,
    /// Position in sub-tiles.
    pub y: i32,
    /// 0 is dead.
    pub life: i32,
    /// With full life.
    pub life_max: i32,
    /// Mana.
    pub mana: i32,
    /// With full mana.
    pub mana_max: i32,
    /// The tick at which mana was spent last; 0 for never.
    pub mana_spent_tick: u32,
    /// Until the next blow or skill is allowed: 0 when it is in the coming step.
    pub cooldown_ticks: u32,
    /// The longest step in one tick that a client may think legal, in sub-tiles: slowness does not count, and haste counts a little longer
    /// than it lasts.
    pub step_max: i32,
    /// How far the player sees, in sub-tiles.
    pub vision: i32,
    /// Does nothing until it comes back.
    pub dead: bool,
}

/// The host's facts about the use of a skill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SkillFacts {
    /// Until it is allowed: 0 when it is in the coming step.
    pub cooldown_ticks: u32,
    /// Mana that would be left; negative when there is too little.
    pub mana_left: i32,
    /// How far away its target may be, in sub-tiles; 0 when it needs none.
    pub reach: i32,
}

impl World {
    /// What the host's checks need to know of a player.
    #[must_use]
    pub fn facts(&self, slot: PlayerSlot) -> Option<Facts> {
        let player = self.player(slot)?;
        Some(Facts {
            entity: player.entity,
            zone: player.zone,
            x: player.at.x,
            y: player.at.y,
            life: player.life,
            life_max: player.life_max,
            mana: player.mana,
            mana_max: player.mana_max,
            mana_spent_tick: player.mana_spent_tick,
            cooldown_ticks: player.cooldown_ticks,
            step_max: player.step_legal(),
            vision: self.content.rules.vision,
            dead: player.is_dead(),
        })
    }

    /// What the host's checks need to know of a skill, counted from 0; `None` when nobody plays in the slot, or the class has no such skill.
    #[must_use]
    pub fn skill_facts(&self, slot: PlayerSlot, skill: u8) -> Option<SkillFacts> {
        let player = self.player(slot)?;
        let number = usize::from(skill);
        let waits = *player.skill_ticks.get(number)?;
        let row = &self.content.skills[class_index(player.sheet.class) * SKILLS_PER_CLASS + number].row;
        Some(SkillFacts {
            cooldown_ticks: waits.max(player.cooldown_ticks),
            mana_left: player.mana - row.mana,
            reach: row.kind.reach(),
        })
    }
}
