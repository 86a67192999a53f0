//! The ledger: every move of an item or of gold, line after line, each chained to the one before it by its hash.
//!
//! A line is written in the transaction of what it tells. It names items, characters and accounts by their keys alone: what is erased of a person
//! is not in it.

use super::{Side, store};
use crate::{
    audit::{Chained, FIRST, hash_of},
    storage::{Connection, StorageError},
    types::faults::{Point, point},
};

/// A birth: the game, the tick, and which of that tick's.
pub(in crate::items) type Birth = (u64, u32, u32);

/// What the lines of one act have in common.
#[derive(Debug)]
pub(in crate::items) struct Heading<'a> {
    pub(in crate::items) at_ms: i64,
    pub(in crate::items) realm: &'a str,
    pub(in crate::items) operation: i64,
    pub(in crate::items) act: &'a str,
    pub(in crate::items) actor: &'a str,
}

/// A line before it has a number.
#[derive(Debug)]
pub(in crate::items) struct Draft {
    pub(in crate::items) goods: String,
    pub(in crate::items) item: i64,
    pub(in crate::items) amount: i64,
    pub(in crate::items) from: Side,
    pub(in crate::items) to: Side,
    pub(in crate::items) note: String,
    pub(in crate::items) birth: Option<Birth>,
}

/// A line of the ledger: so much of one thing went from one place to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerLine {
    /// 1 for the first.
    pub number: i64,
    /// In milliseconds since 1970.
    pub at_ms: i64,
    /// Key of the realm.
    pub realm: String,
    /// Key of the act; its lines have it in common.
    pub operation: i64,
    /// What was done, for example `trade`.
    pub act: String,
    /// `account:` and a key, `operator`, or `realm`.
    pub actor: String,
    /// Key of the item's base, or `gold`.
    pub goods: String,
    /// Key of the item; 0 for gold.
    pub item: i64,
    /// How many.
    pub amount: i64,
    /// Where from.
    pub from: Side,
    /// Where to.
    pub to: Side,
    /// More about it: the item as it was born, has become, or was in the end; what gold was paid for.
    pub note: String,
    /// The birth of which it tells: game, tick, and which of that tick's.
    pub birth: Option<(i64, i64, i64)>,
    /// SHA-256 over the line and the hash of the one before it, in hexadecimal.
    pub hash: String,
}

impl Chained for LedgerLine {
    fn number(&self) -> i64 {
        self.number
    }

    fn hash(&self) -> &str {
        &self.hash
    }

    fn hash_after(&self, before: &str) -> String {
        let birth = self.birth.map(|(game, tick, ordinal)| format!("{game}/{tick}/{ordinal}")).unwrap_or_default();
        let numbers =
            [self.number, self.at_ms, self.operation, self.item, self.amount, self.from.holder, self.to.holder];
        let numbers = numbers.map(|number| number.to_string());
        let texts = [
            &self.realm,
            &self.act,
            &self.actor,
            &self.goods,
            &self.from.place,
            &self.from.cell,
            &self.to.place,
            &self.to.cell,
            &self.note,
            &birth,
        ];
        hash_of([before].into_iter().chain(numbers.iter().map(String::as_str)).chain(texts.map(String::as_str)))
    }
}

/// Writes the lines of one act behind the others.
pub(in crate::items) async fn append(
    connection: &mut Connection,
    heading: &Heading<'_>,
    drafts: Vec<Draft>,
) -> Result<(), StorageError> {
    if drafts.is_empty() {
        return Ok(());
    }
    let (mut number, mut hash) = match store::ledger::head(connection).await? {
        Some(head) => head,
        None if store::ledger::is_empty(connection).await? => (0, FIRST.to_owned()),
        None => {
            let problem = "the note of the ledger's last line is gone (table ledger_head); restore it from a backup";
            return Err(StorageError::Statement(problem.to_owned()));
        }
    };
    let mut lines = Vec::with_capacity(drafts.len());
    for draft in drafts {
        number += 1;
        let signed = |(game, tick, ordinal): Birth| (game.cast_signed(), tick.into(), ordinal.into());
        let mut line = LedgerLine {
            number,
            at_ms: heading.at_ms,
            realm: heading.realm.to_owned(),
            operation: heading.operation,
            act: heading.act.to_owned(),
            actor: heading.actor.to_owned(),
            goods: draft.goods,
            item: draft.item,
            amount: draft.amount,
            from: draft.from,
            to: draft.to,
            note: draft.note,
            birth: draft.birth.map(signed),
            hash: String::new(),
        };
        line.hash = line.hash_after(&hash);
        hash.clone_from(&line.hash);
        lines.push(line);
    }
    store::ledger::append(connection, &lines).await?;
    point(Point::WithinLedger);
    store::ledger::note_head(connection, number, &hash).await
}
