//! One act that moves items or gold, within the writer's transaction: what it writes, and the lines that it leaves in the ledger.
//!
//! Other rooms build their verbs of these: begin, enter the belongings of whoever is concerned, move, finish. An operation that is not finished
//! has written no line: its transaction has to fail.

use realm_world::items::{Certificate, Item, ItemProblem, Size};

use super::{
    Holder, Items, ItemsError, Owned, Place, Purse,
    ledger::{self, Draft},
    locks::Lock,
    owned::Hands,
    place::Side,
    purse::GOLD_MAX,
    store,
};
use crate::{
    audit::Who,
    storage::Connection,
    types::{
        CharacterId, ItemId, OperationId,
        faults::{Point, point},
    },
};

/// Goods of lines that are about gold.
pub(in crate::items) const GOLD: &str = "gold";

/// Who does something, as the ledger names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doer {
    /// A player or a member of staff.
    Person(Who),
    /// The realm by itself, as when a game ends.
    Realm,
}

/// One act, with all that it moves.
#[derive(Debug)]
#[must_use = "what an operation moved has no lines in the ledger until it is finished"]
pub(crate) struct Operation {
    items: Items,
    key: OperationId,
    act: &'static str,
    actor: String,
    now_ms: i64,
    /// The trade that it belongs to has these.
    own_locks: Vec<u64>,
    /// For those of its lines that have no note of their own.
    note: String,
    lines: Vec<Draft>,
    births: u32,
}

impl Items {
    /// Begins an act, for example `trade`.
    pub(crate) fn begin(&self, act: &'static str, doer: Doer) -> Operation {
        let actor = match doer {
            Doer::Person(who) => who.to_string(),
            Doer::Realm => "realm".to_owned(),
        };
        let now_ms = self.storage.now_ms();
        let key = self.storage.ids().next(now_ms);
        let (own_locks, note, lines) = (Vec::new(), String::new(), Vec::new());
        Operation { items: self.clone(), key, act, actor, now_ms, own_locks, note, lines, births: 0 }
    }
}

impl Operation {
    /// The same, of who has locked items: they may be moved by it. Said of each lock.
    pub(crate) fn under(mut self, lock: &Lock) -> Self {
        self.own_locks.push(lock.number());
        self
    }

    /// The same, with a note for those of its lines that have none of their own.
    pub(crate) fn about(self, note: String) -> Self {
        Self { note, ..self }
    }

    /// Its key, which the lines have in common.
    pub(crate) fn key(&self) -> OperationId {
        self.key
    }

    /// The moment of it, in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Checks the right to a character, raises the version of its belongings and reads them.
    pub(crate) async fn enter(&mut self, connection: &mut Connection, holder: &Holder) -> Result<Hands, ItemsError> {
        let entered = store::enter(connection, &self.items.realm, holder).await?;
        let Some(entered) = entered else {
            return Err(store::why_not(connection, &self.items.realm, holder).await?);
        };
        let stored = entered.sheet;
        if stored.hardcore && (stored.dead || holder.sheet.is_some_and(|sheet| sheet.dead)) {
            return Err(ItemsError::Dead);
        }
        self.hands(connection, *holder, entered).await
    }

    /// The same for what the realm gives a character by itself, whoever plays it and whichever realm it is in: it only lays items to it. `None` when
    /// it is gone.
    pub(crate) async fn reach(
        &mut self,
        connection: &mut Connection,
        character: CharacterId,
    ) -> Result<Option<Hands>, ItemsError> {
        let Some(entered) = store::reach(connection, character).await? else {
            return Ok(None);
        };
        let holder = Holder::resting(entered.account, character);
        Ok(Some(self.hands(connection, holder, entered).await?))
    }

