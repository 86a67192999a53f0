//! Between characters and the ground of games: dropping, picking up, and what happens to what lies there when a game is over.
//!
//! A game knows items on its ground by numbers of its own, and tells this room what its players did; a verb here is asked again by the game when
//! nobody knows whether it was stored, and does nothing twice.

use std::sync::Arc;

use realm_world::items::{Certificate, Item, ItemProblem};

use super::{
    Bag, Belongings, Doer, Hands, Holder, Items, ItemsError, Operation, Owned, Place, Purse, Spot, judging::Occasion,
    store,
};
use crate::{
    audit::Who,
    storage::Connection,
    types::{
        CharacterId, GameId, ItemId,
        faults::{Point, point},
    },
};

/// Items that may wait for room with one character before it may drop another.
const RETURNED_MAX: usize = 64;
/// Items of games that are gone, which go back in one write.
const RETURNED_PER_WRITE_MAX: i64 = 100;

/// What somebody has after picking something up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The item; what went onto a stack is that stack now.
    pub item: ItemId,
    /// All that the character has now.
    pub belongings: Belongings,
}

impl Items {
    /// A player lays an item of the inventory down in a game; it lies there under a number that no other item has in this game. Asked again it answers the same.
    ///
    /// # Errors
    /// [`ItemsError::Returned`] when too much came back before and waits for room, and why the item cannot be moved.
    pub async fn drop_to_ground(
        &self,
        holder: Holder,
        item: ItemId,
        game: GameId,
        number: u32,
    ) -> Result<Belongings, ItemsError> {
        let items = self.clone();
        self.storage
            .write(move |connection| {
                Box::pin(async move {
                    let mut operation = items.begin("drop", player(&holder));
                    let mut hands = operation.enter(connection, &holder).await?;
                    let place = Place::Ground(game, number);
                    let returned = hands.returned();
                    match hands.get(item) {
                        Ok(owned) if !matches!(owned.at.spot(), Some(Spot::In(Bag::Inventory, _))) => {
                            return Err(ItemsError::NotCarried);
                        }
                        Ok(_) if returned >= RETURNED_MAX => return Err(ItemsError::Returned(returned)),
                        Ok(owned) => {
                            operation.relocate(connection, owned, place).await?;
                            point(Point::WithinDrop);
                            hands.forget(item);
                        }
                        Err(problem) => {
                            let lying = store::find(connection, &items.realm, item).await?;
                            if !lying.is_some_and(|owned| owned.at == place && is_of(&owned, &holder)) {
                                return Err(problem);
                            }
                        }
                    }
                    operation.finish(connection).await?;
                    Ok(hands.belongings())
                })
            })
            .await
    }

    /// A player takes an item that a player laid down: onto a stack in the inventory, or to the first place there. Asked again it answers the
    /// same as long as the item is still there.
    ///
    /// # Errors
    /// [`ItemsError::NotCarried`] when it does not lie there, and [`ItemProblem::NoRoom`].
    pub async fn take_from_ground(&self, holder: Holder, game: GameId, item: ItemId) -> Result<Taken, ItemsError> {
        let items = self.clone();
        self.storage
            .write(move |connection| {
                Box::pin(async move {
                    let mut operation = items.begin("pick-up", player(&holder));
                    let mut hands = operation.enter(connection, &holder).await?;
                    let found = store::find(connection, &items.realm, item).await?;
                    let lies_here = |at: &Place| matches!(at, Place::Ground(lies_in, _) if *lies_in == game);
                    let key = match found.filter(|found| lies_here(&found.at)) {
                        Some(found) => items.take_in(&mut operation, connection, &mut hands, &found).await?,
                        None => {
                            // It was taken before: it is in these hands, or has gone onto a stack in them.
                            let stack = store::ledger::went_onto(connection, item).await?;
                            let here = [Some(item), stack].into_iter().flatten().find(|key| hands.get(*key).is_ok());
                            here.ok_or(ItemsError::NotCarried)?
                        }
                    };
                    point(Point::WithinPickUp);
                    operation.finish(connection).await?;
                    Ok(Taken { item: key, belongings: hands.belongings() })
                })
            })
            .await
    }

