//! What vendors ask and give, and what wears out.

use super::{Base, Catalogue, Item, ItemProblem, Quality, Roll};

impl Catalogue {
    /// What a vendor asks for an item, or for the whole stack.
    ///
    /// # Errors
    /// [`ItemProblem::NoPrice`] for what vendors do not trade.
    pub fn ask(&self, item: &Item) -> Result<i64, ItemProblem> {
        let (left, whole) = self.wholeness(item)?;
        let percent = u128::from(self.qualities.prices.ask_percent);
        let one = (u128::from(self.worth(item, true)?) * left * percent).div_ceil(whole * 100);
        Ok(gold(one * u128::from(item.count)))
    }

    /// What a vendor gives for an item, or for the whole stack: never more than is asked for it, and for a stack as much as for its parts.
    /// What nobody has found out is not paid for.
    ///
    /// # Errors
    /// [`ItemProblem::NoPrice`] for what vendors do not trade.
    pub fn give(&self, item: &Item) -> Result<i64, ItemProblem> {
        let (left, whole) = self.wholeness(item)?;
        let prices = self.qualities.prices;
        let one =
            u128::from(self.worth(item, item.identified)?) * left * u128::from(prices.give_percent) / (whole * 100);
        Ok(gold(one.min(prices.give_max.into()) * u128::from(item.count)))
    }

    /// What it costs to repair an item whole: at least what a vendor gives more for it afterwards.
    ///
    /// # Errors
    /// [`ItemProblem::NoRepair`] when it needs none, and [`ItemProblem::NoPrice`] for what vendors do not trade: a recipe may repair it.
    pub fn repair_price(&self, item: &Item) -> Result<i64, ItemProblem> {
        let most = self.base_of(item)?.durability;
        let lost = most.saturating_sub(item.durability);
        if lost == 0 {
            return Err(ItemProblem::NoRepair);
        }
        let percent = u128::from(self.qualities.prices.repair_percent);
        let price = u128::from(self.worth(item, true)?) * u128::from(lost) * percent;
        Ok(gold(price.div_ceil(u128::from(most) * 100)).max(1))
    }

    /// Repairs an item whole.
    ///
    /// # Errors
    /// [`ItemProblem::NoRepair`] when it needs none; then nothing has changed.
    pub fn repair(&self, item: &mut Item) -> Result<(), ItemProblem> {
        let most = self.base_of(item)?.durability;
        if item.durability >= most {
            return Err(ItemProblem::NoRepair);
        }
        item.durability = most;
        Ok(())
    }

    /// An item wears by so much; what does not wear stays as it is. True when it has just worn out.
    ///
    /// # Errors
    /// [`ItemProblem::Unknown`] when the pack does not know its base.
    pub fn wear_out(&self, item: &mut Item, amount: u32) -> Result<bool, ItemProblem> {
        if self.base_of(item)?.durability == 0 {
            return Ok(false);
        }
        let before = item.durability;
        item.durability = before.saturating_sub(amount);
        Ok(before > 0 && item.durability == 0)
    }

    /// What one of them is worth when it is whole.
    fn worth(&self, item: &Item, known: bool) -> Result<u64, ItemProblem> {
        let base = self.base_of(item)?;
        if base.price == 0 {
            return Err(ItemProblem::NoPrice);
        }
        let affixes = item.rolls.iter().filter_map(|roll| match roll {
            Roll::Affix { key, .. } => self.affix(key).map(|affix| affix.price),
            Roll::Own { .. } => None,
        });
        let special = self.special_of(item).map(|special| special.price);
        let hidden: u64 = affixes.chain(special).map(u64::from).sum();
        // In a socket a gem is worth what it is worth by itself: else gold could be made by setting it.
        let gems = item.gems.iter().filter_map(|gem| self.base(gem)).map(|gem| self.bare_worth(gem, Quality::Normal));
        let plain = self.bare_worth(base, item.quality) + gems.sum::<u64>();
        Ok(plain + if known { hidden } else { 0 })
    }

    /// What a base is worth in this quality, at least 1 for what has a price.
    fn bare_worth(&self, base: &Base, quality: Quality) -> u64 {
        let percent = u64::from(self.qualities.row(quality).price_percent);
        (u64::from(base.price) * percent / 100).max(u64::from(base.price > 0))
    }

