//! What each act does: the checks, then the rows.

use realm_world::items::{Cell, Item, ItemProblem, Slot};

use super::{
    Act, Bag, Hands, Items, ItemsError, Operation, Owned, Purse, Spot,
    combine::{self, Planned},
};
use crate::{
    storage::Connection,
    types::{
        ItemId,
        faults::{Point, point},
    },
};

/// What an act works with.
struct Bench<'a> {
    items: &'a Items,
    operation: &'a mut Operation,
    connection: &'a mut Connection,
    hands: &'a mut Hands,
}

/// Does what the act says to what the hands hold.
pub(in crate::items) async fn carry_out(
    items: &Items,
    operation: &mut Operation,
    connection: &mut Connection,
    hands: &mut Hands,
    act: Act,
    planned: Option<Planned>,
) -> Result<(), ItemsError> {
    let mut bench = Bench { items, operation, connection, hands };
    match act {
        Act::Move { item, to } => bench.lay(item, to).await,
        Act::Equip { item, slot } => bench.equip(item, slot).await,
        Act::Unequip { item, to } => bench.unequip(item, to).await,
        Act::Split { item, count, to } => bench.split(item, count, to).await,
        Act::Merge { item, onto } => bench.merge(item, onto).await,
        Act::Socket { gem, into } => bench.socket(gem, into).await,
        Act::Identify { scroll, item } => bench.identify(scroll, item).await,
        Act::Destroy { item, count } => bench.destroy(item, count).await,
        Act::Sell { item, count } => bench.sell(item, count).await,
        Act::Repair { item } => bench.repair(item).await,
        Act::Combine => match planned {
            Some(planned) => combine::carry_out(bench.operation, bench.connection, bench.hands, planned, items).await,
            None => Err(ItemsError::Moved),
        },
    }
}

