//! Whether an item can have come about under the rules: what staff, scanners and whoever reads items from outside ask.

use super::{
    Affix, Base, Catalogue, ITEM_LEVEL_MAX, Item, ItemProblem, Kind, Line, NAME_CHARACTERS_MAX, Property, Quality,
    ROLLS_MAX, Roll, Side,
};

/// Most affixes of one side, whatever a pack says today: items of old stay possible when their quality's numbers change.
const SIDE_MAX: u32 = 3;

impl Catalogue {
    /// Whether an item can have come about under the rules of this pack.
    ///
    /// # Errors
    /// [`ItemProblem::Unknown`] for a row that the pack does not have, [`ItemProblem::Impossible`] for anything else; the first that is found.
    pub fn check(&self, item: &Item) -> Result<(), ItemProblem> {
        let base = self.base_of(item)?;
        holds((1..=ITEM_LEVEL_MAX).contains(&item.level), "its level")?;
        holds((1..=base.stack).contains(&item.count), "how many they are")?;
        holds(item.durability <= base.durability, "its durability")?;
        holds(item.sockets <= base.sockets, "the number of its sockets")?;
        holds(item.gems.len() <= item.sockets as usize, "the number of its gems")?;
        for gem in &item.gems {
            let found = self.base(gem).ok_or_else(|| ItemProblem::Unknown { what: "gem", key: gem.clone() })?;
            holds(found.kind == Kind::Gem, "what is in its sockets")?;
        }
        holds(base.kind.is_worn() || item.quality == Quality::Normal, "its quality")?;
        holds(item.rolls.len() <= ROLLS_MAX, "the number of its properties")?;
        holds(item.name.chars().count() <= NAME_CHARACTERS_MAX, "the length of its name")?;
        self.check_quality(item, base)?;
        // No ring gives two levels to every skill, whatever a pack says.
        let skills = self.judged(item)?.properties;
        let skills = skills.iter().filter(|one| one.property == Property::AllSkills).map(|one| i64::from(one.value));
        holds(base.kind != Kind::Ring || skills.sum::<i64>() <= 1, "what it gives to all skills")
    }

    fn check_quality(&self, item: &Item, base: &Base) -> Result<(), ItemProblem> {
        let is_named = matches!(item.quality, Quality::Rare | Quality::Crafted);
        holds(item.name.is_empty() != is_named, "its name")?;
        let has_origin = matches!(item.quality, Quality::Set | Quality::Unique | Quality::Crafted);
        holds(item.origin.is_empty() != has_origin, "where it comes from")?;
        holds(item.identified || item.quality != Quality::Normal, "that it is not identified")?;
        let unknown = |what| ItemProblem::Unknown { what, key: item.origin.clone() };
        match item.quality {
            Quality::Normal => holds(item.rolls.is_empty(), "that it has properties"),
            Quality::Magic => self.check_affixes(item, base, &item.rolls, 1, 1, 2),
            Quality::Rare => self.check_affixes(item, base, &item.rolls, SIDE_MAX, 3, 6),
            Quality::Set | Quality::Unique => {
                let special = self.special_of(item).ok_or_else(|| unknown("unique or set's piece"))?;
                holds(self.bases[special.base].key == item.base, "its base")?;
                holds(special.level <= item.level, "its level")?;
                check_lines(&special.lines, &item.rolls)
            }
            Quality::Crafted => {
                let recipe = self.recipe_of(item).ok_or_else(|| unknown("recipe"))?;
                let (own, affixes) = item.rolls.split_at_checked(recipe.lines.len()).unwrap_or((&item.rolls, &[]));
                check_lines(&recipe.lines, own)?;
                self.check_affixes(item, base, affixes, SIDE_MAX, 0, 4)
            }
        }
    }

    fn check_affixes(
        &self,
        item: &Item,
        base: &Base,
        rolls: &[Roll],
        side_max: u32,
        least: u32,
        most: u32,
    ) -> Result<(), ItemProblem> {
        holds((least as usize..=most as usize).contains(&rolls.len()), "the number of its affixes")?;
        let mut seen: Vec<&Affix> = Vec::new();
        for roll in rolls {
            let Roll::Affix { key, value } = roll else { return holds(false, "a property of its own") };
            let affix = self.affix(key).ok_or_else(|| ItemProblem::Unknown { what: "affix", key: key.clone() })?;
            holds(affix.kinds.contains(&base.kind), "an affix of another kind of item")?;
            holds((affix.level..=affix.level_max).contains(&item.level), "an affix of another level")?;
            holds((affix.line.min..=affix.line.max).contains(value), "the value of an affix")?;
            holds(!seen.iter().any(|other| other.group == affix.group), "two affixes of one group")?;
            seen.push(affix);
        }
        let fits = |side: Side| seen.iter().filter(|affix| affix.side == side).count() <= side_max as usize;
        holds(fits(Side::Prefix) && fits(Side::Suffix), "the number of its prefixes or suffixes")
    }
}

