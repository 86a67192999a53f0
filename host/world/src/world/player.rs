//! A player's character in a game.

use super::{Strain, combat::Strike, effects::Effects};
use crate::{
    BELT_MAX, EntityId, LEVEL_MAX, RefusedReason, SKILLS_PER_CLASS, Sheet, Stats, Zone,
    content::{ClassRow, Content, Damage, EffectKind, EffectRow, Melee},
    geometry::{self, Point},
    hash::StableHash,
    items::{Bonuses, Find, Property},
};

/// How long a blow is seen, at most.
pub(super) const SWING_TICKS: u32 = 8;
/// How long somebody is seen walking after a step, so that a late input does not show as a halt.
pub(super) const STRIDE_TICKS: u32 = 3;
/// The most that anything grows to.
const AMOUNT_MAX: i64 = 10_000_000;
/// No weapon reaches farther, in sub-tiles, and none makes one wait longer, in ticks.
const WEAPON_REACH_MAX: i32 = 512;
const WEAPON_TICKS_MAX: u32 = 250;
/// No skill is trained further.
const SKILL_LEVEL_MAX: u32 = 99;
/// In how many ticks as much life comes back as what is worn says.
const REGENERATION_TICKS: i32 = 250;
/// How long after the end of haste the longer step still counts as legal, so that a client that hears of it late is no cheat.
const STEP_GRACE_TICKS: u32 = 15;

/// A player's character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Player {
    pub(super) entity: EntityId,
    pub(super) sheet: Sheet,
    /// Levels of the class's skills, as learnt.
    skills: [u32; SKILLS_PER_CLASS],
    pub(super) strain: Strain,
    /// Follows from the sheet, the skills and what is worn.
    stats: Stats,
    /// What will be worn gives this, as far as it was told.
    coming: Bonuses,
    /// Came in with this tick.
    fresh: bool,
    pub(super) zone: Zone,
    pub(super) at: Point,
    pub(super) facing: u8,
    /// 0 is dead.
    pub(super) life: i32,
    pub(super) life_max: i32,
    pub(super) mana: i32,
    pub(super) mana_max: i32,
    /// What has come back of the next point of mana.
    mana_parts: i32,
    /// What has come back of the next point of life.
    life_parts: i32,
    /// The tick at which mana was spent last.
    pub(super) mana_spent_tick: u32,
    /// Until the next blow or skill.
    pub(super) cooldown_ticks: u32,
    /// Until the next use of each skill.
    pub(super) skill_ticks: [u32; SKILLS_PER_CLASS],
    /// Until a vendor gives the next potion.
    pub(super) ration_ticks: u32,
    /// What acts all around, by the place of its skill among all, and for how many ticks.
    pub(super) aura: Option<(u8, u32)>,
    pub(super) effects: Effects,
    /// Each place holds a potion's place in the content pack plus one; 0 is empty.
    pub(super) belt: [u8; BELT_MAX],
    pub(super) swing_ticks: u32,
    /// What is seen while `swing_ticks` last is a spell and no blow.
    pub(super) casts: bool,
    pub(super) stride_ticks: u32,
    /// What is left of this tick's step.
    pub(super) step_left: i32,
    pub(super) step_max: i32,
    /// The longest step that was legal a short while ago, and for how long it still counts.
    step_grace: (i32, u32),
}

/// A number that grows with the level.
pub(super) fn grown(value: i32, growth_percent: i32, level: u32) -> i32 {
    let levels = i64::from(level.saturating_sub(1));
    bounded(i64::from(value) * (100 + i64::from(growth_percent) * levels) / 100)
}

/// The damage of a skill at a level, at least and at most.
pub(super) fn grown_damage(damage: &Damage, level: u32) -> (i32, i32) {
    (grown(damage.min, damage.growth_percent, level), grown(damage.max, damage.growth_percent, level))
}

