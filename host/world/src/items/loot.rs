//! What a death leaves.

use super::{Base, Catalogue, ITEM_LEVEL_MAX, Item, ItemProblem, LOOT_MAX, affixes::weighted};
use crate::{
    Content, Difficulty,
    content::items::{Choice, DEPTH_MAX},
    dice::Dice,
};

/// What helps whoever finds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Find {
    /// Percent of magic find; it helps ever less the more there is.
    pub magic_find: u32,
    /// Percent more of gold.
    pub gold_find: u32,
}

/// Something that was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loot {
    /// So much gold.
    Gold(u32),
    /// An item.
    Item(Item),
}

impl Catalogue {
    /// What a treasure class gives at this level, at most [`LOOT_MAX`] things. The same dice give the same again.
    ///
    /// # Errors
    /// [`ItemProblem::Unknown`] when the pack has no such class.
    pub fn loot(&self, class: &str, level: u32, find: Find, dice: &mut Dice) -> Result<Vec<Loot>, ItemProblem> {
        let unknown = || ItemProblem::Unknown { what: "treasure class", key: class.to_owned() };
        let place = *self.treasure.places.get(class).ok_or_else(unknown)?;
        let mut loot = Vec::new();
        self.open(place, level.clamp(1, ITEM_LEVEL_MAX), find, DEPTH_MAX, dice, &mut loot);
        Ok(loot)
    }

    fn open(&self, place: usize, level: u32, find: Find, depth_left: u32, dice: &mut Dice, loot: &mut Vec<Loot>) {
        let class = &self.treasure.classes[place];
        let nothing = [(class.nothing, None)];
        let choices = class.choices.iter().map(|(weight, choice)| (*weight, Some(choice)));
        let choices: Vec<(u32, Option<&Choice>)> = nothing.into_iter().chain(choices).collect();
        for _ in 0..class.picks {
            let Some((_, Some(choice))) = weighted(&choices, |(weight, _)| weight, dice) else { continue };
            if loot.len() >= LOOT_MAX as usize {
                return;
            }
            match choice {
                Choice::Base(base) => {
                    loot.push(Loot::Item(self.bear(&self.bases[*base], level, find.magic_find, dice)))
                }
                Choice::Kinds(_) => {
                    if let Some(base) = self.base_for(choice, level, dice) {
                        loot.push(Loot::Item(self.bear(base, level, find.magic_find, dice)));
                    }
                }
                // The pack was refused if classes lay deeper; this bounds the recursion all the same.
                Choice::Class(inner) => {
                    if let Some(depth_left) = depth_left.checked_sub(1) {
                        self.open(*inner, level, find, depth_left, dice, loot);
                    }
                }
                Choice::Gold(gold_min, gold_max) => {
                    let thrown = u64::from(*gold_min) + u64::from(dice.below(gold_max - gold_min + 1));
                    let gold = thrown * (100 + u64::from(find.gold_find)) / 100;
                    loot.push(Loot::Gold(u32::try_from(gold).unwrap_or(u32::MAX)));
                }
            }
        }
    }

    /// A base of these kinds that fits the level: none above it, and none too far below it as long as there are others.
    fn base_for(&self, choice: &Choice, level: u32, dice: &mut Dice) -> Option<&Base> {
        let Choice::Kinds(kinds) = choice else { return None };
        let fits = |base: &&Base| kinds.contains(&base.kind) && base.level <= level;
        let near = |base: &&Base| base.level + self.treasure.level_span >= level;
        let all: Vec<&Base> = self.bases.iter().filter(fits).collect();
        let close: Vec<&Base> = all.iter().copied().filter(near).collect();
        weighted(&close, |base| base.frequency, dice).or_else(|| weighted(&all, |base| base.frequency, dice))
    }
}

