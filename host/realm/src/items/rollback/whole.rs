//! A deal is undone as a whole, or nothing of it: first everything is looked at, then everything is moved.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    ACT_LINES_MAX, Undoing,
    deal::{Deal, Thing, is_deal},
};
use crate::{
    items::{ItemsError, LedgerLine, Owned, Purse, Side, ground::any_room, purse::GOLD_MAX, store},
    storage::Connection,
    types::{CharacterId, ItemId},
};

/// An item on its way back.
struct Return {
    owned: Owned,
    giver: CharacterId,
    /// Gems were set into it since it was given.
    with_new_gems: bool,
}

/// Gold on its way back.
struct Refund {
    from: Purse,
    payer: CharacterId,
    amount: i64,
    /// Whose it was last; nobody's when it is minted anew.
    had: Option<CharacterId>,
}

/// Why a deal stays, in words.
type Stays = String;

/// What is to be done when a deal is undone; or why it stays.
type Planned = Result<(Vec<Return>, Vec<Refund>), Stays>;

/// The words that the lines of its undoing carry.
pub(super) fn name(operation: i64) -> String {
    format!("deal {operation}")
}

impl Undoing<'_> {
    /// The deals that these lines are of, with those of what lay on the market, the newest first. All of them are noted as deals.
    pub(super) async fn find_deals(
        &mut self,
        connection: &mut Connection,
        lines: &[LedgerLine],
    ) -> Result<Vec<i64>, ItemsError> {
        let mut asked: BTreeSet<i64> = BTreeSet::new();
        for line in lines.iter().filter(|line| line.act != super::ACT) {
            asked.insert(line.operation);
            let elsewhere = if line.item != 0 && line.to.place == "offer" {
                store::history::out_of_offer(connection, ItemId::from_sql(line.item), line.to.holder).await?
            } else if line.item == 0 && line.from.place == "purse:letter" {
                store::history::paid_into_letter(connection, line.from.holder).await?
            } else {
                None
            };
            asked.extend(elsewhere);
        }
        let mut found = BTreeMap::new();
        for operation in asked {
            let lines = self.lines_of(connection, operation).await?;
            if !is_deal(&lines) {
                continue;
            }
            self.deals.insert(operation);
            let letters = lines.iter().filter(|line| line.to.place == "purse:letter").map(|line| line.to.holder);
            self.letters_of_deals.extend(letters);
            let Some(first) = lines.first() else { continue };
            if first.number < self.first {
                // Only its gold, or its goods, were taken out of a letter since.
                let act = &first.act;
                self.done.stays.push(format!("{} ({act}): it was made before that moment", name(operation)));
                continue;
            }
            found.insert(first.number, operation);
        }
        Ok(found.into_values().rev().collect())
    }

    /// The lines of an act, one more than are looked at.
    async fn lines_of(&mut self, connection: &mut Connection, operation: i64) -> Result<Vec<LedgerLine>, ItemsError> {
        let lines = store::history::of_operation(connection, operation, ACT_LINES_MAX + 1).await?;
        self.spend(lines.len())?;
        Ok(lines)
    }

    /// Undoes one deal, or tells why it stays.
    pub(super) async fn undo_deal(&mut self, connection: &mut Connection, operation: i64) -> Result<(), ItemsError> {
        let lines = self.lines_of(connection, operation).await?;
        let Some(act) = lines.first().map(|line| line.act.clone()) else { return Ok(()) };
        if lines.len() as u64 > ACT_LINES_MAX.unsigned_abs() {
            self.done.stays.push(format!("{} ({act}): it has too many parts", name(operation)));
            return Ok(());
        }
        match self.plan_deal(connection, &lines).await? {
            None => {}
            Some(Ok((returns, refunds))) => {
                self.carry_back(connection, &name(operation), returns, refunds).await?;
                self.done.deals.push(operation);
            }
            Some(Err(why)) => {
                self.done.stays.push(format!("{} ({act}): {why}; nothing of it was undone", name(operation)))
            }
        }
        Ok(())
    }

    /// `None` for what went on among the account's own characters, or among others.
    async fn plan_deal(
        &mut self,
        connection: &mut Connection,
        lines: &[LedgerLine],
    ) -> Result<Option<Planned>, ItemsError> {
        let mut deal = match Deal::of(lines) {
            Ok(deal) => deal,
            Err(why) => return Ok(Some(Err(why))),
        };
        for thing in deal.things.iter_mut().filter(|thing| thing.giver.is_none()) {
            thing.giver = store::history::giver(connection, thing.item, thing.line).await?;
        }
        let people = deal.people();
        let own = people.iter().filter(|one| self.own.contains(one)).count();
        if own == 0 || own == people.len() {
            return Ok(None);
        }
        for character in people {
            if let Err(why) = self.look_for(connection, character).await? {
                return Ok(Some(Err(why)));
            }
        }
        let mut returns = Vec::new();
        for thing in &deal.things {
            match self.find_thing(connection, thing).await? {
                Ok(one) => returns.push(one),
                Err(why) => return Ok(Some(Err(why))),
            }
        }
        let seller = deal
            .things
            .iter()
            .find(|thing| thing.taker != thing.giver.unwrap_or(thing.taker))
            .and_then(|thing| thing.giver);
        let mut refunds = Vec::new();
        for payment in &deal.payments {
            let (payer, amount) = (payment.payer, payment.amount);
            let (from, had) = match payment.to {
                Purse::Letter(letter) => {
                    let in_letter = store::purses::gold(connection, &self.items.realm, payment.to).await?;
                    if in_letter >= amount {
                        (payment.to, seller)
                    } else {
                        let Some(who) = store::history::took_gold_of_letter(connection, letter).await? else {
                            return Ok(Some(Err(format!("nobody knows where {amount} gold went"))));
                        };
                        if let Err(why) = self.look_for(connection, who).await? {
                            return Ok(Some(Err(why)));
                        }
                        (Purse::Character(who), Some(who))
                    }
                }
                Purse::Character(who) => (payment.to, Some(who)),
                other => (other, None),
            };
            refunds.push(Refund { from, payer, amount, had });
        }
        let refunds = self.order_refunds(connection, refunds).await?;
        Ok(Some(refunds.map(|refunds| (returns, refunds))))
    }

    /// Is a character there, in this realm, and does nobody play it?
    async fn look_for(
        &mut self,
        connection: &mut Connection,
        character: CharacterId,
    ) -> Result<Result<(), Stays>, ItemsError> {
        let realm = self.items.realm.to_string();
        Ok(match self.reach(connection, character).await? {
            None => Err(format!("character {character} is gone")),
            Some((hands, _)) if hands.realm != realm => Err(format!("character {character} is in another realm")),
            Some((_, true)) => Err(format!("character {character} is in a game")),
            Some(_) => Ok(()),
        })
    }

    /// Whether an item is still with whoever got it, or another character of that account, as it was given.
    async fn find_thing(
        &mut self,
        connection: &mut Connection,
        thing: &Thing,
    ) -> Result<Result<Return, Stays>, ItemsError> {
        let key = thing.item;
        let Some(giver) = thing.giver else {
            return Ok(Err(format!("nobody knows who gave item {key}")));
        };
        if let Err(why) = self.look_for(connection, giver).await? {
            return Ok(Err(why));
        }
        let Some(owned) = store::find(connection, &self.items.realm, key).await? else {
            return Ok(Err(format!("item {key} is no more")));
        };
        let at = Side::from(&owned.at);
        match owned.at.character() {
            Some(holder) => {
                let holder_of = store::history::account_of(connection, holder).await?;
                if holder_of.is_none() || holder_of != store::history::account_of(connection, thing.taker).await? {
                    return Ok(Err(format!("item {key} has moved on to {at}")));
                }
                if let Err(why) = self.look_for(connection, holder).await? {
                    return Ok(Err(why));
                }
            }
            None if at.place == "letter" && thing.letter == Some(at.holder) => {}
            None => return Ok(Err(format!("item {key} has moved on to {at}"))),
        }
        let pieces = i64::from(owned.item.count);
        if pieces != thing.pieces {
            return Ok(Err(format!("of item {key} {} were given, and there are {pieces} now", thing.pieces)));
        }
        if self.items.locks.check(key, &[]).is_err() {
            return Ok(Err(format!("item {key} is offered in a trade")));
        }
        let with_new_gems = store::history::has_new_gems(connection, key, thing.line).await?;
        Ok(Ok(Return { owned, giver, with_new_gems }))
    }

    /// An order in which every purse has what it pays when it pays it.
    async fn order_refunds(
        &mut self,
        connection: &mut Connection,
        mut refunds: Vec<Refund>,
    ) -> Result<Result<Vec<Refund>, Stays>, ItemsError> {
        let mut purses = BTreeMap::new();
        for refund in &refunds {
            for purse in [refund.from, Purse::Character(refund.payer)] {
                purses.insert(purse, store::purses::gold(connection, &self.items.realm, purse).await?);
            }
        }
        let mut problem = would_pay(purses.clone(), &refunds);
        if problem.is_err() {
            refunds.reverse();
            problem = would_pay(purses, &refunds).or(problem);
        }
        Ok(problem.map(|()| refunds))
    }

    async fn carry_back(
        &mut self,
        connection: &mut Connection,
        name: &str,
        returns: Vec<Return>,
        refunds: Vec<Refund>,
    ) -> Result<(), ItemsError> {
        for Return { owned, giver, with_new_gems } in returns {
            let Some((hands, _)) = self.reach(connection, giver).await? else { return Err(ItemsError::Moved) };
            let place = hands.at(any_room(hands, &owned));
            // Whoever offers it in a trade since it was looked at stops all of this, not a part of it.
            let moved = self.operation.relocate(connection, &owned, place).await?;
            self.operation.note(name);
            self.has_moved(&owned, moved);
            self.done.items.push((owned.key, giver));
            if with_new_gems {
                let key = owned.key;
                self.done.stays.push(format!("item {key}: the gems that were set into it since went back with it"));
            }
        }
        for Refund { from, payer, amount, had } in refunds {
            self.operation.pay_for(connection, from, Purse::Character(payer), amount, name).await?;
            match had {
                Some(had) => self.done.gold.push((had, payer, amount)),
                None => self.done.fees.push((payer, amount)),
            }
        }
        Ok(())
    }
}

/// Tries payments out on what is in the purses.
fn would_pay(mut purses: BTreeMap<Purse, i64>, refunds: &[Refund]) -> Result<(), Stays> {
    for Refund { from, payer, amount, .. } in refunds {
        let has = purses.entry(*from).or_default();
        if *from != Purse::Mint && *has < *amount {
            return Err(match from {
                Purse::Character(who) => format!("character {who} has {has} of {amount} gold still"),
                _ => format!("there is {has} of {amount} gold still"),
            });
        }
        *has -= *amount;
        let gets = purses.entry(Purse::Character(*payer)).or_default();
        if *gets > GOLD_MAX - *amount {
            return Err(format!("the purse of character {payer} is full"));
        }
        *gets += *amount;
    }
    Ok(())
}
