//! What happened in a tick.

use crate::{
    Content, Deal, Dice, Difficulty, EntityId, PlayerSlot, Zone,
    items::{Find, ItemHandle, Loot},
};

/// The stream of dice by which treasure is thrown.
const HOARD_STREAM: u64 = 1;

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
    /// A monster may have left treasure: it follows from these numbers, the content pack and the difficulty
    /// ([`Hoard::open`](crate::Hoard::open)). What is in it is laid down by inputs.
    Treasure {
        /// The player who killed the monster, or whose companion did; `None` when that player has left.
        killer: Option<PlayerSlot>,
        /// What is in it.
        hoard: Hoard,
        /// Where, in sub-tiles of the dungeon.
        x: i32,
        /// Where, in sub-tiles of the dungeon.
        y: i32,
    },
    /// A player has taken an item or gold from the ground. It is nobody's until an input says whether it is confirmed.
    Taken {
        /// Who.
        slot: PlayerSlot,
        /// The place of its input in the `inputs` of this step.
        input_index: usize,
        /// What.
        handle: ItemHandle,
    },
    /// A player lays an item down. It lies there when an input says so.
    Laying {
        /// Who.
        slot: PlayerSlot,
        /// The place of its input in the `inputs` of this step.
        input_index: usize,
        /// Which item, by its key where it is stored.
        item: u64,
        /// In which level of the world.
        zone: Zone,
        /// Where, in sub-tiles.
        x: i32,
        /// Where, in sub-tiles.
        y: i32,
    },
    /// Something lies on the ground no more, or found no room there.
    Vanished {
        /// What.
        handle: ItemHandle,
    },
    /// A player has turned to a vendor. It concerns that player only.
    Met {
        /// Who.
        slot: PlayerSlot,
        /// The vendor.
        entity: EntityId,
        /// Which of those who live in the town, as snapshots number them.
        vendor: u8,
    },
    /// A player stands before a vendor and deals with it. Whether the deal can be done is for who stores what is owned.
    Dealing {
        /// Who.
        slot: PlayerSlot,
        /// The place of its input in the `inputs` of this step.
        input_index: usize,
        /// Which of those who live in the town, as snapshots number them.
        vendor: u8,
        /// What.
        deal: Deal,
    },
    /// A living player uses an item. Whether it can be used is for who stores what is owned.
    Using {
        /// Who.
        slot: PlayerSlot,
        /// The place of its input in the `inputs` of this step.
        input_index: usize,
        /// Which item, by its key where it is stored.
        item: u64,
        /// Over which item; 0 for none.
        on: u64,
    },
}

/// What a monster leaves, not thrown yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hoard {
    /// The monster's number in snapshots.
    pub appearance: u8,
    /// What helped who killed it.
    pub find: Find,
    /// The seed of the dice that it is thrown with. Who knows it knows what falls.
    pub seed: u64,
}

impl Hoard {
    /// What is in it. The same numbers give the same again.
    #[must_use]
    pub fn open(&self, content: &Content, difficulty: Difficulty) -> Vec<Loot> {
        content.loot_of_monster(self.appearance, difficulty, self.find, &mut Dice::new(self.seed, HOARD_STREAM))
    }
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
    /// Laying an item down.
    Drop,
    /// Dealing with a vendor.
    Deal,
    /// Using an item.
    Use,
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
    /// Nothing more finds room on the ground.
    GroundFull,
    /// As much of the player's lies on the ground as may.
    GroundShare,
}
