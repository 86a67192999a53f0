//! The one transaction that carries a trade out: either all of it is moved, or nothing.
//!
//! 1. the anti-cheat rule is asked about each item
//! 2. of some items it is looked whether they have changed: who comes too late shall cost little
//! 3. both characters are entered, the one with the lower key first
//! 4. each item is looked at: is it still what was shown, where it was shown
//! 5. room is found in both inventories
//! 6. items and gold go over
//! 7. the ledger has its lines, and what was done is kept under the trade's key
//!
//! Nothing has been moved before: whatever goes wrong, everybody has what they had.

use std::{cmp::Reverse, sync::Arc, time::Duration};

use super::{
    ending::{Done, Ending, Given},
    error::TradeError,
    moves,
    terms::{Contract, Part, Promise},
};
use crate::{
    audit::Who,
    items::{self, Bag, Doer, Hands, Holder, Items, ItemsError, Lock, Occasion, Operation, Owned, Purse, Spot},
    once::{self, Answered, Kept, KeyRefused, Once},
    storage::{Connection, Storage, StorageError},
    types::{
        AccountName, TradeId,
        faults::{self, Bug, Point},
    },
};

/// How often a commit is tried again whose end was not seen. Each try waits for the database as long as a write may.
const TRIES_MAX: u32 = 3;
/// How often it is looked afterwards whether it was carried out, and the pause after each look.
const LOOKS_MAX: u32 = 3;
const LOOK_PAUSE: Duration = Duration::from_millis(500);

/// What carries trades out.
#[derive(Clone)]
pub(super) struct Exchange {
    pub(super) realm: Arc<str>,
    pub(super) storage: Storage,
    pub(super) items: Items,
}

/// Why a trade was not carried out.
#[derive(Debug)]
pub(super) enum Failure {
    /// For a reason that concerns the two.
    Ends(Ending),
    /// For another.
    Other(TradeError),
}

impl From<TradeError> for Failure {
    fn from(error: TradeError) -> Self {
        Failure::Other(error)
    }
}
impl From<ItemsError> for Failure {
    fn from(error: ItemsError) -> Self {
        match error {
            ItemsError::Storage(error) => error.into(),
            other => Failure::Other(other.into()),
        }
    }
}
impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Failure::Other(error.into())
    }
}
impl From<KeyRefused> for Failure {
    fn from(error: KeyRefused) -> Self {
        Failure::Other(error.into())
    }
}

impl Failure {
    fn into_ending(self) -> Ending {
        match self {
            Failure::Ends(ending) => ending,
            Failure::Other(error) => Ending::Refused(error.into()),
        }
    }
}

fn written(done: &Done) -> Kept {
    let body = serde_json::to_string(done).expect("keys and numbers are plain JSON");
    Kept { body, tag: String::new() }
}

fn read(kept: &Kept) -> Result<Done, TradeError> {
    serde_json::from_str(&kept.body).map_err(|error| StorageError::Statement(format!("a kept trade: {error}")).into())
}

impl Exchange {
    /// The trade as a request that may come again; of each trade one answer is kept.
    fn once(&self, trade: TradeId) -> Result<Once<Done>, Failure> {
        let key = trade.to_string();
        let once = Once::new(&self.realm, format!("trade:{trade}"), &key, &[key.as_bytes()], written);
        once.map(Once::alone).map_err(|refusal| Failure::Ends(Ending::Refused(refusal)))
    }

    /// What a trade has moved, in this run of the realm or before; `None` when it was not carried out, or more than a day ago.
    pub(super) async fn done(&self, trade: TradeId) -> Result<Option<Done>, TradeError> {
        let once = self.once(trade).map_err(|_| TradeError::Unknown)?;
        let kept = once.before::<TradeError>(&self.storage).await?;
        kept.as_ref().map(read).transpose()
    }