    /// A player picks up what a monster left: now it is born, onto a stack in the inventory or to the first place there. The anti-cheat rules see
    /// it first. What has this certificate is born once: asked again it answers the same.
    ///
    /// # Errors
    /// [`ItemProblem::NoRoom`], [`ItemsError::Refused`] when a rule refuses it, [`ItemsError::NotCarried`] when somebody else has it.
    pub async fn born_on_pick_up(&self, holder: Holder, item: Item, birth: Certificate) -> Result<Taken, ItemsError> {
        // What is born already is not judged again: its taker has it.
        let rules = match store::ledger::look_born(self.storage.reader(), &birth).await? {
            Some(_) => Vec::new(),
            None => self.judge(None, &item, Occasion::Creation).await?,
        };
        let birth = Certificate::new(birth.game, birth.tick, birth.ordinal, birth.content, rules);
        let items = self.clone();
        self.storage
            .write(move |connection| {
                Box::pin(async move {
                    let mut operation = items.begin("find", player(&holder));
                    let mut hands = operation.enter(connection, &holder).await?;
                    let key = match store::ledger::born(connection, &birth).await? {
                        Some(before) if before.holder == holder.character => {
                            // It may have gone onto a stack since.
                            match hands.get(before.item) {
                                Ok(owned) => owned.key,
                                Err(_) => {
                                    store::ledger::went_onto(connection, before.item).await?.unwrap_or(before.item)
                                }
                            }
                        }
                        Some(_) => return Err(ItemsError::NotCarried),
                        None => items.bear(&mut operation, connection, &mut hands, item, birth).await?,
                    };
                    point(Point::WithinPickUp);
                    operation.finish(connection).await?;
                    Ok(Taken { item: key, belongings: hands.belongings() })
                })
            })
            .await
    }

    /// A player picks up gold that a monster left: now it is minted. What has this certificate is minted once.
    ///
    /// # Errors
    /// [`ItemsError::PurseFull`], and [`ItemsError::NotCarried`] when somebody else has it.
    pub async fn gold_found(&self, holder: Holder, amount: i64, birth: Certificate) -> Result<Belongings, ItemsError> {
        let items = self.clone();
        self.storage
            .write(move |connection| {
                Box::pin(async move {
                    let mut operation = items.begin("find", player(&holder));
                    let mut hands = operation.enter(connection, &holder).await?;
                    match store::ledger::born(connection, &birth).await? {
                        Some(before) if before.holder == holder.character => {}
                        Some(_) => return Err(ItemsError::NotCarried),
                        None => {
                            let purse = Purse::Character(holder.character);
                            operation.pay_for(connection, Purse::Mint, purse, amount, "found").await?;
                            operation.born(&birth);
                            hands.gold += amount;
                        }
                    }
                    operation.finish(connection).await?;
                    Ok(hands.belongings())
                })
            })
            .await
    }

