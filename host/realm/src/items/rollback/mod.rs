//! Undoing what went between one account's characters and others: for whoever was robbed, and of whoever was not to have it.
//!
//! Deals first, the newest first: where something was given for something (a trade with two sides, a purchase on the market), all of it goes back or
//! nothing, as undoing one side would give somebody both. Then what was given for nothing: an item goes back to whoever had it before it first went
//! over the border of the account's characters, on whichever way, if whoever got it then, or another character of that account, has it still; gold as
//! far as the purse that got it has it still. What has moved on stays where it is, and is told. What is undone once is not undone again.
//!
//! A fee that a sale has cost is minted again, by a line of its own: the seller gets back what he gave and the buyer what he paid, and nobody pays for a
//! deal that is none any more. What it cost to offer the item stays burned.

mod deal;
mod whole;

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
/// Lines that one roll-back reads all in all: it is one write, and nobody else writes meanwhile.
const READ_LINES_MAX: u64 = 20_000;

/// What came of a roll-back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RolledBack {
    /// Items that went back, and to whom.
    pub items: Vec<(ItemId, CharacterId)>,
    /// Gold that went back: from whom, to whom, how much.
    pub gold: Vec<(CharacterId, CharacterId, i64)>,
    /// Fees that were minted again: for whom, how much.
    pub fees: Vec<(CharacterId, i64)>,
    /// Deals that were undone as a whole, by the keys of their acts.
    pub deals: Vec<i64>,
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
    /// It was paid for on the market.
    bought: bool,
    /// How many pieces went over.
    pieces: i64,
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
    /// Acts that are deals, and the letters that the gold of a sale was sent in.
    deals: BTreeSet<i64>,
    letters_of_deals: BTreeSet<i64>,
    /// Lines that may still be read.
    left: u64,
    done: RolledBack,
}

impl Items {
    /// Undoes what went between the account's characters and others since a moment, in milliseconds since 1970, as far as it has not moved on. It
    /// leaves its line in the audit log.
    ///
    /// # Errors
    /// [`ItemsError::MovedOn`] when there is more than can be looked at; [`ItemsError::InTrade`] when something is offered in a trade at this moment,
    /// and then nothing at all was undone; those of the database.
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
                let mut undoing = Undoing {
                    items: &items,
                    own,
                    first,
                    operation,
                    hands: BTreeMap::new(),
                    deals: BTreeSet::new(),
                    letters_of_deals: BTreeSet::new(),
                    left: READ_LINES_MAX,
                    done: RolledBack::default(),
                };
                undoing.deals(connection, &lines).await?;
                undoing.items(connection, &lines).await?;
                undoing.gold(connection, &lines).await?;
                let Undoing { operation, done, .. } = undoing;
                operation.finish(connection).await?;
                let payments = done.gold.len() + done.fees.len();
                let told = json!({"deals": done.deals.len(), "items": done.items.len(), "payments": payments, "stays": done.stays.len()});
                let deed = by.does("items.rollback", "account", account).changing(json!({"since_ms": since_ms}), told);
                audit::write(connection, &deed, now_ms).await?;
                Ok(done)
            })
        })
        .await
    }
}

impl Undoing<'_> {
    /// So many lines were read.
    fn spend(&mut self, lines: usize) -> Result<(), ItemsError> {
        let left = self.left.checked_sub(lines as u64);
        self.left = left.ok_or_else(|| {
            let sentence = "There is more to look at than one roll-back may; ask for a shorter time.";
            ItemsError::MovedOn(sentence.to_owned())
        })?;
        Ok(())
    }

    /// What was given for something.
    async fn deals(&mut self, connection: &mut Connection, lines: &[LedgerLine]) -> Result<(), ItemsError> {
        let undone: BTreeSet<&str> =
            lines.iter().filter(|line| line.act == ACT).map(|line| line.note.as_str()).collect();
        for operation in self.find_deals(connection, lines).await? {
            if !undone.contains(whole::name(operation).as_str()) {
                self.undo_deal(connection, operation).await?;
            }
        }
        Ok(())
    }

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
            // Of deals everything is said.
            if crossing.giver == holder || self.deals.contains(&crossing.operation) {
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
            } else if crossing.bought {
                self.done.stays.push(format!("item {key}: it was paid for, in act {}", crossing.operation));
            } else if i64::from(owned.item.count) > crossing.pieces {
                let (given, now) = (crossing.pieces, owned.item.count);
                self.done.stays.push(format!("item {key}: {given} were given, and there are {now} on its stack now"));
            } else {
                self.give_back(connection, &owned, crossing.giver).await?;
            }
        }
        Ok(())
    }

    /// Where an item first went from one of the account's characters to somebody else, or the other way; `None` when it never did, or when that
    /// was undone before.
    async fn crossing(&mut self, connection: &mut Connection, key: ItemId) -> Result<Option<Crossing>, ItemsError> {
        let steps = store::history::steps(connection, key, self.first, STEPS_MAX).await?;
        self.spend(steps.len())?;
        let (mut before, mut found, mut sale) = (None, None::<Crossing>, None);
        for step in &steps {
            if step.act == ACT {
                let again_with = CharacterId::from_sql(step.to.holder);
                // Whoever had it first has it again, and from here on it is another story; else the first is not at its end.
                if found.as_ref().is_some_and(|found| found.giver == again_with) {
                    found = None;
                }
                (before, sale) = (Some(again_with), None);
                continue;
            }
            // What was bought and sent was bought, whoever takes it out of the letter.
            if step.from.place == "offer" {
                sale = Some(step.operation);
            } else if sale.is_none() && step.from.place == "letter" {
                // It may have been sent before the moment from which on is looked.
                let sent = store::history::into_letter(connection, key, step.from.holder, step.number).await?;
                sale = sent.filter(|(_, from)| from == "offer").map(|(act, _)| act);
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
                    let (operation, bought) = (sale.unwrap_or(step.operation), sale.is_some());
                    found = Some(Crossing { giver, taker, operation, bought, pieces: step.amount });
                }
            }
            if is_of_character(&step.to.place) {
                (before, sale) = (Some(CharacterId::from_sql(step.to.holder)), None);
            }
        }
        Ok(found)
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
                self.has_moved(owned, moved);
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
            let of_deal = |side: &Side| side.place == "purse:letter" && self.letters_of_deals.contains(&side.holder);
            if undone.contains(name.as_str()) || self.deals.contains(&line.operation) || of_deal(&line.from) {
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

    /// An item has gone from hands to others, as far as these were reached.
    fn has_moved(&mut self, before: &Owned, after: Owned) {
        if let Some(Some((hands, _))) = before.at.character().and_then(|had| self.hands.get_mut(&had)) {
            hands.forget(before.key);
        }
        if let Some(Some((hands, _))) = after.at.character().and_then(|has| self.hands.get_mut(&has)) {
            hands.put(after);
        }
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
