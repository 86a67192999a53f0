//! How an item comes about.

use super::{Base, Catalogue, ITEM_LEVEL_MAX, Item, ItemProblem, Line, Quality, QualityRow, Roll, Special, affixes};
use crate::{content::items::CHANCE_OF, dice::Dice};

/// The qualities that are thrown for, the best first. What none of them is, is normal.
const THROWN: [Quality; 4] = [Quality::Unique, Quality::Set, Quality::Rare, Quality::Magic];

impl Catalogue {
    /// One of this base without anything thrown.
    ///
    /// # Errors
    /// [`ItemProblem::Unknown`] when the pack has no such base.
    pub fn plain(&self, base: &str, level: u32) -> Result<Item, ItemProblem> {
        let unknown = || ItemProblem::Unknown { what: "item", key: base.to_owned() };
        self.base(base).map(|base| plain(base, level)).ok_or_else(unknown)
    }

    /// One of this base and quality, its values thrown. Where the pack has nothing of that quality for this base and level, the best below:
    /// a rare for a unique or a set's piece, magic for a rare with too few affixes, normal for what has none.
    ///
    /// # Errors
    /// [`ItemProblem::Unknown`] when the pack has no such base, and [`ItemProblem::Impossible`] for a crafted item, which only a recipe makes.
    pub fn make(&self, base: &str, quality: Quality, level: u32, dice: &mut Dice) -> Result<Item, ItemProblem> {
        let unknown = || ItemProblem::Unknown { what: "item", key: base.to_owned() };
        let base = self.base(base).ok_or_else(unknown)?;
        if quality == Quality::Crafted {
            return Err(ItemProblem::Impossible { what: "the quality crafted without a recipe" });
        }
        Ok(self.of_quality(base, quality, level, dice))
    }

    /// One of this base, its quality thrown.
    pub(super) fn bear(&self, base: &Base, level: u32, magic_find: u32, dice: &mut Dice) -> Item {
        let level = level.clamp(1, ITEM_LEVEL_MAX);
        let thrown = |quality: &Quality, dice: &mut Dice| {
            dice.below(CHANCE_OF) < chance(self.qualities.row(*quality), level, magic_find)
        };
        let quality = if base.kind.is_worn() {
            THROWN.into_iter().find(|quality| thrown(quality, dice) && self.has_quality(base, *quality, level))
        } else {
            None
        };
        self.of_quality(base, quality.unwrap_or(Quality::Normal), level, dice)
    }

    fn has_quality(&self, base: &Base, quality: Quality, level: u32) -> bool {
        match quality {
            Quality::Unique | Quality::Set => !self.specials_for(base, quality, level).is_empty(),
            _ => true,
        }
    }

    fn specials_for(&self, base: &Base, quality: Quality, level: u32) -> Vec<&Special> {
        let fits = |special: &&Special| {
            special.quality == quality
                && special.frequency > 0
                && special.level <= level
                && self.bases[special.base].key == base.key
        };
        self.specials.rows.iter().filter(fits).collect()
    }

    fn of_quality(&self, base: &Base, quality: Quality, level: u32, dice: &mut Dice) -> Item {
        let mut item = plain(base, level);
        if base.kind.is_worn() {
            self.adorn(&mut item, base, quality, dice);
        }
        let socket_percent = self.qualities.row(item.quality).socket_percent;
        if base.sockets > 0 && dice.percent(socket_percent) {
            item.sockets = 1 + dice.below(base.sockets);
        }
        item
    }

    /// Gives a plain item the properties of a quality.
    fn adorn(&self, item: &mut Item, base: &Base, quality: Quality, dice: &mut Dice) {
        match quality {
            Quality::Normal | Quality::Crafted => {}
            Quality::Unique | Quality::Set => {
                let specials = self.specials_for(base, quality, item.level);
                let Some(special) = affixes::weighted(&specials, |special| special.frequency, dice) else {
                    return self.adorn(item, base, Quality::Rare, dice);
                };
                item.quality = quality;
                item.origin.clone_from(&special.key);
                item.rolls = throw_lines(&special.lines, dice);
                item.identified = false;
            }
            Quality::Magic | Quality::Rare => self.enchant(item, base, quality, dice),
        }
    }

    /// Throws the affixes of a magic or rare item anew.
    pub(super) fn enchant(&self, item: &mut Item, base: &Base, quality: Quality, dice: &mut Dice) {
        let row = self.qualities.row(quality);
        let count = row.affixes_min + dice.below(row.affixes_max - row.affixes_min + 1);
        item.rolls = self.throw_affixes(base.kind, item.level, count, row.side_max, dice);
        item.name.clear();
        item.quality = quality;
        if quality == Quality::Rare {
            if item.rolls.len() >= row.affixes_min as usize {
                item.name = self.throw_name(base.kind, dice);
            } else {
                item.quality = Quality::Magic;
                item.rolls = self.one_of_each_side(std::mem::take(&mut item.rolls));
            }
        }
        if item.rolls.is_empty() {
            item.quality = Quality::Normal;
        }
        item.identified = item.quality == Quality::Normal;
    }
}

