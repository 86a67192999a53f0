//! What happened in a tick.

use crate::{EntityId, PlayerSlot};

/// Something that happened, in the order in which it did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A blow landed.
    Damage {
        /// Who struck.
        source: EntityId,
        /// Who lost life.
        target: EntityId,
        /// How much life; never more than there was.
        amount: u32,
    },
    /// Life came to its end.
    Died {
        /// Who died.
        entity: EntityId,
        /// By whom.
        killer: EntityId,
    },
    /// A player's experience changed. It concerns that player only.
    Experience {
        /// Whose.
        slot: PlayerSlot,
        /// What was added; 0 when some was lost by dying.
        gained: u32,
        /// In all, now.
        total: u64,
    },
    /// A player reached a level; life and mana are full.
    LevelUp {
        /// Who.
        entity: EntityId,
        /// The level reached.
        level: u32,
    },
    /// An input was not carried out; nothing changed. It concerns that player only.
    Refused {
        /// Whose input.
        slot: PlayerSlot,
        /// Its place in the `inputs` of this step.
        input_index: usize,
        /// What was wished.
        input_kind: InputKind,
        /// Why not.
        reason: RefusedReason,
    },
    /// Life came back.
    Healed {
        /// Whose.
        entity: EntityId,
        /// How much life; 0 when it was full.
        amount: u32,
    },
    /// A skill was used. What it does to others comes as events of its own.
    SkillUsed {
        /// Who.
        entity: EntityId,
        /// Which of the class, from 0.
        skill: u8,
        /// Where it acts, in sub-tiles.
        x: i32,
        /// Where it acts, in sub-tiles.
        y: i32,
    },
    /// A monster has left something on the ground. Whoever sees the place sees it there.
    Dropped {
        /// Who killed the monster.
        killer: EntityId,
        /// Which potion, by its place in the content pack.
        potion: u8,
    },
    /// A dead player stands at the entrance again.
    Respawned {
        /// Who.
        entity: EntityId,
    },
}

/// The inputs that can be refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InputKind {
    /// A step.
    Move,
    /// A blow.
    Attack,
    /// Turning to one who lives here.
    Interact,
    /// Coming back to life.
    Respawn,
    /// The use of a skill.
    Skill,
    /// Picking something up.
    PickUp,
    /// Drinking a potion of the belt.
    Drink,
}

/// Why an input was not carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefusedReason {
    /// There is no such target for this, or it is dead.
    TargetUnknown,
    /// The target is out of reach, or behind a wall.
    TargetTooFar,
    /// Who acts is dead; a hardcore character stays so.
    ActorDead,
    /// Only the dead can come back to life.
    ActorAlive,
    /// The last blow, or the last use of the skill, was too short a time ago.
    ActTooSoon,
    /// The class has no such skill, or the character does not know it yet.
    SkillUnknown,
    /// The skill costs more mana than there is.
    ManaTooLow,
    /// There is no room for another potion.
    BeltFull,
    /// There is no potion in this place of the belt.
    PotionUnknown,
    /// The vendor gives a ration now and then only.
    RationTooSoon,
}
