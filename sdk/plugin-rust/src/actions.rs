//! One act as a value, out of the numbers in which the realm hands acts over.

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
    Other(i32),
}

impl From<i32> for ActionKind {
    fn from(number: i32) -> Self {
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

impl From<ActionKind> for i32 {
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

/// How many numbers of an act this version knows; see `action-number` in the contract. A later realm may send more behind them.
const NUMBERS_PER_ACTION: u32 = 11;
const NUMBERS: usize = NUMBERS_PER_ACTION as usize;

impl Action {
    fn read(character: u64, numbers: &[i32; NUMBERS]) -> Self {
        let [tick, kind, x, y, dx, dy, step_max, vision, life, mana_left, cooldown] = *numbers;
        let (tick, kind, cooldown) = (tick.cast_unsigned(), kind.into(), cooldown.cast_unsigned());
        Self { tick, character, kind, x, y, dx, dy, step_max, vision, life, mana_left, cooldown }
    }

    fn numbers(&self) -> [i32; NUMBERS] {
        [
            self.tick.cast_signed(),
            self.kind.into(),
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
    /// The acts one after the other, in the order in which findings number them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Action> + '_ {
        let rows = self.numbers.chunks_exact((self.numbers_per_action as usize).max(NUMBERS));
        self.characters.iter().zip(rows).map(|(character, row)| {
            Action::read(*character, row.first_chunk().expect("a row has at least the numbers of this version"))
        })
    }

    /// A batch without acts.
    #[must_use]
    pub const fn new() -> Self {
        Self { characters: Vec::new(), numbers: Vec::new(), numbers_per_action: NUMBERS_PER_ACTION }
    }

    /// Adds an act, as the realm does: for tests.
    pub fn push(&mut self, action: &Action) {
        self.characters.push(action.character);
        self.numbers.extend_from_slice(&action.numbers());
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

    fn action(number: i32) -> Action {
        Action {
            tick: number.cast_unsigned(),
            character: u64::MAX - u64::from(number.cast_unsigned()),
            kind: number.into(),
            x: number + 2,
            y: number + 3,
            dx: number + 4,
            dy: number + 5,
            step_max: number + 6,
            vision: number + 7,
            life: number + 8,
            mana_left: number + 9,
            cooldown: number.cast_unsigned() + 10,
        }
    }

    #[test]
    fn what_goes_into_a_batch_comes_out_of_it() {
        let acts = [0, 1, 2, 3, 4, 5, 6].map(action);
        let batch = Actions::from(acts);
        assert_eq!((batch.len(), batch.iter().len(), batch.is_empty()), (7, 7, false));
        assert!(batch.iter().eq(acts));
        assert_eq!(batch.iter().last().unwrap().kind, ActionKind::Other(6));
        assert!(Actions::default().iter().next().is_none());
    }

    #[test]
    fn numbers_that_a_later_realm_appends_are_passed_over_and_too_few_are_no_act() {
        let mut batch = Actions::new();
        for number in [1, 2] {
            batch.push(&action(number));
            batch.numbers.extend([70, 71]);
        }
        batch.numbers_per_action += 2;
        assert!(batch.iter().eq([action(1), action(2)]));
        for width in [0, 1, 10] {
            batch.numbers_per_action = width;
            batch.numbers.truncate(10);
            assert_eq!(batch.iter().next(), None);
        }
    }

    #[test]
    fn the_numbers_stand_where_the_contract_says() {
        let places = [
            contract::ActionNumber::Tick,
            contract::ActionNumber::Kind,
            contract::ActionNumber::X,
            contract::ActionNumber::Y,
            contract::ActionNumber::Dx,
            contract::ActionNumber::Dy,
            contract::ActionNumber::StepMax,
            contract::ActionNumber::Vision,
            contract::ActionNumber::Life,
            contract::ActionNumber::ManaLeft,
            contract::ActionNumber::Cooldown,
        ];
        let numbers = [20, 20, 22, 23, 24, 25, 26, 27, 28, 29, 30];
        assert_eq!(action(20).numbers(), numbers);
        assert_eq!(places.map(|place| place as usize), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
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
        for (place, (in_contract, kind)) in (0..).zip(kinds) {
            assert_eq!((in_contract as i32, i32::from(kind), ActionKind::from(place)), (place, place, kind));
        }
    }
}