    async fn hands(
        &self,
        connection: &mut Connection,
        holder: Holder,
        entered: store::Entered,
    ) -> Result<Hands, ItemsError> {
        let store::Entered { version, sheet, gold, realm, .. } = entered;
        let items = store::belongings(connection, &realm, holder.character).await?;
        let sheet = holder.sheet.unwrap_or(sheet);
        Ok(Hands { holder, realm, sheet, items, gold, version, touched: Vec::new() })
    }

    /// A certificate for something that this act makes outside games.
    pub(crate) fn certificate(&mut self, rules: Vec<String>) -> Certificate {
        let ordinal = self.births;
        self.births += 1;
        Certificate::new(self.key.raw(), 0, ordinal, self.items.content.hash(), rules)
    }

    /// An item comes into being. It was asked about before ([`Items::judge`]).
    ///
    /// # Errors
    /// For what cannot have come about; `Conflict` when something lies there, or the birth is not the first of its certificate.
    pub(crate) async fn create(
        &mut self,
        connection: &mut Connection,
        item: Item,
        to: Place,
        birth: Certificate,
    ) -> Result<Owned, ItemsError> {
        self.items.catalogue().check(&item)?;
        self.insert(connection, item, to, birth, Side::nothing()).await
    }

    async fn insert(
        &mut self,
        connection: &mut Connection,
        item: Item,
        to: Place,
        birth: Certificate,
        from: Side,
    ) -> Result<Owned, ItemsError> {
        let key = self.items.new_key(self.now_ms);
        let size = self.size_of(&item)?;
        let owned = Owned { key, item, at: to, size, version: 1, last_holder: to.character() };
        store::insert(connection, &self.items.realm, &owned, &birth, self.now_ms).await?;
        point(Point::WithinBirth);
        let mut line = self.line(&owned, owned.item.count, from, Side::from(&to));
        line.note = store::body(&owned.item)?;
        line.birth = Some((birth.game, birth.tick, birth.ordinal));
        self.lines.push(line);
        Ok(owned)
    }

    /// An item goes to another place. Whoever moves it has looked whether it may lie there.
    ///
    /// # Errors
    /// [`ItemsError::Moved`] when it is not as it was read, [`ItemsError::InTrade`], and [`ItemProblem::PlaceTaken`].
    pub(crate) async fn relocate(
        &mut self,
        connection: &mut Connection,
        owned: &Owned,
        to: Place,
    ) -> Result<Owned, ItemsError> {
        self.check_lock(owned.key)?;
        let last_holder = to.character().or(owned.last_holder);
        let moved = Owned { at: to, version: owned.version + 1, last_holder, ..owned.clone() };
        match store::relocate(connection, owned, &moved).await {
            Err(crate::storage::StorageError::Conflict) => return Err(ItemProblem::PlaceTaken.into()),
            done => done?.then_some(()).ok_or(ItemsError::Moved)?,
        }
        point(Point::WithinMove);
        let line = self.line(owned, owned.item.count, Side::from(&owned.at), Side::from(&to));
        self.lines.push(line);
        Ok(moved)
    }

    /// The same into the hands of a character that may be in another realm by now.
    ///
    /// # Errors
    /// As [`Self::relocate`].
    pub(in crate::items) async fn hand_back(
        &mut self,
        connection: &mut Connection,
        owned: &Owned,
        hands: &Hands,
        spot: super::Spot,
    ) -> Result<Owned, ItemsError> {
        let moved = self.relocate(connection, owned, hands.at(spot)).await?;
        if hands.realm != *self.items.realm {
            store::rehome(connection, moved.key, &hands.realm).await?;
        }
        Ok(moved)
    }

