//! One act as a value, out of the columns in which the realm hands acts over.

use crate::bindings::anti_cheat::exports::realm::plugin::anti_cheat::Actions;

/// What a player wished to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionKind {
    /// A step.
    Move,
    /// A blow.
    Attack,
    /// A skill.
    Skill,
    /// A word with somebody, something picked up, stairs.
    Interact,
    /// An item put on the ground.
    DropItem,
    /// A kind of a later version, by its number: leave it alone.
    Other(u8),
}

impl From<u8> for ActionKind {
    fn from(number: u8) -> Self {
        match number {
            0 => Self::Move,
            1 => Self::Attack,
            2 => Self::Skill,
            3 => Self::Interact,
            4 => Self::DropItem,
            other => Self::Other(other),
        }
    }
}

impl From<ActionKind> for u8 {
    fn from(kind: ActionKind) -> Self {
        match kind {
            ActionKind::Move => 0,
            ActionKind::Attack => 1,
            ActionKind::Skill => 2,
            ActionKind::Interact => 3,
            ActionKind::DropItem => 4,
            ActionKind::Other(number) => number,
        }
    }
}

/// One wish of one player in one tick. Distances are in sub-tiles (32 to a tile), times in ticks (40 ms).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action {
    /// The tick in which the wish is applied; every game counts its own.
    pub tick: u32,
    /// Key of the character.
    pub character: u64,
    /// The wish.
    pub kind: ActionKind,
    /// Position before the act.
    pub x: i32,
    /// Position before the act.
    pub y: i32,
    /// The wished step; for other acts the way from the character to its target.
    pub dx: i32,
    /// The wished step; for other acts the way from the character to its target.
    pub dy: i32,
    /// The longest legal step in one tick.
    pub step_max: i32,
    /// How far the character can see.
    pub vision: i32,
    /// Life before the act; 0 is dead.
    pub life: i32,
    /// Mana left after the act; negative when it does not suffice.
    pub mana_left: i32,
    /// Ticks until the character may act again; 0 is now.
    pub cooldown: u32,
}

macro_rules! columns {
    ($($column:ident),+) => {
        impl Actions {
            /// The acts one after the other, in the order in which findings number them.
            pub fn iter(&self) -> impl ExactSizeIterator<Item = Action> + '_ {
                let length = self.kind.len();
                // Cut to one length once, so that no act looks it up again. The realm promises that nothing is cut off.
                $(let $column = &self.$column[..length];)+
                self.kind.iter().enumerate().map(move |(place, kind)| {
                    Action { kind: ActionKind::from(*kind), $($column: $column[place]),+ }
                })
            }

            /// A batch without acts.
            #[must_use]
            pub fn new() -> Self {
                Self { kind: Vec::new(), $($column: Vec::new()),+ }
            }

            /// Adds an act, as the realm does: for tests.
            pub fn push(&mut self, action: &Action) {
                self.kind.push(action.kind.into());
                $(self.$column.push(action.$column);)+
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

impl FromIterator<Action> for Actions {
    fn from_iter<I: IntoIterator<Item = Action>>(actions: I) -> Self {
        let mut batch = Self::new();
        actions.into_iter().for_each(|action| batch.push(&action));
        batch
    }
}

impl From<&[Action]> for Actions {
    fn from(actions: &[Action]) -> Self {
        actions.iter().copied().collect()
    }
}

impl<const COUNT: usize> From<[Action; COUNT]> for Actions {
    fn from(actions: [Action; COUNT]) -> Self {
        actions.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::anti_cheat::exports::realm::plugin::anti_cheat as contract;

    fn action(number: u8) -> Action {
        let (unsigned, signed) = (u32::from(number), i32::from(number));
        Action {
            tick: unsigned,
            character: u64::MAX - u64::from(number),
            kind: number.into(),
            x: signed + 2,
            y: signed + 3,
            dx: signed + 4,
            dy: signed + 5,
            step_max: signed + 6,
            vision: signed + 7,
            life: signed + 8,
            mana_left: signed + 9,
            cooldown: unsigned + 10,
        }
    }

    #[test]
    fn what_goes_into_columns_comes_out_of_them() {
        let acts: [Action; 7] = std::array::from_fn(|number| action(u8::try_from(number).unwrap()));
        let batch = Actions::from(acts);
        assert_eq!((batch.len(), batch.iter().len(), batch.is_empty()), (7, 7, false));
        assert!(batch.iter().eq(acts));
        assert_eq!(batch.iter().last().unwrap().kind, ActionKind::Other(6));
        assert!(Actions::default().iter().next().is_none());
    }

    #[test]
    fn a_kind_has_the_number_of_its_place_in_the_contract() {
        let kinds = [
            (contract::ActionKind::Move, ActionKind::Move),
            (contract::ActionKind::Attack, ActionKind::Attack),
            (contract::ActionKind::Skill, ActionKind::Skill),
            (contract::ActionKind::Interact, ActionKind::Interact),
            (contract::ActionKind::DropItem, ActionKind::DropItem),
        ];
        for (place, (in_contract, kind)) in (0_u8..).zip(kinds) {
            assert_eq!((in_contract as u8, u8::from(kind), ActionKind::from(place)), (place, place, kind));
        }
    }
}
