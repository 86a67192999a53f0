//! A batch of acts, which the contract has column by column, and one act of it as a value.

use serde::{Deserialize, Serialize};

use crate::bindings::anti_cheat::{ActionKind, Actions};

/// Most acts in one batch.
pub const ACTIONS_MAX: usize = 256;

/// One wish of one player; the meaning of each field stands in `wit/anti-cheat.wit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the columns of `actions` in wit/anti-cheat.wit")]
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

macro_rules! columns {
    ($($column:ident),+) => {
        impl Actions {
            /// A batch without acts; it asks for no memory before the first.
            #[must_use]
            pub const fn new() -> Self {
                Self { kind: Vec::new(), $($column: Vec::new()),+ }
            }

            /// Adds an act.
            pub fn push(&mut self, action: &Action) {
                self.kind.push(action.kind as u8);
                $(self.$column.push(action.$column);)+
            }

            /// Takes all acts out and keeps the memory.
            pub fn clear(&mut self) {
                self.kind.clear();
                $(self.$column.clear();)+
            }

            /// True when every column has the same length, as plugins are promised.
            #[must_use]
            pub fn is_even(&self) -> bool {
                let length = self.kind.len();
                $(self.$column.len() == length)&&+
            }
        }
    };
}

columns!(tick, character, x, y, dx, dy, step_max, vision, life, mana_left, cooldown);

impl Actions {
    /// How many acts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kind.len()
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kind.is_empty()
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
