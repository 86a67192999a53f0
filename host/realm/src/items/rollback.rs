//! Undoing what went between one account's characters and others: for whoever was robbed, and of whoever was not to have it.
//!
//! An item goes back to the character that it came from, on whichever way, if that one or the one that has it now is the account's; gold as far as
//! the purse that got it has it still. What has moved on since stays where it is, and is told. What is undone once is not undone again.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{
    Doer, Hands, Items, ItemsError, LedgerLine, Operation, Owned, Purse, Side, ground::any_room, operation::GOLD,
    place::is_of_character, store,
};
use crate::{
    audit::{self, By},
    once::{self, Answered, Once},
    storage::Connection,
    types::{AccountId, CharacterId, ItemId},
};

/// Most lines of the ledger that are looked at: of more, a shorter time has to be asked for.
const LINES_MAX: i64 = 2_000;

/// What came of a roll-back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RolledBack {
    /// Items that went back, and to whom.
    pub items: Vec<(ItemId, CharacterId)>,
    /// Gold that went back: from whom, to whom, how much.
    pub gold: Vec<(CharacterId, CharacterId, i64)>,
    /// What stays, and why.
    pub stays: Vec<String>,
}

/// The word in the ledger.
const ACT: &str = "roll-back";

/// One after the other, with the hands that are reached on the way.
struct Undoing<'a> {
    items: &'a Items,
    /// The account's characters.
    own: Vec<CharacterId>,
    since_ms: i64,
    operation: Operation,
    hands: BTreeMap<CharacterId, Option<(Hands, bool)>>,
    done: RolledBack,
}

impl Items {
    /// Undoes what went between the account's characters and others since a moment, in milliseconds since 1970, as far as it has not moved on. It
    /// leaves its line in the audit log.
    ///
    /// # Errors
    /// [`ItemsError::MovedOn`] when there is more than can be looked at; those of the database.
    pub async fn roll_back(
        &self,
        by: By,
        account: AccountId,
        since_ms: i64,
        once: Option<Once<RolledBack>>,
    ) -> Result<Answered<RolledBack>, ItemsError> {
        let items = self.clone();
        once::write(&self.storage, once, move |connection| {
            Box::pin(async move {
                let lines =
                    store::history::of_account(connection, &items.realm, account, since_ms, LINES_MAX + 1).await?;
                if lines.len() as u64 > LINES_MAX.unsigned_abs() {
                    let sentence =
                        format!("More than {LINES_MAX} moves are too many for one roll-back; ask for a shorter time.");
                    return Err(ItemsError::MovedOn(sentence));
                }
                let operation = items.begin(ACT, Doer::Person(by.who));
                let now_ms = operation.now_ms();
                let own = store::history::characters(connection, &items.realm, account).await?;
                let (hands, done) = (BTreeMap::new(), RolledBack::default());
                let mut undoing = Undoing { items: &items, own, since_ms, operation, hands, done };
                undoing.items(connection, &lines).await?;
                undoing.gold(connection, &lines).await?;
                let Undoing { operation, done, .. } = undoing;
                operation.finish(connection).await?;
                let told = json!({"items": done.items.len(), "payments": done.gold.len(), "stays": done.stays.len()});
                let deed = by.does("items.rollback", "account", account).changing(json!({"since_ms": since_ms}), told);
                audit::write(connection, &deed, now_ms).await?;
                Ok(done)
            })
        })
        .await
    }
}