    /// What is left of its worth, as a part of a whole: what is worn out is worth half.
    fn wholeness(&self, item: &Item) -> Result<(u128, u128), ItemProblem> {
        let most = self.base_of(item)?.durability;
        Ok(if most == 0 {
            (1, 1)
        } else {
            (u128::from(most) + u128::from(item.durability.min(most)), 2 * u128::from(most))
        })
    }
}

fn gold(amount: u128) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::items::{Item, ItemProblem, Prices, testing, testing::any_item};

    #[test]
    fn what_is_worn_out_can_be_repaired_and_what_never_wears_cannot() {
        let content = testing::content();
        let items = content.items();
        let base = items.bases().iter().find(|base| base.durability > 1).unwrap();
        let mut item = items.plain(&base.key, 1).unwrap();
        assert_eq!(items.repair_price(&item), Err(ItemProblem::NoRepair));
        assert_eq!(items.wear_out(&mut item, 1), Ok(false));
        assert_eq!(items.wear_out(&mut item, u32::MAX), Ok(true));
        assert_eq!(items.wear_out(&mut item, 1), Ok(false));
        assert!(items.repair_price(&item).unwrap() > 0);
        items.repair(&mut item).unwrap();
        assert_eq!(item.durability, base.durability);
        assert_eq!(items.repair(&mut item), Err(ItemProblem::NoRepair));
        let mut ring = items.plain("ring", 1).unwrap();
        assert_eq!((items.wear_out(&mut ring, 9), items.repair(&mut ring)), (Ok(false), Err(ItemProblem::NoRepair)));
    }

    proptest! {
        /// No gold comes of buying and selling, of splitting stacks, of finding out, of setting gems or of repairing, whatever the pack says; whatever
        /// the numbers, nothing overflows.
        #[test]
        fn nothing_is_earned_by_trading_with_vendors(
            item in any_item(),
            wear: u32,
            count in 1..=u32::MAX,
            part: u32,
            gem: prop::sample::Index,
            give in 0..=1_000u32,
            (ask_more, repair_more) in (0..500u32, 0..500u32),
            give_max in 0..=1_000_000_000u32,
            percents in prop::collection::vec(1..=10_000u32, 6),
        ) {
            let mut items = testing::content().items().clone();
            items.qualities.prices =
                Prices { give_percent: give, ask_percent: give.max(1) + ask_more, repair_percent: give + repair_more, give_max };
            for (row, percent) in items.qualities.rows.iter_mut().zip(percents) {
                row.price_percent = percent;
            }
            let mut item = item;
            items.wear_out(&mut item, wear % 200).unwrap();
            let hidden = Item { identified: false, ..item.clone() };
            prop_assert!(items.give(&hidden)? <= items.give(&item)?);
            prop_assert!(items.give(&item)? <= items.ask(&hidden)?);
            prop_assert!(items.give(&item)? <= items.ask(&item)?);
            if let Ok(price) = items.repair_price(&item) {
                let mut whole = item.clone();
                items.repair(&mut whole).unwrap();
                prop_assert!(items.give(&whole)? <= items.give(&item)? + price);
            }
            let gems: Vec<_> = items.bases().iter().filter(|base| base.setting.is_some()).collect();
            let gem = items.plain(&gem.get(&gems).key, 1).unwrap();
            let mut set = Item { sockets: 1, gems: Vec::new(), ..item.clone() };
            let before = items.give(&set)?;
            items.set_gem(&mut set, &gem).unwrap();
            prop_assert!(items.give(&set)? <= before + items.ask(&gem)?);
            let stack = Item { count, ..item.clone() };
            if let Some(rest) = count.checked_sub(part % count).filter(|rest| *rest < count) {
                let parts = [rest, count - rest].map(|count| Item { count, ..item.clone() });
                let together = items.give(&parts[0])? + items.give(&parts[1])?;
                prop_assert_eq!(items.give(&stack)?, together);
            }
        }
    }

    #[test]
    fn what_has_no_price_is_not_traded() {
        let mut items = testing::content().items().clone();
        items.bases.iter_mut().for_each(|base| base.price = 0);
        let ring = items.plain("ring", 1).unwrap();
        assert_eq!((items.ask(&ring), items.give(&ring)), (Err(ItemProblem::NoPrice), Err(ItemProblem::NoPrice)));
    }
}
