//! What is made of what.

use super::{Catalogue, Deed, Ingredient, Item, ItemProblem, Quality, Recipe, make};
use crate::{content::items::INPUTS_MAX, dice::Dice};

/// What came of a recipe. All inputs are used up but the one that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Combined {
    /// Key of the recipe.
    pub recipe: String,
    /// Which of the inputs was changed, and what it is now; it stays the same item.
    pub changed: Option<(usize, Item)>,
    /// What was made anew.
    pub made: Option<Item>,
}

impl Catalogue {
    /// Combines these, all of them, by the first recipe of the pack that takes exactly them and has something to do: neither fewer nor more,
    /// stacks counted one by one. Where several of them could be the one that is changed, it is the first: hand them in by their cells.
    ///
    /// # Errors
    /// [`ItemProblem::NoRecipe`], or the reason why the recipe has nothing to do, as [`ItemProblem::Impossible`] or [`ItemProblem::NoRepair`]; then
    /// nothing has happened.
    pub fn combine(&self, inputs: &[Item], dice: &mut Dice) -> Result<Combined, ItemProblem> {
        let count = inputs.iter().fold(0u32, |sum, item| sum.saturating_add(item.count));
        if count > INPUTS_MAX {
            return Err(ItemProblem::NoRecipe);
        }
        let mut idle = ItemProblem::NoRecipe;
        for recipe in &self.recipes {
            let Some(subject) = self.match_recipe(recipe, inputs) else { continue };
            match self.follow(recipe, inputs, subject, dice) {
                Ok(combined) => return Ok(combined),
                // Another recipe may take the same, and have something to do.
                Err(problem) => idle = problem,
            }
        }
        Err(idle)
    }

    fn follow(
        &self,
        recipe: &Recipe,
        inputs: &[Item],
        subject: usize,
        dice: &mut Dice,
    ) -> Result<Combined, ItemProblem> {
        let done = |changed, made| Combined { recipe: recipe.key.clone(), changed, made };
        if let Some((base, quality, count)) = recipe.makes {
            // As good as the least of what it is made of.
            let level = inputs.iter().map(|item| item.level).min().unwrap_or(1);
            let mut made = self.make(&self.bases[base].key, quality, level, dice)?;
            made.count = count;
            return Ok(done(None, Some(made)));
        }
        let mut item = inputs[subject].clone();
        self.change(recipe, &mut item, dice)?;
        Ok(done(Some((subject, item)), None))
    }

    fn change(&self, recipe: &Recipe, item: &mut Item, dice: &mut Dice) -> Result<(), ItemProblem> {
        let base = self.base_of(item)?;
        let idle = || Err(ItemProblem::Impossible { what: "what this recipe does" });
        match recipe.deed {
            Deed::Make => idle(),
            Deed::Reroll => {
                self.enchant(item, base, item.quality, dice);
                Ok(())
            }
            Deed::Sockets if item.sockets == 0 && base.sockets > 0 => {
                item.sockets = 1 + dice.below(recipe.sockets.min(base.sockets));
                Ok(())
            }
            Deed::Empty if !item.gems.is_empty() => {
                item.gems.clear();
                Ok(())
            }
            Deed::Sockets | Deed::Empty => idle(),
            Deed::Repair => self.repair(item),
            Deed::Craft => {
                let row = self.qualities.row(Quality::Crafted);
                let count = row.affixes_min + dice.below(row.affixes_max - row.affixes_min + 1);
                item.rolls = make::throw_lines(&recipe.lines, dice);
                item.rolls.extend(self.throw_affixes(base.kind, item.level, count, row.side_max, dice));
                item.quality = Quality::Crafted;
                item.origin.clone_from(&recipe.key);
                item.name = self.throw_name(base.kind, dice);
                item.identified = true;
                Ok(())
            }
        }
    }