impl Undoing<'_> {
    /// The items of which these lines say that the account's characters gave or got them.
    async fn items(&mut self, connection: &mut Connection, lines: &[LedgerLine]) -> Result<(), ItemsError> {
        let items: BTreeSet<i64> = lines.iter().map(|line| line.item).filter(|item| *item != 0).collect();
        for item in items {
            let key = ItemId::from_sql(item);
            let Some(owned) = store::find(connection, &self.items.realm, key).await? else {
                self.done.stays.push(format!("item {key}: it is no more"));
                continue;
            };
            let Some(holder) = owned.at.character() else {
                self.done.stays.push(format!("item {key}: it is on its way, in {}", Side::from(&owned.at)));
                continue;
            };
            // How it came to whoever has it. What was undone before is not done again.
            let Some(came) = store::history::arrival(connection, key, holder).await? else { continue };
            if came.at_ms < self.since_ms || came.act == ACT || !came.from.is_real() {
                continue;
            }
            // What came out of a letter, an offer or from the ground came from whoever laid it there.
            let giver = if is_of_character(&came.from.place) {
                Some(CharacterId::from_sql(came.from.holder))
            } else {
                store::history::giver(connection, key, came.number).await?
            };
            let Some(giver) = giver.filter(|giver| *giver != holder) else { continue };
            match [giver, holder].iter().filter(|one| self.own.contains(one)).count() {
                1 => self.give_back(connection, &owned, giver).await?,
                0 => self.done.stays.push(format!("item {key}: it has moved on to {}", Side::from(&owned.at))),
                // Between two of the account's own.
                _ => {}
            }
        }
        Ok(())
    }

    async fn give_back(
        &mut self,
        connection: &mut Connection,
        owned: &Owned,
        giver: CharacterId,
    ) -> Result<(), ItemsError> {
        let key = owned.key;
        if let Some(holder) = owned.at.character()
            && self.reach(connection, holder).await?.is_some_and(|(_, is_playing)| *is_playing)
        {
            self.done.stays.push(format!("item {key}: character {holder}, who has it, is in a game"));
            return Ok(());
        }
        let Some((hands, _)) = self.reach(connection, giver).await? else {
            self.done.stays.push(format!("item {key}: character {giver}, who had it, is gone"));
            return Ok(());
        };
        let place = hands.at(any_room(hands, owned));
        match self.operation.relocate(connection, owned, place).await {
            Ok(moved) => {
                if let Some((hands, _)) = self.reach(connection, giver).await? {
                    hands.put(moved);
                }
                self.done.items.push((key, giver));
            }
            Err(ItemsError::InTrade) => self.done.stays.push(format!("item {key}: it is offered in a trade")),
            Err(other) => return Err(other),
        }
        Ok(())
    }

    /// Payments between characters, the newest first.
    async fn gold(&mut self, connection: &mut Connection, lines: &[LedgerLine]) -> Result<(), ItemsError> {
        let is_payment = |line: &&LedgerLine| {
            line.item == 0
                && line.goods == GOLD
                && [&line.from, &line.to].iter().all(|side| side.place == "purse:character")
        };
        let undone: BTreeSet<&str> =
            lines.iter().filter(|line| line.act == ACT).map(|line| line.note.as_str()).collect();
        for line in lines.iter().filter(is_payment).filter(|line| line.act != ACT) {
            let name = format!("line {}", line.number);
            if undone.contains(name.as_str()) {
                continue;
            }
            let (from, to) = (CharacterId::from_sql(line.from.holder), CharacterId::from_sql(line.to.holder));
            if self.reach(connection, from).await?.is_none() {
                self.done.stays.push(format!("{} gold: character {from}, who had it, is gone", line.amount));
                continue;
            }
            // Whoever has it sees that it is another version.
            self.reach(connection, to).await?;
            let back = self
                .operation
                .pay_for(connection, Purse::Character(to), Purse::Character(from), line.amount, &name)
                .await;
            match back {
                Ok(()) => self.done.gold.push((to, from, line.amount)),
                Err(ItemsError::NotEnoughGold { has, .. }) => {
                    self.done.stays.push(format!("{} gold: character {to} has {has} still", line.amount));
                }
                Err(ItemsError::PurseFull) => {
                    self.done.stays.push(format!("{} gold: the purse of character {from} is full", line.amount));
                }
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    /// A character's hands, and whether somebody plays it.
    async fn reach(
        &mut self,
        connection: &mut Connection,
        character: CharacterId,
    ) -> Result<Option<&mut (Hands, bool)>, ItemsError> {
        if !self.hands.contains_key(&character) {
            let is_playing = store::history::is_playing(connection, character).await?;
            let hands = self.operation.reach(connection, character).await?;
            self.hands.insert(character, hands.map(|hands| (hands, is_playing)));
        }
        Ok(self.hands.get_mut(&character).and_then(Option::as_mut))
    }
}
