//! Whether the ledger is whole, and says what is so: one walk over its lines, then one over the rows.

use std::collections::HashMap;

use super::{LedgerLine, Side, operation::GOLD, store};
use crate::{
    audit::{Broken, Sound, Walk},
    storage::{Connection, StorageError},
};

/// Lines and rows that are read at once.
const ROWS_PER_READ: i64 = 1_000;

/// Where the ledger is broken first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerBroken {
    /// A line is not as it was written, or is missing.
    #[error("{0}")]
    Chain(#[from] Broken),
    /// More pieces of an item left than there were.
    #[error("line {line} takes more of item {item} than there were")]
    Overdrawn {
        /// The line.
        line: i64,
        /// The item.
        item: i64,
    },
    /// An item is not what the ledger says.
    #[error("item {item} is {row}; by the ledger it is {ledger}")]
    Item {
        /// The item.
        item: i64,
        /// What the row says.
        row: String,
        /// What the ledger says.
        ledger: String,
    },
    /// A purse does not hold what the ledger says.
    #[error("the purse {purse} holds {row} gold; by the ledger it is {ledger}")]
    Purse {
        /// Which.
        purse: String,
        /// What the row says.
        row: i64,
        /// What the ledger says.
        ledger: i64,
    },
    /// The purses together are not 0.
    #[error("all purses together hold {0} gold; with the mint it has to be 0")]
    Sum(i64),
}

/// A row of an item, as far as the ledger speaks of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::items) struct Standing {
    pub(in crate::items) goods: String,
    pub(in crate::items) pieces: i64,
    pub(in crate::items) at: Side,
}

impl Standing {
    fn words(&self) -> String {
        format!("{} {} in {}", self.pieces, self.goods, self.at)
    }
}

/// What lines make of items and purses.
#[derive(Debug, Default)]
struct Books {
    items: HashMap<i64, Standing>,
    purses: HashMap<String, i64>,
}

impl Books {
    fn take(&mut self, line: &LedgerLine) -> Result<(), LedgerBroken> {
        if line.goods == GOLD && line.item == 0 {
            *self.purses.entry(purse(&line.from.place, line.from.holder, &line.realm)).or_default() -= line.amount;
            *self.purses.entry(purse(&line.to.place, line.to.holder, &line.realm)).or_default() += line.amount;
            return Ok(());
        }
        let standing = self.items.entry(line.item).or_insert_with(|| Standing {
            goods: line.goods.clone(),
            pieces: 0,
            at: line.to.clone(),
        });
        if line.from.is_real() {
            standing.pieces -= line.amount;
        }
        if line.to.is_real() {
            standing.pieces += line.amount;
            standing.at.clone_from(&line.to);
        }
        match standing.pieces {
            ..0 => Err(LedgerBroken::Overdrawn { line: line.number, item: line.item }),
            0 => {
                self.items.remove(&line.item);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// A purse by its words; of the mints each realm has its own.
fn purse(place: &str, holder: i64, realm: &str) -> String {
    let kind = place.strip_prefix("purse:").unwrap_or(place);
    if kind == "mint" { format!("mint {realm}") } else { format!("{kind} {holder}") }
}

/// Walks over the whole ledger and compares what it comes to with the rows there are. `noted` is an end that was noted down before.
///
/// # Errors
/// Those of the database; that the ledger is broken is an answer.
pub async fn verify(
    connection: &mut Connection,
    noted: Option<&Sound>,
) -> Result<Result<Sound, LedgerBroken>, StorageError> {
    let (mut walk, mut books, mut after) = (Walk::new(noted), Books::default(), i64::MIN);
    loop {
        let lines = store::ledger::following(connection, after, ROWS_PER_READ).await?;
        let Some(last) = lines.last() else { break };
        after = last.number;
        for line in &lines {
            let sound = walk.step(line).map_err(LedgerBroken::from).and_then(|()| books.take(line));
            if let Err(broken) = sound {
                return Ok(Err(broken));
            }
        }
    }
    let sound = match walk.end(store::ledger::head(connection).await?) {
        Ok(sound) => sound,
        Err(broken) => return Ok(Err(broken.into())),
    };
    if let Some(broken) = compare_items(connection, books.items).await? {
        return Ok(Err(broken));
    }
    Ok(compare_purses(connection, books.purses).await?.map_or(Ok(sound), Err))
}

async fn compare_items(
    connection: &mut Connection,
    mut books: HashMap<i64, Standing>,
) -> Result<Option<LedgerBroken>, StorageError> {
    let nothing = || "nowhere".to_owned();
    let mut after = i64::MIN;
    loop {
        let rows = store::scan::standings(connection, after, ROWS_PER_READ).await?;
        let Some((last, _)) = rows.last() else { break };
        after = *last;
        for (item, told) in rows {
            let ledger = books.remove(&item);
            if let Some(row) = told.iter().find(|row| ledger.as_ref() != Some(*row)) {
                let ledger = ledger.map_or_else(nothing, |ledger| ledger.words());
                return Ok(Some(LedgerBroken::Item { item, row: row.words(), ledger }));
            }
        }
    }
    let first = books.into_iter().min_by_key(|(item, _)| *item);
    Ok(first.map(|(item, ledger)| LedgerBroken::Item { item, row: nothing(), ledger: ledger.words() }))
}

async fn compare_purses(
    connection: &mut Connection,
    mut books: HashMap<String, i64>,
) -> Result<Option<LedgerBroken>, StorageError> {
    let mut sum = 0i128;
    for (kind, holder, realm, gold) in store::purses::all(connection).await? {
        let name = purse(&kind, holder, &realm);
        sum += i128::from(gold);
        let ledger = books.remove(&name).unwrap_or_default();
        if ledger != gold {
            return Ok(Some(LedgerBroken::Purse { purse: name, row: gold, ledger }));
        }
    }
    if let Some((purse, ledger)) = books.into_iter().filter(|(_, gold)| *gold != 0).min() {
        return Ok(Some(LedgerBroken::Purse { purse, row: 0, ledger }));
    }
    Ok((sum != 0).then(|| LedgerBroken::Sum(i64::try_from(sum).unwrap_or(i64::MAX))))
}
