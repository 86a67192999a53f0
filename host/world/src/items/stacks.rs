//! Stacks: taking some off, laying some on.

use super::{Catalogue, Item, ItemProblem};

impl Catalogue {
    /// Takes some off a stack; what stays is at least one.
    ///
    /// # Errors
    /// [`ItemProblem::WrongCount`] unless `count` is from 1 to one less than there are, and not more than one stack may have; then nothing has changed.
    pub fn split(&self, stack: &mut Item, count: u32) -> Result<Item, ItemProblem> {
        let stack_max = self.base_of(stack)?.stack;
        if count == 0 || count >= stack.count || count > stack_max {
            return Err(ItemProblem::WrongCount { wanted: count, has: stack.count });
        }
        stack.count -= count;
        Ok(Item { count, ..stack.clone() })
    }

    /// Lays as many as there is room for from one stack on another, and answers how many. A stack of 0 is none: who keeps it deletes it.
    ///
    /// # Errors
    /// [`ItemProblem::NotAlike`] when they differ in more than their number or do not stack, [`ItemProblem::StackFull`] when there is no room,
    /// [`ItemProblem::WrongCount`] when there is nothing to lay; then nothing has changed.
    pub fn merge(&self, onto: &mut Item, from: &mut Item) -> Result<u32, ItemProblem> {
        let stack_max = self.base_of(onto)?.stack;
        let alike = onto.base == from.base
            && (&onto.quality, &onto.origin, &onto.name, &onto.rolls)
                == (&from.quality, &from.origin, &from.name, &from.rolls)
            && (onto.sockets, &onto.gems, onto.identified) == (from.sockets, &from.gems, from.identified)
            && onto.durability == from.durability;
        if stack_max == 1 || !alike {
            return Err(ItemProblem::NotAlike);
        }
        if from.count == 0 {
            return Err(ItemProblem::WrongCount { wanted: 1, has: 0 });
        }
        let moved = stack_max.saturating_sub(onto.count).min(from.count);
        if moved == 0 {
            return Err(ItemProblem::StackFull { stack_max });
        }
        onto.count += moved;
        from.count -= moved;
        // What lies together is as good as the least of it.
        onto.level = onto.level.min(from.level);
        Ok(moved)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::items::{ItemProblem, testing};

    #[test]
    fn only_what_is_alike_lies_together() {
        let content = testing::content();
        let items = content.items();
        let (mut ring, mut other) = (items.plain("ring", 1).unwrap(), items.plain("ring", 1).unwrap());
        assert_eq!(items.merge(&mut ring, &mut other), Err(ItemProblem::NotAlike));
        let mut dust = items.plain("ash-salt", 1).unwrap();
        assert_eq!(items.merge(&mut dust, &mut other), Err(ItemProblem::NotAlike));
        assert_eq!(items.split(&mut dust, 1), Err(ItemProblem::WrongCount { wanted: 1, has: 1 }));
        dust.count = items.base_of(&dust).unwrap().stack;
        let mut more = items.plain("ash-salt", 1).unwrap();
        assert_eq!(items.merge(&mut dust, &mut more), Err(ItemProblem::StackFull { stack_max: dust.count }));
    }

    proptest! {
        /// However stacks are split and merged, nothing is made and nothing is lost, and no stack is larger than it may be.
        #[test]
        fn the_number_of_all_stays(
            counts in prop::collection::vec(1..=50u32, 2..6),
            acts in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u32>()), 0..40),
        ) {
            let content = testing::content();
            let items = content.items();
            let plain = items.plain("ash-salt", 5).unwrap();
            let stack_max = items.base_of(&plain).unwrap().stack;
            let mut stacks: Vec<_> =
                counts.iter().map(|count| crate::items::Item { count: (*count).min(stack_max), ..plain.clone() }).collect();
            let total: u32 = stacks.iter().map(|stack| stack.count).sum();
            for (split, one, other, count) in acts {
                let (one, other) = (one.index(stacks.len()), other.index(stacks.len()));
                if split {
                    let before = stacks[one].count;
                    match items.split(&mut stacks[one], count % 60) {
                        Ok(taken) => stacks.push(taken),
                        Err(_) => prop_assert_eq!(stacks[one].count, before),
                    }
                } else if one != other {
                    let mut from = stacks[other].clone();
                    if items.merge(&mut stacks[one], &mut from).is_ok() {
                        stacks[other] = from;
                        stacks.retain(|stack| stack.count > 0);
                    }
                }
                prop_assert_eq!(stacks.iter().map(|stack| stack.count).sum::<u32>(), total);
                prop_assert!(stacks.iter().all(|stack| (1..=stack_max).contains(&stack.count)));
            }
        }
    }
}