impl Content {
    /// What a monster of this number in snapshots leaves in a game of this difficulty; its level there is the level of the items. Empty when
    /// there is no such monster.
    #[must_use]
    pub fn loot_of_monster(&self, appearance: u8, difficulty: Difficulty, find: Find, dice: &mut Dice) -> Vec<Loot> {
        let (place, percentages) = (usize::from(appearance), self.rules.percentages(difficulty));
        let (Some(monster), Some(classes)) = (self.monsters.get(place), self.items.treasure.monsters.get(place)) else {
            return Vec::new();
        };
        let level = monster.row.scaled(percentages).level.clamp(1, ITEM_LEVEL_MAX);
        let mut loot = Vec::new();
        self.items.open(classes[difficulty as usize], level, find, DEPTH_MAX, dice, &mut loot);
        loot
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{Find, Loot};
    use crate::{
        Difficulty,
        dice::Dice,
        items::{ItemProblem, LOOT_MAX, Quality, testing},
    };

    const ALL: [Difficulty; 3] = [Difficulty::Normal, Difficulty::Nightmare, Difficulty::Hell];

    #[test]
    fn every_monster_leaves_something_in_every_difficulty_and_never_too_good() {
        let content = testing::content();
        for appearance in 0..12u8 {
            for difficulty in ALL {
                let mut dice = Dice::new(u64::from(appearance), 3);
                let level =
                    content.monsters[usize::from(appearance)].row.scaled(content.rules.percentages(difficulty)).level;
                let (mut items, mut gold) = (0, 0);
                for _ in 0..400 {
                    for loot in content.loot_of_monster(appearance, difficulty, Find::default(), &mut dice) {
                        match loot {
                            Loot::Gold(amount) => gold += u64::from(amount),
                            Loot::Item(item) => {
                                items += 1;
                                assert_eq!(item.level, level);
                                // What a class names by its key falls at any level; what is worn is thrown for.
                                let base = content.items().base_of(&item).unwrap();
                                assert!(base.level <= level || !base.kind.is_worn(), "{item:?}");
                            }
                        }
                    }
                }
                let name = content.monster_name(appearance).unwrap();
                assert!(items > 10 && gold > 0, "{name} {}: {items} items, {gold} gold", difficulty.name());
            }
        }
        assert_eq!(content.loot_of_monster(200, Difficulty::Hell, Find::default(), &mut Dice::new(1, 1)), []);
    }

    #[test]
    fn magic_find_gives_better_items_and_gold_find_more_gold() {
        let content = testing::content();
        let found = |find: Find| {
            let mut dice = Dice::new(5, 5);
            let (mut qualities, mut gold) = (BTreeMap::<Quality, u32>::new(), 0u64);
            for _ in 0..20_000 {
                for loot in content.loot_of_monster(11, Difficulty::Hell, find, &mut dice) {
                    match loot {
                        Loot::Gold(amount) => gold += u64::from(amount),
                        Loot::Item(item) => *qualities.entry(item.quality).or_default() += 1,
                    }
                }
            }
            (qualities, gold)
        };
        let (plain, plain_gold) = found(Find::default());
        let (lucky, lucky_gold) = found(Find { magic_find: 300, gold_find: 100 });
        for quality in [Quality::Magic, Quality::Rare, Quality::Set, Quality::Unique] {
            assert!(plain[&quality] > 0 && lucky[&quality] > plain[&quality], "{plain:?} {lucky:?}");
        }
        assert!(lucky_gold > plain_gold * 3 / 2, "{plain_gold} {lucky_gold}");
        assert!(!plain.contains_key(&Quality::Crafted));
    }

    #[test]
    fn a_class_that_is_not_there_is_named() {
        let content = testing::content();
        let unknown = content.items().loot("nowhere", 1, Find::default(), &mut Dice::new(1, 1));
        assert_eq!(unknown, Err(ItemProblem::Unknown { what: "treasure class", key: "nowhere".to_owned() }));
    }

    proptest! {
        /// Whatever falls is possible under the rules, there is never too much of it, and the same dice give it again.
        #[test]
        fn what_falls_is_possible_and_bounded(
            appearance in 0..12u8,
            difficulty in prop::sample::select(&ALL[..]),
            seed: u64,
            magic_find: u32,
            gold_find: u32,
        ) {
            let content = testing::content();
            let find = Find { magic_find, gold_find };
            let loot = content.loot_of_monster(appearance, difficulty, find, &mut Dice::new(seed, 1));
            prop_assert!(loot.len() <= LOOT_MAX as usize);
            for one in &loot {
                if let Loot::Item(item) = one {
                    prop_assert_eq!(content.items().check(item), Ok(()), "{:?}", item);
                }
            }
            prop_assert_eq!(content.loot_of_monster(appearance, difficulty, find, &mut Dice::new(seed, 1)), loot);
        }
    }
}