    /// An item becomes another one: identified, worn, with a gem. Of a stack some may be used up; it never becomes more.
    ///
    /// # Errors
    /// [`ItemsError::Moved`], [`ItemsError::InTrade`], and for what cannot have come about.
    pub(crate) async fn change(
        &mut self,
        connection: &mut Connection,
        owned: &Owned,
        new: Item,
        why: &str,
    ) -> Result<Owned, ItemsError> {
        let (before, after) = (owned.item.count, new.count);
        if after == 0 || after > before || new.base != owned.item.base {
            return Err(ItemProblem::WrongCount { wanted: after, has: before }.into());
        }
        let changed = self.rewrite(connection, owned, new).await?;
        let here = Side::from(&owned.at);
        let mut line = if after < before {
            self.line(owned, before - after, here, Side::nothing())
        } else {
            self.line(owned, after, here.clone(), here)
        };
        line.note = format!("{why}; now {}", store::body(&changed.item)?);
        self.lines.push(line);
        Ok(changed)
    }

    async fn rewrite(&mut self, connection: &mut Connection, owned: &Owned, new: Item) -> Result<Owned, ItemsError> {
        self.check_lock(owned.key)?;
        let changed = Owned { item: new, version: owned.version + 1, ..owned.clone() };
        if !store::rewrite(connection, owned, &changed).await? {
            return Err(ItemsError::Moved);
        }
        Ok(changed)
    }

    /// An item is used up or destroyed.
    ///
    /// # Errors
    /// [`ItemsError::Moved`] and [`ItemsError::InTrade`].
    pub(crate) async fn end(
        &mut self,
        connection: &mut Connection,
        owned: &Owned,
        why: &str,
    ) -> Result<(), ItemsError> {
        self.remove(connection, owned).await?;
        let mut line = self.line(owned, owned.item.count, Side::from(&owned.at), Side::nothing());
        line.note = format!("{why}; was {}", store::body(&owned.item)?);
        self.lines.push(line);
        Ok(())
    }

    async fn remove(&mut self, connection: &mut Connection, owned: &Owned) -> Result<(), ItemsError> {
        self.check_lock(owned.key)?;
        if store::remove(connection, owned).await? { Ok(()) } else { Err(ItemsError::Moved) }
    }

    /// Some of a stack become a stack of their own: `rest` stays, `part` goes to a free place.
    ///
    /// # Errors
    /// As [`Self::relocate`].
    pub(crate) async fn split(
        &mut self,
        connection: &mut Connection,
        owned: &Owned,
        (rest, part): (Item, Item),
        to: Place,
    ) -> Result<(Owned, Owned), ItemsError> {
        let count = part.count;
        let left = self.rewrite(connection, owned, rest).await?;
        point(Point::WithinStack);
        let birth = self.certificate(Vec::new());
        let inserted = self.insert(connection, part, to, birth, Side::stack(owned.key.to_sql())).await;
        let made = match inserted {
            Err(ItemsError::Storage(crate::storage::StorageError::Conflict)) => Err(ItemProblem::PlaceTaken)?,
            made => made?,
        };
        let line = self.line(owned, count, Side::from(&owned.at), Side::stack(made.key.to_sql()));
        // What comes off is written before what it becomes.
        let place = self.lines.len().saturating_sub(1);
        self.lines.insert(place, line);
        Ok((left, made))
    }

    /// Some or all of a stack go onto another: `left` of the first stays (`None` when nothing does), and the second becomes `onto_new`.
    ///
    /// # Errors
    /// As [`Self::change`].
    pub(crate) async fn pour(
        &mut self,
        connection: &mut Connection,
        (from, left): (&Owned, Option<Item>),
        (onto, onto_new): (&Owned, Item),
    ) -> Result<(Option<Owned>, Owned), ItemsError> {
        let count = onto_new.count.saturating_sub(onto.item.count);
        let left = match left {
            Some(left) => Some(self.rewrite(connection, from, left).await?),
            None => {
                self.remove(connection, from).await?;
                None
            }
        };
        point(Point::WithinStack);
        let fuller = self.rewrite(connection, onto, onto_new).await?;
        let given = self.line(from, count, Side::from(&from.at), Side::stack(onto.key.to_sql()));
        let mut taken = self.line(onto, count, Side::stack(from.key.to_sql()), Side::from(&onto.at));
        // Its level may be the lower one of the two now.
        taken.note = format!("now {}", store::body(&fuller.item)?);
        self.lines.extend([given, taken]);
        Ok((left, fuller))
    }