fn check_lines(lines: &[Line], rolls: &[Roll]) -> Result<(), ItemProblem> {
    holds(lines.len() == rolls.len(), "the number of its properties")?;
    for (line, roll) in lines.iter().zip(rolls) {
        let Roll::Own { property, value } = roll else { return holds(false, "an affix") };
        holds(*property == line.property, "a property")?;
        holds((line.min..=line.max).contains(value), "the value of a property")?;
    }
    Ok(())
}

fn holds(condition: bool, what: &'static str) -> Result<(), ItemProblem> {
    if condition { Ok(()) } else { Err(ItemProblem::Impossible { what }) }
}

#[cfg(test)]
mod tests {
    use crate::{
        dice::Dice,
        items::{Item, ItemProblem, Quality, Roll, testing},
    };

    /// A rare of which at least four affixes were thrown.
    fn rare() -> Item {
        let content = testing::content();
        (0..)
            .map(|seed| content.items().make("ring", Quality::Rare, 80, &mut Dice::new(seed, 1)).unwrap())
            .find(|item| item.rolls.len() >= 4)
            .unwrap()
    }

    #[test]
    fn whatever_is_not_possible_is_named() {
        let content = testing::content();
        let items = content.items();
        let rare = rare();
        assert_eq!(items.check(&rare), Ok(()));
        let beyond = |roll: &Roll| match roll {
            Roll::Affix { key, .. } => Roll::Affix { key: key.clone(), value: items.affix(key).unwrap().line.max + 1 },
            Roll::Own { .. } => unreachable!("a rare has affixes alone"),
        };
        let changed = |change: &dyn Fn(&mut Item)| {
            let mut item = rare.clone();
            change(&mut item);
            items.check(&item)
        };
        let impossible = |what| Err(ItemProblem::Impossible { what });
        assert_eq!(changed(&|item| item.level = 0), impossible("its level"));
        assert_eq!(changed(&|item| item.level = 100), impossible("its level"));
        assert_eq!(changed(&|item| item.count = 0), impossible("how many they are"));
        assert_eq!(changed(&|item| item.count = 2), impossible("how many they are"));
        assert_eq!(changed(&|item| item.durability = 1), impossible("its durability"));
        assert_eq!(changed(&|item| item.sockets = 1), impossible("the number of its sockets"));
        assert_eq!(changed(&|item| item.gems.push("ring".to_owned())), impossible("the number of its gems"));
        assert_eq!(changed(&|item| item.name.clear()), impossible("its name"));
        assert_eq!(changed(&|item| item.name = "x".repeat(99)), impossible("the length of its name"));
        assert_eq!(changed(&|item| item.origin = "x".to_owned()), impossible("where it comes from"));
        assert_eq!(changed(&|item| item.rolls.truncate(2)), impossible("the number of its affixes"));
        assert_eq!(changed(&|item| item.rolls[0] = beyond(&item.rolls[0])), impossible("the value of an affix"));
        assert_eq!(changed(&|item| item.rolls[1] = item.rolls[0].clone()), impossible("two affixes of one group"));
        assert_eq!(changed(&|item| item.base = "moon".to_owned()).unwrap_err().code(), "ITEM_UNKNOWN");
        assert_eq!(changed(&|item| item.quality = Quality::Normal), impossible("its name"));
        let gone = Roll::Affix { key: "gone".to_owned(), value: 1 };
        assert_eq!(changed(&|item| item.rolls[0] = gone.clone()).unwrap_err().code(), "ITEM_UNKNOWN");
        let unique = items.make("ring", Quality::Unique, 99, &mut Dice::new(1, 1)).unwrap();
        assert_eq!(unique.quality, Quality::Unique);
        assert_eq!(items.check(&unique), Ok(()));
        assert_eq!(items.check(&Item { rolls: Vec::new(), ..unique }), impossible("the number of its properties"));
    }
}
