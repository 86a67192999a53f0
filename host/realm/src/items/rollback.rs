//! Undoing what went between one account's characters and others: for whoever was robbed, and of whoever was not to have it.
//!
//! An item goes back to whoever had it before it first went over the border of the account's characters, on whichever way, if whoever got it then, or
//! another character of that account, has it still; gold as far as the purse that got it has it still. What has moved on stays where it is, and is told;
//! so is what was given for something (a trade with two sides, a purchase): undoing one side of a deal would give somebody both. What is undone once is
//! not undone again.

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
const LINES_MAX: i64 = 1_000;
/// Lines of one item that are followed.
const STEPS_MAX: i64 = 200;
/// Lines of one act that are looked at.
const ACT_LINES_MAX: i64 = 200;

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

/// An item went over the border of the account's characters.
struct Crossing {
    giver: CharacterId,
    taker: CharacterId,
    operation: i64,
}

/// One after the other, with the hands that are reached on the way.
struct Undoing<'a> {
    items: &'a Items,
    /// The account's characters.
    own: Vec<CharacterId>,
    /// Number of the first line that is looked at.
    first: i64,
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
                let first = store::ledger::first_since(connection, since_ms).await?;
                let lines = store::history::of_account(connection, &items.realm, account, first, LINES_MAX + 1).await?;
                if lines.len() as u64 > LINES_MAX.unsigned_abs() {
                    let sentence =
                        format!("More than {LINES_MAX} moves are too many for one roll-back; ask for a shorter time.");
                    return Err(ItemsError::MovedOn(sentence));
                }
                let operation = items.begin(ACT, Doer::Person(by.who));
                let now_ms = operation.now_ms();
                let own = store::history::characters(connection, &items.realm, account).await?;
                let (hands, done) = (BTreeMap::new(), RolledBack::default());
                let mut undoing = Undoing { items: &items, own, first, operation, hands, done };
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
            let Some(crossing) = self.crossing(connection, key).await? else { continue };
            if crossing.giver == holder {
                continue;
            }
            let (taker_of, holder_of, giver_of) = (
                store::history::account_of(connection, crossing.taker).await?,
                store::history::account_of(connection, holder).await?,
                store::history::account_of(connection, crossing.giver).await?,
            );
            if holder_of == giver_of {
                // It is with its own again.
            } else if holder_of != taker_of {
                self.done.stays.push(format!("item {key}: it has moved on to {}", Side::from(&owned.at)));
            } else if self.is_deal(connection, crossing.operation).await? {
                self.done.stays.push(format!("item {key}: something was given for it, in act {}", crossing.operation));
            } else {
                self.give_back(connection, &owned, crossing.giver).await?;
            }
        }
        Ok(())
    }

    /// Where an item first went from one of the account's characters to somebody else, or the other way; `None` when it never did, or when that
    /// was undone before.
    async fn crossing(&self, connection: &mut Connection, key: ItemId) -> Result<Option<Crossing>, ItemsError> {
        let steps = store::history::steps(connection, key, self.first, STEPS_MAX).await?;
        let (mut before, mut found) = (None, None);
        for step in &steps {
            if step.act == ACT {
                // From here on it is another story.
                (before, found) = (Some(CharacterId::from_sql(step.to.holder)), None);
                continue;
            }
            // What came out of a letter, an offer or from the ground came from whoever laid it there.
            let giver = if is_of_character(&step.from.place) {
                Some(CharacterId::from_sql(step.from.holder))
            } else if before.is_none() && step.from.is_real() {
                store::history::giver(connection, key, step.number).await?
            } else {
                before
            };
            before = giver;
            if found.is_none()
                && is_of_character(&step.to.place)
                && let Some(giver) = giver
            {
                let taker = CharacterId::from_sql(step.to.holder);
                if self.own.contains(&giver) != self.own.contains(&taker) {
                    found = Some(Crossing { giver, taker, operation: step.operation });
                }
            }
            if is_of_character(&step.to.place) {
                before = Some(CharacterId::from_sql(step.to.holder));
            }
        }
        Ok(found)
    }

    /// Was something given for something in an act: things went two ways, or gold went, too?
    async fn is_deal(&self, connection: &mut Connection, operation: i64) -> Result<bool, ItemsError> {
        let lines = store::history::of_operation(connection, operation, ACT_LINES_MAX).await?;
        let went_over =
            |line: &&LedgerLine| line.from.holder != line.to.holder && line.from.is_real() && line.to.is_real();
        let mut givers: Vec<i64> = lines.iter().filter(went_over).map(|line| line.from.holder).collect();
        givers.sort_unstable();
        givers.dedup();
        Ok(givers.len() > 1 || lines.iter().any(|line| line.item == 0) && lines.iter().any(|line| line.item != 0))
    }

    async fn give_back(
        &mut self,
        connection: &mut Connection,
        owned: &Owned,
        giver: CharacterId,
    ) -> Result<(), ItemsError> {
        let (key, owned_realm) = (owned.key, self.items.realm.to_string());
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
        if hands.realm != owned_realm {
            self.done.stays.push(format!("item {key}: character {giver}, who had it, is in another realm"));
            return Ok(());
        }
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

    /// Payments, the newest first.
    async fn gold(&mut self, connection: &mut Connection, lines: &[LedgerLine]) -> Result<(), ItemsError> {
        let undone: BTreeSet<&str> =
            lines.iter().filter(|line| line.act == ACT).map(|line| line.note.as_str()).collect();
        let went_over = |line: &&LedgerLine| line.item == 0 && line.goods == GOLD && line.act != ACT;
        for line in lines.iter().filter(went_over) {
            let name = format!("line {}", line.number);
            if undone.contains(name.as_str()) {
                continue;
            }
            if [&line.from, &line.to].iter().any(|side| side.place != "purse:character") {
                let (from, to) = (&line.from, &line.to);
                self.done.stays.push(format!("{} gold: it went by another way, from {from} to {to}", line.amount));
                continue;
            }
            let (from, to) = (CharacterId::from_sql(line.from.holder), CharacterId::from_sql(line.to.holder));
            if self.own.contains(&from) == self.own.contains(&to) {
                continue;
            }
            if self.is_deal(connection, line.operation).await? {
                self.done
                    .stays
                    .push(format!("{} gold: something was given for it, in act {}", line.amount, line.operation));
                continue;
            }
            let in_realm = |(hands, _): &mut (Hands, bool)| hands.realm == line.realm;
            if !self.reach(connection, from).await?.is_some_and(in_realm) {
                self.done.stays.push(format!("{} gold: character {from}, who had it, is gone", line.amount));
                continue;
            }
            // Whoever has it sees that it is another version.
            self.reach(connection, to).await?;
            let (giver, taker) = (Purse::Character(from), Purse::Character(to));
            match self.operation.pay_for(connection, taker, giver, line.amount, &name).await {
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
