//! PLAYER_STATE (0x40): what one player can see at one tick, bit-packed, in full or as the difference to an earlier snapshot.
//!
//! The server encodes against the newest snapshot that the client has acknowledged, its *baseline*. What has not changed costs
//! nothing but a bit. `docs/protocol.md` describes the body bit by bit.

use serde::{Deserialize, Serialize};

mod bits;
mod decode;
mod encode;

pub use decode::{baseline_tick, decode};
pub use encode::encode;

/// Most entities in one snapshot.
pub const ENTITIES_MAX: usize = 512;
/// How many ticks older than a snapshot its baseline may be.
pub const BASELINE_DISTANCE_MAX: u32 = 255;
/// Skills of a class.
pub const SKILLS: usize = 3;
/// Places of a belt.
pub const BELT: usize = 8;
/// Directions that an entity can face; 0 is east (rising x), rising clockwise on a screen whose y grows downwards.
pub const FACINGS: u8 = 8;

/// What one player can see at one tick.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The game's tick.
    pub tick: u32,
    /// Number of the player's last input that was applied; 0 for none.
    pub input: u32,
    /// What only the player is told about itself.
    pub own: OwnState,
    /// Everything in view, the own character included, by rising id, at most [`ENTITIES_MAX`].
    pub entities: Vec<EntityState>,
}

impl Snapshot {
    /// The entity with this id.
    #[must_use]
    pub fn entity(&self, id: u16) -> Option<&EntityState> {
        self.entities.binary_search_by_key(&id, |entity| entity.id).ok().map(|index| &self.entities[index])
    }

    /// The character that the player plays, while it is in the world.
    #[must_use]
    pub fn own_entity(&self) -> Option<&EntityState> {
        self.entity(self.own.entity)
    }
}

/// What only the player is told about itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnState {
    /// The entity that the player plays.
    pub entity: u16,
    /// Life points.
    pub life: u16,
    /// Life points when unhurt.
    pub life_max: u16,
    /// Mana points.
    pub mana: u16,
    /// Mana points when rested.
    pub mana_max: u16,
    /// Level of the character.
    pub level: u8,
    /// Experience in all.
    pub experience: u64,
    /// Ticks until the next attack or skill is legal.
    pub cooldown_ticks: u8,
    /// Ticks until each skill of the class is legal again.
    pub skill_ticks: [u16; SKILLS],
    /// The level of the world: 0 the town, 1 the dungeon.
    pub zone: u8,
    /// The longest legal step in one tick now, in sub-tiles.
    pub step_max: u8,
    /// Potions carried: each a row of the content pack plus one; 0 is an empty place.
    pub belt: [u8; BELT],
}

impl OwnState {
    /// What it becomes by itself in so many ticks: times run down. A difference is made to this.
    fn after(self, ticks: u32) -> Self {
        let byte = u8::try_from(ticks).unwrap_or(u8::MAX);
        let word = u16::try_from(ticks).unwrap_or(u16::MAX);
        Self {
            cooldown_ticks: self.cooldown_ticks.saturating_sub(byte),
            skill_ticks: self.skill_ticks.map(|left| left.saturating_sub(word)),
            ..self
        }
    }
}

/// What everybody in view is told about an entity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityState {
    /// Unique in its game; not used again while somebody may remember it.
    pub id: u16,
    /// What it is.
    pub kind: EntityKind,
    /// What it looks like: see `docs/protocol.md`.
    pub appearance: u8,
    /// Place in sub-tiles.
    pub x: u16,
    /// Place in sub-tiles.
    pub y: u16,
    /// 0 to 100.
    pub life_percent: u8,
    /// What it does.
    pub action: Action,
    /// 0 to 7; see [`FACINGS`].
    pub facing: u8,
    /// Its level; of an item on the ground a part of what it looks like.
    pub level: u8,
    /// What lasts on it, a bit each: 1 poison, 2 burn, 4 slow, 8 might, 16 ward, 32 haste, 64 mend. Of an item on the
    /// ground its quality: 0 normal, 1 magic, 2 rare, 3 set, 4 unique, 5 crafted.
    pub effects: u8,
}

