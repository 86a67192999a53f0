//! What an item can give to who wears it.

use super::words::words;

words! {
    /// What an item can give. All of it adds up over what is worn, in whichever order.
    pub enum Property {
        /// Points.
        Strength = "strength",
        /// Points.
        Dexterity = "dexterity",
        /// Points.
        Vitality = "vitality",
        /// Points.
        Energy = "energy",
        /// Points for each of the four attributes.
        AllAttributes = "all-attributes",
        /// Life.
        Life = "life",
        /// Percent of the life.
        LifePercent = "life-percent",
        /// Mana.
        Mana = "mana",
        /// Percent of the mana.
        ManaPercent = "mana-percent",
        /// Added to the least damage of a blow.
        DamageMin = "damage-min",
        /// Added to the most damage of a blow.
        DamageMax = "damage-max",
        /// Percent of the damage of blows.
        DamagePercent = "damage-percent",
        /// Attack rating.
        AttackRating = "attack-rating",
        /// Percent of the attack rating.
        AttackRatingPercent = "attack-rating-percent",
        /// Percent by which blows follow each other faster.
        AttackSpeed = "attack-speed",
        /// Defence.
        Defence = "defence",
        /// Percent of the defence.
        DefencePercent = "defence-percent",
        /// Blows of a hundred that are blocked.
        Block = "block",
        /// Taken off each blow that is suffered.
        DamageReduced = "damage-reduced",
        /// Percent by which steps are longer.
        WalkSpeed = "walk-speed",
        /// Percent taken off what poison does.
        PoisonResistance = "poison-resistance",
        /// Percent taken off what burning does.
        BurnResistance = "burn-resistance",
        /// Percent taken off what slows.
        SlowResistance = "slow-resistance",
        /// Life for each kill.
        LifeOnKill = "life-on-kill",
        /// Mana for each kill.
        ManaOnKill = "mana-on-kill",
        /// Life that comes back in ten seconds.
        LifeRegeneration = "life-regeneration",
        /// Percent by which mana comes back faster.
        ManaRegeneration = "mana-regeneration",
        /// Percent of the damage of skills.
        SkillDamage = "skill-damage",
        /// Percent of the damage of companions.
        CompanionDamage = "companion-damage",
        /// Percent of the life of companions.
        CompanionLife = "companion-life",
        /// Levels for every skill that is known.
        AllSkills = "all-skills",
        /// Levels for the first skill of the class.
        FirstSkill = "first-skill",
        /// Levels for the second skill of the class.
        SecondSkill = "second-skill",
        /// Levels for the third skill of the class.
        ThirdSkill = "third-skill",
        /// Percent by which better qualities are found.
        MagicFind = "magic-find",
        /// Percent by which more gold is found.
        GoldFind = "gold-find",
        /// Percent of the experience.
        Experience = "experience",
        /// Percent by which the life of potions is more.
        PotionLife = "potion-life",
    }
}

impl Property {
    /// How many there are.
    pub const COUNT: usize = Property::ALL.len();

    /// The least and the most that one line of a content file may give.
    #[must_use]
    pub fn line_bounds(self) -> (i32, i32) {
        match self {
            Property::AllSkills | Property::FirstSkill | Property::SecondSkill | Property::ThirdSkill => (1, 5),
            Property::Block
            | Property::WalkSpeed
            | Property::AttackSpeed
            | Property::PoisonResistance
            | Property::BurnResistance
            | Property::SlowResistance => (-100, 100),
            _ => (-10_000, 10_000),
        }
    }

    /// The least and the most that a character has of it, whatever is worn.
    #[must_use]
    pub fn total_bounds(self) -> (i32, i32) {
        match self {
            Property::PoisonResistance | Property::BurnResistance | Property::SlowResistance => (-100, 75),
            Property::Block => (0, 75),
            // As for haste: a client that learns late of its end must not be taken for a cheat.
            Property::WalkSpeed => (-50, 25),
            Property::AttackSpeed => (-50, 100),
            Property::LifePercent | Property::ManaPercent => (-90, 1_000),
            Property::DamagePercent
            | Property::AttackRatingPercent
            | Property::DefencePercent
            | Property::SkillDamage
            | Property::CompanionDamage
            | Property::CompanionLife => (-90, 10_000),
            Property::ManaRegeneration | Property::Experience => (-90, 1_000),
            Property::MagicFind | Property::GoldFind | Property::PotionLife => (0, 1_000),
            Property::AllSkills | Property::FirstSkill | Property::SecondSkill | Property::ThirdSkill => (0, 20),
            Property::DamageReduced | Property::LifeOnKill | Property::ManaOnKill | Property::LifeRegeneration => {
                (0, 100_000)
            }
            _ => (-100_000, 100_000),
        }
    }
}
