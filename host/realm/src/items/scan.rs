//! The scanner over the live database: items that are twice, births that are two, places that hold two, what lies over something else, what cannot have
//! come about, and totals that are not those of the ledger.

use std::collections::{BTreeMap, HashMap};

use realm_world::{
    Content,
    items::{Certificate, Finding, Grid, Place as Position, Record, Report, Scanner, ScannerFull},
};

use super::{Owned, Place, Spot, store};
use crate::storage::{Connection, StorageError};

/// Rows that are read at once.
const ROWS_PER_READ: i64 = 2_000;
/// Items that cannot be or lie wrongly, which are told one by one; more are counted.
const ODD_MAX: usize = 1_000;

/// An item that is not as the rules have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odd {
    /// Its key.
    pub item: u64,
    /// What is wrong with it.
    pub what: String,
}

/// What a scan found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scan {
    /// What is twice or does not add up.
    pub report: Report,
    /// What cannot be, or lies over something else.
    pub odd: Vec<Odd>,
    /// How many more of those there are.
    pub odd_more: u64,
    /// The bases that findings name by their numbers.
    pub goods: Vec<String>,
}

impl Scan {
    /// Nothing was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.report.findings.is_empty() && self.report.more == 0 && self.odd.is_empty()
    }

    /// A finding, with the names of goods instead of their numbers.
    #[must_use]
    pub fn words(&self, finding: &Finding) -> String {
        let name = |goods: &u32| {
            usize::try_from(*goods).ok().and_then(|place| self.goods.get(place)).map_or("", String::as_str)
        };
        match finding {
            Finding::KeyTwice { key, times } => format!("item {key} is there {times} times"),
            Finding::CertificateTwice { first, other, .. } => format!("items {first} and {other} have one birth"),
            Finding::PlaceTwice { first, other, .. } => format!("items {first} and {other} are in one place"),
            Finding::CountWrong { key, count } => format!("item {key} is {count} pieces"),
            Finding::TotalDiffers { goods, ledger } => {
                format!("all of \"{}\" together are not the {ledger} that the ledger says", name(goods))
            }
            Finding::TotalNegative { goods } => format!("all of \"{}\" together are fewer than none", name(goods)),
            Finding::TotalOverflow { goods } => {
                format!("all of \"{}\" together are more than can be counted", name(goods))
            }
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There are more items than it was told.
    #[error(transparent)]
    Full(#[from] ScannerFull),
}

/// A stored item with its birth.
#[derive(Debug)]
pub(in crate::items) struct Row {
    pub(in crate::items) owned: Owned,
    pub(in crate::items) pieces: i64,
    pub(in crate::items) birth: Certificate,
    /// The ledger tells of this birth as this item's.
    pub(in crate::items) is_born: bool,
}

/// Numbers of bases, by their keys.
#[derive(Default)]
struct Goods {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
}

impl Goods {
    fn number(&mut self, base: &str) -> u32 {
        if let Some(number) = self.numbers.get(base) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.numbers.insert(base.to_owned(), number);
        self.names.push(base.to_owned());
        number
    }
}

/// Looks through all items of all realms of the database, at most so many.
///
/// # Errors
/// Those of the database, and when there are more.
pub async fn scan(connection: &mut Connection, content: &Content, items_max: usize) -> Result<Scan, ScanError> {
    let (mut scanner, mut goods) = (Scanner::new(items_max), Goods::default());
    let (mut scan, mut boxes, mut after) = (Scan::default(), BTreeMap::new(), i64::MIN);
    loop {
        let mut rows = store::scan::rows(connection, after, i64::MAX, ROWS_PER_READ).await?;
        let Some(last) = rows.last() else { break };
        after = last.owned.key.to_sql();
        // In a database that has lost its constraints there may be more of the last key: all of them, or they would never be seen.
        rows.retain(|row| row.owned.key.to_sql() != after);
        rows.extend(store::scan::rows(connection, after - 1, after, items_max_sql(items_max)).await?);
        for row in &rows {
            scanner.push(&record(row, &mut goods))?;
            let impossible = content.items().check(&row.owned.item).err().map(|problem| problem.to_string());
            let over = lies_over(&mut boxes, &row.owned).then(|| "it lies over something else".to_owned());
            let wrong =
                (i64::from(row.owned.item.count) != row.pieces).then(|| "its pieces are told in two ways".to_owned());
            let copied = (!row.is_born).then(|| "the ledger does not have its birth as its own".to_owned());
            for what in [impossible, over, wrong, copied].into_iter().flatten() {
                if scan.odd.len() < ODD_MAX {
                    scan.odd.push(Odd { item: row.owned.key.raw(), what });
                } else {
                    scan.odd_more += 1;
                }
            }
        }
    }
    for (base, total) in store::scan::totals(connection).await? {
        scanner.expect(goods.number(&base), total);
    }
    scanner.expect_nothing_else();
    scan.report = scanner.finish();
    scan.goods = goods.names;
    Ok(scan)
}

/// As many rows as the scanner was made for, and one.
fn items_max_sql(items_max: usize) -> i64 {
    i64::try_from(items_max).unwrap_or(i64::MAX).saturating_add(1)
}

fn record(row: &Row, goods: &mut Goods) -> Record {
    Record {
        key: row.owned.key.raw(),
        certificate: Some(row.birth.identity()),
        place: Some(position(&row.owned.at)),
        goods: goods.number(&row.owned.item.base),
        count: row.pieces,
    }
}

/// A place in the scanner's numbers.
fn position(place: &Place) -> Position {
    let row = place.row();
    let container = match row.place {
        "worn" => 0,
        "inventory" => 1,
        "stash" => 2,
        "cube" => 3,
        "returned" => 4,
        "ground" => 5,
        "offer" => 6,
        _ => 7,
    };
    let number = if place.spot().is_some_and(|spot| matches!(spot, Spot::In(..))) {
        row.page * 10_000 + row.y * 100 + row.x
    } else {
        row.x
    };
    Position { container, owner: row.holder.unsigned_abs(), position: u32::try_from(number).unwrap_or(u32::MAX) }
}

/// Whether an item lies over another of the same box that came before.
fn lies_over(boxes: &mut BTreeMap<(u64, super::Bag), Grid>, owned: &Owned) -> bool {
    let (Some(character), Some(Spot::In(bag, cell))) = (owned.at.character(), owned.at.spot()) else { return false };
    let Some(size) = bag.size() else { return true };
    boxes.entry((character.raw(), bag)).or_insert_with(|| Grid::new(size)).put(cell, owned.size).is_err()
}