impl Player {
    /// A character comes in. What no character can have is set right: the level, and experience below the level's.
    pub(super) fn enter(content: &Content, entity: EntityId, mut sheet: Sheet, zone: Zone, at: Point) -> Self {
        sheet.level = sheet.level.clamp(1, LEVEL_MAX);
        sheet.experience = sheet.experience.max(content.levels.begin(sheet.level));
        // Only the hardcore stay dead.
        sheet.dead &= sheet.hardcore;
        let class = content.class(sheet.class);
        let skills = [0; SKILLS_PER_CLASS];
        let stats = Stats::of(class, &sheet, skills, Bonuses::default());
        let step = stats.step;
        let mut player = Self {
            entity,
            sheet,
            skills,
            strain: Strain::default(),
            stats,
            coming: Bonuses::default(),
            fresh: true,
            zone,
            at,
            facing: 2,
            life: 0,
            life_max: 0,
            mana: 0,
            mana_max: 0,
            mana_parts: 0,
            life_parts: 0,
            mana_spent_tick: 0,
            cooldown_ticks: 0,
            skill_ticks: [0; SKILLS_PER_CLASS],
            ration_ticks: 0,
            aura: None,
            effects: Effects::default(),
            belt: [0; BELT_MAX],
            swing_ticks: 0,
            casts: false,
            stride_ticks: 0,
            step_left: step,
            step_max: step,
            step_grace: (step, 0),
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

    /// Will wear something that gives this.
    pub(super) fn take_up(&mut self, property: Property, value: i32) {
        self.coming.set(property, value);
    }

    /// Wears what it has taken up, and nothing else.
    pub(super) fn wear(&mut self, class: &ClassRow, weapon: Option<(u32, i32)>, skills: [u32; SKILLS_PER_CLASS]) {
        let mut worn = std::mem::take(&mut self.coming);
        worn.hold(weapon.map(|(ticks, reach)| (ticks.min(WEAPON_TICKS_MAX), reach.clamp(0, WEAPON_REACH_MAX))));
        self.skills = skills.map(|level| level.min(SKILL_LEVEL_MAX));
        self.be(class, worn);
        if self.fresh && !self.sheet.dead {
            self.fill();
        }
    }

    /// So much of a property by what is worn.
    pub(super) fn bonus(&self, property: Property) -> i32 {
        self.stats.bonus(property)
    }

    /// The number, and so many percent of it as what is worn adds.
    pub(super) fn raised(&self, value: i32, property: Property) -> i32 {
        percent_more(value, self.bonus(property))
    }

    /// Something begins to last on it, less of it by what it resists.
    pub(super) fn suffer(&mut self, effect: &EffectRow, source: EntityId) {
        let resistance = match effect.kind {
            EffectKind::Poison => self.bonus(Property::PoisonResistance),
            EffectKind::Burn => self.bonus(Property::BurnResistance),
            EffectKind::Slow => self.bonus(Property::SlowResistance),
            _ => 0,
        };
        let amount = percent_more(effect.amount, -resistance);
        if amount > 0 {
            self.effects.add(&EffectRow { amount, ..*effect }, source);
        }
    }

    /// It has killed: what is worn may give life and mana for that.
    pub(super) fn relish(&mut self) {
        self.life = self.life.saturating_add(self.bonus(Property::LifeOnKill)).min(self.life_max);
        self.mana = self.mana.saturating_add(self.bonus(Property::ManaOnKill)).min(self.mana_max);
    }

    /// What helps it to find things.
    pub(super) fn find(&self) -> Find {
        let of = |property| self.bonus(property).unsigned_abs();
        Find { magic_find: of(Property::MagicFind), gold_find: of(Property::GoldFind) }
    }

    /// How much life and mana there can be at this level, with these attributes.
    pub(super) fn set_pools(&mut self, class: &ClassRow) {
        self.be(class, self.stats.bonuses().clone());
    }

    /// Becomes what follows from its sheet, its skills and what is worn.
    fn be(&mut self, class: &ClassRow, worn: Bonuses) {
        self.stats = Stats::of(class, &self.sheet, self.skills, worn);
        self.step_max = self.stats.step;
        self.life_max = self.stats.life_max;
        self.mana_max = self.stats.mana_max;
        self.life = self.life.min(self.life_max);
        self.mana = self.mana.min(self.mana_max);
    }

    /// All the life and mana that there can be.
    pub(super) fn fill(&mut self) {
        self.life = self.life_max;
        self.mana = self.mana_max;
    }

    /// Stops everything that it does and that lasts on it, as death does.
    pub(super) fn still(&mut self) {
        self.swing_ticks = 0;
        self.stride_ticks = 0;
        self.aura = None;
        self.effects.clear();
    }

    /// A potion goes into the first free place of the belt.
    pub(super) fn carry(&mut self, potion: u8, slots: usize) -> Result<(), RefusedReason> {
        let free = self.belt.iter_mut().take(slots).find(|carried| **carried == 0);
        *free.ok_or(RefusedReason::BeltFull)? = potion + 1;
        Ok(())
    }

    /// The level by which a skill of the class, counted from 0, grows: the character's own, and those that it has learnt and that items
    /// give.
    pub(super) fn skill_level(&self, number: usize) -> u32 {
        self.sheet.level.saturating_add(self.stats.skills.get(number).copied().unwrap_or_default())
    }

    /// What a skill of this character does to whoever it strikes; `rating` as in [`Strike`].
    pub(super) fn strike(
        &self,
        number: usize,
        damage: &Damage,
        effect: Option<EffectRow>,
        rating: Option<i32>,
    ) -> Strike {
        let (min, max) = grown_damage(damage, self.skill_level(number));
        let with_might =
            |damage: i32| self.effects.scaled(self.raised(damage, Property::SkillDamage), EffectKind::Might, None);
        Strike {
            source: self.entity,
            by_player: true,
            level: self.sheet.level,
            rating,
            damage: (with_might(min), with_might(max)),
            effect,
        }
    }

    /// The longest step that a client may think legal, this tick's or one of shortly before, slowed or not.
    pub(super) fn step_legal(&self) -> i32 {
        self.step_max.max(self.step_grace.0)
    }

    /// How far the character goes in a tick now.
    pub(super) fn step_now(&self) -> i32 {
        self.effects.step(self.step_max)
    }

    /// How the character strikes, attributes included.
    pub(super) fn melee(&self) -> Melee {
        let melee = self.stats.melee();
        let with_might = |damage: i32| self.effects.scaled(damage, EffectKind::Might, None);
        Melee { damage_min: with_might(melee.damage_min), damage_max: with_might(melee.damage_max), ..melee }
    }

    pub(super) fn turn_to(&mut self, target: Point) {
        self.facing = geometry::facing(target.x - self.at.x, target.y - self.at.y).unwrap_or(self.facing);
    }

    /// Everything that only waits for time to pass. The whole mana comes back in `mana_ticks`.
    pub(super) fn pass_time(&mut self, mana_ticks: i32) {
        self.fresh = false;
        self.effects.pass_time();
        let step = self.step_now();
        self.step_left = step;
        self.step_grace = match self.step_grace {
            (longest, _) if step >= longest => (step, STEP_GRACE_TICKS),
            (longest, 1..) => (longest, self.step_grace.1 - 1),
            (_, 0) => (step, 0),
        };
        self.cooldown_ticks = self.cooldown_ticks.saturating_sub(1);
        self.ration_ticks = self.ration_ticks.saturating_sub(1);
        self.swing_ticks = self.swing_ticks.saturating_sub(1);
        self.stride_ticks = self.stride_ticks.saturating_sub(1);
        for ticks in &mut self.skill_ticks {
            *ticks = ticks.saturating_sub(1);
        }
        self.aura = self.aura.and_then(|(skill, ticks)| (ticks > 1).then(|| (skill, ticks - 1)));
        if self.mana < self.mana_max && !self.is_dead() {
            let back = self.raised(self.mana_max, Property::ManaRegeneration);
            self.mana_parts = self.mana_parts.saturating_add(back);
            self.mana = self.mana.saturating_add(self.mana_parts / mana_ticks).min(self.mana_max);
            self.mana_parts %= mana_ticks;
        }
        let life_back = self.bonus(Property::LifeRegeneration);
        if life_back > 0 && self.life < self.life_max && !self.is_dead() {
            self.life_parts = self.life_parts.saturating_add(life_back);
            self.life = self.life.saturating_add(self.life_parts / REGENERATION_TICKS).min(self.life_max);
            self.life_parts %= REGENERATION_TICKS;
        }
    }

    /// Adds what only this file may touch to the hash of the state. Nobody is fresh between two ticks.
    pub(super) fn hash_hidden_into(&self, hash: &mut StableHash) {
        let (step, ticks) = self.step_grace;
        for number in [self.mana_parts, self.life_parts, step] {
            hash.i32(number);
        }
        hash.u32(ticks);
        self.skills.iter().for_each(|level| hash.u32(*level));
        self.stats.bonuses().hash_into(hash);
        self.coming.hash_into(hash);
    }
}

/// The number, and so many percent of it; never less than nothing of what is not negative.
pub(super) fn percent_more(value: i32, percent: i32) -> i32 {
    if percent == 0 {
        return value;
    }
    let more = i64::from(value) * (100 + i64::from(percent)).max(0) / 100;
    i32::try_from(more.min(AMOUNT_MAX)).unwrap_or(i32::MAX)
}

/// Numbers grow with the level, and not without end.
fn bounded(value: i64) -> i32 {
    i32::try_from(value.min(AMOUNT_MAX)).unwrap_or(i32::MAX)
}
