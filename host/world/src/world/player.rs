//! A player's character in a game.

use crate::{
    EntityId, LEVEL_MAX, Sheet,
    content::{ClassRow, Content, Melee},
    geometry::{self, Point},
};

/// How long a blow is seen, at most.
pub(super) const SWING_TICKS: u32 = 8;
/// How long somebody is seen walking after a step, so that a late input does not show as a halt.
pub(super) const STRIDE_TICKS: u32 = 3;
/// Attribute points at birth.
const ATTRIBUTE_AT_BIRTH: i64 = 20;
/// The most life or mana anybody can have.
const POOL_MAX: i64 = 10_000_000;
/// What a point of dexterity adds to the attack rating.
const RATING_PER_DEXTERITY: i64 = 3;

/// A player's character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Player {
    pub(super) entity: EntityId,
    pub(super) sheet: Sheet,
    pub(super) at: Point,
    pub(super) facing: u8,
    /// 0 is dead.
    pub(super) life: i32,
    pub(super) life_max: i32,
    pub(super) mana: i32,
    pub(super) mana_max: i32,
    /// Until the next blow.
    pub(super) cooldown_ticks: u32,
    pub(super) swing_ticks: u32,
    pub(super) stride_ticks: u32,
    /// What is left of this tick's step.
    pub(super) step_left: i32,
    pub(super) step_max: i32,
}

impl Player {
    /// A character comes in. What no character can have is set right: the level, and experience below the level's.
    pub(super) fn enter(content: &Content, entity: EntityId, mut sheet: Sheet, at: Point) -> Self {
        sheet.level = sheet.level.clamp(1, LEVEL_MAX);
        sheet.experience = sheet.experience.max(content.levels.begin(sheet.level));
        // Only the hardcore stay dead.
        sheet.dead &= sheet.hardcore;
        let class = content.class(sheet.class);
        let mut player = Self {
            entity,
            sheet,
            at,
            facing: 2,
            life: 0,
            life_max: 0,
            mana: 0,
            mana_max: 0,
            cooldown_ticks: 0,
            swing_ticks: 0,
            stride_ticks: 0,
            step_left: class.step,
            step_max: class.step,
        };
        player.set_pools(class);
        if !sheet.dead {
            player.fill();
        }
        player
    }

    pub(super) fn is_dead(&self) -> bool {
        self.life == 0
    }

    /// How much life and mana there can be at this level, with these attributes.
    pub(super) fn set_pools(&mut self, class: &ClassRow) {
        let levels = i64::from(self.sheet.level) - 1;
        let pool = |at_birth: i32, per_level: i32, per_point: i32, points: u32| {
            let grown = i64::from(per_level) * levels + i64::from(per_point) * (i64::from(points) - ATTRIBUTE_AT_BIRTH);
            i32::try_from((i64::from(at_birth) + grown).clamp(1, POOL_MAX)).unwrap_or(1)
        };
        let attributes = self.sheet.attributes;
        self.life_max = pool(class.life, class.life_per_level, class.life_per_vitality, attributes.vitality);
        self.mana_max = pool(class.mana, class.mana_per_level, class.mana_per_energy, attributes.energy);
        self.life = self.life.min(self.life_max);
        self.mana = self.mana.min(self.mana_max);
    }

    /// All the life and mana that there can be.
    pub(super) fn fill(&mut self) {
        self.life = self.life_max;
        self.mana = self.mana_max;
    }

    /// How the character strikes, attributes included.
    pub(super) fn melee(&self, class: &ClassRow) -> Melee {
        let attributes = self.sheet.attributes;
        let with_strength = |damage: i32| bounded(i64::from(damage) * (100 + i64::from(attributes.strength)) / 100);
        Melee {
            damage_min: with_strength(class.melee.damage_min),
            damage_max: with_strength(class.melee.damage_max),
            attack_rating: bounded(
                i64::from(class.melee.attack_rating) + RATING_PER_DEXTERITY * i64::from(attributes.dexterity),
            ),
            defence: bounded(i64::from(class.melee.defence) + i64::from(attributes.dexterity)),
            ..class.melee
        }
    }

    pub(super) fn turn_to(&mut self, target: Point) {
        self.facing = geometry::facing(target.x - self.at.x, target.y - self.at.y).unwrap_or(self.facing);
    }

    pub(super) fn pass_time(&mut self) {
        self.step_left = self.step_max;
        self.cooldown_ticks = self.cooldown_ticks.saturating_sub(1);
        self.swing_ticks = self.swing_ticks.saturating_sub(1);
        self.stride_ticks = self.stride_ticks.saturating_sub(1);
    }
}

/// Attributes are any number in a sheet; what they give is not.
fn bounded(value: i64) -> i32 {
    i32::try_from(value.min(POOL_MAX)).unwrap_or(i32::MAX)
}