    /// Whether a recipe takes exactly these; which of them its first ingredient is.
    fn match_recipe(&self, recipe: &Recipe, inputs: &[Item]) -> Option<usize> {
        let wanted: Vec<&Ingredient> =
            recipe.inputs.iter().flat_map(|input| std::iter::repeat_n(input, input.count as usize)).collect();
        let given: Vec<usize> = inputs
            .iter()
            .enumerate()
            .flat_map(|(place, item)| std::iter::repeat_n(place, item.count as usize))
            .collect();
        if wanted.len() != given.len() {
            return None;
        }
        // One thing may fit several ingredients: each gets one, by augmenting paths.
        let mut taken_by: Vec<Option<usize>> = vec![None; given.len()];
        for place in 0..wanted.len() {
            let mut seen = vec![false; given.len()];
            if !self.assign(place, &wanted, &given, inputs, &mut seen, &mut taken_by) {
                return None;
            }
        }
        let unit = taken_by.iter().position(|place| *place == Some(0))?;
        Some(given[unit])
    }

    /// Finds a thing for an ingredient, and another one for whoever had it. As deep as there are ingredients at most.
    fn assign(
        &self,
        place: usize,
        wanted: &[&Ingredient],
        given: &[usize],
        inputs: &[Item],
        seen: &mut [bool],
        taken_by: &mut [Option<usize>],
    ) -> bool {
        for unit in 0..given.len() {
            if seen[unit] || !self.fits(wanted[place], &inputs[given[unit]]) {
                continue;
            }
            seen[unit] = true;
            let free = match taken_by[unit] {
                None => true,
                Some(other) => self.assign(other, wanted, given, inputs, seen, taken_by),
            };
            if free {
                taken_by[unit] = Some(place);
                return true;
            }
        }
        false
    }

