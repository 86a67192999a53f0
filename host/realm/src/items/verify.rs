//! Whether the ledger is whole, and says what is so: one walk over its lines, then one over the rows.
//!
//! The lines about births and changes carry the whole item in their note: what a row says has to be that, in everything but the number of pieces, which
//! is what the lines make of it.

use std::collections::HashMap;

use realm_world::items::Item;
use sha2::{Digest as _, Sha256};

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
    /// An item was altered past the verbs: it is not what the ledger says that it was made, or has become.
    #[error("item {item} was altered: it is another than line {line} of the ledger says")]
    Altered {
        /// The item.
        item: i64,
        /// The line that says what it is.
        line: i64,
    },
    /// An item has another birth than the one that the ledger tells of it.
    #[error("item {item} was altered: its birth is not the one that the ledger has of it")]
    Birth {
        /// The item.
        item: i64,
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

/// A row of an item, with all that can be compared.
#[derive(Debug)]
pub(in crate::items) struct Told {
    pub(in crate::items) item: i64,
    /// As its columns tell it, and as its body does.
    pub(in crate::items) standings: [Standing; 2],
    /// Quality and level are in its columns, too, and say the same.
    pub(in crate::items) columns_agree: bool,
    pub(in crate::items) body: Item,
    pub(in crate::items) birth: (i64, i64, i64),
}

/// An item as the lines have it.
#[derive(Debug)]
struct Known {
    standing: Standing,
    /// What it is, with the line that says so; `None` when lines without a body have changed more of it than its number.
    made: Option<(Digest, i64)>,
    birth: Option<(i64, i64, i64)>,
}

type Digest = [u8; 32];

/// All that an item is, but how many of it there are.
fn digest(item: &Item) -> Digest {
    let one = Item { count: 1, ..item.clone() };
    Sha256::digest(serde_json::to_vec(&one).unwrap_or_default()).into()
}

/// The item that a note carries: as it was born, or has become.
fn noted(note: &str) -> Option<Item> {
    let body = if note.starts_with('{') { note } else { &note[note.find("now {")? + "now ".len()..] };
    serde_json::from_str(body).ok()
}

/// What lines make of items and purses.
#[derive(Debug, Default)]
struct Books {
    items: HashMap<i64, Known>,
    purses: HashMap<String, i64>,
}

impl Books {
    fn take(&mut self, line: &LedgerLine) -> Result<(), LedgerBroken> {
        if line.goods == GOLD && line.item == 0 {
            *self.purses.entry(purse(&line.from.place, line.from.holder, &line.realm)).or_default() -= line.amount;
            *self.purses.entry(purse(&line.to.place, line.to.holder, &line.realm)).or_default() += line.amount;
            return Ok(());
        }
        let known = self.items.entry(line.item).or_insert_with(|| Known {
            standing: Standing { goods: line.goods.clone(), pieces: 0, at: line.to.clone() },
            made: None,
            birth: line.birth,
        });
        let standing = &mut known.standing;
        if line.from.is_real() {
            standing.pieces -= line.amount;
        }
        if line.to.is_real() {
            standing.pieces += line.amount;
            standing.at.clone_from(&line.to);
        }
        match standing.pieces {
            ..0 => return Err(LedgerBroken::Overdrawn { line: line.number, item: line.item }),
            0 => {
                self.items.remove(&line.item);
            }
            _ if line.to.place == Side::STACK => {}
            _ => match noted(&line.note) {
                Some(item) => known.made = Some((digest(&item), line.number)),
                // What was laid onto it may have made it worse.
                None if line.from.place == Side::STACK => known.made = None,
                None => {}
            },
        }
        Ok(())
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
    mut books: HashMap<i64, Known>,
) -> Result<Option<LedgerBroken>, StorageError> {
    let nothing = || "nowhere".to_owned();
    let mut after = i64::MIN;
    loop {
        let rows = store::scan::standings(connection, after, ROWS_PER_READ).await?;
        let Some(last) = rows.last() else { break };
        after = last.item;
        for told in rows {
            let (item, known) = (told.item, books.remove(&told.item));
            let ledger = known.as_ref().map(|known| &known.standing);
            if let Some(row) = told.standings.iter().find(|row| ledger != Some(*row)) {
                let ledger = ledger.map_or_else(nothing, Standing::words);
                return Ok(Some(LedgerBroken::Item { item, row: row.words(), ledger }));
            }
            let Some(Known { made, birth, .. }) = known else { continue };
            if birth.is_some_and(|birth| birth != told.birth) {
                return Ok(Some(LedgerBroken::Birth { item }));
            }
            if let Some((made, line)) = made
                && !(told.columns_agree && made == digest(&told.body))
            {
                return Ok(Some(LedgerBroken::Altered { item, line }));
            }
        }
    }
    let first = books.into_iter().min_by_key(|(item, _)| *item);
    Ok(first.map(|(item, known)| LedgerBroken::Item { item, row: nothing(), ledger: known.standing.words() }))
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
