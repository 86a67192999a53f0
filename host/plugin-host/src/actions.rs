//! A batch of acts, which the contract has as rows of numbers, and one act of it as a value.

use serde::{Deserialize, Serialize};

use crate::bindings::anti_cheat::{ActionKind, Actions};

/// Most acts in one batch.
pub const ACTIONS_MAX: usize = 256;

/// One wish of one player; the meaning of each field stands in `wit/anti-cheat.wit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "`action-number` in wit/anti-cheat.wit")]
pub struct Action {
    pub tick: u32,
    pub character: u64,
    pub kind: ActionKind,
    pub x: i32,
    pub y: i32,
    pub dx: i32,
    pub dy: i32,
    pub step_max: i32,
    pub vision: i32,
    pub life: i32,
    pub mana_left: i32,
    pub cooldown: u32,
}

/// How many numbers the contract has for an act; see `action-number` there.
const NUMBERS_PER_ACTION: u32 = 11;
const NUMBERS: usize = NUMBERS_PER_ACTION as usize;

impl Action {
    /// In the order of `action-number`.
    const fn numbers(&self) -> [i32; NUMBERS] {
        [
            self.tick.cast_signed(),
            self.kind as i32,
            self.x,
            self.y,
            self.dx,
            self.dy,
            self.step_max,
            self.vision,
            self.life,
            self.mana_left,
            self.cooldown.cast_signed(),
        ]
    }
}

impl Actions {
    /// A batch without acts; it asks for no memory before the first.
    #[must_use]
    pub const fn new() -> Self {
        Self { characters: Vec::new(), numbers: Vec::new(), numbers_per_action: NUMBERS_PER_ACTION }
    }

    /// Adds an act.
    pub fn push(&mut self, action: &Action) {
        self.characters.push(action.character);
        self.numbers.extend_from_slice(&action.numbers());
    }

    /// Takes all acts out and keeps the memory.
    pub fn clear(&mut self) {
        self.characters.clear();
        self.numbers.clear();
    }

    /// True when each act has its numbers, as plugins are promised.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.numbers_per_action as usize == NUMBERS && self.characters.len() * NUMBERS == self.numbers.len()
    }

    /// How many acts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.characters.len()
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.characters.is_empty()
    }
}

impl Default for Actions {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> FromIterator<&'a Action> for Actions {
    fn from_iter<I: IntoIterator<Item = &'a Action>>(actions: I) -> Self {
        let mut batch = Self::new();
        actions.into_iter().for_each(|action| batch.push(action));
        batch
    }
}

impl From<&[Action]> for Actions {
    fn from(actions: &[Action]) -> Self {
        actions.iter().collect()
    }
}

impl<const COUNT: usize> From<[Action; COUNT]> for Actions {
    fn from(actions: [Action; COUNT]) -> Self {
        actions.iter().collect()
    }
}