/// One without anything thrown.
pub(super) fn plain(base: &Base, level: u32) -> Item {
    Item {
        base: base.key.clone(),
        quality: Quality::Normal,
        level: level.clamp(1, ITEM_LEVEL_MAX),
        origin: String::new(),
        name: String::new(),
        rolls: Vec::new(),
        sockets: 0,
        gems: Vec::new(),
        identified: true,
        count: 1,
        durability: base.durability,
    }
}

/// Throws a value for each line.
pub(super) fn throw_lines(lines: &[Line], dice: &mut Dice) -> Vec<Roll> {
    lines.iter().map(|line| Roll::Own { property: line.property, value: dice.between(line.min, line.max) }).collect()
}

/// How often of [`CHANCE_OF`] a quality comes. Of magic find there may be any amount; it brings the chance never further up than by
/// `find_max` percent.
fn chance(row: &QualityRow, level: u32, magic_find: u32) -> u32 {
    let (find, most) = (u64::from(magic_find), u64::from(row.find_max));
    let percent = (find * most).checked_div(find + most).unwrap_or_default();
    let plain = u64::from(row.chance) + u64::from(row.chance_per_level) * u64::from(level.saturating_sub(1));
    u32::try_from(plain * (100 + percent) / 100).unwrap_or(CHANCE_OF).min(CHANCE_OF)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::chance;
    use crate::{
        content::items::CHANCE_OF,
        dice::Dice,
        items::{ItemProblem, Quality, testing, testing::any_base},
    };

    #[test]
    fn chances_grow_with_level_and_find_and_stay_below_their_bound() {
        let content = testing::content();
        for quality in super::THROWN {
            let row = content.items().qualities().row(quality);
            let mut before = 0;
            for find in [0, 10, 100, 1_000, u32::MAX] {
                let now = chance(row, 40, find);
                assert!(now >= before && now <= CHANCE_OF, "{} {find}", quality.name());
                before = now;
            }
            assert!(u64::from(before) <= u64::from(chance(row, 40, 0) + 1) * u64::from(100 + row.find_max) / 100);
            assert!(chance(row, 99, 0) > chance(row, 1, 0));
        }
    }

    #[test]
    fn only_a_recipe_makes_crafted_items_and_nobody_makes_unknown_ones() {
        let content = testing::content();
        let mut dice = Dice::new(1, 1);
        let made = content.items().make("ring", Quality::Crafted, 10, &mut dice);
        assert!(matches!(made, Err(ItemProblem::Impossible { .. })));
        let made = content.items().make("moon", Quality::Normal, 10, &mut dice);
        assert_eq!(made, Err(ItemProblem::Unknown { what: "item", key: "moon".to_owned() }));
    }

    #[test]
    fn what_has_a_frequency_of_0_is_made_no_more_and_stays_possible() {
        let mut items = testing::content().items().clone();
        let unique = items.make("ring", Quality::Unique, 60, &mut Dice::new(1, 1)).unwrap();
        let magic = items.make("ring", Quality::Magic, 60, &mut Dice::new(1, 1)).unwrap();
        items.specials.rows.iter_mut().for_each(|special| special.frequency = 0);
        items.affixes.iter_mut().for_each(|affix| affix.frequency = 0);
        for quality in super::THROWN {
            let made = items.make("ring", quality, 60, &mut Dice::new(1, 1)).unwrap();
            assert_eq!((made.quality, made.identified), (Quality::Normal, true));
        }
        assert_eq!((items.check(&unique), items.check(&magic)), (Ok(()), Ok(())));
        assert_eq!(unique.quality, Quality::Unique);
    }

    proptest! {
        /// Whatever is made is possible under the rules, and the same dice make the same again.
        #[test]
        fn what_is_made_is_possible(
            base in any_base(),
            quality in prop::sample::select(&super::THROWN[..]),
            level in 0..120u32,
            seed: u64,
        ) {
            let content = testing::content();
            let items = content.items();
            let made = items.make(&base, quality, level, &mut Dice::new(seed, 9)).unwrap();
            prop_assert_eq!(items.check(&made), Ok(()), "{:?}", made);
            prop_assert_eq!(items.make(&base, quality, level, &mut Dice::new(seed, 9)).unwrap(), made);
        }
    }
}