    /// Gold goes from one purse to another: from the mint it is made, to the mint it is burned.
    ///
    /// # Errors
    /// [`ItemsError::NotEnoughGold`], and [`ItemsError::PurseFull`] for amounts that are not from 1 to [`GOLD_MAX`], too.
    pub(crate) async fn pay(
        &mut self,
        connection: &mut Connection,
        from: Purse,
        to: Purse,
        amount: i64,
    ) -> Result<(), ItemsError> {
        self.pay_for(connection, from, to, amount, "").await
    }

    /// The same, with what it is paid for in words.
    pub(crate) async fn pay_for(
        &mut self,
        connection: &mut Connection,
        from: Purse,
        to: Purse,
        amount: i64,
        what_for: &str,
    ) -> Result<(), ItemsError> {
        if !(1..=GOLD_MAX).contains(&amount) || from == to {
            return Err(ItemsError::PurseFull);
        }
        let realm = &self.items.realm;
        // Looked at before anything is written: whoever goes on after a refusal has half a payment of none.
        if to != Purse::Mint && store::purses::gold(connection, realm, to).await? > GOLD_MAX - amount {
            return Err(ItemsError::PurseFull);
        }
        if !store::purses::take(connection, realm, from, amount).await? {
            let has = store::purses::gold(connection, realm, from).await?;
            return Err(ItemsError::NotEnoughGold { needed: amount, has });
        }
        point(Point::WithinPayment);
        if !store::purses::give(connection, realm, to, amount).await? {
            let problem = "a purse with room for a payment did not take it".to_owned();
            return Err(crate::storage::StorageError::Statement(problem).into());
        }
        self.lines.push(Draft {
            goods: GOLD.to_owned(),
            item: 0,
            amount,
            from: purse_side(from),
            to: purse_side(to),
            note: what_for.to_owned(),
            birth: None,
        });
        Ok(())
    }

    /// Notes something with the last line.
    pub(in crate::items) fn note(&mut self, note: &str) {
        if let Some(line) = self.lines.last_mut() {
            note.clone_into(&mut line.note);
        }
    }

    /// Notes which birth the last line is: what is found once is never found again.
    pub(in crate::items) fn born(&mut self, birth: &Certificate) {
        if let Some(line) = self.lines.last_mut() {
            line.birth = Some((birth.game, birth.tick, birth.ordinal));
        }
    }

    /// Writes the lines; last of all, in the same transaction.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn finish(self, connection: &mut Connection) -> Result<(), ItemsError> {
        let Self { items, key, act, actor, now_ms, note, mut lines, .. } = self;
        for line in lines.iter_mut().filter(|line| line.note.is_empty()) {
            line.note.clone_from(&note);
        }
        let head = ledger::Heading { at_ms: now_ms, realm: &items.realm, operation: key.to_sql(), act, actor: &actor };
        if lines.is_empty() {
            return Ok(());
        }
        point(Point::BeforeLedger);
        ledger::append(connection, &head, lines).await?;
        point(Point::AfterLedger);
        Ok(())
    }

    fn check_lock(&self, item: ItemId) -> Result<(), ItemsError> {
        self.items.locks.check(item, &self.own_locks)
    }

    fn size_of(&self, item: &Item) -> Result<Size, ItemsError> {
        Ok(self.items.catalogue().base_of(item)?.size)
    }

    fn line(&self, owned: &Owned, amount: u32, from: Side, to: Side) -> Draft {
        Draft {
            goods: owned.item.base.clone(),
            item: owned.key.to_sql(),
            amount: amount.into(),
            from,
            to,
            note: String::new(),
            birth: None,
        }
    }
}

fn purse_side(purse: Purse) -> Side {
    let (place, holder) = purse.row();
    Side { place: format!("purse:{place}"), holder, cell: String::new() }
}