    /// Carries a trade out, and says how it ended. `holders` are host and guest, with their rights to their characters.
    pub(super) async fn carry_out(&self, trade: TradeId, contract: &Contract<Lock>, holders: [Holder; 2]) -> Ending {
        if let Err(ending) = self.judge(contract).await {
            return ending;
        }
        let mut is_unsure = false;
        for _ in 0..TRIES_MAX {
            match self.try_once(trade, contract, holders).await {
                Ok(done) => return Ending::Done(done),
                // It may be done or not; asked again under its key it is done now, or was before.
                Err(Failure::Other(TradeError::Storage(StorageError::Unconfirmed))) => is_unsure = true,
                // Whatever a later try meets, it may be what the first has done.
                Err(_) if is_unsure => break,
                Err(failure) => return failure.into_ending(),
            }
        }
        for _ in 0..LOOKS_MAX {
            if let Ok(Some(done)) = self.done(trade).await {
                return Ending::Done(done);
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
        tracing::error!(%trade, "the database did not confirm a trade; its players can ask whether it was carried out");
        Ending::Unsure
    }

    /// Asks the anti-cheat rule about everything that is to change hands.
    async fn judge(&self, contract: &Contract<Lock>) -> Result<(), Ending> {
        for side in &contract.sides {
            for item in &side.items {
                match self.items.judge(Some(item.key), &item.item, Occasion::Trade).await {
                    Ok(_) => {}
                    Err(ItemsError::Refused(_)) => {
                        return Err(Ending::Ruled { whose: side.person.account_name.to_string() });
                    }
                    Err(other) => return Err(Failure::from(other).into_ending()),
                }
            }
        }
        Ok(())
    }

    async fn try_once(&self, trade: TradeId, contract: &Contract<Lock>, holders: [Holder; 2]) -> Result<Done, Failure> {
        if faults::has(Bug::TradeInTwoCommits) {
            return self.try_in_two(trade, contract, holders).await;
        }
        let (mut operation, promised) = (self.begin(trade, contract), contract.bare());
        let answered = once::write(&self.storage, Some(self.once(trade)?), move |connection| {
            Box::pin(async move {
                glance(connection, &promised).await?;
                let hands = enter(&mut operation, connection, &promised, holders).await?;
                for part in Part::BOTH {
                    look(promised.side(part), &hands[part as usize])?;
                }
                give(&mut operation, connection, &promised, &hands, &Part::BOTH).await?;
                operation.finish(connection).await?;
                Ok::<_, Failure>(done(&promised))
            })
        });
        match answered.await? {
            Answered::Now(done) => Ok(done),
            Answered::Before(kept) => Ok(read(&kept)?),
        }
    }

    /// The mistake that tests make on purpose: what one gives goes over, and then what the other gives.
    async fn try_in_two(
        &self,
        trade: TradeId,
        contract: &Contract<Lock>,
        holders: [Holder; 2],
    ) -> Result<Done, Failure> {
        for part in Part::BOTH {
            let (mut operation, promised) = (self.begin(trade, contract), contract.bare());
            let half = self.storage.write(move |connection| {
                Box::pin(async move {
                    let hands = enter(&mut operation, connection, &promised, holders).await?;
                    look(promised.side(part), &hands[part as usize])?;
                    give(&mut operation, connection, &promised, &hands, &[part]).await?;
                    Ok::<_, Failure>(operation.finish(connection).await?)
                })
            });
            half.await?;
            if part == Part::Host {
                faults::point(Point::WithinTrade);
            }
        }
        Ok(done(contract))
    }

    fn begin(&self, trade: TradeId, contract: &Contract<Lock>) -> Operation {
        let [host, guest] = &contract.sides;
        let note = format!("trade {trade} of {} and {}", host.person.character, guest.person.character);
        let mut operation = self.items.begin("trade", Doer::Person(Who::Account(host.person.account))).about(note);
        for item in contract.sides.iter().flat_map(|side| &side.items) {
            operation = operation.under(&item.guard);
        }
        tracing::debug!(%trade, operation = %operation.key(), "a trade is carried out");
        operation
    }
}

fn done<G>(contract: &Contract<G>) -> Done {
    let given = |side: &Promise<G>| Given {
        account: side.person.account,
        character: side.person.character,
        items: side.items.iter().map(|item| item.key).collect(),
        gold: side.gold,
    };
    Done { sides: contract.sides.each_ref().map(given) }
}

/// A first look at some of the items, before anybody is entered: what has changed by now is not traded.
async fn glance(connection: &mut Connection, promised: &Contract<()>) -> Result<(), Failure> {
    let all = promised.sides.iter().flat_map(|side| side.items.iter().map(move |item| (side, item)));
    let some: Vec<_> = all.take(items::GLANCE_MAX).collect();
    let shown: Vec<_> = some.iter().map(|(_, item)| (item.key, item.version)).collect();
    match items::first_changed(connection, &shown).await? {
        Some(place) => Err(Failure::Ends(Ending::Changed { whose: some[place].0.person.account_name.to_string() })),
        None => Ok(()),
    }
}

/// Enters both characters, the lower key first, so that no two trades ever wait for each other.
async fn enter(
    operation: &mut Operation,
    connection: &mut Connection,
    promised: &Contract<()>,
    holders: [Holder; 2],
) -> Result<[Hands; 2], Failure> {
    let [host, guest] = holders;
    let barred = |part: Part| move |error| barred(&promised.side(part).person.account_name, error);
    if host.character < guest.character {
        let host = operation.enter(connection, &host).await.map_err(barred(Part::Host))?;
        return Ok([host, operation.enter(connection, &guest).await.map_err(barred(Part::Guest))?]);
    }
    let guest = operation.enter(connection, &guest).await.map_err(barred(Part::Guest))?;
    Ok([operation.enter(connection, &host).await.map_err(barred(Part::Host))?, guest])
}

/// What belongs to one of them does not let it be done.
fn barred(whose: &AccountName, error: ItemsError) -> Failure {
    match error {
        ItemsError::Storage(error) => error.into(),
        other => Failure::Ends(Ending::Barred { whose: whose.to_string(), why: other.into() }),
    }
}

/// It lies in an inventory.
pub(super) fn is_carried(owned: &Owned) -> bool {
    matches!(owned.at.spot(), Some(Spot::In(Bag::Inventory, _)))
}

/// Is everything that somebody has promised there as it was shown?
fn look(promise: &Promise<()>, hands: &Hands) -> Result<(), Failure> {
    let whose = || promise.person.account_name.to_string();
    for item in &promise.items {
        let there = hands.get(item.key).ok().filter(|owned| owned.version == item.version && is_carried(owned));
        if there.is_none() {
            return Err(Failure::Ends(Ending::Changed { whose: whose() }));
        }
    }
    if hands.gold < promise.gold {
        return Err(Failure::Ends(Ending::NoGold { whose: whose() }));
    }
    Ok(())
}

/// Moves what these parts give to the others.
async fn give(
    operation: &mut Operation,
    connection: &mut Connection,
    promised: &Contract<()>,
    hands: &[Hands; 2],
    parts: &[Part],
) -> Result<(), Failure> {
    let planned = moves::plan(promised, hands, parts)?;
    moves::carry_out(operation, connection, planned, || {
        if parts.len() == Part::BOTH.len() {
            faults::point(Point::WithinTrade);
        }
    })
    .await?;
    // The larger amount first: it goes to who gives the smaller one, whose purse has room for the balance.
    let mut payers = parts.to_vec();
    payers.sort_by_key(|part| Reverse(promised.side(*part).gold));
    for part in payers {
        let (giver, taker) = (promised.side(part), promised.side(part.other()));
        if giver.gold > 0 {
            let (from, to) = (Purse::Character(giver.person.character), Purse::Character(taker.person.character));
            let paid = operation.pay(connection, from, to, giver.gold).await;
            paid.map_err(|error| barred(&taker.person.account_name, error))?;
        }
    }
    Ok(())
}
