//! Vendors: what is bought from them.
//!
//! What a vendor sells is shown to the rules before the transaction, as everything that is made; there it is paid for and comes into being.

use realm_world::items::{Cell, Item, ItemProblem};

use super::{Bag, Hands, Holder, Items, ItemsError, Operation, Purse, Spot, judging::Occasion, store};
use crate::storage::Connection;

/// What is to be bought.
#[derive(Debug)]
pub(in crate::items) struct Planned {
    item: Item,
    price: i64,
    rules: Vec<String>,
}

impl Items {
    /// Looks whether it is for sale, what it costs, and what the rules say.
    pub(in crate::items) async fn plan_purchase(
        &self,
        holder: &Holder,
        base: &str,
        count: u32,
        vendor: Option<&str>,
    ) -> Result<Planned, ItemsError> {
        if !store::is_of(self.storage.reader(), &self.realm, holder).await? {
            return Err(ItemsError::CharacterUnknown);
        }
        let is_meant = |name: &str| vendor.is_none_or(|wanted| wanted == name);
        if !self.content.vendors().any(|vendor| is_meant(vendor.name) && vendor.sells(base)) {
            return Err(ItemsError::NotSold);
        }
        let ware = self.catalogue().base(base).ok_or(ItemsError::NotSold)?;
        if !(1..=ware.stack).contains(&count) {
            return Err(ItemsError::WrongPurchase { wanted: count, most: ware.stack });
        }
        let item = Item { count, ..self.catalogue().plain(base, ware.level)? };
        let price = self.catalogue().ask(&item)?;
        let rules = self.judge(None, &item, Occasion::Creation).await?;
        Ok(Planned { item, price, rules })
    }
}

/// Does what was planned: it is paid for, and lies in the inventory.
pub(in crate::items) async fn carry_out(
    operation: &mut Operation,
    connection: &mut Connection,
    hands: &mut Hands,
    planned: Planned,
    to: Option<(Bag, Cell)>,
    items: &Items,
) -> Result<(), ItemsError> {
    let Planned { item, price, rules } = planned;
    let what_for = format!("{} {}", item.count, item.base);
    let purse = Purse::Character(hands.holder.character);
    operation.pay_for(connection, purse, Purse::Mint, price, &what_for).await?;
    hands.gold -= price;
    let birth = operation.certificate(rules);
    let Some((bag, cell)) = to else {
        items.bear(operation, connection, hands, item, birth).await?;
        return Ok(());
    };
    if bag != Bag::Inventory {
        return Err(ItemProblem::OutsideGrid.into());
    }
    hands.grid(bag, None)?.check(cell, items.catalogue().base_of(&item)?.size)?;
    let bought = operation.create(connection, item, hands.at(Spot::In(bag, cell)), birth).await?;
    hands.put(bought);
    Ok(())
}