    /// An item that a player laid down in a game, and that lies there no more, goes back to whoever had it last. May be asked again; what is
    /// not on this ground stays where it is.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn return_from_ground(&self, game: GameId, item: ItemId) -> Result<(), ItemsError> {
        let items = self.clone();
        self.storage
            .write(move |connection| {
                Box::pin(async move {
                    let found = store::find(connection, &items.realm, item).await?;
                    let on_ground = |owned: &Owned| matches!(owned.at, Place::Ground(lies_in, _) if lies_in == game);
                    items.give_back(connection, found.into_iter().filter(on_ground).collect()).await.map(drop)
                })
            })
            .await
    }

    /// What players laid down in a game goes back to whoever had it last: to the inventory, the stash, or to where it waits for room. Answers how
    /// many items did. May be asked again.
    ///
    /// # Errors
    /// When the database does not answer: then some may lie there still, and go back with the next try, or the next start.
    pub async fn end_of_game(&self, game: GameId) -> Result<u64, ItemsError> {
        self.return_all(move |realm| store::Lost::OfGame { realm, game }).await
    }

    /// What lies on grounds of games that are gone goes back: after a start those of this process before it, and of nodes that run no more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(in crate::items) async fn return_lost(&self, started: GameId) -> Result<u64, ItemsError> {
        let node = self.storage.node();
        self.return_all(move |realm| store::Lost::OfOthers { realm, started, node }).await
    }

    async fn return_all(
        &self,
        which: impl Fn(Arc<str>) -> store::Lost + Send + Sync + 'static,
    ) -> Result<u64, ItemsError> {
        let which = Arc::new(which);
        let mut all = 0;
        loop {
            let (items, which) = (self.clone(), Arc::clone(&which));
            let returned = self
                .storage
                .write::<u64, ItemsError, _>(move |connection| {
                    Box::pin(async move {
                        let now_ms = items.storage.shared_now_ms(connection).await?;
                        let lost = which(Arc::clone(&items.realm));
                        let lying = store::lost(connection, &lost, now_ms, RETURNED_PER_WRITE_MAX).await?;
                        items.give_back(connection, lying).await
                    })
                })
                .await?;
            all += returned;
            if returned < RETURNED_PER_WRITE_MAX.unsigned_abs() {
                return Ok(all);
            }
        }
    }

    /// Gives items back to whoever had them last.
    async fn give_back(&self, connection: &mut Connection, lying: Vec<Owned>) -> Result<u64, ItemsError> {
        let mut operation = self.begin("return", Doer::Realm);
        let mut reached: Vec<(CharacterId, Option<Hands>)> = Vec::new();
        let count = lying.len() as u64;
        for owned in lying {
            let Some(owner) = owned.last_holder else {
                operation.end(connection, &owned, "nobody had it").await?;
                continue;
            };
            let place = match reached.iter().position(|(character, _)| *character == owner) {
                Some(place) => place,
                None => {
                    reached.push((owner, operation.reach(connection, owner).await?));
                    reached.len() - 1
                }
            };
            match &mut reached[place].1 {
                Some(hands) => {
                    let spot = any_room(hands, &owned);
                    let moved = operation.hand_back(connection, &owned, hands, spot).await?;
                    point(Point::WithinReturn);
                    hands.put(moved);
                }
                None => operation.end(connection, &owned, "its owner is gone").await?,
            }
        }
        operation.finish(connection).await?;
        Ok(count)
    }

    /// An item that is somewhere else comes into the inventory: onto stacks as far as it can, the rest to a place of its own. Answers what it is
    /// there.
    ///
    /// # Errors
    /// [`ItemProblem::NoRoom`]; the transaction has to fail with it.
    pub(crate) async fn take_in(
        &self,
        operation: &mut Operation,
        connection: &mut Connection,
        hands: &mut Hands,
        found: &Owned,
    ) -> Result<ItemId, ItemsError> {
        let mut found = found.clone();
        for onto in self.stacks_for(hands, &found.item) {
            let (mut rest, mut fuller) = (found.item.clone(), onto.item.clone());
            if self.catalogue().merge(&mut fuller, &mut rest).is_err() {
                continue;
            }
            let left = (rest.count > 0).then_some(rest);
            let (left, fuller) = operation.pour(connection, (&found, left), (&onto, fuller)).await?;
            let key = fuller.key;
            hands.put(fuller);
            match left {
                Some(left) => found = left,
                None => {
                    hands.forget(found.key);
                    return Ok(key);
                }
            }
        }
        let spot = hands.room_for(found.size).ok_or(ItemProblem::NoRoom)?;
        let moved = operation.relocate(connection, &found, hands.at(spot)).await?;
        let key = moved.key;
        hands.put(moved);
        Ok(key)
    }

    /// The stacks of the inventory onto which something could go, by their cells.
    fn stacks_for(&self, hands: &Hands, item: &Item) -> Vec<Owned> {
        let fits = |owned: &&Owned| {
            matches!(owned.at.spot(), Some(Spot::In(Bag::Inventory, _)))
                && self.catalogue().merge(&mut owned.item.clone(), &mut item.clone()).is_ok()
                && self.locks.check(owned.key, &[]).is_ok()
        };
        let mut stacks: Vec<Owned> = hands.items.iter().filter(fits).cloned().collect();
        stacks.sort_by_key(|owned| owned.at);
        stacks
    }

    /// An item is born into the inventory.
    async fn bear(
        &self,
        operation: &mut Operation,
        connection: &mut Connection,
        hands: &mut Hands,
        item: Item,
        birth: Certificate,
    ) -> Result<ItemId, ItemsError> {
        if self.stacks_for(hands, &item).is_empty() {
            let size = self.catalogue().base_of(&item)?.size;
            let spot = hands.room_for(size).ok_or(ItemProblem::NoRoom)?;
            let born = operation.create(connection, item, hands.at(spot), birth).await?;
            let key = born.key;
            hands.put(born);
            return Ok(key);
        }
        // What goes onto stacks needs no place of its own: it is born beside all boxes.
        let born = operation.create(connection, item, hands.at(waiting(hands)), birth).await?;
        self.take_in(operation, connection, hands, &born).await
    }
}

/// A place beside all boxes.
fn waiting(hands: &Hands) -> Spot {
    let numbers = hands.items.iter().filter_map(|owned| match owned.at.spot() {
        Some(Spot::Returned(number)) => Some(number),
        _ => None,
    });
    Spot::Returned(numbers.max().map_or(0, |number| number.saturating_add(1)))
}

/// Wherever it fits: the inventory, the stash, or where it waits for room.
pub(crate) fn any_room(hands: &Hands, owned: &Owned) -> Spot {
    let stash = Bag::stash().find_map(|page| hands.room_in(page, owned.size));
    hands.room_for(owned.size).or(stash).unwrap_or_else(|| waiting(hands))
}

fn player(holder: &Holder) -> Doer {
    Doer::Person(Who::Account(holder.account))
}

fn is_of(owned: &Owned, holder: &Holder) -> bool {
    owned.last_holder == Some(holder.character)
}