    fn fits(&self, wanted: &Ingredient, item: &Item) -> bool {
        let Some(place) = self.base_places.get(&item.base) else { return false };
        wanted.base.is_none_or(|base| base == *place)
            && (wanted.kinds.is_empty() || wanted.kinds.contains(&self.bases[*place].kind))
            && wanted.quality.is_none_or(|quality| quality == item.quality)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{
        dice::Dice,
        items::{Base, Catalogue, Deed, Ingredient, Item, ItemProblem, Quality, testing, testing::any_item},
    };

    /// Something that fits an ingredient.
    fn fitting(items: &Catalogue, wanted: &Ingredient, deed: Deed, seed: u64) -> Item {
        let fits = |place: usize, base: &Base| {
            wanted.base.is_none_or(|wanted| wanted == place)
                && (wanted.kinds.is_empty() || wanted.kinds.contains(&base.kind))
                && (deed != Deed::Sockets && deed != Deed::Empty || base.sockets > 0)
                && (deed != Deed::Repair || base.durability > 0)
        };
        let found = items.bases().iter().enumerate().filter(|(place, base)| fits(*place, base));
        let all: Vec<&Base> = found.map(|(_, base)| base).collect();
        let base = all[usize::try_from(seed).unwrap_or(0) % all.len()];
        let quality = wanted.quality.unwrap_or(Quality::Normal);
        let mut item = (0..)
            .map(|more| items.make(&base.key, quality, 60, &mut Dice::new(seed.wrapping_add(more), 4)).unwrap())
            .find(|item| item.quality == quality)
            .unwrap();
        match deed {
            Deed::Sockets => item.sockets = 0,
            Deed::Empty => {
                item.sockets = 1;
                let gem = items.bases().iter().find(|base| base.setting.is_some()).unwrap();
                item.gems = vec![gem.key.clone()];
            }
            Deed::Repair => item.durability = 0,
            _ => {}
        }
        item
    }

    fn ingredients(items: &Catalogue, recipe: usize, seed: u64) -> Vec<Item> {
        let recipe = &items.recipes()[recipe];
        let mut all = Vec::new();
        for (place, wanted) in recipe.inputs.iter().enumerate() {
            for _ in 0..wanted.count {
                let deed = if place == 0 { recipe.deed } else { Deed::Make };
                all.push(fitting(items, wanted, deed, seed));
            }
        }
        all
    }

    #[test]
    fn every_recipe_does_what_it_says() {
        let content = testing::content();
        let items = content.items();
        for (place, recipe) in items.recipes().iter().enumerate() {
            for seed in 0..40 {
                let inputs = ingredients(items, place, seed);
                let done = items.combine(&inputs, &mut Dice::new(seed, 8)).unwrap();
                assert_eq!(done.recipe, recipe.key);
                assert_eq!(done, items.combine(&inputs, &mut Dice::new(seed, 8)).unwrap());
                if let Some(made) = &done.made {
                    assert_eq!(items.check(made), Ok(()), "{made:?}");
                    assert_eq!(recipe.deed, Deed::Make);
                }
                if let Some((subject, item)) = &done.changed {
                    assert_eq!(items.check(item), Ok(()), "{} {item:?}", recipe.key);
                    assert_eq!((&item.base, item.level), (&inputs[*subject].base, inputs[*subject].level));
                    match recipe.deed {
                        Deed::Sockets => assert!((1..=recipe.sockets).contains(&item.sockets)),
                        Deed::Empty => assert!(item.gems.is_empty() && item.sockets > 0),
                        Deed::Craft => assert_eq!((item.quality, &item.origin), (Quality::Crafted, &recipe.key)),
                        Deed::Repair => assert!(item.durability > 0),
                        Deed::Reroll | Deed::Make => {}
                    }
                }
                assert!(done.changed.is_some() != done.made.is_some());
            }
        }
    }

    #[test]
    fn one_too_few_or_too_many_is_no_recipe() {
        let content = testing::content();
        let items = content.items();
        for place in 0..items.recipes().len() {
            let inputs = ingredients(items, place, 3);
            let mut fewer = inputs.clone();
            fewer.pop();
            let odd = items.plain("ring", 1).unwrap();
            let more: Vec<Item> = inputs.iter().cloned().chain([odd]).collect();
            for wrong in [fewer, more] {
                let done = items.combine(&wrong, &mut Dice::new(1, 1));
                assert!(done.as_ref().map_or(true, |done| done.recipe != items.recipes()[place].key), "{done:?}");
            }
        }
        assert_eq!(items.combine(&[], &mut Dice::new(1, 1)), Err(ItemProblem::NoRecipe));
        let stack = Item { count: u32::MAX, ..items.plain("ash-salt", 1).unwrap() };
        let many = vec![stack; 3];
        assert_eq!(items.combine(&many, &mut Dice::new(1, 1)), Err(ItemProblem::NoRecipe));
    }

    #[test]
    fn stacks_are_counted_one_by_one() {
        let content = testing::content();
        let items = content.items();
        let recipe =
            items.recipes().iter().position(|recipe| recipe.inputs.iter().any(|input| input.count > 1)).unwrap();
        let mut inputs = ingredients(items, recipe, 1);
        let done = items.combine(&inputs, &mut Dice::new(1, 1)).unwrap();
        let twice = inputs.iter().position(|one| inputs.iter().filter(|other| *other == one).count() > 1).unwrap();
        // The same number, once as pieces and once as a stack.
        let kind = inputs[twice].clone();
        let count = u32::try_from(inputs.iter().filter(|item| **item == kind).count()).unwrap();
        inputs.retain(|item| *item != kind);
        inputs.push(Item { count, ..kind });
        assert_eq!(items.combine(&inputs, &mut Dice::new(1, 1)).unwrap().recipe, done.recipe);
    }

    proptest! {
        /// The order in which things lie there does not decide whether a recipe takes them.
        #[test]
        fn the_order_of_the_inputs_does_not_matter(recipe: prop::sample::Index, seed: u64, order: prop::sample::Index, back: bool) {
            let content = testing::content();
            let items = content.items();
            let place = recipe.index(items.recipes().len());
            let mut inputs = ingredients(items, place, seed);
            let by = order.index(inputs.len());
            let subject = inputs[0].clone();
            inputs.rotate_left(by);
            if back {
                inputs.reverse();
            }
            let done = items.combine(&inputs, &mut Dice::new(seed, 1)).unwrap();
            let recipe = &items.recipes()[place];
            prop_assert_eq!(&done.recipe, &recipe.key);
            if let Some((changed, _)) = done.changed {
                prop_assert_eq!(&inputs[changed], &subject);
            }
        }

        /// Whatever lies there, the answer is possible or a refusal.
        #[test]
        fn whatever_is_combined_is_possible(inputs in prop::collection::vec(any_item(), 0..6), seed: u64) {
            let content = testing::content();
            let items = content.items();
            if let Ok(done) = items.combine(&inputs, &mut Dice::new(seed, 1)) {
                for item in done.made.iter().chain(done.changed.iter().map(|(_, item)| item)) {
                    prop_assert_eq!(items.check(item), Ok(()));
                }
            }
        }
    }
}