impl Bench<'_> {
    fn owned(&self, key: ItemId) -> Result<Owned, ItemsError> {
        self.hands.get(key).cloned()
    }

    /// To any place of the character, when it may be there.
    async fn lay(&mut self, key: ItemId, to: Spot) -> Result<(), ItemsError> {
        let owned = self.owned(key)?;
        match to {
            Spot::Worn(slot) => {
                let worn = self.hands.worn(Some(key));
                worn.check(self.items.catalogue(), &self.hands.sheet, slot, &owned.item)?;
                // One of a stack is worn nowhere: what is worn does not stack.
            }
            Spot::In(bag, cell) => self.hands.grid(bag, Some(key))?.check(cell, owned.size)?,
            Spot::Returned(_) => return Err(ItemProblem::OutsideGrid.into()),
        }
        self.relocate(&owned, to).await
    }

    async fn relocate(&mut self, owned: &Owned, to: Spot) -> Result<(), ItemsError> {
        let place = self.hands.at(to);
        // Where it is already it stays.
        if owned.at != place {
            let moved = self.operation.relocate(self.connection, owned, place).await?;
            self.hands.put(moved);
        }
        Ok(())
    }

    async fn equip(&mut self, key: ItemId, slot: Option<Slot>) -> Result<(), ItemsError> {
        let owned = self.owned(key)?;
        let slot = match slot {
            Some(slot) => slot,
            None => self.slot_for(&owned)?,
        };
        self.lay(key, Spot::Worn(slot)).await
    }

    /// The first slot of its kind that is free; when none is, the first.
    fn slot_for(&self, owned: &Owned) -> Result<Slot, ItemsError> {
        let kind = self.items.catalogue().base_of(&owned.item)?.kind;
        let worn = self.hands.worn(Some(owned.key));
        let free = kind.slots().iter().find(|slot| worn.get(**slot).is_none());
        let slot = free.or(kind.slots().first());
        slot.copied().ok_or(ItemsError::Problem(ItemProblem::WrongSlot { kind, slot: Slot::MainHand }))
    }

    async fn unequip(&mut self, key: ItemId, to: Option<(Bag, Cell)>) -> Result<(), ItemsError> {
        let owned = self.owned(key)?;
        if !matches!(owned.at.spot(), Some(Spot::Worn(_))) {
            return Err(ItemsError::Moved);
        }
        match to {
            Some((bag, cell)) => self.lay(key, Spot::In(bag, cell)).await,
            None => {
                let spot = self.hands.room_for(owned.size).ok_or(ItemProblem::NoRoom)?;
                self.relocate(&owned, spot).await
            }
        }
    }

    async fn split(&mut self, key: ItemId, count: u32, to: Option<(Bag, Cell)>) -> Result<(), ItemsError> {
        let owned = self.owned(key)?;
        let mut rest = owned.item.clone();
        let part = self.items.catalogue().split(&mut rest, count)?;
        let spot = match to {
            Some((bag, cell)) => {
                self.hands.grid(bag, None)?.check(cell, owned.size)?;
                Spot::In(bag, cell)
            }
            None => self.hands.room_for(owned.size).ok_or(ItemProblem::NoRoom)?,
        };
        let place = self.hands.at(spot);
        let (left, made) = self.operation.split(self.connection, &owned, (rest, part), place).await?;
        self.hands.put(left);
        self.hands.put(made);
        Ok(())
    }

    async fn merge(&mut self, key: ItemId, onto: ItemId) -> Result<(), ItemsError> {
        if key == onto {
            return Err(ItemProblem::NotAlike.into());
        }
        let (from, onto) = (self.owned(key)?, self.owned(onto)?);
        let (mut rest, mut fuller) = (from.item.clone(), onto.item.clone());
        self.items.catalogue().merge(&mut fuller, &mut rest)?;
        let left = (rest.count > 0).then_some(rest);
        let (left, fuller) = self.operation.pour(self.connection, (&from, left), (&onto, fuller)).await?;
        self.hands.put(fuller);
        match left {
            Some(left) => self.hands.put(left),
            None => self.hands.forget(from.key),
        }
        Ok(())
    }

    async fn socket(&mut self, gem: ItemId, into: ItemId) -> Result<(), ItemsError> {
        if gem == into {
            return Err(ItemProblem::NotAGem.into());
        }
        let (gem, into) = (self.owned(gem)?, self.owned(into)?);
        let mut new = into.item.clone();
        self.items.catalogue().set_gem(&mut new, &gem.item)?;
        // What it wears it has to be able to wear afterwards, too: a gem may need a level.
        if let Some(Spot::Worn(_)) = into.at.spot() {
            self.items.catalogue().check_needs(&self.hands.sheet, &new)?;
        }
        let what = format!("into {}", into.key);
        self.use_up(&gem, 1, &what).await?;
        let changed = self.operation.change(self.connection, &into, new, &format!("gem {}", gem.key)).await?;
        self.hands.put(changed);
        Ok(())
    }

    async fn identify(&mut self, scroll: ItemId, item: ItemId) -> Result<(), ItemsError> {
        if scroll == item {
            return Err(ItemProblem::NothingToIdentify.into());
        }
        let (scroll, owned) = (self.owned(scroll)?, self.owned(item)?);
        let (mut read, mut known) = (scroll.item.clone(), owned.item.clone());
        self.items.catalogue().read_over(&mut read, &mut known)?;
        self.use_up(&scroll, 1, &format!("over {}", owned.key)).await?;
        let changed = self.operation.change(self.connection, &owned, known, "identified").await?;
        self.hands.put(changed);
        Ok(())
    }

    async fn destroy(&mut self, key: ItemId, count: Option<u32>) -> Result<(), ItemsError> {
        let owned = self.owned(key)?;
        self.use_up(&owned, count.unwrap_or(owned.item.count), "destroyed").await
    }

    async fn sell(&mut self, key: ItemId, count: Option<u32>) -> Result<(), ItemsError> {
        let owned = self.owned(key)?;
        let count = count.unwrap_or(owned.item.count);
        let sold = Item { count, ..owned.item.clone() };
        self.use_up(&owned, count, "sold to a vendor").await?;
        point(Point::WithinSale);
        let price = self.items.catalogue().give(&sold)?;
        if price > 0 {
            let purse = Purse::Character(self.hands.holder.character);
            let what_for = format!("item {}", owned.key);
            self.operation.pay_for(self.connection, Purse::Mint, purse, price, &what_for).await?;
            self.hands.gold += price;
        }
        Ok(())
    }

    async fn repair(&mut self, key: ItemId) -> Result<(), ItemsError> {
        let owned = self.owned(key)?;
        let price = self.items.catalogue().repair_price(&owned.item)?;
        let mut whole = owned.item.clone();
        self.items.catalogue().repair(&mut whole)?;
        let purse = Purse::Character(self.hands.holder.character);
        let what_for = format!("repair of {}", owned.key);
        self.operation.pay_for(self.connection, purse, Purse::Mint, price, &what_for).await?;
        self.hands.gold -= price;
        let changed = self.operation.change(self.connection, &owned, whole, "repaired").await?;
        self.hands.put(changed);
        Ok(())
    }

    /// So many of an item are no more.
    async fn use_up(&mut self, owned: &Owned, count: u32, why: &str) -> Result<(), ItemsError> {
        let has = owned.item.count;
        let left = has.checked_sub(count).filter(|_| count > 0);
        match left.ok_or(ItemProblem::WrongCount { wanted: count, has })? {
            0 => {
                self.operation.end(self.connection, owned, why).await?;
                self.hands.forget(owned.key);
            }
            left => {
                let rest = Item { count: left, ..owned.item.clone() };
                let changed = self.operation.change(self.connection, owned, rest, why).await?;
                self.hands.put(changed);
            }
        }
        Ok(())
    }
}