impl EntityState {
    /// Number of the base of an item on the ground: its row in `items.toml`, from 0; `None` for anything else.
    #[must_use]
    pub fn base(&self) -> Option<u16> {
        (self.kind == EntityKind::Treasure).then(|| u16::from_le_bytes([self.appearance, self.level]))
    }
}

/// What an entity is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum EntityKind {
    /// A player's character.
    #[default]
    Player = 0,
    /// An enemy.
    Monster = 1,
    /// Somebody to talk to.
    Npc = 2,
    /// A potion on the ground.
    Item = 3,
    /// Stairs; later also a portal, chest, door or shrine.
    Object = 4,
    /// Something that flies.
    Missile = 5,
    /// Somebody who fights for a player.
    Companion = 6,
    /// An item on the ground that somebody can own: appearance and level are the lower and the upper byte of its base's number, effects
    /// its quality.
    Treasure = 7,
    /// A heap of gold; its appearance is the number of binary digits of the amount.
    Gold = 8,
}

impl EntityKind {
    fn from_bits(bits: u32) -> Option<Self> {
        const ALL: [EntityKind; 9] = [
            EntityKind::Player,
            EntityKind::Monster,
            EntityKind::Npc,
            EntityKind::Item,
            EntityKind::Object,
            EntityKind::Missile,
            EntityKind::Companion,
            EntityKind::Treasure,
            EntityKind::Gold,
        ];
        ALL.into_iter().find(|kind| *kind as u32 == bits)
    }
}

/// What an entity does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Action {
    /// Stands.
    #[default]
    Idle = 0,
    /// Walks.
    Walk = 1,
    /// Strikes.
    Attack = 2,
    /// Was just hit.
    Hit = 3,
    /// Lies dead.
    Dead = 4,
    /// Casts a spell.
    Cast = 5,
}

impl Action {
    fn from_bits(bits: u32) -> Option<Self> {
        [Self::Idle, Self::Walk, Self::Attack, Self::Hit, Self::Dead, Self::Cast]
            .into_iter()
            .find(|action| *action as u32 == bits)
    }
}

/// Why bytes are no snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The bytes end within a value.
    #[error("the snapshot ends too early")]
    Truncated,
    /// There is more than the snapshot.
    #[error("bytes follow the snapshot")]
    Trailing,
    /// The snapshot is the difference to another one than was given.
    #[error("the snapshot needs the one of tick {expected:?} to be read, not {found:?}")]
    Baseline {
        /// Tick of the snapshot it was made against; `None` for a full one.
        expected: Option<u32>,
        /// Tick of the one that was given.
        found: Option<u32>,
    },
    /// A value lies outside its range.
    #[error("{0} is out of range")]
    Range(&'static str),
    /// An entity is removed or changed that the baseline does not have, or added though it has it.
    #[error("entity {0} does not fit the baseline")]
    Entity(u16),
    /// There are more than [`ENTITIES_MAX`] entities.
    #[error("the snapshot has more than {ENTITIES_MAX} entities")]
    TooMany,
}

/// Widths in bits, as `docs/protocol.md` names them.
mod width {
    pub(super) const TICK: u32 = 32;
    pub(super) const DISTANCE: u32 = 8;
    pub(super) const COUNT: u32 = 9;
    pub(super) const KIND: u32 = 4;
    pub(super) const ACTION: u32 = 4;
    pub(super) const FACING: u32 = 3;
    pub(super) const LIFE_PERCENT: u32 = 7;
    pub(super) const BYTE: u32 = 8;
    pub(super) const WORD: u32 = 16;
    /// A coordinate close to where it was: −32 to 31 sub-tiles.
    pub(super) const STEP: u32 = 6;
    /// The widths that a `number` chooses from, by its two leading bits.
    pub(super) const NUMBER: [u32; 4] = [4, 8, 16, 32];
    /// The widths that a `long number` chooses from.
    pub(super) const LONG_NUMBER: [u32; 4] = [8, 16, 32, 64];
}

#[cfg(test)]
mod tests;
